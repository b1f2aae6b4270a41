#include "connectors/sqlite/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct sqlite_cached *find_slot(struct sqlite *db, const char *sql)
{
    size_t slot = ((uintptr_t)sql * 0x9e3779b97f4a7c15u) >> 48;

    for (unsigned tries = 0; tries < SQLITE_STATEMENTS_MAX; tries++, slot++) {
        struct sqlite_cached *cached = &db->cached[slot % SQLITE_STATEMENTS_MAX];

        if (!cached->sql || cached->sql == sql)
            return cached;
    }
    assert(!"more statements than SQLITE_STATEMENTS_MAX");
    return NULL;
}

sqlite3_stmt *sqlite_statement(struct sqlite *db, const char *sql, struct error *err)
{
    struct sqlite_cached *cached = find_slot(db, sql);
    int result;

    if (cached->sql) {
        assert(!sqlite3_stmt_busy(cached->statement));
        return cached->statement;
    }
    result =
        sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &cached->statement, NULL);
    if (result != SQLITE_OK) {
        sqlite_fail(db, result, err);
        return NULL;
    }
    cached->sql = sql;
    return cached->statement;
}

static void keep_bind_result(struct sqlite *db, int result)
{
    if (db->bind_result == SQLITE_OK)
        db->bind_result = result;
}

void sqlite_bind_text(struct sqlite *db, sqlite3_stmt *statement, int index, const char *text)
{
    keep_bind_result(db, sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC));
}

void sqlite_bind_int(struct sqlite *db, sqlite3_stmt *statement, int index, int64_t value)
{
    keep_bind_result(db, sqlite3_bind_int64(statement, index, value));
}

void sqlite_bind_null(struct sqlite *db, sqlite3_stmt *statement, int index)
{
    keep_bind_result(db, sqlite3_bind_null(statement, index));
}

void sqlite_bind_empty_blob(struct sqlite *db, sqlite3_stmt *statement, int index)
{
    keep_bind_result(db, sqlite3_bind_zeroblob(statement, index, 0));
}

void sqlite_reset(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement); /* they point to texts that may go now */
}

int sqlite_step(struct sqlite *db, sqlite3_stmt *statement, struct error *err)
{
    int result = db->bind_result;

    db->bind_result = SQLITE_OK;
    errno = 0;
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        sqlite_fail(db, result, err);
    sqlite_reset(statement);
    return result == SQLITE_DONE ? 0 : -1;
}

int sqlite_execute(struct sqlite *db, sqlite3_stmt *statement, struct error *err)
{
    int step;

    do
        step = sqlite_step(db, statement, err);
    while (step == 1);
    return step;
}

const char *sqlite_word(sqlite3_stmt *statement, int index)
{
    const char *text;

    if (sqlite3_column_type(statement, index) == SQLITE_NULL)
        return "";
    text = (const char *)sqlite3_column_text(statement, index);
    if (!text)
        abort();
    return text;
}

const char *sqlite_text(sqlite3_stmt *statement, int index, struct arena *arena)
{
    if (sqlite3_column_type(statement, index) == SQLITE_NULL)
        return NULL;
    return arena_strdup(arena, sqlite_word(statement, index));
}

int sqlite_run(struct sqlite *db, const char *sql, struct error *err)
{
    int result;

    errno = 0;
    result = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : sqlite_fail(db, result, err);
}

/* --- transactions --- */

static int execute_text(struct sqlite *db, const char *sql, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db, sql, err);

    return statement ? sqlite_execute(db, statement, err) : -1;
}

/* A commit whose sync fails is rolled back here, and its frames stay in the log: nobody sees them
 * while the log is shared, and who recovers it would take them for committed. Frames of another
 * commit in their place end that: of one that writes the version that is there. */
static int write_over(struct sqlite *db, struct error *err)
{
    char pragma[48];
    int64_t version = 0;
    sqlite3_stmt *statement;

    sqlite_rollback(db);
    if (execute_text(db, "BEGIN IMMEDIATE", err))
        return -1;
    statement = sqlite_statement(db, "PRAGMA user_version", err);
    if (statement && sqlite_step(db, statement, err) == 1) {
        version = sqlite3_column_int64(statement, 0);
        sqlite_reset(statement);
        snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %lld", (long long)version);
        if (sqlite_run(db, pragma, err) == 0 && execute_text(db, "COMMIT", err) == 0)
            return 0;
    }
    sqlite_rollback(db);
    return -1;
}

static int end_doubt(struct sqlite *db, struct error *err)
{
    if (!db->in_doubt)
        return 0;
    if (write_over(db, err))
        return error_prefix(err, "it is not known whether the last change was made");
    db->in_doubt = false;
    return 0;
}

int sqlite_begin_read(struct sqlite *db, struct error *err)
{
    return end_doubt(db, err) ? -1 : execute_text(db, "BEGIN", err);
}

int sqlite_begin_write(struct sqlite *db, struct error *err)
{
    return end_doubt(db, err) ? -1 : execute_text(db, "BEGIN IMMEDIATE", err);
}

int sqlite_commit(struct sqlite *db, struct error *err)
{
    int result;

    if (execute_text(db, "COMMIT", err) == 0)
        return 0;
    result = sqlite3_errcode(db->db) & 0xff;
    db->in_doubt = result == SQLITE_IOERR || result == SQLITE_FULL;
    if (end_doubt(db, NULL))
        error_prefix(err, "it is not known whether this was committed");
    return -1;
}

void sqlite_rollback(struct sqlite *db)
{
    /* SQLite has rolled back by itself after most failures of the disk. Not through the cache: it
     * must work when memory is short, and a stop must not end it. */
    if (db->db && !sqlite3_get_autocommit(db->db)) {
        sqlite_set_stop(db, NULL, NULL);
        sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
    }
}
