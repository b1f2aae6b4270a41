/* Names of sources and targets, what is left out, and what cannot be meant. */
#include "connectors/s3/transfer_private.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/arena_fixture.h"

static struct transfer_origin origin_of(const char *text, const struct s3_transfer *transfer)
{
    struct transfer_origin origin;
    struct error err = {0};

    if (transfer_origin_parse(text, transfer, &arena, &origin, &err))
        fail_msg("%s: %s", text, err.message);
    return origin;
}

/* --- sources --- */

static void test_origins(void **state)
{
    static const struct {
        const char *text;
        bool recursive, literal;
        enum transfer_kind kind;
        const char *bucket, *name, *folder;
    } cases[] = {
        {"s3://b/a/x.csv", false, false, TRANSFER_ONE, "b", "a/x.csv", "a/"},
        {"s3://b/x", false, false, TRANSFER_ONE, "b", "x", ""},
        {"s3://b", true, false, TRANSFER_FOLDER, "b", "", ""},
        {"s3://b/a", true, false, TRANSFER_FOLDER, "b", "a", "a/"},
        {"s3://b/a/", true, false, TRANSFER_FOLDER, "b", "a/", "a/"},
        {"s3://b/a/*/x?.csv", false, false, TRANSFER_PATTERN, "b", "a/*/x?.csv", "a/"},
        {"s3://b/**", false, false, TRANSFER_PATTERN, "b", "**", ""},
        {"s3://b/a/[1]*", false, true, TRANSFER_ONE, "b", "a/[1]*", "a/"},
        {"s3://b/a*", true, true, TRANSFER_FOLDER, "b", "a*", "a*/"},
        {"data/x.csv", false, false, TRANSFER_ONE, NULL, "data/x.csv", "data/"},
        {"/data/*.csv", false, false, TRANSFER_PATTERN, NULL, "/data/*.csv", "/data/"},
        {".", true, false, TRANSFER_FOLDER, NULL, ".", "./"},
        {"/", true, false, TRANSFER_FOLDER, NULL, "/", "/"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_transfer transfer = {
            .recursive = cases[i].recursive, .literal = cases[i].literal};
        const struct transfer_origin origin = origin_of(cases[i].text, &transfer);

        assert_int_equal(origin.kind, cases[i].kind);
        assert_true(text_equal(origin.place.bucket, cases[i].bucket));
        assert_string_equal(origin.place.name, cases[i].name);
        assert_string_equal(origin.folder, cases[i].folder);
    }
}

static void test_origins_that_are_none(void **state)
{
    static const char *const texts[] = {"", "-", "s3://", "s3://b/a*"};
    const struct s3_transfer transfer = {.recursive = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct transfer_origin origin;
        struct error err = {0};

        assert_int_equal(transfer_origin_parse(texts[i], &transfer, &arena, &origin, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
    }
}

/* --- targets --- */

static void assert_target(
    const char *name, bool is_folder, const char *relative, const char *expected)
{
    const struct transfer_target target = {
        .place = {.bucket = "b", .name = name}, .is_folder = is_folder};
    char *found = transfer_target_name(&target, relative);

    assert_string_equal(found, expected);
    free(found);
}

static void test_targets(void **state)
{
    (void)state;
    assert_target("x", false, "a.csv", "x");
    assert_target("x", true, "a.csv", "x/a.csv");
    assert_target("x/", true, "sub/a.csv", "x/sub/a.csv");
    assert_target("", true, "a.csv", "a.csv");
    assert_target("x//", true, "/a", "x///a");
}

static void test_paths_below_a_folder(void **state)
{
    static const char *const good[] = {
        "a", "a/b", "..a/b..", "...", ".a/.b", "a b/\xff", "a\\..\\b"};
    static const char *const bad[] = {
        "", "/", "/a", "a/", "a//b", "..", "../a", "a/..", "a/../b", ".", "./a", "a/./b", "a/."};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_int_equal(transfer_check_path(good[i], &err), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        err = (struct error){0};
        assert_int_equal(transfer_check_path(bad[i], &err), -1);
        assert_int_equal(err.code, ERROR_DATA);
    }
}

/* --- what is left out --- */

static void test_filters(void **state)
{
    const char *tmp[] = {"*.tmp", "sub/*"}, *keep[] = {"keep.*"};
    const struct text_list none = {0}, exclude = {tmp, 2}, include = {keep, 1};

    (void)state;
    assert_true(transfer_wanted(&none, &none, "a"));
    assert_false(transfer_wanted(&none, &exclude, "a.tmp"));
    assert_false(transfer_wanted(&none, &exclude, "deep/down/a.tmp"));
    assert_false(transfer_wanted(&none, &exclude, "sub/a"));
    assert_true(transfer_wanted(&none, &exclude, "sub/deep/a"));
    assert_true(transfer_wanted(&none, &exclude, "other/sub/a"));
    assert_true(transfer_wanted(&include, &exclude, "x/keep.tmp"));
    assert_true(transfer_wanted(&include, &exclude, "a.csv"));
    assert_true(transfer_wanted(&include, &none, "x/keep.tmp"));
    assert_false(transfer_wanted(&include, &none, "a.csv"));
}

/* --- what cannot be meant --- */

/* 0, or -1 with ERROR_INVALID; `target` NULL: none. */
static int check(struct s3_transfer transfer, const char *source, const char *target)
{
    const struct transfer_origin origin = origin_of(source, &transfer);
    struct transfer_place place;
    struct error err = {0};
    int rc;

    transfer.source_count = 1;
    if (target)
        assert_int_equal(transfer_place_parse(target, &arena, &place, &err), 0);
    rc = transfer_check(&transfer, &origin, target ? &place : NULL, &err);
    if (rc)
        assert_int_equal(err.code, ERROR_INVALID);
    return rc;
}

static void test_copies_that_cannot_be_meant(void **state)
{
    const struct s3_transfer copy = {0}, all = {.recursive = true},
                             sync = {.verb = S3_TRANSFER_SYNC}, once = {.if_none_match = true},
                             old = {.version_id = "1"};

    (void)state;
    assert_int_equal(check(copy, "a", "s3://b/a"), 0);
    assert_int_equal(check(copy, "a", "b"), -1);
    assert_int_equal(check(copy, "s3://b", "x"), -1);
    assert_int_equal(check(copy, "s3://b/dir/", "x"), -1);
    assert_int_equal(check((struct s3_transfer){.literal = true}, "s3://b/dir/", "x"), 0);
    assert_int_equal(check(all, "s3://b/", "s3://b/copy/"), -1);
    assert_int_equal(check(all, "s3://b/a", "s3://b/a/b"), -1);
    assert_int_equal(check(sync, "s3://b/a", "s3://b/a/b"), -1);
    assert_int_equal(check(copy, "s3://b/a/**.csv", "s3://b/a/b/"), -1);
    assert_int_equal(check(copy, "s3://b/a/*.csv", "s3://b/a/b/"), 0);
    assert_int_equal(check(all, "s3://b/a", "s3://b/ab/"), 0);
    assert_int_equal(check(all, "s3://b/a/", "s3://b/a/"), 0); /* another storage class, … */
    assert_int_equal(check(all, "s3://b/a", "s3://c/a/b"), 0);
    assert_int_equal(check(once, "a", "s3://b/a"), 0);
    assert_int_equal(check(once, "s3://b/a", "a"), -1);
    assert_int_equal(check(once, "s3://b/a", "s3://b/c"), -1);
    assert_int_equal(check(old, "s3://b/a", "a"), 0);
    assert_int_equal(check(old, "s3://b/*", "a"), -1);
    assert_int_equal(check(old, "a", "s3://b/a"), -1);
}

static void test_removals_that_cannot_be_meant(void **state)
{
    const struct s3_transfer one = {.verb = S3_TRANSFER_REMOVE},
                             all = {.verb = S3_TRANSFER_REMOVE, .recursive = true};

    (void)state;
    assert_int_equal(check(one, "s3://b/a", NULL), 0);
    assert_int_equal(check(one, "s3://b/a/**", NULL), 0);
    assert_int_equal(check(one, "s3://b", NULL), -1);
    assert_int_equal(check(one, "s3://b/", NULL), -1);
    assert_int_equal(check(one, "s3://b/**", NULL), -1);
    assert_int_equal(check(one, "s3://b/a/", NULL), -1);
    assert_int_equal(check(one, "a", NULL), -1);
    assert_int_equal(check(all, "s3://b", NULL), 0);
    assert_int_equal(check(all, "s3://b/a", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_origins_that_are_none),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_paths_below_a_folder),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_copies_that_cannot_be_meant),
        cmocka_unit_test(test_removals_that_cannot_be_meant),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
