#include "connectors/duckdb/lines.h"

#include "connectors/duckdb/statement.h"
#include "runner/base/text.h"

/* A sub-select with each line l of the file and its number n. */
static void append_lines(
    struct buffer *sql, const struct scan_plan *plan, const struct scan_file *file)
{
    buffer_puts(sql, "(SELECT row_number() OVER () AS n, coalesce(l, '') AS l FROM read_csv(");
    scan_append_paths(sql, file, 1);
    scan_append_compression(sql, file);
    if (plan->scan->csv.encoding) {
        buffer_puts(sql, ", encoding = ");
        text_append_sql_literal(sql, plan->scan->csv.encoding);
    }
    buffer_puts(sql, ", columns = {'l': 'VARCHAR'}, auto_detect = false, header = false, "
                     "delim = '', quote = '', escape = ''))");
}

/* The quotes of a line, without those that are escaped; doubled ones cancel out. */
static void append_quotes(struct buffer *sql, const struct scan_plan *plan)
{
    struct buffer text;

    buffer_init(&text, 0);
    if (text_equal(plan->escape, plan->quote) || !*plan->escape) {
        buffer_puts(&text, "l");
    } else {
        buffer_puts(&text, "replace(l, ");
        text_append_sql_literal(&text, plan->escape);
        buffer_puts(&text, " || ");
        text_append_sql_literal(&text, plan->quote);
        buffer_puts(&text, ", '')");
    }
    buffer_printf(sql, "strlen(%s) - strlen(replace(%s, ", text.data, text.data);
    text_append_sql_literal(sql, plan->quote);
    buffer_puts(sql, ", ''))");
    buffer_deinit(&text);
}

static bool has_empty(
    struct operation *operation, const struct scan_plan *plan, const struct scan_file *file)
{
    duckdb_result result;
    struct error ignored;
    struct buffer sql;
    bool any = false;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT count(*) FROM ");
    append_lines(&sql, plan, file);
    buffer_printf(&sql, " WHERE l = '' AND n > %lld", (long long)plan->scan->csv.skip);
    if (statement_query(operation->slot->main, sql.data, &result, &ignored) == 0) {
        any = statement_int(&result, 0, 0) > 0;
        duckdb_destroy_result(&result);
    }
    buffer_deinit(&sql);
    return any;
}

/* An empty line within quotes is part of a cell: an odd number of quotes stands before it. */
static int64_t line_of(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, int64_t line)
{
    const long long skip = (long long)plan->scan->csv.skip;
    duckdb_result result;
    struct error ignored;
    struct buffer sql;
    int64_t found = 0;

    buffer_init(&sql, 0);
    buffer_printf(&sql,
        "SELECT n FROM (SELECT n, l, coalesce(sum(q) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED "
        "PRECEDING AND 1 PRECEDING), 0) %% 2 AS quoted FROM (SELECT n, l, CASE WHEN n > %lld THEN ",
        skip);
    append_quotes(&sql, plan);
    buffer_puts(&sql, " ELSE 0 END AS q FROM ");
    append_lines(&sql, plan, file);
    buffer_printf(&sql,
        ")) WHERE n <= %lld OR quoted = 1 OR l <> '' ORDER BY n LIMIT 1 OFFSET %lld", skip,
        (long long)line - 1);
    if (statement_query(operation->slot->main, sql.data, &result, &ignored) == 0) {
        if (duckdb_row_count(&result) > 0)
            found = statement_int(&result, 0, 0);
        duckdb_destroy_result(&result);
    }
    buffer_deinit(&sql);
    return found > 0 ? found : line;
}

void lines_count_empty(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, struct sql_reject *items, size_t count)
{
    /* In a file of one column an empty line is a row. */
    if (plan->reader != &scan_csv || file->count < 2 || count == 0 ||
        !has_empty(operation, plan, file))
        return;
    for (size_t i = 0; i < count; i++)
        items[i].line = line_of(operation, plan, file, items[i].line);
}
