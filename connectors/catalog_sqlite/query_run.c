/* What runs left beside data: commits, cursors, what was seen, publications, hooks. */
#include "connectors/catalog_sqlite/query.h"

/* --- commits --- */

static int read_commit(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_commit *commit = item;

    (void)err;
    commit->fence = listing_int(row, 1);
    commit->run_id = sqlite_text(row, 2, list->arena);
    commit->pipeline = sqlite_text(row, 3, list->arena);
    commit->instance = sqlite_text(row, 4, list->arena);
    commit->committed_ms = listing_int(row, 5);
    commit->record = sqlite_text(row, 6, list->arena);
    return 0;
}

#define COMMIT_COLUMNS                                                                             \
    "SELECT commit_id, fence, run_id, pipeline, instance, committed_ms, record FROM commits"

int query_get_commit(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db, COMMIT_COLUMNS " WHERE run_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->run_id);
    return listing_collect_all(list, statement, read_commit, err);
}

int query_list_commits(struct listing *list, struct error *err)
{
    static const char *const all[2] =
        LISTING_BOTH_WAYS(COMMIT_COLUMNS " WHERE true", "commit_id", "fence");
    static const char *const of_pipeline[2] =
        LISTING_BOTH_WAYS(COMMIT_COLUMNS " WHERE pipeline = ?1", "commit_id", "fence");
    static const char *const of_instance[2] = LISTING_BOTH_WAYS(
        COMMIT_COLUMNS " WHERE pipeline = ?1 AND instance = ?2", "commit_id", "fence");
    const struct catalog_query *query = list->query;
    sqlite3_stmt *statement = listing_statement(
        list, !query->pipeline ? all : (query->instance ? of_instance : of_pipeline), true, err);

    if (!statement)
        return -1;
    if (query->pipeline)
        sqlite_bind_text(list->db, statement, 1, query->pipeline);
    if (query->pipeline && query->instance)
        sqlite_bind_text(list->db, statement, 2, query->instance);
    return listing_collect(list, statement, "ii", read_commit, err);
}

/* --- cursors --- */

static int read_cursor(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_cursor *cursor = item;

    (void)err;
    cursor->load = sqlite_text(row, 0, list->arena);
    cursor->extract = sqlite_text(row, 1, list->arena);
    cursor->pipeline = sqlite_text(row, 2, list->arena);
    cursor->instance = sqlite_text(row, 3, list->arena);
    cursor->state = sqlite_text(row, 4, list->arena);
    return 0;
}

/* Pipeline and instance, then load and extract where they are said. */
static void bind_cursor_key(struct listing *list, sqlite3_stmt *statement)
{
    sqlite_bind_text(list->db, statement, 1, list->query->pipeline);
    sqlite_bind_text(list->db, statement, 2, list->query->instance);
    sqlite_bind_text(list->db, statement, 3, list->query->load);
    sqlite_bind_text(list->db, statement, 4, list->query->extract);
}

int query_list_cursors(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS("SELECT load, extract, pipeline, instance, state FROM cursors"
                          " WHERE pipeline = ?1 AND instance = ?2 AND (?3 IS NULL OR load = ?3)"
                          "   AND (?4 IS NULL OR extract = ?4) AND state IS NOT NULL",
            "load", "extract");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    if (!statement)
        return -1;
    bind_cursor_key(list, statement);
    return listing_collect(list, statement, "tt", read_cursor, err);
}

static int read_seen(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_seen *seen = item;

    (void)err;
    seen->key = sqlite_text(row, 0, list->arena);
    seen->size = (uint64_t)listing_int(row, 1);
    seen->version = sqlite_text(row, 2, list->arena);
    return 0;
}

int query_list_seen(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT s.key, s.size, s.version FROM cursors c JOIN seen s ON s.cursor_id = c.cursor_id"
        " WHERE c.pipeline = ?1 AND c.instance = ?2 AND c.load = ?3 AND c.extract = ?4",
        "s.key", "s.size");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    if (!statement)
        return -1;
    bind_cursor_key(list, statement);
    return listing_collect(list, statement, "ti", read_seen, err);
}

static int read_publication(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_publication *publication = item;

    (void)err;
    publication->run_id = sqlite_text(row, 1, list->arena);
    publication->load = sqlite_text(row, 4, list->arena);
    publication->from = sqlite_text(row, 2, list->arena);
    publication->to = sqlite_text(row, 3, list->arena);
    return 0;
}

int query_list_publications(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS("SELECT publication_id, run_id, source, target, load FROM publications"
                          " WHERE pipeline = ?1 AND instance = ?2 AND ended_ms IS NULL",
            "publication_id", "run_id");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->pipeline);
    sqlite_bind_text(list->db, statement, 2, list->query->instance);
    return listing_collect(list, statement, "it", read_publication, err);
}

static int read_hook(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct hook_due *hook = item;

    (void)err;
    hook->run_id = sqlite_text(row, 1, list->arena);
    hook->place = sqlite_text(row, 2, list->arena);
    hook->target = sqlite_text(row, 3, list->arena);
    hook->body = sqlite_text(row, 4, list->arena);
    hook->created_ms = listing_int(row, 5);
    return 0;
}

int query_list_hooks(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS("SELECT hook_id, run_id, place, target, body, created_ms FROM hooks"
                          " WHERE pipeline = ?1 AND instance = ?2 AND ended_ms IS NULL",
            "hook_id", "run_id");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->pipeline);
    sqlite_bind_text(list->db, statement, 2, list->query->instance);
    return listing_collect(list, statement, "it", read_hook, err);
}
