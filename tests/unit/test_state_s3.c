/* Leases of connectors/state_s3: who counts as there, and requests that fail in every way. */
#include "connectors/state_s3/desk.h"
#include "connectors/state_s3/state_s3.h"
#include "runner/base/time.h"
#include "tests/unit/s3_small_fixture.h"

#include <unistd.h>

/* --- who is there: pure --- */

enum { STORE_MS = 1700000000, STEADY_MS = 5000000 };

static json_t *held_desk(const struct process *holder)
{
    json_t *desk = desk_new("birds", "");

    json_put_int(desk, "fence", 7);
    json_object_set_new(desk, "held", json_true());
    json_put_text(desk, "run_id", "run-1");
    json_put_text(desk, "host", holder->host);
    json_put_text(desk, "boot_id", holder->boot_id);
    json_put_text(desk, "pid_space", holder->pid_space);
    json_put_int(desk, "process_id", holder->id);
    json_put_int(desk, "start_ticks", holder->start_ticks);
    json_put_int(desk, "steady_ms", STEADY_MS);
    json_put_int(desk, "ttl_ms", 60000);
    return desk;
}

static void test_who_counts_as_there(void **state)
{
    static const struct {
        const char *host, *boot_id, *pid_space; /* NULL: ours */
        int64_t id;                             /* 0: ours */
        int64_t steady_later_ms, store_later_ms, watched_ms;
        bool no_store_clock;
        enum desk_presence presence;
        bool listed;
    } cases[] = {
        {.presence = DESK_LIVE, .listed = true},
        {.store_later_ms = 90LL * MS_PER_DAY, .presence = DESK_LIVE, .listed = true},
        {.steady_later_ms = 60000, .presence = DESK_LIVE, .listed = true},
        {.steady_later_ms = 60001, .presence = DESK_SILENT},
        {.id = 4194999, .presence = DESK_FREE},
        /* the same name, another boot: this host started anew, or another of that name */
        {.boot_id = "before", .presence = DESK_LIVE, .listed = true},
        {.boot_id = "before", .id = 4194999, .presence = DESK_LIVE, .listed = true},
        {.boot_id = "before", .store_later_ms = 62000, .presence = DESK_DOUBTED, .listed = true},
        {.boot_id = "before",
            .store_later_ms = 62000,
            .watched_ms = 20001,
            .presence = DESK_SILENT},
        /* neither knows its boot: the number may be that of anybody */
        {.boot_id = "", .id = 4194999, .presence = DESK_LIVE, .listed = true},
        {.boot_id = "", .store_later_ms = 62000, .watched_ms = 20001, .presence = DESK_SILENT},
        /* another container under this kernel */
        {.pid_space = "pid:[1]", .presence = DESK_LIVE, .listed = true},
        {.pid_space = "pid:[1]", .steady_later_ms = 60001, .presence = DESK_SILENT},
        /* on another host: our steady clock is not its */
        {"task-7", "other", "pid:[1]", 1, .presence = DESK_LIVE, .listed = true},
        {"task-7", "other", "pid:[1]", 1, .steady_later_ms = MS_PER_DAY, .presence = DESK_LIVE,
            .listed = true},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = 61000, .presence = DESK_LIVE,
            .listed = true},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = 62000, .presence = DESK_DOUBTED,
            .listed = true},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = 62000, .watched_ms = 20000,
            .presence = DESK_DOUBTED, .listed = true},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = 62000, .watched_ms = 20001,
            .presence = DESK_SILENT},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = -5000, .watched_ms = 60000,
            .presence = DESK_DOUBTED, .listed = true},
        {"task-7", "other", "pid:[1]", 1, .no_store_clock = true, .watched_ms = 60000,
            .presence = DESK_DOUBTED, .listed = true},
        {"task-7", "other", "pid:[1]", 1, .no_store_clock = true, .watched_ms = 60001,
            .presence = DESK_SILENT},
        {"task-7", "other", "pid:[1]", 1, .store_later_ms = 601000, .presence = DESK_DOUBTED},
    };
    struct process known, self;

    (void)state;
    process_self(&known);
    self = known;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct process holder = known;
        struct desk_sight sight = {.self = &self,
            .steady_ms = STEADY_MS + cases[i].steady_later_ms,
            .store_ms = cases[i].no_store_clock ? 0 : STORE_MS + cases[i].store_later_ms,
            .modified_ms = STORE_MS,
            .watched_ms = cases[i].watched_ms};
        json_t *desk;

        if (cases[i].host)
            snprintf(holder.host, sizeof(holder.host), "%s", cases[i].host);
        snprintf(self.boot_id, sizeof(self.boot_id), "%s", known.boot_id);
        if (cases[i].boot_id)
            snprintf(holder.boot_id, sizeof(holder.boot_id), "%s", cases[i].boot_id);
        if (cases[i].boot_id && !cases[i].boot_id[0])
            self.boot_id[0] = '\0';
        if (cases[i].pid_space)
            snprintf(holder.pid_space, sizeof(holder.pid_space), "%s", cases[i].pid_space);
        if (cases[i].id)
            holder.id = cases[i].id;
        desk = held_desk(&holder);
        if (desk_presence(desk, &sight) != cases[i].presence)
            fail_msg("case %zu: %d", i, desk_presence(desk, &sight));
        if (desk_seems_live(desk, &sight) != cases[i].listed)
            fail_msg("case %zu: listed", i);
        json_object_set_new(desk, "held", json_false());
        assert_int_equal(desk_presence(desk, &sight), DESK_FREE);
        json_decref(desk);
    }
}

