/* A sealed plan: what `sluice plan --out` writes and `sluice run --plan` holds itself to. It names
 * all that a run's result depends on: the files of the pipeline by their SHA-256, parameters, the
 * settings of sluice.yaml and the variables that count (seal_settings.h), due time, the versions of
 * objects, positions and columns of tables, the program's version. */
#ifndef RUNNER_ENGINE_SEAL_H
#define RUNNER_ENGINE_SEAL_H

#include "runner/base/json.h"
#include "runner/engine/plan.h"

enum { SEAL_FORMAT = 2 };

struct seal_facts {
    const struct engine *engine;
    const struct plan *plan;
    const struct graph *graph;
    const char *instance, *run_id;
    int64_t due_ms;
    const struct text_list *tasks; /* --task */
};

/* New reference: format, sluice, environment, pipeline, instance, run_id, due, files, settings,
 * params, selected, nothing_new, objects, bytes, tasks. Reads the pipeline's files again. NULL with
 * the error where one cannot be read. */
json_t *seal_make(const struct seal_facts *facts, struct error *err);

/* Whether two seals say the same; else ERROR_CONFLICT names what moved from the first to the
 * second, the first few of it. Pure. */
int seal_compare(const json_t *sealed, const json_t *now, struct error *err);

/* Reads a file of seal_make(): ERROR_INVALID where it is none, or of another format. */
int seal_read(const char *path, json_t **ret_sealed, struct error *err);

#endif
