/* SCAN: files → dataset, every column of every row read once under the contract. */
#include "connectors/duckdb/metadata.h"
#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/sift.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

enum { FILES_A_STATEMENT = 250 };

struct scanning {
    struct sql_dataset dataset, rejected;
    struct bad_rows bad;
    struct metadata metadata;
};

static void begin(struct operation *operation)
{
    operation->state = mem_new(struct scanning);
}

static void end(struct operation *operation)
{
    struct scanning *scanning = operation->state;

    metadata_deinit(&scanning->metadata);
    free(scanning);
}

static void make_schema(const struct scan_plan *plan, struct sql_schema *schema)
{
    schema->count = plan->count;
    schema->columns = arena_array(plan->arena, plan->count, sizeof(*schema->columns));
    for (size_t i = 0; i < plan->count; i++)
        schema->columns[i] =
            (struct sql_column){.name = plan->columns[i].name, .type = plan->columns[i].type};
}

/* --- all files at once
 * ------------------------------------------------------------------------------- */

/* Files of one layout are read by one sub-select, several layouts are put together. */
static bool append_files(const struct scan_plan *plan, size_t first, size_t end, struct buffer *sql)
{
    bool any = false;

    for (size_t i = first, next; i < end; i = next) {
        const struct scan_file *file = &plan->files[i];

        for (next = i + 1; next < end && scan_file_alike(file, &plan->files[next]); next++)
            continue;
        if (file->empty)
            continue;
        buffer_puts(sql, any ? " UNION ALL SELECT " : "SELECT ");
        sift_append_values(plan, file, sql);
        buffer_puts(sql, " FROM (");
        plan->reader->append_select(plan, file, next - i, SCAN_FAST, sql);
        buffer_putc(sql, ')');
        any = true;
    }
    return any;
}

/* What is good in all of them; ERROR_DATA: some row is bad. */
static int read_good(struct operation *operation, const struct scan_plan *plan, size_t first,
    size_t end, const char *name, struct sql_dataset *dataset, struct error *err)
{
    struct buffer sql;
    int rc = 0;

    buffer_init(&sql, 0);
    if (append_files(plan, first, end, &sql))
        rc = store_copy(operation, sql.data, NULL, 0, plan->scan->folder, name, dataset, err);
    buffer_deinit(&sql);
    return rc;
}

/* Where rows are skipped, some are expected to be bad: then one statement tells them apart. Else
 * that comes only after one that any bad row ended. */
static int read_some(struct operation *operation, const struct scan_plan *plan, size_t first,
    size_t end, struct scanning *scanning, struct error *err)
{
    const char *name = arena_printf(plan->arena, "%s-%zu.parquet", plan->scan->dataset, first);
    const size_t files = scanning->dataset.files.count;
    bool sifted = plan->scan->skip_bad_rows;

    if (!sifted && read_good(operation, plan, first, end, name, &scanning->dataset, err)) {
        if (err->code != ERROR_DATA)
            return -1;
        error_clear(err);
        sifted = true;
    }
    if (sifted &&
        sift_files(operation, plan, first, end, name, &scanning->dataset, &scanning->bad, err))
        return -1;
    if (!plan->scan->run_id || scanning->dataset.files.count == files)
        return 0;
    return metadata_add(
        &scanning->metadata, operation, plan, first, end, sifted, &scanning->dataset, err);
}

/* What DuckDB does for the files of one statement grows with their number squared. */
static int read_all(struct operation *operation, const struct scan_plan *plan,
    struct scanning *scanning, struct error *err)
{
    const size_t count = plan->scan->source_count;

    for (size_t i = 0; i < count; i += FILES_A_STATEMENT) {
        if (work_cancelled(&operation->work))
            return error_set(err, ERROR_STOPPED, "stopped");
        if (read_some(operation, plan, i, MIN(i + FILES_A_STATEMENT, count), scanning, err))
            return -1;
    }
    return 0;
}

/* --- columns without a value
 * ------------------------------------------------------------------------------ */

