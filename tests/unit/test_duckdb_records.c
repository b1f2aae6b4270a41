/* The records of a text file: where each begins and ends, with all that quotes can do. */
#include "connectors/duckdb/records.h"
#include "runner/base/mem.h"
#include "tests/unit/file_fixture.h"

#include <inttypes.h>

static const struct records_dialect csv = {.delimiter = ",", .quote = '"', .escape = '"'};

static void put_bytes(const char *name, const void *bytes, size_t length)
{
    struct error err = {0};
    char *path = path_of(name);

    assert_ok(file_write(path, bytes, length, &err), &err);
    free(path);
}

/* "1:0-4 a,b|2:4-8 1,2|" */
static void check_records(
    const struct records_dialect *dialect, int64_t skip, const char *text, const char *want)
{
    struct error err = {0};
    char *path = path_of("x");
    struct records *records;
    struct record record;
    struct buffer got;
    int rc;

    buffer_init(&got, 0);
    put("x", text);
    records = records_open(path, dialect, &err);
    assert_non_null(records);
    assert_ok(records_skip_lines(records, skip, &err), &err);
    while ((rc = records_next(records, &record, &err)) > 0)
        buffer_printf(&got, "%" PRId64 ":%" PRIu64 "-%" PRIu64 " %.*s|", record.line, record.offset,
            record.end, (int)record.length, record.text);
    assert_int_equal(rc, 0);
    assert_string_equal(got.data, want);
    records_close(records);
    buffer_deinit(&got);
    free(path);
}

static void test_records(void **state)
{
    static const struct records_dialect lines = {0},
                                        odd = {.delimiter = "||", .quote = '\'', .escape = '\\'};

    (void)state;
    check_records(&csv, 0, "", "");
    check_records(&csv, 0, "a,b\n1,2", "1:0-4 a,b|2:4-7 1,2|");
    check_records(&csv, 0, "a\r\n\r\nb\r\n", "1:0-3 a|2:3-5 |3:5-8 b|");
    check_records(&csv, 0, "a\rb\r", "1:0-2 a|2:2-4 b|");
    check_records(&csv, 0,
        "\xef\xbb\xbf"
        "a\nb\n",
        "1:3-5 a|2:5-7 b|");
    check_records(&csv, 2, "x\n\"y\na\nb\n", "3:5-7 a|4:7-9 b|");
    check_records(&csv, 0, "1,\"a\nb\",c\n2\n", "1:0-10 1,\"a\nb\",c|3:10-12 2|");
    check_records(&csv, 0, "1,\"a\"\"\n\",c\n2\n", "1:0-11 1,\"a\"\"\n\",c|3:11-13 2|");
    /* A quote within a cell is one more character; what follows a closing one breaks the line. */
    check_records(&csv, 0, "1,a\"b\n2\n", "1:0-6 1,a\"b|2:6-8 2|");
    check_records(&csv, 0, "1,\"a\"b,\"c\n2\n", "1:0-10 1,\"a\"b,\"c|2:10-12 2|");
    check_records(&csv, 0, "1,\"a\n2\n", "1:0-7 1,\"a\n2\n|");
    check_records(&lines, 0, "{\"a\":\"\n\n}", "1:0-7 {\"a\":\"|2:7-8 |3:8-9 }|");
    check_records(
        &odd, 0, "1||'a\\'\n|'||c\n|'2'\n'", "1:0-14 1||'a\\'\n|'||c|3:14-19 |'2'|4:19-20 '|");
}

/* Larger than any window, and larger than what is kept. */
static void test_long_records(void **state)
{
    enum { LONG = 3 * 1024 * 1024 };
    char *text = mem_calloc(1, 4 * LONG + 8), *path = path_of("x");
    struct error err = {0};
    struct records *records;
    struct record record;

    (void)state;
    memset(text, 'a', LONG);
    text[0] = '"';
    text[LONG / 2] = '\n';
    text[LONG - 1] = '"';
    text[LONG] = '\n';
    memset(text + LONG + 1, 'b', 3 * LONG);
    text[4 * LONG + 1] = '\n';
    text[4 * LONG + 2] = 'c';
    text[4 * LONG + 3] = '\n';
    put_bytes("x", text, 4 * LONG + 4);
    records = records_open(path, &csv, &err);
    assert_int_equal(records_next(records, &record, &err), 1);
    assert_int_equal(record.length, LONG);
    assert_memory_equal(record.text, text, LONG);
    assert_int_equal(records_next(records, &record, &err), 1);
    assert_null(record.text);
    assert_int_equal(record.line, 3);
    assert_int_equal(record.end, 4 * LONG + 2);
    assert_int_equal(records_next(records, &record, &err), 1);
    assert_int_equal(record.line, 4);
    assert_int_equal(record.length, 1);
    assert_int_equal(records_next(records, &record, &err), 0);
    records_close(records);
    free(path);
    free(text);
}

static void test_cells(void **state)
{
    static const char text[] = "1,\"a,\"\"b\",,x\"y,";
    static const char *const want[] = {"1", "\"a,\"\"b\"", "", "x\"y", ""};
    struct records_cell cell;
    size_t at = 0, count = 0;

    (void)state;
    while (records_next_cell(&csv, text, strlen(text), &at, &cell)) {
        assert_int_equal(cell.length, strlen(want[count]));
        assert_memory_equal(text + cell.start, want[count], cell.length);
        count++;
    }
    assert_int_equal(count, ARRAY_LENGTH(want));
}

/* The same text as in UTF-8, whichever way round its bytes are. */
static void test_utf16(void **state)
{
    static const struct records_dialect dialect = {
        .delimiter = ",", .quote = '"', .escape = '"', .utf16 = true};
    static const char little[] = "\xff\xfe"
                                 "a\0,\0\xe9\0\r\0\n\0\x3d\xd8\x00\xde\n\0x\0",
                      big[] = "\xfe\xff"
                              "\0a\0,\0\xe9\0\r\0\n\xd8\x3d\xde\x00\0\n\0x";
    const char *const texts[] = {little, big};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct error err = {0};
        char *path = path_of("u");
        struct records *records;
        struct record record;

        put_bytes("u", texts[i], sizeof(little) - 1);
        records = records_open(path, &dialect, &err);
        assert_non_null(records);
        assert_int_equal(records_next(records, &record, &err), 1);
        assert_int_equal(record.offset, 3);
        assert_int_equal(record.length, 4);
        assert_memory_equal(record.text, "a,\xc3\xa9", 4);
        assert_int_equal(records_next(records, &record, &err), 1);
        assert_int_equal(record.line, 2);
        assert_memory_equal(record.text, "\xf0\x9f\x98\x80", 4);
        assert_int_equal(records_next(records, &record, &err), 1);
        assert_int_equal(record.text[0], 'x');
        assert_int_equal(records_next(records, &record, &err), 0);
        records_close(records);
        free(path);
    }
}

static void test_no_file(void **state)
{
    struct error err = {0};

    (void)state;
    assert_null(records_open("/nonexistent/x", &csv, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_long_records, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_cells),
        cmocka_unit_test_setup_teardown(test_utf16, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
