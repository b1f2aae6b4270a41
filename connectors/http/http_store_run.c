/* What a request goes through: attempts, each one request of HTTP (two where HEAD is refused),
 * again and again while the reason may pass. One that brought bytes makes the count begin anew. */
#include "connectors/http/http_store_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/io/file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { REDIRECTS_MAX = 10, ROUNDS_MAX = 100, RETRY_AFTER_MAX_S = 20 };

static void send_request(struct http_operation *operation);
static void start_attempts(struct http_operation *operation);

/* --- what an answer says --- */

static const char *header(const struct http_operation *operation, const char *name)
{
    const char *value = http_response_header(&operation->http, name);

    return value && *value ? value : NULL;
}

static int64_t content_length(const struct http_operation *operation)
{
    const char *text = header(operation, "Content-Length");
    char *behind;
    long long length;

    if (!text || *text < '0' || *text > '9')
        return HTTP_LENGTH_UNKNOWN;
    errno = 0;
    length = strtoll(text, &behind, 10);
    return errno || *behind ? HTTP_LENGTH_UNKNOWN : length;
}

static struct http_facts facts_of(const struct http_operation *operation, int64_t length)
{
    return (struct http_facts){.etag = header(operation, "ETag"),
        .modified = header(operation, "Last-Modified"),
        .length = length};
}

static void keep_facts(struct http_operation *operation, const struct http_facts *facts)
{
    struct arena *arena = &operation->arena;

    operation->facts =
        (struct http_facts){.etag = facts->etag ? arena_strdup(arena, facts->etag) : NULL,
            .modified = facts->modified ? arena_strdup(arena, facts->modified) : NULL,
            .length = facts->length};
}

static const char *method_of(const struct http_operation *operation)
{
    return operation->step == HTTP_STORE_LOOKING ? "HEAD" : "GET";
}

/* Seconds; a date is as good as "later". */
static int64_t retry_after_ms(const struct http_operation *operation)
{
    const char *text = header(operation, "Retry-After");
    const long seconds = text ? strtol(text, NULL, 10) : 0;

    return MIN(MAX(seconds, 0L), (long)RETRY_AFTER_MAX_S) * MS_PER_SECOND;
}

static int refuse_status(const struct http_operation *operation, struct error *err)
{
    const int status = operation->http.status;
    enum error_code code = ERROR_IO;
    const char *hint = "";
    int result;

    if (status == 404 || status == 410) {
        code = ERROR_NOT_FOUND;
        hint = "; check the URL";
    } else if (status == 401 || status == 403) {
        code = ERROR_DENIED;
        hint = "; the server wants other credentials, or a signed URL has expired";
    } else if (status == 429) {
        code = ERROR_BUSY;
    } else if (status >= 300 && status < 400) {
        hint = "; a redirect that is not followed (more than ten, or from https to http)";
    }
    result = error_set(
        err, code, "%s %s: HTTP %d%s", method_of(operation), operation->shown, status, hint);
    err->detail = status;
    if (status == 408 || (status >= 500 && status != 501 && status != 505))
        error_set_class(err, ERROR_TRANSIENT);
    return result;
}

static int check_version(
    const struct http_operation *operation, const struct http_facts *facts, struct error *err)
{
    const struct store_object *expect = operation->request->expect;

    if (!expect || http_store_is_version(expect->version, facts))
        return 0;
    return error_set(err, ERROR_CHANGED,
        "%s has changed since the run began: run again when nobody writes to it", operation->shown);
}

/* --- LIST and CHECK --- */

static void take_object(struct http_operation *operation, const struct http_facts *facts)
{
    struct store_request *request = operation->request;
    struct store_object *object;

    operation->answered = true;
    if (request->verb != STORE_LIST) {
        check_version(operation, facts, &operation->err);
        return;
    }
    object = arena_new(request->arena, struct store_object);
    object->key = arena_strdup(request->arena, request->key);
    object->size = facts->length > 0 ? (uint64_t)facts->length : 0;
    object->version = http_store_version(facts, request->arena);
    if (facts->modified && time_parse_http(facts->modified, &object->modified_ms, NULL))
        object->modified_ms = 0;
    request->objects = object;
    request->object_count = 1;
}

/* Servers that refuse HEAD say so in many ways; a URL that is signed for GET is one. */
static bool refuses_head(const struct http_operation *operation)
{
    const int status = operation->http.status;

    return operation->step == HTTP_STORE_LOOKING && status >= 400 && status != 401 &&
           status != 408 && status != 429 && (status < 500 || status == 501);
}

/* Ends a GET that said enough with its head: its body is not wanted. */
static int stop_reading(struct error *err)
{
    return error_set(err, ERROR_STOPPED, "enough");
}

