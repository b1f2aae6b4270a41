#include "connectors/sqlite/sqlite.h"

#include <errno.h>
#include <string.h>

static int fail_busy(struct sqlite *db, struct error *err)
{
    return error_set(err, ERROR_BUSY,
        "%s %s: locked by another process for longer than %lld ms; try again later (lsof names the "
        "process)",
        db->schema->what, db->path, (long long)db->busy_ms);
}

static int fail_space(struct sqlite *db, int system_error, struct error *err)
{
    error_set(err, ERROR_NO_SPACE, "%s %s: %s; make room and try again", db->schema->what, db->path,
        system_error ? strerror(system_error) : "the file system is full");
    if (err)
        err->detail = system_error;
    return -1;
}

static int fail_damaged(struct sqlite *db, const char *why, struct error *err)
{
    return error_set(err, ERROR_DATA,
        "%s %s: the file is damaged (%s); restore it from a backup or move it away",
        db->schema->what, db->path, why);
}

static int fail_denied(struct sqlite *db, struct error *err)
{
    if (db->read_only)
        return error_set(err, ERROR_DENIED,
            "%s %s: it was opened for reading only, and its folder cannot be written, where "
            "readers and "
            "writers share a log; check owner and permissions",
            db->schema->what, db->path);
    return error_set(err, ERROR_DENIED,
        "%s %s: it cannot be written; check owner and permissions of the file and of its folder",
        db->schema->what, db->path);
}

/* What the system said, where it said something; SQLite's code alone would be "disk I/O error". */
static int fail_system(struct sqlite *db, const char *doing, int errnum, struct error *err)
{
    const int noted = db->db ? sqlite3_system_errno(db->db) : 0;
    const int system_error = noted ? noted : errnum; /* SQLite notes none when a COMMIT fails */

    switch (system_error) {
    case 0:
        return error_set(err, ERROR_IO, "%s %s: %s failed (%s)", db->schema->what, db->path, doing,
            db->db ? sqlite3_errmsg(db->db) : "out of memory");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return fail_space(db, system_error, err);
    default:
        return error_set_errno(
            err, system_error, "%s %s: %s failed", db->schema->what, db->path, doing);
    }
}

int(sqlite_fail)(struct sqlite *db, int result, struct error *err)
{
    const int errnum = errno; /* of the call that failed: it was zeroed before */
    const char *message = db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(result);

    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: /* a race for the WAL's locks that lasted too long */
        if (db->stop && db->stop(db->stop_data))
            return error_set(err, ERROR_STOPPED, "%s %s: stopped while it was waiting for a lock",
                db->schema->what, db->path);
        return fail_busy(db, err);
    case SQLITE_INTERRUPT:
        return error_set(err, ERROR_STOPPED, "%s %s: stopped", db->schema->what, db->path);
    case SQLITE_FULL:
        return fail_space(db, db->db ? sqlite3_system_errno(db->db) : 0, err);
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
        return fail_damaged(db, message, err);
    case SQLITE_NOTADB:
        return error_set(err, ERROR_DATA,
            "%s %s: this is no SQLite database; restore it from a backup or move it away",
            db->schema->what, db->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return fail_denied(db, err);
    case SQLITE_NOMEM:
        return error_set(err, ERROR_NO_MEMORY, "%s %s: out of memory; nothing was changed",
            db->schema->what, db->path);
    case SQLITE_CANTOPEN:
        return fail_system(db, "opening it", errnum, err);
    case SQLITE_IOERR:
        return fail_system(db, "reading or writing it", errnum, err);
    case SQLITE_TOOBIG:
        return error_set(err, ERROR_LIMIT, "%s %s: a text is larger than SQLite takes (%s)",
            db->schema->what, db->path, message);
    case SQLITE_CONSTRAINT:
        return error_set(
            err, ERROR_CONFLICT, "%s %s: refused: %s", db->schema->what, db->path, message);
    default:
        return error_set(err, ERROR_INTERNAL, "%s %s: %s", db->schema->what, db->path, message);
    }
}

int sqlite_constraint(struct sqlite *db)
{
    const int result = sqlite3_extended_errcode(db->db);

    return (result & 0xff) == SQLITE_CONSTRAINT ? result : 0;
}
