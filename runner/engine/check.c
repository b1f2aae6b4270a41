#include "runner/engine/check.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <inttypes.h>
#include <math.h>

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

/* A null has no form, and lies nowhere. */
static void append_no_match(struct buffer *sql, const struct check *check)
{
    for (size_t i = 0; i < check->regex.count; i++) {
        buffer_puts(sql, i ? " or not regexp_full_match(cast(" : "not regexp_full_match(cast(");
        text_append_sql_name(sql, check->regex.items[i].name);
        buffer_puts(sql, " as varchar), ");
        text_append_sql_literal(sql, check->regex.items[i].value);
        buffer_putc(sql, ')');
    }
}

/* The bounds are literals of the column's own type. */
static void append_outside(struct buffer *sql, const struct check *check)
{
    static const char *const beyond[] = {" < ", " > "};
    bool any = false;

    for (size_t i = 0; i < check->between.count; i++) {
        const struct option_named_texts *bounds = &check->between.items[i];

        for (size_t j = 0; j < ARRAY_LENGTH(beyond) && j < bounds->texts.count; j++) {
            if (!bounds->texts.items[j][0])
                continue;
            buffer_puts(sql, any ? " or " : "");
            text_append_sql_name(sql, bounds->name);
            buffer_puts(sql, beyond[j]);
            text_append_sql_literal(sql, bounds->texts.items[j]);
            any = true;
        }
    }
}

/* A row with a null among the columns names none. */
static void append_orphan(struct buffer *sql, const struct check *check)
{
    const struct foreign_key_options *foreign = &check->foreign_key;

    append_names(sql, &foreign->columns, " is not null and ");
    buffer_puts(sql, " is not null and row(");
    append_names(sql, &foreign->columns, ", ");
    buffer_puts(sql, ") not in (select ");
    append_names(sql, &foreign->key, ", ");
    buffer_puts(sql, " from ");
    text_append_sql_name(sql, foreign->references);
    buffer_puts(sql, " where ");
    append_names(sql, &foreign->key, " is not null and ");
    buffer_puts(sql, " is not null)");
}

/* Column 2: how old the newest value is, in ms; -1: there is none. Dates begin at midnight, UTC. */
static void append_freshness(
    struct buffer *sql, const struct check *check, const char *from, int64_t due_ms)
{
    const int64_t oldest_ms = duration_add(&check->freshness.max_age, due_ms, -1);
    struct buffer newest;

    buffer_init(&newest, 0);
    buffer_puts(&newest, "epoch_ms(max(");
    text_append_sql_name(&newest, check->freshness.column);
    buffer_puts(&newest, "))");
    buffer_printf(sql, "select coalesce(%s >= %" PRId64 ", false), ", newest.data, oldest_ms);
    buffer_printf(sql, "if(%s is null, -1, greatest(%" PRId64 " - %s, 0))::bigint from %s",
        newest.data, due_ms, newest.data, from);
    buffer_deinit(&newest);
}

/* Whole rows that the last run's may become. */
static void append_change(struct buffer *sql, const struct check *check, int64_t last_rows)
{
    const double share = check->row_count.change_share, last = (double)last_rows;

    if (share < 0 || last_rows < 0)
        return;
    buffer_printf(sql, " and count(*) >= %.0f and count(*) <= %.0f", ceil(last * (1 - share)),
        floor(last * (1 + share)));
}

static void append_row_count(
    struct buffer *sql, const struct check *check, const char *from, int64_t last_rows)
{
    buffer_printf(sql, "select count(*) >= %" PRId64, check->row_count.min);
    if (check->row_count.max >= 0)
        buffer_printf(sql, " and count(*) <= %" PRId64, check->row_count.max);
    append_change(sql, check, last_rows);
    buffer_printf(sql, ", count(*) from %s", from);
}

const char *check_row_count_says(
    const struct check *check, int64_t rows, int64_t last_rows, struct arena *arena)
{
    const int64_t min = check->row_count.min, max = check->row_count.max;
    const char *has = arena_printf(arena, "has %" PRId64 " row%s", rows, rows == 1 ? "" : "s");

    if (rows >= min && (max < 0 || rows <= max))
        return arena_printf(arena,
            "%s, and had %" PRId64 " in the last run that committed: it may differ by %s", has,
            last_rows, check->row_count.change);
    if (max < 0)
        return arena_printf(arena, "%s, at least %" PRId64 " are wanted", has, min);
    if (min == 0)
        return arena_printf(arena, "%s, at most %" PRId64 " are wanted", has, max);
    if (min == max)
        return arena_printf(arena, "%s, exactly %" PRId64 " are wanted", has, min);
    return arena_printf(arena, "%s, %" PRId64 " to %" PRId64 " are wanted", has, min, max);
}

const char *check_freshness_says(const struct check *check, int64_t age_ms, struct arena *arena)
{
    char age[TIME_TEXT_SIZE], most[TIME_TEXT_SIZE];

    if (age_ms < 0)
        return arena_printf(arena, "has no value in %s", check->freshness.column);
    return arena_printf(arena,
        "has a newest %s that is %s old when the run is due, %s at most is wanted",
        check->freshness.column, duration_format(age_ms, age),
        duration_format(duration_ms(&check->freshness.max_age), most));
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
    case CHECK_REGEX:
        append_no_match(&sql, check);
        break;
    case CHECK_BETWEEN:
        append_outside(&sql, check);
        break;
    case CHECK_FOREIGN_KEY:
        append_orphan(&sql, check);
        break;
    case CHECK_ROW_COUNT:
    case CHECK_SQL:
    case CHECK_FRESHNESS:
        break;
    }
    text = sql.length ? arena_printf(arena, "(%s)", sql.data) : NULL;
    buffer_deinit(&sql);
    return text;
}

const char *check_sql(const struct check *check, const struct check_context *context,
    const char *dataset, struct arena *arena)
{
    struct buffer sql, from;
    const char *text;

    buffer_init(&sql, 0);
    buffer_init(&from, 0);
    text_append_sql_name(&from, dataset);
    switch (check->kind) {
    case CHECK_NOT_NULL:
    case CHECK_ACCEPTED_VALUES:
    case CHECK_REGEX:
    case CHECK_BETWEEN:
    case CHECK_FOREIGN_KEY:
        buffer_printf(
            &sql, "select count(*) from %s where %s", from.data, check_offends(check, "", arena));
        break;
    case CHECK_UNIQUE:
        append_unique(&sql, check, from.data);
        break;
    case CHECK_ROW_COUNT:
        append_row_count(&sql, check, from.data, context->last_rows);
        break;
    case CHECK_SQL:
        buffer_puts(&sql, check->sql);
        break;
    case CHECK_FRESHNESS:
        append_freshness(&sql, check, from.data, context->due_ms);
        break;
    }
    text = arena_strdup(arena, sql.data);
    buffer_deinit(&from);
    buffer_deinit(&sql);
    return text;
}
