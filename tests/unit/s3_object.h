/* A scripted object behind origin.h: it knows ranges, conditions and checksums, and gets one
 * request wrong in a way that the test names. What answers runs in the origin's threads: no cmocka
 * there. */
#ifndef TESTS_UNIT_S3_OBJECT_H
#define TESTS_UNIT_S3_OBJECT_H

#include "connectors/s3/checksum.h"
#include "tests/unit/s3_fixture.h"

#include <assert.h>
#include <pthread.h>

enum object_fault {
    FAULT_NONE,
    FAULT_BUSY,         /* 503 */
    FAULT_EXPIRED,      /* 400 ExpiredToken */
    FAULT_RESET_BEFORE, /* no byte comes */
    FAULT_RESET_IN,     /* half of the body does */
    FAULT_RESET_AFTER,  /* all of it does */
    FAULT_STALL_BEFORE,
    FAULT_STALL_IN,
    FAULT_SLOW,          /* the first byte comes late, but in time */
    FAULT_TRUNCATED,     /* half of the body, under the right length, and an orderly end */
    FAULT_ONE_BYTE,      /* the first byte, and an orderly end */
    FAULT_SHORT,         /* as TRUNCATED, without a length */
    FAULT_MORE,          /* a byte too much, without a length */
    FAULT_TWICE,         /* the answer comes twice */
    FAULT_OTHER_RANGE,   /* the next bytes are sent, and Content-Range says so */
    FAULT_WRONG_RANGE,   /* Content-Range is one thing, the body another one */
    FAULT_OTHER_SIZE,    /* Content-Range has another size than before */
    FAULT_NO_RANGE,      /* there is no Content-Range */
    FAULT_FLIPPED,       /* a byte is another one */
    FAULT_CHANGED,       /* from now on it is another object; conditions are checked */
    FAULT_CHANGED_LOOSE, /* the same, and the store does not know conditions */
    FAULT_COUNT,
};

enum object_checksums {
    CHECKSUMS_NONE,
    CHECKSUMS_WHOLE,     /* of the whole object, whatever was asked for */
    CHECKSUMS_RANGE,     /* of the bytes that come */
    CHECKSUMS_COMPOSITE, /* of the whole object as it was uploaded in parts */
    CHECKSUMS_BAD,       /* a text that is none */
};

struct object {
    /* set by the test */
    size_t size, changed_size;
    enum object_fault fault;
    unsigned fault_at; /* request 1 …; 0: none */
    bool always;       /* from then on, too */
    enum object_checksums checksums;
    enum s3_checksum_kind kind;
    size_t upload_part_bytes; /* of the composite one */
    bool no_ranges;           /* the whole object is all that the store sends */
    bool no_length;           /* … and not how long it is */
    bool empty_is_good;       /* a range of an empty object is no error */
    bool no_etag;             /* only Last-Modified */
    bool reordered;           /* answers come late, each by another time */
    int status;               /* 404, 403: all that there is */

    /* its own */
    pthread_mutex_t mutex;
    unsigned count;
    bool changed;
    char *texts[512];
    size_t text_count;
};

/* Byte `offset` of the object, before and after it changed. */
static inline char object_byte(bool changed, size_t offset)
{
    return (char)((changed ? 'A' : 'a') + offset % 23);
}

static inline void object_checksum(const struct object *object, bool changed, size_t first,
    size_t length, char text[S3_CHECKSUM_TEXT_SIZE])
{
    struct s3_checksum sum;

    assert(s3_checksum_init(&sum, object->kind, NULL) == 0);
    for (size_t i = first; i < first + length; i++) {
        const char byte = object_byte(changed, i);

        s3_checksum_update(&sum, &byte, 1);
    }
    assert(s3_checksum_text(&sum, text, NULL) == 0);
    s3_checksum_deinit(&sum);
}

