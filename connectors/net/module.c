/* The module's face: what it brings, and the one symbol that the loader looks for. */
#include "connectors/http/http_store.h"
#include "connectors/http/post.h"
#include "connectors/net/net.h"
#include "connectors/s3/s3_store.h"
#include "connectors/s3/tool.h"
#include "connectors/state_s3/state_s3.h"

static const struct store_type *const stores[] = {
    &s3_store_type, &http_store_type, &https_store_type, NULL};
static const struct state_type *const states[] = {&state_s3_type, NULL};
static const struct net_module net_module = {
    .stores = stores, .states = states, .s3 = &s3_tool, .post = &http_post_type};

__attribute__((visibility("default"))) const void *sluice_net(void);

const void *sluice_net(void)
{
    return &net_module;
}
