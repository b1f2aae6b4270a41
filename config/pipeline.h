/* The pipeline model: one YAML file as plain structs (DESIGN section 3). config reads, binds,
 * interpolates and validates what a file alone can tell; runner/engine/plan resolves file lists,
 * tables, SQL and secrets. Everything lives in the pipeline's arena. */
#ifndef CONFIG_PIPELINE_H
#define CONFIG_PIPELINE_H

#include "config/diagnostics.h"
#include "runner/base/arena.h"
#include "runner/base/dialect.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stdint.h>

struct bind_marks;
struct environment;

enum param_type { PARAM_TEXT, PARAM_INT, PARAM_NUMBER, PARAM_BOOL, PARAM_DATE, PARAM_TIMESTAMP };

struct param {
    struct option_item item;
    int type;           /* enum param_type */
    const char *preset; /* `default:`; NULL: must be given */
    const char *description;
    const char *value; /* after --param and default; canonical text (dates ISO 8601); never NULL in
                          a pipeline that was loaded to be run */
    bool from_env;     /* the value is the default's, which holds an ${env.…}: perhaps a secret */
};

struct resources {
    uint64_t memory; /* bytes; the process's RSS */
    int64_t threads, concurrency;
    struct duration timeout; /* of the run; 0: none */
    uint64_t spool;          /* disk quota of the run's own files */
};

struct retry_options {
    int64_t attempts;
    struct duration backoff, max_backoff;
    struct text_list on; /* error codes (error_code_name()) that are tried again besides those that
                            pass by themselves; none: those alone */
};

struct defaults {
    struct retry_options retry;
    struct duration timeout; /* of a task; 0: none */
};

enum on_bad_row { ON_BAD_ROW_FAIL, ON_BAD_ROW_QUARANTINE, ON_BAD_ROW_SKIP };

enum reread { REREAD_NONE, REREAD_PARTITION };

enum on_changed { ON_CHANGED_APPEND, ON_CHANGED_REPLACE, ON_CHANGED_FAIL };

struct only_new {
    bool enabled;   /* `only_new: true`, or the map was there */
    int reread;     /* enum reread */
    int on_changed; /* enum on_changed: of an object that was seen under another version */
};

struct cursor_options {
    const char *column; /* NULL: no cursor */
    const char *start;
    struct duration lag;
};

struct extract {
    struct option_item item;
    const char *from; /* path, URL, glob, catalog://namespace.table; already interpolated */
    const char *from_namespace, *from_table; /* of catalog://; NULL: files */
    const char *at; /* of catalog://: a position, a time or a tag; NULL: now */
    struct only_new only_new;
    struct cursor_options cursor;
    bool repeat;     /* `repeat: true`: read whole each time although a load appends it */
    int format;      /* enum file_format; AUTO: by extension */
    int compression; /* enum file_compression */
    struct csv_dialect csv;
    struct option_pairs columns; /* contract: name → SQL type */
    int on_bad_row;              /* enum on_bad_row */
    int64_t max_bad_rows;        /* of a run: more stop it; -1: no limit */
    const char *max_bad_share;   /* as written: "1%"; NULL: no limit */
    double bad_share;            /* the same, 0 … 1; -1: no limit */
    bool metadata; /* columns _run_id, _source, _source_version, _row_number behind the others */
    const char *timezone; /* of naive timestamps; NULL: UTC */
    struct text_list mask, after;
    struct retry_options retry;
    struct duration timeout;
};

enum check_kind {
    CHECK_NOT_NULL,        /* columns */
    CHECK_UNIQUE,          /* columns, together */
    CHECK_ACCEPTED_VALUES, /* values, by column */
    CHECK_ROW_COUNT,       /* min, max, change against the last run */
    CHECK_SQL,             /* sql: one row, one boolean */
    CHECK_REGEX,           /* patterns, by column */
    CHECK_BETWEEN,         /* bounds, by column */
    CHECK_FOREIGN_KEY,     /* columns whose values are in another dataset */
    CHECK_FRESHNESS,       /* a column's newest value */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARN, SEVERITY_QUARANTINE };

struct row_count_options {
    int64_t min, max;    /* max -1: none */
    const char *change;  /* as written: "50%"; NULL: not compared with the last run */
    double change_share; /* the same, 0 …; -1: not compared */
};

struct foreign_key_options {
    struct text_list columns;
    const char *references; /* a dataset of the pipeline */
    struct text_list key;   /* its columns, in the same order; never empty after loading */
};

struct freshness_options {
    const char *column;
    struct duration max_age; /* of its newest value, at the run's due time */
};

