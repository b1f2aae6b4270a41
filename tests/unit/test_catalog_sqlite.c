/* The contract of connectors/catalog.h, sentence by sentence, on connectors/catalog_sqlite. */
#include "tests/unit/catalog_fixture.h"

/* --- tables --- */

static void test_namespace_table_version(void **state)
{
    struct catalog_query tables, versions;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    assert_string_equal(book_ask(&book, CATALOG_LIST_NAMESPACES).namespaces[0].name, "wildlife");
    tables = book_ask(&book, CATALOG_LIST_TABLES);
    assert_int_equal(tables.count, 1);
    assert_string_equal(tables.tables[0].name, "strikes");
    assert_int_equal(tables.tables[0].latest_version, 1);
    assert_int_equal(tables.tables[0].latest_active_version, 1);
    versions = book_ask(&book, CATALOG_GET_VERSION);
    assert_int_equal(versions.count, 1);
    assert_int_equal(versions.versions[0].column_count, 2);
    assert_string_equal(versions.versions[0].columns[1].name, "Cost Total $");
    assert_int_equal(versions.versions[0].columns[1].field_id, 2);
    assert_string_equal(versions.versions[0].partition_by[0], "month(flight_date)");
    assert_int_equal(versions.versions[0].lifecycle, CATALOG_ACTIVE);
    assert_int_equal(strlen(versions.versions[0].stream_id), 36);
    assert_int_equal(versions.versions[0].rows, 0);
    assert_int_equal(versions.versions[0].last_position, 0);
    book_close(&book);
}

static void test_create_again(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_table(&book); /* if_missing */
    book_apply(&book);
    book_add(&book, CATALOG_CREATE_NAMESPACE);
    book_apply_fails(&book, ERROR_EXISTS, "namespace wildlife: it exists already");
    book_add(&book, CATALOG_CREATE_TABLE);
    book_apply_fails(&book, ERROR_EXISTS, "wildlife.strikes: the table exists already");
    book_add(&book, CATALOG_CREATE_VERSION)->at.version = 1;
    book_apply_fails(&book, ERROR_EXISTS, "wildlife.strikes version 1: it exists already");
    book_add(&book, CATALOG_CREATE_VERSION)->at.version = 3;
    book_apply_fails(&book, ERROR_CONFLICT, "and 2 is next");
    assert_int_equal(book_ask(&book, CATALOG_LIST_VERSIONS).count, 1);
    book_add(&book, CATALOG_CREATE_VERSION);
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_LIST_VERSIONS).count, 2);
    book_close(&book);
}

static void test_names(void **state)
{
    static const char *const bad[] = {"", "_x", "Strikes", "a-b", "a.b", "a b", "ä"};
    struct book book;

    (void)state;
    book_open(&book);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        book_add(&book, CATALOG_CREATE_NAMESPACE)->at.namespace = bad[i];
        book_apply_fails(&book, ERROR_INVALID, "a name consists of a-z, 0-9 and _");
        book_add(&book, CATALOG_CREATE_TABLE)->at.table = bad[i];
        book_apply_fails(&book, ERROR_INVALID, "a name consists of a-z, 0-9 and _");
    }
    assert_int_equal(book_ask(&book, CATALOG_LIST_NAMESPACES).count, 0);
    book_close(&book);
}

static void test_two_columns_of_one_name(void **state)
{
    static const struct catalog_column columns[] = {{"a", "INTEGER", 0}, {"a", "VARCHAR", 0}};
    struct catalog_change *change;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    change = book_add(&book, CATALOG_CREATE_VERSION);
    change->version.columns = columns;
    change->version.column_count = 2;
    book_apply_fails(&book, ERROR_INVALID, "two columns are named \"a\"");
    assert_int_equal(book_ask(&book, CATALOG_LIST_VERSIONS).count, 1);
    book_close(&book);
}

static void test_lifecycle(void **state)
{
    struct catalog_change *change;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add(&book, CATALOG_CREATE_VERSION)->version.lifecycle = CATALOG_BETA;
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].version, 1);
    change = book_add(&book, CATALOG_SET_LIFECYCLE);
    change->at.version = 2;
    change->lifecycle = CATALOG_ACTIVE;
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].version, 2);
    book_add(&book, CATALOG_SET_LIFECYCLE)->lifecycle = CATALOG_DELETED; /* of the active one */
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].version, 1);
    change = book_add(&book, CATALOG_SET_LIFECYCLE);
    change->at.version = 2;
    change->lifecycle = CATALOG_ACTIVE;
    book_apply_fails(&book, ERROR_CONFLICT, "wildlife.strikes version 2: it is deleted");
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01")->at.version = 2;
    book_apply_fails(&book, ERROR_CONFLICT, "version 2: it is deleted");
    book_close(&book);
}

