/* catalog ls and show: tables. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/command_catalog.h"
#include "runner/cli/print.h"
#include "runner/cli/run_text.h"
#include "runner/cli/tables.h"
#include "runner/engine/run_json.h"

#include <string.h>

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_text(texts[i]));
    return list;
}

static json_t *version_json(const struct catalog_version *version)
{
    json_t *item = json_object();
    struct buffer name;

    buffer_init(&name, 0);
    buffer_printf(&name, "%s.%s", version->namespace, version->table);
    json_put_text(item, "table", name.data);
    buffer_deinit(&name);
    json_put_int(item, "version", version->version);
    json_put_int(item, "rows", version->rows);
    json_put_int(item, "files", version->files);
    json_put_int(item, "bytes", (int64_t)version->bytes);
    json_put_int(item, "partitions", version->partitions);
    run_json_put_time(item, "last_commit", version->last_commit_ms);
    json_put_text(item, "description", version->description);
    return item;
}

/* --- ls --- */

static void add_row(struct print_table *table, const struct catalog_version *version)
{
    char name[600], number[PRINT_COUNT_SIZE], rows[PRINT_COUNT_SIZE], files[PRINT_COUNT_SIZE],
        size[TIME_TEXT_SIZE], partitions[PRINT_COUNT_SIZE], ago[TIME_TEXT_SIZE];
    const char *const cells[] = {name, print_count(version->version, number),
        print_count(version->rows, rows), size_format(version->bytes, size),
        print_count(version->files, files), print_count(version->partitions, partitions),
        version->last_commit_ms ? time_format_ago(version->last_commit_ms, time_now_ms(), ago)
                                : "not yet"};

    snprintf(name, sizeof(name), "%s.%s", version->namespace, version->table);
    print_table_row(table, cells);
}

/* The active version of each table, all asked at once. */
static struct question *ask_versions(struct cli *cli, const struct catalog_query *tables)
{
    struct question *versions = arena_array(&cli->arena, tables->count, sizeof(*versions));

    for (size_t i = 0; i < tables->count; i++) {
        versions[i].catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION,
            .at = {.namespace = tables->tables[i].namespace, .table = tables->tables[i].name}};
        question_ask_catalog(cli, &versions[i]);
    }
    questions_wait(cli);
    return versions;
}

static void print_versions(
    struct cli *cli, const struct catalog_query *tables, const struct question *versions)
{
    static const char *const headers[] = {
        "TABLE", ">VERSION", ">ROWS", ">SIZE", ">FILES", ">PARTITIONS", "LAST COMMIT", NULL};
    struct print_table *table = print_table_new(headers);
    json_t *list = json_array();

    for (size_t i = 0; i < tables->count; i++) {
        /* One that has no active version, or went away meanwhile, is no table to its readers. */
        if (versions[i].err.code || versions[i].catalog.count == 0)
            continue;
        if (cli->globals.json)
            json_array_append_new(list, version_json(&versions[i].catalog.versions[0]));
        else
            add_row(table, &versions[i].catalog.versions[0]);
    }
    if (cli->globals.json)
        cli_print_json(json_incref(list));
    print_table_end(
        table, cli->globals.json ? NULL : stdout, print_terminal_width(1), 0, cli->color);
    json_decref(list);
}

static int unknown_namespace(struct cli *cli, const char *name)
{
    struct question all = {.catalog = {.verb = CATALOG_LIST_NAMESPACES}};
    const char **names, *nearest;
    struct error err;

    question_ask_catalog(cli, &all);
    questions_wait(cli);
    names = arena_array(&cli->arena, all.catalog.count + 1, sizeof(*names));
    for (size_t i = 0; i < all.catalog.count; i++)
        names[i] = all.catalog.namespaces[i].name;
    nearest = text_nearest(name, names);
    if (nearest)
        error_set(&err, ERROR_INVALID, "there is no namespace \"%s\"; did you mean \"%s\"?", name,
            nearest);
    else
        error_set(&err, ERROR_INVALID,
            "there is no namespace \"%s\" in environment %s; sluice catalog ls lists its tables",
            name, cli->project->environment->item.name);
    question_deinit(&all);
    return cli_fail(cli, &err);
}

