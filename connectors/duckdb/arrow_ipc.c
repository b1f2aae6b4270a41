/* FlatBuffers are written front to back: what refers to something stands before it, so that every
 * offset is positive, and is filled in once its target is there. */
#include "connectors/duckdb/arrow_ipc.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Arrow's numbers are little-endian here"
#endif

enum { FIELDS_MAX = 6, DEPTH_MAX = 64, METADATA_V5 = 4 };

enum header { HEADER_SCHEMA = 1, HEADER_BATCH = 3 };

/* Schema.fbs: union Type. */
enum type {
    TYPE_NULL = 1,
    TYPE_INT,
    TYPE_FLOAT,
    TYPE_BINARY,
    TYPE_UTF8,
    TYPE_BOOL,
    TYPE_DECIMAL,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_TIMESTAMP,
    TYPE_INTERVAL,
    TYPE_LIST,
    TYPE_STRUCT,
    TYPE_FIXED_BINARY = 15,
    TYPE_FIXED_LIST,
    TYPE_MAP,
    TYPE_LARGE_BINARY = 19,
    TYPE_LARGE_UTF8,
    TYPE_LARGE_LIST,
};

/* What follows the validity of an array. */
enum layout { LAYOUT_NONE, LAYOUT_NULL, LAYOUT_BITS, LAYOUT_FIXED, LAYOUT_BYTES, LAYOUT_LIST };

struct arrow_type {
    enum type type;
    enum layout layout;
    int width;      /* bytes of a value, of an offset */
    int numbers[3]; /* fields of the type's table, in order; `sizes` 0: it has no such one */
    uint8_t sizes[3];
    const char *zone; /* of a timestamp; NULL: none */
};

/* --- types --- */

/* "c" … "L": the letter's place says width and sign. */
static bool parse_int(char letter, struct arrow_type *type)
{
    static const char letters[] = "cCsSiIlL";
    const char *at = strchr(letters, letter);

    if (!letter || !at)
        return false;
    *type = (struct arrow_type){.type = TYPE_INT,
        .layout = LAYOUT_FIXED,
        .width = 1 << ((at - letters) / 2),
        .sizes = {4, 1}};
    type->numbers[0] = 8 * type->width;
    type->numbers[1] = (at - letters) % 2 == 0;
    return true;
}

/* Types whose format is one text. */
static bool parse_plain(const char *format, struct arrow_type *type)
{
    static const struct {
        const char *format;
        struct arrow_type type;
    } plain[] = {
        {"n", {TYPE_NULL, LAYOUT_NULL, 0, {0}, {0}, NULL}},
        {"b", {TYPE_BOOL, LAYOUT_BITS, 0, {0}, {0}, NULL}},
        {"f", {TYPE_FLOAT, LAYOUT_FIXED, 4, {1}, {2}, NULL}},
        {"g", {TYPE_FLOAT, LAYOUT_FIXED, 8, {2}, {2}, NULL}},
        {"u", {TYPE_UTF8, LAYOUT_BYTES, 4, {0}, {0}, NULL}},
        {"U", {TYPE_LARGE_UTF8, LAYOUT_BYTES, 8, {0}, {0}, NULL}},
        {"z", {TYPE_BINARY, LAYOUT_BYTES, 4, {0}, {0}, NULL}},
        {"Z", {TYPE_LARGE_BINARY, LAYOUT_BYTES, 8, {0}, {0}, NULL}},
        {"tdD", {TYPE_DATE, LAYOUT_FIXED, 4, {0}, {2}, NULL}},
        {"ttu", {TYPE_TIME, LAYOUT_FIXED, 8, {2, 64}, {2, 4}, NULL}},
        {"ttn", {TYPE_TIME, LAYOUT_FIXED, 8, {3, 64}, {2, 4}, NULL}},
        {"tin", {TYPE_INTERVAL, LAYOUT_FIXED, 16, {2}, {2}, NULL}},
        {"+l", {TYPE_LIST, LAYOUT_LIST, 4, {0}, {0}, NULL}},
        {"+L", {TYPE_LARGE_LIST, LAYOUT_LIST, 8, {0}, {0}, NULL}},
        {"+s", {TYPE_STRUCT, LAYOUT_NONE, 0, {0}, {0}, NULL}},
        {"+m", {TYPE_MAP, LAYOUT_LIST, 4, {0}, {1}, NULL}},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
        if (strcmp(plain[i].format, format) == 0) {
            *type = plain[i].type;
            return true;
        }
    }
    return strlen(format) == 1 && parse_int(format[0], type);
}

