#include "config/path.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/cli/commands.h"
#include "runner/cli/log_reader.h"
#include "runner/io/timer.h"

#include <stddef.h>
#include <string.h>

enum { POLL_MS = 200, LINES_MAX = 100000 };

struct logs_options {
    const char *since, *until, *run_id, *task, *grep;
    int level;
    bool follow;
    int64_t lines;
};

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};

static const struct option options_table[] = {
    {"since", OPTION_TEXT, offsetof(struct logs_options, since), .value_name = "TIME",
        .help = "From that time on: an age (30m, 24h, 7d) or ISO 8601 (default: 24h; with --run or "
                "--until all that is kept)"},
    {"until", OPTION_TEXT, offsetof(struct logs_options, until), .value_name = "TIME",
        .help = "Up to that time"},
    {"run", OPTION_TEXT, offsetof(struct logs_options, run_id), .value_name = "RUN",
        .help = "Of that run: its id or the beginning of it"},
    {"task", OPTION_TEXT, offsetof(struct logs_options, task), .value_name = "TASK",
        .help = "Of that task: load.clean"},
    {"level", OPTION_ENUM, offsetof(struct logs_options, level), .choices = levels,
        .help = "Of that level and above"},
    {"grep", OPTION_TEXT, offsetof(struct logs_options, grep), .value_name = "TEXT",
        .help = "Lines in which the text occurs"},
    {"follow", OPTION_BOOL, offsetof(struct logs_options, follow), .letter = 'f',
        .help = "Go on with what is written from now on, until Ctrl-C"},
    {"lines", OPTION_INT, offsetof(struct logs_options, lines), .letter = 'n', .min = 1,
        .max = LINES_MAX, .value_name = "N", .help = "Only the last N"},
};
static const struct option_set option_set =
    OPTION_SET("logs", "Options", struct logs_options, options_table);

struct logs {
    struct cli *cli;
    struct log_filter filter;
    struct log_reader reader;
    struct buffer out;
    char **tail; /* the last lines, a ring; NULL: lines go out at once */
    size_t tail_size, tail_next;
    int64_t shown; /* lines that were wanted */
    struct timer timer;
    struct error err;
};

/* --- lines --- */

static void append_raw(struct buffer *out, const char *line, size_t length)
{
    json_t *value = json_object();

    json_object_set_new(value, "raw", json_text_n(line, length));
    json_append(out, value);
    buffer_putc(out, '\n');
    json_decref(value);
}

static void keep(struct logs *logs)
{
    free(logs->tail[logs->tail_next]);
    logs->tail[logs->tail_next] = buffer_steal(&logs->out);
    logs->tail_next = (logs->tail_next + 1) % logs->tail_size;
}

static bool put(struct logs *logs)
{
    if (logs->tail) {
        keep(logs);
        return true;
    }
    fwrite(logs->out.data, 1, logs->out.length, stdout);
    buffer_clear(&logs->out);
    return !ferror(stdout);
}

static bool on_line(void *data, const char *line, size_t length)
{
    struct logs *logs = data;
    json_t *value;

    if (!log_filter_line(&logs->filter, line, length, &value))
        return true;
    logs->shown++;
    if (!logs->cli->globals.json)
        log_filter_show(&logs->out, line, length, value, logs->cli->color);
    else if (value)
        buffer_append(&logs->out, line, length), buffer_putc(&logs->out, '\n');
    else
        append_raw(&logs->out, line, length);
    json_decref(value);
    return put(logs);
}

static void put_tail(struct logs *logs)
{
    char **tail = logs->tail;

    logs->tail = NULL;
    for (size_t i = 0; tail && i < logs->tail_size; i++) {
        char *line = tail[(logs->tail_next + i) % logs->tail_size];

        if (line)
            fputs(line, stdout);
        free(line);
    }
    free(tail);
}

/* --- following --- */

static void on_closed(struct timer *timer)
{
    (void)timer;
}

static void on_poll(struct timer *timer)
{
    struct logs *logs = container_of(timer, struct logs, timer);

    if (log_reader_read(&logs->reader, time_now_ms(), &logs->err) == 0 && !logs->reader.stopped &&
        fflush(stdout) == 0)
        return;
    timer_close(&logs->timer, on_closed);
}

static void on_stop(void *data, int signal_number)
{
    struct logs *logs = data;

    error_set(&logs->err, ERROR_STOPPED, "signal %d", signal_number);
    timer_close(&logs->timer, on_closed);
}

