/* The contract of connectors/state.h, sentence by sentence, on connectors/state_sqlite. */
#include "connectors/state_sqlite/history.h"
#include "connectors/state_sqlite/state_sqlite.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct diary {
    struct sqlite db;
    struct observer self;
    struct arena arena;
    struct error err;
};

static const char *db_path(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/state.db", fixture_folder);
    return path;
}

static void diary_open(struct diary *diary, bool read_only)
{
    const struct sqlite_options options = {
        .path = db_path(), .schema = &history_schema, .read_only = read_only};

    memset(diary, 0, sizeof(*diary));
    arena_init(&diary->arena);
    observer_init(&diary->self);
    assert_ok(sqlite_open(&diary->db, &options, &diary->err), &diary->err);
}

static void diary_close(struct diary *diary)
{
    observer_deinit(&diary->self);
    sqlite_close(&diary->db);
    arena_deinit(&diary->arena);
}

static int try_ask(struct diary *diary, struct state_request *request)
{
    request->arena = &diary->arena;
    error_clear(&diary->err);
    return history_run(&diary->db, &diary->self, request, &diary->err);
}

static struct state_request ask(struct diary *diary, struct state_request request)
{
    assert_ok(try_ask(diary, &request), &diary->err);
    return request;
}

static void put_run(struct diary *diary, const char *pipeline, const char *run_id,
    int64_t started_ms, enum state_outcome outcome)
{
    ask(diary, (struct state_request){.verb = STATE_PUT_RUN,
                   .run = {.run_id = run_id,
                       .pipeline = pipeline,
                       .instance = "",
                       .due_ms = 5,
                       .started_ms = started_ms,
                       .finished_ms = outcome == STATE_RUNNING ? 0 : started_ms + 1,
                       .outcome = outcome,
                       .rows = 7,
                       .bytes = 70,
                       .record = "{}"}});
}

static struct state_request lease_request(enum state_verb verb, const char *run_id, int64_t fence)
{
    return (struct state_request){.verb = verb,
        .lease = {.pipeline = "birds", .instance = "", .run_id = run_id, .fence = fence}};
}

static struct state_request acquire(struct diary *diary, const char *run_id)
{
    return ask(diary, lease_request(STATE_ACQUIRE_LEASE, run_id, 0));
}

static void change(struct diary *diary, const char *sql)
{
    assert_ok(sqlite_run(&diary->db, sql, &diary->err), &diary->err);
}

/* --- history --- */

static void test_put_and_get(void **state)
{
    struct state_request found;
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    put_run(&diary, "birds", "018f-aaaa", 10, STATE_RUNNING);
    put_run(&diary, "birds", "018f-aaaa", 10, STATE_FAILED); /* replaced */
    put_run(&diary, "birds", "018f-aabb", 20, STATE_SUCCEEDED);
    put_run(&diary, "birds", "018f", 30, STATE_SUCCEEDED);
    found = ask(&diary, (struct state_request){.verb = STATE_GET_RUN, .run_id = "018f-aaa"});
    assert_int_equal(found.count, 1);
    assert_string_equal(found.runs[0].run_id, "018f-aaaa");
    assert_int_equal(found.runs[0].outcome, STATE_FAILED);
    assert_int_equal(found.runs[0].bytes, 70);
    assert_null(found.runs[0].error);
    found = ask(&diary, (struct state_request){.verb = STATE_GET_RUN, .run_id = "018f"});
    assert_string_equal(found.runs[0].run_id, "018f"); /* itself, although others begin with it */
    assert_int_equal(
        ask(&diary, (struct state_request){.verb = STATE_GET_RUN, .run_id = "019"}).count, 0);
    found = (struct state_request){.verb = STATE_GET_RUN, .run_id = "018f-aa"};
    assert_int_equal(try_ask(&diary, &found), -1);
    assert_int_equal(diary.err.code, ERROR_INVALID);
    assert_contains(
        diary.err.message, "is the beginning of several runs (018f-aaaa, 018f-aabb, …)");
    found = (struct state_request){.verb = STATE_PUT_RUN, .run = {.run_id = "x"}};
    assert_int_equal(try_ask(&diary, &found), -1);
    assert_int_equal(diary.err.code, ERROR_INVALID);
    diary_close(&diary);
}