/* --- what is missing --- */

static void test_missing_parents_when_asked(void **state)
{
    static const enum catalog_query_verb lists[] = {
        CATALOG_LIST_VERSIONS, CATALOG_LIST_PARTITIONS, CATALOG_LIST_DELTAS, CATALOG_LIST_FILES};
    struct catalog_query query = {.verb = CATALOG_LIST_TABLES, .at = {.namespace = "nobody"}};
    struct book book;

    (void)state;
    book_open(&book);
    assert_int_equal(book_try_ask(&book, &query), -1);
    assert_int_equal(book.err.code, ERROR_NOT_FOUND);
    assert_contains(book.err.message, "namespace nobody");
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        query = (struct catalog_query){.verb = lists[i]};
        assert_int_equal(book_try_ask(&book, &query), -1);
        assert_int_equal(book.err.code, ERROR_NOT_FOUND);
    }
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).count, 0);
    assert_int_equal(
        book_ask_with(&book, (struct catalog_query){.verb = CATALOG_GET_COMMIT, .run_id = "x"})
            .count,
        0);
    book_add_table(&book);
    book_apply(&book);
    query = (struct catalog_query){.verb = CATALOG_LIST_PARTITIONS,
        .at = {.namespace = "wildlife", .table = "strikes", .version = 7}};
    assert_int_equal(book_try_ask(&book, &query), -1);
    assert_contains(book.err.message, "wildlife.strikes version 7: there is no such version");
    query.verb = CATALOG_GET_VERSION;
    assert_int_equal(book_try_ask(&book, &query), 0);
    assert_int_equal(query.count, 0);
    book_close(&book);
}

static void test_missing_parents_when_changed(void **state)
{
    struct book book;

    (void)state;
    book_open(&book);
    book_add(&book, CATALOG_CREATE_TABLE);
    book_apply_fails(&book, ERROR_NOT_FOUND, "namespace wildlife: there is no such namespace");
    book_add(&book, CATALOG_CREATE_NAMESPACE);
    book_add(&book, CATALOG_CREATE_VERSION);
    book_apply_fails(&book, ERROR_NOT_FOUND, "wildlife.strikes: there is no such table");
    book_add(&book, CATALOG_CREATE_NAMESPACE);
    book_add(&book, CATALOG_CREATE_TABLE);
    book_apply(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "x");
    book_apply_fails(&book, ERROR_NOT_FOUND, "wildlife.strikes: it has no active version");
    book_add_table(&book);
    book_apply(&book);
    book_add_delta(&book, "x", "f", 1);
    book_apply_fails(&book, ERROR_NOT_FOUND,
        "wildlife.strikes version 1 partition [\"x\"]: there is no such partition");
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "x");
    book_apply_fails(&book, ERROR_NOT_FOUND, "nothing is staged");
    book_add_at(&book, CATALOG_DELETE_PARTITION, "x");
    book_apply_fails(&book, ERROR_NOT_FOUND, "there is no such partition");
    book_add_at(&book, CATALOG_DELETE_PARTITION, "x")->if_missing = true;
    book_apply(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "x");
    book_add_at(&book, CATALOG_COMMIT_DELTA, "x");
    book_apply_fails(&book, ERROR_NOT_FOUND, "no delta is staged");
    book_add(&book, CATALOG_STAGE_PARTITION); /* no value */
    book_apply_fails(&book, ERROR_INVALID, "0 partition values were given for 1 partition fields");
    book_close(&book);
}

/* --- deltas and partitions --- */

static void test_append(void **state)
{
    struct catalog_query versions, partitions, files;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a.parquet", 3);
    book_add_append(&book, "2024-02", "b.parquet", 4);
    book_apply(&book);
    book_add_append(&book, "2024-01", "c.parquet", 5);
    book_apply(&book);
    versions = book_ask(&book, CATALOG_GET_VERSION);
    assert_int_equal(versions.versions[0].rows, 12);
    assert_int_equal(versions.versions[0].bytes, 120);
    assert_int_equal(versions.versions[0].files, 3);
    assert_int_equal(versions.versions[0].partitions, 2);
    assert_int_equal(versions.versions[0].last_position, 2); /* one for each apply */
    assert_true(versions.versions[0].last_commit_ms > 0);
    partitions = book_ask(&book, CATALOG_LIST_PARTITIONS);
    assert_int_equal(partitions.count, 2);
    assert_string_equal(partitions.partitions[0].values[0], "2024-01");
    assert_int_equal(partitions.partitions[0].position, 2);
    assert_int_equal(partitions.partitions[0].rows, 8);
    assert_int_equal(partitions.partitions[1].position, 1);
    files = book_ask(&book, CATALOG_LIST_FILES);
    assert_int_equal(files.count, 3);
    assert_string_equal(files.deltas[0].files[0].key, "a.parquet");
    assert_string_equal(files.deltas[1].files[0].key, "c.parquet"); /* by partition, in order */
    assert_string_equal(files.deltas[2].files[0].key, "b.parquet");
    assert_int_equal(files.deltas[1].position, 2);
    assert_int_equal(files.deltas[1].previous_position, 1);
    assert_int_equal(files.deltas[0].previous_position, 0);
    assert_string_equal(files.deltas[1].run_id, "run-1");
    book_check(&book);
    book_close(&book);
}

