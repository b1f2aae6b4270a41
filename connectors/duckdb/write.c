/* WRITE: a dataset as Parquet files, sorted by partition, one file a partition and file_bytes.
 *
 * The rows come sorted from one streaming SELECT. A *take* job cuts the next part off; *encode*
 * jobs, SESSION_WRITERS at once, make a file of a part each. A part too large to hold is read on
 * by its encoder: no take runs meanwhile. All that is decided on the loop, in step(). Where the
 * order of rows does not matter the first take writes everything: copy.c. */
#include "connectors/duckdb/columns.h"
#include "connectors/duckdb/copy.h"
#include "connectors/duckdb/keys.h"
#include "connectors/duckdb/misfits.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/session.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/stats.h"
#include "connectors/duckdb/stream.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct encoder {
    struct work work;
    struct operation *operation;
    unsigned index; /* of the slot's writers */
    struct part *part;
    bool busy;
    uint64_t bytes;
    const struct sql_stats *stats; /* in the part's arena */
    struct error err;
};

struct writing {
    struct arena arena;                   /* of the take job */
    struct sql_schema written;            /* in it, from the first take on */
    const struct sql_schema *ret_written; /* in the request's */
    struct stream stream;
    struct part *fetched;      /* the take job's */
    struct part *taken;        /* the loop's */
    struct stats_file *copied; /* any_order: what the take job wrote */
    size_t copied_count;
    struct encoder encoders[SESSION_WRITERS];
    bool taking, ended;
    bool reading_on; /* an encoder owns the stream */
    size_t files;
    int64_t skipped;
};

/* --- jobs
 * ---------------------------------------------------------------------------------------------- */

