#include "runner/engine/seal_settings.h"

#include "runner/base/mem.h"
#include "runner/base/sha256.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

static void put(json_t *settings, const char *prefix, const char *name, const char *value)
{
    char digest[SHA256_TEXT_SIZE];
    char *key;

    if (!value)
        return;
    key = mem_printf("%s%s", prefix, name);
    json_put_text(settings, key, sha256_text(value, strlen(value), digest));
    free(key);
}

/* "sqlite:.sluice/catalog.db": a project that was moved is the same one. */
static void put_place(
    json_t *settings, const struct environment *environment, const char *name, const char *url)
{
    const char *path = url ? strchr(url, ':') : NULL;
    const size_t root = strlen(environment->root);
    char *moved;

    if (!path || strncmp(path + 1, environment->root, root) != 0 || path[1 + root] != '/') {
        put(settings, "", name, url);
        return;
    }
    moved = mem_printf("%.*s:%s", (int)(path - url), url, path + 1 + root + 1);
    put(settings, "", name, moved);
    free(moved);
}

static void put_pairs(json_t *settings, const char *prefix, const struct option_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        put(settings, prefix, pairs->items[i].name, pairs->items[i].value);
}

/* --- variables --- */

/* Those that a file asks for: "${env.NAME". */
static void put_variables(json_t *settings, const char *text)
{
    static const char begin[] = "${env.";

    for (const char *at = text; at && (at = strstr(at, begin)) != NULL;) {
        const char *name = at + strlen(begin);
        const size_t length =
            strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        char *copy = mem_printf("%.*s", (int)length, name);

        put(settings, "env.", copy, getenv(copy));
        free(copy);
        at = name + length;
    }
}

static bool is_s3(const char *url)
{
    return url && text_starts(url, "s3://");
}

static bool uses_s3(const struct environment *environment, const struct graph *graph)
{
    bool uses = is_s3(environment->store);

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];

        uses = uses || (node->kind == TASK_EXTRACT && is_s3(node->extract->from)) ||
               (node->kind == TASK_LOAD && is_s3(node->load->to));
    }
    return uses;
}

/* Which account, where, and what is said of objects that are written. */
static void put_s3(json_t *settings, const struct s3_config *s3)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_PROFILE"};

    put(settings, "s3.", "region", s3->region);
    put(settings, "s3.", "profile", s3->profile);
    put(settings, "s3.", "endpoint", s3->endpoint);
    put(settings, "s3.", "storage_class", s3->storage_class);
    put(settings, "s3.", "sse", s3->sse);
    put(settings, "s3.", "sse_kms_key_id", s3->sse_kms_key_id);
    put(settings, "s3.", "unsigned", s3->unsigned_access ? "true" : NULL);
    put_pairs(settings, "s3.tags.", &s3->tags);
    put_pairs(settings, "s3.metadata.", &s3->metadata);
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        put(settings, "env.", variables[i], getenv(variables[i]));
}

json_t *seal_settings(const struct engine *engine, const struct graph *graph, const char *text)
{
    const struct environment *environment = engine->environment;
    json_t *settings = json_object();

    put_place(settings, environment, "catalog", environment->catalog.url);
    put(settings, "catalog.", "kind", environment->catalog.kind);
    put(settings, "catalog.", "uri", environment->catalog.uri);
    put(settings, "catalog.", "warehouse", environment->catalog.warehouse);
    put_place(settings, environment, "store", environment->store);
    put_place(settings, environment, "state", environment->state);
    put_pairs(settings, "vars.", &environment->vars);
    if (uses_s3(environment, graph))
        put_s3(settings, &environment->s3);
    put_variables(settings, text);
    return settings;
}
