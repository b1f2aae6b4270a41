#include "runner/cli/s3_session.h"

#include "connectors/net/net.h"
#include "runner/cli/s3_settings.h"

enum { FILE_JOBS = 8, STREAM_JOBS = 1 };

static void read_flags(const struct s3_flags *flags, struct s3_client_options *options)
{
    if (flags->endpoint)
        options->endpoint = flags->endpoint;
    if (flags->region)
        options->region = flags->region;
    if (flags->profile)
        options->profile = flags->profile;
    if (flags->ca_file)
        options->ca_file = flags->ca_file;
    if (flags->addressing)
        options->addressing = s3_settings_addressing(flags->addressing);
    options->unsigned_access = options->unsigned_access || flags->unsigned_access;
    options->requester_pays = options->requester_pays || flags->requester_pays;
    if (flags->part_bytes)
        options->part_bytes = flags->part_bytes;
    if (flags->concurrency)
        options->concurrency = (unsigned)flags->concurrency;
}

static void read_timeout(const struct duration *timeout, struct http_timeouts *timeouts)
{
    const int64_t ms = duration_ms(timeout);

    if (ms)
        timeouts->first_byte_ms = timeouts->stall_ms = ms;
}

static int open_client(struct s3_session *session, const struct s3_flags *flags, struct error *err)
{
    struct cli *cli = session->cli;
    struct s3_client_options options = {
        .loop = &cli->loop, .log = cli->log, .lane = &session->lane};
    const struct net_module *module;

    s3_settings(&cli->project->environment->s3, &options);
    read_flags(flags, &options);
    read_timeout(&flags->timeout, &options.timeouts);
    if (net_load(&module, err))
        return -1;
    session->tool = module->s3;
    session->pool = work_pool_new(&cli->loop, FILE_JOBS + STREAM_JOBS, err);
    if (!session->pool)
        return -1;
    work_lane_init(&session->lane, session->pool, "s3", FILE_JOBS);
    work_lane_init(&session->stream, session->pool, "stream", STREAM_JOBS);
    session->client = session->tool->open(&options, err);
    return session->client ? 0 : -1;
}

int s3_session_open(struct s3_session *session, struct cli *cli, const struct s3_flags *flags)
{
    struct error err;
    int code;

    *session = (struct s3_session){.cli = cli};
    code = cli_open_loop(cli, true);
    if (code == EXIT_OK && open_client(session, flags, &err))
        code = cli_fail(cli, &err);
    return code;
}

int s3_session_parse(struct s3_session *session, const char *text, struct s3_uri *ret_uri)
{
    struct error err;

    if (session->tool->parse(text, &session->cli->arena, ret_uri, &err))
        return cli_fail(session->cli, &err);
    return EXIT_OK;
}

static void on_stop(void *data, int signal_number)
{
    struct s3_session *session = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    session->tool->cancel(session->job);
}

int s3_session_run(struct s3_session *session, struct s3_job *job)
{
    struct loop *loop = &session->cli->loop;

    session->job = job;
    session->ended = false;
    session->err = (struct error){0};
    loop_on_stop(loop, on_stop, session);
    session->tool->start(session->client, job);
    /* Idle connections are waited for, too: not for these. */
    while (!session->ended)
        uv_run(&loop->uv, UV_RUN_ONCE);
    loop_on_stop(loop, NULL, NULL);
    if (session->err.code == ERROR_STOPPED && loop->signal_number)
        return 128 + loop->signal_number;
    return cli_exit_code(&session->err);
}

void s3_session_end(struct s3_session *session, const struct error *err)
{
    error_keep_first(&session->err, err);
    session->ended = true;
}

int s3_session_close(struct s3_session *session, int code)
{
    if (session->client)
        session->tool->close(session->client);
    if (session->cli->loop_open)
        loop_run(&session->cli->loop);
    if (session->pool) {
        work_lane_deinit(&session->lane);
        work_lane_deinit(&session->stream);
        work_pool_free(session->pool);
    }
    return code;
}
