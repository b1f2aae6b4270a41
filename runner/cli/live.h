/* The live display of one run on a terminal: the task list, redrawn in place ten times a second,
 * warnings and errors of the log above it. The cursor is never hidden and no mode is changed, so
 * that nothing is left to restore, however the process ends. */
#ifndef RUNNER_CLI_LIVE_H
#define RUNNER_CLI_LIVE_H

#include "runner/engine/run.h"

struct live;

struct live_options {
    const struct run *run; /* outlives the display */
    const char *title;     /* the pipeline's name */
    struct loop *loop;
    struct log *log;
    int fd; /* a terminal */
    bool color;
};

/* Draws from now on, and takes the lines of the log. */
struct live *live_new(const struct live_options *options);

/* Leaves the last state of the tasks on the terminal and gives the log back; frees itself with a
 * later turn of the loop. */
void live_end(struct live *live);

#endif
