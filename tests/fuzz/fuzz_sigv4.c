/* The signer's canonicalisation: flags, then path, query and headers, each up to a NUL. */
#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 8 };

/* Only what may stand in a canonical path or query: "%" with two digits, and no raw byte. */
static void check_encoded(const char *text, size_t length, const char *others)
{
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];

        if (c == '%' && i + 2 < length && strchr("0123456789ABCDEF", text[i + 1]) &&
            strchr("0123456789ABCDEF", text[i + 2]))
            continue;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                strchr("-._~", c) || strchr(others, c)))
            abort();
    }
}

/* A canonical query stays as it is. */
static void check_again(const struct sigv4_request *request, const char *query, size_t length)
{
    struct sigv4_request again = *request;
    struct buffer text;
    const char *line;

    buffer_init(&text, 0);
    again.query = mem_strndup(query, length);
    if (sigv4_canonical_request(&again, &text, NULL))
        abort();
    line = strchr(strchr(text.data, '\n') + 1, '\n') + 1;
    if (strncmp(line, again.query, length) != 0 || line[length] != '\n')
        abort();
    free((char *)again.query);
    buffer_deinit(&text);
}

static void check_canonical(const struct sigv4_request *request)
{
    struct buffer text;
    const char *path, *query;

    buffer_init(&text, 0);
    if (sigv4_canonical_request(request, &text, NULL) == 0) {
        path = strchr(text.data, '\n') + 1;
        query = strchr(path, '\n') + 1;
        check_encoded(path, (size_t)(query - 1 - path), "/");
        check_encoded(query, strcspn(query, "\n"), "=&");
        check_again(request, query, strcspn(query, "\n"));
    }
    buffer_deinit(&text);
}

static void check_signatures(const struct sigv4_request *request)
{
    static const struct aws_credentials credentials = {
        .access_key_id = "AKID", .secret_access_key = "secret", .session_token = "to/ken"};
    struct sigv4_key key = {0};
    struct buffer first, second;

    buffer_init(&first, 0);
    buffer_init(&second, 0);
    if (sigv4_authorization(request, &credentials, &key, &first, NULL) == 0 &&
        (sigv4_authorization(request, &credentials, &key, &second, NULL) ||
            strcmp(first.data, second.data) != 0))
        abort();
    buffer_clear(&first);
    if (sigv4_presign(request, &credentials, 60, &key, &first, NULL) == 0 &&
        !strstr(first.data, "&X-Amz-Signature="))
        abort();
    buffer_deinit(&first);
    buffer_deinit(&second);
    sigv4_key_deinit(&key);
}

/* The next text; "" behind the last. */
static const char *next_text(char **at, const char *end)
{
    const char *text = *at;

    if (*at < end)
        *at += strlen(*at) + 1;
    return text < end ? text : "";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HEADERS_MAX] = {{"Host", "host"}};
    struct sigv4_request request = {.method = "GET",
        .headers = headers,
        .header_count = 1,
        .payload = SIGV4_UNSIGNED_PAYLOAD,
        .region = "us-east-1",
        .service = "s3",
        .time_ms = INT64_C(1440938160000)};
    char *text, *at;

    if (size == 0)
        return 0;
    text = at = mem_calloc(size, 1);
    memcpy(text, data + 1, size - 1);
    request.normalize_path = data[0] & 1;
    request.encode_path_twice = data[0] & 2;
    request.omit_session_token = data[0] & 4;
    request.path = next_text(&at, text + size - 1);
    request.query = next_text(&at, text + size - 1);
    if (data[0] & 8)
        request.query = NULL;
    while (request.header_count < HEADERS_MAX && at < text + size - 1) {
        struct http_header *header = &headers[request.header_count++];

        header->name = next_text(&at, text + size - 1);
        header->value = next_text(&at, text + size - 1);
    }
    check_canonical(&request);
    check_signatures(&request);
    free(text);
    return 0;
}
