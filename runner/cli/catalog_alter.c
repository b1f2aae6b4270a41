#include "runner/cli/catalog_alter.h"

#include "config/pipeline.h"
#include "runner/base/buffer.h"
#include "runner/base/column_type.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/cli/catalog_args.h"

#include <string.h>
#include <strings.h>

struct altering {
    const struct catalog_version *version;
    struct arena *arena;
    struct catalog_column *columns; /* by the version's place, new ones behind */
    size_t count;
    bool changed;
    struct error *err;
};

/* --- names --- */

static size_t length_of_sort_column(const struct catalog_version *version, const char *text)
{
    static const char *const directions[] = {" desc", " asc"};
    const size_t length = strlen(text);

    for (size_t i = 0; i < version->column_count; i++) {
        if (strcasecmp(version->columns[i].name, text) == 0)
            return length; /* a column has that whole name */
    }
    for (size_t i = 0; i < ARRAY_LENGTH(directions); i++) {
        const size_t end = strlen(directions[i]);

        if (length > end && strcasecmp(text + length - end, directions[i]) == 0)
            return length - end;
    }
    return length;
}

static struct catalog_column *find(
    const struct altering *altering, const char *flag, const char *name)
{
    const struct catalog_version *version = altering->version;
    const char **names = arena_array(altering->arena, version->column_count + 1, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < version->column_count; i++) {
        if (strcasecmp(version->columns[i].name, name) == 0)
            return &altering->columns[i];
        names[i] = version->columns[i].name;
    }
    nearest = text_nearest(name, names);
    if (nearest)
        error_set(altering->err, ERROR_INVALID,
            "--%s: %s.%s has no column \"%s\"; did you mean \"%s\"?", flag, version->namespace,
            version->table, name, nearest);
    else
        error_set(altering->err, ERROR_INVALID, "--%s: %s.%s has no column \"%s\"", flag,
            version->namespace, version->table, name);
    return NULL;
}

static bool is_partition_column(
    const struct catalog_version *version, const char *name, struct arena *arena)
{
    for (size_t i = 0; i < version->partition_count; i++) {
        struct partition_field field;
        struct error ignored;

        if (pipeline_parse_partition(version->partition_by[i], arena, &field, &ignored) == 0 &&
            strcasecmp(field.column, name) == 0)
            return true;
    }
    return false;
}

/* What of the table goes by that column; NULL: nothing. */
static const char *used_by(
    const struct catalog_version *version, const char *name, struct arena *arena)
{
    const struct catalog_merge *merge = &version->merge;

    for (size_t i = 0; i < merge->key_count; i++) {
        if (strcasecmp(merge->key[i], name) == 0)
            return "the key";
    }
    if (merge->sequence_by && strcasecmp(merge->sequence_by, name) == 0)
        return "sequence_by";
    if (is_partition_column(version, name, arena))
        return "partition_by";
    for (size_t i = 0; i < version->sort_count; i++) {
        const size_t length = length_of_sort_column(version, version->sort_by[i]);

        if (strlen(name) == length && strncasecmp(version->sort_by[i], name, length) == 0)
            return "sort_by";
    }
    return NULL;
}

/* --- what single flags do --- */

static int parse_type(const struct altering *altering, const char *flag, const char *column,
    const char *text, const struct column_type **ret_type)
{
    if (column_type_parse(text, altering->arena, ret_type, altering->err))
        return error_prefix(altering->err, "--%s \"%s\"", flag, column);
    return 0;
}

static const char *type_text(const struct altering *altering, const struct column_type *type)
{
    struct buffer text;
    const char *copy;

    buffer_init(&text, 0);
    column_type_append(&text, type);
    copy = arena_strdup(altering->arena, text.data);
    buffer_deinit(&text);
    return copy;
}

static int add(struct altering *altering, const struct catalog_column *said)
{
    const struct column_type *type;

    if (said->required)
        return error_set(altering->err, ERROR_INVALID,
            "--add \"%s\": a new column is null in the rows that are there, so that it cannot be "
            "NOT NULL",
            said->name);
    if (parse_type(altering, "add", said->name, said->type, &type))
        return -1;
    altering->columns[altering->count++] =
        (struct catalog_column){.name = said->name, .type = type_text(altering, type)};
    altering->changed = true;
    return 0;
}

static bool is_integer(const struct column_type *type)
{
    return type->kind >= COLUMN_TINYINT && type->kind <= COLUMN_UBIGINT;
}

static int widen(struct altering *altering, const struct catalog_column *said)
{
    const struct catalog_version *version = altering->version;
    struct catalog_column *column = find(altering, "widen", said->name);
    const struct column_type *from, *to;
    const char *user;

    if (!column || parse_type(altering, "widen", column->name, said->type, &to) ||
        parse_type(altering, "widen", column->name, column->type, &from))
        return -1;
    if (said->required)
        return error_set(altering->err, ERROR_INVALID,
            "--widen \"%s\": write the name and the type alone", column->name);
    if (!column_type_widens(from, to))
        return error_set(altering->err, ERROR_INVALID,
            "--widen \"%s\": %s does not hold all values of %s; int → bigint → decimal, float → "
            "double, more digits, more fields of a struct do",
            column->name, type_text(altering, to), column->type);
    user = used_by(version, column->name, altering->arena);
    if (user && strcmp(user, "sort_by") != 0 && strcmp(user, "sequence_by") != 0 &&
        !column_type_equal(from, to) && !(is_integer(from) && is_integer(to)) &&
        from->kind != COLUMN_NULL)
        return error_set(altering->err, ERROR_INVALID,
            "--widen \"%s\": %s goes by its values, which would be written in another way; only "
            "integers become wider there",
            column->name, user);
    altering->changed = altering->changed || !column_type_equal(from, to);
    column->type = type_text(altering, to);
    return 0;
}