struct check {
    struct option_item item;
    enum check_kind kind; /* which of the keys below was there */
    const char *title;    /* `name:`, or made from the kind: "not_null(flight_date, operator)" */
    int severity;         /* enum severity */
    struct text_list not_null, unique;
    struct option_texts_by_name accepted_values;
    struct row_count_options row_count;
    const char *sql;
    struct option_pairs regex;           /* column → RE2 that the whole value matches */
    struct option_texts_by_name between; /* column → [least, most]; "" is open */
    struct foreign_key_options foreign_key;
    struct freshness_options freshness;
};

struct transform {
    struct option_item item;
    const char *sql;      /* the text, also where sql_file named it */
    const char *sql_file; /* as written, from the project's root; NULL */
    const char *sql_path; /* the file that holds `sql`: the pipeline's, or sql_file's, for errors */
    struct option_items checks; /* struct check */
    struct text_list after;
    struct duration timeout;
    struct retry_options retry;
};

enum load_mode {
    MODE_APPEND,
    MODE_OVERWRITE,
    MODE_OVERWRITE_PARTITIONS,
    MODE_UPSERT,
    MODE_DELETE,
    MODE_SCD2, /* an upsert by (key, valid_from): each change of a row is kept */
};

enum schema_policy { SCHEMA_EVOLVE, SCHEMA_FREEZE, SCHEMA_DISCARD_COLUMNS, SCHEMA_DISCARD_ROWS };

enum on_empty { ON_EMPTY_KEEP, ON_EMPTY_REPLACE, ON_EMPTY_FAIL };

enum absent_policy { ABSENT_KEEP, ABSENT_CLOSE };

enum unchanged_policy { UNCHANGED_WRITE, UNCHANGED_SKIP };

/* How an upsert treats a row whose key is there. */
struct update_options {
    const char *when; /* SQL over `new` and `old`; NULL: always */
    int unchanged;    /* enum unchanged_policy */
};

/* What a load may do at most: more is a surprise, and refused. */
struct load_limits {
    const char *deletes;  /* as written: "5%", "1000"; NULL: no limit */
    double deletes_share; /* of the table's rows, 0 … 1; -1: none */
    int64_t deletes_rows; /* -1: none */
    uint64_t rewrite;     /* bytes of files that a merge writes again; 0: none */
};

/* When a load is followed by a compaction of what it touched; 0: that does not start one. */
struct compact_options {
    int64_t deltas, files; /* of a partition */
    int64_t buckets;       /* by hash of the key; 0: chosen by the first round */
};

enum partition_transform {
    PARTITION_IDENTITY,
    PARTITION_YEAR,
    PARTITION_MONTH,
    PARTITION_DAY,
    PARTITION_HOUR,
    PARTITION_BUCKET,
    PARTITION_TRUNCATE,
};

struct partition_field {
    enum partition_transform transform;
    int64_t width; /* of bucket and truncate */
    const char *column;
    const char *text; /* as written, normalised: "bucket(16, c)" */
};

struct load {
    struct option_item item;
    const char *from; /* the dataset; never NULL after loading */
    const char *into; /* "namespace.table", NULL where `to` is set */
    const char *into_namespace, *into_table;
    const char *to;  /* path or URL of plain files */
    bool to_per_run; /* ${run.id} or ${run.due} is in it: each run has a file of its own */
    int mode;        /* enum load_mode */
    struct text_list key, partition_by, sort_by;
    struct text_list required;          /* columns of the table that are never null */
    struct partition_field *partitions; /* partition_by, parsed */
    size_t partition_count;
    const char *sequence_by, *delete_when;
    const char *scope;          /* overwrite_partitions: SQL over the columns; NULL: none */
    struct duration tombstones; /* how long deletes are remembered; 0: not at all */
    struct update_options update;
    struct load_limits limits;
    struct text_list track; /* scd2: columns whose change makes a new row; none: all but the key */
    const char *as_of;      /* scd2: a column, or with as_of_is_time a time; NULL: the run's due */
    bool as_of_is_time;     /* ISO 8601 */
    int absent;             /* scd2: enum absent_policy */
    struct compact_options compact;
    uint64_t file_size;
    int schema;                 /* enum schema_policy */
    int on_empty;               /* enum on_empty */
    int format;                 /* enum file_format, of `to`; AUTO: by extension */
    int compression;            /* of `to`; AUTO: by extension */
    struct csv_dialect csv;     /* of `to` */
    struct option_items checks; /* struct check */
    struct text_list after;
    struct duration timeout;
    struct retry_options retry;
};