static inline void object_composite(
    const struct object *object, bool changed, size_t size, char text[S3_CHECKSUM_TEXT_SIZE])
{
    struct s3_checksum_value values[64];
    size_t count = 0;

    for (size_t at = 0; at < size; at += object->upload_part_bytes, count++) {
        object_checksum(object, changed, at, MIN(object->upload_part_bytes, size - at), text);
        assert(s3_checksum_parse(object->kind, text, &values[count], NULL) == 0);
    }
    assert(s3_checksum_composite(values, count, text, NULL) == 0);
}

static inline void object_put_checksum(const struct object *object, bool changed, size_t size,
    size_t first, size_t length, struct buffer *head)
{
    char text[S3_CHECKSUM_TEXT_SIZE] = "####";

    if (object->checksums == CHECKSUMS_NONE)
        return;
    if (object->checksums == CHECKSUMS_WHOLE)
        object_checksum(object, changed, 0, size, text);
    else if (object->checksums == CHECKSUMS_RANGE)
        object_checksum(object, changed, first, length, text);
    else if (object->checksums == CHECKSUMS_COMPOSITE)
        object_composite(object, changed, size, text);
    buffer_printf(head, "%s: %s\r\n", s3_checksum_header(object->kind), text);
}

static inline char *object_keep(struct object *object, struct buffer *text)
{
    assert(object->text_count < ARRAY_LENGTH(object->texts));
    return object->texts[object->text_count++] = buffer_steal(text);
}

static inline void object_error(
    struct object *object, int status, const char *code, struct origin_answer *answer)
{
    struct buffer text;
    char *body = s3_error_body(code);

    buffer_init(&text, 0);
    buffer_printf(
        &text, "HTTP/1.1 %d No\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    answer->bytes = object_keep(object, &text);
    free(body);
}

/* The answer to a good request for [first, last]. */
static inline void object_body(struct object *object, enum object_fault fault, bool ranged,
    size_t first, size_t last, struct origin_answer *answer)
{
    const size_t size = object->changed ? object->changed_size : object->size;
    const size_t length = size ? last - first + 1 : 0, shift = fault == FAULT_OTHER_RANGE;
    const bool unsized =
        fault == FAULT_SHORT || fault == FAULT_MORE || (object->no_length && !ranged);
    struct buffer text;
    size_t head_length;

    buffer_init(&text, 0);
    buffer_printf(&text, "HTTP/1.1 %s\r\n", ranged ? "206 Partial" : "200 OK");
    if (!object->no_etag)
        buffer_printf(&text, "ETag: \"%s\"\r\n", object->changed ? "second" : "first");
    buffer_printf(
        &text, "Last-Modified: Sun, 06 Nov 1994 08:49:%02d GMT\r\n", object->changed ? 38 : 37);
    buffer_puts(&text, "Content-Type: text/plain\r\nx-amz-version-id: null\r\n");
    if (ranged && fault != FAULT_NO_RANGE)
        buffer_printf(&text, "Content-Range: bytes %zu-%zu/%zu\r\n",
            first + shift + (fault == FAULT_WRONG_RANGE),
            last + shift + (fault == FAULT_WRONG_RANGE), size + (fault == FAULT_OTHER_SIZE));
    if (unsized)
        buffer_puts(&text, "Connection: close\r\n");
    else
        buffer_printf(&text, "Content-Length: %zu\r\n", length);
    object_put_checksum(object, object->changed, size, first, length, &text);
    buffer_puts(&text, "\r\n");
    head_length = text.length;
    for (size_t i = 0; i < length; i++)
        buffer_putc(&text, object_byte(object->changed, first + i + shift));
    if (fault == FAULT_FLIPPED && length)
        text.data[head_length + length / 2] ^= 1;
    if (fault == FAULT_MORE)
        buffer_putc(&text, '!');
    if (fault == FAULT_RESET_IN || fault == FAULT_STALL_IN || fault == FAULT_TRUNCATED ||
        fault == FAULT_SHORT)
        answer->cut_after = head_length + (length + 1) / 2;
    if (fault == FAULT_ONE_BYTE)
        answer->cut_after = head_length + 1;
    if (unsized || fault == FAULT_TRUNCATED || fault == FAULT_ONE_BYTE)
        answer->end = ORIGIN_CLOSE;
    if (fault == FAULT_RESET_IN || fault == FAULT_RESET_AFTER)
        answer->end = ORIGIN_RESET;
    if (fault == FAULT_STALL_IN)
        answer->end = ORIGIN_HANG;
    answer->length = text.length;
    if (fault == FAULT_TWICE) {
        char *copy = mem_strndup(text.data, text.length);

        buffer_append(&text, copy, answer->length);
        answer->length = text.length;
        free(copy);
    }
    answer->bytes = object_keep(object, &text);
}

static inline bool object_condition_holds(
    const struct object *object, const struct origin_request *request)
{
    const char *tag = strcasestr(request->head, "\r\nIf-Match: ");

    return !tag || object->fault == FAULT_CHANGED_LOOSE ||
           strstr(tag, object->changed ? "\"second\"" : "\"first\"") == tag + 12;
}

/* False: there is none, or none that counts. */
static inline bool object_range(const struct object *object, const struct origin_request *request,
    size_t size, size_t *ret_first, size_t *ret_last)
{
    const char *range = strcasestr(request->head, "\r\nRange: bytes=");

    *ret_first = 0;
    *ret_last = size - 1;
    if (!range || object->no_ranges || (size == 0 && object->empty_is_good))
        return false;
    assert(sscanf(range + 15, "%zu-%zu", ret_first, ret_last) == 2);
    return true;
}

static inline void object_serve(struct object *object, const struct origin_request *request,
    enum object_fault fault, struct origin_answer *answer)
{
    const size_t size = object->changed ? object->changed_size : object->size;
    size_t first, last;
    bool ranged;

