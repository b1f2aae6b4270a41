/* SCAN of CSV and Parquet: dialects, contracts, bad rows. */
#include "tests/unit/duckdb_scan_fixture.h"

#include <unistd.h>
#include <zlib.h>

/* One CSV, read with its types found out. */
static void check_types(struct sluice *s, const char *text, const char *want, const char *want_rows)
{
    struct scan_case c = {0};

    make_file(s, "x.csv", text);
    prepare(s, &c, FORMAT_CSV, LIST("x.csv"), NULL);
    must(s, &c);
    assert_string_equal(types(s, &c), want);
    assert_string_equal(rows(s, "from t"), want_rows);
    assert_int_equal(c.call.request.scan.ret_rejected, 0);
}

static void test_csv_types(void **state)
{
    struct sluice s;

    (void)state;
    sluice_open(&s);
    check_types(&s, "a,b,c,d,e\n1,2.5,x,true,2001-02-03\n-7,1e3,,false,2001-02-04\n",
        "a BIGINT, b DOUBLE, c VARCHAR, d BOOLEAN, e DATE",
        "1|2.5|x|true|2001-02-03\n-7|1000.0|NULL|false|2001-02-04\n");
    check_types(&s, "zip,big,plus\n00501,12345678901234567890,+1\n10001,1,2\n",
        "zip VARCHAR, big VARCHAR, plus VARCHAR", "00501|12345678901234567890|+1\n10001|1|2\n");
    check_types(&s,
        "t,z,m,c\n2001-02-03 04:05:06,2001-02-03T04:05:06+02,2001-02-03,12:30\n2001-02-03 "
        "04:05,2001-02-03T04:05:06Z,2001-02-03 10:00:00,12:31:01\n",
        "t TIMESTAMP, z TIMESTAMP WITH TIME ZONE, m TIMESTAMP, c TIME",
        "2001-02-03T04:05:06|2001-02-03T02:05:06Z|2001-02-03T00:00:00|12:30:00\n2001-02-03T04:05:"
        "00|2001-02-03T04:05:06Z|2001-02-03T10:00:00|12:31:01\n");
    check_types(&s, "d,v,i\n31/01/2003,1.2.34,10.0.0.1\n01/02/2003,2.3.4,10.0.0.2\n",
        "d DATE, v VARCHAR, i VARCHAR", "2003-01-31|1.2.34|10.0.0.1\n2003-02-01|2.3.4|10.0.0.2\n");
    check_types(&s, "t,d\n2015/01/01 01:00:00,2015/1/2\n", "t TIMESTAMP, d DATE",
        "2015-01-01T01:00:00|2015-01-02\n");
    check_types(&s, "a,n\n1,\n2,\n", "a BIGINT, n NULL", "1|NULL\n2|NULL\n");
    check_types(&s, "a,b\n", "a NULL, b NULL", "");
    check_types(&s, "only\nx\n", "only VARCHAR", "x\n");
    check_types(&s, "a;b\n1;\"x;y\"\n", "a BIGINT, b VARCHAR", "1|x;y\n");
    check_types(&s, "a\tb\r\n1\tx\r\n", "a BIGINT, b VARCHAR", "1|x\n");
    check_types(&s, "\xef\xbb\xbf\"a b\",\"c\"\"d\"\n1,\"multi\nline\"\n",
        "a b BIGINT, c\"d VARCHAR", "1|multi\nline\n");
    sluice_close(&s);
}

static void test_csv_dialect(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv",
        "junk\nmore\n'a'|'b'|'d'|'t'\n1,5|'it\\'s'|03.04.2001|3.4.2001 "
        "17:30\nNA|-|04.04.2001|NA\n");
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), NULL);
    c.call.request.scan.csv = (struct csv_dialect){.delimiter = "|",
        .quote = "'",
        .escape = "\\",
        .header = true,
        .skip = 2,
        .nulls = {.items = (const char *[]){"NA", "-"}, .count = 2},
        .date_format = "%d.%m.%Y",
        .timestamp_format = "%d.%m.%Y %H:%M",
        .decimal = ","};
    must(&s, &c);
    assert_string_equal(types(&s, &c), "a DOUBLE, b VARCHAR, d DATE, t TIMESTAMP");
    assert_string_equal(
        rows(&s, "from t"), "1.5|it's|2001-04-03|2001-04-03T17:30:00\nNULL|NULL|2001-04-04|NULL\n");

    c = (struct scan_case){0};
    make_file(&s, "y.csv", "caf\xe9;1\nb;2\n");
    prepare(&s, &c, FORMAT_CSV, LIST("y.csv"), LIST("name", "varchar"));
    c.call.request.scan.csv = (struct csv_dialect){.encoding = "latin-1", .delimiter = ";"};
    must(&s, &c);
    assert_string_equal(types(&s, &c), "name VARCHAR, column1 BIGINT");
    assert_string_equal(rows(&s, "from t"), "café|1\nb|2\n");

    c = (struct scan_case){0};
    make_file(&s, "z.csv", "caf\xe9;b\n1;2\n3;4\n");
    prepare(&s, &c, FORMAT_CSV, LIST("z.csv"), NULL);
    fails(&s, &c, ERROR_DATA,
        "z.csv: byte 0xe9 in the first line is not UTF-8: say csv: {encoding: latin-1}");
    sluice_close(&s);
}

