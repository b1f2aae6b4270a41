#include "runner/engine/table_files.h"

#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One partition of those that LIST_FILES gave. */
struct partition {
    const struct catalog_delta *oldest; /* that has files */
    size_t rows_wanted;                 /* files of rows that may match */
    bool has_deletes, several;          /* deltas, or what was several */
    bool ruled_out;                     /* by its values */
    int64_t number;
};

/* --- which files --- */

static const struct catalog_schema *schema_of(
    const struct table_facts *facts, const struct catalog_file *file)
{
    for (size_t i = 0; i < facts->schema_count; i++) {
        if (file->schema_id ? facts->schemas[i].id == file->schema_id : i == 0)
            return &facts->schemas[i];
    }
    return NULL;
}

static bool may_match(const struct table_facts *facts, const struct catalog_file *file)
{
    const struct catalog_schema *schema = schema_of(facts, file);
    struct prune_file asked = {.rows = file->rows, .stats = file->stats};

    if (!facts->prune)
        return true;
    if (schema) {
        asked.columns = schema->columns;
        asked.column_count = schema->column_count;
    }
    return prune_may_match(facts->prune, &asked);
}

/* All rows of a key that are in the partition have its values. */
static bool is_ruled_out(const struct table_facts *facts, const struct catalog_delta *delta)
{
    return facts->prune &&
           !prune_partition_may_match(facts->prune, delta->values, delta->value_count);
}

static struct table_file *add(struct table_files *files)
{
    if ((files->count & (files->count - 1)) == 0) { /* full: it has room for a power of two */
        struct table_file *items =
            arena_array(files->arena, MAX(2 * files->count, 1), sizeof(*items));

        if (files->count > 0)
            memcpy(items, files->items, files->count * sizeof(*items));
        files->items = items;
    }
    return &files->items[files->count++];
}

static struct partition *partition_of(struct arena *arena, struct table *partitions,
    const struct table_facts *facts, const struct catalog_delta *delta)
{
    struct partition *partition = table_get(partitions, delta->partition_id);

    if (!partition) {
        partition = arena_new(arena, struct partition);
        partition->number = (int64_t)partitions->count;
        partition->ruled_out = is_ruled_out(facts, delta);
        table_put(partitions, delta->partition_id, partition);
    }
    return partition;
}

/* A file's key up to its number: what all files of one writer have in common. */
static size_t writer_length(const struct catalog_file *file)
{
    const char *number = strrchr(file->key, '-');

    return number ? (size_t)(number - file->key) : strlen(file->key);
}

bool table_files_repeat(const struct catalog_delta *delta)
{
    const struct catalog_file *other;
    struct table writers; /* a file of each bucket */
    bool repeat = false;
    char bucket[32];

    table_init(&writers);
    for (size_t i = 0; i < delta->file_count && !repeat; i++) {
        const struct catalog_file *file = &delta->files[i];
        const size_t length = writer_length(file);

        if (file->content == CATALOG_DELETES)
            continue;
        snprintf(bucket, sizeof(bucket), "%" PRId64, file->bucket);
        other = table_get(&writers, bucket);
        if (!other)
            table_put(&writers, bucket, (void *)file);
        else
            repeat = writer_length(other) != length || strncmp(other->key, file->key, length) != 0;
    }
    repeat = repeat || (writers.count > 1 && table_get(&writers, "0"));
    table_deinit(&writers);
    return repeat;
}

static void look_at(
    struct partition *partition, const struct table_facts *facts, const struct catalog_delta *delta)
{
    if (delta->file_count == 0)
        return;
    if (partition->oldest || table_files_repeat(delta))
        partition->several = true;
    if (!partition->oldest || delta->position < partition->oldest->position)
        partition->oldest = delta;
    for (size_t i = 0; i < delta->file_count; i++) {
        if (delta->files[i].content == CATALOG_DELETES)
            partition->has_deletes = true;
        else
            partition->rows_wanted += !partition->ruled_out && may_match(facts, &delta->files[i]);
    }
}

/* Whether its rows are older than all else of their keys, and each key has one. Beside deletes of
 * its own, such as tombstones that a compaction kept, they are not: of one position a row beats a
 * delete, and a base row beats nothing. */
static bool is_base(const struct catalog_delta *delta, const struct partition *partition)
{
    bool has_deletes = false;

    for (size_t f = 0; f < delta->file_count; f++)
        has_deletes = has_deletes || delta->files[f].content == CATALOG_DELETES;
    return delta == partition->oldest && !has_deletes && !table_files_repeat(delta);
}

