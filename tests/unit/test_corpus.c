/* The corpus of tests/corpus/pipelines: good files load without an error, bad ones are refused with
 * exactly the lines that they begin with. What needs SQL ("# stage: plan") is left to the tests of
 * the whole program. */
#include "config/environment.h"
#include "config/path.h"
#include "config/pipeline.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct corpus {
    struct diagnostics problems;
    struct project *project;
    unsigned files, failed;
};

/* What the file is refused with, a line each, without the path: "5:3: …" or "is empty". */
static void parse_file(
    struct corpus *corpus, const char *path, const char *text, size_t length, struct buffer *lines)
{
    const struct pipeline_scope scope = {.environment = corpus->project->environment};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct buffer line;

    diagnostics_init(&problems);
    buffer_init(&line, 0);
    pipeline = pipeline_parse(path, text, length, &scope, &problems);
    assert_true((pipeline == NULL) == (problems.error_count > 0));
    diagnostics_sort(&problems);
    for (size_t i = 0; i < problems.count; i++) {
        const struct diagnostic *item = &problems.items[i];

        if (item->warning)
            continue;
        buffer_clear(&line);
        diagnostics_format(item, &line);
        assert_true(text_starts(line.data, path));
        buffer_printf(lines, "%s\n", line.data + strlen(path) + (item->mark.line ? 1 : 2));
    }
    buffer_deinit(&line);
    pipeline_free(pipeline);
    diagnostics_deinit(&problems);
}

/* The "# error: " lines; false where the file is not for this test. */
static bool expected_of(const char *text, struct buffer *lines)
{
    static const char *const key = "# error: ";

    for (const char *at = text; *at == '#'; at += strcspn(at, "\n") + 1) {
        const size_t length = strcspn(at, "\n");

        if (text_starts(at, "# stage: plan"))
            return false;
        if (text_starts(at, key)) {
            buffer_append(lines, at + strlen(key), length - strlen(key));
            buffer_putc(lines, '\n');
        }
    }
    return true;
}

static void check_file(struct corpus *corpus, const char *path, bool good)
{
    struct buffer expected, found;
    struct error err;
    size_t length;
    char *text;

    assert_int_equal(path_read_file(path, 1024 * 1024, &text, &length, &err), 0);
    buffer_init(&expected, 0);
    buffer_init(&found, 0);
    if (good || expected_of(text, &expected)) {
        corpus->files++;
        parse_file(corpus, path, text, length, &found);
        if (strcmp(expected.data, found.data) != 0 || (!good && expected.length == 0)) {
            corpus->failed++;
            print_error("%s\n  expected:\n%s  found:\n%s", path, expected.data, found.data);
        }
    }
    buffer_deinit(&expected);
    buffer_deinit(&found);
    free(text);
}

static void check_folder(struct corpus *corpus, const char *folder, bool good)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char path[512];

        if (!text_ends(entry->d_name, ".yaml"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        check_file(corpus, path, good);
    }
    closedir(dir);
}

static int open_corpus(void **state)
{
    struct corpus *corpus = mem_new(struct corpus);
    char *root = mem_printf("%s/tests/corpus", getenv("SLUICE_ROOT"));

    assert_int_equal(chdir(root), 0);
    free(root);
    unsetenv("SLUICE_ENV");
    diagnostics_init(&corpus->problems);
    corpus->project = project_load("sluice.yaml", NULL, &corpus->problems);
    assert_non_null(corpus->project);
    *state = corpus;
    return 0;
}

static int close_corpus(void **state)
{
    struct corpus *corpus = *state;

    project_free(corpus->project);
    diagnostics_deinit(&corpus->problems);
    free(corpus);
    return 0;
}

static void good_files_load(void **state)
{
    struct corpus *corpus = *state;

    check_folder(corpus, "pipelines/good", true);
    assert_true(corpus->files >= 60);
    assert_int_equal(corpus->failed, 0);
}

static void bad_files_are_refused_with_their_lines(void **state)
{
    struct corpus *corpus = *state;

    check_folder(corpus, "pipelines/bad", false);
    assert_true(corpus->files >= 120);
    assert_int_equal(corpus->failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_files_load, open_corpus, close_corpus),
        cmocka_unit_test_setup_teardown(
            bad_files_are_refused_with_their_lines, open_corpus, close_corpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
