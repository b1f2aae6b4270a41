/* What S3 answers, as structs: one table of fields for each document, one function that reads them
 * all. Pure. Source: the S3 API reference; tested with conformance/s3-xml.
 *
 * Texts that a document does not have are NULL, numbers and times S3_NONE, flags false. Names come
 * decoded where the document says that it is EncodingType url (ask for it: names may hold what XML
 * cannot). ETags are as they were sent, with their quotes where the store sends them. */
#ifndef CONNECTORS_S3_ANSWERS_H
#define CONNECTORS_S3_ANSWERS_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_NONE = -1 };

enum s3_field_type {
    S3_FIELD_TEXT,   /* const char * */
    S3_FIELD_NAME,   /* the same, decoded where it is encoded */
    S3_FIELD_ECHO,   /* the same, as it is where it cannot be decoded: some stores repeat what they
                        were asked without encoding it */
    S3_FIELD_NUMBER, /* int64_t; the document is ERROR_DATA where it is none, or below 0 */
    S3_FIELD_FLAG,   /* bool */
    S3_FIELD_TIME,   /* int64_t, ms since 1970 */
    S3_FIELD_STRUCT, /* the item's struct, embedded */
    S3_FIELD_LIST,   /* struct s3_items of all the elements of that name */
};

struct s3_document;

struct s3_field {
    const char *name; /* of the element; "": not one within, but the one around the field itself */
    const char *within; /* the element around it, such as "Buckets"; NULL: none */
    enum s3_field_type type;
    size_t offset;
    const struct s3_document *item; /* STRUCT and LIST */
};

struct s3_document {
    const char *name; /* of the element: a root, or an item of a list */
    const struct s3_field *fields;
    size_t field_count;
    size_t size; /* of the struct */
};

/* First member of each list: `items` is an array of the struct that the comment names. */
struct s3_items {
    void *items;
    size_t count;
};

/* Fills the document's struct; all of it lives in `arena`. ERROR_DATA where it is no XML, or
 * another document. Elements that the table does not know are skipped. */
int s3_answer_parse(const struct s3_document *document, const char *bytes, size_t length,
    struct arena *arena, void *ret_answer, struct error *err);

struct s3_owner {
    const char *id, *display_name;
};

struct s3_checksum_values { /* base64 */
    const char *crc32, *crc32c, *crc64nvme, *sha1, *sha256;
    const char *type; /* COMPOSITE, FULL_OBJECT */
};

/* --- ListObjectsV2 and ListObjects --- */

/* An object, or a version of one, or a delete marker, which has no size. */
struct s3_listed {
    const char *key, *etag, *storage_class;
    int64_t size, modified_ms;
    struct s3_owner owner;
    const char *checksum_algorithm, *checksum_type;
    const char *version_id; /* of a version, as `latest` is */
    bool latest;
};

struct s3_prefix {
    const char *prefix;
};

struct s3_list_objects {
    const char *name, *prefix, *delimiter, *encoding_type;
    const char *continuation_token, *next_continuation_token, *start_after;
    const char *marker, *next_marker; /* of version 1 */
    int64_t max_keys, key_count;
    bool truncated;
    struct s3_items contents;        /* struct s3_listed */
    struct s3_items common_prefixes; /* struct s3_prefix */
};

extern const struct s3_document s3_document_list_objects;

/* --- ListObjectVersions --- */

struct s3_list_versions {
    const char *name, *prefix, *delimiter, *encoding_type;
    const char *key_marker, *version_id_marker, *next_key_marker, *next_version_id_marker;
    int64_t max_keys;
    bool truncated;
    struct s3_items versions, delete_markers; /* struct s3_listed */
    struct s3_items common_prefixes;          /* struct s3_prefix */
};

extern const struct s3_document s3_document_list_versions;

/* --- ListBuckets, GetBucketLocation --- */

struct s3_bucket {
    const char *name, *region;
    int64_t created_ms;
};

struct s3_list_buckets {
    struct s3_items buckets; /* struct s3_bucket */
    struct s3_owner owner;
    const char *continuation_token, *prefix;
};

extern const struct s3_document s3_document_list_buckets;

struct s3_location {
    const char *constraint; /* "" is us-east-1, "EU" eu-west-1 */
};

extern const struct s3_document s3_document_location;

/* --- multipart uploads --- */

struct s3_upload {
    const char *key, *upload_id, *storage_class;
    int64_t initiated_ms;
    struct s3_owner owner, initiator;
    const char *checksum_algorithm, *checksum_type;
};

struct s3_list_uploads {
    const char *bucket, *prefix, *delimiter, *encoding_type;
    const char *key_marker, *upload_id_marker, *next_key_marker, *next_upload_id_marker;
    int64_t max_uploads;
    bool truncated;
    struct s3_items uploads;         /* struct s3_upload */
    struct s3_items common_prefixes; /* struct s3_prefix */
};

extern const struct s3_document s3_document_list_uploads;

struct s3_listed_part {
    int64_t number, size, modified_ms;
    const char *etag;
    struct s3_checksum_values checksums;
};

struct s3_list_parts {
    const char *bucket, *key, *upload_id, *storage_class, *encoding_type;
    int64_t part_number_marker, next_part_number_marker, max_parts;
    bool truncated;
    struct s3_items parts; /* struct s3_listed_part */
    struct s3_owner owner, initiator;
    const char *checksum_algorithm, *checksum_type;
};

extern const struct s3_document s3_document_list_parts;

struct s3_create_upload {
    const char *bucket, *key, *upload_id;
};

extern const struct s3_document s3_document_create_upload;

struct s3_complete_upload {
    const char *location, *bucket, *key, *etag;
    struct s3_checksum_values checksums;
};

extern const struct s3_document s3_document_complete_upload;

/* --- CopyObject, UploadPartCopy --- */

struct s3_copied {
    const char *etag;
    int64_t modified_ms;
    struct s3_checksum_values checksums;
};

extern const struct s3_document s3_document_copied_object, s3_document_copied_part;

/* --- DeleteObjects --- */

struct s3_deleted {
    const char *key, *version_id, *delete_marker_version_id;
    bool delete_marker;
};

struct s3_delete_error {
    const char *key, *version_id, *code, *message;
};

struct s3_delete_result {
    struct s3_items deleted; /* struct s3_deleted; none when it was asked to be quiet */
    struct s3_items errors;  /* struct s3_delete_error */
};

extern const struct s3_document s3_document_delete_result;

/* --- GetObjectTagging, GetBucketTagging --- */

struct s3_tag {
    const char *key, *value;
};

struct s3_tagging {
    struct s3_items tags; /* struct s3_tag */
};

extern const struct s3_document s3_document_tagging;

/* --- <Error> --- */

struct s3_error_answer {
    const char *code, *message, *resource, *request_id, *host_id;
    const char *region, *endpoint;
    const char *bucket, *bucket_name, *key;
};

extern const struct s3_document s3_document_error;

#endif
