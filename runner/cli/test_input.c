#include "runner/cli/test_input.h"

#include "config/path.h"
#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <string.h>

static const char *const format_names[] = {[FORMAT_AUTO] = "auto",
    [FORMAT_CSV] = "csv",
    [FORMAT_JSON] = "json",
    [FORMAT_NDJSON] = "ndjson",
    [FORMAT_PARQUET] = "parquet",
    [FORMAT_ARROW] = "arrow"};

/* --- rows as a file --- */

static bool is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

static void append_cell(struct buffer *text, const char *value)
{
    if (!value)
        return;
    buffer_putc(text, '"');
    for (const char *at = value; *at; at++) {
        if (*at == '"')
            buffer_putc(text, '"');
        buffer_putc(text, *at);
    }
    buffer_putc(text, '"');
}

static const char *cell_of(const struct test_row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++) {
        if (strcmp(row->cells[i].name, name) == 0)
            return row->cells[i].value;
    }
    return NULL;
}

/* CSV with a header: each column that any row has, in order of appearance. */
static void append_rows(struct buffer *text, const struct test_rows *rows)
{
    struct table known;

    table_init(&known);
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t j = 0; j < rows->rows[i].count; j++) {
            const char *name = rows->rows[i].cells[j].name;

            if (table_has(&known, name))
                continue;
            buffer_puts(text, known.count ? "," : "");
            append_cell(text, name);
            table_put(&known, name, (void *)rows);
        }
    }
    buffer_putc(text, '\n');
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t j = 0; j < known.count; j++) {
            buffer_puts(text, j ? "," : "");
            append_cell(text, cell_of(&rows->rows[i], known.entries[j].key));
        }
        buffer_putc(text, '\n');
    }
    table_deinit(&known);
}

/* The file that holds them, and what it is. */
static int place_rows(struct test_box *box, const struct test_rows *rows, const char *root,
    enum file_format format, const char **ret_path, enum file_format *ret_format, struct error *err)
{
    struct buffer text;
    const char *name;

    if (rows->file && is_url(rows->file))
        return error_set(err, ERROR_INVALID,
            "%s is in a network, and a test has none; take a file of the project", rows->file);
    if (rows->file) {
        *ret_path = path_join(&box->cli.arena, root, rows->file);
        *ret_format = dialect_format_of(rows->file);
        if (*ret_format == FORMAT_AUTO)
            *ret_format = format;
        return 0;
    }
    if (!rows->text && rows->count == 0)
        return error_set(err, ERROR_INVALID,
            "there are no rows to take columns from; write `text:` with a header");
    buffer_init(&text, 0);
    if (rows->text)
        buffer_puts(&text, rows->text);
    else
        append_rows(&text, rows);
    *ret_format = rows->text ? format : FORMAT_CSV;
    name = arena_printf(&box->cli.arena, "in-%s.%s", rows->name, format_names[*ret_format]);
    *ret_path = test_box_write(box, name, text.data, text.length, err);
    buffer_deinit(&text);
    return *ret_path ? 0 : -1;
}

/* --- extracts --- */

