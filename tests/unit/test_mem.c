#include "runner/base/mem.h"
#include "tests/unit/dies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Not constants, which compilers would warn of. */
static volatile size_t huge = SIZE_MAX / 2;
static volatile size_t wrapping = SIZE_MAX / 8 + 2; /* times 8 is 8 */

static void memory_is_zeroed(void **state)
{
    unsigned char *bytes = mem_calloc(3, 100);

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(bytes[i], 0);
    free(bytes);
}

static void nothing_is_still_a_pointer(void **state)
{
    void *none = mem_calloc(0, 8), *empty = mem_calloc(8, 0), *shrunk = mem_calloc(8, 8);

    (void)state;
    assert_non_null(none);
    assert_non_null(empty);
    shrunk = mem_realloc(shrunk, 0, 8);
    assert_non_null(shrunk);
    free(none);
    free(empty);
    free(shrunk);
}

static void growing_keeps_what_is_there(void **state)
{
    int *items = NULL;
    size_t capacity = 0, moves = 0;

    (void)state;
    for (size_t count = 0; count < 1000; count++) {
        const size_t before = capacity;

        items = mem_grow(items, &capacity, count, sizeof(*items));
        assert_true(capacity > count);
        moves += capacity != before;
        items[count] = (int)count;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_true(moves < 12); /* it doubles */
    free(items);
}

static void texts_are_copied(void **state)
{
    static const char unterminated[3] = {'a', 'b', 'c'};
    char *whole = mem_strdup("text"), *part = mem_strndup("text", 2);
    char *short_one = mem_strndup("text", 100), *bytes = mem_strndup(unterminated, 3);
    char *printed = mem_printf("%s-%d", "a", 5), *nothing = mem_printf("%s", "");
    char *large = mem_printf("%01000d", 1);

    (void)state;
    assert_string_equal(whole, "text");
    assert_string_equal(part, "te");
    assert_string_equal(short_one, "text");
    assert_string_equal(bytes, "abc");
    assert_string_equal(printed, "a-5");
    assert_string_equal(nothing, "");
    assert_int_equal(strlen(large), 1000);
    free(whole);
    free(part);
    free(short_one);
    free(bytes);
    free(printed);
    free(nothing);
    free(large);
}

struct outer {
    int before;
    struct {
        int value;
    } inner;
};

static void the_container_is_found(void **state)
{
    struct outer outer = {.inner = {5}};

    (void)state;
    assert_ptr_equal(container_of(&outer.inner, struct outer, inner), &outer);
}

static void call_too_large(void)
{
    free(mem_calloc(huge, 1));
}

static void call_wrapping(void)
{
    free(mem_calloc(wrapping, 8));
}

static void call_realloc_wrapping(void)
{
    free(mem_realloc(NULL, wrapping, 8));
}

static void call_small(void)
{
    free(mem_calloc(1, 1));
}

static void no_memory_ends_the_process(void **state)
{
    (void)state;
    assert_true(dies(call_too_large));
    assert_true(dies(call_wrapping));
    assert_true(dies(call_realloc_wrapping));
    assert_false(dies(call_small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(nothing_is_still_a_pointer),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(the_container_is_found),
        cmocka_unit_test(no_memory_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