static void test_every_outcome_is_kept(void **state)
{
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    for (int outcome = STATE_RUNNING; outcome <= STATE_LOST; outcome++) {
        put_run(&diary, "birds", "run", 10, outcome);
        assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run"})
                             .runs[0]
                             .outcome,
            outcome);
    }
    diary_close(&diary);
}

static void test_list_runs(void **state)
{
    struct state_request found;
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    put_run(&diary, "birds", "a", 10, STATE_FAILED);
    put_run(&diary, "birds", "c", 30, STATE_SUCCEEDED);
    put_run(&diary, "bats", "b", 20, STATE_LOST);
    put_run(&diary, "birds", "d", 40, STATE_CANCELLED);
    found = ask(&diary, (struct state_request){.verb = STATE_LIST_RUNS});
    assert_int_equal(found.count, 4);
    assert_string_equal(found.runs[0].run_id, "d"); /* newest first */
    assert_string_equal(found.runs[3].run_id, "a");
    found = ask(&diary, (struct state_request){.verb = STATE_LIST_RUNS, .failed_only = true});
    assert_int_equal(found.count, 2);
    assert_string_equal(found.runs[0].run_id, "b");
    found = ask(&diary, (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds"});
    assert_int_equal(found.count, 3);
    found = ask(&diary,
        (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds", .failed_only = true});
    assert_int_equal(found.count, 1);
    found = ask(
        &diary, (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds", .limit = 2});
    assert_int_equal(found.count, 2);
    found = ask(&diary,
        (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = "birds", .instance = "brand"});
    assert_int_equal(found.count, 0);
    diary_close(&diary);
}

static void test_latest_runs(void **state)
{
    struct state_request found;
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    put_run(&diary, "bats", "b1", 10, STATE_NOTHING_NEW);
    put_run(&diary, "birds", "a1", 10, STATE_SUCCEEDED);
    put_run(&diary, "birds", "a2", 20, STATE_FAILED);
    put_run(&diary, "birds", "a3", 30, STATE_RUNNING);
    put_run(&diary, "cats", "c1", 30, STATE_RUNNING);
    put_run(&diary, "dogs", "d1", 30, STATE_CHECK_FAILED);
    found = ask(&diary, (struct state_request){.verb = STATE_LATEST_RUNS});
    assert_int_equal(found.count, 4);
    assert_string_equal(found.runs[0].run_id, "b1"); /* finished and successful: once */
    assert_string_equal(found.runs[1].run_id, "a2");
    assert_string_equal(found.runs[2].run_id, "a1");
    assert_string_equal(found.runs[3].run_id, "d1");
    found = ask(&diary, (struct state_request){.verb = STATE_LATEST_RUNS, .pipeline = "birds"});
    assert_int_equal(found.count, 2);
    diary_close(&diary);
}

static void test_history_is_fast(void **state)
{
    uint64_t best_us[2] = {UINT64_MAX, UINT64_MAX};
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    assert_ok(sqlite_begin_write(&diary.db, &diary.err), &diary.err);
    change(&diary,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
        " INSERT INTO runs SELECT printf('run-%05d', i), printf('p%d', i % 10), '', 0, i, i + 1,"
        "  iif(i % 7 = 0, 'failed', 'succeeded'), 1, 1, NULL, '{\"tasks\":[]}' FROM n");
    assert_ok(sqlite_commit(&diary.db, &diary.err), &diary.err);
    for (int i = 0; i < 5; i++)
        for (size_t verb = 0; verb < 2; verb++) {
            const uint64_t start_ns = time_monotonic_ns();
            const struct state_request found = ask(
                &diary, (struct state_request){.verb = verb ? STATE_LIST_RUNS : STATE_LATEST_RUNS,
                            .pipeline = verb ? "p3" : NULL,
                            .limit = 100});

            best_us[verb] = MIN(best_us[verb], (time_monotonic_ns() - start_ns) / 1000);
            assert_true(found.count >= 10);
        }
    print_message("latest: %llu us, list: %llu us\n", (unsigned long long)best_us[0],
        (unsigned long long)best_us[1]);
    assert_true(best_us[0] < 2000 && best_us[1] < 2000);
    diary_close(&diary);
}

/* --- journal --- */

static void add_journal(struct diary *diary, const char *run_id, const char *what)
{
    ask(diary, (struct state_request){.verb = STATE_ADD_JOURNAL,
                   .pipeline = "birds",
                   .instance = "",
                   .journal = {run_id, "folder", what}});
}

static void test_journal(void **state)
{
    const struct state_request of_birds = {
        .verb = STATE_LIST_JOURNAL, .pipeline = "birds", .instance = ""};
    struct state_request found;
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    add_journal(&diary, "run-2", "z");
    add_journal(&diary, "run-1", "b");
    add_journal(&diary, "run-1", "a");
    add_journal(&diary, "run-1", "a"); /* again is harmless */
    found = ask(&diary, of_birds);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.journals[0].run_id, "run-1"); /* a run's entries lie together */
    assert_string_equal(found.journals[0].what, "b");
    assert_string_equal(found.journals[1].what, "a");
    assert_string_equal(found.journals[2].kind, "folder");
    acquire(&diary, "run-2"); /* its entries are in use */
    found = ask(&diary, of_birds);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.journals[1].run_id, "run-1");
    found = of_birds;
    found.run_id = "run-2"; /* its holder, started again, asks what it left */
    assert_int_equal(ask(&diary, found).count, 3);
    ask(&diary, (struct state_request){.verb = STATE_CLEAR_JOURNAL, .run_id = "run-1"});
    assert_int_equal(ask(&diary, of_birds).count, 0);
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-2", 1));
    assert_int_equal(ask(&diary, of_birds).count, 1);
    found = of_birds;
    found.instance = "brand";
    assert_int_equal(ask(&diary, found).count, 0);
    diary_close(&diary);
}

static void test_journal_knows_the_pipeline_of_its_run(void **state)
{
    struct state_request request = {
        .verb = STATE_ADD_JOURNAL, .journal = {"run-1", "object", "wildlife/strikes"}};
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_INVALID);
    assert_contains(diary.err.message, "journal of run run-1");
    put_run(&diary, "birds", "run-1", 1, STATE_RUNNING);
    ask(&diary, request);
    acquire(&diary, "run-2");
    request.journal.run_id = "run-2";
    ask(&diary, request);
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-2", 1));
    assert_int_equal(
        ask(&diary, (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds"}).count,
        2);
    diary_close(&diary);
}

static void test_journal_of_complete_files(void **state)
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
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    for (int i = 0; i < 2; i++) /* again is harmless */
        ask(&diary, (struct state_request){.verb = STATE_ADD_JOURNAL,
                        .pipeline = "birds",
                        .entries = entries,
                        .entry_count = 2});
    found = ask(&diary, (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds"});
    assert_int_equal(found.count, 2);
    assert_string_equal(found.journals[0].task, "extract.x");
    assert_string_equal(found.journals[0].key, "s3://b/k");
    assert_string_equal(found.journals[0].version, "\"e1\"");
    assert_int_equal(found.journals[0].bytes, 70);
    assert_int_equal(found.journals[0].fence, 3);
    assert_string_equal(found.journals[1].what, "n/t/1/a.parquet");
    assert_string_equal(found.journals[1].checksum, "crc32c:00000002");
    assert_null(found.journals[1].key);
    diary_close(&diary);
}

/* --- hooks --- */

static const struct hook_due two_hooks[] = {
    {.place = "on_failure[1]", .target = "t1", .body = "{\"a\":1}"},
    {.place = "finally[1]", .target = "t2"},
};

static void put_with_hooks(struct diary *diary, const char *run_id, enum state_outcome outcome)
{
    ask(diary, (struct state_request){.verb = STATE_PUT_RUN,
                   .run = {.run_id = run_id,
                       .pipeline = "birds",
                       .instance = "",
                       .started_ms = 10,
                       .outcome = outcome},
                   .hooks = two_hooks,
                   .hook_count = 2});
}

static struct state_request due_hooks(struct diary *diary)
{
    return ask(diary, (struct state_request){.verb = STATE_LIST_HOOKS, .pipeline = "birds"});
}

static void test_hooks_by_outcome(void **state)
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
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        for (int at_once = 0; at_once < 2; at_once++) {
            struct state_request due;

            change(&diary, "DELETE FROM hooks");
            if (!at_once)
                put_with_hooks(&diary, "run-1", STATE_RUNNING);
            put_with_hooks(&diary, "run-1", cases[i].outcome);
            due = due_hooks(&diary);
            assert_int_equal(due.count, cases[i].count);
            if (due.count == 0)
                continue;
            assert_string_equal(due.due[0].place, cases[i].first);
            assert_string_equal(due.due[due.count - 1].target, "t2");
            assert_null(due.due[due.count - 1].body);
            assert_true(due.due[0].created_ms > 0);
            if (due.count == 2)
                assert_string_equal(due.due[0].body, "{\"a\":1}");
            ask(&diary, (struct state_request){
                            .verb = STATE_END_HOOK, .run_id = "run-1", .place = due.due[0].place});
            assert_int_equal(due_hooks(&diary).count, due.count - 1);
        }
    }
    diary_close(&diary);
}

/* Its process died: whoever gets the lease next makes its hooks due, and a commit that comes to
 * light takes them away again. */
static void test_hooks_of_a_lost_run(void **state)
{
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    put_with_hooks(&diary, "run-1", STATE_RUNNING);
    assert_int_equal(due_hooks(&diary).count, 0);
    assert_int_equal(acquire(&diary, "run-2").count, 1);
    assert_int_equal(due_hooks(&diary).count, 2);
    put_with_hooks(&diary, "run-1", STATE_SUCCEEDED);
    assert_int_equal(due_hooks(&diary).count, 0);
    diary_close(&diary);
}

/* --- leases --- */

static void test_lease(void **state)
{
    struct state_request request;
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    request = acquire(&diary, "run-1");
    assert_int_equal(request.lease.fence, 1);
    assert_int_equal(request.lease.process_id, getpid());
    assert_string_equal(request.lease.host, diary.self.self.host);
    request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0); /* by this very process */
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_BUSY);
    assert_contains(diary.err.message, "birds is being run by process ");
    assert_contains(diary.err.message, " (run run-1); wait for it, or stop it");
    request.lease.instance = "brand"; /* has a lease of its own */
    ask(&diary, request);
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).count, 2);
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-1", 9)); /* not that fence */
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).count, 2);
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-1", 1));
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).count, 1);
    assert_int_equal(acquire(&diary, "run-3").lease.fence, 2); /* it grows over a release */
    diary_close(&diary);
}