static void test_csv_contract(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", "Id,Flight date,cost,n\n1,1/31/90 0:00,2.50,4.0\n2,2/1/90 0:00,3,5\n");
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"),
        LIST("id", "varchar", "flight date", "date", "cost", "decimal(10,2)", "n", "int"));
    must(&s, &c);
    assert_string_equal(
        types(&s, &c), "Id VARCHAR, Flight date DATE, cost DECIMAL(10,2), n INTEGER");
    assert_string_equal(rows(&s, "from t"), "1|1990-01-31|2.50|4\n2|1990-02-01|3.00|5\n");

    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("Flight Dat", "date"));
    fails(&s, &c, ERROR_DATA,
        "x.csv: column \"Flight Dat\" is missing; the file has: \"Flight date\", \"Id\", \"cost\", "
        "\"n\"");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("id", "int); drop table x; --"));
    call_run(&s, &c.call);
    assert_int_equal(c.call.err.code, ERROR_INVALID);
    assert_contains(c.call.err.message, "is no type");

    c = (struct scan_case){0};
    make_file(&s, "a.csv", "d,x\n01/02/2003,1\n03/04/2003,2\n");
    prepare(&s, &c, FORMAT_CSV, LIST("a.csv"), NULL);
    fails(&s, &c, ERROR_DATA,
        "a.csv: column \"d\": \"01/02/2003\" may be day or month first: say csv: {date_format: "
        "\"%d/%m/%Y\"} (or timestamp_format), or \"%m/%d/%Y\"");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("a.csv"), NULL);
    c.call.request.scan.csv.date_format = "%m/%d/%Y";
    must(&s, &c);
    assert_string_equal(rows(&s, "from t"), "2003-01-02|1\n2003-03-04|2\n");
    sluice_close(&s);
}

/* What is left of a reason without the value that it quotes. */
static const char *plain_reason(const char *reason)
{
    static char plain[200];
    const char *rule = *reason == '"' ? strchr(reason + 1, '"') + 1 : NULL;

    snprintf(plain, sizeof(plain), "%s%s", rule ? "the value" : "", rule ? rule : reason);
    return plain;
}

/* Bad rows of every kind; the same file fails at its first one, or is read without them. */
static void test_csv_bad_rows(void **state)
{
    static const char text[] = "id,d,x\n"
                               "1,2001-01-01,a\n"
                               "zwei,2001-01-01,b\n"   /* 3 */
                               "3,2001-02-30,c\n"      /* 4 */
                               "4,2001-01-01\n"        /* 5 */
                               "5,2001-01-01,e,f\n"    /* 6 */
                               "6,2001-01-01,\"g\"h\n" /* 7 */
                               "7,2001-01-01,i\xff\n"  /* 8 */
                               "8.5,nope,j\n"          /* 9 */
                               "9,,k\n"
                               ",2001-01-01,l\n"
                               "99999999999999999999,,m\n"; /* 12 */
    static const struct {
        int64_t line;
        const char *column, *reason;
    } want[] = {{3, "id", "\"zwei\" is not BIGINT"}, {4, "d", "\"2001-02-30\" is not DATE"},
        {5, NULL, "the row has less than 3 cells"}, {6, NULL, "the row has more than 3 cells"},
        {7, NULL, "a quote is not closed, or something follows a closing one"},
        {8, NULL, "the text is not valid in its encoding (csv: {encoding: …}; default utf-8)"},
        {9, "id", "\"8.5\" is not BIGINT"}, {12, "id", "\"99999999999999999999\" is not BIGINT"}};
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", text);
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("id", "bigint", "d", "date"));
    fails(&s, &c, ERROR_DATA,
        "x.csv: line 3, column \"id\": \"zwei\" is not BIGINT; mend it, or say on_bad_row: skip or "
        "quarantine");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("id", "bigint", "d", "date"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "from t"), "1|2001-01-01|a\n9|NULL|k\nNULL|2001-01-01|l\n");
    assert_int_equal(c.call.request.scan.ret_dataset.rows, 3);
    assert_int_equal(c.call.request.scan.ret_rejected, 8);
    assert_int_equal(c.call.request.scan.ret_reject_count, 8);
    for (size_t i = 0; i < ARRAY_LENGTH(want); i++) {
        const struct sql_reject *got = &c.call.request.scan.ret_rejects[i];

        if (got->line != want[i].line || !text_equal(got->column, want[i].column) ||
            strcmp(got->reason, want[i].reason) != 0 ||
            strcmp(got->plain_reason, plain_reason(want[i].reason)) != 0 ||
            strcmp(got->object, "x.csv") != 0)
            fail_msg("%s:%d %s: %s", got->object, (int)got->line, got->column, got->reason);
    }
    sluice_close(&s);
}

