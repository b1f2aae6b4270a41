/* An SQL engine: reads files into typed datasets, derives datasets by SELECT, checks them, writes
 * them as files. Embedded DuckDB now; remote engines later, so all of it is asynchronous,
 * cancellable, with progress. A session belongs to one run and is locked into the run's folder:
 * its SQL can read and write there and nowhere else, and cannot change that. */
#ifndef CONNECTORS_SQL_ENGINE_H
#define CONNECTORS_SQL_ENGINE_H

#include "runner/base/arena.h"
#include "runner/base/dialect.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

#include <stdbool.h>
#include <stdint.h>

/* --- what a statement is, without running it ------------------------------------------------ */

struct sql_table {
    const char *schema; /* NULL: none was written */
    const char *name;
    size_t offset;  /* byte of the statement where it is named */
    bool is_driver; /* the leftmost base table of its FROM, in each branch of a UNION, followed
                       through sub-queries and CTEs */
};

enum sql_comparison {
    SQL_EQUAL,
    SQL_LESS,
    SQL_LESS_EQUAL,
    SQL_GREATER,
    SQL_GREATER_EQUAL,
    SQL_IN,
    SQL_IS_NULL,
    SQL_IS_NOT_NULL,
};

/* column <comparison> constant, or parameter. BETWEEN is two. */
struct sql_condition {
    const char *column;
    enum sql_comparison comparison;
    const char *const *values; /* the constants as texts: one, more of IN, none of IS … */
    size_t value_count;
    bool quoted;      /* the constants are texts ('2001-01-01'), no numbers */
    const char *type; /* that the statement casts all constants to, DATE or TIMESTAMP '…' ("DATE",
                         "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID"): a column of texts
                         is not compared with it as texts are. NULL: none */
    const char *parameter; /* in place of a constant, which is there once its value is known:
                              "since"; NULL: none */
};

/* A column as it is written: c, t.c; of a STRUCT's member s.m the qualifier is s. */
struct sql_name {
    const char *qualifier; /* NULL: none */
    const char *name;
    size_t offset; /* byte of the statement */
};

/* A place where a statement leaves open what it gives of the same inputs. */
struct sql_doubt {
    size_t offset;    /* byte of the statement; 0 where it is not known */
    const char *what; /* "random() gives something else each time" */
};

/* One SELECT, parsed but not bound. Names of CTEs are taken out. */
struct sql_statement {
    struct sql_table
        *tables; /* in order of first mention; a name that is used twice is there once */
    size_t table_count;
    struct text_list parameters; /* "since" for $since */
    struct text_list ctes;       /* names that a WITH in it gives, as written, sub-queries too */
    bool rootless; /* a branch of it has no base table to be driven by: VALUES, a table function, a
                      SELECT without FROM */
    bool row_wise; /* no aggregate, join, window, order, limit, distinct: a row in, at most one out
                    */
    struct sql_condition *conditions; /* of a SELECT from one table, without others anywhere: what
                                         its WHERE asks of single columns, ANDed. A row that fails
                                         one is not looked at. None where that is not certain */
    size_t condition_count;
    const struct sql_doubt *doubts; /* by place, the first ones: the clock, random numbers, an order
                                       that is not said. None: the same inputs give the same rows */
    size_t doubt_count;
    struct text_list columns; /* what it calls the columns that it yields; none where one of them is
                                 the engine's to name, as those of a * are, and in a UNION */
    struct sql_name *names;   /* columns that its WHERE names, but in sub-queries and lambdas */
    size_t name_count;
};

/* --- data ------------------------------------------------------------------------------------ */

struct sql_column {
    const char *name;
    const char *type; /* as the engine writes it: BIGINT, DECIMAL(10,2), TIMESTAMP WITH TIME ZONE;
                         "NULL": no value has appeared in it, so it has no type yet. Files of a
                         WRITE leave such a column out; views give it as nulls */
    int64_t field_id; /* WRITE puts it into the files; 0: none */
    bool required;    /* WRITE: a null is ERROR_DATA and names the column */
};

struct sql_schema {
    struct sql_column *columns;
    size_t count;
};