int command_catalog_ls(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct question tables = {.catalog = {.verb = CATALOG_LIST_TABLES,
                                  .at = {.namespace = arg_count > 0 ? args[0] : NULL}}};
    struct question *versions;
    int code = cli_open_engine(cli, true);

    (void)options;
    if (code)
        return code;
    question_ask_catalog(cli, &tables);
    questions_wait(cli);
    if (tables.err.code == ERROR_NOT_FOUND && arg_count > 0) {
        code = unknown_namespace(cli, args[0]);
    } else if (tables.err.code) {
        code = cli_fail(cli, &tables.err);
    } else {
        versions = ask_versions(cli, &tables.catalog);
        print_versions(cli, &tables.catalog, versions);
        for (size_t i = 0; i < tables.catalog.count; i++)
            question_deinit(&versions[i]);
    }
    question_deinit(&tables);
    return code;
}

/* --- show --- */

static json_t *columns_json(const struct catalog_version *version)
{
    json_t *list = json_array();

    for (size_t i = 0; i < version->column_count; i++) {
        json_t *item = json_object();

        json_put_text(item, "name", version->columns[i].name);
        json_put_text(item, "type", version->columns[i].type);
        json_put_int(item, "field_id", version->columns[i].field_id);
        json_array_append_new(list, item);
    }
    return list;
}

static void show_json(const struct catalog_version *version)
{
    json_t *value = version_json(version);

    json_put_text(value, "lifecycle", catalog_lifecycle_name(version->lifecycle));
    json_put_time(value, "created", version->created_ms);
    json_put_int(value, "position", version->last_position);
    json_object_set_new(value, "columns", columns_json(version));
    json_object_set_new(
        value, "partition_by", texts_json(version->partition_by, version->partition_count));
    json_object_set_new(value, "sort_by", texts_json(version->sort_by, version->sort_count));
    cli_print_json(value);
}

static void put_field(const struct cli *cli, const char *name, const char *value)
{
    struct buffer text;

    buffer_init(&text, 0);
    text_append_printable(&text, value);
    printf("%s%-12s%s %s\n", cli_style(cli, "dim"), name, cli_style(cli, "reset"), text.data);
    buffer_deinit(&text);
}

static void put_texts(
    const struct cli *cli, const char *name, const char *const *texts, size_t count)
{
    struct buffer list;

    if (count == 0)
        return;
    buffer_init(&list, 0);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&list, "%s%s", i ? ", " : "", texts[i]);
    put_field(cli, name, list.data);
    buffer_deinit(&list);
}

static void print_head(const struct cli *cli, const struct catalog_version *version)
{
    char text[600], rows[PRINT_COUNT_SIZE], files[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE],
        partitions[PRINT_COUNT_SIZE], time[TIME_TEXT_SIZE], ago[TIME_TEXT_SIZE];

    snprintf(text, sizeof(text), "%s.%s", version->namespace, version->table);
    put_field(cli, "table", text);
    if (version->description && *version->description)
        put_field(cli, "description", version->description);
    snprintf(text, sizeof(text), "%lld, %s", (long long)version->version,
        catalog_lifecycle_name(version->lifecycle));
    put_field(cli, "version", text);
    snprintf(text, sizeof(text), "%s in %s files, %s", print_count(version->rows, rows),
        print_count(version->files, files), size_format(version->bytes, size));
    put_field(cli, "rows", text);
    put_field(cli, "partitions", print_count(version->partitions, partitions));
    put_texts(cli, "partition by", version->partition_by, version->partition_count);
    put_texts(cli, "sort by", version->sort_by, version->sort_count);
    put_field(cli, "created", time_format_rfc3339(version->created_ms, time));
    if (!version->last_commit_ms)
        return;
    snprintf(text, sizeof(text), "%s (%s), position %lld",
        time_format_rfc3339(version->last_commit_ms, time),
        time_format_ago(version->last_commit_ms, time_now_ms(), ago),
        (long long)version->last_position);
    put_field(cli, "last commit", text);
}

static void show_text(const struct cli *cli, const struct catalog_version *version)
{
    static const char *const headers[] = {">ID", "COLUMN", "TYPE", NULL};
    struct print_table *table = print_table_new(headers);
    char id[PRINT_COUNT_SIZE];

    print_head(cli, version);
    putchar('\n');
    for (size_t i = 0; i < version->column_count; i++) {
        const struct catalog_column *column = &version->columns[i];
        const char *const cells[] = {print_count(column->field_id, id), column->name, column->type};

        print_table_row(table, cells);
    }
    print_table_end(table, stdout, print_terminal_width(1), 2, cli->color);
}

int command_catalog_show(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct catalog_version *version;
    struct question found = {0};
    struct error err;
    int code = cli_open_engine(cli, true);

    (void)options, (void)arg_count;
    if (code)
        return code;
    if (tables_find(cli, args[0], &found, &version, &err))
        code = cli_fail(cli, &err);
    else if (cli->globals.json)
        show_json(version);
    else
        show_text(cli, version);
    question_deinit(&found);
    return code;
}
