/* WRITE: what is in a file beside its rows, and what is said of them: field ids, columns that are
 * required, bounds. */
#include "tests/unit/duckdb_table_fixture.h"

static struct call write_call(
    struct sluice *s, const char *dataset, const char *folder, const struct sql_schema *schema)
{
    return (struct call){.request = {.verb = SQL_WRITE,
                             .write = {.dataset = dataset,
                                 .folder = make_folder(s, folder),
                                 .prefix = "r",
                                 .schema = schema,
                                 .on_file = on_file}}};
}

static void must(struct sluice *s, struct call *call)
{
    if (call_run(s, call))
        fail_msg("%s", call->err.message);
}

/* The cells of our own statement, which may do what users' may not. */
static const char *ask(struct sluice *s, const char *sql)
{
    struct session *session = container_of(s->session, struct session, base);
    duckdb_result result;
    struct error err = {0};
    const char *text = "";

    if (statement_query(session->slots[0].main, sql, &result, &err))
        fail_msg("%s: %s", sql, err.message);
    for (idx_t r = 0; r < duckdb_row_count(&result); r++) {
        for (idx_t c = 0; c < duckdb_column_count(&result); c++) {
            const char *cell = statement_cell(&result, c, r, &s->arena);

            text = arena_printf(&s->arena, "%s%s%s", text, c ? "|" : "", cell ? cell : "NULL");
        }
        text = arena_printf(&s->arena, "%s\n", text);
    }
    duckdb_destroy_result(&result);
    return text;
}

static void test_field_ids(void **state)
{
    struct sql_column columns[] = {{.name = "a \"b\"", .type = "BIGINT", .field_id = 7},
        {.name = "void", .type = "NULL", .field_id = 8},
        {.name = "'x': {y}", .type = "VARCHAR", .field_id = 3}, {.name = "none", .type = "VARCHAR"},
        {.name = "l", .type = "INTEGER[]", .field_id = 900}};
    const struct sql_schema schema = {columns, ARRAY_LENGTH(columns)};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select 1 as \"a \"\"b\"\"\", null as void, 'x' as \"'x': {y}\", 'n' as none, [1] as l",
        NULL, NULL);
    call = write_call(&s, "t", "out", &schema);
    must(&s, &call);
    assert_int_equal(call.files, 1);
    assert_string_equal(
        ask(&s, arena_printf(&s.arena,
                    "select name, field_id from parquet_schema('%s') where name <> 'duckdb_schema'",
                    call.seen[0].path)),
        "a \"b\"|7\n'x': {y}|3\nnone|NULL\nl|900\nlist|NULL\nelement|NULL\n");
    assert_int_equal(call.seen[0].schema->count, 4);
    assert_string_equal(call.seen[0].schema->columns[1].name, "'x': {y}");
    assert_string_equal(call.seen[0].schema->columns[1].type, "VARCHAR");
    assert_int_equal(call.seen[0].schema->columns[1].field_id, 3);
    assert_string_equal(call.seen[0].stats[0].min, "1");
    assert_string_equal(call.seen[0].stats[1].max, "x");
    assert_int_equal(call.seen[0].stats[3].nulls, -1); /* nested: not known */
    sluice_close(&s);
}

/* Without a schema it is the dataset's. */
static void test_own_schema(void **state)
{
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(
        &s, "t", "select date '2001-01-01' as d, null as n, 1.50::decimal(9,2) as x", NULL, NULL);
    call = write_call(&s, "t", "out", NULL);
    must(&s, &call);
    assert_int_equal(call.seen[0].schema->count, 2);
    assert_string_equal(call.seen[0].schema->columns[1].type, "DECIMAL(9,2)");
    assert_string_equal(call.seen[0].stats[0].min, "2001-01-01");
    assert_string_equal(call.seen[0].stats[1].max, "1.50");
    sluice_close(&s);
}

static const char *failure(struct sluice *s, struct call call)
{
    assert_int_equal(call_run(s, &call), ERROR_DATA);
    return arena_strdup(&s->arena, call.err.message);
}

