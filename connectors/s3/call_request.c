/* What goes out: the URL, the headers, the signature. */
#include "connectors/s3/call_private.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/checksum.h"
#include "connectors/s3/uri.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void exchange_take_credentials(struct s3_exchange *x, const struct aws_credentials *credentials)
{
    aws_credentials_unref(x->credentials);
    x->credentials = credentials;
}

void exchange_name_error(const struct s3_exchange *x, struct error *err)
{
    char name[S3_NAME_SIZE];

    error_prefix(err, "%s %s", x->call->method, s3_error_name(x->call->bucket, x->call->key, name));
}

/* --- the URL --- */

void s3_append_query(const struct s3_query *query, size_t count, struct buffer *text)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = query[i].value ? query[i].value : "";

        if (i)
            buffer_putc(text, '&');
        sigv4_encode(query[i].name, strlen(query[i].name), false, text);
        buffer_putc(text, '=');
        sigv4_encode(value, strlen(value), false, text);
    }
}

static void build_url(struct s3_exchange *x, const struct s3_endpoint *endpoint)
{
    const struct s3_call *call = x->call;
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, endpoint->path);
    if (call->key || !endpoint->path[0])
        s3_uri_append_path(call->key, &text);
    x->path = arena_strdup(&x->arena, text.data);
    buffer_clear(&text);
    s3_append_query(call->query, call->query_count, &text);
    x->query_text = text.length ? arena_strdup(&x->arena, text.data) : NULL;
    x->request.url = arena_printf(&x->arena, "%s://%s%s%s%s", endpoint->scheme, endpoint->host,
        x->path, x->query_text ? "?" : "", x->query_text ? x->query_text : "");
    buffer_deinit(&text);
}

static int64_t first_set(int64_t wish_ms, int64_t otherwise_ms)
{
    return wish_ms ? wish_ms : otherwise_ms;
}

static void set_timeouts(struct s3_exchange *x)
{
    const struct http_timeouts *wish = &x->call->timeouts;
    const struct http_timeouts *preset = &s3_client_options(x->client)->timeouts;

    x->request.timeouts = (struct http_timeouts){
        .connect_ms = first_set(wish->connect_ms, preset->connect_ms),
        .first_byte_ms = first_set(wish->first_byte_ms, preset->first_byte_ms),
        .stall_ms = first_set(wish->stall_ms, preset->stall_ms),
        .total_ms = first_set(wish->total_ms, preset->total_ms),
    };
}

/* The place as it is known now; another call may have learnt a better one since. */
static int find_place(struct s3_exchange *x, struct s3_place **ret_place, struct error *err)
{
    if (s3_client_place(x->client, x->call->bucket, ret_place, err))
        return -1;
    snprintf(x->region, sizeof(x->region), "%s", (*ret_place)->endpoint.sign_region);
    return 0;
}

int exchange_address(struct s3_exchange *x, struct error *err)
{
    struct s3_place *place;

    if (x->call->key && !x->call->key[0])
        return error_set(err, ERROR_INVALID, "a key has at least one byte");
    if (find_place(x, &place, err))
        return -1;
    x->request.method = x->call->method;
    build_url(x, &place->endpoint);
    set_timeouts(x);
    return 0;
}

/* --- the headers --- */

static bool is_checksum(const char *name)
{
    return strncasecmp(name, "x-amz-checksum-", 15) == 0
               ? strcasecmp(name, "x-amz-checksum-mode") != 0
               : strncasecmp(name, "x-amz-sdk-checksum-", 19) == 0;
}

static void add_header(struct s3_exchange *x, const char *name, const char *value)
{
    x->headers[x->header_count++] = (struct http_header){name, value};
}

/* A line end in a value (metadata is anybody's) would be a header of its own. */
static int check_header(const struct http_header *header, struct error *err)
{
    if (header->name[strcspn(header->name, "\r\n: ")] ||
        header->value[strcspn(header->value, "\r\n")])
        return error_set(err, ERROR_INVALID, "header %.60s: a line end cannot be sent in a header",
            header->name[strcspn(header->name, "\r\n: ")] ? "name" : header->name);
    return 0;
}

