/* test: the cases beside the pipelines. */
#include "config/path.h"
#include "config/test_file.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/test_case.h"
#include "runner/io/file.h"

#include <stddef.h>
#include <string.h>

struct test_options {
    const char *only, *junit;
};

static const struct option options_table[] = {
    {"case", OPTION_TEXT, offsetof(struct test_options, only), .letter = 'c', .value_name = "TEXT",
        .help = "Only cases with that in their name"},
    {"junit", OPTION_TEXT, offsetof(struct test_options, junit), .value_name = "FILE",
        .help = "Also as JUnit XML, for whoever shows results of builds"},
};
static const struct option_set option_set =
    OPTION_SET("test", "Options", struct test_options, options_table);

struct tests {
    struct cli *cli;
    const struct test_options *options;
    struct test_result *results;
    size_t count, capacity, failed, files;
    bool stopped;
};

/* --- one file --- */

static void print_result(struct cli *cli, const struct test_result *result)
{
    if (cli->globals.json)
        return;
    printf("%s%s%s %s: %s\n", cli_style(cli, result->passed ? "green" : "red"),
        result->passed ? "ok    " : "FAILED", cli_style(cli, "reset"), result->pipeline,
        result->name);
    if (!result->passed && result->why.length)
        fputs(result->why.data, stdout);
    fflush(stdout);
}

static int run_file(struct tests *tests, const char *path, const char *test_path)
{
    struct cli *cli = tests->cli;
    struct diagnostics problems;
    struct test_file *file;
    int code;

    diagnostics_init(&problems);
    file = test_file_load(path_display(&cli->arena, test_path), &problems);
    code = cli_problems(cli, &problems);
    diagnostics_deinit(&problems);
    if (!file)
        return code ? code : EXIT_USAGE;
    tests->files++;
    for (size_t i = 0; i < file->count && !tests->stopped; i++) {
        struct test_result *result;

        if (tests->options->only && !strstr(file->cases[i].name, tests->options->only))
            continue;
        tests->results =
            mem_grow(tests->results, &tests->capacity, tests->count, sizeof(*tests->results));
        result = &tests->results[tests->count++];
        test_case_run(cli, path, file, &file->cases[i], result);
        result->file = arena_strdup(&cli->arena, result->file);
        result->name = arena_strdup(&cli->arena, result->name);
        result->pipeline =
            arena_strndup(&cli->arena, path, strlen(path) - strlen(strrchr(path, '.')));
        if (strrchr(result->pipeline, '/'))
            result->pipeline = strrchr(result->pipeline, '/') + 1;
        tests->failed += !result->passed;
        tests->stopped = result->stopped;
        print_result(cli, result);
    }
    test_file_free(file);
    return EXIT_OK;
}

/* "x.test.yaml" for "x.yaml". */
static const char *tests_of(struct arena *arena, const char *path)
{
    const char *dot = strrchr(path, '.');

    return arena_printf(arena, "%.*s.test%s", (int)(dot - path), path, dot);
}

/* --- reports --- */

/* What XML 1.0 has no word for, U+FFFE and U+FFFF among it, is a space. */
static void append_xml(struct buffer *xml, const char *from)
{
    struct buffer valid;

    buffer_init(&valid, 0);
    text_append_valid(&valid, from, strlen(from));
    for (const char *text = valid.data; *text; text++) {
        const unsigned char byte = (unsigned char)*text;

        if (text_starts(text, "\xef\xbf\xbe") || text_starts(text, "\xef\xbf\xbf")) {
            buffer_putc(xml, ' ');
            text += 2;
        } else if (byte == '<' || byte == '&' || byte == '"' || byte == '>') {
            buffer_printf(xml, "&#%d;", byte);
        } else {
            buffer_putc(xml, byte >= ' ' || byte == '\n' ? *text : ' ');
        }
    }
    buffer_deinit(&valid);
}

/* Of all cases. */
static double seconds(const struct tests *tests)
{
    int64_t sum_ms = 0;

    for (size_t i = 0; i < tests->count; i++)
        sum_ms += tests->results[i].duration_ms;
    return (double)sum_ms / 1000;
}

