/* Partitions that a condition leaves out by their values: what each transform says, and what nobody
 * may conclude from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runner/base/mem.h"
#include "runner/base/murmur.h"
#include "runner/engine/prune.h"

struct asked {
    const char *type, *partition; /* of the column c */
    const char *value;            /* of the partition */
    enum sql_comparison comparison;
    const char *constant;
    bool number; /* written without quotes */
    const char *cast;
};

static bool may(const struct asked *asked)
{
    const char *const values[] = {asked->constant};
    const struct catalog_column column = {.name = "c", .type = asked->type, .field_id = 7};
    const struct sql_condition condition = {.column = "C",
        .comparison = asked->comparison,
        .values = values,
        .value_count = asked->constant != NULL,
        .quoted = !asked->number,
        .type = asked->cast};
    struct prune *prune = prune_new(&condition, 1, &column, 1);
    struct partition_field field;
    struct arena arena;
    struct error err;
    bool answer;

    arena_init(&arena);
    assert_int_equal(pipeline_parse_partition(asked->partition, &arena, &field, &err), 0);
    prune_partitions(prune, &field, 1);
    answer = prune_partition_may_match(prune, &asked->value, 1);
    prune_free(prune);
    arena_deinit(&arena);
    return answer;
}

#define MAY(...) may(&(struct asked){__VA_ARGS__})

/* The least and the greatest value that a row of it may have, and their neighbours outside. */
static void assert_spans(const char *type, const char *partition, const char *value,
    const char *below, const char *least, const char *most, const char *above, bool number)
{
    assert_false(MAY(type, partition, value, SQL_EQUAL, below, number));
    assert_true(MAY(type, partition, value, SQL_EQUAL, least, number));
    assert_true(MAY(type, partition, value, SQL_EQUAL, most, number));
    assert_false(MAY(type, partition, value, SQL_EQUAL, above, number));
    assert_false(MAY(type, partition, value, SQL_LESS, least, number));
    assert_true(MAY(type, partition, value, SQL_LESS_EQUAL, least, number));
    assert_true(MAY(type, partition, value, SQL_GREATER_EQUAL, most, number));
    assert_true(MAY(type, partition, value, SQL_GREATER, below, number));
    assert_true(MAY(type, partition, value, SQL_LESS, above, number));
    assert_false(MAY(type, partition, value, SQL_GREATER_EQUAL, above, number));
    assert_false(MAY(type, partition, value, SQL_LESS_EQUAL, below, number));
}

static void test_identity(void **state)
{
    (void)state;
    assert_spans("BIGINT", "c", "5", "4", "5", "5", "6", true);
    assert_spans("DECIMAL(10,2)", "c", "5", "4.99", "5", "5.00", "5.01", true); /* was an INTEGER */
    assert_spans("DECIMAL(10,2)", "c", "-5.50", "-5.51", "-5.5", "-5.50", "-5.49", true);
    assert_spans("VARCHAR", "c", "b", "a", "b", "b", "ba", false);
    assert_spans(
        "DATE", "c", "2001-02-28", "2001-02-27", "2001-02-28", "2001-02-28", "2001-03-01", false);
    assert_spans("TIMESTAMP WITH TIME ZONE", "c", "2001-02-03 04:00:00+00", "2001-02-03 03:59:59",
        "2001-02-03 06:00:00+02", "2001-02-03 04:00:00", "2001-02-03 06:00:01+02", false);
    assert_false(MAY("BOOLEAN", "c", "true", SQL_EQUAL, "false", true));
    assert_false(MAY("INTEGER", "c", "5", SQL_GREATER, "5", true));
    assert_false(MAY("VARCHAR", "c", "a", SQL_LESS, "a"));
    assert_true(MAY("VARCHAR", "c", "a", SQL_GREATER, "a")); /* "a\0b" has the same text */
}

