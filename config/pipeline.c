#include "config/pipeline.h"

#include "config/environment.h"
#include "config/path.h"
#include "config/pipeline_internal.h"
#include "config/zone.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* --- asking a pipeline --- */

struct option_mark pipeline_mark(const struct pipeline *pipeline, const void *field)
{
    /* One that was made by hand, in a test, has no marks. */
    return pipeline->marks ? bind_mark(pipeline->marks, field) : (struct option_mark){1, 1};
}

bool pipeline_is_set(const struct pipeline *pipeline, const void *field)
{
    return bind_place(pipeline->marks, field) != NULL;
}

bool pipeline_has_map(const struct pipeline *pipeline, const void *object)
{
    return bind_has_map(pipeline->marks, object);
}

unsigned pipeline_uses(const struct pipeline *pipeline, const void *field)
{
    const struct bind_place *place = bind_place(pipeline->marks, field);

    return place ? place->uses : 0;
}

struct option_mark pipeline_text_mark(
    const struct pipeline *pipeline, const char *const *field, size_t offset)
{
    const struct bind_place *place = bind_place(pipeline->marks, field);

    return place ? bind_text_mark(pipeline->marks, place, offset) : pipeline_mark(pipeline, field);
}

struct option_mark pipeline_sql_mark(const struct pipeline *pipeline,
    const struct transform *transform, size_t offset, const char **ret_path)
{
    const char *sql = transform->sql;
    /* A file is like a plain text that begins on its first line. */
    const struct yaml_node whole_file = {.style = YAML_PLAIN, .mark = {1, 1}, .text = sql};

    *ret_path = transform->sql_path;
    if (transform->sql_file)
        return yaml_text_mark(sql, strlen(sql), &whole_file, offset);
    return pipeline_text_mark(pipeline, &transform->sql, offset);
}

static void *find_item(const struct option_items *items, size_t size, const char *name)
{
    for (size_t i = 0; i < items->count; i++) {
        char *item = (char *)items->items + i * size;

        if (strcmp(((struct option_item *)item)->name, name) == 0)
            return item;
    }
    return NULL;
}

bool pipeline_masks(const struct pipeline *pipeline, const char *column)
{
    const struct extract *extracts = pipeline->extracts.items;

    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        for (size_t j = 0; j < extracts[i].mask.count; j++) {
            if (strcasecmp(extracts[i].mask.items[j], column) == 0)
                return true;
        }
    }
    return false;
}

struct extract *pipeline_extract(const struct pipeline *pipeline, const char *name)
{
    return find_item(&pipeline->extracts, sizeof(struct extract), name);
}

struct transform *pipeline_transform(const struct pipeline *pipeline, const char *name)
{
    return find_item(&pipeline->transforms, sizeof(struct transform), name);
}

struct load *pipeline_load_named(const struct pipeline *pipeline, const char *name)
{
    return find_item(&pipeline->loads, sizeof(struct load), name);
}

/* --- reading one --- */

void pipeline_fail(struct pipeline_reader *reader, const void *field, const char *format, ...)
{
    const struct option_mark mark = pipeline_mark(reader->pipeline, field);
    va_list args;
    char *message;

    va_start(args, format);
    message = mem_vprintf(format, args);
    va_end(args);
    diagnostics_error(reader->problems, reader->pipeline->path, mark, "%s", message);
    free(message);
}

static const struct yaml_pair *find_pair(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return &map->pairs[i];
    }
    return NULL;
}

/* Dates of the file are those of its zone, so that is needed before anything else is bound; what
 * is wrong with it as a text, binding tells. */
static void open_zone(struct pipeline_reader *reader, const struct yaml_node *root)
{
    const struct yaml_pair *pair = find_pair(root, "timezone");
    struct error err;

    if (!pair || pair->value->kind != YAML_SCALAR || yaml_is_null(pair->value) ||
        pair->value->text[0] == '\0')
        return;
    reader->zone = zone_open(pair->value->text, &err);
    if (!reader->zone)
        diagnostics_error(
            reader->problems, reader->pipeline->path, pair->key->mark, "timezone: %s", err.message);
}

