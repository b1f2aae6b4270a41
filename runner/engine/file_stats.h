/* What the catalog keeps of the columns of a data file (catalog_file.stats): bounds and nulls, by
 * field id; reads leave files out by it (runner/engine/prune.h). Pure.
 *
 *     {"1": {"min": "17", "max": "99", "nulls": 0}, "4": {"min": "a", "nulls": 3}}
 *
 * Bounds are texts as the SQL engine writes values, never tighter than the truth: texts are cut at
 * FILE_STATS_TEXT_MAX bytes, a maximum is then raised, or left out where that is impossible. What
 * is not known is left out. */
#ifndef RUNNER_ENGINE_FILE_STATS_H
#define RUNNER_ENGINE_FILE_STATS_H

#include "connectors/sql_engine.h"

enum { FILE_STATS_TEXT_MAX = 64, FILE_STATS_COLUMNS = 32 };

/* The text of what a WRITE said of a file, in `arena`: of the first FILE_STATS_COLUMNS columns and
 * of those in `wanted` (names in any case), as far as they have a field id. NULL: nothing is
 * known. */
const char *file_stats_text(
    const struct sql_file *file, const struct text_list *wanted, struct arena *arena);

#endif
