#include "runner/cli/run_show.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/cli/run_checks.h"
#include "runner/cli/run_staged.h"
#include "runner/cli/run_text.h"
#include "runner/engine/run_json.h"

#include <string.h>

static void print_json(const struct state_run *run)
{
    cli_print_json(run_json_full(run, time_now_ms()));
}

/* --- the head --- */

static void put_field(const struct cli *cli, const char *name, const char *value, const char *style)
{
    struct buffer text;

    buffer_init(&text, 0);
    text_append_printable(&text, value);
    printf("%s%-9s%s %s%s%s\n", cli_style(cli, "dim"), name, cli_style(cli, "reset"),
        cli->color ? style : "", text.data, cli->color && *style ? cli_style(cli, "reset") : "");
    buffer_deinit(&text);
}

static void put_time(const struct cli *cli, const char *name, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE], ago[TIME_TEXT_SIZE], line[2 * TIME_TEXT_SIZE + 4];

    if (!time_ms)
        return;
    snprintf(line, sizeof(line), "%s (%s)", time_format_rfc3339(time_ms, text),
        time_format_ago(time_ms, time_now_ms(), ago));
    put_field(cli, name, line, "");
}

static void print_head(const struct cli *cli, const struct state_run *run, const json_t *record)
{
    char took[TIME_TEXT_SIZE], rows[PRINT_COUNT_SIZE], rejected[PRINT_COUNT_SIZE],
        read[TIME_TEXT_SIZE], written[TIME_TEXT_SIZE], objects[PRINT_COUNTED_SIZE],
        files[PRINT_COUNTED_SIZE], line[256];

    put_field(cli, "run", run->run_id, "");
    put_field(cli, "pipeline", run->pipeline, "");
    put_field(cli, "outcome", run_text_outcome(run->outcome), run_text_style(run->outcome));
    put_time(cli, "due", run->due_ms);
    put_time(cli, "started", run->started_ms);
    put_time(cli, "finished", run->finished_ms);
    put_field(cli, "took", duration_format(run_json_duration_ms(run, time_now_ms()), took), "");
    snprintf(line, sizeof(line), "%s committed, %s rejected", print_count(run->rows, rows),
        print_count(json_get_int(record, "rejected", 0), rejected));
    put_field(cli, "rows", line, "");
    snprintf(line, sizeof(line), "%s, %s read; %s, %s written",
        print_counted(json_get_int(record, "objects", 0), "object", objects),
        size_format((uint64_t)json_get_int(record, "bytes_read", 0), read),
        print_counted(json_get_int(record, "files", 0), "file", files),
        size_format((uint64_t)json_get_int(record, "bytes_written", 0), written));
    put_field(cli, "data", line, "");
    if (run->error)
        put_field(cli, "error", run->error, "\033[31m");
}

/* --- tasks --- */

/* What a task did, in words: "3 objects, 25.2 KiB read, 2 rejected"; "→ demo.people, 6 files". */
static void describe(const json_t *task, struct buffer *text)
{
    const char *into = json_get_text(task, "into"), *to = json_get_text(task, "to");
    const int64_t rejected = json_get_int(task, "rejected", 0);
    char size[TIME_TEXT_SIZE], count[PRINT_COUNTED_SIZE];

    buffer_clear(text);
    if (json_object_get(task, "objects"))
        buffer_printf(text, "%s, %s read",
            print_counted(json_get_int(task, "objects", 0), "object", count),
            size_format((uint64_t)json_get_int(task, "bytes_read", 0), size));
    if (into)
        buffer_printf(text, "→ %s, %s, %s", into,
            print_counted(json_get_int(task, "files", 0), "file", count),
            size_format((uint64_t)json_get_int(task, "bytes_written", 0), size));
    else if (to)
        buffer_printf(text, "→ %s, %s", to,
            size_format((uint64_t)json_get_int(task, "bytes_written", 0), size));
    if (rejected > 0)
        buffer_printf(text, "%s%lld %s", text->length ? ", " : "", (long long)rejected,
            json_get_text(task, "quarantine") ? "quarantined" : "rejected");
    if (json_get_text(task, "error"))
        buffer_printf(text, "%s%s", text->length ? "; " : "", json_get_text(task, "error"));
}

static void add_task(struct print_table *table, const json_t *task)
{
    const char *state = json_get_text(task, "state");
    char took[TIME_TEXT_SIZE], rows[PRINT_COUNT_SIZE], attempts[PRINT_COUNT_SIZE];
    const char *cells[6] = {json_get_text(task, "task"), state};
    struct buffer text;

    buffer_init(&text, 0);
    describe(task, &text);
    if (json_object_get(task, "attempts")) {
        cells[2] = print_count(json_get_int(task, "attempts", 0), attempts);
        cells[3] = duration_format(json_get_int(task, "duration_ms", 0), took);
    }
    if (json_object_get(task, "rows")) /* a view has none of its own */
        cells[4] = print_count(json_get_int(task, "rows", 0), rows);
    cells[5] = text.data;
    print_table_row(table, cells);
    print_table_style(table, 1,
        text_equal(state, "done")     ? "\033[32m"
        : text_equal(state, "failed") ? "\033[31m"
                                      : "\033[2m");
    buffer_deinit(&text);
}

static void print_tasks(const struct cli *cli, const json_t *tasks)
{
    static const char *const headers[] = {"TASK", "STATE", ">ATTEMPTS", ">TOOK", ">ROWS", "", NULL};
    struct print_table *table = print_table_new(headers);
    const json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        add_task(table, task);
    }
    putchar('\n');
    print_table_end(table, stdout, print_terminal_width(1), 5, cli->color);
}

/* --- rejected rows --- */

static void print_rejects(const json_t *task)
{
    const json_t *rejects = json_object_get(task, "rejects"), *reject;
    struct buffer line;
    size_t i;

    json_array_foreach(rejects, i, reject)
    {
        const char *column = json_get_text(reject, "column");
        const char *reason = json_get_text(reject, "reason");

        buffer_init(&line, 0);
        buffer_printf(&line, "rejected %s: ", json_get_text(task, "task"));
        text_append_printable(&line, json_get_text(reject, "object"));
        buffer_printf(&line, ":%lld", (long long)json_get_int(reject, "line", 0));
        if (column) {
            buffer_puts(&line, " column ");
            text_append_printable(&line, column);
        }
        if (reason) {
            buffer_puts(&line, ": ");
            text_append_printable(&line, reason);
        }
        puts(line.data);
        buffer_deinit(&line);
    }
}

static bool has_rejects(const json_t *tasks)
{
    const json_t *task;
    size_t i;

    json_array_foreach(tasks, i, task)
    {
        if (json_object_get(task, "rejects"))
            return true;
    }
    return false;
}

void run_show(struct cli *cli, const struct state_run *run)
{
    const char *staged;
    json_t *record, *tasks, *task;
    size_t i;

    if (cli->globals.json) {
        print_json(run);
        return;
    }
    record = run_json_record(run);
    tasks = json_object_get(record, "tasks");
    print_head(cli, run, record);
    staged = run_staged_says(cli, run);
    if (staged)
        put_field(cli, "staged", staged, "");
    if (json_array_size(tasks) > 0)
        print_tasks(cli, tasks);
    run_checks_print(cli, tasks);
    if (has_rejects(tasks))
        putchar('\n');
    json_array_foreach(tasks, i, task)
    {
        print_rejects(task);
    }
    json_decref(record);
}
