#include "connectors/duckdb/schema.h"

#include "connectors/duckdb/metadata.h"
#include "connectors/duckdb/parts.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void schema_append_name(struct buffer *sql, const struct sql_dataset *dataset)
{
    if (dataset->space) {
        text_append_sql_name(sql, dataset->space);
        buffer_putc(sql, '.');
    }
    text_append_sql_name(sql, dataset->name);
}

const struct sql_column *schema_find(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return &schema->columns[i];
    }
    return NULL;
}

bool schema_is_untyped(const struct sql_column *column)
{
    return strcmp(column->type, "NULL") == 0;
}

bool schema_is_integer(const char *type)
{
    static const char *const types[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT",
        "USMALLINT", "UINTEGER", "UBIGINT", NULL};

    for (const char *const *t = types; *t; t++) {
        if (strcasecmp(type, *t) == 0)
            return true;
    }
    return false;
}

const char *schema_quoted(const char *name, struct arena *arena)
{
    struct buffer text;
    const char *copy;

    buffer_init(&text, 0);
    text_append_sql_name(&text, name);
    copy = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return copy;
}

void schema_append_path(struct buffer *sql, const char *path)
{
    struct buffer pattern;

    buffer_init(&pattern, 0);
    for (const char *at = path; *at; at++)
        buffer_printf(&pattern, strchr("*?[", *at) ? "[%c]" : "%c", *at);
    text_append_sql_literal(sql, pattern.data);
    buffer_deinit(&pattern);
}

void schema_append_files(struct buffer *sql, const struct text_list *files, bool unite)
{
    buffer_puts(sql, "read_parquet([");
    for (size_t i = 0; i < files->count; i++) {
        if (i)
            buffer_puts(sql, ", ");
        schema_append_path(sql, files->items[i]);
    }
    buffer_printf(
        sql, "], union_by_name = %s, hive_partitioning = false)", unite ? "true" : "false");
}

/* `stored` is what the files have; NULL: there are none. */
static void append_columns(
    struct buffer *sql, const struct sql_schema *schema, const struct sql_schema *stored)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct sql_column *column = &schema->columns[i];

        buffer_puts(sql, i ? ", " : "");
        if (schema_is_untyped(column)) {
            buffer_puts(sql, "NULL");
        } else {
            buffer_puts(sql, "CAST(");
            if (stored && schema_find(stored, column->name))
                text_append_sql_name(sql, column->name);
            else
                buffer_puts(sql, "NULL");
            buffer_printf(sql, " AS %s)", column->type);
        }
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, column->name);
    }
}

static int stored_schema(duckdb_connection connection, const struct text_list *files,
    struct arena *arena, struct sql_schema *ret_schema, struct error *err)
{
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM ");
    schema_append_files(&sql, files, true);
    rc = statement_describe(connection, sql.data, NULL, 0, arena, ret_schema, err);
    buffer_deinit(&sql);
    return rc;
}

static int append_select(duckdb_connection connection, const struct sql_dataset *dataset,
    struct buffer *sql, struct error *err)
{
    struct sql_schema stored = {0};
    struct arena arena;
    int rc = 0;

    buffer_puts(sql, "SELECT ");
    if (dataset->files.count == 0) {
        append_columns(sql, &dataset->schema, NULL);
        buffer_puts(sql, " WHERE false");
        return 0;
    }
    arena_init(&arena);
    if (dataset->schema.count == 0)
        buffer_puts(sql, "*");
    else if (!(rc = stored_schema(connection, &dataset->files, &arena, &stored, err)))
        append_columns(sql, &dataset->schema, &stored);
    buffer_puts(sql, " FROM ");
    schema_append_files(sql, &dataset->files, true);
    if (dataset->where)
        buffer_printf(sql, " WHERE %s", dataset->where);
    arena_deinit(&arena);
    return rc;
}

static bool is_table(const struct sql_dataset *dataset)
{
    return dataset->part_count || dataset->merge.keep_deletes || dataset->with_changes ||
           dataset->with_origins;
}

