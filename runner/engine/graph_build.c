/* From a pipeline to drafts and references: every name in the file is looked up here. */
#include "runner/engine/graph_build.h"

#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

/* Each one compares a name with all others; a file with more wrong names has other troubles. */
enum { SUGGESTIONS_MAX = 50 };

static const struct check *checks_of(const struct graph_node *node, size_t *ret_count)
{
    const struct option_items none = {0};
    const struct option_items *items = node->kind == TASK_TRANSFORM ? &node->transform->checks
                                       : node->kind == TASK_LOAD    ? &node->load->checks
                                                                    : &none;

    *ret_count = items->count;
    return items->items;
}

static bool has_sql_check(const struct option_items *checks)
{
    const struct check *items = checks->items;

    for (size_t i = 0; i < checks->count; i++) {
        if (items[i].kind == CHECK_SQL)
            return true;
    }
    return false;
}

bool graph_pipeline_has_sql(const struct pipeline *pipeline)
{
    const struct load *loads = pipeline->loads.items;

    if (pipeline->transforms.count)
        return true;
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        if (has_sql_check(&loads[i].checks))
            return true;
    }
    return false;
}

const char *graph_suggest(
    struct graph_builder *builder, const struct table *names, const char *name)
{
    const char **choices;
    const char *nearest;

    if (builder->suggestions >= SUGGESTIONS_MAX)
        return "";
    builder->suggestions++;
    choices = mem_calloc(names->count + 1, sizeof(*choices));
    for (size_t i = 0; i < names->count; i++)
        choices[i] = names->entries[i].key;
    nearest = text_nearest(name, choices);
    free(choices);
    return nearest ? arena_printf(builder->arena, "; did you mean \"%s\"?", nearest) : "";
}

/* --- drafts --- */

static void add_draft(
    struct graph_builder *builder, enum task_kind kind, const struct option_item *item)
{
    static const char *const kinds[] = {"extract", "transform", "load"};
    struct graph_draft *draft = &builder->drafts[builder->count];
    const struct graph_draft *other;

    draft->node.kind = kind;
    draft->node.index = builder->count++;
    draft->node.name = item->name;
    draft->node.id = arena_printf(builder->arena, "%s.%s", kinds[kind], item->name);
    table_put(&builder->ids, draft->node.id, draft);
    if (kind == TASK_LOAD)
        return;
    other = table_put(&builder->datasets, item->name, draft);
    if (other)
        diagnostics_error(builder->problems, builder->pipeline->path, item->mark,
            "%s: it would hide %s: extracts and transforms share one set of names, the one that "
            "SQL uses; rename one of them",
            draft->node.id, other->node.id);
}

void graph_build_drafts(struct graph_builder *builder)
{
    const struct pipeline *pipeline = builder->pipeline;
    const struct extract *extracts = pipeline->extracts.items;
    const struct transform *transforms = pipeline->transforms.items;
    const struct load *loads = pipeline->loads.items;

    builder->drafts =
        mem_calloc(pipeline->extracts.count + pipeline->transforms.count + pipeline->loads.count,
            sizeof(*builder->drafts));
    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        builder->drafts[builder->count].node.extract = &extracts[i];
        add_draft(builder, TASK_EXTRACT, &extracts[i].item);
    }
    for (size_t i = 0; i < pipeline->transforms.count; i++) {
        builder->drafts[builder->count].node.transform = &transforms[i];
        add_draft(builder, TASK_TRANSFORM, &transforms[i].item);
    }
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        builder->drafts[builder->count].node.load = &loads[i];
        add_draft(builder, TASK_LOAD, &loads[i].item);
    }
}

/* --- references --- */

static void add_reference(struct graph_draft *draft, struct graph_reference reference)
{
    draft->references = mem_grow(draft->references, &draft->reference_capacity,
        draft->reference_count, sizeof(*draft->references));
    draft->references[draft->reference_count++] = reference;
}

/* The dataset that SQL calls `name`. */
static const struct graph_draft *find_sql_name(
    const struct graph_builder *builder, const char *name)
{
    char *lower = mem_strdup(name);
    const struct graph_draft *found;

    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    found = table_get(&builder->datasets, lower);
    free(lower);
    return found;
}

static void report_unknown_table(struct graph_builder *builder, const struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_table *table)
{
    const struct option_mark mark = graph_sql_mark(sql, table->offset);

    if (table->schema) {
        diagnostics_error(builder->problems, sql->path, mark,
            "%s: \"%s.%s\" is not a dataset: SQL here reads the datasets of this pipeline by their "
            "plain names; tables of the catalog cannot be read in it yet",
            sql->label, table->schema, table->name);
        return;
    }
    if (draft->node.kind == TASK_LOAD && strcasecmp(table->name, draft->node.name) == 0) {
        diagnostics_error(builder->problems, sql->path, mark,
            "%s: no dataset is called \"%s\": the rows of a load go by the name of its dataset; "
            "write \"%s\"",
            sql->label, table->name, draft->node.load->from);
        return;
    }
    diagnostics_error(builder->problems, sql->path, mark, "%s: no dataset is called \"%s\"%s",
        sql->label, table->name, graph_suggest(builder, &builder->datasets, table->name));
}