static int set_comment(struct altering *altering, const struct option_pair *said)
{
    struct catalog_column *column = find(altering, "comment", said->name);
    const char *text = said->value[0] ? said->value : NULL;

    if (!column)
        return -1;
    altering->changed = altering->changed || !text_equal(column->comment, text);
    column->comment = text;
    return 0;
}

static int set_required(
    struct altering *altering, const char *flag, const char *name, bool required)
{
    struct catalog_column *column = find(altering, flag, name);

    if (!column)
        return -1;
    altering->changed = altering->changed || column->required != required;
    column->required = required;
    return 0;
}

static int rename_column(struct altering *altering, const struct option_pair *said)
{
    struct catalog_column *column = find(altering, "rename", said->name);
    const char *user = column ? used_by(altering->version, said->name, altering->arena) : NULL;

    if (!column)
        return -1;
    if (user)
        return error_set(altering->err, ERROR_INVALID,
            "--rename \"%s\": %s goes by that column; it keeps its name", said->name, user);
    if (!said->value[0])
        return error_set(
            altering->err, ERROR_INVALID, "--rename \"%s\": write OLD=NEW", said->name);
    altering->changed = altering->changed || strcmp(column->name, said->value) != 0;
    column->name = said->value;
    return 0;
}

/* --- all of them --- */

static int check_unique(const struct altering *altering)
{
    for (size_t i = 0; i < altering->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(altering->columns[i].name, altering->columns[j].name) == 0)
                return error_set(altering->err, ERROR_INVALID,
                    "%s.%s would have two columns \"%s\"; choose another name",
                    altering->version->namespace, altering->version->table,
                    altering->columns[i].name);
        }
    }
    return 0;
}

static int add_all(struct altering *altering, const struct catalog_alter *alter)
{
    struct catalog_column *said;

    if (catalog_args_columns(&alter->add, altering->arena, &said, altering->err))
        return error_prefix(altering->err, "--add");
    for (size_t i = 0; i < alter->add.count; i++) {
        if (add(altering, &said[i]))
            return -1;
    }
    return 0;
}

static int widen_all(struct altering *altering, const struct catalog_alter *alter)
{
    struct catalog_column *said;

    if (catalog_args_columns(&alter->widen, altering->arena, &said, altering->err))
        return error_prefix(altering->err, "--widen");
    for (size_t i = 0; i < alter->widen.count; i++) {
        if (widen(altering, &said[i]))
            return -1;
    }
    return 0;
}

int catalog_alter_columns(const struct catalog_alter *alter, const struct catalog_version *version,
    struct arena *arena, struct catalog_column **ret_columns, size_t *ret_count, bool *ret_changed,
    struct error *err)
{
    struct altering altering = {
        .version = version, .arena = arena, .count = version->column_count, .err = err};

    altering.columns =
        arena_array(arena, version->column_count + alter->add.count, sizeof(*altering.columns));
    if (version->column_count)
        memcpy(
            altering.columns, version->columns, version->column_count * sizeof(*altering.columns));
    if (add_all(&altering, alter) || widen_all(&altering, alter))
        return -1;
    for (size_t i = 0; i < alter->comment.count; i++) {
        if (set_comment(&altering, &alter->comment.items[i]))
            return -1;
    }
    for (size_t i = 0; i < alter->nullable.count; i++) {
        if (set_required(&altering, "nullable", alter->nullable.items[i], false))
            return -1;
    }
    for (size_t i = 0; i < alter->required.count; i++) {
        if (set_required(&altering, "required", alter->required.items[i], true))
            return -1;
    }
    for (size_t i = 0; i < alter->rename.count; i++) {
        if (rename_column(&altering, &alter->rename.items[i]))
            return -1;
    }
    if (check_unique(&altering))
        return -1;
    *ret_columns = altering.columns;
    *ret_count = altering.count;
    *ret_changed = altering.changed;
    return 0;
}

int catalog_alter_check_names(const struct catalog_alter *alter,
    const struct catalog_version *version, struct arena *arena, struct error *err)
{
    const struct altering altering = {
        .version = version, .arena = arena, .columns = version->columns, .err = err};

    for (size_t i = 0; i < alter->sort_by.count; i++) {
        const char *text = alter->sort_by.items[i];

        if (!find(&altering, "sort-by",
                arena_strndup(arena, text, length_of_sort_column(version, text))))
            return -1;
    }
    for (size_t i = 0; i < alter->key.count; i++) {
        if (!find(&altering, "key", alter->key.items[i]))
            return -1;
    }
    for (size_t i = 0; i < alter->partition_by.count; i++) {
        struct partition_field field;

        if (pipeline_parse_partition(alter->partition_by.items[i], arena, &field, err))
            return error_prefix(err, "--partition-by");
        if (!find(&altering, "partition-by", field.column))
            return -1;
    }
    return 0;
}

const char *catalog_alter_properties(
    const char *json, const struct option_pairs *pairs, struct arena *arena)
{
    json_t *object = json ? json_parse(json, strlen(json), NULL) : NULL;
    const char *text;
    char *line;

    if (!json_is_object(object)) {
        json_decref(object);
        object = json_object();
    }
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].value[0])
            json_put_text(object, pairs->items[i].name, pairs->items[i].value);
        else
            json_object_del(object, pairs->items[i].name);
    }
    line = json_line(object);
    text = arena_strdup(arena, line);
    free(line);
    json_decref(object);
    return text;
}
