/* Arrow's stream, byte by byte: messages are framed and aligned as the specification says, what
 * they hold lies where they say it does, and types that are not written are refused by name. That
 * other programs read the stream is shown with pyarrow (test_catalog_read.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/duckdb/arrow_ipc.h"
#include "runner/base/mem.h"

/* --- a reader of what is written --- */

static uint32_t u32(const struct buffer *out, size_t at)
{
    uint32_t value;

    assert_in_range(at + sizeof(value), 0, out->length);
    memcpy(&value, out->data + at, sizeof(value));
    return value;
}

static uint64_t u64(const struct buffer *out, size_t at)
{
    uint64_t value;

    assert_in_range(at + sizeof(value), 0, out->length);
    memcpy(&value, out->data + at, sizeof(value));
    return value;
}

static uint16_t u16(const struct buffer *out, size_t at)
{
    uint16_t value;

    assert_in_range(at + sizeof(value), 0, out->length);
    memcpy(&value, out->data + at, sizeof(value));
    return value;
}

/* Where field `index` of the table at `at` stands; 0: it is not there. */
static size_t field(const struct buffer *out, size_t at, unsigned index)
{
    const size_t vtable = at - (size_t)(int64_t)(int32_t)u32(out, at);
    const size_t entry = 4 + 2 * (size_t)index;
    const uint16_t place = entry < u16(out, vtable) ? u16(out, vtable + entry) : 0;

    return place ? at + place : 0;
}

static size_t follow(const struct buffer *out, size_t at)
{
    assert_true(at != 0 && u32(out, at) > 0);
    return at + u32(out, at);
}

struct message {
    size_t table, header, body;
    uint8_t header_type;
    uint64_t body_length;
};

/* The message at *at, which moves behind it. */
static struct message read_message(const struct buffer *out, size_t *at)
{
    struct message message;
    uint32_t length;

    assert_int_equal(*at % 8, 0);
    assert_int_equal(u32(out, *at), 0xffffffffU);
    length = u32(out, *at + 4);
    assert_true(length > 0 && length % 8 == 0);
    message.table = follow(out, *at + 8);
    assert_int_equal(u16(out, field(out, message.table, 0)), 4); /* MetadataVersion.V5 */
    message.header_type = (uint8_t)out->data[field(out, message.table, 1)];
    message.header = follow(out, field(out, message.table, 2));
    message.body = *at + 8 + length;
    message.body_length = field(out, message.table, 3) ? u64(out, field(out, message.table, 3)) : 0;
    assert_int_equal(message.body_length % 8, 0);
    *at = message.body + message.body_length;
    assert_in_range(*at, 0, out->length);
    return message;
}

static const char *text_at(const struct buffer *out, size_t at)
{
    const size_t text = follow(out, at);

    assert_int_equal(out->data[text + 4 + u32(out, text)], 0);
    return out->data + text + 4;
}

/* --- rows --- */

enum { COLUMNS = 2 };

/* n INTEGER with nulls, t VARCHAR. */
struct rows {
    struct ArrowSchema columns[COLUMNS], root;
    struct ArrowSchema *schema_children[COLUMNS];
    struct ArrowArray arrays[COLUMNS], batch;
    struct ArrowArray *array_children[COLUMNS];
    const void *buffers[COLUMNS][3];
};

static void rows_init(struct rows *rows, const char *first, const char *second)
{
    static const uint8_t valid[] = {0x05}; /* 1, null, 3 */
    static const int32_t numbers[] = {1, 2, 3}, offsets[] = {0, 1, 1, 4};
    const char *const formats[] = {first, second}, *const names[] = {"n", "t\xc3\xa9xt"};

    *rows = (struct rows){.buffers = {{valid, numbers}, {NULL, offsets, "abcd"}}};
    for (size_t i = 0; i < COLUMNS; i++) {
        rows->columns[i] =
            (struct ArrowSchema){.format = formats[i], .name = names[i], .flags = 2 /* nullable */};
        rows->schema_children[i] = &rows->columns[i];
        rows->arrays[i] = (struct ArrowArray){.length = 3,
            .null_count = i == 0,
            .n_buffers = i == 0 ? 2 : 3,
            .buffers = rows->buffers[i]};
        rows->array_children[i] = &rows->arrays[i];
    }
    rows->root = (struct ArrowSchema){
        .format = "+s", .name = "", .n_children = COLUMNS, .children = rows->schema_children};
    rows->batch =
        (struct ArrowArray){.length = 3, .n_children = COLUMNS, .children = rows->array_children};
}

