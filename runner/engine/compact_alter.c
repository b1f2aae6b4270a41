/* A table under another partitioning or key: all of its rows, merged, are written into the next
 * version, which takes the place of this one if nobody has written to it meanwhile. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"
#include "runner/engine/compact_private.h"
#include "runner/engine/partition.h"

#include <string.h>

/* --- a round over all of it --- */

void compact_alter_list(struct compact_round *round, catalog_query_fn done)
{
    struct catalog *catalog = round->table->engine->catalog;
    const struct catalog_version *version = round->table->table;

    round->query = (struct catalog_query){.verb = CATALOG_LIST_FILES,
        .at = {.namespace = version->namespace,
            .table = version->table,
            .version = version->version},
        .at_position = version->last_position,
        .with_files = true,
        .arena = round->arena,
        .done = done};
    catalog->type->query(catalog, &round->query);
}

static bool has_column(const struct catalog_version *version, const char *name)
{
    for (size_t i = 0; i < version->column_count; i++) {
        if (strcmp(version->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

static int check_column(
    const struct catalog_version *version, const char *what, const char *name, struct error *err)
{
    if (has_column(version, name))
        return 0;
    return error_set(err, ERROR_INVALID, "%s: table %s.%s has no column \"%s\"", what,
        version->namespace, version->table, name);
}

int compact_alter_plan(struct compact_round *round, struct error *err)
{
    const struct catalog_version *version = round->table->table;
    const struct compact_alteration *alteration = round->alteration;
    const char *const *texts =
        alteration->set_partition_by ? alteration->partition_by.items : version->partition_by;

    round->new_field_count =
        alteration->set_partition_by ? alteration->partition_by.count : version->partition_count;
    if (partition_parse(texts, round->new_field_count, round->arena, &round->new_fields, err))
        return -1;
    for (size_t i = 0; i < round->new_field_count; i++) {
        if (check_column(version, "partition_by", round->new_fields[i].column, err))
            return -1;
    }
    for (size_t i = 0; i < alteration->key.count; i++) {
        if (check_column(version, "key", alteration->key.items[i], err))
            return -1;
    }
    round->type =
        alteration->set_key || version->merge.key_count > 0 ? CATALOG_UPSERT : CATALOG_ADD;
    compact_plan_all(version, round->query.deltas, round->query.count, round->arena, &round->plan);
    return 0;
}

/* How many rows have a key that is not theirs alone, or none. */
static const char *make_check(const struct compact_round *round)
{
    const struct text_list *key = &round->alteration->key;
    const char *check;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select count(*) from (select 1 from " REWRITE_DATASET " group by ");
    for (size_t i = 0; i < key->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        text_append_sql_name(&sql, key->items[i]);
    }
    buffer_puts(&sql, " having count(*) > 1");
    for (size_t i = 0; i < key->count; i++) {
        buffer_puts(&sql, " or ");
        text_append_sql_name(&sql, key->items[i]);
        buffer_puts(&sql, " is null");
    }
    buffer_puts(&sql, ") as wrong");
    check = arena_strdup(round->arena, sql.data);
    buffer_deinit(&sql);
    return check;
}

int compact_alter_rewrite(
    struct compact_round *round, struct rewrite *ret_rewrite, struct error *err)
{
    const struct catalog_version *version = round->table->table;
    const struct compact_plan *plan = &round->plan;
    struct rewrite_input *inputs = arena_array(round->arena, plan->file_count, sizeof(*inputs));

    (void)err;
    for (size_t i = 0; i < plan->file_count; i++)
        inputs[i] = (struct rewrite_input){
            .file = plan->files[i].file, .position = plan->files[i].position};
    ret_rewrite->inputs = inputs;
    ret_rewrite->input_count = plan->file_count;
    ret_rewrite->partitions =
        partition_sql(round->new_fields, round->new_field_count, round->arena);
    ret_rewrite->partition_count = round->new_field_count;
    if (round->alteration->set_key) {
        ret_rewrite->check = make_check(round);
        ret_rewrite->wrong =
            arena_printf(round->arena, "values of the new key are not unique, or null, in %s.%s",
                version->namespace, version->table);
    }
    return 0;
}

/* --- the commit --- */

/* Columns begin anew in a new version, under the ids that the files have. */
static void add_version(
    struct compact *compact, const struct compact_round *round, struct catalog_change *change)
{
    const struct catalog_version *old = &compact->version;
    const struct compact_alteration *alteration = compact->alteration;
    struct catalog_merge *merge = arena_new(&compact->round_arena, struct catalog_merge);
    const char **texts = arena_array(&compact->round_arena, round->new_field_count, sizeof(*texts));

    for (size_t i = 0; i < round->new_field_count; i++)
        texts[i] = round->new_fields[i].text;
    *merge = old->merge;
    if (alteration->set_key) {
        merge->key = alteration->key.items;
        merge->key_count = alteration->key.count;
    }
    if (alteration->sequence_by)
        merge->sequence_by = alteration->sequence_by;
    merge->buckets = compact->buckets;
    *change = (struct catalog_change){.verb = CATALOG_CREATE_VERSION,
        .at = {.namespace = old->namespace, .table = old->table},
        .description = old->description,
        .properties = old->properties};
    change->version.columns = old->columns;
    change->version.column_count = old->column_count;
    change->version.partition_by = texts;
    change->version.partition_count = round->new_field_count;
    change->version.sort_by = old->sort_by;
    change->version.sort_count = old->sort_count;
    change->version.merge = merge->key_count > 0 ? merge : NULL;
    change->version.lifecycle = CATALOG_ACTIVE;
}

static bool same_values(const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!text_equal(a[i], b[i]))
            return false;
    }
    return true;
}

/* The files of one partition as a delta of it. Files come sorted by partition. */
static size_t add_partition(struct compact *compact, const struct compact_round *round,
    size_t first, struct catalog_change *changes, size_t *at)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA,
        CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION};
    size_t end = first;

    while (end < round->file_count &&
           same_values(round->values[first], round->values[end], round->new_field_count))
        end++;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        struct catalog_change *change = &changes[(*at)++];

        *change = (struct catalog_change){.verb = verbs[i],
            .at = {.namespace = compact->version.namespace,
                .table = compact->version.table,
                .values = round->values[first],
                .value_count = round->new_field_count}};
        if (verbs[i] != CATALOG_STAGE_DELTA)
            continue;
        change->delta.type = round->type;
        change->delta.files = round->files + first;
        change->delta.file_count = end - first;
        change->delta.rewrite = true;
    }
    return end;
}

