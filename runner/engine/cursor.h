/* What a `cursor: {column: …}` remembers between runs, and which rows are beyond it. Pure. */
#ifndef RUNNER_ENGINE_CURSOR_H
#define RUNNER_ENGINE_CURSOR_H

#include "config/pipeline.h"
#include "connectors/store.h"
#include "runner/base/arena.h"

/* The state of a catalog_cursor, as JSON: {"column", "type", "value", "listing", "run_id"}. */
struct cursor_value {
    const char *column;
    const char *type;  /* the SQL engine's, of the column when it was read */
    const char *value; /* the greatest that was read, as the engine writes it; NULL: none yet */
    const char
        *listing; /* what the objects were then, as cursor_listing() says it; NULL: unknown */
};

/* `state` NULL: nothing was read. One of another column is ERROR_INVALID and says what to do. */
int cursor_read(const char *state, const struct cursor_options *options, struct arena *arena,
    struct cursor_value *ret_value, struct error *err);
const char *cursor_write(const struct cursor_value *value, const char *run_id, struct arena *arena);

/* Which objects are there, in which versions: where that is as it was, no row can be new. */
const char *cursor_listing(const struct store_object *objects, size_t count, struct arena *arena);

/* The condition of rows that are read, over a column of that type: beyond `after`, or its lag
 * before it; from `start` on where nothing was read yet. ERROR_INVALID: a lag of what is no time.
 */
int cursor_condition(const struct cursor_options *options, const struct cursor_value *after,
    const char *type, struct arena *arena, const char **ret_sql, struct error *err);

#endif
