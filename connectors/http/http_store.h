/* One file at a URL as a store (connectors/store.h) that can be read: `http` and `https`.
 *
 * A key is a URL, sent as it is written. There are no globs: nobody says what else a server has.
 * LIST is a HEAD, or a GET of one byte where HEAD is refused. Redirects are followed, ten at most,
 * never from https to http.
 *
 * A version is the ETag; where there is none Last-Modified and the length, as far as they are said;
 * else "unknown": then a change is not seen. GET checks it against the answer, goes on behind the
 * last byte when the connection breaks (Range with If-Range) and starts over where the server has
 * no ranges. PUT, DELETE and SWEEP are ERROR_NOT_SUPPORTED.
 *
 * What a query or a password in the URL says stays out of errors, logs and what describe() shows
 * ("https://host/x.csv?…"); identify() leaves out the parts of a signature, so that cursors know
 * the file again behind its next one. */
#ifndef CONNECTORS_HTTP_HTTP_STORE_H
#define CONNECTORS_HTTP_HTTP_STORE_H

#include "connectors/store.h"

/* store_options.settings; zero is the default. */
struct http_store_settings {
    const char *ca_file;  /* PEM; NULL: $SSL_CERT_FILE, then the system's */
    unsigned connections; /* to one host; 16 */
};

extern const struct store_type http_store_type, https_store_type;

#endif