static int take_probe(struct http_operation *operation, struct error *err)
{
    const char *range = header(operation, "Content-Range");
    struct http_facts facts = facts_of(operation, content_length(operation));
    uint64_t first;

    if (operation->http.status == 416)
        facts.length = 0;
    else if (operation->http.status == 206 &&
             (!range || !http_store_read_range(range, &first, &facts.length)))
        facts.length = HTTP_LENGTH_UNKNOWN;
    take_object(operation, &facts);
    return stop_reading(err);
}

/* --- GET --- */

static int start_over(struct http_operation *operation, struct error *err)
{
    operation->offset = 0;
    if (ftruncate(operation->fd, 0))
        return error_set_errno(err, errno, "cannot empty %s", operation->request->path);
    return 0;
}

static int check_limit(const struct http_operation *operation, uint64_t bytes, struct error *err)
{
    const uint64_t limit = operation->request->bytes_max;
    char text[TIME_TEXT_SIZE];

    if (limit == 0 || bytes <= limit)
        return 0;
    return error_set(err, ERROR_LIMIT, "%s has more bytes than there is room for (%s)",
        operation->shown, size_format(limit, text));
}

/* The rest of the file, of the version that the first part is of. */
static int take_rest(struct http_operation *operation, struct error *err)
{
    const char *range = header(operation, "Content-Range");
    struct http_facts facts = facts_of(operation, HTTP_LENGTH_UNKNOWN);
    uint64_t first = 0;

    if (!range || !http_store_read_range(range, &first, &facts.length) ||
        first != operation->offset ||
        (operation->facts.length >= 0 && facts.length != operation->facts.length) ||
        !text_equal(facts.etag, operation->facts.etag)) {
        if (start_over(operation, err))
            return -1;
        error_set(err, ERROR_IO, "GET %s: the rest of it did not come as it was asked for",
            operation->shown);
        return error_set_class(err, ERROR_TRANSIENT);
    }
    return 0;
}

static int take_whole(struct http_operation *operation, struct error *err)
{
    const struct http_facts facts = facts_of(operation, content_length(operation));

    if (check_version(operation, &facts, err) ||
        (facts.length > 0 && check_limit(operation, (uint64_t)facts.length, err)) ||
        start_over(operation, err))
        return -1;
    keep_facts(operation, &facts);
    atomic_store(&operation->request->bytes_total, (uint64_t)MAX(facts.length, 0));
    return 0;
}

static int on_head(struct http_request *http, struct error *err)
{
    struct http_operation *operation = container_of(http, struct http_operation, http);
    const bool got = http->status == 200 || http->status == 206;

    if (operation->step == HTTP_STORE_PROBING && (got || http->status == 416))
        return take_probe(operation, err);
    if (operation->step != HTTP_STORE_GETTING || !got)
        return 0; /* judged at its end */
    if (http->status == 200)
        return take_whole(operation, err);
    return take_rest(operation, err);
}

