/* A multipart upload of parts that somebody else supplies: bytes (put.h) or ranges of another
 * object (copy.h). Creates, sends parts as fast as they come, completes, settles what is not clear,
 * aborts what does not become an object. Not a face of the module: put.c and copy.c are.
 *
 * multipart.c is the flow, multipart_part.c the parts, multipart_settle.c what is read off answers.
 */
#ifndef CONNECTORS_S3_MULTIPART_H
#define CONNECTORS_S3_MULTIPART_H

#include "connectors/s3/call.h"
#include "connectors/s3/checksum.h"
#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/timer.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    S3_ABORT_LIMIT_MS = 20 * 1000,
    S3_CANCEL_LIMIT_MS = 1500, /* for all that a cancel still has to do */
    S3_SLOW_ANSWER_MS = 300 * 1000,
    S3_PARALLEL = 16,
};

/* Completing and copying take the store a while before it says a word. */
int64_t s3_slow_answer_ms(const struct s3_client *client);

struct s3_multipart;

/* One of the slots that parts go through. */
struct s3_part {
    struct s3_multipart *upload;
    unsigned index;  /* of the slot */
    unsigned number; /* of the part: 1 … */
    enum s3_part_state { S3_PART_IDLE, S3_PART_PREPARING, S3_PART_SENDING } state;

    /* what `next` fills in; all zero before */
    uint64_t bytes;
    struct http_body body;
    const char *payload;
    struct http_header headers[4]; /* beside that of the checksum */
    size_t header_count;
    char checksum[S3_CHECKSUM_TEXT_SIZE]; /* "": none */

    struct s3_call call;
    struct s3_query query[2];
    struct http_header all_headers[6];
    char number_text[16];
};

enum s3_next {
    S3_NEXT_FAILED = -1,
    S3_NEXT_SEND,
    S3_NEXT_LATER, /* the part is being prepared: s3_part_ready() will say so */
    S3_NEXT_WAIT,  /* there is none now: s3_multipart_resume() */
    S3_NEXT_END,   /* there are no more */
};

struct s3_multipart_type {
    enum s3_next (*next)(struct s3_part *part, struct error *err);
    void (*stop)(struct s3_part *part);    /* PREPARING: s3_part_ready() with an error, soon */
    void (*release)(struct s3_part *part); /* it is stored, or given up */
    /* All parts are stored: may the upload be completed? NULL: yes. */
    int (*finish)(struct s3_multipart *upload, struct error *err);
    bool copies; /* UploadPartCopy: the answer is a document */
};

typedef void (*s3_multipart_done_fn)(struct s3_multipart *upload, const struct error *err);

enum s3_multipart_state {
    MULTIPART_IDLE,
    MULTIPART_CREATING,
    MULTIPART_SWEEP_LISTING, /* the creation's answer may have been lost: is there another? */
    MULTIPART_SWEEP_LOOKING,
    MULTIPART_SWEEP_ABORTING,
    MULTIPART_SENDING,
    MULTIPART_COMPLETING,
    MULTIPART_LOOKING_FOR_UPLOAD, /* whether it was completed is not clear */
    MULTIPART_LOOKING_AT_OBJECT,
    MULTIPART_ABORTING,
    MULTIPART_CLOSING,
};

struct s3_sent_part {
    const char *etag;  /* in the arena */
    char checksum[16]; /* that the store has confirmed; "": none */
    uint64_t bytes;
};

enum { S3_SWEEP_MAX = 4 };

/* Embedded in its owner; zeroed but for the arguments. */
struct s3_multipart {
    /* arguments, kept until `done` */
    struct s3_client *client;
    const struct s3_multipart_type *type;
    const char *bucket, *key;
    const struct s3_headers *headers; /* of CreateMultipartUpload, but those of checksums */
    bool if_none_match, requester_pays;
    const char *if_match;
    enum s3_checksum_kind checksum; /* NONE: the store's business */
    unsigned parallel;
    s3_multipart_done_fn done;

    /* results */
    const char *etag, *version_id;
    unsigned part_count;   /* numbers given out */
    uint64_t bytes_stored; /* of parts */

    /* its own */
    enum s3_multipart_state state;
    struct error err;   /* how it ends */
    struct error doubt; /* what completion ended with, while it is settled */
    bool cancelled, stepping, step_again;
    bool ended;           /* `next` said so */
    bool gone;            /* the upload is no longer there */
    unsigned completions; /* requests that may have reached the store */
    unsigned rounds;
    struct timer limit;    /* of what is left to do once it failed */
    const char *upload_id; /* NULL: none was created */
    uint64_t created_ns;   /* by the monotonic clock: when creation began */
    const char *strays[S3_SWEEP_MAX];
    size_t stray_count;
    struct s3_call control; /* all but parts: one at a time */
    struct s3_query query[4];
    struct http_header complete_headers[6];
    char whole_checksum[S3_CHECKSUM_TEXT_SIZE];
    struct buffer body; /* of CompleteMultipartUpload */
    struct s3_headers create_headers;
    bool control_busy;
    struct error control_err;
    struct s3_part *parts; /* slots */
    struct s3_sent_part *sent;
    size_t sent_capacity;
    struct arena arena;
};

void s3_multipart_start(struct s3_multipart *upload);
void s3_multipart_cancel(struct s3_multipart *upload);

/* Ends it as `next` failing would: for what the owner finds out by itself. */
void s3_multipart_fail(struct s3_multipart *upload, const struct error *err);

void s3_multipart_resume(struct s3_multipart *upload);
void s3_part_ready(struct s3_part *part, const struct error *err);

/* Bytes of parts that are on their way. */
uint64_t s3_multipart_in_flight(const struct s3_multipart *upload);

/* --- between its own files --- */

void s3_multipart_step(struct s3_multipart *upload);

/* multipart_part.c: fills idle slots; then how many are busy. */
void s3_multipart_send(struct s3_multipart *upload);
void s3_multipart_stop(struct s3_multipart *upload);
unsigned s3_multipart_busy(const struct s3_multipart *upload);

/* multipart_settle.c */
void s3_multipart_write_completion(struct s3_multipart *upload);

/* Whether the answer to HEAD is of the object that these parts make. */
bool s3_multipart_is_ours(const struct s3_multipart *upload, const struct s3_call *head);

/* Fills `strays` from the answer to ListMultipartUploads. */
void s3_multipart_find_strays(struct s3_multipart *upload);

#endif
