/* The journal: what runs own, and what of it is complete. */
#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

/* Whose entry it is: the request says, else the run's record or lease does. */
static int add_entry(struct sqlite *db, const struct state_request *request,
    const struct state_journal *entry, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO journal (run_id, pipeline, instance, kind, what, fence, task, key, version,"
        "  bytes, checksum)"
        " SELECT ?1, k.pipeline, ifnull(k.instance, ''), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM ("
        "   SELECT 1 AS rank, ?2 AS pipeline, ?3 AS instance WHERE ?2 IS NOT NULL"
        "   UNION ALL SELECT 2, pipeline, instance FROM runs WHERE run_id = ?1"
        "   UNION ALL SELECT 3, pipeline, instance FROM leases WHERE run_id = ?1 AND held = 1"
        "   ORDER BY rank LIMIT 1) k WHERE true"
        " ON CONFLICT DO UPDATE SET fence = excluded.fence, task = excluded.task,"
        "   key = excluded.key, version = excluded.version, bytes = excluded.bytes,"
        "   checksum = excluded.checksum",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, entry->run_id);
    sqlite_bind_text(db, statement, 2, request->pipeline);
    sqlite_bind_text(db, statement, 3, request->instance);
    sqlite_bind_text(db, statement, 4, entry->kind);
    sqlite_bind_text(db, statement, 5, entry->what);
    sqlite_bind_int(db, statement, 6, entry->fence);
    sqlite_bind_text(db, statement, 7, entry->task);
    sqlite_bind_text(db, statement, 8, entry->key);
    sqlite_bind_text(db, statement, 9, entry->version);
    sqlite_bind_int(db, statement, 10, (int64_t)entry->bytes);
    sqlite_bind_text(db, statement, 11, entry->checksum);
    if (sqlite_execute(db, statement, err))
        return -1;
    if (sqlite3_changes(db->db) > 0)
        return 0;
    return error_set(err, ERROR_INVALID,
        "journal of run %s: neither the request nor a record or lease of the run says which "
        "pipeline it is of",
        entry->run_id ? entry->run_id : "(none)");
}

int history_add_journal(struct sqlite *db, struct state_request *request, struct error *err)
{
    const struct state_journal *entries = request->entries ? request->entries : &request->journal;
    const size_t count = request->entries ? request->entry_count : 1;

    for (size_t i = 0; i < count; i++) {
        if (history_check_journal_fence(db, request, &entries[i], err) ||
            add_entry(db, request, &entries[i], err))
            return -1;
    }
    return 0;
}

static void read_entry(
    sqlite3_stmt *row, const char *run_id, struct arena *arena, struct state_journal *ret_entry)
{
    *ret_entry = (struct state_journal){.run_id = run_id,
        .kind = sqlite_text(row, 1, arena),
        .what = sqlite_text(row, 2, arena),
        .fence = sqlite3_column_int64(row, 3),
        .task = sqlite_text(row, 4, arena),
        .key = sqlite_text(row, 5, arena),
        .version = sqlite_text(row, 6, arena),
        .bytes = (uint64_t)sqlite3_column_int64(row, 7),
        .checksum = sqlite_text(row, 8, arena)};
}

int history_list_journal(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT run_id, kind, what, fence, task, key, version, bytes, checksum FROM journal"
        " WHERE (?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR instance = ?2)"
        " ORDER BY run_id, journal_id",
        err);
    struct history_rows rows = {0};
    const char *run_id = "";
    int step, is_live = 0;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->pipeline);
    sqlite_bind_text(db, statement, 2, request->instance);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        if (strcmp(run_id, sqlite_word(statement, 0)) != 0) {
            run_id = sqlite_text(statement, 0, request->arena);
            is_live = text_equal(run_id, request->run_id)
                          ? 0
                          : history_run_is_live(db, self, run_id, err);
        }
        if (is_live < 0) {
            sqlite_reset(statement);
            step = -1;
            break;
        }
        if (!is_live)
            read_entry(statement, run_id, request->arena,
                history_add_row(&rows, sizeof(struct state_journal)));
    }
    if (step < 0)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct state_journal), request);
    return step;
}

int history_clear_journal(struct sqlite *db, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        db, "DELETE FROM journal WHERE run_id = ?1 AND (?2 = 0 OR fence <= ?2)", err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->run_id);
    sqlite_bind_int(db, statement, 2, request->lease.fence);
    return sqlite_execute(db, statement, err);
}