/* Types whose format has numbers or a zone in it. */
static bool parse_described(const char *format, struct arrow_type *type)
{
    static const char units[] = "smun";
    int a, b, bits = 128;

    if (format[0] == 't' && format[1] == 's' && strchr(units, format[2]) && format[3] == ':') {
        *type = (struct arrow_type){TYPE_TIMESTAMP, LAYOUT_FIXED, 8,
            {(int)(strchr(units, format[2]) - units)}, {2}, format[4] ? format + 4 : NULL};
        return true;
    }
    if (sscanf(format, "d:%d,%d,%d", &a, &b, &bits) >= 2) {
        *type = (struct arrow_type){
            TYPE_DECIMAL, LAYOUT_FIXED, bits / 8, {a, b, bits}, {4, 4, 4}, NULL};
        return true;
    }
    if (sscanf(format, "w:%d", &a) == 1) {
        *type = (struct arrow_type){TYPE_FIXED_BINARY, LAYOUT_FIXED, a, {a}, {4}, NULL};
        return true;
    }
    if (sscanf(format, "+w:%d", &a) == 1) {
        *type = (struct arrow_type){TYPE_FIXED_LIST, LAYOUT_NONE, 0, {a}, {4}, NULL};
        return true;
    }
    return false;
}

static int parse_type(const struct ArrowSchema *schema, struct arrow_type *type, struct error *err)
{
    const char *format = schema->format;

    if (!schema->dictionary && (parse_plain(format, type) || parse_described(format, type)))
        return 0;
    return error_set(err, ERROR_NOT_SUPPORTED,
        "column \"%s\": values of this type cannot be written as an Arrow stream: cast it to "
        "VARCHAR",
        schema->name ? schema->name : "");
}

/* --- FlatBuffers --- */

/* Offsets count from here, not from the beginning of the buffer. */
struct flat {
    struct buffer *out;
    size_t start;
};

static size_t flat_at(const struct flat *flat)
{
    return flat->out->length - flat->start;
}

/* So that (position + ahead) is a multiple of `size`. */
static void flat_align(struct flat *flat, size_t size, size_t ahead)
{
    while ((flat_at(flat) + ahead) % size)
        buffer_putc(flat->out, 0);
}

static void flat_set(struct flat *flat, size_t at, const void *value, size_t size)
{
    if (!flat->out->overflowed)
        memcpy(flat->out->data + flat->start + at, value, size);
}

static void flat_set_int(struct flat *flat, size_t at, int64_t value, size_t size)
{
    flat_set(flat, at, &value, size);
}

/* The offset at `at` leads to where we are. */
static void flat_link(struct flat *flat, size_t at)
{
    flat_set_int(flat, at, (int64_t)(flat_at(flat) - at), 4);
}

/* A table with zeroed fields of these sizes (0: left out), each on a multiple of its size; where
 * they are goes to `ret_at`. */
static void flat_table(
    struct flat *flat, const uint8_t *sizes, size_t count, size_t ret_at[FIELDS_MAX])
{
    uint16_t vtable[2 + FIELDS_MAX] = {(uint16_t)(4 + 2 * count), 4};
    size_t start;
    int64_t back;

    for (size_t i = 0; i < count; i++) {
        if (!sizes[i])
            continue;
        vtable[1] = (uint16_t)((vtable[1] + sizes[i] - 1) / sizes[i] * sizes[i]);
        vtable[2 + i] = vtable[1];
        vtable[1] = (uint16_t)(vtable[1] + sizes[i]);
    }
    flat_align(flat, 2, 0);
    start = flat_at(flat);
    buffer_append(flat->out, vtable, vtable[0]);
    flat_align(flat, 8, 0);
    back = (int64_t)(flat_at(flat) - start);
    start = flat_at(flat);
    for (size_t i = 0; i < vtable[1]; i++)
        buffer_putc(flat->out, 0);
    flat_set_int(flat, start, back, 4);
    for (size_t i = 0; i < count; i++)
        ret_at[i] = start + vtable[2 + i];
}

static void flat_text(struct flat *flat, const char *text)
{
    const uint32_t length = (uint32_t)strlen(text);

    flat_align(flat, 4, 0);
    buffer_append(flat->out, &length, 4);
    buffer_append(flat->out, text, length + 1);
}

static void flat_link_text(struct flat *flat, size_t at, const char *text)
{
    flat_align(flat, 4, 0);
    flat_link(flat, at);
    flat_text(flat, text);
}

/* Of offsets that are to be filled in: where the first one is. */
static size_t flat_vector(struct flat *flat, size_t at, size_t count)
{
    const uint32_t length = (uint32_t)count;
    size_t first;

    flat_align(flat, 4, 0);
    flat_link(flat, at);
    buffer_append(flat->out, &length, 4);
    first = flat_at(flat);
    for (size_t i = 0; i < 4 * count; i++)
        buffer_putc(flat->out, 0);
    return first;
}

