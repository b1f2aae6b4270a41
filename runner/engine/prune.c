#include "runner/engine/prune.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/prune_partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A condition on a column that the table has. */
struct prune_condition {
    const struct sql_condition *condition;
    const struct column_type *type; /* NULL: of no type that we know */
    const struct catalog_column *column;
    struct prune_value *constants; /* NULL: one of them is not known */
};

struct prune {
    struct arena arena;
    const struct sql_condition *given;
    size_t given_count;
    struct prune_condition *conditions;
    size_t count;
    const struct partition_field *fields;
    size_t field_count;
};

/* What is known of one column of one file, or of all of a partition. */
struct prune_facts {
    struct prune_range range;
    enum prune_family family; /* that bounds and constants are compared as */
};

static bool is_null_type(const char *type)
{
    return strcmp(type, "NULL") == 0;
}

/* --- conditions --- */

static bool is_on_value(const struct sql_condition *condition)
{
    return condition->comparison != SQL_IS_NULL && condition->comparison != SQL_IS_NOT_NULL;
}

/* Where a constant has a type of its own, the SQL engine may cast the column to it: a text that is
 * compared with a DATE is no text then. A DATE is midnight to what has a time. */
static bool is_cast(struct prune *prune, const struct prune_condition *bound)
{
    const enum prune_family family = prune_family_of(bound->type);
    const struct column_type *type;
    enum prune_family constant;
    struct error err;

    if (!bound->condition->type)
        return false;
    if (column_type_parse(bound->condition->type, &prune->arena, &type, &err))
        return true;
    constant = prune_family_of(type);
    return constant != family &&
           !(constant == PRUNE_DATE && (family == PRUNE_TIMESTAMP || family == PRUNE_TIMESTAMPTZ));
}

static void read_constants(struct prune *prune, struct prune_condition *bound)
{
    const struct sql_condition *condition = bound->condition;
    struct prune_value *constants =
        arena_array(&prune->arena, condition->value_count, sizeof(*constants));

    if (is_cast(prune, bound))
        return;
    for (size_t i = 0; i < condition->value_count; i++) {
        if (!condition->values[i] || !prune_parse_constant(condition->values[i], condition->quoted,
                                         bound->type, &constants[i]))
            return;
    }
    bound->constants = constants;
}

static void add_condition(struct prune *prune, const struct sql_condition *condition,
    const struct catalog_column *columns, size_t column_count)
{
    struct prune_condition *bound = &prune->conditions[prune->count];
    struct error err;

    for (size_t i = 0; i < column_count; i++) {
        if (strcasecmp(columns[i].name, condition->column) == 0)
            bound->column = &columns[i];
    }
    if (!bound->column) /* the SQL engine says so */
        return;
    bound->condition = condition;
    if (is_null_type(bound->column->type) ||
        column_type_parse(bound->column->type, &prune->arena, &bound->type, &err))
        bound->type = NULL;
    if (bound->type && is_on_value(condition) && condition->value_count > 0)
        read_constants(prune, bound);
    prune->count++;
}

struct prune *prune_new(const struct sql_condition *conditions, size_t condition_count,
    const struct catalog_column *columns, size_t column_count)
{
    struct prune *prune = mem_new(struct prune);

    arena_init(&prune->arena);
    prune->given = conditions;
    prune->given_count = condition_count;
    prune->conditions = arena_array(&prune->arena, condition_count, sizeof(*prune->conditions));
    for (size_t i = 0; i < condition_count; i++)
        add_condition(prune, &conditions[i], columns, column_count);
    return prune;
}

void prune_free(struct prune *prune)
{
    if (!prune)
        return;
    arena_deinit(&prune->arena);
    free(prune);
}

