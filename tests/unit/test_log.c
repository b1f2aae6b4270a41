#include "runner/base/log.h"

#include "runner/base/buffer.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct house {
    char folder[64];
    struct buffer lines;
};

static void keep_line(
    void *data, enum log_level level, const char *event, const char *line, size_t length)
{
    (void)level;
    (void)event;
    buffer_append(data, line, length);
}

static int set_up(void **state)
{
    struct house *house = calloc(1, sizeof(*house));

    snprintf(house->folder, sizeof(house->folder), "/tmp/sluice-log-XXXXXX");
    buffer_init(&house->lines, 0);
    *state = house;
    return mkdtemp(house->folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct house *house = *state;
    DIR *dir = opendir(house->folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(house->folder);
    buffer_deinit(&house->lines);
    free(house);
    return 0;
}

static struct log *open_log(struct house *house, const char *filter, const char *dir)
{
    const struct log_options options = {
        .format = LOG_FORMAT_JSON, .fd = -1, .filter = filter, .dir = dir, .keep_ms = MS_PER_HOUR};
    struct error err = {0};
    struct log *log = log_new(&options, &err);

    assert_string_equal(err.message, "");
    log_set_sink(log, keep_line, &house->lines);
    return log;
}

static void test_keys_come_in_their_order(void **state)
{
    struct house *house = *state;
    struct log *log = open_log(house, NULL, NULL);
    const struct log_context context = {
        .pipeline = "p", .instance = "", .run_id = "r", .task = "load.x", .attempt = 2};
    json_t *fields = json_object(), *line;
    const char *key;
    json_t *value;
    char keys[200] = "";

    json_put_int(fields, "rows", 5);
    log_event(log, LOG_INFO, "task.finished", &context, fields, "did %d", 5);
    line = json_parse(house->lines.data, house->lines.length, NULL);
    assert_non_null(line);
    json_object_foreach(line, key, value)
    {
        snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s ", key);
    }
    assert_string_equal(keys, "ts level event msg pipeline run_id task attempt rows ");
    assert_string_equal(json_get_text(line, "msg"), "did 5");
    json_decref(line);
    log_free(log);
}

static void test_filter_by_scope(void **state)
{
    struct house *house = *state;
    struct log *log = open_log(house, "warn,s3=debug,http=off", NULL);

    assert_true(log_enabled(log, "s3.request", LOG_DEBUG));
    assert_false(log_enabled(log, "s3.request", LOG_TRACE));
    assert_false(log_enabled(log, "s33.request", LOG_DEBUG));
    assert_true(log_enabled(log, "run", LOG_WARN));
    assert_false(log_enabled(log, "run", LOG_INFO));
    assert_false(log_enabled(log, "http", LOG_ERROR));
    log_event(log, LOG_INFO, "run.started", NULL, json_object(), "not written");
    assert_int_equal(house->lines.length, 0);
    log_free(log);
    assert_false(log_enabled(NULL, "run", LOG_ERROR));
}

static void test_bad_filters(void **state)
{
    static const char *const filters[] = {"loud", "s3=loud", "=info", "info,,s3="};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        const struct log_options options = {.fd = -1, .filter = filters[i]};

        assert_null(log_new(&options, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.message, "log filter"));
    }
}

static void test_secrets_are_redacted(void **state)
{
    struct house *house = *state;
    struct log *log = open_log(house, NULL, NULL);
    json_t *fields = json_object();

    log_redact(log, "hunter22");
    log_redact(log, "abc"); /* too short to be looked for */
    json_put_text(fields, "url", "https://x?a=hunter22&b=hunter22");
    log_event(log, LOG_INFO, "run.x", NULL, fields, "hunter22 abc");
    assert_null(strstr(house->lines.data, "hunter22"));
    assert_non_null(strstr(house->lines.data, "https://x?a=***&b=***"));
    assert_non_null(strstr(house->lines.data, "*** abc"));
    log_free(log);
}

static void test_hourly_file_and_old_ones(void **state)
{
    struct house *house = *state;
    char path[128], name[TIME_TEXT_SIZE], line[512];
    struct log *log = open_log(house, NULL, house->folder);
    FILE *file;

    snprintf(path, sizeof(path), "%s/2020-01-01T00.ndjson", house->folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    log_event(log, LOG_WARN, "run.x", NULL, NULL, "kept");
    assert_int_equal(access(path, F_OK), -1);
    time_format(time_now_ms(), "%Y-%m-%dT%H.ndjson", name, sizeof(name), NULL);
    snprintf(path, sizeof(path), "%s/%s", house->folder, name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, house->lines.data);
    fclose(file);
    log_free(log);
}

static void test_a_huge_line_stays_one_json_object(void **state)
{
    struct house *house = *state;
    struct log *log = open_log(house, NULL, NULL);
    json_t *fields = json_object(), *line;
    char *huge = malloc(400001);

    memset(huge, 'x', 400000);
    huge[400000] = '\0';
    json_put_text(fields, "small", "s");
    json_put_text(fields, "huge", huge);
    log_event(log, LOG_INFO, "run.x", NULL, fields, "m");
    line = json_parse(house->lines.data, house->lines.length, NULL);
    assert_non_null(line);
    assert_string_equal(json_get_text(line, "small"), "s");
    json_decref(line);
    free(huge);
    log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_come_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_filter_by_scope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secrets_are_redacted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hourly_file_and_old_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_huge_line_stays_one_json_object, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
