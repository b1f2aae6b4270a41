#include "runner/base/column_type.h"

#include "runner/base/column_type_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
    [COLUMN_NULL] = "NULL",
    [COLUMN_BOOLEAN] = "BOOLEAN",
    [COLUMN_TINYINT] = "TINYINT",
    [COLUMN_SMALLINT] = "SMALLINT",
    [COLUMN_INTEGER] = "INTEGER",
    [COLUMN_BIGINT] = "BIGINT",
    [COLUMN_UTINYINT] = "UTINYINT",
    [COLUMN_USMALLINT] = "USMALLINT",
    [COLUMN_UINTEGER] = "UINTEGER",
    [COLUMN_UBIGINT] = "UBIGINT",
    [COLUMN_FLOAT] = "FLOAT",
    [COLUMN_DOUBLE] = "DOUBLE",
    [COLUMN_VARCHAR] = "VARCHAR",
    [COLUMN_JSON] = "JSON",
    [COLUMN_ENUM] = "VARCHAR",
    [COLUMN_BLOB] = "BLOB",
    [COLUMN_UUID] = "UUID",
    [COLUMN_DATE] = "DATE",
    [COLUMN_TIME] = "TIME",
    [COLUMN_TIMESTAMP] = "TIMESTAMP",
    [COLUMN_TIMESTAMP_NS] = "TIMESTAMP_NS",
    [COLUMN_TIMESTAMPTZ] = "TIMESTAMP WITH TIME ZONE",
};

/* --- making them --- */

const struct column_type *column_type_plain(enum column_kind kind)
{
    static const struct column_type types[] = {
        [COLUMN_NULL] = {.kind = COLUMN_NULL},
        [COLUMN_BOOLEAN] = {.kind = COLUMN_BOOLEAN},
        [COLUMN_TINYINT] = {.kind = COLUMN_TINYINT},
        [COLUMN_SMALLINT] = {.kind = COLUMN_SMALLINT},
        [COLUMN_INTEGER] = {.kind = COLUMN_INTEGER},
        [COLUMN_BIGINT] = {.kind = COLUMN_BIGINT},
        [COLUMN_UTINYINT] = {.kind = COLUMN_UTINYINT},
        [COLUMN_USMALLINT] = {.kind = COLUMN_USMALLINT},
        [COLUMN_UINTEGER] = {.kind = COLUMN_UINTEGER},
        [COLUMN_UBIGINT] = {.kind = COLUMN_UBIGINT},
        [COLUMN_FLOAT] = {.kind = COLUMN_FLOAT},
        [COLUMN_DOUBLE] = {.kind = COLUMN_DOUBLE},
        [COLUMN_VARCHAR] = {.kind = COLUMN_VARCHAR},
        [COLUMN_JSON] = {.kind = COLUMN_JSON},
        [COLUMN_ENUM] = {.kind = COLUMN_ENUM},
        [COLUMN_BLOB] = {.kind = COLUMN_BLOB},
        [COLUMN_UUID] = {.kind = COLUMN_UUID},
        [COLUMN_DATE] = {.kind = COLUMN_DATE},
        [COLUMN_TIME] = {.kind = COLUMN_TIME},
        [COLUMN_TIMESTAMP] = {.kind = COLUMN_TIMESTAMP},
        [COLUMN_TIMESTAMP_NS] = {.kind = COLUMN_TIMESTAMP_NS},
        [COLUMN_TIMESTAMPTZ] = {.kind = COLUMN_TIMESTAMPTZ},
    };

    assert((size_t)kind < ARRAY_LENGTH(types) && kind != COLUMN_DECIMAL);
    return &types[kind];
}

const struct column_type *column_type_decimal(int precision, int scale, struct arena *arena)
{
    struct column_type *type = arena_new(arena, struct column_type);

    assert(precision >= 1 && precision <= DECIMAL_DIGITS_MAX && scale >= 0 && scale <= precision);
    *type = (struct column_type){.kind = COLUMN_DECIMAL, .precision = precision, .scale = scale};
    return type;
}

struct column_type *column_type_nested(enum column_kind kind, size_t count, struct arena *arena)
{
    struct column_type *type = arena_new(arena, struct column_type);

    type->kind = kind;
    type->inner = arena_array(arena, count, sizeof(struct column_type *));
    type->inner_count = count;
    if (kind == COLUMN_STRUCT)
        type->names = arena_array(arena, count, sizeof(*type->names));
    return type;
}

const struct column_type **column_type_parts(struct column_type *type)
{
    return (const struct column_type **)type->inner;
}

static void set_name(struct column_type *type, size_t index, const char *name)
{
    ((const char **)type->names)[index] = name;
}

/* --- text --- */