/* More files than one statement reads, all read at once and, where a row is bad, one by one. */
static void test_many_files(void **state)
{
    enum { FILES = 260 };
    struct sql_source *sources = mem_calloc(FILES, sizeof(*sources));
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "good.csv", "id,v\n1,2\n");
    make_file(&s, "bad.csv", "id,v\n1,2\n2,x\n");
    for (int bad = 0; bad < 2; bad++) {
        struct scan_case c = {0};
        struct sql_scan *scan = &c.call.request.scan;

        for (size_t i = 0; i < FILES; i++)
            sources[i] = (struct sql_source){.path = at(&s, "good.csv"), .object = "good.csv"};
        if (bad)
            sources[FILES - 1] =
                (struct sql_source){.path = at(&s, "bad.csv"), .object = "bad.csv"};
        prepare(&s, &c, FORMAT_CSV, NULL, LIST("v", "int"));
        scan->sources = sources;
        scan->source_count = FILES;
        scan->skip_bad_rows = true;
        must(&s, &c);
        assert_int_equal(scan->ret_dataset.rows, FILES);
        assert_int_equal(scan->ret_rejected, bad);
        assert_int_equal(scan->ret_dataset.files.count, 2);
        assert_string_equal(rows(&s, "select count(*), sum(v) from t"),
            arena_printf(&s.arena, "%d|%d\n", FILES, 2 * FILES));
    }
    sluice_close(&s);
    free(sources);
}

/* Many rows, many bad ones: every row is a row out or a rejected one. */
static void test_csv_accounting(void **state)
{
    struct scan_case c = {0};
    struct buffer text;
    struct sluice s;
    int bad = 0;

    (void)state;
    sluice_open(&s);
    buffer_init(&text, 0);
    buffer_puts(&text, "id,v,w\n");
    for (int i = 0; i < 60000; i++) {
        if (i % 997 == 5) {
            buffer_printf(&text, "%d,x%d,y%d\n", i, i, i); /* two bad cells */
            bad++;
        } else if (i % 1013 == 7) {
            buffer_printf(&text, "%d,1\n", i);
            bad++;
        } else {
            buffer_printf(&text, "%d,%d,%d\n", i, i * 2, i * 3);
        }
    }
    make_file_n(&s, "x.csv", text.data, text.length);
    buffer_deinit(&text);
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("v", "int", "w", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_int_equal(c.call.request.scan.ret_rejected, bad);
    assert_int_equal(c.call.request.scan.ret_dataset.rows, 60000 - bad);
    assert_int_equal(c.call.request.scan.ret_reject_count, SQL_REJECTS_SHOWN);
    assert_int_equal(c.call.request.scan.ret_rejects[0].line, 7);
    assert_int_equal(c.call.request.scan.ret_rejects[1].line, 9);
    assert_int_equal(c.call.request.scan.ret_rejects[2].line, 1004);
    assert_int_equal(c.call.request.scan.ret_rejects[3].line, 1022);
    assert_string_equal(rows(&s, "select count(*), sum(v - 2 * id), min(id), max(id) from t"),
        arena_printf(&s.arena, "%d|0|0|59999\n", 60000 - bad));
    sluice_close(&s);
}

/* Cells of several lines: the line is the file's, where an editor would find it. */
static void test_csv_lines(void **state)
{
    static const int64_t want[] = {5, 6, 10, 11};
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", "id,t\n1,\"a\nb\nc\"\nq,d\n2\n3,\"e\n\n\"\nr,f\n4,g,h\n5,i\n");
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("id", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "select id from t"), "1\n3\n5\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 4);
    for (size_t i = 0; i < ARRAY_LENGTH(want); i++)
        assert_int_equal(c.call.request.scan.ret_rejects[i].line, want[i]);
    sluice_close(&s);
}

