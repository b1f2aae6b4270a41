/* Transfers against a small S3: cancelled at every turn of the loop, and two sources of one name.
 */
#include "connectors/s3/transfer.h"
#include "tests/unit/s3_small_fixture.h"

enum { OBJECTS = 6, LENGTH = 700, SOURCES_MAX = 2, TURNS_MAX = 1000, NAME_SIZE = 400 };

struct run {
    struct store_fixture fixture;
    struct s3_transfer transfer;
    const char *sources[SOURCES_MAX];
    char folder[300], back[300];
    unsigned items, failed;
    struct error failure; /* the last one's */
    char *bytes;
};

static void on_item(
    struct s3_transfer *transfer, const struct s3_transfer_item *item, const struct error *err)
{
    struct run *run = container_of(transfer, struct run, transfer);

    assert_true((item->outcome == S3_TRANSFER_FAILED) == (err != NULL));
    run->items++;
    if (!err)
        return;
    run->failed++;
    run->failure = *err;
}

static void on_done(struct s3_transfer *transfer, const struct error *err)
{
    store_fixture_done(&container_of(transfer, struct run, transfer)->fixture, err);
}

static void name_of(char text[NAME_SIZE], const char *folder, unsigned number)
{
    snprintf(text, NAME_SIZE, "%s/%u", folder, number);
}

/* As many files as objects, more than are under way at once. */
static void start(
    struct run *run, enum s3_transfer_verb verb, const char *source, const char *target)
{
    struct error err = {0};
    char name[NAME_SIZE];

    memset(run, 0, sizeof(*run));
    store_fixture_init(&run->fixture, NULL);
    run->bytes = store_fixture_bytes(LENGTH);
    snprintf(run->folder, sizeof(run->folder), "%s/from", fixture_folder);
    snprintf(run->back, sizeof(run->back), "%s/to", fixture_folder);
    file_remove_tree(run->back, NULL);
    assert_ok(file_make_folders(run->folder, &err), &err);
    for (unsigned i = 0; i < OBJECTS; i++) {
        name_of(name, run->folder, i);
        assert_ok(file_write(name, run->bytes, LENGTH, &err), &err);
        name_of(name, "from", i);
        s3_small_put(run->fixture.store, name, run->bytes, LENGTH, NULL);
    }
    s3_small_put(run->fixture.store, "to/extra", "x", 1, NULL);
    run->sources[0] = source ? source : run->folder;
    run->transfer = (struct s3_transfer){
        .verb = verb,
        .sources = run->sources,
        .source_count = 1,
        .target = target ? target : run->back,
        .recursive = true,
        .window = 2,
        .item = on_item,
        .done = on_done,
    };
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_transfer_cancel(&run->transfer);
    s3_transfer_cancel(&run->transfer);
}

static void go_and_cancel(struct run *run, unsigned turn)
{
    s3_transfer_start(run->fixture.s3.client, &run->transfer);
    assert_int_equal(run->fixture.done_count, 0);
    store_fixture_run(&run->fixture, turn, cancel, run);
}

static int look_for_rests(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err)
{
    (void)data, (void)err;
    assert_null(strstr(relative, ".tmp"));
    assert_int_equal(stamp->size, LENGTH);
    return 0;
}

static void end(struct run *run)
{
    assert_int_equal(s3_small_upload_count(run->fixture.store), 0);
    file_walk(run->back, 9, true, look_for_rests, NULL, NULL);
    store_fixture_deinit(&run->fixture);
    free(run->bytes);
}

/* --- cancel --- */

static void test_they_can_be_cancelled_at_every_turn(void **state)
{
    static const struct {
        enum s3_transfer_verb verb;
        const char *source, *target;
    } cases[] = {
        {S3_TRANSFER_COPY, NULL, "s3://bucket/to/"},
        {S3_TRANSFER_COPY, "s3://bucket/from/", NULL},
        {S3_TRANSFER_COPY, "s3://bucket/from/", "s3://bucket/to/"},
        {S3_TRANSFER_MOVE, NULL, "s3://bucket/to/"},
        {S3_TRANSFER_MOVE, "s3://bucket/from/", "s3://bucket/to/"},
        {S3_TRANSFER_SYNC, NULL, "s3://bucket/to/"},
        {S3_TRANSFER_SYNC, "s3://bucket/from/", NULL},
        {S3_TRANSFER_REMOVE, "s3://bucket/from/", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        bool whole = false;

        for (unsigned turn = 1; turn < TURNS_MAX && !whole; turn++) {
            struct run run;

            start(&run, cases[i].verb, cases[i].source, cases[i].target);
            run.transfer.remove_extra = cases[i].verb == S3_TRANSFER_SYNC;
            go_and_cancel(&run, turn);
            whole = run.fixture.turns.count < turn;
            if (run.fixture.outcome.code)
                store_fixture_failed(&run.fixture, ERROR_STOPPED, "interrupted");
            else
                assert_true(run.items >= OBJECTS);
            end(&run);
        }
        assert_true(whole);
    }
}

/* --- names --- */

/* The second is refused: what the first brought stays, and with mv the second stays where it is. */
static void test_two_sources_of_one_name(void **state)
{
    static const enum s3_transfer_verb verbs[] = {S3_TRANSFER_COPY, S3_TRANSFER_MOVE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        for (unsigned dry_run = 0; dry_run < 2; dry_run++) {
            struct run run;
            const struct s3_small_kept *object;

            start(&run, verbs[i], "s3://bucket/from/1", "s3://bucket/to/");
            s3_small_put(run.fixture.store, "other/1", "other", 5, NULL);
            run.transfer.recursive = false;
            run.transfer.dry_run = dry_run;
            run.sources[1] = "s3://bucket/other/1";
            run.transfer.source_count = 2;
            go_and_cancel(&run, 0);
            store_fixture_failed(&run.fixture, ERROR_EXISTS, "s3://bucket/other/1");
            assert_contains(run.failure.message, "s3://bucket/to/1");
            assert_true(run.transfer.told);
            assert_int_equal(run.items, 2);
            assert_int_equal(run.failed, 1);
            assert_non_null(s3_small_object(run.fixture.store, "other/1"));
            object = s3_small_object(run.fixture.store, "to/1");
            assert_true(dry_run ? !object : object && object->length == LENGTH);
            end(&run);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_they_can_be_cancelled_at_every_turn, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_two_sources_of_one_name, fixture_folder_make, fixture_folder_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
