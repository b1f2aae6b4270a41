/* The tables of answers.h: which element fills which field. */
#include "connectors/s3/answers.h"
#include "runner/base/mem.h"

#define TEXT(object, element, member)                                                              \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_TEXT, .offset = offsetof(object, member)               \
    }
#define NAME(object, element, member)                                                              \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_NAME, .offset = offsetof(object, member)               \
    }
#define ECHO(object, element, member)                                                              \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_ECHO, .offset = offsetof(object, member)               \
    }
#define NUMBER(object, element, member)                                                            \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_NUMBER, .offset = offsetof(object, member)             \
    }
#define FLAG(object, element, member)                                                              \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_FLAG, .offset = offsetof(object, member)               \
    }
#define TIME(object, element, member)                                                              \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_TIME, .offset = offsetof(object, member)               \
    }
#define STRUCT(object, element, member, document)                                                  \
    {                                                                                              \
        .name = (element), .type = S3_FIELD_STRUCT, .offset = offsetof(object, member),            \
        .item = &(document)                                                                        \
    }
#define LIST(object, around, element, member, document)                                            \
    {                                                                                              \
        .name = (element), .within = (around), .type = S3_FIELD_LIST,                              \
        .offset = offsetof(object, member), .item = &(document)                                    \
    }
#define DOCUMENT(root, object, table)                                                              \
    {                                                                                              \
        .name = (root), .fields = (table), .field_count = ARRAY_LENGTH(table),                     \
        .size = sizeof(object)                                                                     \
    }

/* --- what several have --- */

static const struct s3_field owner_fields[] = {
    TEXT(struct s3_owner, "ID", id),
    TEXT(struct s3_owner, "DisplayName", display_name),
};
static const struct s3_document owner = DOCUMENT("Owner", struct s3_owner, owner_fields);

static const struct s3_field prefix_fields[] = {
    NAME(struct s3_prefix, "Prefix", prefix),
};
static const struct s3_document prefix =
    DOCUMENT("CommonPrefixes", struct s3_prefix, prefix_fields);

/* Beside the fields of what they are of. */
static const struct s3_field checksum_fields[] = {
    TEXT(struct s3_checksum_values, "ChecksumCRC32", crc32),
    TEXT(struct s3_checksum_values, "ChecksumCRC32C", crc32c),
    TEXT(struct s3_checksum_values, "ChecksumCRC64NVME", crc64nvme),
    TEXT(struct s3_checksum_values, "ChecksumSHA1", sha1),
    TEXT(struct s3_checksum_values, "ChecksumSHA256", sha256),
    TEXT(struct s3_checksum_values, "ChecksumType", type),
};
static const struct s3_document checksums =
    DOCUMENT("Checksums", struct s3_checksum_values, checksum_fields);

/* --- listings --- */

static const struct s3_field listed_fields[] = {
    NAME(struct s3_listed, "Key", key),
    TEXT(struct s3_listed, "ETag", etag),
    TEXT(struct s3_listed, "StorageClass", storage_class),
    NUMBER(struct s3_listed, "Size", size),
    TIME(struct s3_listed, "LastModified", modified_ms),
    STRUCT(struct s3_listed, "Owner", owner, owner),
    TEXT(struct s3_listed, "ChecksumAlgorithm", checksum_algorithm),
    TEXT(struct s3_listed, "ChecksumType", checksum_type),
};
static const struct s3_document listed = DOCUMENT("Contents", struct s3_listed, listed_fields);

