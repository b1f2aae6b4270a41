#include "connectors/duckdb/lexer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Bytes above 0x7f are letters to the scanner: names in any script. */
static bool starts_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
    return starts_word(c) || isdigit((unsigned char)c) || c == '$';
}

static size_t skip_comment(const char *sql, size_t at)
{
    size_t depth = 0;

    do {
        if (sql[at] == '/' && sql[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (sql[at] == '*' && sql[at + 1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth > 0 && sql[at]);
    return at;
}

static size_t skip_blank(const char *sql, size_t at)
{
    for (;;) {
        if (sql[at] && isspace((unsigned char)sql[at]))
            at++;
        else if (sql[at] == '-' && sql[at + 1] == '-')
            at += strcspn(sql + at, "\r\n");
        else if (sql[at] == '/' && sql[at + 1] == '*')
            at = skip_comment(sql, at);
        else
            return at;
    }
}

/* From the opening quote to after the closing one. */
static size_t skip_quoted(const char *sql, size_t at, bool backslashes)
{
    const char quote = sql[at++];

    while (sql[at]) {
        if (backslashes && sql[at] == '\\' && sql[at + 1])
            at += 2;
        else if (sql[at] == quote && sql[at + 1] == quote)
            at += 2;
        else if (sql[at++] == quote)
            break;
    }
    return at;
}

/* From $tag$ to after the closing one; 0 where no tag stands at `at`. */
static size_t skip_dollar(const char *sql, size_t at)
{
    size_t tag = 1;
    const char *end;

    if (starts_word(sql[at + tag])) {
        while (sql[at + tag] != '$' && in_word(sql[at + tag]))
            tag++;
    }
    if (sql[at + tag] != '$')
        return 0;
    tag++;
    end = memmem(sql + at + tag, strlen(sql + at + tag), sql + at, tag);
    return end ? (size_t)(end - sql) + tag : at + strlen(sql + at);
}

static size_t skip_name(const char *sql, size_t at)
{
    while (in_word(sql[at]))
        at++;
    return at;
}

static struct lexer_token token_of(enum lexer_kind kind, size_t start, size_t end)
{
    return (struct lexer_token){.kind = kind, .start = start, .length = end - start};
}

struct lexer_token lexer_next(const char *sql, size_t position)
{
    const size_t at = skip_blank(sql, position);
    const char c = sql[at];

    if (!c)
        return token_of(LEXER_END, at, at);
    if (c == '\'')
        return token_of(LEXER_TEXT, at, skip_quoted(sql, at, false));
    if ((c == 'e' || c == 'E') && sql[at + 1] == '\'')
        return token_of(LEXER_TEXT, at, skip_quoted(sql, at + 1, true));
    if (c == '"')
        return token_of(LEXER_WORD, at, skip_quoted(sql, at, false));
    if (c == ';')
        return token_of(LEXER_SEMICOLON, at, at + 1);
    if (c == '$') {
        const size_t end = skip_dollar(sql, at);

        if (end)
            return token_of(LEXER_TEXT, at, end);
        if (in_word(sql[at + 1]))
            return token_of(LEXER_PARAMETER, at, skip_name(sql, at + 1));
    }
    if (starts_word(c))
        return token_of(LEXER_WORD, at, skip_name(sql, at));
    if (isdigit((unsigned char)c))
        return token_of(LEXER_OTHER, at, skip_name(sql, at));
    return token_of(LEXER_OTHER, at, at + 1);
}

bool lexer_is_word(const char *sql, const struct lexer_token *token, const char *word)
{
    return token->kind == LEXER_WORD && token->length == strlen(word) &&
           strncasecmp(sql + token->start, word, token->length) == 0;
}

bool lexer_statement(const char *sql, size_t *ret_length, size_t *ret_next)
{
    struct lexer_token token = lexer_next(sql, 0);
    size_t end = 0;

    while (token.kind != LEXER_END && token.kind != LEXER_SEMICOLON) {
        end = token.start + token.length;
        token = lexer_next(sql, end);
    }
    *ret_length = end;
    while (token.kind == LEXER_SEMICOLON)
        token = lexer_next(sql, token.start + 1);
    *ret_next = token.start;
    return token.kind != LEXER_END;
}
