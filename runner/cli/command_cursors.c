/* cursors show, set, reset: how far the loads of a pipeline have read. */
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"
#include "runner/cli/questions.h"
#include "runner/engine/cursor.h"
#include "runner/engine/lease.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct cursors_options {
    const char *load, *extract;
    bool yes;
};

static const struct option options_table[] = {
    {"load", OPTION_TEXT, offsetof(struct cursors_options, load), .value_name = "NAME",
        .help = "Of that load alone"},
    {"extract", OPTION_TEXT, offsetof(struct cursors_options, extract), .value_name = "NAME",
        .help = "Of that extract alone"},
    {"yes", OPTION_BOOL, offsetof(struct cursors_options, yes), .letter = 'y',
        .help = "Reset: without asking"},
};
static const struct option_set option_set =
    OPTION_SET("cursors", "Options", struct cursors_options, options_table);
static const struct option_set no_yes = {.name = "cursors",
    .help = "Options",
    .options = options_table,
    .count = ARRAY_LENGTH(options_table) - 1,
    .size = sizeof(struct cursors_options)};

static bool is_wanted(const struct cursors_options *options, const struct catalog_cursor *cursor)
{
    return (!options->load || strcmp(options->load, cursor->load) == 0) &&
           (!options->extract || strcmp(options->extract, cursor->extract) == 0);
}

static void ask(struct cli *cli, const char *pipeline, struct question *question)
{
    question->catalog =
        (struct catalog_query){.verb = CATALOG_LIST_CURSORS, .pipeline = pipeline, .instance = ""};
    question_ask_catalog(cli, question);
    questions_wait(cli);
}

/* --- show --- */

/* "column updated_at > 2024-01-03", "position 7 of n.t", "12 objects", as far as it says so. */
static const char *describe(const json_t *state, struct arena *arena)
{
    const char *column = json_get_text(state, "column"), *value = json_get_text(state, "value");
    const char *table = json_get_text(state, "table");
    const int64_t position = json_get_int(state, "position", 0);

    if (column)
        return arena_printf(arena, "%s > %s", column, value ? value : "(nothing yet)");
    if (position > 0)
        return arena_printf(
            arena, "%s up to position %lld", table ? table : "", (long long)position);
    return arena_printf(arena, "%lld objects", (long long)json_get_int(state, "objects", 0));
}

static json_t *cursor_json(const struct catalog_cursor *cursor, json_t *state)
{
    json_t *item = json_object();

    json_put_text(item, "load", cursor->load);
    json_put_text(item, "extract", cursor->extract);
    json_object_update_missing(item, state);
    return item;
}

static void print(
    struct cli *cli, const struct cursors_options *options, const struct catalog_query *query)
{
    static const char *const headers[] = {"LOAD", "EXTRACT", "READ", "BY RUN", NULL};
    struct print_table *table = cli->globals.json ? NULL : print_table_new(headers);
    json_t *list = json_array();

    for (size_t i = 0; i < query->count; i++) {
        const struct catalog_cursor *cursor = &query->cursors[i];
        const char *text = cursor->state ? cursor->state : "{}";
        struct error err;
        json_t *state = json_parse(text, strlen(text), &err);
        const char *const cells[] = {cursor->load, cursor->extract, describe(state, &cli->arena),
            json_get_text(state, "run_id")};

        if (is_wanted(options, cursor) && table)
            print_table_row(table, cells);
        else if (is_wanted(options, cursor))
            json_array_append_new(list, cursor_json(cursor, state));
        json_decref(state);
    }
    if (table)
        print_table_end(table, stdout, print_terminal_width(1), 2, cli->color);
    else
        cli_print_json(json_incref(list));
    json_decref(list);
}

static int run_show(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    struct pipeline *pipeline = NULL;
    struct question question = {0};
    int code = cli_open_engine(cli, true);

    (void)arg_count;
    if (code == EXIT_OK)
        code = cli_load_pipeline(cli, args[0], NULL, &pipeline);
    if (code == EXIT_OK) {
        ask(cli, pipeline->name, &question);
        if (question.err.code)
            code = cli_fail(cli, &question.err);
        else
            print(cli, values, &question.catalog);
    }
    question_deinit(&question);
    pipeline_free(pipeline);
    return code;
}

