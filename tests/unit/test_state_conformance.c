/* The contract of connectors/state.h, run over each implementation by its vtable. */
#include "connectors/state_s3/state_s3.h"
#include "connectors/state_sqlite/state_sqlite.h"
#include "tests/unit/s3_small_fixture.h"

#include <unistd.h>

struct place {
    struct store_fixture fixture; /* its loop and pool are used by both */
    struct state *state;
    struct arena arena;
    struct error err;
    unsigned done;
};

static void open_place(struct place *place, bool on_s3, bool read_only)
{
    char path[600];
    struct s3_store_settings settings = {0};
    struct state_options options = {.read_only = read_only, .settings = &settings};
    const struct state_type *type = on_s3 ? &state_s3_type : &state_sqlite_type;

    memset(place, 0, sizeof(*place));
    arena_init(&place->arena);
    store_fixture_init(&place->fixture, NULL);
    settings.client.endpoint = origin_url(place->fixture.s3.origin);
    settings.client.retry =
        (struct retry_policy){.attempts = 2, .backoff_ms = 1, .max_backoff_ms = 4};
    snprintf(path, sizeof(path), "%s/state.db", fixture_folder);
    options.loop = &place->fixture.s3.loop;
    options.pool = place->fixture.pool;
    options.lane = &place->fixture.lane;
    options.location = on_s3 ? "//bucket/st" : path;
    place->state = type->open(&options, &place->err);
    if (!place->state)
        fail_msg("%s", place->err.message);
}

static void close_place(struct place *place)
{
    place->state->type->close(place->state);
    loop_run(&place->fixture.s3.loop);
    store_fixture_deinit(&place->fixture);
    arena_deinit(&place->arena);
}

static struct place *asking;

static void on_done(struct state_request *request, const struct error *err)
{
    (void)request;
    asking->done++;
    asking->err = err ? *err : (struct error){0};
}

static int try_ask(struct place *place, struct state_request *request)
{
    request->arena = &place->arena;
    request->done = on_done;
    asking = place;
    place->done = 0;
    place->state->type->start(place->state, request);
    assert_int_equal(place->done, 0); /* never from within */
    loop_run(&place->fixture.s3.loop);
    assert_int_equal(place->done, 1);
    return place->err.code ? -1 : 0;
}

static struct state_request ask(struct place *place, struct state_request request)
{
    if (try_ask(place, &request))
        fail_msg("%s", place->err.message);
    return request;
}

static void put_run(struct place *place, const char *pipeline, const char *run_id,
    int64_t started_ms, enum state_outcome outcome)
{
    ask(place,
        (struct state_request){.verb = STATE_PUT_RUN,
            .run = {.run_id = run_id,
                .pipeline = pipeline,
                .instance = "",
                .due_ms = 5,
                .started_ms = started_ms,
                .finished_ms = outcome == STATE_RUNNING ? 0 : started_ms + 1,
                .outcome = outcome,
                .rows = 7,
                .bytes = 70,
                .error = outcome == STATE_CHECK_FAILED ? "a check failed" : NULL,
                .record = "{\"tasks\":[{\"task\":\"load.x\",\"into\":\"n.t\",\"rows\":7}]}"}});
}

static struct state_request lease_request(enum state_verb verb, const char *run_id, int64_t fence)
{
    return (struct state_request){.verb = verb,
        .lease = {.pipeline = "birds", .instance = "", .run_id = run_id, .fence = fence}};
}

static struct state_request acquire(struct place *place, const char *run_id)
{
    return ask(place, lease_request(STATE_ACQUIRE_LEASE, run_id, 0));
}

/* --- runs --- */

