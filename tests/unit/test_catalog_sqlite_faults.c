/* connectors/catalog_sqlite under many processes, kill -9, a full disk, and each write failing in
 * turn. */
#include "tests/unit/catalog_fixture.h"
#include "tests/unit/faulty_vfs.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- many processes --- */

enum { PROCESSES = 6, APPLIES = 25, ROWS = 3 };

static void append_in_a_child(int which)
{
    struct book book;

    if (book_try_open(&book, false, 0))
        _exit(1);
    for (int i = 0; i < APPLIES; i++) {
        char run_id[32], value[16];

        snprintf(run_id, sizeof(run_id), "run-%d-%d", which, i);
        snprintf(value, sizeof(value), "2024-%02d", i % 4);
        book_add_append(&book, value, run_id, ROWS);
        book_add_commit(&book, run_id, 1);
        if (book_try_apply(&book)) {
            fprintf(stderr, "%s\n", book.err.message);
            _exit(1);
        }
    }
    book_close(&book);
    _exit(0);
}

static void test_many_processes_apply_at_once(void **state)
{
    pid_t children[PROCESSES];
    struct catalog_query deltas;
    struct book book;

    (void)state;
    book_open_with_table(&book);
    book_close(&book); /* no handle may cross a fork */
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0)
            append_in_a_child(i);
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    book_open(&book);
    deltas =
        book_ask_with(&book, (struct catalog_query){.verb = CATALOG_LIST_DELTAS, .reverse = true});
    assert_int_equal(deltas.count, PROCESSES * APPLIES);
    for (size_t i = 0; i < deltas.count; i++)
        assert_int_equal(deltas.deltas[i].position, i + 1); /* none taken twice, none left out */
    assert_int_equal(
        book_ask(&book, CATALOG_GET_VERSION).versions[0].rows, PROCESSES * APPLIES * ROWS);
    assert_int_equal(book_ask(&book, CATALOG_LIST_COMMITS).count, PROCESSES * APPLIES);
    book_check(&book);
    book_close(&book);
}

/* --- kill -9 --- */

enum { KILLS = 30, PARTITIONS = 6 };

static const char *value_of(int p)
{
    static const char *const values[PARTITIONS] = {"p0", "p1", "p2", "p3", "p4", "p5"};

    return values[p];
}

/* Whatever it does, all partitions have the same number of rows before and after. */
static void add_to_all(struct book *book, int i)
{
    const struct catalog_version version = book_ask(book, CATALOG_GET_VERSION).versions[0];
    const int64_t position = version.last_position;

    for (int p = 0; p < PARTITIONS; p++) {
        if (i % 4 != 3 || position == 0) {
            book_add_append(book, value_of(p), "f", 1);
            continue;
        }
        book_add_at(book, CATALOG_STAGE_PARTITION, value_of(p));
        book_add_delta(book, value_of(p), "c", version.rows / PARTITIONS)->delta.rewrite = true;
        book_add_at(book, CATALOG_COMMIT_DELTA, value_of(p))->at.position = position;
        book_add_at(book, CATALOG_COMMIT_PARTITION, value_of(p))->partition.promote_after =
            position;
    }
    if (i % 7 == 6 && position > version.first_position)
        book_add(book, CATALOG_EXPIRE)->at.position = position;
    else if (i % 5 == 4 && position > version.first_position)
        book_add(book, CATALOG_ROLLBACK)->at.position = position - 1;
}

static void apply_until_killed(int round)
{
    struct book book;

    if (book_try_open(&book, false, 0))
        _exit(1);
    for (int i = 0;; i++) {
        char run_id[32];

        snprintf(run_id, sizeof(run_id), "run-%d-%d", round, i);
        add_to_all(&book, i);
        book_add_commit(&book, run_id, 1);
        if (book_try_apply(&book))
            _exit(1);
    }
}

