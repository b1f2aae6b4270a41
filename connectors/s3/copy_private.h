/* The inside of a copy: copy.c is the flow, copy_describe.c what goes along with the bytes. */
#ifndef CONNECTORS_S3_COPY_PRIVATE_H
#define CONNECTORS_S3_COPY_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/copy.h"
#include "connectors/s3/multipart.h"
#include "runner/base/arena.h"
#include "runner/io/timer.h"

enum copy_state {
    COPY_STARTING,
    COPY_LOOKING, /* at the source: how large, which version, what metadata */
    COPY_TAGS,    /* of the source */
    COPY_SINGLE,
    COPY_MULTIPART,
    COPY_CLOSING,
};

struct s3_copy_operation {
    struct s3_client *client;
    struct s3_copy *copy;
    enum copy_state state;
    struct timer turn; /* the first step is a turn of its own, as is `done` */
    struct error err;
    bool cancelled, closing;
    struct arena arena;
    uint64_t part_bytes, single_bytes, size;
    unsigned parallel;
    const char *source;              /* x-amz-copy-source */
    const char *source_etag;         /* that all parts have to be of */
    struct s3_object_options object; /* what the copy will have */
    struct s3_headers headers;

    struct s3_call call;
    struct s3_query query[2];
    struct http_header call_headers[2];
    bool call_busy;
    struct error call_err;

    struct s3_multipart multipart;
    bool multipart_busy;
};

/* "bucket/key?versionId=…", encoded. */
const char *s3_copy_source(const struct s3_copy *copy, struct arena *arena);

/* What the options say of the copy, without what comes from the source. */
void s3_copy_describe(struct s3_copy_operation *operation);

/* Adds what the answer to HEAD, or to GetObjectTagging, says of the source. */
int s3_copy_take_head(struct s3_copy_operation *operation, struct error *err);
int s3_copy_take_tags(struct s3_copy_operation *operation, struct error *err);

#endif
