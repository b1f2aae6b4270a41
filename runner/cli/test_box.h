/* A project of its own for one test of a pipeline: a temporary folder with an empty catalog, state
 * and store, and the command's context over it. Nothing in it reaches a network. */
#ifndef RUNNER_CLI_TEST_BOX_H
#define RUNNER_CLI_TEST_BOX_H

#include "runner/cli/cli.h"

struct test_box {
    struct cli cli; /* its engine is open */
    char *folder;   /* absolute */
};

int test_box_open(struct test_box *box, const struct cli *outer, struct error *err);
void test_box_close(struct test_box *box); /* with all that is in it; a zeroed one is fine */

/* Writes a file of the box; its absolute path, in the box's arena. NULL: *err says why. */
const char *test_box_write(
    struct test_box *box, const char *name, const char *text, size_t length, struct error *err);

#endif
