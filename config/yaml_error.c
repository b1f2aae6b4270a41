/* libyaml's complaints in words that tell a user what to change. */
#include "config/yaml_internal.h"

#include <stdio.h>
#include <string.h>

static struct option_mark mark_of(yaml_mark_t mark)
{
    return (struct option_mark){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* The byte at a mark. libyaml counts characters, not bytes, hence the walk. */
static const char *at_mark(const char *text, size_t length, struct option_mark mark)
{
    size_t at = 0;

    for (unsigned line = 1; line < mark.line && at < length; at++)
        line += text[at] == '\n';
    for (unsigned column = 1; column < mark.column && at < length; column++) {
        const size_t step = text_utf8_length(text + at, length - at);

        at += step ? step : 1;
    }
    return at < length ? text + at : "";
}

/* What libyaml says → what to do about it; where: at the problem, or where its context began. */
static const struct {
    const char *problem, *context; /* NULL: any */
    bool at_context;
    const char *message;
} explanations[] = {
    {NULL, "while scanning an alias", true,
        "\"*\" begins an alias in YAML; put the value in quotes"},
    {NULL, "while scanning an anchor", true,
        "\"&\" begins an anchor in YAML; put the value in quotes"},
    {"found unexpected end of stream", "while scanning a quoted scalar", true,
        "the quoted text that begins here never ends"},
    {"mapping values are not allowed in this context", NULL, false,
        "a second \": \" where a value stands; put the value in quotes, or check the indentation"},
    {"could not find expected ':'", NULL, true,
        "expected \"key: value\" here; a \":\" is missing, or the indentation is off"},
    {"did not find expected key", NULL, false,
        "expected a key here; the indentation is off, or a value that begins with a quote, "
        "[ or { goes on behind its end: put the whole value in quotes"},
    {"did not find expected ',' or ']'", NULL, true,
        "the list that begins here is not closed with \"]\", or a text in it holds [ ] { or }: "
        "put the text in quotes"},
    {"did not find expected ',' or '}'", NULL, true,
        "the map that begins here is not closed with \"}\", or a text in it holds [ ] { or }: "
        "put the text in quotes"},
    {"did not find expected '-' indicator", NULL, false,
        "expected \"- \" of a list here; the indentation is off"},
    {"block sequence entries are not allowed in this context", NULL, false,
        "a list cannot begin here; put it on a line of its own, or the text in quotes"},
    {"found unknown escape character", NULL, false,
        "YAML does not know this backslash sequence in double quotes; use single quotes, or "
        "\"\\\\\" for a backslash"},
    {"did not find expected <document start>", NULL, false,
        "expected the end of the file here; the indentation is off, or a line is no "
        "\"key: value\""},
    {"found a tab character that violates indentation", NULL, false,
        "a tab cannot indent in YAML; use spaces"},
    {"found a tab character where an indentation space is expected", NULL, false,
        "a tab cannot indent in YAML; use spaces"},
    {"exceeded max", NULL, false, "is nested too deeply"},
};

static bool explain(const yaml_parser_t *parser, struct option_mark *ret_mark, const char **ret)
{
    const char *problem = parser->problem ? parser->problem : "";
    const char *context = parser->context ? parser->context : "";

    for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
        if (explanations[i].problem && !strstr(problem, explanations[i].problem))
            continue;
        if (explanations[i].context && strcmp(context, explanations[i].context) != 0)
            continue;
        *ret_mark =
            mark_of(explanations[i].at_context ? parser->context_mark : parser->problem_mark);
        *ret = explanations[i].message;
        return true;
    }
    return false;
}

static void explain_alias(
    const char *path, const char *at, struct option_mark mark, struct diagnostics *problems)
{
    const int length = (int)strcspn(at, " \t\r\n,]}:");

    diagnostics_error(problems, path, mark,
        "\"%.*s\" is an alias in YAML, and no anchor \"&%.*s\" stands before it; put the value in "
        "quotes if it is a text",
        length, at, length ? length - 1 : 0, length ? at + 1 : at);
}

void yaml_report_error(const char *path, const yaml_parser_t *parser, const char *text,
    size_t length, struct diagnostics *problems)
{
    struct option_mark mark = mark_of(parser->problem_mark);
    const char *at = at_mark(text, length, mark);
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    const char *message;

    if (strstr(problem, "found undefined alias")) {
        explain_alias(path, at, mark, problems);
    } else if (strstr(problem, "cannot start any token")) {
        if (*at == '\t')
            diagnostics_error(problems, path, mark, "a tab cannot indent in YAML; use spaces");
        else
            diagnostics_error(problems, path, mark,
                "a text cannot begin with %c in YAML; put it in quotes", *at ? *at : ' ');
    } else if (explain(parser, &mark, &message)) {
        diagnostics_error(problems, path, mark, "%s", message);
    } else {
        diagnostics_error(problems, path, mark, "is not valid YAML: %s%s%s", problem,
            parser->context ? " " : "", parser->context ? parser->context : "");
    }
}

bool yaml_check_bytes(
    const char *path, const char *text, size_t length, struct diagnostics *problems)
{
    struct option_mark mark = {1, 1};
    size_t step;

    for (size_t at = 0; at < length; at += step) {
        const unsigned char c = (unsigned char)text[at];

        step = text_utf8_length(text + at, length - at);
        if (step == 0) {
            diagnostics_error(
                problems, path, mark, "byte 0x%02x is not UTF-8; save the file as UTF-8", c);
            return false;
        }
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            diagnostics_error(problems, path, mark,
                "control character 0x%02x; write it as \"\\x%02x\" in double quotes", c, c);
            return false;
        }
        mark.column++;
        if (c == '\n')
            mark = (struct option_mark){mark.line + 1, 1};
    }
    return true;
}
