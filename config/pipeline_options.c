/* What may stand in a pipeline file: the tables that binding, `sluice jsonschema` and the
 * reference in the README are made from. */
#include "config/pipeline_internal.h"
#include "runner/base/mem.h"

#include <stddef.h>

#define MIB (1024.0 * 1024)
#define TIB (1024.0 * 1024 * 1024 * 1024)

const char *const param_type_names[] = {"text", "int", "number", "bool", "date", "timestamp", NULL};
const char *const load_mode_names[] = {
    "append", "overwrite", "overwrite_partitions", "upsert", "delete", "scd2", NULL};
const char *const partition_transform_names[] = {
    "identity", "year", "month", "day", "hour", "bucket", "truncate", NULL};

static const char *const format_names[] = {"auto", "csv", "json", "ndjson", "parquet", NULL};
static const char *const compression_names[] = {"auto", "none", "gzip", "zstd", NULL};
static const char *const on_bad_row_names[] = {"fail", "quarantine", "skip", NULL};
static const char *const reread_names[] = {"none", "partition", NULL};
static const char *const on_changed_names[] = {"append", "replace", "fail", NULL};
static const char *const catchup_names[] = {"none", "last", "all", NULL};
static const char *const schema_policy_names[] = {
    "evolve", "freeze", "discard_columns", "discard_rows", NULL};
static const char *const on_empty_names[] = {"keep", "replace", "fail", NULL};
static const char *const absent_names[] = {"keep", "close", NULL};
static const char *const unchanged_names[] = {"write", "skip", NULL};

#define DURATION_MAX_MS (3660 * 86400000.0) /* ten years */
#define TASK_NAME_PATTERN "^[a-z0-9][a-z0-9_-]{0,254}$"

/* --- shared by tasks --- */

static const struct option retry_table[] = {
    {"attempts", OPTION_INT, offsetof(struct retry_options, attempts), .preset = "4", .min = 1,
        .max = 100, .help = "How often a task is tried in all"},
    {"backoff", OPTION_DURATION, offsetof(struct retry_options, backoff), .preset = "500ms",
        .min = 1, .max = 86400000, .help = "Longest wait before the second attempt; it doubles"},
    {"max_backoff", OPTION_DURATION, offsetof(struct retry_options, max_backoff), .preset = "30s",
        .min = 1, .max = 86400000, .help = "Longest wait between two attempts"},
    {"on", OPTION_TEXTS, offsetof(struct retry_options, on), .min = 1, .max = 32,
        .flags = OPTION_RAW, .pattern = "^[a-z_]+$", .check = pipeline_check_error_code,
        .help = "Failures to try again besides those that pass by themselves: [not_found, data]"},
};
static const struct option_set retry_set = OPTION_SET("retry",
    "Attempts at a task that failed for a passing reason", struct retry_options, retry_table);

#define OPTION_RETRY(type)                                                                         \
    {                                                                                              \
        "retry", OPTION_OBJECT, offsetof(type, retry),                                             \
            .fields = &retry_set,                                                                  \
            .help = "Attempts at this task; what is left out comes from defaults.retry"            \
    }
#define OPTION_TIMEOUT(type, of)                                                                   \
    {                                                                                              \
        "timeout", OPTION_DURATION, offsetof(type, timeout), .min = 1, .max = DURATION_MAX_MS,     \
                                                             .help = "Longest time for " of        \
    }
#define OPTION_AFTER(type)                                                                         \
    {                                                                                              \
        "after", OPTION_TEXTS, offsetof(type, after),                                              \
            .min = 1, .max = 1000, .flags = OPTION_RAW,                                            \
            .pattern = "^(extract|transform|load)\\.[a-z0-9][a-z0-9_-]*$",                         \
            .help = "Tasks that must be done first, besides those that it reads: [load.clean]"     \
    }

