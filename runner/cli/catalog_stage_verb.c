/* stage-delta: a staged delta of data files, which are written into the store as the table's, or of
 * files that are there already, by their manifest. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"
#include "runner/cli/catalog_verbs.h"
#include "runner/cli/delta_files.h"
#include "runner/io/file.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_MAX = 64 * 1024 * 1024 };

struct stage_options {
    struct verb_options verb; /* the first */
    const char *manifest, *partition_id;
    uint64_t memory;
    bool no_header;
    int encoding, decimal;
    struct csv_dialect csv; /* its header is no_header's */
};

static const char *const encodings[] = {"utf-8", "latin-1", "utf-16", NULL};
static const char *const decimals[] = {".", ",", NULL};

static const struct option stage_table[] = {VERB_PARTITION,
    {"partition-id", OPTION_TEXT, offsetof(struct stage_options, partition_id), .value_name = "ID",
        .help = "Into that staged partition (default: the committed one)"},
    {"manifest", OPTION_TEXT, offsetof(struct stage_options, manifest), .value_name = "FILE",
        .help = "In place of data, files that are in the store: JSON as get-delta "
                "--include-manifest writes it; -: standard input"},
    {"type", OPTION_ENUM, offsetof(struct verb_options, type), .preset = "append",
        .choices = catalog_verb_types, .help = "What its rows are"},
    {"id", OPTION_TEXT, offsetof(struct verb_options, id), .value_name = "ID",
        .help = "Its id (default: a new UUID)"},
    {"author", OPTION_TEXT, offsetof(struct verb_options, author), .value_name = "TEXT",
        .help = "Who made it (default: this program)"},
    {"delimiter", OPTION_TEXT, offsetof(struct stage_options, csv.delimiter), .max = 4,
        .value_name = "TEXT", .help = "Of CSV: the column separator (default: found out)"},
    {"quote", OPTION_TEXT, offsetof(struct stage_options, csv.quote), .max = 1,
        .flags = OPTION_NULLABLE, .value_name = "CHARACTER",
        .help = "Of CSV: what a text is quoted with; \"\" for nothing"},
    {"no-header", OPTION_BOOL, offsetof(struct stage_options, no_header),
        .help = "Of CSV: the first line is data; columns come in the table's order"},
    {"skip", OPTION_INT, offsetof(struct stage_options, csv.skip), .preset = "0", .min = 0,
        .max = 1000000, .value_name = "N", .help = "Of CSV: lines before the header"},
    {"null", OPTION_TEXTS, offsetof(struct stage_options, csv.nulls), .max = 100,
        .flags = OPTION_NULLABLE, .value_name = "TEXT",
        .help = "Of CSV: a text that stands for null, one flag each (default: the empty cell)"},
    {"date-format", OPTION_TEXT, offsetof(struct stage_options, csv.date_format), .max = 100,
        .value_name = "FORMAT", .help = "Of CSV: how dates are written, as in %d.%m.%Y"},
    {"timestamp-format", OPTION_TEXT, offsetof(struct stage_options, csv.timestamp_format),
        .max = 100, .value_name = "FORMAT", .help = "Of CSV: how timestamps are written"},
    {"encoding", OPTION_ENUM, offsetof(struct stage_options, encoding), .choices = encodings,
        .help = "Of CSV: what its bytes mean"},
    {"decimal", OPTION_ENUM, offsetof(struct stage_options, decimal), .choices = decimals,
        .help = "Of CSV: the decimal separator"},
    {"memory", OPTION_SIZE, offsetof(struct stage_options, memory), .preset = "512MiB",
        .min = 64.0 * 1024 * 1024, .max = 1e15, .value_name = "SIZE",
        .help = "What the process may take"},
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

/* The version and the partition: what the files are to be like. */
static int find_target(struct cli *cli, const struct catalog_locator *at, struct question *version,
    struct question *partition, struct error *err)
{
    struct question *const asked[] = {version, partition};

    version->catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = *at};
    partition->catalog = (struct catalog_query){.verb = CATALOG_GET_PARTITION, .at = *at};
    question_ask_catalog(cli, version);
    question_ask_catalog(cli, partition);
    questions_wait(cli);
    for (size_t i = 0; i < 2; i++) {
        if (asked[i]->err.code) {
            *err = asked[i]->err;
            return -1;
        }
    }
    if (version->catalog.count == 0)
        return error_set(err, ERROR_NOT_FOUND,
            "%s.%s has no such version, or no active one: name it, as %s.%s@1", at->namespace,
            at->table, at->namespace, at->table);
    if (partition->catalog.count == 0)
        return error_set(err, ERROR_NOT_FOUND,
            "%s.%s has no such partition: `sluice catalog stage-partition` stages one",
            at->namespace, at->table);
    return 0;
}

static int write_data(struct cli *cli, const struct stage_options *said, const char *const *paths,
    size_t count, struct catalog_change *change, struct error *err)
{
    struct question version = {0}, partition = {0};
    struct delta_files wanted = {.type = (enum catalog_delta_type)said->verb.type,
        .paths = paths,
        .path_count = count,
        .csv = said->csv,
        .memory = said->memory};
    struct catalog_file *files;
    int result;

    wanted.csv.header = !said->no_header;
    if (said->encoding)
        wanted.csv.encoding = encodings[said->encoding];
    if (said->decimal)
        wanted.csv.decimal = decimals[said->decimal];
    result = find_target(cli, &change->at, &version, &partition, err);

    if (!result) {
        wanted.version = &version.catalog.versions[0];
        wanted.values = partition.catalog.partitions[0].values;
        result = delta_files_write(cli, &wanted, &files, &change->delta.file_count, err);
        change->at.version = wanted.version->version; /* another one may be active by now */
    }
    if (!result)
        change->delta.files = files;
    question_deinit(&version);
    question_deinit(&partition);
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

    if (code)
        return code;
    if (!said->manifest == (arg_count < 2)) {
        error_set(&err, ERROR_INVALID,
            "which files? name files of data, or a list of files in the store with --manifest");
        return cli_fail(cli, &err);
    }
    change.at.partition_id = said->partition_id;
    if (said->manifest ? read_manifest(cli, said->manifest, &change, &err)
                       : write_data(cli, said, args + 1, arg_count - 1, &change, &err))
        return cli_fail(cli, &err);
    change.at.delta_id = said->verb.id ? said->verb.id : uuid_v7(time_now_ms(), id);
    change.properties = catalog_args_properties(&said->verb.properties, &cli->arena);
    change.delta.type = (enum catalog_delta_type)said->verb.type;
    change.delta.author = said->verb.author;
    query.at = change.at;
    return catalog_verbs_apply(cli, &change, 1, &query);
}
