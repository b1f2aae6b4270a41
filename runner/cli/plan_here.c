#include "runner/cli/plan_here.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/seal.h"
#include "runner/io/file.h"

#include <string.h>

enum { OBJECTS_SHOWN = 20 };

/* --- as text --- */

static void put_objects(const struct plan_extract *extract, size_t objects_max, struct buffer *out)
{
    char size[TIME_TEXT_SIZE], when[TIME_TEXT_SIZE];
    unsigned width = 0;

    for (size_t i = 0; i < extract->object_count && i < objects_max; i++)
        width = MAX(width, print_width(extract->objects[i].shown));
    for (size_t i = 0; i < extract->object_count && i < objects_max; i++) {
        const struct plan_object *object = &extract->objects[i];

        buffer_puts(out, "    ");
        text_append_printable(out, object->shown);
        buffer_printf(out, "%*s  %10s  %s\n", (int)(width - print_width(object->shown)), "",
            size_format(object->object.size, size),
            time_format_date(object->object.modified_ms, when));
    }
    if (extract->object_count > objects_max)
        buffer_printf(
            out, "    … and %zu more (--json has all)\n", extract->object_count - objects_max);
}

/* "reads catalog://n.t: 3 files, 12.1 KiB: what came behind position 4, up to 7" */
static void put_source(
    const struct plan_table *table, const struct extract *options, struct buffer *out)
{
    char size[TIME_TEXT_SIZE], count[PRINT_COUNT_SIZE];

    buffer_printf(out, "reads %s: ", options->from);
    if (table->changes && table->after == table->position) {
        buffer_printf(out, "nothing new behind position %lld\n", (long long)table->after);
        return;
    }
    buffer_printf(
        out, "%s file%s", print_count((int64_t)table->files, count), table->files == 1 ? "" : "s");
    if (table->skipped > 0)
        buffer_printf(out, " (%s skipped)", print_count((int64_t)table->skipped, count));
    buffer_printf(out, ", %s", size_format(table->bytes, size));
    if (table->changes && table->after)
        buffer_printf(out, ": what came behind position %lld, up to %lld\n",
            (long long)table->after, (long long)table->position);
    else
        buffer_printf(out, ", at position %lld\n", (long long)table->position);
}

/* "; 3 of them again, with the 1 folder of new ones; 2 folders more where their rows go where they
 * went; 1 that was read is gone" */
static void put_reread(const struct plan_extract *extract, struct buffer *out)
{
    char count[PRINT_COUNT_SIZE];

    if (extract->again > 0)
        buffer_printf(out, "; %s again, with the new ones of %s",
            print_count((int64_t)extract->again, count),
            extract->folders == 1 ? "its folder" : "their folders");
    if (extract->near_folders > 0)
        buffer_printf(out, "; %s folder%s more, if rows go into the partitions of before",
            print_count((int64_t)extract->near_folders, count),
            extract->near_folders == 1 ? "" : "s");
    if (extract->gone_count > 0)
        buffer_printf(out, "; %s that %s read before %s gone",
            print_count((int64_t)extract->gone_count, count),
            extract->gone_count == 1 ? "was" : "were", extract->gone_count == 1 ? "is" : "are");
}

static void put_extract(const struct plan_extract *extract, const struct extract *options,
    size_t objects_max, struct buffer *out)
{
    char size[TIME_TEXT_SIZE], count[PRINT_COUNT_SIZE];

    buffer_puts(out, "reads ");
    text_append_url(out, options->from);
    buffer_printf(out, ": %s object%s", print_count((int64_t)extract->object_count, count),
        extract->object_count == 1 ? "" : "s");
    if (extract->object_count > 0)
        buffer_printf(out, ", %s", size_format(extract->bytes, size));
    if (options->only_new.enabled)
        buffer_printf(out, "; %s of %zu were read before",
            print_count((int64_t)extract->seen_before, count), extract->listed);
    if (extract->rereads)
        put_reread(extract, out);
    if (options->on_bad_row == ON_BAD_ROW_QUARANTINE)
        buffer_puts(out, "; bad rows are quarantined");
    if (options->cursor.column) {
        buffer_printf(out, "; rows %s ", extract->cursor.value ? "beyond" : "by");
        text_append_printable(out, options->cursor.column);
    }
    if (options->cursor.column && extract->cursor.value) {
        buffer_putc(out, ' ');
        text_append_printable(out, extract->cursor.value);
    }
    buffer_putc(out, '\n');
    put_objects(extract, objects_max, out);
}

