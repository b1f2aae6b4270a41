/* Values of a table's columns as statistics and conditions write them, made comparable: numbers of
 * any size digit by digit, times as seconds, texts by their bytes. What cannot be read for certain
 * is not known, and nothing is concluded from it. Pure. */
#ifndef RUNNER_ENGINE_PRUNE_VALUE_H
#define RUNNER_ENGINE_PRUNE_VALUE_H

#include "runner/base/column_type.h"

/* What values are compared as. Those of different ones say nothing about each other. */
enum prune_family {
    PRUNE_OTHER, /* nothing is known about its order: nested ones, BLOB, JSON, ENUM */
    PRUNE_BOOLEAN,
    PRUNE_NUMBER, /* integers and decimals: exact */
    PRUNE_FLOAT,
    PRUNE_TEXT,
    PRUNE_UUID,
    PRUNE_DATE,
    PRUNE_TIME,
    PRUNE_TIMESTAMP,
    PRUNE_TIMESTAMPTZ,
};

enum { PRUNE_DIGITS_MAX = 38 }; /* of a DECIMAL; numbers with more are DOUBLE to the SQL engine */

struct prune_value {
    const char *text; /* as it was given */
    /* NUMBER: 0.<digits> × 10^magnitude, where it is exact; zero has no digits. */
    bool exact, negative;
    char digits[PRUNE_DIGITS_MAX];
    int digit_count, magnitude, fraction; /* fraction: digits behind the point, as written */
    bool exponent;                        /* 1e3: DOUBLE to the SQL engine */
    double number;                        /* NUMBER, FLOAT */
    int64_t seconds;                      /* DATE, TIME, TIMESTAMP…; BOOLEAN: 0, 1 */
    int32_t nanos;
};

enum prune_side { PRUNE_LOWEST, PRUNE_HIGHEST };

enum prune_family prune_family_of(const struct column_type *type);

/* A bound of a column in a file: `type` is what the file has. What is rounded on the way is rounded
 * outwards: a lowest one is never above, a highest one never below the truth. False: not known. */
bool prune_parse_bound(const char *text, const struct column_type *type, enum prune_side side,
    struct prune_value *ret_value);

/* A constant that a column of `type` is compared with; quoted: it was written as a text. False: the
 * SQL engine may see something else in it than we do. */
bool prune_parse_constant(
    const char *text, bool quoted, const struct column_type *type, struct prune_value *ret_value);

/* Less than 0, 0, greater than 0: values of one family. */
int prune_compare(
    enum prune_family family, const struct prune_value *a, const struct prune_value *b);

#endif
