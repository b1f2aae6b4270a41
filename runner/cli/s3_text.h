/* Objects of S3 in words and in JSON. Pure. */
#ifndef RUNNER_CLI_S3_TEXT_H
#define RUNNER_CLI_S3_TEXT_H

#include "connectors/s3/tool.h"
#include "runner/base/buffer.h"
#include "runner/base/json.h"

/* s3://BUCKET/KEY, or (bucket NULL) the path; printable. */
void s3_text_append_name(struct buffer *text, const char *bucket, const char *name);

/* "upload: a.csv to s3://b/a.csv" */
void s3_text_append_item(struct buffer *text, const struct s3_transfer_item *item);

/* The keys of cp, mv, rm and sync. `err` NULL: it went well. New reference. */
json_t *s3_text_item_json(const struct s3_transfer_item *item, const struct error *err);

/* "s3://bucket/key" as it is, or the path: the value of a key. New reference. */
json_t *s3_text_name_json(const char *bucket, const char *name);

/* Without the quotes that HTTP has around it. */
json_t *s3_text_etag_json(const char *etag);

#endif
