#include "connectors/s3/sync.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <string.h>
#include <strings.h>

enum { MD5_DIGITS = 32 };

/* The digits, without quotes and a weak one's mark. */
static const char *etag_digits(const char *etag, size_t *ret_length)
{
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    etag += *etag == '"';
    *ret_length = strcspn(etag, "\"");
    return etag;
}

bool sync_etag_is_md5(const char *etag)
{
    size_t length;
    const char *digits;

    if (!etag)
        return false;
    digits = etag_digits(etag, &length);
    return length == MD5_DIGITS && strspn(digits, "0123456789abcdefABCDEF") >= MD5_DIGITS;
}

static bool same_md5(const char *a, const char *b)
{
    size_t length;

    a = etag_digits(a, &length);
    b = etag_digits(b, &length);
    return strncasecmp(a, b, MD5_DIGITS) == 0;
}

static int64_t seconds(int64_t time_ms)
{
    return time_ms / MS_PER_SECOND - (time_ms % MS_PER_SECOND < 0);
}

bool sync_differs(const struct sync_entry *source, const struct sync_entry *target, bool size_only)
{
    if (source->size != target->size)
        return true;
    if (size_only)
        return false;
    if (sync_etag_is_md5(source->etag) && sync_etag_is_md5(target->etag))
        return !same_md5(source->etag, target->etag);
    return seconds(source->modified_ms) > seconds(target->modified_ms);
}

/* --- the index --- */

void sync_index_init(struct sync_index *index)
{
    *index = (struct sync_index){0};
    arena_init(&index->arena);
}

void sync_index_deinit(struct sync_index *index)
{
    free(index->entries);
    arena_deinit(&index->arena);
    *index = (struct sync_index){0};
}

void sync_index_add(struct sync_index *index, const struct sync_entry *entry)
{
    struct sync_entry *own;

    index->entries =
        mem_grow(index->entries, &index->capacity, index->count, sizeof(*index->entries));
    own = &index->entries[index->count++];
    *own = *entry;
    own->name = arena_strdup(&index->arena, entry->name);
    own->path = arena_strdup(&index->arena, entry->path);
    own->etag = entry->etag ? arena_strdup(&index->arena, entry->etag) : NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sync_entry *)a)->name, ((const struct sync_entry *)b)->name);
}

void sync_index_sort(struct sync_index *index)
{
    mem_sort(index->entries, index->count, sizeof(*index->entries), compare);
}

struct sync_entry *sync_index_find(struct sync_index *index, const char *name)
{
    const struct sync_entry wanted = {.name = name};

    return index->count
               ? bsearch(&wanted, index->entries, index->count, sizeof(*index->entries), compare)
               : NULL;
}
