/* Pruning: what is left out has no row that fulfils the conditions. The proof is by brute force:
 * random values of a type, statistics as a writer makes them, random conditions, and each row
 * asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/prune.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- one condition, one file --- */

struct asked {
    const char *type, *stored; /* stored NULL: the same */
    const char *stats;
    enum sql_comparison comparison;
    const char *value; /* NULL: none */
    bool unquoted;
    const char *constant_type;
};

static bool may(const struct asked *asked)
{
    const struct catalog_column now = {.name = "C", .type = asked->type, .field_id = 7};
    const struct catalog_column stored = {
        .name = "old", .type = asked->stored ? asked->stored : asked->type, .field_id = 7};
    const struct sql_condition condition = {.column = "c",
        .comparison = asked->comparison,
        .values = &asked->value,
        .value_count = asked->value ? 1 : 0,
        .quoted = !asked->unquoted,
        .type = asked->constant_type};
    const struct prune_file file = {
        .columns = &stored, .column_count = 1, .rows = 10, .stats = asked->stats};
    struct prune *prune = prune_new(&condition, 1, &now, 1);
    const bool answer = prune_may_match(prune, &file);

    prune_free(prune);
    return answer;
}

#define MAY(...) may(&(struct asked){__VA_ARGS__})
#define STATS(min, max, nulls)                                                                     \
    "{\"7\":{\"min\":\"" min "\",\"max\":\"" max "\",\"nulls\":" nulls "}}"

static void assert_between(const char *type, const char *stats, const char *below, const char *low,
    const char *high, const char *above, bool unquoted)
{
    assert_false(MAY(type, NULL, stats, SQL_EQUAL, below, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_EQUAL, low, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_EQUAL, high, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_EQUAL, above, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_IN, below, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_LESS, low, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_LESS, high, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_LESS_EQUAL, below, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_LESS_EQUAL, low, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_GREATER, high, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_GREATER, low, unquoted));
    assert_false(MAY(type, NULL, stats, SQL_GREATER_EQUAL, above, unquoted));
    assert_true(MAY(type, NULL, stats, SQL_GREATER_EQUAL, high, unquoted));
}

static void test_files_are_left_out(void **state)
{
    (void)state;
    assert_between("INTEGER", STATS("-5", "12", "0"), "-6", "-5", "12", "13", true);
    assert_between("INTEGER", STATS("-5", "12", "0"), "-6", "-5", "12", "13", false);
    assert_between("BIGINT", STATS("9007199254740993", "9007199254740995", "0"), "9007199254740992",
        "9007199254740993", "9007199254740995", "9007199254740996", true);
    assert_between("UBIGINT", STATS("18446744073709551613", "18446744073709551614", "0"),
        "18446744073709551612", "18446744073709551613", "18446744073709551614",
        "18446744073709551615", true);
    assert_between("DECIMAL(38,2)",
        STATS("123456789012345678901234567890.01", "123456789012345678901234567890.99", "0"),
        "123456789012345678901234567890.00", "123456789012345678901234567890.01",
        "123456789012345678901234567890.99", "123456789012345678901234567891", true);
    assert_between(
        "DECIMAL(10,2)", STATS("-0.50", "0.00", "0"), "-0.51", "-0.5", "0", "0.01", true);
    assert_between("VARCHAR", STATS("Abc", "a", "0"), "ABC", "Abc", "a", "a ", false);
    assert_between("VARCHAR", STATS("z", "\xc3\xa9", "0"), "y", "z", "\xc3\xa9", "\xc3\xaa", false);
    assert_false(MAY("BOOLEAN", NULL, STATS("true", "true", "0"), SQL_EQUAL, "false", true));
    assert_true(MAY("BOOLEAN", NULL, STATS("false", "true", "0"), SQL_EQUAL, "false", true));
    assert_false(MAY("BOOLEAN", NULL, STATS("false", "false", "0"), SQL_EQUAL, "true", true));
}

