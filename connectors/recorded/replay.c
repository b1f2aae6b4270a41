#include "connectors/recorded/replay.h"

#include "connectors/recorded/key.h"
#include "connectors/recorded/recording.h"
#include "connectors/recorded/replay_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <string.h>

/* --- the index --- */

static char *name_of(const char *verb, const char *place, const char *key)
{
    struct buffer name;

    buffer_init(&name, 0);
    buffer_printf(&name, "%s\x1f%s\x1f", verb, strstr(key, "://") ? "" : place);
    recorded_key(key, &name);
    return buffer_steal(&name);
}

static void take_answer(struct replay *replay, const json_t *line, int64_t offset)
{
    const char *verb = json_get_text(line, "verb"), *place = json_get_text(line, "store");
    char *key = recorded_get_key(line), *name;

    if (key && place) {
        name = name_of(verb, place, key);
        table_put(&replay->answers, name, (void *)(intptr_t)(offset + 1));
        free(name);
    }
    /* It was read again, and well, after a check had failed. */
    if (key && place && strcmp(verb, "get") == 0 && !json_object_get(line, "error")) {
        name = name_of("check", place, key);
        if (table_has(&replay->answers, name))
            table_put(&replay->answers, name, NULL);
        free(name);
    }
    free(key);
}

static int take_head(struct replay *replay, json_t *line, struct error *err)
{
    const int64_t version = json_get_int(line, "version", 0);

    if (!text_equal(json_get_text(line, "format"), RECORDING_FORMAT) || version < 1)
        return error_set(err, ERROR_DATA, "%s is no recording of sluice", replay->manifest.path);
    if (version > RECORDING_VERSION)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "%s was made by a newer sluice (%s); upgrade this one", replay->manifest.path,
            json_get_text(line, "sluice"));
    replay->head = json_incref(line);
    return 0;
}

static int read_all(struct replay *replay, struct error *err)
{
    json_t *line = NULL;
    int rc;

    while ((rc = manifest_next(&replay->manifest, &line, err)) == 1) {
        if (!replay->head)
            rc = take_head(replay, line, err);
        else if (json_get_text(line, "verb"))
            take_answer(replay, line, replay->manifest.offset);
        else if (json_object_get(line, "end") && !replay->end)
            replay->end = json_incref(line);
        json_decref(line);
        if (rc < 0)
            return -1;
    }
    if (rc == 0 && !replay->head)
        return error_set(err, ERROR_DATA,
            "%s is empty: its run was ended before it began; record again", replay->manifest.path);
    return rc;
}

struct replay *replay_open(const char *folder, struct error *err)
{
    struct replay *replay = mem_new(struct replay);

    table_init(&replay->answers);
    pthread_mutex_init(&replay->lock, NULL);
    replay->folder = mem_strdup(folder);
    if (manifest_open(&replay->manifest, folder, err) || read_all(replay, err)) {
        replay_close(replay);
        return NULL;
    }
    return replay;
}

void replay_close(struct replay *replay)
{
    if (!replay)
        return;
    manifest_end(&replay->manifest);
    table_deinit(&replay->answers);
    pthread_mutex_destroy(&replay->lock);
    json_decref(replay->head);
    json_decref(replay->end);
    free(replay->folder);
    free(replay);
}

const json_t *replay_head(const struct replay *replay)
{
    return replay->head;
}

const json_t *replay_end(const struct replay *replay)
{
    return replay->end;
}

int replay_body(struct replay *replay, const struct body *body, const char *path, struct error *err)
{
    return body_give(replay->folder, body, path, NULL, NULL, err);
}

/* --- answers --- */

json_t *replay_find(
    struct replay *replay, const char *verb, const char *place, const char *key, struct error *err)
{
    char *name = name_of(verb, place, key);
    const intptr_t at = (intptr_t)table_get(&replay->answers, name);
    json_t *line = NULL;

    free(name);
    if (at == 0)
        return NULL;
    pthread_mutex_lock(&replay->lock);
    manifest_at(&replay->manifest, at - 1, &line, err);
    pthread_mutex_unlock(&replay->lock);
    return line;
}

static int list_objects(struct replay *replay, int64_t number, size_t count, struct arena *arena,
    struct store_object *objects, struct error *err)
{
    int64_t offset = replay->manifest.offset;
    size_t found = 0;

    while (found < count) {
        struct store_object *object = &objects[found];
        json_t *line = NULL;
        char *key;

        if (manifest_at(&replay->manifest, offset, &line, err))
            return -1;
        offset = ftell(replay->manifest.file);
        if (json_get_int(line, "object_of", 0) == number) {
            const char *version = json_get_text(line, "version");

            key = recorded_get_key(line);
            *object = (struct store_object){.key = arena_strdup(arena, key ? key : ""),
                .size = (uint64_t)json_get_int(line, "bytes", 0),
                .modified_ms = json_get_int(line, "modified_ms", 0),
                .version = version ? arena_strdup(arena, version) : NULL};
            free(key);
            found++;
        }
        json_decref(line);
    }
    return 0;
}

int replay_list(struct replay *replay, const json_t *line, struct arena *arena,
    struct store_object **ret_objects, size_t *ret_count, struct error *err)
{
    const size_t count = (size_t)json_get_int(line, "objects", 0);
    struct store_object *objects = arena_array(arena, count, sizeof(*objects));
    int rc;

    pthread_mutex_lock(&replay->lock);
    replay->manifest.offset = json_get_int(line, "first", 0);
    rc = list_objects(replay, json_get_int(line, "listing", 0), count, arena, objects, err);
    pthread_mutex_unlock(&replay->lock);
    if (rc)
        return -1;
    *ret_objects = objects;
    *ret_count = count;
    return 0;
}

static enum error_code code_of(const char *name)
{
    for (int code = ERROR_INVALID; name && code <= ERROR_INTERNAL; code++) {
        if (strcmp(error_code_name((enum error_code)code), name) == 0)
            return (enum error_code)code;
    }
    return ERROR_INTERNAL;
}

void replay_error(const json_t *recorded, struct error *err)
{
    const char *message = json_get_text(recorded, "message");

    error_set(err, code_of(json_get_text(recorded, "code")), "%s", message ? message : "failed");
    err->detail = (int)json_get_int(recorded, "detail", 0);
    if (text_equal(json_get_text(recorded, "class"), error_class_name(ERROR_TRANSIENT)))
        error_set_class(err, ERROR_TRANSIENT);
    else if (text_equal(json_get_text(recorded, "class"), error_class_name(ERROR_PERMANENT)))
        error_set_class(err, ERROR_PERMANENT);
}