static void test_required(void **state)
{
    struct sql_column columns[] = {{.name = "id", .type = "BIGINT", .required = true},
        {.name = "l", .type = "INTEGER[]", .required = true},
        {.name = "absent", .type = "VARCHAR"}};
    const struct sql_schema schema = {columns, ARRAY_LENGTH(columns)};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "good", "select i as id, [i::int] as l from range(5000) r(i)", NULL, NULL);
    call = write_call(&s, "good", "good", &schema);
    must(&s, &call);
    assert_int_equal(call.request.write.ret_rows, 5000);
    derive(&s, "bad",
        "select nullif(i, 4000)::int as id, case when i % 3 > 0 then [i::int] end as l "
        "from range(6000) r(i)",
        NULL, NULL);
    assert_contains(failure(&s, write_call(&s, "bad", "bad", &schema)),
        "column \"id\" is required, but null in 1 row (row 4001):");
    sluice_close(&s);
}

static void test_required_nested_and_absent(void **state)
{
    struct sql_column columns[] = {
        {.name = "id", .type = "BIGINT"}, {.name = "l", .type = "INTEGER[]", .required = true}};
    const struct sql_schema schema = {columns, ARRAY_LENGTH(columns)};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "bad",
        "select i as id, case when i % 3 > 0 then [i::int] end as l from range(6000) r(i)", NULL,
        NULL);
    assert_contains(failure(&s, write_call(&s, "bad", "bad", &schema)),
        "column \"l\" is required, but null in 2000 rows (row 1 is the first):");
    derive(&s, "absent", "select i as id from range(3) r(i)", NULL, NULL);
    assert_contains(failure(&s, write_call(&s, "absent", "absent", &schema)),
        "column \"l\" is required, but null in 3 rows (row 1 is the first):");
    derive(&s, "empty", "select id from absent where id < 0", NULL, NULL);
    call = write_call(&s, "empty", "empty", &schema);
    must(&s, &call);
    assert_int_equal(call.request.write.ret_rows, 0);
    sluice_close(&s);
}

/* --- bounds -------------------------------------------------------------------------------------
 */

/* Bounds read back as values of the type must hold all of the file's; a NaN is none of them. */
static void check_bounds(struct sluice *s, const struct sql_file *file, size_t column)
{
    const struct sql_stats *stats = &file->stats[column];
    const char *name = file->schema->columns[column].name;
    const char *type = file->schema->columns[column].type;
    const char *wide = strcmp(type, "FLOAT") == 0 ? "DOUBLE" : type; /* as it may be read once */
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_printf(&sql, "select count(*) filter (where x < cast(");
    text_append_sql_literal(&sql, stats->min);
    buffer_printf(&sql, " as %s) or x > cast(", wide);
    text_append_sql_literal(&sql, stats->max);
    buffer_printf(&sql, " as %s)), count(*) - count(x) from (select cast(%s as %s) as x from '%s')",
        wide, name, wide, file->path);
    if (strcmp(ask(s, sql.data), arena_printf(&s->arena, "0|%lld\n", (long long)stats->nulls)) != 0)
        fail_msg("%s: %s: %s … %s, %lld nulls", name, ask(s, sql.data), stats->min, stats->max,
            (long long)stats->nulls);
    buffer_deinit(&sql);
}

static const struct sql_stats *stats_of(const struct sql_file *file, const char *name)
{
    for (size_t i = 0; i < file->schema->count; i++) {
        if (strcmp(file->schema->columns[i].name, name) == 0)
            return &file->stats[i];
    }
    fail_msg("no column %s", name);
    return NULL;
}

