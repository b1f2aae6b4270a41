/* Each document of connectors/s3/answers.h, for what tries them all. */
#ifndef TESTS_UNIT_S3_DOCUMENTS_H
#define TESTS_UNIT_S3_DOCUMENTS_H

#include "connectors/s3/answers.h"

static const struct s3_document *const documents[] = {
    &s3_document_list_objects,
    &s3_document_list_versions,
    &s3_document_list_buckets,
    &s3_document_location,
    &s3_document_list_uploads,
    &s3_document_list_parts,
    &s3_document_create_upload,
    &s3_document_complete_upload,
    &s3_document_copied_object,
    &s3_document_copied_part,
    &s3_document_delete_result,
    &s3_document_tagging,
    &s3_document_error,
};

#endif
