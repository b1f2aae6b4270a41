/* Where requests go: hosts, redirects, proxies. */
#include "runner/io/http_private.h"
#include "tests/unit/http_fixture.h"

/* --- URLs --- */

static void test_hosts_of_urls(void **state)
{
    static const struct {
        const char *url, *host;
    } cases[] = {
        {"http://host/path", "http://host"},
        {"HTTPS://Host.Example.COM:443/Path?q#f", "https://host.example.com"},
        {"https://host:80", "https://host:80"},
        {"http://host:80?x", "http://host"},
        {"http://host:/x", "http://host"},
        {"http://[::1]:8080/", "http://[::1]:8080"},
        {"http://[::1]/", "http://[::1]"},
        {"https://name:pass@host:9000/a@b", "https://host:9000"},
        {"http://a@b@host#x", "http://host"},
        {"http://", NULL},
        {"http:///x", NULL},
        {"http://user@/x", NULL},
        {"ftp://host/", NULL},
        {"/path", NULL},
        {"", NULL},
        {NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *host = http_url_host(cases[i].url);

        if (cases[i].host)
            assert_string_equal(host, cases[i].host);
        else
            assert_null(host);
        free(host);
    }
}

static void test_where_locations_lead(void **state)
{
    static const struct {
        const char *from, *location, *to; /* NULL: refused */
        bool foreign;
        enum error_code code;
    } cases[] = {
        {"http://h/a/b?q", "/c?d", "http://h/c?d", false, ERROR_NONE},
        {"http://h/a/b?q", "c", "http://h/a/c", false, ERROR_NONE},
        {"http://h/a/b", "?x=1", "http://h/a/b?x=1", false, ERROR_NONE},
        {"http://h/a", "//other/b", "http://other/b", true, ERROR_NONE},
        {"http://h/a", "http://h:80/b", "http://h:80/b", false, ERROR_NONE},
        {"http://h/a", "http://H/b", "http://H/b", false, ERROR_NONE},
        {"http://h/a", "http://h:81/b", "http://h:81/b", true, ERROR_NONE},
        {"http://h/a", "https://h/b", "https://h/b", true, ERROR_NONE},
        {"http://h/a", "http://h.evil/b", "http://h.evil/b", true, ERROR_NONE},
        {"http://h/a", "http://h@evil/b", "http://evil/b", true, ERROR_NONE},
        {"http://h/a", "http://u:p@evil/b#frag", "http://evil/b", true, ERROR_NONE},
        {"https://h/a", "https://h/a//../b%2F", "https://h/a//../b%2F", false, ERROR_NONE},
        {"https://h/a", "/with space", "https://h/with%20space", false, ERROR_NONE},
        {"https://h/a", "http://h/a", NULL, false, ERROR_DENIED},
        {"https://h/a", "ftp://h/a", NULL, false, ERROR_DENIED},
        {"http://h/a", "file:///etc/passwd", NULL, false, ERROR_DENIED},
        {"http://h/a", "gopher://h/a", NULL, false, ERROR_DENIED},
        {"http://h/a", "http://h:99999/", NULL, false, ERROR_IO},
        {"http://h/a", "http://", NULL, false, ERROR_IO},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *url = NULL;
        bool foreign = false;
        struct error err = {0};
        const int rc = http_url_redirect(cases[i].from, cases[i].location, &url, &foreign, &err);

        assert_int_equal(err.code, cases[i].code);
        if (cases[i].to) {
            assert_int_equal(rc, 0);
            assert_string_equal(url, cases[i].to);
            assert_int_equal(foreign, cases[i].foreign);
        } else {
            assert_int_equal(rc, -1);
            assert_null(url);
        }
        free(url);
    }
}

/* --- redirects --- */

#define SEE(status, location)                                                                      \
    "HTTP/1.1 " status " See\r\nLocation: " location "\r\nContent-Length: 3\r\n\r\nsee"

static const struct http_header secrets[] = {{"Authorization", "secret"}, {"Cookie", "secret"},
    {"X-Amz-Date", "secret"}, {"Content-Type", "text/plain"}, {"Accept", "text/css"}};

static void call_init_with_secrets(
    struct call *call, struct client *client, const char *method, const char *path)
{
    call_init(call, client, method, path);
    call->request.headers = secrets;
    call->request.header_count = ARRAY_LENGTH(secrets);
    call->request.redirects_max = 3;
}

static void test_redirect_to_the_same_host(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = SEE("302", "/two?x=%2F")}, {.bytes = SEE("308", "three")}, {.bytes = OK_HELLO}};
    const struct origin_request *last;
    struct client client = {.options.connections = 1};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 3});
    call_init_with_secrets(&call, &client, "GET", "/one");
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.request.status, 200);
    assert_string_equal(call.body.data, "hello");
    assert_int_equal(call.heads, 1);
    assert_int_equal(call.request.bytes_received, 5);
    assert_string_equal(origin_request(client.origin, 1)->target, "/two?x=%2F");
    last = origin_request(client.origin, 2);
    assert_string_equal(last->target, "/three");
    assert_true(origin_request_has(last, "Authorization: secret"));
    assert_int_equal(origin_connection_count(client.origin), 1);
    call_deinit(&call);
    client_end(&client);
}

