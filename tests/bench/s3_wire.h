/* What the S3 origin of the benchmarks and the bare client that measures it stand on: blocking
 * connections, plain or TLS, and the bytes that all objects are made of. Whatever goes wrong here
 * but for a peer that hangs up ends the program. */
#ifndef TESTS_BENCH_S3_WIRE_H
#define TESTS_BENCH_S3_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct wire {
    int fd;
    SSL *ssl; /* NULL: plain */
};

enum {
    WIRE_HEAD_BYTES_MAX = 64 * 1024,
    /* Objects repeat the same bytes. A prime: a part in the wrong place never looks right. */
    WIRE_PERIOD_BYTES = 1048573,
};

/* On 127.0.0.1, any port. */
int wire_listen(unsigned *ret_port);

/* `server` and `client` as contexts, NULL: plain. False: the peer is gone. */
bool wire_accept(struct wire *wire, int fd, SSL_CTX *server);
bool wire_connect(struct wire *wire, unsigned port, SSL_CTX *client);
void wire_close(struct wire *wire);

bool wire_send(struct wire *wire, const void *bytes, size_t length);
ssize_t wire_receive(struct wire *wire, void *bytes, size_t size); /* 0 or less: gone */

/* A head (of a request or an answer) and what was read beyond it. */
struct wire_head {
    char bytes[WIRE_HEAD_BYTES_MAX + 1]; /* NUL behind `length` */
    size_t length;                       /* of the head, with its empty line */
    size_t filled;
};

/* The next head; what is left of the former's body must have been skipped. */
bool wire_receive_head(struct wire *wire, struct wire_head *head);

/* Reads over so many bytes behind the head. */
bool wire_skip_body(struct wire *wire, struct wire_head *head, uint64_t length);

/* What follows `name` ("\r\nRange: ") in the head, by any case, up to its line's end; NULL: none.
 */
const char *wire_header(const struct wire_head *head, const char *name);

/* Makes the bytes. Once, before the next two. */
void wire_make_bytes(void);

/* The object's bytes from `first` on behind `head`, together where they are short. */
bool wire_send_bytes(
    struct wire *wire, const char *head, size_t head_length, uint64_t first, uint64_t length);

uint32_t wire_crc32c(uint64_t first, uint64_t length);

#endif
