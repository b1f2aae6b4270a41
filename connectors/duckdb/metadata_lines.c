/* The lines of rows in their text. Where a source has as many lines as rows and what stands before
 * them, each row has one line, and its number says which; counting them is quick. Else its records
 * are gone through. */
#include "connectors/duckdb/metadata.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/sift.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1024 * 1024 };

int64_t metadata_lines_before(const struct scan_plan *plan)
{
    return plan->scan->format == FORMAT_CSV ? plan->scan->csv.skip + plan->scan->csv.header : 0;
}

static int64_t count_lines(const char *bytes, size_t length)
{
    int64_t count = 0;
    const char *at = bytes, *end = bytes + length;

    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        count++;
        at++;
    }
    return count;
}

int metadata_lines_match(const struct scan_plan *plan, const struct scan_file *file, int64_t rows,
    bool *ret_match, struct error *err)
{
    FILE *stream = fopen(file->source->path, "rbe");
    char *bytes, last = '\n';
    int64_t lines = 0;
    size_t length;
    int rc = 0;

    if (!stream)
        return error_set_errno(err, errno, "%s", file->source->object);
    setvbuf(stream, NULL, _IONBF, 0);
    bytes = mem_calloc(1, PIECE_BYTES);
    while ((length = fread(bytes, 1, PIECE_BYTES, stream)) > 0) {
        lines += count_lines(bytes, length);
        last = bytes[length - 1];
    }
    if (ferror(stream))
        rc = error_set_errno(err, errno, "%s", file->source->object);
    else
        *ret_match = lines + (last != '\n') == metadata_lines_before(plan) + rows;
    free(bytes);
    fclose(stream);
    return rc;
}

/* --- where each record begins --- */

struct line_sink {
    struct sift_lines base;
    duckdb_appender appender;
    const int64_t *rows; /* by source of the piece */
    size_t source;
    int64_t found; /* of the source */
    int64_t *lines;
};

static void on_line(struct sift_lines *base, int64_t line)
{
    struct line_sink *sink = container_of(base, struct line_sink, base);

    if (sink->found < sink->rows[sink->source])
        sink->lines[sink->found] = line;
    sink->found++;
}

static int append(struct line_sink *sink, struct error *err)
{
    const int64_t rows = sink->rows[sink->source];
    /* Other rows than the SQL engine found: which line is whose cannot be told. */
    const bool known = sink->found == rows;

    for (int64_t i = 0; i < rows; i++) {
        const duckdb_state state = known ? duckdb_append_int64(sink->appender, sink->lines[i])
                                         : duckdb_append_null(sink->appender);

        if (state != DuckDBSuccess || duckdb_appender_end_row(sink->appender) != DuckDBSuccess)
            return error_set(err, ERROR_INTERNAL, "the SQL engine takes no lines");
    }
    return 0;
}

static int find_lines(struct operation *operation, const struct scan_plan *plan,
    const struct metadata_piece *piece, struct line_sink *sink, struct error *err)
{
    int rc = 0;

    for (size_t i = piece->first; !rc && i < piece->end; i++) {
        sink->source = i - piece->first;
        sink->found = 0;
        if (sink->rows[sink->source] == 0)
            continue;
        sink->lines = mem_calloc((size_t)sink->rows[sink->source], sizeof(*sink->lines));
        rc = sift_list_lines(operation, plan, piece->first,
            piece->sifted ? piece->end : piece->first, i, &sink->base, err);
        if (!rc)
            rc = append(sink, err);
        free(sink->lines);
    }
    return rc;
}

/* --- into the file --- */

static int write_lines(
    duckdb_connection connection, const struct metadata_piece *piece, struct error *err)
{
    char *path = mem_printf("%s-lines", piece->path);
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "COPY (SELECT r.*, l.line AS __sluice_line FROM read_parquet(");
    schema_append_path(&sql, piece->path);
    buffer_puts(&sql, ", hive_partitioning = false) r POSITIONAL JOIN __sluice_lines l) TO ");
    text_append_sql_literal(&sql, path);
    buffer_puts(&sql, " (FORMAT parquet, COMPRESSION lz4)");
    rc = statement_run(connection, sql.data, err);
    buffer_deinit(&sql);
    if (!rc && rename(path, piece->path))
        rc = error_set_errno(err, errno, "%s", piece->path);
    free(path);
    return rc;
}

int metadata_lines_add(struct operation *operation, const struct scan_plan *plan,
    const struct metadata_piece *piece, const int64_t *rows, struct error *err)
{
    struct line_sink sink = {.base.on_line = on_line, .rows = rows};
    duckdb_connection connection = operation->slot->main;
    int rc;

    if (statement_run(connection, "CREATE OR REPLACE TEMP TABLE __sluice_lines(line BIGINT)", err))
        return -1;
    if (duckdb_appender_create_ext(connection, "temp", NULL, "__sluice_lines", &sink.appender) !=
        DuckDBSuccess) {
        duckdb_appender_destroy(&sink.appender);
        return error_set(err, ERROR_INTERNAL, "the SQL engine takes no lines");
    }
    rc = find_lines(operation, plan, piece, &sink, err);
    if (duckdb_appender_destroy(&sink.appender) != DuckDBSuccess && !rc)
        rc = error_set(err, ERROR_INTERNAL, "the SQL engine takes no lines");
    if (!rc)
        rc = write_lines(connection, piece, err);
    if (!rc) /* else the next one replaces it, or the session ends */
        rc = statement_run(connection, "DROP TABLE __sluice_lines", err);
    return rc;
}