static void test_times_are_compared_as_instants(void **state)
{
    (void)state;
    assert_between("DATE", STATS("2001-02-28", "2004-02-29", "0"), "2001-02-27", "2001-02-28",
        "2004-02-29", "2004-03-01", false);
    assert_between("DATE", STATS("9999-12-31", "10000-01-01", "0"), "9999-12-30", "9999-12-31",
        "10000-01-01", "10000-01-02", false);
    assert_between("TIME", STATS("01:02:03", "01:02:03.5", "0"), "01:02:02.999999", "01:02:03",
        "01:02:03.50", "01:02:03.500001", false);
    assert_between("TIMESTAMP", STATS("2001-02-03 00:00:00", "2001-02-03 04:05:06.5", "0"),
        "2001-02-02", "2001-02-03", "2001-02-03T04:05:06.5", "2001-02-03 04:05:06.500001", false);
    assert_between("TIMESTAMP WITH TIME ZONE",
        STATS("2001-02-03 00:00:00+00", "2001-02-03 04:00:00+00", "0"), "2001-02-03 01:59:59+02",
        "2001-02-03 02:00:00+02", "2001-02-03 00:30:00-03:30", "2001-02-03 04:00:01", false);
    assert_between("UUID",
        STATS("00000000-0000-0000-0000-00000000000a", "ffffffff-0000-0000-0000-000000000000", "0"),
        "00000000-0000-0000-0000-000000000009", "00000000-0000-0000-0000-00000000000A",
        "ffffffff-0000-0000-0000-000000000000", "ffffffff-0000-0000-0000-000000000001", false);
}

static void test_constants_with_a_type(void **state)
{
    (void)state;
    assert_false(MAY("DATE", NULL, STATS("2001-01-01", "2001-01-02", "0"), SQL_EQUAL, "2001-01-03",
        false, "DATE"));
    assert_false(MAY("TIMESTAMP", NULL, STATS("2001-01-01 00:00:00", "2001-01-02 00:00:00", "0"),
        SQL_GREATER, "2001-01-02", false, "DATE"));
    assert_true(MAY("TIMESTAMP", NULL, STATS("2001-01-01 00:00:00", "2001-01-02 00:00:01", "0"),
        SQL_GREATER, "2001-01-02", false, "DATE"));
}

static void test_floats_leave_room(void **state)
{
    (void)state;
    assert_false(MAY("DOUBLE", NULL, STATS("1.5", "2.5", "0"), SQL_EQUAL, "1", true));
    assert_false(MAY("DOUBLE", NULL, STATS("1.5", "2.5", "0"), SQL_EQUAL, "3.0", true));
    assert_false(MAY("DOUBLE", NULL, STATS("1.5", "inf", "0"), SQL_LESS, "1", true));
    assert_false(MAY("DOUBLE", NULL, STATS("1e300", "inf", "0"), SQL_LESS_EQUAL, "9e299", true));
    assert_true(MAY("DOUBLE", NULL, STATS("1.5", "2.5", "0"), SQL_LESS_EQUAL, "1.5", true));
    assert_true(
        MAY("DOUBLE", NULL, STATS("0.1", "0.1", "0"), SQL_EQUAL, "0.10000000000000001", true));
    /* The nearest FLOAT to 0.1 is greater than 0.1. */
    assert_true(MAY("FLOAT", NULL, STATS("0.1", "0.1", "0"), SQL_EQUAL, "0.1", true));
    assert_true(
        MAY("DOUBLE", "FLOAT", STATS("0.1", "0.1", "0"), SQL_EQUAL, "0.10000000149011612", true));
    assert_true(MAY("FLOAT", NULL, STATS("0.3", "0.3", "0"), SQL_LESS, "0.3", true));
    assert_false(MAY("FLOAT", NULL, STATS("0.3", "0.3", "0"), SQL_LESS, "0.29999", true));
    assert_true(MAY("DOUBLE", NULL, STATS("0.0", "5.0", "0"), SQL_EQUAL, "-0.0", true));
    /* A NaN, which is greater than anything, is not in the statistics. */
    assert_true(MAY("DOUBLE", NULL, STATS("1.5", "2.5", "0"), SQL_GREATER, "100", true));
    assert_true(MAY("FLOAT", NULL, STATS("1.5", "2.5", "0"), SQL_GREATER_EQUAL, "100", true));
    assert_true(MAY("DOUBLE", NULL, STATS("1.5", "2.5", "0"), SQL_EQUAL, "nan", false));
    assert_true(MAY("DOUBLE", NULL, STATS("nan", "nan", "0"), SQL_EQUAL, "1", true));
}

