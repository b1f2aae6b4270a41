#include "runner/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void test_invalid_bytes_are_kept_readable(void **state)
{
    json_t *object = json_object();
    char *line;

    (void)state;
    json_put_text(object, "file", "a\xff.csv");
    json_put_text(object, "none", NULL);
    json_put_int(object, "rows", INT64_MAX);
    json_put_time(object, "at", 0);
    line = json_line(object);
    assert_string_equal(line, "{\"file\":\"a\xef\xbf\xbd.csv\",\"rows\":9223372036854775807,"
                              "\"at\":\"1970-01-01T00:00:00.000Z\"}");
    free(line);
    json_decref(object);
}

static void test_parsing(void **state)
{
    struct error err = {0};
    json_t *value = json_parse("{\"a\":1,\"b\":\"x\"}", 15, &err);

    (void)state;
    assert_non_null(value);
    assert_int_equal(json_get_int(value, "a", 7), 1);
    assert_int_equal(json_get_int(value, "b", 7), 7);
    assert_string_equal(json_get_text(value, "b"), "x");
    assert_null(json_get_text(value, "c"));
    json_decref(value);
    assert_null(json_parse("{\"a\":1,}", 8, &err));
    assert_int_equal(err.code, ERROR_DATA);
    assert_non_null(strstr(err.message, "line 1"));
    assert_null(json_parse("{\"a\":1,\"a\":2}", 13, &err));
    assert_int_equal(json_get_int(NULL, "a", 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invalid_bytes_are_kept_readable),
        cmocka_unit_test(test_parsing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