static void test_bounds(void **state)
{
    static const char *const bounded[] = {"i1", "i2", "i4", "i8", "u1", "u8", "dec9", "dec18", "dt",
        "ts", "tz", "tn", "tms", "tsec", "tm", "txt", "f", "d", "dinf", "id", "zero", "zneg"};
    static const char *const unbounded[] = {"nan", "nanf", "bytes", "empty", "nested"};
    struct sluice s;
    struct call call;
    size_t found = 0;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select (i - 100)::tinyint i1, (i * 100 - 32000)::smallint i2, (-i * 7)::int i4, "
        "-9223372036854775807 + i as i8, i::utinyint u1, (18446744073709551615 - i)::ubigint u8, "
        "(i * 1.5 - 9)::decimal(9,2) dec9, (-i * 1.25)::decimal(18,4) dec18, "
        "date '1969-12-01' + i::int dt, timestamp '1969-12-31 23:59:59.5' + to_seconds(i) ts, "
        "timestamptz '1969-12-31 23:59:59.5+00' + to_seconds(i) tz, "
        "timestamp_ns '1999-12-31 23:59:59.123456789' tn, "
        "(timestamp '1999-12-31 23:59:59.5' + to_milliseconds(i))::timestamp_ms tms, "
        "(timestamp '1960-12-31 23:59:59' + to_seconds(i))::timestamp_s tsec, "
        "time '00:00:01' + to_seconds(i * 100) tm, chr((200 + i)::int) || i as txt, "
        "((i + 1) / 10)::float f, (i + 1) / 3 as d, "
        "case when i = 0 then '-inf'::double when i = 1 then 'inf'::double else i end dinf, "
        "if(i % 2 = 0, uuid 'f0000000-0000-0000-0000-000000000001', uuid "
        "'00000000-0000-0000-0000-000000000001') id, "
        "if(i % 2 = 0, 0.0::double, -0.0::double) zero, -0.0::float zneg, "
        "if(i = 5, 'nan'::double, i) nan, if(i = 5, 'nan'::float, i::float) nanf, "
        "i::varchar::blob bytes, null::int empty, if(i = 7, 'a' || chr(0) || 'b', 'a') nul, "
        "{'x': i} nested from range(200) r(i) "
        "union all select null, null, null, null, null, null, null, null, null, null, null, null, "
        "null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, "
        "null",
        NULL, NULL);
    call = write_call(&s, "t", "out", NULL);
    must(&s, &call);
    for (size_t i = 0; i < ARRAY_LENGTH(bounded); i++) {
        const struct sql_stats *stats = stats_of(&call.seen[0], bounded[i]);

        if (!stats->min || !stats->max)
            fail_msg("%s has no bounds", bounded[i]);
        assert_int_equal(stats->nulls, 1);
        check_bounds(&s, &call.seen[0], (size_t)(stats - call.seen[0].stats));
        found++;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(unbounded); i++) {
        const struct sql_stats *stats = stats_of(&call.seen[0], unbounded[i]);

        if (stats->min || stats->max)
            fail_msg("%s: %s … %s", unbounded[i], stats->min, stats->max);
        found++;
    }
    /* A text with a zero byte cannot be handed on whole: what is shorter is smaller. */
    assert_string_equal(stats_of(&call.seen[0], "nul")->min, "a");
    assert_null(stats_of(&call.seen[0], "nul")->max);
    assert_int_equal(found + 1, call.seen[0].schema->count);
    assert_string_equal(stats_of(&call.seen[0], "zero")->min, "-0.0");
    assert_string_equal(stats_of(&call.seen[0], "zero")->max, "0.0");
    assert_string_equal(stats_of(&call.seen[0], "zneg")->max, "0.0");
    assert_int_equal(stats_of(&call.seen[0], "empty")->nulls, 201);
    sluice_close(&s);
}

/* Long texts are cut by DuckDB, in a place that need not be between two characters. */
static void test_long_texts(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    for (unsigned i = 0; i < 8; i++) {
        const char *name = arena_printf(&s.arena, "t%u", i);
        struct call call;

        derive(&s, name,
            arena_printf(&s.arena,
                "select repeat('%s', %u) || k as x, repeat(chr(1114111), %u) || k as top "
                "from range(10) r(k)",
                (const char *const[]){"z", "é", "aé", "日本"}[i % 4], 60 + i * 97, 40 + i * 31),
            NULL, NULL);
        call = write_call(&s, name, arena_printf(&s.arena, "out%u", i), NULL);
        must(&s, &call);
        for (size_t c = 0; c < 2; c++) {
            const struct sql_stats *stats = &call.seen[0].stats[c];
            const struct sql_stats both = {.min = stats->min ? stats->min : "",
                .max = stats->max ? stats->max : "\U0010ffff\U0010ffff",
                .nulls = stats->nulls};
            struct sql_stats shown[2];
            struct sql_file file = call.seen[0];

            shown[c] = both;
            file.stats = shown;
            if (stats->min || c == 0)
                check_bounds(&s, &file, c);
        }
    }
    sluice_close(&s);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_##name, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(field_ids),
        TEST(own_schema),
        TEST(required),
        TEST(required_nested_and_absent),
        TEST(bounds),
        TEST(long_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
