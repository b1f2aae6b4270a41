#include "connectors/duckdb/parse.h"

#include "connectors/duckdb/ast.h"
#include "connectors/duckdb/conditions.h"
#include "connectors/duckdb/lexer.h"
#include "connectors/duckdb/names.h"
#include "connectors/duckdb/rowwise.h"
#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <duckdb.h>
#include <pthread.h>
#include <string.h>

/* The parser is a part of the database: there is no way to have one without the other. */
struct parser {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_prepared_statement serialize;
    struct table scalars; /* names of functions that make one value of a row's */
    bool open, knows_scalars;
};

static const char serialize_sql[] = "SELECT json_serialize_sql($1::VARCHAR, skip_null := true, "
                                    "skip_empty := true, skip_default := true)";

static int open_failed(struct parser *parser, const char *why, struct error *err)
{
    error_set(err, ERROR_INTERNAL, "the SQL parser cannot be started: %s", why ? why : "?");
    duckdb_destroy_prepare(&parser->serialize);
    duckdb_disconnect(&parser->connection);
    duckdb_close(&parser->database);
    return -1;
}

static int open_parser(struct parser *parser, struct error *err)
{
    duckdb_config config;
    char *why = NULL;
    duckdb_state state;

    duckdb_create_config(&config);
    duckdb_set_config(config, "threads", "1");
    duckdb_set_config(config, "memory_limit", "64MiB");
    duckdb_set_config(config, "enable_external_access", "false");
    state = duckdb_open_ext(NULL, &parser->database, config, &why);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
        open_failed(parser, why, err);
        duckdb_free(why);
        return -1;
    }
    if (duckdb_connect(parser->database, &parser->connection) != DuckDBSuccess)
        return open_failed(parser, "no connection", err);
    if (duckdb_prepare(parser->connection, serialize_sql, &parser->serialize) != DuckDBSuccess)
        return open_failed(parser, duckdb_prepare_error(parser->serialize), err);
    table_init(&parser->scalars);
    parser->open = true;
    return 0;
}

/* --- errors ------------------------------------------------------------------------------------
 */

/* DuckDB counts characters here. */
static size_t byte_offset(const char *sql, size_t characters)
{
    size_t at = 0;

    while (sql[at] && (characters > 0 || ((unsigned char)sql[at] & 0xc0) == 0x80)) {
        if (((unsigned char)sql[at] & 0xc0) != 0x80)
            characters--;
        at++;
    }
    return at;
}

static bool has_word(const char *sql, const char *word)
{
    struct lexer_token token = lexer_next(sql, 0);

    while (token.kind != LEXER_END && !lexer_is_word(sql, &token, word))
        token = lexer_next(sql, token.start + token.length);
    return token.kind != LEXER_END;
}

/* DuckDB only says that it is no SELECT; a PIVOT whose values are not listed is one, too, because
 * it has to be run to know its columns. */
static int not_a_select(const char *sql, size_t *ret_offset, struct error *err)
{
    static const char *const beginnings[] = {"select", "from", "with", "pivot", "values", NULL};
    const struct lexer_token first = lexer_next(sql, 0);
    bool is_select = sql[first.start] == '(';

    for (const char *const *word = beginnings; *word; word++)
        is_select = is_select || lexer_is_word(sql, &first, *word);
    *ret_offset = first.start;
    if (is_select && has_word(sql, "pivot"))
        return error_set(err, ERROR_SQL,
            "a PIVOT must list its values, so that its columns are known: PIVOT … ON column IN "
            "('a', 'b') USING …");
    return error_set(err, ERROR_SQL, "this is no SELECT: it begins with \"%.*s\"; write one SELECT",
        (int)MIN(first.length, 40), sql + first.start);
}

static int syntax_error(const char *sql, const json_t *tree, size_t *ret_offset, struct error *err)
{
    const char *type = json_get_text(tree, "error_type");
    const char *message = json_get_text(tree, "error_message");
    const char *position = json_get_text(tree, "position");

    if (text_equal(type, "not implemented"))
        return not_a_select(sql, ret_offset, err);
    *ret_offset = position ? byte_offset(sql, strtoul(position, NULL, 10)) : 0;
    return error_set(err, ERROR_SQL, "%s", message ? message : "the statement cannot be parsed");
}

/* --- one statement ------------------------------------------------------------------------------
 */

/* Numbers as texts: Infinity and NaN, which a constant may be, are no JSON, and integers are to
 * keep their digits. Inside a string the quote before the colon would be escaped, so that only the
 * member itself can match. */
static char *quote_numbers(const char *text)
{
    static const char member[] = "\"value\":";
    struct buffer quoted;
    const char *at = text, *found;

    buffer_init(&quoted, 0);
    for (; (found = strstr(at, member)) != NULL;) {
        const char *value = found + strlen(member);
        const size_t length = strcspn(value, ",}]");

        buffer_append(&quoted, at, (size_t)(value - at));
        at = value;
        if (*value && strchr("-0123456789IN", *value)) {
            buffer_printf(&quoted, "\"%.*s\"", (int)length, value);
            at = value + length;
        }
    }
    buffer_puts(&quoted, at);
    return buffer_steal(&quoted);
}