static struct interpolate_scope scope_of(const struct pipeline_reader *reader)
{
    const struct pipeline_scope *scope = reader->scope;

    return (struct interpolate_scope){
        .allowed = INTERPOLATE_ENV | INTERPOLATE_VARS | INTERPOLATE_RUN_ID | INTERPOLATE_RUN_DUE,
        .vars = scope->environment ? &scope->environment->vars : NULL,
        .run_id = scope->run_id,
        .due_known = scope->due_ms != 0,
        .due_ms = scope->due_ms,
        .zone = reader->zone,
        .environment = scope->variables,
        .keep_unset = !scope->for_run,
    };
}

/* Parameters first: everything else may use them. */
static void bind_all(
    struct pipeline_reader *reader, struct bind *bind, const struct yaml_node *root)
{
    struct interpolate_scope scope = scope_of(reader);
    struct pipeline *pipeline = reader->pipeline;
    const struct yaml_pair *params = find_pair(root, "params");

    bind->scope = &scope;
    if (params)
        bind_option(bind, option_find(&pipeline_options, "params"), params, pipeline);
    pipeline_set_params(reader);
    scope.params = &pipeline->params;
    scope.allowed |= INTERPOLATE_PARAMS | INTERPOLATE_SECRET;
    bind_object(bind, &pipeline_options, root, root->mark, pipeline, "params");
    pipeline->secrets = bind->secrets;
}

static void read_tree(
    struct pipeline_reader *reader, const char *text, size_t length, const struct yaml_node *root)
{
    struct pipeline *pipeline = reader->pipeline;
    struct bind bind;

    bind_init(
        &bind, pipeline->path, text, length, &pipeline->arena, pipeline->marks, reader->problems);
    if (root->kind == YAML_MAP) {
        open_zone(reader, root);
        bind_all(reader, &bind, root);
        pipeline_finish(reader);
        pipeline_validate(reader);
    } else {
        bind_fail(&bind, root->mark,
            "a pipeline is a map: extract:, transform:, load:, …; this is %s",
            yaml_kind_name(root));
    }
    bind_deinit(&bind);
}

struct pipeline *pipeline_parse(const char *path, const char *text, size_t length,
    const struct pipeline_scope *scope, struct diagnostics *problems)
{
    struct pipeline *pipeline = mem_new(struct pipeline);
    struct pipeline_reader reader = {.pipeline = pipeline, .scope = scope, .problems = problems};
    const size_t errors = problems->error_count;
    struct yaml_node *root;

    arena_init(&pipeline->arena);
    option_set_presets(&pipeline_options, pipeline, &pipeline->arena);
    pipeline->marks = arena_new(&pipeline->arena, struct bind_marks);
    pipeline->path = path_display(&pipeline->arena, path);
    pipeline->root = scope->environment ? arena_strdup(&pipeline->arena, scope->environment->root)
                                        : path_working_folder(&pipeline->arena);
    root = yaml_load(pipeline->path, text, length, &pipeline->arena, problems);
    if (root)
        read_tree(&reader, text, length, root);
    zone_free(reader.zone);
    assert(root || problems->error_count > errors);
    if (problems->error_count == errors)
        return pipeline;
    pipeline_free(pipeline);
    return NULL;
}

struct pipeline *pipeline_load(
    const char *path, const struct pipeline_scope *scope, struct diagnostics *problems)
{
    struct pipeline *pipeline;
    struct error err;
    size_t length;
    char *text;

    if (path_read_file(path, YAML_BYTES_MAX, &text, &length, &err)) {
        struct arena arena;

        arena_init(&arena);
        diagnostics_error(
            problems, path_display(&arena, path), (struct option_mark){0}, "%s", err.message);
        arena_deinit(&arena);
        return NULL;
    }
    pipeline = pipeline_parse(path, text, length, scope, problems);
    free(text);
    return pipeline;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    arena_deinit(&pipeline->arena);
    free(pipeline);
}
