#include "runner/engine/load_table.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <string.h>
#include <strings.h>

bool load_table_lists(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

bool load_table_has(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The key as the load says it; of scd2 with the column that it adds. */
static struct text_list said_key(const struct load *load, struct arena *arena)
{
    struct text_list key = {.count = load->key.count + (load->mode == MODE_SCD2)};

    key.items = arena_array(arena, key.count + 1, sizeof(*key.items));
    for (size_t i = 0; i < load->key.count; i++)
        key.items[i] = load->key.items[i];
    if (load->mode == MODE_SCD2)
        key.items[load->key.count] = SCD2_FROM;
    return key;
}

static void find_moving(const struct load *load, struct load_table *table, struct arena *arena)
{
    table->moving.items = arena_array(arena, load->partition_count + 1, sizeof(const char *));
    for (size_t i = 0; i < load->partition_count; i++) {
        const char *column = load->partitions[i].column;

        if (!load_table_lists(&table->key, column) && !load_table_lists(&table->moving, column))
            table->moving.items[table->moving.count++] = column;
    }
}

/* Overwrites look at partitions, as they are recorded. */
static bool needs_count(const struct load *load)
{
    const bool deletes = load->mode == MODE_DELETE || load->mode == MODE_SCD2 ||
                         (load->mode == MODE_UPSERT && load->delete_when);

    return deletes && load->limits.deletes && load->limits.deletes_share >= 0;
}

static bool needs_stored(const struct load *load, const struct load_table *table)
{
    switch ((enum load_mode)load->mode) {
    case MODE_SCD2:
        return true;
    case MODE_UPSERT:
        return table->moving.count > 0 || load->update.when ||
               load->update.unchanged == UNCHANGED_SKIP;
    case MODE_DELETE:
    case MODE_OVERWRITE_PARTITIONS:
        return table->moving.count > 0;
    case MODE_APPEND:
    case MODE_OVERWRITE: /* what is stored goes */
        break;
    }
    return false;
}

void load_table_of(const struct load *load, const struct catalog_version *version,
    struct arena *arena, struct load_table *ret_table)
{
    struct load_table table = {.own_key = load->key};
    bool needs;

    if (version) {
        table.merge = version->merge;
        table.key = (struct text_list){
            .items = (const char **)version->merge.key, .count = version->merge.key_count};
        if (load->mode != MODE_SCD2)
            table.own_key = table.key;
    } else {
        table.key = said_key(load, arena);
        table.merge = (struct catalog_merge){.key = table.key.items,
            .key_count = table.key.count,
            .sequence_by = load->sequence_by,
            .buckets = load->compact.buckets};
    }
    if (duration_ms(&load->tombstones) > 0)
        table.merge.tombstones_ms = duration_ms(&load->tombstones);
    find_moving(load, &table, arena);
    table.counts = version && table.key.count > 0 && needs_count(load);
    needs = table.counts || (table.key.count > 0 && needs_stored(load, &table));
    table.expects = needs || load->scope;
    table.looks_up = needs && version;
    *ret_table = table;
}

/* --- whether it may --- */

static void append_names(struct buffer *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_printf(text, "%s%s", i ? ", " : "", names[i]);
}

static int refuse_append(const struct load *load, const struct buffer *key, struct error *err)
{
    return error_set(err, ERROR_INVALID,
        "the table %s has a key (%s), and append looks at none: rows of one key would be there "
        "twice; write `mode: upsert` with key: [%s]",
        load->into, key->data, key->data);
}

static int check_key(
    const struct load *load, const struct catalog_version *version, struct error *err)
{
    const struct catalog_merge *merge = &version->merge;
    const struct text_list stored = {.items = (const char **)merge->key, .count = merge->key_count};
    const size_t said = load->key.count + (load->mode == MODE_SCD2);
    bool same = said == stored.count;
    struct buffer text;

    for (size_t i = 0; same && i < load->key.count; i++)
        same = load_table_lists(&stored, load->key.items[i]);
    same = same && (load->mode != MODE_SCD2 || load_table_lists(&stored, SCD2_FROM));
    if (same || (said == 0 && load->mode != MODE_APPEND))
        return 0;
    buffer_init(&text, 400);
    append_names(&text, merge->key, merge->key_count);
    if (load->mode == MODE_APPEND)
        refuse_append(load, &text, err);
    else if (stored.count == 0)
        error_set(err, ERROR_INVALID,
            "the table %s has no key, and the rows that it has were not told apart by one; load "
            "into another table, or see `sluice catalog alter`",
            load->into);
    else
        error_set(err, ERROR_INVALID,
            "the key of the table %s is [%s]%s; write that here, or change the table with `sluice "
            "catalog alter`",
            load->into, text.data, load->mode == MODE_SCD2 ? ", of scd2 without " SCD2_FROM : "");
    buffer_deinit(&text);
    return -1;
}

static bool partitioned_by_key(const struct load *load, const struct catalog_version *version)
{
    const struct text_list key = {
        .items = (const char **)version->merge.key, .count = version->merge.key_count};

    for (size_t i = 0; i < load->partition_count; i++) {
        if (!load_table_lists(&key, load->partitions[i].column))
            return false;
    }
    return true;
}

int load_table_check(const struct load *load, const struct catalog_version *version,
    const void **ret_field, const char **ret_key, struct error *err)
{
    const char *sequence = version->merge.sequence_by;

    if (check_key(load, version, err)) {
        *ret_field = load->mode == MODE_APPEND ? (const void *)&load->mode : &load->key;
        *ret_key = load->mode == MODE_APPEND ? "mode" : "key";
        return -1;
    }
    if (load->mode == MODE_OVERWRITE_PARTITIONS && sequence && !partitioned_by_key(load, version)) {
        *ret_field = &load->mode;
        *ret_key = "mode";
        return error_set(err, ERROR_INVALID,
            "rows of the table %s may move from a partition that stays, where a greater %s would "
            "win against the new ones; write `mode: upsert`",
            load->into, sequence);
    }
    if (!load->sequence_by || (sequence && strcasecmp(sequence, load->sequence_by) == 0))
        return 0;
    *ret_field = &load->sequence_by;
    *ret_key = "sequence_by";
    return error_set(err, ERROR_INVALID,
        "rows of the table %s are ordered by %s; write that here, or change the table with `sluice "
        "catalog alter`",
        load->into, sequence ? sequence : "their arrival (no sequence_by)");
}

/* --- columns --- */

const char *load_table_missing(const struct load *load, const struct load_table *table,
    const struct sql_schema *dataset, const void **ret_field, const char **ret_key)
{
    const char *as_of = load->as_of_is_time ? NULL : load->as_of;

    *ret_field = &load->key;
    *ret_key = "key";
    for (size_t i = 0; i < table->own_key.count; i++) {
        if (!load_table_has(dataset, table->own_key.items[i]))
            return table->own_key.items[i];
    }
    *ret_field = &load->sequence_by;
    *ret_key = "sequence_by";
    if (table->merge.sequence_by && !load_table_has(dataset, table->merge.sequence_by))
        return table->merge.sequence_by;
    *ret_field = &load->as_of;
    *ret_key = "as_of";
    if (as_of && !load_table_has(dataset, as_of))
        return as_of;
    *ret_field = &load->track;
    *ret_key = "track";
    for (size_t i = 0; i < load->track.count; i++) {
        if (!load_table_has(dataset, load->track.items[i]))
            return load->track.items[i];
    }
    return NULL;
}

const char *load_table_reserved(const struct sql_schema *dataset)
{
    for (size_t i = 0; i < dataset->count; i++) {
        if (strncasecmp(dataset->columns[i].name, LOAD_OWN, strlen(LOAD_OWN)) == 0)
            return dataset->columns[i].name;
    }
    return NULL;
}

struct text_list load_table_described(
    const struct load *load, const struct load_table *table, struct arena *arena)
{
    struct text_list list = {.items = arena_array(arena,
                                 load->partition_count + load->sort_by.count + table->key.count + 1,
                                 sizeof(*list.items))};

    for (size_t i = 0; i < load->partition_count; i++)
        list.items[list.count++] = load->partitions[i].column;
    for (size_t i = 0; i < load->sort_by.count; i++)
        list.items[list.count++] = load->sort_by.items[i];
    for (size_t i = 0; i < table->key.count; i++)
        list.items[list.count++] = table->key.items[i];
    if (table->merge.sequence_by)
        list.items[list.count++] = table->merge.sequence_by;
    return list;
}

struct sql_schema load_table_rows(const struct load *load, bool exists,
    const struct sql_schema *dataset, const struct text_list *described, struct arena *arena)
{
    const bool keys_only = load->mode == MODE_DELETE && exists;
    struct sql_schema rows = {
        .columns = arena_array(arena, dataset->count + 2, sizeof(*rows.columns))};

    for (size_t i = 0; i < dataset->count; i++) {
        if (!keys_only || load_table_lists(described, dataset->columns[i].name))
            rows.columns[rows.count++] = dataset->columns[i];
    }
    for (size_t i = 0; load->mode == MODE_SCD2 && i < 2; i++)
        rows.columns[rows.count++] = (struct sql_column){
            .name = i ? SCD2_TO : SCD2_FROM, .type = "TIMESTAMP WITH TIME ZONE"};
    return rows;
}
