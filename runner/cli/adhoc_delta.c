#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/engine/rewrite.h"
#include "runner/engine/table_fetch.h"

enum { TRANSFERS_MAX = 64 };

static const char dataset_name[] = "delta";

struct fetching {
    struct table_fetch fetch;
    struct cli *cli;
    struct error err;
};

static void on_fetched(struct table_fetch *fetch, const struct error *err)
{
    struct fetching *fetching = container_of(fetch, struct fetching, fetch);

    error_keep_first(&fetching->err, err);
    loop_on_stop(&fetching->cli->loop, NULL, NULL);
}

static void on_stop(void *data, int signal_number)
{
    (void)signal_number; /* the loop keeps it for the exit code */
    table_fetch_cancel(data);
}

static int fetch_files(struct cli *cli, struct table_read *read,
    const struct catalog_version *version, struct table_files *files, struct error *err)
{
    struct slots slots = {.limit = TRANSFERS_MAX};
    struct fetching own = {.cli = cli,
        .fetch = {.read = read, .version = version, .files = files, .done = on_fetched}};

    read->slots = &slots;
    loop_on_stop(&cli->loop, on_stop, &own.fetch);
    if (table_fetch_start(&own.fetch))
        loop_run(&cli->loop);
    else
        own.err = own.fetch.err;
    loop_on_stop(&cli->loop, NULL, NULL);
    table_fetch_deinit(&own.fetch);
    read->slots = NULL;
    if (!own.err.code)
        return 0;
    *err = own.err;
    return -1;
}

/* Leaves out what nobody asked for; counts the rest. */
static void choose_files(struct table_files *files, int64_t entry, struct table_read *read,
    bool *ret_rows, bool *ret_deletes)
{
    *ret_rows = *ret_deletes = false;
    for (size_t i = 0; i < files->count; i++) {
        struct table_file *file = &files->items[i];

        file->skipped = entry > 0 && i + 1 != (size_t)entry;
        if (file->skipped) {
            read->ret_skipped++;
            continue;
        }
        read->ret_files++;
        read->ret_bytes += file->file->bytes;
        *(file->file->content == CATALOG_DELETES ? ret_deletes : ret_rows) = true;
    }
}

/* Of the columns that files of deletes have. */
static const char *select_deleted(const struct catalog_version *version, struct arena *arena)
{
    const struct sql_schema *schema = rewrite_delete_schema(version, arena);
    const char *result;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select ");
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        text_append_sql_name(&sql, schema->columns[i].name);
    }
    buffer_printf(&sql, " from %s", dataset_name);
    result = arena_strdup(arena, sql.data);
    buffer_deinit(&sql);
    return result;
}

int adhoc_delta_read(struct adhoc_tables *tables, const struct adhoc_delta *delta,
    const char **ret_sql, struct error *err)
{
    struct arena *arena = &tables->cli->arena;
    const struct table_facts facts = {
        .version = delta->version, .schemas = delta->schemas, .schema_count = delta->schema_count};
    struct table_files files = {.arena = arena};
    struct table_read *read = arena_new(arena, struct table_read);
    bool rows, deletes;

    *read = (struct table_read){.engine = tables->cli->engine,
        .name = dataset_name,
        .folder = tables->folder,
        .in_place = true,
        .arena = arena};
    table_files_add_changes(&files, &facts, delta->delta);
    if (delta->entry > (int64_t)files.count)
        return error_set(err, ERROR_INVALID, "--entry %lld: the delta's manifest has %zu",
            (long long)delta->entry, files.count);
    choose_files(&files, delta->entry, read, &rows, &deletes);
    if (fetch_files(tables->cli, read, delta->version, &files, err))
        return -1;
    table_files_dataset(&files, &facts, rows && deletes, arena, &read->ret_dataset);
    read->ret_dataset.name = dataset_name;
    tables->reads = read;
    tables->read_count = 1;
    tables->datasets = &read->ret_dataset;
    tables->dataset_count = 1;
    *ret_sql = !deletes ? "select * from delta"
               : !rows  ? select_deleted(delta->version, arena)
                        : "select * exclude (_stream_position) from delta";
    return 0;
}
