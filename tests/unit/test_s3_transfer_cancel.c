/* Many objects at once, cancelled at each turn of the loop: `done` once, nothing half done, nothing
 * left over, and what was moved is in one place at least. */
#include "connectors/s3/transfer.h"
#include "tests/unit/s3_small_fixture.h"

#include <dirent.h>
#include <sys/stat.h>

enum { OBJECTS = 4, TURNS_MAX = 600 };

static const char *const names[OBJECTS] = {"a.csv", "b.csv", "sub/c.csv", "sub/d.csv"};

struct run {
    struct store_fixture fixture;
    struct s3_transfer transfer;
    unsigned told;
    char local[300];
    char *bytes[OBJECTS];
    size_t lengths[OBJECTS];
};

static void on_item(
    struct s3_transfer *transfer, const struct s3_transfer_item *item, const struct error *err)
{
    struct run *run = container_of(transfer, struct run, transfer);

    assert_int_equal(run->fixture.done_count, 0);
    assert_null(err);
    assert_int_equal(item->outcome, S3_TRANSFER_DONE);
    run->told++;
}

static void on_done(struct s3_transfer *transfer, const struct error *err)
{
    store_fixture_done(&container_of(transfer, struct run, transfer)->fixture, err);
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_transfer_cancel(&run->transfer);
    s3_transfer_cancel(&run->transfer);
}

/* --- what is there --- */

static void write_local(struct run *run, const char *name, const char *bytes, size_t length)
{
    char path[600];
    struct error err = {0};

    snprintf(path, sizeof(path), "%s/%s", run->local, name);
    assert_ok(file_write(path, bytes, length, &err), &err);
}

static void make_local(struct run *run, bool with_files)
{
    char path[600];
    struct error err = {0};

    snprintf(path, sizeof(path), "%s/sub", run->local);
    assert_ok(file_make_folders(path, &err), &err);
    for (unsigned i = 0; with_files && i < OBJECTS; i++)
        write_local(run, names[i], run->bytes[i], run->lengths[i]);
}

static void make_remote(struct run *run, const char *folder)
{
    char key[100];

    for (unsigned i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof(key), "%s/%s", folder, names[i]);
        s3_small_put(run->fixture.store, key, run->bytes[i], run->lengths[i], NULL);
    }
}

/* Whether it is there; if so, it is whole. */
static bool is_remote(struct run *run, const char *folder, unsigned i)
{
    const struct s3_small_kept *object;
    char key[100];

    snprintf(key, sizeof(key), "%s/%s", folder, names[i]);
    object = s3_small_object(run->fixture.store, key);
    if (object) {
        assert_int_equal(object->length, run->lengths[i]);
        assert_memory_equal(object->bytes, run->bytes[i], object->length);
    }
    return object != NULL;
}

static bool is_local(struct run *run, unsigned i)
{
    char path[600];
    struct buffer text;
    bool found;

    snprintf(path, sizeof(path), "%s/%s", run->local, names[i]);
    buffer_init(&text, 0);
    found = file_read(path, SIZE_MAX / 2, &text, NULL) == 0;
    if (found) {
        assert_int_equal(text.length, run->lengths[i]);
        assert_memory_equal(text.data, run->bytes[i], text.length);
    }
    buffer_deinit(&text);
    return found;
}

/* A download's other name begins with a dot. */
static void no_leftovers(const struct run *run)
{
    static const char *const folders[] = {"", "/sub"};

    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        char path[600];
        const struct dirent *entry;
        DIR *folder;

        snprintf(path, sizeof(path), "%s%s", run->local, folders[i]);
        if (!(folder = opendir(path)))
            continue;
        while ((entry = readdir(folder))) {
            if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
                strcmp(entry->d_name, "..") != 0)
                fail_msg("left over: %s/%s", path, entry->d_name);
        }
        closedir(folder);
    }
}

/* --- what is done --- */

struct act {
    const char *name;
    enum s3_transfer_verb verb;
    const char *from, *to; /* "local": the folder */
    bool remove_extra;
};

static const struct act acts[] = {
    {"up", S3_TRANSFER_COPY, "local", "s3://bucket/to/", false},
    {"down", S3_TRANSFER_COPY, "s3://bucket/from", "local", false},
    {"across", S3_TRANSFER_COPY, "s3://bucket/from", "s3://bucket/to/", false},
    {"move up", S3_TRANSFER_MOVE, "local", "s3://bucket/to/", false},
    {"move down", S3_TRANSFER_MOVE, "s3://bucket/from", "local", false},
    {"move across", S3_TRANSFER_MOVE, "s3://bucket/from", "s3://bucket/to/", false},
    {"sync up", S3_TRANSFER_SYNC, "local", "s3://bucket/to", true},
    {"sync down", S3_TRANSFER_SYNC, "s3://bucket/from", "local", true},
    {"remove", S3_TRANSFER_REMOVE, "s3://bucket/from", NULL, false},
};

