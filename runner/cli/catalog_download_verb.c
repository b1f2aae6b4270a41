/* download-delta: the rows of one delta, or of one entry of its manifest, as they are stored. */
#include "runner/cli/adhoc.h"
#include "runner/cli/catalog_verbs.h"

#include <stddef.h>

struct download_options {
    struct adhoc_options adhoc; /* the first: ADHOC_OUTPUT_FLAGS */
    struct verb_options verb;   /* partition, position, id, stream */
    int64_t entry;
};

static const struct option download_table[] = {
    {"position", OPTION_INT, offsetof(struct download_options, verb.position), .min = 1,
        .max = 9e15, .value_name = "P", .help = "The committed one at that position"},
    {"partition", OPTION_TEXTS, offsetof(struct download_options, verb.partition),
        .value_name = "VALUE",
        .help = "Of that partition; one flag a partition field, or one JSON array"},
    {"id", OPTION_TEXT, offsetof(struct download_options, verb.id), .value_name = "ID",
        .help = "That delta, a staged one, too"},
    {"stream", OPTION_TEXT, offsetof(struct download_options, verb.stream), .value_name = "ID",
        .help = "Of that stream (default: the version's committed one)"},
    {"entry", OPTION_INT, offsetof(struct download_options, entry), .min = 1, .max = 1e9,
        .value_name = "N", .help = "That file of its manifest alone, from 1 on (default: all)"},
    ADHOC_OUTPUT_FLAGS};
const struct option_set catalog_flags_download_delta =
    OPTION_SET("download-delta", "Options", struct download_options, download_table);

/* The three questions at once; an answer that is empty is an error, too. */
static int ask(struct cli *cli, struct question *questions, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        question_ask_catalog(cli, &questions[i]);
    questions_wait(cli);
    for (size_t i = 0; i < count; i++) {
        if (questions[i].err.code) {
            *err = questions[i].err;
            return -1;
        }
        if (questions[i].catalog.count == 0)
            return error_set(err, ERROR_NOT_FOUND, "there is no such %s in the catalog",
                questions[i].catalog.verb == CATALOG_GET_DELTA ? "delta" : "table version");
    }
    return 0;
}

CATALOG_VERB(download_delta)
{
    const struct download_options *said = options;
    struct question asked[3] = {0};
    struct catalog_locator at;
    struct error err;
    int code = catalog_verbs_open(
        cli, true, args[0], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, &said->verb, &at);

    (void)arg_count;
    if (code)
        return code;
    if (!said->verb.id == !said->verb.position) {
        error_set(&err, ERROR_INVALID, "which delta? say --id ID, or --position P, one of both");
        return cli_fail(cli, &err);
    }
    asked[0].catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = at};
    asked[1].catalog = (struct catalog_query){.verb = CATALOG_LIST_SCHEMAS, .at = at};
    at.delta_id = said->verb.id;
    at.position = said->verb.position;
    asked[2].catalog =
        (struct catalog_query){.verb = CATALOG_GET_DELTA, .at = at, .with_files = true};
    if (ask(cli, asked, 3, &err)) {
        code = cli_fail(cli, &err);
    } else {
        const struct adhoc_delta delta = {.version = &asked[0].catalog.versions[0],
            .schemas = asked[1].catalog.schemas,
            .schema_count = asked[1].catalog.count,
            .delta = &asked[2].catalog.deltas[0],
            .entry = said->entry};

        code = adhoc_run(cli, &said->adhoc, &(struct adhoc_source){.delta = &delta});
    }
    for (size_t i = 0; i < 3; i++)
        question_deinit(&asked[i]);
    return code;
}
