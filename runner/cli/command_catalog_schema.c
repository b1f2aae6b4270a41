/* catalog schema: a table's columns, those that it has had, and how a pipeline's rows meet them. */
#include "runner/base/mem.h"
#include "runner/cli/catalog_json.h"
#include "runner/cli/catalog_verbs.h"
#include "runner/cli/command_catalog.h"
#include "runner/cli/dataset_schema.h"
#include "runner/cli/print.h"
#include "runner/cli/schema_diff.h"
#include "runner/cli/schema_view.h"
#include "runner/cli/tables.h"

#include <stddef.h>
#include <string.h>

struct schema_options {
    bool all;
    const char *diff, *accept; /* pipelines */
    struct option_pairs params;
    int64_t due_ms;
};

static const struct option options_table[] = {
    {"all", OPTION_BOOL, offsetof(struct schema_options, all),
        .help = "All schemas that the table has had, the oldest first"},
    {"diff", OPTION_TEXT, offsetof(struct schema_options, diff), .value_name = "PIPELINE",
        .help = "Compare with what a pipeline's rows would bring"},
    {"accept", OPTION_TEXT, offsetof(struct schema_options, accept), .value_name = "PIPELINE",
        .help = "The same, and let the table have it, whatever the load's `schema` says"},
    {"param", OPTION_PAIRS, offsetof(struct schema_options, params), .letter = 'p',
        .value_name = "NAME=VALUE",
        .help = "Value of a parameter of the pipeline; may be given again"},
    {"due", OPTION_TIME, offsetof(struct schema_options, due_ms), .value_name = "TIME",
        .help = "The time that the run would stand for, ISO 8601 (default: now)"},
};
const struct option_set command_catalog_schema_flags =
    OPTION_SET("schema", "Options", struct schema_options, options_table);

/* --- all --- */

static int show_all(struct cli *cli, const char *name)
{
    struct question found = {0}, schemas = {0};
    const struct catalog_version *version;
    struct error err;
    int code = EXIT_OK;

    if (tables_find(cli, name, &found, &version, &err)) {
        code = cli_fail(cli, &err);
    } else {
        schemas.catalog = (struct catalog_query){.verb = CATALOG_LIST_SCHEMAS,
            .at = {.namespace = version->namespace,
                .table = version->table,
                .version = version->version}};
        question_ask_catalog(cli, &schemas);
        questions_wait(cli);
        if (schemas.err.code)
            code = cli_fail(cli, &schemas.err);
    }
    for (size_t i = 0; code == EXIT_OK && !cli->globals.json && i < schemas.catalog.count; i++) {
        const struct catalog_schema *schema = &schemas.catalog.schemas[i];
        char time[TIME_TEXT_SIZE];

        printf("%s%sschema %lld%s, %s\n", i ? "\n" : "", cli_style(cli, "bold"),
            (long long)schema->id, cli_style(cli, "reset"),
            time_format_rfc3339(schema->created_ms, time));
        schema_view_print_columns(cli, schema->columns, schema->column_count);
    }
    if (code == EXIT_OK && cli->globals.json) {
        json_t *value = schema_view_json(version);

        json_object_set_new(value, "schemas", catalog_json_answer(&schemas.catalog));
        cli_print_json(value);
    }
    question_deinit(&schemas);
    question_deinit(&found);
    return code;
}

/* --- compared with a pipeline --- */

struct comparison {
    struct cli *cli;
    const char *table;
    bool accept;
    const struct graph *graph;
    const struct run_flags *flags;
    json_t *list; /* of --json: one a load */
};

static json_t *diff_json(const struct load *load, const struct schema_diff *diff)
{
    json_t *item = json_object(), *lines = json_array();

    json_put_text(item, "load", load->item.name);
    for (size_t i = 0; i < diff->count; i++) {
        const struct schema_diff_line *line = &diff->lines[i];
        json_t *entry = json_object();

        json_put_text(entry, "column", line->column);
        json_put_text(entry, "difference", schema_difference_names[line->what]);
        json_put_text(entry, "table", line->table);
        json_put_text(entry, "rows", line->rows);
        json_put_text(entry, "after", line->after);
        json_array_append_new(lines, entry);
    }
    json_object_set_new(item, "differences", lines);
    json_object_set_new(item, "changes", json_boolean(diff->changes));
    return item;
}

