/* Between column_type.c and column_type_parse.c. */
#ifndef RUNNER_BASE_COLUMN_TYPE_PRIVATE_H
#define RUNNER_BASE_COLUMN_TYPE_PRIVATE_H

#include "runner/base/column_type.h"

/* The one of a kind that has nothing inside. */
const struct column_type *column_type_plain(enum column_kind kind);

/* DECIMAL(precision,scale), in `arena`. */
const struct column_type *column_type_decimal(int precision, int scale, struct arena *arena);

/* LIST, STRUCT or MAP with room for `count` parts, in `arena`. */
struct column_type *column_type_nested(enum column_kind kind, size_t count, struct arena *arena);

/* Its parts may be written until it is handed out. */
const struct column_type **column_type_parts(struct column_type *type);

enum { DECIMAL_DIGITS_MAX = 38 };

#endif
