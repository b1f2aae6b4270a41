/* One SQLite database file of ours, opened the way that catalog and state both need it: WAL,
 * foreign keys, a schema that migrates forward, statements prepared once, waits that end, and
 * errors that name the file and say what to do (https://sqlite.org/rescode.html).
 *
 * Blocking, and used by one thread at a time: in jobs of one serial lane. */
#ifndef CONNECTORS_SQLITE_SQLITE_H
#define CONNECTORS_SQLITE_SQLITE_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* What lives in the file. The version of a schema is the number of migrations that were applied:
 * migrations[0] makes version 1 of an empty file. Never change one that was released, add one. */
struct sqlite_schema {
    const char *what;        /* "catalog": begins every message */
    uint32_t application_id; /* PRAGMA application_id: so that other files are refused */
    const char *const *migrations;
    int migration_count;
};

struct sqlite_options {
    const char *path;
    const struct sqlite_schema *schema;
    bool read_only;  /* a file that is missing or still empty reads as an empty database; one of an
                        older schema, up to 64 MiB, as a copy that was migrated in memory */
    bool durable;    /* every commit survives a power failure, not only a crash of the process */
    int64_t busy_ms; /* how long a lock of another process is waited for; 0: SQLITE_BUSY_MS */
    const char *vfs; /* NULL: the default one; tests inject faults here */
};

enum { SQLITE_BUSY_MS = 10000, SQLITE_STATEMENTS_MAX = 512 };

/* Whether somebody wants the work under way to end. */
typedef bool (*sqlite_stop_fn)(void *data);

struct sqlite {
    sqlite3 *db;
    const struct sqlite_schema *schema;
    char *path;
    bool read_only;
    bool in_memory; /* read-only, and nothing is there yet or it is a copy */
    bool in_doubt;  /* a commit failed whose log may still come to be read */
    int64_t busy_ms;
    uint64_t busy_since_ns;
    sqlite_stop_fn stop;
    void *stop_data;
    int bind_result; /* the first failure of a bind since the last step */
    struct sqlite_cached {
        const char *sql;
        sqlite3_stmt *statement;
    } cached[SQLITE_STATEMENTS_MAX]; /* a hash table by address */
};

/* Opens; unless read_only also creates (the folder, too) and migrates. ERROR_DATA: damaged or not
 * ours; ERROR_NOT_SUPPORTED: made by a newer sluice, or on a network file system. `db` needs no
 * close after a failure. */
int sqlite_open(struct sqlite *db, const struct sqlite_options *options, struct error *err);
void sqlite_close(struct sqlite *db); /* a zeroed one, too */

/* Until it is set again, statements and waits for locks end early with ERROR_STOPPED once `stop`
 * says so. NULL: they run to their end. */
void sqlite_set_stop(struct sqlite *db, sqlite_stop_fn stop, void *data);

/* --- transactions ---------------------------------------------------------------------------- */

/* A snapshot for several reads. */
int sqlite_begin_read(struct sqlite *db, struct error *err);

/* Takes the one write lock, waiting up to busy_ms: afterwards nobody else changes anything. */
int sqlite_begin_write(struct sqlite *db, struct error *err);

/* After an error nothing was changed, unless the disk still fails: whether a commit that could not
 * be made sure counts is then not known, and the next begin fails, too, until the disk lets it be
 * known that it does not. (Who opens the log first when all have closed or died may find it
 * counts.) */
int sqlite_commit(struct sqlite *db, struct error *err);
void sqlite_rollback(struct sqlite *db); /* harmless when none is open */

/* --- statements ------------------------------------------------------------------------------ */

/* The prepared statement of `sql`, a text with static life: it is found again by its address. It
 * is ready for binds. NULL with *err on failure. */
sqlite3_stmt *sqlite_statement(struct sqlite *db, const char *sql, struct error *err);

/* Parameters count from 1. Texts are not copied: they must stay until the last step. A NULL text
 * binds null. A failure shows in the next step. */
void sqlite_bind_text(struct sqlite *db, sqlite3_stmt *statement, int index, const char *text);
void sqlite_bind_int(struct sqlite *db, sqlite3_stmt *statement, int index, int64_t value);
void sqlite_bind_null(struct sqlite *db, sqlite3_stmt *statement, int index);
/* It is greater than all texts. */
void sqlite_bind_empty_blob(struct sqlite *db, sqlite3_stmt *statement, int index);

/* 1: a row is there, 0: no more, -1: failed. After 0 and -1 the statement is reset; who stops
 * earlier calls sqlite_reset(). */
int sqlite_step(struct sqlite *db, sqlite3_stmt *statement, struct error *err);
void sqlite_reset(sqlite3_stmt *statement);

/* Steps to the end: 0 or -1. */
int sqlite_execute(struct sqlite *db, sqlite3_stmt *statement, struct error *err);

/* Columns count from 0. The text is copied into the arena; NULL for null. Out of memory aborts, as
 * for all small allocations. */
const char *sqlite_text(sqlite3_stmt *statement, int index, struct arena *arena);

/* The text itself, valid until the next step; "" for null. */
const char *sqlite_word(sqlite3_stmt *statement, int index);

/* One statement without parameters or results, not cached. */
int sqlite_run(struct sqlite *db, const char *sql, struct error *err);

/* --- errors ------------------------------------------------------------------------------------
 */

/* Fills *err from a result code and the handle's last message: "catalog FILE: …". Returns -1. */
int sqlite_fail(struct sqlite *db, int result, struct error *err);
#define sqlite_fail(...) error_returned(sqlite_fail(__VA_ARGS__)) /* as in runner/base/error.h */

/* The constraint that refused the last statement, else 0: SQLITE_CONSTRAINT_UNIQUE, … */
int sqlite_constraint(struct sqlite *db);

#endif
