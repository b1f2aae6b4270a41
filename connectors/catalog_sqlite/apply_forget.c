/* Rows that go: of a delta, a partition, a stream, a table's versions, with all that is below. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"

#define FILES_OF "DELETE FROM files WHERE delta_id IN (SELECT delta_id FROM deltas WHERE "

static int execute_all(struct apply_context *context, const char *const *texts, size_t count,
    int64_t id, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (apply_execute(context, texts[i], id, 0, 0, err))
            return -1;
    return 0;
}

int apply_forget_delta(struct apply_context *context, int64_t delta_id, struct error *err)
{
    static const char *const texts[] = {
        "DELETE FROM files WHERE delta_id = ?1",
        "DELETE FROM deltas WHERE delta_id = ?1",
    };

    return execute_all(context, texts, ARRAY_LENGTH(texts), delta_id, err);
}

int apply_forget_partition(struct apply_context *context, int64_t partition_id, struct error *err)
{
    static const char *const texts[] = {
        (FILES_OF "partition_id = ?1)"),
        "DELETE FROM deltas WHERE partition_id = ?1",
        "DELETE FROM partitions WHERE partition_id = ?1",
    };

    return execute_all(context, texts, ARRAY_LENGTH(texts), partition_id, err);
}

int apply_forget_stream(struct apply_context *context, int64_t stream_id, struct error *err)
{
    static const char *const texts[] = {
        (FILES_OF "stream_id = ?1)"),
        "DELETE FROM deltas WHERE stream_id = ?1",
        "DELETE FROM partitions WHERE stream_id = ?1",
        "DELETE FROM positions WHERE stream_id = ?1",
        "DELETE FROM streams WHERE stream_id = ?1",
    };

    apply_forget_streams(context);
    for (struct apply_stream *stream = context->streams; stream; stream = stream->next)
        if (stream->stream_id == stream_id)
            stream->changed = stream->rebucketed = false;
    return execute_all(context, texts, ARRAY_LENGTH(texts), stream_id, err);
}

int apply_forget_versions(struct apply_context *context, int64_t table_id, struct error *err)
{
    static const char of_table[] = "SELECT s.stream_id FROM streams s JOIN table_versions v"
                                   " ON v.version_id = s.version_id WHERE v.table_id = ?1 LIMIT 1";
    static const char *const texts[] = {
        "DELETE FROM tags WHERE version_id IN"
        " (SELECT version_id FROM table_versions WHERE table_id = ?1)",
        "DELETE FROM columns WHERE version_id IN"
        " (SELECT version_id FROM table_versions WHERE table_id = ?1)",
        "DELETE FROM schemas WHERE version_id IN"
        " (SELECT version_id FROM table_versions WHERE table_id = ?1)",
        "DELETE FROM table_versions WHERE table_id = ?1",
    };
    int64_t stream_id;

    for (;;) {
        if (apply_number(context, of_table, table_id, 0, &stream_id, err))
            return -1;
        if (stream_id == 0)
            break;
        if (apply_forget_stream(context, stream_id, err))
            return -1;
    }
    return execute_all(context, texts, ARRAY_LENGTH(texts), table_id, err);
}
