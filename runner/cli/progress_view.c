#include "runner/cli/progress_view.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/cli/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH_MIN = 20,
    HEIGHT_MIN = 3,
    LABEL_MIN = 8,
    LABEL_MAX = 40,
    BAR_MIN = 6,
    BAR_MAX = 30,
    PERCENT = 5,   /* " 100%" */
    TIME = 9,      /* "59m left" */
    ROWS = 16,     /* "999,999,999 rows" */
    RATE = 12,     /* "1023.9 MiB/s" */
    ACTIVITY = 12, /* "transforming" */
    GAP = 2,
};

/* What the width has room for, decided once a frame so that columns stay where they are. */
struct columns {
    unsigned width, name, bar, time, rows, rate, activity; /* 0: left out */
};

/* --- columns --- */

static unsigned take(unsigned *left, unsigned width)
{
    if (*left < width + GAP)
        return 0;
    *left -= width + GAP;
    return width;
}

static struct columns choose_columns(const struct progress_frame *frame)
{
    struct columns columns = {.width = MAX(frame->width, WIDTH_MIN) - 1};
    unsigned left, bar;

    for (unsigned i = 0; i < frame->count; i++)
        columns.name = MAX(columns.name, print_width(frame->tasks[i].id));
    columns.name = MIN(MAX(columns.name, LABEL_MIN), MIN(LABEL_MAX, columns.width / 3));
    left = columns.width - 2 - columns.name;
    columns.time = take(&left, TIME);
    bar = take(&left, BAR_MIN + PERCENT);
    columns.rows = take(&left, ROWS);
    columns.rate = take(&left, RATE);
    columns.activity = take(&left, ACTIVITY);
    if (bar)
        columns.bar = MIN(BAR_MIN + left, BAR_MAX);
    return columns;
}

/* --- pieces of a line --- */

static const char *style(const struct progress_frame *frame, const char *code)
{
    return frame->color ? code : "";
}

static void append_spaces(struct buffer *buffer, unsigned count)
{
    buffer_printf(buffer, "%*s", (int)count, "");
}

static void append_left(struct buffer *buffer, const char *text, unsigned width)
{
    print_cut(buffer, text, width);
    append_spaces(buffer, width - MIN(width, print_width(text)));
}

static void append_right(struct buffer *buffer, const char *text, unsigned width)
{
    if (width == 0)
        return;
    append_spaces(buffer, GAP + width - MIN(width, print_width(text)));
    print_cut(buffer, text, width);
}

static double share_of(const struct task_progress *task)
{
    if (task->share >= 0)
        return MIN(task->share, 1);
    if (task->bytes_total > 0)
        return MIN((double)task->bytes_done / (double)task->bytes_total, 1);
    return -1;
}

/* Full up to the share; where it is not known, a short piece that goes to and fro. */
static void append_bar(struct buffer *buffer, const struct progress_frame *frame,
    const struct task_progress *task, unsigned width)
{
    const double share = share_of(task);
    const unsigned piece = MAX(width / 4, 2), way = width - piece;
    const unsigned step = way > 0 ? frame->tick % (2 * way) : 0;
    const unsigned from = share >= 0 ? 0 : step < way ? step : 2 * way - step;
    const unsigned to = share >= 0 ? (unsigned)(share * width) : from + piece;
    char percent[16] = "";

    append_spaces(buffer, GAP);
    buffer_puts(buffer, style(frame, "\033[2m"));
    for (unsigned i = 0; i < width; i++) {
        if (i == from)
            buffer_puts(buffer, style(frame, "\033[0;36m"));
        if (i == to)
            buffer_puts(buffer, style(frame, "\033[0;2m"));
        buffer_puts(buffer, i >= from && i < to ? "━" : "─");
    }
    buffer_puts(buffer, style(frame, "\033[0m"));
    if (share >= 0)
        snprintf(percent, sizeof(percent), "%3.0f%%", share * 100);
    buffer_printf(buffer, "%*s", PERCENT, percent);
}

