/* runner/io/http over TLS: whom it trusts. */
#include "tests/unit/http_fixture.h"

#include <unistd.h>

struct files {
    char *ca, *certificate, *key;
};

static struct files make_files(enum origin_certificate kind)
{
    origin_make_certificate(fixture_folder, kind);
    return (struct files){
        .ca = mem_printf("%s/ca.pem", fixture_folder),
        .certificate = mem_printf("%s/certificate.pem", fixture_folder),
        .key = mem_printf("%s/key.pem", fixture_folder),
    };
}

static void free_files(struct files *files)
{
    free(files->ca);
    free(files->certificate);
    free(files->key);
}

static void start_tls_client(struct client *client, const struct files *files)
{
    client_start(client, &(struct origin_options){.answers = &ok_hello,
                             .answer_count = 1,
                             .certificate = files->certificate,
                             .key = files->key});
}

static void test_private_ca(void **state)
{
    struct files files = make_files(ORIGIN_CERTIFICATE_GOOD);
    struct client client = {.options.ca_file = files.ca};
    struct call call;

    (void)state;
    start_tls_client(&client, &files);
    for (unsigned i = 0; i < 2; i++) {
        char *url = mem_printf("https://localhost:%u/", origin_port(client.origin));

        call_init(&call, &client, "GET", "/");
        if (i == 1)
            call.request.url = url;
        call_run(&call);
        assert_call_ok(&call);
        assert_string_equal(call.body.data, "hello");
        call_deinit(&call);
        free(url);
    }
    client_end(&client);
    free_files(&files);
}

static void test_ca_file_of_the_environment(void **state)
{
    struct files files = make_files(ORIGIN_CERTIFICATE_GOOD);
    struct client client = {0};
    struct call call;

    (void)state;
    setenv("SSL_CERT_FILE", files.ca, 1);
    start_tls_client(&client, &files);
    unsetenv("SSL_CERT_FILE");
    call_init(&call, &client, "GET", "/");
    call_run(&call);
    assert_call_ok(&call);
    call_deinit(&call);
    client_end(&client);
    free_files(&files);
}

static void expect_denied(enum origin_certificate kind, bool with_ca, const char *says)
{
    struct files files = make_files(kind);
    struct client client = {.options.ca_file = with_ca ? files.ca : NULL};
    struct call call;

    start_tls_client(&client, &files);
    call_init(&call, &client, "GET", "/?secret");
    call_run(&call);
    assert_call_failed(&call, ERROR_DENIED, ERROR_PERMANENT);
    assert_contains(call.err.message, says);
    assert_int_equal(call.heads, 0);
    assert_int_equal(origin_request_count(client.origin), 0); /* not a byte of it was sent */
    call_deinit(&call);
    client_end(&client);
    free_files(&files);
}

static void test_certificates_that_are_refused(void **state)
{
    (void)state;
    expect_denied(ORIGIN_CERTIFICATE_OTHER_NAME, true, "127.0.0.1");
    expect_denied(ORIGIN_CERTIFICATE_EXPIRED, true, "expired");
    expect_denied(ORIGIN_CERTIFICATE_SELF_SIGNED, true, "certificate");
    expect_denied(ORIGIN_CERTIFICATE_GOOD, false, "issuer"); /* the system does not know the CA */
}

static void test_upload_and_kept_connections(void **state)
{
    const struct origin_answer large = {
        .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", .fill_bytes = 3000000};
    struct files files = make_files(ORIGIN_CERTIFICATE_GOOD);
    struct client client = {.options.ca_file = files.ca, .options.connections = 2};
    const size_t length = 5000000;
    char *bytes = mem_calloc(1, length);
    struct call calls[8];

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &large,
                              .answer_count = 1,
                              .certificate = files.certificate,
                              .key = files.key});
    for (size_t i = 0; i < length; i++)
        bytes[i] = origin_fill(i);
    for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++) {
        call_init(&calls[i], &client, "PUT", "/");
        calls[i].request.body =
            (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = bytes, .length = (int64_t)length};
        call_start(&calls[i]);
    }
    loop_run(&client.loop);
    for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++) {
        assert_call_ok(&calls[i]);
        assert_int_equal(calls[i].body.length, 3000000);
        for (size_t j = 0; j < 3000000; j += 1009)
            assert_int_equal(calls[i].body.data[j], origin_fill(j));
        assert_int_equal(origin_request(client.origin, i)->body_length, length);
        assert_memory_equal(origin_request(client.origin, i)->body, bytes, length);
        call_deinit(&calls[i]);
    }
    assert_int_equal(origin_connection_count(client.origin), 2);
    client_end(&client);
    free_files(&files);
    free(bytes);
}

