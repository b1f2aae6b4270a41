/* What the names of a run's files say. */
#include "runner/engine/recover.h"

#include "runner/base/mem.h"

#include <stdlib.h>
#include <string.h>

char *recover_table_glob(const char *table_key, const char *run_id)
{
    return mem_printf("%s/**/%s-*", table_key, run_id);
}

int64_t recover_file_fence(const char *key)
{
    const char *slash = strrchr(key, '/');
    const char *const start = slash ? slash + 1 : key;
    const char *end = strrchr(start, '-'); /* what follows is the file's number */

    while (end && end > start) {
        const char *at = end;

        while (at > start && at[-1] != '-')
            at--;
        if (at == start) /* all before it is the run's id */
            return 0;
        if (at < end && strspn(at, "0123456789") == (size_t)(end - at))
            return strtoll(at, NULL, 10);
        end = at - 1;
    }
    return 0;
}