static void append_rate(
    struct buffer *buffer, const struct task_progress *task, bool ended, unsigned width)
{
    char text[TIME_TEXT_SIZE + 2] = "", size[TIME_TEXT_SIZE];
    const double seconds = (double)task->elapsed_ms / MS_PER_SECOND, share = share_of(task);
    /* What is fetched at once is still to be read. */
    const double done = task->bytes_total > 0 && share >= 0 ? share * (double)task->bytes_total
                                                            : (double)task->bytes_done;

    if (task->bytes_done > 0 && ended)
        snprintf(text, sizeof(text), "%s", size_format(task->bytes_done, size));
    else if (done > 0 && seconds > 0.2)
        snprintf(text, sizeof(text), "%s/s", size_format((uint64_t)(done / seconds), size));
    append_right(buffer, text, width);
}

/* Time left where it can be told (half a second and 2 % say little), else time spent. */
static void append_time(
    struct buffer *buffer, const struct task_progress *task, bool ended, unsigned width)
{
    const double share = share_of(task);
    char text[TIME_TEXT_SIZE + 8] = "", duration[TIME_TEXT_SIZE];

    if (!ended && share > 0.02 && share < 1 && task->elapsed_ms > MS_PER_SECOND / 2) {
        const double left_s = (double)task->elapsed_ms * (1 - share) / share / MS_PER_SECOND;

        if (left_s < 100)
            snprintf(text, sizeof(text), "%.0fs left", MAX(left_s, 1));
        else if (left_s < 100 * 60)
            snprintf(text, sizeof(text), "%.0fm left", left_s / 60);
        else
            snprintf(text, sizeof(text), "%.0fh left", left_s / 3600);
    } else if (task->elapsed_ms > 0) {
        snprintf(text, sizeof(text), "%s", duration_format(task->elapsed_ms, duration));
    }
    append_right(buffer, text, width);
}

/* --- lines --- */

static const char *glyph_of(const struct progress_frame *frame, enum task_state state)
{
    static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

    switch (state) {
    case TASK_RUNNING:
        return spinner[frame->tick % ARRAY_LENGTH(spinner)];
    case TASK_RETRYING:
        return "↻";
    case TASK_DONE:
        return "✓";
    case TASK_FAILED:
        return "✗";
    case TASK_CANCELLED:
        return "⊘";
    case TASK_SKIPPED:
        return "–";
    case TASK_WAITING:
    case TASK_READY:
        break;
    }
    return "·";
}

static const char *color_of(enum task_state state)
{
    switch (state) {
    case TASK_RUNNING:
        return "\033[36m";
    case TASK_DONE:
        return "\033[32m";
    case TASK_FAILED:
        return "\033[31m";
    case TASK_RETRYING:
    case TASK_CANCELLED:
        return "\033[33m";
    default:
        return "\033[2m";
    }
}

static void append_numbers(struct buffer *buffer, const struct progress_frame *frame,
    const struct columns *columns, const struct task_progress *task)
{
    const bool ended = task->state != TASK_RUNNING;
    const char *activity = !ended && task->activity ? task->activity : task_state_name(task->state);
    char rows[PRINT_COUNT_SIZE + 5] = "", count[PRINT_COUNT_SIZE];

    if (columns->activity) {
        append_spaces(buffer, GAP);
        append_left(buffer, activity, columns->activity);
    }
    if (columns->bar && ended)
        append_spaces(buffer, GAP + columns->bar + PERCENT);
    else if (columns->bar)
        append_bar(buffer, frame, task, columns->bar);
    if (task->rows > 0)
        snprintf(rows, sizeof(rows), "%s row%s", print_count(task->rows, count),
            task->rows == 1 ? "" : "s");
    append_right(buffer, rows, columns->rows);
    append_rate(buffer, task, ended, columns->rate);
    append_time(buffer, task, ended, columns->time);
}

static void end_line(struct buffer *buffer)
{
    while (buffer->length > 0 && buffer->data[buffer->length - 1] == ' ')
        buffer_truncate(buffer, buffer->length - 1);
    buffer_putc(buffer, '\n');
}

