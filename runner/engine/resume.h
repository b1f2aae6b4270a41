/* What a run that died left complete, for the next process that has its id, and what this one notes
 * for the next: objects that were fetched and files that were uploaded. Each is looked at before it
 * is used: an object by its version, its length and its checksum, a file by its length in the store
 * and by being what would be uploaded. */
#ifndef RUNNER_ENGINE_RESUME_H
#define RUNNER_ENGINE_RESUME_H

#include "connectors/state.h"
#include "runner/base/arena.h"
#include "runner/base/table.h"

struct recover;
struct run;
struct task;

struct resume {
    struct table objects, files; /* what is left and was not used so far → struct state_journal */
    const char **folders;        /* of the processes before: they go with the run's own */
    size_t folder_count;
    uint64_t kept_bytes; /* of what was fetched and stays until the run ends */
    size_t swept;        /* of `files`, when the run cleans up */

    struct state_journal *notes; /* that wait to be written */
    size_t note_count, note_capacity;
    struct state_journal *writing; /* that are being written */
    struct state_request request;
    struct arena arena; /* the request's */
    bool is_writing;
};

/* Takes over what recovery kept. */
void resume_take(struct run *run, const struct recover *recover);
void resume_free(struct run *run);

/* An object of that version and length, of the same task; NULL: it is to be fetched. Its `what` is
 * a path in the spool folder, its checksum is still to be checked. It is given once. */
const struct state_journal *resume_object(
    struct run *run, const char *task, const char *key, const char *version, uint64_t bytes);

/* A file in the same folder of the store with these bytes; NULL: it is to be uploaded. Given once.
 */
const struct state_journal *resume_file(
    struct run *run, const char *task, const char *key, const char *checksum, uint64_t bytes);

/* Notes what is complete by now. Nobody waits for it; run->resume.is_writing says that it is under
 * way, tasks_check_finished() that it has ended. The texts must outlive the run. */
void resume_note(struct run *run, const struct state_journal *entry);

/* An object that this process has fetched itself, for who reads it again; the texts must outlive
 * the run. */
void resume_keep(struct run *run, const struct state_journal *entry);

/* The next file that was left and not used; NULL: none is left. */
const char *resume_next_left(struct run *run);

#endif
