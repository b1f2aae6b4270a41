/* Modules: shared objects beside the executable that bring heavy libraries, opened on first use, so
 * that what needs neither SQL nor the network starts in milliseconds. */
#ifndef CONNECTORS_MODULE_H
#define CONNECTORS_MODULE_H

#include "runner/base/error.h"

struct module_face {
    const char *file;   /* "sluice_duckdb.so" */
    const char *symbol; /* its one exported function: const void *(void) */
    const char *title;  /* "the SQL engine's module": for errors */
};

/* Opens it beside the executable or in ../lib/sluice, keeps it for the life of the process, and
 * returns what its function does; again gives the same. ERROR_NOT_FOUND says how to get it. */
int module_load(const struct module_face *face, const void **ret_contents, struct error *err);

#endif