static void append_task(struct buffer *buffer, const struct progress_frame *frame,
    const struct columns *columns, const struct task_progress *task)
{
    const bool waits =
        task->state == TASK_WAITING || task->state == TASK_READY || task->state == TASK_SKIPPED;

    buffer_printf(buffer, "%s%s%s ", style(frame, color_of(task->state)),
        glyph_of(frame, task->state), style(frame, waits ? "" : "\033[0m"));
    append_left(buffer, task->id, columns->name);
    buffer_puts(buffer, style(frame, waits ? "\033[0m" : ""));
    if (task->error && (task->state == TASK_FAILED || task->state == TASK_RETRYING)) {
        struct buffer message;

        buffer_init(&message, 0);
        if (task->state == TASK_RETRYING)
            buffer_printf(&message, "try %u failed: ", task->attempt);
        text_append_printable(&message, task->error);
        append_spaces(buffer, GAP);
        print_cut(buffer, message.data, columns->width - 2 - columns->name - GAP);
        buffer_deinit(&message);
    } else {
        append_numbers(buffer, frame, columns, task);
    }
    end_line(buffer);
}

struct task_counts {
    unsigned of[TASK_CANCELLED + 1];
};

static void append_counts(struct buffer *buffer, const struct task_counts *counts)
{
    const char *separator = "";

    for (unsigned state = 0; state <= TASK_CANCELLED; state++) {
        if (counts->of[state] == 0)
            continue;
        buffer_printf(buffer, "%s%u %s", separator, counts->of[state], task_state_name(state));
        separator = ", ";
    }
}

static void append_header(struct buffer *buffer, const struct progress_frame *frame, unsigned width)
{
    char elapsed[TIME_TEXT_SIZE];
    struct buffer line;
    unsigned ended = 0;

    for (unsigned i = 0; i < frame->count; i++)
        ended += frame->tasks[i].state >= TASK_DONE;
    buffer_init(&line, 0);
    text_append_printable(&line, frame->title);
    buffer_printf(&line, "  %s", frame->status);
    if (frame->count > 0 && !frame->uncounted)
        buffer_printf(&line, "  %u of %u tasks", ended, frame->count);
    buffer_printf(&line, "  %s", duration_format(frame->elapsed_ms, elapsed));
    buffer_puts(buffer, style(frame, "\033[1m"));
    print_cut(buffer, line.data, width);
    buffer_printf(buffer, "%s\n", style(frame, "\033[0m"));
    buffer_deinit(&line);
}

/* --- what is shown --- */

static unsigned rank_of(enum task_state state)
{
    switch (state) {
    case TASK_RUNNING:
    case TASK_RETRYING:
        return 0;
    case TASK_FAILED:
        return 1;
    case TASK_READY:
    case TASK_WAITING:
        return 2;
    default:
        return 3;
    }
}

enum { RANKS = 4 };

static unsigned append_folded(struct buffer *buffer, const struct progress_frame *frame,
    const struct columns *columns, unsigned room)
{
    bool *shown = mem_calloc(frame->count, sizeof(*shown));
    struct task_counts hidden = {0};
    struct buffer line;
    unsigned left = room - 1, lines = 1;

    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (unsigned i = 0; i < frame->count && left > 0; i++) {
            if (rank_of(frame->tasks[i].state) != rank)
                continue;
            shown[i] = true;
            left--;
        }
    }
    for (unsigned i = 0; i < frame->count; i++) {
        if (shown[i]) {
            append_task(buffer, frame, columns, &frame->tasks[i]);
            lines++;
        } else {
            hidden.of[frame->tasks[i].state]++;
        }
    }
    buffer_init(&line, 0);
    buffer_puts(&line, "… and ");
    append_counts(&line, &hidden);
    print_cut(buffer, line.data, columns->width);
    buffer_putc(buffer, '\n');
    buffer_deinit(&line);
    free(shown);
    return lines;
}

unsigned progress_view_render(const struct progress_frame *frame, struct buffer *buffer)
{
    const struct columns columns = choose_columns(frame);
    const unsigned room = MAX(frame->height, HEIGHT_MIN) - 2; /* without header and cursor */

    append_header(buffer, frame, columns.width);
    if (frame->count > room)
        return 1 + append_folded(buffer, frame, &columns, room);
    for (unsigned i = 0; i < frame->count; i++)
        append_task(buffer, frame, &columns, &frame->tasks[i]);
    return 1 + frame->count;
}