/* At each position that can be read, all partitions are as full; and each apply is there or not. */
static void check_whole(struct book *book)
{
    const struct catalog_version version = book_ask(book, CATALOG_GET_VERSION).versions[0];

    book_check(book);
    for (int64_t at = MAX(version.first_position, version.last_position - 20);
         at > 0 && at <= version.last_position; at++) {
        const struct catalog_query files = book_ask_with(
            book, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = at});
        int64_t rows[PARTITIONS] = {0};

        for (size_t i = 0; i < files.count; i++)
            rows[files.deltas[i].values[0][1] - '0'] += files.deltas[i].rows;
        for (int p = 1; p < PARTITIONS; p++)
            assert_int_equal(rows[p], rows[0]);
    }
}

static void test_kill_leaves_whole_applies(void **state)
{
    struct book book;
    size_t commits = 0;

    (void)state;
    book_open_with_table(&book);
    book_close(&book);
    for (int round = 0; round < KILLS; round++) {
        const pid_t child = fork();
        int status;

        if (child == 0)
            apply_until_killed(round);
        usleep((useconds_t)(3000 + round * 1700));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); /* it did not end by an error of its own */
        book_open(&book);
        check_whole(&book);
        commits = book_ask(&book, CATALOG_LIST_COMMITS).count;
        book_close(&book);
    }
    assert_true(commits > 0);
}

/* --- a full disk --- */

static void add_much(struct book *book, int count)
{
    book_add_at(book, CATALOG_STAGE_PARTITION, "big")->if_missing = true;
    for (int i = 0; i < count; i++)
        book_add_delta(book, "big", arena_printf(&book->arena, "%0600d", i), 1);
    book_add_at(book, CATALOG_COMMIT_DELTA, "big");
    book_add_at(book, CATALOG_COMMIT_PARTITION, "big")->if_missing = true;
}

static void fill_the_disk_in_a_child(void)
{
    const struct rlimit limit = {.rlim_cur = 256 * 1024, .rlim_max = 256 * 1024};
    struct book book;
    int applied = 0;

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) || book_try_open(&book, false, 0))
        _exit(1);
    for (;;) {
        add_much(&book, 50);
        if (book_try_apply(&book))
            break;
        applied++;
    }
    if (book.err.code != ERROR_NO_SPACE || !strstr(book.err.message, "make room and try again") ||
        !strstr(book.err.message, "catalog.db"))
        _exit(2);
    /* The handle is still good: what was committed is there, and only that. */
    if (book_ask(&book, CATALOG_LIST_FILES).count != (size_t)applied)
        _exit(3);
    _exit(applied > 0 ? 0 : 4);
}

static void test_full_disk(void **state)
{
    struct book book;
    int64_t there;
    pid_t child;
    int status;

    (void)state;
    book_open_with_table(&book);
    book_close(&book);
    child = fork();
    if (child == 0)
        fill_the_disk_in_a_child();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    book_open(&book);
    book_check(&book);
    there = (int64_t)book_ask(&book, CATALOG_LIST_FILES).count;
    add_much(&book, 50); /* with room again, it goes on */
    book_apply(&book);
    assert_int_equal(book_ask(&book, CATALOG_LIST_FILES).count, there + 1);
    book_check(&book);
    book_close(&book);
}

/* --- a file system whose n-th write or sync fails --- */

static int open_faulty(struct book *book)
{
    const struct sqlite_options options = {
        .path = book_path(), .schema = &database_catalog_schema, .durable = true, .vfs = "faulty"};

    memset(book, 0, sizeof(*book));
    arena_init(&book->arena);
    return sqlite_open(&book->db, &options, &book->err);
}

/* What a whole apply does; each alone has to be there or not. */
static void add_an_append(struct book *book)
{
    book_add_append(book, "2024-01", "new", 2);
}

static void add_a_compaction(struct book *book)
{
    book_add_at(book, CATALOG_STAGE_PARTITION, "2024-01");
    book_add_delta(book, "2024-01", "compacted", 2)->delta.rewrite = true;
    book_add_at(book, CATALOG_COMMIT_DELTA, "2024-01")->at.position = 2;
    book_add_at(book, CATALOG_COMMIT_PARTITION, "2024-01")->partition.promote_after = 2;
}

