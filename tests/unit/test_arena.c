#include "runner/base/arena.h"
#include "runner/base/mem.h"
#include "tests/unit/dies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static volatile size_t near_the_end = SIZE_MAX - 20; /* not a constant: compilers would warn */

static bool is_aligned(const void *pointer)
{
    return (uintptr_t)pointer % _Alignof(max_align_t) == 0;
}

/* Of sizes around a block's, each filled: a sanitizer sees an overlap with the heap, the pattern
 * one among themselves. */
static void allocations_are_zeroed_aligned_and_apart(void **state)
{
    enum { COUNT = 3000 };
    static unsigned char *memory[COUNT];
    static size_t sizes[COUNT];
    struct arena arena;
    size_t total = 0;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 100 == 0 ? 16 * 1024 - 50 + i / 30 : i % 37;
        memory[i] = arena_alloc(&arena, sizes[i]);
        assert_true(is_aligned(memory[i]));
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(memory[i][j], 0);
        memset(memory[i], (int)(i % 251), sizes[i]);
        total += sizes[i];
        assert_true(arena.total_bytes >= total);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(memory[i][j], i % 251);
    }
    arena_deinit(&arena);
}

static void larger_than_a_block_is_fine(void **state)
{
    struct arena arena;
    char *large;

    (void)state;
    arena_init(&arena);
    large = arena_alloc(&arena, 1 << 20);
    memset(large, 'x', 1 << 20);
    assert_string_equal(arena_strdup(&arena, "after"), "after");
    assert_int_equal(large[(1 << 20) - 1], 'x');
    arena_deinit(&arena);
}

static void texts_are_copied(void **state)
{
    static const char unterminated[3] = {'a', 'b', 'c'};
    char changing[] = "text";
    struct arena arena;
    const char *copy;

    (void)state;
    arena_init(&arena);
    copy = arena_strdup(&arena, changing);
    changing[0] = 'n';
    assert_string_equal(copy, "text");
    assert_string_equal(arena_strndup(&arena, unterminated, 3), "abc");
    assert_string_equal(arena_strndup(&arena, "abc", 0), "");
    assert_string_equal(arena_printf(&arena, "%s.%d", "x", 7), "x.7");
    assert_int_equal(strlen(arena_printf(&arena, "%040000d", 1)), 40000);
    arena_deinit(&arena);
}

static void arrays_and_objects_have_their_size(void **state)
{
    struct pair {
        int64_t a, b;
    };
    struct arena arena;
    struct pair *pairs, *one;

    (void)state;
    arena_init(&arena);
    pairs = arena_array(&arena, 10, sizeof(*pairs));
    one = arena_new(&arena, struct pair);
    pairs[9].b = 5;
    assert_int_equal(one->a, 0);
    one->b = 6;
    assert_int_equal(pairs[9].b, 5);
    assert_non_null(arena_array(&arena, 0, 8));
    assert_int_equal(arena.total_bytes, 11 * sizeof(struct pair));
    arena_deinit(&arena);
}

static void it_may_be_released_twice_and_used_again(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    arena_deinit(&arena);
    arena_alloc(&arena, 100);
    arena_deinit(&arena);
    arena_deinit(&arena);
    assert_int_equal(arena.total_bytes, 0);
    assert_string_equal(arena_strdup(&arena, "again"), "again");
    arena_deinit(&arena);
}

static void call_near_the_end(void)
{
    struct arena arena;

    arena_init(&arena);
    arena_alloc(&arena, near_the_end);
}

static void call_wrapping_array(void)
{
    struct arena arena;

    arena_init(&arena);
    arena_array(&arena, near_the_end, 8);
}

static void impossible_sizes_end_the_process(void **state)
{
    (void)state;
    assert_true(dies(call_near_the_end));
    assert_true(dies(call_wrapping_array));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(larger_than_a_block_is_fine),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(arrays_and_objects_have_their_size),
        cmocka_unit_test(it_may_be_released_twice_and_used_again),
        cmocka_unit_test(impossible_sizes_end_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