/* Files of a table that were written with one schema and mean the same. */
struct sql_part {
    struct text_list files;
    const char *const *names; /* by column of the dataset's schema: what these files call it; NULL:
                                 they lack it, it is null. A type that differs is cast */
    const int64_t
        *positions;        /* by file: of the delta that brought it; NULL: no merging, no changes */
    const int64_t *groups; /* by file: its rows meet those of the same number only, as partitions
                              of a table do; NULL: 0 */
    const char *const *changes; /* by file: `_change_type` of its rows; NULL: as positions */
    bool deletes;               /* rows are the key (and sequence_by) of rows that are deleted */
    bool base; /* the oldest rows of their keys in their groups: no two rows of such parts have the
                  same key, and no row of other parts is older than the one with its key. Merging
                  is faster by that, and needs memory for the other parts' keys only */
};

/* How rows of the same key meet: the one with the greatest (sequence_by, position, place of its
 * file in the parts, number in the file) is the row, or none where that is a delete. A null
 * sequence is the smallest. Of one position a row beats a delete. */
struct sql_merge {
    struct text_list key; /* none: all rows are rows */
    const char *sequence_by;
    bool keep_deletes;       /* a delete that wins is a row with nulls beside key and sequence,
                                `_sluice_deleted` is true in it: for compaction. There is such a column
                                then */
    int64_t buckets, bucket; /* buckets > 0: only rows whose SQL_PARTITION_KEY of that width over
                                `key` is `bucket`; what is not is left out before rows meet */
};

/* A named, immutable set of rows that later statements of the session can select from. */
struct sql_dataset {
    const char *space; /* NULL, or the schema that it is in: a catalog's namespace */
    const char *name;
    struct sql_schema schema;
    int64_t rows;           /* -1: not counted (a view) */
    uint64_t bytes;         /* of its files */
    struct text_list files; /* paths in the run's folder; none for a view */
    const char *where;      /* SQL: which rows of them it has; NULL: all */
    /* A table's: in place of `files`. */
    const struct sql_part *parts;
    size_t part_count;
    struct sql_merge merge;
    bool with_changes; /* columns _change_type and _stream_position behind the others */
};

struct sql_reject {
    const char *object; /* as `sql_source.object` */
    int64_t line;       /* 1-based, of the object's text; the row's number for JSON and Parquet */
    const char *column; /* NULL: the row as a whole */
    const char *reason; /* one line; quotes at most 60 bytes of the value */
    const char *plain_reason; /* the same without a byte of the data, for logs and records */
};

enum { SQL_REJECTS_SHOWN = 10 };

/* --- requests -------------------------------------------------------------------------------- */

enum sql_verb {
    SQL_SCAN,   /* files → dataset, every column of every row read once under the contract */
    SQL_DERIVE, /* SELECT → dataset */
    SQL_CHECK,  /* SELECT that gives one boolean, or counts offending rows */
    SQL_WRITE,  /* dataset → files, sorted by partition, one per partition and file_size */
    SQL_EXPORT, /* dataset → one plain file */
    SQL_QUERY,  /* SELECT → rows handed to a sink as text */
    SQL_OPEN,   /* a table's files in the run's folder → dataset */
    SQL_DROP,   /* forgets a dataset; its files are the caller's to delete */
};

struct sql_source {
    const char *path;    /* below the run's folder (a symbolic link is fine) */
    const char *object;  /* what errors call it */
    const char *version; /* of the object; NULL: not known */
    enum file_compression compression;
};

/* Columns are matched by name in any case, over all sources; a file may lack one that no contract
 * names: null. Without a header the contract's columns name the first ones in order, the rest are
 * column0, column1, … by place. Types that no contract gives come from the first rows of the first
 * files; what they cannot tell without loss stays text (0123), and a date that may be day or month
 * first is an error. Members of JSON objects are columns, nested values have the type JSON; a JSON
 * document that is one object is one row. */
struct sql_scan {
    const char *dataset;
    const char *folder; /* for the dataset's files, <dataset>-<n>.parquet; exists */
    const struct sql_source *sources;
    size_t source_count;
    enum file_format format;
    struct csv_dialect csv;
    const struct sql_column *contract; /* types that must hold, by column name */
    size_t contract_count;
    bool skip_bad_rows;  /* else the first one fails the scan with ERROR_DATA */
    const char *rejects; /* with skip_bad_rows: the dataset to be made of the bad rows, with columns
                            source, source_version, line, column_name, reason, raw (the row's bytes,
                            what is not UTF-8 as \xNN, or text), row_json (where it has none: of
                            Parquet). NULL: none */
    struct text_list mask; /* columns whose values are seen nowhere in rejects and errors: they are
                              "sha256:" and 16 hexadecimal digits */
    const char *timezone;  /* of naive timestamps; NULL: UTC */
    bool schema_only;      /* no rows: the dataset has the sources' columns and is empty */
    /* results */
    struct sql_dataset ret_dataset;
    struct sql_dataset ret_rejected_rows; /* `rejects`; zeroed where no row was bad */
    int64_t ret_rejected;           /* rows; ret_dataset.rows + ret_rejected = rows of the files */
    struct sql_reject *ret_rejects; /* the first SQL_REJECTS_SHOWN, by object and line */
    size_t ret_reject_count;
};

