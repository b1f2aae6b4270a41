/* Sessions: the lock, every verb but SCAN and WRITE (tests of their own), cancel, progress, two
 * requests at once. */
#include "tests/unit/duckdb_fixture.h"

#include "runner/base/time.h"
#include "runner/io/timer.h"

#include <fcntl.h>
#include <unistd.h>

static void test_query_texts(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    assert_string_equal(rows(&s, "select 1 a, 'x' a, null, true, 1.50::decimal(5,2), 2.5::double"),
        "1|x|NULL|true|1.50|2.5\n");
    assert_string_equal(rows(&s, "select date '2001-03-04', timestamp '2001-03-04 05:06:07', "
                                 "timestamptz '2001-03-04 05:06:07.25+02', time '01:02:03'"),
        "2001-03-04|2001-03-04T05:06:07|2001-03-04T03:06:07.25Z|01:02:03\n");
    assert_string_equal(
        rows(&s,
            "select {a: 1, b: [1, null]}, map {'k': 'v'}, [date '2001-01-01'], '{\"x\":1}'::json"),
        "{\"a\":1,\"b\":[1,null]}|{\"k\":\"v\"}|[\"2001-01-01\"]|{\"x\":1}\n");
    assert_string_equal(rows(&s, "select 170141183460469231731687303715884105727, ''"),
        "170141183460469231731687303715884105727|\n");
    assert_string_equal(rows(&s, "select 1 where false"), "");
    assert_string_equal(rows(&s, "values (3), (1), (2) order by 1"), "1\n2\n3\n");
    assert_string_equal(rows(&s, "select 1 -- comment"), "1\n");
    assert_string_equal(rows(&s, "select 1 ;\n-- comment"), "1\n");
    sluice_close(&s);
}

static void test_derive(void **state)
{
    const struct sql_param params[] = {
        {"since", "DATE", "2001-01-03"}, {"factor", "BIGINT", "10"}, {"name", "VARCHAR", "it's"}};
    struct call call = {
        .request = {.verb = SQL_DERIVE,
            .derive = {.dataset = "v",
                .sql = "select d, i * $factor as i, $name as n from t where d >= $since;",
                .params = params,
                .param_count = 3}}};
    struct sql_dataset dataset;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "t",
        "select date '2001-01-01' + i::int as d, i, null as nothing, i::hugeint as big, "
        "interval '1' month as span, {a: i} as s from range(5) r(i)",
        make_folder(&s, "t"), &dataset);
    assert_int_equal(dataset.rows, 5);
    assert_int_equal(dataset.files.count, 1);
    assert_true(dataset.bytes > 100);
    assert_string_equal(dataset.schema.columns[2].type, "NULL");
    assert_string_equal(dataset.schema.columns[3].type, "HUGEINT");
    assert_string_equal(dataset.schema.columns[4].type, "INTERVAL");
    assert_string_equal(
        rows(&s, "select * from t where i = 4"), "2001-01-05|4|NULL|4|1 month|{\"a\":4}\n");

    if (call_run(&s, &call)) /* a view, with parameters in it */
        fail_msg("%s", call.err.message);
    assert_int_equal(call.request.derive.ret_dataset.rows, -1);
    assert_int_equal(call.request.derive.ret_dataset.files.count, 0);
    assert_string_equal(
        rows(&s, "from v"), "2001-01-03|20|it's\n2001-01-04|30|it's\n2001-01-05|40|it's\n");
    call.done = 0;
    call.request.derive.dataset = "w";
    call.request.derive.folder = make_folder(&s, "w");
    if (call_run(&s, &call)) /* a file: bound */
        fail_msg("%s", call.err.message);
    assert_int_equal(call.request.derive.ret_dataset.rows, 3);
    assert_string_equal(rows(&s, "select * from w except select * from v"), "");

    call = (struct call){.request = {.verb = SQL_DROP, .drop = "w"}};
    assert_int_equal(call_run(&s, &call), ERROR_NONE);
    assert_contains(refusal(&s, "from w"), "w does not exist");
    sluice_close(&s);
}

