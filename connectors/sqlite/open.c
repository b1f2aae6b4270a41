#include "connectors/sqlite/sqlite.h"

#include "connectors/sqlite/filesystem.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    NS_PER_MS = 1000000,
    BUSY_NAP_MS_MAX = 12,
    PROGRESS_STEPS = 2000,
    COPY_BYTES_MAX = 64 * 1024 * 1024,
};

/* --- waits that end --- */

static bool is_stopped(const struct sqlite *db)
{
    return db->stop && db->stop(db->stop_data);
}

static void nap(int tries)
{
    /* Not all the same, so that processes that wait for one lock do not wake together. */
    const long ms = 1 + tries % BUSY_NAP_MS_MAX;
    const struct timespec pause = {.tv_nsec = ms * NS_PER_MS};

    nanosleep(&pause, NULL);
}

static int on_busy(void *data, int tries)
{
    struct sqlite *db = data;

    if (tries == 0)
        db->busy_since_ns = time_monotonic_ns();
    if (is_stopped(db) ||
        time_monotonic_ns() - db->busy_since_ns > (uint64_t)db->busy_ms * NS_PER_MS)
        return 0;
    nap(tries);
    return 1;
}

static int on_progress(void *data)
{
    return is_stopped(data);
}

void sqlite_set_stop(struct sqlite *db, sqlite_stop_fn stop, void *data)
{
    db->stop = stop;
    db->stop_data = data;
    /* Not sqlite3_interrupt(): that would hit whatever runs when it arrives. */
    sqlite3_progress_handler(db->db, stop ? PROGRESS_STEPS : 0, stop ? on_progress : NULL, db);
}

/* --- reading what the file says about itself --- */

static int read_int(struct sqlite *db, const char *sql, int64_t *ret_value, struct error *err)
{
    sqlite3_stmt *statement;
    int result;

    errno = 0;
    result = sqlite3_prepare_v2(db->db, sql, -1, &statement, NULL);

    if (result != SQLITE_OK)
        return sqlite_fail(db, result, err);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(statement, 0);
    else
        sqlite_fail(db, result, err);
    sqlite3_finalize(statement);
    return result == SQLITE_ROW ? 0 : -1;
}

struct header {
    int64_t version, application_id, object_count;
};

static int read_header(struct sqlite *db, struct header *ret_header, struct error *err)
{
    if (read_int(db, "PRAGMA user_version", &ret_header->version, err) ||
        read_int(db, "PRAGMA application_id", &ret_header->application_id, err))
        return -1;
    return read_int(db, "SELECT count(*) FROM sqlite_schema", &ret_header->object_count, err);
}

/* In a transaction of its own: another process may be making the schema just now. *ret_code is
 * SQLite's, without its extension. */
static int read_header_once(
    struct sqlite *db, struct header *ret_header, int *ret_code, struct error *err)
{
    int result;

    if (sqlite_run(db, "BEGIN", err))
        return -1;
    result = read_header(db, ret_header, err);
    *ret_code = sqlite3_errcode(db->db) & 0xff;
    if (sqlite_run(db, "COMMIT", result ? NULL : err))
        return -1;
    return result;
}

static bool is_empty(const struct header *header)
{
    return header->version == 0 && header->application_id == 0 && header->object_count == 0;
}

static int check_header(struct sqlite *db, const struct header *header, struct error *err)
{
    const int known = db->schema->migration_count;

    if (is_empty(header))
        return 0;
    if (header->application_id != db->schema->application_id)
        return error_set(err, ERROR_DATA,
            "%s %s: this is the database of something else; name another file", db->schema->what,
            db->path);
    if (header->version > known)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "%s %s: it has schema version %lld, this sluice knows up to %d; upgrade sluice",
            db->schema->what, db->path, (long long)header->version, known);
    if (db->read_only && header->version < known)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "%s %s: it has schema version %lld, this sluice needs %d; `sluice run` brings it up to "
            "date",
            db->schema->what, db->path, (long long)header->version, known);
    return 0;
}

/* --- migrations --- */

static int migrate_from(struct sqlite *db, int64_t version, struct error *err)
{
    const struct sqlite_schema *schema = db->schema;
    char pragmas[96];

    for (int i = (int)version; i < schema->migration_count; i++)
        if (sqlite_run(db, schema->migrations[i], err))
            return error_prefix(err, "schema version %d", i + 1);
    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %u; PRAGMA user_version = %d",
        schema->application_id, schema->migration_count);
    return sqlite_run(db, pragmas, err);
}

