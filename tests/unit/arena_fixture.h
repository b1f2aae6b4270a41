/* An arena for each test: setup and teardown for cmocka, which is to be included before. */
#ifndef TESTS_UNIT_ARENA_FIXTURE_H
#define TESTS_UNIT_ARENA_FIXTURE_H

#include "runner/base/arena.h"

static struct arena arena;

static inline int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

#endif