/* A column in whose sample no value was has the type VARCHAR if one came later, none otherwise. */
static int close_open_columns(struct operation *operation, const struct scan_plan *plan,
    struct sql_dataset *dataset, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    size_t open = 0;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT 0");
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->columns[i].open)
            continue;
        buffer_puts(&sql, ", count(");
        text_append_sql_name(&sql, plan->columns[i].name);
        buffer_putc(&sql, ')');
        open++;
    }
    if (dataset->files.count) {
        buffer_puts(&sql, " FROM ");
        schema_append_files(&sql, &dataset->files, true);
        buffer_puts(&sql, dataset->where ? " WHERE " : "");
        buffer_puts(&sql, dataset->where ? dataset->where : "");
    }
    if (open && dataset->files.count) {
        rc = statement_query(operation->slot->main, sql.data, &result, err);
        buffer_deinit(&sql);
        if (rc)
            return -1;
        for (size_t i = 0, k = 0; i < plan->count; i++) {
            if (plan->columns[i].open && statement_int(&result, ++k, 0) == 0)
                dataset->schema.columns[i].type = "NULL";
        }
        duckdb_destroy_result(&result);
        return 0;
    }
    buffer_deinit(&sql);
    for (size_t i = 0; open && i < plan->count; i++) {
        if (plan->columns[i].open)
            dataset->schema.columns[i].type = "NULL";
    }
    return 0;
}

/* --- the verb
 * --------------------------------------------------------------------------------------------- */

static int read_files(struct operation *operation, struct scan_plan *plan,
    struct scanning *scanning, struct error *err)
{
    struct sql_dataset *dataset = &scanning->dataset;
    int rc;

    make_schema(plan, &dataset->schema);
    rc = bad_rows_init(&scanning->bad, plan, err);
    if (!rc && !plan->scan->schema_only)
        rc = read_all(operation, plan, scanning, err);
    if (!rc)
        rc = close_open_columns(operation, plan, dataset, err);
    if (!rc && plan->scan->run_id)
        rc = metadata_make_view(&scanning->metadata, operation->slot->main, plan, dataset, err);
    else if (!rc)
        rc = schema_make_view(operation->slot->main, dataset, err);
    if (!rc)
        rc = bad_rows_finish(&scanning->bad, operation->slot->main, &scanning->rejected, err);
    bad_rows_deinit(&scanning->bad);
    return rc;
}

static int run(struct operation *operation, struct error *err)
{
    struct scanning *scanning = operation->state;
    const struct sql_scan *scan = &operation->request->scan;
    struct scan_plan plan;
    int rc;

    scanning->dataset.name = scan->dataset;
    rc = scan_plan_init(&plan, scan, operation->slot->main, &operation->arena, err);
    if (!rc)
        rc = read_files(operation, &plan, scanning, err);
    scan_plan_deinit(&plan);
    return rc;
}

static void deliver(struct operation *operation)
{
    const struct scanning *scanning = operation->state;
    struct sql_scan *scan = &operation->request->scan;
    struct arena *arena = operation->request->arena;

    schema_copy_dataset(arena, &scanning->dataset, &scan->ret_dataset);
    if (scanning->rejected.name)
        schema_copy_dataset(arena, &scanning->rejected, &scan->ret_rejected_rows);
    scan->ret_rejected = scanning->bad.count;
    scan->ret_reject_count = scanning->bad.first_count;
    scan->ret_rejects = arena_array(arena, scanning->bad.first_count, sizeof(*scan->ret_rejects));
    for (size_t i = 0; i < scanning->bad.first_count; i++) {
        const struct sql_reject *from = &scanning->bad.first[i];

        scan->ret_rejects[i] = (struct sql_reject){.object = arena_strdup(arena, from->object),
            .line = from->line,
            .column = from->column ? arena_strdup(arena, from->column) : NULL,
            .reason = arena_strdup(arena, from->reason),
            .plain_reason = arena_strdup(arena, from->plain_reason)};
    }
}

const struct verb verb_scan = {
    .name = "scan", .begin = begin, .run = run, .deliver = deliver, .end = end};
