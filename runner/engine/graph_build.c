/* From a pipeline to drafts and references: every name in the file is looked up here. */
#include "runner/engine/graph_build.h"

#include "runner/base/mem.h"

#include <assert.h>
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
        if (items[i].kind == CHECK_SQL || items[i].kind == CHECK_FOREIGN_KEY)
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
        if (has_sql_check(&loads[i].checks) || graph_condition_is_in(&loads[i]))
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

    draft->node.kind = kind;
    draft->node.index = builder->count++;
    draft->node.name = item->name;
    draft->node.id = arena_printf(builder->arena, "%s.%s", kinds[kind], item->name);
    table_put(&builder->ids, draft->node.id, draft);
    if (kind != TASK_LOAD)
        table_put(&builder->datasets, item->name, draft);
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
    if (table->schema)
        graph_sql_error(builder, sql, table->offset,
            "\"%s.%s\" is not a dataset: SQL here reads the datasets of this pipeline by their "
            "plain names; tables of the catalog cannot be read in it yet",
            table->schema, table->name);
    else if (draft->node.kind == TASK_LOAD && strcasecmp(table->name, draft->node.name) == 0)
        graph_sql_error(builder, sql, table->offset,
            "no dataset is called \"%s\": the rows of a load go by the name of its dataset; "
            "write \"%s\"",
            table->name, draft->node.load->from);
    else
        graph_sql_error(builder, sql, table->offset, "no dataset is called \"%s\"%s", table->name,
            graph_suggest(builder, &builder->datasets, table->name));
}

/* A dataset that a WITH hides cannot be read below it, and nobody would see why its rows are not
 * used. A transform's own name hides nothing: it could not read itself. */
static void refuse_hidden(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement,
    enum graph_reference_kind kind)
{
    for (size_t i = 0; i < statement->ctes.count; i++) {
        const char *name = statement->ctes.items[i];
        const struct graph_draft *hidden = find_sql_name(builder, name);

        if (!hidden || (hidden == draft && kind == REFERENCE_SQL))
            continue;
        graph_sql_error(builder, sql, graph_sql_find_cte(sql->text, name),
            "this WITH hides %s, whose rows could then not be read; rename \"%s\" in the SQL",
            hidden->node.id, name);
        draft->broken = true;
    }
}

void graph_build_tables(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement,
    enum graph_reference_kind kind)
{
    refuse_hidden(builder, draft, sql, statement, kind);
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
            graph_sql_error(builder, sql, table->offset,
                "it reads itself; name another dataset, or rename this transform");
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

/* The dataset that a foreign_key looks into is there first. */
static void add_foreign_key(
    struct graph_builder *builder, struct graph_draft *draft, const struct check *check)
{
    const char *const *name = &check->foreign_key.references;
    const struct graph_draft *target = table_get(&builder->datasets, *name);
    const struct option_mark mark = pipeline_mark(builder->pipeline, name);

    if (target && target != draft)
        add_reference(
            draft, (struct graph_reference){
                       .kind = REFERENCE_CHECK, .target = target->node.index, .field = name});
    else if (!target)
        diagnostics_error(builder->problems, builder->pipeline->path, mark,
            "%s.checks: foreign_key: there is no dataset \"%s\"%s", draft->node.id, *name,
            graph_suggest(builder, &builder->datasets, *name));
}

static void add_checks(struct graph_builder *builder, struct graph_draft *draft)
{
    size_t count;
    const struct check *checks = checks_of(&draft->node, &count);

    draft->node.checks = arena_array(builder->arena, count, sizeof(*draft->node.checks));
    for (size_t i = 0; i < count; i++) {
        const struct graph_sql *sql;

        if (checks[i].kind == CHECK_FOREIGN_KEY)
            add_foreign_key(builder, draft, &checks[i]);
        if (checks[i].kind != CHECK_SQL)
            continue;
        sql = graph_sql_of_check(builder, draft, i, &checks[i]);
        if (graph_sql_parse(builder, draft, sql, &draft->node.checks[i]))
            graph_build_tables(builder, draft, sql, &draft->node.checks[i], REFERENCE_CHECK);
    }
}

static void add_statement(struct graph_builder *builder, struct graph_draft *draft)
{
    const struct graph_sql *sql = graph_sql_of_transform(builder, draft);

    if (graph_sql_parse(builder, draft, sql, &draft->node.statement))
        graph_build_tables(builder, draft, sql, &draft->node.statement, REFERENCE_SQL);
    else
        draft->broken = true;
}

/* config saw to it that what `from` and `after` name is there, and is another task. */
static void add_from(struct graph_builder *builder, struct graph_draft *draft)
{
    const struct load *load = draft->node.load;
    const struct graph_draft *target = table_get(&builder->datasets, load->from);

    assert(target);
    add_reference(draft, (struct graph_reference){
                             .kind = REFERENCE_FROM,
                             .target = target->node.index,
                             .driver = true,
                             .field = &load->from,
                         });
}

static void add_after(
    struct graph_builder *builder, struct graph_draft *draft, const struct text_list *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct graph_draft *target = table_get(&builder->ids, after->items[i]);

        assert(target && target != draft);
        add_reference(draft, (struct graph_reference){
                                 .kind = REFERENCE_AFTER,
                                 .target = target->node.index,
                                 .field = &after->items[i],
                             });
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
            if (builder->sql) {
                add_checks(builder, draft);
                graph_conditions(builder, draft);
            }
            add_after(builder, draft, &draft->node.load->after);
            break;
        }
    }
}
