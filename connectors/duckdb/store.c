#include "connectors/duckdb/store.h"

#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

/* What a column is stored as where Parquet would bend it; NULL: as it is. The view casts back. */
static const char *stored_type(const char *type)
{
    static const char *const as_text[] = {"BIT", "BIGNUM", "INTERVAL", "TIME WITH TIME ZONE"};

    if (strcmp(type, "HUGEINT") == 0 || strcmp(type, "UHUGEINT") == 0)
        return "DECIMAL(38,0)";
    for (size_t i = 0; i < ARRAY_LENGTH(as_text); i++) {
        if (strcmp(type, as_text[i]) == 0)
            return "VARCHAR";
    }
    return NULL;
}

/* "COPY (SELECT * REPLACE (CAST("x" AS …) AS "x") FROM (" where there is something to replace. */
static void append_before(struct buffer *sql, const struct sql_schema *schema)
{
    const char *separator = " REPLACE (";

    buffer_puts(sql, "COPY (SELECT *");
    for (size_t i = 0; i < schema->count; i++) {
        const char *type = stored_type(schema->columns[i].type);

        if (!type)
            continue;
        buffer_printf(sql, "%sCAST(", separator);
        text_append_sql_name(sql, schema->columns[i].name);
        buffer_printf(sql, " AS %s) AS ", type);
        text_append_sql_name(sql, schema->columns[i].name);
        separator = ", ";
    }
    buffer_puts(sql, *separator == ',' ? ") FROM (" : " FROM (");
}

static void append_after(struct buffer *sql, const char *folder, const char *name)
{
    char *path = mem_printf("%s/%s", folder, name);

    buffer_puts(sql, ")) TO ");
    text_append_sql_literal(sql, path);
    buffer_puts(sql, " (FORMAT parquet, COMPRESSION lz4)");
    free(path);
}

/* The types that only nested ones could still hold. */
static int check_nested(const struct sql_schema *schema, struct error *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct sql_schema one = {.columns = &schema->columns[i], .count = 1};

        if (!stored_type(schema->columns[i].type) && schema_check_storable(&one, err))
            return -1;
    }
    return 0;
}

int store_copy(struct operation *operation, const char *sql, const struct sql_param *params,
    size_t param_count, const char *folder, const char *name, struct sql_dataset *dataset,
    struct error *err)
{
    struct buffer before, after;
    duckdb_result result;
    int64_t rows = 0;
    int rc;

    if (check_nested(&dataset->schema, err))
        return -1;
    buffer_init(&before, 0);
    buffer_init(&after, 0);
    append_before(&before, &dataset->schema);
    append_after(&after, folder, name);
    rc = statement_execute(operation->slot->main, before.data, sql, after.data, params, param_count,
        false, &result, err);
    buffer_deinit(&before);
    buffer_deinit(&after);
    if (rc)
        return -1;
    rows = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return schema_add_file(dataset, folder, name, rows, &operation->arena, err);
}

int store_select(struct operation *operation, const char *sql, const struct sql_param *params,
    size_t param_count, const char *folder, struct sql_dataset *dataset, struct error *err)
{
    const char *name = arena_printf(&operation->arena, "%s-0.parquet", dataset->name);

    if (store_copy(operation, sql, params, param_count, folder, name, dataset, err))
        return -1;
    return schema_make_view(operation->slot->main, dataset, err);
}