static int write_junit(const struct tests *tests, const char *path, struct error *err)
{
    struct buffer xml;
    int rc;

    buffer_init(&xml, 0);
    buffer_printf(&xml,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"sluice\" "
        "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
        tests->count, tests->failed, seconds(tests));
    for (size_t i = 0; i < tests->count; i++) {
        const struct test_result *result = &tests->results[i];

        buffer_puts(&xml, "<testcase classname=\"");
        append_xml(&xml, result->pipeline);
        buffer_puts(&xml, "\" name=\"");
        append_xml(&xml, result->name);
        buffer_puts(&xml, "\" file=\"");
        append_xml(&xml, result->file);
        buffer_printf(&xml, "\" time=\"%.3f\"", (double)result->duration_ms / 1000);
        if (result->passed) {
            buffer_puts(&xml, "/>\n");
            continue;
        }
        buffer_puts(&xml, "><failure type=\"difference\" message=\"not as expected\">");
        append_xml(&xml, result->why.data ? result->why.data : "");
        buffer_puts(&xml, "</failure></testcase>\n");
    }
    buffer_puts(&xml, "</testsuite>\n</testsuites>\n");
    rc = file_write(path, xml.data, xml.length, err);
    buffer_deinit(&xml);
    return rc;
}

static void print_json(const struct tests *tests)
{
    json_t *list = json_array();

    for (size_t i = 0; i < tests->count; i++) {
        const struct test_result *result = &tests->results[i];
        json_t *item = json_object();

        json_put_text(item, "pipeline", result->pipeline);
        json_put_text(item, "case", result->name);
        json_object_set_new(item, "passed", json_boolean(result->passed));
        json_put_int(item, "duration_ms", result->duration_ms);
        if (!result->passed)
            json_put_text(item, "why", result->why.data);
        json_array_append_new(list, item);
    }
    cli_print_json(list);
}

static int report(const struct tests *tests)
{
    struct cli *cli = tests->cli;
    struct error err;

    if (tests->options->junit && write_junit(tests, tests->options->junit, &err))
        return cli_fail(cli, &err);
    if (cli->globals.json)
        print_json(tests);
    else
        printf("%zu passed, %zu failed\n", tests->count - tests->failed, tests->failed);
    return tests->failed ? EXIT_FAILED : EXIT_OK;
}

/* --- all of them --- */

static int run_all(struct tests *tests, const struct text_list *paths, bool named)
{
    struct cli *cli = tests->cli;
    int code = EXIT_OK;

    for (size_t i = 0; i < paths->count && code == EXIT_OK && !tests->stopped; i++) {
        const char *test_path = tests_of(&cli->arena, paths->items[i]);
        struct error err;

        if (file_exists(test_path)) {
            code = run_file(tests, paths->items[i], test_path);
        } else if (named) {
            error_set(&err, ERROR_NOT_FOUND, "there are no tests: %s is not there", test_path);
            code = cli_fail(cli, &err);
        }
    }
    return code;
}

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    struct tests tests = {.cli = cli, .options = values};
    struct text_list paths = {0};
    struct error err;
    int code = cli_open_project(cli);

    if (code)
        return code;
    if (arg_count == 0 && project_pipeline_paths(cli->project, &paths, &err))
        return cli_fail(cli, &err);
    if (arg_count > 0) {
        paths.items = arena_array(&cli->arena, arg_count, sizeof(char *));
        for (; paths.count < arg_count; paths.count++) {
            if (project_find_pipeline(
                    cli->project, args[paths.count], &paths.items[paths.count], &err))
                return cli_fail(cli, &err);
        }
    }
    code = run_all(&tests, &paths, arg_count > 0);
    if (code == EXIT_OK)
        code = tests.stopped ? EXIT_INTERRUPTED : report(&tests);
    for (size_t i = 0; i < tests.count; i++)
        test_result_deinit(&tests.results[i]);
    free(tests.results);
    return code;
}

const struct command command_test = {
    .name = "test",
    .arguments = "[PIPELINE]...",
    .help = "Run the tests beside pipelines: NAME.test.yaml",
    .details =
        "Each case runs the pipeline in a project of its own, with an empty catalog and without a "
        "network: rows that the case gives take the place of what extracts read. What comes out is "
        "compared with what is expected, and differences are shown. Exit code 1 where there are "
        "any.\n\n"
        "Keys of --json, one object a case: pipeline, case, passed, duration_ms, why.",
    .options = &option_set,
    .args_max = 1000,
    .argument = ARGUMENT_PIPELINE,
    .next_argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice test birdstrikes --case airport\nsluice test --junit results.xml",
};
