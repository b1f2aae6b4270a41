/* Deltas and the files of their manifests. */
#include "connectors/catalog_sqlite/query.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <string.h>

/* Behind the two columns that a list is ordered by. A delta of a partition that was replaced is
 * itself replaced. */
#define DELTA_COLUMNS                                                                              \
    "  d.delta_id, d.uuid, p.uuid, p.partition_values, d.position, d.previous_position, d.type,"   \
    "  CASE p.state WHEN 'deprecated' THEN p.state ELSE d.state END, d.run_id, d.created_ms,"      \
    "  d.rows, d.bytes, d.files, d.author, d.properties, d.rewrite"
#define BY_POSITION "SELECT d.position, d.delta_id," DELTA_COLUMNS
#define BY_PARTITION "SELECT p.partition_values, d.position," DELTA_COLUMNS
#define FROM_DELTAS " FROM deltas d JOIN partitions p ON p.partition_id = d.partition_id"
#define FROM_PARTITIONS " FROM partitions p CROSS JOIN deltas d ON d.partition_id = p.partition_id"

enum { AFTER_ORDER = 2 };

/* --- manifests --- */

static int read_files(struct listing *list, int64_t delta_id, int64_t count,
    struct catalog_delta *delta, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT path, format, rows, bytes, content, schema_id, checksum, stats, bucket FROM files"
        " WHERE delta_id = ?1 ORDER BY ordinal",
        err);
    int step;

    if (!statement)
        return -1;
    delta->files = arena_array(list->arena, (size_t)MAX(count, 1), sizeof(*delta->files));
    sqlite_bind_int(list->db, statement, 1, delta_id);
    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        if ((int64_t)delta->file_count == count) {
            sqlite_reset(statement);
            return error_set(err, ERROR_DATA,
                "catalog %s: delta %lld has more files than it says; the file is damaged",
                list->db->path, (long long)delta_id);
        }
        /* Who makes use of statistics parses them; there may be a million. */
        delta->files[delta->file_count++] =
            (struct catalog_file){.key = sqlite_text(statement, 0, list->arena),
                .format = sqlite_text(statement, 1, list->arena),
                .rows = listing_int(statement, 2),
                .bytes = (uint64_t)listing_int(statement, 3),
                .content = database_content(sqlite_word(statement, 4)),
                .schema_id = listing_int(statement, 5),
                .checksum = sqlite_text(statement, 6, list->arena),
                .stats = sqlite_text(statement, 7, list->arena),
                .bucket = listing_int(statement, 8)};
    }
    return step;
}

static bool wants_files(const struct catalog_query *query)
{
    return query->with_files || query->verb == CATALOG_LIST_FILES ||
           query->verb == CATALOG_LIST_ALL_FILES;
}

static int read_delta(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_delta *delta = item;
    const int at = AFTER_ORDER;

    delta->id = sqlite_text(row, at + 1, list->arena);
    delta->partition_id = sqlite_text(row, at + 2, list->arena);
    delta->position = listing_int(row, at + 4);
    delta->previous_position = listing_int(row, at + 5);
    delta->type = database_delta_type(sqlite_word(row, at + 6));
    delta->state = database_commit_state(sqlite_word(row, at + 7));
    delta->run_id = sqlite_text(row, at + 8, list->arena);
    delta->created_ms = listing_int(row, at + 9);
    delta->rows = listing_int(row, at + 10);
    delta->bytes = (uint64_t)listing_int(row, at + 11);
    delta->author = sqlite_text(row, at + 13, list->arena);
    delta->rewrite = listing_int(row, at + 15);
    if (listing_texts(list, row, at + 3, &delta->values, &delta->value_count, err) ||
        listing_properties(list, row, at + 14, &delta->properties, err))
        return -1;
    if (!wants_files(list->query))
        return 0;
    return read_files(list, listing_int(row, at), listing_int(row, at + 12), delta, err);
}

/* --- listing --- */

/* ?1: a stream or a partition; ?2, ?3: positions; ?4: whether replaced ones are left out. */
static void bind_range(struct listing *list, sqlite3_stmt *statement, int64_t id)
{
    const struct catalog_query *query = list->query;

    sqlite_bind_int(list->db, statement, 1, id);
    sqlite_bind_int(list->db, statement, 2, query->first_position);
    sqlite_bind_int(
        list->db, statement, 3, query->last_position ? query->last_position : INT64_MAX);
    if (sqlite3_bind_parameter_index(statement, "?4"))
        sqlite_bind_int(list->db, statement, 4, query->current);
}

