#include "runner/cli/summary.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/cli/print.h"

#include <string.h>

enum { TARGETS_SHOWN = 20 };

/* Where the lines go. */
struct output {
    struct buffer *buffer;
    unsigned width;
    bool color;
};

static json_t *record_of(const struct run_facts *facts)
{
    const char *text = facts->summary->record;
    json_t *record = text ? json_parse(text, strlen(text), NULL) : NULL;

    return record ? record : json_object();
}

static const char *outcome_of(const struct run_facts *facts)
{
    if (facts->summary->record)
        return state_outcome_name(facts->summary->outcome);
    return !facts->err                      ? state_outcome_name(STATE_SUCCEEDED)
           : facts->err->code == ERROR_BUSY ? "busy"
                                            : state_outcome_name(STATE_FAILED);
}

json_t *summary_to_json(const struct run_facts *facts)
{
    json_t *value = json_object(), *record = record_of(facts);

    json_put_text(value, "run_id", facts->run_id);
    json_put_text(value, "pipeline", facts->pipeline);
    json_put_text(value, "environment", facts->environment);
    json_put_text(value, "outcome", outcome_of(facts));
    if (facts->err) {
        json_put_text(value, "error_code", error_code_name(facts->err->code));
        json_put_text(value, "error", facts->err->message);
    }
    json_object_update_missing(value, record);
    json_decref(record);
    return value;
}

/* --- lines --- */

static const char *style(const struct output *out, const char *code)
{
    return out->color ? code : "";
}

