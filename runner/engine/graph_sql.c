/* The SQL of a pipeline: where its bytes stand in the file, and what the parser says of it. */
#include "runner/engine/graph_build.h"

#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

/* --- places --- */

const struct graph_sql *graph_sql_of_transform(
    struct graph_builder *builder, const struct graph_draft *draft)
{
    struct graph_sql *sql = arena_new(builder->arena, struct graph_sql);

    sql->transform = draft->node.transform;
    sql->text = sql->transform->sql;
    sql->label = arena_printf(builder->arena, "%s.sql", draft->node.id);
    return sql;
}

const struct graph_sql *graph_sql_of_check(struct graph_builder *builder,
    const struct graph_draft *draft, size_t index, const struct check *check)
{
    struct graph_sql *sql = arena_new(builder->arena, struct graph_sql);

    sql->field = &check->sql;
    sql->text = check->sql;
    sql->label = arena_printf(builder->arena, "%s.checks[%zu].sql", draft->node.id, index + 1);
    return sql;
}

struct option_mark graph_sql_mark(const struct graph_builder *builder, const struct graph_sql *sql,
    size_t offset, const char **ret_path)
{
    if (sql->transform)
        return pipeline_sql_mark(builder->pipeline, sql->transform, offset, ret_path);
    *ret_path = builder->pipeline->path;
    return pipeline_text_mark(builder->pipeline, sql->field, offset);
}

void graph_sql_error(const struct graph_builder *builder, const struct graph_sql *sql,
    size_t offset, const char *format, ...)
{
    const char *path;
    const struct option_mark mark = graph_sql_mark(builder, sql, offset, &path);
    va_list args;
    char *message;

    va_start(args, format);
    message = mem_vprintf(format, args);
    va_end(args);
    diagnostics_error(builder->problems, path, mark, "%s: %s", sql->label, message);
    free(message);
}

struct option_mark graph_reference_mark(const struct graph_builder *builder,
    const struct graph_reference *reference, const char **ret_path)
{
    if (reference->sql)
        return graph_sql_mark(builder, reference->sql, reference->offset, ret_path);
    *ret_path = builder->pipeline->path;
    return pipeline_mark(builder->pipeline, reference->field);
}

/* --- parameters --- */

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || ((unsigned char)c & 0x80);
}

/* Behind the quoted text or comment that starts at `at`; `at` itself where none does. */
static const char *skip_quoted(const char *at)
{
    const char *end = NULL;

    if (*at == '\'' || *at == '"')
        end = strchr(at + 1, *at); /* a doubled quote is two texts side by side */
    else if (at[0] == '-' && at[1] == '-')
        end = strchr(at, '\n');
    else if (at[0] == '/' && at[1] == '*' && (end = strstr(at + 2, "*/")) != NULL)
        end++;
    else
        return at;
    return end ? end + 1 : at + strlen(at);
}

/* The parser names parameters without their places: the byte of the first "$name". */
static size_t find_parameter(const char *sql, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = sql; *at;) {
        const char *behind = skip_quoted(at);

        if (behind != at) {
            at = behind;
            continue;
        }
        if (*at == '$' && strncasecmp(at + 1, name, length) == 0 && !in_name(at[1 + length]))
            return (size_t)(at - sql);
        at++;
    }
    return 0;
}

/* --- names of a WITH --- */

/* Behind spaces and comments. */
static const char *skip_blank(const char *at)
{
    for (;;) {
        const bool comment = (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');

        if (comment)
            at = skip_quoted(at);
        else if (isspace((unsigned char)*at))
            at++;
        else
            return at;
    }
}

/* The bytes of the name that starts at `at`, quoted or not; 0: none does. */
static size_t name_length(const char *at, const char *name)
{
    const size_t length = strlen(name);

    if (*at == '"')
        return strncasecmp(at + 1, name, length) == 0 && at[1 + length] == '"' ? length + 2 : 0;
    return strncasecmp(at, name, length) == 0 && !in_name(at[length]) ? length : 0;
}

/* "AS (", "AS MATERIALIZED (", "(x, y) AS (": not an alias or a column. */
static bool defines(const char *behind)
{
    if (*behind == '(')
        return true;
    if (name_length(behind, "as") == 0)
        return false;
    behind = skip_blank(behind + 2);
    return *behind == '(' || name_length(behind, "materialized") || name_length(behind, "not");
}

/* The parser gives no places of these names, either. */
size_t graph_sql_find_cte(const char *sql, const char *name)
{
    for (const char *at = skip_blank(sql); *at; at = skip_blank(at)) {
        const size_t length = at > sql && in_name(at[-1]) ? 0 : name_length(at, name);
        const char *behind = skip_quoted(at);

        if (length > 0 && defines(skip_blank(at + length)))
            return (size_t)(at - sql);
        at = behind == at ? at + 1 : behind;
    }
    return 0;
}

static void check_parameters(struct graph_builder *builder, const struct graph_sql *sql,
    const struct sql_statement *statement)
{
    for (size_t i = 0; i < statement->parameters.count; i++) {
        const char *name = statement->parameters.items[i];
        const char *hint;

        if (table_has(&builder->parameters, name))
            continue;
        hint = graph_suggest(builder, &builder->parameters, name);
        graph_sql_error(builder, sql, find_parameter(sql->text, name),
            "no parameter is called \"%s\"%s", name, *hint ? hint : "; declare it under `params:`");
    }
}

static size_t in_text(const struct graph_sql *sql, size_t offset)
{
    const size_t end = strlen(sql->text);

    offset = offset > sql->prefix ? offset - sql->prefix : 0;
    return MIN(offset, end);
}

/* One thread and sorted inputs cannot make up for them. */
static void add_doubts(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement)
{
    struct graph_node *node = &draft->node;
    struct graph_doubt *doubts =
        arena_array(builder->arena, node->doubt_count + statement->doubt_count, sizeof(*doubts));

    if (statement->doubt_count == 0)
        return;
    for (size_t i = 0; i < node->doubt_count; i++)
        doubts[i] = node->doubts[i];
    for (size_t i = 0; i < statement->doubt_count; i++) {
        struct graph_doubt *doubt = &doubts[node->doubt_count++];

        doubt->label = sql->label;
        doubt->what = statement->doubts[i].what;
        doubt->mark =
            graph_sql_mark(builder, sql, in_text(sql, statement->doubts[i].offset), &doubt->path);
        if (builder->pipeline->deterministic)
            diagnostics_warn(builder->problems, doubt->path, doubt->mark,
                "%s: not deterministic: %s", doubt->label, doubt->what);
    }
    node->doubts = doubts;
}

bool graph_sql_parse(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, struct sql_statement *ret_statement)
{
    struct error err = {0};
    size_t offset = 0;
    const bool pasted = strstr(sql->text, "${") != NULL;

    if (builder->sql->parse(sql->statement ? sql->statement : sql->text, builder->arena,
            ret_statement, &offset, &err)) {
        graph_sql_error(builder, sql, in_text(sql, offset), "%s%s", err.message,
            pasted ? "; in SQL a parameter is bound, never pasted: write $name for ${params.name}"
                   : "");
        return false;
    }
    for (size_t i = 0; i < ret_statement->table_count; i++)
        ret_statement->tables[i].offset = in_text(sql, ret_statement->tables[i].offset);
    for (size_t i = 0; i < ret_statement->name_count; i++)
        ret_statement->names[i].offset = in_text(sql, ret_statement->names[i].offset);
    check_parameters(builder, sql, ret_statement);
    add_doubts(builder, draft, sql, ret_statement);
    return true;
}
