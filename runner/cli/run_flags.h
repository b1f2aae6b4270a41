/* What run, trigger and plan take on the command line. */
#ifndef RUNNER_CLI_RUN_FLAGS_H
#define RUNNER_CLI_RUN_FLAGS_H

#include "runner/base/json.h"
#include "runner/base/uuid.h"
#include "runner/cli/cli.h"

struct interpolate_environment;

struct run_flags {
    struct option_pairs params;
    struct text_list tasks;
    int64_t due_ms; /* 0: now */
    const char *run_id, *instance;
    const char *resume; /* NULL; or the beginning of a run's id */
    const char *resumed_pipeline;
    const char *plan;                                /* of run: a file of plan --out */
    const char *out;                                 /* of plan */
    json_t *sealed;                                  /* what is in `plan` */
    const char *record, *replay, *keep;              /* of run: folders */
    const struct interpolate_environment *variables; /* NULL: the process's */
    int64_t parallel;
    bool dry_run, busy_ok, again, all_due;
};

/* All of them, and those of a plan. The struct is the same. */
extern const struct option_set run_flag_set, trigger_flag_set, plan_flag_set;

/* Fills in the due time and the run's id where they were not given; the scope that the pipeline is
 * loaded with points into `flags`. */
/* The id of a run that a schedule started goes by its due time: so where --due is a time at which
 * the pipeline is due, nothing else was chosen (--run-id, --param, --task, --again). */
int run_flags_complete(struct run_flags *flags, struct arena *arena,
    struct pipeline_scope *ret_scope, struct error *err);

/* Reads flags->plan: parameters, tasks, due time and id are those of the plan. The flags that would
 * say otherwise must not be there. */
int run_flags_take_plan(
    struct run_flags *flags, struct cli *cli, const char **ret_pipeline_name, struct error *err);

/* The pipeline and its graph with these flags, where this build can execute it and knows the tasks
 * that were named. Else the exit code, and why is printed. */
int run_flags_load(struct run_flags *flags, struct cli *cli, const char *pipeline_name,
    struct pipeline **ret_pipeline, struct graph **ret_graph);

#endif
