/* What blocks when credentials are fetched: small files and the credential_process. */
#ifndef CONNECTORS_AWS_FETCH_JOB_H
#define CONNECTORS_AWS_FETCH_JOB_H

#include "runner/base/buffer.h"
#include "runner/io/work.h"

enum { FETCH_FILES_MAX = 2, FETCH_TOKEN_BYTES_MAX = 64 * 1024 };
enum { FETCH_PROCESS_MS = 60000, FETCH_PROCESS_BYTES_MAX = 64 * 1024 };

struct fetch_file {
    char *path; /* the job's; NULL: none */
    size_t limit;
    bool found; /* result */
    struct buffer text;
};

/* Reads files, or runs a program where `words` says so; what it printed is files[0].text. */
struct fetch_job {
    struct work work;
    struct fetch_file files[FETCH_FILES_MAX];
    char **words;     /* the job's; NULL: files */
    struct error err; /* result */
};

void fetch_job_init(struct fetch_job *job, work_done_fn done);
void fetch_job_deinit(struct fetch_job *job); /* wipes; again, or when zeroed, is harmless */

/* Appends a whole file, of any kind that can be read; a missing one is no error. Blocks. */
int fetch_read(
    const char *path, size_t limit, bool *ret_found, struct buffer *text, struct error *err);

#endif
