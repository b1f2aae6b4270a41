/* Which position of a table is meant, by what the catalog says of it; and a copy of that which
 * stays. Pure. */
#ifndef RUNNER_ENGINE_TABLE_VERSION_H
#define RUNNER_ENGINE_TABLE_VERSION_H

#include "connectors/catalog.h"
#include "runner/engine/table_read.h"

/* "12" is a position, "2026-11-01" or "2026-11-01T06:00Z" a time, anything else the name of a tag.
 * `text` is kept. */
int table_version_parse_at(const char *text, struct table_read *read, struct error *err);

/* Whether the tags have to be known first: one is asked for, or may hold what is expired. */
bool table_version_needs_tags(const struct catalog_version *version, const struct table_read *read);

/* Of the tags: *ret_position 0 where the position that was asked for has none. */
int table_version_find_tag(const struct catalog_version *version, const struct table_read *read,
    const struct catalog_tag *tags, size_t count, int64_t *ret_position, struct error *err);

/* Of the answer to FIND_POSITION: 0 is an error. */
int table_version_check_time(const struct catalog_version *version, const struct table_read *read,
    int64_t position, struct error *err);

/* The position to read at: `found` (by a tag or a time; 0: none), else what was asked for, else the
 * newest one; 0: nothing was ever committed. Checks that it is kept, and `after_position` too. */
int table_version_choose(const struct catalog_version *version, const struct table_read *read,
    int64_t found, int64_t *ret_position, struct error *err);

void table_version_copy(
    struct arena *arena, const struct catalog_version *from, struct catalog_version *to);

#endif
