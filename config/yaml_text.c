/* Where a byte of a scalar's text stands in the file. The file may say the text in other ways than
 * byte by byte (folded lines, indentation, doubled quotes, escapes), so both are walked together:
 * white space on either side is passed over, since only it is folded, and all else must agree. */
#include "config/yaml.h"

#include "runner/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    const char *at, *end;
    struct option_mark mark; /* of `at` */
};

/* One character of the text as the file writes it. */
struct unit {
    unsigned characters; /* 0: the end of the file */
    bool white;
    bool escaped; /* not the character itself */
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t character_length(const char *at, const char *end)
{
    const size_t length = text_utf8_length(at, (size_t)(end - at));

    return length ? length : 1;
}

/* A line ends with "\n", "\r\n" or "\r", as libyaml counts them. */
static void pass(struct walk *walk, size_t characters)
{
    while (characters-- > 0 && walk->at < walk->end) {
        const char c = *walk->at;

        walk->at += character_length(walk->at, walk->end);
        walk->mark.column++;
        if (c == '\n' || (c == '\r' && !(walk->at < walk->end && *walk->at == '\n')))
            walk->mark = (struct option_mark){walk->mark.line + 1, 1};
    }
}

static struct unit hex_escape(const char *digits, size_t available, unsigned count)
{
    char text[9] = "";

    memcpy(text, digits, MIN(count, available));
    return (struct unit){
        .characters = 2 + count, .white = is_white((char)strtol(text, NULL, 16)), .escaped = true};
}

static struct unit escape(const struct walk *walk)
{
    const size_t left = (size_t)(walk->end - walk->at);
    const char c = left > 1 ? walk->at[1] : '\0';

    if (c == 'x')
        return hex_escape(walk->at + 2, left - 2, 2);
    if (c == 'u')
        return hex_escape(walk->at + 2, left - 2, 4);
    if (c == 'U')
        return hex_escape(walk->at + 2, left - 2, 8);
    return (struct unit){
        .characters = 2, .white = is_white(c) || (c && strchr("tnr", c)), .escaped = true};
}

static struct unit unit_of(const struct walk *walk, enum yaml_style style)
{
    if (walk->at == walk->end)
        return (struct unit){0};
    if (style == YAML_DOUBLE_QUOTED && *walk->at == '\\')
        return escape(walk);
    if (style == YAML_SINGLE_QUOTED && *walk->at == '\'')
        return (struct unit){.characters = 2, .escaped = true};
    return (struct unit){.characters = 1, .white = is_white(*walk->at)};
}

static void pass_white(struct walk *walk, enum yaml_style style)
{
    for (struct unit unit = unit_of(walk, style); unit.white; unit = unit_of(walk, style))
        pass(walk, unit.characters);
}

static bool pass_same(
    struct walk *walk, enum yaml_style style, const char *character, size_t length)
{
    const struct unit unit = unit_of(walk, style);

    if (unit.characters == 0 || (!unit.escaped && ((size_t)(walk->end - walk->at) < length ||
                                                      memcmp(walk->at, character, length) != 0)))
        return false;
    pass(walk, unit.characters);
    return true;
}

/* From where the node begins to the first character of its text: past its anchor and tag, and past
 * the quote or the line of the "|" or ">". */
static void enter(struct walk *walk, const struct yaml_node *node)
{
    const bool plain = node->style == YAML_PLAIN;

    while (walk->at < walk->end && (*walk->at == '&' || *walk->at == '!') &&
           !(plain && *walk->at == *node->text)) {
        while (walk->at < walk->end && !is_white(*walk->at))
            pass(walk, 1);
        pass_white(walk, YAML_PLAIN);
    }
    if (node->style == YAML_LITERAL || node->style == YAML_FOLDED) {
        const unsigned line = walk->mark.line;

        while (walk->at < walk->end && walk->mark.line == line)
            pass(walk, 1);
    } else if (!plain) {
        pass(walk, 1);
    }
    pass_white(walk, node->style);
}

struct option_mark yaml_text_mark(
    const char *source, size_t source_length, const struct yaml_node *node, size_t offset)
{
    const char *end = node->text + strlen(node->text);
    const char *wanted = node->text + MIN(offset, (size_t)(end - node->text));
    struct walk walk = {.at = source, .end = source + source_length, .mark = {1, 1}};
    struct option_mark start, mark;
    size_t length;

    pass(&walk, node->start);
    walk.mark = node->mark;
    enter(&walk, node);
    start = mark = walk.mark;
    for (const char *at = node->text; at <= wanted && at < end; at += length) {
        length = character_length(at, end);
        if (is_white(*at)) {
            mark = walk.mark;
            continue;
        }
        pass_white(&walk, node->style);
        mark = walk.mark;
        if (!pass_same(&walk, node->style, at, length))
            return start;
    }
    return wanted < end ? mark : walk.mark;
}
