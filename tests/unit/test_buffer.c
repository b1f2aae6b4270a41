#include "runner/base/buffer.h"
#include "tests/unit/dies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void it_grows_and_ends_in_a_nul(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    assert_int_equal(buffer.limit, BUFFER_LIMIT_DEFAULT);
    assert_string_equal(buffer.data, "");
    for (size_t i = 0; i < 1000; i++) {
        buffer_putc(&buffer, (char)('a' + i % 26));
        assert_int_equal(buffer.length, i + 1);
        assert_int_equal(buffer.data[i + 1], '\0');
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(buffer.data[i], 'a' + i % 26);
    assert_false(buffer.overflowed);
    buffer_deinit(&buffer);
}

static void bytes_and_texts_are_appended(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    buffer_puts(&buffer, "a");
    buffer_puts(&buffer, "");
    buffer_append(&buffer, NULL, 0);
    buffer_append(&buffer, "\0b", 2);
    buffer_printf(&buffer, "%d%s", 7, "c");
    assert_int_equal(buffer.length, 5);
    assert_memory_equal(buffer.data, "a\0b7c", 6);
    buffer_deinit(&buffer);
}

/* Around the size up to which it is formatted in place. */
static void printed_texts_of_any_length_are_whole(void **state)
{
    (void)state;
    for (int length = 250; length < 262; length++) {
        struct buffer buffer;

        buffer_init(&buffer, 0);
        buffer_printf(&buffer, "%*d", length, 5);
        assert_int_equal(buffer.length, length);
        assert_int_equal(buffer.data[length - 1], '5');
        assert_int_equal(strlen(buffer.data), length);
        buffer_deinit(&buffer);
    }
}

static void over_the_limit_it_keeps_what_fitted(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 10);
    buffer_puts(&buffer, "0123456789");
    assert_false(buffer.overflowed);
    buffer_puts(&buffer, "");
    assert_false(buffer.overflowed);
    buffer_putc(&buffer, 'x');
    assert_true(buffer.overflowed);
    assert_string_equal(buffer.data, "0123456789");
    buffer_truncate(&buffer, 8);
    assert_true(buffer.overflowed); /* it is remembered */
    buffer_printf(&buffer, "%s", "abcdef");
    assert_string_equal(buffer.data, "01234567ab");
    buffer_clear(&buffer);
    assert_false(buffer.overflowed);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer.data, "");
    buffer_printf(&buffer, "%0300d", 1);
    assert_true(buffer.overflowed);
    assert_string_equal(buffer.data, "0000000000");
    buffer_deinit(&buffer);
}

static void memory_stays_within_the_limit(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 1000);
    for (int i = 0; i < 1000; i++)
        buffer_putc(&buffer, 'x');
    assert_false(buffer.overflowed);
    assert_int_equal(buffer.length, 1000);
    assert_true(buffer.capacity <= 1001);
    buffer_deinit(&buffer);
    buffer_init(&buffer, SIZE_MAX);
    buffer_puts(&buffer, "without a limit");
    assert_string_equal(buffer.data, "without a limit");
    buffer_deinit(&buffer);
}

static void room_is_reserved_and_used(void **state)
{
    struct buffer buffer;
    char *room;

    (void)state;
    buffer_init(&buffer, 100);
    buffer_puts(&buffer, "ab");
    room = buffer_reserve(&buffer, 98);
    assert_non_null(room);
    memset(room, 'x', 98);
    buffer_advance(&buffer, 3); /* fewer than were asked for */
    assert_string_equal(buffer.data, "abxxx");
    assert_null(buffer_reserve(&buffer, 96));
    assert_true(buffer.overflowed);
    assert_string_equal(buffer.data, "abxxx");
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_deinit(&buffer);
}

static void the_bytes_can_be_taken(void **state)
{
    struct buffer buffer;
    char *taken;

    (void)state;
    buffer_init(&buffer, 50);
    taken = buffer_steal(&buffer); /* of nothing: a text of its own */
    assert_string_equal(taken, "");
    free(taken);
    buffer_puts(&buffer, "text");
    taken = buffer_steal(&buffer);
    assert_string_equal(taken, "text");
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.limit, 50);
    buffer_puts(&buffer, "next");
    assert_string_equal(buffer.data, "next");
    assert_string_equal(taken, "text");
    free(taken);
    buffer_deinit(&buffer);
}

static void it_may_be_released_zeroed_or_twice(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_deinit(&buffer);
    assert_string_equal(buffer.data, "");
    buffer_init(&buffer, 0);
    buffer_puts(&buffer, "x");
    buffer_deinit(&buffer);
    buffer_deinit(&buffer);
    assert_int_equal(buffer.length, 0);
    buffer_puts(&buffer, "again");
    assert_string_equal(buffer.data, "again");
    buffer_deinit(&buffer);
}

static void call_truncate_to_more(void)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    buffer_truncate(&buffer, 1);
}

static void call_advance_without_room(void)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    buffer_advance(&buffer, 1);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    assert_true(dies(call_truncate_to_more));
    assert_true(dies(call_advance_without_room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_and_ends_in_a_nul),
        cmocka_unit_test(bytes_and_texts_are_appended),
        cmocka_unit_test(printed_texts_of_any_length_are_whole),
        cmocka_unit_test(over_the_limit_it_keeps_what_fitted),
        cmocka_unit_test(memory_stays_within_the_limit),
        cmocka_unit_test(room_is_reserved_and_used),
        cmocka_unit_test(the_bytes_can_be_taken),
        cmocka_unit_test(it_may_be_released_zeroed_or_twice),
        cmocka_unit_test(misuse_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
