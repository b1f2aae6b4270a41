/* What a load with `reread: partition` remembers of an extract: which partitions the rows of each
 * folder went into. Part of the state of its cursor, as JSON:
 * "reread": {"version": of the table, "folders": [{"in": [folder, …], "of": [[value, …], …]}, …]}.
 * Pure. */
#ifndef RUNNER_ENGINE_REREAD_H
#define RUNNER_ENGINE_REREAD_H

#include "runner/base/arena.h"
#include "runner/base/json.h"
#include "runner/base/table.h"
#include "runner/base/text.h"

enum { REREAD_FOLDERS_MAX = 10000 }; /* as many are remembered; where there are more all is read */

struct reread_map {
    bool known; /* else the rows of a folder that has no list may be anywhere */
    struct table
        folders; /* name → struct text_list *: reread_partition() of each; they may have
                    fewer in truth, never more. Folders that were read together share one */
};

void reread_init(struct reread_map *map); /* of a load that has read nothing */
void reread_deinit(struct reread_map *map);

/* `state` NULL: nothing was read. Unknown where the state does not say, or speaks of another
 * version of the table. The map is initialized; what it holds is in the arena. */
void reread_read(struct reread_map *map, const char *state, int64_t version, struct arena *arena);

/* The first REREAD_FOLDERS_MAX folders; new reference. */
json_t *reread_write(const struct reread_map *map, int64_t version);

/* "a/b" of "a/b/c.csv", "" of "c.csv"; in the arena. */
const char *reread_folder(const char *key, struct arena *arena);

/* A partition as one text: the JSON of its values; in the arena. */
const char *reread_partition(const char *const *values, size_t count, struct arena *arena);

/* The keys of a table as a list, in its order; in the arena. */
const struct text_list *reread_list(const struct table *set, struct arena *arena);

#endif
