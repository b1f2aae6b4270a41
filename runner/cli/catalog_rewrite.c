/* catalog alter: another partitioning or key, by rewriting the table into a new version. */
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"
#include "runner/engine/compact.h"

#include <stddef.h>

struct alter_flags {
    struct text_list partition_by, key;
    const char *sequence_by;
    int64_t buckets;
    uint64_t memory, file_size;
    bool unpartitioned, dry_run;
};

static const struct option options_table[] = {
    {"partition-by", OPTION_TEXTS, offsetof(struct alter_flags, partition_by),
        .value_name = "FIELD", .help = "As in YAML: day(c), \"bucket(16, c)\"; one flag each"},
    {"unpartitioned", OPTION_BOOL, offsetof(struct alter_flags, unpartitioned),
        .help = "One partition for all rows"},
    {"key", OPTION_TEXTS, offsetof(struct alter_flags, key), .value_name = "COLUMN",
        .help = "What tells rows apart, one flag each"},
    {"sequence-by", OPTION_TEXT, offsetof(struct alter_flags, sequence_by), .value_name = "COLUMN",
        .help = "The column whose largest value wins"},
    {"buckets", OPTION_INT, offsetof(struct alter_flags, buckets), .min = 1,
        .max = COMPACT_BUCKETS_MAX, .value_name = "N",
        .help = "Of a table with a key: into how many parts compaction splits its rows"},
    {"file-size", OPTION_SIZE, offsetof(struct alter_flags, file_size), .preset = "128MiB",
        .min = 1, .max = 1e12, .help = "How large files are to become"},
    {"memory", OPTION_SIZE, offsetof(struct alter_flags, memory), .preset = "512MiB", .min = 1,
        .max = 1e15, .help = "What the process may take"},
    {"dry-run", OPTION_BOOL, offsetof(struct alter_flags, dry_run),
        .help = "Say what would be rewritten, touch nothing"},
};
const struct option_set catalog_alter_flags =
    OPTION_SET("alter", "Options", struct alter_flags, options_table);

struct altering {
    struct compact compact;
    struct error err;
};

static void on_done(struct compact *compact, const struct error *err)
{
    error_keep_first(&container_of(compact, struct altering, compact)->err, err);
}

static void cancel(void *data)
{
    compact_cancel(data);
}

static void report(struct cli *cli, const struct compact *compact, const char *table)
{
    struct compact_result sum = {0};
    char before[PRINT_COUNTED_SIZE], after[PRINT_COUNTED_SIZE], size[TIME_TEXT_SIZE];
    json_t *item;

    for (size_t i = 0; i < compact->result_count; i++) {
        sum.files_rewritten += compact->results[i].files_rewritten;
        sum.bytes_rewritten += compact->results[i].bytes_rewritten;
        sum.files_after += compact->results[i].files_after;
        sum.rows_after += compact->results[i].rows_after;
    }
    if (cli->globals.json) {
        item = json_object();
        json_put_text(item, "table", table);
        json_object_set_new(item, "dry_run", json_boolean(compact->dry_run));
        json_put_int(
            item, "version", compact->version.version + (compact->alteration && !compact->dry_run));
        json_put_int(item, "files_rewritten", (int64_t)sum.files_rewritten);
        json_put_int(item, "bytes_rewritten", (int64_t)sum.bytes_rewritten);
        json_put_int(item, "files_after", (int64_t)sum.files_after);
        json_put_int(item, "rows_after", sum.rows_after);
        cli_print_json(item);
    } else if (compact->dry_run) {
        fprintf(stderr, "%s: %s, %s, would be rewritten\n", table,
            print_counted((int64_t)sum.files_rewritten, "file", before),
            size_format(sum.bytes_rewritten, size));
    } else {
        fprintf(stderr, "%s: %s, %s, became %s\n", table,
            print_counted((int64_t)sum.files_rewritten, "file", before),
            size_format(sum.bytes_rewritten, size),
            print_counted((int64_t)sum.files_after, "file", after));
    }
}

int command_catalog_alter(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct alter_flags *flags = values;
    const bool partitions = flags->partition_by.count > 0 || flags->unpartitioned;
    const struct compact_alteration alteration = {.set_partition_by = partitions,
        .partition_by = flags->partition_by,
        .set_key = flags->key.count > 0,
        .key = flags->key,
        .sequence_by = flags->sequence_by};
    const bool new_version = partitions || alteration.set_key || flags->sequence_by;
    struct altering own = {0};
    struct catalog_locator at = {0};
    char run_id[UUID_TEXT_SIZE];
    int code;

    (void)arg_count;
    if (!new_version && flags->buckets == 0) {
        error_set(&own.err, ERROR_INVALID,
            "catalog alter: say what is to change: --partition-by, --unpartitioned, --key, "
            "--sequence-by or --buckets");
        return cli_fail(cli, &own.err);
    }
    code = cli_open_engine(cli, flags->dry_run);
    if (code)
        return code;
    if (tables_parse(cli, args[0], &at, &own.err))
        return cli_fail(cli, &own.err);
    own.compact = (struct compact){.engine = cli->engine,
        .at = at,
        .run_id = uuid_v7(time_now_ms(), run_id),
        .memory = flags->memory,
        .file_bytes = flags->file_size,
        .buckets = flags->buckets,
        .full = !new_version,
        .alteration = new_version ? &alteration : NULL,
        .dry_run = flags->dry_run,
        .done = on_done};
    compact_start(&own.compact);
    care_run(cli, cancel, &own.compact);
    if (own.err.code)
        code = cli_fail(cli, &own.err);
    else
        report(cli, &own.compact, args[0]);
    compact_deinit(&own.compact);
    return code;
}
