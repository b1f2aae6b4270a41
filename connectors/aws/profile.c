#include "connectors/aws/profile.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <string.h>

/* --- pieces of text --- */

struct span {
    const char *start;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span span)
{
    while (span.length && is_blank(span.start[0])) {
        span.start++;
        span.length--;
    }
    while (span.length && is_blank(span.start[span.length - 1]))
        span.length--;
    return span;
}

/* Up to the first comment; `spaced`: only one that stands behind a blank. */
static struct span without_comment(struct span line, bool spaced)
{
    for (size_t i = 0; i < line.length; i++) {
        const bool mark = line.start[i] == '#' || line.start[i] == ';';

        if (mark && (!spaced || (i > 0 && is_blank(line.start[i - 1])))) {
            line.length = i;
            break;
        }
    }
    return trim(line);
}

static bool is_identifier(struct span name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!isalnum((unsigned char)name.start[i]) && !strchr("-_/.%@:+", name.start[i]))
            return false;
    return name.length > 0;
}

static bool span_is(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.start, text, span.length) == 0;
}

/* What stands behind `word` and a blank; false: it does not start so. */
static bool after_word(struct span *span, const char *word)
{
    const size_t length = strlen(word);

    if (span->length <= length || memcmp(span->start, word, length) != 0 ||
        !is_blank(span->start[length]))
        return false;
    *span = trim((struct span){span->start + length, span->length - length});
    return true;
}

/* --- the set --- */

static void forget(char *secret, size_t length)
{
    if (secret)
        explicit_bzero(secret, length);
    free(secret);
}

static void clear_properties(struct profile *profile)
{
    for (size_t i = 0; i < profile->property_count; i++) {
        free(profile->properties[i].name);
        forget(profile->properties[i].value, profile->properties[i].length);
    }
    profile->property_count = 0;
}

void profile_set_deinit(struct profile_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct profile *profile = set->sections[i];

        clear_properties(profile);
        free(profile->properties);
        free(profile->name);
        free(profile);
    }
    free(set->sections);
    *set = (struct profile_set){0};
}

static struct profile *find(const struct profile_set *set, enum profile_kind kind, struct span name)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->sections[i]->kind == kind && span_is(name, set->sections[i]->name))
            return set->sections[i];
    return NULL;
}

const struct profile *profile_find(
    const struct profile_set *set, enum profile_kind kind, const char *name)
{
    return find(set, kind, (struct span){name, strlen(name)});
}

const struct profile_property *profile_property(const struct profile *profile, const char *name)
{
    for (size_t i = 0; profile && i < profile->property_count; i++)
        if (text_equal(profile->properties[i].name, name))
            return &profile->properties[i];
    return NULL;
}

const char *profile_get(const struct profile *profile, const char *name)
{
    const struct profile_property *property = profile_property(profile, name);

    return property && property->value[0] ? property->value : NULL;
}

char *profile_get_nested(const struct profile *profile, const char *group, const char *name)
{
    const char *line = profile_get(profile, group);

    while (line && (line = strchr(line, '\n'))) {
        const struct span whole = {line + 1, strcspn(line + 1, "\n")};
        const char *equals = memchr(whole.start, '=', whole.length);

        line++;
        if (equals &&
            span_is(trim((struct span){whole.start, (size_t)(equals - whole.start)}), name)) {
            const struct span value = without_comment(
                (struct span){equals + 1, whole.length - (size_t)(equals + 1 - whole.start)}, true);

            return mem_strndup(value.start, value.length);
        }
    }
    return NULL;
}

/* --- the parser: line by line --- */

struct parser {
    struct profile_set *set;
    enum profile_file file;
    const char *path;
    unsigned line;
    bool in_section;                   /* also in one that is ignored */
    struct profile *section;           /* NULL: ignored */
    bool in_property, nested;          /* what may be continued; nested: by "name = value" lines */
    struct profile_property *property; /* NULL: ignored */
};

