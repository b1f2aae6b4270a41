/* What is made of an answer: good, worth the same again at once with what it taught, or an error.
 */
#include "connectors/s3/call_private.h"

#include "connectors/aws/xml.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_TOLERANCE_MS = 4 * MS_PER_MINUTE }; /* S3's own is 15 minutes */

static const char *header(const struct s3_exchange *x, const char *name)
{
    return http_response_header(&x->request, name);
}

static void keep_headers(struct s3_exchange *x)
{
    struct http_header one;
    size_t count = 0;

    while (http_response_header_at(&x->request, count, &one))
        count++;
    x->answer_headers = arena_array(&x->arena, count, sizeof(*x->answer_headers));
    x->answer_header_count = count;
    for (size_t i = 0; i < count; i++) {
        http_response_header_at(&x->request, i, &one);
        x->answer_headers[i].name = arena_strdup(&x->arena, one.name);
        x->answer_headers[i].value = arena_strdup(&x->arena, one.value);
    }
}

/* --- what it says --- */

static const char *copy_header(struct s3_exchange *x, const char *name)
{
    const char *value = header(x, name);

    return value && value[0] ? arena_strdup(&x->arena, value) : NULL;
}

/* A store that quotes our own request must not put a secret into a log. */
static bool tells_secret(const struct s3_exchange *x, const char *text)
{
    const struct aws_credentials *credentials = x->credentials;
    const char *authorization = exchange_request_header(x, "Authorization");
    const char *signature = authorization ? strstr(authorization, "Signature=") : NULL;

    return (credentials->secret_access_key && credentials->secret_access_key[0] &&
               strstr(text, credentials->secret_access_key)) ||
           (credentials->session_token && credentials->session_token[0] &&
               strstr(text, credentials->session_token)) ||
           (signature && strstr(text, signature + strlen("Signature="))) ||
           strstr(text, "X-Amz-Signature");
}

/* "bucket.s3.eu-west-1.amazonaws.com": the label in front of AWS's own domain. */
static const char *region_in_host(struct arena *arena, const char *host)
{
    const char *domain = strstr(host, ".amazonaws.com");
    const char *label = domain;

    if (!domain)
        return NULL;
    while (label > host && label[-1] != '.' && label[-1] != '/')
        label--;
    if (strncmp(label, "s3-", 3) == 0)
        label += 3; /* the old form: s3-eu-west-1 */
    if ((size_t)(domain - label) == 2 && strncmp(label, "s3", 2) == 0)
        return "us-east-1";
    return arena_strndup(arena, label, (size_t)(domain - label));
}

static void read_error(struct s3_exchange *x, const struct buffer *body)
{
    struct s3_error *error = &x->call->error;
    const char *location = header(x, "Location");

    *error = (struct s3_error){
        .status = x->request.status,
        .code = copy_header(x, "x-amz-error-code"), /* HEAD has no body */
        .message = copy_header(x, "x-amz-error-message"),
        .request_id = copy_header(x, "x-amz-request-id"),
        .host_id = copy_header(x, "x-amz-id-2"),
        .region = copy_header(x, "x-amz-bucket-region"),
    };
    if (body->length)
        s3_error_parse(body->data, body->length, &x->arena, error);
    if (!error->region && error->endpoint)
        error->region = region_in_host(&x->arena, error->endpoint);
    if (!error->region && location)
        error->region = region_in_host(&x->arena, location);
    if (error->message && tells_secret(x, error->message))
        error->message = "the store's message is left out: it quotes the signed request";
}

/* --- what can be done --- */

static bool server_time(const struct s3_exchange *x, int64_t *ret_time_ms)
{
    const char *date = header(x, "Date");

    return date && time_parse_http(date, ret_time_ms, NULL) == 0;
}

static bool clock_is_off(const struct s3_exchange *x)
{
    int64_t server_ms;

    return server_time(x, &server_ms) && llabs(server_ms - x->signed_ms) > CLOCK_TOLERANCE_MS;
}

