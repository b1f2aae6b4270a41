#include "connectors/duckdb/metadata.h"

#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/sift.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const struct sql_column columns[SQL_METADATA_COUNT] = {
    {.name = SQL_METADATA_RUN, .type = "VARCHAR"},
    {.name = SQL_METADATA_SOURCE, .type = "VARCHAR"},
    {.name = SQL_METADATA_VERSION, .type = "VARCHAR"},
    {.name = SQL_METADATA_ROW, .type = "BIGINT"},
};

void metadata_deinit(struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++)
        free(metadata->pieces[i].shifts);
    free(metadata->pieces);
    *metadata = (struct metadata){0};
}

/* --- columns of that name --- */

static const char *source_with(const struct scan_plan *plan, size_t column)
{
    for (size_t i = 0; i < plan->scan->source_count && !plan->reader->json; i++) {
        for (size_t k = 0; k < plan->files[i].count; k++) {
            if (plan->files[i].columns[k] == column)
                return plan->scan->sources[i].object;
        }
    }
    return plan->scan->source_count == 1 ? plan->scan->sources[0].object : "one of the files";
}

int metadata_check(const struct scan_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->count && plan->scan->run_id; i++) {
        for (size_t k = 0; k < SQL_METADATA_COUNT; k++) {
            if (strcasecmp(plan->columns[i].name, columns[k].name) == 0)
                return error_set(err, ERROR_DATA,
                    "%s: has a column \"%s\" already, which metadata: true adds: rename it in the "
                    "file, or leave metadata out",
                    source_with(plan, i), plan->columns[i].name);
        }
    }
    return 0;
}

/* --- what a file has of which source --- */

/* By other names, no column hides the reader's own number of a row. */
static void append_from(
    const struct metadata_piece *piece, const struct scan_plan *plan, struct buffer *sql)
{
    buffer_puts(sql, " FROM read_parquet(");
    schema_append_path(sql, piece->path);
    buffer_puts(sql, ", hive_partitioning = false) AS t(");
    for (size_t i = 0; i < plan->count; i++)
        buffer_printf(sql, "c%zu, ", i);
    buffer_printf(sql, "%s__sluice_file%s)", piece->sifted ? "__sluice_bad, " : "",
        piece->lines ? ", __sluice_line" : "");
}

/* Where each source begins in the file and how many rows it has there; 0 rows where none is. */
static int find_rows(struct operation *operation, const struct scan_plan *plan,
    const struct metadata_piece *piece, int64_t *starts, int64_t *rows, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT CAST(__sluice_file AS BIGINT), min(file_row_number), count(*)");
    append_from(piece, plan, &sql);
    buffer_puts(&sql, " GROUP BY 1");
    rc = statement_query(operation->slot->main, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    for (idx_t row = 0; row < duckdb_row_count(&result); row++) {
        const size_t index = (size_t)statement_int(&result, 0, row) - piece->first;

        starts[index] = statement_int(&result, 1, row);
        rows[index] = statement_int(&result, 2, row);
    }
    duckdb_destroy_result(&result);
    return 0;
}

static int find_shifts(struct operation *operation, const struct scan_plan *plan,
    struct metadata_piece *piece, int64_t *rows, struct error *err)
{
    const size_t count = piece->end - piece->first;
    int rc;

    piece->shifts = mem_calloc(count, sizeof(*piece->shifts));
    rc = find_rows(operation, plan, piece, piece->shifts, rows, err);
    for (size_t i = 0; !rc && i < count; i++) {
        const struct scan_file *file = &plan->files[piece->first + i];
        bool match = true;

        if (rows[i] > 0 && !piece->lines && sift_has_text(plan, file))
            rc = metadata_lines_match(plan, file, rows[i], &match, err);
        piece->lines = piece->lines || !match;
        piece->shifts[i] = metadata_lines_before(plan) + 1 - piece->shifts[i];
    }
    return rc;
}

static int add_lines(struct operation *operation, const struct scan_plan *plan,
    const struct metadata_piece *piece, const int64_t *rows, struct sql_dataset *dataset,
    struct error *err)
{
    struct stat before, after;

    if (stat(piece->path, &before))
        return error_set_errno(err, errno, "%s", piece->path);
    if (metadata_lines_add(operation, plan, piece, rows, err))
        return -1;
    if (stat(piece->path, &after))
        return error_set_errno(err, errno, "%s", piece->path);
    dataset->bytes += (uint64_t)after.st_size - (uint64_t)before.st_size;
    return 0;
}

int metadata_add(struct metadata *metadata, struct operation *operation,
    const struct scan_plan *plan, size_t first, size_t end, bool sifted,
    struct sql_dataset *dataset, struct error *err)
{
    int64_t *rows = mem_calloc(end - first, sizeof(*rows));
    struct metadata_piece *piece;
    int rc;

    metadata->pieces =
        mem_grow(metadata->pieces, &metadata->capacity, metadata->count, sizeof(*metadata->pieces));
    piece = &metadata->pieces[metadata->count++];
    *piece = (struct metadata_piece){.path = dataset->files.items[dataset->files.count - 1],
        .first = first,
        .end = end,
        .sifted = sifted};
    rc = find_shifts(operation, plan, piece, rows, err);
    if (!rc && piece->lines)
        rc = add_lines(operation, plan, piece, rows, dataset, err);
    free(rows);
    return rc;
}

/* --- the view --- */

static void append_text(struct buffer *sql, const char *text)
{
    if (text)
        text_append_sql_literal(sql, text);
    else
        buffer_puts(sql, "CAST(NULL AS VARCHAR)");
}

/* One value of each source; `what` appends that of a source. */
static void append_pick(const struct metadata_piece *piece, const struct scan_plan *plan,
    void (*what)(
        struct buffer *sql, const struct scan_plan *, const struct metadata_piece *, size_t source),
    struct buffer *sql)
{
    const bool one = piece->end - piece->first == 1;

    buffer_puts(sql, one ? "" : "([");
    for (size_t i = piece->first; i < piece->end; i++) {
        buffer_puts(sql, i > piece->first ? ", " : "");
        what(sql, plan, piece, i);
    }
    if (!one)
        buffer_printf(sql, "])[__sluice_file - %lld]", (long long)piece->first - 1);
}

static void append_source(struct buffer *sql, const struct scan_plan *plan,
    const struct metadata_piece *piece, size_t source)
{
    const struct sql_source *from = plan->files[source].source;

    (void)piece;
    append_text(sql, from->source ? from->source : from->object);
}

static void append_version(struct buffer *sql, const struct scan_plan *plan,
    const struct metadata_piece *piece, size_t source)
{
    (void)piece;
    append_text(sql, plan->files[source].source->version);
}

static void append_shift(struct buffer *sql, const struct scan_plan *plan,
    const struct metadata_piece *piece, size_t source)
{
    (void)plan;
    buffer_printf(sql, "CAST(%lld AS BIGINT)", (long long)piece->shifts[source - piece->first]);
}

static void append_piece(const struct metadata_piece *piece, const struct scan_plan *plan,
    const struct sql_schema *schema, struct buffer *sql)
{
    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(schema->columns[i].type, "NULL") == 0)
            buffer_puts(sql, "NULL");
        else
            buffer_printf(sql, "CAST(c%zu AS %s)", i, schema->columns[i].type);
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, schema->columns[i].name);
        buffer_puts(sql, ", ");
    }
    append_text(sql, plan->scan->run_id);
    buffer_puts(sql, " AS " SQL_METADATA_RUN ", ");
    append_pick(piece, plan, append_source, sql);
    buffer_puts(sql, " AS " SQL_METADATA_SOURCE ", ");
    append_pick(piece, plan, append_version, sql);
    buffer_puts(sql, " AS " SQL_METADATA_VERSION ", ");
    if (piece->lines) {
        buffer_puts(sql, "__sluice_line");
    } else {
        buffer_puts(sql, "file_row_number + ");
        append_pick(piece, plan, append_shift, sql);
    }
    buffer_puts(sql, " AS " SQL_METADATA_ROW);
    append_from(piece, plan, sql);
    if (piece->sifted)
        buffer_puts(sql, " WHERE " SIFT_GOOD);
}

