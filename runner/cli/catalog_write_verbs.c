/* create_*, update_*, stage_*, commit_*, delete_*: one transaction each. What was made is shown. */
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"
#include "runner/cli/catalog_json.h"
#include "runner/cli/catalog_verbs.h"

#include <stddef.h>

/* --- flags --- */

static const struct option create_table[] = {VERB_DESCRIPTION, VERB_PROPERTIES, VERB_IF_MISSING};
const struct option_set catalog_flags_create =
    OPTION_SET("create", "Options", struct verb_options, create_table);

static const struct option namespace_table[] = {VERB_PROPERTIES, VERB_IF_MISSING};
const struct option_set catalog_flags_create_namespace =
    OPTION_SET("create-namespace", "Options", struct verb_options, namespace_table);

static const struct option properties_table[] = {VERB_PROPERTIES};
const struct option_set catalog_flags_properties =
    OPTION_SET("update-namespace", "Options", struct verb_options, properties_table);

static const struct option update_table[] = {VERB_DESCRIPTION, VERB_PROPERTIES,
    {"rename", OPTION_TEXT, offsetof(struct verb_options, rename), .value_name = "TABLE",
        .help = "Its new name, in the same namespace"}};
const struct option_set catalog_flags_update_table =
    OPTION_SET("update-table", "Options", struct verb_options, update_table);

#define VERB_SORT_BY                                                                               \
    {                                                                                              \
        "sort-by", OPTION_TEXTS, offsetof(struct verb_options, sort_by),                           \
            .value_name = "COLUMN",                                                                \
            .help = "What rows of a file are sorted by, as in YAML; one flag each"                 \
    }
#define VERB_LIFECYCLE                                                                             \
    {                                                                                              \
        "lifecycle", OPTION_ENUM, offsetof(struct verb_options, lifecycle),                        \
            .choices = catalog_verb_lifecycles, .help = "Its state"                                \
    }
static const struct option create_version_table[] = {
    {"column", OPTION_TEXTS, offsetof(struct verb_options, columns), .value_name = "COLUMN",
        .help = "\"NAME TYPE\" or \"NAME TYPE NOT NULL\", one flag each"},
    {"key", OPTION_TEXTS, offsetof(struct verb_options, key), .value_name = "COLUMN",
        .help = "What tells rows apart, one flag each"},
    {"sequence-by", OPTION_TEXT, offsetof(struct verb_options, sequence_by), .value_name = "COLUMN",
        .help = "The column whose largest value wins"},
    {"partition-by", OPTION_TEXTS, offsetof(struct verb_options, partition_by),
        .value_name = "FIELD", .help = "As in YAML: day(c), \"bucket(16, c)\"; one flag each"},
    VERB_SORT_BY, VERB_LIFECYCLE, VERB_DESCRIPTION, VERB_PROPERTIES, VERB_IF_MISSING};
const struct option_set catalog_flags_create_version =
    OPTION_SET("create-table-version", "Options", struct verb_options, create_version_table);

static const struct option update_version_table[] = {
    VERB_LIFECYCLE, VERB_SORT_BY, VERB_DESCRIPTION, VERB_PROPERTIES};
const struct option_set catalog_flags_update_version =
    OPTION_SET("update-table-version", "Options", struct verb_options, update_version_table);

static const struct option stream_id_table[] = {
    {"id", OPTION_TEXT, offsetof(struct verb_options, stream), .value_name = "ID",
        .help = "Its id (default, where one is made: a new UUID)"}};
const struct option_set catalog_flags_stream =
    OPTION_SET("stream", "Options", struct verb_options, stream_id_table);

#define VERB_ID(text)                                                                              \
    {                                                                                              \
        "id", OPTION_TEXT, offsetof(struct verb_options, id), .value_name = "ID", .help = (text)   \
    }
static const struct option stage_partition_table[] = {
    VERB_PARTITION, VERB_ID("Its id (default: a new UUID)"), VERB_STREAM, VERB_PROPERTIES};
