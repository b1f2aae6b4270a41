#include "config/cron.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"

#include <string.h>

/* When its schedule is due next; 0: it has none. */
static int64_t next_due(const struct pipeline *pipeline, int64_t now_ms)
{
    struct zone *zone = NULL;
    struct cron cron;
    int64_t due_ms = 0;

    if (!pipeline->schedule || cron_parse(pipeline->schedule, &cron, NULL))
        return 0;
    if (pipeline->timezone)
        zone = zone_open(pipeline->timezone, NULL);
    if (!cron_next(&cron, zone, now_ms, &due_ms))
        due_ms = 0;
    zone_free(zone);
    return due_ms;
}

static const struct load *load_at(const struct pipeline *pipeline, size_t index)
{
    return (const struct load *)pipeline->loads.items + index;
}

static json_t *pipeline_json(const struct pipeline *pipeline, int64_t now_ms)
{
    json_t *item = json_object(), *loads = json_array();
    const int64_t due_ms = next_due(pipeline, now_ms);

    json_put_text(item, "pipeline", pipeline->name);
    json_put_text(item, "path", pipeline->path);
    json_put_text(item, "description", pipeline->description);
    json_put_text(item, "owner", pipeline->owner);
    json_put_text(item, "schedule", pipeline->schedule);
    json_put_text(item, "timezone", pipeline->timezone);
    if (due_ms)
        json_put_time(item, "next_due", due_ms);
    if (duration_ms(&pipeline->freshness) > 0)
        json_put_int(item, "freshness_ms", duration_ms(&pipeline->freshness));
    json_put_int(item, "extracts", (int64_t)pipeline->extracts.count);
    json_put_int(item, "transforms", (int64_t)pipeline->transforms.count);
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        const struct load *load = load_at(pipeline, i);
        json_t *entry = json_object();

        json_put_text(entry, "load", load->item.name);
        json_put_text(entry, "into", load->into);
        json_put_text(entry, "to", load->to);
        if (load->into)
            json_put_text(entry, "mode", load_mode_names[load->mode]);
        json_array_append_new(loads, entry);
    }
    json_object_set_new(item, "loads", loads);
    return item;
}

static void add_row(struct print_table *table, const struct pipeline *pipeline, int64_t now_ms)
{
    const int64_t due_ms = next_due(pipeline, now_ms);
    char tasks[32], due[TIME_TEXT_SIZE];
    struct buffer targets;
    const char *cells[6];

    snprintf(tasks, sizeof(tasks), "%zu",
        pipeline->extracts.count + pipeline->transforms.count + pipeline->loads.count);
    buffer_init(&targets, 0);
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        const struct load *load = load_at(pipeline, i);

        buffer_printf(&targets, "%s%s", i ? ", " : "", load->into ? load->into : load->to);
    }
    cells[0] = pipeline->name;
    cells[1] = pipeline->schedule;
    cells[2] = due_ms ? time_format_ago(due_ms, now_ms, due) : NULL;
    cells[3] = tasks;
    cells[4] = targets.data;
    cells[5] = pipeline->description;
    print_table_row(table, cells);
    buffer_deinit(&targets);
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    static const char *const headers[] = {
        "PIPELINE", "SCHEDULE", "DUE", ">TASKS", "WRITES", "DESCRIPTION", NULL};
    const int64_t now_ms = time_now_ms();
    struct print_table *table;
    struct diagnostics problems;
    struct text_list paths;
    struct error err;
    json_t *list;
    int code = cli_open_project(cli);

    (void)options, (void)args, (void)arg_count;
    if (code)
        return code;
    if (project_pipeline_paths(cli->project, &paths, &err))
        return cli_fail(cli, &err);
    diagnostics_init(&problems);
    table = print_table_new(headers);
    list = json_array();
    for (size_t i = 0; i < paths.count; i++) {
        const struct pipeline_scope scope = {.environment = cli->project->environment};
        struct pipeline *pipeline = pipeline_load(paths.items[i], &scope, &problems);

        if (pipeline && cli->globals.json)
            json_array_append_new(list, pipeline_json(pipeline, now_ms));
        else if (pipeline)
            add_row(table, pipeline, now_ms);
        pipeline_free(pipeline);
    }
    if (cli->globals.json)
        cli_print_json(json_incref(list));
    print_table_end(
        table, cli->globals.json ? NULL : stdout, print_terminal_width(1), 5, cli->color);
    json_decref(list);
    if (!paths.count && !cli->globals.quiet)
        fprintf(stderr, "No pipelines yet: `sluice init DIR` writes an example.\n");
    code = cli_problems(cli, &problems);
    diagnostics_deinit(&problems);
    return code;
}

const struct command command_list = {
    .name = "list",
    .help = "List the project's pipelines with their schedules and what they write",
    .details = "A file that is not valid is reported and left out; then the exit code is 2.\n\n"
               "Keys of --json, one object a pipeline: pipeline, path, description, owner, "
               "schedule, timezone, next_due, freshness_ms, extracts, transforms, loads (load, "
               "into or to, mode).",
    .run = run,
};