static const struct option csv_table[] = {
    {"delimiter", OPTION_TEXT, offsetof(struct csv_dialect, delimiter), .max = 4,
        .check = pipeline_check_delimiter, .help = "Column separator, one to four bytes"},
    {"quote", OPTION_TEXT, offsetof(struct csv_dialect, quote), .max = 1, .flags = OPTION_NULLABLE,
        .pattern = "^[ -~]?$", .check = pipeline_check_quote,
        .help = "What a text is quoted with; \"\" for nothing"},
    {"escape", OPTION_TEXT, offsetof(struct csv_dialect, escape), .max = 1,
        .flags = OPTION_NULLABLE, .pattern = "^[ -~]?$", .check = pipeline_check_quote,
        .help = "What stands before a quote in a text; \"\" for nothing"},
    {"header", OPTION_BOOL, offsetof(struct csv_dialect, header), .preset = "true",
        .help = "Whether the first line names the columns"},
    {"skip", OPTION_INT, offsetof(struct csv_dialect, skip), .preset = "0", .min = 0,
        .max = 1000000, .help = "Lines before the header"},
    {"nulls", OPTION_TEXTS, offsetof(struct csv_dialect, nulls), .min = 1, .max = 100,
        .flags = OPTION_NULLABLE, .help = "Texts that stand for null; default: the empty cell"},
    {"date_format", OPTION_TEXT, offsetof(struct csv_dialect, date_format), .max = 100,
        .pattern = "%", .check = pipeline_check_date_format,
        .help = "How dates are written, as strptime has it: \"%d.%m.%Y\""},
    {"timestamp_format", OPTION_TEXT, offsetof(struct csv_dialect, timestamp_format), .max = 100,
        .pattern = "%", .check = pipeline_check_date_format,
        .help = "How timestamps are written: \"%d.%m.%Y %H:%M\""},
    {"encoding", OPTION_TEXT, offsetof(struct csv_dialect, encoding), .max = 32,
        .pattern = "^(utf-8|latin-1|utf-16)$", .check = pipeline_check_encoding,
        .help = "utf-8 (default), latin-1 or utf-16"},
    {"decimal", OPTION_TEXT, offsetof(struct csv_dialect, decimal), .max = 1, .pattern = "^[.,]$",
        .check = pipeline_check_decimal, .help = "The decimal separator: . or ,"},
};
static const struct option_set csv_set =
    OPTION_SET("csv", "The dialect of CSV files", struct csv_dialect, csv_table);

/* --- params, resources, defaults --- */

static const struct option param_table[] = {
    {"type", OPTION_ENUM, offsetof(struct param, type), .preset = "text",
        .choices = param_type_names, .flags = OPTION_RAW, .help = "What its values are"},
    {"default", OPTION_TEXT, offsetof(struct param, preset), .flags = OPTION_NULLABLE,
        .help = "Its value where --param gives none; today and yesterday are the run's due date"},
    {"description", OPTION_TEXT, offsetof(struct param, description), .flags = OPTION_RAW,
        .help = "One line for whoever runs it"},
};
static const struct option_set param_set = {
    .name = "param",
    .help = "A parameter of the pipeline: --param NAME=VALUE, ${params.NAME}, $NAME in SQL",
    .options = param_table,
    .count = ARRAY_LENGTH(param_table),
    .size = sizeof(struct param),
    .shorthand = "type",
};

static const struct option resources_table[] = {
    {"memory", OPTION_SIZE, offsetof(struct resources, memory), .preset = "512MiB", .min = 64 * MIB,
        .max = TIB, .help = "Memory of the whole process"},
    {"threads", OPTION_INT, offsetof(struct resources, threads), .min = 1, .max = 256,
        .help = "Threads for SQL; default: the processors, at most 8 and as many as memory allows"},
    {"concurrency", OPTION_INT, offsetof(struct resources, concurrency), .preset = "64", .min = 1,
        .max = 4096, .help = "Transfers in flight"},
    OPTION_TIMEOUT(struct resources, "the whole run"),
    {"spool", OPTION_SIZE, offsetof(struct resources, spool), .preset = "20GiB", .min = MIB,
        .max = 1024 * TIB, .help = "Disk space for the files that a run keeps until its end"},
};
static const struct option_set resources_set =
    OPTION_SET("resources", "What a run may use", struct resources, resources_table);

static const struct option defaults_table[] = {
    {"retry", OPTION_OBJECT, offsetof(struct defaults, retry), .fields = &retry_set,
        .help = "Attempts at each task"},
    OPTION_TIMEOUT(struct defaults, "each task"),
};
static const struct option_set defaults_set = OPTION_SET(
    "defaults", "For each task that does not say otherwise", struct defaults, defaults_table);

/* --- extract --- */

