/* Reads a type as the SQL engine prints it, or as people write it: its aliases, in any case. */
#include "runner/base/column_type.h"
#include "runner/base/column_type_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
    DEPTH_MAX = 32,
    FIELDS_MAX = 4096,
    WORD_SIZE = 64,
    DECIMAL_PRECISION = 18,
    DECIMAL_SCALE = 3
};

struct parser {
    const char *at, *text;
    struct arena *arena;
    unsigned depth;
    struct error *err;
};

static const struct alias {
    const char *name;
    enum column_kind kind;
} aliases[] = {
    {"null", COLUMN_NULL},
    {"boolean", COLUMN_BOOLEAN},
    {"bool", COLUMN_BOOLEAN},
    {"logical", COLUMN_BOOLEAN},
    {"tinyint", COLUMN_TINYINT},
    {"int1", COLUMN_TINYINT},
    {"smallint", COLUMN_SMALLINT},
    {"int2", COLUMN_SMALLINT},
    {"int16", COLUMN_SMALLINT},
    {"short", COLUMN_SMALLINT},
    {"integer", COLUMN_INTEGER},
    {"int", COLUMN_INTEGER},
    {"int4", COLUMN_INTEGER},
    {"int32", COLUMN_INTEGER},
    {"integral", COLUMN_INTEGER},
    {"signed", COLUMN_INTEGER},
    {"bigint", COLUMN_BIGINT},
    {"int8", COLUMN_BIGINT},
    {"int64", COLUMN_BIGINT},
    {"long", COLUMN_BIGINT},
    {"oid", COLUMN_BIGINT},
    {"utinyint", COLUMN_UTINYINT},
    {"uint8", COLUMN_UTINYINT},
    {"usmallint", COLUMN_USMALLINT},
    {"uint16", COLUMN_USMALLINT},
    {"uinteger", COLUMN_UINTEGER},
    {"uint32", COLUMN_UINTEGER},
    {"ubigint", COLUMN_UBIGINT},
    {"uint64", COLUMN_UBIGINT},
    {"decimal", COLUMN_DECIMAL},
    {"dec", COLUMN_DECIMAL},
    {"numeric", COLUMN_DECIMAL},
    {"float", COLUMN_FLOAT},
    {"float4", COLUMN_FLOAT},
    {"real", COLUMN_FLOAT},
    {"double", COLUMN_DOUBLE},
    {"float8", COLUMN_DOUBLE},
    {"varchar", COLUMN_VARCHAR},
    {"text", COLUMN_VARCHAR},
    {"string", COLUMN_VARCHAR},
    {"char", COLUMN_VARCHAR},
    {"character", COLUMN_VARCHAR},
    {"bpchar", COLUMN_VARCHAR},
    {"nvarchar", COLUMN_VARCHAR},
    {"json", COLUMN_JSON},
    {"enum", COLUMN_ENUM},
    {"blob", COLUMN_BLOB},
    {"bytea", COLUMN_BLOB},
    {"binary", COLUMN_BLOB},
    {"varbinary", COLUMN_BLOB},
    {"uuid", COLUMN_UUID},
    {"guid", COLUMN_UUID},
    {"date", COLUMN_DATE},
    {"time", COLUMN_TIME},
    {"timestamp", COLUMN_TIMESTAMP},
    {"timestamp_s", COLUMN_TIMESTAMP},
    {"timestamp_ms", COLUMN_TIMESTAMP},
    {"timestamp_us", COLUMN_TIMESTAMP},
    {"datetime", COLUMN_TIMESTAMP},
    {"timestamp_ns", COLUMN_TIMESTAMP_NS},
    {"timestamptz", COLUMN_TIMESTAMPTZ},
    {"struct", COLUMN_STRUCT},
    {"row", COLUMN_STRUCT},
    {"map", COLUMN_MAP},
};

