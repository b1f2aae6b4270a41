#include "runner/cli/s3_progress.h"

#include "runner/base/mem.h"
#include "runner/cli/print.h"

#include <inttypes.h>
#include <unistd.h>

enum { FRAME_MS = 100, RATE_AFTER_MS = 300 };

/* --- words --- */

static uint64_t rate_of(uint64_t bytes, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? bytes * 1000 / (uint64_t)elapsed_ms : 0;
}

static void append_rate(struct buffer *line, uint64_t rate)
{
    char text[TIME_TEXT_SIZE];

    buffer_printf(line, "%s/s", size_format(rate, text));
}

void s3_progress_append(
    struct buffer *line, const struct s3_transfer_totals *totals, int64_t elapsed_ms)
{
    const uint64_t ended = totals->done + totals->skipped + totals->failed;
    const uint64_t rate = rate_of(totals->bytes_done, elapsed_ms);
    char size[TIME_TEXT_SIZE], count[PRINT_COUNTED_SIZE];

    buffer_printf(line, "%" PRIu64 " of %s%s, %s", ended,
        print_counted((int64_t)totals->planned, "object", count), totals->planning ? " so far" : "",
        size_format(totals->bytes_done, size));
    if (totals->bytes_planned > totals->bytes_done)
        buffer_printf(line, " of %s", size_format(totals->bytes_planned, size));
    if (elapsed_ms < RATE_AFTER_MS || !rate)
        return;
    buffer_puts(line, ", ");
    append_rate(line, rate);
    if (totals->planning || totals->bytes_planned <= totals->bytes_done)
        return;
    buffer_printf(line, ", %s left",
        duration_format(
            (int64_t)((totals->bytes_planned - totals->bytes_done) * 1000 / rate), size));
}

void s3_progress_append_sum(
    struct buffer *line, const struct s3_transfer_totals *totals, int64_t elapsed_ms)
{
    char text[TIME_TEXT_SIZE], count[PRINT_COUNTED_SIZE];

    buffer_puts(line, print_counted((int64_t)totals->done, "object", count));
    if (totals->bytes_done) {
        buffer_printf(line, ", %s in ", size_format(totals->bytes_done, text));
        buffer_printf(line, "%s (", duration_format(elapsed_ms, text));
        append_rate(line, rate_of(totals->bytes_done, elapsed_ms));
        buffer_putc(line, ')');
    }
    if (totals->same)
        buffer_printf(line, ", %" PRIu64 " unchanged", totals->same);
    if (totals->skipped)
        buffer_printf(line, ", %" PRIu64 " skipped", totals->skipped);
    if (totals->failed)
        buffer_printf(line, ", %" PRIu64 " failed", totals->failed);
}

/* --- the terminal --- */

static int64_t elapsed_ms(const struct s3_progress *progress)
{
    return (int64_t)((time_monotonic_ns() - progress->started_ns) / 1000000);
}

static void draw(struct timer *timer)
{
    struct s3_progress *progress = container_of(timer, struct s3_progress, timer);
    const unsigned width = print_terminal_width(2);
    struct s3_transfer_totals totals;
    struct buffer line, cut;

    progress->session->tool->totals(progress->session->job, &totals);
    buffer_init(&line, 0);
    buffer_init(&cut, 0);
    s3_progress_append(&line, &totals, elapsed_ms(progress));
    print_cut(&cut, line.data, width > 1 ? width - 1 : 79);
    fprintf(stderr, "\r%s\033[K", cut.data);
    progress->drawn = true;
    buffer_deinit(&line);
    buffer_deinit(&cut);
}

/* Lines of the log stand above it. */
static void on_log_line(
    void *data, enum log_level level, const char *event, const char *line, size_t length)
{
    (void)level, (void)event;
    s3_progress_clear(data);
    fwrite(line, 1, length, stderr);
}

void s3_progress_begin(struct s3_progress *progress, struct s3_session *session)
{
    const struct cli *cli = session->cli;

    *progress = (struct s3_progress){
        .session = session,
        .started_ns = time_monotonic_ns(),
        .active = cli->err_tty && !cli->globals.quiet,
    };
    if (!progress->active)
        return;
    log_set_sink(cli->log, on_log_line, progress);
    timer_init(&progress->timer, &session->cli->loop);
    timer_start(&progress->timer, FRAME_MS, FRAME_MS, draw);
}

void s3_progress_clear(struct s3_progress *progress)
{
    if (progress->drawn)
        fprintf(stderr, "\r\033[K");
    progress->drawn = false;
}

static void on_closed(struct timer *timer)
{
    container_of(timer, struct s3_progress, timer)->active = false;
}

void s3_progress_end(struct s3_progress *progress, const struct s3_transfer_totals *totals)
{
    struct buffer line;

    if (!progress->active)
        return;
    s3_progress_clear(progress);
    log_set_sink(progress->session->cli->log, NULL, NULL);
    timer_close(&progress->timer, on_closed);
    while (progress->active) /* it is closed before its memory goes */
        uv_run(&progress->session->cli->loop.uv, UV_RUN_ONCE);
    if (!totals)
        return;
    buffer_init(&line, 0);
    s3_progress_append_sum(&line, totals, elapsed_ms(progress));
    fprintf(stderr, "%s\n", line.data);
    buffer_deinit(&line);
}