    if (object->status) {
        object_error(
            object, object->status, object->status == 404 ? "NoSuchKey" : "AccessDenied", answer);
        return;
    }
    if (!object_condition_holds(object, request)) {
        object_error(object, 412, "PreconditionFailed", answer);
        return;
    }
    ranged = object_range(object, request, size, &first, &last);
    if (ranged && (first >= size || last < first)) {
        object_error(object, 416, "InvalidRange", answer);
        return;
    }
    object_body(object, fault, ranged, first, size ? MIN(last, size - 1) : 0, answer);
}

static inline void object_answer(
    void *data, const struct origin_request *request, struct origin_answer *answer)
{
    struct object *object = data;
    enum object_fault fault = FAULT_NONE;

    pthread_mutex_lock(&object->mutex);
    object->count++;
    if (object->fault_at &&
        (object->always ? object->count >= object->fault_at : object->count == object->fault_at))
        fault = object->fault;
    if (fault == FAULT_CHANGED || fault == FAULT_CHANGED_LOOSE)
        object->changed = true;
    if (object->reordered)
        answer->delay_ms = object->count * 7 % 5 * 3;
    if (fault == FAULT_BUSY)
        object_error(object, 503, "SlowDown", answer);
    else if (fault == FAULT_EXPIRED)
        object_error(object, 400, "ExpiredToken", answer);
    else if (fault == FAULT_RESET_BEFORE)
        answer->end = ORIGIN_RESET;
    else if (fault == FAULT_STALL_BEFORE)
        answer->end = ORIGIN_HANG;
    else
        object_serve(object, request, fault, answer);
    if (fault == FAULT_SLOW)
        answer->delay_ms = 60;
    pthread_mutex_unlock(&object->mutex);
}

static inline void object_init(struct object *object)
{
    pthread_mutex_init(&object->mutex, NULL);
    object->count = 0;
    object->changed = false;
}

static inline void object_deinit(struct object *object)
{
    while (object->text_count)
        free(object->texts[--object->text_count]);
    pthread_mutex_destroy(&object->mutex);
}

#endif
