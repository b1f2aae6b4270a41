/* list_*, get_*, *_exists: the verbs that change nothing. */
#include "runner/cli/catalog_verbs.h"

#include <stddef.h>

/* --- flags --- */

static const struct option page_table[] = {VERB_PAGE};
const struct option_set catalog_flags_list =
    OPTION_SET("list", "Options", struct verb_options, page_table);

static const struct option partitions_table[] = {VERB_STREAM, VERB_PAGE};
const struct option_set catalog_flags_list_partitions =
    OPTION_SET("list-partitions", "Options", struct verb_options, partitions_table);

static const struct option version_table[] = {
    VERB_FLAG("latest", OPTION_BOOL, latest, "The newest one, whatever its lifecycle"),
};
const struct option_set catalog_flags_get_version =
    OPTION_SET("get-table-version", "Options", struct verb_options, version_table);

static const struct option stream_table[] = {
    {"id", OPTION_TEXT, offsetof(struct verb_options, stream), .value_name = "ID",
        .help = "That one, staged or replaced, too (default: the committed one)"},
};
const struct option_set catalog_flags_get_stream =
    OPTION_SET("get-stream", "Options", struct verb_options, stream_table);

#define VERB_PARTITION_ID                                                                          \
    {                                                                                              \
        "id", OPTION_TEXT, offsetof(struct verb_options, id),                                      \
            .value_name = "ID", .help = "That one, staged or replaced, too"                        \
    }
static const struct option partition_table[] = {VERB_PARTITION, VERB_PARTITION_ID, VERB_STREAM};
const struct option_set catalog_flags_get_partition =
    OPTION_SET("get-partition", "Options", struct verb_options, partition_table);

#define VERB_BOUNDS                                                                                \
    {"first", OPTION_INT, offsetof(struct verb_options, first), .min = 1, .max = 9e15,             \
        .value_name = "POSITION", .help = "From this position on, inclusive"},                     \
        {"last", OPTION_INT, offsetof(struct verb_options, last), .min = 1, .max = 9e15,           \
            .value_name = "POSITION", .help = "Up to this position, inclusive"},                   \
        {"ascending", OPTION_BOOL, offsetof(struct verb_options, reverse),                         \
            .help = "The oldest first"},                                                           \
        {"include-manifest", OPTION_BOOL, offsetof(struct verb_options, files),                    \
            .help = "With their files"},                                                           \
        {"limit", OPTION_INT, offsetof(struct verb_options, limit), .letter = 'n', .min = 1,       \
            .max = 1e9, .value_name = "N", .help = "A page of N (default: all)"},                  \
    {                                                                                              \
        "after", OPTION_TEXT, offsetof(struct verb_options, after),                                \
            .value_name = "NEXT", .help = "The page behind the one that ended with this"           \
    }
static const struct option deltas_table[] = {VERB_PARTITION, VERB_STREAM,
    VERB_FLAG("current", OPTION_BOOL, current, "Without those of partitions that were replaced"),
    VERB_BOUNDS};
const struct option_set catalog_flags_list_deltas =
    OPTION_SET("list-deltas", "Options", struct verb_options, deltas_table);

static const struct option partition_deltas_table[] = {
    VERB_PARTITION, VERB_PARTITION_ID, VERB_STREAM, VERB_BOUNDS};
const struct option_set catalog_flags_list_partition_deltas =
    OPTION_SET("list-partition-deltas", "Options", struct verb_options, partition_deltas_table);

static const struct option delta_table[] = {VERB_PARTITION,
    {"id", OPTION_TEXT, offsetof(struct verb_options, id), .value_name = "ID",
        .help = "That one, staged, too"},
    {"position", OPTION_INT, offsetof(struct verb_options, position), .min = 1, .max = 9e15,
        .value_name = "POSITION", .help = "The one at this position"},
    VERB_FLAG("include-manifest", OPTION_BOOL, files, "With its files"), VERB_STREAM};
const struct option_set catalog_flags_get_delta =
    OPTION_SET("get-delta", "Options", struct verb_options, delta_table);

static const struct option latest_delta_table[] = {VERB_PARTITION,
    VERB_FLAG("include-manifest", OPTION_BOOL, files, "With its files"), VERB_STREAM};
const struct option_set catalog_flags_get_latest_delta =
    OPTION_SET("get-latest-delta", "Options", struct verb_options, latest_delta_table);

/* --- one function a shape --- */