static void test_fence_at_least(void **state)
{
    struct state_request request = lease_request(STATE_ACQUIRE_LEASE, "run-1", 0);
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    assert_int_equal(acquire(&diary, "run-1").lease.fence, 1);
    request.fence_at_least = 40; /* the same run asks again: the catalog's fence was greater */
    assert_int_equal(ask(&diary, request).lease.fence, 40);
    assert_int_equal(ask(&diary, request).lease.fence, 41);
    diary_close(&diary);
}

/* Takes the lease in a child, which then ends or waits. */
static pid_t acquire_in_a_child(bool stay)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct diary diary;

        diary_open(&diary, false);
        acquire(&diary, "run-1");
        put_run(&diary, "birds", "run-1", 10, STATE_RUNNING);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        while (stay) /* NOLINT(bugprone-infinite-loop): until it is killed */
            pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void test_dead_holder_is_replaced_at_once(void **state)
{
    struct state_request request;
    struct diary diary;
    pid_t child;
    int status;

    (void)state;
    child = acquire_in_a_child(true);
    diary_open(&diary, false);
    request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0);
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_BUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    for (int i = 0; i < 1000 && try_ask(&diary, &request); i++) /* a zombie, until it is reaped */
        usleep(1000);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(request.lease.fence, 2);
    assert_int_equal(request.count, 1); /* whose outcome the catalog may know better */
    assert_string_equal(request.runs[0].run_id, "run-1");
    assert_int_equal(request.runs[0].outcome, STATE_LOST);
    request = ask(&diary, (struct state_request){.verb = STATE_GET_RUN, .run_id = "run-1"});
    assert_int_equal(request.runs[0].outcome, STATE_LOST);
    assert_contains(request.runs[0].error, "its process ended");
    assert_true(request.runs[0].finished_ms > 0);
    diary_close(&diary);
}