static const struct option only_new_table[] = {
    {"enabled", OPTION_BOOL, offsetof(struct only_new, enabled), .preset = "false",
        .help = "Read each version of an object once"},
    {"reread", OPTION_ENUM, offsetof(struct only_new, reread), .preset = "none",
        .choices = reread_names,
        .help =
            "partition: a new object brings its whole folder back, for mode: overwrite_partitions"},
    {"on_changed", OPTION_ENUM, offsetof(struct only_new, on_changed), .preset = "append",
        .choices = on_changed_names, .value_name = "choice for changed objects",
        .help = "What becomes of an object that was read before and is another one now; replace: "
                "its rows go, the new ones come"},
};
static const struct option_set only_new_set = {
    .name = "only_new",
    .help = "Read each version of an object once; what was read is committed with the data",
    .options = only_new_table,
    .count = ARRAY_LENGTH(only_new_table),
    .size = sizeof(struct only_new),
    .shorthand = "enabled",
};

static const struct option cursor_table[] = {
    {"column", OPTION_TEXT, offsetof(struct cursor_options, column), .flags = OPTION_REQUIRED,
        .help = "The column that only grows"},
    {"start", OPTION_TEXT, offsetof(struct cursor_options, start),
        .help = "Where the first run begins; default: the smallest value"},
    {"lag", OPTION_DURATION, offsetof(struct cursor_options, lag), .max = DURATION_MAX_MS,
        .help = "How far back rows may still arrive: they are read again"},
};
static const struct option_set cursor_set = {
    .name = "cursor",
    .help = "Read only rows beyond the largest value of a column that was committed",
    .options = cursor_table,
    .count = ARRAY_LENGTH(cursor_table),
    .size = sizeof(struct cursor_options),
    .shorthand = "column",
};

static const struct option extract_table[] = {
    {"from", OPTION_TEXT, offsetof(struct extract, from), .max = 4096, .flags = OPTION_REQUIRED,
        .help = "Path or URL; * ? [] ** match several: \"s3://lake/in/**/*.parquet\"; or a table: "
                "catalog://namespace.table"},
    {"at", OPTION_TEXT, offsetof(struct extract, at), .max = 255,
        .help = "A table as it was: a position, a time or a tag; default: as it is"},
    {"only_new", OPTION_OBJECT, offsetof(struct extract, only_new), .fields = &only_new_set,
        .help = "Read each version of an object once"},
    {"cursor", OPTION_OBJECT, offsetof(struct extract, cursor), .fields = &cursor_set,
        .help = "Read only rows beyond the last run's"},
    {"repeat", OPTION_BOOL, offsetof(struct extract, repeat), .preset = "false",
        .help = "Every run appends all of it again: yes, that is meant"},
    {"format", OPTION_ENUM, offsetof(struct extract, format), .preset = "auto",
        .choices = format_names, .help = "What the files are; auto: by extension"},
    {"compression", OPTION_ENUM, offsetof(struct extract, compression), .preset = "auto",
        .choices = compression_names, .help = "How they are compressed; auto: by extension"},
    {"csv", OPTION_OBJECT, offsetof(struct extract, csv), .fields = &csv_set,
        .help = "The dialect of CSV files; what is left out is found out"},
    {"columns", OPTION_PAIRS, offsetof(struct extract, columns), .min = 1, .max = 10000,
        .pattern = "^[A-Za-z]", .check = pipeline_check_column_type,
        .help = "The types that must hold: {id: bigint, price: \"decimal(10,2)\"}"},
    {"on_bad_row", OPTION_ENUM, offsetof(struct extract, on_bad_row), .preset = "fail",
        .choices = on_bad_row_names, .value_name = "choice for bad rows",
        .help = "What becomes of a row that breaks the contract; a JSON array that is malformed "
                "has no rows to tell apart and fails whole"},
    {"max_bad_rows", OPTION_INT, offsetof(struct extract, max_bad_rows), .preset = "-1", .min = -1,
        .max = 9e15, .help = "More bad rows than that stop the run; -1: no limit"},
    {"max_bad_share", OPTION_TEXT, offsetof(struct extract, max_bad_share), .max = 32,
        .pattern = "^[0-9]+([.][0-9]+)?%$", .check = pipeline_check_percent,
        .help = "A greater share of bad rows stops the run: 1%"},
    {"metadata", OPTION_BOOL, offsetof(struct extract, metadata), .preset = "false",
        .help = "Adds _run_id, _source, _source_version and _row_number to each row"},
    {"timezone", OPTION_TEXT, offsetof(struct extract, timezone), .max = 255,
        .help = "Zone of timestamps without one; default: UTC"},
    {"mask", OPTION_TEXTS, offsetof(struct extract, mask), .min = 1, .max = 10000,
        .help = "Columns that are never shown in logs and samples"},
    OPTION_AFTER(struct extract),
    OPTION_RETRY(struct extract),
    OPTION_TIMEOUT(struct extract, "one attempt"),
};
static const struct option_set extract_set = OPTION_SET(
    "extract", "A dataset that is read from files, or from a table", struct extract, extract_table);