static void test_secrets_stay_with_their_host(void **state)
{
    struct origin *other =
        origin_start(&(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    char *text = mem_printf(
        "HTTP/1.1 307 See\r\nLocation: %s/there\r\nContent-Length: 0\r\n\r\n", origin_url(other));
    const struct origin_answer answer = {.bytes = text};
    const struct origin_request *request;
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &answer, .answer_count = 1});
    call_init_with_secrets(&call, &client, "PUT", "/here");
    call.request.body = (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = "abc", .length = 3};
    call_run(&call);
    assert_call_ok(&call);
    assert_contains(origin_request(client.origin, 0)->head, "secret");
    request = origin_request(other, 0);
    assert_string_equal(request->method, "PUT");
    assert_string_equal(request->target, "/there");
    assert_string_equal(request->body, "abc");
    assert_null(strstr(request->head, "secret"));
    assert_true(origin_request_has(request, "Content-Type: text/plain"));
    assert_true(origin_request_has(request, "Accept: text/css"));
    call_deinit(&call);
    client_end(&client);
    origin_stop(other);
    free(text);
}

static void test_what_becomes_of_the_method(void **state)
{
    static const struct {
        const char *answer, *method, *then, *body;
    } cases[] = {
        {SEE("303", "/b"), "PUT", "GET", ""},
        {SEE("303", "/b"), "HEAD", "HEAD", ""},
        {SEE("301", "/b"), "POST", "GET", ""},
        {SEE("302", "/b"), "POST", "GET", ""},
        {SEE("301", "/b"), "PUT", "PUT", "abc"},
        {SEE("307", "/b"), "POST", "POST", "abc"},
        {SEE("308", "/b"), "PUT", "PUT", "abc"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const bool head = strcmp(cases[i].method, "HEAD") == 0;
        const struct origin_answer answers[] = {
            {.bytes = head ? "HTTP/1.1 303 See\r\nLocation: /b\r\nContent-Length: 3\r\n\r\n"
                           : cases[i].answer},
            {.bytes = head ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : OK_HELLO}};
        const struct origin_request *second;
        struct client client = {0};
        struct call call;

        client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
        call_init_with_secrets(&call, &client, cases[i].method, "/a");
        if (!head)
            call.request.body =
                (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = "abc", .length = 3};
        call_run(&call);
        assert_call_ok(&call);
        second = origin_request(client.origin, 1);
        assert_string_equal(second->method, cases[i].then);
        assert_string_equal(second->body, cases[i].body);
        if (strcmp(cases[i].then, "GET") == 0) {
            assert_null(strcasestr(second->head, "content-length:"));
            assert_null(strcasestr(second->head, "content-type:"));
        }
        call_deinit(&call);
        client_end(&client);
    }
}

static void expect_refused(const struct origin_answer *answer, enum error_code code, int status)
{
    struct client client = {0};
    struct call call;

    client_start(&client, &(struct origin_options){.answers = answer, .answer_count = 1});
    call_init(&call, &client, "GET", "/?secret");
    call.request.redirects_max = 3;
    call_run(&call);
    assert_call_failed(&call, code, ERROR_PERMANENT);
    assert_int_equal(call.request.status, status);
    assert_int_equal(call.heads, 0);
    assert_int_equal(call.writes, 0);
    call_deinit(&call);
    client_end(&client);
}

static void test_redirects_that_are_not_followed(void **state)
{
    const struct origin_answer circle = {.bytes = SEE("302", "/")};
    const struct origin_answer file = {.bytes = SEE("302", "file:///etc/passwd")};
    const struct origin_answer garbage = {.bytes = SEE("302", "http://:x:y/")};
    const struct origin_answer nowhere = {
        .bytes = "HTTP/1.1 302 See\r\nContent-Length: 5\r\n\r\nhello"};
    struct client client = {0};
    struct call call;

    (void)state;
    expect_refused(&circle, ERROR_LIMIT, 302);
    expect_refused(&file, ERROR_DENIED, 302);
    expect_refused(&garbage, ERROR_IO, 302);

    /* Without a Location it is an answer; without redirects_max, anything is. */
    client_start(&client, &(struct origin_options){.answers = &nowhere, .answer_count = 1});
    call_init_with_secrets(&call, &client, "GET", "/");
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.request.status, 302);
    assert_string_equal(call.body.data, "hello");
    call_deinit(&call);
    client_end(&client);
}