void compact_alter_build(struct compact *compact, struct catalog_apply *apply)
{
    const struct compact_round *round = &compact->rounds[0];
    const struct catalog_locator old = {.namespace = compact->version.namespace,
        .table = compact->version.table,
        .version = compact->version.version};
    struct catalog_change *changes =
        arena_array(&compact->round_arena, round->file_count * 4 + 4, sizeof(*changes));
    size_t count = 0;

    for (size_t i = 0; i < round->file_count; i++)
        round->files[i].schema_id = 1;
    changes[count] = (struct catalog_change){.verb = CATALOG_EXPECT, .at = old};
    changes[count].expect_schema_id = compact->version.schema_id;
    changes[count++].at.position = compact->version.last_position;
    add_version(compact, round, &changes[count++]);
    for (size_t i = 0; i < round->file_count;)
        i = add_partition(compact, round, i, changes, &count);
    changes[count++] = (struct catalog_change){
        .verb = CATALOG_SET_LIFECYCLE, .at = old, .lifecycle = CATALOG_DEPRECATED};
    compact_commit_record(compact, 0, 1, changes, &count);
    *apply = (struct catalog_apply){.changes = changes,
        .count = count,
        .pipeline = compact->lease_name,
        .instance = "",
        .run_id = compact->attempt_id,
        .fence = compact->lease.fence};
}