/* --- transform --- */

static const struct option transform_table[] = {
    {"sql", OPTION_TEXT, offsetof(struct transform, sql), .flags = OPTION_RAW,
        .help = "One SELECT over datasets by name; parameters are $NAME"},
    {"sql_file", OPTION_TEXT, offsetof(struct transform, sql_file), .max = 4096,
        .help = "A file with the SELECT, from the project's root"},
    {"checks", OPTION_LIST, offsetof(struct transform, checks), .fields = &pipeline_check_set,
        .min = 1, .max = 1000, .help = "Conditions on its rows"},
    OPTION_AFTER(struct transform),
    OPTION_RETRY(struct transform),
    OPTION_TIMEOUT(struct transform, "one attempt"),
};
static const char *const transform_one_of[] = {"sql", "sql_file", NULL};
static const struct option_set transform_set = {
    .name = "transform",
    .help = "A dataset that a SELECT makes from others",
    .options = transform_table,
    .count = ARRAY_LENGTH(transform_table),
    .size = sizeof(struct transform),
    .one_of = transform_one_of,
};

/* --- load --- */

static const struct option update_table[] = {
    {"when", OPTION_TEXT, offsetof(struct update_options, when), .flags = OPTION_RAW,
        .help = "The condition under which a row that is there is replaced: new.seq > old.seq"},
    {"unchanged", OPTION_ENUM, offsetof(struct update_options, unchanged), .preset = "write",
        .choices = unchanged_names, .value_name = "choice for unchanged rows",
        .help = "skip: a row that is there with the same values is not written again"},
};
static const struct option_set update_set = OPTION_SET("update",
    "What an upsert does with rows whose key is there", struct update_options, update_table);

static const struct option limits_table[] = {
    {"deletes", OPTION_TEXT, offsetof(struct load_limits, deletes), .max = 32,
        .pattern = "^([0-9]+|[0-9]+([.][0-9]+)?%)$", .check = pipeline_check_share,
        .help = "Most rows that one run may delete: 1000, or a share of the table: 5%"},
    {"rewrite", OPTION_SIZE, offsetof(struct load_limits, rewrite), .min = 1, .max = 1024 * TIB,
        .help = "Most bytes of stored files that one run may write again"},
};
static const struct option_set limits_set =
    OPTION_SET("limits", "What is refused as a surprise", struct load_limits, limits_table);

static const struct option compact_table[] = {
    {"deltas", OPTION_INT, offsetof(struct compact_options, deltas), .min = 2, .max = 1000000,
        .help = "After so many deltas in a partition"},
    {"files", OPTION_INT, offsetof(struct compact_options, files), .min = 2, .max = 1000000,
        .help = "After so many files in a partition"},
    {"buckets", OPTION_INT, offsetof(struct compact_options, buckets), .min = 1, .max = 65536,
        .help = "Parts of a partition, by hash of the key; default: by the size of the table"},
};
static const struct option_set compact_set =
    OPTION_SET("compact", "When a load puts the files of what it touched together",
        struct compact_options, compact_table);

