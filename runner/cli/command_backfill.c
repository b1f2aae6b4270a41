#include "config/interpolate.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/sha256.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"
#include "runner/cli/batch.h"
#include "runner/cli/commands.h"
#include "runner/cli/due.h"
#include "runner/cli/quarantine_names.h"
#include "runner/cli/questions.h"
#include "runner/cli/windows.h"

#include <stddef.h>
#include <string.h>

enum { PARALLEL_MAX = 64, ASKED_AT_ONCE = 500 };

struct backfill_options {
    struct text_list params;
    const char *from, *to, *step;
    int64_t parallel;
    bool again, resume, keep_going, busy_ok;
};

static const struct option backfill_option_table[] = {
    {"param", OPTION_TEXTS, offsetof(struct backfill_options, params), .letter = 'p',
        .value_name = "NAME",
        .help = "The parameter that gets the start of each window; and NAME=VALUE for others"},
    {"from", OPTION_TEXT, offsetof(struct backfill_options, from), .value_name = "TIME",
        .help = "Start of the first window: a date, of the pipeline's time zone, or a time"},
    {"to", OPTION_TEXT, offsetof(struct backfill_options, to), .value_name = "TIME",
        .help = "The last window starts here or before"},
    {"step", OPTION_TEXT, offsetof(struct backfill_options, step), .preset = "1d",
        .value_name = "DURATION", .help = "From one window to the next: 1d, 1h, 1w, 1mo"},
    {"parallel", OPTION_INT, offsetof(struct backfill_options, parallel), .preset = "1", .min = 1,
        .max = PARALLEL_MAX, .value_name = "N",
        .help = "Work on so many windows at once; they commit in order"},
    {"resume", OPTION_BOOL, offsetof(struct backfill_options, resume),
        .help = "Leave out what was committed before: that is what it always does without --again"},
    {"again", OPTION_BOOL, offsetof(struct backfill_options, again),
        .help = "Run also windows that were committed before"},
    {"keep-going", OPTION_BOOL, offsetof(struct backfill_options, keep_going), .letter = 'k',
        .help = "Go on behind a window that fails"},
    {"busy-ok", OPTION_BOOL, offsetof(struct backfill_options, busy_ok),
        .help = "Exit 0 in place of 75 where a run of the pipeline is under way"},
};

static const struct option_set backfill_option_set =
    OPTION_SET("backfill", "Options", struct backfill_options, backfill_option_table);

struct backfill {
    struct cli *cli;
    const struct backfill_options *options;
    const char *param; /* the one that windows have */
    struct option_pairs others;
    struct pipeline *pipeline; /* as it is without a window */
    struct zone *zone;
    struct windows windows;
    struct batch batch;
};

/* --- what is asked for --- */

static int split_params(struct backfill *backfill, struct error *err)
{
    const struct text_list *params = &backfill->options->params;
    struct option_pair *others =
        arena_array(&backfill->cli->arena, params->count + 1, sizeof(*others));

    backfill->others.items = others;
    for (size_t i = 0; i < params->count; i++) {
        const char *equals = strchr(params->items[i], '=');

        if (equals) {
            others[backfill->others.count++] =
                (struct option_pair){.name = arena_strndup(&backfill->cli->arena, params->items[i],
                                         (size_t)(equals - params->items[i])),
                    .value = equals + 1};
            continue;
        }
        if (backfill->param)
            return error_set(err, ERROR_INVALID,
                "--param: %s and %s: one parameter gets the windows; others are given with their "
                "values, NAME=VALUE",
                backfill->param, params->items[i]);
        backfill->param = params->items[i];
    }
    if (!backfill->param)
        return error_set(err, ERROR_INVALID,
            "--param NAME is missing: the parameter that gets the start of each window");
    if (!backfill->options->from || !backfill->options->to)
        return error_set(err, ERROR_INVALID, "--%s is missing: windows go --from a date --to one",
            backfill->options->from ? "to" : "from");
    return 0;
}

static const struct param *find_param(const struct backfill *backfill)
{
    const struct param *params = backfill->pipeline->params.items;

    for (size_t i = 0; i < backfill->pipeline->params.count; i++) {
        if (strcmp(params[i].item.name, backfill->param) == 0)
            return &params[i];
    }
    return NULL;
}

static int make_windows(struct backfill *backfill, struct error *err)
{
    const struct backfill_options *options = backfill->options;
    const struct windows_options wanted = {.param = find_param(backfill),
        .from = options->from,
        .to = options->to,
        .step = options->step};
    struct windows_options zoned = wanted;

    if (!wanted.param)
        return error_set(err, ERROR_INVALID, "--param %s: %s has no such parameter",
            backfill->param, backfill->pipeline->name);
    if (backfill->pipeline->timezone) {
        struct error own = {0};

        backfill->zone = zone_open(backfill->pipeline->timezone, &own);
        if (own.code) {
            *err = own;
            return -1;
        }
    }
    zoned.zone = backfill->zone;
    return windows_make(&zoned, &backfill->cli->arena, &backfill->windows, err);
}