static void test_truncate(void **state)
{
    (void)state;
    assert_spans("INTEGER", "truncate(10, c)", "-10", "-11", "-10", "-1", "0", true);
    assert_spans("BIGINT", "truncate(10, c)", "50", "49", "50", "59", "60", true);
    assert_spans(
        "DECIMAL(10,2)", "truncate(50, c)", "-1.00", "-1.01", "-1.00", "-0.51", "-0.5", true);
    /* Of rows that were INTEGER when they came. */
    assert_spans("DECIMAL(10,2)", "truncate(10, c)", "50", "49.99", "50", "59", "59.01", true);
    assert_false(MAY("DECIMAL(38,0)", "truncate(10, c)", "99999999999999999999999999999999999990",
        SQL_LESS, "99999999999999999999999999999999999990", true));
    assert_true(MAY("DECIMAL(38,0)", "truncate(10, c)", "99999999999999999999999999999999999990",
        SQL_EQUAL, "99999999999999999999999999999999999999", true));
    assert_false(MAY("DECIMAL(38,0)", "truncate(10, c)", "99999999999999999999999999999999999980",
        SQL_EQUAL, "99999999999999999999999999999999999990", true));
}

static void test_prefixes(void **state)
{
    (void)state;
    assert_spans("VARCHAR", "truncate(2, c)", "ab", "aa", "ab", "ab\xf4\x8f\xbf\xbf", "ac", false);
    assert_spans("VARCHAR", "truncate(2, c)", "a", "Z", "a", "a", "aa", false); /* no other one */
    assert_spans(
        "VARCHAR", "truncate(1, c)", "\xc3\xa9", "z", "\xc3\xa9", "\xc3\xa9zzz", "\xc3\xaa", false);
    assert_true(MAY("VARCHAR", "truncate(2, c)", "\xc3\xa9", SQL_EQUAL, "\xc3\xa9"));
    assert_false(MAY("VARCHAR", "truncate(2, c)", "\xc3\xa9", SQL_EQUAL, "\xc3\xa9z"));
    assert_false(MAY("VARCHAR", "truncate(2, c)", "", SQL_EQUAL, "a"));
    assert_true(MAY("VARCHAR", "truncate(2, c)", "", SQL_EQUAL, ""));
}

static void test_times(void **state)
{
    (void)state;
    assert_spans(
        "DATE", "year(c)", "2000", "1999-12-31", "2000-01-01", "2000-12-31", "2001-01-01", false);
    assert_spans("DATE", "month(c)", "2000-02", "2000-01-31", "2000-02-01", "2000-02-29",
        "2000-03-01", false);
    assert_spans("DATE", "month(c)", "2000-12", "2000-11-30", "2000-12-01", "2000-12-31",
        "2001-01-01", false);
    assert_spans("DATE", "day(c)", "2000-02-29", "2000-02-28", "2000-02-29", "2000-02-29",
        "2000-03-01", false);
    assert_spans("TIMESTAMP", "month(c)", "1969-12", "1969-11-30 23:59:59.999999", "1969-12-01",
        "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", false);
    assert_spans("TIMESTAMP", "hour(c)", "2001-02-03-23", "2001-02-03 22:59:59.999999",
        "2001-02-03 23:00:00", "2001-02-03 23:59:59.999999", "2001-02-04 00:00:00", false);
    assert_spans("TIMESTAMP WITH TIME ZONE", "day(c)", "2001-02-03", "2001-02-03 01:59:59+02",
        "2001-02-03 02:00:00+02", "2001-02-03 23:59:59.999999Z", "2001-02-04 02:00:00+02", false);
    assert_spans("TIMESTAMP_NS", "day(c)", "2001-02-03", "2001-02-02 23:59:59.999999999",
        "2001-02-03", "2001-02-03 23:59:59.999999999", "2001-02-04", false);
    assert_false(
        MAY("TIMESTAMP", "month(c)", "2001-02", SQL_GREATER_EQUAL, "2001-03-01", false, "DATE"));
    assert_true(MAY("TIMESTAMP", "month(c)", "2001-02", SQL_GREATER, "2001-02-28", false, "DATE"));
}

