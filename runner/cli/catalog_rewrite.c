#include "runner/cli/catalog_rewrite.h"

#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/command_catalog_care.h"
#include "runner/cli/print.h"
#include "runner/cli/tables.h"
#include "runner/engine/compact.h"

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

static bool makes_version(const struct catalog_alter *alter, const struct catalog_rewrite *rewrite)
{
    return alter->key.count > 0 || alter->partition_by.count > 0 || rewrite->unpartitioned ||
           rewrite->sequence_by;
}

bool catalog_rewrite_asked(const struct catalog_alter *alter, const struct catalog_rewrite *rewrite)
{
    return makes_version(alter, rewrite) || rewrite->buckets > 0;
}

int catalog_rewrite_run(struct cli *cli, const char *table, const struct catalog_alter *alter,
    const struct catalog_rewrite *rewrite)
{
    const bool new_version = makes_version(alter, rewrite);
    const struct compact_alteration alteration = {
        .set_partition_by = alter->partition_by.count > 0 || rewrite->unpartitioned,
        .partition_by = alter->partition_by,
        .set_key = alter->key.count > 0,
        .key = alter->key,
        .sequence_by = rewrite->sequence_by};
    struct altering own = {0};
    struct catalog_locator at = {0};
    char run_id[UUID_TEXT_SIZE];
    int code = EXIT_OK;

    if (tables_parse(cli, table, &at, &own.err))
        return cli_fail(cli, &own.err);
    own.compact = (struct compact){.engine = cli->engine,
        .at = at,
        .run_id = uuid_v7(time_now_ms(), run_id),
        .memory = rewrite->memory,
        .file_bytes = rewrite->file_size,
        .buckets = rewrite->buckets,
        .full = !new_version,
        .alteration = new_version ? &alteration : NULL,
        .dry_run = rewrite->dry_run,
        .done = on_done};
    compact_start(&own.compact);
    care_run(cli, cancel, &own.compact);
    if (own.err.code)
        code = cli_fail(cli, &own.err);
    else
        report(cli, &own.compact, table);
    compact_deinit(&own.compact);
    return code;
}