static const char *derive_error(struct sluice *s, const char *sql)
{
    struct call call = {.request = {.verb = SQL_DERIVE, .derive = {.dataset = "v", .sql = sql}}};

    assert_int_equal(call_run(s, &call), ERROR_SQL);
    assert_null(strchr(call.err.message, '\n'));
    return arena_strdup(&s->arena, call.err.message);
}

static void test_errors(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select 1 as a, 'x' as b", NULL, NULL);
    assert_string_equal(derive_error(&s, "select a, A from t"),
        "column \"a\" comes twice: name each one with AS, or leave one out");
    assert_string_equal(derive_error(&s, "select a from t where a > $nope"),
        "$nope is no parameter of this pipeline: declare it under params");
    assert_string_equal(derive_error(&s, "select a,\n  c\nfrom t"),
        "line 2 of the SQL: Referenced column \"c\" not found in FROM clause! Candidate bindings: "
        "\"a\"");
    assert_string_equal(refusal(&s, "select a,\n\n  nofunc(a)\nfrom t"),
        derive_error(&s, "select a,\n\n  nofunc(a)\nfrom t"));
    assert_contains(derive_error(&s, "select 1; select 2"), "second statement");
    sluice_close(&s);
}

static void check(struct sluice *s, const char *sql, bool passed, int64_t count, int64_t found)
{
    struct call call = {.request = {.verb = SQL_CHECK, .check = {.sql = sql}}};

    if (call_run(s, &call))
        fail_msg("%s: %s", sql, call.err.message);
    assert_int_equal(call.request.check.ret_passed, passed);
    assert_int_equal(call.request.check.ret_count, count);
    assert_int_equal(call.request.check.ret_found, found);
}

static void test_check(void **state)
{
    struct call call = {.request = {.verb = SQL_CHECK, .check = {.sql = "values (1), (2), (3)"}}};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    check(&s, "select count(*) = 10 from range(10)", true, 0, 0);
    check(&s, "select false", false, 0, 0);
    check(&s, "select false, count(*) from range(7)", false, 0, 7);
    check(&s, "select null", false, 0, 0);
    check(&s, "select count(*) from range(10)", false, 10, 0);
    check(&s, "select sum(i) from range(3) r(i)", false, 3, 0);
    check(&s, "select 0", true, 0, 0);
    assert_int_equal(call_run(&s, &call), ERROR_SQL);
    call = (struct call){.request = {.verb = SQL_CHECK, .check = {.sql = "select 'yes'"}}};
    assert_int_equal(call_run(&s, &call), ERROR_SQL);
    call = (struct call){.request = {.verb = SQL_CHECK, .check = {.sql = "select 1 where false"}}};
    assert_int_equal(call_run(&s, &call), ERROR_SQL);
    sluice_close(&s);
}

static const char *content(struct sluice *s, const char *path)
{
    struct error err = {0};
    struct buffer buffer;
    const char *text;

    buffer_init(&buffer, 0);
    assert_ok(file_read(path, 1 << 20, &buffer, &err), &err);
    text = arena_strdup(&s->arena, buffer.data);
    buffer_deinit(&buffer);
    return text;
}

