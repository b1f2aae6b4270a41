/* WRITE: partitions, files, casts. */
#include "tests/unit/duckdb_fixture.h"

#include <stdlib.h>
#include <unistd.h>

static const struct sql_partition by_day = {SQL_PARTITION_DAY, "d"};

static struct call write_call(struct sluice *s, const char *dataset, const char *folder,
    const struct sql_partition *partitions, size_t count)
{
    return (struct call){.request = {.verb = SQL_WRITE,
                             .write = {.dataset = dataset,
                                 .folder = make_folder(s, folder),
                                 .prefix = "r-clean",
                                 .partitions = partitions,
                                 .partition_count = count,
                                 .on_file = on_file}}};
}

static int64_t file_rows(struct sluice *s, const char *path, const char *where)
{
    duckdb_result result;
    struct error err = {0};
    struct session *session = container_of(s->session, struct session, base);
    int64_t count;

    assert_ok(statement_query(session->slots[0].main,
                  arena_printf(&s->arena, "select count(*) from '%s' where %s", path, where),
                  &result, &err),
        &err);
    count = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return count;
}

static void test_days(void **state)
{
    struct sluice s;
    struct call call;
    int64_t rows = 0;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select date '2001-01-01' + (i % 40)::int as d, i, 'text ' || i as x from range(100000) "
        "r(i)",
        NULL, NULL);
    call = write_call(&s, "t", "out", &by_day, 1);
    if (call_run(&s, &call))
        fail_msg("%s", call.err.message);
    assert_int_equal(call.files, 40);
    assert_int_equal(call.request.write.ret_files, 40);
    assert_int_equal(call.request.write.ret_rows, 100000);
    for (size_t i = 0; i < call.files; i++) {
        const struct sql_file *file = &call.seen[i];

        rows += file->rows;
        assert_int_equal(file->rows, 2500);
        assert_true(file->bytes > 1000);
        assert_int_equal(strlen(file->values[0]), 10);
        assert_true(text_starts(file->values[0], "2001-0"));
        assert_int_equal(
            file_rows(&s, file->path,
                arena_printf(&s.arena, "d = '%s' and x = 'text ' || i", file->values[0])),
            2500);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(file->values[0], call.seen[k].values[0]);
    }
    assert_int_equal(rows, 100000);
    sluice_close(&s);
}

static void must(struct sluice *s, struct call *call)
{
    if (call_run(s, call))
        fail_msg("%s", call->err.message);
}

static const struct sql_file *file_of(const struct call *call, const char *value)
{
    for (size_t i = 0; i < call->files; i++) {
        if (text_equal(call->seen[i].values[0], value))
            return &call->seen[i];
    }
    fail_msg("no file of %s", value ? value : "null");
    return NULL;
}

static void check_transform(struct sluice *s, enum sql_partition_transform transform,
    const char *folder, const char *first, const char *second)
{
    const struct sql_partition partition = {transform, "t"};
    struct call call = write_call(s, "times", folder, &partition, 1);

    must(s, &call);
    assert_int_equal(call.files, 3);
    assert_int_equal(file_of(&call, first)->rows, 2);
    assert_int_equal(file_of(&call, second)->rows, 1);
    assert_int_equal(file_of(&call, NULL)->rows, 1);
}

static void test_transforms(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "times",
        "select unnest([timestamp '2001-03-04 13:05:00', timestamp '2001-03-04 13:59:59.999999', "
        "null, timestamp '1969-12-31 23:00:00']) as t",
        NULL, NULL);
    check_transform(&s, SQL_PARTITION_YEAR, "y", "2001", "1969");
    check_transform(&s, SQL_PARTITION_MONTH, "m", "2001-03", "1969-12");
    check_transform(&s, SQL_PARTITION_DAY, "d", "2001-03-04", "1969-12-31");
    check_transform(&s, SQL_PARTITION_HOUR, "h", "2001-03-04-13", "1969-12-31-23");
    derive(&s, "times",
        "select t::timestamptz as t from (select timestamp '2001-03-04 13:05:00' t "
        "union all select timestamp '2001-03-04 13:06:00' union all select null "
        "union all select timestamp '1969-12-31 23:00:00')",
        NULL, NULL);
    check_transform(&s, SQL_PARTITION_HOUR, "hz", "2001-03-04-13", "1969-12-31-23");
    sluice_close(&s);
}

