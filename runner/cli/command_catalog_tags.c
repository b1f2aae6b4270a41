/* catalog rollback, tag, tags, untag, expire: points in a table's time. */
#include "runner/base/mem.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* The table's version, with the engine open; the exit code. `found` is the caller's to deinit. */
static int open_table(struct cli *cli, bool read_only, const char *name, struct question *found,
    const struct catalog_version **ret_version)
{
    struct error err;
    const int code = cli_open_engine(cli, read_only);

    if (code)
        return code;
    return tables_find_version(cli, name, found, ret_version, &err) ? cli_fail(cli, &err) : EXIT_OK;
}

static struct catalog_change change_of(
    enum catalog_change_verb verb, const struct catalog_version *version)
{
    return (struct catalog_change){.verb = verb,
        .at = {
            .namespace = version->namespace, .table = version->table, .version = version->version}};
}

static void print_position(
    struct cli *cli, const char *table, const char *key, int64_t position, const char *sentence)
{
    json_t *item;

    if (!cli->globals.json) {
        fprintf(stderr, "%s\n", sentence);
        return;
    }
    item = json_object();
    json_put_text(item, "table", table);
    json_put_int(item, key, position);
    cli_print_json(item);
}

/* --- rollback --- */

int command_catalog_rollback(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct catalog_version *version;
    struct question found = {0};
    struct catalog_change change;
    struct error err;
    int64_t position = 0;
    char sentence[200];
    int code = open_table(cli, false, args[0], &found, &version);

    (void)values;
    (void)arg_count;
    if (code == EXIT_OK) {
        change = change_of(CATALOG_ROLLBACK, version);
        if (care_position(cli, version, args[1], &change.at.position, &err) ||
            care_apply(cli, &change, &position, &err))
            code = cli_fail(cli, &err);
    }
    if (code == EXIT_OK) {
        snprintf(sentence, sizeof(sentence),
            "%.100s reads as it did at position %" PRId64 ": that is position %" PRId64 " now",
            args[0], change.at.position, position);
        print_position(cli, args[0], "position", position, sentence);
    }
    question_deinit(&found);
    return code;
}

/* --- tags --- */

struct tag_flags {
    bool move;
};

static const struct option tag_table[] = {
    {"move", OPTION_BOOL, offsetof(struct tag_flags, move),
        .help = "A tag of that name goes there, and holds no longer what it held"},
};
const struct option_set catalog_tag_flags =
    OPTION_SET("tag", "Options", struct tag_flags, tag_table);

int command_catalog_tag(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct tag_flags *flags = values;
    const struct catalog_version *version;
    struct question found = {0};
    struct catalog_change change;
    struct error err;
    char sentence[400];
    int code = open_table(cli, false, args[0], &found, &version);

    if (code == EXIT_OK) {
        change = change_of(CATALOG_SET_TAG, version);
        change.if_missing = !flags->move;
        change.tag.name = args[1];
        change.tag.position = version->last_position;
        if ((arg_count > 2 && care_position(cli, version, args[2], &change.tag.position, &err)) ||
            care_apply(cli, &change, NULL, &err)) {
            if (err.code == ERROR_EXISTS)
                error_prefix(&err, "without --move");
            code = cli_fail(cli, &err);
        }
    }
    if (code == EXIT_OK) {
        snprintf(sentence, sizeof(sentence), "tag %.100s holds position %" PRId64 " of %.100s",
            args[1], change.tag.position, args[0]);
        print_position(cli, args[0], "position", change.tag.position, sentence);
    }
    question_deinit(&found);
    return code;
}

int command_catalog_untag(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct catalog_version *version;
    struct question found = {0};
    struct catalog_change change;
    struct error err;
    int code = open_table(cli, false, args[0], &found, &version);

    (void)values;
    (void)arg_count;
    if (code == EXIT_OK) {
        change = change_of(CATALOG_DELETE_TAG, version);
        change.tag.name = args[1];
        if (care_apply(cli, &change, NULL, &err))
            code = cli_fail(cli, &err);
    }
    question_deinit(&found);
    return code;
}

