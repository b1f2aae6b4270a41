/* Leases of connectors/state_sqlite: who has one, who is there, who lost it. */
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "tests/unit/state_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Two containers under one kernel: in both the process has number 1, and a run that a schedule
 * started twice has one id. */
static void test_the_same_number_elsewhere_is_not_us(void **state)
{
    struct state_request request = lease_request(STATE_ACQUIRE_LEASE, "run-1", 0);
    struct diary diary;

    (void)state;
    diary_open(&diary, false);
    acquire(&diary, "run-1");
    change(&diary, "UPDATE leases SET pid_space = 'pid:[1]'");
    assert_int_equal(try_ask(&diary, &request), -1);
    assert_int_equal(diary.err.code, ERROR_BUSY);
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

/* A state of version 1, with a lease, a journal and a run: all of it is there afterwards. */
static void test_migration(void **state)
{
    struct sqlite_schema old = history_schema;
    const struct sqlite_options options = {.path = db_path(), .schema = &old};
    struct state_request found;
    struct diary diary;
    struct sqlite db;
    struct error err;

    (void)state;
    old.migration_count = 1;
    memset(&db, 0, sizeof(db));
    assert_ok(sqlite_open(&db, &options, &err), &err);
    assert_ok(sqlite_run(&db,
                  "INSERT INTO leases VALUES ('birds', '', 'run-1', 7, 0, 'h', 'b', 'p', 1, 2, 3);"
                  "INSERT INTO journal (run_id, pipeline, instance, kind, what)"
                  " VALUES ('run-1', 'birds', '', 'folder', 'f')",
                  &err),
        &err);
    sqlite_close(&db);
    diary_open(&diary, false);
    assert_int_equal(acquire(&diary, "run-2").lease.fence, 8);
    found = ask(&diary, (struct state_request){.verb = STATE_LIST_JOURNAL, .pipeline = "birds"});
    assert_int_equal(found.count, 1);
    assert_string_equal(found.journals[0].what, "f");
    assert_int_equal(found.journals[0].fence, 0);
    assert_null(found.journals[0].checksum);
    assert_int_equal(
        ask(&diary, (struct state_request){.verb = STATE_LIST_HOOKS, .pipeline = "birds"}).count,
        0);
    diary_close(&diary);
}

int main(void)
{
#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_lease),
        IN_FOLDER(test_migration),
        IN_FOLDER(test_fence_at_least),
        IN_FOLDER(test_the_same_number_elsewhere_is_not_us),
        IN_FOLDER(test_dead_holder_is_replaced_at_once),
        IN_FOLDER(test_who_counts_as_alive),
        IN_FOLDER(test_heartbeats_keep_a_lease),
        IN_FOLDER(test_a_holder_elsewhere_is_watched),
        IN_FOLDER(test_a_lost_lease_is_noticed),
        IN_FOLDER(test_a_lost_run_has_no_say),
        IN_FOLDER(test_many_processes_want_one_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