static int ask(struct cli *cli, enum catalog_query_verb verb, const struct verb_options *options,
    const char *name, enum catalog_depth least, enum catalog_depth deepest, bool one)
{
    static const struct verb_options none;
    const struct verb_options *said = options ? options : &none;
    struct catalog_query query = {.verb = verb,
        .reverse = said->reverse,
        .with_files = said->files,
        .current = said->current,
        .first_position = said->first,
        .last_position = said->last,
        .limit = said->limit,
        .after = said->after};
    const int code = name ? catalog_verbs_open(cli, true, name, least, deepest, said, &query.at)
                          : cli_open_engine(cli, true);

    query.at.position = said->position;
    if (verb == CATALOG_GET_DELTA)
        query.at.delta_id = said->id;
    else
        query.at.partition_id = said->id;
    return code ? code : catalog_verbs_ask(cli, &query, one);
}

#define READ_VERB(name, verb, least, deepest, one)                                                 \
    CATALOG_VERB(name)                                                                             \
    {                                                                                              \
        return ask(cli, verb, options, arg_count ? args[0] : NULL, least, deepest, one);           \
    }

READ_VERB(list_namespaces, CATALOG_LIST_NAMESPACES, 0, 0, false)
READ_VERB(list_staged, CATALOG_LIST_STAGED, 0, 0, false)
READ_VERB(list_tables, CATALOG_LIST_TABLES, CATALOG_ARG_NAMESPACE, CATALOG_ARG_NAMESPACE, false)
READ_VERB(list_versions, CATALOG_LIST_VERSIONS, CATALOG_ARG_TABLE, CATALOG_ARG_TABLE, false)
READ_VERB(list_schemas, CATALOG_LIST_SCHEMAS, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, false)
READ_VERB(list_streams, CATALOG_LIST_STREAMS, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, false)
READ_VERB(list_partitions, CATALOG_LIST_PARTITIONS, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, false)
READ_VERB(list_deltas, CATALOG_LIST_DELTAS, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, false)
READ_VERB(get_namespace, CATALOG_GET_NAMESPACE, CATALOG_ARG_NAMESPACE, CATALOG_ARG_NAMESPACE, true)
READ_VERB(get_table, CATALOG_GET_TABLE, CATALOG_ARG_TABLE, CATALOG_ARG_TABLE, true)
READ_VERB(get_stream, CATALOG_GET_STREAM, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, true)
READ_VERB(get_partition, CATALOG_GET_PARTITION, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, true)
READ_VERB(get_latest_delta, CATALOG_GET_LATEST_DELTA, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, true)

CATALOG_VERB(get_delta)
{
    const struct verb_options *said = options;
    struct error err;

    (void)arg_count;
    if (!said->id == !said->position) {
        error_set(&err, ERROR_INVALID, "which delta? say --id ID, or --position P, one of both");
        return cli_fail(cli, &err);
    }
    return ask(
        cli, CATALOG_GET_DELTA, options, args[0], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, true);
}

CATALOG_VERB(get_version)
{
    const struct verb_options *said = options;

    (void)arg_count;
    return ask(cli, said->latest ? CATALOG_GET_LATEST_VERSION : CATALOG_GET_VERSION, options,
        args[0], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, true);
}

/* --partition finds the committed one, --id any. */
CATALOG_VERB(list_partition_deltas)
{
    const struct verb_options *said = options;

    (void)arg_count;
    return ask(cli, said->id ? CATALOG_LIST_PARTITION_DELTAS : CATALOG_LIST_DELTAS, options,
        args[0], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, false);
}

/* --- exists --- */

CATALOG_VERB(exists)
{
    struct question question = {0};
    struct catalog_locator at;
    int code = catalog_verbs_open(
        cli, true, args[0], CATALOG_ARG_NAMESPACE, CATALOG_ARG_VERSION, NULL, &at);
    bool found;

    (void)options;
    (void)arg_count;
    if (code)
        return code;
    question.catalog = (struct catalog_query){.verb = at.version ? CATALOG_GET_VERSION
                                                      : at.table ? CATALOG_GET_TABLE
                                                                 : CATALOG_GET_NAMESPACE,
        .at = at};
    question_ask_catalog(cli, &question);
    questions_wait(cli);
    if (question.err.code && question.err.code != ERROR_NOT_FOUND) {
        code = cli_fail(cli, &question.err);
    } else {
        found = !question.err.code && question.catalog.count > 0;
        if (cli->globals.json)
            cli_print_json(json_pack("{s:b}", "exists", found));
        else if (!cli->globals.quiet)
            puts(found ? "true" : "false");
        code = found ? EXIT_OK : EXIT_FAILED;
    }
    question_deinit(&question);
    return code;
}
