#include "connectors/s3/call.h"

#include "connectors/s3/call_private.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void exchange_step(struct s3_exchange *x, const struct error *err);

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

/* --- what the request's callbacks do --- */

static int on_prepare(struct http_request *request, struct error *err)
{
    struct s3_exchange *x = container_of(request, struct s3_exchange, request);
    struct s3_call *call = x->call;

    if (call->prepare && call->prepare(call, err))
        return -1;
    if (exchange_sign(x, err))
        return -1;
    call->tries++;
    return 0;
}

static int on_head(struct http_request *request, struct error *err)
{
    struct s3_exchange *x = container_of(request, struct s3_exchange, request);
    struct s3_call *call = x->call;

    call->status = request->status;
    return is_good(call->status) && call->head ? call->head(call, err) : 0;
}

static int on_write(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct s3_exchange *x = container_of(request, struct s3_exchange, request);
    struct s3_call *call = x->call;

    if (!is_good(request->status)) {
        buffer_append(&x->trouble, bytes, length); /* what overflows is not asked for */
        return 0;
    }
    if (call->write)
        return call->write(call, bytes, length, err);
    buffer_append(&x->answer, bytes, length);
    if (x->answer.overflowed)
        return error_set(
            err, ERROR_LIMIT, "the answer has more than %d MiB", S3_ANSWER_BYTES_MAX / 1024 / 1024);
    return 0;
}

static void on_answer(struct http_request *request, const struct error *err)
{
    exchange_step(container_of(request, struct s3_exchange, request), err);
}

static void on_credentials(struct credentials_request *request, const struct error *err)
{
    struct s3_exchange *x = container_of(request, struct s3_exchange, credentials_request);

    x->credentials_wait = false;
    if (!err)
        exchange_take_credentials(x, request->credentials);
    exchange_step(x, err);
}

/* --- what states do on entry --- */

static void enter_state(struct s3_exchange *x, enum exchange_state state)
{
    x->state = state; /* the one place where it changes */
}

static void authenticate(struct s3_exchange *x)
{
    struct credentials_chain *chain = s3_client_chain(x->client);
    const struct aws_credentials *now = credentials_now(chain);

    enter_state(x, EXCHANGE_AUTHENTICATING);
    exchange_take_credentials(x, now ? aws_credentials_ref(now) : NULL);
    if (now) {
        exchange_step(x, NULL);
    } else {
        x->credentials_wait = true;
        x->credentials_request = (struct credentials_request){.done = on_credentials};
        credentials_start(chain, &x->credentials_request);
    }
}

static int send_request(struct s3_exchange *x, struct error *err)
{
    buffer_clear(&x->answer);
    buffer_clear(&x->trouble);
    x->answer.overflowed = x->trouble.overflowed = false;
    arena_deinit(&x->arena);
    x->answer_headers = NULL;
    x->answer_header_count = 0;
    x->call->error = (struct s3_error){0};
    x->call->status = 0;
    x->request = (struct http_request){
        .fresh = x->call->fresh,
        .prepare = on_prepare,
        .head = on_head,
        .write = on_write,
        .done = on_answer,
    };
    if (exchange_address(x, err))
        return -1;
    enter_state(x, EXCHANGE_SENDING);
    http_start(s3_client_http(x->client), &x->request);
    return 0;
}

/* --- the whole flow --- */

static void finish_attempt(struct s3_exchange *x, const struct error *err)
{
    const struct s3_call *call = x->call;
    struct error cancelled;

    enter_state(x, EXCHANGE_WAITING);
    /* A stream that nobody rewinds is spent. */
    if (call->body.kind == HTTP_BODY_STREAM && !call->prepare && x->request.bytes_sent)
        x->retry.policy.attempts = x->retry.attempt;
    if (x->cancelled) {
        error_set(&cancelled, ERROR_STOPPED, "cancelled");
        exchange_name_error(x, &cancelled);
        err = &cancelled;
    }
    retry_finish(&x->retry, err);
}

/* What was waited for has come: credentials, or the end of a request. */
static void exchange_step(struct s3_exchange *x, const struct error *err)
{
    struct error failure = {0};
    enum verdict verdict;

    if (x->cancelled) {
        finish_attempt(x, NULL);
        return;
    }
    switch (x->state) {
    case EXCHANGE_AUTHENTICATING:
        if (!err && send_request(x, &failure) == 0)
            return;
        if (err)
            failure = *err;
        exchange_name_error(x, &failure);
        finish_attempt(x, &failure);
        return;
    case EXCHANGE_SENDING:
        verdict = exchange_judge(x, err, &failure);
        if (verdict == VERDICT_AGAIN)
            authenticate(x);
        else
            finish_attempt(x, verdict == VERDICT_GOOD ? NULL : &failure);
        return;
    case EXCHANGE_WAITING:
    case EXCHANGE_DONE:
        assert(!"nothing was waited for");
    }
}