static void test_identity(void **state)
{
    static const struct sql_partition two[] = {
        {SQL_PARTITION_IDENTITY, "name"}, {SQL_PARTITION_IDENTITY, "n"}};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select * from (values ('a/b=c', 1), ('', 1), (null, 1), ('é ''\"', -7), ('a/b=c', 2), "
        "('a/b=c', 1), ('null', null)) v(name, n)",
        NULL, NULL);
    call = write_call(&s, "t", "out", two, 2);
    must(&s, &call);
    assert_int_equal(call.files, 6);
    assert_int_equal(call.request.write.ret_rows, 7);
    assert_string_equal(file_of(&call, "é '\"")->values[1], "-7");
    assert_string_equal(file_of(&call, "")->values[1], "1");
    assert_string_equal(file_of(&call, NULL)->values[1], "1");
    assert_null(file_of(&call, "null")->values[1]);
    sluice_close(&s);
}

/* One partition and no partition, over the target: files of about that size, no row lost. */
static void check_split(
    struct sluice *s, const struct sql_partition *partitions, size_t count, const char *folder)
{
    struct call call = write_call(s, "big", folder, partitions, count);
    int64_t rows = 0;

    call.request.write.file_bytes = 1 << 20;
    must(s, &call);
    assert_true(call.files >= 8 && call.files <= 40);
    for (size_t i = 0; i < call.files; i++) {
        rows += call.seen[i].rows;
        assert_true(call.seen[i].bytes < 3 << 20);
        assert_int_equal(file_rows(s, call.seen[i].path, "h is not null"), call.seen[i].rows);
        if (i + 1 < call.files)
            assert_true(call.seen[i].bytes > 1 << 19);
    }
    assert_int_equal(rows, 2000000);
    assert_int_equal(call.request.write.ret_rows, 2000000);
}

static void test_split(void **state)
{
    static const struct sql_partition constant = {SQL_PARTITION_IDENTITY, "k"};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "big", "select 1 as k, hash(i) as h from range(2000000) r(i)", NULL, NULL);
    check_split(&s, NULL, 0, "all");
    check_split(&s, &constant, 1, "one");
    sluice_close(&s);
}

/* Names are C strings: it is no part of its own, and no end of one either. */
static void test_a_partition_with_a_nul(void **state)
{
    const struct sql_partition by_text = {.column = "c"};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select 'a' || chr(0) || 'b' as c union all select 'a'", NULL, NULL);
    call = write_call(&s, "t", "out", &by_text, 1);
    assert_int_equal(call_run(&s, &call), ERROR_DATA);
    assert_contains(call.err.message, "NUL");
    assert_true(call.files <= 1);
    sluice_close(&s);
}

/* Where the order does not matter: each row once, in files of their names; none for no rows. */
static void test_any_order(void **state)
{
    struct sql_column columns[] = {
        {.name = "h", .type = "VARCHAR", .field_id = 7, .required = true}};
    struct sql_schema schema = {columns, 1};
    struct sluice s;
    struct call call;
    int64_t rows = 0;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select md5(i::varchar) as h from range(600000) r(i)", NULL, NULL);
    call = write_call(&s, "t", "out", NULL, 0);
    call.request.write.any_order = true;
    call.request.write.schema = &schema;
    call.request.write.row_bytes = 4096;
    call.request.write.file_bytes = 4 << 20;
    must(&s, &call);
    assert_true(call.files >= 2);
    for (size_t i = 0; i < call.files; i++) {
        const struct sql_file *file = &call.seen[i];

        rows += file->rows;
        assert_string_equal(
            strrchr(file->path, '/'), arena_printf(&s.arena, "/r-clean-%zu.parquet", i));
        assert_int_equal(file_rows(&s, file->path, "true"), file->rows);
        assert_int_equal(file_rows(&s, file->path,
                             arena_printf(&s.arena, "h < '%s' or h > '%s'", file->stats[0].min,
                                 file->stats[0].max)),
            0);
        assert_int_equal(file->stats[0].nulls, 0);
    }
    assert_int_equal(rows, 600000);
    assert_int_equal(
        file_rows(&s, at(&s, "out/*.parquet"), "(select count(distinct h) from t) = 600000"),
        600000);
    derive(&s, "none", "select 'x' as h where false", NULL, NULL);
    call = write_call(&s, "none", "out2", NULL, 0);
    call.request.write.any_order = true;
    must(&s, &call);
    assert_int_equal(call.files, 0);
    derive(&s, "bad", "select null::varchar as h", NULL, NULL);
    call = write_call(&s, "bad", "out3", NULL, 0);
    call.request.write.any_order = true;
    call.request.write.schema = &schema;
    assert_int_equal(call_run(&s, &call), ERROR_DATA);
    sluice_close(&s);
}

