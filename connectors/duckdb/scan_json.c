/* JSON and NDJSON. NDJSON is read line by line as text, so that each line can be accounted for; in
 * JSON the rows are the elements of the array (or the values one after another). Members are the
 * columns, nested values stay JSON. An object that holds an array is one row: unnest it in SQL. */
#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES_MAX = 8 * 1024 * 1024 };

/* Appends a sub-select with column l: each row's text. */
static void append_lines(const struct scan_plan *plan, const struct scan_file *files,
    size_t file_count, enum scan_mode mode, struct buffer *sql)
{
    const char *index = scan_has_file(plan, mode) ? "file_index AS __file, " : "";

    if (plan->scan->format == FORMAT_NDJSON) {
        buffer_printf(sql, "SELECT * FROM (SELECT %sl FROM read_csv(", index);
        scan_append_paths(sql, files, file_count);
        scan_append_compression(sql, files);
        buffer_printf(sql,
            ", columns = {'l': 'VARCHAR'}, auto_detect = false, header = false, delim = '', "
            "quote = '', escape = '', strict_mode = false, max_line_size = %d, buffer_size = %d",
            LINE_BYTES_MAX, 2 * LINE_BYTES_MAX); /* the default is sixteen lines */
        if (mode == SCAN_SIFT)
            buffer_puts(sql, ", store_rejects = true");
        if (mode == SCAN_SAMPLE)
            buffer_puts(sql, ", ignore_errors = true");
        buffer_puts(sql, ")) WHERE trim(l) <> ''");
    } else {
        buffer_printf(sql, "SELECT %sCAST(json AS VARCHAR) AS l FROM read_json_objects(", index);
        scan_append_paths(sql, files, file_count);
        scan_append_compression(sql, files);
        buffer_printf(sql, ", format = '%s')", files->marked_array ? "array" : "auto");
    }
}

/* DuckDB passes over a byte order mark, but then takes the array behind it for one value. */
static bool is_marked_array(const struct sql_source *source)
{
    static const char mark[] = "\xef\xbb\xbf";
    FILE *file = fopen(source->path, "re");
    bool found = file != NULL;
    int byte;

    for (size_t i = 0; found && i < 3; i++)
        found = getc(file) == (unsigned char)mark[i];
    if (found) {
        while ((byte = getc(file)) != EOF && strchr(" \t\r\n", byte))
            continue;
        found = byte == '[';
    }
    if (file)
        fclose(file);
    return found;
}

