/* The records of a text file, as the SQL engine tells them apart, with their bytes and their lines:
 * of CSV a record ends with the line in which no quote is open, of NDJSON each line is one. Reads
 * the file in pieces; a record of more than RECORDS_BYTES_MAX bytes is given without its text. */
#ifndef CONNECTORS_DUCKDB_RECORDS_H
#define CONNECTORS_DUCKDB_RECORDS_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDS_BYTES_MAX = 8 * 1024 * 1024 };

struct records_dialect {
    const char *delimiter; /* NULL: lines; then the other two mean nothing */
    char quote, escape;    /* '\0': none */
    bool utf16; /* the file is; its text, and all offsets, are those of the same in UTF-8 */
};

struct record {
    const char *text; /* without its line end; valid until the next call; NULL: too long */
    size_t length;
    int64_t line;         /* where it begins, from 1 */
    uint64_t offset, end; /* its bytes in the file, its line end among them */
};

struct records;

/* A byte order mark is passed over. */
struct records *records_open(
    const char *path, const struct records_dialect *dialect, struct error *err);
void records_close(struct records *records); /* NULL is fine */

/* Passes over lines, whatever is in them. */
int records_skip_lines(struct records *records, int64_t count, struct error *err);

/* 1: a record, empty ones too; 0: there are no more. -1: an error of the file system. */
int records_next(struct records *records, struct record *ret_record, struct error *err);

/* A cell of a record: its bytes, quotes and all, and where it begins. False: there are no more;
 * *at begins at 0. */
struct records_cell {
    size_t start, length;
};
bool records_next_cell(const struct records_dialect *dialect, const char *text, size_t length,
    size_t *at, struct records_cell *ret_cell);

#endif
