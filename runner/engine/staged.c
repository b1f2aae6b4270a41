#include "runner/engine/staged.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/sha256.h"
#include "runner/base/table.h"
#include "runner/io/file.h"
#include "runner/io/scratch.h"

#include <dirent.h>
#include <string.h>

enum { LIST_BYTES = 16 * 1024 * 1024 };

static const char list_name[] = "staged.json";

const char *staged_owner(const char *pipeline, const char *instance, char owner[STAGED_OWNER_SIZE])
{
    char *both = mem_printf("%s\x1f%s", pipeline, instance);
    char sum[SHA256_TEXT_SIZE];

    sha256_text(both, strlen(both), sum);
    memcpy(owner, sum, STAGED_OWNER_SIZE - 1);
    owner[STAGED_OWNER_SIZE - 1] = '\0';
    free(both);
    return owner;
}

/* --- keeping --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static json_t *names_json(const struct text_list *paths)
{
    json_t *list = json_array();

    for (size_t i = 0; i < paths->count; i++)
        json_array_append_new(list, json_text(base_name(paths->items[i])));
    return list;
}

static json_t *dataset_json(const struct staged_dataset *dataset)
{
    json_t *value = json_object(), *columns = json_array();

    json_put_text(value, "dataset", dataset->name);
    json_object_set_new(value, "loads", names_json(&dataset->loads));
    json_put_int(value, "rows", dataset->rows);
    json_put_int(value, "bytes", (int64_t)dataset->bytes);
    json_object_set_new(value, "files", names_json(&dataset->files));
    for (size_t i = 0; i < dataset->schema.count; i++) {
        json_t *column = json_object();

        json_put_text(column, "name", dataset->schema.columns[i].name);
        json_put_text(column, "type", dataset->schema.columns[i].type);
        json_array_append_new(columns, column);
    }
    json_object_set_new(value, "columns", columns);
    return value;
}

static int write_list(const char *folder, const struct staged *staged, struct error *err)
{
    json_t *value = json_object(), *list = json_array();
    char *path = file_join(folder, list_name), *line;
    int result;

    json_put_text(value, "run_id", staged->run_id);
    json_put_text(value, "pipeline", staged->pipeline);
    json_put_text(value, "instance", staged->instance);
    for (size_t i = 0; i < staged->count; i++)
        json_array_append_new(list, dataset_json(&staged->datasets[i]));
    json_object_set_new(value, "datasets", list);
    line = json_line(value);
    result = file_write(path, line, strlen(line), err);
    free(line);
    free(path);
    json_decref(value);
    return result;
}

static void remove_others(const char *folder, const struct staged *staged)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    struct table kept;

    table_init(&kept);
    for (size_t i = 0; i < staged->count; i++) {
        for (size_t j = 0; j < staged->datasets[i].files.count; j++)
            table_put(&kept, base_name(staged->datasets[i].files.items[j]), &kept);
    }
    while (entries && (entry = readdir(entries))) {
        char *path;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            table_has(&kept, entry->d_name))
            continue;
        path = file_join(folder, entry->d_name);
        file_remove_tree(path, NULL);
        free(path);
    }
    if (entries)
        closedir(entries);
    table_deinit(&kept);
}

int staged_keep(
    const char *spool, const char *folder, const struct staged *staged, struct error *err)
{
    char owner[STAGED_OWNER_SIZE];

    remove_others(folder, staged);
    return write_list(folder, staged, err) ||
                   scratch_keep(spool, folder,
                       staged_owner(staged->pipeline, staged->instance, owner), staged->run_id, err)
               ? -1
               : 0;
}

/* --- reading --- */

static void read_texts(
    const json_t *list, const char *folder, struct arena *arena, struct text_list *ret_texts)
{
    const char **texts = arena_array(arena, json_array_size(list), sizeof(*texts));
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_is_string(item) ? json_string_value(item) : "";

        texts[i] = folder ? arena_printf(arena, "%s/%s", folder, text) : arena_strdup(arena, text);
    }
    *ret_texts = (struct text_list){texts, json_array_size(list)};
}

static const char *text_of(const json_t *object, const char *key, struct arena *arena)
{
    const char *text = json_get_text(object, key);

    return arena_strdup(arena, text ? text : "");
}

static void read_dataset(const json_t *value, const char *folder, struct arena *arena,
    struct staged_dataset *ret_dataset)
{
    const json_t *columns = json_object_get(value, "columns"), *column;
    struct staged_dataset dataset = {.name = text_of(value, "dataset", arena),
        .rows = json_get_int(value, "rows", 0),
        .bytes = (uint64_t)json_get_int(value, "bytes", 0)};
    size_t i;

    read_texts(json_object_get(value, "loads"), NULL, arena, &dataset.loads);
    read_texts(json_object_get(value, "files"), folder, arena, &dataset.files);
    dataset.schema.count = json_array_size(columns);
    dataset.schema.columns = arena_array(arena, dataset.schema.count, sizeof(struct sql_column));
    json_array_foreach(columns, i, column)
    {
        dataset.schema.columns[i] = (struct sql_column){
            .name = text_of(column, "name", arena), .type = text_of(column, "type", arena)};
    }
    *ret_dataset = dataset;
}

static int read_list(
    const char *folder, struct arena *arena, struct staged *ret_staged, struct error *err)
{
    char *path = file_join(folder, list_name);
    const json_t *datasets, *item;
    struct buffer text;
    json_t *value = NULL;
    size_t i;

    buffer_init(&text, 0);
    if (file_read(path, LIST_BYTES, &text, err) == 0)
        value = json_parse(text.data, text.length, err);
    buffer_deinit(&text);
    free(path);
    if (!value)
        return -1;
    datasets = json_object_get(value, "datasets");
    ret_staged->run_id = text_of(value, "run_id", arena);
    ret_staged->pipeline = text_of(value, "pipeline", arena);
    ret_staged->instance = text_of(value, "instance", arena);
    ret_staged->count = json_array_size(datasets);
    ret_staged->datasets = arena_array(arena, ret_staged->count, sizeof(*ret_staged->datasets));
    json_array_foreach(datasets, i, item)
    {
        read_dataset(item, ret_staged->folder, arena, &ret_staged->datasets[i]);
    }
    json_decref(value);
    return 0;
}

int staged_read(const char *spool, const char *run_id, struct arena *arena,
    struct staged *ret_staged, struct error *err)
{
    struct staged staged = {0};
    char *folder = scratch_kept(spool, run_id, &staged.until_ms);

    if (!folder)
        return error_set(err, ERROR_NOT_FOUND, "nothing is staged of run %s", run_id);
    staged.folder = arena_strdup(arena, folder);
    free(folder);
    if (read_list(staged.folder, arena, &staged, err))
        return -1;
    *ret_staged = staged;
    return 0;
}
