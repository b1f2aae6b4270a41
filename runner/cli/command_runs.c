#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"
#include "runner/cli/run_show.h"
#include "runner/cli/run_staged.h"
#include "runner/cli/run_text.h"
#include "runner/cli/settle.h"
#include "runner/engine/run_json.h"

#include <stddef.h>
#include <string.h>

struct runs_options {
    bool failed;
    int64_t limit;
};

static const struct option options_table[] = {
    {"failed", OPTION_BOOL, offsetof(struct runs_options, failed),
        .help = "Only runs that failed, failed a check or were lost"},
    {"limit", OPTION_INT, offsetof(struct runs_options, limit), .preset = "20", .min = 1,
        .max = 1000000, .letter = 'n', .value_name = "N", .help = "The newest N"},
};
static const struct option_set option_set =
    OPTION_SET("runs", "Options", struct runs_options, options_table);

/* What is under way: state is asked once for what was wanted and, for --failed, once for runs that
 * it still calls running, because those whose process died are lost. */
struct history {
    struct question wanted, running;
    struct settle settle;
    struct state_run *runs;
    size_t count;
};

/* --- gathering --- */

static int by_start(const void *left, const void *right)
{
    const struct state_run *a = left, *b = right;

    if (a->started_ms != b->started_ms)
        return a->started_ms < b->started_ms ? 1 : -1;
    return strcmp(b->run_id, a->run_id);
}

static bool is_failed(const struct state_run *run)
{
    return run->outcome == STATE_FAILED || run->outcome == STATE_CHECK_FAILED ||
           run->outcome == STATE_LOST;
}

static void add_runs(struct history *history, const struct question *answer, bool only_running)
{
    for (size_t i = 0; !answer->err.code && i < answer->state.count; i++) {
        if (!only_running || answer->state.runs[i].outcome == STATE_RUNNING)
            history->runs[history->count++] = answer->state.runs[i];
    }
}

static void settle_all(struct cli *cli, struct history *history)
{
    struct state_run **unsure =
        arena_array(&cli->arena, history->count, sizeof(struct state_run *));
    size_t count = 0;

    for (size_t i = 0; i < history->count; i++) {
        if (history->runs[i].outcome == STATE_RUNNING)
            unsure[count++] = &history->runs[i];
    }
    if (count > 0)
        settle_runs(cli, &history->settle, unsure, count);
}

static void keep_failed(struct history *history)
{
    size_t kept = 0;

    for (size_t i = 0; i < history->count; i++) {
        if (is_failed(&history->runs[i]))
            history->runs[kept++] = history->runs[i];
    }
    history->count = kept;
}

static int gather(struct cli *cli, const struct runs_options *options, const char *pipeline,
    struct history *history)
{
    history->wanted.state = (struct state_request){.verb = STATE_LIST_RUNS,
        .pipeline = pipeline,
        .failed_only = options->failed,
        .limit = options->limit};
    question_ask_state(cli, &history->wanted);
    history->running.state = (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = pipeline};
    if (options->failed)
        question_ask_state(cli, &history->running);
    settle_ask(cli, &history->settle);
    questions_wait(cli);
    if (history->wanted.err.code)
        return cli_fail(cli, &history->wanted.err);
    history->runs = arena_array(&cli->arena,
        history->wanted.state.count + history->running.state.count, sizeof(*history->runs));
    add_runs(history, &history->wanted, false);
    add_runs(history, &history->running, true);
    settle_all(cli, history);
    if (options->failed)
        keep_failed(history);
    mem_sort(history->runs, history->count, sizeof(*history->runs), by_start);
    history->count = MIN(history->count, (size_t)options->limit);
    return EXIT_OK;
}

static void history_deinit(struct history *history)
{
    settle_deinit(&history->settle);
    question_deinit(&history->running);
    question_deinit(&history->wanted);
}

/* --- printing --- */

static void add_row(
    struct print_table *table, const struct state_run *run, int64_t now_ms, unsigned width)
{
    char id[RUN_TEXT_ID_SIZE];
    char ago[TIME_TEXT_SIZE], took[TIME_TEXT_SIZE], rows[PRINT_COUNT_SIZE];
    const char *const cells[] = {run_text_id(run->run_id, width, id), run->pipeline,
        run_text_outcome(run->outcome), time_format_ago(run->started_ms, now_ms, ago),
        duration_format(run_json_duration_ms(run, now_ms), took), print_count(run->rows, rows),
        run->error};

    print_table_row(table, cells);
    print_table_style(table, 2, run_text_style(run->outcome));
}

static void print(struct cli *cli, const struct history *history)
{
    static const char *const headers[] = {
        "RUN", "PIPELINE", "OUTCOME", "STARTED", ">TOOK", ">ROWS", "ERROR", NULL};
    const unsigned width = print_terminal_width(1);
    const int64_t now_ms = time_now_ms();
    struct print_table *table;
    json_t *list;

    if (cli->globals.json) {
        list = json_array();
        for (size_t i = 0; i < history->count; i++)
            json_array_append_new(list, run_json(&history->runs[i], now_ms));
        cli_print_json(list);
        return;
    }
    table = print_table_new(headers);
    for (size_t i = 0; i < history->count; i++)
        add_row(table, &history->runs[i], now_ms, width);
    print_table_end(table, stdout, width, 6, cli->color);
}

