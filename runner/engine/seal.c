#include "runner/engine/seal.h"

#include "config/path.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/sha256.h"
#include "runner/base/table.h"
#include "runner/base/text.h"
#include "runner/engine/seal_settings.h"

#include <string.h>

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, MOVES_SHOWN = 4 };

/* --- making --- */

static int add_file(json_t *files, const char *name, const char *path, struct error *err)
{
    char digest[SHA256_TEXT_SIZE];
    json_t *item;
    size_t length;
    char *text;

    if (path_read_file(path, FILE_BYTES_MAX, &text, &length, err))
        return error_prefix(err, "%s", path);
    item = json_object();
    json_put_text(item, "file", name);
    json_put_text(item, "sha256", sha256_text(text, length, digest));
    json_array_append_new(files, item);
    free(text);
    return 0;
}

static int put_settings(json_t *seal, const struct seal_facts *facts, struct error *err)
{
    const char *path = facts->graph->pipeline->path;
    size_t length;
    char *text;

    if (path_read_file(path, FILE_BYTES_MAX, &text, &length, err))
        return error_prefix(err, "%s", path);
    json_object_set_new(seal, "settings", seal_settings(facts->engine, facts->graph, text));
    free(text);
    return 0;
}

static int add_files(json_t *files, const struct pipeline *pipeline, struct error *err)
{
    const struct transform *transforms = pipeline->transforms.items;

    if (add_file(files, pipeline->name, pipeline->path, err))
        return -1;
    for (size_t i = 0; i < pipeline->transforms.count; i++) {
        if (transforms[i].sql_file &&
            add_file(files, transforms[i].sql_file, transforms[i].sql_path, err))
            return -1;
    }
    return 0;
}

static json_t *params_json(const struct pipeline *pipeline)
{
    const struct param *params = pipeline->params.items;
    json_t *values = json_object();

    for (size_t i = 0; i < pipeline->params.count; i++)
        json_put_text(values, params[i].item.name, params[i].value);
    return values;
}

/* Keys of objects may hold bytes that JSON cannot. */
static void put_named(json_t *object, const char *key, json_t *value)
{
    json_t *name = json_text(key);

    json_object_set_new(object, json_string_value(name), value);
    json_decref(name);
}

static void put_objects(const struct seal_facts *facts, const struct plan_extract *extract,
    const struct extract *options, json_t *item)
{
    json_t *objects = json_object();
    struct arena arena;

    arena_init(&arena);
    json_put_url(item, "from", options->from);
    for (size_t i = 0; i < extract->object_count; i++) {
        const struct store_object *object = &extract->objects[i].object;
        json_t *entry = json_object();

        json_put_text(entry, "version", object->version);
        json_put_int(entry, "bytes", (int64_t)object->size);
        put_named(
            objects, plan_cursor_key(facts->engine, extract->store, object->key, &arena), entry);
    }
    json_object_set_new(item, "objects", objects);
    if (extract->rereads) /* which others may be read, the rows say */
        json_put_text(item, "listing", extract->listing);
    arena_deinit(&arena);
}

static void put_source(const struct plan_table *table, const struct extract *options, json_t *item)
{
    json_put_text(item, "from", options->from);
    json_put_int(item, "version", table->version);
    json_put_int(item, "position", table->position);
    if (table->changes)
        json_put_int(item, "after_position", table->after);
}

static void put_load(const struct plan_load *load, const struct load *options, json_t *item)
{
    const struct catalog_version *version = &load->version;
    json_t *columns, *replaced;

    json_put_text(item, "into", options->into);
    json_put_text(item, "to", options->to);
    if (!options->into)
        return;
    json_object_set_new(item, "table_exists", json_boolean(load->table_exists));
    if (!load->table_exists)
        return;
    columns = json_object();
    for (size_t i = 0; i < version->column_count; i++)
        put_named(columns, version->columns[i].name, json_text(version->columns[i].type));
    json_put_int(item, "version", version->version);
    json_put_int(item, "position", version->last_position);
    json_object_set_new(item, "columns", columns);
    if (load->replaced.count == 0)
        return;
    replaced = json_object();
    for (size_t i = 0; i < load->replaced.count; i++)
        put_named(replaced, load->replaced.items[i], json_true());
    json_object_set_new(item, "replaced", replaced);
}

