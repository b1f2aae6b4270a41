/* The SQL_METADATA columns of a SCAN: where each row comes from. */
#include "tests/unit/duckdb_scan_fixture.h"

static void with_metadata(struct sluice *s, struct scan_case *c, enum file_format format,
    const char *const *files, const char *const *contract)
{
    *c = (struct scan_case){0};
    prepare(s, c, format, files, contract);
    c->call.request.scan.run_id = "run's";
    for (size_t i = 0; i < c->call.request.scan.source_count; i++)
        c->sources[i].version = i ? "v'2" : NULL;
}

/* With what the rows are told apart by in their own text, so that a line is seen to be theirs. */
static void expect(struct sluice *s, const char *const expected)
{
    assert_string_equal(rows(s, "select a, _source, _row_number from t"), expected);
}

static void make_parquet(struct sluice *s, const char *name, const char *sql)
{
    struct session *session = container_of(s->session, struct session, base);
    struct error err = {0};

    assert_ok(statement_runf(session->slots[0].main, &err, "COPY (%s) TO '%s/%s' (FORMAT parquet)",
                  sql, fixture_folder, name),
        &err);
}

static void test_columns(void **state)
{
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", "a,b\n1,p\n2,q\n");
    make_file(&s, "y.csv", "b,a\nr,3\ns,4");
    with_metadata(&s, &c, FORMAT_CSV, LIST("x.csv", "y.csv"), LIST("a", "bigint"));
    c.sources[1].source = "s3://b/y";
    must(&s, &c);
    assert_string_equal(types(&s, &c), "a BIGINT, b VARCHAR, _run_id VARCHAR, _source VARCHAR, "
                                       "_source_version VARCHAR, _row_number BIGINT");
    assert_string_equal(rows(&s, "from t"), "1|p|run's|x.csv|NULL|2\n2|q|run's|x.csv|NULL|3\n"
                                            "3|r|run's|s3://b/y|v'2|2\n4|s|run's|s3://b/y|v'2|3\n");
    assert_int_equal(c.call.request.scan.ret_dataset.rows, 4);
    with_metadata(&s, &c, FORMAT_CSV, LIST("x.csv"), NULL);
    c.call.request.scan.schema_only = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "select count(*), count(_row_number) from t"), "0|0\n");
    sluice_close(&s);
}

/* Blank lines, cells over lines, a byte order mark, ends of lines of each kind, lines skipped. */
static void test_lines(void **state)
{
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "blank.csv", "a,b\n\n1,p\n\n\n2,q\n");
    make_file(&s, "cells.csv", "a,b\n3,\"p\nq\nr\"\n4,s\n5,\"\n\"\n6,t\n");
    make_file(&s, "windows.csv",
        "\xef\xbb\xbf"
        "a,b\r\n7,\"p\r\nq\"\r\n8,r\r\n");
    with_metadata(
        &s, &c, FORMAT_CSV, LIST("blank.csv", "cells.csv", "windows.csv"), LIST("a", "int"));
    must(&s, &c);
    expect(&s, "1|blank.csv|3\n2|blank.csv|6\n3|cells.csv|2\n4|cells.csv|5\n5|cells.csv|6\n"
               "6|cells.csv|8\n7|windows.csv|2\n8|windows.csv|4\n");
    make_file(&s, "skip.csv", "note\nnote 2\na,b\n1,p\n2,q\n");
    with_metadata(&s, &c, FORMAT_CSV, LIST("skip.csv"), LIST("a", "int"));
    c.call.request.scan.csv.skip = 2;
    must(&s, &c);
    expect(&s, "1|skip.csv|4\n2|skip.csv|5\n");
    make_file(&s, "bare.csv", "1,p\n2,q\n");
    with_metadata(&s, &c, FORMAT_CSV, LIST("bare.csv"), LIST("a", "int", "b", "varchar"));
    c.call.request.scan.csv.header = false;
    must(&s, &c);
    expect(&s, "1|bare.csv|1\n2|bare.csv|2\n");
    sluice_close(&s);
}

