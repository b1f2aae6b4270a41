#include "runner/cli/replay_compare.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <string.h>

struct comparing {
    json_t *lines;
    const char *from, *to;
};

static void differ(struct comparing *comparing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void differ(struct comparing *comparing, const char *format, ...)
{
    va_list args;
    char *line;

    va_start(args, format);
    line = mem_vprintf(format, args);
    va_end(args);
    json_array_append_new(comparing->lines, json_text(line));
    free(line);
}

static const char *word(const char *text)
{
    return text ? text : "none";
}

/* --- errors --- */

static char *replaced(const char *text, const char *from, const char *to)
{
    struct buffer buffer;
    const char *found;

    buffer_init(&buffer, 0);
    while (*from && (found = strstr(text, from)) != NULL) {
        buffer_append(&buffer, text, (size_t)(found - text));
        buffer_puts(&buffer, to);
        text = found + strlen(from);
    }
    buffer_puts(&buffer, text);
    return buffer_steal(&buffer);
}

static void compare_errors(struct comparing *comparing, const json_t *then, const json_t *now)
{
    const char *before = json_get_text(then, "error"), *after = json_get_text(now, "error");
    char *same;

    if (!before && !after)
        return;
    same = after ? replaced(after, comparing->from, comparing->to) : NULL;
    if (!text_equal(before, same))
        differ(comparing, "the run ended with \"%s\", and now with \"%s\"",
            before ? before : "success", after ? after : "success");
    free(same);
}

/* --- tables --- */

/* The catalog is recorded before the run takes its lease. */
static void compare_tables(struct comparing *comparing, const json_t *then, const json_t *now)
{
    const json_t *tables = json_object_get(now, "tables");
    const char *task;
    json_t *position;

    json_object_foreach(json_object_get(then, "tables"), task, position)
    {
        const json_t *other = json_object_get(tables, task);

        if (other && !json_equal(position, other))
            differ(comparing,
                "%s: somebody else changed its table while the run was recorded (position %" PRId64
                ", in the recording %" PRId64 "); record it again",
                task, (int64_t)json_integer_value(position), (int64_t)json_integer_value(other));
    }
}

/* --- tasks --- */

static bool compare_columns(
    struct comparing *comparing, const char *task, const json_t *then, const json_t *now)
{
    bool same = true;
    const char *name;
    json_t *sum;

    json_object_foreach((json_t *)then, name, sum)
    {
        const json_t *other = json_object_get(now, name);

        if (other && json_equal(sum, other))
            continue;
        same = false;
        if (other)
            differ(comparing, "%s: values of column %s are others than recorded", task, name);
        else
            differ(comparing, "%s: column %s is gone", task, name);
    }
    json_object_foreach((json_t *)now, name, sum)
    {
        if (!json_object_get(then, name)) {
            differ(comparing, "%s: column %s is new", task, name);
            same = false;
        }
    }
    return same;
}

static void compare_content(
    struct comparing *comparing, const char *task, const json_t *then, const json_t *now)
{
    const char *rows = json_get_text(then, "rows"), *now_rows = json_get_text(now, "rows");

    if (!json_is_object(then) || !json_is_object(now))
        return; /* it has not come so far: its state says so */
    if (!text_equal(rows, now_rows)) {
        differ(comparing, "%s: %s rows, and %s were recorded", task, word(now_rows), word(rows));
        return;
    }
    if (compare_columns(
            comparing, task, json_object_get(then, "columns"), json_object_get(now, "columns")) &&
        !text_equal(json_get_text(then, "sum"), json_get_text(now, "sum")))
        differ(comparing, "%s: each column has the values that were recorded, in other rows", task);
}

static void compare_task(struct comparing *comparing, const json_t *then, const json_t *now)
{
    static const char *const values[] = {
        "state", "rows", "rejected", "quarantined", "objects", "duplicates", "deleted"};
    const char *task = json_get_text(then, "task");

    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        const json_t *before = json_object_get(then, values[i]);
        const json_t *after = json_object_get(now, values[i]);
        char *texts[2];

        if (json_equal(before, after) || (!before && !after))
            continue;
        texts[0] = before ? json_line(before) : mem_strdup("none");
        texts[1] = after ? json_line(after) : mem_strdup("none");
        differ(comparing, "%s: %s: %s, and %s was recorded", task, values[i], texts[1], texts[0]);
        free(texts[0]);
        free(texts[1]);
    }
    if (json_object_get(then, "rejects") &&
        !json_equal(json_object_get(then, "rejects"), json_object_get(now, "rejects")))
        differ(comparing, "%s: other rows are rejected than were", task);
    if (!json_equal(json_object_get(then, "checks"), json_object_get(now, "checks")) &&
        (json_object_get(then, "checks") || json_object_get(now, "checks")))
        differ(comparing, "%s: its checks come out otherwise than recorded", task);
    compare_content(
        comparing, task, json_object_get(then, "content"), json_object_get(now, "content"));
}

static const json_t *task_named(const json_t *tasks, const char *name)
{
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        if (text_equal(json_get_text(json_array_get(tasks, i), "task"), name))
            return json_array_get(tasks, i);
    }
    return NULL;
}

static void compare_tasks(struct comparing *comparing, const json_t *then, const json_t *now)
{
    for (size_t i = 0; i < json_array_size(then); i++) {
        const json_t *task = json_array_get(then, i);
        const char *name = json_get_text(task, "task");
        const json_t *other = task_named(now, name);

        if (other)
            compare_task(comparing, task, other);
        else
            differ(comparing, "%s: the pipeline does not have it any more", name);
    }
    for (size_t i = 0; i < json_array_size(now); i++) {
        const char *name = json_get_text(json_array_get(now, i), "task");

        if (!task_named(then, name))
            differ(comparing, "%s: it was not recorded", name);
    }
}

json_t *replay_compare(const json_t *then, const json_t *now, const char *from, const char *to)
{
    struct comparing comparing = {.lines = json_array(), .from = from, .to = to};
    const char *outcome = json_get_text(then, "outcome");

    compare_tables(&comparing, then, now);
    compare_errors(&comparing, then, now);
    if (!text_equal(outcome, json_get_text(now, "outcome")) && !json_get_text(then, "error") &&
        !json_get_text(now, "error"))
        differ(&comparing, "the run ended as \"%s\", and as \"%s\" when it was recorded",
            word(json_get_text(now, "outcome")), word(outcome));
    if (!json_get_text(then, "error") && !json_get_text(now, "error"))
        compare_tasks(&comparing, json_object_get(json_object_get(then, "record"), "tasks"),
            json_object_get(json_object_get(now, "record"), "tasks"));
    return comparing.lines;
}
