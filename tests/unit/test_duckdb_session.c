/* Sessions: the lock, every verb but SCAN and WRITE (tests of their own), cancel, progress, two
 * requests at once. */
#include "tests/unit/duckdb_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_query_texts, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
