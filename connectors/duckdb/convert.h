/* Cells made into values of a column's type, as SQL. The rules of a contract are here: nothing is
 * rounded, cut or guessed without a word; what does not fit is a bad row. */
#ifndef CONNECTORS_DUCKDB_CONVERT_H
#define CONNECTORS_DUCKDB_CONVERT_H

#include "connectors/duckdb/scan_plan.h"

struct conversion {
    const char *try;  /* the value; null where the cell does not fit */
    const char *hard; /* the value; the statement fails where the cell does not fit */
    bool fits_always; /* no cell can be bad */
};

/* `cell` is an expression that may be evaluated several times. `from` is its type; NULL: text. */
struct conversion convert_cell(const struct scan_plan *plan, const struct scan_column *column,
    const char *cell, const char *from);

#endif