/* What a statement does not name is ignored. */
struct sql_param {
    const char *name;
    const char *type;  /* "VARCHAR", "BIGINT", "DATE", …: the value is cast to it */
    const char *value; /* canonical text */
};

struct sql_derive {
    const char *dataset;
    const char *sql;
    const struct sql_param *params;
    size_t param_count;
    const char *folder;   /* as in sql_scan; NULL: it may stay a view, evaluated when read */
    const char *numbered; /* with `folder`: a dataset of that name, too, of the same rows with their
                             numbers in __sluice_row, BIGINT, from 0; NULL: none */
    struct sql_dataset ret_dataset;
};

struct sql_check {
    const char *sql; /* one row; a boolean (true: passed), or a number (0: passed) in column 1;
                        behind a boolean, column 2 may say what was found */
    const struct sql_param *params;
    size_t param_count;
    bool ret_passed;
    int64_t ret_count; /* what a number said; 0 otherwise */
    int64_t ret_found; /* what a number in column 2 said; 0 otherwise */
};

/* Statements of a session can ask for the last three by sluice_bucket(width, c),
 * sluice_truncate(width, c) and sluice_key_bucket(width, c, …): what sql_file.values says, the
 * buckets as numbers. */
enum sql_partition_transform {
    SQL_PARTITION_IDENTITY,
    SQL_PARTITION_YEAR, /* Iceberg's: years, months, days, hours since 1970 are one value each */
    SQL_PARTITION_MONTH,
    SQL_PARTITION_DAY,
    SQL_PARTITION_HOUR,
    SQL_PARTITION_BUCKET,   /* Iceberg's: murmur3 of the value, modulo width */
    SQL_PARTITION_TRUNCATE, /* Iceberg's: numbers down to a multiple of width, texts to so many code
                               points */
    SQL_PARTITION_KEY, /* `columns` together, of any types, null and "" apart: the bucket of a key,
                          modulo width; for ever the same. Not a partition of a table: compaction's
                        */
};

struct sql_partition {
    enum sql_partition_transform transform;
    const char *column;
    int64_t width;            /* of BUCKET, TRUNCATE, KEY: from 1 on */
    struct text_list columns; /* of KEY */
};

/* What a file's footer says of a column. */
struct sql_stats {
    const char *min, *max; /* as the engine writes values; outer bounds; NULL: not known */
    int64_t nulls;         /* -1: not known */
};

struct sql_file {
    const char *path;
    const char *const *values; /* one text a partition field: "2001-03", "2001-03-04",
                                  "2001-03-04-13", the value itself; NULL: null */
    int64_t rows;
    uint64_t bytes;
    const struct sql_stats *stats; /* by column of the written schema, top-level ones; NULL: none */
    const struct sql_schema *schema; /* what was written */
};

struct sql_request;

/* On the loop, for each file once it is complete and closed, before `done`. The file and its texts
 * are the receiver's from then on; texts live as long as the request's arena. */
typedef void (*sql_file_fn)(struct sql_request *request, const struct sql_file *file);

struct sql_write {
    const char *dataset;
    const char *folder;              /* for the files; exists */
    const char *prefix;              /* files are <prefix>-<n>.parquet, n = 0, 1, … */
    const struct sql_schema *schema; /* columns are cast to it, by name, in its order; a column that
                                        the dataset lacks is null. NULL: as they are */
    const struct sql_partition *partitions;
    size_t partition_count;
    struct text_list sort_by; /* within a file: "c", "c desc" */
    uint64_t file_bytes;      /* a target; 0: no limit */
    bool any_order;     /* rows need not keep theirs, nor fill one file after the other: all threads
                           write, a file or more each. No partitions, no sort_by */
    uint64_t row_bytes; /* any_order: of a row in memory, about */
    bool skip_misfits;  /* rows that do not fit the schema are left out and counted: a value that
                           cannot be cast without loss, a null where one is required, a value in a
                           column that the schema lacks. Else the first one is ERROR_DATA and names
                           column, both types and row */
    struct text_list key; /* what else names that row, where show_values */
    bool show_values;     /* errors may quote what is in it */
    sql_file_fn on_file;
    int64_t ret_rows, ret_skipped;
    size_t ret_files;
};

