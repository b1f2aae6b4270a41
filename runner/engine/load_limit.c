#include "runner/engine/load_limit.h"

#include "runner/base/time.h"

#include <inttypes.h>

int load_limit_deletes(const struct load *load, int64_t deleted, int64_t stored, struct error *err)
{
    const struct load_limits *limits = &load->limits;
    const bool by_share = limits->deletes_share >= 0;

    if (!limits->deletes || deleted <= 0)
        return 0;
    if (by_share ? (double)deleted <= limits->deletes_share * (double)stored
                 : deleted <= limits->deletes_rows)
        return 0;
    return error_set(err, ERROR_CHECK,
        "%" PRId64 " of the %" PRId64 " rows of %s would be deleted, more than %s; nothing is "
        "committed: look at the dataset, or raise limits.deletes",
        deleted, stored, load->into, limits->deletes);
}

int load_limit_rewrite(const struct load *load, uint64_t bytes, int64_t files, struct error *err)
{
    char have[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];

    if (!load->limits.rewrite || bytes <= load->limits.rewrite)
        return 0;
    return error_set(err, ERROR_CHECK,
        "%" PRId64 " files of %s with %s are in partitions that change, more than %s; nothing is "
        "committed: load fewer partitions at once, or raise limits.rewrite",
        files, load->into, size_format(bytes, have), size_format(load->limits.rewrite, limit));
}