#define IN_RANGE                                                                                   \
    " AND d.position BETWEEN ?2 AND ?3"                                                            \
    " AND (p.state = 'committed' OR (?4 = 0 AND p.state = 'deprecated'))"

int query_list_deltas(struct listing *list, struct error *err)
{
    static const char *const all[2] = LISTING_BOTH_WAYS(
        BY_POSITION FROM_DELTAS " WHERE d.stream_id = ?1" IN_RANGE, "d.position", "d.delta_id");
    static const char *const of_values[2] = LISTING_BOTH_WAYS(BY_POSITION FROM_PARTITIONS
        " WHERE p.stream_id = ?1 AND p.partition_values = ?5" IN_RANGE,
        "d.position", "d.delta_id");
    const bool has_values = list->query->at.value_count > 0;
    struct database_version version;
    const char *values = NULL;
    sqlite3_stmt *statement;

    if (database_find_stream(list->db, &list->query->at, &version, err) != 1 ||
        (has_values && listing_values(list, &version, &values, err)))
        return -1;
    statement = listing_statement(list, has_values ? of_values : all, true, err);
    if (!statement)
        return -1;
    bind_range(list, statement, version.stream_id);
    if (has_values)
        sqlite_bind_text(list->db, statement, 5, values);
    return listing_collect(list, statement, "ii", read_delta, err);
}

/* 1: found. */
static int find_partition(struct listing *list, int64_t *ret_id, struct error *err)
{
    const struct catalog_locator *at = &list->query->at;
    char label[DATABASE_LABEL_SIZE];
    sqlite3_stmt *statement =
        sqlite_statement(list->db, "SELECT partition_id FROM partitions WHERE uuid = ?1", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, at->partition_id);
    step = sqlite_step(list->db, statement, err);
    if (step == 1) {
        *ret_id = listing_int(statement, 0);
        sqlite_reset(statement);
    } else if (step == 0) {
        error_set(err, ERROR_NOT_FOUND, "%s: there is no partition with the id %.100s",
            database_label(at, label), at->partition_id ? at->partition_id : "(none)");
    }
    return step;
}

int query_list_partition_deltas(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(BY_POSITION FROM_PARTITIONS
        " WHERE p.partition_id = ?1 AND d.position BETWEEN ?2 AND ?3",
        "d.position", "d.delta_id");
    sqlite3_stmt *statement;
    int64_t partition_id;

    if (find_partition(list, &partition_id, err) != 1)
        return -1;
    statement = listing_statement(list, sql, true, err);
    if (!statement)
        return -1;
    bind_range(list, statement, partition_id);
    return listing_collect(list, statement, "ii", read_delta, err);
}

/* --- one of them --- */

