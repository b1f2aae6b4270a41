#include "runner/cli/tables.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/io/file.h"

#include <string.h>

/* --- names --- */

static bool is_name(const char *text)
{
    return text_is_name(text, "_");
}

int tables_parse(
    struct cli *cli, const char *name, struct catalog_locator *ret_at, struct error *err)
{
    const char *dot = strchr(name, '.');
    struct catalog_locator at = {0};

    if (!dot)
        return tables_unknown(cli, name, err);
    at.namespace = arena_strndup(&cli->arena, name, (size_t)(dot - name));
    at.table = arena_strdup(&cli->arena, dot + 1);
    if (!is_name(at.namespace) || !is_name(at.table))
        return error_set(err, ERROR_INVALID,
            "\"%s\" is no table: write namespace.table, each of a-z, 0-9 and _", name);
    *ret_at = at;
    return 0;
}

/* The one that is called so in any namespace, else the nearest. */
static const char *suggest(struct cli *cli, const struct catalog_query *all, const char *asked)
{
    const char **names = arena_array(&cli->arena, all->count + 1, sizeof(*names));

    for (size_t i = 0; i < all->count; i++) {
        const struct catalog_table *table = &all->tables[i];

        names[i] = arena_printf(&cli->arena, "%s.%s", table->namespace, table->name);
        if (strcmp(table->name, asked) == 0)
            return names[i];
    }
    return text_nearest(asked, names);
}

int tables_unknown(struct cli *cli, const char *asked, struct error *err)
{
    struct question all = {.catalog = {.verb = CATALOG_LIST_TABLES}};
    const char *nearest;

    question_ask_catalog(cli, &all);
    questions_wait(cli);
    nearest = all.err.code ? NULL : suggest(cli, &all.catalog, asked);
    if (all.err.code)
        *err = all.err;
    else if (nearest)
        error_set(
            err, ERROR_INVALID, "there is no table \"%s\"; did you mean \"%s\"?", asked, nearest);
    else if (!strchr(asked, '.'))
        error_set(err, ERROR_INVALID,
            "there is no table \"%s\"; write namespace.table, as sluice catalog ls lists them",
            asked);
    else
        error_set(err, ERROR_INVALID,
            "there is no table \"%s\" in environment %s; sluice catalog ls lists them", asked,
            cli->project->environment->item.name);
    question_deinit(&all);
    return -1;
}

/* --- one table --- */

int tables_find(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err)
{
    struct catalog_locator at;

    if (tables_parse(cli, name, &at, err))
        return -1;
    question->catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = at};
    question_ask_catalog(cli, question);
    questions_wait(cli);
    if (question->err.code && question->err.code != ERROR_NOT_FOUND) {
        *err = question->err;
        return -1;
    }
    if (question->err.code || question->catalog.count == 0)
        return tables_unknown(cli, name, err);
    *ret_version = &question->catalog.versions[0];
    return 0;
}

/* --- its files --- */

int tables_file(
    struct cli *cli, const struct catalog_file *file, const char **ret_path, struct error *err)
{
    struct buffer path;
    struct store *store;
    const char *key;

    if (engine_data_file(cli->engine, file->key, &store, &key, err))
        return -1;
    buffer_init(&path, 0);
    store->type->describe(store, key, &path);
    *ret_path = arena_strdup(&cli->arena, path.data);
    buffer_deinit(&path);
    return 0;
}

/* The SQL engine would only name a pattern that finds nothing. */
static int check_file(const struct catalog_version *version, const struct catalog_file *file,
    const char *path, struct error *err)
{
    if (file_exists(path))
        return 0;
    return error_set(err, ERROR_NOT_FOUND,
        "table %s.%s: its data file %s is gone: restore it as %s; `sluice catalog files %s.%s` "
        "lists them all",
        version->namespace, version->table, file->key, path, version->namespace, version->table);
}

/* Where the SQL engine opens it: where it is, or where it is fetched to. */
static int find_file(struct cli *cli, const struct catalog_version *version,
    const struct catalog_file *file, struct fetch *fetch, const char **ret_path, struct error *err)
{
    struct store *store;
    const char *key;

    if (engine_data_file(cli->engine, file->key, &store, &key, err))
        return -1;
    if (!store->type->local_path) {
        *ret_path = fetch_add(fetch, store, key);
        return 0;
    }
    if (tables_file(cli, file, ret_path, err))
        return -1;
    return check_file(version, file, *ret_path, err);
}

static int find_files(struct cli *cli, const struct catalog_version *version,
    const struct catalog_query *files, struct fetch *fetch, struct text_list *ret_paths,
    struct error *err)
{
    const char **paths;
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < files->count; i++)
        capacity += files->deltas[i].file_count;
    paths = arena_array(&cli->arena, capacity, sizeof(*paths));
    for (size_t i = 0; i < files->count; i++) {
        for (size_t j = 0; j < files->deltas[i].file_count; j++, count++) {
            if (find_file(cli, version, &files->deltas[i].files[j], fetch, &paths[count], err))
                return -1;
        }
    }
    *ret_paths = (struct text_list){.items = paths, .count = count};
    return 0;
}

static void copy_columns(
    struct cli *cli, const struct catalog_version *version, struct sql_schema *ret_schema)
{
    struct sql_column *columns = arena_array(&cli->arena, version->column_count, sizeof(*columns));

    for (size_t i = 0; i < version->column_count; i++)
        columns[i] =
            (struct sql_column){.name = arena_strdup(&cli->arena, version->columns[i].name),
                .type = arena_strdup(&cli->arena, version->columns[i].type)};
    *ret_schema = (struct sql_schema){.columns = columns, .count = version->column_count};
}

int tables_dataset(struct cli *cli, const struct catalog_version *version, bool alone,
    struct fetch *fetch, struct sql_dataset *ret_dataset, struct error *err)
{
    struct question files = {.catalog = {.verb = CATALOG_LIST_FILES,
                                 .at = {.namespace = version->namespace,
                                     .table = version->table,
                                     .version = version->version}}};
    struct sql_dataset dataset = {.rows = version->rows, .bytes = version->bytes};
    int result = -1;

    question_ask_catalog(cli, &files);
    questions_wait(cli);
    if (files.err.code)
        *err = files.err;
    else
        result = find_files(cli, version, &files.catalog, fetch, &dataset.files, err);
    question_deinit(&files);
    if (result)
        return -1;
    dataset.name = arena_strdup(&cli->arena, version->table);
    dataset.space = alone ? NULL : arena_strdup(&cli->arena, version->namespace);
    copy_columns(cli, version, &dataset.schema);
    *ret_dataset = dataset;
    return 0;
}
