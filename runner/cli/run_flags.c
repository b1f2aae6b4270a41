#include "runner/cli/run_flags.h"

#include "runner/base/mem.h"
#include "runner/cli/due.h"
#include "runner/cli/quarantine_names.h"
#include "runner/cli/run_resume.h"
#include "runner/engine/seal.h"

#include <stddef.h>

#define PARAM_FLAG                                                                                 \
    {                                                                                              \
        "param", OPTION_PAIRS, offsetof(struct run_flags, params),                                 \
            .letter = 'p', .value_name = "NAME=VALUE",                                             \
            .help = "Value of a parameter of the pipeline; may be given again"                     \
    }
#define TASK_FLAG                                                                                  \
    {                                                                                              \
        "task", OPTION_TEXTS, offsetof(struct run_flags, tasks),                                   \
            .letter = 't', .value_name = "TASK",                                                   \
            .help = "Only this task (load.clean) and what it needs; only the loads named are "     \
                    "committed; may be given again"                                                \
    }
#define DUE_FLAG                                                                                   \
    {                                                                                              \
        "due", OPTION_TIME, offsetof(struct run_flags, due_ms),                                    \
            .value_name = "TIME",                                                                  \
            .help = "The time that the run stands for, ISO 8601: ${run.due}, today and yesterday " \
                    "mean it (default: now)"                                                       \
    }
#define AGAIN_FLAG                                                                                 \
    {                                                                                              \
        "again", OPTION_BOOL, offsetof(struct run_flags, again),                                   \
            .help = "With --due of the schedule: a run of its own, although that time had one"     \
    }
#define RUN_ID_FLAG                                                                                \
    {                                                                                              \
        "run-id", OPTION_TEXT, offsetof(struct run_flags, run_id),                                 \
            .value_name = "ID",                                                                    \
            .help = "Id of the run, a UUID: the same one never commits twice (default: a new "     \
                    "one; where --due is a time of the schedule, the one of that time)"            \
    }
#define INSTANCE_FLAG                                                                              \
    {                                                                                              \
        "instance", OPTION_TEXT, offsetof(struct run_flags, instance),                             \
            .preset = "", .flags = OPTION_HIDDEN | OPTION_NULLABLE, .help = "Key of the instance"  \
    }
#define BUSY_FLAG                                                                                  \
    {                                                                                              \
        "busy-ok", OPTION_BOOL, offsetof(struct run_flags, busy_ok),                               \
            .help = "Exit 0 in place of 75 where another run of the pipeline is under way"         \
    }

static const struct option run_options[] = {
    PARAM_FLAG,
    TASK_FLAG,
    DUE_FLAG,
    AGAIN_FLAG,
    RUN_ID_FLAG,
    {"resume", OPTION_TEXT, offsetof(struct run_flags, resume), .value_name = "RUN",
        .help = "Go on with a run whose process died: its id, due time and parameters, and what "
                "it fetched and uploaded"},
    INSTANCE_FLAG,
    {"plan", OPTION_TEXT, offsetof(struct run_flags, plan), .value_name = "FILE",
        .help =
            "Do exactly what sluice plan --out has sealed in FILE, or refuse; without PIPELINE"},
    {"all-due", OPTION_BOOL, offsetof(struct run_flags, all_due),
        .help = "Run every pipeline that is due by its schedule, and what its `catchup` makes up "
                "for; without PIPELINE"},
    {"parallel", OPTION_INT, offsetof(struct run_flags, parallel), .preset = "1", .min = 1,
        .max = 64, .value_name = "N", .help = "With --all-due: so many pipelines at once"},
    {"dry-run", OPTION_BOOL, offsetof(struct run_flags, dry_run), .letter = 'n',
        .help = "Only say what it would do, as sluice plan does"},
    BUSY_FLAG,
};

static const struct option trigger_options[] = {
    PARAM_FLAG, TASK_FLAG, DUE_FLAG, AGAIN_FLAG, RUN_ID_FLAG, INSTANCE_FLAG, BUSY_FLAG};

static const struct option plan_options[] = {PARAM_FLAG, TASK_FLAG, DUE_FLAG, INSTANCE_FLAG,
    {"out", OPTION_TEXT, offsetof(struct run_flags, out), .letter = 'o', .value_name = "FILE",
        .help = "Seal the plan in this file as well: sluice run --plan FILE does exactly that"}};

const struct option_set run_flag_set = OPTION_SET("run", "Options", struct run_flags, run_options);
const struct option_set trigger_flag_set =
    OPTION_SET("trigger", "Options", struct run_flags, trigger_options);
const struct option_set plan_flag_set =
    OPTION_SET("plan", "Options", struct run_flags, plan_options);

int run_flags_complete(struct run_flags *flags, struct arena *arena,
    struct pipeline_scope *ret_scope, struct error *err)
{
    char id[UUID_TEXT_SIZE];
    const int64_t now_ms = time_now_ms();

