#include "runner/base/mem.h"
#include "runner/cli/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sql_column columns[] = {
    {"id", "BIGINT"},
    {"name", "VARCHAR"},
    {"ok", "BOOLEAN"},
    {"cost", "DECIMAL(10,2)"},
    {"tags", "VARCHAR[]"},
    {"doc", "JSON"},
    {"ratio", "DOUBLE"},
    {"day", "DATE"},
};
static const struct sql_schema schema = {columns, ARRAY_LENGTH(columns)};

static const char *const cells[] = {
    /* a plain row */
    "1", "Ann", "true", "0.10", "[\"a\",\"b\"]", "{\"k\": 1}", "1e+20", "2026-11-21",
    /* nulls */
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    /* what must be quoted or escaped */
    "-3", "say \"hi\",\r\n\x01\\", "false", "-12.00", "[]", "[1,\n 2]", "-inf", ""};

/* A memory stream's text lives until the next call. */
static char *written;
static size_t written_length;

static FILE *open_stream(void)
{
    FILE *out;

    free(written);
    out = open_memstream(&written, &written_length);
    assert_non_null(out);
    return out;
}

static const char *write_all(const struct rows_options *wanted, const struct sql_schema *of,
    const char *const *values, size_t count)
{
    struct rows_options options = *wanted;
    struct rows_writer *rows;

    options.out = open_stream();
    rows = rows_new(&options);
    /* In two halves, as batches come. */
    assert_true(rows_write(rows, of, values, count / 2));
    assert_true(rows_write(rows, of, values + count / 2 * of->count, count - count / 2));
    assert_int_equal(rows_end(rows), count);
    fclose(options.out);
    return written;
}

static void test_csv(void **state)
{
    const struct rows_options options = {.format = ROWS_CSV};

    (void)state;
    assert_string_equal(write_all(&options, &schema, cells, 3),
        "id,name,ok,cost,tags,doc,ratio,day\n"
        "1,Ann,true,0.10,\"[\"\"a\"\",\"\"b\"\"]\",\"{\"\"k\"\": 1}\",1e+20,2026-11-21\n"
        ",,,,,,,\n"
        "-3,\"say \"\"hi\"\",\r\n\x01\\\",false,-12.00,[],\"[1,\n 2]\",-inf,\"\"\n");
}

static void test_csv_of_one_column_has_no_empty_lines(void **state)
{
    struct sql_column one[] = {{"a", "VARCHAR"}};
    const struct sql_schema single = {one, 1};
    const char *const values[] = {"x", NULL, ""};
    const struct rows_options options = {.format = ROWS_CSV};

    (void)state;
    assert_string_equal(write_all(&options, &single, values, 3), "a\nx\n\"\"\n\"\"\n");
}

static void test_ndjson(void **state)
{
    const struct rows_options options = {.format = ROWS_NDJSON};

    (void)state;
    assert_string_equal(write_all(&options, &schema, cells, 3),
        "{\"id\":1,\"name\":\"Ann\",\"ok\":true,\"cost\":0.10,\"tags\":[\"a\",\"b\"],"
        "\"doc\":{\"k\": 1},\"ratio\":1e+20,\"day\":\"2026-11-21\"}\n"
        "{\"id\":null,\"name\":null,\"ok\":null,\"cost\":null,\"tags\":null,\"doc\":null,"
        "\"ratio\":null,\"day\":null}\n"
        "{\"id\":-3,\"name\":\"say \\\"hi\\\",\\u000d\\u000a\\u0001\\\\\",\"ok\":false,"
        "\"cost\":-12.00,\"tags\":[],\"doc\":[1,  2],\"ratio\":\"-Infinity\",\"day\":\"\"}\n");
}

static void test_json_numbers(void **state)
{
    static const struct {
        const char *cell, *json;
    } cases[] = {{"0", "0"}, {"-0.5", "-0.5"},
        {"170141183460469231731687303715884105727", "170141183460469231731687303715884105727"},
        {"1e-05", "1e-05"}, {"1E5", "1E5"}, {"nan", "\"NaN\""}, {"inf", "\"Infinity\""},
        {"007", "\"007\""}, {".5", "\".5\""}, {"1.", "\"1.\""}, {"1e", "\"1e\""}, {"-", "\"-\""},
        {"0x1f", "\"0x1f\""}, {"", "\"\""}};
    struct sql_column one[] = {{"n", "DOUBLE"}};
    const struct sql_schema single = {one, 1};
    const struct rows_options options = {.format = ROWS_NDJSON};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char expected[80];

        snprintf(expected, sizeof(expected), "{\"n\":%s}\n", cases[i].json);
        assert_string_equal(write_all(&options, &single, &cases[i].cell, 1), expected);
    }
}

