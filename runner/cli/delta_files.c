#include "runner/cli/delta_files.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/query_session.h"
#include "runner/engine/data_put.h"
#include "runner/engine/file_stats.h"
#include "runner/engine/partition.h"
#include "runner/engine/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILE_MIB = 128, TRANSFERS_MAX = 16 };

static const char dataset_name[] = "staged";

struct written {
    const char *path;
    struct catalog_file file;
};

struct writing {
    struct cli *cli;
    const struct delta_files *wanted;
    struct query_session query;
    struct sql_source *sources;
    enum file_format format;
    const struct sql_schema *schema; /* of the files to be */
    struct partition_field *fields;
    bool has_fields; /* rows have the columns that the table is partitioned by */
    struct text_list bounds;
    const char *folder; /* in the store */
    struct written *files;
    size_t file_count, capacity;
    struct data_put *puts;
    struct slots slots;
    size_t puts_left;
};

/* --- what is read --- */

static int add_source(struct writing *writing, size_t index, struct text_list *readable)
{
    const char *path = writing->wanted->paths[index], *first = writing->wanted->paths[0];
    const enum file_format format = dialect_format_of(path);
    char *real = realpath(path, NULL);
    struct error *err = &writing->query.err;

    if (!real)
        return error_set_errno(err, errno, "cannot read %s", path);
    readable->items[readable->count++] = arena_strdup(&writing->cli->arena, real);
    free(real);
    if (format == FORMAT_AUTO || format == FORMAT_ARROW ||
        (format == FORMAT_PARQUET && dialect_compression_of(path) > COMPRESSION_NONE))
        return error_set(err, ERROR_INVALID,
            "%s: what is it? files are called .parquet, or .csv, .ndjson or .json, with .gz or "
            ".zst behind that or without",
            path);
    if (index > 0 && format != writing->format)
        return error_set(err, ERROR_INVALID,
            "%s is %s and %s is %s: stage files of one format at a time", first,
            dialect_format_name(writing->format), path, dialect_format_name(format));
    writing->format = format;
    writing->sources[index] = (struct sql_source){.path = readable->items[index],
        .object = path,
        .compression = dialect_compression_of(path)};
    return 0;
}

static int open_session(struct writing *writing)
{
    struct query_session *query = &writing->query;
    struct arena *arena = &writing->cli->arena;
    const size_t count = writing->wanted->path_count;
    struct sql_session_options options = {
        .readable = {.items = arena_array(arena, count, sizeof(char *))}};

    writing->sources = arena_array(arena, count, sizeof(*writing->sources));
    for (size_t i = 0; i < count; i++) {
        if (add_source(writing, i, &options.readable))
            return -1;
    }
    if (!query->scratch.path) {
        query->err = query->scratch_err;
        return error_prefix(&query->err, "files have to be made somewhere");
    }
    return query_session_open(query, options);
}

static const struct sql_column *find_column(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return &schema->columns[i];
    }
    return NULL;
}

/* Columns that the table does not have, and values in one that has no type yet. */
static int check_columns(struct writing *writing, const struct sql_schema *found)
{
    const struct catalog_version *version = writing->wanted->version;

    for (size_t i = 0; i < found->count; i++) {
        const struct sql_column *column = &found->columns[i];
        const struct sql_column *known = find_column(writing->schema, column->name);

        if (!known && writing->wanted->type == CATALOG_DELETE)
            return error_set(&writing->query.err, ERROR_INVALID,
                "column %s: files of a delete have the key of %s.%s, and what it is ordered by, "
                "alone",
                column->name, version->namespace, version->table);
        if (!known)
            return error_set(&writing->query.err, ERROR_INVALID,
                "column %s: the table %s.%s has none; `sluice catalog alter %s.%s --add` adds it",
                column->name, version->namespace, version->table, version->namespace,
                version->table);
        if (strcmp(known->type, "NULL") == 0 && strcmp(column->type, "NULL") != 0)
            return error_set(&writing->query.err, ERROR_INVALID,
                "column %s has no type yet in the table %s.%s, and here it has values: a load "
                "gives it one",
                column->name, version->namespace, version->table);
    }
    return 0;
}

static int scan(struct writing *writing)
{
    struct query_session *query = &writing->query;
    const struct sql_schema *schema = writing->schema;
    struct sql_column *contract =
        arena_array(&writing->cli->arena, schema->count, sizeof(*contract));
    size_t count = 0;

    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->columns[i].type, "NULL") != 0)
            contract[count++] = (struct sql_column){
                .name = schema->columns[i].name, .type = schema->columns[i].type};
    }
    query->request = (struct sql_request){.verb = SQL_SCAN,
        .scan = {.dataset = dataset_name,
            .folder = query->scratch.path,
            .sources = writing->sources,
            .source_count = writing->wanted->path_count,
            .format = writing->format,
            .csv = writing->wanted->csv,
            .contract = contract,
            .contract_count = count}};
    if (query_session_ask(query))
        return -1;
    if (query->request.scan.ret_dataset.rows == 0)
        return error_set(&query->err, ERROR_INVALID, "%s: there are no rows in it%s",
            writing->wanted->paths[0], writing->wanted->path_count > 1 ? ", nor behind it" : "");
    return check_columns(writing, &query->request.scan.ret_dataset.schema);
}

