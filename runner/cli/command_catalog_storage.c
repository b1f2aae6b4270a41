/* The verbs of the storage model by hand, as sub-commands of `sluice catalog`. */
#include "runner/cli/catalog_verbs.h"
#include "runner/cli/command_catalog.h"

#define VERB(verb, text, flags, function, what, kind)                                              \
    {                                                                                              \
        .name = (verb), .arguments = (what), .help = (text), .options = (flags), .args_min = 1,    \
        .args_max = 1, .argument = (kind), .run = (function)                                       \
    }
#define NAMESPACE_VERB(verb, text, flags, function)                                                \
    VERB(verb, text, flags, function, "NAMESPACE", ARGUMENT_NONE)
#define TABLE_VERB(verb, text, flags, function)                                                    \
    VERB(verb, text, flags, function, "NAMESPACE.TABLE", ARGUMENT_TABLE)
#define VERSION_VERB(verb, text, flags, function)                                                  \
    VERB(verb, text, flags, function, "NAMESPACE.TABLE[@VERSION]", ARGUMENT_TABLE)

const struct command command_catalog_storage_verbs[] = {
    {.name = "list-namespaces",
        .topic = "The storage model, verb by verb, under DeltaCAT's names",
        .help = "List namespaces",
        .options = &catalog_flags_list,
        .run = catalog_verb_list_namespaces},
    NAMESPACE_VERB(
        "list-tables", "List tables of a namespace", &catalog_flags_list, catalog_verb_list_tables),
    TABLE_VERB("list-table-versions", "List versions of a table", &catalog_flags_list,
        catalog_verb_list_versions),
    VERSION_VERB(
        "list-schemas", "List the schemas that a version has had", NULL, catalog_verb_list_schemas),
    VERSION_VERB("list-streams", "List streams, staged and replaced ones, too", &catalog_flags_list,
        catalog_verb_list_streams),
    VERSION_VERB("list-partitions", "List committed partitions", &catalog_flags_list_partitions,
        catalog_verb_list_partitions),
    VERSION_VERB("list-deltas", "List committed deltas, the newest first",
        &catalog_flags_list_deltas, catalog_verb_list_deltas),
    VERSION_VERB("list-partition-deltas", "List deltas of one partition, of a staged one, too",
        &catalog_flags_list_partition_deltas, catalog_verb_list_partition_deltas),
    {.name = "list-staged",
        .help = "List what was staged and not committed, of all tables; the oldest first",
        .options = &catalog_flags_list,
        .run = catalog_verb_list_staged},
    NAMESPACE_VERB("get-namespace", "Show a namespace", NULL, catalog_verb_get_namespace),
    TABLE_VERB("get-table", "Show a table", NULL, catalog_verb_get_table),
    VERSION_VERB("get-table-version", "Show a version (default: the latest active one)",
        &catalog_flags_get_version, catalog_verb_get_version),
    VERSION_VERB("get-stream", "Show a stream (default: the committed one)",
        &catalog_flags_get_stream, catalog_verb_get_stream),
    VERSION_VERB("get-partition", "Show a partition", &catalog_flags_get_partition,
        catalog_verb_get_partition),
    VERSION_VERB("get-delta", "Show a delta", &catalog_flags_get_delta, catalog_verb_get_delta),
    VERSION_VERB("get-latest-delta", "Show a partition's newest delta",
        &catalog_flags_get_latest_delta, catalog_verb_get_latest_delta),
    VERSION_VERB("download-delta",
        "Read the rows of a delta as they are stored, of a staged one, too",
        &catalog_flags_download_delta, catalog_verb_download_delta),
    VERB("exists", "Whether it exists: true and exit code 0, or false and 1", NULL,
        catalog_verb_exists, "NAMESPACE[.TABLE[@VERSION]]", ARGUMENT_TABLE),
    NAMESPACE_VERB("create-namespace", "Create a namespace", &catalog_flags_create_namespace,
        catalog_verb_create_namespace),
    NAMESPACE_VERB("update-namespace", "Replace a namespace's properties",
        &catalog_flags_properties, catalog_verb_update_namespace),
    NAMESPACE_VERB(
        "delete-namespace", "Delete an empty namespace", NULL, catalog_verb_delete_namespace),
    TABLE_VERB("create-table", "Create a table", &catalog_flags_create, catalog_verb_create_table),
    TABLE_VERB("update-table", "Rename a table, describe it", &catalog_flags_update_table,
        catalog_verb_update_table),
    TABLE_VERB(
        "delete-table", "Delete a table and all that is below it", NULL, catalog_verb_delete_table),
    TABLE_VERB("create-table-version", "Create a table's next version, with its stream",
        &catalog_flags_create_version, catalog_verb_create_version),
    VERSION_VERB("update-table-version", "Change a version's lifecycle, sorting, description",
        &catalog_flags_update_version, catalog_verb_update_version),
    VERSION_VERB("stage-stream", "Stage a stream that is to replace the committed one",
        &catalog_flags_stream, catalog_verb_stage_stream),
    VERSION_VERB("commit-stream", "Commit a staged stream, with --id", &catalog_flags_stream,
        catalog_verb_commit_stream),
    VERSION_VERB("delete-stream", "Delete a stream; with the committed one goes the version",
        &catalog_flags_stream, catalog_verb_delete_stream),
    VERSION_VERB("stage-partition", "Stage a partition that is to replace the committed one",
        &catalog_flags_stage_partition, catalog_verb_stage_partition),
    VERSION_VERB("commit-partition", "Commit a staged partition, with --id",
        &catalog_flags_commit_partition, catalog_verb_commit_partition),
    VERSION_VERB("delete-partition", "Deprecate a partition, drop a staged one",
        &catalog_flags_delete_partition, catalog_verb_delete_partition),
    {.name = "stage-delta",
        .arguments = "NAMESPACE.TABLE[@VERSION] [FILE…]",
        .help = "Stage a delta of data: CSV, NDJSON, JSON, Parquet",
        .details =
            "Files are called .parquet, or .csv, .ndjson or .json, with .gz or .zst behind that or "
            "without. They are read under the table's columns and written into its store. All rows "
            "have to be of the delta's partition. Of --type delete the files have the columns of "
            "the key, and of sequence_by, alone. In a table with a key no two rows of a delta may "
            "have one key.",
        .options = &catalog_flags_stage_delta,
        .args_min = 1,
        .args_max = 10000,
        .argument = ARGUMENT_TABLE,
        .next_argument = ARGUMENT_FILE,
        .run = catalog_verb_stage_delta},
    {.name = "merge-deltas",
        .arguments = "NAMESPACE.TABLE[@VERSION] ID ID…",
        .help = "Make one staged delta of several of one partition and type",
        .options = &catalog_flags_merge_deltas,
        .args_min = 3,
        .args_max = 1000,
        .argument = ARGUMENT_TABLE,
        .run = catalog_verb_merge_deltas},
    VERSION_VERB("commit-delta", "Commit a staged delta, with --id", &catalog_flags_commit_delta,
        catalog_verb_commit_delta),
    VERSION_VERB("delete-delta", "Drop a staged delta, with --id", &catalog_flags_delete_delta,
        catalog_verb_delete_delta),
    {0},
};