static void append_nothing(const struct sql_schema *schema, struct buffer *sql)
{
    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; i < schema->count; i++) {
        const bool untyped = strcmp(schema->columns[i].type, "NULL") == 0;

        buffer_puts(sql, i ? ", " : "");
        if (untyped)
            buffer_puts(sql, "NULL");
        else
            buffer_printf(sql, "CAST(NULL AS %s)", schema->columns[i].type);
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, schema->columns[i].name);
    }
    buffer_puts(sql, " WHERE false");
}

static void add_columns(const struct scan_plan *plan, struct sql_schema *schema)
{
    const size_t count = plan->count + SQL_METADATA_COUNT;
    struct sql_column *all = arena_array(plan->arena, count, sizeof(*all));

    memcpy(all, schema->columns, plan->count * sizeof(*all));
    memcpy(all + plan->count, columns, sizeof(columns));
    *schema = (struct sql_schema){.columns = all, .count = count};
}

int metadata_make_view(const struct metadata *metadata, duckdb_connection connection,
    const struct scan_plan *plan, struct sql_dataset *dataset, struct error *err)
{
    struct buffer sql;
    int rc;

    add_columns(plan, &dataset->schema);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "CREATE OR REPLACE VIEW ");
    schema_append_name(&sql, dataset);
    buffer_puts(&sql, " AS ");
    for (size_t i = 0; i < metadata->count; i++) {
        buffer_puts(&sql, i ? " UNION ALL " : "");
        append_piece(&metadata->pieces[i], plan, &dataset->schema, &sql);
    }
    if (metadata->count == 0)
        append_nothing(&dataset->schema, &sql);
    rc = sql.overflowed ? error_set(err, ERROR_LIMIT, "its files are too many")
                        : statement_run(connection, sql.data, err);
    buffer_deinit(&sql);
    return rc ? error_prefix(err, "%s", dataset->name) : 0;
}

/* --- of a table --- */

void metadata_append_before(const struct sql_dataset *dataset, struct buffer *sql)
{
    if (!dataset->run_id)
        return;
    buffer_puts(sql, "SELECT *, ");
    append_text(sql, dataset->run_id);
    buffer_puts(sql, " AS " SQL_METADATA_RUN ", ");
    append_text(sql, dataset->source);
    buffer_puts(sql, " AS " SQL_METADATA_SOURCE ", ");
    if (dataset->with_changes)
        buffer_puts(sql, "CAST(_stream_position AS VARCHAR)");
    else
        append_text(sql, dataset->version);
    buffer_puts(
        sql, " AS " SQL_METADATA_VERSION ", CAST(NULL AS BIGINT) AS " SQL_METADATA_ROW " FROM (");
}

void metadata_append_after(const struct sql_dataset *dataset, struct buffer *sql)
{
    buffer_puts(sql, dataset->run_id ? ")" : "");
}
