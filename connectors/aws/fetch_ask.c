#include "connectors/aws/fetch_ask.h"

#include "connectors/aws/answer.h"
#include "connectors/aws/credentials_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <curl/curl.h>
#include <string.h>

void fetch_keep(struct credentials_fetch *fetch, struct aws_credentials *credentials)
{
    aws_credentials_unref(fetch->credentials);
    fetch->credentials = credentials;
    if (credentials) {
        free((char *)credentials->source);
        credentials->source = mem_strdup(fetch->plan.source);
    }
}

int fetch_keep_token(
    struct credentials_fetch *fetch, const char *text, const char *what, struct error *err)
{
    size_t length = strlen(text);

    while (length && (unsigned char)text[length - 1] <= ' ')
        length--;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f)
            return error_set(
                err, ERROR_DATA, "%s: it has a line end or a character that it may not have", what);
    if (length == 0)
        return error_set(err, ERROR_DATA, "%s: it is empty", what);
    aws_forget(fetch->token);
    fetch->token = mem_strndup(text, length);
    return 0;
}

/* --- what all questions share --- */

static void add_header(struct credentials_fetch *fetch, const char *name, const char *value)
{
    fetch->headers[fetch->header_count++] = (struct http_header){name, value};
}

static void begin(struct credentials_fetch *fetch, const char *method, exchange_judge_fn judge)
{
    static const struct retry_policy policy = {
        .attempts = 3, .backoff_ms = 100, .max_backoff_ms = 1000};

    fetch->header_count = 0;
    if (fetch->body.length)
        explicit_bzero(fetch->body.data, fetch->body.length);
    buffer_clear(&fetch->body);
    buffer_clear(&fetch->url);
    fetch->exchange = (struct exchange){
        .http = fetch->http,
        .loop = fetch->loop,
        .request = {.method = method,
            .headers = fetch->headers,
            .timeouts = {.connect_ms = 5000, .first_byte_ms = 15000, .total_ms = 30000}},
        .policy = policy,
        .judge = judge,
        .done = fetch->exchange.done,
    };
}

static void ask(struct credentials_fetch *fetch)
{
    struct http_request *request = &fetch->exchange.request;

    request->url = fetch->url.data;
    request->header_count = fetch->header_count;
    fetch->exchange_busy = true;
    exchange_start(&fetch->exchange);
}

/* A good answer, or what the server said; 0: it is good. */
static int check_status(const struct exchange *exchange, const char *what, struct error *err)
{
    const int status = exchange->request.status;

    return status / 100 == 2 ? 0 : answer_failure(status, &exchange->answer, what, err);
}

static int keep_answer(struct credentials_fetch *fetch, struct aws_credentials *credentials)
{
    if (!credentials)
        return -1;
    fetch_keep(fetch, credentials);
    return 0;
}

static struct credentials_fetch *fetch_of(struct exchange *exchange)
{
    return container_of(exchange, struct credentials_fetch, exchange);
}

/* --- the instance --- */

/* One hop away: who is there answers at once, and no proxy may see it. */
static void begin_metadata(
    struct credentials_fetch *fetch, const char *method, exchange_judge_fn judge)
{
    begin(fetch, method, judge);
    fetch->exchange.request.timeouts =
        (struct http_timeouts){.connect_ms = 1000, .first_byte_ms = 1000, .total_ms = 3000};
    fetch->exchange.request.no_proxy = true;
    fetch->exchange.timeout_is_final = true;
    buffer_puts(&fetch->url, fetch->plan.url);
}

static int judge_metadata_token(struct exchange *exchange, struct error *err)
{
    struct credentials_fetch *fetch = fetch_of(exchange);

    if (exchange->request.status == 403) {
        error_set(err, ERROR_DENIED,
            "%s: HTTP 403: it is disabled for this instance: allow it, or give credentials",
            fetch->plan.source);
        err->detail = 403;
        return -1;
    }
    if (check_status(exchange, fetch->plan.source, err))
        return -1;
    return fetch_keep_token(fetch, exchange->answer.data, fetch->plan.source, err);
}

void fetch_ask_metadata_token(struct credentials_fetch *fetch)
{
    begin_metadata(fetch, "PUT", judge_metadata_token);
    buffer_puts(&fetch->url, "/latest/api/token");
    add_header(fetch, "X-aws-ec2-metadata-token-ttl-seconds", "21600");
    ask(fetch);
}