static void put_transform(
    const struct graph *graph, const struct graph_node *node, struct buffer *out)
{
    buffer_puts(out, "SQL over ");
    for (unsigned i = 0; i < node->input_count; i++)
        buffer_printf(out, "%s%s", i ? ", " : "", graph->nodes[node->inputs[i]].name);
    if (node->input_count == 0)
        buffer_puts(out, "no dataset");
    if (node->transform->checks.count > 0)
        buffer_printf(out, "; %zu check%s", node->transform->checks.count,
            node->transform->checks.count == 1 ? "" : "s");
    if (quarantine_has(node))
        buffer_puts(out, "; rows that offend some are quarantined");
    buffer_putc(out, '\n');
}

static void put_doubts(const struct graph_node *node, struct buffer *out)
{
    for (size_t i = 0; i < node->doubt_count; i++) {
        const struct graph_doubt *doubt = &node->doubts[i];

        buffer_puts(out, "    not deterministic: ");
        text_append_printable(out, doubt->what);
        buffer_printf(out, " (%s:%u:%u)\n", doubt->path, doubt->mark.line, doubt->mark.column);
    }
}

/* "; looks up 3 files, 1.2 MiB at most; rewrites 3 files, 1.2 MiB at most" */
static void put_merge(const struct plan_load *load, struct buffer *out)
{
    char files[PRINT_COUNT_SIZE], bytes[TIME_TEXT_SIZE];

    if (load->lookup_files > 0)
        buffer_printf(out, "; looks up %s file%s, %s at most",
            print_count(load->lookup_files, files), load->lookup_files == 1 ? "" : "s",
            size_format(load->lookup_bytes, bytes));
    if (load->rewrite_files > 0)
        buffer_printf(out, "; rewrites %s file%s, %s at most",
            print_count(load->rewrite_files, files), load->rewrite_files == 1 ? "" : "s",
            size_format(load->rewrite_bytes, bytes));
}

static void put_table(const struct plan_load *load, const struct load *options, struct buffer *out)
{
    char rows[PRINT_COUNT_SIZE];

    buffer_printf(out, "%s into %s", load_mode_names[options->mode], options->into);
    if (load->table_exists)
        buffer_printf(out, " (version %lld, %s row%s)", (long long)load->version.version,
            print_count(load->version.rows, rows), load->version.rows == 1 ? "" : "s");
    else
        buffer_puts(out, " (a new table)");
    for (size_t i = 0; i < options->partition_count; i++) {
        buffer_puts(out, i ? ", " : ", by ");
        text_append_printable(out, options->partitions[i].text);
    }
    put_merge(load, out);
}

static void put_load(const struct plan_load *load, const struct load *options, struct buffer *out)
{
    if (options->into) {
        put_table(load, options, out);
    } else {
        buffer_puts(out, "writes ");
        text_append_printable(out, options->to);
    }
    if (load->postponed)
        buffer_puts(out, "; waits for the next run: other objects are new to it");
    else if (load->idle)
        buffer_puts(out, "; nothing new");
    buffer_putc(out, '\n');
}

