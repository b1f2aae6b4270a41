/* All of conformance/sigv4: each request signed by header and by query, each text on the way
 * compared. */
#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "tests/unit/conformance.h"

enum { HEADERS_MAX = 32 };

struct vector {
    const char *name;
    char *folder;
    json_t *context;
    struct aws_credentials credentials;
    bool sign_body;
    char *text; /* request.txt, cut to pieces */
    char *method, *target;
    char *raw_lines[HEADERS_MAX]; /* "Name:value", with the lines that continue it */
    size_t raw_count;
    const char *body;
    struct http_header headers[HEADERS_MAX + 3];
    char hash[SIGV4_HASH_SIZE], date[SIGV4_DATE_SIZE];
    struct sigv4_request request;
    unsigned failures;
};

/* --- reading --- */

static void check_option(const char *key)
{
    static const char *const known[] = {"credentials", "expiration_in_seconds", "normalize",
        "omit_session_token", "region", "service", "sign_body", "timestamp", NULL};

    for (size_t i = 0; known[i]; i++) {
        if (strcmp(key, known[i]) == 0)
            return;
    }
    print_message("context.json: \"%s\" is not known here\n", key);
}

static void read_context(struct vector *vector)
{
    const json_t *context = vector->context, *credentials = json_object_get(context, "credentials");
    const char *key;
    json_t *value;

    json_object_foreach(vector->context, key, value) check_option(key);
    vector->credentials.access_key_id = json_get_text(credentials, "access_key_id");
    vector->credentials.secret_access_key = json_get_text(credentials, "secret_access_key");
    vector->credentials.session_token = json_get_text(credentials, "token");
    vector->sign_body = json_is_true(json_object_get(context, "sign_body"));
    vector->request.region = json_get_text(context, "region");
    vector->request.service = json_get_text(context, "service");
    vector->request.normalize_path = json_is_true(json_object_get(context, "normalize"));
    vector->request.encode_path_twice = true;
    vector->request.omit_session_token =
        json_is_true(json_object_get(context, "omit_session_token"));
    assert_int_equal(
        time_parse(json_get_text(context, "timestamp"), &vector->request.time_ms, NULL), 0);
    sigv4_date(vector->request.time_ms, vector->date);
}

static void add_header(struct vector *vector, const char *name, const char *value)
{
    vector->headers[vector->request.header_count++] = (struct http_header){name, value};
}

/* The text of a line, which is cut; *at goes to the next one. */
static char *cut_line(char **at)
{
    char *line = *at, *end = line + strcspn(line, "\n");

    *at = *end ? end + 1 : end;
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    *end = '\0';
    return line;
}

static void read_request(struct vector *vector)
{
    char *at = vector->text, *line = cut_line(&at), *query;

    vector->method = line;
    vector->target = strchr(line, ' ') + 1;
    vector->target[-1] = '\0';
    *strrchr(vector->target, ' ') = '\0';
    while (*at && *(line = at) != '\n' && *line != '\r') {
        while (at[strcspn(at, "\n")] && strchr(" \t", at[strcspn(at, "\n") + 1]) &&
               at[strcspn(at, "\n") + 1])
            at += strcspn(at, "\n") + 1; /* the next line continues this one */
        at += strcspn(at, "\n");
        if (*at)
            *at++ = '\0';
        assert_true(vector->raw_count < HEADERS_MAX);
        vector->raw_lines[vector->raw_count++] = mem_strdup(line);
        *strchr(line, ':') = '\0';
        add_header(vector, line, line + strlen(line) + 1);
    }
    if (*at)
        cut_line(&at);
    vector->body = at;
    query = strchr(vector->target, '?');
    vector->request.method = vector->method;
    vector->request.headers = vector->headers;
    vector->request.path = query ? mem_strndup(vector->target, (size_t)(query - vector->target))
                                 : mem_strdup(vector->target);
    vector->request.query = query ? query + 1 : NULL;
    assert_int_equal(sigv4_hash(at, strlen(at), vector->hash, NULL), 0);
    vector->request.payload = vector->hash;
}

static bool open_vector(struct vector *vector, const char *root, const char *name)
{
    size_t length;

    *vector = (struct vector){.name = name, .folder = mem_printf("%s/%s", root, name)};
    vector->context = conformance_json(vector->folder, "context.json");
    vector->text = conformance_text(vector->folder, "request.txt", &length);
    if (!vector->context || !vector->text)
        return false;
    read_context(vector);
    read_request(vector);
    return true;
}

static void close_vector(struct vector *vector)
{
    for (size_t i = 0; i < vector->raw_count; i++)
        free(vector->raw_lines[i]);
    free((char *)vector->request.path);
    free(vector->text);
    free(vector->folder);
    json_decref(vector->context);
}

