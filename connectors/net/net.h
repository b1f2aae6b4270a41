/* The network module: HTTP, S3 and what else speaks over a network, in sluice_net.so, which alone
 * links libcurl, OpenSSL's TLS and expat. Opened on first use. */
#ifndef CONNECTORS_NET_NET_H
#define CONNECTORS_NET_NET_H

#include "connectors/post.h"
#include "connectors/state.h"
#include "connectors/store.h"
#include "runner/base/error.h"

/* The module's one exported symbol: const void *(void), a const struct net_module. */
#define NET_MODULE_ENTRY "sluice_net"

struct s3_tool; /* connectors/s3/tool.h */

struct net_module {
    const struct store_type *const *stores; /* NULL-terminated */
    const struct state_type *const *states; /* the same */
    const struct s3_tool *s3;               /* S3 by hand */
    const struct post_type *post;
};

/* In the executable. ERROR_NOT_FOUND says how to get the module. */
int net_load(const struct net_module **ret_module, struct error *err);

#endif
