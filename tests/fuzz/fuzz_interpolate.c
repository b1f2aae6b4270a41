/* One text with ${…}: once with all known and once with nothing, whose result a second pass must
 * finish to the same text. */
#include "config/interpolate.h"
#include "config/pipeline.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct param params[] = {
        {.item = {.name = "d"}, .type = PARAM_DATE, .value = "2024-02-29"},
        {.item = {.name = "t"}, .type = PARAM_TEXT, .value = "a${run.id}$${b"},
    };
    const struct option_items items = {params, ARRAY_LENGTH(params)};
    struct option_pair vars[] = {{.name = "v", .value = "$${run.due}"}};
    const struct option_pairs all_vars = {vars, ARRAY_LENGTH(vars)};
    struct interpolate_scope scope = {.allowed = ~0U,
        .vars = &all_vars,
        .params = &items,
        .run_id = "R",
        .due_known = true,
        .due_ms = 1700000000000};
    struct interpolated whole, half, rest;
    struct arena arena;
    struct error err;
    size_t offset = 0;
    char *text = mem_strndup((const char *)data, size);

    arena_init(&arena);
    if (interpolate(text, &scope, &arena, &whole, &offset, &err)) {
        if (offset > strlen(text))
            abort();
    } else {
        scope.run_id = NULL;
        scope.due_known = false;
        if (interpolate(text, &scope, &arena, &half, NULL, &err))
            abort();
        scope.run_id = "R";
        scope.due_known = true;
        if (half.uses & INTERPOLATE_PARTIAL) {
            if (interpolate(half.text, &scope, &arena, &rest, NULL, &err) ||
                strcmp(rest.text, whole.text) != 0)
                abort();
        } else if (strcmp(half.text, whole.text) != 0) {
            abort();
        }
    }
    free(text);
    arena_deinit(&arena);
    return 0;
}