static int64_t on_read_once(
    struct http_request *request, char *bytes, size_t size, struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    (void)size;
    (void)err;
    if (call->writes++)
        return 0;
    memset(bytes, 'a', 3);
    return 3;
}

static void test_a_stream_is_not_sent_twice(void **state)
{
    const struct origin_answer answers[] = {{.bytes = SEE("307", "/b")}, {.bytes = OK_HELLO}};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
    call_init_with_secrets(&call, &client, "PUT", "/a?secret");
    call.request.body = (struct http_body){
        .kind = HTTP_BODY_STREAM, .length = HTTP_LENGTH_UNKNOWN, .read = on_read_once};
    call_run(&call);
    assert_call_failed(&call, ERROR_IO, ERROR_PERMANENT);
    assert_contains(call.err.message, "stream");
    call_deinit(&call);
    client_end(&client);
}

static void test_a_redirect_with_an_endless_body(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 302 See\r\nLocation: /b\r\nContent-Length: 1000000000\r\n\r\n",
            .fill_bytes = 1000000000},
        {.bytes = OK_HELLO}};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
    call_init_with_secrets(&call, &client, "GET", "/a");
    call_run(&call);
    assert_call_ok(&call);
    assert_string_equal(call.body.data, "hello");
    assert_int_equal(origin_connection_count(client.origin), 2);
    call_deinit(&call);
    client_end(&client);
}

/* --- proxies --- */

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
    "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"};

static void forget_variables(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        unsetenv(variables[i]);
}