static void test_staged_is_not_seen(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01");
    book_add_delta(&book, "2024-01", "a", 3);
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01"); /* in a partition that stays staged */
    book_add_delta(&book, "2024-01", "b", 3);
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_LIST_PARTITIONS).count, 0);
    assert_int_equal(book_ask(&book, CATALOG_LIST_DELTAS).count, 0);
    assert_int_equal(book_ask(&book, CATALOG_LIST_FILES).count, 0);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 0);
    book_add_delta(&book, "2024-01", "c", 3); /* another apply does not know the staged one */
    book_apply_fails(&book, ERROR_NOT_FOUND, "there is no such partition");
    book_check(&book);
    book_close(&book);
}

static void test_replace_partition(void **state)
{
    struct catalog_query deltas, partitions;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_append(&book, "2024-02", "b", 4);
    book_apply(&book);
    book_add_replace(&book, "2024-01", "c", 5);
    book_apply(&book);
    partitions = book_ask(&book, CATALOG_LIST_PARTITIONS);
    assert_int_equal(partitions.count, 2);
    assert_int_equal(partitions.partitions[0].rows, 5);
    assert_non_null(partitions.partitions[0].previous_id);
    assert_null(partitions.partitions[1].previous_id);
    assert_int_equal(book_ask(&book, CATALOG_LIST_FILES).count, 2);
    deltas = book_ask_with(&book,
        (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .reverse = true, .with_files = true});
    assert_int_equal(deltas.count, 3); /* the history has all of them */
    assert_int_equal(deltas.deltas[0].state, CATALOG_REPLACED);
    assert_string_equal(deltas.deltas[0].files[0].key, "a");
    assert_int_equal(deltas.deltas[1].state, CATALOG_COMMITTED);
    assert_int_equal(deltas.deltas[2].state, CATALOG_COMMITTED);
    assert_int_equal(deltas.deltas[2].position, 2);
    book_check(&book);
    book_close(&book);
}

static void test_overwrite_in_either_order(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_append(&book, "2024-02", "b", 4);
    book_apply(&book);
    book_add(&book, CATALOG_DELETE_ALL_PARTITIONS);
    book_add_replace(&book, "2024-01", "c", 5);
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 5);
    assert_int_equal(book_ask(&book, CATALOG_LIST_PARTITIONS).count, 1);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01");
    book_add_delta(&book, "2024-01", "d", 6);
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01");
    book_add(&book, CATALOG_DELETE_ALL_PARTITIONS); /* what this apply staged stays */
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "2024-01");
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 6);
    book_add_replace(&book, "2024-03", "e", 7);
    book_add(&book, CATALOG_DELETE_ALL_PARTITIONS); /* also when it is committed already */
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 7);
    assert_string_equal(book_ask(&book, CATALOG_LIST_FILES).deltas[0].files[0].key, "e");
    book_check(&book);
    book_close(&book);
}

static void test_delete_partition(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_append(&book, "2024-02", "b", 4);
    book_apply(&book);
    book_add_at(&book, CATALOG_DELETE_PARTITION, "2024-01");
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_LIST_PARTITIONS).count, 1);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 4);
    book_add_append(&book, "2024-01", "c", 1); /* a new one takes its place */
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 5);
    book_check(&book);
    book_close(&book);
}

static void test_commit_partition_twice_staged(void **state)
{
    static const char id[] = "0192a7c0-0000-7000-8000-000000000001";
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_apply(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01")->at.partition_id = id;
    book_apply(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01")->at.partition_id = id;
    book_apply_fails(&book, ERROR_EXISTS, "a partition with this id exists already");
    book_add_delta(&book, "2024-01", "b", 9)->at.partition_id = id;
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01")->at.partition_id = id;
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 3);
    book_add_replace(&book, "2024-01", "c", 4); /* somebody else is first */
    book_apply(&book);
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "2024-01")->at.partition_id = id;
    book_apply_fails(&book, ERROR_CONFLICT,
        "wildlife.strikes version 1 partition [\"2024-01\"]: somebody else replaced it");
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 4);
    book_check(&book);
    book_close(&book);
}

