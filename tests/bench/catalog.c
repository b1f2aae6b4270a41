/* What a commit into a catalog of many deltas costs, beside a bare SQLite transaction that inserts
 * the same into a file of the same size, in turn; and what opening it and listing the latest deltas
 * of a table costs.
 *
 *   catalog fill FILE DELTAS     makes the catalog
 *   catalog commit FILE BARE     prints the medians of both in microseconds; BARE is a copy of FILE
 *   catalog list FILE            prints microseconds of opening and listing */
#include "connectors/catalog_sqlite/database.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMITS = 400, PARTITIONS = 100, LATEST = 100 };

static void check(int result, const struct error *err)
{
    if (!result)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void open_catalog(struct sqlite *db, const char *path, bool read_only)
{
    const struct sqlite_options options = {
        .path = path, .schema = &database_catalog_schema, .read_only = read_only, .durable = true};
    struct error err = {0};

    check(sqlite_open(db, &options, &err), &err);
}

/* --- a catalog of many deltas --- */

static void create_table(struct sqlite *db)
{
    static const struct catalog_column columns[] = {{.name = "day", .type = "DATE"}};
    static const char *const partition_by[] = {"day"};
    const struct catalog_locator at = {.namespace = "bench", .table = "deltas"};
    struct catalog_change changes[3] = {{.verb = CATALOG_CREATE_NAMESPACE, .at = at},
        {.verb = CATALOG_CREATE_TABLE, .at = at}, {.verb = CATALOG_CREATE_VERSION, .at = at}};
    struct catalog_apply apply = {.changes = changes, .count = 3};
    struct error err = {0};

    changes[2].version.columns = columns;
    changes[2].version.column_count = 1;
    changes[2].version.partition_by = partition_by;
    changes[2].version.partition_count = 1;
    changes[2].version.lifecycle = CATALOG_ACTIVE;
    check(database_apply(db, &apply, &err), &err);
}

/* As so many commits would have left it, one delta of one file each. */
static void fill(const char *path, long long deltas)
{
    struct sqlite db;
    struct error err = {0};
    struct buffer sql;

    open_catalog(&db, path, false);
    create_table(&db);
    buffer_init(&sql, 0);
    buffer_printf(&sql,
        "BEGIN; INSERT INTO partitions (partition_id, uuid, stream_id, partition_values, state,"
        "  since, created_ms) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n"
        "  WHERE i < %d) SELECT i, printf('partition-%%08d', i), 1, printf('[\"%%05d\"]', i - 1),"
        "  'committed', i, 1 FROM n;"
        "INSERT INTO deltas (delta_id, partition_id, stream_id, position, type, state, rows, files,"
        "  bytes, run_id, created_ms, uuid, author) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL"
        "  SELECT i + 1 FROM n WHERE i < %lld) SELECT i, 1 + i %% %d, 1, i, 'append', 'committed',"
        "  100, 1, 1000, printf('01a1fe67-aeba-786f-bec2-%%012d', i), i,"
        "  printf('01a1fe67-aeba-7d9a-bec2-%%012d', i), 'sluice 0.1.0' FROM n;"
        "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes, schema_id, checksum)"
        "  SELECT delta_id, 1, printf('bench/deltas/1/day=%%05d/%%s-clean-0.parquet',"
        "    partition_id - 1, run_id), 'parquet', 100, 1000, 1, 'crc32c:00000000' FROM deltas;"
        "INSERT INTO positions (stream_id, committed_ms, position)"
        "  SELECT 1, position, position FROM deltas;"
        "UPDATE partitions SET (rows, files, bytes, position) = (SELECT sum(rows), sum(files),"
        "  sum(bytes), max(position) FROM deltas d WHERE d.partition_id = partitions.partition_id);"
        "UPDATE streams SET (rows, files, bytes, position, partitions) = (SELECT sum(rows),"
        "  sum(files), sum(bytes), max(position), %d FROM deltas);"
        "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
        PARTITIONS, deltas, PARTITIONS, PARTITIONS);
    check(sqlite_run(&db, sql.data, &err), &err);
    buffer_deinit(&sql);
    sqlite_close(&db);
}

/* --- commits --- */

static uint64_t commit_ns(struct sqlite *db, int i)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA,
        CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION};
    char day[8], key[80];
    const char *const values[] = {day};
    const struct catalog_file file = {.key = key,
        .format = "parquet",
        .rows = 100,
        .bytes = 1000,
        .schema_id = 1,
        .checksum = "crc32c:00000000"};
    struct catalog_change changes[ARRAY_LENGTH(verbs)];
    struct catalog_apply apply = {.changes = changes,
        .count = ARRAY_LENGTH(verbs),
        .run_id = "01a1fe67-aeba-786f-bec2-912a0dff9a95"};
    struct error err = {0};
    uint64_t start_ns;

    snprintf(day, sizeof(day), "%05d", i % PARTITIONS);
    snprintf(key, sizeof(key), "bench/deltas/1/day=%s/%s-clean-%d.parquet", day, apply.run_id, i);
    for (size_t j = 0; j < ARRAY_LENGTH(verbs); j++)
        changes[j] = (struct catalog_change){.verb = verbs[j],
            .if_missing = true,
            .at = {.namespace = "bench", .table = "deltas", .values = values, .value_count = 1}};
    changes[1].delta.type = CATALOG_APPEND;
    changes[1].delta.files = &file;
    changes[1].delta.file_count = 1;
    start_ns = time_monotonic_ns();
    check(database_apply(db, &apply, &err), &err);
    return time_monotonic_ns() - start_ns;
}

