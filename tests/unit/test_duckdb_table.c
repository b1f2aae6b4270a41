/* Tables: views over files of several schemas, changes, what reaches the Parquet scan, the lock. */
#include "tests/unit/duckdb_table_fixture.h"

#include <unistd.h>

static struct sql_column id_and_text[] = {
    {.name = "id", .type = "BIGINT"}, {.name = "text", .type = "VARCHAR"}};
static const struct sql_schema two = {id_and_text, 2};

static void test_schemas(void **state)
{
    struct sql_column columns[] = {{.name = "id", .type = "BIGINT"},
        {.name = "new \"name\"", .type = "VARCHAR"}, {.name = "amount", .type = "DECIMAL(18,2)"},
        {.name = "void", .type = "NULL"}, {.name = "late", .type = "DATE"}};
    struct sluice s;
    const char *old, *new;

    (void)state;
    sluice_open(&s);
    old = parquet(&s, "old.parquet", "select 'a' as old, 1::int as id, 5::int as amount");
    new = parquet(&s, "new.parquet",
        "select 2.25::decimal(18,2) amount, 'b' as \"new \"\"name\"\"\", date '2001-01-01' late, "
        "2::bigint id, 7 as dropped");
    {
        const struct sql_part parts[] = {
            {.files = LIST(old), .names = NAMES("id", "old", "amount", NULL, NULL)},
            {.files = LIST(new), .names = NAMES("id", "new \"name\"", "amount", NULL, "late")},
            {.names = NAMES(NULL, NULL, NULL, NULL, NULL)}};
        const struct sql_dataset table = {
            .space = "sales", .name = "t", .schema = {columns, 5}, .parts = parts, .part_count = 3};

        must_open(&s, &table);
        must_open(&s, &table); /* again: made anew */
    }
    assert_string_equal(rows(&s, "select * from sales.t order by id"),
        "1|a|5.00|NULL|NULL\n2|b|2.25|NULL|2001-01-01\n");
    assert_string_equal(types(&s, "from sales.t"),
        "id BIGINT, new \"name\" VARCHAR, amount DECIMAL(18,2), void NULL, late DATE");
    assert_string_equal(rows(&s, "select count(*) from sales.t where late is null"), "1\n");
    sluice_close(&s);
}

/* A column that had no type yet is not in the first files, whatever the schema says. */
static void test_late_columns(void **state)
{
    struct sluice s;
    const char *first, *second, *wrong;
    struct error err;

    (void)state;
    sluice_open(&s);
    first = parquet(&s, "first.parquet", "select 1::bigint as id");
    second = parquet(&s, "second.parquet", "select 2::bigint as id, 'x' as text");
    {
        const struct sql_part part = {
            .files = LIST(first, second), .names = NAMES("id", "text"), .positions = NUMBERS(1, 2)};
        struct sql_dataset table = {
            .name = "t", .schema = two, .parts = &part, .part_count = 1, .merge.key = LIST("id")};

        must_open(&s, &table);
        assert_string_equal(rows(&s, "from t order by id"), "1|NULL\n2|x\n");
    }
    wrong = parquet(&s, "wrong.parquet", "select 'abc' as id0, 'x' as text");
    {
        const struct sql_part part = {.files = LIST(wrong), .names = NAMES("id0", "text")};
        const struct sql_dataset table = {
            .name = "w", .schema = two, .parts = &part, .part_count = 1};

        must_open(&s, &table);
        assert_contains(refusal(&s, "from w"), "'abc'");
        assert_contains(refusal(&s, "from w"), "id0");
    }
    {
        const struct sql_part part = {
            .files = LIST(at(&s, "gone.parquet")), .names = NAMES("id", "text")};
        const struct sql_dataset table = {
            .name = "g", .schema = two, .parts = &part, .part_count = 1};

        assert_int_not_equal(open_table(&s, &table, &err), ERROR_NONE);
        assert_contains(err.message, "gone.parquet");
    }
    sluice_close(&s);
}

static void test_nothing(void **state)
{
    const struct sql_dataset table = {.name = "t",
        .schema = two,
        .merge = {.key = LIST("id"), .keep_deletes = true},
        .with_changes = true};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    must_open(&s, &table);
    assert_string_equal(rows(&s, "from t"), "");
    assert_string_equal(types(&s, "from t"),
        "id BIGINT, text VARCHAR, _sluice_deleted BOOLEAN, _change_type VARCHAR, "
        "_stream_position BIGINT");
    sluice_close(&s);
}

