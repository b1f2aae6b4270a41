/* A call that is cancelled: at each turn of the loop, in each of its hooks, before and after it. */
#include "tests/unit/s3_fixture.h"

enum where { NOWHERE, IN_PREPARE, IN_HEAD, IN_WRITE, IN_DONE };

struct run {
    struct s3_fixture fixture;
    struct s3_call call;
    struct error outcome;
    unsigned done_count, hook_count;
    enum where cancel_in;
    bool cancelled; /* in a hook: none may follow */
    struct turns turns;
};

static void hook(struct s3_call *call, enum where where)
{
    struct run *run = container_of(call, struct run, call);

    assert_false(run->cancelled);
    run->hook_count++;
    if (run->cancel_in == where) {
        run->cancelled = true;
        s3_call_cancel(call);
        s3_call_cancel(call);
        assert_int_equal(run->done_count, 0);
    }
}

static int on_prepare(struct s3_call *call, struct error *err)
{
    (void)err;
    hook(call, IN_PREPARE);
    return 0;
}

static int on_head(struct s3_call *call, struct error *err)
{
    (void)err;
    hook(call, IN_HEAD);
    return 0;
}

static int on_write(struct s3_call *call, const char *bytes, size_t length, struct error *err)
{
    (void)bytes, (void)length, (void)err;
    hook(call, IN_WRITE);
    return 0;
}

static void on_done(struct s3_call *call, const struct error *err)
{
    struct run *run = container_of(call, struct run, call);

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
    s3_call_cancel(call); /* too late: harmless */
}

static char ok_text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static char moved[] =
    "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-1\r\nContent-Length: 0\r\n\r\n";
static char busy[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

static const struct origin_answer answers[] = {
    {.bytes = moved},
    {.bytes = busy},
    {.end = ORIGIN_RESET},
    {.bytes = ok_text, .piece_bytes = 8, .piece_delay_ms = 1},
};

static void start(struct run *run, const struct origin_answer *script, size_t count)
{
    const struct origin_options options = {.answers = script, .answer_count = count};

    *run = (struct run){0};
    run->call = (struct s3_call){
        .method = "GET",
        .bucket = "bucket",
        .key = "k",
        .prepare = on_prepare,
        .head = on_head,
        .write = on_write,
        .done = on_done,
    };
    s3_fixture_init(&run->fixture, NULL, &options);
}

static void go(struct run *run)
{
    s3_call_start(run->fixture.client, &run->call);
    assert_int_equal(run->done_count, 0);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, 1);
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_call_cancel(&run->call);
    s3_call_cancel(&run->call);
}

/* False: it was over by then. */
static bool run_and_cancel(unsigned turn)
{
    struct run run;
    bool cancelled;

    s3_fake_credentials.waits = turn % 2;
    start(&run, answers, ARRAY_LENGTH(answers));
    turns_start(&run.turns, &run.fixture.loop, turn, cancel, &run);
    go(&run);
    turns_end(&run.turns);
    cancelled = run.turns.count >= turn;
    if (run.outcome.code)
        s3_failed(&run.outcome, ERROR_STOPPED, "GET s3://bucket/k: ");
    s3_call_cancel(&run.call);
    s3_fixture_deinit(&run.fixture);
    return cancelled;
}

static void test_cancel_at_each_turn(void **state)
{
    unsigned turn = 1;

    (void)state;
    while (run_and_cancel(turn))
        turn++;
    assert_in_range(turn, 8, 10000); /* so many turns, and then it was too late */
}

static void test_cancel_in_each_hook(void **state)
{
    static const unsigned hooks[] = {[IN_PREPARE] = 1, [IN_HEAD] = 2, [IN_WRITE] = 3};
    static const struct origin_answer good[] = {{.bytes = ok_text}};
    struct run run;

    (void)state;
    for (unsigned where = IN_PREPARE; where <= IN_WRITE; where++) {
        start(&run, good, 1);
        run.cancel_in = where;
        go(&run);
        s3_failed(&run.outcome, ERROR_STOPPED, "GET s3://bucket/k: ");
        assert_int_equal(run.outcome.class, ERROR_CANCELLED);
        assert_int_equal(run.hook_count, hooks[where]);
        s3_fixture_deinit(&run.fixture);
    }
    start(&run, good, 1);
    run.cancel_in = IN_DONE; /* no hook: it ends well */
    go(&run);
    s3_good(&run.outcome);
    s3_fixture_deinit(&run.fixture);
}

static void test_cancel_before_the_first_turn(void **state)
{
    struct run run;

    (void)state;
    start(&run, answers, ARRAY_LENGTH(answers));
    s3_call_start(run.fixture.client, &run.call);
    s3_call_cancel(&run.call);
    assert_int_equal(run.done_count, 0);
    loop_run(&run.fixture.loop);
    assert_int_equal(run.done_count, 1);
    s3_failed(&run.outcome, ERROR_STOPPED, "GET s3://bucket/k: cancelled");
    assert_int_equal(run.hook_count, 0);
    assert_int_equal(origin_request_count(run.fixture.origin), 0);
    run.done_count = 0;
    go(&run); /* and it can be started again */
    s3_good(&run.outcome);
    s3_fixture_deinit(&run.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_cancel_in_each_hook),
        cmocka_unit_test(test_cancel_before_the_first_turn),
    };

    return cmocka_run_group_tests_name("s3_call_cancel", tests, NULL, NULL);
}