static int get_delta_by_id(struct listing *list, struct error *err)
{
    const struct catalog_locator *at = &list->query->at;
    sqlite3_stmt *statement = sqlite_statement(list->db,
        BY_POSITION FROM_DELTAS " JOIN streams s ON s.stream_id = d.stream_id"
                                " JOIN table_versions v ON v.version_id = s.version_id"
                                " JOIN tables t ON t.table_id = v.table_id"
                                " JOIN namespaces n ON n.namespace_id = t.namespace_id"
                                " WHERE d.uuid = ?1 AND (?2 IS NULL OR n.name = ?2)"
                                "   AND (?3 IS NULL OR t.name = ?3) AND ?4 IN (0, v.version)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, at->delta_id);
    sqlite_bind_text(list->db, statement, 2, at->namespace);
    sqlite_bind_text(list->db, statement, 3, at->table);
    sqlite_bind_int(list->db, statement, 4, at->version);
    return listing_collect_all(list, statement, read_delta, err);
}

/* Of the committed partition with these values, else of the last one that was replaced. */
static int get_delta_at(struct listing *list, const char *sql, struct error *err)
{
    struct database_version version;
    sqlite3_stmt *statement;
    const char *values;
    const int found = database_find_stream(list->db, &list->query->at, &version, err);

    if (found != 1)
        return found;
    if (listing_values(list, &version, &values, err))
        return -1;
    statement = sqlite_statement(list->db, sql, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    sqlite_bind_text(list->db, statement, 2, values);
    if (list->query->verb == CATALOG_GET_DELTA)
        sqlite_bind_int(list->db, statement, 3, list->query->at.position);
    return listing_collect_all(list, statement, read_delta, err);
}

int query_get_delta(struct listing *list, struct error *err)
{
    static const char sql[] = BY_POSITION FROM_PARTITIONS
        " WHERE p.stream_id = ?1 AND p.partition_values = ?2 AND d.position = ?3"
        "   AND p.state <> 'staged'"
        " ORDER BY p.state = 'committed' DESC, p.partition_id DESC LIMIT 1";

    return list->query->at.delta_id ? get_delta_by_id(list, err) : get_delta_at(list, sql, err);
}

int query_get_latest_delta(struct listing *list, struct error *err)
{
    static const char sql[] = BY_POSITION FROM_PARTITIONS
        " WHERE p.stream_id = ?1 AND p.partition_values = ?2 AND p.state = 'committed'"
        "   AND d.position = p.position";

    return get_delta_at(list, sql, err);
}

/* --- what is read at a position --- */

static int has_tag(struct listing *list, int64_t version_id, int64_t position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        list->db, "SELECT 1 FROM tags WHERE version_id = ?1 AND position = ?2 LIMIT 1", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version_id);
    sqlite_bind_int(list->db, statement, 2, position);
    step = sqlite_step(list->db, statement, err);
    if (step == 1)
        sqlite_reset(statement);
    return step;
}

static int check_position(
    struct listing *list, const struct database_version *version, struct error *err)
{
    const int64_t at = list->query->at_position;
    char label[DATABASE_LABEL_SIZE];
    int tagged;

    if (at == 0 || (at >= version->first_position && at <= version->position))
        return 0;
    tagged = has_tag(list, version->version_id, at, err);
    if (tagged)
        return tagged < 0 ? -1 : 0;
    database_label(&list->query->at, label);
    if (version->position < version->first_position)
        return error_set(err, ERROR_INVALID,
            "%s: there is no position %lld: nothing was committed yet", label, (long long)at);
    return error_set(err, ERROR_INVALID,
        "%s: there is no position %lld: they are kept from %lld to %lld", label, (long long)at,
        (long long)version->first_position, (long long)version->position);
}

/* From the partitions to their deltas, so that what was replaced over the years costs nothing. */
int query_list_files(struct listing *list, struct error *err)
{
    static const char *const now[2] = LISTING_BOTH_WAYS(BY_PARTITION FROM_PARTITIONS
        " WHERE p.stream_id = ?1 AND p.state = 'committed' AND d.position BETWEEN ?2 AND ?3"
        "   AND p.partition_values BETWEEN ?5 AND ?6",
        "p.partition_values", "d.position");
    static const char *const then[2] = LISTING_BOTH_WAYS(BY_PARTITION FROM_PARTITIONS
        " WHERE p.stream_id = ?1 AND p.state <> 'staged' AND d.position BETWEEN ?2 AND ?3"
        "   AND p.partition_values BETWEEN ?5 AND ?6"
        "   AND p.since <= ?7 AND (p.until = 0 OR p.until > ?7) AND d.position <= ?7",
        "p.partition_values", "d.position");
    const int64_t at_position = list->query->at_position;
    const bool has_values = list->query->at.value_count > 0;
    struct database_version version;
    const char *values = "";
    sqlite3_stmt *statement;

    if (database_find_stream(list->db, &list->query->at, &version, err) != 1 ||
        check_position(list, &version, err) ||
        (has_values && listing_values(list, &version, &values, err)))
        return -1;
    statement = listing_statement(
        list, at_position && at_position < version.position ? then : now, false, err);
    if (!statement)
        return -1;
    bind_range(list, statement, version.stream_id);
    sqlite_bind_text(list->db, statement, 5, values);
    if (has_values)
        sqlite_bind_text(list->db, statement, 6, values);
    else
        sqlite_bind_empty_blob(list->db, statement, 6);
    if (at_position && at_position < version.position)
        sqlite_bind_int(list->db, statement, 7, at_position);
    return listing_collect(list, statement, "ti", read_delta, err);
}

/* --- all files of the catalog --- */

/* Where in the order of all deltas: by names and numbers down to the stream; in it the staged ones
 * (position 0) by id, then the committed ones by position. */
struct place {
    const char *namespace, *table;
    int64_t version, stream_id, position, delta_id;
};

static int parse_place(struct listing *list, struct place *ret_place, struct error *err)
{
    const char *after = list->query->after;
    json_int_t version, stream_id, position, delta_id;
    const char *namespace, *table;
    json_t *keys;

    *ret_place = (struct place){.namespace = "", .table = ""};
    if (!after)
        return 0;
    keys = json_parse(after, strlen(after), NULL);
    if (!keys || json_unpack(keys, "[s,s,I,I,I,I]", &namespace, &table, &version, &stream_id,
                     &position, &delta_id)) {
        json_decref(keys);
        return error_set(err, ERROR_INVALID,
            "catalog: \"%.60s\" is not where a page of this list ends; give what `next` said",
            after);
    }
    *ret_place = (struct place){.namespace = arena_strdup(list->arena, namespace),
        .table = arena_strdup(list->arena, table),
        .version = version,
        .stream_id = stream_id,
        .position = position,
        .delta_id = delta_id};
    json_decref(keys);
    return 0;
}

/* 1: there is one behind `place`, which is at its beginning then. */
static int next_stream(struct listing *list, struct place *place, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT n.name, t.name, v.version, s.stream_id FROM namespaces n"
        "  JOIN tables t ON t.namespace_id = n.namespace_id"
        "  JOIN table_versions v ON v.table_id = t.table_id"
        "  JOIN streams s ON s.version_id = v.version_id"
        " WHERE (n.name, t.name, v.version, s.stream_id) > (?1, ?2, ?3, ?4)"
        "   AND (?5 IS NULL OR n.name = ?5) AND (?6 IS NULL OR t.name = ?6)"
        "   AND (?7 = 0 OR v.version = ?7)"
        " ORDER BY n.name, t.name, v.version, s.stream_id LIMIT 1",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, place->namespace);
    sqlite_bind_text(list->db, statement, 2, place->table);
    sqlite_bind_int(list->db, statement, 3, place->version);
    sqlite_bind_int(list->db, statement, 4, place->stream_id);
    sqlite_bind_text(list->db, statement, 5, list->query->at.namespace);
    sqlite_bind_text(list->db, statement, 6, list->query->at.table);
    sqlite_bind_int(list->db, statement, 7, list->query->at.version);
    step = sqlite_step(list->db, statement, err);
    if (step == 1) {
        *place = (struct place){.namespace = sqlite_text(statement, 0, list->arena),
            .table = sqlite_text(statement, 1, list->arena),
            .version = listing_int(statement, 2),
            .stream_id = listing_int(statement, 3)};
        sqlite_reset(statement);
    }
    return step;
}

