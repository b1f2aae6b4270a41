#include "connectors/duckdb/loader.h"

#include "runner/base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Where it is, relative to the executable's folder: in the build folder; installed; and for the
 * programs of tests, which lie two folders below. */
static const char *const places[] = {
    "sluice_duckdb.so",
    "../lib/sluice/sluice_duckdb.so",
    "../../sluice_duckdb.so",
};

static int executable_folder(char folder[PATH_MAX], struct error *err)
{
    const ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    char *slash;

    if (length < 0)
        return error_set_errno(err, errno, "cannot find the program's own folder");
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

static int find_module(char **ret_path, struct error *err)
{
    char folder[PATH_MAX];

    if (executable_folder(folder, err))
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        char *path = mem_printf("%s/%s", folder, places[i]);

        if (access(path, R_OK) == 0) {
            *ret_path = path;
            return 0;
        }
        free(path);
    }
    return error_set(err, ERROR_NOT_FOUND,
        "the SQL engine's module sluice_duckdb.so is not in %s nor in %s/../lib/sluice: build it "
        "with `sh deploy/bootstrap.sh build`",
        folder, folder);
}

int duckdb_engine_load(const struct sql_engine_type **ret_type, struct error *err)
{
    const struct sql_engine_type *(*entry)(void);
    void *module, *symbol;
    char *path;

    if (find_module(&path, err))
        return -1;
    /* Never closed: DuckDB leaves threads and exit handlers behind. A second dlopen() gives the
     * same handle. */
    module = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    symbol = module ? dlsym(module, DUCKDB_MODULE_ENTRY) : NULL;
    if (!symbol) {
        error_set(err, ERROR_NOT_FOUND,
            "the SQL engine's module cannot be loaded: %s: build it again with `sh "
            "deploy/bootstrap.sh build`",
            dlerror());
        free(path);
        return -1;
    }
    free(path);
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast between the two */
    *ret_type = entry();
    return 0;
}
