/* What a test puts in place of what a pipeline reads and writes outside of the catalog. */
#ifndef RUNNER_CLI_TEST_INPUT_H
#define RUNNER_CLI_TEST_INPUT_H

#include "config/test_file.h"
#include "runner/cli/test_box.h"

/* Each extract reads the rows, file or text of the test; one that the test does not name reads the
 * project's file, and a URL is refused. Loads write plain files into the box. `root`: the
 * project's. */
int test_input_apply(struct test_box *box, struct pipeline *pipeline, const char *root,
    const struct test_case *test, struct error *err);

/* JSON of a pipeline that makes the tables which are to be there before the run, with the key and
 * the partitions that `pipeline` gives them; NULL: none. In the box's arena. */
int test_input_tables(struct test_box *box, const struct pipeline *pipeline, const char *root,
    const struct test_case *test, const char **ret_text, struct error *err);

#endif