static void test_no_tls_where_tls_is_asked(void **state)
{
    const struct origin_answer plain = {.bytes = OK_HELLO, .ignore_body = true};
    struct client client = {0};
    struct call call;
    char *url;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &plain, .answer_count = 1});
    call_init(&call, &client, "GET", "/");
    url = mem_printf("https://127.0.0.1:%u/?secret", origin_port(client.origin));
    call.request.url = url;
    call.request.timeouts.connect_ms = 300;
    call_run(&call);
    /* The plain server waits for the end of a line that may never come: then it is the time-out. */
    assert_true(call.err.code == ERROR_IO || call.err.code == ERROR_TIMEOUT);
    assert_int_equal(call.heads, 0);
    call_deinit(&call);
    client_end(&client);
    free(url);
}

static void test_https_does_not_become_http(void **state)
{
    struct files files = make_files(ORIGIN_CERTIFICATE_GOOD);
    const struct origin_answer answer = {
        .bytes = "HTTP/1.1 301 See\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"};
    struct client client = {.options.ca_file = files.ca};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &answer,
                              .answer_count = 1,
                              .certificate = files.certificate,
                              .key = files.key});
    call_init(&call, &client, "GET", "/?secret");
    call.request.redirects_max = 5;
    call_run(&call);
    assert_call_failed(&call, ERROR_DENIED, ERROR_PERMANENT);
    assert_contains(call.err.message, "https");
    call_deinit(&call);
    client_end(&client);
    free_files(&files);
}

/* Through CONNECT the proxy sees names and ciphertext, and none of the headers. */
static void test_tunnel(void **state)
{
    struct files files = make_files(ORIGIN_CERTIFICATE_GOOD);
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 Go\r\nX-Proxy: 1\r\n\r\n", .start_tls = true}, {.bytes = OK_HELLO}};
    const struct http_header header = {"Authorization", "secret"};
    struct client client = {.options.ca_file = files.ca};
    struct call call;
    struct origin *proxy = origin_start(&(struct origin_options){.answers = answers,
        .answer_count = 2,
        .certificate = files.certificate,
        .key = files.key,
        .plain_first = true});

    (void)state;
    client_start(&client, NULL);
    setenv("HTTPS_PROXY", origin_url(proxy), 1);
    call_init(&call, &client, "GET", "https://localhost:8443/x");
    call.request.no_proxy = false;
    call.request.headers = &header;
    call.request.header_count = 1;
    call_run(&call);
    unsetenv("HTTPS_PROXY");
    assert_call_ok(&call);
    assert_string_equal(call.body.data, "hello");
    assert_int_equal(call.heads, 1);
    assert_int_equal(call.heads_seen, 1);
    assert_string_equal(origin_request(proxy, 0)->target, "localhost:8443");
    assert_null(strstr(origin_request(proxy, 0)->head, "secret"));
    assert_string_equal(origin_request(proxy, 1)->target, "/x");
    call_deinit(&call);
    client_end(&client);
    origin_stop(proxy);
    free_files(&files);
}

static void test_bad_ca_files(void **state)
{
    char *path = mem_printf("%s/no-certificate", fixture_folder);
    struct http_options options = {.connections = 1, .ca_file = path};
    struct loop loop;
    struct error err;

    (void)state;
    fixture_loop_init(&loop);
    options.loop = &loop;
    assert_null(http_new(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_contains(err.message, path);
    assert_ok(file_write(path, "hello\n", 6, &err), &err);
    assert_null(http_new(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_contains(err.message, path);
    fixture_loop_deinit(&loop);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_ca),
        cmocka_unit_test(test_ca_file_of_the_environment),
        cmocka_unit_test(test_certificates_that_are_refused),
        cmocka_unit_test(test_upload_and_kept_connections),
        cmocka_unit_test(test_no_tls_where_tls_is_asked),
        cmocka_unit_test(test_https_does_not_become_http),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_bad_ca_files),
    };

    return cmocka_run_group_tests_name(
        "http_tls", tests, fixture_folder_make, fixture_folder_remove);
}
