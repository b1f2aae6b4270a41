#include "runner/cli/cli.h"
#include "runner/cli/run_flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct parsed {
    struct cli cli;
    struct run_flags flags;
    const char **args;
    size_t arg_count;
    struct error err;
    int result;
};

static const struct command test_command = {.name = "test", .options = &run_flag_set};

static int parse(struct parsed *parsed, int count, const char *const *words)
{
    *parsed = (struct parsed){0};
    arena_init(&parsed->cli.arena);
    option_set_presets(&run_flag_set, &parsed->flags, &parsed->cli.arena);
    parsed->result = cli_parse_flags(&parsed->cli, &test_command, words, count, &parsed->flags,
        &parsed->args, &parsed->arg_count, &parsed->err);
    return parsed->result;
}

#define PARSE(parsed, ...)                                                                         \
    parse((parsed), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                   \
        (const char *const[]){__VA_ARGS__})

static void end(struct parsed *parsed)
{
    arena_deinit(&parsed->cli.arena);
}

static void test_flags_and_arguments_mix(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(PARSE(&p, "birds", "--env", "prod", "-q", "more", "--json"), 0);
    assert_int_equal(p.arg_count, 2);
    assert_string_equal(p.args[0], "birds");
    assert_string_equal(p.args[1], "more");
    assert_string_equal(p.cli.globals.env, "prod");
    assert_true(p.cli.globals.quiet);
    assert_true(p.cli.globals.json);
    assert_false(p.flags.dry_run);
    end(&p);
}

static void test_values_behind_equals(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(PARSE(&p, "--env=a=b", "--dry-run", "--json=false"), 0);
    assert_string_equal(p.cli.globals.env, "a=b");
    assert_true(p.flags.dry_run);
    assert_false(p.cli.globals.json);
    end(&p);
}

static void test_lists_and_pairs_grow(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(
        PARSE(&p, "--task", "load.a", "-t", "load.b", "-p", "x=1", "--param=y=a=b", "-p", "z="), 0);
    assert_int_equal(p.flags.tasks.count, 2);
    assert_string_equal(p.flags.tasks.items[1], "load.b");
    assert_int_equal(p.flags.params.count, 3);
    assert_string_equal(p.flags.params.items[0].name, "x");
    assert_string_equal(p.flags.params.items[1].name, "y");
    assert_string_equal(p.flags.params.items[1].value, "a=b");
    assert_string_equal(p.flags.params.items[2].value, "");
    end(&p);
}

static void test_times_are_parsed(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(PARSE(&p, "--due", "1970-01-02"), 0);
    assert_int_equal(p.flags.due_ms, 86400000);
    end(&p);
}

static void test_double_dash_ends_flags(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(PARSE(&p, "--json", "--", "--env", "-"), 0);
    assert_int_equal(p.arg_count, 2);
    assert_string_equal(p.args[0], "--env");
    assert_null(p.cli.globals.env);
    end(&p);
    assert_int_equal(PARSE(&p, "-"), 0);
    assert_string_equal(p.args[0], "-");
    end(&p);
}

static void check_error(const char *expected, struct parsed *p)
{
    assert_int_equal(p->result, -1);
    assert_int_equal(p->err.code, ERROR_INVALID);
    assert_string_equal(p->err.message, expected);
    end(p);
}

static void test_errors_say_what_to_do(void **state)
{
    struct parsed p;

    (void)state;
    PARSE(&p, "--dryrun");
    check_error("--dryrun is not an option; did you mean --dry-run?", &p);
    PARSE(&p, "--jso=x");
    check_error("--jso is not an option; did you mean --json?", &p);
    PARSE(&p, "--unheard-of");
    check_error("--unheard-of is not an option; see --help", &p);
    PARSE(&p, "-x");
    check_error("-x is not an option; see --help", &p);
    PARSE(&p, "-qn");
    check_error("-qn is not an option; see --help", &p);
    PARSE(&p, "--env");
    check_error("--env needs a value (ENVIRONMENT)", &p);
    PARSE(&p, "--param", "novalue");
    check_error("--param: \"novalue\" is not of the form name=value", &p);
    PARSE(&p, "--param", "=1");
    check_error("--param: \"=1\" is not of the form name=value", &p);
    PARSE(&p, "--json=perhaps");
    check_error("--json: \"perhaps\" is neither true nor false", &p);
}

static int flag_words(int count, const char *const *words)
{
    return cli_flag_words(words, count);
}

static void test_words_of_leading_flags(void **state)
{
    (void)state;
    assert_int_equal(flag_words(3, (const char *const[]){"--env", "prod", "run"}), 2);
    assert_int_equal(flag_words(3, (const char *const[]){"-e", "prod", "run"}), 2);
    assert_int_equal(flag_words(2, (const char *const[]){"--env=prod", "run"}), 1);
    assert_int_equal(flag_words(2, (const char *const[]){"--json", "run"}), 1);
    assert_int_equal(flag_words(1, (const char *const[]){"--env"}), 1);
    assert_int_equal(flag_words(2, (const char *const[]){"--other", "run"}), 1);
}

static void test_run_flags_are_completed(void **state)
{
    struct arena arena;
    struct pipeline_scope scope;
    struct run_flags flags = {0};
    struct error err;

    (void)state;
    arena_init(&arena);
    assert_int_equal(run_flags_complete(&flags, &arena, &scope, &err), 0);
    assert_true(uuid_valid(flags.run_id));
    assert_true(flags.due_ms > 0);
    assert_string_equal(scope.run_id, flags.run_id);
    assert_int_equal(scope.due_ms, flags.due_ms);
    assert_true(scope.for_run);

    flags = (struct run_flags){.run_id = "not-one"};
    assert_int_equal(run_flags_complete(&flags, &arena, &scope, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.message, "--run-id: \"not-one\" is not a UUID"));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_and_arguments_mix),
        cmocka_unit_test(test_values_behind_equals),
        cmocka_unit_test(test_lists_and_pairs_grow),
        cmocka_unit_test(test_times_are_parsed),
        cmocka_unit_test(test_double_dash_ends_flags),
        cmocka_unit_test(test_errors_say_what_to_do),
        cmocka_unit_test(test_words_of_leading_flags),
        cmocka_unit_test(test_run_flags_are_completed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
