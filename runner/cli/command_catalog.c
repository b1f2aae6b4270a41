#include "runner/cli/command_catalog.h"

#include "runner/cli/adhoc.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/commands.h"
#include "runner/cli/tables.h"

#include "runner/base/buffer.h"

#include <stddef.h>
#include <string.h>

/* --- read --- */

struct read_options {
    struct adhoc_options adhoc; /* the first: ADHOC_FLAGS */
    const char *sql, *columns, *where;
};

static const struct option read_table[] = {
    {"sql", OPTION_TEXT, offsetof(struct read_options, sql), .value_name = "STATEMENT",
        .help = "One SELECT in place of all rows; the table is TABLE and NAMESPACE.TABLE in it"},
    {"columns", OPTION_TEXT, offsetof(struct read_options, columns), .value_name = "A,B",
        .help = "Those columns alone (a name with a comma in double quotes)"},
    {"where", OPTION_TEXT, offsetof(struct read_options, where), .value_name = "CONDITION",
        .help = "Rows that fulfil it alone: SQL over the columns"},
    ADHOC_FLAGS,
};
static const struct option_set read_set =
    OPTION_SET("read", "Options", struct read_options, read_table);

/* Up to a comma that is not in quotes; without the quotes, "" in them is one. */
static const char *next_column(const char *at, struct buffer *name)
{
    const bool quoted = *at == '"';

    buffer_clear(name);
    for (at += quoted; *at && (quoted || *at != ','); at++) {
        if (quoted && *at == '"' && *++at != '"')
            break;
        buffer_putc(name, *at);
    }
    return at;
}

static int append_columns(struct buffer *sql, const char *columns, struct error *err)
{
    const char *at = columns;
    struct buffer name;
    int rc = 0;

    buffer_init(&name, 0);
    for (bool more = true; more && !rc; at++) {
        at = next_column(at, &name);
        more = *at == ',';
        if (name.length == 0 || (*at && !more))
            rc = error_set(err, ERROR_INVALID,
                "--columns %s: names with a comma between two, \"a,b\" for one with a comma in it",
                columns);
        text_append_sql_name(sql, name.data);
        buffer_puts(sql, more ? ", " : "");
    }
    buffer_deinit(&name);
    return rc;
}

/* A comment at the end of the condition must not hide what follows. */
static int make_select(const struct read_options *options, const char *table, struct arena *arena,
    struct adhoc_source *source, struct error *err)
{
    struct buffer sql;
    int rc = 0;

    if (options->sql && (options->columns || options->where))
        return error_set(
            err, ERROR_INVALID, "--sql is all of the statement: leave --columns and --where out");
    buffer_init(&sql, 0);
    buffer_puts(&sql, options->sql ? options->sql : "select ");
    if (!options->sql) {
        if (options->columns)
            rc = append_columns(&sql, options->columns, err);
        else
            buffer_putc(&sql, '*');
        buffer_puts(&sql, " from ");
        text_append_sql_name(&sql, table);
        if (options->where) {
            buffer_puts(&sql, " where (");
            source->condition_at = sql.length;
            buffer_printf(&sql, "%s\n)", options->where);
        }
    }
    if (!rc)
        source->sql = arena_strdup(arena, sql.data);
    buffer_deinit(&sql);
    return rc;
}

static int run_read(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct read_options *options = values;
    const int code = cli_open_engine(cli, true);
    struct adhoc_source source = {.table = args[0]};
    struct catalog_locator at;
    struct error err;

    (void)arg_count;
    if (code)
        return code;
    if (tables_parse_version(cli, args[0], &at, &err) ||
        make_select(options, at.table, &cli->arena, &source, &err))
        return cli_fail(cli, &err);
    return adhoc_run(cli, &options->adhoc, &source);
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
        .arguments = "NAMESPACE.TABLE[@VERSION]",
        .help = "List a table's commits, the newest first",
        .details =
            "One line for each delta; for a commit that brought none, rollback (of rows that "
            "were there before), removal (what was there is gone) or partition (an empty "
            "one).\n\n"
            "Keys of --json, one object each: position, previous_position, type (add, "
            "append, upsert, delete, rollback, removal, partition), state (committed, deprecated), "
            "run_id, "
            "partition "
            "(texts and nulls), rows, bytes, created.",
        .options = &delta_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = command_catalog_history,
    },
    {
        .name = "files",
        .arguments = "NAMESPACE.TABLE[@VERSION]",
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
        .arguments = "NAMESPACE.TABLE[@VERSION]",
        .help = "Write a table's rows, or those of a SELECT over it",
        .details = "Rows are written while they come, in any number. CSV has a header. Parquet and "
                   "an Arrow IPC stream (arrow) go to a file or a pipe. Upserts and deletes are "
                   "merged; files that cannot hold a row that fulfils the condition are not "
                   "opened: how many is said on stderr.\n\n"
                   "--at takes a position (catalog history lists them), a time (what was committed "
                   "then) or the name of a tag.\n\n"
                   "Keys of --json, and of --format json: columns (name, type), rows (objects by "
                   "column, numbers and booleans as such), read (files, skipped, bytes).",
        .options = &read_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_TABLE,
        .run = run_read,
        .examples =
            "sluice catalog read wildlife.strikes --limit 10\n"
            "sluice catalog read wildlife.strikes --format csv > strikes.csv\n"
            "sluice catalog read wildlife.strikes --sql 'select count(*) from strikes'\n"
            "sluice catalog read wildlife.strikes --columns operator,species \\\n"
            "    --where \"flight_date >= '2001-01-01'\" --at 2026-11-01 --output s.parquet",
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
            "anew, into a new version; the one before stays readable, as NAMESPACE.TABLE@VERSION. "
            "Where "
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