/* Rows that do not fit keep their line, and so do those behind one that is no row at all. */
static void test_bad_rows(void **state)
{
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "fine.csv", "a,b\n1,p\n2,q\n");
    make_file(&s, "misfit.csv", "a,b\n3,p\nx,q\n4,r\n");
    make_file(&s, "refused.csv", "a,b\n5,p\n6,q,zzz\n\n7,\"r\nr\"\n8,s,t,u\n9,v\n");
    with_metadata(
        &s, &c, FORMAT_CSV, LIST("fine.csv", "misfit.csv", "refused.csv"), LIST("a", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_int_equal(c.call.request.scan.ret_rejected, 3);
    expect(&s, "1|fine.csv|2\n2|fine.csv|3\n3|misfit.csv|2\n4|misfit.csv|4\n5|refused.csv|2\n"
               "7|refused.csv|5\n9|refused.csv|8\n");
    make_file(&s, "n.ndjson", "{\"a\": 1}\n\n{\"a\": \"x\"}\nnothing\n{\"a\": 2}\n");
    with_metadata(&s, &c, FORMAT_NDJSON, LIST("n.ndjson"), LIST("a", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    expect(&s, "1|n.ndjson|1\n2|n.ndjson|5\n");
    sluice_close(&s);
}

static void test_other_formats(void **state)
{
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.json", "[{\"a\": 1},\n\n{\"a\": 2}]");
    make_file(&s, "y.json", "[{\"a\": 3, \"A\": null}]");
    with_metadata(&s, &c, FORMAT_JSON, LIST("x.json", "y.json"), NULL);
    must(&s, &c);
    expect(&s, "1|x.json|1\n2|x.json|2\n3|y.json|1\n");
    make_file(&s, "x.ndjson", "{\"a\": 1}\n{\"a\": 2}\n");
    make_file(&s, "y.ndjson", "\n{\"a\": 3}");
    with_metadata(&s, &c, FORMAT_NDJSON, LIST("x.ndjson", "y.ndjson"), NULL);
    must(&s, &c);
    expect(&s, "1|x.ndjson|1\n2|x.ndjson|2\n3|y.ndjson|2\n");
    make_parquet(&s, "x.parquet", "select i as a, i as file_row_number from range(3) r(i)");
    make_parquet(&s, "y.parquet", "select 7::bigint as a");
    with_metadata(&s, &c, FORMAT_PARQUET, LIST("x.parquet", "y.parquet"), NULL);
    must(&s, &c);
    expect(&s, "0|x.parquet|1\n1|x.parquet|2\n2|x.parquet|3\n7|y.parquet|1\n");
    sluice_close(&s);
}

/* More files than one statement reads, empty ones among them. */
static void test_many(void **state)
{
    enum { FILES = 600 };
    struct sql_source *sources = calloc(FILES, sizeof(*sources));
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "f0.csv", "a\n0\n");
    with_metadata(&s, &c, FORMAT_CSV, LIST("f0.csv"), LIST("a", "int"));
    for (unsigned i = 0; i < FILES; i++) {
        const char *name = arena_printf(&s.arena, "f%u.csv", i);

        make_file(&s, name, i % 7 == 3 ? "a\n" : arena_printf(&s.arena, "a\n%u\n%u\n", i, i));
        sources[i] = (struct sql_source){
            .path = at(&s, name), .object = name, .source = arena_printf(&s.arena, "%u", i)};
    }
    c.call.request.scan.sources = sources;
    c.call.request.scan.source_count = FILES;
    must(&s, &c);
    assert_string_equal(
        rows(&s, "select count(*), count(distinct _source), bool_and(_source = a::varchar), "
                 "sum(_row_number - 1) from t"),
        "1028|514|true|1542\n");
    sluice_close(&s);
    free(sources);
}

static void test_names_taken(void **state)
{
    struct scan_case c;
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", "a\n1\n");
    make_file(&s, "y.csv", "a,_SOURCE\n1,2\n");
    with_metadata(&s, &c, FORMAT_CSV, LIST("x.csv", "y.csv"), NULL);
    fails(&s, &c, ERROR_DATA,
        "y.csv: has a column \"_SOURCE\" already, which metadata: true adds: rename it in the "
        "file, "
        "or leave metadata out");
    make_file(&s, "x.ndjson", "{\"_row_number\": 1}\n");
    with_metadata(&s, &c, FORMAT_NDJSON, LIST("x.ndjson"), NULL);
    fails(&s, &c, ERROR_DATA,
        "x.ndjson: has a column \"_row_number\" already, which metadata: true adds: rename it in "
        "the file, or leave metadata out");
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_lines, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_bad_rows, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_other_formats, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_many, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_names_taken, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
