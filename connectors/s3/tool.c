#include "connectors/s3/tool.h"

static void start(struct s3_client *client, struct s3_job *job)
{
    switch (job->verb) {
    case S3_LIST:
        s3_list_start(client, &job->list);
        break;
    case S3_GET:
        s3_get_start(client, &job->get);
        break;
    case S3_PUT:
        s3_put_start(client, &job->put);
        break;
    case S3_PRESIGN:
        s3_presign_start(client, &job->presign);
        break;
    case S3_BUCKET:
        s3_bucket_start(client, &job->bucket);
        break;
    case S3_TRANSFER:
        s3_transfer_start(client, &job->transfer);
        break;
    case S3_IDENTITY:
        s3_identity_start(client, &job->identity);
        break;
    }
}

static void cancel(struct s3_job *job)
{
    switch (job->verb) {
    case S3_LIST:
        s3_list_cancel(&job->list);
        break;
    case S3_GET:
        s3_get_cancel(&job->get);
        break;
    case S3_PUT:
        s3_put_cancel(&job->put);
        break;
    case S3_PRESIGN:
        s3_presign_cancel(&job->presign);
        break;
    case S3_BUCKET:
        s3_bucket_cancel(&job->bucket);
        break;
    case S3_TRANSFER:
        s3_transfer_cancel(&job->transfer);
        break;
    case S3_IDENTITY:
        s3_identity_cancel(&job->identity);
        break;
    }
}

static void resume(struct s3_job *job)
{
    if (job->verb == S3_LIST)
        s3_list_resume(&job->list);
    if (job->verb == S3_GET)
        s3_get_resume(&job->get);
    if (job->verb == S3_PUT)
        s3_put_resume(&job->put);
}

static void totals(struct s3_job *job, struct s3_transfer_totals *ret_totals)
{
    *ret_totals = (struct s3_transfer_totals){.planned = 1};
    if (job->verb == S3_TRANSFER) {
        s3_transfer_totals(&job->transfer, ret_totals);
    } else if (job->verb == S3_PUT) {
        s3_put_refresh(&job->put);
        ret_totals->bytes_done = atomic_load(&job->put.bytes_done);
        ret_totals->bytes_planned = atomic_load(&job->put.bytes_total);
    } else if (job->verb == S3_GET) {
        ret_totals->bytes_done = atomic_load(&job->get.bytes_done);
        ret_totals->bytes_planned = atomic_load(&job->get.bytes_total);
    }
}

const struct s3_tool s3_tool = {
    .open = s3_client_new,
    .close = s3_client_free,
    .parse = s3_uri_parse,
    .start = start,
    .cancel = cancel,
    .resume = resume,
    .totals = totals,
};
