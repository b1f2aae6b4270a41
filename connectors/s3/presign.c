#include "connectors/s3/presign.h"

#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4.h"
#include "connectors/s3/error.h"
#include "connectors/s3/uri.h"
#include "runner/base/mem.h"
#include "runner/io/timer.h"

#include <assert.h>
#include <string.h>

struct s3_presign_operation {
    struct s3_client *client;
    struct s3_presign *presign;
    struct timer turn; /* `done` comes from a turn of its own */
    struct credentials_request credentials;
    bool credentials_wait, cancelled, closing;
    struct buffer url;
    struct error err;
};

static int sign(struct s3_presign_operation *operation, const struct aws_credentials *credentials,
    struct error *err)
{
    const struct s3_presign *presign = operation->presign;
    struct buffer path, query, result;
    struct http_header host = {.name = "Host"};
    struct s3_place *place;
    int failed;

    if (s3_client_place(operation->client, presign->bucket, &place, err))
        return -1;
    buffer_init(&path, 0);
    buffer_init(&query, 0);
    buffer_init(&result, 0);
    buffer_puts(&path, place->endpoint.path);
    s3_uri_append_path(presign->key, &path);
    s3_append_query(presign->query, presign->query_count, &query);
    host.value = place->endpoint.host;
    failed = sigv4_presign(
        &(struct sigv4_request){
            .method = presign->method,
            .path = path.data,
            .query = query.length ? query.data : NULL,
            .headers = &host,
            .header_count = 1,
            .payload = SIGV4_UNSIGNED_PAYLOAD,
            .region = place->endpoint.sign_region,
            .service = place->endpoint.sign_service,
            .time_ms = s3_client_now_ms(operation->client),
        },
        credentials, presign->expires_s, &place->key, &result, err);
    if (!failed)
        buffer_printf(&operation->url, "%s://%s%s?%s", place->endpoint.scheme, place->endpoint.host,
            path.data, result.data);
    buffer_deinit(&path);
    buffer_deinit(&query);
    buffer_deinit(&result);
    return failed;
}

static void on_closed(struct timer *timer)
{
    struct s3_presign_operation *operation = container_of(timer, struct s3_presign_operation, turn);
    struct s3_presign *presign = operation->presign;

    presign->operation = NULL;
    presign->url = operation->err.code ? NULL : operation->url.data;
    presign->done(presign, operation->err.code ? &operation->err : NULL);
    if (operation->url.length)
        explicit_bzero(operation->url.data, operation->url.length);
    buffer_deinit(&operation->url);
    free(operation);
}

static void finish(struct s3_presign_operation *operation)
{
    const struct s3_presign *presign = operation->presign;
    char name[S3_NAME_SIZE];

    if (operation->err.code)
        error_prefix(&operation->err, "presign %s %s", presign->method,
            s3_error_name(presign->bucket, presign->key, name));
    operation->closing = true;
    timer_close(&operation->turn, on_closed);
}

static void use(struct s3_presign_operation *operation, const struct aws_credentials *credentials)
{
    if (operation->cancelled)
        error_set(&operation->err, ERROR_STOPPED, "cancelled");
    else if (!credentials->access_key_id)
        error_set(&operation->err, ERROR_DENIED,
            "without credentials (unsigned) nothing can be signed: name a profile or set "
            "AWS_ACCESS_KEY_ID");
    else
        sign(operation, credentials, &operation->err);
    finish(operation);
}

static void on_credentials(struct credentials_request *request, const struct error *err)
{
    struct s3_presign_operation *operation =
        container_of(request, struct s3_presign_operation, credentials);

    operation->credentials_wait = false;
    if (err) {
        operation->err = *err;
        finish(operation);
    } else {
        use(operation, request->credentials);
        aws_credentials_unref(request->credentials);
    }
}

static void on_turn(struct timer *timer)
{
    struct s3_presign_operation *operation = container_of(timer, struct s3_presign_operation, turn);
    struct credentials_chain *chain = s3_client_chain(operation->client);
    const struct aws_credentials *now = credentials_now(chain);

    if (now || operation->cancelled) {
        static const struct aws_credentials none;

        use(operation, now ? now : &none);
        return;
    }
    operation->credentials_wait = true;
    operation->credentials = (struct credentials_request){.done = on_credentials};
    credentials_start(chain, &operation->credentials);
}

void s3_presign_start(struct s3_client *client, struct s3_presign *presign)
{
    struct s3_presign_operation *operation = mem_new(struct s3_presign_operation);

    assert(presign->method && presign->bucket && presign->key && presign->done);
    operation->client = client;
    operation->presign = presign;
    buffer_init(&operation->url, 0);
    presign->operation = operation;
    presign->url = NULL;
    timer_init(&operation->turn, s3_client_options(client)->loop);
    timer_start(&operation->turn, 0, 0, on_turn);
}

void s3_presign_cancel(struct s3_presign *presign)
{
    struct s3_presign_operation *operation = presign->operation;

    if (!operation || operation->cancelled || operation->closing)
        return;
    operation->cancelled = true;
    if (operation->credentials_wait)
        credentials_cancel(&operation->credentials);
}
