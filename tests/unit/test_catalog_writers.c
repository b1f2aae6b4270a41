/* Eight processes on one catalog, a thousand appends and upserts each: every row once, positions
 * that only grow, no update that overlooked another. */
#include "tests/unit/catalog_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

enum {
    WRITERS = 8,
    WRITES = 1000,
    TABLES = 4, /* the first two are appended to, the others upserted */
    ROWS_MAX = 5,
    BUSY_MS = 60000,
};

static const char *table_name(unsigned table)
{
    static const char *const names[TABLES] = {"a0", "a1", "u0", "u1"};

    return names[table];
}

static bool is_keyed(unsigned table)
{
    return table >= TABLES / 2;
}

static struct catalog_locator table_at(unsigned table)
{
    return (struct catalog_locator){.namespace = "wildlife", .table = table_name(table)};
}

/* --- one write --- */

static int64_t newest_position(struct book *book, unsigned table)
{
    return book_ask_with(
        book, (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = table_at(table)})
        .versions[0]
        .last_position;
}

static struct catalog_change *add(struct book *book, enum catalog_change_verb verb, unsigned table)
{
    struct catalog_change *change = book_add(book, verb);

    change->at = table_at(table);
    return change;
}

/* An upsert says in its file's key which position it has seen: the one before its own. */
static void add_write(struct book *book, unsigned table, const char *run_id, int64_t seen)
{
    struct catalog_file *file = arena_new(&book->arena, struct catalog_file);
    struct catalog_change *change;

    *file = (struct catalog_file){
        .key = arena_printf(&book->arena, "%s/%s/%lld", table_name(table), run_id, (long long)seen),
        .format = "parquet",
        .rows = 1 + (int64_t)(strlen(run_id) % ROWS_MAX),
        .bytes = 10};
    if (is_keyed(table))
        add(book, CATALOG_EXPECT, table)->at.position = seen;
    add(book, CATALOG_STAGE_PARTITION, table)->if_missing = true;
    change = add(book, CATALOG_STAGE_DELTA, table);
    change->delta.type = is_keyed(table) ? CATALOG_UPSERT : CATALOG_APPEND;
    change->delta.files = file;
    change->delta.file_count = 1;
    add(book, CATALOG_COMMIT_DELTA, table);
    add(book, CATALOG_COMMIT_PARTITION, table)->if_missing = true;
    change = book_add(book, CATALOG_RECORD_COMMIT);
    change->commit =
        (struct catalog_commit){.run_id = run_id, .pipeline = "w", .instance = "", .record = "{}"};
}

/* What came first is looked at and the write is made anew; anything else is a failure. */
static unsigned write_once(struct book *book, unsigned table, const char *run_id)
{
    for (unsigned conflicts = 0;; conflicts++) {
        add_write(book, table, run_id, is_keyed(table) ? newest_position(book, table) : 0);
        if (book_try_apply_as(book, NULL, run_id, 0) == 0)
            return conflicts;
        if (book->err.code != ERROR_CONFLICT) {
            fprintf(stderr, "%s\n", book->err.message);
            _exit(2);
        }
    }
}

static void run_writer(unsigned writer)
{
    struct book book;
    unsigned conflicts = 0;
    char run_id[64];

    if (book_try_open(&book, false, BUSY_MS))
        _exit(3);
    for (unsigned i = 0; i < WRITES; i++) {
        snprintf(run_id, sizeof(run_id), "%u-%u", writer, i);
        conflicts += write_once(&book, (writer + i) % TABLES, run_id);
        arena_deinit(&book.arena);
        arena_init(&book.arena);
    }
    book_close(&book);
    _exit(conflicts > 0 ? 1 : 0);
}

/* --- what is there then --- */

static void make_tables(struct book *book)
{
    static const struct catalog_column columns[] = {{.name = "id", .type = "BIGINT"}};
    static const char *const key[] = {"id"};
    static const struct catalog_merge merge = {.key = key, .key_count = 1};

    book_open(book);
    book_add(book, CATALOG_CREATE_NAMESPACE);
    for (unsigned i = 0; i < TABLES; i++) {
        struct catalog_change *change;

        add(book, CATALOG_CREATE_TABLE, i);
        change = add(book, CATALOG_CREATE_VERSION, i);
        change->version.columns = columns;
        change->version.column_count = ARRAY_LENGTH(columns);
        change->version.merge = is_keyed(i) ? &merge : NULL;
        change->version.lifecycle = CATALOG_ACTIVE;
    }
    book_apply(book);
}

static void check_table(struct book *book, unsigned table)
{
    const struct catalog_query found =
        book_ask_with(book, (struct catalog_query){.verb = CATALOG_LIST_DELTAS,
                                .at = table_at(table),
                                .reverse = true,
                                .with_files = true});
    int64_t last = 0;

    assert_int_equal(found.count, WRITERS * WRITES / TABLES);
    for (size_t i = 0; i < found.count; i++) {
        const struct catalog_delta *delta = &found.deltas[i];
        long long seen = -1;

        assert_true(delta->position > last);
        assert_int_equal(delta->previous_position, last);
        assert_int_equal(delta->file_count, 1);
        assert_int_equal(sscanf(delta->files[0].key, "%*[^/]/%*[^/]/%lld", &seen), 1);
        if (is_keyed(table))
            assert_int_equal(seen, last);
        last = delta->position;
    }
    assert_int_equal(book_number(book, "SELECT count(DISTINCT path) = count(*) FROM files"), 1);
}

static void test_eight_writers(void **state)
{
    pid_t pids[WRITERS];
    unsigned with_conflicts = 0;
    struct book book;

    (void)state;
    make_tables(&book);
    book_close(&book);
    for (unsigned i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            run_writer(i);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        with_conflicts += (unsigned)WEXITSTATUS(status);
    }
    assert_true(with_conflicts > 0); /* else nobody was ever overtaken, and nothing is proven */
    book_open(&book);
    for (unsigned i = 0; i < TABLES; i++)
        check_table(&book, i);
    assert_int_equal(book_number(&book, "SELECT count(*) FROM commits"), WRITERS * WRITES);
    book_check(&book);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_eight_writers, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
