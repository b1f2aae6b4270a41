/* Data checks of a pipeline: what may be said about them, what follows from it, the rules. */
#include "config/pipeline_internal.h"
#include "runner/base/mem.h"

#include <string.h>

const char *const check_kind_names[] = {"not_null", "unique", "accepted_values", "row_count", "sql",
    "regex", "between", "foreign_key", "freshness", NULL};
const char *const severity_names[] = {"error", "warn", "quarantine", NULL};

static const struct option row_count_table[] = {
    {"min", OPTION_INT, offsetof(struct row_count_options, min), .preset = "0", .min = 0,
        .max = 9e15, .help = "Fewest rows"},
    {"max", OPTION_INT, offsetof(struct row_count_options, max), .min = 0, .max = 9e15,
        .help = "Most rows"},
    {"change", OPTION_TEXT, offsetof(struct row_count_options, change), .max = 32,
        .pattern = "^[0-9]+([.][0-9]+)?%$", .check = pipeline_check_change,
        .help = "Most that it may differ from the last run that committed: 50%"},
};
static const struct option_set row_count_set = OPTION_SET(
    "row_count", "How many rows there may be", struct row_count_options, row_count_table);

static const struct option foreign_key_table[] = {
    {"columns", OPTION_TEXTS, offsetof(struct foreign_key_options, columns), .min = 1, .max = 100,
        .flags = OPTION_REQUIRED,
        .help = "Columns that name a row of the other dataset; with a "
                "null in one of them they name none"},
    {"references", OPTION_TEXT, offsetof(struct foreign_key_options, references),
        .flags = OPTION_REQUIRED | OPTION_RAW, .pattern = "^[a-z0-9][a-z0-9_-]{0,254}$",
        .check = pipeline_check_name, .help = "The other dataset"},
    {"key", OPTION_TEXTS, offsetof(struct foreign_key_options, key), .min = 1, .max = 100,
        .help = "Its columns; default: of the same names"},
};
static const struct option_set foreign_key_set = OPTION_SET("foreign_key",
    "Values that must be there in another dataset", struct foreign_key_options, foreign_key_table);

static const struct option freshness_table[] = {
    {"column", OPTION_TEXT, offsetof(struct freshness_options, column), .flags = OPTION_REQUIRED,
        .help = "A date or a timestamp"},
    {"max_age", OPTION_DURATION, offsetof(struct freshness_options, max_age), .min = 1,
        .max = 3660 * 86400000.0, .flags = OPTION_REQUIRED,
        .help = "How old its newest value may be when the run is due"},
};
static const struct option_set freshness_set = OPTION_SET(
    "freshness", "How old the newest row may be", struct freshness_options, freshness_table);

static const struct option check_table[] = {
    {"not_null", OPTION_TEXTS, offsetof(struct check, not_null), .min = 1, .max = 1000,
        .help = "Columns without nulls"},
    {"unique", OPTION_TEXTS, offsetof(struct check, unique), .min = 1, .max = 1000,
        .help = "Columns that together are different in each row"},
    {"accepted_values", OPTION_TEXTS_BY_NAME, offsetof(struct check, accepted_values), .min = 1,
        .max = 1000, .flags = OPTION_NULLABLE,
        .help = "The only values of a column: {size: [Small, Medium, Large]}"},
    {"row_count", OPTION_OBJECT, offsetof(struct check, row_count), .fields = &row_count_set,
        .help = "How many rows there may be"},
    {"sql", OPTION_TEXT, offsetof(struct check, sql), .flags = OPTION_RAW,
        .help = "A SELECT of one row with one boolean, true where all is well"},
    {"regex", OPTION_PAIRS, offsetof(struct check, regex), .min = 1, .max = 1000,
        .help = "What the whole value of a column looks like: {code: \"[A-Z]{3}\"}"},
    {"between", OPTION_TEXTS_BY_NAME, offsetof(struct check, between), .min = 1, .max = 1000,
        .flags = OPTION_NULLABLE,
        .help = "Least and most: {delay: [-60, 2000], day: [2020-01-01, \"\"]}"},
    {"foreign_key", OPTION_OBJECT, offsetof(struct check, foreign_key), .fields = &foreign_key_set,
        .help = "Values that must be there in another dataset"},
    {"freshness", OPTION_OBJECT, offsetof(struct check, freshness), .fields = &freshness_set,
        .help = "How old the newest row may be"},
    {"name", OPTION_TEXT, offsetof(struct check, title), .max = 255, .flags = OPTION_RAW,
        .help = "What reports call it"},
    {"severity", OPTION_ENUM, offsetof(struct check, severity), .preset = "error",
        .choices = severity_names,
        .help = "error: nothing is committed; warn: told; quarantine: the rows are set aside"},
};
const struct option_set pipeline_check_set = {
    .name = "check",
    .help = "A condition on the rows about to be committed",
    .options = check_table,
    .count = ARRAY_LENGTH(check_table),
    .size = sizeof(struct check),
    .one_of = check_kind_names,
};

/* --- what follows --- */

static void join(struct buffer *title, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buffer_printf(title, "%s%s", i ? ", " : "", list->items[i]);
}

static bool says_bounds(const struct pipeline *pipeline, const struct row_count_options *rows)
{
    return pipeline_is_set(pipeline, &rows->min) || pipeline_is_set(pipeline, &rows->max) ||
           !rows->change;
}

