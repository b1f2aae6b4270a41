/* What the tests of connectors/catalog_sqlite share: a catalog in the test's folder, changes in one
 * line each, and answers in one line each. */
#ifndef TESTS_UNIT_CATALOG_FIXTURE_H
#define TESTS_UNIT_CATALOG_FIXTURE_H

#include "connectors/catalog_sqlite/database.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"

enum { CHANGES_MAX = 64 };

struct book {
    struct sqlite db;
    struct arena arena; /* of the answers */
    struct error err;   /* of the last call that failed */
    struct catalog_change changes[CHANGES_MAX];
    size_t count;
};

static inline const char *book_path(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/catalog.db", fixture_folder);
    return path;
}

static inline int book_try_open(struct book *book, bool read_only, int64_t busy_ms)
{
    const struct sqlite_options options = {.path = book_path(),
        .schema = &database_catalog_schema,
        .read_only = read_only,
        .durable = true,
        .busy_ms = busy_ms};

    memset(book, 0, sizeof(*book));
    arena_init(&book->arena);
    return sqlite_open(&book->db, &options, &book->err);
}

static inline void book_open(struct book *book)
{
    assert_ok(book_try_open(book, false, 0), &book->err);
}

static inline void book_close(struct book *book)
{
    sqlite_close(&book->db);
    arena_deinit(&book->arena);
}

/* --- changes: each call adds one --- */

static inline struct catalog_change *book_add(struct book *book, enum catalog_change_verb verb)
{
    struct catalog_change *change = &book->changes[book->count++];

    assert_true(book->count <= CHANGES_MAX);
    *change =
        (struct catalog_change){.verb = verb, .at = {.namespace = "wildlife", .table = "strikes"}};
    return change;
}

/* One of a partition of a table with one partition field; NULL: null. */
static inline struct catalog_change *book_add_at(
    struct book *book, enum catalog_change_verb verb, const char *value)
{
    struct catalog_change *change = book_add(book, verb);
    const char **values = arena_array(&book->arena, 1, sizeof(*values));

    values[0] = value;
    change->at.values = values;
    change->at.value_count = 1;
    return change;
}

static inline struct catalog_change *book_add_delta(
    struct book *book, const char *value, const char *path, int64_t rows)
{
    struct catalog_change *change = book_add_at(book, CATALOG_STAGE_DELTA, value);
    struct catalog_file *file = arena_new(&book->arena, struct catalog_file);

    *file = (struct catalog_file){
        .key = path, .format = "parquet", .rows = rows, .bytes = (uint64_t)rows * 10};
    change->delta.type = CATALOG_APPEND;
    change->delta.files = file;
    change->delta.file_count = 1;
    return change;
}

/* What the engine sends for an append of one file to a partition. */
static inline void book_add_append(
    struct book *book, const char *value, const char *path, int64_t rows)
{
    book_add_at(book, CATALOG_STAGE_PARTITION, value)->if_missing = true;
    book_add_delta(book, value, path, rows);
    book_add_at(book, CATALOG_COMMIT_DELTA, value);
    book_add_at(book, CATALOG_COMMIT_PARTITION, value)->if_missing = true;
}

/* For the replacement of a partition by one file. */
static inline void book_add_replace(
    struct book *book, const char *value, const char *path, int64_t rows)
{
    book_add_at(book, CATALOG_STAGE_PARTITION, value);
    book_add_delta(book, value, path, rows);
    book_add_at(book, CATALOG_COMMIT_DELTA, value);
    book_add_at(book, CATALOG_COMMIT_PARTITION, value);
}

static inline void book_add_commit(struct book *book, const char *run_id, int64_t fence)
{
    struct catalog_change *change = book_add(book, CATALOG_RECORD_COMMIT);

    change->commit = (struct catalog_commit){.run_id = run_id,
        .pipeline = "birds",
        .instance = "",
        .fence = fence,
        .record = "{\"rows\":1}"};
}

/* Applies what was added. */
static inline int book_try_apply_as(
    struct book *book, const char *pipeline, const char *run_id, int64_t fence)
{
    struct catalog_apply apply = {.changes = book->changes,
        .count = book->count,
        .pipeline = pipeline,
        .instance = "",
        .run_id = run_id,
        .fence = fence};

    book->count = 0;
    error_clear(&book->err);
    return database_apply(&book->db, &apply, &book->err);
}

static inline int book_try_apply(struct book *book)
{
    return book_try_apply_as(book, NULL, "run-1", 0);
}

static inline void book_apply(struct book *book)
{
    assert_ok(book_try_apply(book), &book->err);
}