/* --- changes, under the pipeline's lease --- */

struct changing {
    struct lease lease;
    struct catalog_apply apply;
    struct error err;
};

static void on_lease(struct lease *lease, const struct error *err)
{
    error_keep_first(&container_of(lease, struct changing, lease)->err, err);
}

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    error_keep_first(&container_of(apply, struct changing, apply)->err, err);
}

/* A run that is under way would set its own cursor over this one. */
static int change(struct cli *cli, const char *pipeline, const struct catalog_change *changes,
    size_t count, struct error *err)
{
    struct changing own = {0};
    char run_id[UUID_TEXT_SIZE];
    struct catalog *catalog;
    struct state *state;

    if (engine_catalog(cli->engine, &catalog, err) || engine_state(cli->engine, &state, err))
        return -1;
    uuid_v7(time_now_ms(), run_id);
    lease_acquire(&own.lease, state, catalog, pipeline, "", run_id, on_lease);
    loop_run(&cli->loop);
    if (!own.err.code) {
        own.apply = (struct catalog_apply){.changes = changes,
            .count = count,
            .pipeline = pipeline,
            .instance = "",
            .run_id = run_id,
            .fence = own.lease.fence,
            .done = on_applied};
        catalog->type->apply(catalog, &own.apply);
        loop_run(&cli->loop);
        lease_release(&own.lease, on_lease);
        loop_run(&cli->loop);
    }
    lease_deinit(&own.lease);
    *err = own.err;
    return own.err.code ? -1 : 0;
}

/* --- reset --- */

/* No answer is no. */
static bool agrees(const char *pipeline)
{
    char answer[16];

    fprintf(stderr,
        "The next run of %s will read everything again, and loads that append will add it again. "
        "Reset? [y/N] ",
        pipeline);
    fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static size_t count_wanted(const struct cursors_options *options, const struct catalog_query *query)
{
    size_t count = 0;

    for (size_t i = 0; i < query->count; i++)
        count += is_wanted(options, &query->cursors[i]);
    return count;
}

static int reset(struct cli *cli, const struct cursors_options *options, const char *pipeline,
    const struct catalog_query *stored)
{
    const struct catalog_change forget = {.verb = CATALOG_DELETE_CURSOR,
        .cursor = {.pipeline = pipeline,
            .instance = "",
            .load = options->load,
            .extract = options->extract}};
    const size_t count = count_wanted(options, stored);
    char counted[PRINT_COUNTED_SIZE];
    struct error err;

    if (count > 0 && !options->yes && !isatty(0)) {
        error_set(&err, ERROR_INVALID,
            "cursors reset makes the next run read everything again; say --yes where nobody can be "
            "asked");
        return cli_fail(cli, &err);
    }
    if (count > 0 && !options->yes && !agrees(pipeline)) {
        fprintf(stderr, "Nothing was changed.\n");
        return EXIT_FAILED;
    }
    if (count > 0 && change(cli, pipeline, &forget, 1, &err))
        return cli_fail(cli, &err);
    if (!cli->globals.quiet)
        fprintf(stderr, "%s of %s forgotten\n", print_counted((int64_t)count, "cursor", counted),
            pipeline);
    return EXIT_OK;
}

static int run_reset(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    struct pipeline *pipeline = NULL;
    struct question question = {0};
    int code = cli_open_engine(cli, false);

    (void)arg_count;
    if (code == EXIT_OK)
        code = cli_load_pipeline(cli, args[0], NULL, &pipeline);
    if (code == EXIT_OK) {
        ask(cli, pipeline->name, &question);
        code = question.err.code ? cli_fail(cli, &question.err)
                                 : reset(cli, values, pipeline->name, &question.catalog);
    }
    question_deinit(&question);
    pipeline_free(pipeline);
    return code;
}

/* --- set --- */

/* NULL where it goes by what is no value. */
static const char *state_of(
    struct cli *cli, const struct extract *extract, const char *value, struct error *err)
{
    const bool is_number = value[0] && value[strspn(value, "0123456789")] == '\0';

    if (extract->cursor.column) {
        const struct cursor_value set = {.column = extract->cursor.column, .value = value};

        return cursor_write(&set, NULL, &cli->arena);
    }
    if (!extract->from_table || !extract->only_new.enabled) {
        error_set(err, ERROR_INVALID,
            "extract.%s goes by %s: there is no value to set; `sluice cursors reset` forgets it",
            extract->item.name,
            extract->only_new.enabled ? "the objects that were read" : "no cursor");
        return NULL;
    }
    if (!is_number || strlen(value) > 18) {
        error_set(err, ERROR_INVALID,
            "\"%s\" is no position of %s.%s; `sluice catalog history` "
            "lists them",
            value, extract->from_namespace, extract->from_table);
        return NULL;
    }
    return arena_printf(&cli->arena, "{\"position\":%s,\"table\":\"%s.%s\"}", value,
        extract->from_namespace, extract->from_table);
}

/* For each load that the extract drives. */
static int set(struct cli *cli, const struct cursors_options *options, const struct graph *graph,
    const char *name, const char *value)
{
    struct catalog_change *changes = arena_array(&cli->arena, graph->count, sizeof(*changes));
    struct error err;
    size_t count = 0;

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *load = &graph->nodes[i];

        for (unsigned j = 0; load->kind == TASK_LOAD && j < load->driver_count; j++) {
            const struct graph_node *extract = &graph->nodes[load->drivers[j]];
            const char *state;

            if (strcmp(extract->name, name) != 0 ||
                (options->load && strcmp(options->load, load->name) != 0))
                continue;
            state = state_of(cli, extract->extract, value, &err);
            if (!state)
                return cli_fail(cli, &err);
            changes[count++] = (struct catalog_change){.verb = CATALOG_SET_CURSOR,
                .cursor = {.pipeline = graph->pipeline->name,
                    .instance = "",
                    .load = load->name,
                    .extract = extract->name,
                    .state = state}};
        }
    }
    if (count == 0) {
        error_set(&err, ERROR_NOT_FOUND, "%s has no extract \"%s\" that drives %s%s",
            graph->pipeline->name, name, options->load ? "load." : "a load",
            options->load ? options->load : "");
        return cli_fail(cli, &err);
    }
    return change(cli, graph->pipeline->name, changes, count, &err) ? cli_fail(cli, &err) : EXIT_OK;
}