/* The deltas of a stream behind a place in it, which moves along. 0: all; -1: failed. */
static int list_stream(
    struct listing *list, const char *sql, struct place *place, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db, sql, err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, place->stream_id);
    sqlite_bind_int(list->db, statement, 2, place->delta_id);
    if (sqlite3_bind_parameter_count(statement) >= 3)
        sqlite_bind_int(list->db, statement, 3, place->position);
    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        void *item = listing_add(list);

        if (!item || read_delta(list, statement, item, err)) {
            sqlite_reset(statement);
            return item ? -1 : 0;
        }
        place->position = listing_int(statement, 0);
        place->delta_id = listing_int(statement, 1);
    }
    return step;
}

static void keep_place(struct listing *list, const struct place *place)
{
    json_t *keys =
        json_pack("[s,s,I,I,I,I]", place->namespace, place->table, (json_int_t)place->version,
            (json_int_t)place->stream_id, (json_int_t)place->position, (json_int_t)place->delta_id);
    char *line = json_line(keys);

    list->next = arena_strdup(list->arena, line);
    free(line);
    json_decref(keys);
}

int query_list_all_files(struct listing *list, struct error *err)
{
    static const char staged[] = BY_POSITION FROM_DELTAS
        " WHERE d.stream_id = ?1 AND d.position IS NULL AND d.delta_id > ?2 ORDER BY d.delta_id";
    static const char committed[] =
        BY_POSITION FROM_DELTAS " WHERE d.stream_id = ?1 AND (d.position, d.delta_id) > (?3, ?2)"
                                " ORDER BY d.position, d.delta_id";
    struct place place;
    int found = 1;

    if (parse_place(list, &place, err))
        return -1;
    while (found == 1) {
        if (place.position == 0 && list_stream(list, staged, &place, err))
            return -1;
        if (place.position == 0 && !list->truncated)
            place = (struct place){place.namespace, place.table, place.version, place.stream_id,
                .position = 1}; /* the staged ones are listed */
        if (!list->truncated && list_stream(list, committed, &place, err))
            return -1;
        if (list->truncated)
            break;
        found = next_stream(list, &place, err);
    }
    keep_place(list, &place);
    return found < 0 ? -1 : 0;
}
