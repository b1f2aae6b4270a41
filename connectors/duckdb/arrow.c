#include "connectors/duckdb/arrow.h"

#include "connectors/duckdb/arrow_ipc.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WRITE_BYTES = 256 * 1024 };

struct stream {
    FILE *file;
    const char *path;
    duckdb_result result;
    duckdb_arrow_options options;
    struct ArrowSchema schema;
    struct buffer out;
    int64_t rows;
};

/* --- the statement --- */

static bool goes_as_text(const char *type)
{
    static const char *const types[] = {"UUID", "BIT", "TIME WITH TIME ZONE", "BIGNUM", "VARINT",
        "UHUGEINT", "VARIANT", "GEOMETRY", "TIME_NS"};

    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (strcmp(types[i], type) == 0)
            return true;
    }
    return text_starts(type, "ENUM(") || text_starts(type, "UNION(");
}

static int make_select(
    duckdb_connection connection, const char *dataset, struct buffer *sql, struct error *err)
{
    struct sql_schema schema;
    struct arena arena;
    int rc;

    arena_init(&arena);
    rc = statement_describe(
        connection, schema_select_all(dataset, &arena), NULL, 0, &arena, &schema, err);
    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; !rc && i < schema.count; i++) {
        const bool as_text = goes_as_text(schema.columns[i].type);

        buffer_puts(sql, i ? ", " : "");
        buffer_puts(sql, as_text ? "CAST(" : "");
        text_append_sql_name(sql, schema.columns[i].name);
        buffer_puts(sql, as_text ? " AS VARCHAR) AS " : "");
        if (as_text)
            text_append_sql_name(sql, schema.columns[i].name);
    }
    buffer_puts(sql, " FROM ");
    text_append_sql_name(sql, dataset);
    arena_deinit(&arena);
    return rc;
}

/* --- DuckDB's arrays --- */

static int check(duckdb_error_data data, struct error *err)
{
    int rc = 0;

    if (data && duckdb_error_data_has_error(data))
        rc = error_set(err, ERROR_SQL, "rows as Arrow: %s", duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return rc;
}

static int make_schema(struct stream *stream, struct error *err)
{
    const idx_t count = duckdb_column_count(&stream->result);
    duckdb_logical_type *types = mem_calloc(count + 1, sizeof(void *));
    const char **names = mem_calloc(count + 1, sizeof(*names));
    int rc;

    for (idx_t i = 0; i < count; i++) {
        types[i] = duckdb_column_logical_type(&stream->result, i);
        names[i] = duckdb_column_name(&stream->result, i);
    }
    rc = check(duckdb_to_arrow_schema(stream->options, types, names, count, &stream->schema), err);
    for (idx_t i = 0; i < count; i++)
        duckdb_destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return rc ? -1 : arrow_ipc_schema(&stream->schema, &stream->out, err);
}

static int flush(struct stream *stream, struct error *err)
{
    const size_t length = stream->out.length;

    if (length > 0 && fwrite(stream->out.data, 1, length, stream->file) != length)
        return error_set_errno(err, errno, "%s", stream->path);
    buffer_clear(&stream->out);
    return 0;
}

static int write_chunk(struct stream *stream, duckdb_data_chunk chunk, struct error *err)
{
    struct ArrowArray array = {0};
    int rc = check(duckdb_data_chunk_to_arrow(stream->options, chunk, &array), err);

    if (!rc)
        rc = arrow_ipc_batch(&stream->schema, &array, &stream->out, err);
    if (array.release)
        array.release(&array);
    stream->rows += (int64_t)duckdb_data_chunk_get_size(chunk);
    if (!rc && stream->out.length > WRITE_BYTES)
        rc = flush(stream, err);
    return rc;
}

static int write_chunks(struct stream *stream, struct error *err)
{
    duckdb_data_chunk chunk;
    const char *why;
    int rc = 0;

    while (!rc && (chunk = duckdb_fetch_chunk(stream->result)) != NULL) {
        if (duckdb_data_chunk_get_size(chunk) > 0)
            rc = write_chunk(stream, chunk, err);
        duckdb_destroy_data_chunk(&chunk);
    }
    why = rc ? NULL : duckdb_result_error(&stream->result);
    if (why && *why)
        rc = statement_error(why, duckdb_result_error_type(&stream->result), -1, err);
    return rc;
}

static int write_stream(struct stream *stream, struct error *err)
{
    int rc;

    stream->options = duckdb_result_get_arrow_options(&stream->result);
    rc = make_schema(stream, err);
    if (!rc)
        rc = write_chunks(stream, err);
    if (!rc) {
        arrow_ipc_end(&stream->out);
        rc = flush(stream, err);
    }
    if (stream->schema.release)
        stream->schema.release(&stream->schema);
    duckdb_destroy_arrow_options(&stream->options);
    return rc;
}

int arrow_write(duckdb_connection connection, const char *dataset, const char *path,
    int64_t *ret_rows, struct error *err)
{
    struct stream stream = {.path = path};
    struct buffer sql;
    int rc;

    stream.file = fopen(path, "we");
    if (!stream.file)
        return error_set_errno(err, errno, "%s", path);
    buffer_init(&sql, 0);
    buffer_init(&stream.out, SIZE_MAX / 4);
    rc = make_select(connection, dataset, &sql, err);
    if (!rc)
        rc = statement_execute(connection, "", sql.data, "", NULL, 0, true, &stream.result, err);
    if (!rc) {
        rc = write_stream(&stream, err);
        duckdb_destroy_result(&stream.result);
    }
    if (fclose(stream.file) && !rc)
        rc = error_set_errno(err, errno, "%s", path);
    buffer_deinit(&stream.out);
    buffer_deinit(&sql);
    if (!rc)
        *ret_rows = stream.rows;
    return rc;
}