/* The role's name is kept where the next question's URL ends. */
static int judge_metadata_role(struct exchange *exchange, struct error *err)
{
    struct credentials_fetch *fetch = fetch_of(exchange);
    const size_t length = strcspn(exchange->answer.data, "\r\n");

    if (exchange->request.status == 404 || (exchange->request.status / 100 == 2 && length == 0)) {
        error_set(err, ERROR_DENIED, "%s: the instance has no role: attach an instance profile",
            fetch->plan.source);
        return -1;
    }
    if (check_status(exchange, fetch->plan.source, err))
        return -1;
    buffer_clear(&fetch->authorization);
    sigv4_encode(exchange->answer.data, length, false, &fetch->authorization);
    return 0;
}

static void begin_metadata_read(struct credentials_fetch *fetch, exchange_judge_fn judge)
{
    begin_metadata(fetch, "GET", judge);
    buffer_puts(&fetch->url, "/latest/meta-data/iam/security-credentials/");
    if (fetch->token)
        add_header(fetch, "X-aws-ec2-metadata-token", fetch->token);
}

void fetch_ask_metadata_role(struct credentials_fetch *fetch)
{
    begin_metadata_read(fetch, judge_metadata_role);
    ask(fetch);
}

static int judge_metadata(struct exchange *exchange, struct error *err)
{
    struct credentials_fetch *fetch = fetch_of(exchange);

    if (check_status(exchange, fetch->plan.source, err))
        return -1;
    return keep_answer(fetch, answer_metadata(&exchange->answer, fetch->plan.source, err));
}

static void ask_metadata(struct credentials_fetch *fetch)
{
    begin_metadata_read(fetch, judge_metadata);
    buffer_puts(&fetch->url, fetch->authorization.data);
    ask(fetch);
}

/* --- the container --- */

static void ask_container(struct credentials_fetch *fetch)
{
    begin(fetch, "GET", judge_metadata);
    fetch->exchange.request.timeouts =
        (struct http_timeouts){.connect_ms = 2000, .first_byte_ms = 5000, .total_ms = 10000};
    fetch->exchange.request.no_proxy = text_starts(fetch->plan.url, "http://");
    buffer_puts(&fetch->url, fetch->plan.url);
    add_header(fetch, "Accept", "application/json");
    if (fetch->token)
        add_header(fetch, "Authorization", fetch->token);
    ask(fetch);
}

/* --- SSO --- */

static int judge_sso(struct exchange *exchange, struct error *err)
{
    struct credentials_fetch *fetch = fetch_of(exchange);
    const struct credentials_plan *plan = &fetch->plan;

    if (exchange->request.status == 401)
        return error_set(err, ERROR_DENIED,
            "%s: HTTP 401: the session has ended: run `aws sso login --profile %s`", plan->source,
            plan->sso_profile);
    if (check_status(exchange, plan->source, err))
        return -1;
    return keep_answer(fetch, answer_sso(&exchange->answer, plan->source, plan->account_id, err));
}

static void ask_sso(struct credentials_fetch *fetch)
{
    begin(fetch, "GET", judge_sso);
    buffer_puts(&fetch->url, fetch->plan.url);
    add_header(fetch, "x-amz-sso_bearer_token", fetch->token);
    ask(fetch);
}

/* --- STS --- */

/* A clock that is wrong makes every signature wrong: the server's Date says by how much. */
static bool clock_is_wrong(struct credentials_fetch *fetch, struct exchange *exchange)
{
    enum { SKEW_MS = 4 * MS_PER_MINUTE };
    const char *date = http_response_header(&exchange->request, "Date");
    const time_t server_s = date ? curl_getdate(date, NULL) : -1;
    const int64_t skew_ms = (int64_t)server_s * MS_PER_SECOND - time_now_ms();
    const int64_t change_ms = skew_ms - fetch->skew_ms;

    if (server_s < 0 || (change_ms > -SKEW_MS && change_ms < SKEW_MS))
        return false;
    fetch->skew_ms = skew_ms;
    return true;
}

static int judge_sts(struct exchange *exchange, struct error *err)
{
    struct credentials_fetch *fetch = fetch_of(exchange);
    const bool role = fetch->state == FETCH_ASSUMING;
    const char *what = role ? "STS" : fetch->plan.source;

    if (check_status(exchange, what, err) == 0)
        return keep_answer(fetch, answer_sts(&exchange->answer, what, err));
    if (role && exchange->request.status / 100 == 4 && clock_is_wrong(fetch, exchange))
        error_set_class(err, ERROR_TRANSIENT);
    return -1;
}

static void add_field(struct buffer *body, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(body, "%s%s=", body->length ? "&" : "", name);
    sigv4_encode(value, strlen(value), false, body);
}

