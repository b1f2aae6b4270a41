#include "runner/cli/commands.h"

#include <uv.h>

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    (void)options, (void)args, (void)arg_count;
    if (cli->globals.json) {
        json_t *value = json_object();

        json_put_text(value, "version", SLUICE_VERSION);
        json_put_text(value, "compiler", __VERSION__);
        json_put_text(value, "libuv", uv_version_string());
        json_put_text(value, "jansson", jansson_version_str());
        cli_print_json(value);
    } else {
        printf("sluice %s\n", SLUICE_VERSION);
    }
    return EXIT_OK;
}

const struct command command_version = {
    .name = "version",
    .help = "Print the version",
    .details = "Keys of --json: version, compiler, libuv, jansson.",
    .run = run,
};
