/* What tests of config share: problems as lines of text, and pipelines from a literal. */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include "config/diagnostics.h"
#include "config/pipeline.h"
#include "runner/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* All problems, sorted, a line each: "x.yaml:1:2: …\n". */
static inline void problems_text(struct diagnostics *problems, struct buffer *text)
{
    diagnostics_sort(problems);
    buffer_clear(text);
    for (size_t i = 0; i < problems->count; i++) {
        diagnostics_format(&problems->items[i], text);
        buffer_putc(text, '\n');
    }
}

static inline void assert_problems(struct diagnostics *problems, const char *expected)
{
    struct buffer text;

    buffer_init(&text, 0);
    problems_text(problems, &text);
    assert_string_equal(text.data, expected);
    buffer_deinit(&text);
}

/* A pipeline that must load, warnings aside. */
static inline struct pipeline *good_pipeline(const char *text, const struct pipeline_scope *scope)
{
    const struct pipeline_scope none = {0};
    struct diagnostics problems;
    struct pipeline *pipeline;

    diagnostics_init(&problems);
    pipeline = pipeline_parse("x.yaml", text, strlen(text), scope ? scope : &none, &problems);
    if (!pipeline)
        assert_problems(&problems, "");
    diagnostics_deinit(&problems);
    return pipeline;
}

/* A pipeline that must be refused with these lines. */
static inline void assert_refused(
    const char *text, const struct pipeline_scope *scope, const char *expected)
{
    const struct pipeline_scope none = {0};
    struct diagnostics problems;

    diagnostics_init(&problems);
    assert_null(pipeline_parse("x.yaml", text, strlen(text), scope ? scope : &none, &problems));
    assert_problems(&problems, expected);
    diagnostics_deinit(&problems);
}

#endif