static void test_the_schema(void **state)
{
    struct rows rows;
    struct message message;
    struct error err = {0};
    struct buffer out;
    size_t at = 0, fields;

    (void)state;
    rows_init(&rows, "i", "u");
    buffer_init(&out, 0);
    assert_int_equal(arrow_ipc_schema(&rows.root, &out, &err), 0);
    message = read_message(&out, &at);
    assert_int_equal(at, out.length);
    assert_int_equal(message.header_type, 1);
    assert_int_equal(message.body_length, 0);
    fields = follow(&out, field(&out, message.header, 1));
    assert_int_equal(u32(&out, fields), COLUMNS);
    for (unsigned i = 0; i < COLUMNS; i++) {
        const size_t table = follow(&out, fields + 4 + 4 * (size_t)i);

        assert_string_equal(text_at(&out, field(&out, table, 0)), rows.columns[i].name);
        assert_int_equal(out.data[field(&out, table, 1)], 1);              /* nullable */
        assert_int_equal(out.data[field(&out, table, 2)], i == 0 ? 2 : 5); /* Int, Utf8 */
    }
    buffer_deinit(&out);
}

static void test_a_batch(void **state)
{
    static const char numbers[] = "\1\0\0\0\2\0\0\0\3\0\0\0",
                      offsets[] = "\0\0\0\0\1\0\0\0\1\0\0\0\4";
    struct rows rows;
    struct message message;
    struct error err = {0};
    struct buffer out;
    size_t at = 0, nodes, buffers;
    uint64_t places[5], lengths[5];

    (void)state;
    rows_init(&rows, "i", "u");
    buffer_init(&out, 0);
    assert_int_equal(arrow_ipc_batch(&rows.root, &rows.batch, &out, &err), 0);
    message = read_message(&out, &at);
    assert_int_equal(at, out.length);
    assert_int_equal(message.header_type, 3);
    assert_int_equal(u64(&out, field(&out, message.header, 0)), 3);
    nodes = follow(&out, field(&out, message.header, 1));
    assert_int_equal(u32(&out, nodes), COLUMNS);
    assert_int_equal((nodes + 4) % 8, 0); /* structs of longs */
    assert_int_equal(u64(&out, nodes + 4), 3);
    assert_int_equal(u64(&out, nodes + 12), 1); /* nulls of n */
    assert_int_equal(u64(&out, nodes + 28), 0); /* and of the text */
    buffers = follow(&out, field(&out, message.header, 2));
    assert_int_equal(u32(&out, buffers), 5);
    for (size_t i = 0; i < 5; i++) {
        places[i] = u64(&out, buffers + 4 + 16 * i);
        lengths[i] = u64(&out, buffers + 12 + 16 * i);
        assert_int_equal(places[i] % 8, 0);
        assert_true(places[i] + lengths[i] <= message.body_length);
    }
    assert_int_equal(out.data[message.body + places[0]] & 7, 5);
    assert_memory_equal(out.data + message.body + places[1], numbers, 12);
    assert_memory_equal(out.data + message.body + places[3], offsets, 13);
    assert_int_equal(lengths[4], 4);
    assert_memory_equal(out.data + message.body + places[4], "abcd", 4);
    buffer_deinit(&out);
}

/* A batch that begins within its buffers, as slices do and the engine's do not, is no batch of
 * other rows. */
static void test_a_slice(void **state)
{
    struct rows rows;
    struct error err = {0};
    struct buffer out;

    (void)state;
    rows_init(&rows, "i", "u");
    rows.arrays[1].offset = 1;
    buffer_init(&out, 0);
    assert_int_equal(arrow_ipc_batch(&rows.root, &rows.batch, &out, &err), -1);
    assert_non_null(strstr(err.message, "t\xc3\xa9xt"));
    buffer_deinit(&out);
}

static void test_the_end(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 0);
    arrow_ipc_end(&out);
    assert_int_equal(out.length, 8);
    assert_int_equal(u32(&out, 0), 0xffffffffU);
    assert_int_equal(u32(&out, 4), 0);
    buffer_deinit(&out);
}

static void test_types_that_are_not_written(void **state)
{
    static const char *const formats[] = {"+us:0,1", "vu", "+vl", "?", "", "d:10", "tsx:"};
    struct rows rows;
    struct error err = {0};
    struct buffer out;

    (void)state;
    buffer_init(&out, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        rows_init(&rows, "i", formats[i]);
        if (arrow_ipc_schema(&rows.root, &out, &err) == 0)
            fail_msg("%s was written", formats[i]);
        assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
        assert_non_null(strstr(err.message, "t\xc3\xa9xt"));
    }
    rows_init(&rows, "i", "u");
    rows.columns[0].dictionary = &rows.columns[1];
    assert_int_equal(arrow_ipc_schema(&rows.root, &out, &err), -1);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schema),
        cmocka_unit_test(test_a_batch),
        cmocka_unit_test(test_a_slice),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_types_that_are_not_written),
    };

    return cmocka_run_group_tests_name("arrow_ipc", tests, NULL, NULL);
}
