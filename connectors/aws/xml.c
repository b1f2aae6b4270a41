#include "connectors/aws/xml.h"

#include "runner/base/buffer.h"

#include <ctype.h>
#include <expat.h>
#include <string.h>

/* An element that is open: where its next child goes. */
struct xml_level {
    struct xml_node *node;
    const struct xml_node **last;
};

struct xml_reader {
    XML_Parser parser;
    struct arena *arena;
    const struct xml_node *root;
    struct xml_level levels[XML_DEPTH_MAX];
    size_t depth, nodes;
    struct buffer text; /* of the innermost element, as long as it has no children */
    struct error err;
};

static void refuse(struct xml_reader *reader, enum error_code code, const char *why)
{
    error_set(&reader->err, code, "XML, line %lu: %s",
        (unsigned long)XML_GetCurrentLineNumber(reader->parser), why);
    XML_StopParser(reader->parser, XML_FALSE);
}

/* --- what expat calls; it may call some more after a refusal --- */

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_reader *reader = data;
    const char *colon = strrchr(name, ':');
    const struct xml_node **place;
    struct xml_node *node;

    (void)attributes;
    if (reader->err.code)
        return;
    if (reader->depth == XML_DEPTH_MAX) {
        refuse(reader, ERROR_LIMIT, "elements are nested deeper than 32");
        return;
    }
    if (reader->nodes++ == XML_NODES_MAX) {
        refuse(reader, ERROR_LIMIT, "more than 262144 elements");
        return;
    }
    node = arena_new(reader->arena, struct xml_node);
    node->name = arena_strdup(reader->arena, colon && colon[1] ? colon + 1 : name);
    node->text = "";
    place = reader->depth ? reader->levels[reader->depth - 1].last : &reader->root;
    *place = node;
    if (reader->depth)
        reader->levels[reader->depth - 1].last = &node->next;
    reader->levels[reader->depth++] = (struct xml_level){.node = node, .last = &node->children};
    buffer_clear(&reader->text);
}

static void on_end(void *data, const XML_Char *name)
{
    struct xml_reader *reader = data;
    struct xml_node *node;

    (void)name;
    if (reader->err.code)
        return;
    node = reader->levels[--reader->depth].node;
    if (!node->children && reader->text.length)
        node->text = arena_strndup(reader->arena, reader->text.data, reader->text.length);
    buffer_clear(&reader->text);
}

static void on_text(void *data, const XML_Char *text, int length)
{
    struct xml_reader *reader = data;

    buffer_append(&reader->text, text, (size_t)length);
}

static void on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    refuse(data, ERROR_DATA, "a document type is not allowed here");
}

/* --- the whole --- */

static void read_document(struct xml_reader *reader, const char *bytes, size_t length)
{
    if (XML_Parse(reader->parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK)
        return;
    if (!reader->err.code)
        refuse(reader, ERROR_DATA, XML_ErrorString(XML_GetErrorCode(reader->parser)));
}

int xml_parse(const char *bytes, size_t length, struct arena *arena,
    const struct xml_node **ret_root, struct error *err)
{
    struct xml_reader reader = {.arena = arena};

    while (length && isspace((unsigned char)*bytes))
        bytes++, length--;
    if (length > XML_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "XML: more than 64 MiB");
    if (!length)
        return error_set(err, ERROR_DATA, "XML: the document is empty");

    reader.parser = XML_ParserCreate(NULL);
    if (!reader.parser)
        return error_set(err, ERROR_NO_MEMORY, "XML: no memory for a parser");
    buffer_init(&reader.text, XML_BYTES_MAX);
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
    read_document(&reader, bytes, length);
    XML_ParserFree(reader.parser);
    explicit_bzero(reader.text.data, reader.text.capacity);
    buffer_deinit(&reader.text);

    if (reader.err.code) {
        xml_wipe(reader.root);
        if (err)
            *err = reader.err;
        return -1;
    }
    *ret_root = reader.root;
    return 0;
}

void xml_wipe(const struct xml_node *root)
{
    for (const struct xml_node *node = root; node; node = node->next) {
        explicit_bzero((char *)(uintptr_t)node->text, strlen(node->text));
        xml_wipe(node->children); /* as deep as the limit */
    }
}

static const struct xml_node *find(const struct xml_node *node, const char *name)
{
    while (node && strcmp(node->name, name) != 0)
        node = node->next;
    return node;
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
    return find(node->children, name);
}

const struct xml_node *xml_next(const struct xml_node *node)
{
    return find(node->next, node->name);
}

const char *xml_text(const struct xml_node *node, const char *name)
{
    const struct xml_node *child = xml_child(node, name);

    return child ? child->text : NULL;
}
