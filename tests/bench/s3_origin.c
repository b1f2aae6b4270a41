/* A small, fast S3 server for benchmarks, so that the figures are the client's: a thread for each
 * connection, objects that exist because they are named.
 *
 *     s3_origin [--latency MS] [--checksums] [--raw] FOLDER
 *
 * writes a CA and a certificate to FOLDER, listens on 127.0.0.1 and prints one line of JSON: the
 * ports "http" and "https" and the "ca". It ends with its parent. In any bucket there are
 *     size-BYTES/…              an object of that size, and of bytes that wire_send_bytes() makes
 *     many-COUNTxBYTES/000000   … COUNT of them, also when listed by that prefix
 * What is written is read, counted and forgotten; GET /counters tells. Signatures are not looked
 * at. --latency waits that long before each answer, --checksums sends CRC32C with what is read,
 * --raw prints what a bare client gets out of it, and ends. */
#include "tests/bench/s3_raw.h"
#include "tests/bench/s3_wire.h"
#include "tests/unit/origin.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_BYTES = 1024 * 1024,
    LISTED_MAX = 1000,
    NAME_BYTES = 128,
    ENTRY_BYTES = 256,
};

struct origin_server {
    unsigned latency_ms;
    bool checksums;
    atomic_uint_fast64_t requests, written, bytes_written; /* written: objects and parts */
};

struct listener {
    struct origin_server *server;
    SSL_CTX *tls;
    int fd;
    unsigned port;
};

struct connection {
    struct origin_server *server;
    SSL_CTX *tls;
    struct wire wire;
    struct wire_head head;
    const char *method, *path; /* in `head`, once it is taken apart */
    char *query;               /* "": none */
    uint64_t body_length;
};

/* --- answers --- */

static bool answer(struct connection *c, const char *status, const char *headers, const char *body)
{
    char head[1024];
    const int length = snprintf(head, sizeof(head),
        "HTTP/1.1 %s\r\nx-amz-request-id: BENCH\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
        strlen(body));

    return wire_send(&c->wire, head, (size_t)length) &&
           wire_send(&c->wire, body, strcmp(c->method, "HEAD") ? strlen(body) : 0);
}

static bool answer_error(struct connection *c, const char *status, const char *code)
{
    char body[ENTRY_BYTES];

    snprintf(body, sizeof(body), "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code);
    return answer(c, status, "", body);
}

static bool answer_counters(struct connection *c)
{
    struct origin_server *server = c->server;
    char body[ENTRY_BYTES];

    snprintf(body, sizeof(body),
        "{\"requests\": %" PRIuFAST64 ", \"written\": %" PRIuFAST64
        ", \"bytes_written\": %" PRIuFAST64 "}\n",
        atomic_load(&server->requests), atomic_load(&server->written),
        atomic_load(&server->bytes_written));
    return answer(c, "200 OK", "", body);
}

/* "/bucket/size-1024/x": false where there is no such object. */
static bool find_object(const char *path, uint64_t *ret_size)
{
    const char *key = strchr(path + 1, '/');
    uint64_t count;

    return key && (sscanf(key, "/size-%" SCNu64 "/", ret_size) == 1 ||
                      sscanf(key, "/many-%" SCNu64 "x%" SCNu64 "/", &count, ret_size) == 2);
}

/* The whole object, or what the Range header names of it; false: it names nothing that is there. */
static bool find_range(
    const struct connection *c, uint64_t size, uint64_t *ret_first, uint64_t *ret_length)
{
    const char *range = wire_header(&c->head, "\r\nRange: bytes=");
    uint64_t first, last = size - 1;

    *ret_first = 0;
    *ret_length = size;
    if (!range)
        return true;
    if (sscanf(range, "%" SCNu64 "-%" SCNu64, &first, &last) < 1 || first >= size || last < first)
        return false;
    *ret_first = first;
    *ret_length = (last < size ? last + 1 : size) - first;
    return true;
}

static void write_checksum(char *text, size_t size, uint64_t first, uint64_t length)
{
    const uint32_t crc = wire_crc32c(first, length);
    const unsigned char bytes[] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
        (unsigned char)(crc >> 8), (unsigned char)crc};
    unsigned char encoded[16];

    EVP_EncodeBlock(encoded, bytes, sizeof(bytes));
    snprintf(text, size, "x-amz-checksum-crc32c: %s\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
        (const char *)encoded);
}