static int add_headers(struct s3_exchange *x, struct error *err)
{
    const struct s3_call *call = x->call;
    const bool with_checksums =
        s3_client_sends_checksums(x->client) && !x->corrections.no_checksums;

    assert(call->header_count <= S3_CALL_HEADERS_MAX);
    x->header_count = 0;
    x->checksums_sent = x->checksum_value_sent = false;
    for (size_t i = 0; i < call->header_count; i++) {
        const struct http_header *header = &call->headers[i];

        if (check_header(header, err))
            return -1;
        if (is_checksum(header->name)) {
            if (!with_checksums)
                continue;
            x->checksums_sent = true;
            x->checksum_value_sent |= s3_checksum_of_header(header->name) != S3_CHECKSUM_NONE;
        }
        add_header(x, header->name, header->value);
    }
    if (s3_client_options(x->client)->requester_pays && call->bucket)
        add_header(x, "x-amz-request-payer", "requester");
    return 0;
}

const char *exchange_request_header(const struct s3_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->header_count; i++) {
        if (strcasecmp(x->headers[i].name, name) == 0)
            return x->headers[i].value;
    }
    return NULL;
}

/* --- the signature --- */

/* TLS protects the body and a checksum comes beside it: hashing once more would cost 0.56 s a GB.
 * Without TLS the hash is all that protects it, but what is not in memory cannot be read twice. */
static int choose_payload(
    struct s3_exchange *x, bool tls, const char **ret_payload, struct error *err)
{
    const struct s3_call *call = x->call;
    char hash[SIGV4_HASH_SIZE];

    if (call->payload) {
        *ret_payload = call->payload;
    } else if (call->body.kind == HTTP_BODY_NONE) {
        *ret_payload = SIGV4_EMPTY_PAYLOAD;
    } else if (tls || call->body.kind != HTTP_BODY_MEMORY) {
        *ret_payload = SIGV4_UNSIGNED_PAYLOAD;
    } else {
        if (sigv4_hash(call->body.bytes, (size_t)call->body.length, hash, err))
            return -1;
        *ret_payload = arena_strdup(&x->arena, hash);
    }
    return 0;
}

static int add_signature(struct s3_exchange *x, struct s3_place *place, struct error *err)
{
    const bool tls = strcmp(place->endpoint.scheme, "https") == 0;
    struct sigv4_request request = {
        .method = x->call->method,
        .path = x->path,
        .query = x->query_text,
        .region = place->endpoint.sign_region,
        .service = place->endpoint.sign_service,
        .time_ms = x->signed_ms,
    };
    char date[SIGV4_DATE_SIZE];
    struct buffer authorization;
    int result;

    if (choose_payload(x, tls, &request.payload, err))
        return -1;
    add_header(x, "X-Amz-Date", arena_strdup(&x->arena, sigv4_date(x->signed_ms, date)));
    add_header(x, "X-Amz-Content-Sha256", request.payload);
    if (x->credentials->session_token)
        add_header(x, "X-Amz-Security-Token", x->credentials->session_token);
    request.headers = x->headers;
    request.header_count = x->header_count;
    buffer_init(&authorization, 0);
    result = sigv4_authorization(&request, x->credentials, &place->key, &authorization, err);
    if (!result)
        add_header(x, "Authorization", arena_strdup(&x->arena, authorization.data));
    buffer_deinit(&authorization);
    return result;
}

int exchange_sign(struct s3_exchange *x, struct error *err)
{
    const struct aws_credentials *now = credentials_now(s3_client_chain(x->client));
    struct s3_place *place;
    char region[sizeof(x->region)];

    /* The wait in the queue may have been long: what is known now counts. */
    if (now)
        exchange_take_credentials(x, aws_credentials_ref(now));
    memcpy(region, x->region, sizeof(region));
    if (find_place(x, &place, err))
        return -1;
    if (strcmp(region, x->region) != 0)
        build_url(x, &place->endpoint);
    if (add_headers(x, err))
        return -1;
    x->signed_ms = s3_client_now_ms(x->client);
    add_header(x, "Host", place->endpoint.host);
    if (x->credentials->access_key_id && add_signature(x, place, err))
        return -1;
    x->request.headers = x->headers;
    x->request.header_count = x->header_count;
    x->request.body = x->call->body;
    return 0;
}