static void test_export(void **state)
{
    struct call call = {
        .request = {.verb = SQL_EXPORT,
            .export = {
                .dataset = "t", .format = FORMAT_CSV, .csv = {.header = true, .delimiter = ";"}}}};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select i, case when i = 1 then 'a;b' end as x from range(3) r(i)", NULL, NULL);
    call.request.export.path = at(&s, "x.csv");
    assert_int_equal(call_run(&s, &call), ERROR_NONE);
    assert_int_equal(call.request.export.ret_rows, 3);
    assert_string_equal(content(&s, at(&s, "x.csv")), "i;x\n0;\n1;\"a;b\"\n2;\n");
    assert_int_equal(call.request.export.ret_bytes, 18);
    call.done = 0;
    call.request.export.format = FORMAT_NDJSON;
    call.request.export.path = at(&s, "x.ndjson");
    assert_int_equal(call_run(&s, &call), ERROR_NONE);
    assert_string_equal(content(&s, at(&s, "x.ndjson")),
        "{\"i\":0,\"x\":null}\n{\"i\":1,\"x\":\"a;b\"}\n{\"i\":2,\"x\":null}\n");
    call.done = 0;
    call.request.export.format = FORMAT_PARQUET;
    call.request.export.path = "/proc/x.parquet";
    assert_int_equal(call_run(&s, &call), ERROR_DENIED);
    /* Neither is written as it was said, so neither is written. */
    call.request.export.format = FORMAT_CSV;
    call.request.export.path = at(&s, "y.csv");
    call.request.export.csv.delimiter = "||";
    call.done = 0;
    assert_int_equal(call_run(&s, &call), ERROR_NOT_SUPPORTED);
    call.request.export.csv = (struct csv_dialect){.quote = ""};
    call.done = 0;
    assert_int_equal(call_run(&s, &call), ERROR_NOT_SUPPORTED);
    call.request.export.format = FORMAT_PARQUET;
    /* Parquet would hold the sum as DOUBLE, 15 digits of it. */
    derive(&s, "t", "select sum(i) as total from range(3) r(i)", NULL, NULL);
    call.done = 0;
    call.request.export.path = at(&s, "x.parquet");
    assert_int_equal(call_run(&s, &call), ERROR_SQL);
    assert_contains(
        call.err.message, "column \"total\" is HUGEINT, which Parquet files cannot hold");
    sluice_close(&s);
}

/* The lock itself, below the parser's refusals: as if a statement had slipped through. */
static void test_lock(void **state)
{
    static const char *const refused[] = {"select * from read_text('/etc/passwd')",
        "select * from read_csv('%s/../x')", "select * from read_blob('%s/link')",
        "select count(*) from glob('/etc/*')", "copy (select 1) to '/tmp/sluice-out.csv'",
        "copy (select 1) to '%s/../sluice-out.csv'", "copy (select 1) to '%s/links/out.csv'",
        "attach '/tmp/sluice-x.db'", "attach '%s/../x.db'", "set threads = 8", "reset memory_limit",
        "set allowed_directories = ['/']", "set allowed_paths = ['/etc/passwd']",
        "set enable_external_access = true", "set lock_configuration = false",
        "pragma memory_limit = '9GB'", "set TimeZone = 'Europe/Berlin'", "install httpfs",
        "load '%s/x.so'", "select getenv('HOME')", "export database '/tmp/sluice-db'",
        "set temp_directory = '/tmp'", "select * from '/etc/passwd'",
        "copy (select 1) to '/dev/stdout'"};
    struct session *session;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    session = container_of(s.session, struct session, base);
    assert_int_equal(symlink("/etc/passwd", at(&s, "link")), 0);
    assert_int_equal(symlink("/tmp", at(&s, "links")), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        const char *hole = strstr(refused[i], "%s");
        const char *sql = hole ? arena_printf(&s.arena, "%.*s%s%s", (int)(hole - refused[i]),
                                     refused[i], fixture_folder, hole + 2)
                               : refused[i];

        for (unsigned c = 0; c < 2; c++) {
            struct error err = {0};

            if (statement_run(
                    c ? session->slots[1].writers[0] : session->slots[0].main, sql, &err) == 0)
                fail_msg("not refused: %s", sql);
        }
    }
    assert_int_equal(access("/tmp/sluice-out.csv", F_OK), -1);
    assert_string_equal(rows(&s, "select 1"), "1\n");
    sluice_close(&s);
}