static bool answer_object(struct connection *c)
{
    uint64_t size, first, length;
    char range[NAME_BYTES] = "", checksum[NAME_BYTES] = "", head[1024];
    int head_length;

    if (!find_object(c->path, &size))
        return answer_error(c, "404 Not Found", "NoSuchKey");
    if (!find_range(c, size, &first, &length))
        return answer_error(c, "416 Range Not Satisfiable", "InvalidRange");
    if (length < size)
        snprintf(range, sizeof(range),
            "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", first,
            first + length - 1, size);
    if (c->server->checksums)
        write_checksum(checksum, sizeof(checksum), first, length);
    head_length = snprintf(head, sizeof(head),
        "HTTP/1.1 %s\r\nETag: \"%032" PRIx64 "-1\"\r\nLast-Modified: Mon, 05 Jan 2026 08:00:00 "
        "GMT\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
        "x-amz-request-id: BENCH\r\n%s%sContent-Length: %" PRIu64 "\r\n\r\n",
        range[0] ? "206 Partial Content" : "200 OK", size, range, checksum, length);
    if (strcmp(c->method, "HEAD") == 0)
        length = 0;
    return wire_send_bytes(&c->wire, head, (size_t)head_length, first, length);
}

/* The query's value, decoded; false: it is not there. */
static bool find_query(const struct connection *c, const char *name, char *ret_value, size_t size)
{
    const size_t name_length = strlen(name);
    const char *at = c->query;
    size_t length = 0;

    while (strncmp(at, name, name_length) != 0 || at[name_length] != '=') {
        at += strcspn(at, "&");
        if (!*at++)
            return false;
    }
    for (at += name_length + 1; *at && *at != '&' && length + 1 < size; at++) {
        unsigned byte;

        if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1) {
            ret_value[length++] = (char)byte;
            at += 2;
        } else {
            ret_value[length++] = *at;
        }
    }
    ret_value[length] = '\0';
    return true;
}

static bool answer_list(struct connection *c)
{
    char prefix[NAME_BYTES] = "", token[NAME_BYTES] = "", *body, *at;
    unsigned long count = 0, size = 0, next, end;
    bool sent;

    find_query(c, "prefix", prefix, sizeof(prefix));
    find_query(c, "continuation-token", token, sizeof(token));
    if (sscanf(prefix, "many-%lux%lu/", &count, &size) != 2 || !strchr(prefix, '/'))
        count = 0;
    else
        strchr(prefix, '/')[1] = '\0';
    next = strtoul(token, NULL, 10);
    end = count < next + LISTED_MAX ? count : next + LISTED_MAX;
    body = at = malloc((LISTED_MAX + 2) * (size_t)ENTRY_BYTES);
    if (!body)
        abort();
    at += snprintf(at, ENTRY_BYTES, "<ListBucketResult><IsTruncated>%s</IsTruncated>",
        end < count ? "true" : "false");
    if (end < count)
        at += snprintf(at, ENTRY_BYTES, "<NextContinuationToken>%lu</NextContinuationToken>", end);
    for (; next < end; next++)
        at += snprintf(at, ENTRY_BYTES,
            "<Contents><Key>%s%06lu</Key><LastModified>2026-01-05T08:00:00.000Z</LastModified>"
            "<ETag>\"%032lx-1\"</ETag><Size>%lu</Size></Contents>",
            prefix, next, size, size);
    snprintf(at, ENTRY_BYTES, "</ListBucketResult>");
    sent = answer(c, "200 OK", "Content-Type: application/xml\r\n", body);
    free(body);
    return sent;
}

static bool answer_written(struct connection *c)
{
    atomic_fetch_add(&c->server->written, 1);
    atomic_fetch_add(&c->server->bytes_written, c->body_length);
    return answer(c, "200 OK", "ETag: \"0123456789abcdef0123456789abcdef\"\r\n", "");
}

static bool answer_post(struct connection *c)
{
    char upload[NAME_BYTES];

    if (strncmp(c->query, "uploads", 7) == 0)
        return answer(c, "200 OK", "",
            "<InitiateMultipartUploadResult><UploadId>1</UploadId>"
            "</InitiateMultipartUploadResult>");
    if (find_query(c, "uploadId", upload, sizeof(upload)))
        return answer(c, "200 OK", "",
            "<CompleteMultipartUploadResult><ETag>\"0123456789abcdef0123456789abcdef-1\"</ETag>"
            "</CompleteMultipartUploadResult>");
    return answer_error(c, "501 Not Implemented", "NotImplemented");
}

