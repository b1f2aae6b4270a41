/* What runs own, and what of it is complete. */
#include "connectors/state_s3/desk.h"

#include "runner/base/text.h"

#include <string.h>

static bool is_file(const char *kind)
{
    return text_equal(kind, "object") || text_equal(kind, "file");
}

static json_t *from_entry(const struct state_journal *entry)
{
    json_t *value = json_object();

    json_put_text(value, "run_id", entry->run_id);
    json_put_text(value, "kind", entry->kind);
    json_put_text(value, "what", entry->what);
    json_put_text(value, "task", entry->task);
    json_put_text(value, "key", entry->key);
    json_put_text(value, "version", entry->version);
    json_put_text(value, "checksum", entry->checksum);
    json_put_int(value, "bytes", (int64_t)entry->bytes);
    json_put_int(value, "fence", entry->fence);
    return value;
}

static bool is_same(const json_t *value, const struct state_journal *entry)
{
    return text_equal(json_get_text(value, "run_id"), entry->run_id) &&
           text_equal(json_get_text(value, "kind"), entry->kind) &&
           text_equal(json_get_text(value, "what"), entry->what);
}

static void add(json_t *journal, const struct state_journal *entry)
{
    size_t files = 0, i;
    json_t *there;

    json_array_foreach(journal, i, there)
    {
        if (is_same(there, entry)) {
            json_array_set_new(journal, i, from_entry(entry));
            return;
        }
        files += is_file(json_get_text(there, "kind"));
    }
    if (!is_file(entry->kind) || files < DESK_FILES_MAX)
        json_array_append_new(journal, from_entry(entry));
}

int desk_add_journal(json_t *desk, const struct state_request *request, struct error *err)
{
    const struct state_journal *entries = request->entries ? request->entries : &request->journal;
    const size_t count = request->entries ? request->entry_count : 1;
    const struct state_lease lease = {
        .pipeline = json_get_text(desk, "pipeline"), .instance = json_get_text(desk, "instance")};

    for (size_t i = 0; i < count; i++) {
        if (entries[i].fence > 0 && json_get_int(desk, "fence", 0) > entries[i].fence)
            return desk_fail_fenced(desk, &lease, err);
    }
    for (size_t i = 0; i < count; i++)
        add(desk_list(desk, "journal"), &entries[i]);
    return 0;
}

bool desk_clear_journal(json_t *desk, const struct state_request *request)
{
    const int64_t fence = request->lease.fence;
    json_t *journal = desk_list(desk, "journal");
    bool cleared = false;

    for (size_t i = json_array_size(journal); i > 0; i--) {
        const json_t *entry = json_array_get(journal, i - 1);

        if (!text_equal(json_get_text(entry, "run_id"), request->run_id) ||
            (fence > 0 && json_get_int(entry, "fence", 0) > fence))
            continue;
        json_array_remove(journal, i - 1);
        cleared = true;
    }
    return cleared;
}