static json_t *task_json(
    const struct seal_facts *facts, const struct graph_node *node, const struct plan_task *task)
{
    json_t *item = json_object();

    json_object_set_new(item, "runs", json_boolean(task->needed));
    if (node->kind == TASK_EXTRACT && task->extract.table)
        put_source(task->extract.table, node->extract, item);
    else if (node->kind == TASK_EXTRACT)
        put_objects(facts, &task->extract, node->extract, item);
    else if (node->kind == TASK_LOAD)
        put_load(&task->load, node->load, item);
    return item;
}

json_t *seal_make(const struct seal_facts *facts, struct error *err)
{
    const struct environment *environment = facts->engine->environment;
    const struct graph *graph = facts->graph;
    json_t *seal = json_object(), *files = json_array(), *tasks = json_object();
    json_t *selected = json_array();

    json_put_int(seal, "format", SEAL_FORMAT);
    json_put_text(seal, "sluice", SLUICE_VERSION);
    json_put_text(seal, "environment", environment->item.name);
    json_put_text(seal, "pipeline", graph->pipeline->name);
    json_put_text(seal, "instance", facts->instance);
    json_put_text(seal, "run_id", facts->run_id);
    json_put_time(seal, "due", facts->due_ms);
    json_object_set_new(seal, "files", files);
    json_object_set_new(seal, "settings", json_object());
    json_object_set_new(seal, "params", params_json(graph->pipeline));
    for (size_t i = 0; facts->tasks && i < facts->tasks->count; i++)
        json_array_append_new(selected, json_text(facts->tasks->items[i]));
    json_object_set_new(seal, "selected", selected);
    json_object_set_new(seal, "nothing_new", json_boolean(facts->plan->nothing_new));
    json_put_int(seal, "objects", (int64_t)facts->plan->object_count);
    json_put_int(seal, "bytes", (int64_t)facts->plan->bytes);
    for (unsigned i = 0; i < graph->count; i++) {
        if (facts->plan->tasks[i].wanted)
            json_object_set_new(tasks, graph->nodes[i].id,
                task_json(facts, &graph->nodes[i], &facts->plan->tasks[i]));
    }
    json_object_set_new(seal, "tasks", tasks);
    if (put_settings(seal, facts, err) || add_files(files, graph->pipeline, err)) {
        json_decref(seal);
        return NULL;
    }
    return seal;
}

/* --- comparing --- */

struct moves {
    struct buffer text; /* the first MOVES_SHOWN */
    size_t count;
};

static void moved(struct moves *moves, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void moved(struct moves *moves, const char *format, ...)
{
    va_list args;
    char *text;

    if (moves->count++ >= MOVES_SHOWN)
        return;
    va_start(args, format);
    text = mem_vprintf(format, args);
    va_end(args);
    buffer_printf(&moves->text, "%s%s", moves->count > 1 ? "; " : "", text);
    free(text);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);

    return text ? text : "";
}

static void compare_text(
    struct moves *moves, const json_t *then, const json_t *now, const char *key, const char *what)
{
    if (strcmp(text_of(then, key), text_of(now, key)) != 0)
        moved(moves, "%s was \"%s\" and is \"%s\"", what, text_of(then, key), text_of(now, key));
}

static const json_t *file_named(const json_t *files, const char *name)
{
    for (size_t i = 0; i < json_array_size(files); i++) {
        if (strcmp(text_of(json_array_get(files, i), "file"), name) == 0)
            return json_array_get(files, i);
    }
    return NULL;
}

