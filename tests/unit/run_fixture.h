/* Whole runs of a pipeline, given as text, over the fakes: a house for them (set_up, tear_down of a
 * group), one run at a time, and what it said of itself. */
#ifndef TESTS_UNIT_RUN_FIXTURE_H
#define TESTS_UNIT_RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/engine/run.h"
#include "tests/unit/fakes.h"

struct scenario {
    struct fakes *fakes;
    const char *text; /* the pipeline's */
    const char *run_id;
    const char *tasks[4]; /* --task; NULL-terminated */
    const char *preview;  /* a dataset; NULL: a run */
    unsigned cancel_at;   /* turn of the loop; 0: never */

    /* how the last run went */
    struct loop loop;
    struct engine *engine;
    struct run *run;
    uv_prepare_t prepare;
    unsigned turn, done_count, preview_calls;
    struct error err;
    struct run_summary summary; /* its record is in `record` */
    json_t *record;
    struct table events; /* event → how often it was logged; the messages of all of them: */
    struct buffer messages;
};

/* Of a group of tests; tear_down fails where a run left something in its folders. */
int house_set_up(void **state);
int house_tear_down(void **state);
const char *house_spool(void);                          /* where runs have their folders */
struct engine *house_engine(struct scenario *scenario); /* opens the loop, too */
void house_close(struct scenario *scenario);

/* What a run is made of, under scenario->run_id; the engine must be open for the graph. */
struct pipeline *scenario_parse(const struct scenario *scenario);
struct graph *scenario_graph(struct scenario *scenario, const struct pipeline *pipeline);

/* One run to its end: `done` came once, and nothing is open any more. */
void run_once(struct scenario *scenario);
/* The same with another id; it must end well. */
void run_well(struct scenario *scenario, const char *run_id);
void scenario_deinit(struct scenario *scenario);

unsigned logged(const struct scenario *scenario, const char *event);
/* "state", "attempts", … of one task in the record of the last run. */
const char *task_text(const struct scenario *scenario, const char *task, const char *key);
int64_t task_int(const struct scenario *scenario, const char *task, const char *key);

/* The message must hold `part`. */
void assert_says(const char *message, const char *part);
#define assert_failed(scenario, error_code, part)                                                  \
    do {                                                                                           \
        assert_int_equal((scenario)->err.code, (error_code));                                      \
        assert_says((scenario)->err.message, (part));                                              \
    } while (0)

#endif
