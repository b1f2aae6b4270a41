/* Whether the catalog is sound: what no statement of ours may leave behind, asked of all of it. */
#include "connectors/catalog_sqlite/query.h"

#include "runner/base/mem.h"

/* Each gives one text a row, the problem. */
static const char *const questions[] = {
    "SELECT 'the file: ' || integrity_check FROM pragma_integrity_check(100)"
    " WHERE integrity_check <> 'ok'",
    "SELECT 'table ' || \"table\" || ', row ' || ifnull(rowid, '?') || ': it refers to a row of '"
    "  || parent || ' that is not there' FROM pragma_foreign_key_check",
};

#define WHERE_IT_IS                                                                                \
    " JOIN table_versions v ON v.version_id = s.version_id JOIN tables t ON t.table_id ="          \
    " v.table_id JOIN namespaces n ON n.namespace_id = t.namespace_id"
#define NAME "n.name || '.' || t.name || ' version ' || v.version || "

static const char *const table_questions[] = {
    "SELECT " NAME "': its schema ' || v.schema_id || ' is not there' FROM table_versions v"
    " JOIN tables t ON t.table_id = v.table_id JOIN namespaces n ON n.namespace_id ="
    " t.namespace_id WHERE NOT EXISTS (SELECT 1 FROM schemas c WHERE c.version_id = v.version_id"
    "   AND c.schema_id = v.schema_id)",

    "SELECT " NAME "' stream ' || s.uuid || ': its sums are not those of its partitions'"
    " FROM streams s" WHERE_IT_IS " WHERE (s.rows, s.files, s.bytes, s.partitions) <>"
    " (SELECT ifnull(sum(p.rows), 0), ifnull(sum(p.files), 0), ifnull(sum(p.bytes), 0), count(*)"
    "   FROM partitions p WHERE p.stream_id = s.stream_id AND p.state = 'committed')",

    "SELECT " NAME "' partition ' || p.partition_values || ' (' || p.uuid || "
    " '): its sums or its position are not those of its deltas'"
    " FROM partitions p JOIN streams s ON s.stream_id = p.stream_id" WHERE_IT_IS
    " WHERE (p.rows, p.files, p.bytes, p.position) <> (SELECT ifnull(sum(d.rows), 0),"
    "   ifnull(sum(d.files), 0), ifnull(sum(d.bytes), 0), ifnull(max(d.position), 0)"
    "   FROM deltas d WHERE d.partition_id = p.partition_id AND d.position IS NOT NULL)",

    "SELECT " NAME "' delta ' || d.uuid || ': its sums are not those of its files'"
    " FROM deltas d JOIN streams s ON s.stream_id = d.stream_id" WHERE_IT_IS
    " WHERE (d.rows, d.files, d.bytes) <> (SELECT ifnull(sum(f.rows), 0), count(*),"
    "   ifnull(sum(f.bytes), 0) FROM files f WHERE f.delta_id = d.delta_id)",

    "SELECT " NAME "' delta ' || d.uuid || ': its position is beyond that of its stream, or it is "
    "in a partition of another one' FROM deltas d JOIN streams s ON s.stream_id = d.stream_id"
    " JOIN partitions p ON p.partition_id = d.partition_id" WHERE_IT_IS
    " WHERE d.position > s.position OR p.stream_id <> d.stream_id",

    "SELECT " NAME "' partition ' || p.partition_values || ' (' || p.uuid || "
    " '): it is ' || p.state || ' but read from ' || p.since || ' until ' || p.until"
    " FROM partitions p JOIN streams s ON s.stream_id = p.stream_id" WHERE_IT_IS
    " WHERE CASE p.state WHEN 'staged' THEN p.since <> 0 OR p.until <> 0"
    "   WHEN 'committed' THEN p.since = 0 OR p.until <> 0 OR p.since > s.position"
    "   ELSE p.since = 0 OR p.until < p.since OR p.until > s.position END",

    "SELECT " NAME "' partition ' || p.partition_values || ': ' || p.uuid || ' and ' || q.uuid ||"
    " ' are both read at ' || max(p.since, q.since)"
    " FROM partitions p JOIN partitions q ON q.stream_id = p.stream_id"
    "   AND q.partition_values = p.partition_values AND q.partition_id > p.partition_id"
    " JOIN streams s ON s.stream_id = p.stream_id" WHERE_IT_IS
    " WHERE p.state <> 'staged' AND q.state <> 'staged'"
    "   AND (p.until = 0 OR p.until > max(p.since, q.since))"
    "   AND (q.until = 0 OR q.until > max(p.since, q.since))",

    "SELECT " NAME "' delta ' || d.uuid || ': schema ' || f.schema_id || ' of file ' || f.path ||"
    " ' is not there' FROM files f JOIN deltas d ON d.delta_id = f.delta_id"
    " JOIN streams s ON s.stream_id = d.stream_id" WHERE_IT_IS
    " WHERE f.schema_id > 0 AND NOT EXISTS (SELECT 1 FROM schemas c"
    "   WHERE c.version_id = v.version_id AND c.schema_id = f.schema_id)",

    "SELECT " NAME "' tag ' || g.name || ': there is no position ' || g.position"
    " FROM tags g JOIN streams s ON s.version_id = g.version_id AND s.state = "
    "'committed'" WHERE_IT_IS " WHERE g.position > s.position",

    "SELECT " NAME "': its properties are no JSON object, or its lists are none'"
    " FROM table_versions v JOIN tables t ON t.table_id = v.table_id"
    " JOIN namespaces n ON n.namespace_id = t.namespace_id"
    " WHERE NOT (json_valid(v.properties) AND json_valid(t.properties)"
    "   AND json_valid(n.properties) AND json_valid(v.partition_by) AND json_valid(v.sort_by)"
    "   AND json_valid(v.key_columns))",
};

static int read_problem(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    const char **problem = item;

    (void)err;
    *problem = sqlite_text(row, 0, list->arena);
    return 0;
}

static int ask(struct listing *list, const char *const *sql, size_t count, struct error *err)
{
    for (size_t i = 0; i < count && !list->truncated; i++) {
        sqlite3_stmt *statement = sqlite_statement(list->db, sql[i], err);

        if (!statement || listing_collect_all(list, statement, read_problem, err))
            return -1;
    }
    return 0;
}

/* Where the file itself is damaged, its rows cannot be asked. */
int query_check(struct listing *list, struct error *err)
{
    int result = ask(list, questions, ARRAY_LENGTH(questions), err);

    if (!result && list->count == 0)
        result = ask(list, table_questions, ARRAY_LENGTH(table_questions), err);
    list->next = NULL; /* there are no pages of problems */
    return result;
}
