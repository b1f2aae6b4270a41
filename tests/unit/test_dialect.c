#include "runner/base/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_by_extension(void **state)
{
    (void)state;
    assert_int_equal(dialect_format_of("a/x.csv"), FORMAT_CSV);
    assert_int_equal(dialect_format_of("x.CSV.GZ"), FORMAT_CSV);
    assert_int_equal(dialect_format_of("x*.ndjson.zst"), FORMAT_NDJSON);
    assert_int_equal(dialect_format_of("x.json"), FORMAT_JSON);
    assert_int_equal(dialect_format_of("x.parquet"), FORMAT_PARQUET);
    assert_int_equal(dialect_format_of("x.gz"), FORMAT_AUTO);
    assert_int_equal(dialect_format_of(".csv"), FORMAT_AUTO);
    assert_int_equal(dialect_format_of(""), FORMAT_AUTO);
    assert_int_equal(dialect_compression_of("x.csv.gz"), COMPRESSION_GZIP);
    assert_int_equal(dialect_compression_of("x.csv.zstd"), COMPRESSION_ZSTD);
    assert_int_equal(dialect_compression_of("x.csv"), COMPRESSION_NONE);
    assert_string_equal(dialect_format_name(FORMAT_NDJSON), "ndjson");
}

static void test_urls(void **state)
{
    (void)state;
    assert_int_equal(dialect_format_of("https://h/x.csv.gz?sig=a.parquet"), FORMAT_CSV);
    assert_int_equal(dialect_compression_of("https://h/x.csv.gz?sig=a.parquet"), COMPRESSION_GZIP);
    assert_int_equal(dialect_format_of("http://h/x.json#a.csv"), FORMAT_JSON);
    assert_int_equal(dialect_format_of("https://h/get?file=x.csv"), FORMAT_AUTO);
    assert_int_equal(dialect_name_length("http://h/x?y"), 10);
    assert_int_equal(dialect_format_of("s3://b/a?b.csv"), FORMAT_CSV); /* a glob */
    assert_int_equal(dialect_name_length("s3://b/a?b.csv"), 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_extension),
        cmocka_unit_test(test_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
