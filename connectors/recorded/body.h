/* Bodies of a recording: files in its folder, named by the SHA-256 of their bytes, so that equal
 * ones are there once. Blocking; on any thread. */
#ifndef CONNECTORS_RECORDED_BODY_H
#define CONNECTORS_RECORDED_BODY_H

#include "runner/base/error.h"
#include "runner/base/sha256.h"

#include <stdatomic.h>
#include <stdint.h>

struct body {
    char sha256[SHA256_TEXT_SIZE];
    uint64_t bytes;
};

#define BODY_FOLDER "bodies"

struct mask;

/* Keeps what is in the file at `path`, a link's target, too. A file that nobody else has a name
 * for becomes one by a second name; else it is copied. `mask` (mask.h; NULL: none) is taken out. */
int body_add(const char *folder, const char *path, const struct mask *mask, const atomic_bool *stop,
    struct body *ret_body, struct error *err);
int body_add_text(
    const char *folder, const char *text, size_t length, struct body *ret_body, struct error *err);

/* Its bytes at `path`, where they are what they were. What was at `path` goes. */
int body_give(const char *folder, const struct body *body, const char *path,
    atomic_uint_fast64_t *progress, const atomic_bool *stop, struct error *err);

#endif