static void test_sort_by(void **state)
{
    const char *keys[] = {"h desc", "i"};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select date '2001-01-01' + (i % 3)::int as d, i % 7 as h, i from range(1000) r(i)", NULL,
        NULL);
    call = write_call(&s, "t", "out", &by_day, 1);
    call.request.write.sort_by = (struct text_list){.items = keys, .count = 2};
    must(&s, &call);
    assert_int_equal(call.files, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *sql = arena_printf(&s.arena,
            "(select count(*) from (select h, i, lag(h) over () as ph, lag(i) over () as pi from "
            "'%s') "
            "where h > ph or (h = ph and i < pi)) = 0",
            call.seen[i].path);

        assert_int_equal(file_rows(&s, call.seen[i].path, sql), call.seen[i].rows);
    }
    keys[0] = "nope";
    call = write_call(&s, "t", "out2", NULL, 0);
    call.request.write.sort_by = (struct text_list){.items = keys, .count = 1};
    assert_int_equal(call_run(&s, &call), ERROR_INVALID);
    assert_contains(call.err.message, "sort_by: there is no column \"nope\"");
    sluice_close(&s);
}

static struct call cast_call(struct sluice *s, const char *folder, struct sql_schema *schema)
{
    struct call call = write_call(s, "t", folder, NULL, 0);

    call.request.write.schema = schema;
    return call;
}

static void test_schema(void **state)
{
    const char *key[] = {"b"};
    struct sql_column columns[] = {
        {"b", "VARCHAR"}, {"A", "INTEGER"}, {"gone", "DATE"}, {"none", "NULL"}, {"t", "DATE"}};
    struct sql_schema schema = {columns, 5};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select 1.0::double as a, 7 as b, 'dropped' as c, null as none, timestamp '2001-02-03' as "
        "t",
        NULL, NULL);
    call = cast_call(&s, "ok", &schema);
    must(&s, &call);
    assert_int_equal(call.files, 1);
    assert_int_equal(file_rows(&s, call.seen[0].path,
                         "b = '7' and a = 1 and gone is null and t = '2001-02-03' and typeof(a) = "
                         "'INTEGER' and typeof(t) = 'DATE' and typeof(gone) = 'DATE'"),
        1);
    derive(&s, "t", "select unnest([1, 2.5, null]) as a", NULL, NULL);
    call = cast_call(&s, "lossy", &schema);
    assert_int_equal(call_run(&s, &call), ERROR_DATA);
    assert_string_equal(call.err.message,
        "column \"a\" is DECIMAL(11,1) and must be INTEGER: the value in row 2 does not fit; cast "
        "it in the SELECT, or leave such rows out (logs.samples: true in sluice.yaml shows it)");
    call = cast_call(&s, "shown", &schema);
    call.request.write.show_values = true;
    assert_int_equal(call_run(&s, &call), ERROR_DATA);
    assert_string_equal(call.err.message,
        "column \"a\" is DECIMAL(11,1) and must be INTEGER: \"2.5\" in row 2 does not fit; cast it "
        "in the SELECT, or leave such rows out");
    derive(&s, "t",
        "select 'x' || i as b, case when i = 70000 then 'no' else '' || i end as a from "
        "range(100000) r(i)",
        NULL, NULL);
    call = cast_call(&s, "text", &schema);
    call.request.write.show_values = true;
    call.request.write.key = (struct text_list){key, 1};
    assert_int_equal(call_run(&s, &call), ERROR_DATA);
    assert_contains(call.err.message,
        "column \"a\" is VARCHAR and must be INTEGER: \"no\" in row 70001 (b x70000) does not fit");
    derive(&s, "t", "select 5 as none", NULL, NULL);
    call = cast_call(&s, "none", &schema);
    assert_int_equal(call_run(&s, &call), ERROR_INVALID);
    sluice_close(&s);
}

