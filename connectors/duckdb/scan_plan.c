#include "connectors/duckdb/scan_plan.h"

#include "connectors/duckdb/infer.h"
#include "connectors/duckdb/metadata.h"
#include "connectors/duckdb/parse.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

/* --- columns -------------------------------------------------------------------------------------
 */

size_t scan_plan_column(struct scan_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcasecmp(plan->columns[i].name, name) == 0)
            return i;
    }
    plan->columns = mem_grow(plan->columns, &plan->capacity, plan->count, sizeof(*plan->columns));
    plan->columns[plan->count] = (struct scan_column){.name = arena_strdup(plan->arena, name)};
    return plan->count++;
}

void scan_plan_member(struct scan_plan *plan, const char *name)
{
    const size_t column = scan_plan_column(plan, name);

    if (strcmp(plan->columns[column].name, name) == 0)
        return;
    for (size_t i = 0; i < plan->alias_count; i++) {
        if (strcmp(plan->aliases[i].name, name) == 0)
            return;
    }
    plan->aliases =
        mem_grow(plan->aliases, &plan->alias_capacity, plan->alias_count, sizeof(*plan->aliases));
    plan->aliases[plan->alias_count++] =
        (struct scan_alias){.column = column, .name = arena_strdup(plan->arena, name)};
}

/* A type is pasted into statements: only what a type is written with gets there. */
static bool is_type_text(const char *type)
{
    int depth = 0;

    for (const char *at = type; *at; at++) {
        const bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');

        depth += (*at == '(') - (*at == ')');
        if (depth < 0 || (!letter && !strchr("0123456789_ ,()[]\"'", *at)))
            return false;
    }
    return depth == 0 && *type;
}

/* The engine's own name of the type: "decimal(10,2)" is DECIMAL(10,2). */
static int canonical_type(struct scan_plan *plan, const struct sql_column *column,
    const char **ret_type, struct error *err)
{
    duckdb_result result;
    struct error why;

    if (!is_type_text(column->type) ||
        statement_query(plan->connection,
            arena_printf(plan->arena, "SELECT typeof(CAST(NULL AS %s))", column->type), &result,
            &why))
        return error_set(err, ERROR_INVALID,
            "columns: \"%s\": %s is no type; known are boolean, integer, bigint, double, "
            "\"decimal(10,2)\", varchar, date, time, timestamp, timestamptz, json, uuid, …",
            column->name, column->type);
    *ret_type = statement_cell(&result, 0, 0, plan->arena);
    duckdb_destroy_result(&result);
    return 0;
}

static bool in_file(const struct scan_plan *plan, const struct scan_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strcasecmp(plan->columns[file->columns[i]].name, name) == 0)
            return true;
    }
    return false;
}

/* "the file has: a, b, c", the nearest name first, at most a dozen. */
static int missing(
    const struct scan_plan *plan, const struct scan_file *file, const char *name, struct error *err)
{
    const char **names = arena_array(plan->arena, file->count + 1, sizeof(*names));
    const char *nearest;
    struct buffer list;

    for (size_t i = 0; i < file->count; i++)
        names[i] = plan->columns[file->columns[i]].name;
    nearest = text_nearest(name, names);
    buffer_init(&list, 0);
    if (nearest)
        buffer_printf(&list, "\"%s\"", nearest);
    for (size_t i = 0, shown = nearest != NULL; i < file->count && shown < 12; i++) {
        if (names[i] == nearest)
            continue;
        buffer_printf(&list, "%s\"%s\"", list.length ? ", " : "", names[i]);
        shown++;
    }
    error_set(err, ERROR_DATA, "%s: column \"%s\" is missing; the file has: %s%s",
        file->source->object, name, list.data, file->count > 12 ? ", …" : "");
    buffer_deinit(&list);
    return -1;
}

/* The contract's columns must be in every file; in JSON a row may lack any. */
static int apply_contract(struct scan_plan *plan, struct error *err)
{
    const struct sql_scan *scan = plan->scan;

    for (size_t c = 0; c < scan->contract_count; c++) {
        const char *name = scan->contract[c].name;
        const char *type = NULL;
        size_t index;

        if (canonical_type(plan, &scan->contract[c], &type, err))
            return -1;
        for (size_t i = 0; i < scan->source_count && !plan->reader->json; i++) {
            if (!plan->files[i].empty && !in_file(plan, &plan->files[i], name))
                return missing(plan, &plan->files[i], name, err);
        }
        index = scan_plan_column(plan, name);
        plan->columns[index].type = type;
        plan->columns[index].contracted = true;
    }
    return 0;
}