static void test_readable(void **state)
{
    char outside[] = "/tmp/sluice-outside-XXXXXX";
    const char *path = outside;
    struct sql_source source = {.object = "outside.csv"};
    struct call call = {.request = {.verb = SQL_SCAN,
                            .scan = {.dataset = "t",
                                .format = FORMAT_CSV,
                                .csv = {.header = true},
                                .sources = &source,
                                .source_count = 1}}};
    struct sluice s;
    int fd = mkstemp(outside);

    (void)state;
    assert_int_equal(write(fd, "a\n1\n", 4), 4);
    close(fd);
    sluice_open_with(&s, (struct sql_session_options){.readable = {.items = &path, .count = 1}});
    call.request.scan.folder = make_folder(&s, "t");
    source.path = at(&s, "link");
    assert_int_equal(symlink(outside, source.path), 0);
    if (call_run(&s, &call))
        fail_msg("%s", call.err.message);
    assert_string_equal(rows(&s, "from t"), "1\n");
    sluice_close(&s);
    unlink(outside);
}

/* Views over files that lie anywhere, their columns in the order and of the types of the schema. */
static void test_views_over(void **state)
{
    char outside[] = "/tmp/sluice-table-XXXXXX";
    struct sql_column columns[] = {
        {"i", "INTEGER"}, {"late", "VARCHAR"}, {"none", "NULL"}, {"d", "DATE"}};
    struct sql_dataset datasets[2] = {{.space = "ns", .name = "t", .schema = {columns, 4}},
        {.space = "ns", .name = "empty", .schema = {columns, 2}}};
    const char *files[2];
    struct error err = {0};
    struct session *session;
    struct sluice s;

    (void)state;
    assert_non_null(mkdtemp(outside));
    files[0] = mem_printf("%s/1.parquet", outside);
    files[1] = mem_printf("%s/2.parquet", outside);
    sluice_open_with(&s, (struct sql_session_options){.readable = {.items = files, .count = 2}});
    session = container_of(s.session, struct session, base);
    assert_ok(
        statement_runf(session->slots[0].main, &err,
            "COPY (SELECT date '2001-01-01' AS d, 1::INTEGER AS i) TO '%s'", at(&s, "1.parquet")),
        &err);
    assert_ok(statement_runf(session->slots[0].main, &err,
                  "COPY (SELECT 2::INTEGER AS i, 'x' AS late, date '2001-01-02' AS d) TO '%s'",
                  at(&s, "2.parquet")),
        &err);
    assert_int_equal(rename(at(&s, "1.parquet"), files[0]), 0);
    assert_int_equal(rename(at(&s, "2.parquet"), files[1]), 0);
    sluice_close(&s);

    datasets[0].files = (struct text_list){.items = files, .count = 2};
    sluice_open_with(&s,
        (struct sql_session_options){.views_over = true, .datasets = datasets, .dataset_count = 2});
    assert_string_equal(
        rows(&s, "select * from ns.t order by i"), "1|NULL|NULL|2001-01-01\n2|x|NULL|2001-01-02\n");
    assert_string_equal(rows(&s, "from ns.empty"), "");
    assert_contains(refusal(&s, "from ns.nope"), "nope does not exist");
    sluice_close(&s);
    unlink(files[0]);
    unlink(files[1]);
    rmdir(outside);
    free((void *)files[0]);
    free((void *)files[1]);
}

/* --- cancel, progress, several at once
 * ---------------------------------------------------------------- */

static const char endless[] = "select count(*) from range(100000000) a(i), range(1000000) b(j) "
                              "where hash(a.i, b.j) = 42";

struct alarm {
    struct timer timer;
    struct call *call;
    struct sluice *s;
    struct sql_progress progress;
    uint64_t cancelled_ns;
};

static void on_alarm(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);

    sluice_duckdb_engine()->progress(&alarm->call->request, &alarm->progress);
    sluice_duckdb_engine()->cancel(&alarm->call->request);
    sluice_duckdb_engine()->cancel(&alarm->call->request);
    assert_int_equal(alarm->call->done, 0);
    alarm->cancelled_ns = time_monotonic_ns();
    timer_close(timer, NULL);
}