/* A table stands behind its vtable: the offset is known once it is written. */
static void flat_link_table(
    struct flat *flat, size_t at, const uint8_t *sizes, size_t count, size_t ret_at[FIELDS_MAX])
{
    size_t table;

    flat_align(flat, 2, 0);
    table = (flat_at(flat) + 4 + 2 * count + 7) / 8 * 8;
    flat_table(flat, sizes, count, ret_at);
    flat_set_int(flat, at, (int64_t)(table - at), 4);
}

/* --- messages --- */

/* Begins one: *ret_header leads to its header, *ret_length is where the length of its body goes. */
static struct flat begin_message(
    struct buffer *out, enum header header, size_t *ret_header, size_t *ret_length)
{
    static const uint8_t sizes[] = {2, 1, 4, 8};
    static const unsigned char prefix[8] = {0xff, 0xff, 0xff, 0xff};
    size_t at[FIELDS_MAX];
    struct flat flat;

    buffer_append(out, prefix, sizeof(prefix));
    flat = (struct flat){.out = out, .start = out->length};
    buffer_append(out, "\0\0\0\0", 4);
    flat_link_table(&flat, 0, sizes, ARRAY_LENGTH(sizes), at);
    flat_set_int(&flat, at[0], METADATA_V5, 2);
    flat_set_int(&flat, at[1], header, 1);
    *ret_header = at[2];
    *ret_length = at[3];
    return flat;
}

static void end_message(struct flat *flat)
{
    uint32_t length;

    flat_align(flat, 8, 0);
    length = (uint32_t)flat_at(flat);
    if (!flat->out->overflowed)
        memcpy(flat->out->data + flat->start - 4, &length, 4);
}

static int check_size(const struct buffer *out, struct error *err)
{
    return out->overflowed ? error_set(err, ERROR_LIMIT, "a batch of rows is too large") : 0;
}

/* --- the schema --- */

static int put_field(struct flat *flat, size_t at, const struct ArrowSchema *schema, unsigned depth,
    struct error *err)
{
    enum { NULLABLE = 2, KEYS_SORTED = 4 };
    static const uint8_t sizes[] = {4, 1, 1, 4, 0, 4};
    size_t field[FIELDS_MAX], own[FIELDS_MAX], children;
    uint8_t type_sizes[3];
    struct arrow_type type;

    if (depth > DEPTH_MAX || parse_type(schema, &type, err))
        return depth > DEPTH_MAX ? error_set(err, ERROR_LIMIT, "a type is nested too deeply") : -1;
    flat_link_table(flat, at, sizes, ARRAY_LENGTH(sizes), field);
    flat_set_int(flat, field[1], (schema->flags & NULLABLE) != 0, 1);
    flat_set_int(flat, field[2], type.type, 1);
    flat_link_text(flat, field[0], schema->name ? schema->name : "");
    memcpy(type_sizes, type.sizes, sizeof(type_sizes));
    if (type.zone)
        type_sizes[1] = 4;
    flat_link_table(flat, field[3], type_sizes, ARRAY_LENGTH(type_sizes), own);
    for (size_t i = 0; i < ARRAY_LENGTH(type.sizes); i++) {
        if (type.sizes[i])
            flat_set_int(flat, own[i], type.numbers[i], type.sizes[i]);
    }
    if (type.zone)
        flat_link_text(flat, own[1], type.zone);
    if (type.type == TYPE_MAP)
        flat_set_int(flat, own[0], (schema->flags & KEYS_SORTED) != 0, 1);
    children = flat_vector(flat, field[5], (size_t)schema->n_children);
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (put_field(flat, children + 4 * (size_t)i, schema->children[i], depth + 1, err))
            return -1;
    }
    return 0;
}

int arrow_ipc_schema(const struct ArrowSchema *schema, struct buffer *out, struct error *err)
{
    static const uint8_t sizes[] = {2, 4};
    size_t header, length, at[FIELDS_MAX], fields;
    struct flat flat = begin_message(out, HEADER_SCHEMA, &header, &length);

    flat_link_table(&flat, header, sizes, ARRAY_LENGTH(sizes), at); /* endianness: 0 is little */
    fields = flat_vector(&flat, at[1], (size_t)schema->n_children);
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (put_field(&flat, fields + 4 * (size_t)i, schema->children[i], 0, err))
            return -1;
    }
    end_message(&flat);
    return check_size(out, err);
}

/* --- batches --- */

struct batch {
    struct buffer nodes, buffers; /* structs of two 64-bit numbers each */
    struct buffer body;
};

