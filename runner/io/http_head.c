#include "runner/io/http_head.h"

#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18 }; /* an int64_t has room for it */

void http_head_init(struct http_head *head)
{
    *head = (struct http_head){0};
    /* A NUL takes the place of a colon or of a line end, one may be added. */
    buffer_init(&head->text, 2 * (size_t)HTTP_HEAD_BYTES_MAX);
}

void http_head_deinit(struct http_head *head)
{
    buffer_deinit(&head->text);
    free(head->fields);
}

static void forget_fields(struct http_head *head)
{
    buffer_clear(&head->text);
    head->count = 0;
    head->status = 0;
    head->may_fold = false;
}

void http_head_clear(struct http_head *head)
{
    forget_fields(head);
    head->bytes = 0;
    head->complete = false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9110, 5.6.2: what a name consists of. */
static bool is_token(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)bytes[i]) && !strchr("!#$%&'*+-.^_`|~", bytes[i]))
            return false;
    }
    return length > 0;
}

static void trim(const char **bytes, size_t *length)
{
    while (*length > 0 && is_blank((*bytes)[0])) {
        (*bytes)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*bytes)[*length - 1]))
        (*length)--;
}

/* Drops the line end, and counts the line. */
static int take_line(struct http_head *head, const char *line, size_t *length, struct error *err)
{
    head->bytes += *length;
    if (head->bytes > HTTP_HEAD_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "the answer's headers are longer than %d KiB",
            HTTP_HEAD_BYTES_MAX / 1024);
    if (*length > 0 && line[*length - 1] == '\n')
        (*length)--;
    if (*length > 0 && line[*length - 1] == '\r')
        (*length)--;
    if (memchr(line, '\0', *length))
        return error_set(err, ERROR_IO, "a header of the answer holds a NUL byte");
    return 0;
}

static void append_text(struct http_head *head, const char *bytes, size_t length)
{
    buffer_append(&head->text, bytes, length);
    buffer_putc(&head->text, '\0');
}

static void fold(struct http_head *head, const char *line, size_t length)
{
    trim(&line, &length);
    if (!head->may_fold || length == 0)
        return;
    buffer_truncate(&head->text, head->text.length - 1);
    buffer_putc(&head->text, ' ');
    append_text(head, line, length);
}

static void add_field(struct http_head *head, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    const char *value;
    size_t value_length;
    struct http_field *field;

    head->may_fold = colon && is_token(line, (size_t)(colon - line));
    if (!head->may_fold)
        return;
    head->fields = mem_grow(head->fields, &head->capacity, head->count, sizeof(*head->fields));
    field = &head->fields[head->count++];
    field->name = (uint32_t)head->text.length;
    append_text(head, line, (size_t)(colon - line));
    field->value = (uint32_t)head->text.length;
    value = colon + 1;
    value_length = length - (size_t)(value - line);
    trim(&value, &value_length);
    append_text(head, value, value_length);
}

static void add_line(struct http_head *head, const char *line, size_t length)
{
    if (is_blank(line[0]))
        fold(head, line, length);
    else
        add_field(head, line, length);
}

int http_head_field(struct http_head *head, const char *line, size_t length, struct error *err)
{
    if (take_line(head, line, &length, err))
        return -1;
    if (length > 0)
        add_line(head, line, length);
    return 0;
}

/* "HTTP/1.1 200 OK"; 0: it is not one. */
static int parse_status(const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    int status = 0;

    if (length < 5 || memcmp(line, "HTTP/", 5) != 0 || !blank)
        return 0;
    for (unsigned i = 1; i <= 3; i++) {
        if (blank + i >= line + length || !isdigit((unsigned char)blank[i]))
            return 0;
        status = status * 10 + (blank[i] - '0');
    }
    if (blank + 4 < line + length && !is_blank(blank[4]))
        return 0;
    return status >= 100 ? status : 0;
}

int http_head_line(struct http_head *head, const char *line, size_t length, struct error *err)
{
    if (take_line(head, line, &length, err))
        return -1;
    if (!head->status) {
        head->status = parse_status(line, length);
        if (!head->status)
            return error_set(err, ERROR_IO,
                "the answer does not start with an HTTP status line: is this an HTTP server?");
    } else if (length > 0) {
        add_line(head, line, length);
    } else if (head->status < 200) {
        forget_fields(head);
    } else {
        head->complete = true;
    }
    return 0;
}

/* RFC 9112, 6.3: one length, or the same one again. curl takes what it cannot count for an answer
 * without a length, of which any part would pass for the whole. */
int http_head_check_length(const struct http_head *head, struct error *err)
{
    const char *first = NULL;

    if (http_head_find(head, "transfer-encoding"))
        return 0; /* it counts instead */
    for (size_t i = 0; i < head->count; i++) {
        const char *value = head->text.data + head->fields[i].value;
        const size_t digits = strspn(value, "0123456789");

        if (strcasecmp(head->text.data + head->fields[i].name, "content-length") != 0)
            continue;
        if (digits == 0 || digits > LENGTH_DIGITS_MAX || value[digits] ||
            (first && strcmp(first, value) != 0))
            return error_set(err, ERROR_IO, "the answer's Content-Length makes no sense");
        first = value;
    }
    return 0;
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = head->count; i > 0; i--) {
        const struct http_field *field = &head->fields[i - 1];

        if (strcasecmp(head->text.data + field->name, name) == 0)
            return head->text.data + field->value;
    }
    return NULL;
}