/* A value of one type as another: kept whole, or refused. Never bent. */
static void test_what_a_cast_would_lose(void **state)
{
    static const struct {
        const char *value, *type;
        bool fits;
    } cases[] = {
        {"1.05::decimal(18,3)", "DECIMAL(10,2)", true},
        {"1.005::decimal(18,3)", "DECIMAL(10,2)", false},
        {"0.1::double", "DECIMAL(10,2)", true},
        {"1.005::double", "DECIMAL(10,2)", false},
        {"'1.500'", "DECIMAL(10,2)", true},
        {"'1.505'", "DECIMAL(10,2)", false},
        {"'x'", "DECIMAL(10,2)", false},
        {"0.5::double", "FLOAT", true},
        {"0.1::double", "FLOAT", false},
        {"16777217", "FLOAT", false},
        {"9007199254740993", "DOUBLE", false},
        {"5", "INTEGER[]", false},
        {"[5]", "INTEGER", false},
        {"[1.0::double]", "INTEGER[]", true},
        {"[1.5::double]", "INTEGER[]", false},
        {"['1', 'x']", "INTEGER[]", false},
        {"{'a': 'x'}", "STRUCT(\"a\" INTEGER)", false},
        {"{'a': 5}", "STRUCT(\"a\" TINYINT, \"b\" DATE)", true},
        {"{'a': 5, 'b': 6}", "STRUCT(\"b\" TINYINT)", true}, /* dropped on purpose */
        {"timestamp '2001-01-01'", "TIMESTAMP WITH TIME ZONE", true},
        {"timestamp_ns '2001-01-01 00:00:00.123456789'", "TIMESTAMP", false},
    };
    struct sluice s;

    (void)state;
    sluice_open(&s);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sql_column column = {.name = "v", .type = cases[i].type};
        struct sql_schema schema = {&column, 1};
        char folder[32];
        struct call call;

        snprintf(folder, sizeof(folder), "case%zu", i);
        derive(&s, "t", arena_printf(&s.arena, "select unnest([%s, null]) as v", cases[i].value),
            NULL, NULL);
        call = cast_call(&s, folder, &schema);
        if ((call_run(&s, &call) == 0) != cases[i].fits)
            fail_msg("%s as %s: %s", cases[i].value, cases[i].type, call.err.message);
        if (!cases[i].fits)
            assert_contains(call.err.message, "the value in row 1 does not fit");
        snprintf(folder, sizeof(folder), "skip%zu", i);
        call = cast_call(&s, folder, &schema);
        call.request.write.skip_misfits = true;
        must(&s, &call);
        assert_int_equal(call.request.write.ret_rows, cases[i].fits ? 2 : 1);
        assert_int_equal(call.request.write.ret_skipped, cases[i].fits ? 0 : 1);
    }
    sluice_close(&s);
}

/* Rows that do not fit are left out, whichever column it is. */
static void test_misfits_are_skipped(void **state)
{
    struct sql_column columns[] = {
        {.name = "id", .type = "BIGINT", .required = true}, {.name = "v", .type = "DATE"}};
    struct sql_schema schema = {columns, 2};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select case when i = 3 then null else i end as id, case when i = 5 then 'x' when i = 6 "
        "then null else '2001-01-01' end as v, case when i = 7 then 'new' end as w from range(10) "
        "r(i)",
        NULL, NULL);
    call = cast_call(&s, "out", &schema);
    call.request.write.skip_misfits = true;
    must(&s, &call);
    assert_int_equal(call.request.write.ret_rows, 7);
    assert_int_equal(call.request.write.ret_skipped, 3);
    assert_int_equal(
        file_rows(&s, call.seen[0].path, "id not in (3, 5, 7) and typeof(v) = 'DATE'"), 7);
    sluice_close(&s);
}

