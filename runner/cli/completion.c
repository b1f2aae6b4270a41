#include "runner/cli/completion.h"

#include "runner/base/mem.h"

#include <string.h>

const char *completion_kind_of_argument(enum argument_kind kind)
{
    static const char *const kinds[] = {
        [ARGUMENT_NONE] = NULL,
        [ARGUMENT_PIPELINE] = "pipelines",
        [ARGUMENT_DATASET] = "datasets",
        [ARGUMENT_TABLE] = "tables",
        [ARGUMENT_RUN] = "runs",
        [ARGUMENT_FILE] = "files",
        [ARGUMENT_FOLDER] = "folders",
        [ARGUMENT_COMMAND] = "commands",
        [ARGUMENT_SHELL] = "shells",
        [ARGUMENT_SCHEMA] = "schemas",
    };

    return kinds[kind];
}

const char *completion_kind_of_option(const struct option *option)
{
    static const struct {
        const char *value_name, *kind;
    } kinds[] = {{"FILE", "files"}, {"DIR", "folders"}, {"PIPELINE", "pipelines"},
        {"TASK", "tasks"}, {"RUN", "runs"}, {"ENVIRONMENT", "environments"}};

    for (size_t i = 0; option->value_name && i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(option->value_name, kinds[i].value_name) == 0)
            return kinds[i].kind;
    }
    return NULL;
}