/* --- commands --- */

/* What a pipeline that is named by its file calls itself. */
static int name_of_file(struct cli *cli, const char *word, const char **ret_name)
{
    struct pipeline *pipeline;
    const int code = cli_load_pipeline(cli, word, NULL, &pipeline);

    if (code)
        return code;
    *ret_name = arena_strdup(&cli->arena, pipeline->name);
    pipeline_free(pipeline);
    return EXIT_OK;
}

/* History is kept by the pipeline's name, also after its file is gone: the file is only asked where
 * there is nothing by that name, which may be mistyped, too. */
static int gather_of(
    struct cli *cli, const struct runs_options *options, const char *word, struct history *history)
{
    const char *name = word;
    int code = gather(cli, options, word, history);

    if (code || !word || history->wanted.state.count > 0)
        return code;
    code = name_of_file(cli, word, &name);
    if (code || strcmp(name, word) == 0)
        return code;
    history_deinit(history);
    *history = (struct history){0};
    return gather(cli, options, name, history);
}

static int run_list(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    struct history history = {0};
    int code = cli_open_engine(cli, true);

    if (code)
        return code;
    code = gather_of(cli, values, arg_count > 0 ? args[0] : NULL, &history);
    if (code == EXIT_OK)
        print(cli, &history);
    history_deinit(&history);
    return code;
}

struct show_options {
    struct adhoc_options adhoc;
    bool staged;
};

static const struct option show_table[] = {
    {"staged", OPTION_BOOL, offsetof(struct show_options, staged),
        .help = "What the run was about to commit when a check failed; with a DATASET its rows"},
    ADHOC_OUTPUT_FLAGS,
};
static const struct option_set show_set =
    OPTION_SET("show", "Options", struct show_options, show_table);

static int run_show_command(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct show_options *wanted = values;
    struct question found = {.state = {.verb = STATE_GET_RUN, .run_id = args[0]}};
    struct settle settle = {0};
    struct state_run *run;
    struct error err;
    int code;

    if (arg_count > 1 && !wanted->staged) {
        error_set(&err, ERROR_INVALID,
            "runs show: \"%s\": a dataset goes with --staged; sluice runs show %s --staged %s",
            args[1], args[0], args[1]);
        return cli_fail(cli, &err);
    }
    code = cli_open_engine(cli, true);
    if (code)
        return code;
    question_ask_state(cli, &found);
    settle_ask(cli, &settle);
    questions_wait(cli);
    if (!found.err.code && found.state.count == 0)
        error_set(&found.err, ERROR_INVALID,
            "there is no run \"%s\" in environment %s; sluice runs lists them", args[0],
            cli->project->environment->item.name);
    if (found.err.code) {
        code = cli_fail(cli, &found.err);
    } else {
        run = &found.state.runs[0];
        settle_runs(cli, &settle, &run, 1);
        if (!wanted->staged)
            run_show(cli, run);
        else if (arg_count == 1)
            code = run_staged_list(cli, run);
        else
            code = run_staged_read(cli, run, args[1], &wanted->adhoc);
    }
    settle_deinit(&settle);
    question_deinit(&found);
    return code;
}

static const struct command sub_commands[] = {
    {
        .name = "show",
        .arguments = "RUN [DATASET]",
        .help = "Show one run: its tasks, counts, checks, rejected rows, error",
        .details = "RUN is a run's id or the beginning of one, if no other begins so.\n\n"
                   "Keys of --json: those of sluice runs, and what the run wrote about itself: "
                   "rejected, objects, files, bytes_read, bytes_written, retries, tasks; each task "
                   "has task, state, attempts, duration_ms, rows, and as an extract objects, "
                   "bytes_read, rejected, rejects (object, line, column), as a load into or to, "
                   "files, bytes_written, and checks (check, kind, passed, severity, rows, found, "
                   "message, sample), error.\n\n"
                   "A run that failed a check leaves the datasets that its loads were to take, for "
                   "24 h or until the next run of the pipeline, on the machine where it ran: "
                   "--staged lists them (keys: run_id, pipeline, until, datasets: dataset, loads, "
                   "rows, bytes, files), --staged DATASET writes its rows as catalog read does.",
        .options = &show_set,
        .args_min = 1,
        .args_max = 2,
        .argument = ARGUMENT_RUN,
        .run = run_show_command,
        .examples = "sluice runs show 01a1fd0c\n"
                    "sluice runs show 01a1fd0c --staged clean --format csv",
    },
    {0},
};

const struct command command_runs = {
    .name = "runs",
    .arguments = "[PIPELINE]",
    .help = "List runs, the newest first; runs show RUN shows one",
    .details = "A run whose process died is shown as lost, or as succeeded where the catalog has "
               "its commit.\n\n"
               "Keys of --json, one object a run: run_id, pipeline, instance (where it is not "
               "empty), outcome (running, succeeded, nothing_new, failed, check_failed, cancelled, "
               "lost), due, started, finished, duration_ms, rows, bytes, error.",
    .options = &option_set,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run_list,
    .group = sub_commands,
    .examples = "sluice runs birdstrikes --failed\n"
                "sluice runs --limit 1 --json | jq -r '.[0].run_id'",
};
