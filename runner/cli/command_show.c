#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct show_options {
    bool svg;
    const char *output;
};

static const struct option options_table[] = {
    {"svg", OPTION_BOOL, offsetof(struct show_options, svg),
        .help = "Draw the graph as one SVG picture"},
    {"output", OPTION_TEXT, offsetof(struct show_options, output), .letter = 'o',
        .value_name = "FILE", .help = "Write to this file in place of standard output"},
};
static const struct option_set option_set =
    OPTION_SET("show", "Options", struct show_options, options_table);

/* --- as JSON --- */

static json_t *names_json(const struct graph *graph, const unsigned *indices, unsigned count)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_text(graph->nodes[indices[i]].id));
    return list;
}

static json_t *node_json(const struct graph *graph, const struct graph_node *node)
{
    json_t *item = json_object();

    json_put_text(item, "task", node->id);
    json_object_set_new(item, "needs", names_json(graph, node->needs, node->need_count));
    json_object_set_new(item, "inputs", names_json(graph, node->inputs, node->input_count));
    if (node->kind == TASK_EXTRACT) {
        json_put_url(item, "from", node->extract->from);
        json_put_text(item, "at", node->extract->at);
        return item;
    }
    json_object_set_new(item, "driven_by", names_json(graph, node->drivers, node->driver_count));
    if (node->kind == TASK_TRANSFORM) {
        json_put_text(item, "sql", node->transform->sql);
        return item;
    }
    json_put_text(item, "into", node->load->into);
    json_put_text(item, "to", node->load->to);
    if (node->load->into)
        json_put_text(item, "mode", load_mode_names[node->load->mode]);
    return item;
}

static json_t *params_json(const struct pipeline *pipeline)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pipeline->params.count; i++) {
        const struct param *param = (const struct param *)pipeline->params.items + i;
        json_t *item = json_object();

        json_put_text(item, "param", param->item.name);
        json_put_text(item, "type", param_type_names[param->type]);
        json_put_text(item, "default", param->preset);
        json_put_text(item, "description", param->description);
        json_array_append_new(list, item);
    }
    return list;
}

static void append_json(const struct graph *graph, struct buffer *out)
{
    const struct pipeline *pipeline = graph->pipeline;
    json_t *value = json_object(), *tasks = json_array();

    json_put_text(value, "pipeline", pipeline->name);
    json_put_text(value, "path", pipeline->path);
    json_put_text(value, "description", pipeline->description);
    json_put_text(value, "owner", pipeline->owner);
    json_put_text(value, "schedule", pipeline->schedule);
    json_put_text(value, "timezone", pipeline->timezone);
    json_object_set_new(value, "params", params_json(pipeline));
    for (unsigned i = 0; i < graph->count; i++)
        json_array_append_new(tasks, node_json(graph, &graph->nodes[i]));
    json_object_set_new(value, "tasks", tasks);
    json_append(out, value);
    buffer_putc(out, '\n');
    json_decref(value);
}

/* --- as text --- */

static void append_field(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(out, "%-12s ", name);
    text_append_printable(out, value);
    buffer_putc(out, '\n');
}

static void append_text(
    const struct cli *cli, const struct graph *graph, unsigned columns, struct buffer *out)
{
    const struct pipeline *pipeline = graph->pipeline;

    buffer_printf(out, "%s%s%s  (%s)\n", cli_style(cli, "bold"), pipeline->name,
        cli_style(cli, "reset"), pipeline->path);
    append_field(out, "description", pipeline->description);
    append_field(out, "owner", pipeline->owner);
    append_field(out, "schedule", pipeline->schedule);
    append_field(out, "timezone", pipeline->schedule ? pipeline->timezone : NULL);
    for (size_t i = 0; i < pipeline->params.count; i++) {
        const struct param *param = (const struct param *)pipeline->params.items + i;

        buffer_printf(out, "%-12s %s: %s%s%s", i ? "" : "params", param->item.name,
            param_type_names[param->type], param->preset ? ", default " : ", required",
            param->preset ? param->preset : "");
        if (param->description)
            buffer_printf(out, "  %s", param->description);
        buffer_putc(out, '\n');
    }
    buffer_putc(out, '\n');
    graph_draw_text(graph, columns, out);
}

static int write_file(const char *path, const struct buffer *text, struct error *err)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return error_set_errno(err, errno, "%s cannot be written", path);
    fwrite(text->data, 1, text->length, file);
    if (fclose(file))
        return error_set_errno(err, errno, "%s cannot be written", path);
    return 0;
}

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct show_options *options = values;
    struct pipeline *pipeline;
    struct graph *graph;
    struct buffer out;
    struct error err;
    int code = cli_load_graph(cli, args[0], NULL, &pipeline, &graph);

    (void)arg_count;
    if (code)
        return code;
    buffer_init(&out, 0);
    if (options->svg)
        graph_draw_svg(graph, &out);
    else if (cli->globals.json)
        append_json(graph, &out);
    else
        append_text(cli, graph, options->output ? 0 : print_terminal_width(1), &out);
    if (!options->output)
        fwrite(out.data, 1, out.length, stdout);
    else if (write_file(options->output, &out, &err))
        code = cli_fail(cli, &err);
    buffer_deinit(&out);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

const struct command command_show = {
    .name = "show",
    .arguments = "PIPELINE",
    .help = "Show a pipeline and the graph of its tasks",
    .details = "Keys of --json: pipeline, path, description, owner, schedule, timezone, params "
               "(param, type, default, description), tasks (task, needs, inputs, driven_by; from, "
               "at, sql, into or to, mode).",
    .options = &option_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice show birdstrikes\n"
                "sluice show birdstrikes --svg --output birdstrikes.svg",
};
