#include "runner/engine/cursoring.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const struct cursor_value *after_of(const struct cursoring *cursoring)
{
    return &cursoring->task->plan->extract.cursor;
}

static void finish(struct cursoring *cursoring)
{
    cursoring->running = false;
    cursoring->done(cursoring, cursoring->err.code ? &cursoring->err : NULL);
}

/* --- the rows beyond it --- */

static void on_derived(struct sql_request *request, const struct error *err)
{
    struct cursoring *cursoring = container_of(request, struct cursoring, request);
    struct sql_dataset *dataset = &cursoring->ret_dataset;
    const int64_t rows = dataset->rows;

    error_keep_first(&cursoring->err, err);
    if (!err) {
        *dataset = request->derive.ret_dataset;
        dataset->rows = rows;
        dataset->bytes = cursoring->scanned->bytes;
        dataset->files = cursoring->scanned->files; /* they go when the dataset does */
    }
    finish(cursoring);
}

static void start_deriving(struct cursoring *cursoring)
{
    struct task *task = cursoring->task;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, cursoring->scanned->name);
    buffer_printf(&sql, " where %s", cursoring->condition);
    cursoring->request =
        (struct sql_request){.verb = SQL_DERIVE, .arena = &task->arena, .done = on_derived};
    cursoring->request.derive = (struct sql_derive){
        .dataset = task->node->name, .sql = arena_strdup(&task->arena, sql.data)};
    buffer_deinit(&sql);
    task->run->session->type->start(task->run->session, &cursoring->request);
}

/* --- how far they go --- */

/* One row: rows beyond the cursor, nulls, the greatest value. */
static void on_row(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct cursoring *cursoring = container_of(request, struct cursoring, request);
    struct cursor_value *value = &cursoring->ret_value;
    const char *const column = value->column;

    (void)schema;
    if (row_count == 0)
        return;
    cursoring->ret_dataset.rows = (int64_t)strtoll(cells[0], NULL, 10);
    if (strcmp(cells[1], "0") != 0)
        error_set(&cursoring->err, ERROR_DATA,
            "column \"%s\" is null in %s rows: nothing tells whether they were read before; give "
            "them a value, or leave such rows out of the objects",
            column, cells[1]);
    if (!cells[2])
        return;
    if (strncasecmp(cells[2], "nan", 3) == 0 || strncasecmp(cells[2], "inf", 3) == 0) {
        error_set(&cursoring->err, ERROR_DATA,
            "the greatest value of column \"%s\" is %s, and nothing could ever come after it",
            column, cells[2]);
        return;
    }
    value->value = arena_strdup(&cursoring->task->arena, cells[2]);
}

static void on_measured(struct sql_request *request, const struct error *err)
{
    struct cursoring *cursoring = container_of(request, struct cursoring, request);

    error_keep_first(&cursoring->err, err);
    if (cursoring->err.code)
        finish(cursoring);
    else
        start_deriving(cursoring);
}

static void start_measuring(struct cursoring *cursoring)
{
    struct task *task = cursoring->task;
    const struct cursor_value *after = after_of(cursoring);
    struct buffer sql, column;

    buffer_init(&sql, 0);
    buffer_init(&column, 0);
    text_append_sql_name(&column, cursoring->ret_value.column);
    buffer_printf(&sql,
        "select count(*) filter (where %s), count(*) - count(%s), cast(greatest(max(%s)",
        cursoring->condition, column.data, column.data);
    if (after->value) {
        buffer_puts(&sql, ", cast(");
        text_append_sql_literal(&sql, after->value);
        buffer_printf(&sql, " as %s)", cursoring->ret_value.type);
    }
    buffer_puts(&sql, ") as varchar) from ");
    text_append_sql_name(&sql, cursoring->scanned->name);
    cursoring->request =
        (struct sql_request){.verb = SQL_QUERY, .arena = &task->arena, .done = on_measured};
    cursoring->request.query =
        (struct sql_query){.sql = arena_strdup(&task->arena, sql.data), .on_rows = on_row};
    buffer_deinit(&column);
    buffer_deinit(&sql);
    task->run->session->type->start(task->run->session, &cursoring->request);
}

/* --- both --- */

const char *cursoring_dataset(struct task *task)
{
    return task->node->extract->cursor.column
               ? arena_printf(&task->arena, "_cursor_%s", task->node->name)
               : task->node->name;
}

static int find_column(struct cursoring *cursoring, struct error *err)
{
    const char *wanted = cursoring->task->node->extract->cursor.column;
    const struct sql_schema *schema = &cursoring->scanned->schema;
    const char **names = arena_array(&cursoring->task->arena, schema->count + 1, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < schema->count; i++) {
        names[i] = schema->columns[i].name;
        if (strcasecmp(names[i], wanted) != 0)
            continue;
        cursoring->ret_value.column = names[i];
        cursoring->ret_value.type = schema->columns[i].type;
        return 0;
    }
    nearest = text_nearest(wanted, names);
    return error_set(err, ERROR_DATA, "there is no column \"%s\" in the objects%s%s%s", wanted,
        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

int cursoring_start(struct cursoring *cursoring, struct task *task,
    const struct sql_dataset *scanned, cursoring_done_fn done, struct error *err)
{
    const struct cursor_value *after = &task->plan->extract.cursor;
    const char *type;

    *cursoring = (struct cursoring){.task = task, .scanned = scanned, .done = done};
    if (find_column(cursoring, err))
        return -1;
    type = cursoring->ret_value.type;
    if (strcmp(type, "NULL") == 0) /* no value has appeared: there is nothing to compare */
        type = after->type ? after->type : "VARCHAR";
    cursoring->ret_value.type = type;
    cursoring->ret_value.value = after->value;
    cursoring->ret_value.listing = task->plan->extract.listing;
    if (cursor_condition(
            &task->node->extract->cursor, after, type, &task->arena, &cursoring->condition, err))
        return -1;
    cursoring->running = true;
    start_measuring(cursoring);
    return 0;
}

void cursoring_cancel(struct cursoring *cursoring)
{
    if (cursoring->running)
        cursoring->request.session->type->cancel(&cursoring->request);
}
