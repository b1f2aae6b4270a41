/* The live display of a run, or of many, on a terminal: the task list, redrawn in place ten times a
 * second, warnings and errors of the log above it. The cursor is never hidden and no mode is
 * changed, so that nothing is left to restore, however the process ends. */
#ifndef RUNNER_CLI_LIVE_H
#define RUNNER_CLI_LIVE_H

#include "runner/cli/cli.h"
#include "runner/engine/run.h"

struct live;

/* What is drawn; `data` outlives the display. */
struct live_source {
    bool uncounted; /* the status says how many there are */
    const char *(*status)(void *data);
    unsigned (*count)(void *data);
    void (*task)(void *data, unsigned index, struct task_progress *ret_progress);
    void *data;
};

struct live_options {
    struct live_source source;
    const char *title; /* the pipeline's name */
    struct loop *loop;
    struct log *log;
    int fd; /* a terminal */
    bool color;
};

/* Draws from now on, and takes the lines of the log. */
/* A run's tasks. */
struct live_source live_source_of_run(struct run *run);

/* Where nothing else was asked for, and the terminal can be drawn on. */
bool live_wanted(const struct cli *cli);

struct live *live_new(const struct live_options *options);

/* Leaves the last state of the tasks on the terminal and gives the log back; frees itself with a
 * later turn of the loop. */
void live_end(struct live *live);

#endif
