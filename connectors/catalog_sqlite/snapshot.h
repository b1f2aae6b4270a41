/* What one pipeline sees of a catalog, as a catalog of its own: for a recording of a run. */
#ifndef CONNECTORS_CATALOG_SQLITE_SNAPSHOT_H
#define CONNECTORS_CATALOG_SQLITE_SNAPSHOT_H

#include "runner/base/error.h"
#include "runner/base/text.h"

struct buffer;

struct snapshot_options {
    const char *path;        /* the catalog's; one that is not there is ERROR_NOT_FOUND */
    const char *to;          /* a file that is whole or not there */
    const char *pipeline;    /* whose cursors, fences and commits are kept */
    struct text_list tables; /* "ns.table": they are kept, with all versions; no others */
    bool without_stats;      /* bounds of columns are left out: values are seen in them */
    /* What keys of objects that were seen are called in it. */
    void (*key)(const char *key, struct buffer *buffer);
};

/* Blocking, while others write. Nothing of what is left out stays in the file's free pages. Hooks
 * and files that wait to be published are no part of it. */
int catalog_sqlite_snapshot(const struct snapshot_options *options, struct error *err);

#endif
