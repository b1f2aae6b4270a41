#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/http_private.h"

#include <stdio.h>
#include <string.h>

/* --- curl's codes --- */

static const struct failure {
    CURLcode result;
    enum error_code code;
    enum error_class class;
    const char *what;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_IO, ERROR_TRANSIENT, "the host's name is not found"},
    {CURLE_COULDNT_RESOLVE_PROXY, ERROR_IO, ERROR_TRANSIENT, "the proxy's name is not found"},
    {CURLE_COULDNT_CONNECT, ERROR_IO, ERROR_TRANSIENT, "no connection"},
    {CURLE_GOT_NOTHING, ERROR_IO, ERROR_TRANSIENT, "the server hung up without an answer"},
    {CURLE_PARTIAL_FILE, ERROR_IO, ERROR_TRANSIENT, "the answer is shorter than announced"},
    {CURLE_SEND_ERROR, ERROR_IO, ERROR_TRANSIENT, "the connection broke while sending"},
    {CURLE_RECV_ERROR, ERROR_IO, ERROR_TRANSIENT, "the connection broke while receiving"},
    {CURLE_SEND_FAIL_REWIND, ERROR_IO, ERROR_TRANSIENT,
        "the connection broke, and the body, a stream, cannot be sent again"},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED, ERROR_PERMANENT,
        "the server's certificate is not to be trusted (a private CA is named with a CA file)"},
    {CURLE_SSL_ISSUER_ERROR, ERROR_DENIED, ERROR_PERMANENT,
        "the issuer of the server's certificate is not to be trusted"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, ERROR_PERMANENT, "the CA file cannot be used"},
    {CURLE_URL_MALFORMAT, ERROR_INVALID, ERROR_PERMANENT, "the URL cannot be understood"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_IO, ERROR_PERMANENT, "the answer is not HTTP"},
    {CURLE_WEIRD_SERVER_REPLY, ERROR_IO, ERROR_PERMANENT, "the answer is not HTTP as it should be"},
    {CURLE_OUT_OF_MEMORY, ERROR_NO_MEMORY, ERROR_PERMANENT, "out of memory"},
};

/* "The" code 0 where none is known: permanent, for it would be tried in vain. */
static struct failure failure_of(CURLcode result)
{
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        if (failures[i].result == result)
            return failures[i];
    }
    return (struct failure){result, ERROR_IO, ERROR_PERMANENT, curl_easy_strerror(result)};
}

/* A connection that breaks in the handshake may work the next time; one of which the two sides have
 * other ideas will not. OpenSSL's own complaints start with "error:". */
static struct failure handshake_failure(const char *message)
{
    const bool protocol = strstr(message, "error:") && !strstr(message, "unexpected eof");

    return (struct failure){CURLE_SSL_CONNECT_ERROR, ERROR_IO,
        protocol ? ERROR_PERMANENT : ERROR_TRANSIENT, "TLS was not agreed on"};
}

/* curl quotes the whole URL, password and all. */
static bool is_bad_proxy(const struct http_handle *handle)
{
    return text_starts(handle->curl_message, "Unsupported proxy");
}

static struct failure tunnel_failure(long status)
{
    return (struct failure){CURLE_RECV_ERROR, status < 500 ? ERROR_DENIED : ERROR_IO,
        status < 500 ? ERROR_PERMANENT : ERROR_TRANSIENT, "the proxy refuses the connection"};
}

/* curl's own limit for one line, 100 KiB, comes before ours: what it says to that is one of these.
 */
static bool head_too_long(const struct http_handle *handle, CURLcode result)
{
    const CURLcode too_large = 100; /* CURLE_TOO_LARGE, since 8.6.0 */

    return (result == CURLE_OUT_OF_MEMORY || result == too_large) &&
           handle->phase != HTTP_PHASE_CONNECTING && !handle->head.complete;
}

static struct failure judge(const struct http_handle *handle, CURLcode result)
{
    long proxy_status = 0;

