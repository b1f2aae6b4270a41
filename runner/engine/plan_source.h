/* What a plan asks about an extract from a table: its positions, what a cursor says of them, how
 * many files a run would read. */
#ifndef RUNNER_ENGINE_PLAN_SOURCE_H
#define RUNNER_ENGINE_PLAN_SOURCE_H

#include "config/pipeline.h"
#include "runner/engine/plan.h"
#include "runner/engine/table_read.h"

struct plan_source;
typedef void (*plan_source_fn)(struct plan_source *source, const struct error *err);

struct plan_source {
    struct engine *engine;
    const struct extract *extract;
    struct arena *arena; /* its own: jobs fill it */
    plan_source_fn done; /* of each of the two questions */
    struct plan_table table;
    struct catalog_query version;
    struct table_read read;
    struct slots slots;
};

/* First: which positions it has. */
int plan_source_start(struct plan_source *source, struct error *err);

/* In between: after which position a load has to go on, by its cursor (LIST_CURSORS); 0: it has
 * read nothing. ERROR_INVALID where it cannot go on. Pure. */
int plan_source_after(const struct plan_source *source, const struct catalog_query *cursors,
    int64_t *ret_after, struct error *err);

/* Whether something was committed behind that. */
bool plan_source_has_new(const struct plan_source *source, int64_t after);

/* At last: counts the files; table.after and conditions are set by then. */
int plan_source_count(struct plan_source *source, struct error *err);
void plan_source_cancel(struct plan_source *source);

/* What the cursor is to say once a run has read the table, in `arena`. */
const char *plan_source_cursor(
    const struct plan_table *table, const char *run_id, struct arena *arena);

/* What to read, but for engine, slots, folder, arena and done. */
struct table_read plan_source_read(const struct plan_table *table);

#endif
