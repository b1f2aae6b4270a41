/* One test of a pipeline: a project of its own, the rows that the test gives in place of what the
 * pipeline reads, a run by the real engine, and what came out beside what is expected. */
#ifndef RUNNER_CLI_TEST_CASE_H
#define RUNNER_CLI_TEST_CASE_H

#include "config/test_file.h"
#include "runner/base/buffer.h"
#include "runner/cli/cli.h"

struct test_result {
    const char *file, *pipeline, *name;
    bool passed, stopped; /* stopped: Ctrl-C */
    int64_t duration_ms;
    struct buffer why; /* what was not as expected, in lines; tables with differences */
};

/* `path`: of the pipeline's file. The result is the caller's to deinit. */
void test_case_run(struct cli *cli, const char *path, const struct test_file *file,
    const struct test_case *test, struct test_result *ret_result);
void test_result_deinit(struct test_result *result);

#endif