static bool correct_region(struct s3_exchange *x)
{
    const char *region = x->call->error.region;

    /* Another call may have learnt it while this one was under way: then it is known by now. */
    return region && strcmp(region, x->region) != 0 &&
           s3_client_learn_region(x->client, x->call->bucket, region);
}

static bool correct_clock(struct s3_exchange *x)
{
    int64_t server_ms;

    if (!server_time(x, &server_ms))
        return false;
    s3_client_learn_time(x->client, server_ms);
    return true;
}

static bool correct_credentials(struct s3_exchange *x)
{
    if (!x->credentials->access_key_id)
        return false;
    credentials_expired(s3_client_chain(x->client), x->credentials);
    return true;
}

/* Whether it is worth the same again at once; each reason counts once. */
static bool correct(struct s3_exchange *x)
{
    struct exchange_corrections *done = &x->corrections;
    enum s3_remedy remedy = s3_error_remedy(&x->call->error);
    bool *once = NULL;
    bool corrected = false;

    if (x->call->error.status == 403 && !x->call->error.code && clock_is_off(x))
        remedy = S3_REMEDY_CLOCK; /* HEAD: the status is all that it says */
    switch (remedy) {
    case S3_REMEDY_REGION:
        once = &done->region;
        corrected = !*once && correct_region(x);
        break;
    case S3_REMEDY_CLOCK:
        once = &done->clock;
        corrected = !*once && correct_clock(x);
        break;
    case S3_REMEDY_CREDENTIALS:
        once = &done->credentials;
        corrected = !*once && correct_credentials(x);
        break;
    case S3_REMEDY_NO_CHECKSUMS:
        once = &done->no_checksums;
        /* Another call may have learnt it while this one was under way. */
        corrected =
            !*once && x->checksums_sent &&
            (s3_client_checksums_unproven(x->client) || !s3_client_sends_checksums(x->client));
        break;
    case S3_REMEDY_NONE:
    case S3_REMEDY_RETRY:
        return false;
    }
    if (corrected)
        *once = true;
    return corrected;
}

/* Seconds, or a date: how long the store asks us to wait, no longer than we ever do. */
static int64_t retry_after_ms(const struct s3_exchange *x)
{
    const int64_t longest_ms = x->retry.policy.max_backoff_ms;
    const char *text = header(x, "Retry-After");
    int64_t wait_ms = 0, until_ms;
    char *end;

    if (!text)
        return 0;
    errno = 0;
    wait_ms = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        wait_ms = time_parse_http(text, &until_ms, NULL) ? 0 : until_ms - time_now_ms();
    else
        wait_ms = wait_ms > longest_ms / MS_PER_SECOND ? longest_ms : wait_ms * MS_PER_SECOND;
    return MIN(MAX(wait_ms, 0), longest_ms);
}

/* --- verdicts --- */

static enum verdict judge_error(
    struct s3_exchange *x, const struct buffer *body, struct error *ret_err)
{
    const struct s3_call *call = x->call;
    struct s3_error_context context = {
        .method = call->method,
        .bucket = call->bucket,
        .key = call->key,
        .subresource = call->query_count ? call->query[0].name : NULL,
        .access_key_id = x->credentials->access_key_id,
        .region = x->region,
        .if_none_match = exchange_request_header(x, "If-None-Match") != NULL,
    };
    int64_t server_ms;

    read_error(x, body);
    if (correct(x))
        return VERDICT_AGAIN;
    if (server_time(x, &server_ms))
        context.clock_ms = server_ms - time_now_ms();
    s3_error_set(ret_err, &call->error, &context);
    x->retry.wait_min_ms = retry_after_ms(x);
    return VERDICT_BAD;
}

/* A 2xx whose body says how it went. It is sent before the work is done, so it may break off. */
static enum verdict judge_answer(struct s3_exchange *x, struct error *ret_err)
{
    const struct xml_node *root;
    struct arena arena;
    enum verdict verdict = VERDICT_GOOD;

