/* Tests of a pipeline: NAME.test.yaml beside NAME.yaml, as plain structs. What is in it:
 *
 *     cases:
 *       - name: strikes keep their airport
 *         params: {since: 2000-01-01}
 *         due: 2026-01-02T06:15:00Z
 *         inputs:                       # of extracts: rows, a file, or the text of one
 *           strikes: {file: pipelines/data/three-strikes.csv}
 *           airports: [{name: LAX, iata: LAX}]
 *         tables:                       # what is in the catalog before the run
 *           wildlife.strikes: [{id: 1, size: Small}]
 *         expect:                       # of datasets, and of tables after the run
 *           clean: [{id: 1, size: Small}, {id: 2, size: null}]
 *           wildlife.strikes: {file: expected.ndjson, order: exact}
 *         quarantine:                   # of datasets: which rows were put aside, or how many
 *           strikes: [{line: 3, column: cost, reason: '"soon" is not BIGINT', raw: "7,soon"}]
 *           clean: 2
 *         checks: {no_negative_cost: warned, "transform.clean not_null(id)": passed}
 *         fails: "check not_null"       # the run does, and its error says so */
#ifndef CONFIG_TEST_FILE_H
#define CONFIG_TEST_FILE_H

#include "config/diagnostics.h"
#include "runner/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* One row: name → text, mark; a value that is NULL is null. */
struct test_row {
    struct option_pair *cells;
    size_t count;
};

/* Rows as they are written in the case, or where they are. */
struct test_rows {
    const char *name; /* of the extract, dataset or table */
    struct option_mark mark;
    const char *file; /* from the project's root; NULL: `text`, or `rows` */
    const char *text; /* of a file in the extract's own format; NULL: `rows` */
    struct test_row *rows;
    size_t count;
    bool in_order; /* expected: in just that order */
    bool is_count; /* expected in the quarantine: so many, whatever they are */
};

struct test_rows_list {
    struct test_rows *items;
    size_t count;
};

struct test_case {
    const char *name;
    struct option_mark mark;
    struct option_pairs params;
    int64_t due_ms; /* 0: now */
    struct test_rows_list inputs, tables, expect, quarantine;
    struct option_pairs checks; /* [task and] title → passed, failed, … */
    const char *fails;          /* part of the error; NULL: the run succeeds */
};

struct test_file {
    struct arena arena;
    const char *path; /* as it was given */
    struct test_case *cases;
    size_t count;
};

/* NULL where there is an error; every one is added to `problems`. */
struct test_file *test_file_load(const char *path, struct diagnostics *problems);
struct test_file *test_file_parse(
    const char *path, const char *text, size_t length, struct diagnostics *problems);
void test_file_free(struct test_file *file);

/* What rows of the quarantine are called by: NULL-terminated. */
extern const char *const test_quarantine_columns[];

/* Whether a file of the pipelines' folder holds tests, by its name. */
bool test_file_is_one(const char *path);

#endif
