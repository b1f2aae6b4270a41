/* Buckets and truncation: Iceberg's vectors, and what the bucket of a key promises. */
#include "connectors/duckdb/values.h"
#include "runner/base/murmur.h"
#include "tests/unit/duckdb_fixture.h"

static void test_murmur(void **state)
{
    static const uint8_t bytes[] = {0, 1, 2, 3};

    (void)state;
    assert_int_equal((int32_t)murmur3_long(34), 2017239379);
    assert_int_equal((int32_t)murmur3("iceberg", 7), 1210000089);
    assert_int_equal((int32_t)murmur3(bytes, 4), -188683207);
    assert_int_equal((int32_t)murmur3("", 0), 0);
}

static void test_minimal(void **state)
{
    static const struct {
        int64_t number;
        size_t length;
        uint8_t bytes[3];
    } cases[] = {{0, 1, {0}}, {-1, 1, {0xff}}, {127, 1, {0x7f}}, {128, 2, {0, 0x80}},
        {-128, 1, {0x80}}, {-129, 2, {0xff, 0x7f}}, {1420, 2, {0x05, 0x8c}}, {65536, 3, {1, 0, 0}}};
    uint8_t bytes[VALUE_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(values_minimal(cases[i].number, bytes), cases[i].length);
        assert_memory_equal(bytes, cases[i].bytes, cases[i].length);
    }
    assert_int_equal(values_minimal((__int128)1 << 126, bytes), 16);
    assert_int_equal(bytes[0], 0x40);
    assert_int_equal(values_minimal(-((__int128)1 << 126), bytes), 16);
    assert_int_equal(bytes[0], 0xc0);
}

/* With the greatest width the bucket is the hash without its sign. */
static void check_hash(struct sluice *s, const char *value, int32_t hash)
{
    const char *seen =
        rows(s, arena_printf(&s->arena, "select sluice_bucket(2147483647, %s)", value));

    if (strcmp(seen, arena_printf(&s->arena, "%d\n", hash & 0x7fffffff)) != 0)
        fail_msg("%s: %s", value, seen);
}

static void test_iceberg(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    check_hash(&s, "34", 2017239379);
    check_hash(&s, "34::bigint", 2017239379);
    check_hash(&s, "34::utinyint", 2017239379);
    check_hash(&s, "-1::smallint", (int32_t)murmur3_long(-1));
    check_hash(&s, "14.20", -500754589);
    check_hash(&s, "14.20::decimal(38,2)", -500754589);
    check_hash(&s, "14.20::decimal(18,2)", -500754589);
    check_hash(&s, "date '2017-11-16'", -653330422);
    check_hash(&s, "time '22:31:08'", -662762989);
    check_hash(&s, "timestamp '2017-11-16 22:31:08'", -2047944441);
    check_hash(&s, "timestamp '2017-11-16 22:31:08.000001'", -1207196810);
    check_hash(&s, "timestamptz '2017-11-16 14:31:08-08:00'", -2047944441);
    check_hash(&s, "timestamp_ms '2017-11-16 22:31:08'", -2047944441);
    check_hash(&s, "timestamp_s '2017-11-16 22:31:08'", -2047944441);
    check_hash(&s, "timestamp_ns '2017-11-16 22:31:08'", -737750069);
    check_hash(&s, "timestamp_ns '2017-11-16 22:31:08.000001'", -976603392);
    check_hash(&s, "timestamp_ns '2017-11-16 22:31:08.000000001'", -160215926);
    check_hash(&s, "'iceberg'", 1210000089);
    check_hash(&s, "'\\x00\\x01\\x02\\x03'::blob", -188683207);
    check_hash(&s, "uuid 'f79c3e09-677c-4bbd-a479-3f349cb785e7'", 1488055340);
    check_hash(&s, "5::ubigint", (int32_t)murmur3("\5", 1)); /* decimal(20,0) */
    sluice_close(&s);
}

/* Vectors that are constant, filtered, or have nulls. */
static void test_vectors(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    assert_string_equal(rows(&s, "select sluice_bucket(16, null), sluice_bucket(16, null::int), "
                                 "sluice_truncate(3, null::varchar), sluice_truncate(3, null), "
                                 "sluice_bucket(null, 4), sluice_truncate(null, 4), "
                                 "sluice_key_bucket(null, 4)"),
        "NULL|NULL|NULL|NULL|NULL|NULL|NULL\n");
    derive(&s, "t",
        "select i, if(i % 7 = 0, null, 'text number ' || i) as x from range(10000) r(i)",
        make_folder(&s, "d"), NULL);
    assert_string_equal(
        rows(&s, "select count(*), count(sluice_bucket(8, x)), min(sluice_bucket(8, x)), "
                 "max(sluice_bucket(8, x)) from t"),
        "10000|8571|0|7\n");
    assert_string_equal(
        rows(&s, "select count(*) from (select i, sluice_bucket(100, i) as b from t) a "
                 "join (select i, sluice_bucket(100, i) as b from t where i % 3 = 1 "
                 "and sluice_bucket(100, i) > 10) c on a.i = c.i where a.b = c.b"),
        rows(&s, "select count(*) from t where i % 3 = 1 and sluice_bucket(100, i) > 10"));
    assert_string_equal(
        rows(&s, "select sluice_bucket(i, 34) from range(1, 4) r(i) order by i"), "0\n1\n1\n");
    assert_contains(refusal(&s, "select sluice_bucket(0, 34)"), "width");
    assert_contains(refusal(&s, "select sluice_bucket(i - 5, i) from range(6) r(i)"), "width");
    assert_contains(refusal(&s, "select sluice_bucket(4, 1.5::double)"), "bucket");
    assert_contains(refusal(&s, "select sluice_truncate(4, date '2001-01-01')"), "truncate");
    assert_contains(refusal(&s, "select sluice_key_bucket(4, [1])"), "key");
    sluice_close(&s);
}