    if (flags->run_id && !uuid_valid(flags->run_id))
        return error_set(err, ERROR_INVALID,
            "--run-id: \"%s\" is not a UUID in lower case, like %s", flags->run_id,
            uuid_v7(now_ms, id));
    if (!flags->run_id)
        flags->run_id = arena_strdup(arena, uuid_v7(now_ms, id));
    if (flags->due_ms == 0)
        flags->due_ms = now_ms;
    *ret_scope = (struct pipeline_scope){.run_id = flags->run_id,
        .due_ms = flags->due_ms,
        .params = &flags->params,
        .for_run = true};
    return 0;
}

int run_flags_take_plan(
    struct run_flags *flags, struct cli *cli, const char **ret_pipeline_name, struct error *err)
{
    struct option_pair *params;
    const char **tasks, *name;
    json_t *value, *sealed_params, *selected;
    size_t count = 0;

    if (flags->params.count || flags->tasks.count || flags->due_ms || flags->run_id || flags->again)
        return error_set(err, ERROR_INVALID,
            "--plan: parameters, tasks, due time and id of the run are the plan's; leave --param, "
            "--task, --due, --again and --run-id out");
    if (seal_read(flags->plan, &flags->sealed, err))
        return error_prefix(err, "--plan");
    sealed_params = json_object_get(flags->sealed, "params");
    params = arena_array(&cli->arena, json_object_size(sealed_params), sizeof(*params));
    json_object_foreach(sealed_params, name, value)
    {
        params[count++] = (struct option_pair){.name = name, .value = json_string_value(value)};
    }
    flags->params = (struct option_pairs){.items = params, .count = count};
    selected = json_object_get(flags->sealed, "selected");
    tasks = arena_array(&cli->arena, json_array_size(selected), sizeof(*tasks));
    for (size_t i = 0; i < json_array_size(selected); i++)
        tasks[i] = json_string_value(json_array_get(selected, i));
    flags->tasks = (struct text_list){.items = tasks, .count = json_array_size(selected)};
    flags->run_id = json_get_text(flags->sealed, "run_id");
    *ret_pipeline_name = json_get_text(flags->sealed, "pipeline");
    if (time_parse(json_get_text(flags->sealed, "due"), &flags->due_ms, err))
        return error_prefix(err, "--plan: %s: due", flags->plan);
    return 0;
}

/* Where the flags ask for what the schedule starts at that time: the id of that run. */
static void take_scheduled_id(struct run_flags *flags, struct cli *cli, const char *pipeline_name)
{
    const struct pipeline_scope scope = {.environment = cli->project->environment};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct zone *zone = NULL;
    char id[UUID_TEXT_SIZE];
    const char *path;
    struct error err;
    struct cron cron;

    if (project_find_pipeline(cli->project, pipeline_name, &path, &err))
        return; /* reported when it is loaded to be run, as all that is wrong with it */
    diagnostics_init(&problems);
    pipeline = pipeline_load(path, &scope, &problems);
    diagnostics_deinit(&problems);
    if (pipeline && due_schedule(pipeline, &cron, &zone, &err) == 0 &&
        due_is_time(&cron, zone, flags->due_ms))
        flags->run_id = arena_strdup(
            &cli->arena, due_run_id(pipeline->name, flags->instance, flags->due_ms, id));
    zone_free(zone);
    pipeline_free(pipeline);
}

/* Whether this build can execute the pipeline, and knows the tasks that were named. */
static int check(const struct run_flags *flags, const struct graph *graph, struct error *err)
{
    bool *wanted = mem_calloc(graph->count + 1, sizeof(*wanted));
    const int result = graph_select(graph, &flags->tasks, wanted, err);

    free(wanted);
    return result ? error_prefix(err, "--task") : graph_check_supported(graph, err);
}

int run_flags_load(struct run_flags *flags, struct cli *cli, const char *pipeline_name,
    struct pipeline **ret_pipeline, struct graph **ret_graph)
{
    struct pipeline_scope scope;
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;
    int code = cli_open_project(cli);

    if (code || (flags->resume && (code = run_resume(flags, cli)) != EXIT_OK))
        return code;
    if (flags->due_ms && !flags->run_id && !flags->again && flags->params.count == 0 &&
        flags->tasks.count == 0)
        take_scheduled_id(flags, cli, pipeline_name);
    if (run_flags_complete(flags, &cli->arena, &scope, &err))
        return cli_fail(cli, &err);
    code = cli_load_graph(cli, pipeline_name, &scope, &pipeline, &graph);
    if (code)
        return code;
    if (run_resume_check(flags, pipeline->name, &err) || check(flags, graph, &err) ||
        quarantine_names_check(cli, graph, &err)) {
        graph_free(graph);
        pipeline_free(pipeline);
        return cli_fail(cli, &err);
    }
    *ret_pipeline = pipeline;
    *ret_graph = graph;
    return EXIT_OK;
}
