/* Objects in S3 as a store (connectors/store.h): the tables' files below s3://bucket/prefix, which
 * is the root, and any s3://bucket/key. One client for all that the store does.
 *
 * A key is relative to the root or an s3:// URL, byte for byte (uri.h), and comes back from LIST in
 * the form that it was asked for in. LIST of a plain key is a HEAD: it needs no right to list. What
 * ends in "/" is no file but somebody's picture of a folder: it is left out.
 *
 * A version is the ETag, without its quotes; size and time where a store has none. It is not the
 * version's id: listings do not tell it, and an object that was written again as it was is not new.
 *
 * GET reads that version or none (If-Match). PUT without `replace` is If-None-Match: on stores that
 * ignore that header it replaces (connectors/s3/README.md names some). SWEEP aborts unfinished
 * uploads of the keys: whoever asks for it must be the only one that writes them. */
#ifndef CONNECTORS_S3_S3_STORE_H
#define CONNECTORS_S3_S3_STORE_H

#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "connectors/store.h"

/* store_options.settings. Texts need to live only while `open` runs. */
struct s3_store_settings {
    struct s3_client_options client;  /* loop, log and lane are the store's */
    struct s3_object_options objects; /* of all that is written */
};

extern const struct store_type s3_store_type;

#endif
