/* What the s3 commands share: who and where, as flags over the environment's `s3:`; one client from
 * the network module; one job at a time that Ctrl-C cancels in order. */
#ifndef RUNNER_CLI_S3_SESSION_H
#define RUNNER_CLI_S3_SESSION_H

#include "connectors/s3/tool.h"
#include "runner/cli/cli.h"
#include "runner/cli/s3_flags.h"

struct s3_session {
    struct cli *cli;
    const struct s3_tool *tool;
    struct s3_client *client;
    struct work_pool *pool;
    struct work_lane lane;   /* the client's */
    struct work_lane stream; /* for a job that waits for standard input or output */
    struct s3_job *job;      /* the one under way */
    struct error err;        /* how it ended */
    bool ended;
};

/* EXIT_OK, or what to end with; s3_session_close() in any case. */
int s3_session_open(struct s3_session *session, struct cli *cli, const struct s3_flags *flags);

/* s3://BUCKET/KEY; errors are printed, the exit code returned. */
int s3_session_parse(struct s3_session *session, const char *text, struct s3_uri *ret_uri);

/* Runs it to its end; its `done` calls s3_session_end(). EXIT_OK, or the exit code: then
 * session->err says why and nothing was printed. */
int s3_session_run(struct s3_session *session, struct s3_job *job);
void s3_session_end(struct s3_session *session, const struct error *err);

/* Frees all; returns `code`. */
int s3_session_close(struct s3_session *session, int code);

#endif
