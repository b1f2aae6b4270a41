/* Which rows of a dataset are put aside, and why: those with a value that their table's column
 * cannot have, and those that offend a check of severity quarantine. Each such row has the mark of
 * the first reason: 0, 1, … the check, behind them the column. SQL; pure. */
#ifndef RUNNER_ENGINE_QUARANTINE_MARKS_H
#define RUNNER_ENGINE_QUARANTINE_MARKS_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"
#include "runner/base/option.h"

struct pipeline;

/* A column of which not every value fits. */
struct quarantine_cast {
    const char *column, *type; /* the latter the table's */
    const char *fits;          /* the condition */
    bool masked;
};

struct quarantine_marks {
    const struct option_items *checks;
    struct quarantine_cast *casts;
    size_t cast_count;
};

size_t quarantine_marks_count(const struct quarantine_marks *marks);

/* Whether any check of them puts rows aside. */
bool quarantine_checks(const struct option_items *checks);

/* Adds the columns of `rows` of which the engine says that they may not fit `table`. */
void quarantine_marks_add_casts(struct quarantine_marks *marks, const struct sql_engine_type *type,
    const struct pipeline *pipeline, const struct sql_schema *rows, const struct sql_schema *table,
    struct arena *arena);

/* Appends the condition of rows that fit no column; there are casts. */
void quarantine_marks_append_misfits(const struct quarantine_marks *marks, struct buffer *sql);

/* Appends the mark of a row, null where it stays, over rows with numbers in __sluice_row. */
void quarantine_marks_append_mark(
    const struct quarantine_marks *marks, struct buffer *sql, struct arena *arena);

/* Appends column_name, reason and check_name of a row `alias` with its mark in __sluice_mark. */
void quarantine_marks_append_why(
    const struct quarantine_marks *marks, const char *alias, struct buffer *sql);

#endif
