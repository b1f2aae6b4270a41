/* Which objects a sync has to copy: the target's objects by name, and what counts as different.
 * Pure. */
#ifndef CONNECTORS_S3_SYNC_H
#define CONNECTORS_S3_SYNC_H

#include "runner/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sync_entry {
    const char *name; /* below the folder */
    const char *path; /* the whole key or path */
    uint64_t size;
    int64_t modified_ms;
    const char *etag; /* NULL: none */
    bool seen;        /* the source has it, too */
};

/* Different are: other sizes; a source that is younger, in whole seconds, because that is what HTTP
 * and many stores have. Where both have an ETag that is an MD5 of the bytes these decide, whatever
 * the times say; what is encrypted with KMS has others and is copied each time, but with
 * `size_only`. */
bool sync_differs(const struct sync_entry *source, const struct sync_entry *target, bool size_only);

/* "0123…" of 32 digits, in quotes or not: no multipart upload's. */
bool sync_etag_is_md5(const char *etag);

/* The target's, found by name. Entries keep their place once it is sorted. */
struct sync_index {
    struct sync_entry *entries;
    size_t count, capacity;
    struct arena arena;
};

void sync_index_init(struct sync_index *index);
void sync_index_deinit(struct sync_index *index);

/* Copies the texts. */
void sync_index_add(struct sync_index *index, const struct sync_entry *entry);
void sync_index_sort(struct sync_index *index); /* after the last add */
struct sync_entry *sync_index_find(struct sync_index *index, const char *name); /* NULL: none */

#endif
