/* SCAN of JSON and NDJSON: members, types, contracts, bad rows. */
#include "tests/unit/duckdb_scan_fixture.h"

static void test_ndjson(void **state)
{
    static const char text[] = "{\"id\":1,\"n\":{\"x\":[1,2]},\"t\":\"2001-02-03\",\"s\":\"7\"}\n"
                               "\n"
                               "{\"id\":\"zwei\",\"s\":\"a\"}\n" /* 3 */
                               "not json\n"                      /* 4 */
                               "[1,2]\n"                         /* 5 */
                               "{\"id\":2.5}\n"                  /* 6 */
                               "{\"s\":null,\"id\":3,\"q\\\"r\":true}\n"
                               "{\"id\":4,\"s\":\"\xff\"}\n" /* 8 */
                               "{\"id\":5,\"s\":\"caf\\u00e9\"}";
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "x.ndjson", text);
    prepare(&s, &c, FORMAT_NDJSON, LIST("x.ndjson"), LIST("id", "bigint", "never", "date"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(
        types(&s, &c), "id BIGINT, n JSON, t DATE, s VARCHAR, q\"r BOOLEAN, never DATE");
    assert_string_equal(rows(&s, "from t"), "1|{\"x\":[1,2]}|2001-02-03|7|NULL|NULL\n3|NULL|NULL|"
                                            "NULL|true|NULL\n5|NULL|NULL|café|NULL|NULL\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 5);
    assert_int_equal(c.call.request.scan.ret_reject_count, 5);
    assert_int_equal(c.call.request.scan.ret_rejects[0].line, 3);
    assert_string_equal(c.call.request.scan.ret_rejects[0].column, "id");
    assert_string_equal(c.call.request.scan.ret_rejects[0].reason, "\"zwei\" is not BIGINT");
    assert_int_equal(c.call.request.scan.ret_rejects[1].line, 4);
    assert_string_equal(
        c.call.request.scan.ret_rejects[1].reason, "this is no JSON object: not json");
    assert_string_equal(c.call.request.scan.ret_rejects[1].plain_reason, "this is no JSON object");
    assert_int_equal(c.call.request.scan.ret_rejects[2].line, 5);
    assert_int_equal(c.call.request.scan.ret_rejects[3].line, 6);
    assert_int_equal(c.call.request.scan.ret_rejects[4].line, 8);
    sluice_close(&s);
}

/* Columns are matched by name in any case, over all rows and files; none of them is too late. */
static void test_json_members(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(&s, "a.ndjson", "{\"id\":1}\r\n{\"ID\":2,\"n\":null}\n{\"Id\":3,\"id\":null}\n");
    make_file(&s, "b.ndjson", "{\"ID\":4,\"N\":{\"x\":1}}\n");
    prepare(&s, &c, FORMAT_NDJSON, LIST("a.ndjson", "b.ndjson"), NULL);
    must(&s, &c);
    assert_string_equal(types(&s, &c), "id BIGINT, n JSON");
    assert_string_equal(rows(&s, "from t order by 1"), "1|NULL\n2|NULL\n3|NULL\n4|{\"x\":1}\n");

    make_file(&s, "both.ndjson", "{\"id\":1}\n{\"id\":2,\"ID\":3}\n{\"iD\":4,\"ID\":5}\n");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_NDJSON, LIST("both.ndjson"), NULL);
    fails(&s, &c, ERROR_DATA,
        "both.ndjson: line 2: a member is there twice, spelt in another case; mend it, or say "
        "on_bad_row: skip or quarantine");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_NDJSON, LIST("both.ndjson"), NULL);
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "from t"), "1\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 2);

    {
        const char row[] = "{\"a\":1}\n";
        struct buffer text;

        buffer_init(&text, 0);
        for (int i = 0; i < 100001; i++)
            buffer_puts(&text, row);
        buffer_puts(&text, "{\"late\":5}\n");
        make_file(&s, "late.ndjson", text.data);
        buffer_deinit(&text);
    }
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_NDJSON, LIST("late.ndjson"), NULL);
    must(&s, &c);
    assert_string_equal(rows(&s, "select sum(a), max(late) from t"), "100001|5\n");
    sluice_close(&s);
}

static void test_json(void **state)
{
    struct scan_case c = {0};
    struct sluice s;

    (void)state;
    sluice_open(&s);
    make_file(
        &s, "x.json", "[{\"a\": 1, \"b\": \"x\"},\n {\"a\": \"?\"}, {\"b\": \"y\", \"a\": 3}]");
    prepare(&s, &c, FORMAT_JSON, LIST("x.json"), LIST("a", "int"));
    fails(&s, &c, ERROR_DATA,
        "x.json: row 2, column \"a\": \"?\" is not INTEGER; mend it, or say on_bad_row: skip or "
        "quarantine");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_JSON, LIST("x.json"), LIST("a", "int"));
    c.call.request.scan.skip_bad_rows = true;
    must(&s, &c);
    assert_string_equal(rows(&s, "select a, b from t"), "1|x\n3|y\n");
    assert_int_equal(c.call.request.scan.ret_rejected, 1);
    assert_int_equal(c.call.request.scan.ret_rejects[0].line, 2);

    make_file(
        &s, "geo.json", "{\"type\":\"F\",\"features\":[{\"p\":{\"m\":1.5}},{\"p\":{\"m\":2}}]}");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_JSON, LIST("geo.json"), NULL);
    must(&s, &c);
    assert_string_equal(types(&s, &c), "type VARCHAR, features JSON");
    assert_string_equal(
        rows(&s, "select (f->>'$.p.m')::double from (select unnest(features::json[]) f from t)"),
        "1.5\n2.0\n");

    make_file(&s, "bad.json", "[{\"a\": 1}, {\"a\": ]");
    c = (struct scan_case){0};
    prepare(&s, &c, FORMAT_JSON, LIST("bad.json"), NULL);
    call_run(&s, &c.call);
    assert_int_equal(c.call.err.code, ERROR_DATA);
    assert_true(text_starts(c.call.err.message, "bad.json: "));
    sluice_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ndjson, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_json_members, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(test_json, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