/* The rows that such a commit leaves, and nothing that finds them out. */
static const char *const bare[] = {
    "BEGIN IMMEDIATE",
    "INSERT INTO deltas (partition_id, stream_id, position, type, state, rows, files, bytes,"
    "  run_id, created_ms, uuid, author) VALUES (?1 + 1, 1, ?2, 'append', 'committed', 100, 1,"
    "  1000, '01a1fe67-aeba-786f-bec2-912a0dff9a95', ?2, printf('02a1fe67-aeba-7d9a-bec2-%012d',"
    "  ?2), 'sluice 0.1.0')",
    "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes, schema_id, checksum)"
    "  VALUES (last_insert_rowid(), 1, printf('bench/deltas/1/day=%05d/%012d-clean-0.parquet', ?1,"
    "  ?2), 'parquet', 100, 1000, 1, 'crc32c:00000000')",
    "INSERT INTO positions (stream_id, committed_ms, position) VALUES (1, ?2, ?2)",
    "UPDATE partitions SET rows = rows + 100, files = files + 1, bytes = bytes + 1000,"
    "  position = ?2 WHERE partition_id = ?1 + 1",
    "UPDATE streams SET rows = rows + 100, files = files + 1, bytes = bytes + 1000, position = ?2"
    "  WHERE stream_id = 1",
    "COMMIT",
};

static uint64_t bare_ns(struct sqlite *db, int i, int64_t position)
{
    const uint64_t start_ns = time_monotonic_ns();
    struct error err = {0};

    for (size_t j = 0; j < ARRAY_LENGTH(bare); j++) {
        sqlite3_stmt *statement = sqlite_statement(db, bare[j], &err);

        check(statement ? 0 : -1, &err);
        if (sqlite3_bind_parameter_count(statement) > 0) {
            sqlite3_bind_int64(statement, 1, i % PARTITIONS);
            sqlite3_bind_int64(statement, 2, position);
        }
        check(sqlite_execute(db, statement, &err), &err);
    }
    return time_monotonic_ns() - start_ns;
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t newest(struct sqlite *db)
{
    struct error err = {0};
    sqlite3_stmt *statement = sqlite_statement(db, "SELECT position FROM streams", &err);
    int64_t position;

    check(statement && sqlite_step(db, statement, &err) == 1 ? 0 : -1, &err);
    position = sqlite3_column_int64(statement, 0);
    sqlite_reset(statement);
    return position;
}

static void measure_commits(const char *path, const char *bare_path)
{
    uint64_t ours_ns[COMMITS], bare_times_ns[COMMITS];
    struct sqlite db, other;
    int64_t position;

    open_catalog(&db, path, false);
    open_catalog(&other, bare_path, false);
    position = newest(&other);
    for (int i = 0; i < COMMITS; i++) {
        bare_times_ns[i] = bare_ns(&other, i, ++position);
        ours_ns[i] = commit_ns(&db, i);
    }
    sqlite_close(&db);
    sqlite_close(&other);
    mem_sort(ours_ns, COMMITS, sizeof(*ours_ns), compare);
    mem_sort(bare_times_ns, COMMITS, sizeof(*bare_times_ns), compare);
    printf("%llu %llu\n", (unsigned long long)ours_ns[COMMITS / 2] / 1000,
        (unsigned long long)bare_times_ns[COMMITS / 2] / 1000);
}

/* --- listing --- */

static void list(const char *path)
{
    const uint64_t start_ns = time_monotonic_ns();
    struct catalog_query query = {.verb = CATALOG_LIST_DELTAS,
        .at = {.namespace = "bench", .table = "deltas"},
        .limit = LATEST};
    struct error err = {0};
    struct arena arena;
    struct sqlite db;

    arena_init(&arena);
    query.arena = &arena;
    open_catalog(&db, path, true);
    check(database_query(&db, &query, &err), &err);
    if (query.count != LATEST)
        exit(2);
    printf("%llu\n", (unsigned long long)(time_monotonic_ns() - start_ns) / 1000);
    sqlite_close(&db);
    arena_deinit(&arena);
}

int main(int count, char **args)
{
    if (count == 4 && strcmp(args[1], "fill") == 0)
        fill(args[2], strtoll(args[3], NULL, 10));
    else if (count == 4 && strcmp(args[1], "commit") == 0)
        measure_commits(args[2], args[3]);
    else if (count == 3 && strcmp(args[1], "list") == 0)
        list(args[2]);
    else
        return 2;
    return 0;
}
