/* Types of a table's columns: the SQL engine's names (BIGINT, DECIMAL(10,2), STRUCT("a" INTEGER),
 * VARCHAR[]), Iceberg's, and which type holds all values of another. Pure.
 *
 * Source: DuckDB's type names (duckdb.org/docs/sql/data_types), the Iceberg specification's
 * "Schemas and Data Types" and "Schema Evolution". */
#ifndef RUNNER_BASE_COLUMN_TYPE_H
#define RUNNER_BASE_COLUMN_TYPE_H

#include "runner/base/arena.h"
#include "runner/base/buffer.h"
#include "runner/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum column_kind {
    COLUMN_NULL, /* "NULL": no value has appeared yet */
    COLUMN_BOOLEAN,
    COLUMN_TINYINT,
    COLUMN_SMALLINT,
    COLUMN_INTEGER,
    COLUMN_BIGINT,
    COLUMN_UTINYINT,
    COLUMN_USMALLINT,
    COLUMN_UINTEGER,
    COLUMN_UBIGINT,
    COLUMN_DECIMAL,
    COLUMN_FLOAT,
    COLUMN_DOUBLE,
    COLUMN_VARCHAR,
    COLUMN_JSON,
    COLUMN_ENUM, /* its values are texts: stored as VARCHAR */
    COLUMN_BLOB,
    COLUMN_UUID,
    COLUMN_DATE,
    COLUMN_TIME,
    COLUMN_TIMESTAMP, /* microseconds, no zone; TIMESTAMP_S and TIMESTAMP_MS are read as it */
    COLUMN_TIMESTAMP_NS,
    COLUMN_TIMESTAMPTZ,
    COLUMN_LIST, /* also ARRAY: its length is not kept */
    COLUMN_STRUCT,
    COLUMN_MAP,
};

struct column_type {
    enum column_kind kind;
    int precision, scale;             /* DECIMAL */
    struct column_type *const *inner; /* LIST: 1, MAP: key and value, STRUCT: by field */
    const char *const *names;         /* STRUCT */
    size_t inner_count;
};

/* Fails with ERROR_INVALID for what is no type, and with ERROR_NOT_SUPPORTED for one that table
 * files would bend (HUGEINT, INTERVAL, TIME WITH TIME ZONE, UNION, BIT, …): the message says which
 * type to cast to. The result lives in `arena`. */
int column_type_parse(
    const char *text, struct arena *arena, const struct column_type **ret_type, struct error *err);

/* The SQL engine's name, always the same for the same type. */
void column_type_append(struct buffer *text, const struct column_type *type);

bool column_type_equal(const struct column_type *a, const struct column_type *b);

/* Whether a table's column may go from one to the other: all values stay what they are. int →
 * bigint → decimal, float → double, a decimal with more digits before and no fewer behind the
 * point, NULL → anything, fields added to a STRUCT, and that inside of lists, maps and structs. */
bool column_type_widens(const struct column_type *from, const struct column_type *to);

/* The narrowest type that both widen to, in `arena`; NULL: there is none. */
const struct column_type *column_type_common(
    const struct column_type *a, const struct column_type *b, struct arena *arena);

/* Iceberg's name ("long", "decimal(10,2)", "timestamptz") of a primitive type; the format version
 * that it needs is 3 for timestamp_ns and
 * unknown (NULL), else 2. Types that Iceberg lacks go by the one that holds
 * all their values: UBIGINT is decimal(20,0), TINYINT int, JSON and ENUM string. NULL for a nested
 * type: its parts are asked one by one. In `arena`. */
const char *column_type_iceberg(const struct column_type *type, struct arena *arena);

/* The other way: of a primitive type; ERROR_INVALID where it is none. */
int column_type_from_iceberg(
    const char *text, struct arena *arena, const struct column_type **ret_type, struct error *err);

#endif
