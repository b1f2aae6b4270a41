/* Every command, each defined in its own command_<name>.c. */
#ifndef RUNNER_CLI_COMMANDS_H
#define RUNNER_CLI_COMMANDS_H

#include "runner/cli/cli.h"

extern const struct command command_run, command_backfill, command_trigger, command_plan,
    command_preview, command_validate, command_list, command_show, command_jsonschema, command_init,
    command_health, command_runs, command_test, command_cursors, command_explain, command_logs,
    command_catalog, command_sql, command_s3, command_quarantine, command_help, command_version,
    command_completion, command_complete;

#endif
