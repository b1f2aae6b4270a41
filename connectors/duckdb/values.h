/* Values in DuckDB's vectors as what Iceberg and the bucket of a key hash: by meaning, not by how
 * they are stored. */
#ifndef CONNECTORS_DUCKDB_VALUES_H
#define CONNECTORS_DUCKDB_VALUES_H

#include "runner/base/buffer.h"

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
    VALUE_OTHER, /* a type that none of this is for */
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_UBIGINT, /* over Iceberg's long: its decimal(20,0) */
    VALUE_DECIMAL,
    VALUE_FLOATING,
    VALUE_TEXT,
    VALUE_BYTES,
    VALUE_UUID,
    VALUE_DATE,
    VALUE_TIME,      /* microseconds, as TIMESTAMP */
    VALUE_TIMESTAMP, /* with a zone, too */
    VALUE_TIMESTAMP_NS,
};

enum { VALUE_BYTES_MAX = 16 };

struct values {
    enum value_kind kind;
    duckdb_type type, storage;
    uint8_t scale;
    const void *data;
    uint64_t *validity; /* NULL: no nulls */
};

void values_open(struct values *values, duckdb_vector vector);
bool values_is_null(const struct values *values, idx_t row);

/* INTEGER, UBIGINT and DECIMAL (unscaled); DATE as days, TIME and the TIMESTAMPs by their unit. */
__int128 values_number(const struct values *values, idx_t row);

/* TEXT and BYTES. */
const char *values_bytes(const struct values *values, idx_t row, size_t *ret_length);

/* The fewest bytes of the number in two's complement, the highest first: how many. */
size_t values_minimal(__int128 number, uint8_t bytes[VALUE_BYTES_MAX]);

/* Iceberg's hash; of kinds that it has one of (values_has_hash). */
bool values_has_hash(enum value_kind kind);
uint32_t values_hash(const struct values *values, idx_t row);

/* Appends bytes that are the same for equal values, whatever the width of their type (5, 5.0 and
 * 5.00 as DECIMAL), and of which none is the beginning of another's. */
void values_encode(const struct values *values, idx_t row, struct buffer *buffer);

#endif
