/* What all commands share: the table of commands, their flags as option tables, the context that
 * they open step by step (project, log, engine), how they end. A command is a file of its own,
 * command_<name>.c, with its options, its help and one function. */
#ifndef RUNNER_CLI_CLI_H
#define RUNNER_CLI_CLI_H

#include "config/diagnostics.h"
#include "config/environment.h"
#include "config/pipeline.h"
#include "runner/base/log.h"
#include "runner/base/option.h"
#include "runner/engine/engine.h"
#include "runner/engine/graph.h"

#include <stdio.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CHECK = 3,
    EXIT_UNHEALTHY = 4,
    EXIT_BUSY = 75,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
};

enum cli_log_format { CLI_LOG_AUTO, CLI_LOG_JSON, CLI_LOG_TEXT };

/* Flags that every command takes. */
struct cli_globals {
    const char *config, *env, *log_filter;
    int log_format; /* enum cli_log_format */
    bool json, quiet, help, no_color;
};

struct cli {
    struct cli_globals globals;
    struct arena arena;
    struct loop loop;
    struct log *log;
    struct project *project;
    struct engine *engine;
    const struct engine_front *front; /* of the engine, once it is opened; NULL: none */
    bool loop_open;
    bool offline; /* stores in a network are refused, hooks are not posted */
    bool color;   /* of stdout */
    bool err_tty, err_color;
    int exit_code; /* for callbacks that end a command */
};

/* What an argument is, for completion. */
enum argument_kind {
    ARGUMENT_NONE,
    ARGUMENT_PIPELINE,
    ARGUMENT_DATASET, /* of the pipeline that is the first argument */
    ARGUMENT_TABLE,
    ARGUMENT_RUN,
    ARGUMENT_FILE,
    ARGUMENT_FOLDER,
    ARGUMENT_COMMAND, /* behind another one: of its group */
    ARGUMENT_SHELL,
    ARGUMENT_SCHEMA,
};

struct command {
    const char *name;      /* "run"; in a group "ls" */
    const char *arguments; /* "PIPELINE DATASET" for the usage line */
    const char *help;      /* one line */
    const char *details;   /* more paragraphs for `help COMMAND` and the man page; may be NULL */
    const struct option_set *options; /* its flags; NULL: none of its own */
    unsigned args_min, args_max;
    enum argument_kind argument, next_argument; /* the first one, each further one */
    int (*run)(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
    const struct command *group; /* sub-commands, ended by one without a name: its `group`, if it
                                    has one, is where they go on; run may be NULL then */
    const char *topic;           /* in a group: the title over it and those behind it */
    const char *examples;        /* lines for `help COMMAND`, without indent; may be NULL */
    bool hidden;                 /* not in the overview, completion and manual pages */
};

/* One line of the table of commands, in commands.c: that is where a new one is named. */
struct command_entry {
    const char *topic; /* set on the first one of a topic: "Run pipelines" */
    const struct command *command;
};

extern const struct command_entry cli_commands[]; /* ended by a zeroed one */
extern const struct option_set cli_global_options;

/* --- the context, each part opened on first use; errors are printed, the exit code returned --- */

int cli_open_project(struct cli *cli); /* EXIT_OK, or what to end with */
/* Whether --log can be used; also for a command that logs nothing. */
int cli_check_log_filter(const struct cli *cli, struct error *err);
/* The project, the log (into its folder, too, unless read_only) and the loop. */
int cli_open_loop(struct cli *cli, bool read_only);
int cli_open_engine(struct cli *cli, bool read_only); /* with all that cli_open_loop() opens */

/* All of it; `code`, or that of what failed on the way. */
int cli_close(struct cli *cli, int code);

/* Loads one pipeline as named on the command line. `scope` may be NULL. */
int cli_load_pipeline(struct cli *cli, const char *name, const struct pipeline_scope *scope,
    struct pipeline **ret_pipeline);
/* The pipeline with its graph, checked; loads the SQL engine's module where there is SQL. */
int cli_load_graph(struct cli *cli, const char *name, const struct pipeline_scope *scope,
    struct pipeline **ret_pipeline, struct graph **ret_graph);

/* For graph_new(): the SQL engine's module, loaded when it is first asked for. */
int cli_load_sql(void *data, const struct sql_engine_type **ret_type, struct error *err);

/* --- ends --- */

int cli_fail(struct cli *cli, const struct error *err); /* "sluice: …" on stderr; its exit code */
int cli_exit_code(const struct error *err);
int cli_usage_error(struct cli *cli, const struct command *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints all, sorted; EXIT_USAGE where one is an error. */
int cli_problems(struct cli *cli, struct diagnostics *problems);

/* --- output --- */

/* One JSON value and a line end on stdout; steals the value. */
void cli_print_json(json_t *value);

/* SGR codes, empty where stdout has no colour. */
const char *cli_style(
    const struct cli *cli, const char *name); /* bold dim red green yellow reset */

/* --- flags --- */

/* Fills `globals` and `options` (of `command`; may be NULL) from the words; what is no flag goes to
 * ret_args (in the arena). "--" ends the flags. */
int cli_parse_flags(struct cli *cli, const struct command *command, const char *const *words,
    int count, void *options, const char ***ret_args, size_t *ret_arg_count, struct error *err);

/* How many words the flag at words[0] takes: 2 where it is one of every command's that takes its
 * value from the next word; else 1. */
int cli_flag_words(const char *const *words, int count);

/* The command that the words name, the deepest one; *ret_used: how many words that took. */
const struct command *cli_find_command(const char *const *words, int count, int *ret_used);

/* As it is called: "run", "catalog ls". */
void cli_command_path(const struct command *command, struct buffer *buffer);

/* The one behind it in its group; NULL: it is the last. */
const struct command *cli_next_command(const struct command *sub);

/* Names of the commands of one level (NULL: the top), hidden ones left out, for "did you mean". */
const char *const *cli_command_names(struct arena *arena, const struct command *group);

#endif
