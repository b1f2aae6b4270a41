#include "config/schema.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"

#include <string.h>

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const char *which = arg_count > 0 ? args[0] : "pipeline";
    char *text;

    (void)options;
    if (strcmp(which, "pipeline") != 0 && strcmp(which, "project") != 0)
        return cli_usage_error(cli, &command_jsonschema,
            "\"%s\" has no schema: pipeline (the default) or project (sluice.yaml)", which);
    text = strcmp(which, "pipeline") == 0 ? schema_pipeline() : schema_project();
    puts(text);
    free(text);
    return EXIT_OK;
}

const struct command command_jsonschema = {
    .name = "jsonschema",
    .arguments = "[SCHEMA]",
    .help = "Print the JSON Schema of pipelines, or of sluice.yaml (SCHEMA: project)",
    .details = "Editors complete and check with it. With the YAML language server, as the first "
               "line of a pipeline:\n\n"
               "    # yaml-language-server: $schema=pipeline.schema.json\n\n"
               "What only the program can tell (unknown names, cycles, SQL) sluice validate finds.",
    .args_max = 1,
    .argument = ARGUMENT_SCHEMA,
    .run = run,
    .examples = "sluice jsonschema > pipeline.schema.json\n"
                "sluice jsonschema project > sluice.schema.json",
};