static bool here(const char *name)
{
    return strcmp(name, "local") == 0;
}

static void prepare(struct run *run, const struct act *act, const char **source)
{
    *run = (struct run){0};
    store_fixture_init(&run->fixture, NULL);
    snprintf(run->local, sizeof(run->local), "%s/local", fixture_folder);
    for (unsigned i = 0; i < OBJECTS; i++) {
        run->lengths[i] = 20000 * (size_t)i; /* one is empty */
        run->bytes[i] = store_fixture_bytes(run->lengths[i]);
    }
    make_local(run, here(act->from));
    if (!here(act->from))
        make_remote(run, "from");
    if (act->remove_extra && here(act->to))
        write_local(run, "extra", "x", 1);
    else if (act->remove_extra)
        s3_small_put(run->fixture.store, "to/extra", "x", 1, NULL);
    *source = here(act->from) ? run->local : act->from;
    run->transfer = (struct s3_transfer){
        .verb = act->verb,
        .sources = source,
        .source_count = 1,
        .target = act->to && here(act->to) ? run->local : act->to,
        .recursive = act->verb != S3_TRANSFER_SYNC,
        .remove_extra = act->remove_extra,
        .window = 2,
        .item = on_item,
        .done = on_done,
    };
}

static bool is_at(struct run *run, const char *place, const char *folder, unsigned i)
{
    return here(place) ? is_local(run, i) : is_remote(run, folder, i);
}

/* How many are at the target now (REMOVE: are gone). */
static unsigned look(struct run *run, const struct act *act)
{
    unsigned arrived = 0;

    for (unsigned i = 0; i < OBJECTS; i++) {
        const bool left = is_at(run, act->from, "from", i);
        const bool there = act->to ? is_at(run, act->to, "to", i) : !left;

        if (act->verb == S3_TRANSFER_COPY || act->verb == S3_TRANSFER_SYNC)
            assert_true(left);
        if (act->verb == S3_TRANSFER_MOVE)
            assert_true(left || there);
        arrived += there;
    }
    return arrived;
}

static bool extra_is_there(struct run *run, const struct act *act)
{
    char path[600];
    struct stat st;

    snprintf(path, sizeof(path), "%s/extra", run->local);
    return here(act->to) ? stat(path, &st) == 0
                         : s3_small_object(run->fixture.store, "to/extra") != NULL;
}

static void finish(struct run *run)
{
    struct error err = {0};

    store_fixture_deinit(&run->fixture);
    assert_ok(file_remove_tree(run->local, &err), &err);
    for (unsigned i = 0; i < OBJECTS; i++)
        free(run->bytes[i]);
}

/* False: it was over before that turn. */
static bool cancel_at(const struct act *act, unsigned turn)
{
    const char *source;
    struct run run;
    unsigned arrived;
    bool cancelled;

    prepare(&run, act, &source);
    s3_transfer_start(run.fixture.s3.client, &run.transfer);
    store_fixture_run(&run.fixture, turn, cancel, &run);
    cancelled = run.fixture.outcome.code != ERROR_NONE;
    arrived = look(&run, act);
    no_leftovers(&run);
    assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
    if (cancelled) {
        store_fixture_failed(&run.fixture, ERROR_STOPPED, "interrupted");
    } else {
        assert_int_equal(arrived, OBJECTS);
        assert_int_equal(run.told, OBJECTS + act->remove_extra);
    }
    /* Only when all is there, what the source does not have may go. */
    if (act->remove_extra && !extra_is_there(&run, act))
        assert_int_equal(arrived, OBJECTS);
    finish(&run);
    return cancelled;
}

static void test_cancel_at_each_turn(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(acts); i++) {
        unsigned turn = 1;

        while (turn < TURNS_MAX && cancel_at(&acts[i], turn))
            turn++;
        assert_in_range(turn, 3, TURNS_MAX - 1);
        assert_false(cancel_at(&acts[i], 0)); /* and never */
    }
}

static void test_cancel_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(acts); i++) {
        const char *source;
        struct run run;

        prepare(&run, &acts[i], &source);
        s3_transfer_start(run.fixture.s3.client, &run.transfer);
        cancel(&run);
        assert_int_equal(run.fixture.done_count, 0);
        store_fixture_run(&run.fixture, 0, NULL, NULL);
        store_fixture_failed(&run.fixture, ERROR_STOPPED, "interrupted");
        assert_int_equal(run.told, 0);
        assert_int_equal(s3_small_request_count(run.fixture.store), 0);
        finish(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_cancel_at_once),
    };

    return cmocka_run_group_tests(tests, fixture_folder_make, fixture_folder_remove);
}