/* --- clocks that are turned by hand --- */

static int64_t wall_ms, steady_ms;

static int64_t wall(void)
{
    return wall_ms;
}

static int64_t steady(void)
{
    return steady_ms;
}

static void set_clocks(struct diary *diary)
{
    wall_ms = 1000000000000;
    steady_ms = 5000000;
    diary->self.wall_ms = wall;
    diary->self.steady_ms = steady;
}

static void renew(struct diary *diary, const char *run_id, int64_t fence)
{
    ask(diary, lease_request(STATE_RENEW_LEASE, run_id, fence));
}

#define ELSEWHERE "UPDATE leases SET host = 'elsewhere', boot_id = 'other'"

static void test_who_counts_as_alive(void **state)
{
    static const struct {
        const char *change;
        int64_t wall_later_ms, steady_later_ms;
        const char *busy; /* NULL: replaced */
        bool silent, watched;
    } cases[] = {
        {"UPDATE leases SET start_ticks = start_ticks + 1",
            .busy = NULL}, /* the id was given anew */
        {"UPDATE leases SET process_id = 4194999", .busy = NULL},
        {"UPDATE leases SET process_id = 0", .busy = NULL},
        {"UPDATE leases SET boot_id = 'before'", .busy = NULL},
        /* it is there: the wall clock says nothing, its heartbeats do */
        {"", .busy = "is being run by process"},
        {"", .wall_later_ms = 90LL * MS_PER_DAY, .busy = "is being run by process"},
        {"", .wall_later_ms = -90LL * MS_PER_DAY, .busy = "is being run by process"},
        {"", .steady_later_ms = 60000, .busy = "is being run by process"},
        {"", .steady_later_ms = 60001, .silent = true},
        {"UPDATE leases SET ttl_ms = 5000", .steady_later_ms = 5001, .silent = true},
        /* in another container: the same, whatever its host is called */
        {"UPDATE leases SET pid_space = 'pid:[1]'", .busy = "is being run by process"},
        {"UPDATE leases SET host = 'container', pid_space = 'pid:[1]'", .busy = "on container"},
        {"UPDATE leases SET pid_space = 'pid:[1]'", .steady_later_ms = 60001, .silent = true},
        {"UPDATE leases SET host = 'renamed'", .busy = "on renamed"}, /* same kernel, and it runs */
        /* on another host */
        {ELSEWHERE ", process_id = 1", .busy = "process 1 on elsewhere"},
        {ELSEWHERE, .steady_later_ms = 60001, .busy = "on elsewhere"}, /* another kernel's clock */
        {ELSEWHERE, .wall_later_ms = 60001, .busy = "on elsewhere", .watched = true},
        {ELSEWHERE, .wall_later_ms = -60001, .busy = "on elsewhere", .watched = true},
        /* of a version without heartbeats */
        {"UPDATE leases SET ttl_ms = 0", .steady_later_ms = MS_PER_DAY, .busy = "is being run"},
        {ELSEWHERE ", ttl_ms = 0", .wall_later_ms = 86400000, .busy = "on elsewhere"},
        {ELSEWHERE ", ttl_ms = 0", .wall_later_ms = 86400001, .silent = true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct state_request request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0);
        struct diary diary;

        diary_open(&diary, false);
        set_clocks(&diary);
        change(&diary, "DELETE FROM leases");
        acquire(&diary, "run-1");
        change(&diary, cases[i].change);
        wall_ms += cases[i].wall_later_ms;
        steady_ms += cases[i].steady_later_ms;
        if (try_ask(&diary, &request) == 0) {
            if (cases[i].busy)
                fail_msg("case %zu: replaced: %s", i, cases[i].change);
            assert_int_equal(request.lease.fence, 2);
            assert_int_equal(request.lease.silent, cases[i].silent);
        } else {
            if (!cases[i].busy)
                fail_msg("case %zu: busy: %s", i, cases[i].change);
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): this fails */
            assert_contains(diary.err.message, cases[i].busy);
            assert_int_equal(request.watch_ms, cases[i].watched ? 10000 : 0);
            assert_int_equal(
                ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).count, 1);
        }
        diary_close(&diary);
    }
}