static void test_changes(void **state)
{
    struct sluice s;
    const char *a, *b, *d;

    (void)state;
    sluice_open(&s);
    a = parquet(&s, "a.parquet", "select 1::bigint id, 'one' as text");
    b = parquet(&s, "b.parquet", "select unnest([1, 2])::bigint id, 'two' as text");
    d = parquet(&s, "d.parquet", "select 1::bigint id");
    {
        const struct sql_part parts[] = {{.files = LIST(a, b),
                                             .names = NAMES("id", "text"),
                                             .positions = NUMBERS(3, 7),
                                             .changes = NAMES("insert", "upsert")},
            {.files = LIST(d),
                .names = NAMES("id", NULL),
                .positions = NUMBERS(9),
                .changes = NAMES("delete"),
                .deletes = true}};
        struct sql_dataset table = {
            .name = "t", .schema = two, .parts = parts, .part_count = 2, .with_changes = true};

        must_open(&s, &table);
        assert_string_equal(rows(&s, "from t order by _stream_position, id"),
            "1|one|insert|3\n1|two|upsert|7\n2|two|upsert|7\n1|NULL|delete|9\n");
        assert_string_equal(rows(&s, "select text from t where _change_type = 'insert'"), "one\n");
        table.merge.key = (struct text_list)LIST("ID");
        must_open(&s, &table);
        assert_string_equal(rows(&s, "from t order by id"), "2|two|upsert|7\n");
        table.with_changes = false;
        must_open(&s, &table);
        assert_string_equal(rows(&s, "from t order by id"), "2|two\n");
    }
    sluice_close(&s);
}

/* Names that DuckDB gives to columns of its own. */
static void test_odd_names(void **state)
{
    struct sql_column columns[] = {{.name = "file_index", .type = "BIGINT"},
        {.name = "file_row_number", .type = "BIGINT"}, {.name = "filename", .type = "VARCHAR"}};
    struct sluice s;
    const char *a, *b;

    (void)state;
    sluice_open(&s);
    make_folder(&s, "x=[1]*?'");
    a = parquet(&s, "a.parquet", "select 1 file_index, 5 file_row_number, 'o' filename, 0 o, 0 g");
    b = at(&s, "x=[1]*?'/b.parquet");
    run_sql(&s, arena_printf(&s.arena,
                    "COPY (select 1 file_index, 6 file_row_number, 'n' filename) TO '%s/x=[1]*?''"
                    "/b.parquet'",
                    fixture_folder));
    {
        const char *const names[] = {"file_index", "file_row_number", "filename"};
        const struct sql_part parts[] = {
            {.files = LIST(a, b), .names = names, .positions = NUMBERS(2, 1)},
            {.files = LIST(b), .names = names, .positions = NUMBERS(2)}};
        const struct sql_dataset table = {.name = "t",
            .schema = {columns, 3},
            .parts = parts,
            .part_count = 2,
            .merge.key = LIST("file_index")};

        must_open(&s, &table);
    }
    assert_string_equal(rows(&s, "from t"), "1|6|n\n");
    sluice_close(&s);
}

static void test_taken_names(void **state)
{
    struct sql_column columns[] = {
        {.name = "id", .type = "BIGINT"}, {.name = "_Sluice_deleted", .type = "VARCHAR"}};
    const struct sql_dataset table = {
        .name = "t", .schema = {columns, 2}, .merge = {.key = LIST("id"), .keep_deletes = true}};
    const struct sql_dataset lost = {
        .name = "t", .schema = {columns, 2}, .merge = {.key = LIST("other"), .keep_deletes = true}};
    struct sluice s;
    struct error err;

    (void)state;
    sluice_open(&s);
    assert_int_equal(open_table(&s, &table, &err), ERROR_INVALID);
    assert_contains(err.message, "\"_sluice_deleted\"");
    assert_int_equal(open_table(&s, &lost, &err), ERROR_INVALID);
    assert_contains(err.message, "\"other\"");
    sluice_close(&s);
}

/* --- what reaches the scan ----------------------------------------------------------------------
 */

