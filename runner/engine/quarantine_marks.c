#include "runner/engine/quarantine_marks.h"

#include "runner/base/text.h"
#include "runner/engine/check.h"
#include "runner/engine/quarantine_table.h"

#include <strings.h>

enum { VALUE_CHARACTERS_SHOWN = 60 };

static const struct check *check_at(const struct quarantine_marks *marks, size_t index)
{
    return (const struct check *)marks->checks->items + index;
}

static bool puts_aside(const struct quarantine_marks *marks, size_t index)
{
    return check_at(marks, index)->severity == SEVERITY_QUARANTINE;
}

size_t quarantine_marks_count(const struct quarantine_marks *marks)
{
    return marks->checks->count + marks->cast_count;
}

bool quarantine_checks(const struct option_items *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (((const struct check *)checks->items)[i].severity == SEVERITY_QUARANTINE)
            return true;
    }
    return false;
}

/* --- columns that may not fit --- */

static const struct sql_column *find_column(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return &schema->columns[i];
    }
    return NULL;
}

void quarantine_marks_add_casts(struct quarantine_marks *marks, const struct sql_engine_type *type,
    const struct pipeline *pipeline, const struct sql_schema *rows, const struct sql_schema *table,
    struct arena *arena)
{
    marks->casts = arena_array(arena, rows->count, sizeof(*marks->casts));
    for (size_t i = 0; i < rows->count; i++) {
        const struct sql_column *target = find_column(table, rows->columns[i].name);
        const char *fits = target ? type->fits(&rows->columns[i], target, arena) : NULL;

        if (fits)
            marks->casts[marks->cast_count++] =
                (struct quarantine_cast){.column = rows->columns[i].name,
                    .type = target->type,
                    .fits = fits,
                    .masked = pipeline_masks(pipeline, rows->columns[i].name)};
    }
}

void quarantine_marks_append_misfits(const struct quarantine_marks *marks, struct buffer *sql)
{
    for (size_t i = 0; i < marks->cast_count; i++)
        buffer_printf(sql, "%s(%s) is not true", i ? " or " : "", marks->casts[i].fits);
}

/* --- marks --- */

/* Values that fit no column come first: a check is of what is to be in the table. */
void quarantine_marks_append_mark(
    const struct quarantine_marks *marks, struct buffer *sql, struct arena *arena)
{
    buffer_puts(sql, "case");
    for (size_t i = 0; i < marks->cast_count; i++)
        buffer_printf(
            sql, " when (%s) is not true then %zu", marks->casts[i].fits, marks->checks->count + i);
    for (size_t i = 0; i < marks->checks->count; i++) {
        if (puts_aside(marks, i))
            buffer_printf(sql, " when %s then %zu",
                check_offends(check_at(marks, i), "__sluice_row", arena), i);
    }
    buffer_puts(sql, " end");
}

/* "when 3 then " for each mark of a column, followed by what `append` says of it. */
static void append_cases(const struct quarantine_marks *marks, struct buffer *sql,
    const char *alias,
    void (*append)(const struct quarantine_cast *cast, const char *alias, struct buffer *sql))
{
    for (size_t i = 0; i < marks->cast_count; i++) {
        buffer_printf(sql, " when %zu then ", marks->checks->count + i);
        append(&marks->casts[i], alias, sql);
    }
}

static void append_name(const struct quarantine_cast *cast, const char *alias, struct buffer *sql)
{
    (void)alias;
    text_append_sql_literal(sql, cast->column);
}

/* One line, as of the bad rows of extracts. */
static void append_reason(const struct quarantine_cast *cast, const char *alias, struct buffer *sql)
{
    buffer_printf(sql, "case when %s.", alias);
    text_append_sql_name(sql, cast->column);
    buffer_puts(sql, " is null then 'the value is null, and the table requires one' else ");
    if (cast->masked) {
        buffer_puts(sql, "'the value'");
    } else {
        buffer_printf(sql, "'\"' || regexp_replace(left(cast(%s.", alias);
        text_append_sql_name(sql, cast->column);
        buffer_printf(
            sql, " as varchar), %d), '[[:cntrl:]]', '?', 'g') || '\"'", VALUE_CHARACTERS_SHOWN);
    }
    buffer_puts(sql, " || ' does not fit ' || ");
    text_append_sql_literal(sql, cast->type);
    buffer_puts(sql, " end");
}

static void append_titles(const struct quarantine_marks *marks, struct buffer *sql,
    const char *before, const char *behind)
{
    for (size_t i = 0; i < marks->checks->count; i++) {
        if (!puts_aside(marks, i))
            continue;
        buffer_printf(sql, " when %zu then %s", i, before);
        text_append_sql_literal(sql, check_at(marks, i)->title);
        buffer_puts(sql, behind);
    }
}

void quarantine_marks_append_why(
    const struct quarantine_marks *marks, const char *alias, struct buffer *sql)
{
    buffer_puts(sql, "case __sluice_mark");
    append_cases(marks, sql, alias, append_name);
    buffer_puts(sql, " when -1 then '' end as column_name, case __sluice_mark");
    append_cases(marks, sql, alias, append_reason);
    append_titles(marks, sql, "'check ' || ", " || ' failed'");
    buffer_puts(sql, " end as reason, case __sluice_mark");
    append_titles(marks, sql, "", "");
    buffer_puts(sql, " when -1 then '' end as check_name");
}