static void test_heartbeats_keep_a_lease(void **state)
{
    struct state_request request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0);
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    set_clocks(&diary);
    acquire(&diary, "run-1");
    for (int i = 0; i < 10; i++) {
        steady_ms += 50000;
        wall_ms += i % 2 ? 40LL * MS_PER_DAY : -30LL * MS_PER_DAY; /* somebody sets the clock */
        renew(&diary, "run-1", 1);
        assert_int_equal(try_ask(&diary, &request), -1);
        assert_int_equal(diary.err.code, ERROR_BUSY);
    }
    assert_int_equal(
        ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).leases[0].heartbeat_ms,
        wall_ms);
    diary_close(&diary);
}

/* A holder elsewhere is watched by the observer's own clock, and only while nothing is heard. */
static void test_a_holder_elsewhere_is_watched(void **state)
{
    struct state_request request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0);
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    set_clocks(&diary);
    acquire(&diary, "run-1");
    change(&diary, ELSEWHERE);
    wall_ms += MS_PER_DAY; /* our clock is a day ahead */
    for (int i = 0; i < 20; i++) {
        if (i == 5)
            change(&diary, "UPDATE leases SET heartbeats = heartbeats + 1");
        steady_ms += 10000;
        if (try_ask(&diary, &request) == 0) {
            assert_int_equal(i, 12); /* seen at 5, silent from then on for more than 60 s */
            assert_true(request.lease.silent);
            diary_close(&diary);
            return;
        }
        assert_int_equal(request.watch_ms, 10000);
    }
    fail_msg("it is never replaced");
}