static bool answer_request(struct connection *c)
{
    const bool get = strcmp(c->method, "GET") == 0;
    char type[NAME_BYTES];

    if (get && strcmp(c->path, "/counters") == 0)
        return answer_counters(c);
    if (get && find_query(c, "list-type", type, sizeof(type)))
        return answer_list(c);
    if (get || strcmp(c->method, "HEAD") == 0)
        return answer_object(c);
    if (strcmp(c->method, "PUT") == 0)
        return answer_written(c);
    if (strcmp(c->method, "POST") == 0)
        return answer_post(c);
    if (strcmp(c->method, "DELETE") == 0)
        return answer(c, "204 No Content", "", "");
    return answer_error(c, "501 Not Implemented", "NotImplemented");
}

/* --- connections --- */

/* Only once the headers were looked at: it cuts the request line into texts. */
static bool take_apart(struct connection *c)
{
    char *rest = c->head.bytes;

    c->method = strsep(&rest, " ");
    c->path = rest ? strsep(&rest, " ") : NULL;
    if (!c->path || c->path[0] != '/')
        return false;
    c->query = strchr(c->path, '?');
    if (c->query)
        *c->query++ = '\0';
    else
        c->query = c->head.bytes + strlen(c->head.bytes);
    return true;
}

static bool serve(struct connection *c)
{
    const struct timespec latency = {
        .tv_sec = c->server->latency_ms / 1000, .tv_nsec = c->server->latency_ms % 1000 * 1000000L};
    const char *length;

    if (!wire_receive_head(&c->wire, &c->head))
        return false;
    length = wire_header(&c->head, "\r\nContent-Length: ");
    c->body_length = length ? strtoull(length, NULL, 10) : 0;
    atomic_fetch_add(&c->server->requests, 1);
    if (!take_apart(c) || !wire_skip_body(&c->wire, &c->head, c->body_length))
        return false;
    if (c->server->latency_ms)
        nanosleep(&latency, NULL);
    return answer_request(c);
}

static void *run_connection(void *data)
{
    struct connection *c = data;

    if (wire_accept(&c->wire, c->wire.fd, c->tls)) {
        while (serve(c))
            continue;
    }
    wire_close(&c->wire);
    free(c);
    return NULL;
}

static void *run_listener(void *data)
{
    const struct listener *listener = data;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (;;) {
        const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        struct connection *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
        pthread_t thread;

        if (!c)
            continue;
        c->server = listener->server;
        c->tls = listener->tls;
        c->wire.fd = fd;
        if (pthread_create(&thread, &attributes, run_connection, c))
            abort();
    }
}

/* --- the program --- */

static SSL_CTX *make_tls(const char *folder)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    char certificate[4096], key[4096];

    origin_make_certificate(folder, ORIGIN_CERTIFICATE_GOOD);
    snprintf(certificate, sizeof(certificate), "%s/certificate.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    if (!tls || SSL_CTX_use_certificate_file(tls, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "s3_origin: %s: cannot use the certificate\n", certificate);
        exit(1);
    }
    return tls;
}

static int usage(void)
{
    fputs("usage: s3_origin [--latency MS] [--checksums] [--raw] FOLDER\n", stderr);
    return 2;
}

static void start_listener(struct listener *listener)
{
    pthread_t thread;

    listener->fd = wire_listen(&listener->port);
    if (pthread_create(&thread, NULL, run_listener, listener))
        abort();
}

int main(int argc, char **argv)
{
    struct origin_server server = {0};
    struct listener plain = {.server = &server}, secure = {.server = &server};
    const char *folder = NULL;
    bool raw = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--latency") == 0 && i + 1 < argc)
            server.latency_ms = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--checksums") == 0)
            server.checksums = true;
        else if (strcmp(argv[i], "--raw") == 0)
            raw = true;
        else if (argv[i][0] != '-' && !folder)
            folder = argv[i];
        else
            return usage();
    }
    if (!folder)
        return usage();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    wire_make_bytes();
    secure.tls = make_tls(folder);
    start_listener(&plain);
    start_listener(&secure);
    if (raw) {
        s3_raw_measure(plain.port, secure.port);
        return 0;
    }
    printf(
        "{\"http\": %u, \"https\": %u, \"ca\": \"%s/ca.pem\"}\n", plain.port, secure.port, folder);
    fflush(stdout);
    for (;;)
        pause();
}
