/* How checks came out beside what a test expects of them. Pure. */
#ifndef RUNNER_CLI_TEST_CHECKS_H
#define RUNNER_CLI_TEST_CHECKS_H

#include "config/test_file.h"
#include "runner/base/buffer.h"

#include <jansson.h>

/* Appends a table of those that came out otherwise, nothing where all is as expected: "failed" also
 * stands for a check that put rows aside. A check that failed the run and is not expected to is one
 * of them, unless the case says by its `fails` that it fails. `record`: of the run; NULL: there is
 * none. True: a check failed the run, and it was expected to. */
bool test_checks_compare(const struct test_case *test, const json_t *record, struct buffer *why);

#endif