static void test_json_of_names_and_bytes(void **state)
{
    struct sql_column twice[] = {
        {"a", "INTEGER"}, {"a", "INTEGER"}, {"a_1", "INTEGER"}, {"ä\"", "VARCHAR"}};
    const struct sql_schema doubled = {twice, 4};
    const char *const values[] = {"1", "2", "3", "ok ä \xff."};
    const struct rows_options ndjson = {.format = ROWS_NDJSON}, json = {.format = ROWS_JSON};

    (void)state;
    assert_string_equal(write_all(&ndjson, &doubled, values, 1),
        "{\"a\":1,\"a_1\":2,\"a_1_1\":3,\"ä\\\"\":\"ok ä \xef\xbf\xbd.\"}\n");
    assert_string_equal(write_all(&json, &doubled, values, 0),
        "{\"columns\":[{\"name\":\"a\",\"type\":\"INTEGER\"},{\"name\":\"a_1\",\"type\":"
        "\"INTEGER\"},{\"name\":\"a_1_1\",\"type\":\"INTEGER\"},{\"name\":\"ä\\\"\",\"type\":"
        "\"VARCHAR\"}],\"rows\":[]}\n");
}

static void test_json_separates_rows_of_all_batches(void **state)
{
    struct sql_column one[] = {{"n", "INTEGER"}};
    const struct sql_schema single = {one, 1};
    const char *const values[] = {"1", "2", "3", "4"};
    const struct rows_options options = {.format = ROWS_JSON};

    (void)state;
    assert_string_equal(write_all(&options, &single, values, 4),
        "{\"columns\":[{\"name\":\"n\",\"type\":\"INTEGER\"}],\"rows\":[{\"n\":1},{\"n\":2},"
        "{\"n\":3},{\"n\":4}]}\n");
}

static void test_table(void **state)
{
    struct sql_column two[] = {{"n", "BIGINT"}, {"text", "VARCHAR"}, {"m", "DECIMAL(4,1)"}};
    const struct sql_schema three = {two, 3};
    const char *const values[] = {"1", "a\nb", "2.5", "1234", NULL, "-10.0"};
    const struct rows_options options = {.format = ROWS_TABLE};

    (void)state;
    assert_string_equal(write_all(&options, &three, values, 2), "   n  text      m\n"
                                                                "   1  a\\nb    2.5\n"
                                                                "1234  NULL  -10.0\n");
    assert_string_equal(write_all(&options, &three, values, 0), "n  text  m\n");
}

static void test_table_fits_the_terminal(void **state)
{
    struct sql_column four[] = {
        {"n", "BIGINT"}, {"long", "VARCHAR"}, {"other", "VARCHAR"}, {"last", "VARCHAR"}};
    const struct sql_schema wide = {four, 4};
    const char *const values[] = {
        "1", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678901234567890"};
    const struct rows_options forty = {.format = ROWS_TABLE, .width = 40},
                              twenty = {.format = ROWS_TABLE, .width = 20, .color = true};

    (void)state;
    assert_string_equal(write_all(&forty, &wide, values, 1),
        "n  long         other        last\n"
        "1  abcdefghij…  ABCDEFGHIJ…  1234567890…\n");
    assert_string_equal(write_all(&twenty, &wide, values, 1),
        "\033[2mn\033[0m  \033[2mlong\033[0m\n"
        "1  abcdefghijklmnop…\n"
        "\033[2m… and 2 more columns: other, last\033[0m\n");
}

/* Widths come from the first thousand rows; what comes later is cut, not lost. */
static void test_table_streams(void **state)
{
    struct sql_column one[] = {{"n", "VARCHAR"}, {"m", "INTEGER"}};
    const struct sql_schema two = {one, 2};
    const struct rows_options options = {.format = ROWS_TABLE, .out = open_stream()};
    struct rows_writer *rows = rows_new(&options);
    const char *const small[] = {"ab", "1"}, *const large[] = {"abcdefghijkl", "123456"};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(rows_write(rows, &two, small, 1));
        fflush(options.out);
        assert_true((written_length > 0) == (i == 999));
    }
    assert_true(rows_write(rows, &two, large, 1));
    assert_int_equal(rows_end(rows), 1001);
    fclose(options.out);
    assert_string_equal(written + written_length - strlen("ab  1\nabcdefghijkl  123456\n"),
        "ab  1\nabcdefghijkl  123456\n");
}

static void test_an_abandoned_writer_writes_nothing_more(void **state)
{
    const struct rows_options options = {.format = ROWS_JSON, .out = open_stream()};
    struct rows_writer *rows = rows_new(&options);

    (void)state;
    rows_abandon(rows);
    assert_int_equal(rows_end(rows_new(&options)), 0);
    fclose(options.out);
    assert_int_equal(written_length, 0);
    rows_abandon(NULL);
    assert_int_equal(rows_end(NULL), 0);
}

static void test_a_full_disk_is_told(void **state)
{
    const char *const value = "x";
    struct sql_column one[] = {{"n", "VARCHAR"}};
    const struct sql_schema single = {one, 1};
    struct rows_options options = {.format = ROWS_CSV, .out = fopen("/dev/full", "w")};
    struct rows_writer *rows;
    bool more = true;

    (void)state;
    assert_non_null(options.out);
    rows = rows_new(&options);
    for (int i = 0; more && i < 1000000; i++)
        more = rows_write(rows, &single, &value, 1);
    assert_false(more);
    rows_abandon(rows);
    fclose(options.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_of_one_column_has_no_empty_lines),
        cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_json_of_names_and_bytes),
        cmocka_unit_test(test_json_separates_rows_of_all_batches),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_fits_the_terminal),
        cmocka_unit_test(test_table_streams),
        cmocka_unit_test(test_an_abandoned_writer_writes_nothing_more),
        cmocka_unit_test(test_a_full_disk_is_told),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    free(written);
    return failed;
}