static void test_a_lost_lease_is_noticed(void **state)
{
    struct state_request request = lease_request(STATE_RENEW_LEASE, "run-1", 1);
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    set_clocks(&diary);
    acquire(&diary, "run-1");
    put_run(&diary, "birds", "run-1", 10, STATE_RUNNING);
    steady_ms += 60001;
    assert_int_equal(acquire(&diary, "run-2").lease.fence, 2);
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_FENCED);
    assert_contains(diary.err.message, "the lease of birds was lost to process ");
    assert_contains(diary.err.message, "(run run-2)");
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-1", 1)); /* takes nothing from run-2 */
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LIST_LEASES}).count, 1);
    ask(&diary, lease_request(STATE_RELEASE_LEASE, "run-2", 2));
    request = lease_request(STATE_RENEW_LEASE, "run-2", 2);
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_contains(diary.err.message, "the lease of birds is gone");
    diary_close(&diary);
}

/* Two processes with one run's id: the one that lost it has no say in what is written of the run.
 */
static void test_a_lost_run_has_no_say(void **state)
{
    struct state_request put = {.verb = STATE_PUT_RUN,
        .run = {.run_id = "run-1",
            .pipeline = "birds",
            .instance = "",
            .started_ms = 10,
            .outcome = STATE_FAILED},
        .lease = {.fence = 1}};
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    set_clocks(&diary);
    acquire(&diary, "run-1");
    ask(&diary, put); /* its own */
    ask(&diary, (struct state_request){.verb = STATE_ADD_JOURNAL,
                    .pipeline = "birds",
                    .journal = {.run_id = "run-1", .kind = "folder", .what = "f1", .fence = 1}});
    steady_ms += 60001;
    assert_int_equal(acquire(&diary, "run-1").lease.fence, 2);
    ask(&diary, (struct state_request){.verb = STATE_ADD_JOURNAL,
                    .pipeline = "birds",
                    .journal = {.run_id = "run-1", .kind = "folder", .what = "f2", .fence = 2}});
    assert_int_equal(try_ask(&diary, &put), -1);
    assert_int_equal(diary.err.code, ERROR_FENCED);
    ask(&diary, (struct state_request){
                    .verb = STATE_CLEAR_JOURNAL, .run_id = "run-1", .lease = {.fence = 1}});
    put = ask(&diary,
        (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds", .run_id = "run-1"});
    assert_int_equal(put.count, 1);
    assert_string_equal(put.journals[0].what, "f2");
    diary_close(&diary);
}

static void test_many_processes_want_one_lease(void **state)
{
    enum { PROCESSES = 6, ROUNDS = 20 };
    pid_t children[PROCESSES];
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    diary_close(&diary);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        diary_open(&diary, false);
        for (int round = 0; round < ROUNDS;) {
            char run_id[32];
            struct state_request request;

            snprintf(run_id, sizeof(run_id), "run-%d-%d", i, round);
            request = lease_request(STATE_ACQUIRE_LEASE, run_id, 0);
            if (try_ask(&diary, &request)) {
                if (diary.err.code != ERROR_BUSY)
                    _exit(1);
                usleep(500);
                continue;
            }
            round++;
            ask(&diary, lease_request(STATE_RELEASE_LEASE, run_id, request.lease.fence));
        }
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    diary_open(&diary, false);
    assert_int_equal(acquire(&diary, "last").lease.fence, PROCESSES * ROUNDS + 1);
    diary_close(&diary);
}

/* --- reading only, and the asynchronous side --- */

static void test_read_only(void **state)
{
    struct state_request request = {
        .verb = STATE_PUT_RUN, .run = {.run_id = "x", .pipeline = "birds", .instance = ""}};
    struct diary diary;

    (void)state;
    diary_open(&diary, true);
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LIST_RUNS}).count, 0);
    assert_int_equal(ask(&diary, (struct state_request){.verb = STATE_LATEST_RUNS}).count, 0);
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_DENIED);
    diary_close(&diary);
    assert_false(file_exists(db_path()));
}