static void cancelled_after(struct sluice *s, struct call *call, uint64_t delay_ms)
{
    struct alarm alarm = {.call = call, .s = s};
    uint64_t took_ns;

    timer_init(&alarm.timer, &s->loop);
    timer_start(&alarm.timer, delay_ms, 0, on_alarm);
    call_start(s, call);
    loop_run(&s->loop);
    took_ns = time_monotonic_ns() - alarm.cancelled_ns;
    assert_int_equal(call->done, 1);
    assert_int_equal(call->err.code, ERROR_STOPPED);
    assert_int_equal(call->err.class, ERROR_CANCELLED);
    if (took_ns > 1000000000U)
        fail_msg("a cancel took %d ms", (int)(took_ns / 1000000));
}

static void test_cancel(void **state)
{
    static const uint64_t delays[] = {0, 1, 5, 20, 100, 300};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "big", "select i, hash(i) as h, 'text ' || hash(i) as x from range(30000000) r(i)",
        NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++) {
        struct call query = {.request = {.verb = SQL_QUERY, .query = {.sql = endless}}};
        struct call check_call = {.request = {.verb = SQL_CHECK, .check = {.sql = endless}}};
        struct call derived = {
            .request = {.verb = SQL_DERIVE,
                .derive = {.dataset = "d",
                    .sql = "select * from big order by h",
                    .folder = make_folder(&s, arena_printf(&s.arena, "d%zu", i))}}};
        struct call write = {.request = {.verb = SQL_WRITE,
                                 .write = {.dataset = "big",
                                     .folder = make_folder(&s, arena_printf(&s.arena, "w%zu", i)),
                                     .prefix = "p"}}};
        struct call rows_call = {.request = {.verb = SQL_QUERY, .query = {.sql = "from big"}}};

        cancelled_after(&s, &query, delays[i]);
        cancelled_after(&s, &check_call, delays[i]);
        cancelled_after(&s, &derived, delays[i]);
        cancelled_after(&s, &write, delays[i]);
        cancelled_after(&s, &rows_call, delays[i]);
        assert_string_equal(rows(&s, "select 42"), "42\n"); /* the connection is fine */
    }
    sluice_close(&s);
}

/* More requests than slots, one of them cancelled before it has one. */
static void test_many_at_once(void **state)
{
    struct call calls[12];
    struct sluice s;

    (void)state;
    sluice_open(&s);
    for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
        calls[i] =
            (struct call){.request = {.verb = SQL_QUERY,
                              .query = {.sql = "select i, 'x' || i from range(20000) r(i)"}}};
        call_start(&s, &calls[i]);
    }
    sluice_duckdb_engine()->cancel(&calls[11].request);
    assert_int_equal(calls[11].done, 0);
    loop_run(&s.loop);
    for (size_t i = 0; i < ARRAY_LENGTH(calls) - 1; i++) {
        assert_int_equal(calls[i].done, 1);
        assert_int_equal(calls[i].err.code, ERROR_NONE);
        assert_int_equal(calls[i].request.query.ret_rows, 20000);
    }
    assert_int_equal(calls[11].done, 1);
    assert_int_equal(calls[11].err.code, ERROR_STOPPED);
    sluice_close(&s);
}

/* How soon there is something to tell depends on the machine: asked again until there is. */
static void on_look(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);

    if (!alarm->call->done)
        sluice_duckdb_engine()->progress(&alarm->call->request, &alarm->progress);
    if (!alarm->call->done && alarm->progress.share <= 0)
        return;
    if (!alarm->call->done)
        sluice_duckdb_engine()->cancel(&alarm->call->request);
    timer_close(timer, NULL);
}

