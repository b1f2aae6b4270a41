#include "runner/base/option.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

union field {
    bool boolean;
    int64_t integer;
    double number;
    const char *text;
    int choice;
    struct duration duration;
    uint64_t bytes;
};

static const char *const modes[] = {"append", "overwrite", NULL};

static int refuse_x(const char *text, struct error *err)
{
    return strcmp(text, "x") == 0 ? error_set(err, ERROR_INVALID, "is x") : 0;
}

static union field parsed(const struct option *option, const char *text)
{
    union field field = {0};
    struct error err = {0};

    if (option_parse(option, text, &field, &arena, &err))
        assert_string_equal(err.message, "");
    return field;
}

static void assert_refused(const struct option *option, const char *text, const char *message)
{
    union field field, before;
    struct error err = {0};

    memset(&field, 0x5a, sizeof(field));
    before = field;
    assert_int_equal(option_parse(option, text, &field, &arena, &err), -1);
    assert_string_equal(err.message, message);
    assert_memory_equal(&field, &before, sizeof(field));
}

static void scalars_are_parsed(void **state)
{
    const struct option flag = {.name = "flag", .type = OPTION_BOOL},
                        number = {.name = "number", .type = OPTION_NUMBER},
                        count = {.name = "count", .type = OPTION_INT, .min = -5, .max = 5},
                        mode = {.name = "mode", .type = OPTION_ENUM, .choices = modes},
                        wait = {.name = "wait", .type = OPTION_DURATION},
                        size = {.name = "size", .type = OPTION_SIZE},
                        at = {.name = "at", .type = OPTION_TIME},
                        text = {.name = "text", .type = OPTION_TEXT};

    (void)state;
    assert_true(parsed(&flag, "true").boolean);
    assert_int_equal(parsed(&count, "-5").integer, -5);
    assert_int_equal(parsed(&count, "+4").integer, 4);
    assert_true(parsed(&number, "1e3").number > 999.9);
    assert_int_equal(parsed(&mode, "overwrite").choice, 1);
    assert_int_equal(parsed(&wait, "90s").duration.ms, 90000);
    assert_int_equal(parsed(&size, "2KiB").bytes, 2048);
    assert_int_equal(parsed(&at, "1970-01-01T00:00:01Z").integer, 1000);
    assert_string_equal(parsed(&text, "a b").text, "a b");
}

static void errors_say_what_is_wrong(void **state)
{
    const struct option flag = {.name = "flag", .type = OPTION_BOOL},
                        number = {.name = "number", .type = OPTION_NUMBER},
                        count = {.name = "count", .type = OPTION_INT, .min = 1, .max = 5},
                        mode = {.name = "mode", .type = OPTION_ENUM, .choices = modes},
                        choice = {.name = "on_x",
                            .type = OPTION_ENUM,
                            .choices = modes,
                            .value_name = "answer"},
                        wait = {.name = "wait", .type = OPTION_DURATION, .min = 1000, .max = 60000},
                        text = {.name = "text", .type = OPTION_TEXT, .max = 3, .check = refuse_x};

    (void)state;
    assert_refused(&flag, "True", "\"True\" is neither true nor false");
    assert_refused(&count, " 1", "\" 1\" is not a whole number");
    assert_refused(
        &count, "99999999999999999999", "\"99999999999999999999\" is not a whole number");
    assert_refused(&count, "6", "6 is out of range; allowed: 1 to 5");
    assert_refused(&number, "inf", "\"inf\" is not a number");
    assert_refused(&mode, "apend", "\"apend\" is not a mode; did you mean \"append\"?");
    assert_refused(&choice, "zzz", "\"zzz\" is not an answer; choose one of: append, overwrite");
    assert_refused(&wait, "2m", "2m is out of range; allowed: 1.0s to 1m 00s");
    assert_refused(&text, "", "must not be empty");
    assert_refused(&text, "abcd", "is longer than 3 bytes");
    assert_refused(&text, "x", "is x");
}

struct pair {
    int64_t a;
    struct pair_inner {
        bool b;
    } inner;
    const char *c;
};

static const struct option inner_table[] = {
    {"b", OPTION_BOOL, offsetof(struct pair_inner, b), .preset = "true"},
};
static const struct option_set inner_set =
    OPTION_SET("inner", "Inner", struct pair_inner, inner_table);
static const struct option pair_table[] = {
    {"a", OPTION_INT, offsetof(struct pair, a), .preset = "7"},
    {"inner", OPTION_OBJECT, offsetof(struct pair, inner), .fields = &inner_set},
    {"secret", OPTION_TEXT, offsetof(struct pair, c), .flags = OPTION_HIDDEN},
};
static const struct option_set pair_set = OPTION_SET("pair", "Pair", struct pair, pair_table);

static void sets_have_presets_and_names(void **state)
{
    struct pair pair;
    struct buffer text;
    const struct option mode = {.name = "mode", .type = OPTION_ENUM, .choices = modes},
                        file = {.name = "file", .type = OPTION_TEXT, .value_name = "FILE"};

    (void)state;
    memset(&pair, 0x5a, sizeof(pair));
    option_set_presets(&pair_set, &pair, &arena);
    assert_int_equal(pair.a, 7);
    assert_true(pair.inner.b);
    assert_null(pair.c);
    assert_ptr_equal(option_find(&pair_set, "inner"), &pair_table[1]);
    assert_null(option_find(&pair_set, "x"));
    assert_string_equal(option_nearest(&pair_set, "iner"), "inner");
    assert_null(option_nearest(&pair_set, "secre")); /* hidden */
    buffer_init(&text, 0);
    option_describe_value(&mode, &text);
    buffer_putc(&text, ' ');
    option_describe_value(&file, &text);
    assert_string_equal(text.data, "append | overwrite FILE");
    buffer_deinit(&text);
}

static void texts_of_lists(void **state)
{
    const struct option list = {.name = "list", .type = OPTION_TEXTS, .max = 1, .check = refuse_x};
    const char *text = NULL;
    struct error err;

    (void)state;
    assert_int_equal(option_parse_item(&list, "long", &text, &arena, &err), 0);
    assert_string_equal(text, "long");
    assert_int_equal(option_parse_item(&list, "x", &text, &arena, &err), -1);
    assert_int_equal(option_parse_item(&list, "", &text, &arena, &err), -1);
    assert_string_equal(text, "long");
}

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_parsed),
        cmocka_unit_test(errors_say_what_is_wrong),
        cmocka_unit_test(sets_have_presets_and_names),
        cmocka_unit_test(texts_of_lists),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
