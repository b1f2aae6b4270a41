/* SCAN: files → dataset. */
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

struct scanning {
    struct sql_dataset dataset;
};

static void begin(struct operation *operation)
{
    operation->state = mem_new(struct scanning);
}

static void end(struct operation *operation)
{
    free(operation->state);
}

static void append_sources(struct buffer *sql, const struct sql_scan *scan)
{
    for (size_t i = 0; i < scan->source_count; i++) {
        buffer_puts(sql, i ? ", " : "[");
        text_append_sql_literal(sql, scan->sources[i].path);
    }
    buffer_puts(sql, "], union_by_name = true");
}

static void append_select(struct buffer *sql, const struct sql_scan *scan)
{
    static const char *const readers[] = {[FORMAT_CSV] = "read_csv",
        [FORMAT_JSON] = "read_json",
        [FORMAT_NDJSON] = "read_json",
        [FORMAT_PARQUET] = "read_parquet"};

    buffer_printf(sql, "SELECT * FROM %s(", readers[scan->format]);
    append_sources(sql, scan);
    if (scan->format == FORMAT_CSV && scan->contract_count) {
        buffer_puts(sql, ", types = {");
        for (size_t i = 0; i < scan->contract_count; i++) {
            buffer_puts(sql, i ? ", " : "");
            text_append_sql_literal(sql, scan->contract[i].name);
            buffer_puts(sql, ": ");
            text_append_sql_literal(sql, scan->contract[i].type);
        }
        buffer_putc(sql, '}');
    }
    buffer_puts(sql, ")");
}

static int run(struct operation *operation, struct error *err)
{
    const struct sql_scan *scan = &operation->request->scan;
    struct sql_dataset *dataset = &((struct scanning *)operation->state)->dataset;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    append_select(&sql, scan);
    dataset->name = scan->dataset;
    rc = statement_describe(
        operation->slot->main, sql.data, NULL, 0, &operation->arena, &dataset->schema, err);
    if (!rc && scan->schema_only)
        rc = schema_make_view(operation->slot->main, dataset, err);
    else if (!rc)
        rc = store_select(operation, sql.data, NULL, 0, scan->folder, dataset, err);
    buffer_deinit(&sql);
    return rc;
}

static void deliver(struct operation *operation)
{
    schema_copy_dataset(operation->request->arena, &((struct scanning *)operation->state)->dataset,
        &operation->request->scan.ret_dataset);
}

const struct verb verb_scan = {
    .name = "scan", .begin = begin, .run = run, .deliver = deliver, .end = end};
