#include "runner/base/mem.h"
#include "runner/engine/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct taker {
    struct slot_waiter waiter;
    struct slots *slots;
    bool cancelled, holds;
    unsigned granted;
};

static void take(struct taker *taker)
{
    if (taker->cancelled)
        return;
    taker->holds = slots_take(taker->slots, &taker->waiter);
}

static void on_granted(struct slot_waiter *waiter)
{
    struct taker *taker = container_of(waiter, struct taker, waiter);

    taker->granted++;
    take(taker);
}

static void init(struct taker *takers, unsigned count, struct slots *slots)
{
    for (unsigned i = 0; i < count; i++)
        takers[i] = (struct taker){.waiter = {.granted = on_granted}, .slots = slots};
}

static void test_line_is_served_in_order(void **state)
{
    struct slots slots = {.limit = 2};
    struct taker takers[5];

    (void)state;
    init(takers, 5, &slots);
    for (unsigned i = 0; i < 5; i++)
        take(&takers[i]);
    assert_true(takers[0].holds && takers[1].holds);
    for (unsigned i = 2; i < 5; i++) {
        assert_false(takers[i].holds);
        slots_give(&slots);
        assert_true(takers[i].holds);
        assert_int_equal(takers[i].granted, 1);
    }
    assert_int_equal(slots.used, 2);
    assert_null(slots.first);
    assert_null(slots.last);
}

static void test_one_that_was_cancelled_lets_the_next_pass(void **state)
{
    struct slots slots = {.limit = 1};
    struct taker takers[3];

    (void)state;
    init(takers, 3, &slots);
    for (unsigned i = 0; i < 3; i++)
        take(&takers[i]);
    takers[1].cancelled = true;
    slots_give(&slots);
    assert_int_equal(takers[1].granted, 1);
    assert_false(takers[1].holds);
    assert_true(takers[2].holds);
}

static void test_forgetting_keeps_the_line_whole(void **state)
{
    struct slots slots = {.limit = 1};
    struct taker takers[4];

    (void)state;
    init(takers, 4, &slots);
    for (unsigned i = 0; i < 4; i++)
        take(&takers[i]);
    slots_forget(&slots, &takers[3].waiter); /* the last */
    slots_forget(&slots, &takers[1].waiter); /* the first */
    slots_forget(&slots, &takers[1].waiter);
    assert_ptr_equal(slots.first, &takers[2].waiter);
    assert_ptr_equal(slots.last, &takers[2].waiter);
    slots_give(&slots);
    assert_true(takers[2].holds);
    assert_int_equal(takers[1].granted + takers[3].granted, 0);
    slots_give(&slots);
    assert_int_equal(slots.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_is_served_in_order),
        cmocka_unit_test(test_one_that_was_cancelled_lets_the_next_pass),
        cmocka_unit_test(test_forgetting_keeps_the_line_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
