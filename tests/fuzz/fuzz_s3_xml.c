/* Every answer of S3's: the reader, the tables, the error line that is made of it. */
#include "connectors/aws/xml.h"
#include "connectors/s3/error.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "tests/unit/s3_documents.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct xml_node *node, unsigned depth)
{
    if (depth > XML_DEPTH_MAX || !node->name[0] || (node->children && node->text[0]))
        abort();
    for (const struct xml_node *child = node->children; child; child = child->next)
        check_tree(child, depth + 1);
}

static void check_line(const char *line)
{
    const size_t length = strlen(line);

    for (size_t at = 0; at < length;) {
        const size_t step = text_utf8_length(line + at, length - at);

        if (!step || line[at] == '\n' || line[at] == '\r')
            abort();
        at += step;
    }
}

static void read_error(const char *text, size_t size, struct arena *arena)
{
    const struct s3_error_context context = {.method = "GET", .bucket = "b", .key = "k"};
    struct s3_error error = {.status = 400};
    struct error err = {0};

    s3_error_parse(text, size, arena, &error);
    s3_error_set(&err, &error, &context);
    check_line(err.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const struct xml_node *root;
    struct arena arena;

    arena_init(&arena);
    if (xml_parse(text, size, &arena, &root, NULL) == 0)
        check_tree(root, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++) {
        struct error err = {0};
        void *answer = arena_alloc(&arena, documents[i]->size);

        /* Either it is good or it says why not. */
        if ((s3_answer_parse(documents[i], text, size, &arena, answer, &err) != 0) != !!err.code)
            abort();
    }
    read_error(text, size, &arena);
    arena_deinit(&arena);
    return 0;
}
