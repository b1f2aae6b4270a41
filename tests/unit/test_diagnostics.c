#include "config/diagnostics.h"

#include "config_fixture.h"

static void sorted_and_once(void **state)
{
    struct diagnostics problems;

    (void)state;
    diagnostics_init(&problems);
    diagnostics_error(&problems, "b.yaml", (struct option_mark){2, 1}, "second");
    diagnostics_error(&problems, "b.yaml", (struct option_mark){1, 9}, "same %d", 1);
    diagnostics_error(&problems, "a.yaml", (struct option_mark){0, 0}, "the whole file");
    diagnostics_error(&problems, "b.yaml", (struct option_mark){1, 9}, "same 1");
    diagnostics_warn(&problems, "b.yaml", (struct option_mark){1, 2}, "tab\there, line\nend");
    assert_int_equal(problems.error_count, 4);
    assert_problems(&problems, "a.yaml: the whole file\n"
                               "b.yaml:1:2: warning: tab\\there, line\\nend\n"
                               "b.yaml:1:9: same 1\n"
                               "b.yaml:2:1: second\n");
    assert_int_equal(problems.error_count, 3);
    diagnostics_deinit(&problems);
}

static void each_file_has_a_limit(void **state)
{
    struct diagnostics problems;

    (void)state;
    diagnostics_init(&problems);
    for (unsigned i = 0; i < DIAGNOSTICS_MAX + 5; i++)
        diagnostics_error(&problems, "a.yaml", (struct option_mark){i + 1, 1}, "x");
    diagnostics_error(&problems, "b.yaml", (struct option_mark){1, 1}, "y");
    assert_int_equal(problems.count, DIAGNOSTICS_MAX + 1);
    assert_int_equal(problems.dropped, 5);
    assert_int_equal(problems.error_count, DIAGNOSTICS_MAX + 6);
    diagnostics_sort(&problems);
    assert_string_equal(problems.items[DIAGNOSTICS_MAX].path, "b.yaml");
    diagnostics_deinit(&problems);
}

static void none_is_fine(void **state)
{
    struct diagnostics problems;

    (void)state;
    diagnostics_init(&problems);
    assert_problems(&problems, "");
    diagnostics_deinit(&problems);
    diagnostics_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_and_once),
        cmocka_unit_test(each_file_has_a_limit),
        cmocka_unit_test(none_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