static const struct test_rows *find_rows(const struct test_rows_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

static int apply_extract(struct test_box *box, struct extract *extract, const char *root,
    const struct test_case *test, struct error *err)
{
    const struct test_rows *rows = find_rows(&test->inputs, extract->item.name);
    enum file_format format;

    if (!rows && extract->from_table)
        return 0;
    if (!rows && is_url(extract->from))
        return error_set(err, ERROR_INVALID,
            "extract.%s reads from a network; give its rows under `inputs:`", extract->item.name);
    if (!rows) {
        extract->from = path_join(&box->cli.arena, root, extract->from);
        return 0;
    }
    if (place_rows(
            box, rows, root, (enum file_format)extract->format, &extract->from, &format, err))
        return error_prefix(err, "inputs.%s", rows->name);
    extract->format = (int)format;
    if (!rows->file)
        extract->compression = COMPRESSION_NONE;
    if (!rows->file && !rows->text)
        extract->csv =
            (struct csv_dialect){.delimiter = ",", .quote = "\"", .escape = "\"", .header = true};
    if (extract->from_table) { /* a table that the test gives as rows is read as they are */
        extract->from_table = extract->from_namespace = extract->at = NULL;
    }
    return 0;
}

static int check_names(
    const struct pipeline *pipeline, const struct test_case *test, struct error *err)
{
    for (size_t i = 0; i < test->inputs.count; i++) {
        const char *name = test->inputs.items[i].name;

        if (!pipeline_extract(pipeline, name))
            return error_set(
                err, ERROR_INVALID, "inputs.%s: the pipeline has no extract of that name", name);
    }
    return 0;
}

int test_input_apply(struct test_box *box, struct pipeline *pipeline, const char *root,
    const struct test_case *test, struct error *err)
{
    struct extract *extracts = pipeline->extracts.items;
    struct load *loads = pipeline->loads.items;

    if (check_names(pipeline, test, err))
        return -1;
    pipeline->on_commit.count = pipeline->on_failure.count = pipeline->finally.count = 0;
    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        if (apply_extract(box, &extracts[i], root, test, err))
            return -1;
    }
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        const char *slash;

        if (!loads[i].to)
            continue;
        slash = strrchr(loads[i].to, '/');
        loads[i].to = arena_printf(
            &box->cli.arena, "%s/out/%s", box->folder, slash ? slash + 1 : loads[i].to);
    }
    return 0;
}

/* --- tables --- */

static json_t *texts_json(const struct text_list *texts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_text(texts->items[i]));
    return list;
}

static json_t *load_json(const struct pipeline *pipeline, const char *table)
{
    const struct load *loads = pipeline->loads.items;
    json_t *load = json_object();

    json_put_text(load, "into", table);
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        json_t *key;

        if (!loads[i].into || strcmp(loads[i].into, table) != 0)
            continue;
        key = texts_json(&loads[i].key);
        if (loads[i].mode == MODE_SCD2)
            json_array_append_new(key, json_string("valid_from"));
        if (loads[i].partition_count)
            json_object_set_new(load, "partition_by", texts_json(&loads[i].partition_by));
        if (json_array_size(key)) {
            json_object_set(load, "key", key);
            json_put_text(load, "mode", "upsert");
            json_put_text(load, "sequence_by", loads[i].sequence_by);
        }
        json_decref(key);
        break;
    }
    return load;
}

int test_input_tables(struct test_box *box, const struct pipeline *pipeline, const char *root,
    const struct test_case *test, const char **ret_text, struct error *err)
{
    json_t *file = json_object(), *extracts = json_object(), *loads = json_object();
    char *line;
    int rc = 0;

    for (size_t i = 0; i < test->tables.count && !rc; i++) {
        const struct test_rows *rows = &test->tables.items[i];
        json_t *extract = json_object(), *load = load_json(pipeline, rows->name);
        char name[32];
        enum file_format format;
        const char *path;

        snprintf(name, sizeof(name), "t%zu", i);
        rc = place_rows(box, rows, root, FORMAT_CSV, &path, &format, err);
        if (rc) {
            error_prefix(err, "tables.%s", rows->name);
        } else {
            json_put_text(extract, "from", path);
            json_put_text(extract, "format", format_names[format]);
            json_object_set_new(extract, "repeat", json_true());
            json_object_set(extracts, name, extract);
            json_object_set(loads, name, load);
        }
        json_decref(load);
        json_decref(extract);
    }
    json_put_text(file, "name", "tables");
    json_object_set_new(file, "extract", extracts);
    json_object_set_new(file, "load", loads);
    line = json_line(file);
    *ret_text = rc || test->tables.count == 0 ? NULL : arena_strdup(&box->cli.arena, line);
    free(line);
    json_decref(file);
    return rc;
}