static const struct option load_table[] = {
    {"from", OPTION_TEXT, offsetof(struct load, from), .flags = OPTION_RAW,
        .pattern = TASK_NAME_PATTERN, .check = pipeline_check_name,
        .help = "The dataset; default: the one of the same name"},
    {"into", OPTION_TEXT, offsetof(struct load, into),
        .pattern = "^[a-z0-9][a-z0-9_]*\\.[a-z0-9][a-z0-9_]*$", .check = pipeline_check_into,
        .help = "The table: namespace.table"},
    {"to", OPTION_TEXT, offsetof(struct load, to), .max = 4096,
        .help = "Plain files in place of a table: exports/x-${run.due:%Y-%m-%d}.csv"},
    {"mode", OPTION_ENUM, offsetof(struct load, mode), .preset = "append",
        .choices = load_mode_names, .help = "What becomes of the rows that are there"},
    {"key", OPTION_TEXTS, offsetof(struct load, key), .min = 1, .max = 100,
        .help = "Columns that tell rows apart, in the whole table; for upsert, delete and scd2"},
    {"partition_by", OPTION_TEXTS, offsetof(struct load, partition_by), .min = 1, .max = 16,
        .pattern = "^[^()]*(\\(.*\\) *)?$", .check = pipeline_check_partition,
        .help = "Columns, or year month day hour(c), \"bucket(16, c)\", \"truncate(4, c)\""},
    {"sort_by", OPTION_TEXTS, offsetof(struct load, sort_by), .min = 1, .max = 100,
        .help = "Columns that the rows of a file are sorted by"},
    {"required", OPTION_TEXTS, offsetof(struct load, required), .min = 1, .max = 10000,
        .help = "Columns of the table that are never null: a row without a value fails the load"},
    {"sequence_by", OPTION_TEXT, offsetof(struct load, sequence_by),
        .help = "The column whose largest value wins among rows of a key; default: the last to "
                "arrive"},
    {"delete_when", OPTION_TEXT, offsetof(struct load, delete_when), .flags = OPTION_RAW,
        .help = "Upsert: the condition of rows that delete: op = 'D'"},
    {"scope", OPTION_TEXT, offsetof(struct load, scope), .flags = OPTION_RAW,
        .help = "Overwrite_partitions: the condition of what is replaced, also where no rows come: "
                "day >= $since; rows outside of it are an error"},
    {"tombstones", OPTION_DURATION, offsetof(struct load, tombstones), .max = DURATION_MAX_MS,
        .help = "How long a delete keeps late rows of its key from coming back"},
    {"update", OPTION_OBJECT, offsetof(struct load, update), .fields = &update_set,
        .help = "Upsert: what becomes of rows whose key is there"},
    {"limits", OPTION_OBJECT, offsetof(struct load, limits), .fields = &limits_set,
        .help = "What is refused as a surprise"},
    {"track", OPTION_TEXTS, offsetof(struct load, track), .min = 1, .max = 10000,
        .help = "Scd2: the columns whose change makes a new row; default: all but the key"},
    {"as_of", OPTION_TEXT, offsetof(struct load, as_of), .max = 255,
        .help = "Scd2: the column that says since when a row holds, or a time; default: the run's "
                "due time"},
    {"absent", OPTION_ENUM, offsetof(struct load, absent), .preset = "keep",
        .choices = absent_names, .value_name = "choice for absent rows",
        .help = "Scd2: what becomes of rows whose key no longer comes; close: they end"},
    {"compact", OPTION_OBJECT, offsetof(struct load, compact), .fields = &compact_set,
        .help = "When files are put together"},
    {"file_size", OPTION_SIZE, offsetof(struct load, file_size), .preset = "128MiB",
        .min = 1024 * 64, .max = 64 * 1024 * MIB, .help = "The size that data files aim at"},
    {"schema", OPTION_ENUM, offsetof(struct load, schema), .preset = "evolve",
        .choices = schema_policy_names, .value_name = "schema policy",
        .help = "What becomes of columns and types that the table does not have"},
    {"on_empty", OPTION_ENUM, offsetof(struct load, on_empty), .preset = "keep",
        .choices = on_empty_names, .value_name = "choice for no rows",
        .help = "What an overwrite with no rows does"},
    {"format", OPTION_ENUM, offsetof(struct load, format), .preset = "auto",
        .choices = format_names, .help = "What the files of `to` are; auto: by extension"},
    {"compression", OPTION_ENUM, offsetof(struct load, compression), .preset = "auto",
        .choices = compression_names, .help = "How they are compressed; auto: by extension"},
    {"csv", OPTION_OBJECT, offsetof(struct load, csv), .fields = &csv_set,
        .help = "The dialect of CSV files that `to` writes"},
    {"checks", OPTION_LIST, offsetof(struct load, checks), .fields = &pipeline_check_set, .min = 1,
        .max = 1000, .help = "Conditions on the rows"},
    OPTION_AFTER(struct load),
    OPTION_RETRY(struct load),
    OPTION_TIMEOUT(struct load, "one attempt"),
};
static const char *const load_one_of[] = {"into", "to", NULL};
static const struct option_set load_set = {
    .name = "load",
    .help = "Where a dataset goes",
    .options = load_table,
    .count = ARRAY_LENGTH(load_table),
    .size = sizeof(struct load),
    .one_of = load_one_of,
};

