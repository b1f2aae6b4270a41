#include "runner/cli/adhoc.h"
#include "runner/cli/commands.h"

#include <stddef.h>

static const struct option options_table[] = {ADHOC_FLAGS};
static const struct option_set option_set =
    OPTION_SET("sql", "Options", struct adhoc_options, options_table);

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const int code = cli_open_engine(cli, true);

    (void)arg_count;
    return code ? code : adhoc_run(cli, options, &(struct adhoc_source){.sql = args[0]});
}

const struct command command_sql = {
    .name = "sql",
    .arguments = "STATEMENT",
    .help = "Run one SELECT over tables of the catalog",
    .details = "Tables are named namespace.table, an earlier version namespace.\"table@1\"; what "
               "the statement does not name is not opened, "
               "and no other file is. Rows are written while they come; parquet and arrow go to a "
               "file or a pipe.\n\n"
               "--at is the same for all tables: a time, or a position or tag that each of them "
               "has.\n\n"
               "Keys of --json, and of --format json: columns (name, type), rows (objects by "
               "column, numbers and booleans as such), read (files, skipped, bytes).",
    .options = &option_set,
    .args_min = 1,
    .args_max = 1,
    .run = run,
    .examples = "sluice sql 'select operator, count(*) from wildlife.strikes group by all'\n"
                "sluice sql 'from wildlife.strikes' --format csv > strikes.csv\n"
                "sluice sql 'from wildlife.strikes' --at 2026-11-01T06:00Z --output then.parquet",
};