void column_type_append(struct buffer *text, const struct column_type *type)
{
    switch (type->kind) {
    case COLUMN_DECIMAL:
        buffer_printf(text, "DECIMAL(%d,%d)", type->precision, type->scale);
        break;
    case COLUMN_LIST:
        column_type_append(text, type->inner[0]);
        buffer_puts(text, "[]");
        break;
    case COLUMN_STRUCT:
        buffer_puts(text, "STRUCT(");
        for (size_t i = 0; i < type->inner_count; i++) {
            buffer_puts(text, i ? ", " : "");
            text_append_sql_name(text, type->names[i]);
            buffer_putc(text, ' ');
            column_type_append(text, type->inner[i]);
        }
        buffer_putc(text, ')');
        break;
    case COLUMN_MAP:
        buffer_puts(text, "MAP(");
        column_type_append(text, type->inner[0]);
        buffer_puts(text, ", ");
        column_type_append(text, type->inner[1]);
        buffer_putc(text, ')');
        break;
    default:
        buffer_puts(text, names[type->kind]);
        break;
    }
}

/* --- which holds which --- */

/* An enumeration is stored as the texts that its values are. */
static enum column_kind kind_of(const struct column_type *type)
{
    return type->kind == COLUMN_ENUM ? COLUMN_VARCHAR : type->kind;
}

static bool is_nested(const struct column_type *type)
{
    return type->kind == COLUMN_LIST || type->kind == COLUMN_STRUCT || type->kind == COLUMN_MAP;
}

static bool is_integer(const struct column_type *type)
{
    return type->kind >= COLUMN_TINYINT && type->kind <= COLUMN_UBIGINT;
}

static bool is_unsigned(const struct column_type *type)
{
    return type->kind >= COLUMN_UTINYINT && type->kind <= COLUMN_UBIGINT;
}

static int bits_of(const struct column_type *type)
{
    return 8 << (type->kind - (is_unsigned(type) ? COLUMN_UTINYINT : COLUMN_TINYINT));
}

/* Decimal digits in front of the point that hold all its values. */
static int digits_of(const struct column_type *type)
{
    static const int digits[] = {3, 5, 10, 19, 3, 5, 10, 20};

    return type->kind == COLUMN_DECIMAL ? type->precision - type->scale
                                        : digits[type->kind - COLUMN_TINYINT];
}

static const struct column_type *find_field(const struct column_type *type, const char *name)
{
    for (size_t i = 0; i < type->inner_count; i++) {
        if (strcasecmp(type->names[i], name) == 0)
            return type->inner[i];
    }
    return NULL;
}

bool column_type_equal(const struct column_type *a, const struct column_type *b)
{
    if (kind_of(a) != kind_of(b) || a->precision != b->precision || a->scale != b->scale ||
        a->inner_count != b->inner_count)
        return false;
    for (size_t i = 0; i < a->inner_count; i++) {
        if (a->kind == COLUMN_STRUCT && strcasecmp(a->names[i], b->names[i]) != 0)
            return false;
        if (!column_type_equal(a->inner[i], b->inner[i]))
            return false;
    }
    return true;
}

static bool nested_widens(const struct column_type *from, const struct column_type *to)
{
    if (from->kind != to->kind)
        return false;
    for (size_t i = 0; i < from->inner_count; i++) {
        const struct column_type *part =
            from->kind == COLUMN_STRUCT ? find_field(to, from->names[i]) : to->inner[i];

        if (!part || !column_type_widens(from->inner[i], part))
            return false;
    }
    return true;
}

bool column_type_widens(const struct column_type *from, const struct column_type *to)
{
    if (from->kind == COLUMN_NULL || (!is_nested(from) && column_type_equal(from, to)))
        return true;
    if (is_nested(from))
        return nested_widens(from, to);
    if (is_integer(from) && is_integer(to))
        return is_unsigned(from) == is_unsigned(to)
                   ? bits_of(from) <= bits_of(to)
                   : is_unsigned(from) && bits_of(from) < bits_of(to);
    if (is_integer(from) || from->kind == COLUMN_DECIMAL)
        return to->kind == COLUMN_DECIMAL && digits_of(from) <= digits_of(to) &&
               from->scale <= to->scale;
    return from->kind == COLUMN_FLOAT && to->kind == COLUMN_DOUBLE;
}

static const struct column_type *common_number(
    const struct column_type *a, const struct column_type *b, struct arena *arena)
{
    const int digits = MAX(digits_of(a), digits_of(b)), scale = MAX(a->scale, b->scale);

    /* Signed ones that hold both; their order is that of their width. */
    for (int kind = COLUMN_TINYINT;
         kind <= COLUMN_BIGINT && a->kind != COLUMN_DECIMAL && b->kind != COLUMN_DECIMAL; kind++) {
        const struct column_type *type = column_type_plain((enum column_kind)kind);

        if (column_type_widens(a, type) && column_type_widens(b, type))
            return type;
    }
    return digits + scale > DECIMAL_DIGITS_MAX ? NULL
                                               : column_type_decimal(digits + scale, scale, arena);
}

