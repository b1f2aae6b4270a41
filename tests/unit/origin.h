/* A scripted server for tests: on 127.0.0.1, in threads of its own, plain or with TLS. Each request
 * that comes takes the next answer, whatever it asked, and is kept so that the test can look at it.
 * Answers are bytes, so that they can be as wrong as wished. */
#ifndef TESTS_UNIT_ORIGIN_H
#define TESTS_UNIT_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

struct origin_request {
    unsigned connection; /* which one it came on: 1 … */
    char *method, *target;
    char *head; /* request line and headers as they came */
    char *body; /* decoded where it was chunked; NUL behind it */
    size_t body_length;
    bool whole; /* the body came to its end */
};

enum origin_end {
    ORIGIN_KEEP, /* waits for the next request */
    ORIGIN_CLOSE,
    ORIGIN_RESET, /* the client sees ECONNRESET */
    ORIGIN_HANG,  /* says nothing more until the client goes or the origin is stopped */
};

struct origin_answer {
    const char *bytes;       /* status line, headers, body; NULL: nothing */
    size_t length;           /* of bytes; 0: up to its NUL */
    uint64_t fill_bytes;     /* behind them, so many bytes of origin_fill() */
    uint64_t cut_after;      /* sends only so many in all; 0: all */
    unsigned delay_ms;       /* before the first byte */
    unsigned piece_bytes;    /* sends in pieces … */
    unsigned piece_delay_ms; /* … with this wait between them */
    bool ignore_body;        /* answers as soon as the request's head is there */
    uint64_t read_at_most;   /* bytes of the request's body; 0: all */
    unsigned read_delay_ms;  /* before the request's body is read */
    bool start_tls;          /* after this answer: what a proxy does for CONNECT */
    enum origin_end end;
};

/* In a thread of the origin's. */
typedef void (*origin_answer_fn)(
    void *data, const struct origin_request *request, struct origin_answer *ret_answer);

struct origin_options {
    const struct origin_answer *answers; /* in the order of the requests; the last one repeats */
    size_t answer_count;
    origin_answer_fn answer; /* instead of them */
    void *data;
    const char *certificate, *key; /* PEM files: TLS from the first byte (or start_tls) */
    bool plain_first;              /* … only start_tls */
    unsigned reset_connections;    /* the first so many are reset as soon as they stand */
};

struct origin *origin_start(const struct origin_options *options);
void origin_stop(struct origin *origin); /* requests stay readable until then */

unsigned origin_port(const struct origin *origin);

/* "http://127.0.0.1:PORT" (https with a certificate, which is for "localhost" and 127.0.0.1), good
 * until the origin is stopped. */
const char *origin_url(const struct origin *origin);

size_t origin_request_count(struct origin *origin);
const struct origin_request *origin_request(struct origin *origin, size_t index);
bool origin_request_has(const struct origin_request *request, const char *header_line);
unsigned origin_connection_count(struct origin *origin);
unsigned origin_busy_max(
    struct origin *origin); /* requests under way at once, the most there were */

/* Byte number `offset` of what fill_bytes sends. */
static inline char origin_fill(uint64_t offset)
{
    return (char)('a' + offset % 23);
}

/* --- certificates --- */

enum origin_certificate {
    ORIGIN_CERTIFICATE_GOOD, /* for localhost and 127.0.0.1, by the CA in FOLDER/ca.pem */
    ORIGIN_CERTIFICATE_OTHER_NAME,
    ORIGIN_CERTIFICATE_EXPIRED,
    ORIGIN_CERTIFICATE_SELF_SIGNED,
};

/* Writes FOLDER/ca.pem, certificate.pem and key.pem. */
void origin_make_certificate(const char *folder, enum origin_certificate kind);

#endif
