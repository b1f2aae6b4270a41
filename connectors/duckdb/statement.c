#include "connectors/duckdb/statement.h"

#include "connectors/duckdb/bind.h"
#include "connectors/duckdb/lexer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <string.h>

/* --- errors ------------------------------------------------------------------------------------
 */

static enum error_code code_of(duckdb_error_type type, const char *message)
{
    switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
        return ERROR_STOPPED;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        return strstr(message, "max_temp_directory_size") || strstr(message, "No space left")
                   ? ERROR_NO_SPACE
                   : ERROR_NO_MEMORY;
    case DUCKDB_ERROR_IO:
        return strstr(message, "No space left") || strstr(message, "Disk quota") ? ERROR_NO_SPACE
                                                                                 : ERROR_IO;
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_DECIMAL:
    case DUCKDB_ERROR_CONSTRAINT:
    case DUCKDB_ERROR_INVALID_INPUT:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
        return ERROR_DATA;
    case DUCKDB_ERROR_PERMISSION:
        return ERROR_DENIED;
    case DUCKDB_ERROR_INTERNAL:
    case DUCKDB_ERROR_FATAL:
        return ERROR_INTERNAL;
    default:
        return ERROR_SQL;
    }
}

/* "Binder Error: x" is "x": the kind is in the code already. */
static const char *without_kind(const char *message)
{
    const char *colon = strstr(message, " Error: ");

    if (!colon)
        return message;
    for (const char *at = message; at < colon; at++) {
        if (!isalpha((unsigned char)*at) && *at != ' ')
            return message;
    }
    return colon + strlen(" Error: ");
}

/* What DuckDB says of a CSV whose line ends are of two kinds names neither them nor the line. */
static const char *in_plain_words(const char *message)
{
    if (!text_starts(message, "The CSV Parser state machine reached an invalid state"))
        return message;
    return "some lines end with CR LF and others with LF or CR alone: make them alike, for "
           "instance "
           "with dos2unix";
}

/* Where what DuckDB adds to a message begins: the statement's text, settings that only it has. */
static const char *end_of(const char *message)
{
    static const char *const additions[] = {
        "\nLINE ", "\nPossible ", "\nSee also ", "\n  file = ", NULL};
    const char *end = message + strlen(message);

    for (const char *const *addition = additions; *addition; addition++) {
        const char *found = strstr(message, *addition);

        if (found && found < end)
            end = found;
    }
    return end;
}

/* The message itself, its line ends and runs of spaces made one space each. */
static void one_line(struct buffer *buffer, const char *message)
{
    const char *end = end_of(message);
    bool space = false;

    for (const char *at = message; at < end; at++) {
        if (isspace((unsigned char)*at)) {
            space = true;
            continue;
        }
        if (space && buffer->length > 0)
            buffer_putc(buffer, ' ');
        space = false;
        buffer_putc(buffer, *at);
    }
}

static int line_of(const char *message)
{
    const char *at = strstr(message, "\nLINE ");

    return at ? (int)strtol(at + strlen("\nLINE "), NULL, 10) : 0;
}

static const char *advice_of(enum error_code code, const char *message)
{
    if (text_starts(message, "Malformed JSON"))
        return "; mend the JSON there";
    if (code == ERROR_NO_MEMORY)
        return "; raise resources.memory, or lower resources.threads";
    if (code == ERROR_NO_SPACE)
        return "; raise resources.spool, or free space on the disk of the run's folder";
    return "";
}

/* Characters that stand before the caret which DuckDB draws below its "LINE n: …"; 0 where it shows
 * only a part of the line, or none. */
static size_t caret_column(const char *line)
{
    const char *text = strstr(line, ": "), *end = strchr(line, '\n');
    const char *caret = end ? end + 1 + strspn(end + 1, " ") : NULL;

    if (!text || !caret || text > end || *caret != '^' || strncmp(text + 2, "...", 3) == 0)
        return 0;
    return MAX(caret - (end + 1), text + 2 - line) - (text + 2 - line);
}