static void test_runs(struct place *place)
{
    static const char *const newest_first[] = {"run-5", "run-4", "run-3", "run-2"};
    struct state_request found;

    put_run(place, "birds", "run-2", 20, STATE_SUCCEEDED);
    put_run(place, "birds", "run-4", 40, STATE_CHECK_FAILED);
    put_run(place, "cats", "run-3", 30, STATE_NOTHING_NEW);
    put_run(place, "birds", "run-5", 50, STATE_RUNNING);
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS});
    assert_int_equal(found.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(found.runs[i].run_id, newest_first[i]);
    assert_string_equal(found.runs[1].error, "a check failed");
    assert_int_equal(found.runs[3].rows, 7);
    assert_int_equal(found.runs[3].bytes, 70);
    assert_contains(found.runs[3].record, "n.t");
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS, .limit = 2});
    assert_int_equal(found.count, 2);
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS, .failed_only = true});
    assert_int_equal(found.count, 1);
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "bird"});
    assert_int_equal(found.count, 0); /* the beginning of a name is none */
    found = ask(place,
        (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds", .instance = "brand"});
    assert_int_equal(found.count, 0);
    found = ask(place, (struct state_request){.verb = STATE_LATEST_RUNS});
    assert_int_equal(found.count, 3);
    assert_string_equal(found.runs[0].run_id, "run-4"); /* finished */
    assert_string_equal(found.runs[1].run_id, "run-2"); /* succeeded */
    assert_string_equal(found.runs[2].run_id, "run-3"); /* both */
}

static void test_one_run(struct place *place)
{
    struct state_request found = {.verb = STATE_GET_RUN, .run_id = "run"};

    assert_int_equal(ask(place, found).count, 0);
    put_run(place, "birds", "run-a1", 10, STATE_SUCCEEDED);
    put_run(place, "birds", "run-a12", 20, STATE_RUNNING);
    found.run_id = "run-a1"; /* one has just this name */
    found = ask(place, found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.runs[0].pipeline, "birds");
    assert_string_equal(
        found.runs[0].record, "{\"tasks\":[{\"task\":\"load.x\",\"into\":\"n.t\",\"rows\":7}]}");
    found.run_id = "run-a12";
    assert_int_equal(ask(place, found).runs[0].outcome, STATE_RUNNING);
    found.run_id = "run-a";
    assert_int_equal(try_ask(place, &found), -1);
    assert_int_equal(place->err.code, ERROR_INVALID);
    assert_contains(place->err.message, "is the beginning of several runs (run-a1, run-a12, …)");
    put_run(place, "birds", "run-a1", 30, STATE_RUNNING); /* again under its id */
    found = ask(place, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run-a1"});
    assert_int_equal(found.runs[0].outcome, STATE_RUNNING);
    put_run(place, "birds", "run-a1", 30, STATE_FAILED);
    found = ask(place, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run-a1"});
    assert_int_equal(found.runs[0].outcome, STATE_FAILED);
    found = ask(place, (struct state_request){.verb = STATE_LATEST_RUNS});
    assert_int_equal(found.count, 1); /* it does not count as a success any more */
    found = (struct state_request){.verb = STATE_PUT_RUN, .run = {.run_id = "x"}};
    assert_int_equal(try_ask(place, &found), -1);
    assert_int_equal(place->err.code, ERROR_INVALID);
}

/* More than one document of S3 holds. */
static void test_long_history(struct place *place)
{
    enum { RUNS = 240 };
    struct state_request found;
    char run_id[32];

    for (int i = 0; i < RUNS; i++) {
        snprintf(run_id, sizeof(run_id), "run-%03d", i);
        if (i % 30 == 0)
            acquire(place, run_id);
        put_run(place, "birds", run_id, 10 + i, i % 60 ? STATE_SUCCEEDED : STATE_FAILED);
        if (i % 30 == 29) {
            snprintf(run_id, sizeof(run_id), "run-%03d", i / 30 * 30);
            ask(place, lease_request(STATE_RELEASE_LEASE, run_id, i / 30 + 1));
        }
    }
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds"});
    assert_int_equal(found.count, RUNS);
    for (int i = 0; i < RUNS; i++)
        assert_int_equal(found.runs[i].started_ms, 10 + RUNS - 1 - i);
    found = ask(place, (struct state_request){.verb = STATE_LIST_RUNS, .failed_only = true});
    assert_int_equal(found.count, RUNS / 60);
    found = ask(place, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run-001"});
    assert_contains(found.runs[0].record, "load.x");
}

/* --- leases --- */

static void test_lease(struct place *place)
{
    struct state_request request = acquire(place, "run-1");

    assert_int_equal(request.lease.fence, 1);
    assert_int_equal(request.lease.process_id, getpid());
    assert_true(request.lease.acquired_ms > 0);
    assert_false(request.lease.silent);
    request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0); /* by this very process */
    assert_int_equal(try_ask(place, &request), -1);
    assert_int_equal(place->err.code, ERROR_BUSY);
    assert_contains(place->err.message, "birds is being run by process ");
    assert_contains(place->err.message, " (run run-1); wait for it, or stop it");
    assert_int_equal(request.watch_ms, 0);
    request.lease.instance = "brand"; /* has a lease of its own */
    ask(place, request);
    assert_int_equal(ask(place, (struct state_request){.verb = STATE_LIST_LEASES}).count, 2);
    ask(place, lease_request(STATE_RENEW_LEASE, "run-1", 1));
    request = lease_request(STATE_RENEW_LEASE, "run-1", 9);
    assert_int_equal(try_ask(place, &request), -1);
    assert_int_equal(place->err.code, ERROR_FENCED);
    ask(place, lease_request(STATE_RELEASE_LEASE, "run-1", 9)); /* not that fence */
    assert_int_equal(ask(place, (struct state_request){.verb = STATE_LIST_LEASES}).count, 2);
    ask(place, lease_request(STATE_RELEASE_LEASE, "run-1", 1));
    assert_int_equal(ask(place, (struct state_request){.verb = STATE_LIST_LEASES}).count, 1);
    request = lease_request(STATE_RENEW_LEASE, "run-1", 1);
    assert_int_equal(try_ask(place, &request), -1);
    assert_contains(place->err.message, "the lease of birds is gone");
    assert_int_equal(acquire(place, "run-3").lease.fence, 2); /* it grows over a release */
    request = lease_request(STATE_ACQUIRE_LEASE, "run-3", 0);
    request.fence_at_least = 40; /* the same run asks again: the catalog's fence was greater */
    assert_int_equal(ask(place, request).lease.fence, 40);
    assert_int_equal(ask(place, request).lease.fence, 41);
    request = lease_request(STATE_RENEW_LEASE, "run-3", 40);
    assert_int_equal(try_ask(place, &request), -1);
    assert_int_equal(place->err.code, ERROR_FENCED);
}

static void test_lost_runs(struct place *place)
{
    struct state_request request;

    put_run(place, "birds", "run-1", 10, STATE_RUNNING);
    put_run(place, "birds", "run-2", 11, STATE_RUNNING);
    request = acquire(place, "run-2");
    assert_int_equal(request.count, 1);
    assert_string_equal(request.runs[0].run_id, "run-1");
    assert_int_equal(request.runs[0].outcome, STATE_LOST);
    request = ask(place, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run-1"});
    assert_int_equal(request.runs[0].outcome, STATE_LOST);
    assert_contains(request.runs[0].error, "its process ended");
    assert_true(request.runs[0].finished_ms > 0);
    request = ask(place, (struct state_request){.verb = STATE_LIST_LEASES});
    assert_int_equal(request.count, 1);                  /* run-2 once: it holds it, and runs */
    put_run(place, "birds", "run-3", 12, STATE_RUNNING); /* covered by the same lease */
    assert_int_equal(ask(place, (struct state_request){.verb = STATE_LIST_LEASES}).count, 2);
}

static void test_a_lost_run_has_no_say(struct place *place)
{
    struct state_request put = {.verb = STATE_PUT_RUN,
        .run = {.run_id = "run-1",
            .pipeline = "birds",
            .instance = "",
            .started_ms = 10,
            .outcome = STATE_FAILED},
        .lease = {.fence = 1}};
    struct state_request add = {.verb = STATE_ADD_JOURNAL,
        .pipeline = "birds",
        .instance = "",
        .journal = {.run_id = "run-1", .kind = "folder", .what = "f1", .fence = 1}};

    acquire(place, "run-1");
    ask(place, put); /* its own */
    ask(place, add);
    assert_int_equal(acquire(place, "run-1").lease.fence, 2);
    add.journal.what = "f2";
    add.journal.fence = 2;
    ask(place, add);
    assert_int_equal(try_ask(place, &put), -1);
    assert_int_equal(place->err.code, ERROR_FENCED);
    add.journal.fence = 1;
    assert_int_equal(try_ask(place, &add), -1);
    assert_int_equal(place->err.code, ERROR_FENCED);
    ask(place, (struct state_request){
                   .verb = STATE_CLEAR_JOURNAL, .run_id = "run-1", .lease = {.fence = 1}});
    put = ask(place,
        (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds", .run_id = "run-1"});
    assert_int_equal(put.count, 1);
    assert_string_equal(put.journals[0].what, "f2");
}

/* --- journal --- */

static void add_journal(struct place *place, const char *run_id, const char *what)
{
    ask(place, (struct state_request){.verb = STATE_ADD_JOURNAL,
                   .pipeline = "birds",
                   .instance = "",
                   .journal = {run_id, "folder", what}});
}

static void test_journal(struct place *place)
{
    const struct state_request of_birds = {
        .verb = STATE_LIST_JOURNAL, .pipeline = "birds", .instance = ""};
    struct state_request found;

    add_journal(place, "run-2", "z");
    add_journal(place, "run-1", "b");
    add_journal(place, "run-1", "a");
    add_journal(place, "run-1", "a"); /* again is harmless */
    found = ask(place, of_birds);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.journals[0].run_id, "run-1"); /* a run's entries lie together */
    assert_string_equal(found.journals[0].what, "b");
    assert_string_equal(found.journals[1].what, "a");
    assert_string_equal(found.journals[2].kind, "folder");
    acquire(place, "run-2"); /* its entries are in use */
    found = ask(place, of_birds);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.journals[1].run_id, "run-1");
    found = of_birds;
    found.run_id = "run-2"; /* its holder, started again, asks what it left */
    assert_int_equal(ask(place, found).count, 3);
    ask(place, (struct state_request){.verb = STATE_CLEAR_JOURNAL, .run_id = "run-1"});
    assert_int_equal(ask(place, of_birds).count, 0);
    ask(place, lease_request(STATE_RELEASE_LEASE, "run-2", 1));
    assert_int_equal(ask(place, of_birds).count, 1);
    found = of_birds;
    found.instance = "brand";
    assert_int_equal(ask(place, found).count, 0);
    ask(place, (struct state_request){.verb = STATE_CLEAR_JOURNAL, .run_id = "nobody"});
}

static void test_journal_knows_the_pipeline(struct place *place)
{
    struct state_request request = {
        .verb = STATE_ADD_JOURNAL, .journal = {"run-1", "table", "wildlife/strikes"}};

    assert_int_equal(try_ask(place, &request), -1);
    assert_int_equal(place->err.code, ERROR_INVALID);
    assert_contains(place->err.message, "journal of run run-1");
    put_run(place, "birds", "run-1", 1, STATE_RUNNING);
    ask(place, request);
    acquire(place, "run-2");
    request.journal.run_id = "run-2";
    ask(place, request);
    ask(place, lease_request(STATE_RELEASE_LEASE, "run-2", 1));
    assert_int_equal(
        ask(place, (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds"}).count,
        2);
}

static void test_journal_of_complete_files(struct place *place)
{
    const struct state_journal entries[] = {
        {.run_id = "run-1",
            .kind = "object",
            .what = "run-1-1/x-in-0",
            .task = "extract.x",
            .key = "s3://b/k",
            .version = "\"e1\"",
            .checksum = "crc32c:00000001",
            .bytes = 70,
            .fence = 3},
        {.run_id = "run-1",
            .kind = "file",
            .what = "n/t/1/a.parquet",
            .task = "load.x",
            .checksum = "crc32c:00000002",
            .bytes = 80,
            .fence = 3},
    };
    struct state_request found;

    for (int i = 0; i < 2; i++) /* again is harmless */
        ask(place, (struct state_request){.verb = STATE_ADD_JOURNAL,
                       .pipeline = "birds",
                       .entries = entries,
                       .entry_count = 2});
    found = ask(place, (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds"});
    assert_int_equal(found.count, 2);
    assert_string_equal(found.journals[0].task, "extract.x");
    assert_string_equal(found.journals[0].key, "s3://b/k");
    assert_string_equal(found.journals[0].version, "\"e1\"");
    assert_int_equal(found.journals[0].bytes, 70);
    assert_int_equal(found.journals[0].fence, 3);
    assert_string_equal(found.journals[1].what, "n/t/1/a.parquet");
    assert_string_equal(found.journals[1].checksum, "crc32c:00000002");
    assert_null(found.journals[1].key);
}

/* --- hooks --- */

static void put_with_hooks(struct place *place, const char *run_id, enum state_outcome outcome)
{
    static const struct hook_due two_hooks[] = {
        {.place = "on_failure[1]", .target = "t1", .body = "{\"a\":1}"},
        {.place = "finally[1]", .target = "t2"},
    };

    ask(place, (struct state_request){.verb = STATE_PUT_RUN,
                   .run = {.run_id = run_id,
                       .pipeline = "birds",
                       .instance = "",
                       .started_ms = 10,
                       .outcome = outcome},
                   .hooks = two_hooks,
                   .hook_count = 2});
}

static struct state_request due_hooks(struct place *place)
{
    return ask(place, (struct state_request){.verb = STATE_LIST_HOOKS, .pipeline = "birds"});
}

static void test_hooks(struct place *place)
{
    static const struct {
        enum state_outcome outcome;
        size_t count;
        const char *first;
    } cases[] = {
        {STATE_RUNNING, 0, NULL},
        {STATE_SUCCEEDED, 0, NULL},
        {STATE_NOTHING_NEW, 1, "finally[1]"},
        {STATE_CANCELLED, 1, "finally[1]"},
        {STATE_FAILED, 2, "on_failure[1]"},
        {STATE_CHECK_FAILED, 2, "on_failure[1]"},
        {STATE_LOST, 2, "on_failure[1]"},
    };
    char run_id[32];

    for (size_t i = 0; i < 2 * ARRAY_LENGTH(cases); i++) {
        struct state_request due;

        snprintf(run_id, sizeof(run_id), "run-%zu", i);
        if (i % 2)
            put_with_hooks(place, run_id, STATE_RUNNING);
        put_with_hooks(place, run_id, cases[i / 2].outcome);
        due = due_hooks(place);
        assert_int_equal(due.count, cases[i / 2].count);
        for (size_t left = due.count; left > 0; left--) {
            assert_string_equal(due.due[0].run_id, run_id);
            assert_string_equal(
                due.due[0].place, left == cases[i / 2].count ? cases[i / 2].first : "finally[1]");
            assert_true(due.due[0].created_ms > 0);
            ask(place, (struct state_request){
                           .verb = STATE_END_HOOK, .run_id = run_id, .place = due.due[0].place});
            due = due_hooks(place);
            assert_int_equal(due.count, left - 1);
        }
    }
    put_with_hooks(place, "lost", STATE_RUNNING);
    assert_true(acquire(place, "next").count > 0);
    assert_int_equal(due_hooks(place).count, 6); /* and those of the two that were left running */
    put_with_hooks(place, "lost", STATE_SUCCEEDED);
    assert_int_equal(due_hooks(place).count, 4);
}

/* --- reading only --- */

static void test_read_only(void **state)
{
    for (int on_s3 = 0; on_s3 < 2; on_s3++) {
        struct state_request request = {
            .verb = STATE_PUT_RUN, .run = {.run_id = "x", .pipeline = "birds", .instance = ""}};
        struct place place;

        (void)state;
        open_place(&place, on_s3, true);
        assert_int_equal(ask(&place, (struct state_request){.verb = STATE_LIST_RUNS}).count, 0);
        assert_int_equal(ask(&place, (struct state_request){.verb = STATE_LATEST_RUNS}).count, 0);
        assert_int_equal(try_ask(&place, &request), -1);
        assert_int_equal(place.err.code, ERROR_DENIED);
        close_place(&place);
    }
}

/* Two at once: one gets the lease. */
static struct answer {
    struct state_request request;
    unsigned done;
    enum error_code code;
} two[2];

static void on_one(struct state_request *request, const struct error *err)
{
    struct answer *answer = container_of(request, struct answer, request);

    answer->done++;
    answer->code = err ? err->code : ERROR_NONE;
}

static void test_two_at_once(struct place *place)
{
    for (int i = 0; i < 2; i++) {
        two[i] = (struct answer){
            .request = lease_request(STATE_ACQUIRE_LEASE, i ? "run-2" : "run-1", 0)};
        two[i].request.arena = &place->arena;
        two[i].request.done = on_one;
        place->state->type->start(place->state, &two[i].request);
    }
    assert_int_equal(two[0].done, 0);
    loop_run(&place->fixture.s3.loop);
    assert_int_equal(two[0].done, 1);
    assert_int_equal(two[0].code, ERROR_NONE);
    assert_int_equal(two[1].done, 1);
    assert_int_equal(two[1].code, ERROR_BUSY);
}

#define ON_BOTH(name)                                                                              \
    static void name##_on_sqlite(void **state)                                                     \
    {                                                                                              \
        struct place place;                                                                        \
        (void)state;                                                                               \
        open_place(&place, false, false);                                                          \
        name(&place);                                                                              \
        close_place(&place);                                                                       \
    }                                                                                              \
    static void name##_on_s3(void **state)                                                         \
    {                                                                                              \
        struct place place;                                                                        \
        (void)state;                                                                               \
        open_place(&place, true, false);                                                           \
        name(&place);                                                                              \
        close_place(&place);                                                                       \
    }

ON_BOTH(test_runs)
ON_BOTH(test_one_run)
ON_BOTH(test_long_history)
ON_BOTH(test_lease)
ON_BOTH(test_lost_runs)
ON_BOTH(test_a_lost_run_has_no_say)
ON_BOTH(test_journal)
ON_BOTH(test_journal_knows_the_pipeline)
ON_BOTH(test_journal_of_complete_files)
ON_BOTH(test_hooks)
ON_BOTH(test_two_at_once)

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
#define BOTH(test) IN_FOLDER(test##_on_sqlite), IN_FOLDER(test##_on_s3)
    const struct CMUnitTest tests[] = {
        BOTH(test_runs),
        BOTH(test_one_run),
        BOTH(test_long_history),
        BOTH(test_lease),
        BOTH(test_lost_runs),
        BOTH(test_a_lost_run_has_no_say),
        BOTH(test_journal),
        BOTH(test_journal_knows_the_pipeline),
        BOTH(test_journal_of_complete_files),
        BOTH(test_hooks),
        BOTH(test_two_at_once),
        IN_FOLDER(test_read_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