/* --- the file --- */

static const struct option quarantine_table[] = {
    {"keep", OPTION_DURATION, offsetof(struct quarantine_options, keep), .preset = "90d",
        .min = 1000, .max = DURATION_MAX_MS, .help = "How long rows stay there"},
};
static const struct option_set quarantine_set = OPTION_SET(
    "quarantine", "Rows that were set aside", struct quarantine_options, quarantine_table);

static const struct option pipeline_table[] = {
    {"name", OPTION_TEXT, offsetof(struct pipeline, name), .flags = OPTION_RAW,
        .pattern = TASK_NAME_PATTERN, .check = pipeline_check_name,
        .help = "Default: the file's name"},
    {"description", OPTION_TEXT, offsetof(struct pipeline, description), .flags = OPTION_RAW,
        .help = "What it is for"},
    {"owner", OPTION_TEXT, offsetof(struct pipeline, owner), .flags = OPTION_RAW,
        .help = "Who to ask"},
    {"schedule", OPTION_TEXT, offsetof(struct pipeline, schedule), .max = 255,
        .check = pipeline_check_schedule,
        .help = "When it is due, as five cron fields: \"15 6 * * *\""},
    {"timezone", OPTION_TEXT, offsetof(struct pipeline, timezone), .preset = "UTC", .max = 255,
        .flags = OPTION_RAW, .help = "Zone of the schedule and of the dates of ${run.due}"},
    {"freshness", OPTION_DURATION, offsetof(struct pipeline, freshness), .min = 1,
        .max = DURATION_MAX_MS, .help = "Unhealthy when the last successful run is older"},
    {"catchup", OPTION_ENUM, offsetof(struct pipeline, catchup), .preset = "last",
        .choices = catchup_names, .help = "Which missed due times `run --all-due` makes up for"},
    {"deterministic", OPTION_BOOL, offsetof(struct pipeline, deterministic), .preset = "false",
        .help = "The same inputs give the same files, byte for byte; SQL has one thread then"},
    {"quarantine", OPTION_OBJECT, offsetof(struct pipeline, quarantine), .fields = &quarantine_set,
        .help = "Rows that on_bad_row: quarantine and checks set aside"},
    {"on_commit", OPTION_LIST, offsetof(struct pipeline, on_commit), .fields = &pipeline_hook_set,
        .min = 1, .max = 100, .help = "What is told that a run has committed"},
    {"on_failure", OPTION_LIST, offsetof(struct pipeline, on_failure), .fields = &pipeline_hook_set,
        .min = 1, .max = 100, .help = "What is told that a run has failed"},
    {"finally", OPTION_LIST, offsetof(struct pipeline, finally), .fields = &pipeline_hook_set,
        .min = 1, .max = 100, .help = "What is told that a run has ended, however it did"},
    {"params", OPTION_OBJECTS, offsetof(struct pipeline, params), .fields = &param_set, .max = 1000,
        .pattern = "^[A-Za-z_][A-Za-z0-9_]{0,62}$", .check = pipeline_check_param_name,
        .help = "Parameters, by name"},
    {"resources", OPTION_OBJECT, offsetof(struct pipeline, resources), .fields = &resources_set,
        .help = "What a run may use"},
    {"defaults", OPTION_OBJECT, offsetof(struct pipeline, defaults), .fields = &defaults_set,
        .help = "For each task that does not say otherwise"},
    {"extract", OPTION_OBJECTS, offsetof(struct pipeline, extracts), .fields = &extract_set,
        .max = 100000, .pattern = TASK_NAME_PATTERN, .check = pipeline_check_name,
        .help = "What is read, by dataset"},
    {"transform", OPTION_OBJECTS, offsetof(struct pipeline, transforms), .fields = &transform_set,
        .max = 100000, .pattern = TASK_NAME_PATTERN, .check = pipeline_check_name,
        .help = "What is made from it, by dataset"},
    {"load", OPTION_OBJECTS, offsetof(struct pipeline, loads), .fields = &load_set, .max = 100000,
        .pattern = TASK_NAME_PATTERN, .check = pipeline_check_name,
        .help = "Where it goes, by name; the name is the dataset where `from` is left out"},
};

const struct option_set pipeline_options = OPTION_SET("pipeline",
    "A pipeline: a graph of tasks from files to tables", struct pipeline, pipeline_table);
