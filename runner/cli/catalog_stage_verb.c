/* stage-delta: a staged delta of files that are in the store already, by their manifest. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"
#include "runner/cli/catalog_verbs.h"
#include "runner/io/file.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_MAX = 64 * 1024 * 1024 };

struct stage_options {
    struct verb_options verb; /* the first */
    const char *manifest, *partition_id;
};

static const struct option stage_table[] = {VERB_PARTITION,
    {"partition-id", OPTION_TEXT, offsetof(struct stage_options, partition_id), .value_name = "ID",
        .help = "Into that staged partition (default: the committed one)"},
    {"manifest", OPTION_TEXT, offsetof(struct stage_options, manifest), .value_name = "FILE",
        .flags = OPTION_REQUIRED,
        .help = "JSON: its files, as get-delta --include-manifest writes them; -: standard input"},
    {"type", OPTION_ENUM, offsetof(struct verb_options, type), .preset = "append",
        .choices = catalog_verb_types, .help = "What its rows are"},
    {"id", OPTION_TEXT, offsetof(struct verb_options, id), .value_name = "ID",
        .help = "Its id (default: a new UUID)"},
    {"author", OPTION_TEXT, offsetof(struct verb_options, author), .value_name = "TEXT",
        .help = "Who made it (default: this program)"},
    VERB_STREAM, VERB_PROPERTIES};
const struct option_set catalog_flags_stage_delta =
    OPTION_SET("stage-delta", "Options", struct stage_options, stage_table);

static int read_manifest(
    struct cli *cli, const char *path, struct catalog_change *change, struct error *err)
{
    const char *source = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    struct buffer text;
    struct catalog_file *files;
    int result;

    buffer_init(&text, 0);
    result = file_read(source, MANIFEST_MAX, &text, err);
    if (!result)
        result =
            catalog_args_manifest(text.data, text.length, source == path ? path : "standard input",
                &cli->arena, &files, &change->delta.file_count, err);
    if (!result)
        change->delta.files = files;
    buffer_deinit(&text);
    return result;
}

CATALOG_VERB(stage_delta)
{
    const struct stage_options *said = options;
    struct catalog_change change = {.verb = CATALOG_STAGE_DELTA};
    struct catalog_query query = {.verb = CATALOG_GET_DELTA, .with_files = true};
    char id[UUID_TEXT_SIZE];
    struct error err;
    int code = catalog_verbs_open(
        cli, false, args[0], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, &said->verb, &change.at);

    (void)arg_count;
    if (code)
        return code;
    if (!said->manifest) {
        error_set(&err, ERROR_INVALID, "which files? say --manifest FILE");
        return cli_fail(cli, &err);
    }
    if (read_manifest(cli, said->manifest, &change, &err))
        return cli_fail(cli, &err);
    change.at.partition_id = said->partition_id;
    change.at.delta_id = said->verb.id ? said->verb.id : uuid_v7(time_now_ms(), id);
    change.properties = catalog_args_properties(&said->verb.properties, &cli->arena);
    change.delta.type = (enum catalog_delta_type)said->verb.type;
    change.delta.author = said->verb.author;
    query.at = change.at;
    return catalog_verbs_apply(cli, &change, 1, &query);
}
