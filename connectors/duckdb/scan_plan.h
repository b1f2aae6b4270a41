/* What a SCAN reads and makes of it: the columns of the dataset, each file's own columns, and how
 * a file's cells are had from DuckDB. Built once, then used to copy (scan.c) and, where rows may be
 * bad, to tell them from the others (sift.c).
 *
 * Every format is read as a sub-select with columns c0, c1, … in the file's order: texts for CSV
 * and JSON, typed values for Parquet. convert.h makes the dataset's types of them, so that a
 * contract means the same in all formats. */
#ifndef CONNECTORS_DUCKDB_SCAN_PLAN_H
#define CONNECTORS_DUCKDB_SCAN_PLAN_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

enum {
    SCAN_SAMPLE_ROWS = 20480, /* of a file, for the types that no contract gives */
    SCAN_SAMPLE_FILES = 16,
};

struct scan_column {
    const char *name;
    const char *type;   /* NULL until known */
    const char *format; /* strptime's, of dates and times; NULL: ISO 8601 */
    bool contracted;
    bool open;     /* no value in the sample: has a type only if one appears */
    unsigned seen; /* infer.h's classes */
};

/* Another spelling of a column's name, in JSON: {"id": 1} {"ID": 2}. */
struct scan_alias {
    size_t column;
    const char *name;
};

struct scan_file {
    const struct sql_source *source;
    size_t *columns; /* indexes in scan_plan.columns, in the file's order */
    size_t count;
    const char **types; /* Parquet's; NULL: all are text */
    bool empty;         /* nothing in it, not even a header */
    bool marked_array;  /* JSON: an array behind a byte order mark */
};

enum scan_mode {
    SCAN_FAST,   /* the cells, and __file where scan_has_file(); anything wrong with a row ends the
                    statement with an error */
    SCAN_SAMPLE, /* the cells of the first rows, as the file writes them; bad rows are left out */
    SCAN_SIFT, /* also __file (0 …); of JSON __broken (why the row as a whole is bad, or null) and
                  l, its text. What is no record goes to reject_errors */
};

struct scan_plan;

struct scan_reader {
    /* Finds the file's columns: scan_plan_column() for each. */
    int (*layout)(struct scan_plan *plan, struct scan_file *file, struct error *err);
    /* Appends the sub-select over files of one layout, without parentheses. */
    void (*append_select)(const struct scan_plan *plan, const struct scan_file *files,
        size_t file_count, enum scan_mode mode, struct buffer *sql);
    bool json;  /* cells of a sample are JSON: texts have quotes */
    bool typed; /* cells have types: nothing is to be found out */
};

extern const struct scan_reader scan_csv, scan_json, scan_parquet;

struct scan_plan {
    const struct sql_scan *scan;
    const struct scan_reader *reader;
    duckdb_connection connection;
    struct arena *arena;
    struct scan_column *columns; /* malloc'd */
    size_t count, capacity;
    struct scan_alias *aliases; /* malloc'd; distinct names */
    size_t alias_count, alias_capacity;
    struct scan_file *files;
    const char *delimiter, *quote, *escape; /* of a CSV, once known */
    const char *first_line;                 /* the first CSV's header; NULL: not known */
};

int scan_plan_init(struct scan_plan *plan, const struct sql_scan *scan,
    duckdb_connection connection, struct arena *arena, struct error *err);
void scan_plan_deinit(struct scan_plan *plan);

/* The index of the column of that name, which it adds where there is none. */
size_t scan_plan_column(struct scan_plan *plan, const char *name);

/* The same; a name that differs from the column's in case becomes an alias of it. */
void scan_plan_member(struct scan_plan *plan, const char *name);

/* Whether what is read has a column __file: the place of the row's file, from 0. */
bool scan_has_file(const struct scan_plan *plan, enum scan_mode mode);

/* Whether both have the same columns at the same places. */
bool scan_file_alike(const struct scan_file *a, const struct scan_file *b);

/* Appends "['path', …]" and, for text formats, ", compression = '…'". */
void scan_append_paths(struct buffer *sql, const struct scan_file *files, size_t file_count);
void scan_append_compression(struct buffer *sql, const struct scan_file *file);

#endif
