/* The module's face: the vtable and the one symbol that loader.c looks for. */
#include "connectors/duckdb/loader.h"
#include "connectors/duckdb/misfits.h"
#include "connectors/duckdb/parse.h"
#include "connectors/duckdb/session.h"
#include "runner/base/mem.h"

/* What the process needs beside DuckDB's buffers, measured with 1.5.6: its code and catalogs, and
 * for each thread what a scan or a sort holds outside of the buffer manager. */
enum { RESERVE_MIB = 32, RESERVE_THREAD_MIB = 96, SMALLEST_MIB = 96 };

static const uint64_t mib = 1024 * 1024;

static uint64_t reserve(unsigned threads)
{
    return (RESERVE_MIB + (uint64_t)RESERVE_THREAD_MIB * MAX(threads, 1)) * mib;
}

static uint64_t memory_minimum(unsigned threads)
{
    return reserve(threads) + SMALLEST_MIB * mib;
}

static uint64_t memory_share(uint64_t process_bytes, unsigned threads)
{
    const uint64_t kept = reserve(threads) + process_bytes / 20;

    return process_bytes > kept + SMALLEST_MIB * mib ? process_bytes - kept : SMALLEST_MIB * mib;
}

static struct sql_session *open_session(
    const struct sql_session_options *options, struct error *err);

static const struct sql_engine_type duckdb_engine = {
    .name = "duckdb",
    .parse = parse_statement,
    .fits = misfits_fits,
    .open = open_session,
    .start = request_start,
    .cancel = request_cancel,
    .progress = request_progress,
    .close = session_close,
    .memory_minimum = memory_minimum,
    .memory_share = memory_share,
};

/* The session's code does not know the type that it belongs to. */
static struct sql_session *open_session(
    const struct sql_session_options *options, struct error *err)
{
    struct sql_session *session = session_open(options, err);

    if (session)
        session->type = &duckdb_engine;
    return session;
}

__attribute__((visibility("default"))) const void *sluice_duckdb_engine(void);

const void *sluice_duckdb_engine(void)
{
    return &duckdb_engine;
}
