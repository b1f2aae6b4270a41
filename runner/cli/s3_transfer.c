#include "runner/cli/s3_transfer.h"

#include "runner/base/mem.h"
#include "runner/cli/s3_progress.h"
#include "runner/cli/s3_text.h"

struct running {
    struct s3_job job; /* .transfer */
    struct s3_session session;
    struct s3_progress progress;
};

void s3_transfer_print(
    const struct cli *cli, const struct s3_transfer_item *item, const struct error *err)
{
    struct buffer line;

    if (cli->globals.json) {
        cli_print_json(s3_text_item_json(item, err));
        return;
    }
    if (err || cli->globals.quiet)
        return;
    buffer_init(&line, 0);
    s3_text_append_item(&line, item);
    puts(line.data);
    buffer_deinit(&line);
}

static void on_item(
    struct s3_transfer *transfer, const struct s3_transfer_item *item, const struct error *err)
{
    struct running *running = container_of(transfer, struct running, job.transfer);

    s3_progress_clear(&running->progress);
    s3_transfer_print(running->session.cli, item, err);
    if (err)
        cli_fail(running->session.cli, err);
    if (running->session.cli->err_tty)
        fflush(stdout); /* not behind lines of stderr that are younger */
}

static void on_done(struct s3_transfer *transfer, const struct error *err)
{
    struct running *running = container_of(transfer, struct running, job.transfer);

    s3_session_end(&running->session, err);
}

/* An empty source is no error of a sync, but most likely not what was meant. */
static bool is_idle(const struct s3_transfer *transfer)
{
    const struct s3_transfer_totals *totals = &transfer->totals;

    return transfer->verb == S3_TRANSFER_SYNC &&
           totals->planned + totals->done + totals->skipped + totals->failed + totals->same == 0;
}

static int run(struct running *running)
{
    struct s3_session *session = &running->session;
    const struct s3_transfer *transfer = &running->job.transfer;
    bool told;
    int code;

    s3_progress_begin(&running->progress, session);
    code = s3_session_run(session, &running->job);
    told = running->progress.active;
    s3_progress_end(&running->progress, &transfer->totals);
    if (code == EXIT_OK && !told && is_idle(transfer) && !session->cli->globals.quiet)
        fprintf(stderr, "0 objects\n");
    if (code && !transfer->told)
        return cli_fail(session->cli, &session->err);
    if (code && transfer->remove_extra)
        fprintf(stderr, "sluice: nothing was deleted, because not all could be copied\n");
    return code;
}

int s3_transfer_run(
    struct cli *cli, const struct s3_write_flags *flags, const struct s3_transfer *transfer)
{
    struct s3_object_options object;
    struct running running = {.job = {.verb = S3_TRANSFER, .transfer = *transfer}};
    int code = s3_session_open(&running.session, cli, &flags->client);

    running.job.transfer.item = on_item;
    running.job.transfer.done = on_done;
    if (code == EXIT_OK) {
        s3_flags_object(flags, &cli->project->environment->s3, &cli->arena, &object);
        running.job.transfer.object = &object;
        code = run(&running);
    }
    return s3_session_close(&running.session, code);
}

int s3_transfer_put(struct cli *cli, const struct s3_write_flags *flags, const char *if_match,
    const char *path, const char *url)
{
    struct s3_transfer transfer = {
        .verb = S3_TRANSFER_COPY,
        .sources = &path,
        .source_count = 1,
        .target = url,
        .literal = true,
        .no_clobber = flags->no_clobber,
        .if_none_match = flags->if_none_match,
        .if_match = if_match,
    };

    return s3_transfer_run(cli, flags, &transfer);
}
