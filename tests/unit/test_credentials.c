/* The chain over a container's endpoint: who gets credentials when, and how often they are fetched.
 * What each source does is played back in tests/integration/test_aws_credentials.py. */
#include "connectors/aws/credentials.h"

#include "connectors/aws/credentials_private.h"
#include "connectors/aws/settings_read.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"
#include "tests/unit/origin.h"

enum { WAITERS = 5 };

static int64_t clock_ms;

static int64_t test_clock(void)
{
    return clock_ms;
}

struct waiter {
    struct credentials_request request;
    struct fixture *fixture;
    unsigned done;
    const struct aws_credentials *credentials;
    struct error err;
};

struct fixture {
    struct loop loop;
    struct work_pool *pool;
    struct work_lane lane;
    struct http *http;
    struct credentials_chain *chain;
    struct origin *origin;
    atomic_uint answers, fail_from,
        delay_ms;                   /* fail_from: the first answer that is a 500; 0: none */
    atomic_int_fast64_t expires_ms; /* of what is answered; 0: never */
    unsigned last_done;
    struct waiter waiters[WAITERS];
};

/* --- who is asked: a new key with each answer --- */

static void say(char *bytes, size_t size, const char *body)
{
    snprintf(bytes, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* STS, and what the instance says before it says a key; false: another question. */
static bool answer_others(const struct origin_request *request, char *bytes, size_t size)
{
    if (strcmp(request->method, "PUT") == 0)
        say(bytes, size, "token");
    else if (strcmp(request->method, "POST") == 0)
        say(bytes, size,
            "<R><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>hidden</"
            "SecretAccessKey>"
            "<SessionToken>hidden</SessionToken></Credentials></R>");
    else if (request->target[strlen(request->target) - 1] == '/')
        say(bytes, size, "role");
    else
        return false;
    return true;
}

static void on_request(
    void *data, const struct origin_request *request, struct origin_answer *answer)
{
    struct fixture *fixture = data;
    static _Thread_local char bytes[1024];
    const unsigned number = ++fixture->answers;
    const int64_t expires_ms = fixture->expires_ms;
    char body[512], expiry[64] = "", text[TIME_TEXT_SIZE];

    answer->bytes = bytes;
    answer->delay_ms = fixture->delay_ms;
    if (answer_others(request, bytes, sizeof(bytes)))
        return;
    if (expires_ms)
        snprintf(expiry, sizeof(expiry), ", \"Expiration\": \"%s\"",
            time_format_rfc3339(expires_ms, text));
    snprintf(body, sizeof(body),
        "{\"AccessKeyId\": \"KEY%u\", \"SecretAccessKey\": \"hidden\", \"Token\": \"hidden\"%s}",
        number, expiry);
    if (fixture->fail_from && number >= fixture->fail_from)
        snprintf(bytes, sizeof(bytes), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    else
        say(bytes, sizeof(bytes), body);
}

/* The chain is the only one that uses it. */
static void on_closed(void *data)
{
    struct fixture *fixture = data;

    http_free(fixture->http);
    fixture->http = NULL;
}

static void fixture_start(struct fixture *fixture)
{
    struct origin_options origin = {.answer = on_request, .data = fixture};
    struct credentials_options options;
    struct error err = {0};
    char *url;

    clock_ms = time_now_ms();
    fixture_loop_init(&fixture->loop);
    fixture->origin = origin_start(&origin);
    url = mem_printf("%s/keys", origin_url(fixture->origin));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", origin_url(fixture->origin), 1);
    setenv("AWS_ENDPOINT_URL_STS", origin_url(fixture->origin), 1);
    free(url);
    fixture->pool = work_pool_new(&fixture->loop, 1, &err);
    assert_non_null(fixture->pool);
    work_lane_init(&fixture->lane, fixture->pool, "files", 1);
    fixture->http =
        http_new(&(struct http_options){.loop = &fixture->loop, .connections = 4}, &err);
    assert_non_null(fixture->http);
    options = (struct credentials_options){
        .loop = &fixture->loop,
        .http = fixture->http,
        .lane = &fixture->lane,
        .closed = on_closed,
        .closed_data = fixture,
    };
    fixture->chain = credentials_chain_new(&options);
    credentials_chain_set_clock(fixture->chain, test_clock);
}

static void waiter_clear(struct waiter *waiter)
{
    aws_credentials_unref(waiter->credentials);
    waiter->credentials = NULL;
    waiter->done = 0;
    waiter->err = (struct error){0};
}

static void fixture_end(struct fixture *fixture)
{
    for (unsigned i = 0; i < WAITERS; i++)
        waiter_clear(&fixture->waiters[i]);
    credentials_chain_free(fixture->chain);
    loop_run(&fixture->loop);
    assert_null(fixture->http);
    work_lane_deinit(&fixture->lane);
    work_pool_free(fixture->pool);
    fixture_loop_deinit(&fixture->loop);
    origin_stop(fixture->origin);
}

static void on_done(struct credentials_request *request, const struct error *err)
{
    struct waiter *waiter = container_of(request, struct waiter, request);

    waiter->done++;
    waiter->credentials = request->credentials;
    if (err)
        waiter->err = *err;
    assert_true((waiter->credentials != NULL) == (err == NULL));
}

static void start(struct fixture *fixture, unsigned index)
{
    struct waiter *waiter = &fixture->waiters[index];

    waiter_clear(waiter);
    waiter->request = (struct credentials_request){.done = on_done};
    waiter->fixture = fixture;
    credentials_start(fixture->chain, &waiter->request);
    assert_int_equal(waiter->done, 0); /* never from within the start */
}

static const char *key_of(struct fixture *fixture, unsigned index)
{
    struct waiter *waiter = &fixture->waiters[index];

    start(fixture, index);
    loop_run(&fixture->loop);
    assert_int_equal(waiter->done, 1);
    if (!waiter->credentials)
        fail_msg("%s", waiter->err.message);
    return waiter->credentials->access_key_id;
}

/* --- tests --- */

static void test_fetched_once_for_all_who_wait(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    assert_null(credentials_now(fixture.chain));
    for (unsigned i = 0; i < WAITERS; i++)
        start(&fixture, i);
    loop_run(&fixture.loop);
    for (unsigned i = 0; i < WAITERS; i++) {
        assert_int_equal(fixture.waiters[i].done, 1);
        assert_string_equal(fixture.waiters[i].credentials->access_key_id, "KEY1");
    }
    assert_string_equal(credentials_now(fixture.chain)->access_key_id, "KEY1");
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    assert_int_equal(fixture.answers, 1);
    fixture_end(&fixture);
}

static void test_fetched_ahead_of_the_expiry(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    clock_ms += MS_PER_HOUR - 7 * MS_PER_MINUTE;
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    assert_int_equal(fixture.answers, 1);
    clock_ms += 2 * MS_PER_MINUTE + 1;
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    assert_string_equal(key_of(&fixture, 0), "KEY1"); /* nobody waits: they still hold */
    assert_int_equal(fixture.answers, 2);
    assert_string_equal(key_of(&fixture, 0), "KEY2");
    fixture_end(&fixture);
}

static void test_looking_fetches_ahead_as_well(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    key_of(&fixture, 0);
    clock_ms += MS_PER_HOUR - 2 * MS_PER_MINUTE;
    assert_string_equal(credentials_now(fixture.chain)->access_key_id, "KEY1");
    loop_run(&fixture.loop);
    assert_string_equal(credentials_now(fixture.chain)->access_key_id, "KEY2");
    fixture_end(&fixture);
}

static void test_after_the_expiry_one_waits(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    key_of(&fixture, 0);
    clock_ms += MS_PER_HOUR;
    assert_null(credentials_now(fixture.chain));
    assert_string_equal(key_of(&fixture, 0), "KEY2");
    fixture_end(&fixture);
}

static void test_the_old_ones_serve_while_fetching_fails(void **state)
{
    struct fixture fixture = {0};
    unsigned asked;

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    key_of(&fixture, 0);
    fixture.fail_from = 2;
    clock_ms += MS_PER_HOUR - 4 * MS_PER_MINUTE;
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    asked = fixture.answers;
    assert_true(asked > 1);
    assert_string_equal(key_of(&fixture, 0), "KEY1"); /* not asked again at once */
    assert_int_equal(fixture.answers, asked);
    clock_ms += 2 * MS_PER_MINUTE;
    fixture.fail_from = 0;
    key_of(&fixture, 0);
    assert_int_equal(fixture.answers, asked + 1); /* but later */

    fixture.fail_from = 1;
    clock_ms += 10 * MS_PER_MINUTE;
    start(&fixture, 0);
    loop_run(&fixture.loop);
    assert_null(fixture.waiters[0].credentials);
    assert_int_equal(fixture.waiters[0].err.class, ERROR_TRANSIENT);
    assert_contains(fixture.waiters[0].err.message, "HTTP 500");
    assert_null(strstr(fixture.waiters[0].err.message, "hidden"));
    fixture_end(&fixture);
}

static void test_what_a_server_refused_is_fetched_anew(void **state)
{
    struct fixture fixture = {0};
    const struct aws_credentials *old;

    (void)state;
    fixture_start(&fixture);
    key_of(&fixture, 0);
    old = aws_credentials_ref(credentials_now(fixture.chain));
    credentials_expired(fixture.chain, old);
    assert_null(credentials_now(fixture.chain));
    assert_string_equal(key_of(&fixture, 1), "KEY2");
    credentials_expired(fixture.chain, old); /* somebody was late to say so */
    assert_string_equal(key_of(&fixture, 1), "KEY2");
    assert_int_equal(fixture.answers, 2);
    assert_string_equal(old->access_key_id, "KEY1"); /* who holds them may go on looking */
    aws_credentials_unref(old);
    fixture_end(&fixture);
}

static void test_a_refused_one_is_not_handed_out_when_fetching_fails(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    key_of(&fixture, 0);
    credentials_expired(fixture.chain, credentials_now(fixture.chain));
    fixture.fail_from = 2;
    start(&fixture, 1);
    loop_run(&fixture.loop);
    assert_int_equal(fixture.waiters[1].done, 1);
    assert_null(fixture.waiters[1].credentials);
    fixture_end(&fixture);
}

static void test_what_comes_expired_is_used_for_a_while(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms - MS_PER_HOUR; /* our clock, or theirs, is wrong */
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    assert_string_equal(key_of(&fixture, 0), "KEY1");
    clock_ms += MS_PER_MINUTE;
    assert_string_equal(key_of(&fixture, 0), "KEY2");
    assert_int_equal(fixture.answers, 2);
    fixture_end(&fixture);
}

static void test_who_cancels_does_not_stop_the_others(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    start(&fixture, 0);
    start(&fixture, 1);
    credentials_cancel(&fixture.waiters[0].request);
    credentials_cancel(&fixture.waiters[0].request);
    assert_int_equal(fixture.waiters[0].done, 0);
    loop_run(&fixture.loop);
    assert_int_equal(fixture.waiters[0].done, 1);
    assert_int_equal(fixture.waiters[0].err.code, ERROR_STOPPED);
    assert_int_equal(fixture.waiters[1].done, 1);
    assert_string_equal(fixture.waiters[1].credentials->access_key_id, "KEY1");
    fixture_end(&fixture);
}

static void test_who_comes_after_a_cancel_is_served(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    start(&fixture, 0);
    credentials_cancel(&fixture.waiters[0].request); /* the fetch is cancelled with its only one */
    start(&fixture, 1);
    loop_run(&fixture.loop);
    assert_int_equal(fixture.waiters[0].err.code, ERROR_STOPPED);
    assert_string_equal(fixture.waiters[1].credentials->access_key_id, "KEY1");
    fixture_end(&fixture);
}

static void cancel_first(void *data)
{
    struct fixture *fixture = data;

    credentials_cancel(&fixture->waiters[0].request);
}

/* At the nth turn of the loop, for n = 1, 2, … until a pass has no such turn; how many were
 * stopped. */
static unsigned cancel_at_every_turn(unsigned fail_from)
{
    unsigned turn = 0, cancelled = 0;
    bool reached = true;

    while (reached) {
        struct fixture fixture = {0};
        struct turns turns;
        const struct waiter *waiter = &fixture.waiters[0];

        fixture_start(&fixture);
        fixture.fail_from = fail_from;
        turns_start(&turns, &fixture.loop, ++turn, cancel_first, &fixture);
        start(&fixture, 0);
        loop_run(&fixture.loop);
        reached = turns.count >= turn;
        assert_int_equal(waiter->done, 1);
        cancelled += waiter->err.code == ERROR_STOPPED;
        if (waiter->err.code != ERROR_STOPPED)
            assert_true((waiter->credentials != NULL) == (fail_from == 0));
        turns_end(&turns);
        fixture_end(&fixture);
    }
    return cancelled;
}

static void test_cancel_at_every_turn_of_tries(void **state)
{
    (void)state;
    assert_true(cancel_at_every_turn(1) > 3);
}

static void use_config(const char *text)
{
    char *path = file_join(fixture_folder, "config");
    struct error err;

    assert_ok(file_write(path, text, strlen(text), &err), &err);
    setenv("AWS_CONFIG_FILE", path, 1);
    free(path);
}

static void test_cancel_at_every_turn_of_a_role(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    use_config("[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n");
    fixture_start(&fixture);
    assert_string_equal(key_of(&fixture, 0), "ROLE");
    assert_string_equal(fixture.waiters[0].credentials->source,
        "profile default, role r from the instance's metadata service");
    assert_int_equal(origin_request_count(fixture.origin), 4);
    fixture_end(&fixture);
    assert_true(cancel_at_every_turn(0) > 3);
    unsetenv("AWS_CONFIG_FILE");
}

static void test_cancel_ends_a_process(void **state)
{
    const uint64_t start_ns = time_monotonic_ns();

    (void)state;
    use_config("[default]\ncredential_process = sleep 0.3\n");
    assert_true(cancel_at_every_turn(1) > 1);
    use_config("[default]\ncredential_process = sleep 3600\n");
    for (unsigned turn = 1; turn <= 2;
         turn++) { /* its last turn comes with its end: not waited for */
        struct fixture fixture = {0};
        struct turns turns;

        fixture_start(&fixture);
        turns_start(&turns, &fixture.loop, turn, cancel_first, &fixture);
        start(&fixture, 0);
        loop_run(&fixture.loop);
        assert_int_equal(fixture.waiters[0].err.code, ERROR_STOPPED);
        turns_end(&turns);
        fixture_end(&fixture);
    }
    assert_true(time_monotonic_ns() - start_ns < 60U * 1000000000U);
    unsetenv("AWS_CONFIG_FILE");
}

static void test_freed_while_it_fetches_ahead(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    fixture_start(&fixture);
    fixture.expires_ms = clock_ms + MS_PER_HOUR;
    key_of(&fixture, 0);
    clock_ms += MS_PER_HOUR - 2 * MS_PER_MINUTE;
    fixture.delay_ms = 200;
    assert_non_null(credentials_now(fixture.chain));
    fixture_end(&fixture); /* cancelled: it ends soon, and leaves nothing */
}

static void test_the_region(void **state)
{
    static const struct {
        const char *config, *variable, *region;
    } cases[] = {
        {"[default]\nregion = eu-north-1\n[profile x]\nregion = sa-east-1\n", NULL, "eu-north-1"},
        {"[default]\nregion = eu-north-1\n", "eu-south-1", "eu-south-1"},
        {"[default\nregion = eu-north-1\n", NULL, NULL}, /* whoever wants credentials is told */
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct aws_settings settings;

        use_config(cases[i].config);
        if (cases[i].variable)
            setenv("AWS_DEFAULT_REGION", cases[i].variable, 1);
        aws_settings_read(&settings, NULL);
        assert_true(text_equal(aws_settings_region(&settings), cases[i].region));
        aws_settings_deinit(&settings);
        unsetenv("AWS_DEFAULT_REGION");
    }
    unsetenv("AWS_CONFIG_FILE");
}

int main(void)
{
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetched_once_for_all_who_wait),
        cmocka_unit_test(test_fetched_ahead_of_the_expiry),
        cmocka_unit_test(test_looking_fetches_ahead_as_well),
        cmocka_unit_test(test_after_the_expiry_one_waits),
        cmocka_unit_test(test_the_old_ones_serve_while_fetching_fails),
        cmocka_unit_test(test_what_a_server_refused_is_fetched_anew),
        cmocka_unit_test(test_a_refused_one_is_not_handed_out_when_fetching_fails),
        cmocka_unit_test(test_what_comes_expired_is_used_for_a_while),
        cmocka_unit_test(test_who_cancels_does_not_stop_the_others),
        cmocka_unit_test(test_who_comes_after_a_cancel_is_served),
        cmocka_unit_test(test_cancel_at_every_turn_of_tries),
        cmocka_unit_test_setup_teardown(
            test_cancel_at_every_turn_of_a_role, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test_setup_teardown(
            test_cancel_ends_a_process, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_freed_while_it_fetches_ahead),
        cmocka_unit_test_setup_teardown(
            test_the_region, fixture_folder_make, fixture_folder_remove),
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(variables); i++)
        unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