static void print_tags(struct cli *cli, const struct catalog_query *tags)
{
    static const char *const headers[] = {"TAG", ">POSITION", "SET", NULL};
    struct print_table *table = cli->globals.json ? NULL : print_table_new(headers);
    json_t *list = json_array();

    for (size_t i = 0; i < tags->count; i++) {
        const struct catalog_tag *tag = &tags->tags[i];
        char position[PRINT_COUNT_SIZE], ago[TIME_TEXT_SIZE];
        const char *const cells[] = {tag->name, print_count(tag->position, position),
            time_format_ago(tag->created_ms, time_now_ms(), ago)};
        json_t *item = json_object();

        json_put_text(item, "tag", tag->name);
        json_put_int(item, "position", tag->position);
        json_put_time(item, "created", tag->created_ms);
        json_array_append_new(list, item);
        if (table)
            print_table_row(table, cells);
    }
    if (table)
        print_table_end(table, stdout, print_terminal_width(1), 0, cli->color);
    else
        cli_print_json(json_incref(list));
    json_decref(list);
}

int command_catalog_tags(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct catalog_version *version;
    struct question found = {0}, tags = {0};
    int code = open_table(cli, true, args[0], &found, &version);

    (void)values;
    (void)arg_count;
    if (code == EXIT_OK) {
        tags.catalog = (struct catalog_query){
            .verb = CATALOG_LIST_TAGS, .at = change_of(CATALOG_SET_TAG, version).at};
        question_ask_catalog(cli, &tags);
        questions_wait(cli);
        if (tags.err.code)
            code = cli_fail(cli, &tags.err);
        else
            print_tags(cli, &tags.catalog);
    }
    question_deinit(&tags);
    question_deinit(&found);
    return code;
}

/* --- expire --- */

struct expire_flags {
    struct duration older_than;
    const char *before;
};

static const struct option expire_table[] = {
    {"older-than", OPTION_DURATION, offsetof(struct expire_flags, older_than), .min = 0,
        .max = 1e14, .help = "What was replaced longer ago than that"},
    {"before", OPTION_TEXT, offsetof(struct expire_flags, before), .value_name = "POSITION",
        .help = "What is read before that position, time or tag alone"},
};
const struct option_set catalog_expire_flags =
    OPTION_SET("expire", "Options", struct expire_flags, expire_table);

/* 0: nothing is that old. */
static int find_limit(struct cli *cli, const struct expire_flags *flags,
    const struct catalog_version *version, int64_t *ret_position, struct error *err)
{
    struct question found = {.catalog = {.verb = CATALOG_FIND_POSITION,
                                 .at = change_of(CATALOG_EXPIRE, version).at,
                                 .at_ms = duration_add(&flags->older_than, time_now_ms(), -1)}};
    int result = 0;

    if (flags->before)
        return care_position(cli, version, flags->before, ret_position, err);
    question_ask_catalog(cli, &found);
    questions_wait(cli);
    if (found.err.code) {
        *err = found.err;
        result = -1;
    } else {
        *ret_position = found.catalog.position;
    }
    question_deinit(&found);
    return result;
}

int command_catalog_expire(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct expire_flags *flags = values;
    const bool by_age = flags->older_than.ms > 0 || flags->older_than.months > 0;
    const struct catalog_version *version;
    struct question found = {0};
    struct catalog_change change;
    struct error err;
    char sentence[200];
    int code;

    (void)arg_count;
    if (by_age == (flags->before != NULL)) {
        error_set(&err, ERROR_INVALID,
            "catalog expire: say how far back is kept, by --older-than 30d or by --before "
            "POSITION");
        return cli_fail(cli, &err);
    }
    code = open_table(cli, false, args[0], &found, &version);
    if (code == EXIT_OK) {
        change = change_of(CATALOG_EXPIRE, version);
        if (find_limit(cli, flags, version, &change.at.position, &err) ||
            (change.at.position > 0 && care_apply(cli, &change, NULL, &err)))
            code = cli_fail(cli, &err);
    }
    if (code == EXIT_OK) {
        if (change.at.position > 0)
            snprintf(sentence, sizeof(sentence),
                "%.100s can be read from position %" PRId64
                " on; `sluice catalog gc --delete` frees what went",
                args[0], change.at.position);
        else
            snprintf(sentence, sizeof(sentence), "%.100s: nothing is that old", args[0]);
        print_position(cli, args[0], "first_position",
            MAX(change.at.position, version->first_position), sentence);
    }
    question_deinit(&found);
    return code;
}