static void test_nulls(void **state)
{
    static const char none[] = "{\"7\":{\"nulls\":0}}", all[] = "{\"7\":{\"nulls\":10}}",
                      some[] = "{\"7\":{\"nulls\":3}}";

    (void)state;
    assert_false(MAY("INTEGER", NULL, none, SQL_IS_NULL));
    assert_true(MAY("INTEGER", NULL, none, SQL_IS_NOT_NULL));
    assert_true(MAY("INTEGER", NULL, none, SQL_EQUAL, "1", true));
    assert_true(MAY("INTEGER", NULL, all, SQL_IS_NULL));
    assert_false(MAY("INTEGER", NULL, all, SQL_IS_NOT_NULL));
    assert_false(MAY("INTEGER", NULL, all, SQL_EQUAL, "1", true));
    assert_false(MAY("STRUCT(a INTEGER)", NULL, all, SQL_EQUAL, "1", true));
    assert_true(MAY("INTEGER", NULL, some, SQL_IS_NULL));
    assert_true(MAY("INTEGER", NULL, some, SQL_IS_NOT_NULL));
    assert_false(MAY("JSON", NULL, none, SQL_IS_NULL));
    assert_true(MAY("INTEGER", NULL, "{\"7\":{\"nulls\":10,\"min\":\"1\"}}", SQL_EQUAL, "1", true));
}