static const char *title_of(struct pipeline *pipeline, const struct check *check)
{
    struct buffer title;
    const char *own;

    buffer_init(&title, 200);
    buffer_printf(&title, "%s(", check_kind_names[check->kind]);
    if (check->kind == CHECK_NOT_NULL)
        join(&title, &check->not_null);
    else if (check->kind == CHECK_UNIQUE)
        join(&title, &check->unique);
    for (size_t i = 0; i < check->accepted_values.count; i++)
        buffer_printf(&title, "%s%s", i ? ", " : "", check->accepted_values.items[i].name);
    if (check->kind == CHECK_ROW_COUNT && !says_bounds(pipeline, &check->row_count))
        buffer_printf(&title, "change of %s", check->row_count.change);
    else if (check->kind == CHECK_ROW_COUNT && check->row_count.max >= 0)
        buffer_printf(&title, "%lld to %lld", (long long)check->row_count.min,
            (long long)check->row_count.max);
    else if (check->kind == CHECK_ROW_COUNT)
        buffer_printf(&title, "%lld or more", (long long)check->row_count.min);
    for (size_t i = 0; i < check->regex.count; i++)
        buffer_printf(&title, "%s%s", i ? ", " : "", check->regex.items[i].name);
    for (size_t i = 0; i < check->between.count; i++)
        buffer_printf(&title, "%s%s", i ? ", " : "", check->between.items[i].name);
    if (check->kind == CHECK_FOREIGN_KEY) {
        join(&title, &check->foreign_key.columns);
        buffer_printf(&title, " in %s", check->foreign_key.references);
    } else if (check->kind == CHECK_FRESHNESS) {
        buffer_puts(&title, check->freshness.column ? check->freshness.column : "");
    }
    if (check->kind == CHECK_SQL)
        buffer_printf(&title, "%.*s", (int)strcspn(check->sql ? check->sql : "", "\n"),
            check->sql ? check->sql : "");
    buffer_puts(&title, ")");
    own = arena_strdup(&pipeline->arena, title.data);
    buffer_deinit(&title);
    return own;
}

void pipeline_finish_checks(struct pipeline *pipeline, const struct option_items *checks)
{
    struct check *all = checks->items;

    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &all[i];
        const bool there[] = {pipeline_is_set(pipeline, &check->not_null),
            pipeline_is_set(pipeline, &check->unique),
            pipeline_is_set(pipeline, &check->accepted_values),
            pipeline_has_map(pipeline, &check->row_count), pipeline_is_set(pipeline, &check->sql),
            pipeline_is_set(pipeline, &check->regex), pipeline_is_set(pipeline, &check->between),
            pipeline_has_map(pipeline, &check->foreign_key),
            pipeline_has_map(pipeline, &check->freshness)};

        for (size_t kind = 0; kind < ARRAY_LENGTH(there); kind++) {
            if (there[kind])
                check->kind = (enum check_kind)kind;
        }
        if (!pipeline_is_set(pipeline, &check->row_count.max))
            check->row_count.max = -1;
        check->row_count.change_share = -1;
        if (check->row_count.change) /* fails only where ${…} is still in it */
            pipeline_parse_percent(check->row_count.change, &check->row_count.change_share, NULL);
        if (check->foreign_key.key.count == 0)
            check->foreign_key.key = check->foreign_key.columns;
        if (!check->title)
            check->title = title_of(pipeline, check);
    }
}

/* --- the rules --- */

static void validate_keys(
    struct pipeline_reader *reader, const char *address, const struct check *check)
{
    const struct foreign_key_options *foreign = &check->foreign_key;

    for (size_t i = 0; i < check->between.count; i++) {
        const struct option_named_texts *bounds = &check->between.items[i];

        if (bounds->texts.count != 2)
            diagnostics_error(reader->problems, reader->pipeline->path, bounds->mark,
                "%s.between.%s: takes two bounds: [least, most]; \"\" leaves one open", address,
                bounds->name);
        else if (!bounds->texts.items[0][0] && !bounds->texts.items[1][0])
            diagnostics_error(reader->problems, reader->pipeline->path, bounds->mark,
                "%s.between.%s: both bounds are open; say one at least", address, bounds->name);
    }
    if (foreign->key.count != foreign->columns.count)
        pipeline_fail(reader, &foreign->key,
            "%s.foreign_key.key: names %zu column%s, columns names %zu; they go in pairs", address,
            foreign->key.count, foreign->key.count == 1 ? "" : "s", foreign->columns.count);
}

static void validate_check(
    struct pipeline_reader *reader, const char *address, const struct check *check)
{
    const struct row_count_options *rows = &check->row_count;
    const bool row_wise = check->kind != CHECK_ROW_COUNT && check->kind != CHECK_SQL &&
                          check->kind != CHECK_FRESHNESS;

    pipeline_validate_repeats(reader, address, &check->not_null);
    pipeline_validate_repeats(reader, address, &check->unique);
    if (check->severity == SEVERITY_QUARANTINE && !row_wise)
        pipeline_fail(reader, &check->severity,
            "%s.severity: %s is about all rows at once, none of them can be quarantined; choose "
            "error or warn",
            address, check_kind_names[check->kind]);
    validate_keys(reader, address, check);
    if (!pipeline_has_map(reader->pipeline, rows))
        return;
    if (!pipeline_is_set(reader->pipeline, &rows->min) &&
        !pipeline_is_set(reader->pipeline, &rows->max) && !rows->change)
        pipeline_fail(reader, rows, "%s.row_count: needs min, max or change", address);
    if (rows->max >= 0 && rows->min > rows->max)
        pipeline_fail(reader, &rows->min, "%s.row_count.min: %lld is more than max, %lld", address,
            (long long)rows->min, (long long)rows->max);
}

void pipeline_validate_checks(
    struct pipeline_reader *reader, const char *address, const struct option_items *checks)
{
    const struct check *all = checks->items;

    for (size_t i = 0; i < checks->count; i++) {
        char *own = mem_printf("%s.checks[%zu]", address, i + 1);

        validate_check(reader, own, &all[i]);
        free(own);
    }
}
