#include "connectors/s3/bucket.h"

#include "connectors/s3/multipart.h"
#include "runner/base/arena.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <string.h>

struct s3_bucket_operation {
    struct s3_client *client;
    struct s3_bucket_request *request;
    struct s3_call call;
    struct s3_query query;
    char *document; /* of CREATE; NULL: none is needed */
};

static bool is_fine(const struct s3_bucket_operation *operation, const struct error *err)
{
    const char *code = operation->call.error.code;

    switch (operation->request->verb) {
    case S3_BUCKET_CREATE: /* a first try may have made it, too */
        return text_equal(code, "BucketAlreadyOwnedByYou") ||
               (operation->call.lost && err->code == ERROR_EXISTS);
    case S3_BUCKET_DELETE:
        return operation->call.lost && err->code == ERROR_NOT_FOUND;
    case S3_UPLOAD_ABORT:
        return err->code == ERROR_NOT_FOUND && !text_equal(code, "NoSuchBucket");
    case S3_BUCKET_LOOK:
        break;
    }
    return false;
}

static void on_call(struct s3_call *call, const struct error *err)
{
    struct s3_bucket_operation *operation = container_of(call, struct s3_bucket_operation, call);
    struct s3_bucket_request *request = operation->request;

    if (err && is_fine(operation, err))
        err = NULL;
    request->found_region = s3_call_header(call, "x-amz-bucket-region");
    request->operation = NULL;
    request->done(request, err);
    free(operation->document);
    free(operation);
}

/* us-east-1 is what has no name, and stores of one's own have no regions to choose from. */
static void write_document(struct s3_bucket_operation *operation)
{
    const struct s3_bucket_request *request = operation->request;
    const char *region =
        request->region ? request->region : s3_client_options(operation->client)->region;

    if (strcmp(region, "us-east-1") == 0)
        return;
    operation->document =
        mem_printf("<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                   "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
            region);
    operation->call.body = (struct http_body){.kind = HTTP_BODY_MEMORY,
        .bytes = operation->document,
        .length = (int64_t)strlen(operation->document)};
}

void s3_bucket_start(struct s3_client *client, struct s3_bucket_request *request)
{
    struct s3_bucket_operation *operation = mem_new(struct s3_bucket_operation);

    assert(request->bucket && request->done);
    operation->client = client;
    operation->request = request;
    request->operation = operation;
    request->found_region = NULL;
    operation->call = (struct s3_call){.bucket = request->bucket, .done = on_call};
    switch (request->verb) {
    case S3_BUCKET_CREATE:
        operation->call.method = "PUT";
        if (request->region)
            s3_client_learn_region(client, request->bucket, request->region);
        write_document(operation);
        break;
    case S3_BUCKET_DELETE:
        operation->call.method = "DELETE";
        break;
    case S3_BUCKET_LOOK:
        operation->call.method = "HEAD";
        break;
    case S3_UPLOAD_ABORT:
        assert(request->key && request->upload_id);
        operation->call.method = "DELETE";
        operation->call.key = request->key;
        operation->query = (struct s3_query){"uploadId", request->upload_id};
        operation->call.query = &operation->query;
        operation->call.query_count = 1;
        break;
    }
    s3_call_start(client, &operation->call);
}

void s3_bucket_cancel(struct s3_bucket_request *request)
{
    if (request->operation)
        s3_call_cancel(&request->operation->call);
}
