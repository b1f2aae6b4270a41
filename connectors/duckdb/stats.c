/* DuckDB gives MAP(column, MAP(name, value)), all texts, a column by its quoted path; a nested one
 * is there by its leaves only. Where its bounds could be tighter than the truth they are mended, or
 * left out. */
#include "connectors/duckdb/stats.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

/* Row `row` of a MAP vector: where its entries begin in keys and values. */
struct entries {
    duckdb_vector keys, values;
    idx_t first, count;
};

static struct entries entries_of(duckdb_vector map, idx_t row)
{
    duckdb_vector pairs = duckdb_list_vector_get_child(map);
    const duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(map))[row];

    return (struct entries){.keys = duckdb_struct_vector_get_child(pairs, 0),
        .values = duckdb_struct_vector_get_child(pairs, 1),
        .first = entry.offset,
        .count = entry.length};
}

/* NULL where the text is none that a C string can hold whole. */
static const char *text_at(duckdb_vector vector, idx_t row, struct arena *arena)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    duckdb_string_t *string = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
    const char *data;
    uint32_t length;

    if (validity && !duckdb_validity_row_is_valid(validity, row))
        return NULL;
    data = duckdb_string_t_data(string);
    length = duckdb_string_t_length(*string);
    for (size_t at = 0, step; at < length; at += step) {
        step = text_utf8_length(data + at, length - at);
        if (step == 0 || data[at] == '\0')
            return NULL;
    }
    return arena_strndup(arena, data, length);
}

static bool is_floating(const char *type)
{
    return strcmp(type, "FLOAT") == 0 || strcmp(type, "DOUBLE") == 0;
}

/* Parquet's bounds do not tell -0.0 from 0.0. A FLOAT's shortest text is another number once it is
 * read as DOUBLE, which a column may be widened to: the exact one is given. */
static const char *floating_bound(
    const char *text, const char *type, bool is_min, struct arena *arena)
{
    if (!text || strstr(text, "inf"))
        return text;
    if (strtod(text, NULL) == 0)
        return is_min ? "-0.0" : "0.0";
    if (strcmp(type, "FLOAT") == 0)
        return arena_printf(arena, "%.17g", (double)strtof(text, NULL));
    return text;
}

static struct sql_stats read_column(
    duckdb_vector map, idx_t row, const struct sql_column *column, struct arena *arena)
{
    const struct entries entries = entries_of(map, row);
    struct sql_stats stats = {.nulls = -1};
    bool has_nan = false;

    for (idx_t i = entries.first; i < entries.first + entries.count; i++) {
        const char *name = text_at(entries.keys, i, arena);
        const char *value = text_at(entries.values, i, arena);

        if (text_equal(name, "min"))
            stats.min = value;
        else if (text_equal(name, "max"))
            stats.max = value;
        else if (text_equal(name, "null_count") && value)
            stats.nulls = strtoll(value, NULL, 10);
        else if (text_equal(name, "has_nan"))
            has_nan = !text_equal(value, "false");
    }
    /* Bytes come as hexadecimal digits, which is no text of such a value. */
    if (has_nan || strcmp(column->type, "BLOB") == 0)
        stats.min = stats.max = NULL;
    if (is_floating(column->type)) {
        stats.min = floating_bound(stats.min, column->type, true, arena);
        stats.max = floating_bound(stats.max, column->type, false, arena);
    }
    return stats;
}

static size_t find_column(const struct sql_schema *schema, const char *path)
{
    struct buffer name;
    size_t i = 0;

    buffer_init(&name, 0);
    for (; path && i < schema->count; i++) {
        buffer_clear(&name);
        text_append_sql_name(&name, schema->columns[i].name);
        if (strcmp(name.data, path) == 0)
            break;
    }
    buffer_deinit(&name);
    return path ? i : schema->count;
}

static idx_t find_statistics(duckdb_result *copied, const char *name)
{
    idx_t column = 0;

    while (column < duckdb_column_count(copied) &&
           strcmp(duckdb_column_name(copied, column), name) != 0)
        column++;
    return column;
}

/* Of one file. */
static const struct sql_stats *read_file(duckdb_data_chunk chunk, idx_t column, idx_t row,
    const struct sql_schema *schema, struct arena *arena)
{
    struct sql_stats *stats = arena_array(arena, schema->count, sizeof(*stats));

    for (size_t i = 0; i < schema->count; i++)
        stats[i].nulls = -1;
    if (chunk && row < duckdb_data_chunk_get_size(chunk)) {
        const struct entries columns = entries_of(duckdb_data_chunk_get_vector(chunk, column), row);

        for (idx_t i = columns.first; i < columns.first + columns.count; i++) {
            const size_t at = find_column(schema, text_at(columns.keys, i, arena));

            if (at < schema->count)
                stats[at] = read_column(columns.values, i, &schema->columns[at], arena);
        }
    }
    return stats;
}

const struct sql_stats *stats_read(
    duckdb_result *copied, const struct sql_schema *schema, struct arena *arena)
{
    const idx_t column = find_statistics(copied, "column_statistics");
    duckdb_data_chunk chunk =
        column < duckdb_column_count(copied) ? duckdb_fetch_chunk(*copied) : NULL;
    const struct sql_stats *stats = read_file(chunk, column, 0, schema, arena);

    duckdb_destroy_data_chunk(&chunk);
    return stats;
}

void stats_read_files(duckdb_result *copied, const struct sql_schema *schema, struct arena *arena,
    struct stats_file **ret_files, size_t *ret_count)
{
    const idx_t paths = find_statistics(copied, "filename");
    const idx_t counts = find_statistics(copied, "count");
    const idx_t sizes = find_statistics(copied, "file_size_bytes");
    const idx_t columns = find_statistics(copied, "column_statistics");
    const size_t most = (size_t)duckdb_row_count(copied);
    struct stats_file *files = arena_array(arena, most, sizeof(*files));
    size_t count = 0;
    duckdb_data_chunk chunk;

    while ((chunk = duckdb_fetch_chunk(*copied))) {
        const uint64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, counts));
        const uint64_t *bytes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, sizes));

        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk) && count < most; i++)
            files[count++] = (struct stats_file){
                .path = text_at(duckdb_data_chunk_get_vector(chunk, paths), i, arena),
                .rows = (int64_t)rows[i],
                .bytes = bytes[i],
                .stats = read_file(chunk, columns, i, schema, arena)};
        duckdb_destroy_data_chunk(&chunk);
    }
    *ret_files = files;
    *ret_count = count;
}
