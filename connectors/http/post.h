/* connectors/post.h over runner/io/http. Part of the network module. */
#ifndef CONNECTORS_HTTP_POST_H
#define CONNECTORS_HTTP_POST_H

#include "connectors/post.h"

extern const struct post_type http_post_type;

#endif
