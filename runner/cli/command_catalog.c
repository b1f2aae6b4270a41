#include "runner/cli/command_catalog.h"

#include "runner/cli/adhoc.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/commands.h"

#include <stddef.h>

/* --- read --- */

struct read_options {
    struct adhoc_options adhoc; /* the first: ADHOC_FLAGS */
    const char *sql;
};

static const struct option read_table[] = {
    {"sql", OPTION_TEXT, offsetof(struct read_options, sql), .value_name = "STATEMENT",
        .help = "One SELECT in place of all rows; the table is TABLE and NAMESPACE.TABLE in it"},
    ADHOC_FLAGS,
};
static const struct option_set read_set =
    OPTION_SET("read", "Options", struct read_options, read_table);

static int run_read(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct read_options *options = values;
    const int code = cli_open_engine(cli, true);

    (void)arg_count;
    return code ? code : adhoc_run(cli, &options->adhoc, options->sql, args[0]);
}

/* --- history, files --- */

static const struct option delta_table[] = {
    {"limit", OPTION_INT, offsetof(struct catalog_delta_options, limit), .letter = 'n', .min = 1,
        .max = 1e9, .value_name = "N", .help = "The first N (default: all)"},
};
static const struct option_set delta_set =
    OPTION_SET("history", "Options", struct catalog_delta_options, delta_table);

/* --- the group --- */

static const struct command sub_commands[] = {
    {
        .name = "ls",
        .arguments = "[NAMESPACE]",
        .help = "List tables with their sizes",
        .details = "Keys of --json, one object a table: table, version, rows, files, bytes, "
                   "partitions, last_commit, description.",
        .args_max = 1,
        .run = command_catalog_ls,
    },
    {
        .name = "show",
        .arguments = "NAMESPACE.TABLE",
        .help = "Show a table's columns, partitioning and counts",
        .details = "Keys of --json: those of catalog ls, and lifecycle, created, position (of the "
                   "newest delta), columns (name, type, field_id), partition_by, sort_by.",
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_show,
    },
    {
        .name = "history",
        .arguments = "NAMESPACE.TABLE",
        .help = "List a table's deltas, the newest first",
        .details = "Keys of --json, one object a delta: position, previous_position, type (add, "
                   "append, upsert, delete), state (committed, deprecated), run_id, partition "
                   "(texts and nulls), rows, bytes, created.",
        .options = &delta_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_history,
    },
    {
        .name = "files",
        .arguments = "NAMESPACE.TABLE",
        .help = "List the data files that the table consists of now",
        .details = "Keys of --json, one object a file: path, format, partition (texts and nulls), "
                   "rows, bytes, position, run_id.",
        .options = &delta_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_files,
    },
    {
        .name = "read",
        .arguments = "NAMESPACE.TABLE",
        .help = "Write a table's rows, or those of a SELECT over it",
        .details = "Rows are written while they come, in any number. CSV has a header.\n\n"
                   "Keys of --json, and of --format json: columns (name, type), rows (objects by "
                   "column, numbers and booleans as such).",
        .options = &read_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = run_read,
        .examples = "sluice catalog read wildlife.strikes --limit 10\n"
                    "sluice catalog read wildlife.strikes --format csv > strikes.csv\n"
                    "sluice catalog read wildlife.strikes --sql 'select count(*) from strikes'",
    },
    {
        .name = "schema",
        .arguments = "NAMESPACE.TABLE",
        .help = "Show a table's columns, compare and accept those of a pipeline",
        .details =
            "With --diff and --accept the pipeline reads what a preview of the dataset reads. "
            "Differences: added, widened (the type takes more), typed (no value so far), cast "
            "(the type stays, rows are fitted to it), missing (null).\n\n"
            "Keys of --json: table, version, schema_id, columns (field_id, name, type, "
            "iceberg_type, required, comment), key, sequence_by, partition_by, sort_by; with "
            "--all schemas (schema_id, columns, created). With --diff and --accept one object a "
            "load: load, changes, differences (column, difference, table, rows, after).",
        .options = &command_catalog_schema_flags,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_schema,
        .examples = "sluice catalog schema wildlife.strikes --all\n"
                    "sluice catalog schema wildlife.strikes --diff birdstrikes",
    },
    {
        .name = "alter",
        .arguments = "NAMESPACE.TABLE",
        .help = "Change a table's columns, sorting, partitioning, key, description",
        .details =
            "What is said of columns is one change: all, or nothing. No file is written anew for "
            "it: columns go by their field ids. A column is named as it is called before. Prints "
            "what catalog schema does.\n\n"
            "For --partition-by, --unpartitioned, --key and --sequence-by all rows are written "
            "anew, into a new version; the one before stays readable, as deprecated. Where "
            "somebody writes to the table meanwhile, it is tried again. --buckets rewrites what "
            "is there. Then the keys of --json are: table, dry_run, version, files_rewritten, "
            "bytes_rewritten, files_after, rows_after.",
        .options = &command_catalog_alter_flags,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_alter,
        .examples =
            "sluice catalog alter wildlife.strikes --rename size=animal_size\n"
            "sluice catalog alter wildlife.strikes --add 'weight DOUBLE' --comment weight=kg\n"
            "sluice catalog alter wildlife.strikes --partition-by 'year(flight_date)'",
    },
    {.group = command_catalog_care},
};

const struct command command_catalog = {
    .name = "catalog",
    .help = "Look at tables of the catalog",
    .group = sub_commands,
};
