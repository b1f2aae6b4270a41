/* The inside of a put: put.c is the flow, put_part.c what a multipart upload asks for, put_file.c
 * the jobs that read files, put_stream.c the buffers of streams, put_compare.c the look at what a
 * lost answer left. */
#ifndef CONNECTORS_S3_PUT_PRIVATE_H
#define CONNECTORS_S3_PUT_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/checksum.h"
#include "connectors/s3/memory.h"
#include "connectors/s3/multipart.h"
#include "connectors/s3/put.h"
#include "runner/base/arena.h"
#include "runner/io/timer.h"
#include "runner/io/work.h"

#include <sys/stat.h>

/* --- files: jobs --- */

struct put_job {
    struct work work;
    struct s3_put_operation *operation;
    bool busy;
    /* in */
    const char *path; /* to open; NULL: `fd` is open */
    int fd;
    uint64_t offset, length;
    uint64_t single_bytes;          /* opening: the checksum is computed up to this length */
    enum s3_checksum_kind checksum; /* NONE: not wanted */
    /* out */
    struct stat status;
    char text[S3_CHECKSUM_TEXT_SIZE];
    struct error err;
};

/* --- streams: buffers --- */

struct put_buffer {
    char *bytes;
    uint64_t capacity;           /* of `bytes`, taken out of the client's memory */
    uint64_t held;               /* in `bytes` */
    uint64_t length;             /* of the part so far */
    int spill_fd;                /* -1: all of it is in `bytes` */
    struct s3_checksum checksum; /* kind NONE: not wanted */
};

enum reader_state {
    READER_IDLE,
    READER_WAITING, /* for memory */
    READER_READING, /* the source has no bytes now, or is being asked */
    READER_SPILLING,
    READER_FULL,
};

struct put_reader {
    enum reader_state state;
    struct put_buffer *buffer;
    uint64_t wanted; /* bytes of the part that is being filled */
    unsigned number; /* of that part */
    bool ended, reading, resumed;
    struct s3_memory_wait wait;
    struct work work; /* spills */
    bool work_busy;
    struct error work_err;
};

struct put_slot { /* beside the multipart's */
    struct put_job job;
    struct s3_part *part;
    struct put_buffer *buffer;
};

enum put_state {
    PUT_STARTING,
    PUT_OPENING,
    PUT_FILLING, /* the first buffer of a stream */
    PUT_SINGLE,
    PUT_COMPARING,
    PUT_MULTIPART,
    PUT_CLOSING,
};

struct s3_put_operation {
    struct s3_client *client;
    struct s3_put *put;
    enum put_state state;
    struct timer turn; /* the first step is a turn of its own, as is `done` */
    struct error err;
    bool cancelled, closing;
    struct arena arena;
    uint64_t part_bytes, single_bytes, length; /* `length` of a stream: as far as it is known */
    unsigned parallel;
    enum s3_checksum_kind checksum;
    struct s3_headers headers;
    struct put_job open;
    int fd; /* of the source; -1: none */
    struct put_reader reader;
    struct put_buffer *single_buffer; /* of a stream that is short */

    struct s3_call call; /* the single PUT, or the comparison */
    bool call_busy;
    struct error call_err;
    char single_checksum[S3_CHECKSUM_TEXT_SIZE];
    uint64_t begun_ns; /* of the single PUT, by the monotonic clock */
    uint64_t compared;
    bool differs;

    struct s3_multipart multipart;
    bool multipart_busy;
    struct put_slot *slots;
};

void s3_put_step(struct s3_put_operation *operation);

/* "PUT s3://b/k: " in front. */
void s3_put_name_error(const struct s3_put_operation *operation, struct error *err);

/* CRC64NVME on AWS, CRC32C elsewhere, NONE where the client sends none. */
enum s3_checksum_kind s3_put_checksum(const struct s3_client *client);

/* The text of the checksum of bytes in memory. */
int s3_put_checksum_memory(enum s3_checksum_kind kind, const void *bytes, uint64_t length,
    char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err);

/* put_part.c */
extern const struct s3_multipart_type s3_put_parts;

/* put_file.c */
void s3_put_open(struct s3_put_operation *operation);
void s3_put_read_part(struct put_slot *slot, uint64_t offset, uint64_t length);
int s3_put_check_file(const struct s3_put_operation *operation, struct error *err);

/* put_stream.c */
void s3_put_fill(struct s3_put_operation *operation);
void s3_put_stop_reader(struct s3_put_operation *operation);
struct put_buffer *s3_put_take_buffer(struct s3_put_operation *operation);
void s3_put_free_buffer(struct s3_put_operation *operation, struct put_buffer *buffer);

/* put_compare.c */
void s3_put_compare(struct s3_put_operation *operation);
bool s3_put_is_ours(const struct s3_put_operation *operation);

#endif