/* A member may come first in the last row, so that all rows are looked at. */
static int layout(struct scan_plan *plan, struct scan_file *file, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    file->marked_array = is_marked_array(file->source);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT k FROM (SELECT k, row_number() OVER () AS n FROM (SELECT "
                      "unnest(json_keys(CASE WHEN json_valid(l) THEN l END)) AS k FROM (");
    append_lines(plan, file, 1, SCAN_SAMPLE, &sql);
    buffer_puts(&sql, "))) GROUP BY k ORDER BY min(n)");
    rc = statement_query(plan->connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    for (idx_t row = 0; row < duckdb_row_count(&result); row++)
        scan_plan_member(plan, statement_cell(&result, 0, row, plan->arena));
    duckdb_destroy_result(&result);
    return 0;
}

/* The path of a member whatever its name: $."a b". */
static void append_path(struct buffer *sql, const char *name)
{
    struct buffer path;

    buffer_init(&path, 0);
    buffer_puts(&path, "$.\"");
    for (const char *at = name; *at; at++) {
        if (*at == '"' || *at == '\\')
            buffer_putc(&path, '\\');
        buffer_putc(&path, *at);
    }
    buffer_putc(&path, '"');
    text_append_sql_literal(sql, path.data);
    buffer_deinit(&path);
}

static bool wants_json(const struct scan_column *column)
{
    return column->type &&
           (strcmp(column->type, "JSON") == 0 || strchr(column->type, '[') ||
               text_starts(column->type, "STRUCT(") || text_starts(column->type, "MAP("));
}

/* DuckDB makes a double of a number with a fraction: of more digits than that has, a contract wants
 * all. */
static bool wants_digits(const struct scan_column *column)
{
    return column->contracted && column->type &&
           (text_starts(column->type, "DECIMAL(") || text_ends(column->type, "BIGINT") ||
               text_ends(column->type, "HUGEINT"));
}

/* The row's text where a double may not hold a number of it, each number and each text made a text:
 * matching texts, too, keeps what looks like a number inside of one. Null for all other rows. */
static const char exact_row[] =
    "CASE WHEN __object AND regexp_matches(l, '[0-9.]{17}') THEN regexp_replace(l, "
    "'\"((?:[^\"\\\\]|\\\\.)*)\"|(-?[0-9][0-9.eE+-]*)', '\"\\1\\2\"', 'g') END";

/* All members at once: the text is parsed once a list, not once a column. */
static void append_list(
    const struct scan_plan *plan, const char *function, const char *row, struct buffer *sql)
{
    buffer_printf(sql, "%s(%s, [", function, row);
    for (size_t i = 0; i < plan->count; i++) {
        buffer_puts(sql, i ? ", " : "");
        append_path(sql, plan->columns[i].name);
    }
    for (size_t i = 0; i < plan->alias_count; i++) {
        buffer_puts(sql, ", ");
        append_path(sql, plan->aliases[i].name);
    }
    buffer_puts(sql, "])");
}

/* One item of the lists that append_select() makes: j of JSON, s of texts, e as exact_row. */
static void append_member(struct buffer *sql, size_t index, bool json, bool digits)
{
    if (json)
        buffer_printf(sql, "nullif(j[%zu], 'null')", index + 1);
    else if (digits)
        buffer_printf(sql, "coalesce(e[%zu], s[%zu])", index + 1, index + 1);
    else
        buffer_printf(sql, "s[%zu]", index + 1);
}

/* The column under each of its spellings: a row has one of them. */
static void append_cell(
    const struct scan_plan *plan, size_t column, enum scan_mode mode, struct buffer *sql)
{
    const bool json = mode == SCAN_SAMPLE || wants_json(&plan->columns[column]);
    const bool digits = wants_digits(&plan->columns[column]);
    bool has_alias = false;

    for (size_t i = 0; i < plan->alias_count; i++)
        has_alias = has_alias || plan->aliases[i].column == column;
    buffer_puts(sql, json ? "CAST(" : "");
    buffer_puts(sql, has_alias ? "coalesce(" : "");
    append_member(sql, column, json, digits);
    for (size_t i = 0; i < plan->alias_count; i++) {
        if (plan->aliases[i].column != column)
            continue;
        buffer_puts(sql, ", ");
        append_member(sql, plan->count + i, json, digits);
    }
    buffer_puts(sql, has_alias ? ")" : "");
    buffer_puts(sql, json ? " AS VARCHAR)" : "");
}

/* A condition: the row has two spellings of one column, of which one would be lost. */
static void append_has_both(const struct scan_plan *plan, struct buffer *sql)
{
    buffer_puts(sql, "(false");
    for (size_t i = 0; i < plan->alias_count; i++) {
        buffer_printf(sql, " OR (s[%zu] IS NOT NULL AND (s[%zu] IS NOT NULL", plan->count + i + 1,
            plan->aliases[i].column + 1);
        for (size_t k = 0; k < i; k++) {
            if (plan->aliases[k].column == plan->aliases[i].column)
                buffer_printf(sql, " OR s[%zu] IS NOT NULL", plan->count + k + 1);
        }
        buffer_puts(sql, "))");
    }
    buffer_putc(sql, ')');
}

static void append_lists(const struct scan_plan *plan, enum scan_mode mode, struct buffer *sql)
{
    static const char object_row[] = "CASE WHEN __object THEN l ELSE '{}' END";
    bool json = mode == SCAN_SAMPLE, digits = false;

    for (size_t i = 0; i < plan->count; i++) {
        json = json || wants_json(&plan->columns[i]);
        digits = digits || wants_digits(&plan->columns[i]);
    }
    append_list(plan, "json_extract_string", object_row, sql);
    buffer_puts(sql, " AS s");
    if (json) {
        append_list(plan, ", json_extract", object_row, sql);
        buffer_puts(sql, " AS j");
    }
    if (digits) {
        append_list(plan, ", json_extract_string", exact_row, sql);
        buffer_puts(sql, " AS e");
    }
}

static void append_select(const struct scan_plan *plan, const struct scan_file *files,
    size_t file_count, enum scan_mode mode, struct buffer *sql)
{
    buffer_puts(sql, "SELECT ");
    buffer_puts(sql, scan_has_file(plan, mode) ? "__file, " : "");
    if (mode == SCAN_SIFT) { /* what stands before the ":" shows nothing of the data */
        buffer_puts(sql, "l, CASE WHEN NOT __object THEN 'this is no JSON object: ' || left(l, "
                         "40) WHEN ");
        append_has_both(plan, sql);
        buffer_puts(
            sql, " THEN 'a member is there twice, spelt in another case' END AS __broken, ");
    }
    for (size_t i = 0; i < plan->count; i++) {
        buffer_puts(sql, i ? ", " : "");
        append_cell(plan, i, mode, sql);
        buffer_printf(sql, " AS c%zu", i);
    }
    buffer_puts(sql, " FROM (SELECT *, ");
    append_lists(plan, mode, sql);
    buffer_puts(sql, " FROM (SELECT *, ");
    /* In the fast mode anything that is no object must end the statement. */
    buffer_puts(sql, mode == SCAN_FAST
                         ? "CASE WHEN json_type(l) = 'OBJECT' THEN true ELSE error('no object') END"
                         : "CASE WHEN json_valid(l) THEN json_type(l) = 'OBJECT' ELSE false END");
    buffer_puts(sql, " AS __object FROM (");
    append_lines(plan, files, file_count, mode, sql);
    buffer_puts(sql, ")))");
    if (mode == SCAN_FAST && plan->alias_count > 0) {
        buffer_puts(sql, " WHERE CASE WHEN ");
        append_has_both(plan, sql);
        buffer_puts(sql, " THEN error('twice') ELSE true END");
    }
}

const struct scan_reader scan_json = {
    .layout = layout, .append_select = append_select, .json = true};
