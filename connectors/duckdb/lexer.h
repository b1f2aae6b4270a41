/* Just enough of SQL's lexical grammar to know what is text, comment or code: where a statement
 * ends, which words it has, where its parameters stand. Pure. Source: DuckDB's scanner (PostgreSQL
 * 13's): '…' with '' inside, E'…' with backslashes, "…", $tag$…$tag$, -- and nested comments. */
#ifndef CONNECTORS_DUCKDB_LEXER_H
#define CONNECTORS_DUCKDB_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum lexer_kind {
    LEXER_END,
    LEXER_WORD,      /* select, "a b", x */
    LEXER_TEXT,      /* '…' and $$…$$ */
    LEXER_PARAMETER, /* $since, $1 */
    LEXER_SEMICOLON,
    LEXER_OTHER, /* one byte of anything else */
};

struct lexer_token {
    enum lexer_kind kind;
    size_t start, length; /* bytes of the text */
};

/* The token at or after byte `position`; spaces and comments are passed over. What is not closed
 * ends with the text. Go on at start + length. */
struct lexer_token lexer_next(const char *sql, size_t position);

/* Whether it is this word, in any case and not quoted. */
bool lexer_is_word(const char *sql, const struct lexer_token *token, const char *word);

/* The statement without its semicolon: `*ret_length` bytes from the start. True when something
 * other than semicolons follows, at *ret_next. */
bool lexer_statement(const char *sql, size_t *ret_length, size_t *ret_next);

#endif
