#include "connectors/aws/sigv4_private.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool kept(unsigned char c, bool keep_slash)
{
    return unreserved(c) || (keep_slash && c == '/');
}

static char *put_encoded(char *at, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";

    *at++ = '%';
    *at++ = digits[c >> 4];
    *at++ = digits[c & 15];
    return at;
}

void sigv4_encode(const char *text, size_t length, bool keep_slash, struct buffer *ret_encoded)
{
    size_t encoded_length = length;
    char *start, *at;

    for (size_t i = 0; i < length; i++)
        encoded_length += kept((unsigned char)text[i], keep_slash) ? 0 : 2;
    start = at = buffer_reserve(ret_encoded, encoded_length);
    if (!start)
        return; /* remembered as overflowed */
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (kept(c, keep_slash))
            *at++ = (char)c;
        else
            at = put_encoded(at, c);
    }
    buffer_advance(ret_encoded, (size_t)(at - start));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* What a server makes of an encoded text: it decodes and encodes again, so that "%2d" counts as
 * "-", "%e1" as "%E1" and a raw "+" as "%2B". "%2F" stays apart from "/". */
static void append_encoded_once(
    const char *text, size_t length, bool keep_slash, struct buffer *encoded)
{
    char *start = buffer_reserve(encoded, 3 * length), *at = start;

    if (!start)
        return;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        const int high = c == '%' && i + 2 < length ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;

        if (low >= 0) {
            c = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (kept(c, keep_slash && low < 0))
            *at++ = (char)c;
        else
            at = put_encoded(at, c);
    }
    buffer_advance(encoded, (size_t)(at - start));
}

/* --- path --- */

static void append_path_text(
    const struct sigv4_request *request, const char *path, size_t length, struct buffer *text)
{
    if (request->encode_path_twice)
        sigv4_encode(path, length, true, text);
    else
        append_encoded_once(path, length, true, text);
}

/* Without empty segments and ".", and with ".." done: a "/" at the end stays. */
static void append_path_normalized(
    const struct sigv4_request *request, const char *path, struct buffer *text)
{
    const size_t start = text->length;
    size_t length = 0;

    for (const char *segment = path; *segment; segment += length) {
        segment += strspn(segment, "/");
        length = strcspn(segment, "/");
        if (length == 0 || (length == 1 && segment[0] == '.'))
            continue;
        if (length == 2 && memcmp(segment, "..", 2) == 0) {
            size_t end = text->length;

            while (end > start && text->data[end - 1] != '/')
                end--;
            buffer_truncate(text, end > start ? end - 1 : start);
            continue;
        }
        buffer_putc(text, '/');
        append_path_text(request, segment, length, text);
    }
    if (text->length == start || path[strlen(path) - 1] == '/')
        buffer_putc(text, '/');
}

static void append_path(const struct sigv4_request *request, struct buffer *text)
{
    const char *path = request->path && *request->path ? request->path : "/";

    if (request->normalize_path)
        append_path_normalized(request, path, text);
    else
        append_path_text(request, path, strlen(path), text);
}

/* --- query --- */

struct parameter {
    size_t at, name_length, length; /* "name=value", encoded */
};

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const int order = memcmp(a, b, MIN(a_length, b_length));

    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_parameters(
    const char *text, const struct parameter *a, const struct parameter *b)
{
    const int order = compare_bytes(text + a->at, a->name_length, text + b->at, b->name_length);

    return order ? order
                 : compare_bytes(text + a->at + a->name_length, a->length - a->name_length,
                       text + b->at + b->name_length, b->length - b->name_length);
}

/* True where they were in order before. */
static bool sort_parameters(const char *text, struct parameter *list, size_t count)
{
    bool sorted = true;

    for (size_t i = 1; i < count; i++) {
        const struct parameter moved = list[i];
        size_t to = i;

        for (; to > 0 && compare_parameters(text, &moved, &list[to - 1]) < 0; to--)
            list[to] = list[to - 1];
        list[to] = moved;
        sorted = sorted && to == i;
    }
    return sorted;
}

static int append_parameters(const char *query, struct buffer *text, struct parameter *list,
    size_t *ret_count, struct error *err)
{
    size_t count = 0;

    for (const char *at = query; *at; at += strspn(at, "&")) {
        const size_t length = strcspn(at, "&"), name_length = strcspn(at, "=&");
        const size_t start = text->length;

        if (length > 0 && count == SIGV4_PARAMETERS_MAX)
            return error_set(err, ERROR_LIMIT,
                "cannot sign a query of more than %d parameters: send fewer of them",
                SIGV4_PARAMETERS_MAX);
        if (length > 0) {
            append_encoded_once(at, name_length, false, text);
            list[count].at = start;
            list[count].name_length = text->length - start;
            buffer_putc(text, '=');
            if (name_length < length)
                append_encoded_once(at + name_length + 1, length - name_length - 1, false, text);
            list[count++].length = text->length - start;
            buffer_putc(text, '&');
        }
        at += length;
    }
    *ret_count = count;
    return 0;
}