/* --- keys --- */

static void refuse_key(struct writing *writing, const struct sql_schema *schema,
    const char *const *cells, const char *count)
{
    struct buffer key;

    buffer_init(&key, 200);
    for (size_t i = 0; i + 1 < schema->count; i++) {
        buffer_printf(&key, "%s%s = ", i ? ", " : "", schema->columns[i].name);
        text_append_printable(&key, cells[i]);
    }
    error_set(&writing->query.err, ERROR_DATA,
        "%s rows have the key %s: in one delta there is one row a key", count, key.data);
    buffer_deinit(&key);
}

/* The one row of the answer is of a key that is there twice, or that has a null. */
static void on_wrong_key(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct writing *writing = container_of(request, struct writing, query.request);
    const size_t last = schema->count - 1;

    if (row_count == 0)
        return;
    for (size_t i = 0; i < last; i++) {
        if (!cells[i]) {
            error_set(&writing->query.err, ERROR_DATA,
                "%s of the rows have no value in %s, which is in the key", cells[last],
                schema->columns[i].name);
            return;
        }
    }
    refuse_key(writing, schema, cells, cells[last]);
}

static int check_keys(struct writing *writing)
{
    const struct catalog_merge *merge = &writing->wanted->version->merge;
    struct query_session *query = &writing->query;
    struct buffer keys, nulls, sql;
    int result;

    if (merge->key_count == 0)
        return 0;
    buffer_init(&keys, 0);
    buffer_init(&nulls, 0);
    buffer_init(&sql, 0);
    for (size_t i = 0; i < merge->key_count; i++) {
        text_append_sql_name(&keys, merge->key[i]);
        buffer_puts(&keys, ", ");
        buffer_puts(&nulls, " or ");
        text_append_sql_name(&nulls, merge->key[i]);
        buffer_puts(&nulls, " is null");
    }
    buffer_printf(&sql,
        "select %scount(*) from %s group by all having count(*) > 1%s order by all limit 1",
        keys.data, dataset_name, nulls.data);
    query->request = (struct sql_request){
        .verb = SQL_QUERY, .query = {.sql = sql.data, .on_rows = on_wrong_key}};
    result = query_session_ask(query);
    buffer_deinit(&sql);
    buffer_deinit(&nulls);
    buffer_deinit(&keys);
    return result;
}

/* --- what is written --- */

static void append_values(struct buffer *text, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_puts(text, i ? ", " : "");
        text_append_printable(text, values[i] ? values[i] : "null");
    }
}

static bool are_of_partition(const struct writing *writing, const char *const *values)
{
    const struct delta_files *wanted = writing->wanted;

    for (size_t i = 0; writing->has_fields && i < wanted->version->partition_count; i++) {
        const char *own = wanted->values[i];

        if (own ? !values[i] || strcmp(own, values[i]) != 0 : values[i] != NULL)
            return false;
    }
    return true;
}

static void refuse_partition(struct writing *writing, const char *const *values)
{
    const struct catalog_version *version = writing->wanted->version;
    struct buffer text;

    buffer_init(&text, 400);
    buffer_puts(&text, "there are rows of partition [");
    append_values(&text, values, version->partition_count);
    buffer_puts(&text, "] among them, and the delta is of [");
    append_values(&text, writing->wanted->values, version->partition_count);
    buffer_puts(&text, "]: stage them into their own");
    error_set(&writing->query.err, ERROR_DATA, "%s", text.data);
    buffer_deinit(&text);
}

static void on_file(struct sql_request *request, const struct sql_file *written)
{
    struct writing *writing = container_of(request, struct writing, query.request);
    const struct delta_files *wanted = writing->wanted;
    struct arena *arena = &writing->cli->arena;
    const char *name = strrchr(written->path, '/') + 1;

    if (!writing->query.err.code && !are_of_partition(writing, written->values)) {
        refuse_partition(writing, written->values);
        writing->query.type->cancel(request);
    }
    writing->files =
        mem_grow(writing->files, &writing->capacity, writing->file_count, sizeof(*writing->files));
    writing->files[writing->file_count++] = (struct written){.path = written->path,
        .file = {.key = arena_printf(arena, "%s/%s", writing->folder, name),
            .format = "parquet",
            .rows = written->rows,
            .bytes = written->bytes,
            .content = wanted->type == CATALOG_DELETE ? CATALOG_DELETES : CATALOG_ROWS,
            .schema_id = wanted->version->schema_id,
            .stats = file_stats_text(written, &writing->bounds, arena)}};
}

