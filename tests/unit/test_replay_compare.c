/* What a replay says of a run that ended as it was recorded, and of one that did not. */
#include "runner/cli/replay_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char good[] =
    "{\"outcome\":\"succeeded\",\"tables\":{\"load.x\":3},\"record\":{\"tasks\":["
    "{\"task\":\"extract.x\",\"state\":\"done\",\"rows\":2,\"duration_ms\":1},"
    "{\"task\":\"load.x\",\"state\":\"done\",\"rows\":2,\"checks\":[{\"passed\":true}],"
    "\"content\":{\"rows\":\"2\",\"sum\":\"9\",\"columns\":{\"a\":\"4\",\"b\":\"5\"}}}]}}";

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *value = json_parse(text, strlen(text), &err);

    if (!value)
        fail_msg("%s: %s", text, err.message);
    return value;
}

/* `good` with one text in it replaced; the differences, joined by "; ". */
static void assert_differs(const char *from, const char *to, const char *expected)
{
    char text[2048], joined[1024] = "";
    const char *at = strstr(good, from);
    json_t *then = parse(good), *now, *lines;

    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    now = parse(text);
    lines = replay_compare(then, now, "/box", "/root");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const size_t length = strlen(joined);

        snprintf(joined + length, sizeof(joined) - length, "%s%s", i ? "; " : "",
            json_string_value(json_array_get(lines, i)));
    }
    assert_string_equal(joined, expected);
    json_decref(lines);
    json_decref(now);
    json_decref(then);
}

static void test_the_same(void **state)
{
    (void)state;
    assert_differs("\"duration_ms\":1", "\"duration_ms\":7", "");
}

static void test_what_is_different(void **state)
{
    (void)state;
    assert_differs(
        "\"a\":\"4\"", "\"a\":\"6\"", "load.x: values of column a are others than recorded");
    assert_differs("\"sum\":\"9\"", "\"sum\":\"8\"",
        "load.x: each column has the values that were recorded, in other rows");
    assert_differs(",\"b\":\"5\"", "", "load.x: column b is gone");
    assert_differs("\"b\":\"5\"", "\"b\":\"5\",\"c\":\"1\"", "load.x: column c is new");
    assert_differs("\"rows\":\"2\"", "\"rows\":\"3\"", "load.x: 3 rows, and 2 were recorded");
    assert_differs("true", "false", "load.x: its checks come out otherwise than recorded");
    assert_differs("load.x\":3", "load.x\":2",
        "load.x: somebody else changed its table while the run was recorded (position 3, in the "
        "recording 2); record it again");
    assert_differs("\"task\":\"extract.x\"", "\"task\":\"extract.y\"",
        "extract.x: the pipeline does not have it any more; extract.y: it was not recorded");
    assert_differs("\"succeeded\"", "\"nothing_new\"",
        "the run ended as \"nothing_new\", and as \"succeeded\" when it was recorded");
    assert_differs("\"outcome\"", "\"error\":\"gone\",\"outcome\"",
        "the run ended with \"success\", and now with \"gone\"");
}

static void test_errors_in_another_folder(void **state)
{
    json_t *then = parse("{\"error\":\"/root/x.csv: bad\"}");
    json_t *now = parse("{\"error\":\"/box/x.csv: bad\"}"), *lines;

    (void)state;
    lines = replay_compare(then, now, "/box", "/root");
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
    lines = replay_compare(then, now, "/other", "/root");
    assert_int_equal(json_array_size(lines), 1);
    json_decref(lines);
    json_decref(then);
    json_decref(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same),
        cmocka_unit_test(test_what_is_different),
        cmocka_unit_test(test_errors_in_another_folder),
    };

    return cmocka_run_group_tests_name("replay_compare", tests, NULL, NULL);
}