const struct option_set catalog_flags_stage_partition =
    OPTION_SET("stage-partition", "Options", struct verb_options, stage_partition_table);

static const struct option commit_partition_table[] = {VERB_ID("The staged one"),
    {"previous", OPTION_TEXT, offsetof(struct verb_options, previous), .value_name = "ID",
        .help = "The one that must be committed now (default: the one when it was staged)"},
    {"promote-after", OPTION_INT, offsetof(struct verb_options, promote_after), .min = 1,
        .max = 9e15, .value_name = "POSITION",
        .help = "Deltas of the one before with greater positions go on in the new one"},
    VERB_STREAM};
const struct option_set catalog_flags_commit_partition =
    OPTION_SET("commit-partition", "Options", struct verb_options, commit_partition_table);

static const struct option delete_partition_table[] = {
    VERB_PARTITION, VERB_ID("A staged one"), VERB_STREAM};
const struct option_set catalog_flags_delete_partition =
    OPTION_SET("delete-partition", "Options", struct verb_options, delete_partition_table);

static const struct option commit_delta_table[] = {VERB_ID("The staged one"),
    {"position", OPTION_INT, offsetof(struct verb_options, position), .min = 1, .max = 9e15,
        .value_name = "POSITION", .help = "Where it goes (default: behind the newest one)"},
    VERB_STREAM};
const struct option_set catalog_flags_commit_delta =
    OPTION_SET("commit-delta", "Options", struct verb_options, commit_delta_table);

static const struct option delete_delta_table[] = {VERB_ID("The staged one"), VERB_STREAM};
const struct option_set catalog_flags_delete_delta =
    OPTION_SET("delete-delta", "Options", struct verb_options, delete_delta_table);

static const struct option merge_table[] = {
    VERB_ID("Id of the new one (default: a new UUID)"), VERB_STREAM};
const struct option_set catalog_flags_merge_deltas =
    OPTION_SET("merge-deltas", "Options", struct verb_options, merge_table);

/* --- what they share --- */

static const char *new_id(struct cli *cli, const char *said)
{
    char text[UUID_TEXT_SIZE];

    return said ? said : arena_strdup(&cli->arena, uuid_v7(time_now_ms(), text));
}

/* The change that the arguments and flags say, but for what is its verb's own. */
static int begin(struct cli *cli, enum catalog_change_verb verb, const char *name,
    enum catalog_depth depth, const struct verb_options *options, struct catalog_change *ret_change)
{
    const int code = catalog_verbs_open(cli, false, name,
        depth == CATALOG_ARG_VERSION ? CATALOG_ARG_TABLE : depth, depth, options, &ret_change->at);

    ret_change->verb = verb;
    if (code || !options)
        return code;
    ret_change->if_missing = options->if_missing;
    ret_change->description = options->description;
    ret_change->properties = catalog_args_properties(&options->properties, &cli->arena);
    return EXIT_OK;
}

static int need_id(struct cli *cli, const char *id, const char *what)
{
    struct error err;

    if (id)
        return EXIT_OK;
    error_set(&err, ERROR_INVALID, "which %s? say --id, as the command that staged it did", what);
    return cli_fail(cli, &err);
}

/* --- namespaces and tables --- */

CATALOG_VERB(create_namespace)
{
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_NAMESPACE};
    const int code =
        begin(cli, CATALOG_CREATE_NAMESPACE, args[0], CATALOG_ARG_NAMESPACE, options, &change);

    (void)arg_count;
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(update_namespace)
{
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_NAMESPACE};
    const int code =
        begin(cli, CATALOG_UPDATE_NAMESPACE, args[0], CATALOG_ARG_NAMESPACE, options, &change);

    (void)arg_count;
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(delete_namespace)
{
    struct catalog_change change = {0};
    const int code =
        begin(cli, CATALOG_DELETE_NAMESPACE, args[0], CATALOG_ARG_NAMESPACE, options, &change);

    (void)arg_count;
    return code ? code : catalog_verbs_apply(cli, &change, 1, NULL);
}

