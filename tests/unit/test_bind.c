#include "config/bind.h"

#include "config_fixture.h"
#include "runner/base/mem.h"

struct inner {
    bool enabled;
    int64_t count;
};

struct thing {
    struct option_item item;
    const char *text;
    struct text_list list;
};

struct outer {
    const char *name;
    int color;
    struct duration wait;
    uint64_t size;
    double share;
    int64_t at_ms;
    struct inner inner;
    struct option_pairs pairs;
    struct option_texts_by_name by_name;
    struct option_items things, steps;
    const char *a, *b;
};

static const char *const colors[] = {"red", "green", NULL};
static const struct option inner_table[] = {
    {"enabled", OPTION_BOOL, offsetof(struct inner, enabled), .help = "Help"},
    {"count", OPTION_INT, offsetof(struct inner, count), .preset = "3", .min = 1, .max = 9},
};
static const struct option_set inner_set = {
    .name = "inner",
    .options = inner_table,
    .count = ARRAY_LENGTH(inner_table),
    .size = sizeof(struct inner),
    .shorthand = "enabled",
};
static const struct option thing_table[] = {
    {"text", OPTION_TEXT, offsetof(struct thing, text), .flags = OPTION_REQUIRED},
    {"list", OPTION_TEXTS, offsetof(struct thing, list), .min = 1, .max = 3},
};
static const struct option_set thing_set =
    OPTION_SET("thing", "A thing", struct thing, thing_table);
static const char *const one_of[] = {"a", "b", NULL};
static const struct option outer_table[] = {
    {"name", OPTION_TEXT, offsetof(struct outer, name), .preset = "nobody", .max = 8},
    {"color", OPTION_ENUM, offsetof(struct outer, color), .choices = colors},
    {"wait", OPTION_DURATION, offsetof(struct outer, wait), .help = "Help"},
    {"size", OPTION_SIZE, offsetof(struct outer, size), .help = "Help"},
    {"share", OPTION_NUMBER, offsetof(struct outer, share), .help = "Help"},
    {"at", OPTION_TIME, offsetof(struct outer, at_ms), .help = "Help"},
    {"inner", OPTION_OBJECT, offsetof(struct outer, inner), .fields = &inner_set},
    {"pairs", OPTION_PAIRS, offsetof(struct outer, pairs), .help = "Help"},
    {"by_name", OPTION_TEXTS_BY_NAME, offsetof(struct outer, by_name), .help = "Help"},
    {"things", OPTION_OBJECTS, offsetof(struct outer, things), .fields = &thing_set},
    {"steps", OPTION_LIST, offsetof(struct outer, steps), .fields = &thing_set},
    {"a", OPTION_TEXT, offsetof(struct outer, a), .help = "Help"},
    {"b", OPTION_TEXT, offsetof(struct outer, b), .help = "Help"},
};
static const struct option_set outer_set = {
    .name = "outer",
    .options = outer_table,
    .count = ARRAY_LENGTH(outer_table),
    .size = sizeof(struct outer),
    .one_of = one_of,
};

static struct arena arena;
static struct diagnostics problems;
static struct bind_marks marks;
static struct outer outer;

static int bind_text(const char *text)
{
    struct yaml_node *root = yaml_load("x.yaml", text, strlen(text), &arena, &problems);
    struct bind bind;
    int rc;

    assert_non_null(root);
    option_set_presets(&outer_set, &outer, &arena);
    bind_init(&bind, "x.yaml", text, strlen(text), &arena, &marks, &problems);
    rc = bind_object(&bind, &outer_set, root, root->mark, &outer, NULL);
    bind_deinit(&bind);
    return rc;
}

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    diagnostics_init(&problems);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_deinit(&arena);
    diagnostics_deinit(&problems);
    return 0;
}

