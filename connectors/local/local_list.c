#include "connectors/local/local_list.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct listing {
    struct arena *arena;
    const char *prefix;  /* of each key: the glob up to the last slash before its first wildcard */
    const char *pattern; /* the rest */
    bool temporaries;    /* what a crash left is asked for */
    size_t limit;
    const atomic_bool *stop;
    struct store_object *objects; /* malloc'd until all are known */
    size_t count, capacity;
};

const char *local_version(const struct file_stamp *stamp, char text[LOCAL_VERSION_SIZE])
{
    snprintf(text, LOCAL_VERSION_SIZE, "%" PRIu64 "-%" PRId64, stamp->size, stamp->modified_ns);
    return text;
}

/* "./a//b/./c" is "a/b/c": a new text to free(). ".." stays, as folders may be links. */
static char *clean_key(const char *key)
{
    char *clean = mem_strdup(key);
    char *to = clean;

    if (*key == '/')
        *to++ = *key++;
    while (*key) {
        const size_t length = strcspn(key, "/");

        if (length > 0 && !(length == 1 && *key == '.')) {
            memmove(to, key, length + (key[length] == '/'));
            to += length + (key[length] == '/');
        }
        key += length + (key[length] == '/');
    }
    *to = '\0';
    return clean;
}

static void add_object(struct listing *listing, const char *key, const struct file_stamp *stamp)
{
    char version[LOCAL_VERSION_SIZE];

    listing->objects =
        mem_grow(listing->objects, &listing->capacity, listing->count, sizeof(*listing->objects));
    listing->objects[listing->count++] = (struct store_object){
        .key = key,
        .size = stamp->size,
        .modified_ms = stamp->modified_ns / 1000000,
        .version = arena_strdup(listing->arena, local_version(stamp, version)),
    };
}

static int visit_file(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err)
{
    struct listing *listing = data;
    const char *slash = strrchr(relative, '/');

    if (atomic_load_explicit(listing->stop, memory_order_relaxed))
        return error_set(err, ERROR_STOPPED, "listing %s was stopped",
            *listing->prefix ? listing->prefix : "the store");
    if (!stamp)
        return -1; /* a folder that cannot be read may have more that matches */
    if (!text_glob(listing->pattern, relative))
        return 0;
    if (!listing->temporaries && file_is_temporary(slash ? slash + 1 : relative))
        return 0;
    if (listing->count == listing->limit)
        return error_set(err, ERROR_LIMIT,
            "more than %zu files match %s%s: split them over several globs", listing->limit,
            listing->prefix, listing->pattern);
    add_object(listing, arena_printf(listing->arena, "%s%s", listing->prefix, relative), stamp);
    return 0;
}

/* How far the walk must go: a "*" stays within its folder. */
static unsigned depth_of(const char *pattern)
{
    unsigned depth = 1;

    if (strstr(pattern, "**"))
        return LOCAL_DEPTH_MAX;
    for (; *pattern; pattern++)
        depth += *pattern == '/';
    return depth;
}

static int list_glob(const char *root, const char *glob, struct listing *listing, struct error *err)
{
    const size_t literal = strcspn(glob, "*?[");
    const char *slash = memrchr(glob, '/', literal);
    const char *last = strrchr(glob, '/');
    const size_t prefix = slash ? (size_t)(slash + 1 - glob) : 0;
    bool hidden;
    char *folder;
    int rc;

    listing->prefix = arena_strndup(listing->arena, glob, prefix);
    listing->pattern = arena_strdup(listing->arena, glob + prefix);
    listing->temporaries = text_starts(last ? last + 1 : glob, ".sluice-");
    hidden = listing->pattern[0] == '.' || strstr(listing->pattern, "/.");
    folder = prefix ? file_join(root, listing->prefix) : mem_strdup(root);
    rc = file_walk(folder, depth_of(listing->pattern), hidden, visit_file, listing, err);
    free(folder);
    return rc;
}

static int list_one(const char *root, const char *key, struct listing *listing, struct error *err)
{
    char *path = file_join(root, key);
    struct file_stamp stamp;
    const int rc = file_stamp(path, &stamp, err);

    if (rc == 0)
        add_object(listing, arena_strdup(listing->arena, key), &stamp);
    else if (err->code == ERROR_INVALID)
        error_set(err, ERROR_INVALID, "%s: %s%s* would name the files in it", err->message, key,
            text_ends(key, "/") ? "" : "/");
    free(path);
    return rc;
}

int local_list(const char *root, const char *glob, size_t limit, const atomic_bool *stop,
    struct arena *arena, struct store_object **ret_objects, size_t *ret_count, struct error *err)
{
    struct listing listing = {.arena = arena, .limit = limit, .stop = stop};
    char *key = clean_key(glob);
    const int rc = text_has_glob(key) ? list_glob(root, key, &listing, err)
                                      : list_one(root, key, &listing, err);

    if (rc == 0) {
        *ret_objects = arena_array(arena, listing.count, sizeof(*listing.objects));
        if (listing.count)
            memcpy(*ret_objects, listing.objects, listing.count * sizeof(*listing.objects));
        *ret_count = listing.count;
    }
    free(listing.objects);
    free(key);
    return rc;
}
