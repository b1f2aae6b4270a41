#include "runner/cli/record_here.h"

#include "config/interpolate.h"
#include "config/path.h"
#include "connectors/catalog_sqlite/snapshot.h"
#include "connectors/recorded/key.h"
#include "connectors/recorded/recording.h"
#include "runner/base/mem.h"
#include "runner/cli/record_masks.h"
#include "runner/cli/run_here.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"
#include "runner/io/file.h"

#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct record_here {
    struct cli *cli;
    struct run_flags *flags;
    const struct pipeline *pipeline;
    const struct graph *graph;
    json_t *variables, *secret;
    struct mask *masks;
    size_t mask_count;
    struct recording *recording;
    struct engine_front front;
};

/* --- ${env.X} --- */

static void on_variable(void *data, const char *name, const char *value)
{
    struct record_here *here = data;

    if (!value)
        return;
    if (recorded_is_secret(name, strlen(name)))
        json_object_set_new(here->secret, name, json_true());
    else
        json_put_text(here->variables, name, value);
}

/* What only hooks ask for is for servers that a replay does not call. */
static bool is_in_hook(const struct option_items *hooks, const char *value)
{
    for (size_t i = 0; i < hooks->count; i++) {
        const struct hook *hook = (const struct hook *)hooks->items + i;

        if (strstr(hook->url, value) || (hook->body && strstr(hook->body, value)))
            return true;
        for (size_t j = 0; j < hook->headers.count; j++) {
            if (strstr(hook->headers.items[j].value, value))
                return true;
        }
    }
    return false;
}

static void take_out_of_hooks(struct record_here *here)
{
    const struct pipeline *pipeline = here->pipeline;
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(here->variables, next, name, value)
    {
        const char *text = json_string_value(value);

        if (*text == '\0' ||
            !(is_in_hook(&pipeline->on_commit, text) || is_in_hook(&pipeline->on_failure, text) ||
                is_in_hook(&pipeline->finally, text)))
            continue;
        json_object_set_new(here->secret, name, json_true());
        json_object_del(here->variables, name);
    }
}

/* --- what cannot be recorded --- */

static int check(struct record_here *here, struct error *err)
{
    const struct transform *transforms = here->pipeline->transforms.items;
    const struct environment *environment = here->cli->project->environment;

    if (!environment->catalog.url || !text_starts(environment->catalog.url, "sqlite:"))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "--record: the catalog of environment %s is none of ours, and its tables cannot be "
            "recorded; record in an environment with sqlite:PATH",
            environment->item.name);
    for (size_t i = 0; i < here->pipeline->transforms.count; i++) {
        const char *file = transforms[i].sql_file;

        if (file && (file[0] == '/' || text_starts(file, "../") || strstr(file, "/../")))
            return error_set(err, ERROR_NOT_SUPPORTED,
                "--record: transform.%s.sql_file: %s lies outside of the project; move it into it",
                transforms[i].item.name, file);
    }
    return record_masks(here->pipeline, &here->cli->arena, &here->masks, &here->mask_count, err);
}

/* --- files --- */

/* Literal secrets of hooks: they are not called again. */
static void redact_text(const char *secret, struct buffer *text)
{
    const char *found;

    if (strlen(secret) < 4)
        return;
    while ((found = strstr(text->data, secret)) != NULL) {
        const size_t at = (size_t)(found - text->data);
        char *rest = mem_strdup(found + strlen(secret));

        buffer_truncate(text, at);
        buffer_puts(text, "https://redacted");
        buffer_puts(text, rest);
        free(rest);
    }
}

static void redact_hooks(const struct option_items *hooks, struct buffer *text)
{
    for (size_t i = 0; i < hooks->count; i++) {
        const struct hook *hook = (const struct hook *)hooks->items + i;

        redact_text(hook->url, text);
        for (size_t j = 0; j < hook->headers.count; j++)
            redact_text(hook->headers.items[j].value, text);
    }
}

