/* Small XML documents of AWS's services as a tree: elements and texts. Namespaces, attributes,
 * comments and processing instructions are skipped; a document type (and with it every entity but
 * the five of XML) is refused. White space in front of the document is: S3 sends it to keep a
 * connection alive while it works. */
#ifndef CONNECTORS_AWS_XML_H
#define CONNECTORS_AWS_XML_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stddef.h>

enum {
    XML_BYTES_MAX = 64 * 1024 * 1024,
    XML_NODES_MAX = 256 * 1024, /* a page of 1,000 versions has 11,000 */
    XML_DEPTH_MAX = 32,
};

struct xml_node {
    const char *name; /* without a prefix */
    const char *text; /* of an element without children, "" where it is empty */
    const struct xml_node *children, *next;
};

/* The root; all of it lives in `arena`. ERROR_DATA says line and why, ERROR_LIMIT which limit. */
int xml_parse(const char *bytes, size_t length, struct arena *arena,
    const struct xml_node **ret_root, struct error *err);

/* Overwrites all texts: of a document with secrets, before its arena goes. What cannot be read to
 * its end is overwritten by xml_parse(). NULL is harmless. */
void xml_wipe(const struct xml_node *root);

/* The first child of that name, and the next sibling of the node's own name; NULL: none. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
const struct xml_node *xml_next(const struct xml_node *node);

/* The text of the first child of that name; NULL: none. */
const char *xml_text(const struct xml_node *node, const char *name);

#endif
