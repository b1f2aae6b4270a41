#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/cli/progress_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct task_progress four[] = {
    {.id = "extract.strikes",
        .state = TASK_DONE,
        .share = 1,
        .rows = 10000,
        .bytes_done = 1258291,
        .elapsed_ms = 400},
    {.id = "transform.clean",
        .state = TASK_RUNNING,
        .activity = "checking",
        .share = 0.25,
        .rows = 1234567,
        .bytes_done = 3145728,
        .elapsed_ms = 3000},
    {.id = "load.clean", .state = TASK_WAITING, .share = -1},
    {.id = "load.monthly",
        .state = TASK_FAILED,
        .share = -1,
        .error = "no space\non the disk, remove something and run again"},
};

static struct progress_frame frame_of(unsigned width, unsigned height)
{
    return (struct progress_frame){.title = "birdstrikes",
        .status = "running",
        .elapsed_ms = 3500,
        .tasks = four,
        .count = ARRAY_LENGTH(four),
        .width = width,
        .height = height};
}

static char *render(const struct progress_frame *frame, unsigned *ret_lines)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    *ret_lines = progress_view_render(frame, &buffer);
    return buffer_steal(&buffer);
}

static void test_lines_at_80_columns(void **state)
{
    const struct progress_frame frame = frame_of(80, 24);
    unsigned lines;
    char *text = render(&frame, &lines);

    (void)state;
    assert_int_equal(lines, 5);
    assert_string_equal(text,
        "birdstrikes  running  2 of 4 tasks  3.5s\n"
        "✓ extract.strikes                          10,000 rows       1.2 MiB      400ms\n"
        "⠋ transform.clean  ━━━─────────  25%    1,234,567 rows     1.0 MiB/s    9s left\n"
        "· load.clean\n"
        "✗ load.monthly     no space\\non the disk, remove something and run again\n");
    free(text);
}

/* Whatever the width and height: no line wraps, no row too many, and the count is right. */
static void test_nothing_overflows(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 220; width++) {
        for (unsigned height = 1; height <= 12; height++) {
            struct progress_frame frame = frame_of(width, height);
            unsigned lines, counted = 0;
            char *text;

            frame.tick = width * 7 + height;
            frame.color = width % 2;
            text = render(&frame, &lines);
            for (const char *line = text; *line; counted++) {
                const size_t length = strcspn(line, "\n");

                assert_true(print_styled_width(line, length) <= MAX(width, 20) - 1);
                line += length + 1;
            }
            assert_int_equal(counted, lines);
            assert_true(lines <= MAX(height, 3) - 1);
            free(text);
        }
    }
}

static void test_folding_shows_what_runs(void **state)
{
    struct task_progress many[40];
    struct progress_frame frame = frame_of(80, 6);
    char ids[40][16];
    unsigned lines;
    char *text;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(ids[i], sizeof(ids[i]), "extract.e%02u", i);
        many[i] = (struct task_progress){.id = ids[i],
            .state = i < 20    ? TASK_DONE
                     : i == 30 ? TASK_RUNNING
                     : i == 35 ? TASK_FAILED
                               : TASK_WAITING,
            .share = -1,
            .error = i == 35 ? "broken" : NULL};
    }
    frame.tasks = many;
    frame.count = 40;
    text = render(&frame, &lines);
    assert_int_equal(lines, 5);
    assert_non_null(strstr(text, "e30"));
    assert_non_null(strstr(text, "e35  broken"));
    assert_non_null(strstr(text, "e20")); /* the first that waits */
    assert_null(strstr(text, "e00"));
    assert_non_null(strstr(text, "… and 17 waiting, 20 done\n"));
    free(text);
}

static void test_unknown_share_moves(void **state)
{
    struct task_progress task = {.id = "load.x", .state = TASK_RUNNING, .share = -1};
    struct progress_frame frame = frame_of(100, 24);
    unsigned lines;
    char *first, *second;

    (void)state;
    frame.tasks = &task;
    frame.count = 1;
    first = render(&frame, &lines);
    frame.tick = 10; /* the same glyph of the spinner */
    second = render(&frame, &lines);
    assert_string_not_equal(first, second);
    assert_null(strchr(first, '%'));
    free(first);
    free(second);
}

static void test_color_only_where_wanted(void **state)
{
    struct progress_frame frame = frame_of(200, 24);
    unsigned lines;
    char *text = render(&frame, &lines);

    (void)state;
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "checking"));
    free(text);
    frame.color = true;
    text = render(&frame, &lines);
    assert_non_null(strstr(text, "\033[31m✗\033[0m load.monthly"));
    free(text);
}

static void test_bytes_give_a_share(void **state)
{
    struct task_progress task = {.id = "extract.x",
        .state = TASK_RUNNING,
        .share = -1,
        .bytes_done = 50,
        .bytes_total = 100};
    struct progress_frame frame = frame_of(80, 24);
    unsigned lines;
    char *text;

    (void)state;
    frame.tasks = &task;
    frame.count = 1;
    text = render(&frame, &lines);
    assert_non_null(strstr(text, " 50%"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_at_80_columns),
        cmocka_unit_test(test_nothing_overflows),
        cmocka_unit_test(test_folding_shows_what_runs),
        cmocka_unit_test(test_unknown_share_moves),
        cmocka_unit_test(test_color_only_where_wanted),
        cmocka_unit_test(test_bytes_give_a_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