static int keep_file(struct record_here *here, const char *name, const char *path, bool is_pipeline,
    json_t *files, struct error *err)
{
    char original[SHA256_TEXT_SIZE];
    struct buffer kept;
    struct body body;
    size_t length;
    json_t *file;
    char *text;
    int rc;

    if (path_read_file(path, FILE_BYTES_MAX, &text, &length, err))
        return error_prefix(err, "--record: %s", path);
    buffer_init(&kept, 0);
    sha256_text(text, length, original);
    recorded_text(text, length, &kept);
    free(text);
    if (is_pipeline) {
        redact_hooks(&here->pipeline->on_commit, &kept);
        redact_hooks(&here->pipeline->on_failure, &kept);
        redact_hooks(&here->pipeline->finally, &kept);
    }
    rc = recording_keep_text(here->recording, kept.data, kept.length, &body, err);
    buffer_deinit(&kept);
    if (rc)
        return -1;
    file = json_object();
    json_put_text(file, "path", name);
    json_put_text(file, "sha256", body.sha256);
    json_put_int(file, "bytes", (int64_t)body.bytes);
    json_put_text(file, "original", original);
    json_array_append_new(files, file);
    return 0;
}

static int keep_files(struct record_here *here, json_t *files, struct error *err)
{
    const struct pipeline *pipeline = here->pipeline;
    const struct transform *transforms = pipeline->transforms.items;

    if (keep_file(here, pipeline->path, pipeline->path, true, files, err))
        return -1;
    for (size_t i = 0; i < pipeline->transforms.count; i++) {
        if (transforms[i].sql_file &&
            keep_file(here, transforms[i].sql_file, transforms[i].sql_path, false, files, err))
            return -1;
    }
    return 0;
}

/* --- the catalog --- */

static struct text_list tables_of(const struct record_here *here)
{
    const struct pipeline *pipeline = here->pipeline;
    const struct extract *extracts = pipeline->extracts.items;
    const struct load *loads = pipeline->loads.items;
    struct arena *arena = &here->cli->arena;
    const char **names = arena_array(arena,
        pipeline->extracts.count + pipeline->loads.count + here->graph->count, sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        if (extracts[i].from_table)
            names[count++] =
                arena_printf(arena, "%s.%s", extracts[i].from_namespace, extracts[i].from_table);
    }
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        if (loads[i].into)
            names[count++] = loads[i].into;
    }
    for (unsigned i = 0; i < here->graph->count; i++) {
        if (quarantine_has(&here->graph->nodes[i]))
            names[count++] = arena_printf(arena, "%s.%s", QUARANTINE_NAMESPACE,
                quarantine_table(pipeline, &here->graph->nodes[i], arena));
    }
    return (struct text_list){.items = names, .count = count};
}

static int keep_catalog(struct record_here *here, json_t *head, struct error *err)
{
    const char *path = here->cli->project->environment->catalog.url + sizeof("sqlite:") - 1;
    char *to = mem_printf("%s/catalog.part", here->flags->record);
    const struct snapshot_options options = {.path = text_starts(path, "///") ? path + 2 : path,
        .to = to,
        .pipeline = here->pipeline->name,
        .tables = tables_of(here),
        .without_stats = here->mask_count > 0,
        .key = recorded_key};
    struct body body;
    json_t *catalog;
    int rc = 0;

    if (file_exists(options.path)) {
        rc = catalog_sqlite_snapshot(&options, err);
        if (rc == 0)
            rc = recording_keep(here->recording, to, &body, err);
        file_remove(to, NULL);
        if (rc == 0) {
            catalog = json_object();
            json_put_text(catalog, "sha256", body.sha256);
            json_put_int(catalog, "bytes", (int64_t)body.bytes);
            json_object_set_new(head, "catalog", catalog);
        }
    }
    free(to);
    return rc ? error_prefix(err, "--record") : 0;
}

/* --- the first line --- */

static json_t *names_json(const struct text_list *names)
{
    json_t *list = json_array();

    for (size_t i = 0; i < names->count; i++)
        json_array_append_new(list, json_text(names->items[i]));
    return list;
}

static json_t *pairs_json(const struct option_pairs *pairs)
{
    json_t *object = json_object();

    for (size_t i = 0; i < pairs->count; i++)
        json_put_text(object, pairs->items[i].name, pairs->items[i].value);
    return object;
}

static void put_config(const struct record_here *here, json_t *head)
{
    const char *path = here->cli->project->path;
    char digest[SHA256_TEXT_SIZE];
    struct error ignored;
    size_t length;
    char *text;

    if (!path || path_read_file(path, FILE_BYTES_MAX, &text, &length, &ignored))
        return;
    json_put_text(head, "config", sha256_text(text, length, digest));
    free(text);
}

/* Whole values of parameters: of those that were not given the default may be another one later. */
static json_t *params_json(const struct pipeline *pipeline)
{
    const struct param *params = pipeline->params.items;
    json_t *values = json_object();

    for (size_t i = 0; i < pipeline->params.count; i++)
        json_put_text(values, params[i].item.name, params[i].value);
    return values;
}

