/* connectors/sqlite: opening, migrating, waiting, and what each failure says. */
#include "connectors/sqlite/sqlite.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CREATE_NOTES "CREATE TABLE notes (note TEXT NOT NULL) STRICT"
static const char *const migrations[] = {
    CREATE_NOTES,
    "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3",
    "CREATE INDEX notes_stars ON notes (stars)",
};

static const struct sqlite_schema version_1 = {"notes", 0x6e6f7465, migrations, 1};
static const struct sqlite_schema version_3 = {"notes", 0x6e6f7465, migrations, 3};
static const struct sqlite_schema stranger = {"other", 0x6f746872, migrations, 1};
static const char insert[] = "INSERT INTO notes (note) VALUES (?1)";

static const char *db_path(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/deep/down/notes.db", fixture_folder);
    return path;
}

static int try_open(
    struct sqlite *db, const struct sqlite_schema *schema, bool read_only, struct error *err)
{
    const struct sqlite_options options = {.path = db_path(),
        .schema = schema,
        .read_only = read_only,
        .durable = true,
        .busy_ms = 60};

    return sqlite_open(db, &options, err);
}

static int64_t number(struct sqlite *db, const char *sql)
{
    struct error err = {0};
    sqlite3_stmt *statement = sqlite_statement(db, sql, &err);
    int64_t value;

    assert_non_null(statement);
    assert_int_equal(sqlite_step(db, statement, &err), 1);
    value = sqlite3_column_int64(statement, 0);
    sqlite_reset(statement);
    return value;
}

static int add_note(struct sqlite *db, const char *note, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db, insert, err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, note);
    return sqlite_execute(db, statement, err);
}

static void make(const struct sqlite_schema *schema)
{
    struct error err = {0};
    struct sqlite db;

    assert_ok(try_open(&db, schema, false, &err), &err);
    assert_ok(add_note(&db, "one", &err), &err);
    sqlite_close(&db);
}

static void write_bytes(const char *bytes, size_t length, off_t offset)
{
    const int fd = open(db_path(), O_WRONLY | O_CREAT, 0644);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, offset), length);
    close(fd);
}

static void expect_failure(
    const struct sqlite_schema *schema, bool read_only, enum error_code code, const char *part)
{
    struct error err = {0};
    struct sqlite db;

    assert_int_equal(try_open(&db, schema, read_only, &err), -1);
    assert_contains(err.message, part);
    assert_contains(err.message, db_path());
    assert_int_equal(err.code, code);
}

/* --- opening --- */