/* Says in err->detail which byte of the user's SQL the error is about. */
static void place_error(const char *message, const char *sql, int first_line, struct error *err)
{
    const char *found = message ? strstr(message, "\nLINE ") : NULL;
    const int line = found ? (int)strtol(found + strlen("\nLINE "), NULL, 10) - first_line : 0;
    const char *at = sql;

    if (line < 1 || err == NULL || err->code == ERROR_STOPPED)
        return;
    for (int i = 1; i < line && at; i++)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    if (!at)
        return;
    for (size_t column = caret_column(found + 1); column > 0 && *at && *at != '\n'; column--) {
        for (at++; ((unsigned char)*at & 0xc0) == 0x80;)
            at++;
    }
    err->detail = (int)(at - sql) + 1;
}

int statement_error(const char *message, duckdb_error_type type, int first_line, struct error *err)
{
    const char *text =
        message ? in_plain_words(without_kind(message)) : "the engine gave no reason";
    const enum error_code code = code_of(type, text);
    const int line = first_line >= 0 ? line_of(text) - first_line : 0;
    struct buffer buffer;

    if (code == ERROR_STOPPED)
        return error_set(err, ERROR_STOPPED, "stopped");
    buffer_init(&buffer, 4096);
    one_line(&buffer, text);
    if (line > 1)
        error_set(err, code, "line %d of the SQL: %s%s", line, buffer.data, advice_of(code, text));
    else
        error_set(err, code, "%s%s", buffer.data, advice_of(code, text));
    buffer_deinit(&buffer);
    return -1;
}

int statement_failed(duckdb_result *result, int first_line, struct error *err)
{
    statement_error(duckdb_result_error(result), duckdb_result_error_type(result), first_line, err);
    duckdb_destroy_result(result);
    return -1;
}

/* --- our own statements -------------------------------------------------------------------------
 */

int statement_query(
    duckdb_connection connection, const char *sql, duckdb_result *ret_result, struct error *err)
{
    duckdb_result result;

    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        return statement_failed(&result, -1, err);
    *ret_result = result;
    return 0;
}

int statement_run(duckdb_connection connection, const char *sql, struct error *err)
{
    duckdb_result result;

    if (statement_query(connection, sql, &result, err))
        return -1;
    duckdb_destroy_result(&result);
    return 0;
}

int statement_runf(duckdb_connection connection, struct error *err, const char *format, ...)
{
    va_list args;
    char *sql;
    int rc;

    va_start(args, format);
    sql = mem_vprintf(format, args);
    va_end(args);
    rc = statement_run(connection, sql, err);
    free(sql);
    return rc;
}

const char *statement_cell(duckdb_result *result, idx_t column, idx_t row, struct arena *arena)
{
    char *text = duckdb_value_varchar(result, column, row);
    const char *copy = text ? arena_strdup(arena, text) : NULL;

    duckdb_free(text);
    return copy;
}

int64_t statement_int(duckdb_result *result, idx_t column, idx_t row)
{
    return duckdb_value_int64(result, column, row);
}

/* --- the user's ---------------------------------------------------------------------------------
 */