/* In a partition that is merged a file that does not match may hold a newer row of a key, or the
 * delete of one, that an older file has: it is left out only where the conditions are on the key,
 * as then all rows of a key match or none does. */
static bool is_skipped(const struct table_facts *facts, const struct partition *partition,
    bool merges, const struct catalog_file *file)
{
    const struct catalog_merge *merge = &facts->version->merge;

    if (partition->rows_wanted == 0 && !facts->keep_deletes)
        return true;
    if (merges && (!facts->prune || !prune_is_on(facts->prune, merge->key, merge->key_count)))
        return false;
    return !may_match(facts, file);
}

void table_files_add(struct table_files *files, const struct table_facts *facts,
    const struct catalog_delta *deltas, size_t count, const char *change)
{
    const bool has_key = facts->version->merge.key_count > 0;
    struct table partitions;

    table_init(&partitions);
    for (size_t i = 0; i < count; i++)
        look_at(partition_of(files->arena, &partitions, facts, &deltas[i]), facts, &deltas[i]);
    for (size_t i = 0; i < count; i++) {
        const struct catalog_delta *delta = &deltas[i];
        const struct partition *partition = table_get(&partitions, delta->partition_id);
        const bool merges = has_key && (partition->several || partition->has_deletes);
        const bool base = merges && is_base(delta, partition);

        for (size_t f = 0; f < delta->file_count; f++)
            *add(files) = (struct table_file){.file = &delta->files[f],
                .delta = delta,
                .position = delta->position,
                .change = change,
                .merges = merges,
                .base = base,
                .group = partition->number,
                .skipped = is_skipped(facts, partition, merges, &delta->files[f])};
    }
    table_deinit(&partitions);
}

void table_files_add_rows(struct table_files *files, const struct table_facts *facts,
    const struct catalog_delta *delta, const char *change, int64_t position)
{
    const bool ruled_out = is_ruled_out(facts, delta);

    for (size_t i = 0; i < delta->file_count; i++) {
        if (delta->files[i].content == CATALOG_ROWS)
            *add(files) = (struct table_file){.file = &delta->files[i],
                .delta = delta,
                .position = position,
                .change = change,
                .skipped = ruled_out || !may_match(facts, &delta->files[i])};
    }
}

void table_files_add_changes(
    struct table_files *files, const struct table_facts *facts, const struct catalog_delta *delta)
{
    const bool ruled_out = is_ruled_out(facts, delta);

    for (size_t i = 0; i < delta->file_count; i++) {
        const struct catalog_file *file = &delta->files[i];
        const char *change = file->content == CATALOG_DELETES || delta->type == CATALOG_DELETE
                                 ? "delete"
                             : delta->type == CATALOG_UPSERT ? "upsert"
                                                             : "insert";

        /* A delete has no columns but the key's: conditions on others would not find it. */
        *add(files) = (struct table_file){.file = file,
            .delta = delta,
            .position = delta->position,
            .change = change,
            .skipped = file->content == CATALOG_ROWS && (ruled_out || !may_match(facts, file))};
    }
}

/* --- parts --- */

/* Files that are read alike. */
static bool same_part(
    const struct table_facts *facts, const struct table_file *a, const struct table_file *b)
{
    return schema_of(facts, a->file) == schema_of(facts, b->file) &&
           a->file->content == b->file->content && a->merges == b->merges &&
           (a->base && a->file->content == CATALOG_ROWS) ==
               (b->base && b->file->content == CATALOG_ROWS);
}