/* Several processes may find the file empty at once: what is true is asked under the lock. */
static int migrate(struct sqlite *db, struct error *err)
{
    struct header header;

    if (sqlite_begin_write(db, err))
        return -1;
    if (read_header(db, &header, err) || check_header(db, &header, err) ||
        migrate_from(db, header.version, err) || sqlite_commit(db, err)) {
        sqlite_rollback(db);
        return -1;
    }
    return 0;
}

/* --- opening --- */

static int open_handle(
    struct sqlite *db, const char *name, int flags, const char *vfs, struct error *err)
{
    int result;

    errno = 0;
    result = sqlite3_open_v2(name, &db->db, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (result != SQLITE_OK)
        return sqlite_fail(db, result, err);
    sqlite3_extended_result_codes(db->db, 1);
    sqlite3_busy_handler(db->db, on_busy, db);
    return 0;
}

static void close_handle(struct sqlite *db)
{
    for (size_t i = 0; i < SQLITE_STATEMENTS_MAX; i++)
        sqlite3_finalize(db->cached[i].statement);
    memset(db->cached, 0, sizeof(db->cached));
    sqlite3_close(db->db);
    db->db = NULL;
}

/* The mode stays in the file. Switching needs the file for a moment alone, and SQLite does not
 * always ask the busy handler then. */
static int switch_to_wal(struct sqlite *db, struct error *err)
{
    const uint64_t start_ns = time_monotonic_ns();

    for (int tries = 0;; tries++) {
        sqlite3_stmt *statement;
        bool is_wal = false;
        int result;

        errno = 0;
        result = sqlite3_prepare_v2(db->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
        if (result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW)
            is_wal = strcmp(sqlite_word(statement, 0), "wal") == 0;
        sqlite3_finalize(statement);
        if (is_wal)
            return 0;
        if (sqlite3_db_readonly(db->db, "main") == 1)
            return sqlite_fail(db, SQLITE_READONLY, err);
        if (result == SQLITE_ROW)
            return error_set(err, ERROR_NOT_SUPPORTED,
                "%s %s: this file system cannot share memory between processes, which SQLite's "
                "write-ahead log needs; put the file on a local disk",
                db->schema->what, db->path);
        if ((result & 0xff) != SQLITE_BUSY ||
            time_monotonic_ns() - start_ns > (uint64_t)db->busy_ms * NS_PER_MS)
            return sqlite_fail(db, result, err);
        nap(tries);
    }
}

static int configure(struct sqlite *db, bool durable, struct error *err)
{
    if (sqlite_run(db,
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
            "PRAGMA temp_store = MEMORY",
            err))
        return -1;
    return sqlite_run(
        db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
}

/* An empty database that reads like a file in which nothing was ever written. */
static int open_in_memory(struct sqlite *db, struct error *err)
{
    db->in_memory = true;
    if (open_handle(db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, err))
        return -1;
    db->read_only = false;
    if (configure(db, false, err) || migrate(db, err))
        return -1;
    db->read_only = true;
    return sqlite_run(db, "PRAGMA query_only = ON", err);
}

static bool has_bytes(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_size > 0;
}

/* A log that cannot be shared, as in a folder that we may not write to or on a full disk: when
 * there is none, the file alone is the whole truth and may be read as it is. */
static int open_immutable(
    struct sqlite *db, const char *vfs, struct header *ret_header, struct error *err)
{
    char *log = mem_printf("%s-wal", db->path);
    const bool has_log = has_bytes(log);
    struct buffer uri;
    int result;

    free(log);
    if (has_log)
        return -1;
    close_handle(db);
    buffer_init(&uri, 0);
    buffer_puts(&uri, "file:");
    for (const char *c = db->path; *c; c++)
        if (strchr("%?#", *c))
            buffer_printf(&uri, "%%%02x", (unsigned char)*c);
        else
            buffer_putc(&uri, *c);
    buffer_puts(&uri, "?immutable=1");
    result = open_handle(db, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs, err) ||
             read_header(db, ret_header, err);
    buffer_deinit(&uri);
    return result ? -1 : 0;
}

/* A file of an older schema that is only to be read: a copy in memory is brought up to date, as
 * another process may still write to the file the way it is. */
static int open_copy(struct sqlite *db, struct error *err)
{
    sqlite3 *file = db->db;
    sqlite3_backup *backup;
    int result;

    db->db = NULL;
    db->in_memory = true;
    if (open_handle(db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, err)) {
        sqlite3_close(file);
        return -1;
    }
    backup = sqlite3_backup_init(db->db, "main", file, "main");
    result = backup ? sqlite3_backup_step(backup, -1) : SQLITE_NOMEM;
    sqlite3_backup_finish(backup);
    sqlite3_close(file);
    if (result != SQLITE_DONE)
        return sqlite_fail(db, result, err);
    db->read_only = false;
    if (configure(db, false, err) || migrate(db, err))
        return -1;
    db->read_only = true;
    return sqlite_run(db, "PRAGMA query_only = ON", err);
}

static bool can_be_copied(const struct sqlite *db, const struct header *header)
{
    struct stat status;

    return header->application_id == db->schema->application_id &&
           header->version < db->schema->migration_count && stat(db->path, &status) == 0 &&
           status.st_size <= COPY_BYTES_MAX;
}

/* Where the file is, or where it is to be. */
static int check_place(struct sqlite *db, struct error *err)
{
    char *folder = file_folder(db->path);
    const int result = filesystem_check(
        file_exists(db->path) ? db->path : folder, db->schema->what, db->path, err);

    free(folder);
    return result;
}

static int open_for_reading(struct sqlite *db, const char *vfs, struct error *err)
{
    struct header header;
    int code = SQLITE_OK;

    if (!has_bytes(db->path) && !file_exists(db->path))
        return open_in_memory(db, err);
    if (check_place(db, err))
        return -1;
    /* For writing where we may, though nothing is: the last to close takes away the files of the
     * log, which one that only may read would leave behind. */
    if (open_handle(db, db->path, SQLITE_OPEN_READWRITE, vfs, err))
        return -1;
    if (read_header_once(db, &header, &code, err)) {
        const bool no_room = code == SQLITE_FULL || (err && err->code == ERROR_NO_SPACE);

        if ((code != SQLITE_CANTOPEN && code != SQLITE_READONLY && !no_room) ||
            open_immutable(db, vfs, &header, err))
            return -1;
        error_clear(err); /* the first way was not open, the second one was */
    }
    if (is_empty(&header)) {
        close_handle(db);
        return open_in_memory(db, err);
    }
    if (can_be_copied(db, &header))
        return open_copy(db, err);
    if (check_header(db, &header, err) || configure(db, false, err))
        return -1;
    return sqlite_run(db, "PRAGMA query_only = ON", err);
}

static int open_for_writing(
    struct sqlite *db, const struct sqlite_options *options, struct error *err)
{
    struct header header;
    int code = SQLITE_OK;
    char *folder = file_folder(db->path);
    const int made = file_make_folders(folder, err);

    free(folder);
    if (made)
        return error_prefix(err, "%s %s", db->schema->what, db->path);
    if (check_place(db, err) ||
        open_handle(db, db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options->vfs, err) ||
        read_header_once(db, &header, &code, err) || check_header(db, &header, err))
        return -1;
    /* Opening for writing falls back to reading where the file's mode says so. */
    if (sqlite3_db_readonly(db->db, "main") == 1)
        return sqlite_fail(db, SQLITE_READONLY, err);
    if (configure(db, options->durable, err) || switch_to_wal(db, err))
        return -1;
    return header.version < db->schema->migration_count ? migrate(db, err) : 0;
}

int sqlite_open(struct sqlite *db, const struct sqlite_options *options, struct error *err)
{
    int result;

    memset(db, 0, sizeof(*db));
    db->schema = options->schema;
    db->path = mem_strdup(options->path);
    db->read_only = options->read_only;
    db->busy_ms = options->busy_ms ? options->busy_ms : SQLITE_BUSY_MS;
    result = db->read_only ? open_for_reading(db, options->vfs, err)
                           : open_for_writing(db, options, err);
    if (result)
        sqlite_close(db);
    return result;
}

void sqlite_close(struct sqlite *db)
{
    close_handle(db);
    free(db->path);
    memset(db, 0, sizeof(*db));
}
