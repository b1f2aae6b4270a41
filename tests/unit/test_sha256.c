/* SHA-256 of bytes that come piece by piece is that of all of them (FIPS 180-4's examples). */
#include "runner/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char message[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char digest[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

static void test_whole(void **state)
{
    char text[SHA256_TEXT_SIZE];

    (void)state;
    assert_string_equal(sha256_text(message, strlen(message), text), digest);
    assert_string_equal(sha256_text(NULL, 0, text),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_pieces(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= strlen(message); cut++) {
        struct sha256 *sum = sha256_new();
        char text[SHA256_TEXT_SIZE];

        sha256_update(sum, message, cut);
        sha256_update(sum, message + cut, strlen(message) - cut);
        assert_string_equal(sha256_end(sum, text), digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_pieces),
    };

    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