static int on_write(struct http_request *http, const char *bytes, size_t length, struct error *err)
{
    struct http_operation *operation = container_of(http, struct http_operation, http);

    if (http->status != 200 && http->status != 206)
        return 0;
    if (check_limit(operation, operation->offset + length, err))
        return -1;
    while (length > 0) {
        const ssize_t done = pwrite(operation->fd, bytes, length, (off_t)operation->offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_set_errno(err, errno, "cannot write %s", operation->request->path);
        bytes += done;
        length -= (size_t)done;
        operation->offset += (uint64_t)done;
    }
    atomic_store(&operation->request->bytes_done, operation->offset);
    return 0;
}

/* --- one attempt --- */

/* A status that is no success, in what all verbs have in common. */
static int judge(struct http_operation *operation, struct error *err)
{
    const int status = operation->http.status;
    struct http_facts facts;

    if (operation->step == HTTP_STORE_GETTING && status == 416 && operation->offset > 0) {
        if (start_over(operation, err))
            return -1;
        error_set(err, ERROR_IO, "GET %s: it became shorter under way", operation->shown);
        return error_set_class(err, ERROR_TRANSIENT);
    }
    if (status < 200 || status >= 300 || status == 204) {
        refuse_status(operation, err);
        if (err->code == ERROR_NOT_FOUND && operation->request->expect)
            error_set(err, ERROR_CHANGED, "%s is gone: it was there when the run began",
                operation->shown);
        return -1;
    }
    if (operation->step == HTTP_STORE_LOOKING) {
        facts = facts_of(operation, content_length(operation));
        take_object(operation, &facts);
        *err = operation->err;
    }
    return err->code ? -1 : 0;
}

static void on_done(struct http_request *http, const struct error *http_err)
{
    struct http_operation *operation = container_of(http, struct http_operation, http);
    struct error err = http_err ? *http_err : (struct error){0};

    operation->asking = false;
    if (operation->answered) {
        err = operation->err;
    } else if (!http_err && refuses_head(operation) && !operation->cancelled) {
        operation->step = HTTP_STORE_PROBING;
        send_request(operation);
        return;
    } else if (!http_err) {
        judge(operation, &err);
        operation->retry.wait_min_ms = retry_after_ms(operation);
    }
    retry_finish(&operation->retry, err.code ? &err : NULL);
}

static void send_request(struct http_operation *operation)
{
    struct http_request *http = &operation->http;
    const char *validator = http_store_validator(&operation->facts);
    size_t count = 0;

    /* Bytes, not what a proxy makes of them. */
    operation->headers[count++] = (struct http_header){"Accept-Encoding", "identity"};
    if (operation->step == HTTP_STORE_PROBING) {
        operation->headers[count++] = (struct http_header){"Range", "bytes=0-0"};
    } else if (operation->step == HTTP_STORE_GETTING && operation->offset > 0 && validator) {
        operation->headers[count++] = (struct http_header){
            "Range", arena_printf(&operation->arena, "bytes=%" PRIu64 "-", operation->offset)};
        operation->headers[count++] = (struct http_header){"If-Range", validator};
    }
    *http = (struct http_request){.method = method_of(operation),
        .url = operation->request->key,
        .headers = operation->headers,
        .header_count = count,
        .redirects_max = REDIRECTS_MAX,
        .head = on_head,
        .write = operation->step == HTTP_STORE_GETTING ? on_write : NULL,
        .done = on_done};
    operation->asking = true;
    http_start(operation->store->http, http);
}

static void on_attempt(struct retry *retry)
{
    struct http_operation *operation = container_of(retry, struct http_operation, retry);

    if (operation->step == HTTP_STORE_REFUSING)
        retry_finish(retry, &operation->err);
    else
        send_request(operation);
}

/* --- the whole flow --- */

static void finish(struct http_operation *operation, const struct error *err)
{
    struct store_request *request = operation->request;
    struct error last = err ? *err : (struct error){0};

    if (operation->fd >= 0)
        close(operation->fd);
    operation->store->running--;
    arena_deinit(&operation->arena);
    free(operation);
    request->operation = NULL;
    request->done(request, last.code ? &last : NULL);
}

static void on_attempts_done(struct retry *retry, const struct error *err)
{
    struct http_operation *operation = container_of(retry, struct http_operation, retry);

    if (err && err->class == ERROR_TRANSIENT && !operation->cancelled &&
        operation->offset > operation->offset_before && ++operation->rounds < ROUNDS_MAX)
        start_attempts(operation);
    else
        finish(operation, err);
}

static void start_attempts(struct http_operation *operation)
{
    operation->offset_before = MAX(operation->offset_before, operation->offset);
    retry_start(&operation->retry, operation->store->loop, &operation->store->retry, on_attempt,
        NULL, on_attempts_done);
}

static int prepare(struct http_operation *operation, struct error *err)
{
    static const char *const verbs[] = {
        [STORE_PUT] = "written", [STORE_DELETE] = "deleted", [STORE_SWEEP] = "written"};
    struct store_request *request = operation->request;

    if (http_store_check_url(request->key, err))
        return -1;
    switch (request->verb) {
    case STORE_LIST:
    case STORE_CHECK:
        operation->step = HTTP_STORE_LOOKING;
        return 0;
    case STORE_GET:
        operation->step = HTTP_STORE_GETTING;
        request->in_place = false;
        return file_open_new(request->path, &operation->fd, err);
    case STORE_PUT:
    case STORE_DELETE:
    case STORE_SWEEP:
        break;
    }
    return error_set(err, ERROR_NOT_SUPPORTED, "%s: files at a URL cannot be %s, only read",
        operation->shown, verbs[request->verb]);
}

void http_operation_start(struct http_store *store, struct store_request *request)
{
    struct http_operation *operation = mem_new(struct http_operation);
    struct buffer shown;

    assert(request->done && request->key && !request->operation);
    operation->store = store;
    operation->request = request;
    operation->fd = -1;
    operation->facts.length = HTTP_LENGTH_UNKNOWN;
    arena_init(&operation->arena);
    buffer_init(&shown, 0);
    text_append_url(&shown, request->key);
    operation->shown = arena_strdup(&operation->arena, shown.data);
    buffer_deinit(&shown);
    store->running++;
    request->store = &store->store;
    request->operation = operation;
    if (prepare(operation, &operation->err))
        operation->step = HTTP_STORE_REFUSING;
    start_attempts(operation);
}

void http_operation_cancel(struct http_operation *operation)
{
    operation->cancelled = true;
    retry_cancel(&operation->retry);
    if (operation->asking)
        http_cancel(&operation->http);
}
