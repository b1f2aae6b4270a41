#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/cli/log_reader.h"
#include "runner/io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t at(const char *text)
{
    int64_t time_ms = 0;

    assert_int_equal(time_parse(text, &time_ms, NULL), 0);
    return time_ms;
}

/* --- files by name --- */

static void test_files_by_hour(void **state)
{
    struct log_filter filter = {0};

    (void)state;
    assert_true(log_filter_file(&filter, "2026-11-21T06.ndjson"));
    assert_false(log_filter_file(&filter, "2026-11-21T06.ndjson.gz"));
    assert_false(log_filter_file(&filter, "2026-11-21T6.ndjson"));
    assert_false(log_filter_file(&filter, "2026-13-21T06.ndjson"));
    assert_false(log_filter_file(&filter, "x"));
    filter.since_ms = at("2026-11-21T06:30");
    filter.until_ms = at("2026-11-21T08:00");
    assert_false(log_filter_file(&filter, "2026-11-21T05.ndjson"));
    assert_true(log_filter_file(&filter, "2026-11-21T06.ndjson"));
    assert_true(log_filter_file(&filter, "2026-11-21T07.ndjson"));
    assert_false(log_filter_file(&filter, "2026-11-21T08.ndjson"));
}

/* --- lines --- */

static const char line[] =
    "{\"ts\":\"2026-11-21T06:10:00.000Z\",\"level\":\"warn\",\"event\":\"task.retry\",\"msg\":"
    "\"again in 2 s\",\"pipeline\":\"birds\",\"run_id\":\"01a1fd0c-33dc\",\"task\":\"load.clean\","
    "\"attempt\":2,\"why\":\"a b\",\"rows\":3}";

static bool wants(const struct log_filter *filter, const char *text)
{
    json_t *value;
    const bool wanted = log_filter_line(filter, text, strlen(text), &value);

    assert_true(wanted || !value);
    json_decref(value);
    return wanted;
}

static void test_each_filter(void **state)
{
    static const struct {
        struct log_filter yes, no;
    } cases[] = {
        {{.pipeline = "birds"}, {.pipeline = "bird"}},
        {{.task = "load.clean"}, {.task = "clean"}},
        {{.run_id = "01a1fd0c"}, {.run_id = "1a1fd0c"}},
        {{.run_id = "01a1fd0c-33dc"}, {.run_id = "01a1fd0c-33dd"}},
        {{.level = LOG_WARN}, {.level = LOG_ERROR}},
        {{.grep = "in 2 s"}, {.grep = "in 3 s"}},
        {{.pipeline = "birds", .level = LOG_INFO, .grep = "retry"},
            {.pipeline = "birds", .level = LOG_INFO, .grep = "started"}},
    };
    struct log_filter time = {0};

    (void)state;
    assert_true(wants(&time, line));
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(wants(&cases[i].yes, line));
        assert_false(wants(&cases[i].no, line));
    }
    time.since_ms = at("2026-11-21T06:10");
    assert_true(wants(&time, line));
    time.since_ms++;
    assert_false(wants(&time, line));
    time = (struct log_filter){.until_ms = at("2026-11-21T06:10")};
    assert_false(wants(&time, line));
    time.until_ms++;
    assert_true(wants(&time, line));
}

static void test_lines_that_are_no_json(void **state)
{
    const struct log_filter any = {0}, birds = {.pipeline = "birds", .level = LOG_ERROR};

    (void)state;
    assert_true(wants(&any, "{\"ts\":\"2026-11-21T06:10:00.0"));
    assert_true(wants(&any, "Segmentation fault"));
    assert_true(wants(&any, "[1]"));
    assert_false(wants(&any, ""));
    assert_true(wants(&birds, "{\"pipeline\":\"birds\",\"le"));
    assert_false(wants(&birds, "{\"pipeline\":\"fish\",\"le"));
}

static void expect_shown(const char *text, bool color, const char *expected)
{
    const struct log_filter any = {0};
    struct buffer out;
    json_t *value;

    buffer_init(&out, 0);
    assert_true(log_filter_line(&any, text, strlen(text), &value));
    log_filter_show(&out, text, strlen(text), value, color);
    assert_string_equal(out.data, expected);
    json_decref(value);
    buffer_deinit(&out);
}

static void test_what_is_shown(void **state)
{
    (void)state;
    expect_shown(line, false,
        "2026-11-21T06:10:00.000Z warn  birds load.clean again in 2 s  why=\"a b\"  rows=3\n");
    expect_shown("no\x1b[2J json\xff", false, "no\\x1b[2J json\xef\xbf\xbd\n");
    expect_shown("{\"msg\":\"a\\nb\",\"level\":7,\"x\":{\"y\":[1]}}", false,
        "- -     a\\nb  x={\"y\":[1]}\n");
    expect_shown("{\"ts\":\"T\",\"level\":\"error\",\"msg\":\"it broke\"}", true,
        "\033[2mT\033[0m \033[31merror\033[0m \033[36m\033[0m\033[31mit broke\033[0m\033[2m\033["
        "0m\n");
}

/* --- the folder --- */

struct folder {
    char path[64];
    struct log_filter filter;
    struct log_reader reader;
    struct buffer seen; /* lines, each with a space behind it */
    unsigned stop_after;
    int64_t now_ms;
};

