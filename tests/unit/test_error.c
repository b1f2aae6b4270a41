#include "runner/base/error.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_SIZE = sizeof(((struct error *)0)->message) };

static void setting_fills_everything(void **state)
{
    struct error err = {.detail = 5};

    (void)state;
    assert_int_equal(error_set(&err, ERROR_DATA, "row %d of %s", 7, "x.csv"), -1);
    assert_int_equal(err.code, ERROR_DATA);
    assert_int_equal(err.class, ERROR_PERMANENT);
    assert_int_equal(err.detail, 0);
    assert_string_equal(err.message, "row 7 of x.csv");
}

static void without_a_place_it_only_returns(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_DATA, "%s", "x"), -1);
    assert_int_equal(error_set_errno(NULL, ENOENT, "%s", "x"), -1);
    assert_int_equal(error_prefix(NULL, "%s", "x"), -1);
    assert_int_equal(error_set_class(NULL, ERROR_TRANSIENT), -1);
}

static void each_code_has_its_class_and_name(void **state)
{
    static const struct {
        enum error_code code;
        enum error_class class;
        const char *name;
    } codes[] = {{ERROR_INVALID, ERROR_PERMANENT, "invalid"},
        {ERROR_NOT_SUPPORTED, ERROR_PERMANENT, "not_supported"},
        {ERROR_CHECK, ERROR_PERMANENT, "check"}, {ERROR_BUSY, ERROR_TRANSIENT, "busy"},
        {ERROR_NOT_FOUND, ERROR_PERMANENT, "not_found"}, {ERROR_EXISTS, ERROR_PERMANENT, "exists"},
        {ERROR_DENIED, ERROR_PERMANENT, "denied"}, {ERROR_CONFLICT, ERROR_PERMANENT, "conflict"},
        {ERROR_FENCED, ERROR_PERMANENT, "fenced"}, {ERROR_DATA, ERROR_PERMANENT, "data"},
        {ERROR_CHANGED, ERROR_PERMANENT, "changed"}, {ERROR_NO_SPACE, ERROR_PERMANENT, "no_space"},
        {ERROR_NO_MEMORY, ERROR_PERMANENT, "no_memory"}, {ERROR_LIMIT, ERROR_PERMANENT, "limit"},
        {ERROR_TIMEOUT, ERROR_TRANSIENT, "timeout"}, {ERROR_IO, ERROR_PERMANENT, "io"},
        {ERROR_SQL, ERROR_PERMANENT, "sql"}, {ERROR_STOPPED, ERROR_CANCELLED, "stopped"},
        {ERROR_INTERNAL, ERROR_PERMANENT, "internal"}};

    (void)state;
    assert_int_equal(ARRAY_LENGTH(codes), ERROR_INTERNAL); /* all but NONE */
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        struct error err = {0};

        error_set(&err, codes[i].code, "x");
        assert_int_equal(err.class, codes[i].class);
        assert_string_equal(error_code_name(codes[i].code), codes[i].name);
    }
    assert_string_equal(error_code_name(ERROR_NONE), "none");
    assert_string_equal(error_class_name(ERROR_CLASS_NONE), "none");
    assert_string_equal(error_class_name(ERROR_TRANSIENT), "transient");
    assert_string_equal(error_class_name(ERROR_PERMANENT), "permanent");
    assert_string_equal(error_class_name(ERROR_CANCELLED), "cancelled");
}

static void errno_picks_the_code(void **state)
{
    static const struct {
        int errnum;
        enum error_code code;
    } known[] = {{ENOENT, ERROR_NOT_FOUND}, {ENOTDIR, ERROR_NOT_FOUND}, {EEXIST, ERROR_EXISTS},
        {EACCES, ERROR_DENIED}, {EROFS, ERROR_DENIED}, {ENOSPC, ERROR_NO_SPACE},
        {EDQUOT, ERROR_NO_SPACE}, {ENOMEM, ERROR_NO_MEMORY}, {ETIMEDOUT, ERROR_TIMEOUT},
        {ECANCELED, ERROR_STOPPED}, {EMFILE, ERROR_LIMIT}, {EIO, ERROR_IO}, {EBADF, ERROR_IO}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        struct error err = {0};

        assert_int_equal(error_set_errno(&err, known[i].errnum, "cannot open %s", "a.csv"), -1);
        assert_int_equal(err.code, known[i].code);
        assert_int_equal(err.detail, known[i].errnum);
    }
}

static void errno_ends_the_message(void **state)
{
    struct error err = {0};

    (void)state;
    error_set_errno(&err, ENOENT, "cannot open %s", "a.csv");
    assert_string_equal(err.message, "cannot open a.csv: No such file or directory");
    assert_int_equal(err.class, ERROR_PERMANENT);
    error_set_errno(&err, ETIMEDOUT, "cannot open %s", "a.csv");
    assert_int_equal(err.class, ERROR_TRANSIENT);
}