static void add_tables(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement,
    enum graph_reference_kind kind)
{
    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table *table = &statement->tables[i];
        const struct graph_draft *target =
            table->schema ? NULL : find_sql_name(builder, table->name);

        if (!target) {
            report_unknown_table(builder, draft, sql, table);
            draft->broken = true;
            continue;
        }
        if (target == draft && kind == REFERENCE_CHECK)
            continue; /* its own rows */
        if (target == draft) {
            diagnostics_error(builder->problems, sql->path, graph_sql_mark(sql, table->offset),
                "%s: it reads itself; name another dataset, or rename this transform", sql->label);
            draft->broken = true;
            continue;
        }
        add_reference(draft, (struct graph_reference){
                                 .kind = kind,
                                 .target = target->node.index,
                                 .driver = kind == REFERENCE_SQL && table->is_driver,
                                 .sql = sql,
                                 .offset = table->offset,
                             });
    }
}

static void add_checks(struct graph_builder *builder, struct graph_draft *draft)
{
    size_t count;
    const struct check *checks = checks_of(&draft->node, &count);

    draft->node.checks = arena_array(builder->arena, count, sizeof(*draft->node.checks));
    for (size_t i = 0; i < count; i++) {
        struct graph_sql *sql;

        if (checks[i].kind != CHECK_SQL)
            continue;
        sql = arena_new(builder->arena, struct graph_sql);
        graph_sql_of_check(builder, draft, i, &checks[i], sql);
        if (graph_sql_parse(builder, sql, &draft->node.checks[i]))
            add_tables(builder, draft, sql, &draft->node.checks[i], REFERENCE_CHECK);
    }
}

static void add_statement(struct graph_builder *builder, struct graph_draft *draft)
{
    struct graph_sql *sql = arena_new(builder->arena, struct graph_sql);

    graph_sql_of_transform(builder, draft, sql);
    if (graph_sql_parse(builder, sql, &draft->node.statement))
        add_tables(builder, draft, sql, &draft->node.statement, REFERENCE_SQL);
    else
        draft->broken = true;
}

static void add_from(struct graph_builder *builder, struct graph_draft *draft)
{
    const struct load *load = draft->node.load;
    const struct graph_draft *target = table_get(&builder->datasets, load->from);

    if (target) {
        add_reference(draft, (struct graph_reference){
                                 .kind = REFERENCE_FROM,
                                 .target = target->node.index,
                                 .driver = true,
                                 .field = &load->from,
                             });
        return;
    }
    draft->broken = true;
    diagnostics_error(builder->problems, builder->pipeline->path,
        pipeline_mark(builder->pipeline, &load->from), "%s.from: no dataset is called \"%s\"%s",
        draft->node.id, load->from, graph_suggest(builder, &builder->datasets, load->from));
}

static void add_after(
    struct graph_builder *builder, struct graph_draft *draft, const struct text_list *after)
{
    const struct option_mark mark =
        after->count ? pipeline_mark(builder->pipeline, after) : (struct option_mark){0};

    for (size_t i = 0; i < after->count; i++) {
        const char *name = after->items[i];
        const bool is_id = strchr(name, '.') != NULL;
        const struct graph_draft *target =
            table_get(is_id ? &builder->ids : &builder->datasets, name);

        if (!target) {
            const struct table *near = is_id ? &builder->ids : &builder->datasets;
            char *load_id = arena_printf(builder->arena, "load.%s", name);

            diagnostics_error(builder->problems, builder->pipeline->path, mark,
                "%s.after: no task is called \"%s\"%s", draft->node.id, name,
                table_has(&builder->ids, load_id)
                    ? arena_printf(builder->arena, "; did you mean \"%s\"?", load_id)
                    : graph_suggest(builder, near, name));
        } else if (target == draft) {
            diagnostics_error(builder->problems, builder->pipeline->path, mark,
                "%s.after: a task cannot come after itself", draft->node.id);
        } else {
            add_reference(draft, (struct graph_reference){
                                     .kind = REFERENCE_AFTER,
                                     .target = target->node.index,
                                     .field = after,
                                 });
        }
    }
}

void graph_build_references(struct graph_builder *builder)
{
    for (unsigned i = 0; i < builder->count; i++) {
        struct graph_draft *draft = &builder->drafts[i];

        switch (draft->node.kind) {
        case TASK_EXTRACT:
            add_after(builder, draft, &draft->node.extract->after);
            break;
        case TASK_TRANSFORM:
            if (builder->sql) {
                add_statement(builder, draft);
                add_checks(builder, draft);
            } else {
                draft->broken = true; /* the engine's error is reported already */
            }
            add_after(builder, draft, &draft->node.transform->after);
            break;
        case TASK_LOAD:
            add_from(builder, draft);
            if (builder->sql)
                add_checks(builder, draft);
            add_after(builder, draft, &draft->node.load->after);
            break;
        }
    }
}