static bool on_line(void *data, const char *text, size_t length)
{
    struct folder *folder = data;

    buffer_append(&folder->seen, text, length);
    buffer_putc(&folder->seen, ' ');
    return folder->stop_after == 0 || --folder->stop_after > 0;
}

static void folder_init(struct folder *folder)
{
    *folder = (struct folder){.now_ms = at("2026-11-21T12:00")};
    snprintf(folder->path, sizeof(folder->path), "/tmp/test_logs.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    buffer_init(&folder->seen, 0);
    log_reader_init(&folder->reader, folder->path, &folder->filter, on_line, folder);
}

static void folder_deinit(struct folder *folder)
{
    log_reader_deinit(&folder->reader);
    buffer_deinit(&folder->seen);
    assert_int_equal(file_remove_tree(folder->path, NULL), 0);
}

static void append(struct folder *folder, const char *hour, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/2026-11-21T%s.ndjson", folder->path, hour);
    file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* What came since the last time. */
static void expect_read(struct folder *folder, const char *expected)
{
    struct error err;

    buffer_clear(&folder->seen);
    assert_int_equal(log_reader_read(&folder->reader, folder->now_ms, &err), 0);
    assert_string_equal(folder->seen.data, expected);
}

static void test_files_in_order(void **state)
{
    struct folder folder;

    (void)state;
    folder_init(&folder);
    append(&folder, "03", "c1\nc2\n");
    append(&folder, "01", "a\ncut");
    append(&folder, "02", "\n\nb\n");
    for (int i = 4; i < 10; i++) {
        char hour[16];

        snprintf(hour, sizeof(hour), "%02d", i);
        append(&folder, hour, "x\n");
    }
    folder.filter.until_ms = at("2026-11-21T09:00");
    expect_read(&folder, "a cut   b c1 c2 x x x x x ");
    expect_read(&folder, "");
    folder_deinit(&folder);
}

static void test_following(void **state)
{
    struct folder folder;

    (void)state;
    folder_init(&folder);
    folder.now_ms = at("2026-11-21T06:59:59");
    expect_read(&folder, "");
    append(&folder, "06", "a\nb");
    expect_read(&folder, "a ");
    append(&folder, "06", "b\n");
    expect_read(&folder, "bb ");
    /* The hour changes; a line that was begun before comes later. */
    folder.now_ms = at("2026-11-21T07:00:01");
    append(&folder, "07", "d\n");
    append(&folder, "06", "c\n");
    expect_read(&folder, "c d ");
    append(&folder, "07", "f\n");
    append(&folder, "06", "e\n");
    expect_read(&folder, "e f ");
    /* An hour without lines; the first file is closed by now. */
    folder.now_ms = at("2026-11-21T09:00:01");
    append(&folder, "09", "g\nunfinished");
    expect_read(&folder, "g ");
    assert_int_equal(folder.reader.open_count, 1);
    log_reader_finish(&folder.reader);
    assert_string_equal(folder.seen.data, "g unfinished ");
    folder_deinit(&folder);
}

static void test_lines_across_blocks_and_too_long_ones(void **state)
{
    enum { LONG = 200 * 1000 };
    char *text = mem_calloc(2 * LOG_LINE_MAX, 1);
    struct folder folder;

    (void)state;
    folder_init(&folder);
    memset(text, 'x', LONG);
    append(&folder, "01", text);
    append(&folder, "01", "\nend\n");
    text[LONG] = ' ';
    snprintf(text + LONG + 1, 8, "end ");
    expect_read(&folder, text);
    memset(text, 'y', LOG_LINE_MAX + LOG_LINE_MAX / 2);
    append(&folder, "01", text);
    append(&folder, "01", "\n");
    buffer_clear(&folder.seen);
    assert_int_equal(log_reader_read(&folder.reader, folder.now_ms, NULL), 0);
    assert_int_equal(folder.seen.length, LOG_LINE_MAX + LOG_LINE_MAX / 2 + 2); /* two pieces */
    folder_deinit(&folder);
    free(text);
}

static void test_the_receiver_has_enough(void **state)
{
    struct folder folder;

    (void)state;
    folder_init(&folder);
    append(&folder, "01", "a\nb\nc\n");
    append(&folder, "02", "d\n");
    folder.stop_after = 2;
    expect_read(&folder, "a b ");
    assert_true(folder.reader.stopped);
    expect_read(&folder, "");
    folder_deinit(&folder);
}

static void test_no_folder(void **state)
{
    const struct log_filter any = {0};
    struct log_reader reader;
    struct error err;

    (void)state;
    log_reader_init(&reader, "/tmp/test_logs.not_there", &any, on_line, NULL);
    assert_int_equal(log_reader_read(&reader, 0, &err), 0);
    log_reader_deinit(&reader);
    log_reader_init(&reader, "/dev/null", &any, on_line, NULL);
    assert_int_equal(log_reader_read(&reader, 0, &err), -1);
    assert_true(text_starts(err.message, "log folder /dev/null"));
    log_reader_deinit(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_by_hour),
        cmocka_unit_test(test_each_filter),
        cmocka_unit_test(test_lines_that_are_no_json),
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_files_in_order),
        cmocka_unit_test(test_following),
        cmocka_unit_test(test_lines_across_blocks_and_too_long_ones),
        cmocka_unit_test(test_the_receiver_has_enough),
        cmocka_unit_test(test_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