static bool is_listed(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* Files of deletes have the key and the sequence. */
static bool is_in_deletes(const struct catalog_merge *merge, const char *name)
{
    return is_listed(name, merge->key, merge->key_count) ||
           (merge->sequence_by && strcasecmp(merge->sequence_by, name) == 0);
}

static const char *stored_name(
    const struct catalog_schema *schema, const struct catalog_column *column)
{
    if (!schema)
        return column->name;
    for (size_t i = 0; i < schema->column_count; i++) {
        if (schema->columns[i].field_id == column->field_id)
            return strcmp(schema->columns[i].type, "NULL") == 0 ? NULL : schema->columns[i].name;
    }
    return NULL;
}

static const char *const *part_names(
    const struct table_facts *facts, const struct table_file *file, struct arena *arena)
{
    const struct catalog_version *version = facts->version;
    const struct catalog_schema *schema = schema_of(facts, file->file);
    const char **names = arena_array(arena, version->column_count, sizeof(*names));

    for (size_t i = 0; i < version->column_count; i++) {
        const struct catalog_column *column = &version->columns[i];
        const char *name = stored_name(schema, column);

        if (name &&
            (file->file->content == CATALOG_ROWS || is_in_deletes(&version->merge, column->name)))
            names[i] = arena_strdup(arena, name);
    }
    return names;
}

/* All that is read like `first`, from there on; marked in `taken`. */
static struct sql_part build_part(const struct table_files *files, const struct table_facts *facts,
    size_t first, bool with_changes, bool *taken, struct arena *arena)
{
    const struct table_file *like = &files->items[first];
    struct sql_part part = {.names = part_names(facts, like, arena),
        .deletes = like->file->content == CATALOG_DELETES,
        .base = like->base && like->file->content == CATALOG_ROWS};
    const char **changes, **paths;
    int64_t *positions, *groups, *origins;
    size_t capacity = 0, count = 0;

    for (size_t i = first; i < files->count; i++)
        capacity +=
            !files->items[i].skipped && !taken[i] && same_part(facts, like, &files->items[i]);
    paths = arena_array(arena, capacity, sizeof(*paths));
    positions = arena_array(arena, capacity, sizeof(*positions));
    groups = arena_array(arena, capacity, sizeof(*groups));
    changes = arena_array(arena, capacity, sizeof(*changes));
    origins = arena_array(arena, capacity, sizeof(*origins));
    for (size_t i = first; i < files->count; i++) {
        const struct table_file *file = &files->items[i];

        if (file->skipped || taken[i] || !same_part(facts, like, file))
            continue;
        taken[i] = true;
        paths[count] = file->path;
        positions[count] = file->position;
        groups[count] = file->group;
        origins[count] = (int64_t)i;
        changes[count++] = file->change;
    }
    part.files = (struct text_list){.items = paths, .count = count};
    part.positions = like->merges || with_changes ? positions : NULL;
    part.groups = like->merges ? groups : NULL;
    part.changes = with_changes ? changes : NULL;
    part.origins = facts->origins ? origins : NULL;
    return part;
}

static void build_parts(const struct table_files *files, const struct table_facts *facts,
    bool with_changes, struct arena *arena, struct sql_dataset *dataset)
{
    bool *taken = mem_calloc(files->count + 1, sizeof(*taken));
    struct sql_part *parts = NULL, *kept;
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < files->count; i++) {
        if (files->items[i].skipped || taken[i])
            continue;
        parts = mem_grow(parts, &capacity, count, sizeof(*parts));
        parts[count++] = build_part(files, facts, i, with_changes, taken, arena);
    }
    kept = arena_array(arena, count, sizeof(*kept));
    if (count > 0)
        memcpy(kept, parts, count * sizeof(*kept));
    free(parts);
    free(taken);
    dataset->parts = kept;
    dataset->part_count = count;
}

static void copy_merge(
    const struct catalog_merge *merge, struct arena *arena, struct sql_dataset *dataset)
{
    const char **key = arena_array(arena, merge->key_count, sizeof(*key));

    for (size_t i = 0; i < merge->key_count; i++)
        key[i] = arena_strdup(arena, merge->key[i]);
    dataset->merge.key = (struct text_list){.items = key, .count = merge->key_count};
    if (merge->sequence_by)
        dataset->merge.sequence_by = arena_strdup(arena, merge->sequence_by);
}

static void copy_columns(
    const struct catalog_version *version, struct arena *arena, struct sql_dataset *dataset)
{
    struct sql_column *columns = arena_array(arena, version->column_count, sizeof(*columns));

    for (size_t i = 0; i < version->column_count; i++)
        columns[i] = (struct sql_column){.name = arena_strdup(arena, version->columns[i].name),
            .type = arena_strdup(arena, version->columns[i].type),
            .field_id = version->columns[i].field_id,
            .required = version->columns[i].required};
    dataset->schema = (struct sql_schema){.columns = columns, .count = version->column_count};
}

void table_files_dataset(const struct table_files *files, const struct table_facts *facts,
    bool with_changes, struct arena *arena, struct sql_dataset *ret_dataset)
{
    struct sql_dataset dataset = {.with_changes = with_changes, .with_origins = facts->origins};
    bool merges = facts->keep_deletes;

    for (size_t i = 0; i < files->count; i++) {
        const struct table_file *file = &files->items[i];

        if (file->skipped)
            continue;
        dataset.rows += file->file->rows;
        dataset.bytes += file->file->bytes;
        merges = merges || file->merges;
    }
    copy_columns(facts->version, arena, &dataset);
    build_parts(files, facts, with_changes, arena, &dataset);
    if (merges) {
        dataset.rows = -1; /* known once they are merged */
        copy_merge(&facts->version->merge, arena, &dataset);
        dataset.merge.keep_deletes = facts->keep_deletes;
    }
    *ret_dataset = dataset;
}
