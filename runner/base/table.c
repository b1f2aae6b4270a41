#include "runner/base/table.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

/* FNV-1a: short keys from files that we read ourselves, bounded in number by their readers. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3U;
    return hash;
}

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_deinit(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].key);
    free(table->entries);
    free(table->slots);
    *table = (struct table){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t find_slot(const struct table *table, const char *key, uint64_t hash)
{
    size_t slot = hash & (table->slot_count - 1);

    for (; table->slots[slot]; slot = (slot + 1) & (table->slot_count - 1)) {
        const struct table_entry *entry = &table->entries[table->slots[slot] - 1];

        if (entry->hash == hash && strcmp(entry->key, key) == 0)
            break;
    }
    return slot;
}

static struct table_entry *find(const struct table *table, const char *key)
{
    uint32_t index;

    if (table->count == 0)
        return NULL;
    index = table->slots[find_slot(table, key, hash_of(key))];
    return index ? &table->entries[index - 1] : NULL;
}

void *table_get(const struct table *table, const char *key)
{
    const struct table_entry *entry = find(table, key);

    return entry ? entry->value : NULL;
}

bool table_has(const struct table *table, const char *key)
{
    return find(table, key) != NULL;
}

static void grow_slots(struct table *table)
{
    assert(table->entries || table->count == 0);
    free(table->slots);
    table->slot_count = table->slot_count ? table->slot_count * 2 : 16;
    table->slots = mem_calloc(table->slot_count, sizeof(*table->slots));
    for (size_t i = 0; i < table->count; i++) {
        const struct table_entry *entry = &table->entries[i];

        table->slots[find_slot(table, entry->key, entry->hash)] = (uint32_t)i + 1;
    }
}

void *table_put(struct table *table, const char *key, void *value)
{
    const uint64_t hash = hash_of(key);
    struct table_entry *entry = find(table, key);

    if (entry) {
        void *replaced = entry->value;

        entry->value = value;
        return replaced;
    }
    assert(table->count < UINT32_MAX - 1);
    if ((table->count + 1) * 2 > table->slot_count)
        grow_slots(table);
    table->entries =
        mem_grow(table->entries, &table->capacity, table->count, sizeof(*table->entries));
    table->entries[table->count] =
        (struct table_entry){.key = mem_strdup(key), .value = value, .hash = hash};
    table->slots[find_slot(table, key, hash)] = (uint32_t)++table->count;
    return NULL;
}
