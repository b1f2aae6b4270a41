/* The SQL of a pipeline: where its bytes stand in the file, and what the parser says of it. */
#include "runner/engine/graph_build.h"

#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

/* --- places --- */

void graph_sql_of_transform(
    struct graph_builder *builder, const struct graph_draft *draft, struct graph_sql *ret_sql)
{
    const struct transform *transform = draft->node.transform;

    *ret_sql = (struct graph_sql){
        .text = transform->sql ? transform->sql : "",
        .path = transform->sql_path ? transform->sql_path : builder->pipeline->path,
        .label = arena_printf(builder->arena, "%s.sql", draft->node.id),
        .mark = transform->sql_mark,
        .by_line = transform->sql_block,
        .indent = transform->sql_indent,
    };
    if (ret_sql->mark.line == 0) {
        ret_sql->path = builder->pipeline->path;
        ret_sql->mark = pipeline_mark(builder->pipeline, &transform->sql);
    }
}

void graph_sql_of_check(struct graph_builder *builder, const struct graph_draft *draft,
    size_t index, const struct check *check, struct graph_sql *ret_sql)
{
    *ret_sql = (struct graph_sql){
        .text = check->sql ? check->sql : "",
        .path = builder->pipeline->path,
        .label = arena_printf(builder->arena, "%s.checks[%zu].sql", draft->node.id, index + 1),
        .mark = check->sql_mark,
        .by_line = check->sql_block,
        .indent = check->sql_indent,
    };
    if (ret_sql->mark.line == 0)
        ret_sql->mark = pipeline_mark(builder->pipeline, &check->sql);
}

/* Columns count characters, as everywhere else: bytes that go on a character do not count. */
struct option_mark graph_sql_mark(const struct graph_sql *sql, size_t offset)
{
    struct option_mark mark = sql->mark;

    if (!sql->by_line)
        return mark;
    for (size_t i = 0; i < offset && sql->text[i]; i++) {
        if (sql->text[i] == '\n') {
            mark.line++;
            mark.column = sql->indent + 1;
        } else if (((unsigned char)sql->text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

struct option_mark graph_reference_mark(const struct graph_builder *builder,
    const struct graph_reference *reference, const char **ret_path)
{
    if (reference->sql) {
        *ret_path = reference->sql->path;
        return graph_sql_mark(reference->sql, reference->offset);
    }
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

static void check_parameters(struct graph_builder *builder, const struct graph_sql *sql,
    const struct sql_statement *statement)
{
    for (size_t i = 0; i < statement->parameters.count; i++) {
        const char *name = statement->parameters.items[i];
        const char *hint;

        if (table_has(&builder->parameters, name))
            continue;
        hint = graph_suggest(builder, &builder->parameters, name);
        diagnostics_error(builder->problems, sql->path,
            graph_sql_mark(sql, find_parameter(sql->text, name)),
            "%s: no parameter is called \"%s\"%s", sql->label, name,
            *hint ? hint : "; declare it under `params:`");
    }
}

bool graph_sql_parse(
    struct graph_builder *builder, const struct graph_sql *sql, struct sql_statement *ret_statement)
{
    struct error err = {0};
    size_t offset = 0;
    const bool pasted = strstr(sql->text, "${") != NULL;

    if (builder->sql->parse(sql->text, builder->arena, ret_statement, &offset, &err)) {
        diagnostics_error(builder->problems, sql->path, graph_sql_mark(sql, offset), "%s: %s%s",
            sql->label, err.message,
            pasted ? "; in SQL a parameter is bound, never pasted: write $name for ${params.name}"
                   : "");
        return false;
    }
    check_parameters(builder, sql, ret_statement);
    return true;
}
