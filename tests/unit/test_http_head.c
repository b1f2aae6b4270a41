#include "runner/io/http_head.h"
#include "tests/unit/io_fixture.h"

/* Feeds the text line by line, as curl does; the error of the line that was refused. */
static struct error feed(struct http_head *head, const char *text)
{
    struct error err = {0};

    while (*text && !head->complete && !err.code) {
        const size_t length = strcspn(text, "\n") + 1;

        http_head_line(head, text, length, &err);
        text += length;
    }
    return err;
}

static void expect_head(const char *text, int status, size_t count)
{
    struct http_head head;
    struct error err;

    http_head_init(&head);
    err = feed(&head, text);
    if (err.code)
        fail_msg("%s: %s", text, err.message);
    assert_true(head.complete);
    assert_int_equal(head.status, status);
    assert_int_equal(head.count, count);
    http_head_deinit(&head);
}

static void test_status_lines(void **state)
{
    static const char *const bad[] = {"hello\r\n", "\r\n", " HTTP/1.1 200 OK\r\n", "HTTP/1.1\r\n",
        "HTTP/1.1 20\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1  200 OK\r\n", "http/1.1 200 OK\r\n", "HTTP 200 OK\r\n"};

    (void)state;
    expect_head("HTTP/1.1 200 OK\r\n\r\n", 200, 0);
    expect_head("HTTP/1.0 404\r\n\r\n", 404, 0);
    expect_head("HTTP/1.1 599 \n\n", 599, 0);
    expect_head("HTTP/1.1 100 Go on\r\nA: 1\r\n\r\nHTTP/1.1 103 Hint\r\nB: 1\r\n\r\n"
                "HTTP/1.1 206 Part\r\nC: 1\r\n\r\n",
        206, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct http_head head;
        struct error err;

        http_head_init(&head);
        err = feed(&head, bad[i]);
        assert_int_equal(err.code, ERROR_IO);
        assert_int_equal(head.status, 0);
        http_head_deinit(&head);
    }
}

static void test_headers(void **state)
{
    struct http_head head;
    struct error err;

    (void)state;
    http_head_init(&head);
    err = feed(&head, "HTTP/1.1 200 OK\r\n"
                      " stray: continues nothing\r\n"
                      "One:1\r\n"
                      "TWO: \t two words \t\r\n"
                      "Empty:\r\n"
                      "no colon\r\n"
                      " goes with it\r\n"
                      "bad name: x\r\n"
                      ": no name\r\n"
                      "Folded: a\r\n"
                      "  b  \r\n"
                      "\tc: d\r\n"
                      " \r\n"
                      "Twice: first\r\n"
                      "twice: last\r\n"
                      "Colon: a:b\r\n"
                      "Bytes: \xff\xfe\r\n"
                      "\r\n");
    assert_int_equal(err.code, ERROR_NONE);
    assert_true(head.complete);
    assert_string_equal(http_head_find(&head, "one"), "1");
    assert_string_equal(http_head_find(&head, "Two"), "two words");
    assert_string_equal(http_head_find(&head, "empty"), "");
    assert_string_equal(http_head_find(&head, "folded"), "a b c: d");
    assert_string_equal(http_head_find(&head, "TWICE"), "last");
    assert_string_equal(http_head_find(&head, "colon"), "a:b");
    assert_string_equal(http_head_find(&head, "bytes"), "\xff\xfe");
    assert_null(http_head_find(&head, "stray"));
    assert_null(http_head_find(&head, "bad name"));
    assert_null(http_head_find(&head, ""));
    assert_null(http_head_find(&head, "c"));
    assert_int_equal(head.count, 8);
    http_head_clear(&head);
    assert_false(head.complete);
    assert_null(http_head_find(&head, "one"));
    http_head_deinit(&head);
}

static void test_nul_bytes_are_refused(void **state)
{
    struct http_head head;
    struct error err;

    (void)state;
    http_head_init(&head);
    assert_ok(http_head_line(&head, "HTTP/1.1 200 OK", 15, &err), &err);
    assert_int_equal(http_head_line(&head, "A: x\0y\r\n", 8, &err), -1);
    assert_int_equal(err.code, ERROR_IO);
    http_head_deinit(&head);
}

/* All lines count, those of interim answers and those that are left out, too. */
static void test_limit(void **state)
{
    static const char *const lines[] = {"A: b\r\n", "no colon\r\n", "HTTP/1.1 100 Go\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        size_t fed = 0, length = strlen(lines[i]);
        struct http_head head;
        struct error err = {0};

        http_head_init(&head);
        if (i < 2)
            assert_ok(http_head_line(&head, "HTTP/1.1 200 OK\r\n", 17, &err), &err);
        fed = head.bytes;
        for (; fed + length <= HTTP_HEAD_BYTES_MAX; fed += length) {
            err = feed(&head, lines[i]);
            assert_int_equal(err.code, ERROR_NONE);
        }
        err = feed(&head, lines[i]);
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_contains(err.message, "64 KiB");
        assert_false(head.text.overflowed);
        http_head_deinit(&head);
    }
}

static void test_lengths(void **state)
{
    static const struct {
        const char *headers;
        bool fine;
    } cases[] = {
        {"", true},
        {"Content-Length: 0\r\n", true},
        {"Content-Length: 123456789012345678\r\n", true},
        {"Content-Length: 5\r\ncontent-length: 5\r\n", true},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", false},
        {"Content-Length:\r\n", false},
        {"Content-Length: -1\r\n", false},
        {"Content-Length: 5, 5\r\n", false},
        {"Content-Length: 0x10\r\n", false},
        {"Content-Length: 1234567890123456789\r\n", false},
        {"Content-Length: -1\r\nTransfer-Encoding: chunked\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *text = mem_printf("HTTP/1.1 200 OK\r\n%s\r\n", cases[i].headers);
        struct http_head head;
        struct error err;

        http_head_init(&head);
        assert_int_equal(feed(&head, text).code, ERROR_NONE);
        assert_int_equal(http_head_check_length(&head, &err) == 0, cases[i].fine);
        assert_true(cases[i].fine || err.code == ERROR_IO);
        http_head_deinit(&head);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_lines),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
