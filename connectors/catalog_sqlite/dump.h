/* A whole catalog as one file: a copy of the database that is made while others write to it, and a
 * text that any program can read. Blocking; ERROR_EXISTS where the target is there already.
 *
 * The text is NDJSON: {"format": "sluice-catalog", "version": 1, "schema": …, "exported": …}, for
 * each table {"table": …, "columns": […]} and its rows as arrays, at the end {"rows": …, "crc32c":
 * …} of all the lines before. Data files are not in it: their keys are relative to the store. */
#ifndef CONNECTORS_CATALOG_SQLITE_DUMP_H
#define CONNECTORS_CATALOG_SQLITE_DUMP_H

#include "runner/base/error.h"

#include <stdint.h>

struct dump_result {
    int64_t rows, bytes; /* of a backup: only bytes */
};

/* `path` is the catalog's, `to` a file that is whole or not there. */
int catalog_sqlite_backup(
    const char *path, const char *to, struct dump_result *ret_result, struct error *err);
int catalog_sqlite_export(
    const char *path, const char *to, struct dump_result *ret_result, struct error *err);

/* Into a catalog that is empty or not there: all of it, checked, or nothing. */
int catalog_sqlite_import(
    const char *path, const char *from, struct dump_result *ret_result, struct error *err);

#endif
