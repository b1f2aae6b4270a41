/* What of a pipeline's columns under `mask:` has to be taken out of a recording, and whether that
 * can be done so that the run stays the same apart from them. Pure. */
#ifndef RUNNER_CLI_RECORD_MASKS_H
#define RUNNER_CLI_RECORD_MASKS_H

#include "config/pipeline.h"
#include "connectors/recorded/mask.h"

/* One for each extract that masks columns; none: nothing does. ERROR_NOT_SUPPORTED says what cannot
 * be recorded, and what to do: only texts of CSV and NDJSON that are not compressed can be
 * replaced, and nothing may read tables that have such columns. */
int record_masks(const struct pipeline *pipeline, struct arena *arena, struct mask **ret_masks,
    size_t *ret_count, struct error *err);

#endif