CATALOG_VERB(create_table)
{
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_TABLE};
    const int code = begin(cli, CATALOG_CREATE_TABLE, args[0], CATALOG_ARG_TABLE, options, &change);

    (void)arg_count;
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(update_table)
{
    const struct verb_options *said = options;
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_TABLE};
    const int code = begin(cli, CATALOG_UPDATE_TABLE, args[0], CATALOG_ARG_TABLE, options, &change);

    (void)arg_count;
    change.new_name = said->rename;
    query.at = change.at;
    if (said->rename)
        query.at.table = said->rename;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(delete_table)
{
    struct catalog_change change = {0};
    const int code = begin(cli, CATALOG_DELETE_TABLE, args[0], CATALOG_ARG_TABLE, options, &change);

    (void)arg_count;
    return code ? code : catalog_verbs_apply(cli, &change, 1, NULL);
}

/* --- versions --- */

CATALOG_VERB(create_version)
{
    const struct verb_options *said = options;
    const struct catalog_merge merge = {.key = (const char *const *)said->key.items,
        .key_count = said->key.count,
        .sequence_by = said->sequence_by};
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_LATEST_VERSION};
    struct catalog_column *columns;
    const char *const *fields;
    struct error err;
    const int code =
        begin(cli, CATALOG_CREATE_VERSION, args[0], CATALOG_ARG_TABLE, options, &change);

    (void)arg_count;
    if (code)
        return code;
    if (catalog_args_columns(&said->columns, &cli->arena, &columns, &err)) {
        error_prefix(&err, "--column");
        return cli_fail(cli, &err);
    }
    if (catalog_args_partitioning(
            &said->partition_by, columns, said->columns.count, &cli->arena, &fields, &err)) {
        error_prefix(&err, "--partition-by");
        return cli_fail(cli, &err);
    }
    change.version.columns = columns;
    change.version.column_count = said->columns.count;
    change.version.partition_by = fields;
    change.version.partition_count = said->partition_by.count;
    change.version.sort_by = (const char *const *)said->sort_by.items;
    change.version.sort_count = said->sort_by.count;
    change.version.merge = &merge;
    change.version.lifecycle =
        said->lifecycle ? (enum catalog_lifecycle)(said->lifecycle - 1) : CATALOG_UNRELEASED;
    query.at = change.at;
    return catalog_verbs_apply(cli, &change, 1, &query);
}

/* The latest active version may be another one, or none, after the change. */
static int resolve_version(struct cli *cli, struct catalog_locator *at)
{
    struct question question = {.catalog = {.verb = CATALOG_GET_VERSION, .at = *at}};
    int code = EXIT_OK;

    if (at->version)
        return EXIT_OK;
    question_ask_catalog(cli, &question);
    questions_wait(cli);
    if (!question.err.code && question.catalog.count == 0)
        error_set(&question.err, ERROR_NOT_FOUND, "%s.%s has no active version; say @VERSION",
            at->namespace, at->table);
    if (question.err.code)
        code = cli_fail(cli, &question.err);
    else
        at->version = question.catalog.versions[0].version;
    question_deinit(&question);
    return code;
}

CATALOG_VERB(update_version)
{
    const struct verb_options *said = options;
    struct catalog_change changes[2] = {0};
    struct catalog_query query = {.verb = CATALOG_GET_VERSION};
    size_t count = 0;
    int code =
        begin(cli, CATALOG_UPDATE_VERSION, args[0], CATALOG_ARG_VERSION, options, &changes[0]);

    (void)arg_count;
    if (!code)
        code = resolve_version(cli, &changes[0].at);
    if (code)
        return code;
    query.at = changes[0].at;
    changes[0].version.sort_by = (const char *const *)said->sort_by.items;
    changes[0].version.sort_count = said->sort_by.count;
    if (said->description || changes[0].properties || said->sort_by.count)
        count++;
    if (said->lifecycle)
        changes[count++] = (struct catalog_change){.verb = CATALOG_SET_LIFECYCLE,
            .at = query.at,
            .lifecycle = (enum catalog_lifecycle)(said->lifecycle - 1)};
    return catalog_verbs_apply(cli, changes, count, &query);
}