static int run_set(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    struct pipeline *pipeline = NULL;
    struct graph *graph = NULL;
    int code = cli_open_engine(cli, false);

    (void)arg_count;
    if (code == EXIT_OK)
        code = cli_load_graph(cli, args[0], NULL, &pipeline, &graph);
    if (code == EXIT_OK)
        code = set(cli, values, graph, args[1], args[2]);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

static const struct command sub_commands[] = {
    {
        .name = "show",
        .arguments = "PIPELINE",
        .help = "How far each load has read each extract",
        .details = "Keys of --json, one object a cursor: load, extract, run_id, and of a column: "
                   "column, type, value; of a table: table, version, position; else objects.",
        .options = &no_yes,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_PIPELINE,
        .run = run_show,
        .examples = "sluice cursors show birdstrikes",
    },
    {
        .name = "set",
        .arguments = "PIPELINE EXTRACT VALUE",
        .help = "Go on behind that value of the cursor's column, or that position of a table",
        .options = &no_yes,
        .args_min = 3,
        .args_max = 3,
        .argument = ARGUMENT_PIPELINE,
        .run = run_set,
        .examples = "sluice cursors set orders orders '2024-01-31 00:00:00'",
    },
    {
        .name = "reset",
        .arguments = "PIPELINE",
        .help = "Forget what was read: the next run reads everything again",
        .details = "Asks first; where nobody can be asked, --yes is needed. What is in tables "
                   "stays: loads that append would add it again, an upsert would not.",
        .options = &option_set,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_PIPELINE,
        .run = run_reset,
        .examples = "sluice cursors reset birdstrikes --load clean --yes",
    },
    {0},
};

const struct command command_cursors = {
    .name = "cursors",
    .arguments = "COMMAND",
    .help = "Show, set or reset how far the loads of a pipeline have read",
    .group = sub_commands,
};
