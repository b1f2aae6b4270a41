/* A client of S3 against a scripted origin (origin.h), for tests of calls and of what is made of
 * them. The credentials are a fake that takes the place of connectors/aws/credentials: key id
 * AKID1, after each expiry AKID2, AKID3, …, and a wait where the test wants one. */
#ifndef TESTS_UNIT_S3_FIXTURE_H
#define TESTS_UNIT_S3_FIXTURE_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "runner/base/buffer.h"
#include "runner/base/log.h"
#include "runner/base/time.h"
#include "tests/unit/io_fixture.h"
#include "tests/unit/origin.h"

#define S3_SECRET "wJalrXUtnFEMI-the-secret"
#define S3_TOKEN "the-session-token-of-a-session"

/* --- credentials --- */

struct credentials_chain {
    struct timer timer;
    struct credentials_request *waiting; /* one at a time is enough here */
    struct aws_credentials credentials;
    char key_id[32];
    unsigned generation, expired_count, start_count;
    bool unsigned_access, cancelled;
    void (*closed)(void *data);
    void *closed_data;
};

/* What the next chain does. */
static struct {
    bool waits;    /* each credential is waited for, for a millisecond */
    bool fails;    /* and then there is none */
    bool no_token; /* long-term keys */
} s3_fake_credentials;

static struct credentials_chain *s3_fixture_chain; /* the one there is */

struct aws_credentials *aws_credentials_ref(const struct aws_credentials *credentials)
{
    struct aws_credentials *counted = (struct aws_credentials *)(uintptr_t)credentials;

    counted->references++;
    return counted;
}

void aws_credentials_unref(const struct aws_credentials *credentials)
{
    if (credentials)
        ((struct aws_credentials *)(uintptr_t)credentials)->references--;
}

static void s3_fake_renew(struct credentials_chain *chain)
{
    snprintf(chain->key_id, sizeof(chain->key_id), "AKID%u", ++chain->generation);
    if (chain->unsigned_access)
        return;
    chain->credentials.access_key_id = chain->key_id;
    chain->credentials.secret_access_key = S3_SECRET;
    chain->credentials.session_token = s3_fake_credentials.no_token ? NULL : S3_TOKEN;
}

struct credentials_chain *credentials_chain_new(const struct credentials_options *options)
{
    struct credentials_chain *chain = mem_new(struct credentials_chain);

    timer_init(&chain->timer, options->loop);
    chain->unsigned_access = options->unsigned_access;
    chain->closed = options->closed;
    chain->closed_data = options->closed_data;
    s3_fake_renew(chain);
    s3_fixture_chain = chain;
    return chain;
}

/* As late as when it was fetching ahead. */
static void s3_fake_on_closed(struct timer *timer)
{
    struct credentials_chain *chain = container_of(timer, struct credentials_chain, timer);

    chain->closed(chain->closed_data);
    free(chain);
}

void credentials_chain_free(struct credentials_chain *chain)
{
    assert_null(chain->waiting);
    assert_int_equal(chain->credentials.references, 0);
    timer_close(&chain->timer, s3_fake_on_closed);
}

static void s3_fake_on_timer(struct timer *timer)
{
    struct credentials_chain *chain = container_of(timer, struct credentials_chain, timer);
    struct credentials_request *request = chain->waiting;
    struct error err = {0};

    chain->waiting = NULL;
    if (chain->cancelled)
        error_set(&err, ERROR_STOPPED, "cancelled");
    else if (s3_fake_credentials.fails)
        error_set(&err, ERROR_DENIED, "no credentials: nobody has any");
    else
        request->credentials = aws_credentials_ref(&chain->credentials);
    request->done(request, err.code ? &err : NULL);
}

void credentials_start(struct credentials_chain *chain, struct credentials_request *request)
{
    assert_null(chain->waiting);
    chain->start_count++;
    chain->waiting = request;
    chain->cancelled = false;
    request->chain = chain;
    timer_start(&chain->timer, 1, 0, s3_fake_on_timer);
}

void credentials_cancel(struct credentials_request *request)
{
    request->chain->cancelled = true;
    timer_start(&request->chain->timer, 0, 0, s3_fake_on_timer);
}

void credentials_expired(struct credentials_chain *chain, const struct aws_credentials *credentials)
{
    assert_ptr_equal(credentials, &chain->credentials);
    chain->expired_count++;
    s3_fake_renew(chain);
}

const struct aws_credentials *credentials_now(struct credentials_chain *chain)
{
    return s3_fake_credentials.waits ? NULL : &chain->credentials;
}

/* --- loop, origin, client --- */

struct s3_fixture {
    struct loop loop;
    struct origin *origin;
    struct s3_client *client;
};

/* `options` may be NULL; loop, endpoint and, where they are not set, quick retries are filled in.
 */
static inline void s3_fixture_init(struct s3_fixture *fixture,
    const struct s3_client_options *options, const struct origin_options *script)
{
    struct s3_client_options own = options ? *options : (struct s3_client_options){0};
    struct error err = {0};

    fixture_loop_init(&fixture->loop);
    fixture->origin = origin_start(script);
    own.loop = &fixture->loop;
    if (!own.endpoint)
        own.endpoint = origin_url(fixture->origin);
    if (!own.retry.attempts)
        own.retry = (struct retry_policy){.attempts = 4, .backoff_ms = 1, .max_backoff_ms = 4};
    fixture->client = s3_client_new(&own, &err);
    if (!fixture->client)
        fail_msg("%s", err.message);
}

static inline void s3_fixture_deinit(struct s3_fixture *fixture)
{
    s3_client_free(fixture->client);
    loop_run(&fixture->loop);
    fixture_loop_deinit(&fixture->loop);
    origin_stop(fixture->origin);
    memset(&s3_fake_credentials, 0, sizeof(s3_fake_credentials));
}

/* "HTTP/1.1 STATUS …" with a body and what headers are given ("Name: value\r\n"); to free(). */
static inline char *s3_answer(int status, const char *headers, const char *body)
{
    char *text = mem_printf("HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n%s", status,
        headers, strlen(body), body);

    return text;
}

static inline char *s3_error_body(const char *code)
{
    return mem_printf("<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>It says no</Message>"
                      "<RequestId>REQ7</RequestId></Error>",
        code);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static inline void s3_http_date(int64_t time_ms, char text[64])
{
    assert_int_equal(time_format(time_ms, "%a, %d %b %Y %H:%M:%S GMT", text, 64, NULL), 0);
}

/* --- how it ended --- */

static inline void s3_good(const struct error *outcome)
{
    if (outcome->code)
        fail_msg("%s", outcome->message);
}

static inline void s3_failed(const struct error *outcome, enum error_code code, const char *words)
{
    if (outcome->code != code)
        fail_msg("%s: %s", error_code_name(outcome->code), outcome->message);
    assert_contains(outcome->message, words);
}

#endif
