/* What a command asks of state and catalog: any number of questions at once, then one wait. Each
 * has memory of its own, because jobs fill it on their threads. */
#ifndef RUNNER_CLI_QUESTIONS_H
#define RUNNER_CLI_QUESTIONS_H

#include "runner/cli/cli.h"

/* Zeroed before it is asked; read after the wait; then question_deinit(). */
struct question {
    union {
        struct state_request state;
        struct catalog_query catalog;
    };
    struct arena arena; /* the answer's */
    struct error err;   /* .code: it was not answered */
};

/* The verb and arguments are set in .state or .catalog. Where that cannot be opened the question
 * ends at once with the error. The engine must be open. */
void question_ask_state(struct cli *cli, struct question *question);
void question_ask_catalog(struct cli *cli, struct question *question);

/* Runs the loop until all that was asked is answered. Ctrl-C ends the process: nothing was begun
 * that would have to be undone. */
void questions_wait(struct cli *cli);

void question_deinit(struct question *question); /* a zeroed one is fine */

#endif