static int line_count(const char *text)
{
    int lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* prepare() does not give the kind of its error but in words. */
static duckdb_error_type type_of_message(const char *message)
{
    if (!message)
        return DUCKDB_ERROR_INTERNAL;
    if (strncmp(message, "INTERRUPT", 9) == 0)
        return DUCKDB_ERROR_INTERRUPT;
    if (strncmp(message, "Permission", 10) == 0)
        return DUCKDB_ERROR_PERMISSION;
    if (strncmp(message, "Out of Memory", 13) == 0)
        return DUCKDB_ERROR_OUT_OF_MEMORY;
    if (strncmp(message, "Conversion", 10) == 0)
        return DUCKDB_ERROR_CONVERSION;
    if (strncmp(message, "IO Error", 8) == 0)
        return DUCKDB_ERROR_IO;
    return DUCKDB_ERROR_BINDER;
}

int statement_prepare(duckdb_connection connection, const char *before, const char *sql,
    const char *after, const struct sql_param *params, size_t param_count,
    duckdb_prepared_statement *ret_statement, struct error *err)
{
    const int first_line = *before ? line_count(before) + 1 : 0;
    duckdb_prepared_statement statement;
    size_t length, next;
    char *text;
    int rc = 0;

    lexer_statement(sql, &length, &next);
    text = mem_printf("%s%s%.*s\n%s", before, *before ? "\n" : "", (int)length, sql, after);
    if (duckdb_prepare(connection, text, &statement) != DuckDBSuccess) {
        const char *why = duckdb_prepare_error(statement);

        rc = statement_error(why, type_of_message(why), first_line, err);
        place_error(why, sql, first_line, err);
    }
    free(text);
    if (!rc)
        rc = bind_params(connection, statement, params, param_count, err);
    if (rc) {
        duckdb_destroy_prepare(&statement);
        return -1;
    }
    *ret_statement = statement;
    return 0;
}

int statement_execute(duckdb_connection connection, const char *before, const char *sql,
    const char *after, const struct sql_param *params, size_t param_count, bool streaming,
    duckdb_result *ret_result, struct error *err)
{
    const int first_line = *before ? line_count(before) + 1 : 0;
    duckdb_prepared_statement statement;
    duckdb_result result;
    duckdb_state state;

    if (statement_prepare(connection, before, sql, after, params, param_count, &statement, err))
        return -1;
    state = streaming ? duckdb_execute_prepared_streaming(statement, &result)
                      : duckdb_execute_prepared(statement, &result);
    duckdb_destroy_prepare(&statement);
    if (state != DuckDBSuccess) {
        statement_error(
            duckdb_result_error(&result), duckdb_result_error_type(&result), first_line, err);
        place_error(duckdb_result_error(&result), sql, first_line, err);
        duckdb_destroy_result(&result);
        return -1;
    }
    *ret_result = result;
    return 0;
}

/* DESCRIBE calls the type of a bare NULL an INTEGER; typeof() knows better. */
static int mark_nulls(duckdb_connection connection, const char *sql, const struct sql_param *params,
    size_t param_count, struct sql_schema *schema, struct error *err)
{
    struct buffer before, after;
    duckdb_result result;
    bool asked = false;
    int rc = 0;

    buffer_init(&before, 0);
    buffer_init(&after, 0);
    buffer_puts(&before, "SELECT 0");
    buffer_puts(&after, ") LIMIT 0) AS q(");
    for (size_t i = 0; i < schema->count; i++) {
        const bool ask = strcmp(schema->columns[i].type, "INTEGER") == 0;

        asked = asked || ask;
        buffer_printf(&before, ask ? ", typeof(q.c%zu)" : ", NULL", i);
        buffer_printf(&after, "%sc%zu", i ? ", " : "", i);
    }
    buffer_puts(&before, " FROM (SELECT 1) LEFT JOIN (SELECT * FROM (");
    buffer_puts(&after, ") ON true");
    if (asked)
        rc = statement_execute(
            connection, before.data, sql, after.data, params, param_count, false, &result, err);
    buffer_deinit(&before);
    buffer_deinit(&after);
    if (!asked || rc)
        return rc;
    for (size_t i = 0; i < schema->count; i++) {
        char *type = duckdb_value_varchar(&result, i + 1, 0);

        if (type && strcmp(type, "\"NULL\"") == 0)
            schema->columns[i].type = "NULL";
        duckdb_free(type);
    }
    duckdb_destroy_result(&result);
    return 0;
}

int statement_describe(duckdb_connection connection, const char *sql,
    const struct sql_param *params, size_t param_count, struct arena *arena,
    struct sql_schema *ret_schema, struct error *err)
{
    struct sql_schema schema;
    duckdb_result result;

    if (statement_execute(
            connection, "DESCRIBE", sql, "", params, param_count, false, &result, err))
        return -1;
    schema.count = duckdb_row_count(&result);
    schema.columns = arena_array(arena, schema.count, sizeof(*schema.columns));
    for (idx_t i = 0; i < schema.count; i++) {
        schema.columns[i].name = statement_cell(&result, 0, i, arena);
        schema.columns[i].type = statement_cell(&result, 1, i, arena);
    }
    duckdb_destroy_result(&result);
    if (mark_nulls(connection, sql, params, param_count, &schema, err))
        return -1;
    *ret_schema = schema;
    return 0;
}
