#include "tests/bench/s3_raw.h"

#include "tests/bench/s3_wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLIENTS_MAX = 8 };

struct work {
    const char *what;
    const char *method, *target;
    uint64_t bytes;    /* of a PUT's body */
    unsigned requests; /* of each client */
    unsigned clients;
};

static const struct work works[] = {
    {"get", "GET", "/b/size-1073741824/x", 0, 1, 1},
    {"put", "PUT", "/b/size-1073741824/x", 1073741824, 1, 1},
    {"small", "GET", "/b/size-1024/x", 0, 10000, 4},
};

struct client {
    const struct work *work;
    unsigned port;
    SSL_CTX *tls;
    pthread_t thread;
    double cpu;
};

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double thread_cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool exchange(struct wire *wire, struct wire_head *head, const struct work *work)
{
    char request[256];
    const char *length;
    const int request_length = snprintf(request, sizeof(request),
        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %llu\r\n\r\n", work->method,
        work->target, (unsigned long long)work->bytes);

    return wire_send_bytes(wire, request, (size_t)request_length, 0, work->bytes) &&
           wire_receive_head(wire, head) && memcmp(head->bytes, "HTTP/1.1 200", 12) == 0 &&
           (length = wire_header(head, "\r\nContent-Length: ")) &&
           wire_skip_body(wire, head, strtoull(length, NULL, 10));
}

static void *run_client(void *data)
{
    struct client *client = data;
    struct wire_head *head = calloc(1, sizeof(*head));
    struct wire wire;
    bool good = head && wire_connect(&wire, client->port, client->tls);

    for (unsigned i = 0; good && i < client->work->requests; i++)
        good = exchange(&wire, head, client->work);
    if (!good) {
        fprintf(stderr, "s3_origin: %s failed\n", client->work->what);
        exit(1);
    }
    wire_close(&wire);
    free(head);
    client->cpu = thread_cpu_seconds();
    return NULL;
}

static void measure(const struct work *work, unsigned port, SSL_CTX *tls)
{
    struct client clients[CLIENTS_MAX];
    const double start = now_seconds();
    double cpu = 0;

    for (unsigned i = 0; i < work->clients; i++) {
        clients[i] = (struct client){.work = work, .port = port, .tls = tls};
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]))
            abort();
    }
    for (unsigned i = 0; i < work->clients; i++) {
        pthread_join(clients[i].thread, NULL);
        cpu += clients[i].cpu;
    }
    printf("\"%s\": {\"requests\": %u, \"wall\": %.6f, \"cpu\": %.6f}", tls ? "https" : "http",
        work->clients * work->requests, now_seconds() - start, cpu);
}

void s3_raw_measure(unsigned http_port, unsigned https_port)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (!tls)
        abort();
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        printf("%s\"%s\": {", i ? ", " : "{", works[i].what);
        measure(&works[i], http_port, NULL);
        printf(", ");
        measure(&works[i], https_port, tls);
        printf("}");
    }
    printf("}\n");
    SSL_CTX_free(tls);
}
