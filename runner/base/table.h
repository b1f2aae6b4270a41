/* A hash table from text to pointer that remembers the order of insertion. Keys are copied. */
#ifndef RUNNER_BASE_TABLE_H
#define RUNNER_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry {
    char *key; /* owned by the table */
    void *value;
    uint64_t hash;
};

/* Iterate with `for (size_t i = 0; i < table.count; i++) table.entries[i]`. */
struct table {
    struct table_entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* index + 1 into entries, 0 = free; a power of two of them */
    size_t slot_count;
};

void table_init(struct table *table);
void table_deinit(struct table *table); /* values are the caller's */

void *table_get(const struct table *table, const char *key); /* NULL: not there */
bool table_has(const struct table *table, const char *key);

/* Puts or replaces; returns the value that was replaced, else NULL. */
void *table_put(struct table *table, const char *key, void *value);

#endif