static const char *bucket_of(int64_t hash)
{
    static char text[24];

    snprintf(text, sizeof(text), "%d", (int)((hash & 0x7fffffff) % 16));
    return text;
}

static void assert_bucket(const char *type, const char *bucket, const char *constant, bool number)
{
    unsigned found = 0;

    for (int i = 0; i < 16; i++) {
        char value[8];

        snprintf(value, sizeof(value), "%d", i);
        found += MAY(type, "bucket(16, c)", value, SQL_EQUAL, constant, number);
        assert_true(MAY(type, "bucket(16, c)", value, SQL_LESS, constant, number));
    }
    assert_int_equal(found, 1);
    assert_true(MAY(type, "bucket(16, c)", bucket, SQL_IN, constant, number));
}

static void test_buckets(void **state)
{
    static const uint8_t e_acute[] = {0xc3, 0xa9};

    (void)state;
    assert_bucket("BIGINT", bucket_of(murmur3_long(34)), "34", true);
    assert_bucket("SMALLINT", bucket_of(murmur3_long(-1)), "-1", true);
    assert_bucket("UINTEGER", bucket_of(murmur3_long(0)), "0", true);
    assert_bucket("INTEGER", bucket_of(murmur3_long(1200)), "1200.00", true);
    assert_bucket("INTEGER", bucket_of(murmur3_long(34)), "34", false);
    assert_bucket("VARCHAR", bucket_of(murmur3("iceberg", 7)), "iceberg", false);
    assert_bucket("VARCHAR", bucket_of(murmur3(e_acute, 2)), "\xc3\xa9", false);
    assert_bucket("DATE", bucket_of(murmur3_long(17486)), "2017-11-16", false);
    assert_bucket("DATE", bucket_of(murmur3_long(-1)), "1969-12-31", false);
    assert_bucket("TIME", bucket_of(murmur3_long(81068000000)), "22:31:08", false);
    assert_bucket("TIMESTAMP", bucket_of(murmur3_long(1510871468000001)),
        "2017-11-16 22:31:08.000001", false);
    assert_bucket("TIMESTAMP WITH TIME ZONE", bucket_of(murmur3_long(1510871468000000)),
        "2017-11-16 14:31:08-08", false);
}

static void test_nulls(void **state)
{
    static const char *const fields[] = {"c", "truncate(2, c)", "bucket(16, c)", "month(c)"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        const bool is_time = i == 3; /* infinity has no month */

        assert_true(MAY("TIMESTAMP", fields[i], NULL, SQL_IS_NULL));
        assert_int_equal(MAY("TIMESTAMP", fields[i], NULL, SQL_IS_NOT_NULL), is_time);
        assert_int_equal(MAY("TIMESTAMP", fields[i], NULL, SQL_EQUAL, "2001-01-01"), is_time);
        assert_false(MAY("TIMESTAMP", fields[i], "0", SQL_IS_NULL));
        assert_true(MAY("TIMESTAMP", fields[i], "0", SQL_IS_NOT_NULL));
    }
}