static void test_truncate(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    assert_string_equal(rows(&s, "select sluice_truncate(10, 1), sluice_truncate(10, -1), "
                                 "sluice_truncate(10, (-10)::tinyint), sluice_truncate(10, 0), "
                                 "sluice_truncate(7, 18446744073709551615::ubigint), "
                                 "sluice_truncate(10, (-9223372036854775808)::bigint)"),
        "0|-10|-10|0|18446744073709551614|-9223372036854775810\n");
    assert_string_equal(
        rows(&s, "select sluice_truncate(50, 10.65), sluice_truncate(50, -10.65), "
                 "sluice_truncate(50, 0.05), sluice_truncate(50, -0.05), "
                 "sluice_truncate(1, 1.00::decimal(38,2)), sluice_truncate(1, "
                 "(-99999999999999999999999999999999999999)::decimal(38,0)), "
                 "sluice_truncate(5, 0.17::decimal(2,2)), sluice_truncate(1, 12::decimal(5,0))"),
        "10.50|-11.00|0.00|-0.50|1.00|-99999999999999999999999999999999999999|0.15|12\n");
    assert_string_equal(
        rows(&s, "select sluice_truncate(3, 'iceberg'), sluice_truncate(3, 'ic'), "
                 "sluice_truncate(2, 'äöü'), sluice_truncate(1, '日本'), sluice_truncate(1, ''), "
                 "sluice_truncate(20, repeat('é', 30)) = repeat('é', 20)"),
        "ice|ic|äö|日||true\n");
    /* What DuckDB writes for a decimal is what these texts are. */
    assert_string_equal(
        rows(&s, "select count(*) from (select (i * 0.013 - 3)::decimal(12,3) as x from "
                 "range(1000) r(i)) where sluice_truncate(1, x) <> x::varchar"),
        "0\n");
    sluice_close(&s);
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static void check_equal(struct sluice *s, const char *left, const char *right, bool equal)
{
    const char *seen =
        rows(s, arena_printf(&s->arena,
                    "select sluice_key_bucket(2147483647, %s) = sluice_key_bucket(2147483647, %s)",
                    left, right));

    if (strcmp(seen, equal ? "true\n" : "false\n") != 0)
        fail_msg("%s and %s", left, right);
}

static void test_keys(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    /* A column that is widened keeps its buckets. */
    check_equal(&s, "5::int", "5::bigint", true);
    check_equal(&s, "5::utinyint", "5::ubigint", true);
    check_equal(&s, "-5::int", "-5.00::decimal(9,2)", true);
    check_equal(&s, "500", "500::decimal(38,4)", true);
    check_equal(&s, "0", "0.00::decimal(4,2)", true);
    check_equal(&s, "0.5::float", "0.5::double", true);
    check_equal(&s, "0.0::double", "-0.0::double", true);
    check_equal(&s, "timestamp '2001-01-01'", "timestamp_s '2001-01-01'", true);
    check_equal(&s, "5", "50", false);
    check_equal(&s, "5", "0.5", false);
    check_equal(&s, "null", "''", false);
    check_equal(&s, "null::int", "null::varchar", true);
    check_equal(&s, "'a', null", "null, 'a'", false);
    check_equal(&s, "'a', 'b'", "'ab', ''", false);
    check_equal(&s, "'a', 'b'", "'a', 'b', null", false);
    check_equal(&s, "1, 12", "11, 2", false);
    check_equal(&s, "'1'", "1", false);
    check_equal(&s, "true", "false", false);
    check_equal(&s, "date '2001-01-01'", "timestamp '2001-01-01'", false);
    /* They are in tables: for ever the same. */
    assert_string_equal(rows(&s, "select sluice_key_bucket(1000000, 1), "
                                 "sluice_key_bucket(1000000, 'a', null, date '2001-01-01', 1.5), "
                                 "sluice_key_bucket(1000000, uuid "
                                 "'f79c3e09-677c-4bbd-a479-3f349cb785e7', 1.5::double, true), "
                                 "sluice_key_bucket(1000000, timestamp '2001-01-01 01:02:03', time "
                                 "'01:02:03', '\\xff'::blob)"),
        "346515|621196|416110|166240\n");
    assert_contains(
        rows(&s, "select min(n) > 100000 / 16 * 0.9 and max(n) < 100000 / 16 * 1.1 from "
                 "(select count(*) n from (select sluice_key_bucket(16, i, 'x') b from "
                 "range(100000) r(i)) group by b)"),
        "true");
    sluice_close(&s);
}

/* --- WRITE --------------------------------------------------------------------------------------
 */

static struct call write_call(struct sluice *s, const char *dataset, const char *folder,
    const struct sql_partition *partitions, size_t count)
{
    return (struct call){.request = {.verb = SQL_WRITE,
                             .write = {.dataset = dataset,
                                 .folder = make_folder(s, folder),
                                 .prefix = "r",
                                 .partitions = partitions,
                                 .partition_count = count,
                                 .on_file = on_file}}};
}

/* Each file has the rows for which the expression gives its value, and all of them. */
static void check_files(
    struct sluice *s, const char *folder, const struct sql_partition *by, const char *expression)
{
    struct call call = write_call(s, "t", folder, by, 1);
    int64_t total = 0;

    if (call_run(s, &call))
        fail_msg("%s: %s", expression, call.err.message);
    for (size_t i = 0; i < call.files; i++) {
        const char *value = call.seen[i].values[0];
        const char *where =
            value ? arena_printf(&s->arena, "cast(%s as varchar) = '%s'", expression, value)
                  : arena_printf(&s->arena, "(%s) is null", expression);

        assert_string_equal(
            rows(s, arena_printf(&s->arena, "select count(*) from t where %s", where)),
            arena_printf(&s->arena, "%lld\n", (long long)call.seen[i].rows));
        total += call.seen[i].rows;
    }
    assert_int_equal(total, 3000);
    assert_true(call.files > 2);
}

static void test_write(void **state)
{
    static const char *const key[] = {"i", "x", "void", "tags"};
    const struct sql_partition tuple = {
        .transform = SQL_PARTITION_KEY, .width = 4, .columns = {.items = (const char **)key, 4}};
    const struct sql_partition bucket = {SQL_PARTITION_BUCKET, "x", 8},
                               truncate = {SQL_PARTITION_TRUNCATE, "i", 1000},
                               prefix = {SQL_PARTITION_TRUNCATE, "x", 2},
                               bytes = {SQL_PARTITION_TRUNCATE, "b", 1},
                               word = {SQL_PARTITION_BUCKET, "e", 3};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select i, if(i % 10 = 0, null, (i % 40) || 'x') as x, null as void, [i] as tags, "
        "encode((i % 3)::varchar || 'é') as b, if(i % 2 = 0, 'a', 'b')::enum('a', 'b') e, "
        "i::double as d from range(3000) r(i)",
        NULL, NULL);
    check_files(&s, "bucket", &bucket, "sluice_bucket(8, x)");
    check_files(&s, "truncate", &truncate, "sluice_truncate(1000, i)");
    check_files(&s, "prefix", &prefix, "sluice_truncate(2, x)");
    check_files(&s, "bytes", &bytes, "array_slice(b, 1, 1)::varchar");
    check_files(&s, "tuple", &tuple, "sluice_key_bucket(4, i, x, null, tags::varchar)");
    {
        struct call call = write_call(&s, "t", "word", &word, 1);

        assert_int_equal(call_run(&s, &call), ERROR_NONE);
        assert_int_equal(call.request.write.ret_rows, 3000);
    }
    sluice_close(&s);
}