static const struct s3_field list_objects_fields[] = {
    TEXT(struct s3_list_objects, "Name", name),
    ECHO(struct s3_list_objects, "Prefix", prefix),
    ECHO(struct s3_list_objects, "Delimiter", delimiter),
    TEXT(struct s3_list_objects, "EncodingType", encoding_type),
    TEXT(struct s3_list_objects, "ContinuationToken", continuation_token),
    TEXT(struct s3_list_objects, "NextContinuationToken", next_continuation_token),
    ECHO(struct s3_list_objects, "StartAfter", start_after),
    ECHO(struct s3_list_objects, "Marker", marker),
    NAME(struct s3_list_objects, "NextMarker", next_marker),
    NUMBER(struct s3_list_objects, "MaxKeys", max_keys),
    NUMBER(struct s3_list_objects, "KeyCount", key_count),
    FLAG(struct s3_list_objects, "IsTruncated", truncated),
    LIST(struct s3_list_objects, NULL, "Contents", contents, listed),
    LIST(struct s3_list_objects, NULL, "CommonPrefixes", common_prefixes, prefix),
};
const struct s3_document s3_document_list_objects =
    DOCUMENT("ListBucketResult", struct s3_list_objects, list_objects_fields);

static const struct s3_field version_fields[] = {
    NAME(struct s3_listed, "Key", key),
    TEXT(struct s3_listed, "VersionId", version_id),
    TEXT(struct s3_listed, "ETag", etag),
    TEXT(struct s3_listed, "StorageClass", storage_class),
    NUMBER(struct s3_listed, "Size", size),
    TIME(struct s3_listed, "LastModified", modified_ms),
    FLAG(struct s3_listed, "IsLatest", latest),
    STRUCT(struct s3_listed, "Owner", owner, owner),
    TEXT(struct s3_listed, "ChecksumAlgorithm", checksum_algorithm),
    TEXT(struct s3_listed, "ChecksumType", checksum_type),
};
static const struct s3_document version = DOCUMENT("Version", struct s3_listed, version_fields);

static const struct s3_field list_versions_fields[] = {
    TEXT(struct s3_list_versions, "Name", name),
    ECHO(struct s3_list_versions, "Prefix", prefix),
    ECHO(struct s3_list_versions, "Delimiter", delimiter),
    TEXT(struct s3_list_versions, "EncodingType", encoding_type),
    ECHO(struct s3_list_versions, "KeyMarker", key_marker),
    TEXT(struct s3_list_versions, "VersionIdMarker", version_id_marker),
    NAME(struct s3_list_versions, "NextKeyMarker", next_key_marker),
    TEXT(struct s3_list_versions, "NextVersionIdMarker", next_version_id_marker),
    NUMBER(struct s3_list_versions, "MaxKeys", max_keys),
    FLAG(struct s3_list_versions, "IsTruncated", truncated),
    LIST(struct s3_list_versions, NULL, "Version", versions, version),
    LIST(struct s3_list_versions, NULL, "DeleteMarker", delete_markers, version),
    LIST(struct s3_list_versions, NULL, "CommonPrefixes", common_prefixes, prefix),
};
const struct s3_document s3_document_list_versions =
    DOCUMENT("ListVersionsResult", struct s3_list_versions, list_versions_fields);

/* --- buckets --- */

static const struct s3_field bucket_fields[] = {
    TEXT(struct s3_bucket, "Name", name),
    TEXT(struct s3_bucket, "BucketRegion", region),
    TIME(struct s3_bucket, "CreationDate", created_ms),
};
static const struct s3_document bucket = DOCUMENT("Bucket", struct s3_bucket, bucket_fields);

static const struct s3_field list_buckets_fields[] = {
    LIST(struct s3_list_buckets, "Buckets", "Bucket", buckets, bucket),
    STRUCT(struct s3_list_buckets, "Owner", owner, owner),
    TEXT(struct s3_list_buckets, "ContinuationToken", continuation_token),
    TEXT(struct s3_list_buckets, "Prefix", prefix),
};
const struct s3_document s3_document_list_buckets =
    DOCUMENT("ListAllMyBucketsResult", struct s3_list_buckets, list_buckets_fields);

static const struct s3_field location_fields[] = {
    TEXT(struct s3_location, "", constraint),
};
const struct s3_document s3_document_location =
    DOCUMENT("LocationConstraint", struct s3_location, location_fields);

