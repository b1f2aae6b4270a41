/* An answer's head and trailers, in lines as they come from a server. */
#include "runner/io/http_head.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct http_head *head)
{
    size_t end = 0;

    assert(!head->text.overflowed);
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->text.data + head->fields[i].name;
        const char *value = head->text.data + head->fields[i].value;

        assert(head->fields[i].name == end);
        assert(head->fields[i].value == end + strlen(name) + 1);
        assert(name[0] && !strpbrk(name, ": \t"));
        assert(!strchr(value, '\n'));
        assert(http_head_find(head, name));
        end = head->fields[i].value + strlen(value) + 1;
    }
    assert(end == head->text.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct http_head head, trailers;
    struct error err = {0};
    int rc = 0;

    http_head_init(&head);
    http_head_init(&trailers);
    while (size > 0 && !rc) {
        const char *end = memchr(bytes, '\n', size);
        const size_t length = end ? (size_t)(end + 1 - bytes) : size;

        rc = head.complete ? http_head_field(&trailers, bytes, length, &err)
                           : http_head_line(&head, bytes, length, &err);
        bytes += length;
        size -= length;
    }
    assert(!rc || err.code == ERROR_IO || err.code == ERROR_LIMIT);
    assert(!head.complete || (head.status >= 200 && head.status <= 999));
    check_fields(&head);
    check_fields(&trailers);
    if (head.complete && http_head_check_length(&head, &err))
        assert(err.code == ERROR_IO);
    http_head_deinit(&head);
    http_head_deinit(&trailers);
    return 0;
}