/* The dataset becomes one that statements select from, as those that a session opens with. */
struct sql_open {
    const struct sql_dataset *dataset;
};

struct sql_export {
    const char *dataset;
    const char *path;
    enum file_format format; /* CSV, JSON, NDJSON, PARQUET, ARROW */
    enum file_compression compression;
    struct csv_dialect csv;
    int64_t ret_rows;
    uint64_t ret_bytes;
};

/* On the loop, for some rows at a time: `cells` has row_count × column count texts, NULL for null.
 * The first call (row_count may be 0) comes also when there are no rows. Valid in the call. */
typedef void (*sql_rows_fn)(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count);

struct sql_query {
    const char *sql;
    const struct sql_param *params;
    size_t param_count;
    int64_t limit; /* rows; 0: all */
    sql_rows_fn on_rows;
    int64_t ret_rows;
};

/* Called exactly once, on the loop, never from within start or cancel. Of an error in a statement
 * that was given, err->detail is 1 + the byte of the statement, where that is known; its message
 * then begins with "line 2 of the SQL: " unless it is about the first line. */
typedef void (*sql_done_fn)(struct sql_request *request, const struct error *err);

struct sql_session;

/* The caller owns it and keeps it until `done`; zeroed but for verb, arena, done and arguments. */
struct sql_request {
    enum sql_verb verb;
    union {
        struct sql_scan scan;
        struct sql_derive derive;
        struct sql_check check;
        struct sql_write write;
        struct sql_export export;
        struct sql_query query;
        struct sql_open open;
        const char *drop;
    };
    struct arena *arena; /* results go there; touched on the loop only */
    sql_done_fn done;
    struct sql_session *session;
    void *operation; /* the connector's own */
};

struct sql_progress {
    double share; /* 0 … 1; negative: not known */
    int64_t rows;
};

struct sql_session_options {
    struct loop *loop;
    struct work_lane *lane; /* statements run in it, as many at once as it allows */
    const char *folder;     /* the run's; absolute; spill goes to <folder>/spill */
    uint64_t memory;        /* bytes that the engine may take */
    uint64_t spill;         /* bytes on disk; 0: no limit */
    unsigned threads;       /* in all */
    bool views_over; /* false: locked into `folder`. true: ad hoc (catalog read): the files of
                        `datasets` may be anywhere */
    struct text_list readable; /* files outside the folder that SCAN reads in place: real paths */
    const struct sql_dataset *datasets; /* views to begin with, over their files */
    size_t dataset_count;
};

struct sql_engine_type {
    const char *name; /* "duckdb" */

    /* Pure and synchronous; needs no session. On failure *ret_offset is the byte of `sql` where the
     * trouble is (0 where unknown). What is no single SELECT, or calls a function that reads or
     * writes outside (read_csv, glob, …), fails. */
    int (*parse)(const char *sql, struct arena *arena, struct sql_statement *ret_statement,
        size_t *ret_offset, struct error *err);

    /* Pure and synchronous, too: the condition, as SQL over the column's dataset, of rows whose
     * value in `from` WRITE can give a column like `to`: what can be cast without loss, no null
     * where one is required. NULL: all can. */
    const char *(*fits)(
        const struct sql_column *from, const struct sql_column *to, struct arena *arena);

    /* Opens on the calling thread (tens of ms: once a run). */
    struct sql_session *(*open)(const struct sql_session_options *options, struct error *err);
    void (*start)(struct sql_session *session, struct sql_request *request);
    void (*cancel)(struct sql_request *request); /* still ends in done; again is harmless */
    void (*progress)(struct sql_request *request, struct sql_progress *ret_progress);
    void (*close)(struct sql_session *session); /* no request may be under way; NULL is fine */

    /* Below this many bytes of resources.memory a run refuses; and what of it is the engine's. */
    uint64_t (*memory_minimum)(unsigned threads);
    uint64_t (*memory_share)(uint64_t process_bytes, unsigned threads);
};

struct sql_session {
    const struct sql_engine_type *type;
};

#endif