    arena_init(&arena);
    if (xml_parse(x->answer.data, x->answer.length, &arena, &root, ret_err)) {
        if (!x->call->answer_is_xml) {
            error_clear(ret_err);
            goto end;
        }
        error_prefix(ret_err, "the answer cannot be read");
        error_set_class(ret_err, ERROR_TRANSIENT);
        exchange_name_error(x, ret_err);
        verdict = VERDICT_BAD;
    } else if (strcmp(root->name, "Error") == 0) {
        verdict = judge_error(x, &x->answer, ret_err);
    }
end:
    arena_deinit(&arena);
    return verdict;
}

static enum verdict judge(struct s3_exchange *x, const struct error *failure, struct error *ret_err)
{
    const int status = x->request.status;
    enum verdict verdict = VERDICT_GOOD;

    if (failure) {
        *ret_err = *failure;
        exchange_name_error(x, ret_err);
        return VERDICT_BAD;
    }
    if (status < 200 || status >= 300)
        return judge_error(x, &x->trouble, ret_err);
    /* What was written has no document, unless it is an error's; what is read may be anything. */
    if (x->call->answer_is_xml || (x->answer.length && strcmp(x->call->method, "GET") != 0))
        verdict = judge_answer(x, ret_err);
    if (verdict == VERDICT_GOOD && (x->checksum_value_sent || x->corrections.no_checksums))
        s3_client_learn_checksums(x->client, x->checksums_sent);
    return verdict;
}

enum verdict exchange_judge(
    struct s3_exchange *x, const struct error *failure, struct error *ret_err)
{
    struct s3_call *call = x->call;
    enum verdict verdict;

    call->status = x->request.status;
    call->timing = x->request.timing;
    call->lost += x->request.sends > 1 ? x->request.sends - 1 : 0;
    call->bytes_sent += x->request.bytes_sent;
    call->bytes_received += x->request.bytes_received;
    verdict = judge(x, failure, ret_err);
    exchange_log(x, verdict == VERDICT_BAD ? ret_err : NULL);
    keep_headers(x);
    return verdict;
}

/* --- the debug line --- */

static void put_ms(json_t *fields, const char *key, int64_t time_us)
{
    json_put_int(fields, key, (time_us + 500) / 1000);
}

void exchange_log(const struct s3_exchange *x, const struct error *err)
{
    const struct s3_call *call = x->call;
    const struct http_timing *timing = &x->request.timing;
    struct log *log = s3_client_options(x->client)->log;
    json_t *fields;

    if (!log_enabled(log, "s3", LOG_DEBUG))
        return;
    fields = json_object();
    json_put_text(fields, "method", call->method);
    json_put_text(fields, "bucket", call->bucket);
    json_put_text(fields, "key", call->key);
    for (unsigned i = 0; i < call->query_count; i++) {
        if (strcmp(call->query[i].name, "prefix") == 0) /* of a listing */
            json_put_text(fields, "prefix", call->query[i].value);
    }
    json_put_text(fields, "range", exchange_request_header(x, "Range"));
    json_put_text(fields, "region", x->region);
    json_put_int(fields, "status", x->request.status);
    json_put_int(fields, "bytes_sent", (int64_t)x->request.bytes_sent);
    json_put_int(fields, "bytes_received", (int64_t)x->request.bytes_received);
    put_ms(fields, "queued_ms", timing->queued_us);
    put_ms(fields, "connect_ms", timing->connect_us);
    put_ms(fields, "first_byte_ms", timing->first_byte_us);
    put_ms(fields, "total_ms", timing->total_us);
    json_put_text(fields, "request_id", header(x, "x-amz-request-id"));
    json_put_int(fields, "tries", call->tries);
    json_put_text(fields, "code", call->error.code);
    json_put_text(fields, "error", err ? err->message : NULL);
    log_event(log, LOG_DEBUG, "s3.attempt", &(struct log_context){.attempt = call->attempt}, fields,
        "%s: %d", call->method, x->request.status);
}