static void run_attempt(struct retry *retry)
{
    struct s3_exchange *x = container_of(retry, struct s3_exchange, retry);

    x->call->attempt = retry->attempt;
    x->call->lost += retry->attempt > 1 && x->request.sends > 0;
    authenticate(x);
}

/* What will be tried again by hand has been tried again already. */
static void say_tries(struct error *err, unsigned tries)
{
    const size_t length = strlen(err->message);

    snprintf(
        err->message + length, sizeof(err->message) - length, " (given up after %u tries)", tries);
}

static void on_retry_done(struct retry *retry, const struct error *err)
{
    struct s3_exchange *x = container_of(retry, struct s3_exchange, retry);
    struct s3_call *call = x->call;
    struct error outcome = err ? *err : (struct error){0};

    enter_state(x, EXCHANGE_DONE);
    if (err && retry->attempt == 0)
        exchange_name_error(x, &outcome); /* all others have the name */
    if (err && retry->attempt > 1 && outcome.class == ERROR_TRANSIENT)
        say_tries(&outcome, retry->attempt);
    call->exchange = NULL;
    call->answer = x->answer.data;
    call->answer_length = x->answer.length;
    exchange_take_credentials(x, NULL);
    call->done(call, err ? &outcome : NULL);
    /* From here on call and client may be gone, or under way again with another exchange. */
    buffer_deinit(&x->answer);
    buffer_deinit(&x->trouble);
    arena_deinit(&x->arena);
    free(x);
}

/* --- the face --- */

void s3_call_start(struct s3_client *client, struct s3_call *call)
{
    struct s3_exchange *x = mem_new(struct s3_exchange);
    struct retry_policy policy = s3_client_options(client)->retry;

    assert(call->method && call->done && (call->bucket || !call->key));
    assert(!call->answer_is_xml || !call->write);
    assert(call->query_count <= S3_CALL_QUERY_MAX && call->header_count <= S3_CALL_HEADERS_MAX);
    if (call->attempts_max)
        policy.attempts = call->attempts_max;
    x->client = client;
    x->call = call;
    buffer_init(&x->answer, S3_ANSWER_BYTES_MAX);
    buffer_init(&x->trouble, ERROR_BYTES_MAX);
    arena_init(&x->arena);
    call->attempt = call->tries = call->lost = 0;
    call->status = 0;
    call->answer = NULL;
    call->answer_length = 0;
    call->error = (struct s3_error){0};
    call->timing = (struct http_timing){0};
    call->bytes_sent = call->bytes_received = 0;
    call->exchange = x;
    call->answered = x;
    retry_start(
        &x->retry, s3_client_options(client)->loop, &policy, run_attempt, NULL, on_retry_done);
}

void s3_call_cancel(struct s3_call *call)
{
    struct s3_exchange *x = call->exchange;

    if (!x || x->cancelled)
        return;
    x->cancelled = true;
    retry_cancel(&x->retry);
    if (x->credentials_wait)
        credentials_cancel(&x->credentials_request);
    else if (x->state == EXCHANGE_SENDING)
        http_cancel(&x->request);
}

void s3_call_resume(struct s3_call *call)
{
    if (call->exchange && call->exchange->state == EXCHANGE_SENDING)
        http_resume(&call->exchange->request);
}

const char *s3_call_header(const struct s3_call *call, const char *name)
{
    const struct s3_exchange *x = call->answered;

    if (x->state == EXCHANGE_SENDING)
        return http_response_header(&x->request, name);
    for (size_t i = x->answer_header_count; i-- > 0;) {
        if (strcasecmp(x->answer_headers[i].name, name) == 0)
            return x->answer_headers[i].value;
    }
    return NULL;
}

bool s3_call_header_at(const struct s3_call *call, size_t index, struct http_header *ret_header)
{
    const struct s3_exchange *x = call->answered;

    if (x->state == EXCHANGE_SENDING)
        return http_response_header_at(&x->request, index, ret_header);
    if (index >= x->answer_header_count)
        return false;
    *ret_header = x->answer_headers[index];
    return true;
}

void s3_call_progress(const struct s3_call *call, uint64_t *ret_sent, uint64_t *ret_received)
{
    const struct s3_exchange *x = call->exchange;
    const bool sending = x && x->state == EXCHANGE_SENDING;

    *ret_sent = sending ? x->request.bytes_sent : 0;
    *ret_received = sending ? x->request.bytes_received : 0;
}

struct s3_call *s3_call_of(struct http_request *request)
{
    return container_of(request, struct s3_exchange, request)->call;
}
