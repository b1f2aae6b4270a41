/* A URL and, behind a line end, the Location that a server sent for it: secrets stay with their
 * host, and what was encrypted stays so. */
#include "runner/io/http_private.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The host as curl writes it: "http://0x7f.1:80" is "http://127.0.0.1". */
static char *canonical_host(const char *url)
{
    struct error err;
    bool foreign;
    char *root, *host;

    if (http_url_redirect(url, "/", &root, &foreign, &err))
        return NULL;
    assert(!foreign);
    host = http_url_host(root);
    free(root);
    return host;
}

static void check_redirect(const char *from, const char *location)
{
    char *url, *host, *from_host;
    struct error err = {0};
    bool foreign;

    if (http_url_redirect(from, location, &url, &foreign, &err)) {
        assert(err.code == ERROR_IO || err.code == ERROR_DENIED);
        return;
    }
    host = canonical_host(url);
    from_host = canonical_host(from);
    assert(host && from_host && !strpbrk(url, " \r\n#"));
    assert(strncasecmp(from, "https:", 6) != 0 || strncmp(url, "https:", 6) == 0);
    assert((strcmp(host, from_host) != 0) == foreign);
    assert(!foreign || !memchr(url + 8, '@', strcspn(url + 8, "/?")));
    free(host);
    free(from_host);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    char *from, *location;

    if (!end)
        return 0;
    from = mem_strndup((const char *)data, (size_t)(end - data));
    location = mem_strndup((const char *)end + 1, size - (size_t)(end + 1 - data));
    free(http_url_host(location));
    check_redirect(from, location);
    free(from);
    free(location);
    return 0;
}