    if (is_bad_proxy(handle))
        return (struct failure){result, ERROR_INVALID, ERROR_PERMANENT,
            "the URL of the proxy that the environment names cannot be used: write "
            "http://HOST:PORT"};
    if (result == CURLE_SSL_CONNECT_ERROR)
        return handshake_failure(handle->curl_message);
    if (head_too_long(handle, result))
        return (struct failure){result, ERROR_LIMIT, ERROR_PERMANENT,
            "a header of the answer is longer than the 64 KiB that all may have"};
    curl_easy_getinfo(handle->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (handle->phase == HTTP_PHASE_CONNECTING && proxy_status >= 300)
        return tunnel_failure(proxy_status);
    return failure_of(result);
}

static int set_curl_error(const struct http_handle *handle, CURLcode result, struct error *err)
{
    const struct failure failure = judge(handle, result);
    struct buffer said;

    if (result == CURLE_OPERATION_TIMEDOUT) /* the only limit that curl knows is ours for this */
        return error_set(err, ERROR_TIMEOUT, "no connection within %lld ms",
            (long long)handle->timeouts.connect_ms);
    buffer_init(&said, 0);
    if (!strchr(handle->curl_message, '@')) /* what is in front of it may be a password */
        text_append_printable(&said, handle->curl_message);
    if (said.length > 0)
        error_set(err, failure.code, "%s: %s", failure.what, said.data);
    else
        error_set(err, failure.code, "%s", failure.what);
    buffer_deinit(&said);
    err->class = failure.class;
    err->detail = (int)result;
    return -1;
}

int http_outcome(const struct http_transfer *transfer, struct error *err)
{
    const struct http_handle *handle = transfer->handle;

    if (!handle)
        return error_set(err, ERROR_STOPPED, "cancelled");
    if (handle->err.code) {
        *err = handle->err;
        return -1;
    }
    /* curl takes a head that breaks off for a whole answer without a body. */
    if (transfer->result == CURLE_OK && !handle->head.complete) {
        error_set(err, ERROR_IO, "the connection ended in the head of the answer");
        return error_set_class(err, ERROR_TRANSIENT);
    }
    if (transfer->result == CURLE_OK)
        return 0;
    if (handle->redirecting && transfer->result == CURLE_WRITE_ERROR)
        return 0; /* its body was not worth reading */
    return set_curl_error(handle, transfer->result, err);
}

void http_error_prefix(const struct http_transfer *transfer, struct error *err)
{
    char *host;

    if (transfer->handle && transfer->handle->told_by_caller)
        return;
    host = http_url_host(http_url(transfer));
    if (host)
        error_prefix(err, "%s", host);
    free(host);
}

/* --- log lines --- */

/* The URL's path alone: a query may hold a signature. */
static json_t *path_of(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *path = authority ? authority + 3 + strcspn(authority + 3, "/?#") : url;

    return json_text_n(path, strcspn(path, "?#"));
}

void http_log_done(const struct http_transfer *transfer, const struct error *err)
{
    const struct http_request *request = transfer->request;
    struct log *log = request->http->log;
    json_t *fields;

    if (!log_enabled(log, "http", LOG_TRACE))
        return;
    fields = json_object();
    json_put_text(fields, "method", http_method(transfer));
    json_put_text(fields, "host", transfer->host->name);
    if (!request->path_is_secret)
        json_object_set_new(fields, "path", path_of(http_url(transfer)));
    json_put_int(fields, "status", request->status);
    json_put_int(fields, "bytes_sent", (int64_t)request->bytes_sent);
    json_put_int(fields, "bytes_received", (int64_t)request->bytes_received);
    json_put_int(fields, "queued_us", request->timing.queued_us);
    json_put_int(fields, "connect_us", request->timing.connect_us);
    json_put_int(fields, "first_byte_us", request->timing.first_byte_us);
    json_put_int(fields, "total_us", request->timing.total_us);
    if (err->code)
        json_put_text(fields, "error", err->message);
    log_event(log, LOG_TRACE, "http.request", NULL, fields, "%s %s: %d", http_method(transfer),
        transfer->host->name, request->status);
}
