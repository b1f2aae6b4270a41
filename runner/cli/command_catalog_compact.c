/* catalog compact: small files and deltas become what is read fast. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/catalog_args.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"
#include "runner/engine/compact.h"

#include <stddef.h>
#include <string.h>

struct compact_flags {
    struct text_list partition;
    int64_t buckets;
    uint64_t memory, file_size;
    bool full, dry_run;
};

static const struct option options_table[] = {
    {"partition", OPTION_TEXTS, offsetof(struct compact_flags, partition), .value_name = "VALUE",
        .help = "That one alone: one flag a partition field, or one JSON array"},
    {"full", OPTION_BOOL, offsetof(struct compact_flags, full), .help = "Rewrite every file"},
    {"buckets", OPTION_INT, offsetof(struct compact_flags, buckets), .min = 1,
        .max = COMPACT_BUCKETS_MAX, .value_name = "N",
        .help = "Of a table with a key: into how many parts its rows are split from now on"},
    {"file-size", OPTION_SIZE, offsetof(struct compact_flags, file_size), .preset = "128MiB",
        .min = 1, .max = 1e12, .help = "How large files are to become"},
    {"memory", OPTION_SIZE, offsetof(struct compact_flags, memory), .preset = "512MiB", .min = 1,
        .max = 1e15, .help = "What the process may take"},
    {"dry-run", OPTION_BOOL, offsetof(struct compact_flags, dry_run),
        .help = "Say what would be rewritten, touch nothing"},
};
const struct option_set catalog_compact_flags =
    OPTION_SET("compact", "Options", struct compact_flags, options_table);

struct compacting {
    struct compact compact;
    struct error err;
};

static void on_done(struct compact *compact, const struct error *err)
{
    error_keep_first(&container_of(compact, struct compacting, compact)->err, err);
}

static void cancel(void *data)
{
    compact_cancel(data);
}

/* --- what it says --- */

static void print_json(struct cli *cli, const struct compact *compact, const char *table)
{
    json_t *item = json_object(), *partitions = json_array();

    json_put_text(item, "table", table);
    json_object_set_new(item, "dry_run", json_boolean(compact->dry_run));
    if (compact->ret_buckets > 0)
        json_put_int(item, "buckets", compact->ret_buckets);
    json_put_int(item, "compacted", (int64_t)compact->committed_count);
    json_put_int(item, "conflicts", (int64_t)compact->conflicts);
    for (size_t i = 0; i < compact->result_count; i++)
        json_array_append_new(partitions, compact_result_json(&compact->results[i]));
    json_object_set_new(item, "partitions", partitions);
    cli_print_json(item);
    (void)cli;
}

static void describe_values(const struct compact_result *result, struct buffer *text)
{
    buffer_clear(text);
    for (size_t i = 0; i < result->value_count; i++)
        buffer_printf(text, "%s%s", i ? ", " : "", result->values[i] ? result->values[i] : "NULL");
}

static void add_row(struct print_table *table, const struct compact_result *result, bool dry_run,
    struct buffer *values)
{
    char files[PRINT_COUNT_SIZE], bytes[TIME_TEXT_SIZE], rewritten[PRINT_COUNT_SIZE],
        rewritten_bytes[TIME_TEXT_SIZE], after[PRINT_COUNT_SIZE], after_bytes[TIME_TEXT_SIZE];
    const char *cells[] = {NULL, print_count((int64_t)result->files_before, files),
        size_format(result->bytes_before, bytes),
        print_count((int64_t)result->files_rewritten, rewritten),
        size_format(result->bytes_rewritten, rewritten_bytes),
        dry_run ? "" : print_count((int64_t)result->files_after, after),
        dry_run ? "" : size_format(result->bytes_after, after_bytes)};

    describe_values(result, values);
    cells[0] = values->data;
    print_table_row(table, cells);
}

static void print_text(struct cli *cli, const struct compact *compact, const char *name)
{
    static const char *const headers[] = {
        "PARTITION", ">FILES", ">SIZE", ">REWRITTEN", ">SIZE", ">FILES NOW", ">SIZE NOW", NULL};
    struct print_table *table;
    struct buffer values;
    size_t worth_it = 0;

    for (size_t i = 0; i < compact->result_count; i++)
        worth_it += compact->results[i].worth_it;
    if (worth_it == 0) {
        fprintf(stderr, "%s reads as well as it can: nothing to rewrite\n", name);
        return;
    }
    buffer_init(&values, 0);
    table = print_table_new(headers);
    for (size_t i = 0; i < compact->result_count; i++) {
        if (compact->results[i].worth_it)
            add_row(table, &compact->results[i], compact->dry_run, &values);
    }
    print_table_end(table, stdout, print_terminal_width(1), 0, cli->color);
    buffer_deinit(&values);
}

/* --- the command --- */

int command_catalog_compact(
    struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct compact_flags *flags = values;
    struct compacting own = {0};
    struct catalog_locator at = {0};
    char run_id[UUID_TEXT_SIZE];
    int code = cli_open_engine(cli, flags->dry_run);

    (void)arg_count;
    if (code)
        return code;
    if (tables_parse(cli, args[0], &at, &own.err) ||
        catalog_args_values(&flags->partition, &cli->arena, &at, &own.err))
        return cli_fail(cli, &own.err);
    own.compact = (struct compact){.engine = cli->engine,
        .at = at,
        .run_id = uuid_v7(time_now_ms(), run_id),
        .memory = flags->memory,
        .file_bytes = flags->file_size,
        .buckets = flags->buckets,
        .full = flags->full,
        .dry_run = flags->dry_run,
        .done = on_done};
    compact_start(&own.compact);
    care_run(cli, cancel, &own.compact);
    if (own.err.code)
        code = own.err.code == ERROR_NOT_FOUND && own.compact.version.version == 0
                   ? (tables_unknown(cli, args[0], &own.err), cli_fail(cli, &own.err))
                   : cli_fail(cli, &own.err);
    else if (cli->globals.json)
        print_json(cli, &own.compact, args[0]);
    else
        print_text(cli, &own.compact, args[0]);
    compact_deinit(&own.compact);
    return code;
}