int schema_make_view(
    duckdb_connection connection, const struct sql_dataset *dataset, struct error *err)
{
    struct buffer sql;
    int rc;

    if (dataset->files.count == 0 && dataset->part_count == 0 && dataset->schema.count == 0)
        return error_set(
            err, ERROR_INVALID, "%s: a dataset without files and columns", dataset->name);
    buffer_init(&sql, 0);
    if (dataset->space) {
        buffer_puts(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        text_append_sql_name(&sql, dataset->space);
        buffer_puts(&sql, "; ");
    }
    buffer_puts(&sql, "CREATE OR REPLACE VIEW ");
    schema_append_name(&sql, dataset);
    buffer_puts(&sql, " AS ");
    metadata_append_before(dataset, &sql);
    rc = is_table(dataset) ? parts_append_select(connection, dataset, &sql, err)
                           : append_select(connection, dataset, &sql, err);
    metadata_append_after(dataset, &sql);
    if (!rc && sql.overflowed)
        rc = error_set(err, ERROR_LIMIT, "its files are too many");
    if (!rc)
        rc = statement_run(connection, sql.data, err);
    buffer_deinit(&sql);
    return rc ? error_prefix(err, "%s", dataset->name) : 0;
}

int schema_make_numbered(duckdb_connection connection, const struct sql_dataset *dataset,
    const char *name, struct error *err)
{
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "CREATE OR REPLACE VIEW ");
    text_append_sql_name(&sql, name);
    buffer_puts(&sql, " AS SELECT ");
    append_columns(&sql, &dataset->schema, &dataset->schema);
    buffer_puts(&sql, ", file_row_number AS __sluice_row FROM read_parquet(");
    schema_append_path(&sql, dataset->files.items[0]);
    buffer_puts(&sql, ", hive_partitioning = false, file_row_number = true)");
    rc = statement_run(connection, sql.data, err);
    buffer_deinit(&sql);
    return rc ? error_prefix(err, "%s", dataset->name) : 0;
}

const char *schema_select_all(const char *dataset, struct arena *arena)
{
    struct buffer sql;
    const char *text;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM ");
    text_append_sql_name(&sql, dataset);
    text = arena_strdup(arena, sql.data);
    buffer_deinit(&sql);
    return text;
}

int schema_check_storable(const struct sql_schema *schema, struct error *err)
{
    static const struct {
        const char *type, *instead;
    } refused[] = {{"HUGEINT", "DECIMAL(38,0), BIGINT or DOUBLE"},
        {"UHUGEINT", "DECIMAL(38,0), BIGINT or DOUBLE"}, {"BIGNUM", "DECIMAL(38,0) or VARCHAR"},
        {"VARINT", "DECIMAL(38,0) or VARCHAR"}, {"BIT", "VARCHAR"}, {"UNION", "one type"},
        {"TIME WITH TIME ZONE", "TIME"}, {"INTERVAL", "VARCHAR or a number"},
        {"VARIANT", "JSON or VARCHAR"}, {"GEOMETRY", "VARCHAR or BLOB"}};

    for (size_t i = 0; i < schema->count; i++) {
        const char *type = schema->columns[i].type;

        for (size_t k = 0; k < ARRAY_LENGTH(refused); k++) {
            /* Inside of a LIST or STRUCT it would be bent just as well. */
            const char *at = strstr(type, refused[k].type);
            const size_t length = strlen(refused[k].type);

            if (at && (at == type || strchr(" (,", at[-1])) &&
                (!at[length] || strchr("[](), ", at[length])))
                return error_set(err, ERROR_SQL,
                    "column \"%s\" is %s, which Parquet files cannot hold: cast it to %s",
                    schema->columns[i].name, type, refused[k].instead);
        }
    }
    return 0;
}

static void add_path(struct sql_dataset *dataset, const char *path, struct arena *arena)
{
    const size_t count = dataset->files.count;

    if ((count & (count - 1)) == 0) { /* full: it has room for a power of two */
        const char **items = arena_array(arena, MAX(2 * count, 1), sizeof(*items));

        if (count)
            memcpy(items, dataset->files.items, count * sizeof(*items));
        dataset->files.items = items;
    }
    dataset->files.items[dataset->files.count++] = path;
}

int schema_add_file(struct sql_dataset *dataset, const char *folder, const char *name, int64_t rows,
    struct arena *arena, struct error *err)
{
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    struct stat info;

    if (stat(path, &info))
        return error_set_errno(err, errno, "%s", path);
    dataset->rows += rows;
    dataset->bytes += (uint64_t)info.st_size;
    add_path(dataset, path, arena);
    return 0;
}

void schema_copy(struct arena *arena, const struct sql_schema *from, struct sql_schema *to)
{
    struct sql_column *columns = arena_array(arena, from->count, sizeof(*columns));

    for (size_t i = 0; i < from->count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = arena_strdup(arena, from->columns[i].name);
        columns[i].type = arena_strdup(arena, from->columns[i].type);
    }
    to->columns = columns;
    to->count = from->count;
}

void schema_copy_dataset(
    struct arena *arena, const struct sql_dataset *from, struct sql_dataset *to)
{
    struct sql_dataset copy = {.rows = from->rows, .bytes = from->bytes};

    copy.name = arena_strdup(arena, from->name);
    copy.where = from->where ? arena_strdup(arena, from->where) : NULL;
    copy.space = from->space ? arena_strdup(arena, from->space) : NULL;
    schema_copy(arena, &from->schema, &copy.schema);
    copy.files.count = from->files.count;
    copy.files.items = arena_array(arena, from->files.count, sizeof(*copy.files.items));
    for (size_t i = 0; i < from->files.count; i++)
        copy.files.items[i] = arena_strdup(arena, from->files.items[i]);
    *to = copy;
}