static int open_stream(struct operation *operation, struct writing *writing, struct error *err)
{
    const struct sql_write *write = &operation->request->write;
    duckdb_result result;
    struct buffer sql;
    int rc;

    if (write->schema && write->skip_misfits &&
        misfits_count(operation->slot->main, write, &writing->arena, &writing->skipped, err))
        return -1;
    buffer_init(&sql, 0);
    rc =
        columns_select(operation->slot->main, write, &writing->arena, &sql, &writing->written, err);
    if (!rc && write->any_order)
        rc = copy_unordered(operation->slot->main, write, sql.data, &writing->written,
            &writing->arena, &writing->copied, &writing->copied_count, err);
    else if (!rc)
        rc =
            statement_execute(operation->slot->main, "", sql.data, "", NULL, 0, true, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return misfits_explain(operation->slot->main, write, &writing->arena, err);
    if (!write->any_order)
        stream_open(&writing->stream, &result, write->partition_count, write->file_bytes);
    return 0;
}

static int run_take(struct operation *operation, struct error *err)
{
    struct writing *writing = operation->state;
    const struct sql_write *write = &operation->request->write;
    bool empty = false;

    if (!writing->stream.open &&
        columns_empty(operation->slot->main, write, &writing->arena, &empty, err))
        return -1;
    if (empty) /* the first take, and the last */
        return 0;
    if (!writing->stream.open && open_stream(operation, writing, err))
        return -1;
    if (write->any_order) /* all of it is written */
        return 0;
    if (stream_take(&writing->stream, &writing->fetched, err))
        return misfits_explain(operation->slot->main, write, &writing->arena, err);
    return 0;
}

static size_t row_group_rows(const struct part *part)
{
    const size_t row_bytes = part_row_bytes(part);
    const uint64_t file_bytes = part->stream->file_bytes;

    if (part->whole || !file_bytes || !row_bytes)
        return COPY_GROUP_ROWS;
    return MAX(MIN(file_bytes / row_bytes, COPY_GROUP_ROWS), COPY_GROUP_ROWS_MIN);
}

static void append_copy(struct buffer *sql, const struct encoder *encoder)
{
    const struct writing *writing = encoder->operation->state;

    buffer_printf(
        sql, "COPY (SELECT * FROM %s()) TO ", encoder->operation->slot->functions[encoder->index]);
    text_append_sql_literal(sql, encoder->part->path);
    buffer_printf(sql,
        " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %zu, USE_TMP_FILE false, RETURN_STATS",
        row_group_rows(encoder->part));
    copy_append_field_ids(sql, &writing->written);
    buffer_putc(sql, ')');
}

static void copy(struct encoder *encoder)
{
    const struct writing *writing = encoder->operation->state;
    struct slot *slot = encoder->operation->slot;
    duckdb_result result;
    struct buffer sql;

    buffer_init(&sql, 0);
    append_copy(&sql, encoder);
    if (!statement_query(slot->writers[encoder->index], sql.data, &result, &encoder->err)) {
        encoder->stats = stats_read(&result, &writing->written, &encoder->part->arena);
        duckdb_destroy_result(&result);
    }
    buffer_deinit(&sql);
}

static void on_encode(struct work *work)
{
    struct encoder *encoder = container_of(work, struct encoder, work);
    struct slot *slot = encoder->operation->slot;
    struct stat info;

    slot->parts[encoder->index] = encoder->part;
    if (!work_cancelled(work))
        copy(encoder);
    slot->parts[encoder->index] = NULL;
    if (encoder->part->stream->err.code && !encoder->part->whole)
        encoder->err = encoder->part->stream->err;
    if (encoder->err.code || work_cancelled(work))
        return;
    if (stat(encoder->part->path, &info))
        error_set_errno(&encoder->err, errno, "%s", encoder->part->path);
    else
        encoder->bytes = (uint64_t)info.st_size;
}

/* --- on the loop
 * ----------------------------------------------------------------------------------------- */

static const struct sql_schema *written_schema(struct writing *writing, struct arena *arena)
{
    if (!writing->ret_written) {
        struct sql_schema *schema = arena_new(arena, struct sql_schema);

        schema_copy(arena, &writing->written, schema);
        writing->ret_written = schema;
    }
    return writing->ret_written;
}

static const struct sql_stats *copy_stats(
    const struct sql_stats *from, size_t count, struct arena *arena)
{
    struct sql_stats *stats = arena_array(arena, count, sizeof(*stats));

    for (size_t i = 0; i < count; i++) {
        stats[i].min = from[i].min ? arena_strdup(arena, from[i].min) : NULL;
        stats[i].max = from[i].max ? arena_strdup(arena, from[i].max) : NULL;
        stats[i].nulls = from[i].nulls;
    }
    return stats;
}

/* `keys`: of the file's partition. */
static void hand_over(
    struct operation *operation, const struct stats_file *done, const char *const *keys)
{
    struct sql_request *request = operation->request;
    struct sql_write *write = &request->write;
    struct arena *arena = request->arena;
    const char **values = arena_array(arena, write->partition_count, sizeof(*values));
    struct sql_file file = {.path = arena_strdup(arena, done->path),
        .values = values,
        .rows = done->rows,
        .bytes = done->bytes,
        .schema = written_schema(operation->state, arena)};

    file.stats = copy_stats(done->stats, file.schema->count, arena);

    for (size_t i = 0; i < write->partition_count; i++)
        values[i] = keys_value(write->partitions[i].transform, keys[i], arena);
    write->ret_rows += file.rows;
    write->ret_files++;
    if (write->on_file)
        write->on_file(request, &file);
}

static void on_encoded(struct work *work, bool ran)
{
    struct encoder *encoder = container_of(work, struct encoder, work);
    struct operation *operation = encoder->operation;
    struct writing *writing = operation->state;

    encoder->busy = false;
    if (!encoder->part->whole)
        writing->reading_on = false;
    if (!ran || operation->cancelled)
        error_set(&encoder->err, ERROR_STOPPED, "stopped");
    error_keep_first(&operation->err, &encoder->err);
    if (!operation->err.code)
        hand_over(operation,
            &(struct stats_file){.path = encoder->part->path,
                .rows = encoder->part->rows,
                .bytes = encoder->bytes,
                .stats = encoder->stats},
            encoder->part->keys);
    part_free(encoder->part);
    encoder->part = NULL;
    operation_step(operation);
}

static void on_interrupt(struct work *work)
{
    struct encoder *encoder = container_of(work, struct encoder, work);

    duckdb_interrupt(encoder->operation->slot->writers[encoder->index]);
}

static void deliver(struct operation *operation)
{
    struct writing *writing = operation->state;

    writing->taking = false;
    writing->taken = writing->fetched;
    writing->fetched = NULL;
    writing->ended = !writing->taken;
    operation->request->write.ret_skipped = writing->skipped;
    for (size_t i = 0; i < writing->copied_count; i++)
        hand_over(operation, &writing->copied[i], NULL);
    writing->copied_count = 0;
}

static void encode(struct operation *operation, struct encoder *encoder)
{
    struct writing *writing = operation->state;
    const struct sql_write *write = &operation->request->write;
    struct part *part = writing->taken;

    part->path = arena_printf(
        &part->arena, "%s/%s-%zu.parquet", write->folder, write->prefix, writing->files++);
    writing->taken = NULL;
    writing->reading_on = !part->whole;
    encoder->part = part;
    encoder->busy = true;
    encoder->work = (struct work){.run = on_encode, .done = on_encoded, .interrupt = on_interrupt};
    work_submit(operation->session->lane, &encoder->work);
}

static struct encoder *idle_encoder(struct writing *writing)
{
    for (size_t i = 0; i < SESSION_WRITERS; i++) {
        if (!writing->encoders[i].busy)
            return &writing->encoders[i];
    }
    return NULL;
}

static bool is_busy(const struct writing *writing)
{
    bool busy = writing->taking;

    for (size_t i = 0; i < SESSION_WRITERS; i++)
        busy = busy || writing->encoders[i].busy;
    return busy;
}

static bool step(struct operation *operation)
{
    struct writing *writing = operation->state;

    if (operation->err.code) {
        for (size_t i = 0; i < SESSION_WRITERS; i++)
            work_cancel(&writing->encoders[i].work);
        work_cancel(&operation->work);
        writing->taking = writing->taking && operation->running;
        return is_busy(writing);
    }
    if (writing->taken && idle_encoder(writing))
        encode(operation, idle_encoder(writing));
    if (!writing->taken && !writing->taking && !writing->ended && !writing->reading_on &&
        idle_encoder(writing)) {
        writing->taking = true;
        operation_submit(operation);
    }
    return is_busy(writing);
}

static void begin(struct operation *operation)
{
    struct writing *writing = mem_new(struct writing);

    arena_init(&writing->arena);
    for (unsigned i = 0; i < SESSION_WRITERS; i++) {
        writing->encoders[i].operation = operation;
        writing->encoders[i].index = i;
    }
    operation->state = writing;
}

static void end(struct operation *operation)
{
    struct writing *writing = operation->state;

    part_free(writing->fetched);
    part_free(writing->taken);
    stream_close(&writing->stream);
    arena_deinit(&writing->arena);
    free(writing);
}

static void progress(struct operation *operation, struct sql_progress *progress)
{
    progress->rows = MAX(progress->rows, operation->request->write.ret_rows);
}

const struct verb verb_write = {.name = "write",
    .begin = begin,
    .run = run_take,
    .deliver = deliver,
    .step = step,
    .progress = progress,
    .end = end};
