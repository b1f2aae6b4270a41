/* QUERY: rows as text, some at a time. Each job fetches one batch and the loop hands it on before
 * the next job begins, so that memory stays at one batch however slow the receiver is. */
#include "connectors/duckdb/parse.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

struct query {
    struct arena arena; /* the schema's */
    struct sql_schema schema;
    duckdb_result result;
    bool open, ended, announced;
    const char **cells; /* of this batch, in the operation's arena */
    size_t row_count;
};

static void begin(struct operation *operation)
{
    struct query *query = mem_new(struct query);

    arena_init(&query->arena);
    operation->state = query;
}

static void end(struct operation *operation)
{
    struct query *query = operation->state;

    if (query->open)
        duckdb_destroy_result(&query->result);
    arena_deinit(&query->arena);
    free(query);
}

/* --- texts
 * ----------------------------------------------------------------------------------------- */

static bool is_nested(const char *type)
{
    return text_starts(type, "STRUCT(") || text_starts(type, "MAP(") ||
           text_starts(type, "UNION(") || text_ends(type, "]") || text_equal(type, "VARIANT");
}

/* DuckDB writes the texts; times become ISO 8601, nested values JSON. */
static void append_text(struct buffer *sql, const char *type, size_t i)
{
    if (is_nested(type))
        buffer_printf(sql, "CAST(to_json(c%zu) AS VARCHAR)", i);
    else if (text_equal(type, "TIMESTAMP WITH TIME ZONE"))
        buffer_printf(sql, "replace(replace(CAST(c%zu AS VARCHAR), ' ', 'T'), '+00', 'Z')", i);
    else if (text_starts(type, "TIMESTAMP"))
        buffer_printf(sql, "replace(CAST(c%zu AS VARCHAR), ' ', 'T')", i);
    else
        buffer_printf(sql, "CAST(c%zu AS VARCHAR)", i);
}

static int open_result(struct operation *operation, struct query *query, struct error *err)
{
    const struct sql_query *q = &operation->request->query;
    const struct sql_schema *schema = &query->schema;
    struct buffer before, after;
    int rc;

    buffer_init(&before, 0);
    buffer_init(&after, 0);
    buffer_puts(&before, "SELECT ");
    buffer_puts(&after, ") AS q(");
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(&before, i ? ", " : "");
        append_text(&before, schema->columns[i].type, i);
        buffer_printf(&after, "%sc%zu", i ? ", " : "", i);
    }
    buffer_puts(&before, " FROM (");
    buffer_putc(&after, ')');
    if (q->limit > 0)
        buffer_printf(&after, " LIMIT %lld", (long long)q->limit);
    rc = statement_execute(operation->slot->main, before.data, q->sql, after.data, q->params,
        q->param_count, true, &query->result, err);
    query->open = rc == 0;
    buffer_deinit(&before);
    buffer_deinit(&after);
    return rc;
}

/* --- batches
 * --------------------------------------------------------------------------------------- */

static const char *text_at(duckdb_vector vector, idx_t row, struct arena *arena)
{
    duckdb_string_t *strings = duckdb_vector_get_data(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);

    if (validity && !duckdb_validity_row_is_valid(validity, row))
        return NULL;
    return arena_strndup(
        arena, duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row]));
}

static int fetch(struct operation *operation, struct query *query, struct error *err)
{
    duckdb_data_chunk chunk = duckdb_fetch_chunk(query->result);
    const size_t columns = query->schema.count;

    query->row_count = 0;
    if (!chunk) {
        const char *why = duckdb_result_error(&query->result);

        query->ended = true;
        if (why && *why)
            return statement_error(why, duckdb_result_error_type(&query->result), 1, err);
        return 0;
    }
    query->row_count = duckdb_data_chunk_get_size(chunk);
    query->cells = arena_array(&operation->arena, query->row_count * columns, sizeof(char *));
    for (size_t c = 0; c < columns; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);

        for (size_t r = 0; r < query->row_count; r++)
            query->cells[r * columns + c] = text_at(vector, r, &operation->arena);
    }
    duckdb_destroy_data_chunk(&chunk);
    return 0;
}

static int run(struct operation *operation, struct error *err)
{
    const struct sql_query *q = &operation->request->query;
    struct query *query = operation->state;

    arena_deinit(&operation->arena);
    arena_init(&operation->arena);
    if (!query->open) {
        if (parse_check(q->sql, err) ||
            statement_describe(operation->slot->main, q->sql, q->params, q->param_count,
                &query->arena, &query->schema, err) ||
            open_result(operation, query, err))
            return -1;
    }
    if (fetch(operation, query, err))
        return -1;
    operation->more = !query->ended;
    return 0;
}

static void deliver(struct operation *operation)
{
    struct sql_request *request = operation->request;
    struct query *query = operation->state;

    if (query->row_count == 0 && query->announced)
        return;
    query->announced = true;
    request->query.ret_rows += (int64_t)query->row_count;
    if (request->query.on_rows)
        request->query.on_rows(request, &query->schema, query->cells, query->row_count);
}

const struct verb verb_query = {
    .name = "query", .begin = begin, .run = run, .deliver = deliver, .end = end};