static int write_files(struct writing *writing)
{
    const struct catalog_version *version = writing->wanted->version;
    const size_t field_count = writing->has_fields ? version->partition_count : 0;
    struct query_session *query = &writing->query;
    struct arena *arena = &writing->cli->arena;
    char id[UUID_TEXT_SIZE];

    query->request = (struct sql_request){.verb = SQL_WRITE,
        .write = {.dataset = dataset_name,
            .folder = query->scratch.path,
            .prefix = arena_printf(arena, "%s-delta", uuid_v7(time_now_ms(), id)),
            .schema = writing->schema,
            .partitions = partition_sql(writing->fields, field_count, arena),
            .partition_count = field_count,
            .file_bytes = (uint64_t)FILE_MIB << 20,
            .show_values = true,
            .on_file = on_file}};
    if (writing->wanted->type != CATALOG_DELETE)
        query->request.write.sort_by = (struct text_list){
            .items = (const char **)version->sort_by, .count = version->sort_count};
    return query_session_ask(query);
}

/* --- into the store --- */

static void cancel_puts(void *data, int signal_number)
{
    struct writing *writing = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    for (size_t i = 0; i < writing->file_count; i++)
        data_put_cancel(&writing->puts[i]);
}

static void on_put(struct data_put *put, const struct error *err)
{
    struct writing *writing = container_of(put->slots, struct writing, slots);
    const bool is_first = err && !writing->query.err.code;

    error_keep_first(&writing->query.err, err);
    if (is_first)
        cancel_puts(writing, 0);
    if (--writing->puts_left == 0)
        query_session_note_stop(&writing->query);
}

static int put_files(struct writing *writing)
{
    struct cli *cli = writing->cli;
    struct store *store;

    if (engine_tables(cli->engine, &store, &writing->query.err))
        return -1;
    if (writing->query.stopped)
        return error_set(&writing->query.err, ERROR_STOPPED, "cancelled");
    writing->puts = mem_calloc(writing->file_count, sizeof(*writing->puts));
    writing->slots.limit = TRANSFERS_MAX;
    writing->puts_left = writing->file_count;
    loop_on_stop(&cli->loop, cancel_puts, writing);
    for (size_t i = 0; i < writing->file_count; i++) {
        writing->puts[i] = (struct data_put){.engine = cli->engine,
            .slots = &writing->slots,
            .path = writing->files[i].path,
            .file = writing->files[i].file,
            .done = on_put};
        data_put_start(&writing->puts[i]);
    }
    loop_run(&cli->loop);
    return writing->query.err.code ? -1 : 0;
}

static void take_files(
    const struct writing *writing, struct catalog_file **ret_files, size_t *ret_count)
{
    struct arena *arena = &writing->cli->arena;
    struct catalog_file *files = arena_array(arena, writing->file_count, sizeof(*files));

    for (size_t i = 0; i < writing->file_count; i++) {
        files[i] = writing->puts[i].file;
        files[i].checksum = arena_strdup(arena, files[i].checksum);
    }
    *ret_files = files;
    *ret_count = writing->file_count;
}

/* --- the whole --- */

static int prepare(struct writing *writing)
{
    const struct delta_files *wanted = writing->wanted;
    const struct catalog_version *version = wanted->version;
    const struct rewrite_table table = {.table = version};
    const struct catalog_locator at = {
        .namespace = version->namespace, .table = version->table, .version = version->version};
    struct arena *arena = &writing->cli->arena;
    char *folder;

    if (wanted->type >= CATALOG_UPSERT && version->merge.key_count == 0)
        return error_set(&writing->query.err, ERROR_INVALID,
            "%s.%s@%lld has no key: %s deltas are for tables that have one", version->namespace,
            version->table, (long long)version->version, catalog_delta_type_name(wanted->type));
    if (partition_parse(version->partition_by, version->partition_count, arena, &writing->fields,
            &writing->query.err))
        return -1;
    writing->schema = wanted->type == CATALOG_DELETE ? rewrite_delete_schema(version, arena)
                                                     : rewrite_schema(version, arena);
    writing->has_fields = true;
    for (size_t i = 0; i < version->partition_count; i++)
        writing->has_fields =
            writing->has_fields && find_column(writing->schema, writing->fields[i].column) != NULL;
    rewrite_wanted(&table, writing->fields, arena, &writing->bounds);
    folder = partition_path(&at, writing->fields, version->partition_count, wanted->values);
    writing->folder = arena_strdup(arena, folder);
    free(folder);
    return 0;
}

int delta_files_write(struct cli *cli, const struct delta_files *wanted,
    struct catalog_file **ret_files, size_t *ret_count, struct error *err)
{
    struct writing writing = {
        .cli = cli, .wanted = wanted, .query = {.cli = cli, .memory = wanted->memory}};
    int result = query_session_begin(&writing.query);

    if (!result)
        result = prepare(&writing) || open_session(&writing) || scan(&writing) ||
                         check_keys(&writing) || write_files(&writing) || put_files(&writing)
                     ? -1
                     : 0;
    query_session_end(&writing.query);
    if (result)
        *err = writing.query.err;
    else
        take_files(&writing, ret_files, ret_count);
    free(writing.puts);
    free(writing.files);
    return result;
}