static int fail(const struct parser *parser, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "%s:%u: %s", parser->path, parser->line, what);
}

/* Which section the text between the brackets names; false: none of ours. */
static bool section_of(enum profile_file file, struct span title, enum profile_kind *ret_kind,
    struct span *ret_name, bool *ret_prefixed)
{
    *ret_name = title;
    *ret_kind = PROFILE_PROFILE;
    *ret_prefixed = false;
    if (file == PROFILE_CREDENTIALS)
        return is_identifier(*ret_name);
    if (after_word(ret_name, "profile")) {
        *ret_prefixed = true;
        return is_identifier(*ret_name);
    }
    if (after_word(ret_name, "sso-session")) {
        *ret_kind = PROFILE_SSO_SESSION;
        return is_identifier(*ret_name);
    }
    if (after_word(ret_name, "services")) {
        *ret_kind = PROFILE_SERVICES;
        return is_identifier(*ret_name);
    }
    return span_is(*ret_name, "default");
}

/* [default] counts only where the same file has no [profile default], whichever comes first. */
static bool hidden_default(struct parser *parser, struct profile *profile, bool prefixed)
{
    if (parser->file != PROFILE_CONFIG || profile->kind != PROFILE_PROFILE ||
        !text_equal(profile->name, "default"))
        return false;
    if (prefixed && !profile->prefixed) {
        clear_properties(profile);
        profile->prefixed = true;
    }
    return profile->prefixed && !prefixed;
}

static int parse_section(struct parser *parser, struct span line, struct error *err)
{
    const struct span whole = without_comment(line, false);
    enum profile_kind kind;
    struct span name;
    bool prefixed;

    if (whole.length < 2 || whole.start[whole.length - 1] != ']')
        return fail(parser, "Profile definition must end with ']'", err);
    parser->in_section = true;
    parser->in_property = false;
    parser->section = NULL;
    parser->property = NULL;
    if (!section_of(parser->file, trim((struct span){whole.start + 1, whole.length - 2}), &kind,
            &name, &prefixed))
        return 0;

    parser->section = find(parser->set, kind, name);
    if (!parser->section) {
        struct profile_set *set = parser->set;

        if (set->count >= PROFILE_SECTIONS_MAX)
            return error_set(err, ERROR_LIMIT, "%s:%u: more than %d sections", parser->path,
                parser->line, PROFILE_SECTIONS_MAX);
        set->sections =
            mem_grow(set->sections, &set->capacity, set->count, sizeof(struct profile *));
        parser->section = mem_new(struct profile);
        *parser->section = (struct profile){
            .kind = kind, .name = mem_strndup(name.start, name.length), .prefixed = prefixed};
        set->sections[set->count++] = parser->section;
    }
    if (hidden_default(parser, parser->section, prefixed))
        parser->section = NULL;
    return 0;
}

static int add_property(struct parser *parser, const char *name,
    struct profile_property **ret_property, struct error *err)
{
    struct profile *section = parser->section;

    for (size_t i = 0; i < section->property_count; i++)
        if (text_equal(section->properties[i].name, name)) {
            *ret_property = &section->properties[i];
            return 0;
        }
    if (section->property_count >= PROFILE_PROPERTIES_MAX)
        return error_set(err, ERROR_LIMIT, "%s:%u: more than %d properties in a section",
            parser->path, parser->line, PROFILE_PROPERTIES_MAX);
    section->properties = mem_grow(section->properties, &section->property_capacity,
        section->property_count, sizeof(*section->properties));
    *ret_property = &section->properties[section->property_count++];
    **ret_property = (struct profile_property){.name = mem_strdup(name)};
    return 0;
}

