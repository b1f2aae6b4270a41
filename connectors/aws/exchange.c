#include "connectors/aws/exchange.h"

#include "connectors/aws/answer.h"
#include "runner/base/mem.h"

#include <string.h>

static void wipe(struct exchange *exchange)
{
    explicit_bzero(exchange->answer.data, exchange->answer.length);
    buffer_clear(&exchange->answer);
}

static int on_bytes(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct exchange *exchange = container_of(request, struct exchange, request);

    buffer_append(&exchange->answer, bytes, length);
    if (exchange->answer.overflowed)
        return error_set(err, ERROR_LIMIT, "the answer has more than %d bytes", ANSWER_BYTES_MAX);
    return 0;
}

static void on_answer(struct http_request *request, const struct error *http_err)
{
    struct exchange *exchange = container_of(request, struct exchange, request);
    struct error err = {0};

    if (http_err) {
        err = *http_err;
        if (err.code == ERROR_TIMEOUT && exchange->timeout_is_final)
            error_set_class(&err, ERROR_PERMANENT);
    } else if (exchange->judge(exchange, &err) == 0) {
        error_clear(&err);
    }
    retry_finish(&exchange->retry, err.code ? &err : NULL);
}

static void on_attempt(struct retry *retry)
{
    struct exchange *exchange = container_of(retry, struct exchange, retry);

    wipe(exchange);
    http_start(exchange->http, &exchange->request);
}

static void on_done(struct retry *retry, const struct error *err)
{
    struct exchange *exchange = container_of(retry, struct exchange, retry);
    struct buffer answer = exchange->answer;
    const exchange_done_fn done = exchange->done;

    done(exchange, err); /* may have started it again, or freed it */
    explicit_bzero(answer.data, answer.length);
    buffer_deinit(&answer);
}

void exchange_start(struct exchange *exchange)
{
    buffer_init(&exchange->answer, ANSWER_BYTES_MAX);
    exchange->request.write = on_bytes;
    exchange->request.done = on_answer;
    retry_start(&exchange->retry, exchange->loop, &exchange->policy, on_attempt, NULL, on_done);
}

void exchange_cancel(struct exchange *exchange)
{
    retry_cancel(&exchange->retry);
    http_cancel(&exchange->request);
}
