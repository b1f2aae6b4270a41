#include "runner/cli/schema_diff.h"

#include "runner/base/mem.h"
#include "runner/engine/evolve.h"

#include <string.h>
#include <strings.h>

const char *const schema_difference_names[] = {
    "added", "widened", "typed", "cast", "missing", NULL};

static const struct sql_column *find(const struct sql_schema *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcasecmp(rows->columns[i].name, name) == 0)
            return &rows->columns[i];
    }
    return NULL;
}

/* Columns that scd2 makes itself. */
static bool is_made(const struct load *load, const char *name)
{
    return load->mode == MODE_SCD2 &&
           (strcasecmp(name, "valid_from") == 0 || strcasecmp(name, "valid_to") == 0);
}

static struct text_list fixed_columns(
    const struct load *load, const struct catalog_version *version, struct arena *arena)
{
    const struct catalog_merge *merge = &version->merge;
    struct text_list fixed = {
        .items = arena_array(arena, load->partition_count + merge->key_count, sizeof(char *))};

    for (size_t i = 0; i < load->partition_count; i++)
        fixed.items[fixed.count++] = load->partitions[i].column;
    for (size_t i = 0; i < merge->key_count; i++)
        fixed.items[fixed.count++] = merge->key[i];
    return fixed;
}

static void put_known(struct schema_diff *diff, const struct catalog_column *before,
    const struct catalog_column *after, const struct sql_column *rows, struct arena *arena)
{
    struct schema_diff_line line = {
        .column = before->name, .table = before->type, .after = after->type};

    if (rows) {
        line.rows = evolve_type_name(rows->type, arena);
        if (strcmp(before->type, after->type) != 0)
            line.what = strcmp(before->type, "NULL") == 0 ? SCHEMA_TYPED : SCHEMA_WIDENED;
        else if (strcmp(line.rows, after->type) != 0 && strcmp(line.rows, "NULL") != 0)
            line.what = SCHEMA_CAST;
        else
            return; /* the same */
    } else {
        line.what = SCHEMA_MISSING;
    }
    diff->lines[diff->count++] = line;
}

int schema_diff_make(const struct load *load, const struct catalog_version *version,
    const struct sql_schema *rows, struct arena *arena, struct schema_diff *ret_diff,
    struct error *err)
{
    struct evolve evolve = {.table = load->into,
        .columns = version->columns,
        .column_count = version->column_count,
        .rows = rows,
        .policy = SCHEMA_EVOLVE,
        .required = load->required,
        .fixed = fixed_columns(load, version, arena)};
    struct schema_diff diff = {0};

    if (evolve_columns(&evolve, arena, err))
        return -1;
    diff.lines = arena_array(arena, evolve.ret_column_count, sizeof(*diff.lines));
    diff.columns = evolve.ret_columns;
    diff.column_count = evolve.ret_column_count;
    for (size_t i = 0; i < version->column_count; i++) {
        if (!is_made(load, version->columns[i].name))
            put_known(&diff, &version->columns[i], &evolve.ret_columns[i],
                find(rows, version->columns[i].name), arena);
        diff.changes =
            diff.changes || strcmp(version->columns[i].type, evolve.ret_columns[i].type) != 0;
    }
    for (size_t i = version->column_count; i < diff.column_count; i++) {
        diff.lines[diff.count++] = (struct schema_diff_line){.what = SCHEMA_ADDED,
            .column = diff.columns[i].name,
            .rows = diff.columns[i].type,
            .after = diff.columns[i].type};
        diff.columns[i].field_id = 0;
        diff.changes = true;
    }
    *ret_diff = diff;
    return 0;
}
