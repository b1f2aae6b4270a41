#include "connectors/catalog_sqlite/dump.h"

#include "connectors/catalog_sqlite/database.h"
#include "runner/base/crc.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/io/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKUP_PAGES = 256, FORMAT_VERSION = 1 };

static const char format_name[] = "sluice-catalog";

static int open_catalog(struct sqlite *db, const char *path, bool read_only,
    const struct sqlite_schema *schema, struct error *err)
{
    const struct sqlite_options options = {
        .path = path, .schema = schema, .read_only = read_only, .durable = true};

    if (read_only && !file_exists(path))
        return error_set(err, ERROR_NOT_FOUND, "catalog %s: there is none yet", path);
    return sqlite_open(db, &options, err);
}

/* --- backup --- */

/* One state of the source is read from its first page to its last. Else SQLite would begin anew
 * with each commit of somebody else, and never end where there are enough of them. */
static int hold_state(struct sqlite *db, struct error *err)
{
    if (sqlite_begin_read(db, err))
        return -1;
    return sqlite_run(db, "SELECT count(*) FROM sqlite_schema", err);
}

static int copy_pages(struct sqlite *db, sqlite3 *target, struct error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", db->db, "main");
    int result;

    if (!backup)
        return error_set(err, ERROR_IO, "catalog %s: backup: %s", db->path, sqlite3_errmsg(target));
    while ((result = sqlite3_backup_step(backup, BACKUP_PAGES)) == SQLITE_OK ||
           result == SQLITE_BUSY || result == SQLITE_LOCKED) {
        if (result != SQLITE_OK)
            sqlite3_sleep(10);
    }
    sqlite3_backup_finish(backup);
    if (result != SQLITE_DONE)
        return error_set(err, result == SQLITE_FULL ? ERROR_NO_SPACE : ERROR_IO,
            "catalog %s: backup: %s", db->path, sqlite3_errstr(result));
    return 0;
}

/* The copy is one file, without a log beside it, and sound. */
static int settle_copy(sqlite3 *copy, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    char found[200] = "";

    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(copy, "PRAGMA integrity_check(1)", -1, &statement, NULL);
    if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        snprintf(found, sizeof(found), "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    if (result != SQLITE_OK)
        return error_set(err, ERROR_IO, "backup: %s", sqlite3_errmsg(copy));
    if (strcmp(found, "ok") != 0)
        return error_set(err, ERROR_DATA, "the copy is damaged: %s", found);
    return 0;
}

/* Nothing lies beside it while it is written; whoever calls makes it durable. */
static int write_backup(struct sqlite *db, const char *path, struct error *err)
{
    sqlite3 *copy = NULL;
    int rc = -1;

    if (sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(copy, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", NULL, NULL,
            NULL) != SQLITE_OK)
        error_set(err, ERROR_IO, "%s: %s", path, sqlite3_errmsg(copy));
    else if (hold_state(db, err) == 0 && copy_pages(db, copy, err) == 0)
        rc = settle_copy(copy, err);
    sqlite_rollback(db);
    sqlite3_close(copy);
    return rc;
}

static int refuse_existing(const char *to, struct error *err)
{
    if (!file_exists(to))
        return 0;
    return error_set(
        err, ERROR_EXISTS, "%s is there already: name another file, or remove it first", to);
}

static int64_t size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* What becomes `to`; what a killed one left beside it goes. */
static int begin_file(struct file_new *file, const char *to, struct error *err)
{
    char *folder = file_folder(to);

    file_remove_all_left(folder);
    free(folder);
    return file_new_begin(file, to, err);
}

int catalog_sqlite_backup(
    const char *path, const char *to, struct dump_result *ret_result, struct error *err)
{
    struct file_new file;
    struct sqlite db;
    int rc;

    if (refuse_existing(to, err) || open_catalog(&db, path, true, &database_catalog_schema, err))
        return -1;
    rc = begin_file(&file, to, err);
    if (rc == 0) {
        rc = write_backup(&db, file.path, err);
        rc = file_new_end(&file, rc, false, err);
    }
    sqlite_close(&db);
    if (rc == 0)
        *ret_result = (struct dump_result){.bytes = size_of(to)};
    return rc;
}

/* --- export --- */

struct writer {
    struct file_new file;
    struct buffer line;
    uint64_t crc;
    int64_t rows, bytes;
};

/* What has been appended to the line; steals the value where it is not NULL. */
static int write_line(struct writer *writer, json_t *value, struct error *err)
{
    int rc;

    json_append(&writer->line, value);
    json_decref(value);
    buffer_putc(&writer->line, '\n');
    writer->crc = crc_update(CRC_32C, writer->crc, writer->line.data, writer->line.length);
    writer->bytes += (int64_t)writer->line.length;
    rc = file_write_all(
        writer->file.fd, writer->line.data, writer->line.length, writer->file.to, err);
    buffer_clear(&writer->line);
    return rc;
}

static json_t *value_json(sqlite3_stmt *row, int column)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(row, column));
    case SQLITE_NULL:
        return json_null();
    default:
        return json_text_n((const char *)sqlite3_column_text(row, column),
            (size_t)sqlite3_column_bytes(row, column));
    }
}

