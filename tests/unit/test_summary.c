#include "runner/base/buffer.h"
#include "runner/cli/print.h"
#include "runner/cli/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char record[] =
    "{\"due_ms\": 1, \"rows\": 10000, \"rejected\": 12, \"tasks\": ["
    "{\"task\": \"extract.strikes\", \"state\": \"done\", \"rows\": 10000, \"rejected\": 12,"
    " \"rejects\": [{\"object\": \"strikes.csv\", \"line\": 7, \"column\": \"day\"},"
    " {\"object\": \"strikes.csv\", \"line\": 9,"
    "  \"reason\": \"the row has less than 3 cells\"}]},"
    "{\"task\": \"transform.clean\", \"state\": \"done\", \"rows\": 10000, \"checks\": ["
    " {\"check\": \"unique(id)\", \"passed\": true, \"severity\": \"error\", \"rows\": 0},"
    " {\"check\": \"no_negative\", \"passed\": false, \"severity\": \"warn\", \"rows\": 3}]},"
    "{\"task\": \"load.clean\", \"state\": \"done\", \"rows\": 10000, \"into\": "
    "\"wildlife.strikes\","
    " \"files\": 1, \"bytes_written\": 2048},"
    "{\"task\": \"load.csv\", \"state\": \"done\", \"rows\": 1, \"to\": \"out.csv\", \"files\": 0},"
    "{\"task\": \"load.other\", \"state\": \"skipped\", \"into\": \"not.written\"}]}";

static const struct run_summary success = {.outcome = STATE_SUCCEEDED,
    .rows = 10000,
    .rejected = 12,
    .objects = 1,
    .bytes_read = 1536,
    .duration_ms = 1200,
    .record = record};

static char *render(const struct run_facts *facts, unsigned width, bool color)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    summary_render(facts, width, color, &buffer);
    return buffer_steal(&buffer);
}

static void test_success(void **state)
{
    const struct run_facts facts = {.pipeline = "birds", .run_id = "r", .summary = &success};
    char *text = render(&facts, 0, false);

    (void)state;
    assert_string_equal(text, "✓ birds: 10,000 rows committed, 1 object (1.5 KiB) read, in 1.2s\n"
                              "  wildlife.strikes       10,000 rows in 1 file, 2.0 KiB\n"
                              "  out.csv                     1 row\n"
                              "  extract.strikes: 12 rows left out, first:\n"
                              "    strikes.csv:7: column day\n"
                              "    strikes.csv:9: the row has less than 3 cells\n"
                              "  transform.clean: check warns: no_negative: 3 rows\n");
    free(text);
}

static void test_lines_are_cut_to_the_terminal(void **state)
{
    const struct run_facts facts = {.pipeline = "birds", .run_id = "r", .summary = &success};

    (void)state;
    for (unsigned width = 10; width < 90; width += 7) {
        char *text = render(&facts, width, true);

        for (const char *line = text; *line;) {
            const size_t length = strcspn(line, "\n");

            assert_true(print_styled_width(line, length) < width);
            line += length + 1;
        }
        free(text);
    }
}

static void test_many_tables_are_counted(void **state)
{
    struct run_summary summary = success;
    const struct run_facts facts = {.pipeline = "birds", .run_id = "r", .summary = &summary};
    struct buffer tasks;
    char *text;

    (void)state;
    buffer_init(&tasks, 0);
    buffer_puts(&tasks, "{\"tasks\": [");
    for (unsigned i = 0; i < 25; i++)
        buffer_printf(&tasks, "%s{\"task\": \"load.x\", \"state\": \"done\", \"into\": \"n.t%u\"}",
            i ? "," : "", i);
    buffer_puts(&tasks, "]}");
    summary.record = tasks.data;
    text = render(&facts, 80, false);
    assert_non_null(strstr(text, "  n.t19 "));
    assert_null(strstr(text, "n.t20"));
    assert_non_null(strstr(text, "  … and 5 more\n"));
    free(text);
    buffer_deinit(&tasks);
}

static void test_nothing_new(void **state)
{
    const struct run_summary summary = {
        .outcome = STATE_NOTHING_NEW, .duration_ms = 4, .record = "{\"tasks\": []}"};
    const struct run_facts facts = {.pipeline = "birds", .run_id = "r", .summary = &summary};
    char *text = render(&facts, 80, false);

    (void)state;
    assert_string_equal(text, "✓ birds: nothing new, in 4ms\n");
    free(text);
}

/* The run's own error is left to the line that ends the program; those of other tasks are not. */
static void test_failure_names_the_other_errors(void **state)
{
    const struct run_summary summary = {.outcome = STATE_FAILED,
        .duration_ms = 50,
        .record =
            "{\"tasks\": [{\"task\": \"extract.a\", \"state\": \"failed\", \"error\": \"one\"},"
            "{\"task\": \"extract.b\", \"state\": \"failed\", \"error\": \"two\\nlines\"}]}"};
    struct run_facts facts = {.pipeline = "birds", .run_id = "r", .summary = &summary};
    struct error err;
    char *text;

    (void)state;
    error_set(&err, ERROR_DATA, "one");
    facts.err = &err;
    text = render(&facts, 80, false);
    assert_string_equal(text, "✗ birds: failed after 50ms\n"
                              "  extract.b: two\\nlines\n");
    free(text);
}

static void test_json_says_who_and_how(void **state)
{
    struct run_facts facts = {
        .pipeline = "birds", .run_id = "r", .environment = "dev", .summary = &success};
    const struct run_summary nothing = {0};
    json_t *value = summary_to_json(&facts);
    struct error err;

    (void)state;
    assert_string_equal(json_get_text(value, "run_id"), "r");
    assert_string_equal(json_get_text(value, "outcome"), "succeeded");
    assert_int_equal(json_get_int(value, "rows", 0), 10000);
    assert_null(json_object_get(value, "error"));
    json_decref(value);

    error_set(&err, ERROR_BUSY, "somebody runs it"); /* before there was a record */
    facts.summary = &nothing;
    facts.err = &err;
    value = summary_to_json(&facts);
    assert_string_equal(json_get_text(value, "outcome"), "busy");
    assert_string_equal(json_get_text(value, "error_code"), "busy");
    assert_string_equal(json_get_text(value, "error"), "somebody runs it");
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_lines_are_cut_to_the_terminal),
        cmocka_unit_test(test_many_tables_are_counted),
        cmocka_unit_test(test_nothing_new),
        cmocka_unit_test(test_failure_names_the_other_errors),
        cmocka_unit_test(test_json_says_who_and_how),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
