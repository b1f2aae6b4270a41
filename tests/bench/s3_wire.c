#include "tests/bench/s3_wire.h"

#include "runner/base/crc.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TOGETHER_BYTES = 15 * 1024, /* head and body as one packet, and as one record of TLS */
    SKIPPED_BYTES = 256 * 1024,
};

/* Two periods, so that one can be sent from any offset. Written once, by wire_make_bytes(). */
static char object_bytes[2 * WIRE_PERIOD_BYTES];
static uint64_t period_crc;

/* --- connections --- */

static void set_no_delay(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int wire_listen(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&address, &length)) {
        perror("s3_origin: cannot listen on 127.0.0.1");
        exit(1);
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void start_tls(struct wire *wire, SSL_CTX *context)
{
    wire->ssl = NULL;
    if (context && (!(wire->ssl = SSL_new(context)) || SSL_set_fd(wire->ssl, wire->fd) != 1))
        abort();
}

bool wire_accept(struct wire *wire, int fd, SSL_CTX *server)
{
    wire->fd = fd;
    set_no_delay(fd);
    start_tls(wire, server);
    return !wire->ssl || SSL_accept(wire->ssl) == 1;
}

bool wire_connect(struct wire *wire, unsigned port, SSL_CTX *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        abort();
    set_no_delay(wire->fd);
    start_tls(wire, client);
    return connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           (!wire->ssl || SSL_connect(wire->ssl) == 1);
}

void wire_close(struct wire *wire)
{
    SSL_free(wire->ssl);
    close(wire->fd);
}

bool wire_send(struct wire *wire, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        const ssize_t sent = wire->ssl ? SSL_write(wire->ssl, at, (int)length)
                                       : send(wire->fd, at, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

ssize_t wire_receive(struct wire *wire, void *bytes, size_t size)
{
    return wire->ssl ? SSL_read(wire->ssl, bytes, (int)size) : recv(wire->fd, bytes, size, 0);
}

/* --- heads --- */

bool wire_receive_head(struct wire *wire, struct wire_head *head)
{
    const char *end;

    head->filled -= head->length;
    memmove(head->bytes, head->bytes + head->length, head->filled);
    head->length = 0;
    while (!(end = memmem(head->bytes, head->filled, "\r\n\r\n", 4))) {
        const ssize_t got =
            wire_receive(wire, head->bytes + head->filled, WIRE_HEAD_BYTES_MAX - head->filled);

        if (got <= 0)
            return false;
        head->filled += (size_t)got;
    }
    head->length = (size_t)(end + 4 - head->bytes);
    return true;
}

bool wire_skip_body(struct wire *wire, struct wire_head *head, uint64_t length)
{
    const size_t ahead = head->filled - head->length;
    const size_t taken = length < ahead ? (size_t)length : ahead;
    char skipped[SKIPPED_BYTES];

    memmove(head->bytes + head->length, head->bytes + head->length + taken, ahead - taken);
    head->filled -= taken;
    length -= taken;
    while (length > 0) {
        const ssize_t got = wire_receive(
            wire, skipped, length < sizeof(skipped) ? (size_t)length : sizeof(skipped));

        if (got <= 0)
            return false;
        length -= (uint64_t)got;
    }
    return true;
}

const char *wire_header(const struct wire_head *head, const char *name)
{
    const size_t length = strlen(name);
    const char *end = head->bytes + head->length;

    for (const char *line = head->bytes; (line = memmem(line, (size_t)(end - line), "\r\n", 2));
         line += 2) {
        if ((size_t)(end - line) > length && strncasecmp(line, name, length) == 0)
            return line + length;
    }
    return NULL;
}

/* --- the bytes of objects --- */

void wire_make_bytes(void)
{
    uint64_t random = 88172645463325252U; /* xorshift: any compressor gives up on it */

    for (size_t i = 0; i < WIRE_PERIOD_BYTES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        object_bytes[i] = object_bytes[i + WIRE_PERIOD_BYTES] = (char)(random >> 32);
    }
    period_crc = crc_update(CRC_32C, 0, object_bytes, WIRE_PERIOD_BYTES);
}

bool wire_send_bytes(
    struct wire *wire, const char *head, size_t head_length, uint64_t first, uint64_t length)
{
    const char *bytes = object_bytes + first % WIRE_PERIOD_BYTES;
    char together[TOGETHER_BYTES];

    if (head_length + length <= sizeof(together)) {
        memcpy(together, head, head_length);
        memcpy(together + head_length, bytes, (size_t)length);
        return wire_send(wire, together, head_length + (size_t)length);
    }
    if (!wire_send(wire, head, head_length))
        return false;
    while (length > 0) {
        const size_t now = length < WIRE_PERIOD_BYTES ? (size_t)length : WIRE_PERIOD_BYTES;

        if (!wire_send(wire, object_bytes + first % WIRE_PERIOD_BYTES, now))
            return false;
        first += now;
        length -= now;
    }
    return true;
}

/* Whole periods are not read again: an object of any size costs a few microseconds. */
uint32_t wire_crc32c(uint64_t first, uint64_t length)
{
    const uint64_t phase = first % WIRE_PERIOD_BYTES;
    const char *bytes = object_bytes + phase;
    uint64_t crc, turn, periods;

    if (length < WIRE_PERIOD_BYTES)
        return (uint32_t)crc_update(CRC_32C, 0, bytes, (size_t)length);
    turn = phase ? crc_update(CRC_32C, 0, bytes, WIRE_PERIOD_BYTES) : period_crc;
    periods = length / WIRE_PERIOD_BYTES;
    crc = 0;
    for (uint64_t bit = 1ULL << 63, done = 0; bit; bit >>= 1) {
        crc = crc_combine(CRC_32C, crc, crc, done * WIRE_PERIOD_BYTES);
        done *= 2;
        if (periods & bit) {
            crc = crc_combine(CRC_32C, crc, turn, WIRE_PERIOD_BYTES);
            done++;
        }
    }
    return (uint32_t)crc_update(CRC_32C, crc, bytes, (size_t)(length % WIRE_PERIOD_BYTES));
}
