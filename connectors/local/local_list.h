/* Listing files by a glob, blocking: for jobs. */
#ifndef CONNECTORS_LOCAL_LOCAL_LIST_H
#define CONNECTORS_LOCAL_LOCAL_LIST_H

#include "connectors/store.h"
#include "runner/io/file.h"

enum { LOCAL_DEPTH_MAX = 64 }; /* folders that a "**" descends */

/* The files below `root` that match `glob` (STORE_LIST's key), `limit` at most (ERROR_LIMIT). */
int local_list(const char *root, const char *glob, size_t limit, const atomic_bool *stop,
    struct arena *arena, struct store_object **ret_objects, size_t *ret_count, struct error *err);

/* What `store_object.version` says of a file. */
enum { LOCAL_VERSION_SIZE = 48 };
const char *local_version(const struct file_stamp *stamp, char text[LOCAL_VERSION_SIZE]);

#endif
