/* The inside of the small S3: s3_small.c holds and spoils, s3_small_act.c does what is asked for.
 */
#ifndef TESTS_UNIT_S3_SMALL_PRIVATE_H
#define TESTS_UNIT_S3_SMALL_PRIVATE_H

#include "tests/unit/s3_small.h"

#include <pthread.h>

enum { PARTS_MAX = 10000, FAULTS_MAX = 8 };

struct part {
    char *bytes, *etag, *checksum;
    size_t length;
};

struct upload {
    char *id, *key, *head;
    struct part *parts[PARTS_MAX + 1];
    int64_t initiated_ms;
    struct upload *next;
};

struct object {
    struct s3_small_kept face;
    int64_t modified_ms;
    struct object *next;
};

struct planned {
    enum s3_fault fault;
    const char *method, *part, *key, *code; /* key: of DeleteObjects */
    unsigned nth, times;
    bool for_ever;
};

struct s3_small {
    pthread_mutex_t mutex;
    struct object *objects;
    struct upload *uploads;
    struct planned planned[FAULTS_MAX];
    size_t planned_count;
    bool refuse_checksums, odd_etags, no_batch_delete;
    unsigned request_count, next_id;
    char **answers; /* given out: kept until the end */
    size_t answer_count, answer_capacity;
};

/* One request, taken apart. */
struct asked {
    const struct origin_request *request;
    struct s3_small *store;
    char *key;   /* "": the bucket */
    char *query; /* "" */
};

/* --- what is held --- */

struct object *s3_small_find(struct s3_small *store, const char *key);
void s3_small_drop(struct s3_small *store, const char *key);
struct object *s3_small_take(struct s3_small *store, const char *key, char *bytes, size_t length,
    char *etag, const char *head);
struct upload *s3_small_upload(struct s3_small *store, const char *id, struct upload ***ret_place);
void s3_small_drop_upload(struct s3_small *store, const char *id);
void s3_small_free_part(struct part *part); /* NULL is fine */
char *s3_small_etag(const struct s3_small *store, const void *bytes, size_t length, unsigned parts);

/* --- requests and answers --- */

/* The value of a header, of a query's parameter (decoded); malloc'd, NULL: not there. */
char *s3_small_header(const char *head, const char *name);
char *s3_small_query_value(const char *query, const char *name);

/* `headers` may be ""; HEAD gets the length alone. */
void s3_small_reply(struct asked *asked, int status, const char *headers, const char *body,
    size_t length, struct origin_answer *ret_answer);
void s3_small_reply_text(
    struct asked *asked, int status, const char *body, struct origin_answer *ret_answer);
void s3_small_refuse(
    struct asked *asked, int status, const char *code, struct origin_answer *ret_answer);
void s3_small_date(int64_t time_ms, char text[64]);

void s3_small_act(struct asked *asked, struct origin_answer *ret_answer);

#endif
