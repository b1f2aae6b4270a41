#include "runner/cli/adhoc_tables.h"

#include "runner/base/mem.h"
#include "runner/cli/tables.h"
#include "runner/engine/table_version.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *lower(struct cli *cli, const char *text)
{
    char *copy = arena_strdup(&cli->arena, text);

    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int add_table(struct adhoc_tables *tables, const char *name, struct error *err)
{
    struct table_read *read = &tables->reads[tables->read_count];
    const struct catalog_version *version;
    struct question found = {0};
    int result = tables_find_version(tables->cli, name, &found, &version, err);

    question_deinit(&found);
    if (result || tables_parse_version(tables->cli, name, &read->at, err))
        return -1;
    if (tables->at && table_version_parse_at(tables->at, read, err))
        return error_prefix(err, "--at");
    read->space = read->at.namespace;
    read->name = arena_strdup(&tables->cli->arena, strchr(name, '.') + 1); /* with its version */
    read->in_place = true;
    read->folder = tables->folder;
    tables->read_count++;
    return 0;
}

static bool names(const struct sql_statement *statement, const struct table_read *read)
{
    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table *table = &statement->tables[i];

        if (table->schema && strcasecmp(table->schema, read->space) == 0 &&
            strcasecmp(table->name, read->name) == 0)
            return true;
    }
    return false;
}

static bool is_there(const struct adhoc_tables *tables, const char *space, const char *name)
{
    for (size_t i = 0; i < tables->read_count; i++) {
        if (strcmp(tables->reads[i].space, space) == 0 && strcmp(tables->reads[i].name, name) == 0)
            return true;
    }
    return false;
}

/* SQL does not tell Upper from lower in names, the catalog has lower ones only. */
static int add_named(struct adhoc_tables *tables, const struct sql_statement *statement,
    const char *bare, struct error *err)
{
    struct cli *cli = tables->cli;

    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table *table = &statement->tables[i];
        const char *space = table->schema ? lower(cli, table->schema) : NULL;
        const char *name = lower(cli, table->name);

        if (!space && bare && strcmp(name, bare) == 0)
            continue;
        if (!space)
            return tables_unknown(cli, table->name, err);
        if (!is_there(tables, space, name) &&
            add_table(tables, arena_printf(&cli->arena, "%s.%s", space, name), err))
            return -1;
    }
    return 0;
}

int adhoc_tables_find(struct adhoc_tables *tables, const struct sql_engine_type *type,
    const char *sql, const char *table, struct error *err)
{
    struct arena *arena = &tables->cli->arena;
    struct sql_statement statement = {0};
    const char *bare = NULL;
    size_t offset;

    if (type->parse(sql, arena, &statement, &offset, err)) {
        if (tables->condition_at == 0 || offset < tables->condition_at)
            return error_prefix(err, "SQL, character %zu", offset + 1);
        return error_prefix(err, "--where, character %zu", offset - tables->condition_at + 1);
    }
    tables->reads = arena_array(arena, statement.table_count + 1, sizeof(*tables->reads));
    if (table) {
        if (add_table(tables, table, err))
            return -1;
        tables->reads[0].name = tables->reads[0].at.table;
        bare = tables->reads[0].name;
        tables->has_bare = true;
        tables->bare_only = !names(&statement, &tables->reads[0]);
    }
    if (add_named(tables, &statement, bare, err))
        return -1;
    /* Of a statement about one table: they are about it. */
    if (tables->read_count == 1) {
        tables->reads[0].conditions = statement.conditions;
        tables->reads[0].condition_count = statement.condition_count;
    }
    return 0;
}

int adhoc_tables_read(struct adhoc_tables *tables, struct error *err)
{
    struct sql_dataset *datasets;
    size_t count = 0;

    if (tables_read(tables->cli, tables->reads, tables->read_count, err))
        return -1;
    datasets = arena_array(&tables->cli->arena, tables->read_count + 1, sizeof(*datasets));
    if (tables->has_bare) {
        datasets[count] = tables->reads[0].ret_dataset;
        datasets[count++].space = NULL;
    }
    for (size_t i = tables->bare_only; i < tables->read_count; i++)
        datasets[count++] = tables->reads[i].ret_dataset;
    tables->datasets = datasets;
    tables->dataset_count = count;
    return 0;
}

void adhoc_tables_count(const struct adhoc_tables *tables, struct adhoc_count *ret_count)
{
    *ret_count = (struct adhoc_count){0};
    for (size_t i = 0; i < tables->read_count; i++) {
        ret_count->files += tables->reads[i].ret_files;
        ret_count->skipped += tables->reads[i].ret_skipped;
        ret_count->bytes += tables->reads[i].ret_bytes;
    }
}
