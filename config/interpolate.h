/* The one interpolation syntax of pipelines and of sluice.yaml (DESIGN section 3):
 *
 *     ${params.NAME}  ${vars.NAME}  ${env.NAME}  ${env.NAME:-default}  ${run.id}  ${run.due}
 *     ${secret.NAME}
 *
 * Dates (run.due, parameters of type date and timestamp) take a distance, a format, or both:
 * `${run.due - 1d:%Y/%m/%d}` `${params.day + 1mo}`. `$${` is a plain "${" (and `$$${run.id}` a "$"
 * before the id: each "$$" before a "{" is one "$"). Nothing nests, and what was put in is not read
 * again.
 *
 * What cannot be known yet stays as it was written, and INTERPOLATE_PARTIAL is in `uses`: the
 * result is then a text for interpolate() again, its plain "${" written as "$${". Secrets always
 * stay: config never sees one. */
#ifndef CONFIG_INTERPOLATE_H
#define CONFIG_INTERPOLATE_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

enum interpolate_use {
    INTERPOLATE_ENV = 1 << 0,
    INTERPOLATE_VARS = 1 << 1,
    INTERPOLATE_PARAMS = 1 << 2,
    INTERPOLATE_RUN_ID = 1 << 3,
    INTERPOLATE_RUN_DUE = 1 << 4,
    INTERPOLATE_SECRET = 1 << 5,
    INTERPOLATE_PARTIAL = 1 << 6,
};

/* Where ${env.X} comes from, in place of the process's environment, or who is told of it. */
struct interpolate_environment {
    const struct option_pairs *given;                              /* looked at first; NULL: none */
    void (*used)(void *data, const char *name, const char *value); /* value NULL: it is not set */
    void *data;
};

struct interpolate_scope {
    unsigned allowed;                  /* INTERPOLATE_…: what means something in this place */
    const struct option_pairs *vars;   /* NULL: not known yet */
    const struct option_items *params; /* struct param; NULL: none */
    const char *run_id;                /* NULL: not known yet */
    bool due_known;
    int64_t due_ms;
    const struct zone *zone;                           /* whose dates run.due shows; NULL: UTC */
    const struct interpolate_environment *environment; /* NULL: the process's */
    bool keep_unset; /* an ${env.X} that is not set and has no default stays, else is an error */
};

struct interpolated {
    const char *text;
    unsigned uses;
    const char *unset;  /* the first environment variable that was kept; NULL: none */
    const char *secret; /* the first secret that was named; NULL: none */
};

/* `ret_offset` (may be NULL) is the byte of `text` that an error is about. */
int interpolate(const char *text, const struct interpolate_scope *scope, struct arena *arena,
    struct interpolated *ret_result, size_t *ret_offset, struct error *err);

/* A moment as `${run.due}` shows it: with a strftime format, or NULL for ISO 8601. */
int interpolate_time(int64_t time_ms, const struct zone *zone, const char *format,
    struct arena *arena, const char **ret_text, struct error *err);

#endif
