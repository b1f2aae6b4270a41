/* EXPORT: a dataset as one plain file. */
#include "connectors/duckdb/arrow.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static void append_option(struct buffer *sql, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(sql, ", %s ", name);
    text_append_sql_literal(sql, value);
}

static int append_csv(struct buffer *sql, const struct csv_dialect *csv, struct error *err)
{
    if (csv->encoding && strcasecmp(csv->encoding, "utf-8") != 0)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "CSV files are written in utf-8, not in %s: leave encoding out", csv->encoding);
    if (csv->decimal && strcmp(csv->decimal, ".") != 0)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "CSV files are written with a decimal point: leave decimal out");
    /* DuckDB takes the first byte of it, and says nothing. */
    if (csv->delimiter && strlen(csv->delimiter) > 1)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "CSV files are written with a delimiter of one byte, not with \"%s\"", csv->delimiter);
    if (csv->quote && !*csv->quote)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "CSV files are written with quotes, or a text with a delimiter in it would be two: "
            "leave "
            "quote out");
    buffer_printf(sql, "FORMAT csv, HEADER %s", csv->header ? "true" : "false");
    append_option(sql, "DELIMITER", csv->delimiter);
    append_option(sql, "QUOTE", csv->quote);
    append_option(sql, "ESCAPE", csv->escape);
    append_option(sql, "DATEFORMAT", csv->date_format);
    append_option(sql, "TIMESTAMPFORMAT", csv->timestamp_format);
    if (csv->nulls.count)
        append_option(sql, "NULLSTR", csv->nulls.items[0]);
    return 0;
}

static int append_format(struct buffer *sql, const struct sql_export *e, struct error *err)
{
    static const char *const compressions[] = {[COMPRESSION_AUTO] = "none",
        [COMPRESSION_NONE] = "none",
        [COMPRESSION_GZIP] = "gzip",
        [COMPRESSION_ZSTD] = "zstd"};

    switch (e->format) {
    case FORMAT_CSV:
        if (append_csv(sql, &e->csv, err))
            return -1;
        break;
    case FORMAT_NDJSON:
        buffer_puts(sql, "FORMAT json");
        break;
    case FORMAT_JSON:
        buffer_puts(sql, "FORMAT json, ARRAY true");
        break;
    case FORMAT_PARQUET:
        buffer_puts(sql, "FORMAT parquet, COMPRESSION zstd");
        return 0;
    case FORMAT_ARROW: /* is not DuckDB's to write */
    case FORMAT_AUTO:
        return error_set(err, ERROR_INVALID, "%s: the format is not known", e->path);
    }
    buffer_printf(sql, ", COMPRESSION %s", compressions[e->compression]);
    return 0;
}

/* What Parquet would bend is not for a file that others read. */
static int check_types(struct operation *operation, struct error *err)
{
    const struct sql_export *e = &operation->request->export;
    struct sql_schema schema;

    if (e->format != FORMAT_PARQUET)
        return 0;
    if (statement_describe(operation->slot->main, schema_select_all(e->dataset, &operation->arena),
            NULL, 0, &operation->arena, &schema, err))
        return -1;
    return schema_check_storable(&schema, err);
}

static int copy_to(struct operation *operation, struct error *err)
{
    struct sql_export *e = &operation->request->export;
    duckdb_result result;
    struct buffer sql;
    int rc;

    if (check_types(operation, err))
        return -1;
    buffer_init(&sql, 0);
    buffer_puts(&sql, "COPY (SELECT * FROM ");
    text_append_sql_name(&sql, e->dataset);
    buffer_puts(&sql, ") TO ");
    text_append_sql_literal(&sql, e->path);
    buffer_puts(&sql, " (");
    rc = append_format(&sql, e, err);
    buffer_putc(&sql, ')');
    if (!rc)
        rc = statement_query(operation->slot->main, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    e->ret_rows = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return 0;
}

static int run(struct operation *operation, struct error *err)
{
    struct sql_export *e = &operation->request->export;
    struct stat info;

    if (e->format == FORMAT_ARROW
            ? arrow_write(operation->slot->main, e->dataset, e->path, &e->ret_rows, err)
            : copy_to(operation, err))
        return -1;
    if (stat(e->path, &info))
        return error_set_errno(err, errno, "%s", e->path);
    e->ret_bytes = (uint64_t)info.st_size;
    return 0;
}

const struct verb verb_export = {.name = "export", .run = run};