struct answer {
    struct state_request request;
    unsigned done;
    enum error_code code;
};

static void on_done(struct state_request *request, const struct error *err)
{
    struct answer *answer = container_of(request, struct answer, request);

    answer->done++;
    answer->code = err ? err->code : ERROR_NONE;
}

static void test_asynchronous(void **state)
{
    struct answer first = {.request = lease_request(STATE_ACQUIRE_LEASE, "run-1", 0)};
    struct answer second = {.request = lease_request(STATE_ACQUIRE_LEASE, "run-2", 0)};
    struct state_options options = {.location = db_path()};
    struct error err = {0};
    struct arena arena;
    struct loop loop;
    struct state *opened;

    (void)state;
    arena_init(&arena);
    fixture_loop_init(&loop);
    options.loop = &loop;
    options.pool = work_pool_new(&loop, 2, &err);
    opened = state_sqlite_type.open(&options, &err);
    if (!opened)
        fail_msg("%s", err.message);
    first.request.arena = second.request.arena = &arena;
    first.request.done = second.request.done = on_done;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): fail_msg() does not return */
    opened->type->start(opened, &first.request);
    opened->type->start(opened, &second.request);
    assert_int_equal(first.done, 0);
    loop_run(&loop);
    assert_int_equal(first.done, 1);
    assert_int_equal(first.code, ERROR_NONE);
    assert_int_equal(second.done, 1);
    assert_int_equal(second.code, ERROR_BUSY);
    state_sqlite_type.close(opened);
    state_sqlite_type.close(NULL);
    work_pool_free(options.pool);
    fixture_loop_deinit(&loop);
    arena_deinit(&arena);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_put_and_get),
        IN_FOLDER(test_every_outcome_is_kept),
        IN_FOLDER(test_list_runs),
        IN_FOLDER(test_latest_runs),
        IN_FOLDER(test_history_is_fast),
        IN_FOLDER(test_journal),
        IN_FOLDER(test_journal_knows_the_pipeline_of_its_run),
        IN_FOLDER(test_lease),
        IN_FOLDER(test_fence_at_least),
        IN_FOLDER(test_dead_holder_is_replaced_at_once),
        IN_FOLDER(test_who_counts_as_alive),
        IN_FOLDER(test_heartbeats_keep_a_lease),
        IN_FOLDER(test_a_holder_elsewhere_is_watched),
        IN_FOLDER(test_a_lost_lease_is_noticed),
        IN_FOLDER(test_a_lost_run_has_no_say),
        IN_FOLDER(test_journal_of_complete_files),
        IN_FOLDER(test_hooks_by_outcome),
        IN_FOLDER(test_hooks_of_a_lost_run),
        IN_FOLDER(test_many_processes_want_one_lease),
        IN_FOLDER(test_read_only),
        IN_FOLDER(test_asynchronous),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
