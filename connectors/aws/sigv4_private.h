/* Canonicalisation, half of the module: only sigv4*.c include this. */
#ifndef CONNECTORS_AWS_SIGV4_PRIVATE_H
#define CONNECTORS_AWS_SIGV4_PRIVATE_H

#include "connectors/aws/sigv4.h"

/* The headers that are signed, by name without case; equal ones in the order of the request. */
struct sigv4_headers {
    const struct http_header *items[SIGV4_HEADERS_MAX];
    size_t count;
};

int sigv4_headers_sort(
    const struct sigv4_request *request, struct sigv4_headers *ret_headers, struct error *err);

/* "host;x-amz-date", each name once. */
void sigv4_append_names(
    const struct sigv4_headers *headers, const char *separator, struct buffer *text);

/* Room for the canonical request in one piece, so that no copy of a session token stays behind. */
size_t sigv4_canonical_size(const struct sigv4_request *request, const char *query);

/* The canonical request with `query` in place of the request's own. */
int sigv4_append_canonical(const struct sigv4_request *request, const struct sigv4_headers *headers,
    const char *query, struct buffer *text, struct error *err);

#endif
