/* `limits:` of a load: what would be a surprise is refused before anything is committed. */
#ifndef RUNNER_ENGINE_LOAD_LIMIT_H
#define RUNNER_ENGINE_LOAD_LIMIT_H

#include "config/pipeline.h"
#include "runner/base/error.h"

/* `deleted` rows of a table of `stored` are to go: ERROR_CHECK where those are too many. */
int load_limit_deletes(const struct load *load, int64_t deleted, int64_t stored, struct error *err);

/* Stored files of so many bytes lie in partitions that change: they have to be merged from now on,
 * or are replaced. */
int load_limit_rewrite(const struct load *load, uint64_t bytes, int64_t files, struct error *err);

struct task;

/* A load has written its rows: what it means where there are none and they would take others away,
 * by on_empty. `stored`: rows that scd2 has found the same. */
void load_settle_empty(struct task *task, int64_t stored, struct error *err);

#endif
