#include "runner/engine/plan_source.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/table_version.h"

#include <inttypes.h>
#include <string.h>

/* --- which positions --- */

static int take_version(struct plan_source *source, struct error *err)
{
    struct plan_table *table = &source->table;

    if (source->version.count == 0)
        return error_set(err, ERROR_NOT_FOUND,
            "there is no table %s.%s yet: `sluice catalog ls` lists those that are there",
            table->namespace, table->name);
    table->version = source->version.versions[0].version;
    table->position = source->version.versions[0].last_position;
    return 0;
}

static void on_version(struct catalog_query *query, const struct error *err)
{
    struct plan_source *source = container_of(query, struct plan_source, version);
    struct error own = {0};

    error_keep_first(&own, err);
    if (!err)
        take_version(source, &own);
    source->done(source, own.code ? &own : NULL);
}

int plan_source_start(struct plan_source *source, struct error *err)
{
    struct catalog *catalog;

    source->table = (struct plan_table){.namespace = source->extract->from_namespace,
        .name = source->extract->from_table,
        .changes = source->extract->only_new.enabled};
    if (engine_catalog(source->engine, &catalog, err))
        return -1;
    source->version = (struct catalog_query){.verb = CATALOG_GET_VERSION,
        .at = {.namespace = source->table.namespace, .table = source->table.name},
        .arena = source->arena,
        .done = on_version};
    catalog->type->query(catalog, &source->version);
    return 0;
}

/* --- cursors --- */

const char *plan_source_cursor(
    const struct plan_table *table, const char *run_id, struct arena *arena)
{
    return arena_printf(arena,
        "{\"position\":%" PRId64 ",\"table\":\"%s.%s\",\"version\":%" PRId64 ",\"run_id\":\"%s\"}",
        table->position, table->namespace, table->name, table->version, run_id);
}

/* One of another table says nothing about this one. */
static bool is_of(const json_t *state, const struct plan_table *table)
{
    const char *name = json_get_text(state, "table");
    const size_t length = strlen(table->namespace);

    return !name || (strncmp(name, table->namespace, length) == 0 && name[length] == '.' &&
                        strcmp(name + length + 1, table->name) == 0);
}

static const char again[] = "read it whole once by giving the extract another name, as its cursor "
                            "goes by that";

int plan_source_after(const struct plan_source *source, const struct catalog_query *cursors,
    int64_t *ret_after, struct error *err)
{
    const struct plan_table *table = &source->table;
    const struct catalog_version *now = &source->version.versions[0];
    const char *text = cursors->count > 0 ? cursors->cursors[0].state : NULL;
    json_t *state = text ? json_parse(text, strlen(text), err) : NULL;
    const int64_t position = json_get_int(state, "position", 0);
    const int64_t version = json_get_int(state, "version", table->version);
    const bool counts = position > 0 && is_of(state, table);

    json_decref(state);
    if (text && !state)
        return error_prefix(err, "its cursor");
    if (counts && version != table->version)
        return error_set(err, ERROR_INVALID,
            "%s.%s has version %" PRId64 " now, and version %" PRId64 " was read: %s",
            table->namespace, table->name, table->version, version, again);
    if (counts && position > table->position)
        return error_set(err, ERROR_INVALID,
            "%s.%s was read up to position %" PRId64 ", but its newest one is %" PRId64
            ": it is another table of that name; %s",
            table->namespace, table->name, position, table->position, again);
    if (counts && position < now->first_position)
        return error_set(err, ERROR_INVALID,
            "%s.%s was read up to position %" PRId64
            ", and what came next is expired (the first position that is kept is %" PRId64 "): %s",
            table->namespace, table->name, position, now->first_position, again);
    *ret_after = counts ? position : 0;
    return 0;
}

bool plan_source_has_new(const struct plan_source *source, int64_t after)
{
    return after < source->table.position;
}

/* --- files --- */

static void on_counted(struct table_read *read, const struct error *err)
{
    struct plan_source *source = container_of(read, struct plan_source, read);

    source->table.files = read->ret_files;
    source->table.skipped = read->ret_skipped;
    source->table.bytes = read->ret_bytes;
    if (!err)
        source->table.position = read->ret_position;
    source->done(source, err);
}

struct table_read plan_source_read(const struct plan_table *table)
{
    return (struct table_read){
        .at = {.namespace = table->namespace, .table = table->name, .version = table->version},
        .at_position = table->position,
        .changes = table->changes,
        .after_position = table->after,
        .conditions = table->conditions,
        .condition_count = table->condition_count};
}

int plan_source_count(struct plan_source *source, struct error *err)
{
    source->read = plan_source_read(&source->table);
    if (source->extract->at) {
        source->read.at_position = 0;
        if (table_version_parse_at(source->extract->at, &source->read, err))
            return -1;
    }
    source->slots.limit = 1;
    source->read.engine = source->engine;
    source->read.slots = &source->slots;
    source->read.name = source->extract->item.name;
    source->read.count_only = true;
    source->read.arena = source->arena;
    source->read.done = on_counted;
    table_read_start(&source->read);
    return 0;
}

void plan_source_cancel(struct plan_source *source)
{
    table_read_cancel(&source->read);
}