/* A POST of JSON when a run has ended. */
struct hook {
    struct option_item item;
    const char *url;
    struct option_pairs headers;
    const char *body; /* JSON; NULL: the run as `runs show --json` has it */
    struct duration timeout;
    int64_t attempts;
};

struct quarantine_options {
    struct duration keep; /* of rows; older ones are expired by the next run that commits */
};

/* What becomes of due times that nobody ran, by `run --all-due`. */
enum catchup { CATCHUP_NONE, CATCHUP_LAST, CATCHUP_ALL };

struct pipeline {
    struct arena arena;
    const char *path; /* as shown in errors: relative to the working folder where it is below */
    const char *root; /* the project's root: where relative paths start; absolute */
    const char *name, *description, *owner, *schedule, *timezone;
    struct duration freshness; /* 0: not watched */
    int catchup;               /* enum catchup */
    bool deterministic;        /* the same inputs give the same files, byte for byte */
    struct quarantine_options quarantine;
    struct option_items on_commit, on_failure, finally; /* struct hook */
    struct option_items params;
    struct resources resources;
    struct defaults defaults;
    struct option_items extracts, transforms, loads; /* in the order of the file */
    struct option_pairs secrets; /* what ${secret.NAME} asks for: NAME → the option that names it
                                    ("extract.x.from"), mark; plan and run refuse them for now */
    struct bind_marks *marks;    /* where each field was written */
};

struct interpolate_environment;

/* What the interpolation of a file may use; NULL or 0 where it is not known. */
struct pipeline_scope {
    const struct environment *environment; /* vars, logs, root */
    const char *run_id;                    /* NULL: ${run.id} stays a checked placeholder */
    int64_t due_ms;                        /* 0: not known */
    const struct option_pairs *params;     /* --param k=v */
    const struct interpolate_environment *variables; /* NULL: the process's */
    bool for_run; /* a parameter without a value and an ${env.X} that is not set are errors; else
                     the first is left open and the second a warning */
    bool without_files; /* no sql_file is opened, its `sql` stays empty: for fuzzing */
};

/* Reads, binds and validates one file. Every error of it is added to `problems`; NULL when there
 * was one at least (warnings are fine). `path` is opened as it is. */
struct pipeline *pipeline_load(
    const char *path, const struct pipeline_scope *scope, struct diagnostics *problems);

/* The same from memory, for tests and fuzzing; no file is opened but a sql_file. */
struct pipeline *pipeline_parse(const char *path, const char *text, size_t length,
    const struct pipeline_scope *scope, struct diagnostics *problems);
void pipeline_free(struct pipeline *pipeline);

/* Where the field at `field` (its address in one of the structs above) was written; the item that
 * holds it where it is a default; line 1 where nothing is known. */
struct option_mark pipeline_mark(const struct pipeline *pipeline, const void *field);

/* Whether the file says anything for that field, be it the default's value; for a nested struct
 * (`&extract->csv`) ask pipeline_has_map(), as it begins where its first field does. */
bool pipeline_is_set(const struct pipeline *pipeline, const void *field);
bool pipeline_has_map(const struct pipeline *pipeline, const void *object);

/* What ${…} the field was written with, as a set of enum interpolate_use (config/interpolate.h):
 * the guard of `to` asks for INTERPOLATE_RUN_ID | INTERPOLATE_RUN_DUE. */
unsigned pipeline_uses(const struct pipeline *pipeline, const void *field);

/* Where byte `offset` of a transform's SQL stands, and in which file: *ret_path is transform's
 * sql_path. The same for the SQL of a check (`&check->sql`). */
struct option_mark pipeline_sql_mark(const struct pipeline *pipeline,
    const struct transform *transform, size_t offset, const char **ret_path);
struct option_mark pipeline_text_mark(
    const struct pipeline *pipeline, const char *const *field, size_t offset);

/* Whether any extract has the column under `mask:`: its values are seen nowhere, in no dataset. */
bool pipeline_masks(const struct pipeline *pipeline, const char *column);

struct extract *pipeline_extract(const struct pipeline *pipeline, const char *name);
struct transform *pipeline_transform(const struct pipeline *pipeline, const char *name);
struct load *pipeline_load_named(const struct pipeline *pipeline, const char *name);

/* The option table of the whole file: binding, schema, reference. */
extern const struct option_set pipeline_options;

extern const char *const load_mode_names[],
    *const partition_transform_names[], *const check_kind_names[], *const severity_names[],
                                                                       *const param_type_names[];

/* `month(c)`, `"bucket(16, c)"`, `c`, with the column in double quotes where it needs them. */
int pipeline_parse_partition(
    const char *text, struct arena *arena, struct partition_field *ret_field, struct error *err);

#endif
