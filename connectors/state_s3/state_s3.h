/* The state in S3 (connectors/state.h is the contract), for runs that have no disk that lasts:
 * container tasks. Below s3://bucket/prefix/:
 *
 *   leases/PIPELINE.json, leases/PIPELINE@INSTANCE.json   one document each (desk.h): the lease,
 * the newest runs, the journal, the hooks. Changed only where it is still what was read
 *   runs/RUN.json        what became of a run, with its whole record
 *   history/PIPELINE/…   older runs, DESK_RUNS_MOVED each, each naming the one before
 *   probe/…              for a moment: whether conditional writes hold (probe.h)
 *
 * Bytes other than letters, digits, "-" and "_" of names are %XX in keys.
 *
 * What the contract leaves open:
 * - Everything that was answered with success survives, but for what a holder says at the end of
 *   its run: the document learns it with the next write, at the latest with the release. Where its
 *   process dies before, the next holder reads RUN.json.
 * - A lease's holder is gone when its process is (connectors/process.h). One under the same kernel
 *   is silent when the clock that all share says so; any other when it is by the store's clock
 * (Date and Last-Modified of the document) and it was watched for a third of its ttl; or, without
 * the store's clock, for the whole of it.
 * - Every request ends within STATE_S3_TIMEOUT_MS, a heartbeat within a third of the ttl.
 * - Of complete files the journal keeps DESK_FILES_MAX. */
#ifndef CONNECTORS_STATE_S3_STATE_S3_H
#define CONNECTORS_STATE_S3_STATE_S3_H

#include "connectors/s3/s3_store.h"
#include "connectors/state.h"

enum {
    STATE_S3_TIMEOUT_MS = 30000,
    STATE_S3_DEAD_TIMEOUT_MS = 3000, /* after a request that had no answer, until there is one */
};

/* state_options.settings is a struct s3_store_settings. */
extern const struct state_type state_s3_type;

#endif