/* The same window of the same pipeline is the same run. */
static const char *window_id(
    const struct backfill *backfill, const struct window *window, const char *others)
{
    const char *const parts[] = {
        backfill->pipeline->name, "", backfill->param, window->text, others};
    char id[UUID_TEXT_SIZE];

    if (backfill->options->again)
        return arena_strdup(&backfill->cli->arena, uuid_v7(time_now_ms(), id));
    return arena_strdup(
        &backfill->cli->arena, uuid_v5(parts, others ? ARRAY_LENGTH(parts) : 4, id));
}

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct option_pair *)a)->name, ((const struct option_pair *)b)->name);
}

/* What else was chosen, in whatever order, is a part of what a run is. NULL: nothing. */
static const char *digest_others(struct backfill *backfill)
{
    char digest[SHA256_TEXT_SIZE];
    struct buffer text;
    const char *result;

    if (backfill->others.count == 0)
        return NULL;
    buffer_init(&text, 0);
    mem_sort(
        backfill->others.items, backfill->others.count, sizeof(struct option_pair), compare_pairs);
    for (size_t i = 0; i < backfill->others.count; i++)
        buffer_printf(
            &text, "%s=%s\n", backfill->others.items[i].name, backfill->others.items[i].value);
    result = arena_strdup(&backfill->cli->arena, sha256_text(text.data, text.length, digest));
    buffer_deinit(&text);
    return result;
}

static void make_items(struct backfill *backfill)
{
    struct arena *arena = &backfill->cli->arena;
    const char *others = digest_others(backfill);
    struct batch *batch = &backfill->batch;
    const size_t param_count = backfill->others.count + 1;

    batch->count = backfill->windows.count;
    batch->items = arena_array(arena, batch->count, sizeof(*batch->items));
    for (size_t i = 0; i < batch->count; i++) {
        const struct window *window = &backfill->windows.items[i];
        struct option_pair *params = arena_array(arena, param_count, sizeof(*params));

        memcpy(params, backfill->others.items, backfill->others.count * sizeof(*params));
        params[param_count - 1] =
            (struct option_pair){.name = backfill->param, .value = window->text};
        batch->items[i] = (struct batch_item){.label = window->text,
            .pipeline = backfill->pipeline->name,
            .run_id = window_id(backfill, window, others),
            .due_ms = window->due_ms,
            .params = {.items = params, .count = param_count}};
    }
}

/* --- before it begins --- */

/* What one window takes is not new to the next: at the same time they would both take it. */
static int check_parallel(const struct graph *graph, struct error *err)
{
    for (unsigned i = 0; i < graph->count; i++) {
        const struct extract *extract = graph->nodes[i].extract;
        const char *what;

        if (graph->nodes[i].kind != TASK_EXTRACT)
            continue;
        what = extract->cursor.column ? "cursor" : extract->only_new.enabled ? "only_new" : NULL;
        if (!what || (!extract->cursor.column && !extract->from_table &&
                         (pipeline_uses(graph->pipeline, &extract->from) &
                             (INTERPOLATE_PARAMS | INTERPOLATE_RUN_DUE))))
            continue;
        return error_set(err, ERROR_INVALID,
            "--parallel: %s has %s, and windows at the same time would all read the same as new; "
            "leave --parallel out",
            graph->nodes[i].id, what);
    }
    return 0;
}

