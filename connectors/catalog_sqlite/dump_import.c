/* The way back from a text: rows go in as they are, all of them or none. */
#include "connectors/catalog_sqlite/database.h"
#include "connectors/catalog_sqlite/dump.h"
#include "runner/base/crc.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct reader {
    const char *path;
    FILE *file;
    char *line;
    size_t capacity;
    uint64_t crc; /* of the lines before this one */
    int64_t number, rows, bytes;
    struct sqlite db;
    bool open;
    sqlite3_stmt *insert;
    size_t columns;
};

static int fail(struct reader *reader, struct error *err, const char *why)
{
    return error_set(err, ERROR_DATA, "%s:%" PRId64 ": %s; nothing was imported", reader->path,
        reader->number, why);
}
#define fail(...) error_returned(fail(__VA_ARGS__))

/* NULL with *err at the end and where the line is no JSON. */
static json_t *read_line(struct reader *reader, uint64_t *ret_crc, struct error *err)
{
    const ssize_t length = getline(&reader->line, &reader->capacity, reader->file);
    json_t *value;

    reader->number++;
    if (length <= 0) {
        fail(reader, err, ferror(reader->file) ? strerror(errno) : "the end is missing");
        return NULL;
    }
    *ret_crc = reader->crc;
    reader->crc = crc_update(CRC_32C, reader->crc, reader->line, (size_t)length);
    reader->bytes += length;
    value = json_parse(reader->line, (size_t)length, err);
    if (!value)
        error_prefix(err, "%s:%" PRId64, reader->path, reader->number);
    return value;
}

/* --- the target --- */

/* Of the version that the text has: it is brought up to date afterwards, like any older one. */
static int open_target(
    struct reader *reader, const char *path, const json_t *head, struct error *err)
{
    const int64_t version = json_get_int(head, "schema", 0);
    struct sqlite_schema schema = database_catalog_schema;
    const struct sqlite_options options = {.path = path, .schema = &schema, .durable = true};

    if (json_get_int(head, "version", 0) != 1 || version < 1 || version > schema.migration_count)
        return error_set(err, ERROR_NOT_SUPPORTED,
            "%s was exported by a newer sluice; upgrade this one", reader->path);
    schema.migration_count = (int)version;
    if (sqlite_open(&reader->db, &options, err))
        return -1;
    reader->open = true;
    reader->db.schema = &database_catalog_schema;
    return 0;
}

static int count_rows(struct sqlite *db, const char *table, int64_t *ret_count, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    struct buffer sql;
    int result;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT count(*) FROM ");
    text_append_sql_name(&sql, table);
    result = sqlite3_prepare_v2(db->db, sql.data, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *ret_count = sqlite3_column_int64(statement, 0);
    else
        sqlite_fail(db, result, err);
    sqlite3_finalize(statement);
    buffer_deinit(&sql);
    return result == SQLITE_ROW ? 0 : -1;
}

/* --- rows --- */

static int begin_table(struct reader *reader, const json_t *line, struct error *err)
{
    const json_t *columns = json_object_get(line, "columns");
    const char *table = json_get_text(line, "table");
    struct buffer sql;
    int64_t count = 0;
    int result;

    if (!table || json_array_size(columns) == 0)
        return fail(reader, err, "this is no line of an exported catalog");
    if (count_rows(&reader->db, table, &count, err))
        return error_prefix(err, "%s:%" PRId64, reader->path, reader->number);
    if (count > 0)
        return error_set(err, ERROR_EXISTS,
            "catalog %s is not empty: import into a new one, or move that one away first",
            reader->db.path);
    sqlite3_finalize(reader->insert);
    reader->columns = json_array_size(columns);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "INSERT INTO ");
    text_append_sql_name(&sql, table);
    for (size_t i = 0; i < reader->columns; i++) {
        const char *name = json_string_value(json_array_get(columns, i));

        buffer_puts(&sql, i ? ", " : " (");
        text_append_sql_name(&sql, name ? name : "");
    }
    for (size_t i = 0; i < reader->columns; i++)
        buffer_puts(&sql, i ? ", ?" : ") VALUES (?");
    buffer_puts(&sql, ")");
    result = sqlite3_prepare_v2(reader->db.db, sql.data, -1, &reader->insert, NULL);
    buffer_deinit(&sql);
    return result == SQLITE_OK ? 0 : sqlite_fail(&reader->db, result, err);
}

