#include "runner/cli/tables.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/catalog_args.h"

#include <string.h>

enum { TRANSFERS_MAX = 64 };

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

int tables_parse_version(
    struct cli *cli, const char *name, struct catalog_locator *ret_at, struct error *err)
{
    return strchr(name, '@') ? catalog_args_locator(name, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION,
                                   &cli->arena, ret_at, err)
                             : tables_parse(cli, name, ret_at, err);
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
    else if (nearest && strcmp(nearest, asked) == 0)
        error_set(err, ERROR_INVALID,
            "the table %s has no active version; sluice catalog list-table-versions %s lists them",
            asked, asked);
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

static int find(struct cli *cli, const char *name, const struct catalog_locator *at,
    struct question *question, const struct catalog_version **ret_version, struct error *err)
{
    question->catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = *at};
    question_ask_catalog(cli, question);
    questions_wait(cli);
    if (question->err.code && question->err.code != ERROR_NOT_FOUND) {
        *err = question->err;
        return -1;
    }
    if ((question->err.code || question->catalog.count == 0) && at->version == 0)
        return tables_unknown(cli, name, err);
    if (question->err.code || question->catalog.count == 0)
        return error_set(err, ERROR_INVALID,
            "there is no %s; sluice catalog list-table-versions lists versions of a table", name);
    *ret_version = &question->catalog.versions[0];
    return 0;
}

int tables_find(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err)
{
    struct catalog_locator at;

    return tables_parse(cli, name, &at, err) || find(cli, name, &at, question, ret_version, err)
               ? -1
               : 0;
}

int tables_find_version(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err)
{
    struct catalog_locator at;

    return tables_parse_version(cli, name, &at, err) ||
                   find(cli, name, &at, question, ret_version, err)
               ? -1
               : 0;
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

/* --- its rows --- */

struct reads {
    struct cli *cli;
    struct table_read *items;
    size_t count, left;
    struct slots slots;
    struct error err;
    bool cancelled;
};

static void cancel_reads(struct reads *reads)
{
    if (reads->cancelled)
        return;
    reads->cancelled = true;
    for (size_t i = 0; i < reads->count; i++)
        table_read_cancel(&reads->items[i]);
}

static void on_read(struct table_read *read, const struct error *err)
{
    struct reads *reads = container_of(read->slots, struct reads, slots);

    reads->left--;
    error_keep_first(&reads->err, err);
    if (reads->err.code)
        cancel_reads(reads);
    if (reads->left == 0)
        loop_on_stop(&reads->cli->loop, NULL, NULL);
}

static void on_stop(void *data, int signal_number)
{
    struct reads *reads = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    cancel_reads(reads);
}

int tables_read(struct cli *cli, struct table_read *items, size_t count, struct error *err)
{
    struct reads reads = {.cli = cli,
        .items = items,
        .count = count,
        .left = count,
        .slots = {.limit = TRANSFERS_MAX}};

    if (count == 0)
        return 0;
    loop_on_stop(&cli->loop, on_stop, &reads);
    for (size_t i = 0; i < count; i++) {
        items[i].engine = cli->engine;
        items[i].slots = &reads.slots;
        items[i].arena = &cli->arena;
        items[i].done = on_read;
        table_read_start(&items[i]);
    }
    loop_run(&cli->loop);
    if (!reads.err.code)
        return 0;
    *err = reads.err;
    return -1;
}
