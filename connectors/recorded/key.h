/* What objects are called in a recording, and what of a URL is never in one. */
#ifndef CONNECTORS_RECORDED_KEY_H
#define CONNECTORS_RECORDED_KEY_H

#include "runner/base/json.h"

#include <stdbool.h>

struct buffer;

/* A key as a recording names it: itself; of what is at http:// or https:// without a name and
 * password, without what proves that one may (signatures, tokens, keys), each other value of its
 * query as "~" and 12 digits of its SHA-256. Of what it gave it gives the same again. */
void recorded_key(const char *key, struct buffer *buffer);

/* Whether what has such a name is likely to be secret: "API_TOKEN", "x-amz-signature". */
bool recorded_is_secret(const char *name, size_t length);

/* Appends a text with all that is secret in the http URLs in it replaced by "redacted". */
void recorded_text(const char *text, size_t length, struct buffer *buffer);

/* object["key"], whatever bytes it has, and the way back, which is to be freed; NULL: there is
 * none. */
void recorded_put_key(json_t *object, const char *key);
char *recorded_get_key(const json_t *object);

#endif
