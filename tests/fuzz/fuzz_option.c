/* The text of one option, of each type in turn: the first byte chooses. */
#include "config/environment.h"
#include "config/pipeline.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const choices[] = {"append", "overwrite", "upsert", NULL};

static const struct option options[] = {
    {.name = "bool", .type = OPTION_BOOL},
    {.name = "int", .type = OPTION_INT, .min = -5, .max = 1e6},
    {.name = "number", .type = OPTION_NUMBER},
    {.name = "text", .type = OPTION_TEXT, .max = 20},
    {.name = "enum", .type = OPTION_ENUM, .choices = choices},
    {.name = "duration", .type = OPTION_DURATION, .min = 1, .max = 1e12},
    {.name = "size", .type = OPTION_SIZE, .min = 1, .max = 1e12},
    {.name = "time", .type = OPTION_TIME},
};

/* All checks of all tables, down to the deepest. */
static void run_checks(const struct option_set *set, const char *text, unsigned depth)
{
    struct error err;

    for (size_t i = 0; i < set->count && depth < 8; i++) {
        const struct option *option = &set->options[i];

        if (option->check && option->check(text, &err) && strchr(err.message, '\n') &&
            !strchr(text, '\n'))
            abort();
        if (option->fields)
            run_checks(option->fields, text, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *text;
        struct duration duration;
        uint64_t bytes;
    } field;
    struct arena arena;
    struct error err;
    char *text;

    if (size == 0)
        return 0;
    text = mem_strndup((const char *)data + 1, size - 1);
    arena_init(&arena);
    option_parse(&options[data[0] % ARRAY_LENGTH(options)], text, &field, &arena, &err);
    run_checks(&pipeline_options, text, 0);
    run_checks(&project_options, text, 0);
    arena_deinit(&arena);
    free(text);
    return 0;
}
