#include "runner/cli/all_due.h"

#include "config/path.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/batch.h"
#include "runner/cli/due.h"
#include "runner/cli/settle.h"

#include <string.h>

/* Of one pipeline in one call; the next one goes on. */
enum { DUE_MAX = 1000 };

/* A pipeline that has a schedule. */
struct subject {
    const char *path;
    struct pipeline *pipeline; /* NULL: it is invalid */
    struct cron cron;
    struct zone *zone;
    int64_t watched_since_ms;
    struct question runs;
    struct error err; /* why it cannot be run */
};

struct all_due {
    struct cli *cli;
    struct subject *subjects;
    size_t count;
    struct settle settle;
    struct batch batch;
    size_t capacity;
};

/* --- the files --- */

static void note_problem(struct subject *subject, struct diagnostics *problems)
{
    struct buffer line;

    diagnostics_sort(problems);
    for (size_t i = 0; i < problems->count && !subject->err.code; i++) {
        if (problems->items[i].warning)
            continue;
        buffer_init(&line, 0);
        diagnostics_format(&problems->items[i], &line);
        error_set(&subject->err, ERROR_INVALID, "%s", line.data);
        buffer_deinit(&line);
    }
}

static void read_file(struct cli *cli, struct subject *subject)
{
    const struct pipeline_scope scope = {.environment = cli->project->environment};
    struct diagnostics problems;

    diagnostics_init(&problems);
    subject->pipeline = pipeline_load(subject->path, &scope, &problems);
    if (!subject->pipeline)
        note_problem(subject, &problems);
    diagnostics_deinit(&problems);
    subject->watched_since_ms = due_watched_since(subject->path);
    if (!subject->pipeline)
        return;
    if (due_schedule(subject->pipeline, &subject->cron, &subject->zone, &subject->err) == 0) {
        subject->runs.state = (struct state_request){.verb = STATE_LIST_RUNS,
            .pipeline = subject->pipeline->name,
            .instance = "",
            .limit = subject->pipeline->catchup == CATCHUP_ALL ? DUE_RUNS_ALL : DUE_RUNS};
        question_ask_state(cli, &subject->runs);
    } else if (!subject->err.code) { /* without a schedule nothing is ever due */
        pipeline_free(subject->pipeline);
        subject->pipeline = NULL;
    }
}

/* --- what is due --- */

static struct batch_item *add_item(struct all_due *all, size_t line)
{
    struct batch *batch = &all->batch;

    batch->items = mem_grow(batch->items, &all->capacity, batch->count, sizeof(*batch->items));
    batch->items[batch->count] = (struct batch_item){.line = line};
    return &batch->items[batch->count++];
}

/* Two that are of one name in two files have one history: validate says so. */
static void add_due(struct all_due *all, size_t line, int64_t due_ms)
{
    const char *name = all->subjects[line].pipeline->name;
    struct arena *arena = &all->cli->arena;
    struct batch_item *item = add_item(all, line);
    char id[UUID_TEXT_SIZE], due[TIME_TEXT_SIZE];

    item->pipeline = name;
    item->due_ms = due_ms;
    item->run_id = arena_strdup(arena, due_run_id(name, "", due_ms, id));
    item->label = arena_printf(arena, "%s %.16sZ", name, time_format_rfc3339(due_ms, due));
}

/* Its file is wrong: nothing of it can be run, the others can. */
static void add_failure(struct all_due *all, size_t line, const struct error *err, int64_t now_ms)
{
    const struct subject *subject = &all->subjects[line];
    struct batch_item *item = add_item(all, line);

    item->pipeline =
        subject->pipeline ? subject->pipeline->name : path_stem(&all->cli->arena, subject->path);
    item->label = item->pipeline;
    item->run_id = "";
    item->due_ms = now_ms;
    item->state = BATCH_FAILED;
    item->err = *err;
}

static void list_due(struct all_due *all, size_t line, int64_t now_ms)
{
    const struct subject *subject = &all->subjects[line];
    int64_t *due;
    size_t count;

    if (subject->err.code || subject->runs.err.code) {
        add_failure(all, line, subject->err.code ? &subject->err : &subject->runs.err, now_ms);
        return;
    }
    if (!subject->pipeline)
        return;
    due = mem_calloc(DUE_MAX, sizeof(*due));
    count = due_list(&(struct due_facts){.pipeline = subject->pipeline->name,
                         .instance = "",
                         .cron = &subject->cron,
                         .zone = subject->zone,
                         .catchup = subject->pipeline->catchup,
                         .now_ms = now_ms,
                         .watched_since_ms = subject->watched_since_ms,
                         .runs = subject->runs.state.runs,
                         .run_count = subject->runs.state.count,
                         .again_lost = true},
        due, DUE_MAX);
    for (size_t i = 0; i < count; i++)
        add_due(all, line, due[i]);
    free(due);
}

/* What a process that is gone left running was lost. */
static void settle(struct all_due *all)
{
    struct state_run **running;
    size_t count = 0, capacity = 0;

    running = NULL;
    for (size_t i = 0; i < all->count; i++) {
        struct state_request *runs = &all->subjects[i].runs.state;

        for (size_t j = 0; !all->subjects[i].runs.err.code && j < runs->count; j++) {
            if (runs->runs[j].outcome != STATE_RUNNING)
                continue;
            running = mem_grow(running, &capacity, count, sizeof(struct state_run *));
            running[count++] = &runs->runs[j];
        }
    }
    if (count > 0)
        settle_runs(all->cli, &all->settle, running, count);
    free(running);
}

static int gather(struct all_due *all)
{
    struct cli *cli = all->cli;
    const int64_t now_ms = time_now_ms();
    struct text_list paths;
    struct error err;

    if (project_pipeline_paths(cli->project, &paths, &err))
        return cli_fail(cli, &err);
    all->count = paths.count;
    all->subjects = mem_calloc(paths.count + 1, sizeof(*all->subjects));
    settle_ask(cli, &all->settle);
    for (size_t i = 0; i < paths.count; i++) {
        all->subjects[i].path = paths.items[i];
        read_file(cli, &all->subjects[i]);
    }
    questions_wait(cli);
    settle(all);
    for (size_t i = 0; i < paths.count; i++)
        list_due(all, i, now_ms);
    return EXIT_OK;
}

/* --- all of it --- */

static void all_due_deinit(struct all_due *all)
{
    for (size_t i = 0; i < all->count; i++) {
        question_deinit(&all->subjects[i].runs);
        zone_free(all->subjects[i].zone);
        pipeline_free(all->subjects[i].pipeline);
    }
    settle_deinit(&all->settle);
    free(all->subjects);
    free(all->batch.items);
}

int all_due_run(struct cli *cli, const struct run_flags *flags)
{
    struct all_due all = {.cli = cli,
        .batch = {.cli = cli,
            .parallel = (size_t)flags->parallel,
            .busy_ok = flags->busy_ok,
            .title = "due",
            .noun = "run"}};
    int code = cli_open_engine(cli, false);

    if (code)
        return code;
    code = gather(&all);
    if (code == EXIT_OK) {
        code = batch_run(&all.batch);
        if (cli->globals.json) {
            json_t *value = json_object();

            batch_put_json(&all.batch, NULL, value);
            cli_print_json(value);
        }
    }
    all_due_deinit(&all);
    return code;
}
