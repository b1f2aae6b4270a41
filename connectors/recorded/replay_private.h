/* Between replay.c and replay_store.c. */
#ifndef CONNECTORS_RECORDED_REPLAY_PRIVATE_H
#define CONNECTORS_RECORDED_REPLAY_PRIVATE_H

#include "connectors/recorded/manifest.h"
#include "connectors/recorded/replay.h"
#include "runner/base/table.h"

#include <pthread.h>

struct replay {
    char *folder;
    struct manifest_reader manifest; /* read again by offset, under the lock */
    pthread_mutex_t lock;
    struct table answers; /* verb, place and key → 1 + offset of the line */
    json_t *head, *end;
};

/* The line that answers, to be released; NULL: nothing was recorded, or *err says what failed. */
json_t *replay_find(
    struct replay *replay, const char *verb, const char *place, const char *key, struct error *err);

/* The objects of a listing whose line that is. On any thread. */
int replay_list(struct replay *replay, const json_t *line, struct arena *arena,
    struct store_object **ret_objects, size_t *ret_count, struct error *err);

/* *err as it was recorded. */
void replay_error(const json_t *recorded, struct error *err);

#endif
