/* What the tests of runner/io and of what stands on it share: a loop that must end with no handle
 * left, a folder that goes with the test, and a way to act at each turn of the loop. */
#ifndef TESTS_UNIT_IO_FIXTURE_H
#define TESTS_UNIT_IO_FIXTURE_H

#include "runner/base/mem.h"
#include "runner/io/file.h"
#include "runner/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Fails the test with the error's message. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (err)->message);                                             \
    } while (0)

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("\"%s\" is not in \"%s\"", part, text);                                       \
    } while (0)

static inline void fixture_loop_init(struct loop *loop)
{
    struct error err = {0};

    assert_ok(loop_init(loop, &err), &err);
}

static inline void fixture_loop_deinit(struct loop *loop)
{
    struct error err = {0};

    assert_ok(loop_deinit(loop, &err), &err);
}

/* --- a folder of its own for each test: setup and teardown for cmocka --- */

static char fixture_folder[256];

static inline int fixture_folder_make(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(fixture_folder, sizeof(fixture_folder), "%s/sluice-test-XXXXXX",
        parent && parent[0] ? parent : "/tmp");
    return mkdtemp(fixture_folder) ? 0 : -1;
}

static inline int fixture_folder_remove(void **state)
{
    (void)state;
    return file_remove_tree(fixture_folder, NULL);
}

/* --- turns: calls `act` once, at the n-th turn of the loop (1 …), as long as it runs --- */

struct turns {
    uv_prepare_t prepare;
    unsigned count, act_at; /* act_at 0: never */
    void (*act)(void *data);
    void *data;
};

static inline void turns_on_prepare(uv_prepare_t *prepare)
{
    struct turns *turns = container_of(prepare, struct turns, prepare);

    if (++turns->count == turns->act_at)
        turns->act(turns->data);
}

static inline void turns_start(
    struct turns *turns, struct loop *loop, unsigned act_at, void (*act)(void *data), void *data)
{
    *turns = (struct turns){.act_at = act_at, .act = act, .data = data};
    uv_prepare_init(&loop->uv, &turns->prepare);
    uv_prepare_start(&turns->prepare, turns_on_prepare);
    uv_unref((uv_handle_t *)&turns->prepare); /* it must not keep the loop alive */
}

static inline void turns_end(struct turns *turns)
{
    uv_close((uv_handle_t *)&turns->prepare, NULL);
}

#endif