static void test_opens_as_promised(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    assert_ok(try_open(&db, &version_3, false, &err), &err);
    assert_int_equal(number(&db, "PRAGMA user_version"), 3);
    assert_int_equal(number(&db, "PRAGMA application_id"), 0x6e6f7465);
    assert_int_equal(number(&db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number(&db, "PRAGMA synchronous"), 2);
    assert_int_equal(number(&db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    sqlite_close(&db);
    sqlite_close(&db); /* again is harmless */
}

static void test_opens_fast(void **state)
{
    uint64_t best_ns = UINT64_MAX;
    struct error err = {0};
    struct sqlite db;

    (void)state;
    make(&version_3);
    for (int i = 0; i < 20; i++) {
        const uint64_t start_ns = time_monotonic_ns();

        assert_ok(try_open(&db, &version_3, true, &err), &err);
        best_ns = MIN(best_ns, time_monotonic_ns() - start_ns);
        sqlite_close(&db);
    }
    assert_true(best_ns < 3000000);
}

static void test_a_large_file_is_not_copied(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    make(&version_1);
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    assert_ok(
        sqlite_run(&db, "INSERT INTO notes SELECT hex(zeroblob(33 * 1024 * 1024))", &err), &err);
    sqlite_close(&db);
    expect_failure(
        &version_3, true, ERROR_NOT_SUPPORTED, "it has schema version 1, this sluice needs 3");
}

static void test_migrates_forward(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    make(&version_1);
    assert_ok(try_open(&db, &version_3, true, &err), &err); /* a copy, brought up to date */
    assert_int_equal(number(&db, "SELECT stars FROM notes"), 3);
    assert_int_equal(add_note(&db, "two", &err), -1);
    sqlite_close(&db);
    assert_ok(try_open(&db, &version_1, true, &err), &err); /* the file is as it was */
    sqlite_close(&db);
    error_clear(&err);
    assert_ok(try_open(&db, &version_3, false, &err), &err);
    assert_int_equal(number(&db, "SELECT stars FROM notes"), 3); /* what was there stays */
    sqlite_close(&db);
    expect_failure(&version_1, false, ERROR_NOT_SUPPORTED,
        "it has schema version 3, this sluice knows up to 1; upgrade sluice");
    expect_failure(&version_1, true, ERROR_NOT_SUPPORTED, "upgrade sluice");
}

static void test_failed_migration_changes_nothing(void **state)
{
    static const char *const broken[] = {
        CREATE_NOTES, "ALTER TABLE notes ADD COLUMN x", "NONSENSE"};
    const struct sqlite_schema schema = {"notes", 0x6e6f7465, broken, 3};
    struct error err = {0};
    struct sqlite db;

    (void)state;
    make(&version_1);
    assert_int_equal(try_open(&db, &schema, false, &err), -1);
    assert_contains(err.message, "schema version 2");
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    assert_int_equal(number(&db, "SELECT count(*) FROM pragma_table_info('notes')"), 1);
    sqlite_close(&db);
}

static void test_many_create_at_once(void **state)
{
    enum { PROCESSES = 8 };
    pid_t children[PROCESSES];
    struct error err = {0};
    struct sqlite db;

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            const struct sqlite_options options = {.path = db_path(), .schema = &version_3};

            if (sqlite_open(&db, &options, &err) || add_note(&db, "child", &err)) {
                fprintf(stderr, "%s\n", err.message);
                _exit(1);
            }
            sqlite_close(&db);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_ok(try_open(&db, &version_3, false, &err), &err);
    assert_int_equal(number(&db, "SELECT count(*) FROM notes"), PROCESSES);
    sqlite_close(&db);
}

/* --- what may be wrong with a file --- */

static void test_foreign_and_damaged_files(void **state)
{
    char garbage[4096];

    (void)state;
    make(&version_1);
    expect_failure(&stranger, false, ERROR_DATA, "this is the database of something else");
    memset(garbage, 'x', sizeof(garbage));
    write_bytes(garbage, sizeof(garbage), 0);
    expect_failure(&version_1, false, ERROR_DATA, "this is no SQLite database");
    expect_failure(&version_1, true, ERROR_DATA, "this is no SQLite database");
}

static void test_damaged_pages(void **state)
{
    struct error err = {0};
    char garbage[3800];
    struct sqlite db;

    (void)state;
    make(&version_1);
    memset(garbage, 0x5a, sizeof(garbage));
    write_bytes(garbage, sizeof(garbage), 4096 + 8); /* the page of the table */
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    assert_int_equal(add_note(&db, "two", &err), -1);
    assert_int_equal(err.code, ERROR_DATA);
    assert_contains(err.message, "the file is damaged");
    assert_contains(err.message, "restore it from a backup");
    sqlite_close(&db);
}

static void test_empty_file_is_new(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    make(&version_1);
    assert_int_equal(truncate(db_path(), 0), 0);
    assert_ok(try_open(&db, &version_1, true, &err), &err); /* reads as an empty one */
    assert_true(db.in_memory);
    sqlite_close(&db);
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    assert_int_equal(number(&db, "SELECT count(*) FROM notes"), 0);
    sqlite_close(&db);
}

static void test_read_only(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    assert_ok(try_open(&db, &version_1, true, &err), &err);
    assert_int_equal(number(&db, "SELECT count(*) FROM notes"), 0);
    assert_int_equal(add_note(&db, "x", &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_contains(err.message, "opened for reading only");
    sqlite_close(&db);
    assert_false(file_exists(db_path()));
    make(&version_1);
    assert_ok(try_open(&db, &version_1, true, &err), &err);
    assert_int_equal(number(&db, "SELECT count(*) FROM notes"), 1);
    assert_int_equal(add_note(&db, "x", &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    sqlite_close(&db);
}

/* As a user who may not write there; root may everything, so it steps down in a child. */
static void test_file_that_may_not_be_written(void **state)
{
    struct error err = {0};
    struct sqlite db;
    int status;
    pid_t child;

    (void)state;
    make(&version_1);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    assert_int_equal(chmod(db_path(), 0444), 0);
    child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
            _exit(1);
        if (getuid() != 65534) { /* not root: the folder's mode must do */
            char *folder = file_folder(db_path());

            if (chmod(folder, 0555))
                _exit(1);
            free(folder);
        }
        if (try_open(&db, &version_1, false, &err) == 0 || err.code != ERROR_DENIED ||
            !strstr(err.message, "check owner and permissions"))
            _exit(2);
        if (try_open(&db, &version_1, true, &err)) /* reading works, without its log */
            _exit(3);
        _exit(number(&db, "SELECT count(*) FROM notes") == 1 ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    {
        char *folder = file_folder(db_path());

        assert_int_equal(chmod(folder, 0755), 0);
        free(folder);
    }
}

static void test_folder_that_is_a_file(void **state)
{
    char *folder, *parent;
    struct error err = {0};

    (void)state;
    folder = file_folder(db_path());
    parent = file_folder(folder);
    assert_ok(file_make_folders(parent, &err), &err);
    assert_ok(file_write(folder, "x", 1, &err), &err);
    {
        struct sqlite db;

        assert_int_equal(try_open(&db, &version_1, false, &err), -1);
        assert_contains(err.message, db_path());
        assert_contains(err.message, "notes ");
    }
    free(folder);
    free(parent);
}

/* --- waits --- */

static bool always(void *data)
{
    (void)data;
    return true;
}

static void test_a_lock_is_waited_for_but_not_for_ever(void **state)
{
    struct error err = {0};
    struct sqlite one, two;
    uint64_t start_ns;

    (void)state;
    assert_ok(try_open(&one, &version_1, false, &err), &err);
    assert_ok(try_open(&two, &version_1, false, &err), &err);
    assert_ok(sqlite_begin_write(&one, &err), &err);
    start_ns = time_monotonic_ns();
    assert_int_equal(sqlite_begin_write(&two, &err), -1);
    assert_true(time_monotonic_ns() - start_ns >= 60 * 1000000);
    assert_true(time_monotonic_ns() - start_ns < 2000 * 1000000u);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(err.class, ERROR_TRANSIENT);
    assert_contains(err.message, "locked by another process for longer than 60 ms");
    sqlite_set_stop(&two, always, NULL);
    assert_int_equal(sqlite_begin_write(&two, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED);
    sqlite_set_stop(&two, NULL, NULL);
    assert_int_equal(number(&two, "SELECT count(*) FROM notes"), 0); /* readers do not wait */
    assert_ok(sqlite_commit(&one, &err), &err);
    assert_ok(sqlite_begin_write(&two, &err), &err);
    sqlite_close(&one);
    sqlite_close(&two);
}

static void test_stop_ends_a_long_statement(void **state)
{
    struct error err = {0};
    struct sqlite db;

    (void)state;
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    sqlite_set_stop(&db, always, NULL);
    assert_int_equal(
        sqlite_run(&db,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
            &err),
        -1);
    assert_int_equal(err.code, ERROR_STOPPED);
    assert_int_equal(err.class, ERROR_CANCELLED);
    sqlite_close(&db);
}

/* --- statements --- */

static void test_statements(void **state)
{
    struct error err = {0};
    sqlite3_stmt *statement;
    struct arena arena;
    struct sqlite db;

    (void)state;
    arena_init(&arena);
    assert_ok(try_open(&db, &version_1, false, &err), &err);
    statement = sqlite_statement(&db, insert, &err);
    assert_ptr_equal(statement, sqlite_statement(&db, insert, &err)); /* prepared once */
    assert_null(sqlite_statement(&db, "SELECT nothing FROM nowhere", &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_int_equal(add_note(&db, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(sqlite_constraint(&db), SQLITE_CONSTRAINT_NOTNULL);
    sqlite_bind_int(&db, statement, 9, 1); /* there is no ninth parameter: the step says so */
    assert_int_equal(sqlite_execute(&db, statement, &err), -1);
    assert_ok(add_note(&db, "fine", &err), &err); /* and the next one is not affected */
    statement = sqlite_statement(&db, "SELECT note, NULL FROM notes", &err);
    assert_int_equal(sqlite_step(&db, statement, &err), 1);
    assert_string_equal(sqlite_text(statement, 0, &arena), "fine");
    assert_null(sqlite_text(statement, 1, &arena));
    assert_int_equal(sqlite_step(&db, statement, &err), 0);
    sqlite_rollback(&db); /* harmless */
    sqlite_close(&db);
    arena_deinit(&arena);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_opens_as_promised),
        IN_FOLDER(test_opens_fast),
        IN_FOLDER(test_migrates_forward),
        IN_FOLDER(test_a_large_file_is_not_copied),
        IN_FOLDER(test_failed_migration_changes_nothing),
        IN_FOLDER(test_many_create_at_once),
        IN_FOLDER(test_foreign_and_damaged_files),
        IN_FOLDER(test_damaged_pages),
        IN_FOLDER(test_empty_file_is_new),
        IN_FOLDER(test_read_only),
        IN_FOLDER(test_file_that_may_not_be_written),
        IN_FOLDER(test_folder_that_is_a_file),
        IN_FOLDER(test_a_lock_is_waited_for_but_not_for_ever),
        IN_FOLDER(test_stop_ends_a_long_statement),
        IN_FOLDER(test_statements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
