/* What was staged and is neither committed nor dropped: listed, and dropped once it is old. */
#include "connectors/catalog_sqlite/apply.h"
#include "connectors/catalog_sqlite/query.h"
#include "runner/base/mem.h"

/* What was staged last in it. */
#define NEWEST(table, id) "ifnull((SELECT max(created_ms) FROM " table " WHERE " id "), 0)"
#define SUMS(id)                                                                                   \
    " (SELECT ifnull(sum(rows), 0) FROM deltas WHERE " id ") AS rows,"                             \
    " (SELECT ifnull(sum(files), 0) FROM deltas WHERE " id ") AS files,"                           \
    " (SELECT ifnull(sum(bytes), 0) FROM deltas WHERE " id ") AS bytes"
#define OF_STREAM "stream_id = s.stream_id"
#define OF_PARTITION "partition_id = p.partition_id"

/* Each has the columns of the first. Those of a stream or partition that is staged itself go with
 * it. */
#define STREAMS                                                                                    \
    "SELECT max(s.created_ms, " NEWEST("partitions", OF_STREAM) ", " NEWEST(                       \
        "deltas", OF_STREAM) "  ) AS touched_ms, s.uuid AS uuid, 'stream' AS kind, s.stream_id "   \
                             "AS id, s.version_id,"                                                \
                             "  '[]' AS partition_values, s.created_ms," SUMS(                     \
                                 OF_STREAM) " FROM streams s WHERE s.state = 'staged'"
#define PARTITIONS                                                                                 \
    "SELECT max(p.created_ms, " NEWEST("deltas",                                                   \
        OF_PARTITION) "), p.uuid, 'partition',"                                                    \
                      "  p.partition_id, s.version_id, p.partition_values, p.created_ms," SUMS(    \
                          OF_PARTITION) " FROM streams s JOIN partitions p ON p.stream_id = "      \
                                        "s.stream_id"                                              \
                                        " WHERE p.state = 'staged' AND p.state <> 'committed' "    \
                                        "AND s.state <> 'staged'"
#define DELTAS                                                                                     \
    "SELECT d.created_ms, d.uuid, 'delta', d.delta_id, s.version_id, p.partition_values,"          \
    "  d.created_ms, d.rows, d.files, d.bytes"                                                     \
    " FROM streams s JOIN deltas d ON d.stream_id = s.stream_id AND d.position IS NULL"            \
    " JOIN partitions p ON p.partition_id = d.partition_id"                                        \
    " WHERE p.state <> 'staged' AND s.state <> 'staged'"
#define STAGED "(" STREAMS " UNION ALL " PARTITIONS " UNION ALL " DELTAS ") x"

static int read_staged(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_staged *staged = item;

    staged->touched_ms = listing_int(row, 0);
    staged->id = sqlite_text(row, 1, list->arena);
    staged->kind = sqlite_text(row, 2, list->arena);
    staged->namespace = sqlite_text(row, 3, list->arena);
    staged->table = sqlite_text(row, 4, list->arena);
    staged->version = listing_int(row, 5);
    staged->created_ms = listing_int(row, 7);
    staged->rows = listing_int(row, 8);
    staged->files = listing_int(row, 9);
    staged->bytes = (uint64_t)listing_int(row, 10);
    return listing_texts(list, row, 6, &staged->values, &staged->value_count, err);
}

int query_list_staged(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT x.touched_ms, x.uuid, x.kind, n.name, t.name, v.version, x.partition_values,"
        "  x.created_ms, x.rows, x.files, x.bytes FROM " STAGED
        " JOIN table_versions v ON v.version_id = x.version_id"
        " JOIN tables t ON t.table_id = v.table_id"
        " JOIN namespaces n ON n.namespace_id = t.namespace_id WHERE true",
        "x.touched_ms", "x.uuid");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    return statement ? listing_collect(list, statement, "it", read_staged, err) : -1;
}

int apply_drop_staged(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    static const struct {
        const char *find;
        int (*forget)(struct apply_context *context, int64_t id, struct error *err);
    } kinds[] = {
        {"SELECT min(id) FROM (" STREAMS ") WHERE touched_ms < ?1", apply_forget_stream},
        {"SELECT min(id) FROM " STAGED " WHERE kind = 'partition' AND touched_ms < ?1",
            apply_forget_partition},
        {"SELECT min(id) FROM " STAGED " WHERE kind = 'delta' AND touched_ms < ?1",
            apply_forget_delta},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(kinds);) {
        int64_t id;

        if (apply_number(context, kinds[i].find, change->before_ms, 0, &id, err) ||
            (id && kinds[i].forget(context, id, err)))
            return -1;
        i += id == 0;
    }
    return 0;
}