static void compare_files(struct moves *moves, const json_t *then, const json_t *now)
{
    bool any = json_array_size(then) != json_array_size(now);

    for (size_t i = 0; i < json_array_size(then); i++) {
        const char *name = text_of(json_array_get(then, i), "file");
        const json_t *other = file_named(now, name);

        if (other &&
            strcmp(text_of(json_array_get(then, i), "sha256"), text_of(other, "sha256")) == 0)
            continue;
        moved(moves, "the file of %s has changed", name);
        any = false;
    }
    if (any)
        moved(moves, "the pipeline has other files of SQL");
}

static void compare_objects(struct moves *moves, json_t *then, json_t *now)
{
    const char *key;
    json_t *object;

    json_object_foreach(then, key, object)
    {
        const json_t *other = json_object_get(now, key);

        if (!other)
            moved(moves, "%s is gone, or not new any more", key);
        else if (!json_equal(object, other))
            moved(moves, "%s has changed (version \"%s\", now \"%s\")", key,
                text_of(object, "version"), text_of(other, "version"));
    }
    json_object_foreach(now, key, object)
    {
        if (!json_object_get(then, key))
            moved(moves, "%s came since", key);
    }
}

/* Objects whose old rows go: of the same version each may be new, or have changed. */
static void compare_replaced(struct moves *moves, const char *table, json_t *then, json_t *now)
{
    const char *key;
    json_t *any;

    json_object_foreach(then, key, any)
    {
        if (!json_object_get(now, key))
            moved(moves, "rows of %s in %s are not to be replaced any more", key, table);
    }
    json_object_foreach(now, key, any)
    {
        if (!json_object_get(then, key))
            moved(moves, "rows of %s in %s would be replaced, it was read meanwhile", key, table);
    }
}

static void compare_number(struct moves *moves, const char *table, const json_t *then,
    const json_t *now, const char *key, const char *what)
{
    const int64_t before = json_get_int(then, key, -1), after = json_get_int(now, key, -1);

    if (before != after)
        moved(moves, "%s was at %s %lld and is at %lld", table, what, (long long)before,
            (long long)after);
}

static void compare_task(struct moves *moves, const char *id, const json_t *then, const json_t *now)
{
    const char *table = json_get_text(then, "into");
    const size_t before = moves->count;

    table = table ? table : text_of(then, "from");
    compare_text(moves, then, now, "from", id);
    compare_text(moves, then, now, "into", id);
    compare_text(moves, then, now, "to", id);
    if (moves->count > before)
        return;
    compare_objects(moves, json_object_get(then, "objects"), json_object_get(now, "objects"));
    if (moves->count == before && strcmp(text_of(then, "listing"), text_of(now, "listing")) != 0)
        moved(moves, "objects of %s have changed that may have to be read again", id);
    if (json_is_true(json_object_get(then, "table_exists")) !=
        json_is_true(json_object_get(now, "table_exists"))) {
        moved(moves, "%s %s", table,
            json_is_true(json_object_get(now, "table_exists")) ? "came since" : "is gone");
        return;
    }
    compare_number(moves, table, then, now, "version", "version");
    compare_number(moves, table, then, now, "position", "position");
    compare_number(moves, id, then, now, "after_position", "a cursor of position");
    if (json_object_get(then, "columns") &&
        !json_equal(json_object_get(then, "columns"), json_object_get(now, "columns")))
        moved(moves, "%s has other columns", table);
    if (moves->count == before)
        compare_replaced(
            moves, table, json_object_get(then, "replaced"), json_object_get(now, "replaced"));
    if (moves->count == before &&
        json_is_true(json_object_get(then, "runs")) != json_is_true(json_object_get(now, "runs")))
        moved(moves, "%s %s", id,
            json_is_true(json_object_get(now, "runs")) ? "has something to do now"
                                                       : "has nothing to do any more");
}

static void compare_tasks(struct moves *moves, json_t *then, json_t *now)
{
    const char *id;
    json_t *task;

    json_object_foreach(then, id, task)
    {
        const json_t *other = json_object_get(now, id);

        if (other)
            compare_task(moves, id, task, other);
        else
            moved(moves, "there is no %s any more", id);
    }
    json_object_foreach(now, id, task)
    {
        if (!json_object_get(then, id))
            moved(moves, "%s came since", id);
    }
}

