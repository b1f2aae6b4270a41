/* A run that is recorded: a folder with manifest.ndjson and bodies/. What its stores were asked and
 * what they answered is noted by stores that stand in front of them (recording_wrap); the rest is
 * the caller's: a first line, a last line, files.
 *
 * Lines, each an object:
 *   {"format": "sluice-recording", "version": 1, …}                         the first: the caller's
 *   {"object_of": N, "key", "bytes", "modified_ms", "version"}              of listing N
 *   {"verb": "list", "store", "key", "listing": N, "objects", "store_ms"}   how it ended
 *   {"verb": "get", "store", "key", "version", "sha256", "bytes"}
 *   {"verb": "check", "store", "key", "version", "error"}                   where it failed
 *   {"end": …}                                                              the last: the caller's
 * A request that failed has "error": {"code", "class", "detail", "message"}. Of requests for the
 * same the last one counts. "store" is "project", or "tables"; a URL stands for itself in either.
 * Objects are read whole, so there are no ranges. What is written, and what is listed and swept in
 * the tables' store, is no input, and not recorded. Keys are those of key.h. */
#ifndef CONNECTORS_RECORDED_RECORDING_H
#define CONNECTORS_RECORDED_RECORDING_H

#include "connectors/recorded/body.h"
#include "connectors/store.h"
#include "runner/base/json.h"

enum { RECORDING_VERSION = 1 };
#define RECORDING_FORMAT "sluice-recording"

struct recording;

/* Makes the folder; one that is there and not empty is ERROR_EXISTS. Nobody else can read it. */
int recording_new(const char *folder, struct recording **ret_recording, struct error *err);

/* Steals the line. */
void recording_write(struct recording *recording, json_t *line);
/* Keeps a file, or a text as one: how the line names it. */
int recording_keep(
    struct recording *recording, const char *path, struct body *ret_body, struct error *err);
int recording_keep_text(struct recording *recording, const char *text, size_t length,
    struct body *ret_body, struct error *err);

/* What is listed by one of these keys is kept with its mask taken out. They stay the caller's. */
struct mask;
void recording_mask(struct recording *recording, const struct mask *masks, size_t count);

/* A store that does what `store` does and records it; closing it closes `store`. `place`:
 * "project" or "tables". `lane`: for copying. Stands until the engine has closed it. */
struct store *recording_wrap(
    struct recording *recording, const char *place, struct store *store, struct work_lane *lane);

/* Writes the last line, if it is not NULL; durable. Frees the recording, which no store may use any
 * more: what failed while it was made. */
int recording_end(struct recording *recording, json_t *end, struct error *err);

#endif