static int append_query(const char *query, struct buffer *text, struct error *err)
{
    struct parameter list[SIGV4_PARAMETERS_MAX];
    const size_t start = text->length;
    size_t count;

    if (append_parameters(query, text, list, &count, err))
        return -1;
    if (count == 0 || text->overflowed)
        return 0;
    if (!sort_parameters(text->data, list, count)) {
        char *copy = mem_strndup(text->data + start, text->length - start);

        buffer_truncate(text, start);
        for (size_t i = 0; i < count; i++) {
            buffer_append(text, copy + list[i].at - start, list[i].length);
            buffer_putc(text, '&');
        }
        free(copy);
    }
    buffer_truncate(text, text->length - 1);
    return 0;
}

/* --- headers --- */

int sigv4_headers_sort(
    const struct sigv4_request *request, struct sigv4_headers *ret_headers, struct error *err)
{
    size_t count = 0;

    if (request->header_count > SIGV4_HEADERS_MAX)
        return error_set(err, ERROR_LIMIT,
            "cannot sign a request with %zu headers: at most %d can be", request->header_count,
            SIGV4_HEADERS_MAX);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        size_t to = count;

        if (request->omit_session_token && strcasecmp(header->name, "x-amz-security-token") == 0)
            continue;
        for (; to > 0 && strcasecmp(header->name, ret_headers->items[to - 1]->name) < 0; to--)
            ret_headers->items[to] = ret_headers->items[to - 1];
        ret_headers->items[to] = header;
        count++;
    }
    ret_headers->count = count;
    return 0;
}

static bool same_name(const struct sigv4_headers *headers, size_t i)
{
    return i > 0 && strcasecmp(headers->items[i]->name, headers->items[i - 1]->name) == 0;
}

static void append_lower(const char *name, struct buffer *text)
{
    const size_t length = strlen(name);
    char *to = buffer_reserve(text, length);

    if (!to)
        return; /* remembered as overflowed */
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    buffer_advance(text, length);
}

void sigv4_append_names(
    const struct sigv4_headers *headers, const char *separator, struct buffer *text)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (same_name(headers, i))
            continue;
        if (i > 0)
            buffer_puts(text, separator);
        append_lower(headers->items[i]->name, text);
    }
}

static const char white_space[] = " \t\r\n";

/* Without white space at the ends and with one space for each run of it within. */
static void append_trimmed(const char *value, struct buffer *text)
{
    value += strspn(value, white_space);
    while (*value) {
        const size_t length = strcspn(value, white_space);

        buffer_append(text, value, length);
        value += length;
        value += strspn(value, white_space);
        if (*value)
            buffer_putc(text, ' ');
    }
}

static void append_headers(const struct sigv4_headers *headers, struct buffer *text)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (same_name(headers, i)) {
            buffer_truncate(text, text->overflowed ? text->length : text->length - 1);
            buffer_putc(text, ','); /* the line goes on */
        } else {
            append_lower(headers->items[i]->name, text);
            buffer_putc(text, ':');
        }
        append_trimmed(headers->items[i]->value, text);
        buffer_putc(text, '\n');
    }
}

/* --- the whole --- */

size_t sigv4_canonical_size(const struct sigv4_request *request, const char *query)
{
    size_t size = strlen(request->method) + strlen(request->payload) + 64;

    size += 3 * (request->path ? strlen(request->path) : 1);
    size += 3 * (query ? strlen(query) : 0);
    for (size_t i = 0; i < request->header_count; i++)
        size += 2 * strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4;
    return size;
}

int sigv4_append_canonical(const struct sigv4_request *request, const struct sigv4_headers *headers,
    const char *query, struct buffer *text, struct error *err)
{
    buffer_puts(text, request->method);
    buffer_putc(text, '\n');
    append_path(request, text);
    buffer_putc(text, '\n');
    if (query && append_query(query, text, err))
        return -1;
    buffer_putc(text, '\n');
    append_headers(headers, text);
    buffer_putc(text, '\n');
    sigv4_append_names(headers, ";", text);
    buffer_putc(text, '\n');
    buffer_puts(text, request->payload);
    return text->overflowed ? error_set(err, ERROR_LIMIT,
                                  "cannot sign a request of more than %zu bytes", text->limit)
                            : 0;
}