/* Each is a trap: somebody might conclude something from it. */
static void test_in_doubt_a_partition_stays(void **state)
{
    static const struct asked asked[] = {
        {"DOUBLE", "c", "0.1", SQL_EQUAL, "0.10000000149011612", true}, /* was FLOAT 0.1 */
        {"FLOAT", "c", "0.1", SQL_GREATER, "5", true},
        {"DATE", "c", "infinity", SQL_GREATER, "2001-01-01"},
        {"DATE", "c", "0044-03-15 (BC)", SQL_LESS, "2001-01-01"},
        {"TIMESTAMP WITH TIME ZONE", "c", "2001-02-03 04:05:06", SQL_EQUAL, "2005-01-01"},
        {"VARCHAR", "c", "5", SQL_EQUAL, "05", true}, /* compared as numbers */
        {"VARCHAR", "c", "\xef\xbf\xbd", SQL_EQUAL, "a"},
        {"BLOB", "c", "b", SQL_EQUAL, "a"},
        {"BLOB", "truncate(1, c)", "b", SQL_EQUAL, "a"},
        {"JSON", "c", "b", SQL_EQUAL, "a"},
        {"DATE", "year(c)", "20000", SQL_LESS, "1999-01-01"},
        {"DATE", "year(c)", "-044", SQL_GREATER, "1999-01-01"},
        {"DATE", "month(c)", "2001-13", SQL_GREATER, "2010-01-01"},
        {"DATE", "month(c)", "2001-1", SQL_GREATER, "2010-01-01"},
        {"DATE", "day(c)", "2001-02-30", SQL_GREATER, "2010-01-01"},
        {"DATE", "month(c)", "2001-02", SQL_GREATER, "2001-02-27 23:00:00", false, "TIMESTAMP"},
        {"VARCHAR", "month(c)", "2001-02", SQL_EQUAL, "2005-01-01"},
        {"BIGINT", "truncate(10, c)", "fifty", SQL_EQUAL, "1", true},
        {"INTEGER", "truncate(10, c)", "50", SQL_EQUAL, "5.5e1", true},
        {"DECIMAL(10,2)", "bucket(16, c)", "x", SQL_EQUAL, "1", true}, /* as what was it hashed? */
        {"UBIGINT", "bucket(16, c)", "x", SQL_EQUAL, "1", true},
        {"UUID", "bucket(16, c)", "x", SQL_EQUAL, "00000000-0000-0000-0000-00000000000a"},
        {"TIMESTAMP_NS", "bucket(16, c)", "x", SQL_EQUAL, "2001-01-01"},
        {"BIGINT", "bucket(16, c)", "x", SQL_EQUAL, "9223372036854775807", true},
        {"BIGINT", "bucket(16, c)", "x", SQL_EQUAL, "1.5", true},
        {"BIGINT", "bucket(16, c)", "x", SQL_GREATER, "1", true},
        {"INTEGER", "d", "x", SQL_EQUAL, "1", true}, /* another column */
        {"FANCY", "c", "x", SQL_EQUAL, "1", true},
        {"NULL", "c", "x", SQL_EQUAL, "1", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
        if (!may(&asked[i]))
            fail_msg("%s by %s: %s was left out of \"%s\"", asked[i].type, asked[i].partition,
                asked[i].constant, asked[i].value);
    }
}

static void test_several_fields(void **state)
{
    static const char *const five[] = {"5"}, *const a[] = {"a"};
    static const char *const values[] = {"5", "b", NULL};
    const struct catalog_column columns[] = {{.name = "n", .type = "INTEGER", .field_id = 1},
        {.name = "t", .type = "VARCHAR", .field_id = 2}};
    const struct sql_condition conditions[] = {
        {.column = "n", .comparison = SQL_EQUAL, .values = five, .value_count = 1},
        {.column = "t", .comparison = SQL_EQUAL, .values = a, .value_count = 1, .quoted = true}};
    struct partition_field fields[] = {{.transform = PARTITION_IDENTITY, .column = "N"},
        {.transform = PARTITION_IDENTITY, .column = "t"}};
    struct prune *prune = prune_new(conditions, 2, columns, 2);

    (void)state;
    assert_true(prune_partition_may_match(prune, values, 2)); /* nobody knows of its fields */
    prune_partitions(prune, fields, 2);
    assert_false(prune_partition_may_match(prune, values, 2));
    assert_true(prune_partition_may_match(prune, values, 3)); /* which are not its own */
    assert_true(prune_partition_may_match(prune, NULL, 0));
    prune_partitions(prune, fields, 1);
    assert_true(prune_partition_may_match(prune, values, 1));
    prune_free(prune);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_in_doubt_a_partition_stays),
        cmocka_unit_test(test_several_fields),
    };

    return cmocka_run_group_tests_name("prune_partition", tests, NULL, NULL);
}
