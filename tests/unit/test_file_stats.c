/* What is kept of a file's columns: bounds that are never tighter than the truth, by field id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/json.h"
#include "runner/engine/file_stats.h"

#include <stdlib.h>
#include <string.h>

static struct arena arena;

/* What one column of a file is known to hold. */
struct file_stats_column {
    int64_t field_id;
    const char *min, *max; /* NULL: not known */
    int64_t nulls;         /* -1: not known */
};

struct file_stats {
    struct file_stats_column *columns; /* in the order of the text */
    size_t count;
};

static const char *bound(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));

    return text ? arena_strdup(&arena, text) : NULL;
}

static void parse(const char *text, struct file_stats *ret_stats)
{
    json_t *all = text ? json_parse(text, strlen(text), NULL) : NULL;
    const char *key;
    json_t *item;

    *ret_stats = (struct file_stats){0};
    if (json_is_object(all))
        ret_stats->columns =
            arena_array(&arena, json_object_size(all), sizeof(*ret_stats->columns));
    json_object_foreach(all, key, item)
    {
        ret_stats->columns[ret_stats->count++] =
            (struct file_stats_column){.field_id = strtoll(key, NULL, 10),
                .min = bound(item, "min"),
                .max = bound(item, "max"),
                .nulls = json_get_int(item, "nulls", -1)};
    }
    json_decref(all);
}

static const struct file_stats_column *column_of(const struct file_stats *stats, int64_t field_id)
{
    for (size_t i = 0; i < stats->count; i++) {
        if (stats->columns[i].field_id == field_id)
            return &stats->columns[i];
    }
    return NULL;
}

static const char *text_of(const struct sql_column *columns, const struct sql_stats *stats,
    size_t count, const struct text_list *wanted)
{
    const struct sql_schema schema = {.columns = (struct sql_column *)columns, .count = count};
    const struct sql_file file = {.stats = stats, .schema = &schema};

    return file_stats_text(&file, wanted, &arena);
}

static const char *text_of_one(const char *type, const char *min, const char *max)
{
    const struct sql_column column = {.name = "c", .type = type, .field_id = 7};
    const struct sql_stats stats = {.min = min, .max = max, .nulls = -1};

    return text_of(&column, &stats, 1, &(struct text_list){0});
}

static void test_what_is_known_is_kept_by_field_id(void **state)
{
    static const struct sql_column columns[] = {{.name = "a", .type = "BIGINT", .field_id = 3},
        {.name = "b", .type = "VARCHAR", .field_id = 1}, {.name = "c", .type = "DATE"}};
    static const struct sql_stats stats[] = {{.min = "-5", .max = "17", .nulls = 0},
        {.min = "\"x\"", .max = "\xc3\xa9", .nulls = 2}, {.min = "2001-01-01", .nulls = 0}};
    struct file_stats parsed;
    const char *text = text_of(columns, stats, 3, &(struct text_list){0});

    (void)state;
    parse(text, &parsed);
    assert_int_equal(parsed.count, 2); /* one has no field id */
    assert_string_equal(column_of(&parsed, 3)->min, "-5");
    assert_string_equal(column_of(&parsed, 3)->max, "17");
    assert_int_equal(column_of(&parsed, 3)->nulls, 0);
    assert_string_equal(column_of(&parsed, 1)->min, "\"x\"");
    assert_string_equal(column_of(&parsed, 1)->max, "\xc3\xa9");
    assert_null(column_of(&parsed, 2));
}

static void test_nothing_known_is_no_text(void **state)
{
    static const struct sql_column column = {.name = "a", .type = "BIGINT", .field_id = 3};
    static const struct sql_stats stats = {.nulls = -1};
    struct file_stats parsed;

    (void)state;
    assert_null(text_of(&column, NULL, 1, &(struct text_list){0}));
    assert_null(text_of(&column, &stats, 1, &(struct text_list){0}));
    parse(NULL, &parsed);
    assert_int_equal(parsed.count, 0);
    parse("[1", &parsed);
    assert_int_equal(parsed.count, 0);
}

static void test_long_texts_are_cut_outwards(void **state)
{
    char text[101], high[101];
    struct file_stats parsed;
    const struct file_stats_column *column;

    (void)state;
    memset(text, 'b', 100);
    memset(high, 0x7E, 100);
    text[100] = high[100] = '\0';
    parse(text_of_one("VARCHAR", text, text), &parsed);
    column = column_of(&parsed, 7);
    assert_int_equal(strlen(column->min), FILE_STATS_TEXT_MAX);
    assert_true(strcmp(column->min, text) <= 0);
    assert_int_equal(strlen(column->max), FILE_STATS_TEXT_MAX);
    assert_true(strcmp(column->max, text) >= 0);
    parse(text_of_one("VARCHAR", text, high), &parsed);
    assert_null(column_of(&parsed, 7)->max);      /* nothing short is greater */
    assert_null(text_of_one("BLOB", text, text)); /* a cut one would be another value */
}

static void test_a_cut_never_splits_a_character(void **state)
{
    char text[130] = "a";
    struct file_stats parsed;
    const struct file_stats_column *column;

    (void)state;
    for (size_t at = 1; at < 121; at += 2) {
        text[at] = '\xc3';
        text[at + 1] = '\xa9';
    }
    parse(text_of_one("VARCHAR", text, text), &parsed);
    column = column_of(&parsed, 7);
    assert_int_equal(strlen(column->min), 63); /* "a" and 31 of two bytes */
    assert_memory_equal(column->min, text, 63);
    assert_string_equal(column->max, "b");
}

static void test_of_many_columns_the_first_and_the_wanted(void **state)
{
    enum { COUNT = 40 };
    struct sql_column columns[COUNT];
    struct sql_stats stats[COUNT];
    const char *names[] = {"C38"};
    struct file_stats parsed;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        columns[i] = (struct sql_column){
            .name = arena_printf(&arena, "c%d", i), .type = "BIGINT", .field_id = i + 1};
        stats[i] = (struct sql_stats){.min = "1", .max = "2", .nulls = 0};
    }
    parse(text_of(columns, stats, COUNT, &(struct text_list){.items = names, .count = 1}), &parsed);
    assert_int_equal(parsed.count, FILE_STATS_COLUMNS + 1);
    assert_non_null(column_of(&parsed, 32));
    assert_null(column_of(&parsed, 33));
    assert_non_null(column_of(&parsed, 39));
}

static int clean(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_is_known_is_kept_by_field_id, clean),
        cmocka_unit_test_teardown(test_nothing_known_is_no_text, clean),
        cmocka_unit_test_teardown(test_long_texts_are_cut_outwards, clean),
        cmocka_unit_test_teardown(test_a_cut_never_splits_a_character, clean),
        cmocka_unit_test_teardown(test_of_many_columns_the_first_and_the_wanted, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