/* --- multipart uploads --- */

static const struct s3_field upload_fields[] = {
    NAME(struct s3_upload, "Key", key),
    TEXT(struct s3_upload, "UploadId", upload_id),
    TEXT(struct s3_upload, "StorageClass", storage_class),
    TIME(struct s3_upload, "Initiated", initiated_ms),
    STRUCT(struct s3_upload, "Owner", owner, owner),
    STRUCT(struct s3_upload, "Initiator", initiator, owner),
    TEXT(struct s3_upload, "ChecksumAlgorithm", checksum_algorithm),
    TEXT(struct s3_upload, "ChecksumType", checksum_type),
};
static const struct s3_document upload = DOCUMENT("Upload", struct s3_upload, upload_fields);

static const struct s3_field list_uploads_fields[] = {
    TEXT(struct s3_list_uploads, "Bucket", bucket),
    ECHO(struct s3_list_uploads, "Prefix", prefix),
    ECHO(struct s3_list_uploads, "Delimiter", delimiter),
    TEXT(struct s3_list_uploads, "EncodingType", encoding_type),
    ECHO(struct s3_list_uploads, "KeyMarker", key_marker),
    TEXT(struct s3_list_uploads, "UploadIdMarker", upload_id_marker),
    NAME(struct s3_list_uploads, "NextKeyMarker", next_key_marker),
    TEXT(struct s3_list_uploads, "NextUploadIdMarker", next_upload_id_marker),
    NUMBER(struct s3_list_uploads, "MaxUploads", max_uploads),
    FLAG(struct s3_list_uploads, "IsTruncated", truncated),
    LIST(struct s3_list_uploads, NULL, "Upload", uploads, upload),
    LIST(struct s3_list_uploads, NULL, "CommonPrefixes", common_prefixes, prefix),
};
const struct s3_document s3_document_list_uploads =
    DOCUMENT("ListMultipartUploadsResult", struct s3_list_uploads, list_uploads_fields);

static const struct s3_field listed_part_fields[] = {
    NUMBER(struct s3_listed_part, "PartNumber", number),
    NUMBER(struct s3_listed_part, "Size", size),
    TIME(struct s3_listed_part, "LastModified", modified_ms),
    TEXT(struct s3_listed_part, "ETag", etag),
    STRUCT(struct s3_listed_part, "", checksums, checksums),
};
static const struct s3_document listed_part =
    DOCUMENT("Part", struct s3_listed_part, listed_part_fields);

static const struct s3_field list_parts_fields[] = {
    TEXT(struct s3_list_parts, "Bucket", bucket),
    NAME(struct s3_list_parts, "Key", key),
    TEXT(struct s3_list_parts, "UploadId", upload_id),
    TEXT(struct s3_list_parts, "StorageClass", storage_class),
    TEXT(struct s3_list_parts, "EncodingType", encoding_type),
    NUMBER(struct s3_list_parts, "PartNumberMarker", part_number_marker),
    NUMBER(struct s3_list_parts, "NextPartNumberMarker", next_part_number_marker),
    NUMBER(struct s3_list_parts, "MaxParts", max_parts),
    FLAG(struct s3_list_parts, "IsTruncated", truncated),
    LIST(struct s3_list_parts, NULL, "Part", parts, listed_part),
    STRUCT(struct s3_list_parts, "Owner", owner, owner),
    STRUCT(struct s3_list_parts, "Initiator", initiator, owner),
    TEXT(struct s3_list_parts, "ChecksumAlgorithm", checksum_algorithm),
    TEXT(struct s3_list_parts, "ChecksumType", checksum_type),
};
const struct s3_document s3_document_list_parts =
    DOCUMENT("ListPartsResult", struct s3_list_parts, list_parts_fields);

static const struct s3_field create_upload_fields[] = {
    TEXT(struct s3_create_upload, "Bucket", bucket),
    NAME(struct s3_create_upload, "Key", key),
    TEXT(struct s3_create_upload, "UploadId", upload_id),
};
const struct s3_document s3_document_create_upload =
    DOCUMENT("InitiateMultipartUploadResult", struct s3_create_upload, create_upload_fields);

