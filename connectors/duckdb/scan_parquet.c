/* Parquet: columns have names and types; a contract casts them. */
#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/text.h"

static int layout(struct scan_plan *plan, struct scan_file *file, struct error *err)
{
    struct sql_schema schema;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM read_parquet(");
    scan_append_paths(&sql, file, 1);
    buffer_puts(&sql, ", hive_partitioning = false)");
    rc = statement_describe(plan->connection, sql.data, NULL, 0, plan->arena, &schema, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    file->count = schema.count;
    file->columns = arena_array(plan->arena, schema.count, sizeof(*file->columns));
    file->types = arena_array(plan->arena, schema.count, sizeof(*file->types));
    for (size_t i = 0; i < schema.count; i++) {
        file->columns[i] = scan_plan_column(plan, schema.columns[i].name);
        file->types[i] = schema.columns[i].type;
    }
    return 0;
}

static void append_select(const struct scan_plan *plan, const struct scan_file *files,
    size_t file_count, enum scan_mode mode, struct buffer *sql)
{
    buffer_puts(sql, "SELECT ");
    if (scan_has_file(plan, mode))
        buffer_puts(sql, "file_index AS __file, ");
    for (size_t i = 0; i < files->count; i++) {
        buffer_puts(sql, i ? ", " : "");
        text_append_sql_name(sql, plan->columns[files->columns[i]].name);
        buffer_printf(sql, " AS c%zu", i);
    }
    buffer_puts(sql, " FROM read_parquet(");
    scan_append_paths(sql, files, file_count);
    buffer_puts(sql, ", hive_partitioning = false)");
}

const struct scan_reader scan_parquet = {
    .layout = layout, .append_select = append_select, .typed = true};
