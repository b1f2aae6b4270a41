#include "runner/cli/catalog_verbs.h"

#include "runner/base/mem.h"
#include "runner/cli/catalog_json.h"
#include "runner/cli/print_json.h"

#include <string.h>

const char *const catalog_verb_types[] = {"add", "append", "upsert", "delete", NULL};
const char *const catalog_verb_lifecycles[] = {
    "as it is", "unreleased", "beta", "active", "deprecated", "deleted", NULL};

/* --- what they begin with --- */

int catalog_verbs_open(struct cli *cli, bool read_only, const char *name, enum catalog_depth least,
    enum catalog_depth deepest, const struct verb_options *options, struct catalog_locator *ret_at)
{
    int code = cli_open_engine(cli, read_only);
    struct error err;

    if (code)
        return code;
    if (catalog_args_locator(name, least, deepest, &cli->arena, ret_at, &err) ||
        (options && catalog_args_values(&options->partition, &cli->arena, ret_at, &err)))
        return cli_fail(cli, &err);
    if (options)
        ret_at->stream_id = options->stream;
    return EXIT_OK;
}

/* --- questions --- */

static void say_next(struct cli *cli, const struct catalog_query *query)
{
    if (query->next && !cli->globals.quiet)
        fprintf(stderr, "there is more: --after '%s'\n", query->next);
}

static int print_answer(struct cli *cli, const struct catalog_query *query, bool one)
{
    json_t *list = catalog_json_answer(query);
    const json_t *first = json_array_get(list, 0);

    if (cli->globals.json)
        cli_print_json(json_incref(one ? (json_t *)first : list));
    else if (one)
        print_json_record(cli, first);
    else
        print_json_rows(cli, list);
    json_decref(list);
    say_next(cli, query);
    return EXIT_OK;
}

int catalog_verbs_ask(struct cli *cli, struct catalog_query *query, bool one)
{
    struct question ask = {.catalog = *query};
    struct error err;
    int code;

    question_ask_catalog(cli, &ask);
    questions_wait(cli);
    if (ask.err.code) {
        code = cli_fail(cli, &ask.err);
    } else if (one && ask.catalog.count == 0) {
        error_set(&err, ERROR_NOT_FOUND, "there is no such object in the catalog");
        code = cli_fail(cli, &err);
    } else {
        code = print_answer(cli, &ask.catalog, one);
    }
    question_deinit(&ask);
    return code;
}

/* --- changes --- */

struct applying {
    struct catalog_apply apply;
    struct error err;
};

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    error_keep_first(&container_of(apply, struct applying, apply)->err, err);
}

int catalog_verbs_apply(struct cli *cli, const struct catalog_change *changes, size_t count,
    struct catalog_query *after)
{
    struct applying applying = {.apply = {.changes = changes, .count = count, .done = on_applied}};
    struct catalog *catalog;

    if (engine_catalog(cli->engine, &catalog, &applying.err))
        return cli_fail(cli, &applying.err);
    catalog->type->apply(catalog, &applying.apply);
    loop_run(&cli->loop);
    if (applying.err.code)
        return cli_fail(cli, &applying.err);
    return after ? catalog_verbs_ask(cli, after, true) : EXIT_OK;
}
