/* Hooks of a pipeline: what is told how a run has ended. */
#include "config/pipeline_internal.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct option hook_table[] = {
    {"url", OPTION_TEXT, offsetof(struct hook, url), .max = 4096, .flags = OPTION_REQUIRED,
        .pattern = "^https?://", .check = pipeline_check_http_url, .help = "Where it is posted to"},
    {"headers", OPTION_PAIRS, offsetof(struct hook, headers), .min = 1, .max = 100,
        .help = "Headers of the request: {Authorization: \"Bearer ${env.TOKEN}\"}"},
    {"body", OPTION_TEXT, offsetof(struct hook, body), .max = 65536,
        .help = "JSON to post; default: the run, as `runs show --json` has it"},
    {"timeout", OPTION_DURATION, offsetof(struct hook, timeout), .preset = "10s", .min = 1,
        .max = 600000, .help = "Longest time for one attempt"},
    {"attempts", OPTION_INT, offsetof(struct hook, attempts), .preset = "3", .min = 1, .max = 100,
        .help = "How often it is tried by a run; the next run goes on"},
};
const struct option_set pipeline_hook_set = {
    .name = "hook",
    .help = "A POST of JSON when a run has ended, delivered at least once",
    .options = hook_table,
    .count = ARRAY_LENGTH(hook_table),
    .size = sizeof(struct hook),
    .shorthand = "url",
};

/* What HTTP takes as a header's name. */
static bool is_token(const char *name)
{
    const size_t length = strlen(name);
    size_t plain = 0;

    while (isalnum((unsigned char)name[plain]) ||
           (name[plain] && strchr("-_.!#$%&'*+^`|~", name[plain])))
        plain++;
    return length > 0 && plain == length;
}

/* What the request has anyway, or what would break it in two. */
static void validate_header(
    struct pipeline_reader *reader, const char *address, const struct option_pair *header)
{
    static const char *const ours[] = {"content-type", "content-length", "idempotency-key", "host",
        "transfer-encoding", "connection"};

    if (!is_token(header->name))
        diagnostics_error(reader->problems, reader->pipeline->path, header->mark,
            "%s.headers: \"%s\" is no name of a header", address, header->name);
    if (strpbrk(header->value, "\r\n"))
        diagnostics_error(reader->problems, reader->pipeline->path, header->mark,
            "%s.headers.%s: a line ends in it", address, header->name);
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++) {
        if (strcasecmp(header->name, ours[i]) == 0)
            diagnostics_error(reader->problems, reader->pipeline->path, header->mark,
                "%s.headers.%s: is set by sluice; leave it out", address, header->name);
    }
}

void pipeline_validate_hooks(
    struct pipeline_reader *reader, const char *address, const struct option_items *hooks)
{
    const struct hook *all = hooks->items;

    for (size_t i = 0; i < hooks->count; i++) {
        char *own = mem_printf("%s[%zu]", address, i + 1);
        struct error err;
        json_t *body;

        if (pipeline_uses(reader->pipeline, &all[i].url) &
            (INTERPOLATE_RUN_ID | INTERPOLATE_RUN_DUE))
            pipeline_fail(reader, &all[i].url,
                "%s.url: a later run may have to deliver it: say ${run.…} in the body", own);
        if (pipeline_uses(reader->pipeline, &all[i].body) & (INTERPOLATE_ENV | INTERPOLATE_SECRET))
            pipeline_fail(reader, &all[i].body,
                "%s.body: it is stored until it is delivered, and ${env.…} may be a secret: say it "
                "in a header or in the url, which are not stored",
                own);
        for (size_t j = 0; j < all[i].headers.count; j++)
            validate_header(reader, own, &all[i].headers.items[j]);
        if (all[i].body && !(pipeline_uses(reader->pipeline, &all[i].body) & INTERPOLATE_PARTIAL)) {
            body = json_parse(all[i].body, strlen(all[i].body), &err);
            if (!body)
                pipeline_fail(reader, &all[i].body, "%s.body: %s", own, err.message);
            json_decref(body);
        }
        free(own);
    }
}