/* --- streams --- */

CATALOG_VERB(stage_stream)
{
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_STREAM};
    const int code =
        begin(cli, CATALOG_STAGE_STREAM, args[0], CATALOG_ARG_VERSION, options, &change);

    (void)arg_count;
    change.at.stream_id = new_id(cli, change.at.stream_id);
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

static int change_stream(struct cli *cli, enum catalog_change_verb verb, const char *name,
    const struct verb_options *options, bool show)
{
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_STREAM};
    const int code = begin(cli, verb, name, CATALOG_ARG_VERSION, options, &change);

    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, show ? &query : NULL);
}

CATALOG_VERB(commit_stream)
{
    const struct verb_options *said = options;
    const int code = need_id(cli, said->stream, "stream");

    (void)arg_count;
    return code ? code : change_stream(cli, CATALOG_COMMIT_STREAM, args[0], options, true);
}

CATALOG_VERB(delete_stream)
{
    (void)arg_count;
    return change_stream(cli, CATALOG_DELETE_STREAM, args[0], options, false);
}

/* --- partitions --- */

CATALOG_VERB(stage_partition)
{
    const struct verb_options *said = options;
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_PARTITION};
    const int code =
        begin(cli, CATALOG_STAGE_PARTITION, args[0], CATALOG_ARG_VERSION, options, &change);

    (void)arg_count;
    change.at.partition_id = new_id(cli, said->id);
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(commit_partition)
{
    const struct verb_options *said = options;
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_PARTITION};
    int code = need_id(cli, said->id, "partition");

    (void)arg_count;
    if (!code)
        code = begin(cli, CATALOG_COMMIT_PARTITION, args[0], CATALOG_ARG_VERSION, options, &change);
    change.at.partition_id = said->id;
    change.partition.expect_id = said->previous;
    change.partition.promote_after = said->promote_after;
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}

CATALOG_VERB(delete_partition)
{
    const struct verb_options *said = options;
    struct catalog_change change = {0};
    const int code =
        begin(cli, CATALOG_DELETE_PARTITION, args[0], CATALOG_ARG_VERSION, options, &change);

    (void)arg_count;
    change.at.partition_id = said->id;
    return code ? code : catalog_verbs_apply(cli, &change, 1, NULL);
}

/* --- deltas --- */

static int change_delta(struct cli *cli, struct catalog_change *change, const char *name,
    const struct verb_options *options, bool show)
{
    struct catalog_query query = {.verb = CATALOG_GET_DELTA, .with_files = true};
    int code = need_id(cli, options->id, "delta");

    if (!code)
        code = begin(cli, change->verb, name, CATALOG_ARG_VERSION, options, change);
    change->at.delta_id = options->id;
    change->at.position = options->position;
    query.at = change->at;
    query.at.position = 0;
    return code ? code : catalog_verbs_apply(cli, change, 1, show ? &query : NULL);
}

CATALOG_VERB(commit_delta)
{
    struct catalog_change change = {.verb = CATALOG_COMMIT_DELTA};

    (void)arg_count;
    return change_delta(cli, &change, args[0], options, true);
}

CATALOG_VERB(delete_delta)
{
    struct catalog_change change = {.verb = CATALOG_DELETE_DELTA};

    (void)arg_count;
    return change_delta(cli, &change, args[0], options, false);
}

CATALOG_VERB(merge_deltas)
{
    const struct verb_options *said = options;
    struct catalog_change change = {0};
    struct catalog_query query = {.verb = CATALOG_GET_DELTA, .with_files = true};
    const int code =
        begin(cli, CATALOG_MERGE_DELTAS, args[0], CATALOG_ARG_VERSION, options, &change);

    change.merge.ids = args + 1;
    change.merge.count = arg_count - 1;
    change.at.delta_id = new_id(cli, said->id);
    query.at = change.at;
    return code ? code : catalog_verbs_apply(cli, &change, 1, &query);
}
