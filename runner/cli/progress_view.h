/* The live list of tasks as text: state in, lines out. It knows no terminal; live.h draws it. */
#ifndef RUNNER_CLI_PROGRESS_VIEW_H
#define RUNNER_CLI_PROGRESS_VIEW_H

#include "runner/base/buffer.h"
#include "runner/engine/progress.h"

struct progress_frame {
    const char *title;  /* the pipeline */
    const char *status; /* what the run as a whole does: "planning", "committing" */
    int64_t elapsed_ms;
    const struct task_progress *tasks;
    unsigned count;
    bool uncounted;         /* their number is left out */
    unsigned width, height; /* of the terminal; at least 20 × 3 are used */
    unsigned tick;          /* grows with each frame: moves what moves */
    bool color;
};

/* Appends at most height - 1 lines of at most width - 1 columns, each ended by "\n", so that the
 * cursor stands below them and no terminal wraps one. Where there are more tasks than lines, those
 * that run are shown, then those that failed, then the rest as far as they fit; a last line counts
 * what is left out. Returns the lines. */
unsigned progress_view_render(const struct progress_frame *frame, struct buffer *buffer);

#endif
