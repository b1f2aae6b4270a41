#include "runner/engine/load_limit.h"

#include "runner/base/time.h"
#include "runner/engine/run_private.h"

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

void load_settle_empty(struct task *task, int64_t stored, struct error *err)
{
    const struct load *load = task->node->load;
    const bool empties = load->mode == MODE_OVERWRITE || load->mode == MODE_OVERWRITE_PARTITIONS ||
                         load->absent == ABSENT_CLOSE;

    if (task->rows > 0 || task->file_count > 0 || !empties || load->to)
        return;
    if (load->mode == MODE_SCD2 && stored > 0)
        return; /* nothing has changed */
    if (load->on_empty == ON_EMPTY_KEEP) {
        task->keeps_table = true;
        task_log(task, LOG_WARN, "load.empty", NULL, "no rows: %s stays as it is%s", load->into,
            load->mode == MODE_SCD2 ? "" : " (on_empty: keep)");
    } else if (load->on_empty == ON_EMPTY_FAIL) {
        error_set(err, ERROR_CHECK, "no rows to overwrite %s with (on_empty: fail)", load->into);
        task_place_error(task, &load->on_empty, "on_empty", err);
    }
}
