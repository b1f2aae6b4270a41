#include "runner/cli/live.h"

#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/cli/progress_view.h"
#include "runner/io/timer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FRAME_MS = 100, WIDTH_DEFAULT = 80, HEIGHT_DEFAULT = 24 };

struct live {
    struct live_options options;
    struct timer timer;
    struct buffer out;   /* what is written at once */
    struct buffer frame; /* the lines on the terminal */
    unsigned width;      /* of the terminal when they were drawn */
    struct task_progress *tasks;
    unsigned capacity, tick;
    int64_t started_ms;
};

/* --- the terminal --- */

static void get_size(const struct live *live, unsigned *ret_width, unsigned *ret_height)
{
    struct winsize size;
    const bool known = ioctl(live->options.fd, TIOCGWINSZ, &size) == 0;

    *ret_width = known && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
    *ret_height = known && size.ws_row > 0 ? size.ws_row : HEIGHT_DEFAULT;
}

/* A terminal may be non-blocking because another program made it so: then it is waited for. */
static void write_out(struct live *live)
{
    const char *bytes = live->out.data;
    size_t length = live->out.length;

    while (length > 0) {
        const ssize_t written = write(live->options.fd, bytes, length);

        if (written < 0 && errno == EAGAIN) {
            struct pollfd terminal = {.fd = live->options.fd, .events = POLLOUT};

            poll(&terminal, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            break;
        } else if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    buffer_clear(&live->out);
}

/* Rows that the last frame takes now: a terminal that became narrower wraps its lines. */
static unsigned drawn_rows(const struct live *live, unsigned width)
{
    unsigned rows = 0;

    for (const char *line = live->frame.data; *line;) {
        const size_t length = strcspn(line, "\n");
        const unsigned columns = width < live->width ? print_styled_width(line, length) : 0;

        rows += columns > width ? (columns + width - 1) / width : 1;
        line += length + (line[length] == '\n');
    }
    return rows;
}

static void go_to_top(struct live *live, unsigned width)
{
    const unsigned rows = drawn_rows(live, width);

    buffer_putc(&live->out, '\r');
    if (rows > 0)
        buffer_printf(&live->out, "\033[%uA", rows);
    if (width != live->width)
        buffer_puts(&live->out, "\033[J");
}

/* Lines over the old ones, each cleared to its end: nothing is blank between two frames. */
static void put_lines(struct live *live)
{
    for (const char *line = live->frame.data; *line;) {
        const size_t length = strcspn(line, "\n");

        buffer_append(&live->out, line, length);
        buffer_puts(&live->out, "\033[K\n");
        line += length + (line[length] == '\n');
    }
    buffer_puts(&live->out, "\033[J");
}

/* --- frames --- */

static void render(struct live *live, unsigned width, unsigned height)
{
    const struct live_source *source = &live->options.source;
    const unsigned count = source->count(source->data);
    struct progress_frame frame = {.title = live->options.title,
        .status = source->status(source->data),
        .elapsed_ms = time_now_ms() - live->started_ms,
        .count = count,
        .uncounted = source->uncounted,
        .width = width,
        .height = height,
        .tick = live->tick++,
        .color = live->options.color};

    if (count > live->capacity) {
        live->tasks = mem_realloc(live->tasks, count, sizeof(*live->tasks));
        live->capacity = count;
    }
    for (unsigned i = 0; i < count; i++)
        source->task(source->data, i, &live->tasks[i]);
    frame.tasks = live->tasks;
    buffer_clear(&live->frame);
    progress_view_render(&frame, &live->frame);
    live->width = width;
}

static void draw(struct live *live)
{
    unsigned width, height;

    get_size(live, &width, &height);
    go_to_top(live, width);
    render(live, width, height);
    put_lines(live);
    write_out(live);
}

static void on_tick(struct timer *timer)
{
    draw(container_of(timer, struct live, timer));
}

/* What the list and the summary show anyway is left out: info, and how tasks and the run end. */
static void on_log_line(
    void *data, enum log_level level, const char *event, const char *line, size_t length)
{
    struct live *live = data;
    unsigned width, height;

    if (level < LOG_WARN || strcmp(event, "run.finished") == 0 ||
        strcmp(event, "task.finished") == 0)
        return;
    get_size(live, &width, &height);
    go_to_top(live, width);
    buffer_puts(&live->out, "\033[J");
    buffer_append(&live->out, line, length);
    put_lines(live);
    write_out(live);
}

/* --- a run --- */

static const char *status_of_run(void *data)
{
    return run_activity(data);
}

static unsigned tasks_of_run(void *data)
{
    return run_task_count(data);
}

static void task_of_run(void *data, unsigned index, struct task_progress *ret_progress)
{
    run_task_progress(data, index, ret_progress);
}

struct live_source live_source_of_run(struct run *run)
{
    return (struct live_source){
        .status = status_of_run, .count = tasks_of_run, .task = task_of_run, .data = run};
}

bool live_wanted(const struct cli *cli)
{
    const char *term = getenv("TERM");

    return cli->err_tty && !cli->globals.quiet && !cli->globals.json &&
           cli->globals.log_format == CLI_LOG_AUTO && term && strcmp(term, "dumb") != 0;
}

/* --- life --- */

struct live *live_new(const struct live_options *options)
{
    struct live *live = mem_new(struct live);

    live->options = *options;
    live->started_ms = time_now_ms();
    buffer_init(&live->out, 0);
    buffer_init(&live->frame, 0);
    timer_init(&live->timer, options->loop);
    timer_start(&live->timer, FRAME_MS, FRAME_MS, on_tick);
    log_set_sink(options->log, on_log_line, live);
    return live;
}

static void on_closed(struct timer *timer)
{
    struct live *live = container_of(timer, struct live, timer);

    buffer_deinit(&live->out);
    buffer_deinit(&live->frame);
    free(live->tasks);
    free(live);
}

void live_end(struct live *live)
{
    draw(live);
    log_set_sink(live->options.log, NULL, NULL);
    timer_close(&live->timer, on_closed);
}
