#include "connectors/module.h"

#include "runner/base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Where they are, relative to the executable's folder: in the build folder; installed; and for the
 * programs of tests, which lie two folders below. */
static const char *const places[] = {".", "../lib/sluice", "../.."};

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

static int find_module(const struct module_face *face, char **ret_path, struct error *err)
{
    char folder[PATH_MAX];

    if (executable_folder(folder, err))
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        char *path = mem_printf("%s/%s/%s", folder, places[i], face->file);

        if (access(path, R_OK) == 0) {
            *ret_path = path;
            return 0;
        }
        free(path);
    }
    return error_set(err, ERROR_NOT_FOUND,
        "%s %s is not in %s nor in %s/../lib/sluice: build it with `sh deploy/bootstrap.sh build`",
        face->title, face->file, folder, folder);
}

int module_load(const struct module_face *face, const void **ret_contents, struct error *err)
{
    const void *(*entry)(void);
    void *module, *symbol;
    char *path;

    if (find_module(face, &path, err))
        return -1;
    /* Never closed: libraries leave threads and exit handlers behind. A second dlopen() gives the
     * same handle. */
    module = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    symbol = module ? dlsym(module, face->symbol) : NULL;
    free(path);
    if (!symbol)
        return error_set(err, ERROR_NOT_FOUND,
            "%s cannot be loaded: %s: build it again with `sh deploy/bootstrap.sh build`",
            face->title, dlerror());
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast between the two */
    *ret_contents = entry();
    return 0;
}