/* What files of a table would bend, and what to cast it to. */
static const struct {
    const char *name, *instead;
} bent[] = {
    {"hugeint", "DECIMAL(38,0), BIGINT or DOUBLE"},
    {"int128", "DECIMAL(38,0), BIGINT or DOUBLE"},
    {"uhugeint", "DECIMAL(38,0), BIGINT or DOUBLE"},
    {"uint128", "DECIMAL(38,0), BIGINT or DOUBLE"},
    {"bignum", "DECIMAL(38,0) or VARCHAR"},
    {"varint", "DECIMAL(38,0) or VARCHAR"},
    {"bit", "VARCHAR"},
    {"bitstring", "VARCHAR"},
    {"union", "one type"},
    {"timetz", "TIME"},
    {"time_ns", "TIME"},
    {"interval", "VARCHAR or a number"},
    {"variant", "JSON or VARCHAR"},
    {"geometry", "VARCHAR or BLOB"},
};

static int parse_type(struct parser *parser, const struct column_type **ret_type);

/* --- words --- */

static int fail(const struct parser *parser, const char *why)
{
    return error_set(parser->err, ERROR_INVALID, "\"%.200s\" is not a type: %s", parser->text, why);
}

static int fail_bent(const struct parser *parser, const char *name, const char *instead)
{
    return error_set(parser->err, ERROR_NOT_SUPPORTED,
        "\"%.200s\": table files cannot hold %s: cast it to %s", parser->text, name, instead);
}

static void skip_spaces(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\r\n");
}

