/* How far a transfer is: one line on a terminal, redrawn in place, and a sum at the end. Elsewhere
 * none of it. */
#ifndef RUNNER_CLI_S3_PROGRESS_H
#define RUNNER_CLI_S3_PROGRESS_H

#include "runner/cli/s3_session.h"
#include "runner/io/timer.h"

struct s3_progress {
    struct s3_session *session;
    struct timer timer;
    uint64_t started_ns;
    bool active, drawn;
};

/* Draws from now on what the session's job says, where stderr is a terminal. */
void s3_progress_begin(struct s3_progress *progress, struct s3_session *session);

/* Before anything else is written to the terminal. */
void s3_progress_clear(struct s3_progress *progress);

/* Before the session is closed. `totals` NULL: no sum. */
void s3_progress_end(struct s3_progress *progress, const struct s3_transfer_totals *totals);

/* "12 of 340 objects, 1.2 GiB of 3.4 GiB, 118.3 MiB/s, 19s left". Pure. */
void s3_progress_append(
    struct buffer *line, const struct s3_transfer_totals *totals, int64_t elapsed_ms);

/* "12 objects, 1.2 GiB in 10.1s (118.3 MiB/s), 3 skipped, 1 failed". Pure. */
void s3_progress_append_sum(
    struct buffer *line, const struct s3_transfer_totals *totals, int64_t elapsed_ms);

#endif