/* The same id and process number are not enough: in containers every process has number 1, and a
 * run that a schedule started twice has one id. */
static void test_the_same_number_elsewhere_is_not_us(void **state)
{
    struct state_request request = {
        .lease = {.pipeline = "birds", .instance = "", .run_id = "run-1"}};
    struct process self, holder;
    struct desk_sight sight = {
        .self = &self, .steady_ms = STEADY_MS, .store_ms = STORE_MS, .modified_ms = STORE_MS};
    struct error err;
    bool silent;
    json_t *desk;

    (void)state;
    process_self(&self);
    for (int elsewhere = 0; elsewhere < 3; elsewhere++) {
        holder = self;
        if (elsewhere)
            snprintf(holder.pid_space, sizeof(holder.pid_space), "pid:[1]");
        if (elsewhere == 2)
            snprintf(holder.boot_id, sizeof(holder.boot_id), "other");
        snprintf(holder.host, sizeof(holder.host), "%s", elsewhere ? "task-7" : self.host);
        desk = held_desk(&holder);
        assert_int_equal(desk_judge(desk, &sight, &request, &silent, &err), elsewhere ? -1 : 0);
        if (elsewhere)
            assert_int_equal(err.code, ERROR_BUSY);
        json_decref(desk);
    }
}

/* Documents of a newer version, and what is none. */
static void test_documents(void **state)
{
    json_t *desk = desk_new("birds", "brand");
    struct error err;

    (void)state;
    assert_int_equal(desk_check(desk, &err), 0);
    json_put_int(desk, "version", DESK_VERSION + 1);
    assert_int_equal(desk_check(desk, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    json_object_clear(desk);
    assert_int_equal(desk_check(desk, &err), -1);
    assert_int_equal(err.code, ERROR_DATA);
    json_decref(desk);
}

/* --- requests that fail --- */

struct life {
    struct store_fixture fixture;
    struct state *state;
    struct arena arena;
    struct state_request request;
    struct error err;
    unsigned done;
};

static void on_done(struct state_request *request, const struct error *err)
{
    struct life *life = container_of(request, struct life, request);

    life->done++;
    life->err = err ? *err : (struct error){0};
}

static void open_life(struct life *life)
{
    struct s3_store_settings settings = {0};
    struct state_options options = {.location = "//bucket/st", .settings = &settings};

    memset(life, 0, sizeof(*life));
    arena_init(&life->arena);
    store_fixture_init(&life->fixture, NULL);
    settings.client.endpoint = origin_url(life->fixture.s3.origin);
    settings.client.retry =
        (struct retry_policy){.attempts = 3, .backoff_ms = 1, .max_backoff_ms = 4};
    settings.client.timeouts = (struct http_timeouts){.first_byte_ms = 100, .stall_ms = 100};
    options.loop = &life->fixture.s3.loop;
    options.pool = life->fixture.pool;
    options.lane = &life->fixture.lane;
    life->state = state_s3_type.open(&options, &life->err);
    if (!life->state)
        fail_msg("%s", life->err.message);
}

static void close_life(struct life *life)
{
    life->state->type->close(life->state);
    loop_run(&life->fixture.s3.loop);
    store_fixture_deinit(&life->fixture);
    arena_deinit(&life->arena);
}

static int try_ask(struct life *life, struct state_request request)
{
    life->request = request;
    life->request.arena = &life->arena;
    life->request.done = on_done;
    life->done = 0;
    life->state->type->start(life->state, &life->request);
    loop_run(&life->fixture.s3.loop);
    assert_int_equal(life->done, 1);
    return life->err.code ? -1 : 0;
}

static void ask(struct life *life, struct state_request request)
{
    if (try_ask(life, request))
        fail_msg("%s", life->err.message);
}

static struct state_request put(enum state_outcome outcome)
{
    return (struct state_request){.verb = STATE_PUT_RUN,
        .run = {.run_id = "run-1",
            .pipeline = "birds",
            .instance = "",
            .started_ms = 10,
            .outcome = outcome,
            .record = "{}"},
        .lease = {.fence = 1}};
}

static struct state_request lease(enum state_verb verb)
{
    return (struct state_request){.verb = verb,
        .lease = {.pipeline = "birds", .instance = "", .run_id = "run-1", .fence = 1}};
}

/* A whole run. */
static void live(struct life *life)
{
    ask(life, lease(STATE_ACQUIRE_LEASE));
    assert_int_equal(life->request.lease.fence, 1);
    ask(life, put(STATE_RUNNING));
    ask(life, (struct state_request){.verb = STATE_ADD_JOURNAL,
                  .pipeline = "birds",
                  .instance = "",
                  .journal = {.run_id = "run-1", .kind = "folder", .what = "f", .fence = 1}});
    ask(life,
        (struct state_request){
            .verb = STATE_LIST_JOURNAL, .pipeline = "birds", .instance = "", .run_id = "run-1"});
    assert_int_equal(life->request.count, 1);
    ask(life, lease(STATE_RENEW_LEASE));
    ask(life, put(STATE_SUCCEEDED));
    ask(life, (struct state_request){.verb = STATE_CLEAR_JOURNAL,
                  .pipeline = "birds",
                  .instance = "",
                  .run_id = "run-1",
                  .lease = {.fence = 1}});
    ask(life, lease(STATE_RELEASE_LEASE));
    ask(life, (struct state_request){.verb = STATE_LIST_RUNS});
    assert_int_equal(life->request.count, 1);
    assert_int_equal(life->request.runs[0].outcome, STATE_SUCCEEDED);
    ask(life, (struct state_request){.verb = STATE_LIST_JOURNAL});
    assert_int_equal(life->request.count, 0);
    ask(life, (struct state_request){.verb = STATE_LIST_LEASES});
    assert_int_equal(life->request.count, 0);
}

/* Each request fails in each way, done or not, until a run passes that has no such request. */
static void test_every_request_fails(void **state)
{
    (void)state;
    for (int fault = S3_FAULT_NONE + 1; fault < S3_FAULTS_HARMLESS; fault++) {
        unsigned nth = 1, count;

        if (fault == S3_FAULT_EXPIRED || fault == S3_FAULT_ERROR_200 ||
            fault == S3_FAULT_ERROR_200_DONE) /* test_s3_call; of other operations */
            continue;
        do {
            struct life life;

            open_life(&life);
            s3_small_fault(life.fixture.store, fault, nth, false);
            live(&life);
            count = s3_small_request_count(life.fixture.store);
            /* its document and its run's: nothing is left of any round of the probe */
            assert_int_equal(s3_small_object_count(life.fixture.store), 2);
            close_life(&life);
        } while (++nth <= count);
    }
}

static void test_denied(void **state)
{
    struct life life;

    (void)state;
    open_life(&life);
    s3_small_fault_at(life.fixture.store, S3_FAULT_DENIED, "PUT", NULL, 1, true);
    assert_int_equal(try_ask(&life, lease(STATE_ACQUIRE_LEASE)), -1);
    assert_int_equal(life.err.code, ERROR_DENIED);
    assert_contains(life.err.message, "s3://bucket/st/probe/");
    assert_null(strchr(life.err.message, '\n'));
    close_life(&life);
}

/* The process died after it had said what became of the run, before the document knew. */
static void test_what_a_run_said_of_itself_counts(void **state)
{
    static const char object[] =
        "{\"run_id\":\"run-1\",\"started_ms\":10,\"outcome\":\"succeeded\","
        "\"rows\":5,\"pipeline\":\"birds\",\"instance\":\"\",\"fence\":1}";
    struct state_request next = lease(STATE_ACQUIRE_LEASE);

    (void)state;
    for (int earlier = 0; earlier < 2; earlier++) {
        struct life life;

        open_life(&life);
        ask(&life, put(STATE_RUNNING));
        s3_small_put(life.fixture.store, "st/runs/run-1.json", object, strlen(object), NULL);
        if (earlier) { /* what it says is of an attempt before */
            struct state_request again = put(STATE_RUNNING);

            again.run.started_ms = 11;
            ask(&life, again);
        }
        next.lease.run_id = "run-2";
        ask(&life, next);
        assert_int_equal(life.request.count, earlier);
        ask(&life, (struct state_request){.verb = STATE_LIST_RUNS});
        assert_int_equal(life.request.runs[0].outcome, earlier ? STATE_LOST : STATE_SUCCEEDED);
        close_life(&life);
    }
}

/* Nobody answers: each request ends, the next ones sooner. */
static void test_nobody_answers(void **state)
{
    struct life life;
    uint64_t began_ns;

    (void)state;
    open_life(&life);
    ask(&life, lease(STATE_ACQUIRE_LEASE));
    s3_small_fault_at(life.fixture.store, S3_FAULT_RESET_BEFORE, NULL, NULL, 1, true);
    began_ns = time_monotonic_ns();
    life.request = lease(STATE_RENEW_LEASE);
    life.request.lease.ttl_ms = 3000;
    assert_int_equal(try_ask(&life, life.request), -1);
    assert_int_equal(life.err.class, ERROR_TRANSIENT);
    assert_true(time_monotonic_ns() - began_ns < 3000000000ULL);
    close_life(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_counts_as_there),
        cmocka_unit_test(test_the_same_number_elsewhere_is_not_us),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_every_request_fails),
        cmocka_unit_test(test_denied),
        cmocka_unit_test(test_what_a_run_said_of_itself_counts),
        cmocka_unit_test(test_nobody_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