static int follow(struct logs *logs)
{
    struct cli *cli = logs->cli;

    fflush(stdout);
    timer_init(&logs->timer, &cli->loop);
    timer_start(&logs->timer, POLL_MS, POLL_MS, on_poll);
    loop_on_stop(&cli->loop, on_stop, logs);
    loop_run(&cli->loop);
    loop_on_stop(&cli->loop, NULL, NULL);
    /* Ctrl-C is how one ends this: nothing to say about it. */
    if (logs->err.code == ERROR_STOPPED)
        return 128 + cli->loop.signal_number;
    return logs->err.code ? cli_fail(cli, &logs->err) : EXIT_OK;
}

/* --- the command --- */

/* An age or a time. */
static int parse_when(const char *text, int64_t now_ms, int64_t *ret_ms, struct error *err)
{
    struct duration age;

    if (duration_parse(text, &age, NULL) == 0) {
        *ret_ms = duration_add(&age, now_ms, -1);
        return 0;
    }
    if (time_parse(text, ret_ms, NULL) == 0)
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is neither an age (30m, 24h, 7d) nor a time (2026-11-21T06:15)", text);
}

static int make_filter(const struct logs_options *options, const char *pipeline,
    struct log_filter *ret_filter, struct error *err)
{
    const int64_t now_ms = time_now_ms();
    struct log_filter filter = {.pipeline = pipeline,
        .task = options->task,
        .grep = options->grep,
        .run_id = options->run_id,
        .level = (enum log_level)options->level};

    if (options->since) {
        if (parse_when(options->since, now_ms, &filter.since_ms, err))
            return error_prefix(err, "--since");
    } else if (!options->run_id && !options->until) {
        filter.since_ms = now_ms - MS_PER_DAY;
    }
    if (options->until && parse_when(options->until, now_ms, &filter.until_ms, err))
        return error_prefix(err, "--until");
    *ret_filter = filter;
    return 0;
}

/* The log goes by the pipeline's name and may hold some whose files are gone: a word that names no
 * file now is taken as it is. *ret_err says what is wrong with it, if anything. */
static const char *find_name(struct cli *cli, const char *word, struct error *ret_err)
{
    const struct pipeline_scope scope = {.environment = cli->project->environment};
    struct diagnostics problems;
    struct pipeline *pipeline;
    const char *path, *name = word;

    error_clear(ret_err);
    if (project_find_pipeline(cli->project, word, &path, ret_err))
        return word;
    diagnostics_init(&problems);
    pipeline = pipeline_load(path, &scope, &problems);
    if (pipeline)
        name = arena_strdup(&cli->arena, pipeline->name);
    pipeline_free(pipeline);
    diagnostics_deinit(&problems);
    return name;
}

static int read_logs(
    struct logs *logs, const struct logs_options *options, const struct error *unknown)
{
    struct cli *cli = logs->cli;

    if (options->lines > 0) {
        logs->tail_size = (size_t)options->lines;
        logs->tail = mem_calloc(logs->tail_size, sizeof(*logs->tail));
    }
    if (log_reader_read(&logs->reader, time_now_ms(), &logs->err))
        return cli_fail(cli, &logs->err);
    if (!options->follow)
        log_reader_finish(&logs->reader);
    put_tail(logs);
    if (logs->shown == 0 && unknown->code)
        return cli_fail(cli, unknown);
    if (logs->shown == 0 && !options->follow && !cli->globals.quiet)
        fprintf(stderr, "No such lines in %s%s.\n", path_display(&cli->arena, logs->reader.folder),
            options->since || logs->filter.since_ms == 0 ? ""
                                                         : " of the last 24 hours; see --since");
    return options->follow && !logs->reader.stopped ? follow(logs) : EXIT_OK;
}

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct logs_options *options = values;
    struct logs logs = {.cli = cli};
    const char *pipeline = NULL;
    struct error err, unknown = {0};
    int code = cli_open_engine(cli, true);

    if (code)
        return code;
    if (arg_count > 0)
        pipeline = find_name(cli, args[0], &unknown);
    if (make_filter(options, pipeline, &logs.filter, &err))
        return cli_fail(cli, &err);
    buffer_init(&logs.out, 0);
    log_reader_init(
        &logs.reader, cli->project->environment->logs.dir, &logs.filter, on_line, &logs);
    code = read_logs(&logs, options, &unknown);
    put_tail(&logs);
    log_reader_deinit(&logs.reader);
    buffer_deinit(&logs.out);
    return code;
}

const struct command command_logs = {
    .name = "logs",
    .arguments = "[PIPELINE]",
    .help = "Show the environment's log, of one pipeline or all",
    .details = "Reads the hourly files of the log folder (logs.dir in sluice.yaml). With --json "
               "lines are as they were written, one object each. What is no JSON is shown as it "
               "is, where every text that is looked for occurs in it; with --json as {\"raw\": "
               "…}.",
    .options = &option_set,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice logs birdstrikes --since 2h --level warn\n"
                "sluice logs --run 01a1fd0c --task load.clean\n"
                "sluice logs -f --json | jq -r .msg",
};
