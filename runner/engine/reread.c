#include "runner/engine/reread.h"

#include <string.h>

void reread_init(struct reread_map *map)
{
    *map = (struct reread_map){.known = true};
    table_init(&map->folders);
}

void reread_deinit(struct reread_map *map)
{
    table_deinit(&map->folders);
}

const char *reread_folder(const char *key, struct arena *arena)
{
    const char *slash = strrchr(key, '/');

    return arena_strndup(arena, key, slash ? (size_t)(slash - key) : 0);
}

static const char *partition_text(const json_t *values, struct arena *arena)
{
    char *line = json_dumps(values, JSON_COMPACT);
    const char *kept = arena_strdup(arena, line ? line : "");

    free(line);
    return kept;
}

const char *reread_partition(const char *const *values, size_t count, struct arena *arena)
{
    json_t *list = json_array();
    const char *text;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, values[i] ? json_text(values[i]) : json_null());
    text = partition_text(list, arena);
    json_decref(list);
    return text;
}

const struct text_list *reread_list(const struct table *set, struct arena *arena)
{
    struct text_list *list = arena_new(arena, struct text_list);

    list->items = arena_array(arena, set->count, sizeof(*list->items));
    for (size_t i = 0; i < set->count; i++)
        list->items[list->count++] = arena_strdup(arena, set->entries[i].key);
    return list;
}

/* --- reading --- */

static void read_group(struct reread_map *map, const json_t *group, struct arena *arena)
{
    const json_t *in = json_object_get(group, "in"), *of = json_object_get(group, "of");
    struct text_list *partitions = arena_new(arena, struct text_list);

    partitions->items = arena_array(arena, json_array_size(of), sizeof(*partitions->items));
    for (size_t i = 0; i < json_array_size(of); i++)
        partitions->items[partitions->count++] = partition_text(json_array_get(of, i), arena);
    for (size_t i = 0; i < json_array_size(in); i++) {
        const char *folder = json_string_value(json_array_get(in, i));

        if (folder)
            table_put(&map->folders, folder, partitions);
    }
}

void reread_read(struct reread_map *map, const char *state, int64_t version, struct arena *arena)
{
    struct error err;
    json_t *object = state ? json_parse(state, strlen(state), &err) : NULL;
    const json_t *own = json_object_get(object, "reread"),
                 *folders = json_object_get(own, "folders");

    reread_init(map);
    if (state)
        map->known = json_is_array(folders) && json_get_int(own, "version", 0) == version;
    for (size_t i = 0; state && map->known && i < json_array_size(folders); i++)
        read_group(map, json_array_get(folders, i), arena);
    json_decref(object);
}

/* --- writing --- */

static json_t *partitions_json(const struct text_list *partitions)
{
    json_t *list = json_array();
    struct error err;

    for (size_t i = 0; i < partitions->count; i++)
        json_array_append_new(
            list, json_parse(partitions->items[i], strlen(partitions->items[i]), &err));
    return list;
}

/* A name with bytes that JSON cannot hold is left out: then it is not known. */
static void add_name(json_t *in, const char *folder)
{
    json_t *name = json_text(folder);

    if (strcmp(json_string_value(name), folder) == 0)
        json_array_append(in, name);
    json_decref(name);
}

json_t *reread_write(const struct reread_map *map, int64_t version)
{
    json_t *own = json_object(), *folders = json_array();
    struct table groups; /* by the address of the list */

    table_init(&groups);
    for (size_t i = 0; i < map->folders.count && i < REREAD_FOLDERS_MAX; i++) {
        const struct text_list *partitions = map->folders.entries[i].value;
        char address[32];
        json_t *group;

        snprintf(address, sizeof(address), "%p", (const void *)partitions);
        group = table_get(&groups, address);
        if (!group) {
            group = json_object();
            json_object_set_new(group, "in", json_array());
            json_object_set_new(group, "of", partitions_json(partitions));
            json_array_append_new(folders, group);
            table_put(&groups, address, group);
        }
        add_name(json_object_get(group, "in"), map->folders.entries[i].key);
    }
    table_deinit(&groups);
    json_put_int(own, "version", version);
    json_object_set_new(own, "folders", folders);
    return own;
}