static inline void book_apply_fails(struct book *book, enum error_code code, const char *part)
{
    assert_int_equal(book_try_apply(book), -1);
    assert_contains(book->err.message, part);
    assert_int_equal(book->err.code, code);
}

/* wildlife.strikes, partitioned by month, with two columns, version 1 active. */
static inline void book_add_table(struct book *book)
{
    static const struct catalog_column columns[] = {
        {.name = "flight_date", .type = "DATE"}, {.name = "Cost Total $", .type = "BIGINT"}};
    static const char *const partition_by[] = {"month(flight_date)"};
    struct catalog_change *change;

    book_add(book, CATALOG_CREATE_NAMESPACE)->if_missing = true;
    book_add(book, CATALOG_CREATE_TABLE)->if_missing = true;
    change = book_add(book, CATALOG_CREATE_VERSION);
    change->if_missing = true;
    change->version.columns = columns;
    change->version.column_count = ARRAY_LENGTH(columns);
    change->version.partition_by = partition_by;
    change->version.partition_count = ARRAY_LENGTH(partition_by);
    change->version.lifecycle = CATALOG_ACTIVE;
}

/* The next version of it, active, with a key. */
static inline void book_add_keyed_version(struct book *book)
{
    static const struct catalog_column columns[] = {{.name = "flight_date", .type = "DATE"},
        {.name = "id", .type = "BIGINT"}, {.name = "seq", .type = "BIGINT"}};
    static const char *const partition_by[] = {"month(flight_date)"};
    static const char *const key[] = {"id"};
    static const struct catalog_merge merge = {.key = key, .key_count = 1, .sequence_by = "seq"};
    struct catalog_change *change = book_add(book, CATALOG_CREATE_VERSION);

    change->version.columns = columns;
    change->version.column_count = ARRAY_LENGTH(columns);
    change->version.partition_by = partition_by;
    change->version.partition_count = ARRAY_LENGTH(partition_by);
    change->version.merge = &merge;
    change->version.lifecycle = CATALOG_ACTIVE;
}

static inline void book_open_with_table(struct book *book)
{
    book_open(book);
    book_add_table(book);
    book_apply(book);
}

/* --- answers --- */

static inline int book_try_ask(struct book *book, struct catalog_query *query)
{
    if (!query->at.namespace && query->verb != CATALOG_LIST_TABLES)
        query->at = (struct catalog_locator){.namespace = "wildlife", .table = "strikes"};
    query->arena = &book->arena;
    error_clear(&book->err);
    return database_query(&book->db, query, &book->err);
}

static inline struct catalog_query book_ask_with(struct book *book, struct catalog_query query)
{
    assert_ok(book_try_ask(book, &query), &book->err);
    return query;
}

static inline struct catalog_query book_ask(struct book *book, enum catalog_query_verb verb)
{
    return book_ask_with(book, (struct catalog_query){.verb = verb});
}

/* One number of the file itself. */
static inline int64_t book_number(struct book *book, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number;

    assert_int_equal(sqlite3_prepare_v2(book->db.db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* The sums that are kept agree with what they are sums of, and the file is sound: asked of the
 * catalog, and again without its help. */
static inline void book_check(struct book *book)
{
    const struct catalog_query check = book_ask(book, CATALOG_CHECK);

    if (check.count > 0)
        fail_msg("%s", check.problems[0]);
    assert_int_equal(
        book_number(book, "SELECT count(*) FROM streams s WHERE (rows, files, bytes, partitions) <>"
                          " (SELECT ifnull(sum(p.rows), 0), ifnull(sum(p.files), 0),"
                          "   ifnull(sum(p.bytes), 0), count(*) FROM partitions p"
                          "  WHERE p.stream_id = s.stream_id AND p.state = 'committed')"),
        0);
    assert_int_equal(book_number(book,
                         "SELECT count(*) FROM partitions p WHERE (rows, files, bytes, position) <>"
                         " (SELECT ifnull(sum(d.rows), 0), ifnull(sum(d.files), 0),"
                         "   ifnull(sum(d.bytes), 0), ifnull(max(d.position), 0) FROM deltas d"
                         "  WHERE d.partition_id = p.partition_id AND d.state = 'committed')"),
        0);
    assert_int_equal(
        book_number(book, "SELECT count(*) FROM deltas d WHERE (rows, files, bytes) <>"
                          " (SELECT ifnull(sum(f.rows), 0), count(*), ifnull(sum(f.bytes), 0)"
                          "  FROM files f WHERE f.delta_id = d.delta_id)"),
        0);
    assert_int_equal(book_number(book, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(
        book_number(book, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

#endif