static const char *explain(struct sluice *s, const char *statement)
{
    struct session *session = container_of(s->session, struct session, base);
    duckdb_result result;
    struct error err = {0};
    const char *plan;

    assert_ok(statement_query(session->slots[0].main, statement, &result, &err), &err);
    plan = statement_cell(&result, 1, 0, &s->arena);
    duckdb_destroy_result(&result);
    return plan;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

/* Each scan of a plan, as DuckDB's JSON gives it, has its own list of columns and its filters. */
static void test_pushdown(void **state)
{
    struct sql_column columns[] = {{.name = "id", .type = "BIGINT"},
        {.name = "wide", .type = "VARCHAR"}, {.name = "n", .type = "BIGINT"}};
    struct sluice s;
    const char *base, *more, *plan;

    (void)state;
    sluice_open(&s);
    base = parquet(&s, "base.parquet",
        "select i::bigint id, 'w' || i as wide, i::bigint as n from range(300000) r(i)");
    more = parquet(&s, "more.parquet",
        "select unnest([5, 6])::bigint id, 'new' as wide, unnest([299995, -1])::bigint as n");
    {
        const char *const names[] = {"id", "wide", "n"};
        const struct sql_part parts[] = {
            {.files = LIST(base), .names = names, .positions = NUMBERS(1), .base = true},
            {.files = LIST(more), .names = names, .positions = NUMBERS(2)}};
        const struct sql_dataset table = {.name = "t",
            .schema = {columns, 3},
            .parts = parts,
            .part_count = 2,
            .merge.key = LIST("id")};

        must_open(&s, &table);
    }
    plan = explain(&s, "EXPLAIN (FORMAT json) SELECT n FROM t WHERE n > 299990");
    assert_int_equal(
        count_of(plan, "\"name\": \"READ_PARQUET"), 3); /* base, more, the keys of more */
    assert_int_equal(count_of(plan, "n>299990"), 2);
    assert_null(strstr(plan, "wide"));
    plan = explain(&s, "EXPLAIN (ANALYZE, FORMAT json) SELECT n FROM t WHERE n > 299990");
    /* Row groups have 122,880 rows: the first two are never read. */
    assert_null(strstr(plan, "\"operator_rows_scanned\": 300000"));
    assert_string_equal(rows(&s, "select count(*), sum(n) from t"), "300000|45000149983\n");
    assert_string_equal(rows(&s, "select * from t where id = 5"), "5|new|299995\n");
    assert_string_equal(rows(&s, "select * from t where n = 5"), "");
    sluice_close(&s);
}

/* --- sessions -----------------------------------------------------------------------------------
 */

static void test_lock(void **state)
{
    struct sluice s;
    char outside[] = "/tmp/sluice-outside-XXXXXX";
    char *file, *other;

    (void)state;
    assert_non_null(mkdtemp(outside));
    file = mem_printf("%s/a[1].parquet", outside);
    other = mem_printf("%s/b.parquet", outside);
    sluice_open(&s);
    parquet(&s, "a.parquet", "select 1::bigint id, 'x' as text");
    assert_int_equal(rename(at(&s, "a.parquet"), file), 0);
    parquet(&s, "b.parquet", "select 1::bigint id, 'x' as text");
    assert_int_equal(rename(at(&s, "b.parquet"), other), 0);
    sluice_close(&s);
    {
        const struct sql_part part = {.files = LIST(file), .names = NAMES("id", "text")};
        const struct sql_part hidden = {.files = LIST(other), .names = NAMES("id", "text")};
        const struct sql_dataset table = {
            .space = "n", .name = "t", .schema = two, .parts = &part, .part_count = 1};
        const struct sql_dataset later = {
            .space = "n", .name = "u", .schema = two, .parts = &hidden, .part_count = 1};
        struct error err;

        sluice_open_with(&s, (struct sql_session_options){
                                 .views_over = true, .datasets = &table, .dataset_count = 1});
        assert_string_equal(rows(&s, "from n.t"), "1|x\n");
        assert_int_equal(open_table(&s, &later, &err), ERROR_DENIED);
    }
    sluice_close(&s);
    unlink(file);
    unlink(other);
    rmdir(outside);
    free(file);
    free(other);
}

/* Several at once make the schema that they share. */
static void test_open_at_once(void **state)
{
    enum { TABLES = 12 };
    struct call calls[TABLES] = {0};
    struct sql_dataset tables[TABLES];
    struct sluice s;
    const char *file;

    (void)state;
    sluice_open(&s);
    file = parquet(&s, "a.parquet", "select 1::bigint id, 'x' as text");
    {
        const struct sql_part part = {.files = LIST(file), .names = NAMES("id", "text")};

        for (size_t i = 0; i < TABLES; i++) {
            tables[i] = (struct sql_dataset){.space = "same",
                .name = arena_printf(&s.arena, "t%zu", i),
                .schema = two,
                .parts = &part,
                .part_count = 1};
            calls[i].request.verb = SQL_OPEN;
            calls[i].request.open.dataset = &tables[i];
            call_start(&s, &calls[i]);
        }
        loop_run(&s.loop);
    }
    for (size_t i = 0; i < TABLES; i++) {
        if (calls[i].err.code)
            fail_msg("%s", calls[i].err.message);
        assert_int_equal(calls[i].done, 1);
        assert_string_equal(rows(&s, arena_printf(&s.arena, "from same.t%zu", i)), "1|x\n");
    }
    sluice_close(&s);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_##name, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(schemas),
        TEST(late_columns),
        TEST(nothing),
        TEST(changes),
        TEST(odd_names),
        TEST(taken_names),
        TEST(pushdown),
        TEST(lock),
        TEST(open_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