static int parse_property(struct parser *parser, struct span line, struct error *err)
{
    const struct span whole = without_comment(line, true);
    const char *equals = memchr(whole.start, '=', whole.length);
    struct profile_property *property;
    struct span name, value;
    char *key;
    int result;

    if (!parser->in_section)
        return fail(parser, "Expected a profile definition", err);
    if (!equals)
        return fail(parser, "Expected an '=' sign defining a property", err);
    name = trim((struct span){whole.start, (size_t)(equals - whole.start)});
    value = trim((struct span){equals + 1, whole.length - (size_t)(equals + 1 - whole.start)});
    if (name.length == 0)
        return fail(parser, "Property did not have a name", err);
    parser->in_property = true;
    parser->nested = value.length == 0;
    parser->property = NULL;
    if (!parser->section || !is_identifier(name))
        return 0;

    key = mem_strndup(name.start, name.length);
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    result = add_property(parser, key, &property, err);
    free(key);
    if (result)
        return -1;
    forget(property->value, property->length);
    property->value = mem_strndup(value.start, value.length);
    property->length = value.length;
    property->capacity = value.length + 1;
    property->file = parser->file;
    parser->property = property;
    return 0;
}

static int check_nested(const struct parser *parser, struct span line, struct error *err)
{
    const char *equals = memchr(line.start, '=', line.length);

    if (!equals)
        return fail(parser, "Expected an '=' sign defining a sub-property", err);
    if (trim((struct span){line.start, (size_t)(equals - line.start)}).length == 0)
        return fail(parser, "Sub-property did not have a name", err);
    return 0;
}

/* Grown by hand: realloc() would leave a copy that is not wiped. */
static void extend_value(struct profile_property *property, struct span line)
{
    const size_t length = property->length + 1 + line.length;

    if (length >= property->capacity) {
        char *grown = mem_calloc(2 * length, 1);

        memcpy(grown, property->value, property->length);
        forget(property->value, property->length);
        property->value = grown;
        property->capacity = 2 * length;
    }
    property->value[property->length] = '\n';
    memcpy(property->value + property->length + 1, line.start, line.length);
    property->value[length] = '\0';
    property->length = length;
}

static int parse_continuation(struct parser *parser, struct span line, struct error *err)
{
    struct profile_property *property = parser->property;

    if (!parser->in_section)
        return fail(parser, "Expected a profile definition", err);
    if (!parser->in_property)
        return fail(parser, "Expected a property definition, found continuation", err);
    if (parser->nested && check_nested(parser, line, err))
        return -1;
    if (!property)
        return 0;
    extend_value(property, line);
    return 0;
}

static int parse_line(struct parser *parser, struct span line, struct error *err)
{
    const struct span content = trim(line);

    /* A comment that is indented is none of the value that stands above it, as elsewhere. */
    if (content.length == 0 || content.start[0] == '#' || content.start[0] == ';')
        return 0;
    if (line.start[0] == '[')
        return parse_section(parser, line, err);
    if (is_blank(line.start[0]))
        return parse_continuation(parser, content, err);
    return parse_property(parser, line, err);
}

int profile_set_parse(struct profile_set *set, enum profile_file file, const char *path,
    const char *text, size_t length, struct error *err)
{
    struct parser parser = {.set = set, .file = file, .path = path};
    struct span rest = {text, length};

    if (length > PROFILE_FILE_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "%s: more than %d bytes", path, PROFILE_FILE_BYTES_MAX);
    if (memchr(text, '\0', length))
        return error_set(err, ERROR_INVALID, "%s: not a text: it has a NUL byte", path);
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        rest = (struct span){text + 3, length - 3};
    while (rest.length) {
        const char *end = memchr(rest.start, '\n', rest.length);
        const struct span line = {rest.start, end ? (size_t)(end - rest.start) : rest.length};
        const size_t taken = line.length + (end ? 1 : 0);

        parser.line++;
        if (parse_line(&parser, line, err))
            return -1;
        rest = (struct span){rest.start + taken, rest.length - taken};
    }
    return 0;
}
