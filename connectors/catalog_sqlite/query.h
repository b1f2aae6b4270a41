/* One query under way: what its listers share. Blocking, within one snapshot. */
#ifndef CONNECTORS_CATALOG_SQLITE_QUERY_H
#define CONNECTORS_CATALOG_SQLITE_QUERY_H

#include "connectors/catalog_sqlite/database.h"

/* Items grow on the heap and move to the caller's arena at the end. */
struct listing {
    struct sqlite *db;
    struct catalog_query *query;
    struct arena *arena;
    size_t item_size;
    char *items;
    size_t count, capacity;
    bool truncated;
    bool descending;  /* the statement that was chosen */
    const char *next; /* where the page ended */
};

/* Fills one zeroed item from the row that the statement is at. */
typedef int (*listing_read_fn)(
    struct listing *list, sqlite3_stmt *row, void *item, struct error *err);

typedef int (*listing_fn)(struct listing *list, struct error *err);

/* The two directions of a list: [0] ascending, [1] descending. `select` begins with the two columns
 * that its rows are ordered by, and has a WHERE; together they differ in each row. A page begins
 * behind (?8, ?9). */
#define LISTING_BOTH_WAYS(select, a, b)                                                            \
    {                                                                                              \
        select " AND (" a ", " b ") > (?8, ?9) ORDER BY " a ", " b,                                \
            select " AND (" a ", " b ") < (?8, ?9) ORDER BY " a " DESC, " b " DESC"                \
    }

/* The statement of the direction that the query asks for. */
sqlite3_stmt *listing_statement(
    struct listing *list, const char *const both_ways[2], bool newest_first, struct error *err);

/* Binds where the page begins and reads the rows. `kinds` says what the two columns are: 't' texts,
 * 'i' integers. */
int listing_collect(struct listing *list, sqlite3_stmt *statement, const char *kinds,
    listing_read_fn read, struct error *err);

/* The same of a statement without pages. */
int listing_collect_all(
    struct listing *list, sqlite3_stmt *statement, listing_read_fn read, struct error *err);

/* A zeroed item, or NULL where the page is full. */
void *listing_add(struct listing *list);

static inline int64_t listing_int(sqlite3_stmt *row, int column)
{
    return sqlite3_column_int64(row, column);
}

int listing_texts(struct listing *list, sqlite3_stmt *row, int column,
    const char *const **ret_texts, size_t *ret_count, struct error *err);

/* The values of the query's locator as they are stored; they must fit the partition scheme. */
int listing_values(struct listing *list, const struct database_version *version,
    const char **ret_json, struct error *err);

/* A JSON object of texts. */
int listing_properties(struct listing *list, sqlite3_stmt *row, int column,
    const char **ret_properties, struct error *err);

int query_list_namespaces(struct listing *list, struct error *err);
int query_get_namespace(struct listing *list, struct error *err);
int query_list_tables(struct listing *list, struct error *err);
int query_get_table(struct listing *list, struct error *err);
int query_list_versions(struct listing *list, struct error *err);
int query_get_version(struct listing *list, struct error *err);
int query_get_latest_version(struct listing *list, struct error *err);
int query_list_schemas(struct listing *list, struct error *err);

int query_list_streams(struct listing *list, struct error *err);
int query_get_stream(struct listing *list, struct error *err);
int query_list_partitions(struct listing *list, struct error *err);
int query_get_partition(struct listing *list, struct error *err);
int query_find_position(struct listing *list, struct error *err);
int query_list_bare_positions(struct listing *list, struct error *err);
int query_list_tags(struct listing *list, struct error *err);

int query_list_staged(struct listing *list, struct error *err);

int query_list_deltas(struct listing *list, struct error *err);
int query_list_partition_deltas(struct listing *list, struct error *err);
int query_get_delta(struct listing *list, struct error *err);
int query_get_latest_delta(struct listing *list, struct error *err);
int query_list_files(struct listing *list, struct error *err);
int query_list_all_files(struct listing *list, struct error *err);

int query_get_commit(struct listing *list, struct error *err);
int query_list_commits(struct listing *list, struct error *err);
int query_list_cursors(struct listing *list, struct error *err);
int query_list_seen(struct listing *list, struct error *err);
int query_list_publications(struct listing *list, struct error *err);

int query_check(struct listing *list, struct error *err);

#endif
