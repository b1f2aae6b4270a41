/* The types of columns that no contract types, and how dates are written, from a sample of each
 * file. Stricter than DuckDB's own sniffer where that would lose something: 0123 stays text, so
 * does a number with more digits than BIGINT has, and 01/02/2003 is an error, not a guess. */
#ifndef CONNECTORS_DUCKDB_INFER_H
#define CONNECTORS_DUCKDB_INFER_H

#include "connectors/duckdb/scan_plan.h"

int infer_types(struct scan_plan *plan, struct error *err);

#endif