/* Their values are not told: they may be secret. */
static void compare_settings(struct moves *moves, json_t *then, json_t *now)
{
    const char *name;
    json_t *digest;

    json_object_foreach(then, name, digest)
    {
        if (!json_object_get(now, name))
            moved(moves, "the setting %s is gone", name);
        else if (!json_equal(digest, json_object_get(now, name)))
            moved(moves, "the setting %s has changed", name);
    }
    json_object_foreach(now, name, digest)
    {
        if (!json_object_get(then, name))
            moved(moves, "the setting %s came since", name);
    }
}

static void compare_params(struct moves *moves, json_t *then, json_t *now)
{
    const char *name;
    json_t *value;

    json_object_foreach(now, name, value)
    {
        if (!json_equal(value, json_object_get(then, name)))
            moved(moves, "parameter %s is \"%s\"", name, json_string_value(value));
    }
    json_object_foreach(then, name, value)
    {
        if (!json_object_get(now, name))
            moved(moves, "there is no parameter %s any more", name);
    }
}

int seal_compare(const json_t *sealed, const json_t *now, struct error *err)
{
    struct moves moves = {0};
    int result = 0;

    buffer_init(&moves.text, 0);
    compare_text(&moves, sealed, now, "sluice", "the version of sluice");
    compare_text(&moves, sealed, now, "environment", "the environment");
    compare_text(&moves, sealed, now, "pipeline", "the pipeline");
    compare_text(&moves, sealed, now, "instance", "the instance");
    compare_text(&moves, sealed, now, "due", "the due time");
    compare_files(&moves, json_object_get(sealed, "files"), json_object_get(now, "files"));
    compare_settings(&moves, json_object_get(sealed, "settings"), json_object_get(now, "settings"));
    compare_params(&moves, json_object_get(sealed, "params"), json_object_get(now, "params"));
    compare_tasks(&moves, json_object_get(sealed, "tasks"), json_object_get(now, "tasks"));
    if (moves.count > MOVES_SHOWN)
        buffer_printf(&moves.text, "; and %zu more", moves.count - MOVES_SHOWN);
    if (moves.count > 0)
        result = error_set(err, ERROR_CONFLICT,
            "the plan does not hold any more and nothing was run; make a new one with sluice plan "
            "--out: %s",
            moves.text.data);
    buffer_deinit(&moves.text);
    return result;
}

/* --- reading --- */

static int check_format(const json_t *seal, struct error *err)
{
    static const char *const texts[] = {"sluice", "environment", "pipeline", "run_id", "due"};
    const int64_t format = json_get_int(seal, "format", 0);
    bool whole = json_is_object(seal) && json_is_object(json_object_get(seal, "tasks")) &&
                 json_is_object(json_object_get(seal, "params"));

    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        whole = whole && json_get_text(seal, texts[i]);
    if (!whole || format < 1)
        return error_set(err, ERROR_INVALID, "this is no plan that sluice plan --out has written");
    if (format != SEAL_FORMAT)
        return error_set(err, ERROR_INVALID,
            "it is a plan of format %lld, and this version knows %d: make a new one with sluice "
            "plan --out",
            (long long)format, SEAL_FORMAT);
    return 0;
}

int seal_read(const char *path, json_t **ret_sealed, struct error *err)
{
    json_t *seal = NULL;
    size_t length;
    char *text;

    if (path_read_file(path, FILE_BYTES_MAX, &text, &length, err))
        return error_prefix(err, "%s", path);
    seal = json_parse(text, length, err);
    free(text);
    if (!seal || check_format(seal, err)) {
        json_decref(seal);
        err->code = ERROR_INVALID;
        return error_prefix(err, "%s", path);
    }
    *ret_sealed = seal;
    return 0;
}
