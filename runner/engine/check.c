#include "runner/engine/check.h"

#include "runner/base/buffer.h"

#include <inttypes.h>

static void append_names(struct buffer *sql, const struct text_list *columns, const char *between)
{
    for (size_t i = 0; i < columns->count; i++) {
        buffer_puts(sql, i ? between : "");
        text_append_sql_name(sql, columns->items[i]);
    }
}

static void append_null(struct buffer *sql, const struct check *check)
{
    append_names(sql, &check->not_null, " is null or ");
    buffer_puts(sql, " is null");
}

/* Rows with a null in one of the columns are no duplicates of anything, as in SQL. */
static void append_unique(struct buffer *sql, const struct check *check, const char *from)
{
    buffer_puts(sql, "select coalesce(sum(n - 1), 0)::bigint from (select count(*) as n from ");
    buffer_printf(sql, "%s where ", from);
    append_names(sql, &check->unique, " is not null and ");
    buffer_puts(sql, " is not null group by ");
    append_names(sql, &check->unique, ", ");
    buffer_puts(sql, " having count(*) > 1)");
}

static void append_duplicate(struct buffer *sql, const struct check *check, const char *row)
{
    buffer_puts(sql, "(row_number() over (partition by ");
    append_names(sql, &check->unique, ", ");
    buffer_printf(sql, " order by %s) > 1 and ", row);
    append_names(sql, &check->unique, " is not null and ");
    buffer_puts(sql, " is not null)");
}

static void append_not_accepted(struct buffer *sql, const struct check *check)
{
    for (size_t i = 0; i < check->accepted_values.count; i++) {
        const struct option_named_texts *column = &check->accepted_values.items[i];

        buffer_puts(sql, i ? " or cast(" : "cast(");
        text_append_sql_name(sql, column->name);
        buffer_puts(sql, " as varchar) not in (");
        for (size_t j = 0; j < column->texts.count; j++) {
            buffer_puts(sql, j ? ", " : "");
            text_append_sql_literal(sql, column->texts.items[j]);
        }
        buffer_putc(sql, ')');
    }
}

static void append_row_count(struct buffer *sql, const struct check *check, const char *from)
{
    buffer_printf(sql, "select count(*) >= %" PRId64, check->row_count.min);
    if (check->row_count.max >= 0)
        buffer_printf(sql, " and count(*) <= %" PRId64, check->row_count.max);
    buffer_printf(sql, ", count(*) from %s", from);
}

const char *check_row_count_says(const struct check *check, int64_t rows, struct arena *arena)
{
    const int64_t min = check->row_count.min, max = check->row_count.max;
    const char *has = arena_printf(arena, "has %" PRId64 " row%s", rows, rows == 1 ? "" : "s");

    if (max < 0)
        return arena_printf(arena, "%s, at least %" PRId64 " are wanted", has, min);
    if (min == 0)
        return arena_printf(arena, "%s, at most %" PRId64 " are wanted", has, max);
    if (min == max)
        return arena_printf(arena, "%s, exactly %" PRId64 " are wanted", has, min);
    return arena_printf(arena, "%s, %" PRId64 " to %" PRId64 " are wanted", has, min, max);
}

const char *check_offends(const struct check *check, const char *row, struct arena *arena)
{
    struct buffer sql;
    const char *text;

    buffer_init(&sql, 0);
    switch (check->kind) {
    case CHECK_NOT_NULL:
        append_null(&sql, check);
        break;
    case CHECK_UNIQUE:
        append_duplicate(&sql, check, row);
        break;
    case CHECK_ACCEPTED_VALUES:
        append_not_accepted(&sql, check);
        break;
    case CHECK_ROW_COUNT:
    case CHECK_SQL:
    case CHECK_REGEX:
    case CHECK_BETWEEN:
    case CHECK_FOREIGN_KEY:
    case CHECK_FRESHNESS:
        break;
    }
    text = sql.length ? arena_printf(arena, "(%s)", sql.data) : NULL;
    buffer_deinit(&sql);
    return text;
}

const char *check_sql(const struct check *check, const char *dataset, struct arena *arena)
{
    struct buffer sql, from;
    const char *text;

    buffer_init(&sql, 0);
    buffer_init(&from, 0);
    text_append_sql_name(&from, dataset);
    switch (check->kind) {
    case CHECK_NOT_NULL:
    case CHECK_ACCEPTED_VALUES:
        buffer_printf(
            &sql, "select count(*) from %s where %s", from.data, check_offends(check, "", arena));
        break;
    case CHECK_UNIQUE:
        append_unique(&sql, check, from.data);
        break;
    case CHECK_ROW_COUNT:
        append_row_count(&sql, check, from.data);
        break;
    case CHECK_SQL:
        buffer_puts(&sql, check->sql);
        break;
    case CHECK_REGEX:
    case CHECK_BETWEEN:
    case CHECK_FOREIGN_KEY:
    case CHECK_FRESHNESS: /* refused: supported.c */
        break;
    }
    text = arena_strdup(arena, sql.data);
    buffer_deinit(&from);
    buffer_deinit(&sql);
    return text;
}
