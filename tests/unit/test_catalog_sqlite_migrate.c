/* A catalog that the code of schema version 1 made, opened by this one: what it says is there, all
 * of its positions are readable, and it goes on. catalog_version_1.sql is what sqlite3's .dump said
 * of such a file. */
#include "tests/unit/catalog_fixture.h"

static void make_version_1(void)
{
    char *path = mem_printf("%s/tests/unit/catalog_version_1.sql", getenv("SLUICE_ROOT"));
    struct error err = {0};
    struct buffer sql;
    sqlite3 *db;

    buffer_init(&sql, 0);
    assert_ok(file_read(path, 1 << 20, &sql, &err), &err);
    assert_int_equal(sqlite3_open(book_path(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql.data, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA application_id = 1936483169; PRAGMA user_version = 1",
                         NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    buffer_deinit(&sql);
    free(path);
}

static int64_t rows_at(struct book *book, int64_t position)
{
    const struct catalog_query files = book_ask_with(
        book, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = position});
    int64_t rows = 0;

    for (size_t i = 0; i < files.count; i++)
        rows += files.deltas[i].rows;
    return rows;
}

static void test_what_was_there_is_there(void **state)
{
    struct catalog_query answer;
    struct book book;

    (void)state;
    make_version_1();
    book_open(&book);
    book_check(&book);
    answer = book_ask(&book, CATALOG_GET_VERSION);
    assert_int_equal(answer.versions[0].rows, 7);
    assert_int_equal(answer.versions[0].schema_id, 1);
    assert_int_equal(answer.versions[0].merge.key_count, 0);
    assert_int_equal(answer.versions[0].first_position, 1);
    assert_int_equal(answer.versions[0].last_position, 4); /* it ended a partition at 3 */
    assert_string_equal(answer.versions[0].columns[1].name, "Cost Total $");
    assert_int_equal(answer.versions[0].columns[1].field_id, 2);
    answer = book_ask_with(
        &book, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .with_files = true});
    assert_int_equal(answer.count, 5);
    for (size_t i = 0; i < answer.count; i++) {
        assert_int_equal(strlen(answer.deltas[i].id), 36);
        assert_int_equal(answer.deltas[i].files[0].content, CATALOG_ROWS);
        assert_int_equal(answer.deltas[i].files[0].schema_id, 0);
        assert_null(answer.deltas[i].files[0].checksum);
    }
    assert_int_equal(book_ask(&book, CATALOG_LIST_SCHEMAS).count, 1);
    book_close(&book);
}

static void test_each_position_is_readable(void **state)
{
    struct book book;

    (void)state;
    make_version_1();
    book_open(&book);
    assert_int_equal(rows_at(&book, 1), 7);  /* 3 and 4 */
    assert_int_equal(rows_at(&book, 2), 13); /* 5 more, and 1 */
    assert_int_equal(rows_at(&book, 3), 15); /* 6 in place of 4 */
    assert_int_equal(rows_at(&book, 4), 7);  /* without 8 */
    assert_int_equal(rows_at(&book, 0), 7);
    book_close(&book);
}

static void test_positions_have_their_times(void **state)
{
    struct catalog_query query = {.verb = CATALOG_FIND_POSITION};
    struct book book;
    int64_t second_ms;

    (void)state;
    make_version_1();
    book_open(&book);
    second_ms = book_ask_with(&book,
        (struct catalog_query){
            .verb = CATALOG_LIST_DELTAS, .first_position = 2, .last_position = 2})
                    .deltas[0]
                    .created_ms;
    query.at_ms = second_ms;
    assert_int_equal(book_ask_with(&book, query).position, 2);
    query.at_ms = second_ms - 1;
    assert_int_equal(book_ask_with(&book, query).position, 1);
    query.at_ms = INT64_MAX;
    assert_int_equal(book_ask_with(&book, query).position, 4);
    query.at_ms = 1;
    assert_int_equal(book_ask_with(&book, query).position, 0);
    book_close(&book);
}

static void test_reading_leaves_it_as_it_is(void **state)
{
    struct book book;
    sqlite3 *db;
    sqlite3_stmt *statement;

    (void)state;
    make_version_1();
    assert_ok(book_try_open(&book, true, 0), &book.err);
    assert_int_equal(rows_at(&book, 0), 7);
    assert_int_equal(rows_at(&book, 3), 15);
    book_check(&book);
    book_close(&book);
    assert_int_equal(sqlite3_open(book_path(), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void test_it_goes_on(void **state)
{
    struct book book;

    (void)state;
    make_version_1();
    book_open(&book);
    book_add_append(&book, "2024-01", "new", 100);
    book_add_append(&book, "2024-02", "new", 10);
    book_apply(&book);
    assert_int_equal(rows_at(&book, 0), 117);
    assert_int_equal(rows_at(&book, 4), 7);
    book_add_at(&book, CATALOG_COMMIT_DELTA, "2024-09")->at.partition_id =
        "0192a7c0-0000-7000-8000-000000000001"; /* staged by version 1 */
    book_add_at(&book, CATALOG_COMMIT_PARTITION, "2024-09")->at.partition_id =
        "0192a7c0-0000-7000-8000-000000000001";
    book_apply(&book);
    assert_int_equal(rows_at(&book, 0), 126);
    book_check(&book);
    book_close(&book);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_what_was_there_is_there),
        IN_FOLDER(test_each_position_is_readable),
        IN_FOLDER(test_positions_have_their_times),
        IN_FOLDER(test_reading_leaves_it_as_it_is),
        IN_FOLDER(test_it_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