static void print_diff(
    const struct cli *cli, const struct load *load, const struct schema_diff *diff)
{
    static const char *const headers[] = {"COLUMN", "DIFFERENCE", "TABLE", "ROWS", "AFTER", NULL};
    struct print_table *table;

    printf("%sload.%s%s into %s: %s\n", cli_style(cli, "bold"), load->item.name,
        cli_style(cli, "reset"), load->into,
        diff->changes ? "the columns would change" : "the columns stay as they are");
    if (diff->count == 0)
        return;
    table = print_table_new(headers);
    for (size_t i = 0; i < diff->count; i++) {
        const struct schema_diff_line *line = &diff->lines[i];
        const char *const cells[] = {line->column, schema_difference_names[line->what],
            line->table ? line->table : "-", line->rows ? line->rows : "-", line->after};

        print_table_row(table, cells);
    }
    print_table_end(table, stdout, print_terminal_width(1), 0, cli->color);
}

static int accept_diff(const struct comparison *comparison, const struct catalog_version *version,
    const struct schema_diff *diff)
{
    struct catalog_change change = {.verb = CATALOG_SET_SCHEMA,
        .at = {.namespace = version->namespace,
            .table = version->table,
            .version = version->version},
        .expect_schema_id = version->schema_id,
        .schema = {.columns = diff->columns, .column_count = diff->column_count}};

    return catalog_verbs_apply(comparison->cli, &change, 1, NULL);
}

/* One load: the table is asked for anew, as one before may have changed it. */
static int compare_load(const struct comparison *comparison, const struct load *load)
{
    struct cli *cli = comparison->cli;
    const struct catalog_version *version;
    struct question found = {0};
    struct schema_diff diff = {0};
    struct sql_schema rows;
    struct error err;
    int code = dataset_schema_ask(cli, comparison->graph, comparison->flags, load->from, &rows);

    if (code)
        return code;
    if (tables_find(cli, comparison->table, &found, &version, &err) ||
        schema_diff_make(load, version, &rows, &cli->arena, &diff, &err))
        code = cli_fail(cli, &err);
    else if (cli->globals.json)
        json_array_append_new(comparison->list, diff_json(load, &diff));
    else if (!comparison->accept)
        print_diff(cli, load, &diff);
    if (code == EXIT_OK && comparison->accept && diff.changes)
        code = accept_diff(comparison, version, &diff);
    question_deinit(&found);
    return code;
}

static int compare_loads(const struct comparison *comparison)
{
    const struct pipeline *pipeline = comparison->graph->pipeline;
    const struct load *loads = pipeline->loads.items;
    int code = EXIT_OK;
    size_t found = 0;
    struct error err;

    for (size_t i = 0; code == EXIT_OK && i < pipeline->loads.count; i++) {
        if (!loads[i].into || strcmp(loads[i].into, comparison->table) != 0)
            continue;
        found++;
        code = compare_load(comparison, &loads[i]);
    }
    if (found > 0)
        return code;
    error_set(&err, ERROR_INVALID, "%s has no load into %s; sluice show %s lists its loads",
        pipeline->name, comparison->table, pipeline->name);
    return cli_fail(comparison->cli, &err);
}

static int finish(const struct comparison *comparison)
{
    if (comparison->cli->globals.json) {
        cli_print_json(json_incref(comparison->list));
        return EXIT_OK;
    }
    return comparison->accept ? schema_view_show(comparison->cli, comparison->table) : EXIT_OK;
}

static int compare(struct cli *cli, const char *table, const struct schema_options *options)
{
    struct run_flags flags = {.params = options->params, .due_ms = options->due_ms, .instance = ""};
    struct comparison comparison = {
        .cli = cli, .table = table, .accept = options->accept != NULL, .flags = &flags};
    struct pipeline_scope scope;
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;
    int code;

    if (run_flags_complete(&flags, &cli->arena, &scope, &err))
        return cli_fail(cli, &err);
    code = cli_load_graph(
        cli, options->accept ? options->accept : options->diff, &scope, &pipeline, &graph);
    if (code)
        return code;
    comparison.graph = graph;
    comparison.list = json_array();
    code = cli_open_engine(cli, !comparison.accept);
    if (code == EXIT_OK)
        code = compare_loads(&comparison);
    if (code == EXIT_OK)
        code = finish(&comparison);
    json_decref(comparison.list);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

int command_catalog_schema(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct schema_options *options = values;
    struct error err;
    int code;

    (void)arg_count;
    if ((options->all && (options->diff || options->accept)) ||
        (options->diff && options->accept)) {
        error_set(&err, ERROR_INVALID, "choose one of --all, --diff and --accept");
        return cli_fail(cli, &err);
    }
    if (options->diff || options->accept)
        return compare(cli, args[0], options);
    code = cli_open_engine(cli, true);
    if (code)
        return code;
    return options->all ? show_all(cli, args[0]) : schema_view_show(cli, args[0]);
}
