#include "runner/cli/rows_private.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

const char *const rows_format_names[] = {"table", "csv", "ndjson", "json", NULL};

/* --- types --- */

static bool is_number(const char *type)
{
    static const char *const names[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "BIGNUM",
        "VARINT"};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(type, names[i]) == 0)
            return true;
    }
    return text_starts(type, "DECIMAL(");
}

enum rows_kind rows_kind_of(const char *type)
{
    /* First, because a list of numbers is no number: DECIMAL(10,2)[]. */
    if (text_ends(type, "]") || text_starts(type, "STRUCT(") || text_starts(type, "MAP(") ||
        text_starts(type, "UNION(") || strcmp(type, "JSON") == 0 || strcmp(type, "VARIANT") == 0)
        return ROWS_NESTED;
    if (is_number(type))
        return ROWS_NUMBER;
    return strcmp(type, "BOOLEAN") == 0 ? ROWS_BOOLEAN : ROWS_TEXT;
}

/* --- columns --- */

static bool is_taken(const struct rows_writer *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

static const char *unique_name(struct rows_writer *rows, size_t count, const char *name)
{
    const char *unique = name;

    for (unsigned n = 1; is_taken(rows, count, unique); n++)
        unique = arena_printf(&rows->arena, "%s_%u", name, n);
    return unique == name ? arena_strdup(&rows->arena, name) : unique;
}

static void begin(struct rows_writer *rows, const struct sql_schema *schema)
{
    rows->begun = true;
    rows->column_count = rows->shown = schema->count;
    rows->columns = arena_array(&rows->arena, schema->count, sizeof(*rows->columns));
    for (size_t i = 0; i < schema->count; i++) {
        struct rows_column *column = &rows->columns[i];

        column->name = unique_name(rows, i, schema->columns[i].name);
        column->type = arena_strdup(&rows->arena, schema->columns[i].type);
        column->kind = rows_kind_of(column->type);
    }
    if (rows->options.format != ROWS_TABLE)
        rows_text_begin(rows);
}

/* --- the writer --- */

struct rows_writer *rows_new(const struct rows_options *options)
{
    struct rows_writer *rows = mem_new(struct rows_writer);

    rows->options = *options;
    arena_init(&rows->arena);
    arena_init(&rows->sample.arena);
    buffer_init(&rows->line, SIZE_MAX / 2); /* one value may be larger than any limit of ours */
    return rows;
}

void rows_flush(struct rows_writer *rows)
{
    fwrite(rows->line.data, 1, rows->line.length, rows->options.out);
    buffer_clear(&rows->line);
}

bool rows_write(struct rows_writer *rows, const struct sql_schema *schema, const char *const *cells,
    size_t row_count)
{
    enum { FLUSH_BYTES = 256 * 1024 };

    if (!rows->begun)
        begin(rows, schema);
    for (size_t i = 0; i < row_count; i++) {
        const char *const *row = cells + i * rows->column_count;

        if (rows->options.format == ROWS_TABLE)
            rows_table_row(rows, row);
        else
            rows_text_row(rows, row);
        rows->row_count++;
        if (rows->line.length > FLUSH_BYTES)
            rows_flush(rows);
    }
    rows_flush(rows);
    return !ferror(rows->options.out);
}

void rows_abandon(struct rows_writer *rows)
{
    if (!rows)
        return;
    buffer_deinit(&rows->line);
    free(rows->sample.cells);
    arena_deinit(&rows->sample.arena);
    arena_deinit(&rows->arena);
    free(rows);
}

int64_t rows_end(struct rows_writer *rows)
{
    const int64_t count = rows ? rows->row_count : 0;

    if (rows && rows->begun) {
        if (rows->options.format == ROWS_TABLE)
            rows_table_end(rows);
        else
            rows_text_end(rows);
        rows_flush(rows);
    }
    rows_abandon(rows);
    return count;
}
