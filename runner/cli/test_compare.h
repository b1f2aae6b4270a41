/* Rows that a test expects beside those that came. Pure.
 *
 * Only columns that the expected rows name are compared. A value is the expected text, an equal
 * number, or for a timestamp at midnight its date; null is null. */
#ifndef RUNNER_CLI_TEST_COMPARE_H
#define RUNNER_CLI_TEST_COMPARE_H

#include "config/test_file.h"

#include <jansson.h>

struct test_difference {
    const struct test_row *missing; /* NULL: none */
    json_t *unexpected;             /* borrowed; NULL: none */
};

struct test_comparison {
    struct test_difference *items; /* in pairs, as near as they stand; malloc'd */
    size_t count;
    const char **columns; /* those that are compared; in the arena */
    size_t column_count;
};

/* `actual`: an array of objects. */
void test_compare(const struct test_rows *expected, json_t *actual, struct arena *arena,
    struct test_comparison *ret_comparison);
void test_comparison_deinit(struct test_comparison *comparison);

/* A JSON value as the text that a cell is compared with; NULL: null. In the arena. */
const char *test_cell_text(const json_t *value, struct arena *arena);

#endif
