/* A URL and, behind a line end, what a server says in a header: secrets are not shown, identities
 * and versions agree with themselves. */
#include "connectors/http/http_store_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *url)
{
    struct buffer identity, again, shown;
    struct error err = {0};

    buffer_init(&identity, 0);
    buffer_init(&again, 0);
    buffer_init(&shown, 0);
    http_store_identify(url, &identity);
    http_store_identify(identity.data, &again);
    assert(strcmp(identity.data, again.data) == 0);
    text_append_url(&shown, url);
    if (text_starts(url, "http://") || text_starts(url, "https://")) {
        const char *mark = strchr(shown.data, '?'), *host = strstr(shown.data, "//") + 2;

        assert(!mark || strcmp(mark, "?…") == 0);
        assert(!memchr(host, '@', strcspn(host, "/?")));
    }
    if (http_store_check_url(url, &err))
        assert(err.code == ERROR_INVALID || err.code == ERROR_NOT_SUPPORTED);
    buffer_deinit(&identity);
    buffer_deinit(&again);
    buffer_deinit(&shown);
}

static void check_header(const char *text)
{
    const struct http_facts facts[] = {
        {text, NULL, -1}, {NULL, text, 7}, {NULL, text, -1}, {text, text, 0}};
    struct arena arena;
    uint64_t first;
    int64_t length;

    arena_init(&arena);
    for (size_t i = 0; *text && i < ARRAY_LENGTH(facts); i++)
        assert(http_store_is_version(http_store_version(&facts[i], &arena), &facts[i]));
    if (http_store_read_range(text, &first, &length))
        assert(length == HTTP_LENGTH_UNKNOWN || (length > 0 && first < (uint64_t)length));
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    char *url, *header;

    if (!end)
        return 0;
    url = mem_strndup((const char *)data, (size_t)(end - data));
    header = mem_strndup((const char *)end + 1, size - (size_t)(end + 1 - data));
    check_url(url);
    check_header(header);
    free(url);
    free(header);
    return 0;
}
