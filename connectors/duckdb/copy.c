#include "connectors/duckdb/copy.h"

#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* What a thread may hold of a row group. */
enum { GROUP_BYTES = 24 * 1024 * 1024 };

void copy_append_field_ids(struct buffer *sql, const struct sql_schema *schema)
{
    bool any = false;

    for (size_t i = 0; i < schema->count; i++) {
        if (!schema->columns[i].field_id)
            continue;
        buffer_puts(sql, any ? ", " : ", FIELD_IDS {");
        text_append_sql_name(sql, schema->columns[i].name);
        buffer_printf(sql, ": %lld", (long long)schema->columns[i].field_id);
        any = true;
    }
    buffer_puts(sql, any ? "}" : "");
}

static void append_copy(struct buffer *sql, const struct sql_write *write, const char *select,
    const struct sql_schema *schema, const char *folder)
{
    const uint64_t rows = GROUP_BYTES / MAX(write->row_bytes, 1);

    buffer_printf(sql, "COPY (%s) TO ", select);
    text_append_sql_literal(sql, folder);
    buffer_printf(sql,
        " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %llu, PER_THREAD_OUTPUT true, "
        "RETURN_STATS",
        (unsigned long long)MAX(MIN(rows, COPY_GROUP_ROWS), COPY_GROUP_ROWS_MIN));
    if (write->file_bytes)
        buffer_printf(sql, ", FILE_SIZE_BYTES '%lluKiB'",
            (unsigned long long)MAX(write->file_bytes / 1024, 1));
    copy_append_field_ids(sql, schema);
    buffer_putc(sql, ')');
}

/* DuckDB names them by thread, in a folder of their own; a thread without rows has one, too. */
static int take_over(const struct sql_write *write, struct arena *arena, struct stats_file *files,
    size_t *count, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        const char *path =
            arena_printf(arena, "%s/%s-%zu.parquet", write->folder, write->prefix, kept);

        if (files[i].rows == 0 && unlink(files[i].path) == 0)
            continue;
        if (rename(files[i].path, path))
            return error_set_errno(err, errno, "%s", files[i].path);
        files[kept] = files[i];
        files[kept++].path = path;
    }
    *count = kept;
    return 0;
}

int copy_unordered(duckdb_connection connection, const struct sql_write *write, const char *select,
    const struct sql_schema *schema, struct arena *arena, struct stats_file **ret_files,
    size_t *ret_count, struct error *err)
{
    const char *folder = arena_printf(arena, "%s/%s-copied", write->folder, write->prefix);
    duckdb_result result;
    struct stats_file *files;
    struct buffer sql;
    size_t count;
    int rc;

    buffer_init(&sql, 0);
    append_copy(&sql, write, select, schema, folder);
    rc = sql.overflowed ? error_set(err, ERROR_LIMIT, "the statement is too long")
                        : statement_query(connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    stats_read_files(&result, schema, arena, &files, &count);
    duckdb_destroy_result(&result);
    rc = take_over(write, arena, files, &count, err);
    rmdir(folder); /* what fails is the folder's, which goes at the end of the run */
    if (rc)
        return -1;
    *ret_files = files;
    *ret_count = count;
    return 0;
}