/* --- files
 * ----------------------------------------------------------------------------------------- */

bool scan_has_file(const struct scan_plan *plan, enum scan_mode mode)
{
    return mode == SCAN_SIFT || (mode == SCAN_FAST && plan->scan->run_id);
}

bool scan_file_alike(const struct scan_file *a, const struct scan_file *b)
{
    if (a->count != b->count || a->marked_array != b->marked_array ||
        a->source->compression != b->source->compression ||
        memcmp(a->columns, b->columns, a->count * sizeof(*a->columns)) != 0)
        return false;
    for (size_t i = 0; a->types && i < a->count; i++) {
        if (strcmp(a->types[i], b->types[i]) != 0)
            return false;
    }
    return true;
}

void scan_append_paths(struct buffer *sql, const struct scan_file *files, size_t file_count)
{
    for (size_t i = 0; i < file_count; i++) {
        buffer_puts(sql, i ? ", " : "[");
        text_append_sql_literal(sql, files[i].source->path);
    }
    buffer_putc(sql, ']');
}

void scan_append_compression(struct buffer *sql, const struct scan_file *file)
{
    static const char *const names[] = {[COMPRESSION_NONE] = "uncompressed",
        [COMPRESSION_GZIP] = "gzip",
        [COMPRESSION_ZSTD] = "zstd"};

    if (file->source->compression != COMPRESSION_AUTO)
        buffer_printf(sql, ", compression = '%s'", names[file->source->compression]);
}

/* A JSON value has its columns by name: each file has all of them. */
static void widen_json(struct scan_plan *plan)
{
    for (size_t i = 0; i < plan->scan->source_count; i++) {
        struct scan_file *file = &plan->files[i];

        file->count = plan->count;
        file->columns = arena_array(plan->arena, plan->count, sizeof(*file->columns));
        for (size_t c = 0; c < plan->count; c++)
            file->columns[c] = c;
    }
}

static const struct scan_reader *reader_of(enum file_format format)
{
    switch (format) {
    case FORMAT_CSV:
        return &scan_csv;
    case FORMAT_JSON:
    case FORMAT_NDJSON:
        return &scan_json;
    case FORMAT_PARQUET:
        return &scan_parquet;
    case FORMAT_ARROW:
    case FORMAT_AUTO:
        break;
    }
    return NULL;
}

static int read_layouts(struct scan_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->scan->source_count; i++) {
        plan->files[i].source = &plan->scan->sources[i];
        if (plan->reader->layout(plan, &plan->files[i], err))
            return error_prefix(err, "%s", plan->scan->sources[i].object);
    }
    return 0;
}

int scan_plan_init(struct scan_plan *plan, const struct sql_scan *scan,
    duckdb_connection connection, struct arena *arena, struct error *err)
{
    *plan = (struct scan_plan){.scan = scan,
        .reader = reader_of(scan->format),
        .connection = connection,
        .arena = arena,
        .files = arena_array(arena, scan->source_count, sizeof(*plan->files))};
    if (!plan->reader)
        return error_set(
            err, ERROR_INVALID, "the format of the files is not known: say format: csv, …");
    if (read_layouts(plan, err) || metadata_check(plan, err) || apply_contract(plan, err))
        return -1;
    if (plan->reader->json)
        widen_json(plan);
    if (plan->count == 0)
        return error_set(err, scan->source_count ? ERROR_DATA : ERROR_INVALID,
            "%s: there are no columns%s: list them under columns, with their types",
            scan->source_count ? scan->sources[0].object : "nothing to read",
            plan->reader->json ? ", for no JSON object can be read in it" : "");
    return infer_types(plan, err);
}

void scan_plan_deinit(struct scan_plan *plan)
{
    free(plan->columns);
    free(plan->aliases);
    plan->columns = NULL;
    plan->aliases = NULL;
}
