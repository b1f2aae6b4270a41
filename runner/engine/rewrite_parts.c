/* What files of a table are to the SQL engine: parts of a dataset, by the schema that each was
 * written with. Pure. */
#include "runner/base/mem.h"
#include "runner/engine/rewrite.h"

#include <inttypes.h>
#include <string.h>

static const struct catalog_schema *find_schema(const struct rewrite_table *table, int64_t id)
{
    for (size_t i = 0; i < table->schema_count; i++) {
        if (table->schemas[i].id == id)
            return &table->schemas[i];
    }
    /* 0 is the first one; a catalog from before there were schemas has none at all. */
    return id == 0 && table->schema_count > 0 ? &table->schemas[0] : NULL;
}

static bool is_merged_by(const struct catalog_merge *merge, const char *column)
{
    for (size_t i = 0; i < merge->key_count; i++) {
        if (strcmp(merge->key[i], column) == 0)
            return true;
    }
    return merge->sequence_by && strcmp(merge->sequence_by, column) == 0;
}

/* What a file of that schema calls each column of the table; NULL where it has none. */
static const char *const *names_in(const struct catalog_version *table,
    const struct catalog_column *columns, size_t count, bool deletes, struct arena *arena)
{
    const char **names = arena_array(arena, table->column_count, sizeof(*names));

    for (size_t i = 0; i < table->column_count; i++) {
        if (deletes && !is_merged_by(&table->merge, table->columns[i].name))
            continue;
        for (size_t j = 0; j < count; j++) {
            if (columns[j].field_id == table->columns[i].field_id &&
                strcmp(columns[j].type, "NULL") != 0)
                names[i] = columns[j].name;
        }
    }
    return names;
}

static int begin_part(const struct rewrite_table *table, const struct catalog_file *file,
    size_t room, struct arena *arena, struct sql_part *ret_part, struct error *err)
{
    const struct catalog_schema *schema = find_schema(table, file->schema_id);
    const struct catalog_column *columns = schema ? schema->columns : table->table->columns;
    const size_t count = schema ? schema->column_count : table->table->column_count;
    const bool deletes = file->content == CATALOG_DELETES;

    if (!schema && file->schema_id != 0)
        return error_set(err, ERROR_DATA,
            "%s says that it was written with schema %" PRId64
            ", which the table has never had; `sluice catalog fsck` says what else is wrong",
            file->key, file->schema_id);
    *ret_part = (struct sql_part){
        .files = {.items = arena_array(arena, room, sizeof(char *))},
        .positions = arena_array(arena, room, sizeof(int64_t)),
        .names = names_in(table->table, columns, count, deletes, arena),
        .deletes = deletes,
    };
    return 0;
}

static bool belong_together(const struct rewrite_input *a, const struct rewrite_input *b)
{
    return a->file->schema_id == b->file->schema_id && a->file->content == b->file->content &&
           a->base == b->base;
}

int rewrite_parts(const struct rewrite_table *table, const struct rewrite_input *inputs,
    size_t count, struct arena *arena, struct sql_part **ret_parts, size_t *ret_count,
    struct error *err)
{
    struct sql_part *parts = arena_array(arena, count, sizeof(*parts)), *part = NULL;
    size_t part_count = 0, room;

    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !belong_together(&inputs[i - 1], &inputs[i])) {
            for (room = 1; i + room < count && belong_together(&inputs[i], &inputs[i + room]);)
                room++;
            part = &parts[part_count++];
            if (begin_part(table, inputs[i].file, room, arena, part, err))
                return -1;
        }
        part->base = inputs[i].base;
        ((int64_t *)part->positions)[part->files.count] = inputs[i].position;
        part->files.items[part->files.count++] = inputs[i].path;
    }
    *ret_parts = parts;
    *ret_count = part_count;
    return 0;
}

struct sql_schema *rewrite_schema(const struct catalog_version *version, struct arena *arena)
{
    struct sql_schema *schema = arena_new(arena, struct sql_schema);

    schema->count = version->column_count;
    schema->columns = arena_array(arena, schema->count, sizeof(*schema->columns));
    for (size_t i = 0; i < schema->count; i++)
        schema->columns[i] = (struct sql_column){.name = version->columns[i].name,
            .type = version->columns[i].type,
            .field_id = version->columns[i].field_id,
            .required = version->columns[i].required};
    return schema;
}

struct sql_schema *rewrite_delete_schema(const struct catalog_version *version, struct arena *arena)
{
    struct sql_schema *all = rewrite_schema(version, arena);
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (is_merged_by(&version->merge, all->columns[i].name))
            all->columns[count++] = all->columns[i];
    }
    all->count = count;
    return all;
}

void rewrite_wanted(const struct rewrite_table *table, const struct partition_field *fields,
    struct arena *arena, struct text_list *ret_columns)
{
    const struct catalog_version *version = table->table;
    const size_t count =
        version->merge.key_count + version->sort_count + version->partition_count + 1;
    struct text_list columns = {.items = arena_array(arena, count, sizeof(char *))};

    for (size_t i = 0; i < version->merge.key_count; i++)
        columns.items[columns.count++] = version->merge.key[i];
    for (size_t i = 0; i < version->sort_count; i++)
        columns.items[columns.count++] = version->sort_by[i];
    for (size_t i = 0; i < version->partition_count; i++)
        columns.items[columns.count++] = fields[i].column;
    if (version->merge.sequence_by)
        columns.items[columns.count++] = version->merge.sequence_by;
    *ret_columns = columns;
}
