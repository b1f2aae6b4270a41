#include "connectors/module.h"
#include "connectors/net/net.h"

int net_load(const struct net_module **ret_module, struct error *err)
{
    static const struct module_face face = {
        .file = "sluice_net.so",
        .symbol = NET_MODULE_ENTRY,
        .title = "the network module",
    };
    const void *module;

    if (module_load(&face, &module, err))
        return -1;
    *ret_module = module;
    return 0;
}