static int insert_row(struct reader *reader, const json_t *row, struct error *err)
{
    int result;

    if (!reader->insert || json_array_size(row) != reader->columns)
        return fail(reader, err, "this is no row of the table before it");
    sqlite3_reset(reader->insert);
    for (size_t i = 0; i < reader->columns; i++) {
        const json_t *value = json_array_get(row, i);

        if (json_is_integer(value))
            sqlite3_bind_int64(reader->insert, (int)i + 1, json_integer_value(value));
        else if (json_is_string(value))
            sqlite3_bind_text(reader->insert, (int)i + 1, json_string_value(value),
                (int)json_string_length(value), SQLITE_STATIC);
        else
            sqlite3_bind_null(reader->insert, (int)i + 1);
    }
    result = sqlite3_step(reader->insert);
    if (result != SQLITE_DONE) {
        sqlite_fail(&reader->db, result, err);
        return error_prefix(err, "%s:%" PRId64, reader->path, reader->number);
    }
    reader->rows++;
    return 0;
}

/* 1: it was the last line, and all is as it says. */
static int take_line(struct reader *reader, const json_t *line, uint64_t crc, struct error *err)
{
    char checksum[16];

    if (json_is_array(line))
        return insert_row(reader, line, err);
    if (!json_object_get(line, "crc32c"))
        return begin_table(reader, line, err);
    snprintf(checksum, sizeof(checksum), "%08" PRIx32, (uint32_t)crc);
    if (json_get_int(line, "rows", -1) != reader->rows ||
        !text_equal(json_get_text(line, "crc32c"), checksum))
        return fail(reader, err, "the file is damaged: its checksum is another one");
    return 1;
}

static int read_rows(struct reader *reader, struct error *err)
{
    int rc = 0;

    while (rc == 0) {
        uint64_t crc = 0;
        json_t *line = read_line(reader, &crc, err);

        if (!line)
            return -1;
        rc = take_line(reader, line, crc, err);
        json_decref(line);
    }
    return rc == 1 ? 0 : -1;
}

static int check_references(struct reader *reader, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int result =
        sqlite3_prepare_v2(reader->db.db, "PRAGMA foreign_key_check", -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE)
        return 0;
    return result == SQLITE_ROW ? fail(reader, err, "a row refers to one that is not there")
                                : sqlite_fail(&reader->db, result, err);
}

static int import_all(struct reader *reader, struct error *err)
{
    int rc = sqlite_begin_write(&reader->db, err);

    if (rc == 0 && (sqlite_run(&reader->db, "PRAGMA defer_foreign_keys = ON", err) ||
                       read_rows(reader, err) || check_references(reader, err)))
        rc = -1;
    sqlite3_finalize(reader->insert);
    reader->insert = NULL;
    if (rc == 0)
        rc = sqlite_commit(&reader->db, err);
    if (rc)
        sqlite_rollback(&reader->db);
    return rc;
}

/* Opening it again brings an older schema up to date. */
static int bring_up_to_date(const char *path, struct error *err)
{
    const struct sqlite_options options = {
        .path = path, .schema = &database_catalog_schema, .durable = true};
    struct sqlite db;

    if (sqlite_open(&db, &options, err))
        return -1;
    sqlite_close(&db);
    return 0;
}

int catalog_sqlite_import(
    const char *path, const char *from, struct dump_result *ret_result, struct error *err)
{
    struct reader reader = {.path = from};
    uint64_t crc;
    json_t *head;
    int rc = -1;

    reader.file = fopen(from, "re");
    if (!reader.file)
        return error_set_errno(err, errno, "cannot open %s", from);
    head = read_line(&reader, &crc, err);
    if (head && !text_equal(json_get_text(head, "format"), "sluice-catalog"))
        fail(&reader, err, "this is no exported catalog");
    else if (head && open_target(&reader, path, head, err) == 0)
        rc = import_all(&reader, err);
    json_decref(head);
    if (reader.open)
        sqlite_close(&reader.db);
    if (rc == 0)
        rc = bring_up_to_date(path, err);
    fclose(reader.file);
    free(reader.line);
    if (rc == 0)
        *ret_result = (struct dump_result){.rows = reader.rows, .bytes = reader.bytes};
    return rc;
}