static void every_type_binds(void **state)
{
    const struct thing *things, *steps;

    (void)state;
    assert_int_equal(bind_text("name: no\ncolor: green\nwait: 1mo2h\nsize: 1.5KiB\nshare: 0.5\n"
                               "at: 1970-01-02\ninner: {count: 7}\npairs: {x: 1, y z: ''}\n"
                               "a: \"1\"\nx-own: {anything: [1]}\n"
                               "by_name: {k: [p, q], l: r}\n"
                               "things:\n  one: {text: t}\n  two: {text: u, list: [v, w]}\n"
                               "steps:\n  - {text: s, list: only}\n"),
        -1);
    assert_problems(&problems, "x.yaml:8:15: pairs.y z: must not be empty\n");
    assert_string_equal(outer.name, "no");
    assert_int_equal(outer.color, 1);
    assert_int_equal(outer.wait.months, 1);
    assert_int_equal(outer.wait.ms, 7200000);
    assert_int_equal(outer.size, 1536);
    assert_true(outer.share > 0.49 && outer.share < 0.51);
    assert_int_equal(outer.at_ms, 86400000);
    assert_true(outer.inner.enabled); /* the map alone says so */
    assert_int_equal(outer.inner.count, 7);
    assert_int_equal(outer.pairs.count, 1);
    assert_string_equal(outer.pairs.items[0].name, "x");
    assert_int_equal(outer.pairs.items[0].mark.column, 12);
    assert_int_equal(outer.by_name.count, 2);
    assert_string_equal(outer.by_name.items[0].texts.items[1], "q");
    assert_string_equal(outer.by_name.items[1].texts.items[0], "r");
    things = outer.things.items;
    assert_int_equal(outer.things.count, 2);
    assert_string_equal(things[1].item.name, "two");
    assert_int_equal(things[1].item.mark.line, 14);
    assert_string_equal(things[1].list.items[1], "w");
    steps = outer.steps.items;
    assert_null(steps[0].item.name);
    assert_string_equal(steps[0].list.items[0], "only");
}

static void shorthand_and_presets(void **state)
{
    (void)state;
    assert_int_equal(bind_text("inner: false\nb: x\n"), 0);
    assert_false(outer.inner.enabled);
    assert_int_equal(outer.inner.count, 3);
    assert_string_equal(outer.name, "nobody");
    assert_true(bind_has_map(&marks, &outer.inner));
    assert_null(bind_place(&marks, &outer.inner.count));
    assert_non_null(bind_place(&marks, &outer.inner.enabled));
    assert_int_equal(bind_text("inner: {enabled: false, count: 4}\nb: x\n"), 0);
    assert_false(outer.inner.enabled);
}

static void all_errors_come_in_one_go(void **state)
{
    (void)state;
    assert_int_equal(
        bind_text("name: far too long\ncolour: red\ncolor: grean\nshare: x\n"
                  "inner: {count: 10, enabled: yes}\nthings: {t: {list: [1, 2, 3, 4]}}\n"
                  "steps: [5]\nat: soon\n"),
        -1);
    assert_problems(&problems,
        "x.yaml:1:1: name: is longer than 8 bytes\n"
        "x.yaml:2:1: \"colour\" is not a key here; did you mean \"color\"?\n"
        "x.yaml:3:1: color: \"grean\" is not a color; did you mean \"green\"?\n"
        "x.yaml:4:1: share: \"x\" is not a number\n"
        "x.yaml:5:9: inner.count: 10 is out of range; allowed: 1 to 9\n"
        "x.yaml:5:20: inner.enabled: \"yes\" is neither true nor false\n"
        "x.yaml:6:10: things.t: \"text\" is missing\n"
        "x.yaml:6:14: things.t.list: has 4 entries; at most 3 are allowed\n"
        "x.yaml:7:9: steps[1]: must be a map, not a text\n"
        "x.yaml:8:1: at: \"soon\" is not a time; write it as 2026-11-21 or "
        "2026-11-21T06:30:00Z\n");
}

static void exactly_one_of(void **state)
{
    (void)state;
    assert_int_equal(bind_text("color: red\n"), -1);
    assert_int_equal(bind_text("a: 1\nb: 2\n"), -1);
    assert_problems(&problems, "x.yaml:1:1: has a and b; only one of them can be there\n"
                               "x.yaml:1:1: needs one of: a, b\n");
}

static void marks_of_many_fields(void **state)
{
    struct buffer text;
    const struct thing *things;

    (void)state;
    buffer_init(&text, 0);
    buffer_puts(&text, "a: x\nthings:\n");
    for (unsigned i = 0; i < 500; i++)
        buffer_printf(&text, "  t%u: {text: x}\n", i);
    assert_int_equal(bind_text(text.data), 0);
    things = outer.things.items;
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(bind_mark(&marks, &things[i].text).line, 3 + i);
        assert_int_equal(bind_mark(&marks, &things[i].list).line, 3 + i); /* its item */
        assert_int_equal(bind_mark(&marks, &things[i].list).column, 3);
    }
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_type_binds, open_all, close_all),
        cmocka_unit_test_setup_teardown(shorthand_and_presets, open_all, close_all),
        cmocka_unit_test_setup_teardown(all_errors_come_in_one_go, open_all, close_all),
        cmocka_unit_test_setup_teardown(exactly_one_of, open_all, close_all),
        cmocka_unit_test_setup_teardown(marks_of_many_fields, open_all, close_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
