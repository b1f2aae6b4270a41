#include "runner/cli/schema_view.h"

#include "runner/base/buffer.h"
#include "runner/base/column_type.h"
#include "runner/base/json.h"
#include "runner/cli/catalog_json.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"

#include <stdio.h>

/* --- JSON --- */

static void put_iceberg(json_t *item, const char *type)
{
    const struct column_type *parsed;
    struct error ignored;
    struct arena arena;

    arena_init(&arena);
    if (column_type_parse(type, &arena, &parsed, &ignored) == 0)
        json_put_text(item, "iceberg_type", column_type_iceberg(parsed, &arena));
    arena_deinit(&arena);
}

json_t *schema_view_columns_json(const struct catalog_column *columns, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();

        json_put_int(item, "field_id", columns[i].field_id);
        json_put_text(item, "name", columns[i].name);
        json_put_text(item, "type", columns[i].type);
        put_iceberg(item, columns[i].type);
        json_object_set_new(item, "required", json_boolean(columns[i].required));
        json_put_text(item, "comment", columns[i].comment);
        json_array_append_new(list, item);
    }
    return list;
}

json_t *schema_view_json(const struct catalog_version *version)
{
    const struct catalog_merge *merge = &version->merge;
    json_t *value = json_object();
    struct buffer name;

    buffer_init(&name, 0);
    buffer_printf(&name, "%s.%s", version->namespace, version->table);
    json_put_text(value, "table", name.data);
    buffer_deinit(&name);
    json_put_int(value, "version", version->version);
    json_put_int(value, "schema_id", version->schema_id);
    json_object_set_new(
        value, "columns", schema_view_columns_json(version->columns, version->column_count));
    json_object_set_new(value, "key", catalog_json_values(merge->key, merge->key_count));
    json_put_text(value, "sequence_by", merge->sequence_by);
    json_object_set_new(value, "partition_by",
        catalog_json_values(version->partition_by, version->partition_count));
    json_object_set_new(
        value, "sort_by", catalog_json_values(version->sort_by, version->sort_count));
    return value;
}

/* --- text --- */

static void put_texts(
    const struct cli *cli, const char *name, const char *const *texts, size_t count)
{
    struct buffer list;

    if (count == 0)
        return;
    buffer_init(&list, 0);
    for (size_t i = 0; i < count; i++) {
        buffer_puts(&list, i ? ", " : "");
        text_append_printable(&list, texts[i]);
    }
    printf("%s%-12s%s %s\n", cli_style(cli, "dim"), name, cli_style(cli, "reset"), list.data);
    buffer_deinit(&list);
}

void schema_view_print_columns(
    const struct cli *cli, const struct catalog_column *columns, size_t count)
{
    static const char *const headers[] = {">ID", "COLUMN", "TYPE", "NULLS", "COMMENT", NULL};
    struct print_table *table = print_table_new(headers);
    char id[PRINT_COUNT_SIZE];

    for (size_t i = 0; i < count; i++) {
        const char *const cells[] = {print_count(columns[i].field_id, id), columns[i].name,
            columns[i].type, columns[i].required ? "no" : "yes", columns[i].comment};

        print_table_row(table, cells);
    }
    print_table_end(table, stdout, print_terminal_width(1), 4, cli->color);
}

void schema_view_print(const struct cli *cli, const struct catalog_version *version)
{
    const struct catalog_merge *merge = &version->merge;

    printf("%s%s.%s%s, version %lld, schema %lld\n", cli_style(cli, "bold"), version->namespace,
        version->table, cli_style(cli, "reset"), (long long)version->version,
        (long long)version->schema_id);
    put_texts(cli, "key", merge->key, merge->key_count);
    put_texts(cli, "sequence by", &merge->sequence_by, merge->sequence_by ? 1 : 0);
    put_texts(cli, "partition by", version->partition_by, version->partition_count);
    put_texts(cli, "sort by", version->sort_by, version->sort_count);
    putchar('\n');
    schema_view_print_columns(cli, version->columns, version->column_count);
}

int schema_view_show(struct cli *cli, const char *table)
{
    const struct catalog_version *version;
    struct question found = {0};
    struct error err;
    int code = EXIT_OK;

    if (tables_find(cli, table, &found, &version, &err))
        code = cli_fail(cli, &err);
    else if (cli->globals.json)
        cli_print_json(schema_view_json(version));
    else
        schema_view_print(cli, version);
    question_deinit(&found);
    return code;
}