/* Whether a GET of what nobody serves comes to the proxy. */
static bool goes_to_proxy(const char *name, const char *no_proxy_name, const char *no_proxy)
{
    struct origin *proxy =
        origin_start(&(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    struct client client = {0};
    struct call call;
    bool came;

    forget_variables();
    setenv(name, origin_url(proxy), 1);
    if (no_proxy_name)
        setenv(no_proxy_name, no_proxy, 1);
    client_start(&client, NULL);
    call_init(&call, &client, "GET", "http://localhost:9/path");
    call.request.no_proxy = no_proxy && !no_proxy_name;
    call_run(&call);
    came = origin_request_count(proxy) > 0;
    if (came) {
        assert_call_ok(&call);
        assert_string_equal(origin_request(proxy, 0)->target, "http://localhost:9/path");
        assert_string_equal(call.body.data, "hello");
    } else {
        assert_int_equal(call.err.code, ERROR_IO); /* refused */
    }
    call_deinit(&call);
    client_end(&client);
    origin_stop(proxy);
    forget_variables();
    return came;
}

static void test_proxies_of_the_environment(void **state)
{
    (void)state;
    assert_true(goes_to_proxy("http_proxy", NULL, NULL));
    assert_true(goes_to_proxy("HTTP_PROXY", NULL, NULL));
    assert_true(goes_to_proxy("ALL_PROXY", NULL, NULL));
    assert_false(goes_to_proxy("https_proxy", NULL, NULL));
    assert_false(goes_to_proxy("http_proxy", "no_proxy", "other.invalid,localhost"));
    assert_false(goes_to_proxy("HTTP_PROXY", "NO_PROXY", "*"));
    assert_true(goes_to_proxy("HTTP_PROXY", "NO_PROXY", "other.invalid"));
    assert_false(goes_to_proxy("http_proxy", NULL, "the request's own choice"));
    /* A CGI script's HTTP_PROXY is the header "Proxy" of whoever called it. */
    assert_false(goes_to_proxy("HTTP_PROXY", "REQUEST_METHOD", "GET"));
}

static void expect_tunnel_refused(const char *bytes, enum error_code code, enum error_class class)
{
    const struct origin_answer answer = {.bytes = bytes, .end = ORIGIN_CLOSE};
    struct origin *proxy =
        origin_start(&(struct origin_options){.answers = &answer, .answer_count = 1});
    struct client client = {0};
    struct call call;

    setenv("https_proxy", origin_url(proxy), 1);
    client_start(&client, NULL);
    call_init(&call, &client, "GET", "https://site.invalid/?secret");
    call.request.no_proxy = false;
    call_run(&call);
    assert_call_failed(&call, code, class);
    assert_contains(call.err.message, "proxy");
    assert_string_equal(origin_request(proxy, 0)->method, "CONNECT");
    assert_string_equal(origin_request(proxy, 0)->target, "site.invalid:443");
    assert_int_equal(call.request.status, 0); /* the proxy's answer is not the server's */
    assert_int_equal(call.heads, 0);
    call_deinit(&call);
    client_end(&client);
    origin_stop(proxy);
    forget_variables();
}

static void test_tunnels_that_are_refused(void **state)
{
    (void)state;
    expect_tunnel_refused(
        "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", ERROR_DENIED, ERROR_PERMANENT);
    expect_tunnel_refused("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n"
                          "Content-Length: 0\r\n\r\n",
        ERROR_DENIED, ERROR_PERMANENT);
    expect_tunnel_refused(
        "HTTP/1.1 502 Not there\r\nContent-Length: 0\r\n\r\n", ERROR_IO, ERROR_TRANSIENT);
}

static void test_proxies_that_cannot_be_used(void **state)
{
    static const struct {
        const char *url;
        enum error_code code;
        enum error_class class;
    } cases[] = {
        {"nonsense://name:secret@proxy.invalid", ERROR_INVALID, ERROR_PERMANENT},
        {"http://name:secret@[proxy", ERROR_INVALID, ERROR_PERMANENT},
        {"http://name:secret@127.0.0.1:9", ERROR_IO, ERROR_TRANSIENT},
        {"http://name:secret@proxy.invalid", ERROR_IO, ERROR_TRANSIENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client client = {0};
        struct call call;

        setenv("https_proxy", cases[i].url, 1);
        client_start(&client, NULL);
        call_init(&call, &client, "GET", "https://site.invalid/");
        call.request.no_proxy = false;
        call_run(&call);
        assert_call_failed(&call, cases[i].code, cases[i].class); /* and no secret is told */
        call_deinit(&call);
        client_end(&client);
        forget_variables();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_of_urls),
        cmocka_unit_test(test_where_locations_lead),
        cmocka_unit_test(test_redirect_to_the_same_host),
        cmocka_unit_test(test_secrets_stay_with_their_host),
        cmocka_unit_test(test_what_becomes_of_the_method),
        cmocka_unit_test(test_redirects_that_are_not_followed),
        cmocka_unit_test(test_a_stream_is_not_sent_twice),
        cmocka_unit_test(test_a_redirect_with_an_endless_body),
        cmocka_unit_test(test_proxies_of_the_environment),
        cmocka_unit_test(test_tunnels_that_are_refused),
        cmocka_unit_test(test_proxies_that_cannot_be_used),
    };

    return cmocka_run_group_tests_name("http_route", tests, NULL, NULL);
}
