/* What is valid and cannot be executed by this build yet. Each line goes away with the code that
 * executes it. */
#include "runner/engine/graph.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

struct report {
    const struct pipeline *pipeline;
    struct diagnostics *problems;
    const char *id; /* of the task */
};

/* "load.clean.mode: upsert cannot be executed by this version yet; use append or overwrite" */
static void refuse(const struct report *report, const void *field, const char *key,
    const char *value, const char *instead)
{
    diagnostics_error(report->problems, report->pipeline->path,
        pipeline_mark(report->pipeline, field),
        "%s.%s: %s%scannot be executed by this version yet; %s", report->id, key,
        value ? value : "", value ? " " : "", instead);
}

/* Length of "s3" in "s3://x"; 0 for a path and for what is a file all the same. */
static int foreign_scheme(const char *url)
{
    const size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+");

    if (length < 2 || url[length] != ':' || (length == 4 && strncmp(url, "file", 4) == 0))
        return 0;
    return (int)length;
}

/* `schemes` ends in NULL: those that are executed. */
static void check_url(const struct report *report, const void *field, const char *key,
    const char *url, const char *const *schemes, const char *instead)
{
    const int scheme = foreign_scheme(url);
    char value[32];

    if (scheme == 0)
        return;
    for (size_t i = 0; schemes[i]; i++) {
        if (strlen(schemes[i]) == (size_t)scheme && strncmp(url, schemes[i], (size_t)scheme) == 0)
            return;
    }
    snprintf(value, sizeof(value), "%.*s:", MIN(scheme, 20), url);
    refuse(report, field, key, value, instead);
}

static void check_secrets(const struct pipeline *pipeline, struct diagnostics *problems)
{
    for (size_t i = 0; i < pipeline->secrets.count; i++) {
        const struct option_pair *secret = &pipeline->secrets.items[i];

        diagnostics_error(problems, pipeline->path, secret->mark,
            "%s: ${secret.%s} cannot be executed by this version yet; use ${env.NAME}",
            secret->value, secret->name);
    }
}

static void check_extract(const struct report *report, const struct extract *extract)
{
    static const char *const readable[] = {"s3", "http", "https", "catalog", NULL};

    check_url(report, &extract->from, "from", extract->from, readable,
        "read a local file, s3:// or https://");
    if (extract->only_new.on_changed == ON_CHANGED_REPLACE)
        refuse(report, &extract->only_new.on_changed, "only_new.on_changed", "replace",
            "use append or fail");
    if (extract->metadata)
        refuse(report, &extract->metadata, "metadata", NULL, "leave it out");
}

static void check_load(const struct report *report, const struct load *load)
{
    static const char *const writable[] = {"s3", NULL};
    const int format =
        load->to && load->format == FORMAT_AUTO ? (int)dialect_format_of(load->to) : load->format;

    if (!load->to)
        return;
    check_url(report, &load->to, "to", load->to, writable, "write a local file or s3://");
    if (format == FORMAT_JSON)
        refuse(report, load->format == FORMAT_AUTO ? (const void *)&load->to : &load->format,
            load->format == FORMAT_AUTO ? "to" : "format", "json", "use csv, ndjson or parquet");
}

void graph_list_unsupported(const struct graph *graph, struct diagnostics *problems)
{
    check_secrets(graph->pipeline, problems);
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct report report = {graph->pipeline, problems, node->id};

        switch (node->kind) {
        case TASK_EXTRACT:
            check_extract(&report, node->extract);
            break;
        case TASK_TRANSFORM:
            break;
        case TASK_LOAD:
            check_load(&report, node->load);
            break;
        }
    }
}

int graph_check_supported(const struct graph *graph, struct error *err)
{
    struct diagnostics problems;
    struct buffer line;
    int result = 0;

    diagnostics_init(&problems);
    graph_list_unsupported(graph, &problems);
    diagnostics_sort(&problems);
    if (problems.count) {
        buffer_init(&line, 0);
        diagnostics_format(&problems.items[0], &line);
        result = error_set(err, ERROR_NOT_SUPPORTED, "%s", line.data);
        buffer_deinit(&line);
    }
    diagnostics_deinit(&problems);
    return result;
}
