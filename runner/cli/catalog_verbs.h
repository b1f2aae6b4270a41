/* The verbs of the storage model by hand, one command each, under the names that DeltaCAT gives
 * them (list_deltas is `sluice catalog list-deltas`): what all of them share. */
#ifndef RUNNER_CLI_CATALOG_VERBS_H
#define RUNNER_CLI_CATALOG_VERBS_H

#include "runner/cli/catalog_args.h"
#include "runner/cli/cli.h"
#include "runner/cli/questions.h"

struct verb_options {
    struct text_list partition, columns, key, partition_by, sort_by;
    struct option_pairs properties;
    const char *stream, *id, *previous, *description, *rename, *sequence_by, *after, *author;
    int64_t position, first, last, limit, promote_after;
    int type, lifecycle; /* enum catalog_delta_type; 1 + enum catalog_lifecycle, 0: not said */
    bool reverse, files, latest, current, if_missing;
};

extern const char *const catalog_verb_types[], *const catalog_verb_lifecycles[];

/* Flags by the name of the field that they fill; tables are made of these. */
#define VERB_FLAG(flag, kind, field, text)                                                         \
    {                                                                                              \
        .name = (flag), .type = (kind), .offset = offsetof(struct verb_options, field),            \
        .help = (text)                                                                             \
    }
#define VERB_PARTITION                                                                             \
    {                                                                                              \
        "partition", OPTION_TEXTS, offsetof(struct verb_options, partition),                       \
            .value_name = "VALUE",                                                                 \
            .help = "Its value; one flag a partition field, or one JSON array: '[\"a\", null]'"    \
    }
#define VERB_STREAM                                                                                \
    {                                                                                              \
        "stream", OPTION_TEXT, offsetof(struct verb_options, stream),                              \
            .value_name = "ID", .help = "Of that stream (default: the version's committed one)"    \
    }
#define VERB_PROPERTIES                                                                            \
    {                                                                                              \
        "property", OPTION_PAIRS, offsetof(struct verb_options, properties),                       \
            .value_name = "KEY=TEXT",                                                              \
            .help = "A property; all of them replace those that are there"                         \
    }
#define VERB_DESCRIPTION                                                                           \
    {                                                                                              \
        "description", OPTION_TEXT, offsetof(struct verb_options, description),                    \
            .flags = OPTION_NULLABLE, .value_name = "TEXT", .help = "What it is for"               \
    }
#define VERB_IF_MISSING                                                                            \
    {                                                                                              \
        "if-missing", OPTION_BOOL, offsetof(struct verb_options, if_missing),                      \
            .help = "Success, too, where it is there already"                                      \
    }
#define VERB_PAGE                                                                                  \
    {"limit", OPTION_INT, offsetof(struct verb_options, limit), .letter = 'n', .min = 1,           \
        .max = 1e9, .value_name = "N", .help = "A page of N (default: all)"},                      \
        {"after", OPTION_TEXT, offsetof(struct verb_options, after), .value_name = "NEXT",         \
            .help = "The page behind the one that ended with this"},                               \
    {                                                                                              \
        "reverse", OPTION_BOOL, offsetof(struct verb_options, reverse),                            \
            .help = "In the opposite order"                                                        \
    }

/* Asks and prints: records as an array, of get_* one or exit code 1 with a line that nothing is
 * there. `query` has its verb and what the flags say. */
int catalog_verbs_ask(struct cli *cli, struct catalog_query *query, bool one);

/* Applies the changes in one transaction; then asks `after` (NULL: nothing) and prints that. */
int catalog_verbs_apply(struct cli *cli, const struct catalog_change *changes, size_t count,
    struct catalog_query *after);

/* Opens the engine and reads the first argument; the exit code. */
int catalog_verbs_open(struct cli *cli, bool read_only, const char *name, enum catalog_depth least,
    enum catalog_depth deepest, const struct verb_options *options, struct catalog_locator *ret_at);

/* One verb each, as struct command runs it. */
#define CATALOG_VERB(name)                                                                         \
    int catalog_verb_##name(                                                                       \
        struct cli *cli, const void *options, const char *const *args, size_t arg_count)

/* catalog_read_verbs.c */
extern const struct option_set catalog_flags_list, catalog_flags_list_partitions,
    catalog_flags_list_deltas, catalog_flags_list_partition_deltas, catalog_flags_get_version,
    catalog_flags_get_stream, catalog_flags_get_partition, catalog_flags_get_delta,
    catalog_flags_get_latest_delta;
CATALOG_VERB(list_namespaces);
CATALOG_VERB(list_staged);
CATALOG_VERB(list_tables);
CATALOG_VERB(list_versions);
CATALOG_VERB(list_schemas);
CATALOG_VERB(list_streams);
CATALOG_VERB(list_partitions);
CATALOG_VERB(list_deltas);
CATALOG_VERB(list_partition_deltas);
CATALOG_VERB(get_namespace);
CATALOG_VERB(get_table);
CATALOG_VERB(get_version);
CATALOG_VERB(get_stream);
CATALOG_VERB(get_partition);
CATALOG_VERB(get_delta);
CATALOG_VERB(get_latest_delta);
CATALOG_VERB(exists);

/* catalog_write_verbs.c */
extern const struct option_set catalog_flags_create, catalog_flags_create_namespace,
    catalog_flags_properties, catalog_flags_update_table, catalog_flags_create_version,
    catalog_flags_update_version, catalog_flags_stream, catalog_flags_stage_partition,
    catalog_flags_commit_partition, catalog_flags_delete_partition, catalog_flags_commit_delta,
    catalog_flags_delete_delta, catalog_flags_merge_deltas;
CATALOG_VERB(create_namespace);
CATALOG_VERB(update_namespace);
CATALOG_VERB(delete_namespace);
CATALOG_VERB(create_table);
CATALOG_VERB(update_table);
CATALOG_VERB(delete_table);
CATALOG_VERB(create_version);
CATALOG_VERB(update_version);
CATALOG_VERB(stage_stream);
CATALOG_VERB(commit_stream);
CATALOG_VERB(delete_stream);
CATALOG_VERB(stage_partition);
CATALOG_VERB(commit_partition);
CATALOG_VERB(delete_partition);
CATALOG_VERB(merge_deltas);
CATALOG_VERB(commit_delta);
CATALOG_VERB(delete_delta);

/* catalog_stage_verb.c */
extern const struct option_set catalog_flags_stage_delta;
CATALOG_VERB(stage_delta);

/* catalog_download_verb.c */
extern const struct option_set catalog_flags_download_delta;
CATALOG_VERB(download_delta);

#endif