static void check_refused(struct sluice *s, const struct sql_partition *partition, const char *part)
{
    static unsigned count;
    struct call call =
        write_call(s, "t", arena_printf(&s->arena, "refused%u", count++), partition, 1);

    assert_int_equal(call_run(s, &call), ERROR_INVALID);
    assert_contains(call.err.message, part);
}

static void test_refused(void **state)
{
    static const char *const lost[] = {"i", "gone"};
    const struct sql_partition width = {SQL_PARTITION_BUCKET, "i", 0},
                               real = {SQL_PARTITION_BUCKET, "d", 4},
                               list = {SQL_PARTITION_BUCKET, "l", 4},
                               day = {SQL_PARTITION_TRUNCATE, "day", 4},
                               unknown = {SQL_PARTITION_BUCKET, "gone", 4},
                               tuple = {.transform = SQL_PARTITION_KEY,
                                   .width = 4,
                                   .columns = {.items = (const char **)lost, 2}};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(
        &s, "t", "select 1 as i, 1.5::double as d, [1] as l, date '2001-01-01' as day", NULL, NULL);
    check_refused(&s, &width, "width 0");
    check_refused(&s, &real, "bucket(4, d): the column is DOUBLE");
    check_refused(&s, &list, "bucket(4, l): the column is INTEGER[]");
    check_refused(&s, &day, "truncate(4, day): the column is DATE");
    check_refused(&s, &unknown, "\"gone\"");
    check_refused(&s, &tuple, "\"gone\"");
    sluice_close(&s);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_##name, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(murmur),
        TEST(minimal),
        TEST(iceberg),
        TEST(vectors),
        TEST(truncate),
        TEST(keys),
        TEST(write),
        TEST(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
