/* One question to a source of credentials: an HTTP request whose answer is small, asked again while
 * that makes sense. The caller owns the memory until `done`. */
#ifndef CONNECTORS_AWS_EXCHANGE_H
#define CONNECTORS_AWS_EXCHANGE_H

#include "runner/base/buffer.h"
#include "runner/io/http.h"
#include "runner/io/retry.h"

struct exchange;

/* An answer came, of any status: 0 takes it; -1 refuses it with err, whose class says whether it is
 * asked again. */
typedef int (*exchange_judge_fn)(struct exchange *exchange, struct error *err);

/* Once, on the loop, never from within start or cancel; err NULL: judged to be good. The answer is
 * gone after it. May be started again in here. */
typedef void (*exchange_done_fn)(struct exchange *exchange, const struct error *err);

struct exchange {
    /* arguments; zeroed but for them */
    struct http *http;
    struct loop *loop;
    struct http_request request; /* but for head, write and done */
    struct retry_policy policy;
    bool timeout_is_final; /* who does not answer at once never does */
    exchange_judge_fn judge;
    exchange_done_fn done;

    struct buffer answer; /* in judge and done; wiped */

    struct retry retry; /* exchange.c's own */
};

void exchange_start(struct exchange *exchange);
void exchange_cancel(struct exchange *exchange); /* still ends in done; again is harmless */

#endif
