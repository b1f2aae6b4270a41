#include "runner/engine/table_changes.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>

/* --- who is there --- */

/* Null, "" and values that hold any byte stay apart. */
static void append_values(struct buffer *key, const struct catalog_delta *delta)
{
    buffer_clear(key);
    buffer_puts(key, "");
    for (size_t i = 0; i < delta->value_count; i++) {
        if (delta->values[i])
            buffer_printf(key, "%zu:%s", strlen(delta->values[i]), delta->values[i]);
        else
            buffer_puts(key, "-");
    }
}

static struct table_member *member_of(
    struct table_changes *changes, const struct catalog_delta *delta, struct buffer *key)
{
    struct table_member *member = table_get(&changes->members, delta->partition_id);

    if (member)
        return member;
    member = arena_new(changes->arena, struct table_member);
    member->id = delta->partition_id;
    append_values(key, delta);
    member->next = table_put(&changes->groups, key->data, member);
    table_put(&changes->members, delta->partition_id, member);
    return member;
}

static void note_rewrite(struct table_member *member, const struct catalog_delta *delta)
{
    if (delta->rewrite)
        member->rewritten = MAX(member->rewritten, delta->position);
}

void table_changes_init(struct table_changes *changes)
{
    struct table_member *member;
    struct buffer key;

    table_init(&changes->members);
    table_init(&changes->groups);
    buffer_init(&key, 0);
    for (size_t i = 0; i < changes->before_count; i++)
        member_of(changes, &changes->before[i], &key)->before = true;
    for (size_t i = 0; i < changes->now_count; i++) {
        member = member_of(changes, &changes->now[i], &key);
        member->now = true;
        note_rewrite(member, &changes->now[i]);
    }
    for (size_t i = 0; i < changes->between_count; i++) {
        const struct catalog_delta *delta = &changes->between[i];

        member = member_of(changes, delta, &key);
        note_rewrite(member, delta);
        if (!delta->rewrite && !member->first_change)
            member->first_change = delta->position;
    }
    buffer_deinit(&key);
}

void table_changes_deinit(struct table_changes *changes)
{
    table_deinit(&changes->members);
    table_deinit(&changes->groups);
}

/* --- what happened to a partition --- */

/* It was there all the time, or is new and was made by what came. */
static bool is_plain(const struct table_member *group)
{
    return !group->next && group->now && (group->before || !group->rewritten);
}

struct table_member *table_changes_next(struct table_changes *changes)
{
    for (size_t i = 0; i < changes->groups.count; i++) {
        struct table_member *group = changes->groups.entries[i].value;

        if (is_plain(group))
            continue;
        for (struct table_member *member = group; member; member = member->next) {
            if (!member->asked)
                return member;
        }
    }
    return NULL;
}

static const struct table_member *successor_of(
    const struct table_member *group, const struct table_member *member)
{
    for (const struct table_member *next = group; next; next = next->next) {
        if (next != member && next->since == member->until && next->rewritten == next->since)
            return next;
    }
    return NULL;
}

/* Whether compactions alone lead from the first to the one that is there now, and no other was
 * there. */
static bool is_chain(const struct table_member *group)
{
    const struct table_member *first = group, *last;
    size_t count = 0, seen = 1;

    for (const struct table_member *member = group; member; member = member->next, count++) {
        if (member->since < first->since)
            first = member;
    }
    if (!first->before && first->first_change != first->since)
        return false;
    for (last = first; last->until && seen < count; seen++) {
        last = successor_of(group, last);
        if (!last)
            return false;
    }
    return seen == count && last->now;
}

/* --- files --- */

struct emitter {
    const struct table_changes *changes;
    const struct table_facts *facts;
    struct table_files *files;
    struct table replaced; /* members of groups that are no chain → their group */
};

static int64_t gone_at(const struct table_member *group)
{
    for (const struct table_member *member = group; member; member = member->next) {
        if (member->before)
            return member->until;
    }
    return 0;
}

static void add_gone(const struct emitter *emitter)
{
    const struct table_changes *changes = emitter->changes;

    for (size_t i = 0; i < changes->before_count; i++) {
        const struct table_member *group =
            table_get(&emitter->replaced, changes->before[i].partition_id);

        if (group)
            table_files_add_rows(
                emitter->files, emitter->facts, &changes->before[i], "delete", gone_at(group));
    }
}

/* What a rollback put there has the positions that it had; now they would come too early, and more
 * than one delta of them could not be told apart by the new one. */
static int add_arrived(const struct emitter *emitter, struct error *err)
{
    const struct table_changes *changes = emitter->changes;
    const struct catalog_version *version = emitter->facts->version;

    for (size_t i = 0; i < changes->now_count; i++) {
        const struct catalog_delta *delta = &changes->now[i];
        const struct table_member *member = table_get(&changes->members, delta->partition_id);

        if (!table_has(&emitter->replaced, delta->partition_id))
            continue;
        if (!delta->rewrite)
            table_files_add_changes(emitter->files, emitter->facts, delta);
        else if (version->merge.key_count == 0 || member->rewritten == member->since)
            table_files_add_rows(emitter->files, emitter->facts, delta,
                version->merge.key_count ? "upsert" : "insert", member->since);
        else
            return error_set(err, ERROR_INVALID,
                "%s.%s was rolled back at position %lld: what changed by that cannot be told of a "
                "table with a key",
                version->namespace, version->table, (long long)member->since);
    }
    return 0;
}

static void add_changes(const struct emitter *emitter)
{
    const struct table_changes *changes = emitter->changes;

    for (size_t i = 0; i < changes->between_count; i++) {
        const struct catalog_delta *delta = &changes->between[i];

        if (!delta->rewrite && !table_has(&emitter->replaced, delta->partition_id))
            table_files_add_changes(emitter->files, emitter->facts, delta);
    }
}

int table_changes_add(const struct table_changes *changes, const struct table_facts *facts,
    struct table_files *files, struct error *err)
{
    struct emitter emitter = {.changes = changes, .facts = facts, .files = files};
    int rc;

    table_init(&emitter.replaced);
    for (size_t i = 0; i < changes->groups.count; i++) {
        struct table_member *group = changes->groups.entries[i].value;

        if (is_plain(group) || is_chain(group))
            continue;
        for (struct table_member *member = group; member; member = member->next)
            table_put(&emitter.replaced, member->id, group);
    }
    add_gone(&emitter);
    add_changes(&emitter);
    rc = add_arrived(&emitter, err);
    table_deinit(&emitter.replaced);
    return rc;
}