/* Each is a trap: somebody might take the constant, or the bound, for something else. */
static void test_in_doubt_a_file_stays(void **state)
{
    static const struct asked asked[] = {
        {"INTEGER", NULL, NULL, SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "[1]", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "{\"7\":5}", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "{\"8\":{\"min\":\"5\",\"max\":\"6\"}}", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "{\"7\":{\"min\":5,\"max\":6}}", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, "{\"7\":{\"max\":\"6\"}}", SQL_EQUAL, "1", true},
        {"INTEGER", NULL, STATS("five", "6", "0"), SQL_EQUAL, "1", true},
        {"INTEGER", NULL, STATS("6", "5", "0"), SQL_EQUAL, "1", true},
        {"INTEGER", NULL, STATS("5", "6", "-1"), SQL_IS_NULL},
        {"INTEGER", NULL, STATS("5", "6", "0"), SQL_EQUAL, "5.5", false}, /* is 6, cast */
        {"INTEGER", NULL, STATS("100", "100", "0"), SQL_EQUAL, "1e2", false},
        {"BIGINT", NULL, STATS("9007199254740993", "9007199254740993", "0"), SQL_EQUAL,
            "9007199254740992e0", true}, /* compared as DOUBLE */
        {"BIGINT", NULL, STATS("9007199254740993", "9007199254740993", "0"), SQL_EQUAL,
            "9007199254740992.00000000000000000000000000", true},
        {"DECIMAL(10,2)", NULL, STATS("5.56", "5.56", "0"), SQL_EQUAL, "5.555", false},
        {"BOOLEAN", NULL, STATS("true", "true", "0"), SQL_EQUAL, "1", true},
        {"VARCHAR", NULL, STATS("05", "05", "0"), SQL_EQUAL, "5", true}, /* compared as INTEGER */
        {"VARCHAR", NULL, STATS("b\xef\xbf\xbd", "c", "0"), SQL_EQUAL, "b", false},
        {"JSON", NULL, STATS("b", "c", "0"), SQL_EQUAL, "a", false},
        {"BLOB", NULL, STATS("b", "c", "0"), SQL_EQUAL, "a", false},
        {"INTEGER[]", NULL, STATS("[1]", "[2]", "0"), SQL_EQUAL, "[3]", false},
        {"DATE", NULL, STATS("2001-01-01", "2001-01-02", "0"), SQL_EQUAL, "2001-1-3", false},
        {"DATE", NULL, STATS("2001-01-01", "2001-01-02", "0"), SQL_EQUAL, "2001-01-03 10:00",
            false},
        {"DATE", NULL, STATS("2001-01-01", "2001-01-02", "0"), SQL_EQUAL, "20010103", true},
        {"DATE", NULL, STATS("0044-03-15 (BC)", "2001-01-02", "0"), SQL_LESS, "0001-01-01", false},
        {"DATE", NULL, STATS("2001-01-01", "infinity", "0"), SQL_GREATER, "2002-01-01", false},
        {"TIMESTAMP", NULL, STATS("2001-01-01 00:00:00", "2001-01-01 00:00:00", "0"), SQL_EQUAL,
            "2001-01-01 02:00:00+02", false},
        {"TIMESTAMP", NULL, STATS("2001-01-01 00:00:00", "2001-01-01 00:00:00", "0"), SQL_EQUAL,
            "2001-01-01 00:00:00.0000001", false},
        {"TIMESTAMP_NS", NULL,
            STATS("2001-01-01 00:00:00.000000999", "2001-01-01 00:00:00.000000999", "0"), SQL_EQUAL,
            "2001-01-01 00:00:00", false},
        {"TIMESTAMP WITH TIME ZONE", NULL, STATS("2001-01-01 00:00:00", "2001-01-01 00:00:00", "0"),
            SQL_EQUAL, "2005-01-01 00:00:00", false}, /* in which zone? */
        {"UUID", NULL,
            STATS("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000a",
                "0"),
            SQL_EQUAL, "0000000000000000000000000000000b", false},
        {"VARCHAR", "INTEGER", STATS("5", "6", "0"), SQL_EQUAL, "1", false},
        {"DOUBLE", "INTEGER", STATS("5", "6", "0"), SQL_GREATER, "7", true},
        {"DECIMAL(10,1)", "DECIMAL(10,2)", STATS("5.56", "5.56", "0"), SQL_EQUAL, "5.6", true},
        {"VARCHAR", NULL, STATS("2001-1-1", "2001-1-1", "0"), SQL_EQUAL, "2001-01-01", false,
            "DATE"},
        {"TIMESTAMP", NULL, STATS("2001-01-01 00:00:00", "2001-01-01 00:00:00", "0"), SQL_EQUAL,
            "2001-01-02 00:00:00", false, "TIMESTAMP WITH TIME ZONE"},
        {"DATE", NULL, STATS("2001-01-01", "2001-01-02", "0"), SQL_EQUAL, "2001-01-03", false, "X"},
        {"FANCY", NULL, STATS("5", "6", "0"), SQL_EQUAL, "1", true},
        {"NULL", NULL, STATS("5", "6", "0"), SQL_EQUAL, "1", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
        if (!may(&asked[i]))
            fail_msg("%s, %s: %s was left out", asked[i].type, asked[i].value, asked[i].stats);
    }
}

static void test_bounds_are_read_as_the_file_has_them(void **state)
{
    (void)state;
    assert_false(MAY("BIGINT", "INTEGER", STATS("5", "6", "0"), SQL_EQUAL, "7", true));
    assert_false(MAY("DECIMAL(20,2)", "INTEGER", STATS("5", "6", "0"), SQL_LESS, "4.99", true));
    assert_true(MAY("DECIMAL(20,2)", "INTEGER", STATS("5", "6", "0"), SQL_LESS, "5.01", true));
    assert_false(MAY("DOUBLE", "FLOAT", STATS("0.5", "0.6", "0"), SQL_EQUAL, "0.7", true));
}

static void test_a_column_that_a_file_lacks_is_null(void **state)
{
    static const char *const values[] = {"1"};
    const struct catalog_column now[] = {{.name = "a", .type = "INTEGER", .field_id = 1},
        {.name = "b", .type = "INTEGER", .field_id = 2}};
    struct sql_condition condition = {
        .column = "B", .comparison = SQL_EQUAL, .values = values, .value_count = 1};
    const struct prune_file old = {.columns = now, .column_count = 1, .rows = 10};
    struct prune *prune = prune_new(&condition, 1, now, 2);

    (void)state;
    assert_false(prune_may_match(prune, &old));
    prune_free(prune);
    condition = (struct sql_condition){.column = "b", .comparison = SQL_IS_NULL};
    prune = prune_new(&condition, 1, now, 2);
    assert_true(prune_may_match(prune, &old));
    prune_free(prune);
}

static void test_all_conditions_must_be_fulfilled(void **state)
{
    static const char stats[] = "{\"1\":{\"min\":\"1\",\"max\":\"5\",\"nulls\":0},"
                                "\"2\":{\"min\":\"a\",\"max\":\"c\",\"nulls\":0}}";
    static const char *const numbers[] = {"9", "3"}, *const texts[] = {"x"};
    const struct catalog_column columns[] = {{.name = "a", .type = "INTEGER", .field_id = 1},
        {.name = "b", .type = "VARCHAR", .field_id = 2}};
    const struct sql_condition conditions[] = {
        {.column = "a", .comparison = SQL_IN, .values = numbers, .value_count = 2},
        {.column = "b", .comparison = SQL_EQUAL, .values = texts, .value_count = 1, .quoted = true},
        {.column = "none", .comparison = SQL_EQUAL, .values = texts, .value_count = 1}};
    static const char *const key[] = {"B", "a"};
    const struct prune_file file = {.rows = 10, .stats = stats};
    struct prune *prune = prune_new(conditions, 1, columns, 2);

    (void)state;
    assert_true(prune_may_match(prune, &file)); /* 3 is in it */
    assert_false(prune_is_on(prune, key, 1));
    prune_free(prune);
    prune = prune_new(conditions, 2, columns, 2);
    assert_false(prune_may_match(prune, &file));
    assert_true(prune_is_on(prune, key, 2));
    prune_free(prune);
    prune = prune_new(&conditions[2], 1, columns, 2);
    assert_true(prune_may_match(prune, &file)); /* no such column: the SQL engine says so */
    assert_false(prune_is_on(prune, key, 2));
    prune_free(prune);
    prune = prune_new(NULL, 0, columns, 2);
    assert_true(prune_may_match(prune, &file));
    prune_free(prune);
}

/* --- brute force --- */

enum { ROWS = 6, ROUNDS = 40000 };

/* A type whose values are numbered in their order: value i < value i + 1. */
struct domain {
    const char *type;
    bool quoted, unordered_max; /* the latter: NaN may be among the rows */
    void (*write)(int64_t value, char text[64]);
};

static uint64_t random_state = 42;

static uint64_t random_next(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33;
}

static void write_big(int64_t value, char text[64])
{
    snprintf(text, 64, "%" PRId64, 9007199254740990 + value);
}

static void write_small(int64_t value, char text[64])
{
    snprintf(text, 64, "%" PRId64, value - 8);
}

static void write_decimal(int64_t value, char text[64])
{
    const int64_t cents = value - 8;

    snprintf(text, 64, "%s99999999999999999%01d.%02d", cents < 0 ? "-" : "",
        (int)(llabs(cents) / 4), (int)(llabs(cents) % 4 * 25));
}

static void write_float(int64_t value, char text[64])
{
    snprintf(text, 64, "%.9g", (double)((float)(value - 8) * 0.1F));
}

static void write_text(int64_t value, char text[64])
{
    static const char *const texts[] = {"", " ", "A", "Aa", "Z", "a", "a ", "aa", "b", "ba",
        "\xc3\x84", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80!",
        "\xf4\x8f\xbf\xbf"};

    snprintf(text, 64, "%s", texts[value]);
}

static void write_date(int64_t value, char text[64])
{
    char date[TIME_TEXT_SIZE];

    snprintf(text, 64, "%s", time_format_date((value + 10980) * MS_PER_DAY, date));
}

static void write_timestamp(int64_t value, char text[64])
{
    const struct civil at = time_civil((value * 250 + 983404799000) / 1000 * 1000);

    snprintf(text, 64, "%04d-%02d-%02d %02d:%02d:%02d.%03d", (int)at.year, at.month, at.day,
        at.hour, at.minute, at.second, (int)(value % 4 * 250));
}

static void write_timestamptz(int64_t value, char text[64])
{
    char local[64];

    write_timestamp(value, local);
    snprintf(text, 64, "%.40s+00", local);
}

static const struct domain domains[] = {
    {"BIGINT", false, false, write_big},
    {"TINYINT", false, false, write_small},
    {"INTEGER", true, false, write_small},
    {"DECIMAL(20,2)", false, false, write_decimal},
    {"FLOAT", false, true, write_float},
    {"VARCHAR", true, false, write_text},
    {"DATE", true, false, write_date},
    {"TIMESTAMP", true, false, write_timestamp},
    {"TIMESTAMP WITH TIME ZONE", true, false, write_timestamptz},
};

enum { VALUES = 16, NAN_VALUE = 100, NULL_VALUE = -1 };

static bool fulfils(int64_t row, enum sql_comparison comparison, const int64_t constants[2])
{
    if (row == NULL_VALUE)
        return comparison == SQL_IS_NULL;
    switch (comparison) {
    case SQL_EQUAL:
        return row == constants[0];
    case SQL_LESS:
        return row < constants[0];
    case SQL_LESS_EQUAL:
        return row <= constants[0];
    case SQL_GREATER:
        return row > constants[0];
    case SQL_GREATER_EQUAL:
        return row >= constants[0];
    case SQL_IN:
        return row == constants[0] || row == constants[1];
    case SQL_IS_NULL:
        return false;
    case SQL_IS_NOT_NULL:
        return true;
    }
    return false;
}

/* As a writer does: without what it does not know, bounds at times wider than they need to be. */
static void write_stats(const struct domain *domain, const int64_t *rows, struct buffer *stats)
{
    int64_t min = NAN_VALUE, max = NULL_VALUE;
    unsigned nulls = 0;
    char text[64];

    for (unsigned i = 0; i < ROWS; i++) {
        nulls += rows[i] == NULL_VALUE;
        if (rows[i] == NULL_VALUE || rows[i] == NAN_VALUE)
            continue;
        min = MIN(min, rows[i]);
        max = MAX(max, rows[i]);
    }
    buffer_puts(stats, "{\"7\":{\"x\":1");
    if (min != NAN_VALUE && random_next() % 8) {
        domain->write(random_next() % 4 ? min : 0, text);
        buffer_printf(stats, ",\"min\":\"%s\"", text);
    }
    if (max != NULL_VALUE && random_next() % 8) {
        domain->write(random_next() % 4 ? max : VALUES - 1, text);
        buffer_printf(stats, ",\"max\":\"%s\"", text);
    }
    if (random_next() % 8)
        buffer_printf(stats, ",\"nulls\":%u", nulls);
    buffer_puts(stats, "}}");
}

static bool round_of(const struct domain *domain)
{
    const enum sql_comparison comparison = (enum sql_comparison)(random_next() % 8);
    const int64_t low = (int64_t)(random_next() % VALUES), span = (int64_t)(random_next() % 6);
    const unsigned null_share = (unsigned)(random_next() % 4);
    int64_t rows[ROWS], constants[2];
    char texts[2][64];
    const char *values[2] = {texts[0], texts[1]};
    const struct catalog_column column = {.name = "c", .type = domain->type, .field_id = 7};
    const struct sql_condition condition = {.column = "c",
        .comparison = comparison,
        .values = values,
        .value_count = comparison == SQL_IN  ? 2
                       : comparison < SQL_IN ? 1
                                             : 0,
        .quoted = domain->quoted};
    struct prune_file file = {.rows = ROWS};
    struct buffer stats;
    struct prune *prune;
    bool any = false, answer;

    for (unsigned i = 0; i < ROWS; i++) {
        const int64_t value = low + (int64_t)(random_next() % (uint64_t)(span + 1));

        rows[i] = MIN(value, VALUES - 1);
        if (random_next() % 3 < null_share)
            rows[i] = NULL_VALUE;
        else if (domain->unordered_max && random_next() % 16 == 0)
            rows[i] = NAN_VALUE;
    }
    for (unsigned i = 0; i < 2; i++) {
        constants[i] = (int64_t)(random_next() % VALUES);
        domain->write(constants[i], texts[i]);
    }
    for (unsigned i = 0; i < ROWS; i++)
        any = any || fulfils(rows[i], comparison, constants);
    buffer_init(&stats, 0);
    write_stats(domain, rows, &stats);
    file.stats = stats.data;
    prune = prune_new(&condition, 1, &column, 1);
    answer = prune_may_match(prune, &file);
    if (any && !answer)
        fail_msg("%s: comparison %d with %s: %s was left out", domain->type, (int)comparison,
            values[0], stats.data);
    prune_free(prune);
    buffer_deinit(&stats);
    return answer;
}

static void test_brute_force(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(domains); i++) {
        unsigned left_out = 0;

        for (unsigned round = 0; round < ROUNDS / ARRAY_LENGTH(domains); round++)
            left_out += !round_of(&domains[i]);
        assert_in_range(left_out, 400, ROUNDS); /* and it is of use */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_left_out),
        cmocka_unit_test(test_times_are_compared_as_instants),
        cmocka_unit_test(test_constants_with_a_type),
        cmocka_unit_test(test_floats_leave_room),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_in_doubt_a_file_stays),
        cmocka_unit_test(test_bounds_are_read_as_the_file_has_them),
        cmocka_unit_test(test_a_column_that_a_file_lacks_is_null),
        cmocka_unit_test(test_all_conditions_must_be_fulfilled),
        cmocka_unit_test(test_brute_force),
    };

    return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