static void add_a_rollback(struct book *book)
{
    book_add(book, CATALOG_ROLLBACK)->at.position = 1;
}

static void add_an_expiry(struct book *book)
{
    book_add_at(book, CATALOG_DELETE_PARTITION, "2024-01");
    book_add(book, CATALOG_EXPIRE)->at.position = 3;
}

static void add_a_deletion(struct book *book)
{
    book_add(book, CATALOG_DELETE_TABLE)->if_missing = true;
    book_add_table(book);
}

static void (*const kinds[])(struct book *book) = {
    add_an_append, add_a_compaction, add_a_rollback, add_an_expiry, add_a_deletion};

static void make_a_catalog(void)
{
    struct book book;

    file_remove(book_path(), NULL);
    book_open_with_table(&book);
    for (int i = 0; i < 3; i++) {
        book_add_append(&book, "2024-01", "a", 1);
        book_apply(&book);
    }
    book_close(&book);
}

/* Not made anew for each fault: that would be mostly waiting for the disk. */
static void copy_file(const char *from, const char *into)
{
    struct error err = {0};
    struct buffer bytes;
    FILE *file;

    buffer_init(&bytes, 0);
    assert_ok(file_read(from, 16 * 1024 * 1024, &bytes, &err), &err);
    file = fopen(into, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
    assert_int_equal(fclose(file), 0);
    buffer_deinit(&bytes);
}

static const char *copy_path(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/made.db", fixture_folder);
    return path;
}

/* All of what can be read, in one text. */
static void describe(struct book *book, struct buffer *text)
{
    const struct catalog_query version = book_ask(book, CATALOG_GET_VERSION);

    book_check(book);
    for (int64_t at = version.versions[0].first_position; at <= version.versions[0].last_position;
         at++) {
        const struct catalog_query files = book_ask_with(
            book, (struct catalog_query){.verb = CATALOG_LIST_FILES, .at_position = at});

        buffer_printf(text, "\n%d:", (int)at);
        for (size_t i = 0; i < files.count; i++)
            buffer_printf(text, " %s", files.deltas[i].files[0].key);
    }
    buffer_printf(text, "\n%zu files", book_ask(book, CATALOG_LIST_ALL_FILES).count);
}

static void describe_file(struct buffer *text)
{
    struct book book;

    buffer_init(text, 0);
    book_open(&book);
    describe(&book, text);
    buffer_printf(text, ", %zu commits", book_ask(&book, CATALOG_LIST_COMMITS).count);
    book_close(&book);
}

/* What the catalog is before and after an apply in which nothing fails. */
static void describe_both(
    void (*add)(struct book *book), struct buffer *before, struct buffer *after)
{
    struct book book;

    make_a_catalog();
    copy_file(book_path(), copy_path());
    describe_file(before);
    book_open(&book);
    add(&book);
    book_add_commit(&book, "run-1", 1);
    book_apply(&book);
    book_close(&book);
    describe_file(after);
    assert_string_not_equal(before->data, after->data);
}

/* One apply where the n-th operation fails: afterwards the catalog is what it was before or what it
 * is after, whole, and the answer tells which. True: nothing failed. */
static bool apply_with_fault(struct faulty *faulty, void (*add)(struct book *book), int n,
    const struct buffer *before, const struct buffer *after)
{
    bool applied = false, opened;
    struct buffer found;
    struct book book;

    copy_file(copy_path(), book_path());
    faulty->left = n;
    faulty->has_failed = false;
    opened = open_faulty(&book) == 0;
    if (opened) {
        add(&book);
        book_add_commit(&book, "run-1", 1);
        applied = book_try_apply(&book) == 0;
    }
    if (!opened || !applied) {
        assert_true(faulty->has_failed);
        assert_contains(book.err.message, "catalog.db");
        assert_true(book.err.code == ERROR_IO || book.err.code == ERROR_NO_SPACE);
    }
    book_close(&book);
    faulty->left = 0;
    faulty->keep_on = false;
    describe_file(&found);
    assert_string_equal(found.data, applied ? after->data : before->data);
    buffer_deinit(&found);
    return !faulty->has_failed;
}

static void fail_each_in_turn(struct faulty *faulty, void (*add)(struct book *book))
{
    /* A disk that is full stays so; an error of the disk comes once. */
    static const int errors[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    struct buffer before, after;

    describe_both(add, &before, &after);
    for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
        bool passed = false;
        int n = 0;

        faulty->error = errors[i];
        while (!passed) {
            faulty->keep_on = errors[i] == SQLITE_FULL;
            passed = apply_with_fault(faulty, add, ++n, &before, &after);
        }
        assert_true(n > 3); /* there was something to fail */
    }
    faulty->keep_on = false;
    buffer_deinit(&before);
    buffer_deinit(&after);
}

static void test_each_write_fails_in_turn(void **state)
{
    struct faulty faulty;

    (void)state;
    faulty_register(&faulty);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        fail_each_in_turn(&faulty, kinds[i]);
    sqlite3_vfs_unregister(&faulty.vfs);
}

static size_t commits_named(struct book *book, const char *run_id)
{
    struct catalog_query query = {.verb = CATALOG_GET_COMMIT, .run_id = run_id};

    return book_ask_with(book, query).count;
}

/* What a query says after a commit that failed holds for ever: whoever is told that it was not made
 * removes its files. The log has another commit before it, so that it stays when the disk does not
 * let it be emptied, and is recovered by who opens it next. True: nothing failed. */
static bool ask_after_fault(struct faulty *faulty, int n)
{
    struct catalog_query query = {.verb = CATALOG_GET_COMMIT, .run_id = "run-1"};
    bool answered, applied;
    struct book book;

    copy_file(copy_path(), book_path());
    faulty->has_failed = false;
    assert_int_equal(open_faulty(&book), 0);
    book_add_append(&book, "2024-01", "before", 1);
    book_apply(&book);
    faulty->left = n;
    add_an_append(&book);
    book_add_commit(&book, "run-1", 1);
    applied = book_try_apply(&book) == 0;
    assert_true(applied || faulty->has_failed);
    answered = book_try_ask(&book, &query) == 0;
    assert_true(answered || faulty->keep_on);
    assert_true(!answered || query.count == applied);
    book_close(&book);
    faulty->left = 0;
    book_open(&book);
    book_check(&book);
    assert_true(!answered || commits_named(&book, "run-1") == query.count);
    book_close(&book);
    return !faulty->has_failed;
}

static void test_an_answer_after_a_failed_commit_holds(void **state)
{
    static const int errors[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    struct faulty faulty;

    (void)state;
    faulty_register(&faulty);
    make_a_catalog();
    copy_file(book_path(), copy_path());
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(errors); i++) {
        bool passed = false;
        int n = 0;

        faulty.error = errors[i / 2];
        while (!passed) {
            faulty.keep_on = i % 2 == 0;
            passed = ask_after_fault(&faulty, ++n);
            faulty.keep_on = false;
        }
        assert_true(n > 3);
    }
    sqlite3_vfs_unregister(&faulty.vfs);
}

static void test_each_write_of_creating_fails_in_turn(void **state)
{
    struct faulty faulty;
    struct book book;
    int n = 0;

    (void)state;
    faulty_register(&faulty);
    do {
        file_remove(book_path(), NULL);
        faulty.left = ++n;
        faulty.error = SQLITE_FULL;
        faulty.has_failed = false;
        if (open_faulty(&book))
            assert_true(faulty.has_failed);
        book_close(&book);
        faulty.left = 0;
        book_open_with_table(&book); /* a second try finds nothing in its way */
        book_check(&book);
        book_close(&book);
    } while (faulty.has_failed);
    assert_true(n > 3);
    sqlite3_vfs_unregister(&faulty.vfs);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_many_processes_apply_at_once),
        IN_FOLDER(test_kill_leaves_whole_applies),
        IN_FOLDER(test_full_disk),
        IN_FOLDER(test_each_write_fails_in_turn),
        IN_FOLDER(test_an_answer_after_a_failed_commit_holds),
        IN_FOLDER(test_each_write_of_creating_fails_in_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
