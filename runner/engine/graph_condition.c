/* Conditions of loads (delete_when, update.when, scope): each is parsed as the WHERE of a statement
 * like the one that a run asks it in. And which columns they and the key name. */
#include "runner/engine/graph_build.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>
#include <strings.h>

/* --- the statement --- */

static const struct graph_sql *sql_of(struct graph_builder *builder,
    const struct graph_draft *draft, const char *const *field, const char *key, bool new_and_old)
{
    struct graph_sql *sql = arena_new(builder->arena, struct graph_sql);
    const struct load *load = draft->node.load;
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select 1 from ");
    text_append_sql_name(&text, load->from);
    buffer_puts(&text, " as ");
    text_append_sql_name(&text, new_and_old ? "new" : load->from);
    if (new_and_old) {
        buffer_puts(&text, ", ");
        text_append_sql_name(&text, load->from);
        buffer_puts(&text, " as old");
    }
    buffer_puts(&text, " where (\n");
    sql->field = field;
    sql->text = *field;
    sql->prefix = text.length;
    buffer_printf(&text, "%s\n)", *field);
    sql->statement = arena_strdup(builder->arena, text.data);
    sql->label = arena_printf(builder->arena, "%s.%s", draft->node.id, key);
    buffer_deinit(&text);
    return sql;
}

/* --- its columns --- */

static bool lists(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

/* NULL: which columns the load's dataset has is not known before it is read. */
static const struct text_list *columns_of(
    const struct graph_builder *builder, const struct graph_draft *draft)
{
    const struct graph_draft *source = table_get(&builder->datasets, draft->node.load->from);

    return source && source->node.kind == TASK_TRANSFORM && source->node.statement.columns.count
               ? &source->node.statement.columns
               : NULL;
}

/* The column of the dataset that a name must be; NULL: it need not be one. */
static const char *wanted_column(
    const struct sql_name *name, const char *alias, const struct text_list *columns)
{
    if (!name->qualifier)
        return alias ? name->name : NULL;
    if (strcasecmp(name->qualifier, alias ? alias : "new") == 0)
        return name->name;
    return alias && !lists(columns, name->qualifier) ? name->qualifier : NULL; /* of a STRUCT */
}

/* "; did you mean "id"?", or "", in the arena. */
static const char *near(
    struct graph_builder *builder, const struct text_list *columns, const char *name)
{
    const char **choices = mem_calloc(columns->count + 1, sizeof(*choices)), *nearest;

    for (size_t i = 0; i < columns->count; i++)
        choices[i] = columns->items[i];
    nearest = text_nearest(name, choices);
    free(choices);
    return nearest ? arena_printf(builder->arena, "; did you mean \"%s\"?", nearest) : "";
}

static void check_names(struct graph_builder *builder, const struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement, bool new_and_old)
{
    const struct text_list *columns = columns_of(builder, draft);
    const char *from = draft->node.load->from;

    for (size_t i = 0; columns && i < statement->name_count; i++) {
        const struct sql_name *name = &statement->names[i];
        const char *column = wanted_column(name, new_and_old ? NULL : from, columns);

        if (column && !lists(columns, column))
            graph_sql_error(builder, sql, name->offset, "%s has no column \"%s\"%s", from, column,
                near(builder, columns, column));
    }
}

/* An option that is the name of a column. */
static void check_column(struct graph_builder *builder, const struct graph_draft *draft,
    const void *field, const char *key, const char *column)
{
    const struct text_list *columns = columns_of(builder, draft);

    if (columns && !lists(columns, column))
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, field), "%s.%s: %s has no column \"%s\"%s",
            draft->node.id, key, draft->node.load->from, column, near(builder, columns, column));
}

static void add_condition(struct graph_builder *builder, struct graph_draft *draft,
    const char *const *field, const char *key, bool new_and_old)
{
    const struct graph_sql *sql;
    struct sql_statement statement;

    if (!*field)
        return;
    sql = sql_of(builder, draft, field, key, new_and_old);
    if (!graph_sql_parse(builder, draft, sql, &statement))
        return;
    graph_build_tables(builder, draft, sql, &statement, REFERENCE_CHECK);
    check_names(builder, draft, sql, &statement, new_and_old);
}

bool graph_condition_is_in(const struct load *load)
{
    return load->delete_when || load->update.when || load->scope;
}

void graph_conditions(struct graph_builder *builder, struct graph_draft *draft)
{
    const struct load *load = draft->node.load;

    for (size_t i = 0; i < load->key.count; i++)
        check_column(builder, draft, &load->key.items[i], "key", load->key.items[i]);
    if (load->sequence_by)
        check_column(builder, draft, &load->sequence_by, "sequence_by", load->sequence_by);
    add_condition(builder, draft, &load->delete_when, "delete_when", false);
    add_condition(builder, draft, &load->update.when, "update.when", true);
    add_condition(builder, draft, &load->scope, "scope", false);
}