/* --- comparing --- */

static void expect(struct vector *vector, const char *name, const char *found)
{
    size_t length;
    char *expected = conformance_text(vector->folder, name, &length);

    if (!expected || strcmp(expected, found) != 0) {
        vector->failures++;
        print_error("%s/%s\n--- expected:\n%s\n--- found:\n%s\n", vector->name, name,
            expected ? expected : "(no such file)", found);
    }
    free(expected);
}

/* The request line and the headers of request.txt, then those that signing added. */
static void expect_signed_request(
    struct vector *vector, const char *name, const char *target, const char *authorization)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_printf(&text, "%s %s HTTP/1.1\n", vector->method, target);
    for (size_t i = 0; i < vector->raw_count; i++)
        buffer_printf(&text, "%s\n", vector->raw_lines[i]);
    for (size_t i = vector->raw_count; i < vector->request.header_count; i++)
        buffer_printf(&text, "%s:%s\n", vector->headers[i].name, vector->headers[i].value);
    if (authorization)
        buffer_printf(&text, "Authorization:%s\n", authorization);
    buffer_printf(&text, "\n%s", vector->body);
    expect(vector, name, text.data);
    buffer_deinit(&text);
}

static void expect_texts(
    struct vector *vector, const struct sigv4_request *request, const char *variant)
{
    struct buffer text;
    char name[64];

    buffer_init(&text, 0);
    assert_int_equal(sigv4_canonical_request(request, &text, NULL), 0);
    snprintf(name, sizeof(name), "%s-canonical-request.txt", variant);
    expect(vector, name, text.data);
    buffer_clear(&text);
    assert_int_equal(sigv4_string_to_sign(request, &text, NULL), 0);
    snprintf(name, sizeof(name), "%s-string-to-sign.txt", variant);
    expect(vector, name, text.data);
    buffer_deinit(&text);
}

static void sign_by_header(struct vector *vector)
{
    const size_t header_count = vector->request.header_count;
    struct buffer value;

    if (vector->credentials.session_token)
        add_header(vector, "X-Amz-Security-Token", vector->credentials.session_token);
    add_header(vector, "X-Amz-Date", vector->date);
    if (vector->sign_body)
        add_header(vector, "x-amz-content-sha256", vector->hash);
    buffer_init(&value, 0);
    assert_int_equal(
        sigv4_authorization(&vector->request, &vector->credentials, NULL, &value, NULL), 0);
    expect_texts(vector, &vector->request, "header");
    expect_signed_request(vector, "header-signed-request.txt", vector->target, value.data);
    expect(vector, "header-signature.txt", strrchr(value.data, '=') + 1);
    buffer_deinit(&value);
    vector->request.header_count = header_count;
}

/* What is signed of a presigned query: all but the signature, and the token where it is left out.
 */
static char *covered_query(const struct vector *vector, const char *query)
{
    char *text = mem_strdup(query);

    *strstr(text, "&X-Amz-Signature=") = '\0';
    if (vector->credentials.session_token && vector->request.omit_session_token)
        *strstr(text, "&X-Amz-Security-Token=") = '\0';
    return text;
}

static void sign_by_query(struct vector *vector)
{
    const unsigned expires_s =
        (unsigned)json_get_int(vector->context, "expiration_in_seconds", 3600);
    struct sigv4_request request = vector->request;
    struct buffer query, target;

    buffer_init(&query, 0);
    buffer_init(&target, 0);
    assert_int_equal(
        sigv4_presign(&vector->request, &vector->credentials, expires_s, NULL, &query, NULL), 0);
    request.query = covered_query(vector, query.data);
    expect_texts(vector, &request, "query");
    free((char *)request.query);
    buffer_printf(&target, "%s?%s", request.path, query.data);
    expect_signed_request(vector, "query-signed-request.txt", target.data, NULL);
    expect(vector, "query-signature.txt", strrchr(query.data, '=') + 1);
    buffer_deinit(&query);
    buffer_deinit(&target);
}

static void every_vector_is_signed_as_it_should_be(void **state)
{
    char *root = conformance_path("sigv4");
    unsigned count = 0, failed = 0;
    struct dirent *entry;
    DIR *folder;

    (void)state;
    if (!root)
        skip();
    folder = opendir(root);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        struct vector vector;

        if (entry->d_name[0] == '.')
            continue;
        if (open_vector(&vector, root, entry->d_name)) {
            sign_by_header(&vector);
            sign_by_query(&vector);
            count++;
            failed += vector.failures > 0;
        }
        close_vector(&vector);
    }
    closedir(folder);
    free(root);
    print_message("%u requests, %u of them signed wrongly\n", count, failed);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_signed_as_it_should_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