/* The tree as text, to duckdb_free(). */
static char *serialize(struct parser *parser, const char *sql, size_t length, struct error *err)
{
    duckdb_result result;
    char *text = NULL;

    duckdb_bind_varchar_length(parser->serialize, 1, sql, length);
    if (duckdb_execute_prepared(parser->serialize, &result) == DuckDBSuccess)
        text = duckdb_value_varchar(&result, 0, 0);
    if (!text)
        error_set(err, ERROR_SQL, "the statement cannot be parsed: %.200s",
            duckdb_result_error(&result) ? duckdb_result_error(&result) : "no answer");
    duckdb_destroy_result(&result);
    return text;
}

static json_t *load_tree(struct parser *parser, const char *sql, size_t length, struct error *err)
{
    char *text = serialize(parser, sql, length, err), *quoted;
    json_error_t why;
    json_t *tree;

    if (!text)
        return NULL;
    quoted = quote_numbers(text);
    duckdb_free(text);
    /* Positions that are not known are 2^64 - 1, over jansson's integers. */
    tree = json_loads(quoted, JSON_DECODE_INT_AS_REAL, &why);
    free(quoted);
    if (!tree)
        error_set(
            err, ERROR_SQL, "the statement is too deeply nested to be analysed: %s", why.text);
    return tree;
}

static int check_text(const char *sql, size_t *ret_length, size_t *ret_offset, struct error *err)
{
    size_t next, step;

    for (size_t at = 0; sql[at]; at += step) {
        step = text_utf8_length(sql + at, strnlen(sql + at, 4));
        if (step == 0) {
            *ret_offset = at;
            return error_set(err, ERROR_SQL, "byte 0x%02x is not UTF-8", (unsigned char)sql[at]);
        }
    }
    if (lexer_statement(sql, ret_length, &next)) {
        *ret_offset = next;
        return error_set(err, ERROR_SQL, "a second statement begins here: write one SELECT");
    }
    if (*ret_length == 0) {
        *ret_offset = 0;
        return error_set(err, ERROR_SQL, "there is no statement: write one SELECT");
    }
    return 0;
}

/* Asked of the engine once, and only when a statement calls a function. Without an answer no
 * function is one. */
static bool is_scalar(const char *name, void *context)
{
    struct parser *parser = context;
    duckdb_result result;

    if (!parser->knows_scalars) {
        parser->knows_scalars = true;
        if (duckdb_query(parser->connection,
                "SELECT lower(function_name) FROM duckdb_functions() GROUP BY 1 "
                "HAVING bool_and(function_type = 'scalar')",
                &result) == DuckDBSuccess) {
            for (idx_t row = 0; row < duckdb_row_count(&result); row++) {
                char *function = duckdb_value_varchar(&result, 0, row);

                table_put(&parser->scalars, function, parser);
                duckdb_free(function);
            }
        }
        duckdb_destroy_result(&result);
    }
    return table_has(&parser->scalars, name);
}

static int read_tree(struct parser *parser, const json_t *tree, struct arena *arena,
    struct sql_statement *ret_statement, size_t *ret_offset, struct error *err)
{
    const json_t *node = json_object_get(tree, "node");
    struct sql_statement statement;

    if (ast_read(tree, arena, &statement, ret_offset, err))
        return -1;
    statement.row_wise = rowwise_is(node, is_scalar, parser);
    conditions_read(node, arena, &statement);
    names_read(node, arena, &statement);
    *ret_statement = statement;
    return 0;
}

static int parse_locked(struct parser *parser, const char *sql, struct arena *arena,
    struct sql_statement *ret_statement, size_t *ret_offset, struct error *err)
{
    const json_t *statements;
    size_t length;
    json_t *tree;
    int rc;

    *ret_offset = 0;
    if (check_text(sql, &length, ret_offset, err))
        return -1;
    if (!parser->open && open_parser(parser, err))
        return -1;
    tree = load_tree(parser, sql, length, err);
    if (!tree)
        return -1;
    statements = json_object_get(tree, "statements");
    if (json_is_true(json_object_get(tree, "error")))
        rc = syntax_error(sql, tree, ret_offset, err);
    else if (json_array_size(statements) != 1)
        rc = error_set(err, ERROR_SQL, "this is %zu statements: write one SELECT",
            json_array_size(statements));
    else
        rc =
            read_tree(parser, json_array_get(statements, 0), arena, ret_statement, ret_offset, err);
    json_decref(tree);
    return rc;
}

int parse_statement(const char *sql, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct parser parser;
    int rc;

    pthread_mutex_lock(&lock);
    rc = parse_locked(&parser, sql, arena, ret_statement, ret_offset, err);
    pthread_mutex_unlock(&lock);
    return rc;
}

int parse_check(const char *sql, struct error *err)
{
    struct sql_statement statement;
    struct arena arena;
    size_t offset;
    int rc;

    arena_init(&arena);
    rc = parse_statement(sql, &arena, &statement, &offset, err);
    arena_deinit(&arena);
    return rc;
}