bool prune_is_on(const struct prune *prune, const char *const *names, size_t name_count)
{
    for (size_t i = 0; i < prune->given_count; i++) {
        bool found = false;

        for (size_t j = 0; j < name_count && !found; j++)
            found = strcasecmp(prune->given[i].column, names[j]) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* --- what is known of a file --- */

/* NULL: the file has no such column. */
static const struct catalog_column *stored_column(
    const struct prune_file *file, const struct catalog_column *column)
{
    for (size_t i = 0; i < file->column_count; i++) {
        if (file->columns[i].field_id == column->field_id)
            return &file->columns[i];
    }
    return NULL;
}

/* What is read as another type stays what it is only where that one is wider. */
static enum prune_family common_family(
    const struct column_type *stored, const struct column_type *now)
{
    const bool kept = column_type_equal(stored, now) || column_type_widens(stored, now);

    return kept && prune_family_of(stored) == prune_family_of(now) ? prune_family_of(now)
                                                                   : PRUNE_OTHER;
}

static void read_bounds(const json_t *stats, const struct column_type *stored,
    const struct column_type *now, struct prune_facts *facts)
{
    const char *min = json_get_text(stats, "min"), *max = json_get_text(stats, "max");

    facts->family = common_family(stored, now);
    if (facts->family == PRUNE_OTHER)
        return;
    facts->range.has_min = min && prune_parse_bound(min, stored, PRUNE_LOWEST, &facts->range.min);
    facts->range.has_max = max && prune_parse_bound(max, stored, PRUNE_HIGHEST, &facts->range.max);
    if (facts->range.has_min && facts->range.has_max &&
        prune_compare(facts->family, &facts->range.min, &facts->range.max) > 0)
        facts->range.has_min = facts->range.has_max = false; /* they contradict each other */
}

static void read_facts(const struct prune_condition *condition, const struct prune_file *file,
    const json_t *stats, struct arena *arena, struct prune_facts *ret_facts)
{
    const struct catalog_column *stored =
        file->columns ? stored_column(file, condition->column) : condition->column;
    const struct column_type *type;
    const json_t *of_column;
    struct error err;
    char field_id[24];
    int64_t nulls;

    *ret_facts = (struct prune_facts){0};
    if (!stored) {
        ret_facts->range.all_null = true;
        return;
    }
    snprintf(field_id, sizeof(field_id), "%" PRId64, stored->field_id);
    of_column = json_object_get(stats, field_id);
    nulls = json_get_int(of_column, "nulls", -1);
    ret_facts->range.all_null =
        nulls >= 0 && nulls == file->rows && !json_get_text(of_column, "min");
    ret_facts->range.no_nulls = nulls == 0;
    if (condition->type && !is_null_type(stored->type) &&
        column_type_parse(stored->type, arena, &type, &err) == 0)
        read_bounds(of_column, type, condition->type, ret_facts);
}

/* --- may it? --- */

static bool may_be_less(const struct prune_facts *facts, const struct prune_value *constant)
{
    return !facts->range.has_min || prune_compare(facts->family, &facts->range.min, constant) < 0;
}

static bool may_be_at_most(const struct prune_facts *facts, const struct prune_value *constant)
{
    return !facts->range.has_min || prune_compare(facts->family, &facts->range.min, constant) <= 0;
}

static bool may_be_greater(const struct prune_facts *facts, const struct prune_value *constant)
{
    return !facts->range.has_max || facts->family == PRUNE_FLOAT ||
           prune_compare(facts->family, &facts->range.max, constant) > 0;
}

static bool may_be_at_least(const struct prune_facts *facts, const struct prune_value *constant)
{
    return !facts->range.has_max || facts->family == PRUNE_FLOAT ||
           prune_compare(facts->family, &facts->range.max, constant) >= 0;
}

/* NaN equals no number. */
static bool may_equal(const struct prune_facts *facts, const struct prune_value *constant)
{
    return may_be_at_most(facts, constant) &&
           (!facts->range.has_max ||
               prune_compare(facts->family, &facts->range.max, constant) >= 0);
}

static bool may_be_in(const struct prune_facts *facts, const struct prune_condition *condition)
{
    for (size_t i = 0; i < condition->condition->value_count; i++) {
        if (may_equal(facts, &condition->constants[i]))
            return true;
    }
    return false;
}

static bool may_fulfil(const struct prune_condition *condition, const struct prune_facts *facts)
{
    const enum sql_comparison comparison = condition->condition->comparison;

    if (comparison == SQL_IS_NULL)
        return facts->range.all_null || !facts->range.no_nulls;
    if (facts->range.all_null)
        return false;
    if (comparison == SQL_IS_NOT_NULL || !condition->constants || facts->family == PRUNE_OTHER)
        return true;
    switch (comparison) {
    case SQL_EQUAL:
        return may_equal(facts, condition->constants);
    case SQL_LESS:
        return may_be_less(facts, condition->constants);
    case SQL_LESS_EQUAL:
        return may_be_at_most(facts, condition->constants);
    case SQL_GREATER:
        return may_be_greater(facts, condition->constants);
    case SQL_GREATER_EQUAL:
        return may_be_at_least(facts, condition->constants);
    case SQL_IN:
        return may_be_in(facts, condition);
    default:
        return true;
    }
}

/* --- partitions --- */

void prune_partitions(struct prune *prune, const struct partition_field *fields, size_t field_count)
{
    prune->fields = fields;
    prune->field_count = field_count;
}

/* Whether one of the constants may be in the partition's bucket, where the condition is one of
 * equality. */
static bool bucket_may_hold(
    const struct prune_condition *condition, const struct partition_field *field, const char *value)
{
    const enum sql_comparison comparison = condition->condition->comparison;

    if (!condition->constants || (comparison != SQL_EQUAL && comparison != SQL_IN))
        return true;
    for (size_t i = 0; i < condition->condition->value_count; i++) {
        if (prune_partition_holds(field, value, condition->type, &condition->constants[i]))
            return true;
    }
    return false;
}

static bool partition_may_fulfil(const struct prune_condition *condition,
    const struct partition_field *field, const char *value, struct arena *arena)
{
    struct prune_facts facts = {
        .family = condition->type ? prune_family_of(condition->type) : PRUNE_OTHER};

    if (strcasecmp(field->column, condition->column->name) != 0)
        return true;
    prune_partition_range(field, value, condition->type, arena, &facts.range);
    return may_fulfil(condition, &facts) && bucket_may_hold(condition, field, value);
}

bool prune_partition_may_match(
    const struct prune *prune, const char *const *values, size_t value_count)
{
    bool may = true;
    struct arena arena;

    if (prune->count == 0 || value_count != prune->field_count)
        return true;
    arena_init(&arena);
    for (size_t i = 0; i < prune->count && may; i++) {
        for (size_t f = 0; f < value_count && may; f++)
            may = partition_may_fulfil(&prune->conditions[i], &prune->fields[f], values[f], &arena);
    }
    arena_deinit(&arena);
    return may;
}

/* --- files --- */

bool prune_may_match(const struct prune *prune, const struct prune_file *file)
{
    bool may = true;
    struct arena arena;
    json_t *stats;

    if (prune->count == 0)
        return true;
    arena_init(&arena);
    stats = file->stats ? json_parse(file->stats, strlen(file->stats), NULL) : NULL;
    for (size_t i = 0; i < prune->count && may; i++) {
        struct prune_facts facts;

        read_facts(&prune->conditions[i], file, stats, &arena, &facts);
        may = may_fulfil(&prune->conditions[i], &facts);
    }
    json_decref(stats);
    arena_deinit(&arena);
    return may;
}