static const struct s3_field complete_upload_fields[] = {
    TEXT(struct s3_complete_upload, "Location", location),
    TEXT(struct s3_complete_upload, "Bucket", bucket),
    NAME(struct s3_complete_upload, "Key", key),
    TEXT(struct s3_complete_upload, "ETag", etag),
    STRUCT(struct s3_complete_upload, "", checksums, checksums),
};
const struct s3_document s3_document_complete_upload =
    DOCUMENT("CompleteMultipartUploadResult", struct s3_complete_upload, complete_upload_fields);

/* --- copies: CopyObjectResult and CopyPartResult are the same but for their name --- */

static const struct s3_field copied_fields[] = {
    TEXT(struct s3_copied, "ETag", etag),
    TIME(struct s3_copied, "LastModified", modified_ms),
    STRUCT(struct s3_copied, "", checksums, checksums),
};
const struct s3_document s3_document_copied_object =
    DOCUMENT("CopyObjectResult", struct s3_copied, copied_fields);
const struct s3_document s3_document_copied_part =
    DOCUMENT("CopyPartResult", struct s3_copied, copied_fields);

/* --- DeleteObjects --- */

static const struct s3_field deleted_fields[] = {
    NAME(struct s3_deleted, "Key", key),
    TEXT(struct s3_deleted, "VersionId", version_id),
    TEXT(struct s3_deleted, "DeleteMarkerVersionId", delete_marker_version_id),
    FLAG(struct s3_deleted, "DeleteMarker", delete_marker),
};
static const struct s3_document deleted = DOCUMENT("Deleted", struct s3_deleted, deleted_fields);

static const struct s3_field delete_error_fields[] = {
    NAME(struct s3_delete_error, "Key", key),
    TEXT(struct s3_delete_error, "VersionId", version_id),
    TEXT(struct s3_delete_error, "Code", code),
    TEXT(struct s3_delete_error, "Message", message),
};
static const struct s3_document delete_error =
    DOCUMENT("Error", struct s3_delete_error, delete_error_fields);

static const struct s3_field delete_result_fields[] = {
    LIST(struct s3_delete_result, NULL, "Deleted", deleted, deleted),
    LIST(struct s3_delete_result, NULL, "Error", errors, delete_error),
};
const struct s3_document s3_document_delete_result =
    DOCUMENT("DeleteResult", struct s3_delete_result, delete_result_fields);

/* --- tags --- */

static const struct s3_field tag_fields[] = {
    TEXT(struct s3_tag, "Key", key),
    TEXT(struct s3_tag, "Value", value),
};
static const struct s3_document tag = DOCUMENT("Tag", struct s3_tag, tag_fields);

static const struct s3_field tagging_fields[] = {
    LIST(struct s3_tagging, "TagSet", "Tag", tags, tag),
};
const struct s3_document s3_document_tagging =
    DOCUMENT("Tagging", struct s3_tagging, tagging_fields);

/* --- errors --- */

static const struct s3_field error_fields[] = {
    TEXT(struct s3_error_answer, "Code", code),
    TEXT(struct s3_error_answer, "Message", message),
    TEXT(struct s3_error_answer, "Resource", resource),
    TEXT(struct s3_error_answer, "RequestId", request_id),
    TEXT(struct s3_error_answer, "HostId", host_id),
    TEXT(struct s3_error_answer, "Region", region),
    TEXT(struct s3_error_answer, "Endpoint", endpoint),
    TEXT(struct s3_error_answer, "Bucket", bucket),
    TEXT(struct s3_error_answer, "BucketName", bucket_name),
    TEXT(struct s3_error_answer, "Key", key),
};
const struct s3_document s3_document_error =
    DOCUMENT("Error", struct s3_error_answer, error_fields);