static void context_goes_in_front(void **state)
{
    struct error err = {0};

    (void)state;
    error_set_errno(&err, ENOSPC, "cannot write");
    error_set_class(&err, ERROR_TRANSIENT);
    assert_int_equal(error_prefix(&err, "part %d of %s", 3, "x.parquet"), -1);
    error_prefix(&err, "load.clean");
    assert_string_equal(
        err.message, "load.clean: part 3 of x.parquet: cannot write: No space left on device");
    /* All else stays. */
    assert_int_equal(err.code, ERROR_NO_SPACE);
    assert_int_equal(err.class, ERROR_TRANSIENT);
    assert_int_equal(err.detail, ENOSPC);
}

static void arguments_may_be_the_message_itself(void **state)
{
    struct error err = {0};

    (void)state;
    error_set(&err, ERROR_IO, "disk gone");
    error_set(&err, ERROR_DATA, "%s, twice: %s", err.message, err.message);
    assert_string_equal(err.message, "disk gone, twice: disk gone");
    error_prefix(&err, "<%s>", err.message);
    assert_string_equal(err.message, "<disk gone, twice: disk gone>: disk gone, twice: disk gone");
}

/* Whatever was cut: it fits, ends in the ellipsis and is valid UTF-8. */
static void check_cut(const struct error *err)
{
    const size_t length = strlen(err->message);

    assert_true(length < MESSAGE_SIZE);
    assert_true(length >= MESSAGE_SIZE - 4 - 3); /* no more is lost than one character */
    assert_true(text_ends(err->message, "\xe2\x80\xa6"));
    for (size_t at = 0, step; at < length; at += step) {
        step = text_utf8_length(err->message + at, length - at);
        assert_true(step > 0);
    }
}

static void long_messages_are_cut_between_characters(void **state)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xa6"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(characters); i++) {
        char text[4 * MESSAGE_SIZE + 16];

        /* Every phase of a character over the place of the cut. */
        for (size_t shift = 0; shift < 4; shift++) {
            struct error err = {0};
            size_t length = shift;

            memset(text, 'a', shift);
            while (length < MESSAGE_SIZE + 8) {
                memcpy(text + length, characters[i], strlen(characters[i]));
                length += strlen(characters[i]);
            }
            text[length] = '\0';
            error_set(&err, ERROR_DATA, "%s", text);
            check_cut(&err);
            error_set(&err, ERROR_DATA, "cause");
            error_prefix(&err, "%s", text);
            check_cut(&err);
            error_prefix(&err, "again");
            check_cut(&err);
            assert_true(text_starts(err.message, "again: "));
            error_set_errno(&err, EIO, "%s", text);
            check_cut(&err);
            assert_int_equal(err.detail, EIO);
        }
    }
}

static void what_just_fits_is_not_cut(void **state)
{
    char text[MESSAGE_SIZE + 1];
    struct error err = {0};

    (void)state;
    memset(text, 'x', sizeof(text));
    text[MESSAGE_SIZE - 1] = '\0';
    error_set(&err, ERROR_DATA, "%s", text);
    assert_string_equal(err.message, text);
    text[MESSAGE_SIZE - 1 - 3] = '\0';
    error_set(&err, ERROR_DATA, "%s", text);
    error_prefix(&err, "a");
    assert_int_equal(strlen(err.message), MESSAGE_SIZE - 1);
    assert_true(text_ends(err.message, "xxx"));
    text[MESSAGE_SIZE - 1 - 3] = 'x';
    text[MESSAGE_SIZE - 1 - 2] = '\0';
    error_set(&err, ERROR_DATA, "%s", text);
    error_prefix(&err, "a");
    check_cut(&err);
}

static void the_first_error_is_kept(void **state)
{
    struct error first = {0}, next = {0};

    (void)state;
    error_keep_first(&first, NULL);
    error_keep_first(&first, &next); /* none: nothing to keep */
    assert_int_equal(first.code, ERROR_NONE);
    error_set(&next, ERROR_IO, "one");
    error_keep_first(&first, &next);
    assert_string_equal(first.message, "one");
    error_set(&next, ERROR_DATA, "two");
    error_keep_first(&first, &next);
    assert_string_equal(first.message, "one");
    assert_int_equal(first.code, ERROR_IO);
    error_clear(&first);
    assert_int_equal(first.code, ERROR_NONE);
    assert_int_equal(first.class, ERROR_CLASS_NONE);
    assert_int_equal(first.detail, 0);
    assert_string_equal(first.message, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_fills_everything),
        cmocka_unit_test(without_a_place_it_only_returns),
        cmocka_unit_test(each_code_has_its_class_and_name),
        cmocka_unit_test(errno_picks_the_code),
        cmocka_unit_test(errno_ends_the_message),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(arguments_may_be_the_message_itself),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(what_just_fits_is_not_cut),
        cmocka_unit_test(the_first_error_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