static const char *write_error(
    struct sluice *s, const char *sql, const char *folder, const struct sql_partition *partition)
{
    struct call call;

    derive(s, "t", sql, NULL, NULL);
    call = write_call(s, "t", folder, partition, partition ? 1 : 0);
    if (!call_run(s, &call))
        fail_msg("%s: written", sql);
    assert_int_equal(call.files, 0);
    return arena_strdup(&s->arena, call.err.message);
}

static void test_refused(void **state)
{
    static const struct sql_partition month = {SQL_PARTITION_MONTH, "a"},
                                      hour = {SQL_PARTITION_HOUR, "a"},
                                      missing = {SQL_PARTITION_IDENTITY, "b"};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    assert_string_equal(write_error(&s, "select sum(i) as total from range(3) r(i)", "1", NULL),
        "column \"total\" is HUGEINT, which Parquet files cannot hold: cast it to DECIMAL(38,0), "
        "BIGINT or DOUBLE");
    assert_contains(write_error(&s, "select [1::uhugeint] as l", "2", NULL), "column \"l\"");
    assert_contains(write_error(&s, "select interval '1' day as a", "3", NULL), "INTERVAL");
    assert_contains(write_error(&s, "select 'x' as a", "4", &month),
        "partition_by: month(a): the column is VARCHAR, not a date or timestamp");
    assert_contains(
        write_error(&s, "select date '2001-01-01' as a", "5", &hour), "not a timestamp");
    assert_contains(write_error(&s, "select 1 as a", "6", &missing), "there is no column \"b\"");
    assert_contains(write_error(&s, "select null as a", "7", NULL), "no column has a type");
    sluice_close(&s);
}

static void test_empty(void **state)
{
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select date '2001-01-01' as d where false", NULL, NULL);
    call = write_call(&s, "t", "out", &by_day, 1);
    must(&s, &call);
    assert_int_equal(call.files, 0);
    assert_int_equal(call.request.write.ret_rows, 0);
    sluice_close(&s);
}

static size_t files_when_first;

static void on_first_file(struct sql_request *request, const struct sql_file *file)
{
    struct call *call = container_of(request, struct call, request);

    if (call->files++ == 0) {
        for (size_t n = 0; n < 200; n++) {
            char path[512];

            snprintf(path, sizeof(path), "%s/r-clean-%zu.parquet", request->write.folder, n);
            files_when_first += access(path, F_OK) == 0;
        }
    }
    assert_true(file->bytes > 0);
}

/* Files are handed over while others are yet to be written; values of every type come through. */
static void test_overlap(void **state)
{
    static const struct sql_partition partition = {SQL_PARTITION_IDENTITY, "k"};
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select i % 100 as k, i, i::varchar || ' some text' as x, {a: i, b: [i, null]} as s, map "
        "{i: "
        "'v'} as m, uuid() as u, i::decimal(20,3) as dec, (i % 2 = 0) as b, 'e'::enum ('e', 'f') "
        "as e "
        "from range(100000) r(i)",
        NULL, NULL);
    call = write_call(&s, "t", "out", &partition, 1);
    call.request.write.on_file = on_first_file;
    must(&s, &call);
    assert_int_equal(call.files, 100);
    assert_true(files_when_first < 20);
    assert_int_equal(
        file_rows(&s, at(&s, "out/*.parquet"),
            "x = i || ' some text' and s.a = i and s.b[1] = i and m[i] = 'v' and dec = i "
            "and b = (i % 2 = 0) and e = 'e' and k = i % 100"),
        100000);
    sluice_close(&s);
}

static void test_no_folder(void **state)
{
    struct sluice s;
    struct call call;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select i from range(1000) r(i)", NULL, NULL);
    call = write_call(&s, "t", "out", NULL, 0);
    call.request.write.folder = at(&s, "nowhere");
    call_run(&s, &call);
    assert_int_equal(call.err.code, ERROR_IO);
    assert_contains(call.err.message, "nowhere");
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_days, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_transforms, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_identity, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_split, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_a_partition_with_a_nul, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_any_order, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_sort_by, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_schema, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_what_a_cast_would_lose, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_misfits_are_skipped, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_refused, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_empty, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_overlap, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_no_folder, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