static void test_staged_earlier_and_committed_by_id(void **state)
{
    static const char id[] = "0192a7c0-0000-7000-8000-000000000002";
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_apply(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01")->at.partition_id = id;
    book_add_delta(&book, "2024-01", "b", 9);
    book_apply(&book);
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01")->at.partition_id = id;
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "2024-01")->at.partition_id = id;
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 9);
    assert_string_equal(book_ask(&book, CATALOG_LIST_PARTITIONS).partitions[0].id, id);
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "2024-01")->at.partition_id = "nothing";
    book_apply_fails(&book, ERROR_NOT_FOUND, "there is no partition with the id nothing");
    book_check(&book);
    book_close(&book);
}

static void test_second_delta_of_a_run_joins_the_first(void **state)
{
    struct catalog_query files;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_append(&book, "2024-01", "b", 4);
    book_apply(&book);
    files = book_ask(&book, CATALOG_LIST_FILES);
    assert_int_equal(files.count, 1);
    assert_int_equal(files.deltas[0].rows, 7);
    assert_int_equal(files.deltas[0].file_count, 2);
    assert_string_equal(files.deltas[0].files[0].key, "a");
    assert_string_equal(files.deltas[0].files[1].key, "b");
    assert_int_equal(files.deltas[0].type, CATALOG_APPEND);
    book_add_append(&book, "2024-01", "c", 1);
    book_add_delta(&book, "2024-01", "d", 1)->delta.type = CATALOG_ADD;
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01");
    book_apply(&book);
    files = book_ask(&book, CATALOG_LIST_FILES);
    assert_int_equal(files.deltas[1].type, CATALOG_ADD);
    book_add_keyed_version(&book);
    book_apply(&book);
    book_add_append(&book, "2024-01", "e", 1);
    book_add_delta(&book, "2024-01", "f", 1)->delta.type = CATALOG_UPSERT;
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-01");
    book_apply_fails(&book, ERROR_CONFLICT, "one run cannot both append and upsert");
    book_check(&book);
    book_close(&book);
}

static void test_two_loads_replace_one_partition(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01");
    book_add_at(&book, CATALOG_STAGE_PARTITION, "2024-01");
    book_apply_fails(&book, ERROR_CONFLICT, "two loads of one run replace it");
    book_add_replace(&book, "2024-01", "a", 1);
    book_add_append(&book, "2024-01", "b", 2); /* appended to what the same run replaced */
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, 3);
    book_check(&book);
    book_close(&book);
}

static void test_values_may_hold_anything(void **state)
{
    static const char *const values[] = {NULL, "", "null", "a\"b", "a/b\n", "ü", "[\"x\"]", "a\\"};
    struct catalog_query partitions;
    struct book book;
    bool found[ARRAY_LENGTH(values)] = {false};

    (void)state;
    book_open_with_table(&book);
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        book_add_append(&book, values[i], "f", (int64_t)i + 1);
    book_apply(&book);
    partitions = book_ask(&book, CATALOG_LIST_PARTITIONS);
    assert_int_equal(partitions.count, ARRAY_LENGTH(values));
    for (size_t i = 0; i < partitions.count; i++) {
        const size_t which = (size_t)partitions.partitions[i].rows - 1;
        const char *value = partitions.partitions[i].values[0];

        found[which] = true;
        if (values[which])
            assert_string_equal(value, values[which]);
        else
            assert_null(value);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        assert_true(found[i]);
    book_add_at(&book, CATALOG_STAGE_PARTITION, "\xff\xfe");
    book_apply_fails(&book, ERROR_INVALID, "not valid UTF-8");
    book_close(&book);
}

static void test_positions_and_limits_of_lists(void **state)
{
    struct catalog_query query;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    for (int i = 0; i < 5; i++) {
        book_add_append(&book, "2024-01", "f", 1);
        book_apply(&book);
    }
    query = book_ask_with(
        &book, (struct catalog_query){
                   .verb = CATALOG_LIST_DELTAS, .first_position = 2, .last_position = 4});
    assert_int_equal(query.count, 3); /* inclusive, descending */
    assert_int_equal(query.deltas[0].position, 4);
    assert_int_equal(query.deltas[2].position, 2);
    assert_int_equal(query.deltas[0].file_count, 0); /* no manifests unless asked for */
    assert_false(query.truncated);
    query = book_ask_with(
        &book, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .reverse = true, .limit = 2});
    assert_int_equal(query.count, 2);
    assert_int_equal(query.deltas[0].position, 1);
    assert_true(query.truncated);
    query = book_ask_with(&book, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .limit = 5});
    assert_false(query.truncated);
    book_close(&book);
}