static void test_progress(void **state)
{
    struct call call = {
        .request = {.verb = SQL_DERIVE,
            .derive = {.dataset = "d", .sql = "select *, md5(md5(x)) as m from t order by m"}}};
    struct alarm alarm = {.call = &call};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    derive(&s, "t", "select i, 'x' || i as x from range(5000000) r(i)", make_folder(&s, "t"), NULL);
    call.request.derive.folder = make_folder(&s, "d");
    timer_init(&alarm.timer, &s.loop);
    timer_start(&alarm.timer, 20, 20, on_look);
    call_start(&s, &call);
    loop_run(&s.loop);
    assert_true(alarm.progress.share > 0 && alarm.progress.share <= 1);
    sluice_close(&s);
}

static void test_memory(void **state)
{
    struct call call = {.request = {.verb = SQL_DERIVE, .derive = {.dataset = "d"}}};
    struct sluice s;

    (void)state;
    sluice_open_with(&s, (struct sql_session_options){.memory = 64 << 20, .spill = 1 << 20});
    call.request.derive.sql =
        "select i, hash(i) as h, md5(i::varchar) as m from range(10000000) r(i) "
        "order by h";
    call.request.derive.folder = make_folder(&s, "d");
    call_run(&s, &call);
    if (call.err.code != ERROR_NO_MEMORY && call.err.code != ERROR_NO_SPACE)
        fail_msg("%d: %s", call.err.code, call.err.message);
    assert_null(strstr(call.err.message, "http"));
    assert_string_equal(rows(&s, "select 42"), "42\n");
    sluice_close(&s);
}

/* 5 M rows of 16 bytes that do not compress, sorted in 64 MiB. */
static enum error_code sort_with(uint64_t spill, const char *name)
{
    struct call call = {.request = {.verb = SQL_DERIVE, .derive = {.dataset = "d"}}};
    struct sluice s;

    sluice_open_with(&s, (struct sql_session_options){.memory = 64 << 20, .spill = spill});
    call.request.derive.sql =
        "select hash(i) as h, hash(-i) as k from range(5000000) r(i) order by h";
    call.request.derive.folder = make_folder(&s, name);
    call_run(&s, &call);
    if (call.err.code == ERROR_NO_SPACE)
        assert_contains(call.err.message, "raise resources.spool");
    sluice_close(&s);
    return call.err.code;
}

static void test_spill(void **state)
{
    (void)state;
    assert_int_equal(sort_with(0, "all"), ERROR_NONE);
    assert_int_equal(sort_with(8 << 20, "some"), ERROR_NO_SPACE);
}

static void test_shares(void **state)
{
    const struct sql_engine_type *type = sluice_duckdb_engine();

    (void)state;
    for (unsigned threads = 1; threads <= 8; threads++) {
        const uint64_t minimum = type->memory_minimum(threads);

        assert_true(minimum < 1024U << 20);
        assert_true(type->memory_share(minimum, threads) < minimum);
        assert_true(
            type->memory_share(minimum * 2, threads) > type->memory_share(minimum, threads));
    }
    assert_true(type->memory_share(512 << 20, 2) > 250 << 20);
}

static const char *fits(const char *from, const char *to, bool required, struct arena *arena)
{
    const struct sql_column source = {.name = "a b", .type = from},
                            target = {.name = "A B", .type = to, .required = required};

    return sluice_duckdb_engine()->fits(&source, &target, arena);
}

/* Nothing is said where every value fits; what it says is tried in test_duckdb_write. */
static void test_fits(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_null(fits("BIGINT", "BIGINT", false, &arena));
    assert_null(fits("BIGINT", "NULL", true, &arena));
    assert_null(fits("NULL", "BIGINT", false, &arena));
    assert_string_equal(fits("BIGINT", "BIGINT", true, &arena), "\"a b\" IS NOT NULL");
    assert_string_equal(fits("VARCHAR", "DATE", false, &arena),
        "(\"a b\" IS NULL OR TRY(CAST(\"a b\" AS DATE)) IS NOT NULL AND TRY(true))");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_query_texts, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_fits),
        cmocka_unit_test_setup_teardown(test_derive, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_errors, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_check, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_export, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_lock, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_readable, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_views_over, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_cancel, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_many_at_once, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_progress, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_memory, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_spill, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
