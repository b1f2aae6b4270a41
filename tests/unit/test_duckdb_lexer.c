#include "connectors/duckdb/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>

/* Tokens as "w:select t:'x' p:$a ;:; o:,", joined by one space. */
static void assert_tokens(const char *sql, const char *expected)
{
    static const char kinds[] = {[LEXER_WORD] = 'w',
        [LEXER_TEXT] = 't',
        [LEXER_PARAMETER] = 'p',
        [LEXER_SEMICOLON] = ';',
        [LEXER_OTHER] = 'o'};
    struct lexer_token token = lexer_next(sql, 0);
    struct buffer tokens;

    buffer_init(&tokens, 0);
    while (token.kind != LEXER_END) {
        assert_true(token.length > 0);
        assert_true(token.start + token.length <= strlen(sql));
        buffer_printf(&tokens, "%s%c:%.*s", tokens.length ? " " : "", kinds[token.kind],
            (int)token.length, sql + token.start);
        token = lexer_next(sql, token.start + token.length);
    }
    assert_int_equal(token.start, strlen(sql));
    assert_string_equal(tokens.data ? tokens.data : "", expected);
    buffer_deinit(&tokens);
}

static void test_tokens(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" \n\t ", ""},
        {"select a1,_b", "w:select w:a1 o:, w:_b"},
        {"\"a \"\"b\"\"\".größe", "w:\"a \"\"b\"\"\" o:. w:größe"},
        {"'it''s' 'a\\' x", "t:'it''s' t:'a\\' w:x"},
        {"E'a\\'b' e'' else", "t:E'a\\'b' t:e'' w:else"},
        {"$$a;'$$ $t$ $$ $t$", "t:$$a;'$$ t:$t$ $$ $t$"},
        {"$since $1 $", "p:$since p:$1 o:$"},
        {"a -- 'b; $c\nd", "w:a w:d"},
        {"a /* b /* ; */ $c */ d", "w:a w:d"},
        {"1e5 2", "o:1e5 o:2"},
        {"a;b", "w:a ;:; w:b"},
        /* not closed: to the end */
        {"a 'b", "w:a t:'b"},
        {"a \"b", "w:a w:\"b"},
        {"a $t$ b", "w:a t:$t$ b"},
        {"a /* b", "w:a"},
        {"e'\\", "t:e'\\"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_tokens(cases[i][0], cases[i][1]);
}

static void test_words(void **state)
{
    const char *sql = "SELECT \"select\" selects";
    const struct lexer_token plain = lexer_next(sql, 0), quoted = lexer_next(sql, 6),
                             longer = lexer_next(sql, 15);

    (void)state;
    assert_true(lexer_is_word(sql, &plain, "select"));
    assert_false(lexer_is_word(sql, &quoted, "select"));
    assert_false(lexer_is_word(sql, &longer, "select"));
}

static void test_where_a_statement_ends(void **state)
{
    static const struct {
        const char *sql;
        const char *statement, *rest; /* NULL: nothing follows */
    } cases[] = {
        {"select 1", "select 1", NULL},
        {" select 1 ; ;\n-- done", " select 1", NULL},
        {"select ';' /* ; */; select 2", "select ';'", "select 2"},
        {"select $$;$$;;drop", "select $$;$$", "drop"},
        {"", "", NULL},
        {";", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t length = 0, next = 0;
        const bool more = lexer_statement(cases[i].sql, &length, &next);

        assert_int_equal(more, cases[i].rest != NULL);
        assert_int_equal(length, strlen(cases[i].statement));
        assert_memory_equal(cases[i].sql, cases[i].statement, length);
        assert_string_equal(cases[i].sql + next, cases[i].rest ? cases[i].rest : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_where_a_statement_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
