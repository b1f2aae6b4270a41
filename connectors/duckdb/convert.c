#include "connectors/duckdb/convert.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *type, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(type, *list) == 0)
            return true;
    }
    return false;
}

static bool is_integer(const char *type)
{
    static const char *const list[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", NULL};

    return is_one_of(type, list);
}

static bool is_fraction(const char *type)
{
    static const char *const list[] = {"FLOAT", "DOUBLE", NULL};

    return is_one_of(type, list) || text_starts(type, "DECIMAL(");
}

static const char *literal(const char *text, struct arena *arena)
{
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    text_append_sql_literal(&sql, text);
    copy = arena_strdup(arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

/* A conversion whose hard form is the soft one and an error where that gives null. */
static struct conversion soft(struct arena *a, const char *cell, const char *try)
{
    return (struct conversion){.try = try,
        .hard = arena_printf(
            a, "CASE WHEN %s IS NULL THEN NULL ELSE coalesce(%s, error('misfit')) END", cell, try)};
}

static struct conversion plain(struct arena *a, const char *cell, const char *type)
{
    return (struct conversion){.try = arena_printf(a, "TRY_CAST(%s AS %s)", cell, type),
        .hard = arena_printf(a, "CAST(%s AS %s)", cell, type)};
}

/* DuckDB rounds '4.7' and '15e-1'; 4.0 is whole, 4.7 does not fit. */
static struct conversion to_integer(struct arena *a, const char *cell, const char *type)
{
    const char *fraction = arena_printf(a,
        "(contains(%s, '.') OR (contains(%s, '-') AND regexp_matches(%s, '[eE]-')))", cell, cell,
        cell);
    const char *whole = arena_printf(a,
        "CASE WHEN TRY_CAST(%s AS DECIMAL(38,9)) = trunc(TRY_CAST(%s AS DECIMAL(38,9))) THEN "
        "TRY_CAST(TRY_CAST(%s AS DECIMAL(38,9)) AS %s) END",
        cell, cell, cell, type);

    return (struct conversion){
        .try = arena_printf(
            a, "CASE WHEN %s THEN %s ELSE TRY_CAST(%s AS %s) END", fraction, whole, cell, type),
        .hard = arena_printf(a,
            "CASE WHEN %s THEN coalesce(%s, error('misfit')) ELSE CAST(%s AS %s) END", fraction,
            whole, cell, type)};
}

/* '1e400' is infinite to DuckDB; only a text that says so is that. */
static struct conversion to_float(struct arena *a, const char *number, const char *type)
{
    const char *overflows = arena_printf(a,
        "(contains(%s, 'e') OR contains(%s, 'E') OR strlen(%s) > 38) AND isinf(TRY_CAST(%s AS %s)) "
        "AND NOT contains(lower(%s), 'inf')",
        number, number, number, number, type, number);

    return (struct conversion){
        .try = arena_printf(
            a, "CASE WHEN %s THEN NULL ELSE TRY_CAST(%s AS %s) END", overflows, number, type),
        .hard = arena_printf(a, "CASE WHEN %s THEN error('misfit') ELSE CAST(%s AS %s) END",
            overflows, number, type)};
}

/* No decimal has more digits, so that the text itself is looked at; one with an exponent may still
 * be rounded. */
static struct conversion to_widest(struct arena *a, const char *number, const char *type, int scale)
{
    const char *rounded = arena_printf(a,
        "(contains(%s, '.') AND regexp_full_match(%s, '[^.eE]*[.]\\d{%d}\\d*[1-9]0*'))", number,
        number, scale);

    return (struct conversion){
        .try =
            arena_printf(a, "CASE WHEN NOT %s THEN TRY_CAST(%s AS %s) END", rounded, number, type),
        .hard = arena_printf(
            a, "CASE WHEN %s THEN error('misfit') ELSE CAST(%s AS %s) END", rounded, number, type)};
}

/* DuckDB rounds '1.239' to two places; 1.230 fits, 1.239 does not. Compared is where the text may
 * have more places than the type: with a decimal of as many digits before the point. */
static struct conversion to_decimal(struct arena *a, const char *number, const char *type)
{
    int width = 0, scale = 0;
    const char *fits, *exact;

    if (sscanf(type, "DECIMAL(%d,%d)", &width, &scale) != 2)
        return plain(a, number, type);
    if (width >= 38)
        return to_widest(a, number, type, scale);
    fits = arena_printf(a, "strlen(%s) - instr(%s, '.') <= %d AND NOT contains(%s, '-')", number,
        number, scale, number);
    exact = arena_printf(a,
        "CASE WHEN TRY_CAST(%s AS DECIMAL(38,%d)) = TRY_CAST(%s AS %s) THEN TRY_CAST(%s AS %s) END",
        number, 38 - (width - scale), number, type, number, type);
    return (struct conversion){
        .try = arena_printf(
            a, "CASE WHEN %s THEN TRY_CAST(%s AS %s) ELSE %s END", fits, number, type, exact),
        .hard = arena_printf(a,
            "CASE WHEN %s THEN CAST(%s AS %s) WHEN %s IS NULL THEN NULL ELSE coalesce(%s, "
            "error('misfit')) END",
            fits, number, type, number, exact)};
}

static struct conversion to_fraction(
    const struct scan_plan *plan, const char *cell, const char *type)
{
    const bool comma = text_equal(plan->scan->csv.decimal, ",");
    struct arena *a = plan->arena;
    const char *number = comma ? arena_printf(a, "replace(%s, ',', '.')", cell) : cell;
    const struct conversion conversion =
        text_starts(type, "DECIMAL(") ? to_decimal(a, number, type) : to_float(a, number, type);

    if (!comma)
        return conversion;
    return soft(a, cell,
        arena_printf(a, "CASE WHEN contains(%s, '.') THEN NULL ELSE %s END", cell, conversion.try));
}

/* --- times
 * ------------------------------------------------------------------------------------------ */

/* Whether the text says its offset from UTC; a date alone ends like one. */
static const char *has_offset(struct arena *a, const char *cell)
{
    return arena_printf(
        a, "(strlen(%s) > 16 AND regexp_matches(%s, '(Z|[+-]\\d\\d(:?\\d\\d)?)$'))", cell, cell);
}

/* A naive timestamp in the extract's zone as one in UTC, naive again. */
static const char *to_utc(const struct scan_plan *plan, const char *naive)
{
    struct arena *a = plan->arena;

    if (!plan->scan->timezone)
        return naive;
    return arena_printf(
        a, "timezone('UTC', timezone(%s, %s))", literal(plan->scan->timezone, a), naive);
}

/* Digits of a second's fraction that the type keeps; -1: it is no type with a time. */
static int fraction_digits(const char *type)
{
    if (strcmp(type, "TIMESTAMP_S") == 0)
        return 0;
    if (strcmp(type, "TIMESTAMP_MS") == 0)
        return 3;
    if (strcmp(type, "TIMESTAMP_NS") == 0)
        return 9;
    return text_starts(type, "TIME") ? 6 : -1;
}

/* DuckDB cuts '10:00:00.1234567' after six places; .1234560 fits, .1234567 does not. */
static const char *too_fine(struct arena *a, const char *cell, int digits)
{
    return arena_printf(
        a, "(contains(%s, '.') AND regexp_matches(%s, '[.]\\d{%d}\\d*[1-9]'))", cell, cell, digits);
}

/* The value of a text that says its offset. */
static const char *from_offset(struct arena *a, const char *cell, const char *type)
{
    if (strcmp(type, "TIMESTAMP_NS") == 0)
        return arena_printf(a, "TRY_CAST(%s AS TIMESTAMP_NS)", cell); /* in UTC, all nine places */
    return arena_printf(a, "CAST(timezone('UTC', TRY_CAST(%s AS TIMESTAMPTZ)) AS %s)", cell, type);
}

/* A format may read more places than the type has: %n, %f. */
static struct conversion from_format(
    const struct scan_plan *plan, const char *cell, const char *type, const char *format)
{
    struct arena *a = plan->arena;
    const bool zoned = strstr(format, "%z") || strstr(format, "%Z");
    const char *read = arena_printf(a, "try_strptime(%s, %s)", cell, literal(format, a));
    const char *exact = zoned || (plan->scan->timezone && fraction_digits(type) > 6) ||
                                strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0
                            ? "TIMESTAMP"
                            : type;

    if (zoned)
        return soft(a, cell, arena_printf(a, "CAST(timezone('UTC', %s) AS %s)", read, type));
    return soft(a, cell,
        arena_printf(a, "CASE WHEN TRY_CAST(%s AS %s) = %s THEN CAST(%s AS %s) END", read, exact,
            read, to_utc(plan, read), type));
}

static struct conversion to_timestamp(
    const struct scan_plan *plan, const char *cell, const char *type, const char *format)
{
    struct arena *a = plan->arena;
    const int digits = fraction_digits(type);
    const bool nanoseconds = digits > 6 && !plan->scan->timezone;
    const char *naive, *try, *plain;

    if (format)
        return from_format(plan, cell, type, format);
    naive =
        to_utc(plan, arena_printf(a, "TRY_CAST(%s AS %s)", cell, nanoseconds ? type : "TIMESTAMP"));
    try = arena_printf(a,
        "CASE WHEN strlen(%s) <= 19 OR NOT %s THEN CASE WHEN NOT %s THEN CAST(%s AS %s) END WHEN "
        "NOT %s THEN %s END",
        cell, has_offset(a, cell), too_fine(a, cell, nanoseconds ? 9 : MIN(digits, 6)), naive, type,
        too_fine(a, cell, digits), from_offset(a, cell, type));
    if (plan->scan->timezone)
        return soft(a, cell, try);
    plain = arena_printf(
        a, digits ? "strlen(%s) <= 19" : "NOT contains(%s, '.') AND strlen(%s) <= 19", cell, cell);
    return (struct conversion){
        .try = arena_printf(
            a, "CASE WHEN %s THEN CAST(%s AS %s) ELSE %s END", plain, naive, type, try),
        .hard = arena_printf(a,
            "CASE WHEN %s THEN CAST(%s AS %s) WHEN %s IS NULL THEN NULL ELSE "
            "coalesce(%s, error('misfit')) END",
            plain, cell, type, cell, try)};
}

static struct conversion to_time(struct arena *a, const char *cell, const char *type)
{
    const char *fine = too_fine(a, cell, fraction_digits(type));

    return (struct conversion){
        .try = arena_printf(a, "CASE WHEN NOT %s THEN TRY_CAST(%s AS %s) END", fine, cell, type),
        .hard = arena_printf(
            a, "CASE WHEN %s THEN error('misfit') ELSE CAST(%s AS %s) END", fine, cell, type)};
}

/* A text with a time in it is a date only at midnight. */
static struct conversion to_date(const struct scan_plan *plan, const char *cell, const char *format)
{
    struct arena *a = plan->arena;

    if (format)
        return soft(a, cell,
            arena_printf(a, "CAST(try_strptime(%s, %s) AS DATE)", cell, literal(format, a)));
    return soft(a, cell,
        arena_printf(a,
            "CASE WHEN strlen(%s) <= 10 OR TRY_CAST(%s AS TIMESTAMP) = date_trunc('day', "
            "TRY_CAST(%s AS TIMESTAMP)) THEN TRY_CAST(%s AS DATE) END",
            cell, cell, cell, cell));
}

/* --- values that have a type
 * -------------------------------------------------------------------------- */

static struct conversion from_typed(const struct scan_plan *plan, const struct scan_column *column,
    const char *cell, const char *from)
{
    struct arena *a = plan->arena;

    if (text_starts(from, "TIMESTAMP") && !text_equal(from, "TIMESTAMP WITH TIME ZONE") &&
        text_starts(column->type, "TIMESTAMP") && plan->scan->timezone)
        return soft(a, cell,
            arena_printf(a, "CAST(%s AS %s)",
                to_utc(plan, arena_printf(a, "CAST(%s AS TIMESTAMP)", cell)), column->type));
    if (strcmp(from, column->type) == 0)
        return (struct conversion){.try = cell, .hard = cell, .fits_always = true};
    if (is_fraction(from) && is_integer(column->type))
        return soft(a, cell,
            arena_printf(a, "CASE WHEN %s = trunc(%s) THEN TRY_CAST(%s AS %s) END", cell, cell,
                cell, column->type));
    if (text_starts(from, "TIMESTAMP") && strcmp(column->type, "DATE") == 0)
        return soft(a, cell,
            arena_printf(a, "CASE WHEN %s = date_trunc('day', %s) THEN CAST(%s AS DATE) END", cell,
                cell, cell));
    if (text_starts(from, "TIMESTAMP_") && fraction_digits(from) > fraction_digits(column->type) &&
        fraction_digits(column->type) >= 0)
        return soft(a, cell,
            arena_printf(a, "CASE WHEN TRY_CAST(%s AS %s) = %s THEN TRY_CAST(%s AS %s) END", cell,
                text_starts(column->type, "TIMESTAMP_") ? column->type : "TIMESTAMP", cell, cell,
                column->type));
    if (text_starts(from, "DECIMAL(") && text_starts(column->type, "DECIMAL("))
        return soft(a, cell,
            arena_printf(a, "CASE WHEN TRY_CAST(%s AS %s) = %s THEN TRY_CAST(%s AS %s) END", cell,
                column->type, cell, cell, column->type));
    return plain(a, cell, column->type);
}

struct conversion convert_cell(const struct scan_plan *plan, const struct scan_column *column,
    const char *cell, const char *from)
{
    const char *type = column->type;

    if (from && strcmp(from, "VARCHAR") != 0)
        return from_typed(plan, column, cell, from);
    if (strcmp(type, "VARCHAR") == 0)
        return (struct conversion){.try = cell, .hard = cell, .fits_always = true};
    if (is_integer(type))
        return to_integer(plan->arena, cell, type);
    if (is_fraction(type))
        return to_fraction(plan, cell, type);
    if (text_starts(type, "TIMESTAMP"))
        return to_timestamp(plan, cell, type, column->format);
    if (text_starts(type, "TIME"))
        return to_time(plan->arena, cell, type);
    if (strcmp(type, "DATE") == 0)
        return to_date(plan, cell, column->format);
    if (strcmp(type, "JSON") == 0 || !strpbrk(type, "([") || !plan->reader->json)
        return plain(plan->arena, cell, type);
    return plain(
        plan->arena, arena_printf(plan->arena, "CAST(%s AS JSON)", cell), type); /* nested */
}