void plan_render(const struct plan *plan, const struct graph *graph, size_t objects_max,
    const struct cli *styles, struct buffer *buffer)
{
    unsigned width = 0;

    for (unsigned i = 0; i < graph->count; i++)
        width = MAX(width, plan->tasks[i].wanted ? print_width(graph->nodes[i].id) : 0);
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct plan_task *task = &plan->tasks[i];

        if (!task->wanted)
            continue;
        buffer_printf(buffer, "%s%s%s%*s  ", cli_style(styles, task->needed ? "bold" : "dim"),
            node->id, cli_style(styles, "reset"), (int)(width - print_width(node->id)), "");
        if (node->kind == TASK_EXTRACT && task->extract.table)
            put_source(task->extract.table, node->extract, buffer);
        else if (node->kind == TASK_EXTRACT)
            put_extract(&task->extract, node->extract, objects_max, buffer);
        else if (node->kind == TASK_TRANSFORM)
            put_transform(graph, node, buffer);
        else
            put_load(&task->load, node->load, buffer);
        put_doubts(node, buffer);
    }
    if (plan->nothing_new)
        buffer_puts(buffer, "Nothing new: a run would commit nothing.\n");
}

/* --- asked --- */

struct plan_here {
    struct plan plan;
    struct error err;
    struct cli *cli;
};

static void on_stop(void *data, int signal_number)
{
    struct plan_here *here = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    plan_cancel(&here->plan);
}

static void on_done(struct plan *plan, const struct error *err)
{
    struct plan_here *here = container_of(plan, struct plan_here, plan);

    if (err)
        here->err = *err;
    loop_on_stop(&here->cli->loop, NULL, NULL);
}

static void print_plan(
    struct cli *cli, const struct plan *plan, const struct graph *graph, int64_t due_ms)
{
    struct buffer text;

    if (cli->globals.json) {
        json_t *value = plan_to_json(plan, graph);

        json_put_time(value, "due", due_ms);
        cli_print_json(value);
        return;
    }
    buffer_init(&text, 0);
    plan_render(plan, graph, OBJECTS_SHOWN, cli, &text);
    fputs(text.data, stdout);
    buffer_deinit(&text);
}

/* A later run holds itself to it, under the id that it has here. */
static int seal(struct cli *cli, const struct run_flags *flags, const struct graph *graph,
    const struct plan *plan, struct error *err)
{
    const struct seal_facts facts = {.engine = cli->engine,
        .plan = plan,
        .graph = graph,
        .instance = flags->instance,
        .run_id = flags->run_id,
        .due_ms = flags->due_ms,
        .tasks = &flags->tasks};
    json_t *sealed = seal_make(&facts, err);
    int result;
    char *text;

    if (!sealed)
        return -1;
    text = json_dumps(sealed, JSON_INDENT(2));
    json_decref(sealed);
    result = file_write(flags->out, text, strlen(text), err);
    free(text);
    return result ? error_prefix(err, "--out") : 0;
}

static int ask(struct cli *cli, const struct run_flags *flags, const struct graph *graph)
{
    const struct plan_options options = {
        .engine = cli->engine, .graph = graph, .instance = flags->instance, .tasks = &flags->tasks};
    struct plan_here *here = mem_new(struct plan_here);
    int code = EXIT_OK;

    here->cli = cli;
    loop_on_stop(&cli->loop, on_stop, here);
    plan_start(&here->plan, &options, on_done);
    loop_run(&cli->loop);
    if (!here->err.code && flags->out)
        seal(cli, flags, graph, &here->plan, &here->err);
    if (here->err.code)
        code = cli_fail(cli, &here->err);
    else
        print_plan(cli, &here->plan, graph, flags->due_ms);
    plan_deinit(&here->plan);
    free(here);
    return code;
}

int plan_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name)
{
    struct pipeline *pipeline;
    struct graph *graph;
    int code;

    code = run_flags_load(flags, cli, pipeline_name, &pipeline, &graph);
    if (code)
        return code;
    code = cli_open_engine(cli, true);
    if (code == EXIT_OK)
        code = ask(cli, flags, graph);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}