/* The first window shows what is wrong with the pipeline, before anything is begun. */
static int check_first(struct backfill *backfill)
{
    const struct batch_item *first = &backfill->batch.items[0];
    const struct pipeline_scope scope = {.run_id = first->run_id,
        .due_ms = first->due_ms,
        .params = &first->params,
        .for_run = true};
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;
    int code = cli_load_graph(backfill->cli, first->pipeline, &scope, &pipeline, &graph);

    if (code)
        return code;
    if (graph_check_supported(graph, &err) || quarantine_names_check(backfill->cli, graph, &err) ||
        (backfill->options->parallel > 1 && check_parallel(graph, &err)))
        code = cli_fail(backfill->cli, &err);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

/* Those that are committed need no lease and no look at them. What cannot be known now, the run
 * finds out under its lease. */
static void mark_done_before(struct backfill *backfill)
{
    struct batch *batch = &backfill->batch;
    struct question *questions = mem_calloc(ASKED_AT_ONCE, sizeof(*questions));

    for (size_t first = 0; first < batch->count; first += ASKED_AT_ONCE) {
        const size_t count = MIN(batch->count - first, (size_t)ASKED_AT_ONCE);

        memset(questions, 0, ASKED_AT_ONCE * sizeof(*questions));
        for (size_t i = 0; i < count; i++) {
            questions[i].catalog = (struct catalog_query){
                .verb = CATALOG_GET_COMMIT, .run_id = batch->items[first + i].run_id};
            question_ask_catalog(backfill->cli, &questions[i]);
        }
        questions_wait(backfill->cli);
        for (size_t i = 0; i < count; i++) {
            if (!questions[i].err.code && questions[i].catalog.count > 0)
                batch->items[first + i].state = BATCH_DONE_BEFORE;
            question_deinit(&questions[i]);
        }
    }
    free(questions);
}

/* --- all of it --- */

static int open_stores(struct cli *cli, struct error *err)
{
    struct catalog *catalog;
    struct state *state;
    struct store *tables;

    return engine_catalog(cli->engine, &catalog, err) || engine_state(cli->engine, &state, err) ||
                   engine_tables(cli->engine, &tables, err)
               ? -1
               : 0;
}

static void print_result(const struct backfill *backfill)
{
    const struct backfill_options *options = backfill->options;
    json_t *value = json_object();

    json_put_text(value, "pipeline", backfill->pipeline->name);
    json_put_text(value, "param", backfill->param);
    json_put_text(value, "from", options->from);
    json_put_text(value, "to", options->to);
    json_put_text(value, "step", options->step);
    batch_put_json(&backfill->batch, "window", value);
    cli_print_json(value);
}

static int go(struct backfill *backfill)
{
    struct cli *cli = backfill->cli;
    struct batch *batch = &backfill->batch;
    const struct log_context context = {.pipeline = backfill->pipeline->name, .instance = ""};
    char id[UUID_TEXT_SIZE];
    struct error err;
    int code;

    if (open_stores(cli, &err))
        return cli_fail(cli, &err);
    if (!backfill->options->again)
        mark_done_before(backfill);
    batch->grouped = true; /* also with nothing left to run: one that was killed left files */
    batch->group.engine = cli->engine;
    batch->group.pipeline = backfill->pipeline->name;
    batch->group.instance = "";
    batch->group.id = uuid_v7(time_now_ms(), id);
    batch->group.context = &context;
    code = batch_run(batch);
    if (code == EXIT_BUSY && backfill->options->busy_ok)
        code = EXIT_OK;
    if (cli->globals.json)
        print_result(backfill);
    return code;
}

static int backfill_pipeline(struct backfill *backfill, const char *name)
{
    struct cli *cli = backfill->cli;
    const struct pipeline_scope scope = {.params = &backfill->others};
    struct error err;
    int code = cli_load_pipeline(cli, name, &scope, &backfill->pipeline);

    if (code)
        return code;
    if (make_windows(backfill, &err))
        return cli_fail(cli, &err);
    make_items(backfill);
    code = check_first(backfill);
    if (code == EXIT_OK)
        code = cli_open_engine(cli, false);
    if (code)
        return code;
    backfill->batch.title = arena_printf(&cli->arena, "backfill of %s", backfill->pipeline->name);
    return go(backfill);
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct backfill backfill = {.cli = cli, .options = options};
    struct error err;
    int code;

    (void)arg_count;
    if (backfill.options->again && backfill.options->resume)
        return cli_usage_error(
            cli, &command_backfill, "--again runs what --resume leaves out: choose one");
    if (split_params(&backfill, &err))
        return cli_fail(cli, &err);
    backfill.batch = (struct batch){.cli = cli,
        .parallel = (size_t)backfill.options->parallel,
        .keep_going = backfill.options->keep_going,
        .noun = "window"};
    code = backfill_pipeline(&backfill, args[0]);
    zone_free(backfill.zone);
    pipeline_free(backfill.pipeline);
    return code;
}

const struct command command_backfill = {
    .name = "backfill",
    .arguments = "PIPELINE",
    .help = "Run a pipeline for each day, hour or month of a time",
    .details =
        "For each window from --from up to and including --to one run, whose parameter --param is "
        "the window's start, and whose due time it is. Steps of days, weeks and months go by the "
        "calendar of the pipeline's time zone.\n\n"
        "All of them go under one lease: no other run of the pipeline comes in between. Each "
        "window is committed by itself and has its own line in sluice runs. What was committed "
        "before, also by a backfill that was killed, is left out; --again runs it again. The first "
        "failure ends it, --keep-going goes on; the exit code is the worst one.\n\n"
        "With --parallel windows are worked on at the same time, each with its part of "
        "resources.memory, and committed in order.\n\n"
        "Keys of --json: pipeline, param, from, to, step, count, committed, nothing_new, "
        "done_before, failed, cancelled, not_run, rows, duration_ms, runs (pipeline, window, "
        "run_id, due, outcome, rows, duration_ms, error).",
    .options = &backfill_option_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice backfill flights --param day --from 2001-01-01 --to 2001-03-31\n"
                "sluice backfill flights --param day --from 2001-01-01 --to 2001-12-31 --step 1mo "
                "--parallel 4 --keep-going",
};
