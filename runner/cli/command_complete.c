/* What completion scripts ask: words, one a line; nothing where there is trouble. */
#include "runner/base/mem.h"
#include "runner/cli/commands.h"

#include <string.h>

enum { RUNS_OFFERED = 50 };

static void offer_pipelines(struct cli *cli, const char *pipeline)
{
    struct diagnostics problems;
    struct text_list paths = {0};
    struct error err;

    (void)pipeline;
    if (project_pipeline_paths(cli->project, &paths, &err))
        return;
    diagnostics_init(&problems);
    for (size_t i = 0; i < paths.count; i++) {
        const struct pipeline_scope scope = {.environment = cli->project->environment};
        struct pipeline *loaded = pipeline_load(paths.items[i], &scope, &problems);

        if (loaded)
            puts(loaded->name);
        pipeline_free(loaded);
    }
    diagnostics_deinit(&problems);
}

static void offer_items(const char *kind, const struct option_items *items, size_t size)
{
    for (size_t i = 0; i < items->count; i++) {
        const struct option_item *item =
            (const struct option_item *)((const char *)items->items + i * size);

        printf("%s%s\n", kind, item->name);
    }
}

/* NULL: there is none, or it is not valid. */
static struct pipeline *find_pipeline(struct cli *cli, const char *name)
{
    const struct pipeline_scope scope = {.environment = cli->project->environment};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct error err;
    const char *path;

    if (!name || project_find_pipeline(cli->project, name, &path, &err))
        return NULL;
    diagnostics_init(&problems);
    pipeline = pipeline_load(path, &scope, &problems);
    diagnostics_deinit(&problems);
    return pipeline;
}

static void offer_datasets(struct cli *cli, const char *name)
{
    struct pipeline *pipeline = find_pipeline(cli, name);

    if (!pipeline)
        return;
    offer_items("", &pipeline->extracts, sizeof(struct extract));
    offer_items("", &pipeline->transforms, sizeof(struct transform));
    pipeline_free(pipeline);
}

static void offer_tasks(struct cli *cli, const char *name)
{
    struct pipeline *pipeline = find_pipeline(cli, name);

    if (!pipeline)
        return;
    offer_items("extract.", &pipeline->extracts, sizeof(struct extract));
    offer_items("transform.", &pipeline->transforms, sizeof(struct transform));
    offer_items("load.", &pipeline->loads, sizeof(struct load));
    pipeline_free(pipeline);
}

static void on_tables(struct catalog_query *query, const struct error *err)
{
    for (size_t i = 0; !err && i < query->count; i++)
        printf("%s.%s\n", query->tables[i].namespace, query->tables[i].name);
}

static void offer_tables(struct cli *cli, const char *pipeline)
{
    struct catalog_query query = {
        .verb = CATALOG_LIST_TABLES, .arena = &cli->arena, .done = on_tables};
    struct catalog *catalog;
    struct error err;

    (void)pipeline;
    if (cli_open_engine(cli, true) || engine_catalog(cli->engine, &catalog, &err))
        return;
    catalog->type->query(catalog, &query);
    loop_run(&cli->loop);
}

static void on_runs(struct state_request *request, const struct error *err)
{
    for (size_t i = 0; !err && i < request->count; i++)
        puts(request->runs[i].run_id);
}

static void offer_runs(struct cli *cli, const char *pipeline)
{
    struct state_request request = {
        .verb = STATE_LIST_RUNS, .limit = RUNS_OFFERED, .arena = &cli->arena, .done = on_runs};
    struct state *state;
    struct error err;

    (void)pipeline;
    if (cli_open_engine(cli, true) || engine_state(cli->engine, &state, &err))
        return;
    state->type->start(state, &request);
    loop_run(&cli->loop);
}

static void offer_environments(struct cli *cli, const char *pipeline)
{
    (void)pipeline;
    offer_items("", &cli->project->environments, sizeof(struct environment));
}

static void offer_words(const char *const *words)
{
    for (; *words; words++)
        puts(*words);
}

/* All of them, or those of the group that stands in front. */
static void offer_commands(struct cli *cli, const char *group)
{
    const struct command *command = NULL;
    int used;

    if (group)
        command = cli_find_command(&group, 1, &used);
    if (!group || (command && command->group))
        offer_words(cli_command_names(&cli->arena, command ? command->group : NULL));
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    static const struct {
        const char *kind;
        void (*offer)(struct cli *cli, const char *pipeline);
    } kinds[] = {{"pipelines", offer_pipelines}, {"tasks", offer_tasks},
        {"datasets", offer_datasets}, {"tables", offer_tables}, {"runs", offer_runs},
        {"environments", offer_environments}};
    static const char *const shells[] = {"bash", "zsh", NULL};
    static const char *const schemas[] = {"pipeline", "project", NULL};

    (void)options;
    if (strcmp(args[0], "shells") == 0)
        offer_words(shells);
    else if (strcmp(args[0], "schemas") == 0)
        offer_words(schemas);
    else if (strcmp(args[0], "commands") == 0)
        offer_commands(cli, arg_count > 1 ? args[1] : NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(kinds[i].kind, args[0]) == 0 && cli_open_project(cli) == EXIT_OK)
            kinds[i].offer(cli, arg_count > 1 ? args[1] : NULL);
    }
    return EXIT_OK;
}

const struct command command_complete = {
    .name = "__complete",
    .arguments = "KIND [PIPELINE]",
    .help = "Words for completion scripts",
    .args_min = 1,
    .args_max = 2,
    .run = run,
    .hidden = true,
};