static void test_bad_manifests(void **state)
{
    static const struct catalog_file bad[] = {{NULL, "parquet", 1, 1}, {"", "parquet", 1, 1},
        {"f", NULL, 1, 1}, {"f", "parquet", -1, 1}, {"f", "parquet", 1, UINT64_MAX}};
    struct book book;

    (void)state;
    book_open_with_table(&book);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        book_add_at(&book, CATALOG_STAGE_PARTITION, "x");
        book_add_delta(&book, "x", "f", 1)->delta.files = &bad[i];
        book_apply_fails(&book, ERROR_INVALID, "file 1 of the manifest");
    }
    book_check(&book);
    book_close(&book);
}

static void test_everything_or_nothing(void **state)
{
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_commit(&book, "run-1", 1);
    book_add_at(&book, CATALOG_DELETE_PARTITION, "2023-01");
    book_apply_fails(&book, ERROR_NOT_FOUND, "there is no such partition");
    assert_int_equal(book_ask(&book, CATALOG_LIST_PARTITIONS).count, 0);
    assert_int_equal(book_ask(&book, CATALOG_GET_VERSION).versions[0].last_position, 0);
    assert_int_equal(book_ask(&book, CATALOG_LIST_COMMITS).count, 0);
    assert_int_equal(book_number(&book, "SELECT count(*) FROM partitions"), 0);
    book_close(&book);
}

/* --- the file's own guards --- */

static void test_no_statement_breaks_the_order_of_states(void **state)
{
    static const char *const refused[] = {
        "UPDATE partitions SET state = 'staged', ended_ms = NULL",
        "UPDATE deltas SET state = 'staged', position = NULL",
        "UPDATE deltas SET position = 9",
        "UPDATE streams SET position = 0",
        "UPDATE streams SET state = 'staged'",
        "INSERT INTO partitions (uuid, stream_id, partition_values, state, created_ms)"
        " SELECT 'u', stream_id, partition_values, 'committed', 1 FROM partitions",
        "INSERT INTO streams (uuid, version_id, state, created_ms)"
        " SELECT 'u', version_id, 'committed', 1 FROM streams",
        "INSERT INTO deltas (partition_id, stream_id, type, state, rows, files, bytes, created_ms)"
        " VALUES (1, 1, 'append', 'committed', 1, 1, 1, 1)",
        "INSERT INTO deltas (partition_id, stream_id, type, state, rows, files, bytes, created_ms)"
        " VALUES (99, 1, 'append', 'staged', 1, 1, 1, 1)",
        "UPDATE commits SET record = ''",
        "UPDATE fences SET fence = 0",
        "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes)"
        " VALUES (1, 2, 'f', 'parquet', 'many', 1)",
        "UPDATE partitions SET since = 9",
        "UPDATE files SET content = 'else'",
    };
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_add_append(&book, "2024-01", "a", 3);
    book_add_commit(&book, "run-1", 1);
    assert_ok(book_try_apply_as(&book, "birds", "run-1", 1), &book.err);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        if (sqlite_run(&book.db, refused[i], &book.err) == 0)
            fail_msg("done: %s", refused[i]);
    book_check(&book);
    book_close(&book);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_namespace_table_version),
        IN_FOLDER(test_create_again),
        IN_FOLDER(test_names),
        IN_FOLDER(test_two_columns_of_one_name),
        IN_FOLDER(test_lifecycle),
        IN_FOLDER(test_missing_parents_when_asked),
        IN_FOLDER(test_missing_parents_when_changed),
        IN_FOLDER(test_append),
        IN_FOLDER(test_staged_is_not_seen),
        IN_FOLDER(test_replace_partition),
        IN_FOLDER(test_overwrite_in_either_order),
        IN_FOLDER(test_delete_partition),
        IN_FOLDER(test_commit_partition_twice_staged),
        IN_FOLDER(test_staged_earlier_and_committed_by_id),
        IN_FOLDER(test_second_delta_of_a_run_joins_the_first),
        IN_FOLDER(test_two_loads_replace_one_partition),
        IN_FOLDER(test_values_may_hold_anything),
        IN_FOLDER(test_positions_and_limits_of_lists),
        IN_FOLDER(test_bad_manifests),
        IN_FOLDER(test_everything_or_nothing),
        IN_FOLDER(test_no_statement_breaks_the_order_of_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