static json_t *vars_json(const struct environment *environment)
{
    json_t *vars = pairs_json(&environment->vars);
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(vars, next, name, value)
    {
        if (recorded_is_secret(name, strlen(name)))
            json_object_set_new(vars, name, json_string("redacted"));
    }
    return vars;
}

static json_t *head_json(const struct record_here *here)
{
    const struct environment *environment = here->cli->project->environment;
    json_t *head = json_object();

    json_put_text(head, "format", RECORDING_FORMAT);
    json_put_int(head, "version", RECORDING_VERSION);
    json_put_text(head, "sluice", SLUICE_VERSION);
    json_put_text(head, "pipeline", here->pipeline->name);
    json_put_text(head, "path", here->pipeline->path);
    json_put_text(head, "root", here->pipeline->root);
    json_put_text(head, "environment", environment->item.name);
    json_put_text(head, "instance", here->flags->instance);
    json_put_text(head, "run_id", here->flags->run_id);
    json_put_int(head, "due_ms", here->flags->due_ms);
    json_put_time(head, "due", here->flags->due_ms);
    json_put_time(head, "recorded", time_now_ms());
    json_object_set_new(head, "params", params_json(here->pipeline));
    json_object_set_new(head, "tasks", names_json(&here->flags->tasks));
    json_object_set(head, "variables", here->variables);
    json_object_set(head, "secret", here->secret);
    json_object_set_new(head, "vars", vars_json(environment));
    put_config(here, head);
    return head;
}

static int begin(struct record_here *here, struct error *err)
{
    json_t *head, *files;

    if (check(here, err) || recording_new(here->flags->record, &here->recording, err))
        return -1;
    recording_mask(here->recording, here->masks, here->mask_count);
    take_out_of_hooks(here);
    head = head_json(here);
    files = json_array();
    json_object_set_new(head, "files", files);
    if (keep_files(here, files, err) || keep_catalog(here, head, err)) {
        json_decref(head);
        return -1;
    }
    recording_write(here->recording, head);
    return 0;
}

/* --- the run --- */

static struct store *wrap(
    void *data, const char *place, struct store *store, struct work_lane *lane)
{
    return recording_wrap(data, place, store, lane);
}

/* A run that was stopped, or did not begin, has no end to compare with. */
static bool has_end(const struct error *err)
{
    return err->class != ERROR_CANCELLED && err->code != ERROR_BUSY;
}

/* Nothing was read: the same folder can be used again. */
static void abandon(struct record_here *here)
{
    struct error ignored;

    recording_end(here->recording, NULL, &ignored);
    file_remove_tree(here->flags->record, NULL);
}

static int run(struct record_here *here)
{
    struct run_outcome outcome;
    json_t *end = NULL;
    struct error err;
    int code;

    here->front = (struct engine_front){.data = here->recording, .wrap = wrap};
    here->cli->front = &here->front;
    code = cli_open_engine(here->cli, false);
    if (code) {
        abandon(here);
        return code;
    }
    code = run_here_graph(here->cli, here->flags, here->graph, NULL, &outcome);
    if (has_end(&outcome.err)) {
        end = json_object();
        json_object_set(end, "end", outcome.end);
    }
    json_decref(outcome.end);
    if (outcome.err.code == ERROR_BUSY)
        abandon(here);
    else if (recording_end(here->recording, end, &err) && code == EXIT_OK) {
        error_prefix(&err, "the run has ended well, but its recording is not whole");
        code = cli_fail(here->cli, &err);
    }
    /* Its stores are the engine's: they go with it, and are asked nothing any more. */
    engine_free(here->cli->engine);
    here->cli->engine = NULL;
    here->cli->front = NULL;
    return code;
}

int record_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name)
{
    struct record_here here = {
        .cli = cli, .flags = flags, .variables = json_object(), .secret = json_object()};
    const struct interpolate_environment variables = {.used = on_variable, .data = &here};
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;
    int code;

    flags->variables = &variables;
    code = run_flags_load(flags, cli, pipeline_name, &pipeline, &graph);
    flags->variables = NULL;
    if (code == EXIT_OK) {
        here.pipeline = pipeline;
        here.graph = graph;
        if (begin(&here, &err)) {
            code = cli_fail(cli, &err);
            if (here.recording)
                abandon(&here);
        } else {
            code = run(&here);
        }
        graph_free(graph);
        pipeline_free(pipeline);
    }
    json_decref(here.variables);
    json_decref(here.secret);
    return code;
}