static void test_several_files(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "1.csv", "a,b\n1,x\n");
    make_file(&s, "2.csv", "b,a,c\ny,2,2.5\n");
    make_file(&s, "3.csv", "a,b\n3.5,z\n");
    make_file(&s, "4.csv", "");
    prepare(&s, &c, FORMAT_CSV, LIST("1.csv", "2.csv", "3.csv", "4.csv"), NULL);
    must(&s, &c);
    assert_string_equal(types(&s, &c), "a DOUBLE, b VARCHAR, c DOUBLE");
    assert_string_equal(rows(&s, "from t"), "1.0|x|NULL\n2.0|y|2.5\n3.5|z|NULL\n");

    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("1.csv", "2.csv"), LIST("c", "double"));
    fails(&s, &c, ERROR_DATA, "1.csv: column \"c\" is missing; the file has: \"a\", \"b\"");
    /* Bad rows in the second file only; the object is named. */
    make_file(&s, "5.csv", "a,b\n1,x\nq,y\n");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, LIST("1.csv", "5.csv", "2.csv"), LIST("a", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "select a, b from t order by a"), "1|x\n1|x\n2|y\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 1);
    assert_string_equal(c.call.request.scan.ret_rejects[0].object, "5.csv");
    assert_int_equal(c.call.request.scan.ret_rejects[0].line, 3);
    sluice_close(&s);
}

static void test_parquet(void **state)
{
    struct session *session;
    struct scan_case c = {0};
    struct error err = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    session = container_of(s.session, struct session, base);
    assert_ok(
        statement_runf(session->slots[0].main, &err,
            "COPY (SELECT i AS id, CASE WHEN i = 3 THEN 'x' ELSE '' || i END AS v, i / 2 AS h "
            "FROM range(5) r(i)) TO '%s/x.parquet'",
            fixture_folder),
        &err);
    prepare(&s, &c, FORMAT_PARQUET, LIST("x.parquet"), NULL);
    must(&s, &c);
    assert_string_equal(types(&s, &c), "id BIGINT, v VARCHAR, h DOUBLE");
    assert_int_equal(c.call.request.scan.ret_dataset.rows, 5);
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_PARQUET, LIST("x.parquet"), LIST("v", "int", "h", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(types(&s, &c), "id BIGINT, v INTEGER, h INTEGER");
    assert_string_equal(rows(&s, "from t"), "0|0|0\n2|2|1\n4|4|2\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 2);
    assert_int_equal(c.call.request.scan.ret_rejects[0].line, 2);
    assert_string_equal(c.call.request.scan.ret_rejects[0].reason, "\"0.5\" is not INTEGER");
    assert_int_equal(c.call.request.scan.ret_rejects[1].line, 4);
    assert_string_equal(c.call.request.scan.ret_rejects[1].column, "v");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_PARQUET, LIST("x.parquet"), LIST("hh", "int"));
    call_run(&s, &c.call);
    assert_contains(c.call.err.message, "column \"hh\" is missing; the file has: ");
    sluice_close(&s);
}

static void test_compression(void **state)
{
    struct scan_case c = {0};
    struct sluice s;
    gzFile file;

    (void)state;
    sluice_open(&s);
    file = gzopen(at(&s, "noname"), "wb");
    assert_int_equal(gzputs(file, "a,b\n1,x\n2,y\n"), 12);
    gzclose(file);
    prepare(&s, &c, FORMAT_CSV, LIST("noname"), NULL);
    c.sources[0].compression = COMPRESSION_GZIP;
    must(&s, &c);
    assert_string_equal(rows(&s, "from t"), "1|x\n2|y\n");
    sluice_close(&s);
}

static void test_timezone(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv",
        "a,b\n2001-07-01 12:00:00,2001-07-01 12:00:00\n2001-01-01 "
        "12:00:00,2001-01-01T12:00:00+05\n");
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("b", "timestamptz"));
    c.call.request.scan.timezone = "Europe/Berlin";
    must(&s, &c);
    assert_string_equal(types(&s, &c), "a TIMESTAMP, b TIMESTAMP WITH TIME ZONE");
    assert_string_equal(rows(&s, "from t"), "2001-07-01T10:00:00|2001-07-01T10:00:00Z\n"
                                            "2001-01-01T11:00:00|2001-01-01T07:00:00Z\n");
    sluice_close(&s);
}

static void test_schema_only(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.csv", "a,b\n1,x\n");
    prepare(&s, &c, FORMAT_CSV, LIST("x.csv"), LIST("b", "varchar"));
    c.call.request.scan.schema_only = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "from t"), "");
    assert_string_equal(rows(&s, "select count(a) from t"), "0\n");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_CSV, NULL, LIST("b", "varchar", "n", "int"));
    c.call.request.scan.schema_only = true;
    must(&s, &c);
    assert_string_equal(types(&s, &c), "b VARCHAR, n INTEGER");
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csv_types, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_csv_dialect, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_csv_contract, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_csv_bad_rows, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_csv_accounting, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_csv_lines, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_many_files, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_several_files, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_parquet, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_compression, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_timezone, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_schema_only, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