/* The fields of `a`, then those that only `b` has. */
static const struct column_type *common_struct(
    const struct column_type *a, const struct column_type *b, struct arena *arena)
{
    struct column_type *type =
        column_type_nested(COLUMN_STRUCT, a->inner_count + b->inner_count, arena);
    size_t count = 0;

    for (size_t i = 0; i < a->inner_count; i++, count++) {
        const struct column_type *other = find_field(b, a->names[i]);
        const struct column_type *part =
            other ? column_type_common(a->inner[i], other, arena) : a->inner[i];

        if (!part)
            return NULL;
        column_type_parts(type)[count] = part;
        set_name(type, count, a->names[i]);
    }
    for (size_t i = 0; i < b->inner_count; i++) {
        if (find_field(a, b->names[i]))
            continue;
        column_type_parts(type)[count] = b->inner[i];
        set_name(type, count++, b->names[i]);
    }
    type->inner_count = count;
    return type;
}

static const struct column_type *common_parts(
    const struct column_type *a, const struct column_type *b, struct arena *arena)
{
    struct column_type *type = column_type_nested(a->kind, a->inner_count, arena);

    for (size_t i = 0; i < a->inner_count; i++) {
        column_type_parts(type)[i] = column_type_common(a->inner[i], b->inner[i], arena);
        if (!type->inner[i])
            return NULL;
    }
    return type;
}

const struct column_type *column_type_common(
    const struct column_type *a, const struct column_type *b, struct arena *arena)
{
    const bool numbers = (is_integer(a) || a->kind == COLUMN_DECIMAL) &&
                         (is_integer(b) || b->kind == COLUMN_DECIMAL);

    if (column_type_widens(b, a))
        return a;
    /* One with parts is made anew, so that the order of fields stays that of `a`. */
    if (!is_nested(a) && column_type_widens(a, b))
        return b;
    if (numbers)
        return common_number(a, b, arena);
    if (a->kind != b->kind || !is_nested(a))
        return NULL;
    return a->kind == COLUMN_STRUCT ? common_struct(a, b, arena) : common_parts(a, b, arena);
}

/* --- Iceberg --- */

static const struct iceberg_name {
    enum column_kind kind;
    const char *name;
} iceberg_names[] = {
    /* The first of a name is what the name is read as. */
    {COLUMN_BOOLEAN, "boolean"},
    {COLUMN_INTEGER, "int"},
    {COLUMN_TINYINT, "int"},
    {COLUMN_SMALLINT, "int"},
    {COLUMN_UTINYINT, "int"},
    {COLUMN_USMALLINT, "int"},
    {COLUMN_BIGINT, "long"},
    {COLUMN_UINTEGER, "long"},
    {COLUMN_UBIGINT, "decimal(20,0)"},
    {COLUMN_FLOAT, "float"},
    {COLUMN_DOUBLE, "double"},
    {COLUMN_VARCHAR, "string"},
    {COLUMN_JSON, "string"},
    {COLUMN_ENUM, "string"},
    {COLUMN_BLOB, "binary"},
    {COLUMN_UUID, "uuid"},
    {COLUMN_DATE, "date"},
    {COLUMN_TIME, "time"},
    {COLUMN_TIMESTAMP, "timestamp"},
    {COLUMN_TIMESTAMP_NS, "timestamp_ns"},
    {COLUMN_TIMESTAMPTZ, "timestamptz"},
    {COLUMN_NULL, "unknown"},
};

const char *column_type_iceberg(const struct column_type *type, struct arena *arena)
{
    if (type->kind == COLUMN_DECIMAL)
        return arena_printf(arena, "decimal(%d,%d)", type->precision, type->scale);
    for (size_t i = 0; i < ARRAY_LENGTH(iceberg_names); i++) {
        if (iceberg_names[i].kind == type->kind)
            return iceberg_names[i].name;
    }
    return NULL;
}

int column_type_from_iceberg(
    const char *text, struct arena *arena, const struct column_type **ret_type, struct error *err)
{
    static const char *const unreadable[] = {
        "timestamptz_ns", "variant", "geometry", "geography", NULL};
    int precision, scale, end = 0;

    /* UBIGINT's is no name of its own: it is a decimal as any other. */
    for (size_t i = 0; i < ARRAY_LENGTH(iceberg_names); i++) {
        if (iceberg_names[i].kind != COLUMN_UBIGINT && strcmp(iceberg_names[i].name, text) == 0) {
            *ret_type = column_type_plain(iceberg_names[i].kind);
            return 0;
        }
    }
    if (sscanf(text, "decimal(%2d,%2d )%n", &precision, &scale, &end) == 2 && end > 0 &&
        text[end] == '\0' && precision >= 1 && precision <= DECIMAL_DIGITS_MAX && scale >= 0 &&
        scale <= precision) {
        *ret_type = column_type_decimal(precision, scale, arena);
        return 0;
    }
    end = 0;
    if (sscanf(text, "fixed[%9d]%n", &precision, &end) == 1 && end > 0 && text[end] == '\0' &&
        precision >= 0) {
        *ret_type = column_type_plain(COLUMN_BLOB);
        return 0;
    }
    for (size_t i = 0; unreadable[i]; i++) {
        if (strncmp(text, unreadable[i], strlen(unreadable[i])) == 0)
            return error_set(err, ERROR_NOT_SUPPORTED,
                "the Iceberg type \"%.100s\" cannot be read by this version", text);
    }
    return error_set(err, ERROR_INVALID, "\"%.100s\" is no primitive type of Iceberg", text);
}