static void put_line(const struct output *out, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(const struct output *out, const char *code, const char *format, ...)
{
    struct buffer line;
    va_list args;
    char *text;

    va_start(args, format);
    text = mem_vprintf(format, args);
    va_end(args);
    buffer_init(&line, 0);
    text_append_printable(&line, text);
    buffer_puts(out->buffer, style(out, code));
    if (out->width > 1)
        print_cut(out->buffer, line.data, out->width - 1);
    else
        buffer_puts(out->buffer, line.data);
    buffer_printf(out->buffer, "%s\n", style(out, *code ? "\033[0m" : ""));
    buffer_deinit(&line);
    free(text);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static void put_outcome(const struct output *out, const struct run_facts *facts)
{
    const struct run_summary *summary = facts->summary;
    char duration[TIME_TEXT_SIZE], size[TIME_TEXT_SIZE], rows[PRINT_COUNT_SIZE],
        objects[PRINT_COUNT_SIZE];

    duration_format(summary->duration_ms, duration);
    if (facts->err)
        put_line(
            out, "\033[1;31m", "✗ %s: %s after %s", facts->pipeline, outcome_of(facts), duration);
    else if (summary->outcome == STATE_NOTHING_NEW)
        put_line(out, "\033[1;32m", "✓ %s: nothing new, in %s", facts->pipeline, duration);
    else
        put_line(out, "\033[1;32m", "✓ %s: %s row%s committed, %s object%s (%s) read, in %s",
            facts->pipeline, print_count(summary->rows, rows), plural(summary->rows),
            print_count(summary->objects, objects), plural(summary->objects),
            size_format(summary->bytes_read, size), duration);
}

static const char *target_of(const json_t *task)
{
    const char *into = json_get_text(task, "into");

    return into ? into : json_get_text(task, "to");
}

static bool is_done(const json_t *task)
{
    const char *state = json_get_text(task, "state");

    return state && strcmp(state, task_state_name(TASK_DONE)) == 0;
}

static void put_target(const struct output *out, const json_t *task, unsigned width)
{
    const char *target = target_of(task);
    const int64_t count = json_get_int(task, "rows", 0), files = json_get_int(task, "files", 0);
    const int pad = (int)(width - MIN(width, print_width(target)));
    char rows[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE];

    print_count(count, rows);
    size_format((uint64_t)json_get_int(task, "bytes_written", 0), size);
    if (json_get_text(task, "to"))
        put_line(out, "", "  %s%*s  %11s row%s", target, pad, "", rows, plural(count));
    else
        put_line(out, "", "  %s%*s  %11s row%s in %lld file%s, %s", target, pad, "", rows,
            plural(count), (long long)files, plural(files), size);
}

static void put_targets(const struct output *out, const json_t *tasks)
{
    unsigned width = 0;
    size_t shown = 0;
    json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        if (target_of(task) && is_done(task))
            width = MAX(width, print_width(target_of(task)));
    }
    json_array_foreach(tasks, i, task)
    {
        if (target_of(task) && is_done(task) && shown++ < TARGETS_SHOWN)
            put_target(out, task, width);
    }
    if (shown > TARGETS_SHOWN)
        put_line(out, "", "  … and %zu more", shown - TARGETS_SHOWN);
}

static void put_rejects(const struct output *out, const json_t *task)
{
    const json_t *rejects = json_object_get(task, "rejects");
    const int64_t count = json_get_int(task, "rejected", 0);
    const char *aside = json_get_text(task, "quarantine");
    char text[PRINT_COUNT_SIZE];
    json_t *reject;
    size_t i;

    if (count == 0)
        return;
    put_line(out, "\033[33m", "  %s: %s row%s %s%s%s", json_get_text(task, "task"),
        print_count(count, text), plural(count), aside ? "quarantined in " : "left out",
        aside ? aside : "", json_array_size(rejects) ? ", first:" : "");
    json_array_foreach(rejects, i, reject)
    {
        const char *object = json_get_text(reject, "object"),
                   *column = json_get_text(reject, "column"),
                   *reason = json_get_text(reject, "reason");

        put_line(out, "", "    %s:%lld%s%s%s%s", object ? object : "?",
            (long long)json_get_int(reject, "line", 0), column ? ": column " : "",
            column ? column : "", reason ? ": " : "", reason ? reason : "");
    }
}

static void put_checks(const struct output *out, const json_t *task)
{
    json_t *check;
    size_t i;

    json_array_foreach(json_object_get(task, "checks"), i, check)
    {
        const int64_t rows = json_get_int(check, "rows", 0);
        const char *severity = json_get_text(check, "severity");
        const bool aside = severity && strcmp(severity, "quarantine") == 0;
        const bool warn = aside || (severity && strcmp(severity, "warn") == 0);
        char text[PRINT_COUNT_SIZE];

        if (json_is_true(json_object_get(check, "passed")))
            continue;
        put_line(out, warn ? "\033[33m" : "\033[31m", "  %s: check %s: %s%s%s%s",
            json_get_text(task, "task"),
            aside  ? "quarantines"
            : warn ? "warns"
                   : "failed",
            json_get_text(check, "check"), rows > 0 ? ": " : "",
            rows > 0 ? print_count(rows, text) : "",
            rows > 0 ? (rows == 1 ? " row" : " rows") : "");
    }
}

/* Of the other tasks that failed: the run's own error comes last, from main(). */
static void put_error(const struct output *out, const struct run_facts *facts, const json_t *task)
{
    const char *error = json_get_text(task, "error");
    const struct output uncut = {.buffer = out->buffer, .color = out->color};

    if (error && facts->err && strcmp(error, facts->err->message) != 0 &&
        facts->err->code != ERROR_STOPPED)
        put_line(&uncut, "\033[31m", "  %s: %s", json_get_text(task, "task"), error);
}

void summary_render(
    const struct run_facts *facts, unsigned width, bool color, struct buffer *buffer)
{
    const struct output out = {.buffer = buffer, .width = width, .color = color};
    json_t *record = record_of(facts), *task;
    const json_t *tasks = json_object_get(record, "tasks");
    size_t i;

    put_outcome(&out, facts);
    if (!facts->err)
        put_targets(&out, tasks);
    json_array_foreach(tasks, i, task)
    {
        put_rejects(&out, task);
        put_checks(&out, task);
        put_error(&out, facts, task);
    }
    json_decref(record);
}
