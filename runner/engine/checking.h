/* Runs the checks of a transform or a load over a dataset, one after another: part of the stage
 * that owns it. A failed one of severity error is ERROR_CHECK; a warning is logged. */
#ifndef RUNNER_ENGINE_CHECKING_H
#define RUNNER_ENGINE_CHECKING_H

#include "config/pipeline.h"
#include "connectors/catalog.h"
#include "connectors/sql_engine.h"
#include "runner/engine/check.h"

#include <jansson.h>

struct task;
struct checking;

/* Rows that were put aside for a check, and some of them, a JSON array; NULL: none. */
struct checking_aside {
    int64_t rows;
    const char *sample;
};

typedef void (*checking_done_fn)(struct checking *checking, const struct error *err);

struct checking {
    struct task *task;
    const char *dataset;
    const struct option_items *checks;
    const struct sql_param *params;
    size_t param_count;
    const struct checking_aside *quarantined; /* by check: what was put aside; NULL: nothing */
    checking_done_fn done;
    size_t next;
    bool running, cancelled;
    struct check_context context;
    struct arena arena;           /* of its answer */
    struct catalog_query commits; /* row_count with `change`: asks for the run before */
    bool asking, knows_last;
    struct error err; /* every failed check is logged; this is the first of them */
    struct sql_request request;
    const struct sql_schema *schema; /* the dataset's */
    json_t *sample;                  /* rows that offend the check, as they come */
};

/* May call `done` only from a later turn of the loop; with no check it returns false and does
 * nothing. Results are added to task->checks. */
bool checking_start(struct checking *checking, struct task *task, const char *dataset,
    const struct option_items *checks, const struct checking_aside *quarantined,
    checking_done_fn done);
void checking_cancel(struct checking *checking);

/* Every parameter of the pipeline that a statement may name, typed; in the task's arena. */
size_t checking_params(struct task *task, const struct sql_param **ret_params);
const char *checking_param_type(const struct param *param); /* "DATE" */

#endif
