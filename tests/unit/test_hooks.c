/* Which hooks are told what, and which one a recorded one is. */
#include "runner/base/mem.h"
#include "runner/engine/hooks.h"
#include "tests/unit/config_fixture.h"

#include <string.h>

static struct pipeline *parse(const char *hooks)
{
    const struct pipeline_scope scope = {.run_id = "r", .due_ms = 1000, .for_run = true};
    char *text = mem_printf("name: p\nextract: {a: {from: x.csv, only_new: true}}\n"
                            "load: {a: {into: n.t}}\n%s",
        hooks);
    struct diagnostics problems;
    struct pipeline *pipeline;

    diagnostics_init(&problems);
    pipeline = pipeline_parse("p.yaml", text, strlen(text), &scope, &problems);
    if (problems.error_count > 0)
        print_error("%s\n", problems.items[0].message);
    diagnostics_deinit(&problems);
    free(text);
    assert_non_null(pipeline);
    return pipeline;
}

#define URL "http://h/"

static void test_what_is_due(void **state)
{
    struct pipeline *pipeline = parse("on_commit: [" URL "1, {url: " URL "2, body: '{}'}]\n"
                                      "on_failure: [" URL "3]\nfinally: [" URL "4]\n");
    struct pipeline *none = parse("");
    const struct hook_due *due;
    char first[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE];
    struct arena arena;
    size_t count;

    (void)state;
    arena_init(&arena);
    assert_true(hooks_any(pipeline));
    assert_false(hooks_any(none));
    due = hooks_due(pipeline, "run", true, &arena, &count);
    assert_int_equal(count, 3);
    assert_string_equal(due[0].place, "on_commit[1]");
    assert_string_equal(due[1].place, "on_commit[2]");
    assert_string_equal(due[1].body, "{}");
    assert_string_equal(due[2].place, "finally[1]");
    assert_null(due[2].body);
    assert_null(strstr(due[0].target, "http")); /* it may be secret */
    assert_string_not_equal(hooks_key(&due[0], first), hooks_key(&due[1], second));
    assert_string_equal(hooks_key(&due[1], first), second);
    due = hooks_due(pipeline, "run", false, &arena, &count);
    assert_int_equal(count, 2);
    assert_string_equal(due[0].place, "on_failure[1]");
    assert_string_equal(due[1].place, "finally[1]");
    arena_deinit(&arena);
    pipeline_free(pipeline);
    pipeline_free(none);
}

static void test_which_one_it_is(void **state)
{
    static const struct {
        const char *later, *url; /* of the second one; NULL: it is gone */
    } cases[] = {
        {"on_commit: [" URL "1, " URL "2]\n", URL "2"},
        {"on_commit: [" URL "2, " URL "1]\n", URL "2"}, /* others came before it */
        {"on_commit: [" URL "0, " URL "1, " URL "2]\n", URL "2"},
        {"on_commit: [" URL "1, " URL "new]\n", URL "new"}, /* it has moved */
        {"on_commit: [" URL "2, " URL "2]\n", URL "2"},
        {"on_commit: [" URL "1]\n", NULL},
        {"on_failure: [" URL "1, " URL "2]\n", NULL},
        {"", NULL},
    };
    struct pipeline *pipeline = parse("on_commit: [" URL "1, " URL "2]\n");
    const struct hook_due *due;
    struct arena arena;
    size_t count;

    (void)state;
    arena_init(&arena);
    due = hooks_due(pipeline, "run", true, &arena, &count);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct pipeline *later = parse(cases[i].later);
        const struct hook *hook = hooks_find(later, &due[1]);

        if (cases[i].url) {
            assert_non_null(hook);
            assert_string_equal(hook->url, cases[i].url);
        } else {
            assert_null(hook);
        }
        pipeline_free(later);
    }
    assert_null(hooks_find(pipeline, &(struct hook_due){.place = "on_commit", .target = ""}));
    assert_null(hooks_find(pipeline, &(struct hook_due){.place = "on_commit[9]", .target = ""}));
    arena_deinit(&arena);
    pipeline_free(pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_due),
        cmocka_unit_test(test_which_one_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