static bool take(struct parser *parser, char c)
{
    skip_spaces(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The next word, if it is this one. */
static bool take_word(struct parser *parser, const char *word)
{
    const size_t length = strlen(word);

    skip_spaces(parser);
    if (strncasecmp(parser->at, word, length) != 0 || in_word(parser->at[length]))
        return false;
    parser->at += length;
    return true;
}

/* A name, in double quotes (doubled within) or not. */
static int take_name(struct parser *parser, const char **ret_name)
{
    struct buffer name;
    const char *start;
    bool ended = false;

    skip_spaces(parser);
    if (*parser->at != '"') {
        start = parser->at;
        /* Any letter of a language beyond ASCII may stand in a name, too. */
        while (in_word(*parser->at) || *parser->at == '$' || (unsigned char)*parser->at >= 0x80)
            parser->at++;
        if (parser->at == start)
            return fail(parser, *start ? "a name is missing" : "it ends too early");
        *ret_name = arena_strndup(parser->arena, start, (size_t)(parser->at - start));
        return 0;
    }
    buffer_init(&name, 0);
    for (parser->at++; *parser->at; parser->at++) {
        ended = *parser->at == '"' && *++parser->at != '"';
        if (ended)
            break;
        buffer_putc(&name, *parser->at);
    }
    *ret_name = arena_strndup(parser->arena, name.data, name.length);
    buffer_deinit(&name);
    return ended ? 0 : fail(parser, "a quoted name does not end");
}

static bool take_number(struct parser *parser, int *ret_number)
{
    int number = 0;
    size_t digits = 0;

    skip_spaces(parser);
    for (; isdigit((unsigned char)*parser->at) && digits < 9; parser->at++, digits++)
        number = number * 10 + (*parser->at - '0');
    *ret_number = number;
    return digits > 0 && !in_word(*parser->at);
}

/* --- types with something in parentheses --- */

static int parse_decimal(struct parser *parser, const struct column_type **ret_type)
{
    int precision = DECIMAL_PRECISION, scale = DECIMAL_SCALE;

    if (take(parser, '(')) {
        scale = 0;
        if (!take_number(parser, &precision) ||
            (take(parser, ',') && !take_number(parser, &scale)) || !take(parser, ')'))
            return fail(parser, "a decimal is written DECIMAL(digits,digits behind the point)");
    }
    if (precision < 1 || precision > DECIMAL_DIGITS_MAX)
        return fail(parser, "a decimal has 1 to 38 digits");
    if (scale > precision)
        return fail(parser, "a decimal has no more digits behind the point than in all");
    *ret_type = column_type_decimal(precision, scale, parser->arena);
    return 0;
}

static int add_field(struct parser *parser, struct column_type *fields)
{
    const struct column_type *type;
    const char *name;

    if (fields->inner_count == FIELDS_MAX)
        return fail(parser, "a struct has 4096 fields at most");
    if (take_name(parser, &name) || parse_type(parser, &type))
        return -1;
    for (size_t i = 0; i < fields->inner_count; i++) {
        if (strcasecmp(fields->names[i], name) == 0)
            return fail(parser, "a struct has two fields of the same name");
    }
    if ((fields->inner_count & (fields->inner_count - 1)) == 0) { /* full: a power of two */
        const struct column_type *grown =
            column_type_nested(COLUMN_STRUCT, MAX(2 * fields->inner_count, 1), parser->arena);

        if (fields->inner_count) {
            memcpy((void *)grown->inner, fields->inner,
                fields->inner_count * sizeof(struct column_type *));
            memcpy((void *)grown->names, fields->names, fields->inner_count * sizeof(const char *));
        }
        fields->inner = grown->inner;
        fields->names = grown->names;
    }
    ((const char **)fields->names)[fields->inner_count] = name;
    column_type_parts(fields)[fields->inner_count++] = type;
    return 0;
}

static int parse_struct(struct parser *parser, const struct column_type **ret_type)
{
    struct column_type *type = arena_new(parser->arena, struct column_type);

    type->kind = COLUMN_STRUCT;
    if (!take(parser, '('))
        return fail(parser, "a struct is written STRUCT(name TYPE, …)");
    do {
        if (add_field(parser, type))
            return -1;
    } while (take(parser, ','));
    if (!take(parser, ')'))
        return fail(parser, "a struct is written STRUCT(name TYPE, …)");
    *ret_type = type;
    return 0;
}

static int parse_map(struct parser *parser, const struct column_type **ret_type)
{
    struct column_type *type = column_type_nested(COLUMN_MAP, 2, parser->arena);

    if (!take(parser, '('))
        return fail(parser, "a map is written MAP(KEY, VALUE)");
    if (parse_type(parser, &column_type_parts(type)[0]))
        return -1;
    if (!take(parser, ','))
        return fail(parser, "a map is written MAP(KEY, VALUE)");
    if (parse_type(parser, &column_type_parts(type)[1]))
        return -1;
    if (!take(parser, ')'))
        return fail(parser, "a map is written MAP(KEY, VALUE)");
    *ret_type = type;
    return 0;
}

/* Its values are texts, whichever they are. */
static int parse_enum(struct parser *parser, const struct column_type **ret_type)
{
    *ret_type = column_type_plain(COLUMN_ENUM);
    if (!take(parser, '('))
        return fail(parser, "an enumeration is written ENUM('a', 'b')");
    do {
        if (!take(parser, '\''))
            return fail(parser, "an enumeration is written ENUM('a', 'b')");
        for (; *parser->at && (parser->at[0] != '\'' || parser->at[1] == '\''); parser->at++)
            parser->at += *parser->at == '\'';
    } while (take(parser, '\'') && take(parser, ','));
    return take(parser, ')') ? 0 : fail(parser, "an enumeration is written ENUM('a', 'b')");
}

/* TIMESTAMP, TIMESTAMP(3), TIMESTAMP WITH TIME ZONE; TIME has no such number. */
static int parse_time(
    struct parser *parser, enum column_kind kind, const struct column_type **ret_type)
{
    const bool stamp = kind == COLUMN_TIMESTAMP;
    int digits = -1;

    if (stamp && take(parser, '(') &&
        (!take_number(parser, &digits) || !take(parser, ')') || digits > 9))
        return fail(parser, "a timestamp has 0 to 9 digits behind its seconds");
    if (take_word(parser, "with")) {
        if (!take_word(parser, "time") || !take_word(parser, "zone") || digits >= 0)
            return fail(parser, "did you mean TIMESTAMP WITH TIME ZONE?");
        if (!stamp)
            return fail_bent(parser, "TIME WITH TIME ZONE", "TIME");
        kind = COLUMN_TIMESTAMPTZ;
    } else if (take_word(parser, "without")) {
        if (!take_word(parser, "time") || !take_word(parser, "zone"))
            return fail(parser, "did you mean TIMESTAMP WITHOUT TIME ZONE?");
    }
    *ret_type = column_type_plain(digits > 6 ? COLUMN_TIMESTAMP_NS : kind);
    return 0;
}

/* FLOAT(24) is a FLOAT, FLOAT(53) a DOUBLE; VARCHAR(10) is as long as any. */
static int parse_plain(
    struct parser *parser, enum column_kind kind, const struct column_type **ret_type)
{
    int number = 0;

    if (kind == COLUMN_DOUBLE)
        take_word(parser, "precision");
    if (kind == COLUMN_VARCHAR)
        take_word(parser, "varying");
    if ((kind == COLUMN_VARCHAR || kind == COLUMN_FLOAT) && take(parser, '(') &&
        (!take_number(parser, &number) || !take(parser, ')')))
        return fail(parser, "a length is a number");
    if (kind == COLUMN_FLOAT && number > 24)
        kind = COLUMN_DOUBLE;
    *ret_type = column_type_plain(kind);
    return 0;
}

/* --- all of it --- */

static int unknown(struct parser *parser, const char *name)
{
    const char *known[ARRAY_LENGTH(aliases) + 1] = {0};
    const char *nearest;

    for (size_t i = 0; i < ARRAY_LENGTH(bent); i++) {
        if (strcasecmp(bent[i].name, name) == 0)
            return fail_bent(parser, name, bent[i].instead);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(aliases); i++)
        known[i] = aliases[i].name;
    nearest = text_nearest(name, known);
    if (nearest)
        return error_set(parser->err, ERROR_INVALID,
            "\"%.200s\" is not a type; did you mean \"%s\"?", parser->text, nearest);
    return fail(parser, "write one of the SQL engine's, as in bigint, date or decimal(10,2)");
}

static const struct alias *find_alias(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(aliases); i++) {
        if (strcasecmp(aliases[i].name, name) == 0)
            return &aliases[i];
    }
    return NULL;
}

static int parse_base(struct parser *parser, const struct column_type **ret_type)
{
    const struct alias *alias;
    const char *name;

    take_word(parser, "national");
    if (take_name(parser, &name))
        return -1;
    alias = find_alias(name);
    if (!alias)
        return unknown(parser, name);
    switch (alias->kind) {
    case COLUMN_DECIMAL:
        return parse_decimal(parser, ret_type);
    case COLUMN_STRUCT:
        return parse_struct(parser, ret_type);
    case COLUMN_MAP:
        return parse_map(parser, ret_type);
    case COLUMN_ENUM:
        return parse_enum(parser, ret_type);
    case COLUMN_TIME:
    case COLUMN_TIMESTAMP:
        return parse_time(parser, alias->kind, ret_type);
    default:
        return parse_plain(parser, alias->kind, ret_type);
    }
}

/* INTEGER[], INTEGER[3], INTEGER ARRAY, INTEGER ARRAY[3], and lists of those. */
static int parse_lists(struct parser *parser, const struct column_type **type)
{
    for (unsigned depth = parser->depth;;) {
        const bool array = take_word(parser, "array"), bracket = take(parser, '[');
        struct column_type *list;
        int length = 1;

        if (!array && !bracket)
            return 0;
        if (++depth > DEPTH_MAX)
            return fail(parser, "it is nested too deeply");
        if (bracket && !take(parser, ']') &&
            (!take_number(parser, &length) || length < 1 || !take(parser, ']')))
            return fail(parser, "a list is written TYPE[], an array TYPE[3]");
        list = column_type_nested(COLUMN_LIST, 1, parser->arena);
        column_type_parts(list)[0] = *type;
        *type = list;
    }
}

static int parse_type(struct parser *parser, const struct column_type **ret_type)
{
    int rc;

    if (parser->depth == DEPTH_MAX)
        return fail(parser, "it is nested too deeply");
    parser->depth++;
    rc = parse_base(parser, ret_type) || parse_lists(parser, ret_type) ? -1 : 0;
    parser->depth--;
    return rc;
}

int column_type_parse(
    const char *text, struct arena *arena, const struct column_type **ret_type, struct error *err)
{
    struct parser parser = {.at = text, .text = text, .arena = arena, .err = err};
    const struct column_type *type;

    if (parse_type(&parser, &type))
        return -1;
    skip_spaces(&parser);
    if (*parser.at)
        return fail(&parser, "there is more behind it");
    *ret_type = type;
    return 0;
}
