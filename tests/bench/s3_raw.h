/* What the origin can do: the least client that there can be, blocking, a thread for a connection,
 * which looks at nothing that it gets. */
#ifndef TESTS_BENCH_S3_RAW_H
#define TESTS_BENCH_S3_RAW_H

/* Prints one line of JSON: for GET, PUT and small objects, by http and https, how many
 * requests, wall seconds and the clients' CPU seconds. */
void s3_raw_measure(unsigned http_port, unsigned https_port);

#endif