static sqlite3_stmt *prepare(struct sqlite *db, const char *sql, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    const int result = sqlite3_prepare_v2(db->db, sql, -1, &statement, NULL);

    if (result != SQLITE_OK)
        sqlite_fail(db, result, err);
    return statement;
}

static int write_rows(
    struct writer *writer, struct sqlite *db, sqlite3_stmt *rows, struct error *err)
{
    int result;

    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        json_t *row = json_array();

        for (int i = 0; i < sqlite3_column_count(rows); i++)
            json_array_append_new(row, value_json(rows, i));
        if (write_line(writer, row, err))
            return -1;
        writer->rows++;
    }
    return result == SQLITE_DONE ? 0 : sqlite_fail(db, result, err);
}

static int write_table(
    struct writer *writer, struct sqlite *db, const char *table, struct error *err)
{
    json_t *head = json_object(), *columns = json_array();
    struct buffer sql;
    sqlite3_stmt *rows;
    int rc = -1;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM ");
    text_append_sql_name(&sql, table);
    rows = prepare(db, sql.data, err);
    for (int i = 0; rows && i < sqlite3_column_count(rows); i++)
        json_array_append_new(columns, json_text(sqlite3_column_name(rows, i)));
    json_put_text(head, "table", table);
    json_object_set_new(head, "columns", columns);
    if (!rows)
        json_decref(head);
    else if (write_line(writer, head, err) == 0)
        rc = write_rows(writer, db, rows, err);
    sqlite3_finalize(rows);
    buffer_deinit(&sql);
    return rc;
}

/* Tables in the order in which they were made: none refers to a later one. */
static int write_tables(struct writer *writer, struct sqlite *db, struct error *err)
{
    sqlite3_stmt *tables = prepare(db,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' ORDER BY rowid",
        err);
    int result = SQLITE_DONE, rc = tables ? 0 : -1;

    while (rc == 0 && (result = sqlite3_step(tables)) == SQLITE_ROW)
        rc = write_table(writer, db, (const char *)sqlite3_column_text(tables, 0), err);
    if (rc == 0 && result != SQLITE_DONE)
        rc = sqlite_fail(db, result, err);
    sqlite3_finalize(tables);
    return rc;
}

static int write_export(struct writer *writer, struct sqlite *db, struct error *err)
{
    json_t *head = json_object(), *end = json_object();
    char checksum[16];
    int rc;

    json_put_text(head, "format", format_name);
    json_put_int(head, "version", FORMAT_VERSION);
    json_put_int(head, "schema", database_catalog_schema.migration_count);
    json_put_time(head, "exported", time_now_ms());
    rc = write_line(writer, head, err);
    if (rc == 0)
        rc = write_tables(writer, db, err);
    json_put_int(end, "rows", writer->rows);
    snprintf(checksum, sizeof(checksum), "%08" PRIx32, (uint32_t)writer->crc);
    json_put_text(end, "crc32c", checksum);
    if (rc == 0)
        rc = write_line(writer, end, err);
    else
        json_decref(end);
    return rc;
}

int catalog_sqlite_export(
    const char *path, const char *to, struct dump_result *ret_result, struct error *err)
{
    struct writer writer = {0};
    struct sqlite db;
    int rc;

    if (refuse_existing(to, err) || open_catalog(&db, path, true, &database_catalog_schema, err))
        return -1;
    buffer_init(&writer.line, 0);
    rc = begin_file(&writer.file, to, err);
    if (rc == 0) {
        rc = sqlite_begin_read(&db, err);
        if (rc == 0)
            rc = write_export(&writer, &db, err);
        sqlite_rollback(&db);
        rc = file_new_end(&writer.file, rc, false, err);
    }
    buffer_deinit(&writer.line);
    sqlite_close(&db);
    if (rc == 0)
        *ret_result = (struct dump_result){.rows = writer.rows, .bytes = writer.bytes};
    return rc;
}