static void begin_sts(
    struct credentials_fetch *fetch, const char *action, const struct plan_role *role)
{
    struct http_request *request = &fetch->exchange.request;
    char name[64];

    begin(fetch, "POST", judge_sts);
    snprintf(name, sizeof(name), "sluice-%lld", (long long)time_now_ms());
    add_field(&fetch->body, "Action", action);
    add_field(&fetch->body, "Version", "2011-06-15");
    add_field(&fetch->body, "RoleArn", role->arn);
    add_field(&fetch->body, "RoleSessionName", role->session_name ? role->session_name : name);
    add_field(&fetch->body, "ExternalId", role->external_id);
    add_field(&fetch->body, "DurationSeconds", role->duration_s);
    buffer_printf(&fetch->url, "%s/", fetch->plan.sts_url);
    add_header(fetch, "Content-Type", "application/x-www-form-urlencoded");
    request->body.kind = HTTP_BODY_MEMORY;
}

static void ask_sts(struct credentials_fetch *fetch)
{
    struct http_body *body = &fetch->exchange.request.body;

    body->bytes = fetch->body.data;
    body->length = (int64_t)fetch->body.length;
    ask(fetch);
}

static void ask_web_identity(struct credentials_fetch *fetch)
{
    begin_sts(fetch, "AssumeRoleWithWebIdentity", &fetch->plan.identity);
    add_field(&fetch->body, "WebIdentityToken", fetch->token);
    ask_sts(fetch);
}

/* As the client writes it into Host: without a port that goes without saying. */
static int host_of(const char *url, char *host, size_t size, struct error *err)
{
    const char *authority = strstr(url, "://") + 3;
    size_t length = strcspn(authority, "/?#");

    if (text_starts(url, "https://") && length > 4 &&
        strncmp(authority + length - 4, ":443", 4) == 0)
        length -= 4;
    else if (text_starts(url, "http://") && length > 3 &&
             strncmp(authority + length - 3, ":80", 3) == 0)
        length -= 3;
    if (length >= size)
        return error_set(err, ERROR_LIMIT, "STS: the name of the host is too long");
    memcpy(host, authority, length);
    host[length] = '\0';
    return 0;
}

/* When it leaves, and again for each try: the time is part of what is signed. */
static int sign(struct http_request *request, struct error *err)
{
    struct credentials_fetch *fetch =
        container_of(request, struct credentials_fetch, exchange.request);
    const struct aws_credentials *credentials = fetch->credentials;
    const char *authority = strstr(fetch->url.data, "://") + 3;
    const int64_t now_ms = time_now_ms() + fetch->skew_ms;
    char hash[SIGV4_HASH_SIZE], host[256];
    const struct http_header headers[] = {
        {"Host", host},
        {"Content-Type", "application/x-www-form-urlencoded"},
        {"X-Amz-Date", sigv4_date(now_ms, fetch->date)},
        {"X-Amz-Security-Token", credentials->session_token},
    };
    const struct sigv4_request to_sign = {
        .method = request->method,
        .path = authority + strcspn(authority, "/"),
        .headers = headers,
        .header_count = ARRAY_LENGTH(headers) - (credentials->session_token ? 0 : 1),
        .payload = hash,
        .region = fetch->plan.sts_region,
        .service = "sts",
        .time_ms = now_ms,
        .normalize_path = true,
        .encode_path_twice = true,
    };

    buffer_clear(&fetch->authorization);
    if (host_of(fetch->url.data, host, sizeof(host), err) ||
        sigv4_hash(fetch->body.data, fetch->body.length, hash, err) ||
        sigv4_authorization(&to_sign, credentials, NULL, &fetch->authorization, err))
        return -1;
    fetch->header_count = 0;
    for (size_t i = 1; i < to_sign.header_count; i++)
        add_header(fetch, headers[i].name, headers[i].value);
    add_header(fetch, "Authorization", fetch->authorization.data);
    request->header_count = fetch->header_count;
    return 0;
}

void fetch_ask_role(struct credentials_fetch *fetch)
{
    begin_sts(fetch, "AssumeRole", &fetch->plan.roles[fetch->role_index]);
    fetch->exchange.request.prepare = sign;
    ask_sts(fetch);
}

void fetch_ask_source(struct credentials_fetch *fetch)
{
    switch (fetch->plan.kind) {
    case PLAN_WEB_IDENTITY:
        ask_web_identity(fetch);
        break;
    case PLAN_SSO:
        ask_sso(fetch);
        break;
    case PLAN_CONTAINER:
        ask_container(fetch);
        break;
    default:
        ask_metadata(fetch);
    }
}
