/* A recording that is played back: what its stores were asked is answered from its folder, and from
 * nothing else. */
#ifndef CONNECTORS_RECORDED_REPLAY_H
#define CONNECTORS_RECORDED_REPLAY_H

#include "connectors/recorded/body.h"
#include "connectors/store.h"
#include "runner/base/json.h"

struct replay;

/* Reads and checks the whole manifest. ERROR_DATA: it is damaged; ERROR_NOT_FOUND: there is none;
 * ERROR_NOT_SUPPORTED: a newer sluice made it. */
struct replay *replay_open(const char *folder, struct error *err);
void replay_close(struct replay *replay); /* no store may use it any more; NULL is fine */

const json_t *replay_head(const struct replay *replay);
const json_t *replay_end(const struct replay *replay); /* NULL: its process ended before its run */

/* A body of it at `path`. Blocking. */
int replay_body(
    struct replay *replay, const struct body *body, const char *path, struct error *err);

/* A store that answers what was recorded of `place` (recording_wrap). What is put goes to `store`,
 * a local one, under its key; under "outside/…" where that is absolute, or a URL. Files that are
 * put are there, too. What was not recorded is ERROR_DATA. Closing it closes `store`. `root`: what
 * relative keys are shown below. */
struct store *replay_wrap(struct replay *replay, const char *place, const char *root,
    struct store *store, struct work_lane *lane);

#endif