static void put_pair(struct buffer *pairs, int64_t a, int64_t b)
{
    buffer_append(pairs, &a, 8);
    buffer_append(pairs, &b, 8);
}

static void put_buffer(struct batch *batch, const void *bytes, size_t length)
{
    static const char zeros[8];

    put_pair(&batch->buffers, (int64_t)batch->body.length, (int64_t)length);
    if (length > 0)
        buffer_append(&batch->body, bytes, length);
    buffer_append(&batch->body, zeros, (8 - length % 8) % 8);
}

static int64_t count_nulls(const struct ArrowArray *array)
{
    const unsigned char *valid = array->n_buffers > 0 ? array->buffers[0] : NULL;
    int64_t nulls = 0;

    for (int64_t i = 0; valid && i < array->length; i++)
        nulls += !(valid[i / 8] & 1 << i % 8);
    return nulls;
}

/* Of texts, lists: what the last offset says. */
static size_t last_offset(const struct ArrowArray *array, int width)
{
    const size_t last = (size_t)array->length;

    if (array->length == 0)
        return 0;
    return width == 8 ? (size_t)((const int64_t *)array->buffers[1])[last]
                      : (size_t)((const int32_t *)array->buffers[1])[last];
}

static int put_array(struct batch *batch, const struct ArrowSchema *schema,
    const struct ArrowArray *array, struct error *err)
{
    const size_t length = (size_t)array->length, bits = (length + 7) / 8;
    struct arrow_type type;
    int64_t nulls;

    if (parse_type(schema, &type, err))
        return -1;
    if (array->offset != 0)
        return error_set(err, ERROR_INTERNAL, "column \"%s\" begins within its array",
            schema->name ? schema->name : "");
    nulls = type.layout == LAYOUT_NULL ? array->length : count_nulls(array);
    put_pair(&batch->nodes, array->length, nulls);
    if (type.layout != LAYOUT_NULL)
        put_buffer(batch, nulls ? array->buffers[0] : NULL, nulls ? bits : 0);
    if (type.layout == LAYOUT_BITS)
        put_buffer(batch, array->buffers[1], bits);
    else if (type.layout == LAYOUT_FIXED)
        put_buffer(batch, array->buffers[1], length * (size_t)type.width);
    else if (type.layout == LAYOUT_BYTES || type.layout == LAYOUT_LIST)
        put_buffer(batch, array->buffers[1], length ? (length + 1) * (size_t)type.width : 0);
    if (type.layout == LAYOUT_BYTES)
        put_buffer(batch, array->buffers[2], last_offset(array, type.width));
    for (int64_t i = 0; i < array->n_children; i++) {
        if (put_array(batch, schema->children[i], array->children[i], err))
            return -1;
    }
    return 0;
}

static void put_pairs(struct flat *flat, size_t at, const struct buffer *pairs)
{
    const uint32_t count = (uint32_t)(pairs->length / 16);

    flat_align(flat, 8, 4); /* the structs behind the count */
    flat_link(flat, at);
    buffer_append(flat->out, &count, 4);
    buffer_append(flat->out, pairs->data, pairs->length);
}

static void put_batch(const struct batch *batch, int64_t rows, struct buffer *out)
{
    static const uint8_t sizes[] = {8, 4, 4};
    size_t header, length, at[FIELDS_MAX];
    struct flat flat = begin_message(out, HEADER_BATCH, &header, &length);

    flat_set_int(&flat, length, (int64_t)batch->body.length, 8);
    flat_link_table(&flat, header, sizes, ARRAY_LENGTH(sizes), at);
    flat_set_int(&flat, at[0], rows, 8);
    put_pairs(&flat, at[1], &batch->nodes);
    put_pairs(&flat, at[2], &batch->buffers);
    end_message(&flat);
    buffer_append(out, batch->body.data, batch->body.length);
    out->overflowed = out->overflowed || batch->body.overflowed;
}

int arrow_ipc_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
    struct buffer *out, struct error *err)
{
    struct batch batch;
    int rc = 0;

    buffer_init(&batch.nodes, 0);
    buffer_init(&batch.buffers, 0);
    buffer_init(&batch.body, SIZE_MAX / 4);
    for (int64_t i = 0; i < array->n_children && !rc; i++)
        rc = put_array(&batch, schema->children[i], array->children[i], err);
    if (!rc)
        put_batch(&batch, array->length, out);
    buffer_deinit(&batch.nodes);
    buffer_deinit(&batch.buffers);
    buffer_deinit(&batch.body);
    return rc ? -1 : check_size(out, err);
}

void arrow_ipc_end(struct buffer *out)
{
    static const unsigned char end[8] = {0xff, 0xff, 0xff, 0xff};

    buffer_append(out, end, sizeof(end));
}
