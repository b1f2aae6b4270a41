/* Vectors of others, read where $SLUICE_CONFORMANCE points to (else ../shared/conformance beside
 * the project), so that other cases can be put in. */
#ifndef TESTS_UNIT_CONFORMANCE_H
#define TESTS_UNIT_CONFORMANCE_H

#include "config/path.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <sys/stat.h>

/* To free(); NULL, and said so, where there is none: the test is skipped. */
static inline char *conformance_path(const char *name)
{
    const char *folder = getenv("SLUICE_CONFORMANCE");
    const char *root = getenv("SLUICE_ROOT");
    char *path = folder && *folder
                     ? mem_printf("%s/%s", folder, name)
                     : mem_printf("%s/../shared/conformance/%s", root ? root : ".", name);
    struct stat facts;

    if (stat(path, &facts) == 0)
        return path;
    print_message("no %s: set SLUICE_CONFORMANCE to the folder of the conformance vectors\n", path);
    free(path);
    return NULL;
}

/* To free(); NULL where there is no such file. */
static inline char *conformance_text(const char *folder, const char *name, size_t *ret_length)
{
    char *path = mem_printf("%s/%s", folder, name), *text = NULL;

    if (path_read_file(path, 16 * 1024 * 1024, &text, ret_length, NULL))
        text = NULL;
    free(path);
    return text;
}

static inline json_t *conformance_json(const char *folder, const char *name)
{
    size_t length;
    char *text = conformance_text(folder, name, &length);
    json_t *value = text ? json_parse(text, length, NULL) : NULL;

    free(text);
    return value;
}

#endif
