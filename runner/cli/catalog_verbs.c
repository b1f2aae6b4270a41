#include "runner/cli/catalog_verbs.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/catalog_json.h"
#include "runner/cli/print_json.h"

#include <inttypes.h>
#include <stdio.h>
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

static void append_values(struct buffer *text, const struct catalog_locator *at)
{
    buffer_puts(text, " partition [");
    for (size_t i = 0; i < at->value_count; i++) {
        buffer_puts(text, i ? ", " : "");
        text_append_printable(text, at->values[i] ? at->values[i] : "null");
    }
    buffer_putc(text, ']');
}

/* "a.t version 2 partition [x]: there is no delta at position 7" */
static void fail_missing(const struct catalog_query *query, struct error *err)
{
    const struct catalog_locator *at = &query->at;
    struct buffer where;
    const char *id = NULL, *what = "such namespace";
    char position[64];

    buffer_init(&where, 300);
    buffer_puts(&where, at->namespace);
    if (at->table)
        buffer_printf(&where, ".%s", at->table);
    if (at->version)
        buffer_printf(&where, " version %" PRId64, at->version);
    if (at->value_count > 0)
        append_values(&where, at);
    switch (query->verb) {
    case CATALOG_GET_NAMESPACE:
        break;
    case CATALOG_GET_TABLE:
        what = "such table";
        break;
    case CATALOG_GET_STREAM:
        what = at->stream_id ? "stream" : "committed stream";
        id = at->stream_id;
        break;
    case CATALOG_GET_PARTITION:
        what = at->partition_id ? "partition" : "committed partition";
        id = at->partition_id;
        break;
    case CATALOG_GET_DELTA:
        snprintf(position, sizeof(position), "delta at position %" PRId64, at->position);
        what = at->delta_id ? "delta" : position;
        id = at->delta_id;
        break;
    case CATALOG_GET_LATEST_DELTA:
        what = "committed delta";
        break;
    case CATALOG_GET_LATEST_VERSION:
        what = "version";
        break;
    default:
        what = at->version ? "such version" : "active version; say @VERSION";
    }
    error_set(err, ERROR_NOT_FOUND, "%s: there is no %s%s%.100s", where.data, what,
        id ? " with the id " : "", id ? id : "");
    buffer_deinit(&where);
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
        fail_missing(query, &err);
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
