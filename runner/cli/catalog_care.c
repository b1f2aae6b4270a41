/* What the commands that take care of the catalog share. */
#include "runner/base/mem.h"
#include "runner/cli/command_catalog_care.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* --- one change --- */

struct care_apply {
    struct catalog_apply apply;
    struct error err;
};

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    error_keep_first(&container_of(apply, struct care_apply, apply)->err, err);
}

int care_apply(
    struct cli *cli, const struct catalog_change *change, int64_t *ret_position, struct error *err)
{
    struct care_apply own = {.apply = {.changes = change, .count = 1, .done = on_applied}};
    struct catalog *catalog;

    if (engine_catalog(cli->engine, &catalog, err))
        return -1;
    catalog->type->apply(catalog, &own.apply);
    loop_run(&cli->loop);
    if (own.err.code) {
        *err = own.err;
        return -1;
    }
    if (ret_position)
        *ret_position = own.apply.ret_position;
    return 0;
}

/* --- positions --- */

static struct catalog_locator at_of(const struct catalog_version *version)
{
    return (struct catalog_locator){
        .namespace = version->namespace, .table = version->table, .version = version->version};
}

static int find_tag(struct cli *cli, const struct catalog_version *version, const char *name,
    int64_t *ret_position, struct error *err)
{
    struct question tags = {.catalog = {.verb = CATALOG_LIST_TAGS, .at = at_of(version)}};
    int result = -1;

    question_ask_catalog(cli, &tags);
    questions_wait(cli);
    for (size_t i = 0; !tags.err.code && i < tags.catalog.count; i++) {
        if (strcmp(tags.catalog.tags[i].name, name) == 0) {
            *ret_position = tags.catalog.tags[i].position;
            result = 0;
        }
    }
    if (tags.err.code)
        *err = tags.err;
    else if (result)
        error_set(err, ERROR_INVALID,
            "\"%s\" is no position, no time and no tag of %s.%s; `sluice catalog tags %s.%s` lists "
            "its tags",
            name, version->namespace, version->table, version->namespace, version->table);
    question_deinit(&tags);
    return result;
}

static int find_time(struct cli *cli, const struct catalog_version *version, int64_t at_ms,
    int64_t *ret_position, struct error *err)
{
    struct question found = {
        .catalog = {.verb = CATALOG_FIND_POSITION, .at = at_of(version), .at_ms = at_ms}};
    char text[TIME_TEXT_SIZE];
    int result = 0;

    question_ask_catalog(cli, &found);
    questions_wait(cli);
    if (found.err.code) {
        *err = found.err;
        result = -1;
    } else if (found.catalog.position == 0) {
        result = error_set(err, ERROR_INVALID, "nothing was committed to %s.%s by %s",
            version->namespace, version->table, time_format_rfc3339(at_ms, text));
    } else {
        *ret_position = found.catalog.position;
    }
    question_deinit(&found);
    return result;
}

int care_position(struct cli *cli, const struct catalog_version *version, const char *text,
    int64_t *ret_position, struct error *err)
{
    const bool is_number = text[strspn(text, "0123456789")] == '\0' && text[0] != '\0';
    int64_t at_ms;

    if (is_number && strlen(text) < 18) {
        *ret_position = (int64_t)strtoll(text, NULL, 10);
        return 0;
    }
    if (time_parse(text, &at_ms, NULL) == 0)
        return find_time(cli, version, at_ms, ret_position, err);
    return find_tag(cli, version, text, ret_position, err);
}

/* --- waiting --- */

struct care_stop {
    void (*cancel)(void *data);
    void *data;
};

static void on_stop(void *data, int signal_number)
{
    const struct care_stop *stop = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    stop->cancel(stop->data);
}

void care_run(struct cli *cli, void (*cancel)(void *data), void *data)
{
    struct care_stop stop = {.cancel = cancel, .data = data};

    loop_on_stop(&cli->loop, on_stop, &stop);
    loop_run(&cli->loop);
    loop_on_stop(&cli->loop, NULL, NULL);
}
