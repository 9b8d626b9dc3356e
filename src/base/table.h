/* table.h - hash map from byte strings to pointers, seeded at random against chosen keys.
 *
 * Keys are copied; values are the caller's. Order is unspecified. Not thread-safe for writers; any
 * number of readers may look up a table that nobody changes (a policy snapshot). */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/slice.h"

struct table_slot;

struct table {
    struct table_slot *slots;
    size_t count, capacity;
    uint64_t seed;
};

void table_init(struct table *t);
void table_deinit(struct table *t);
void *table_get(const struct table *t, struct slice key);               /* NULL when absent */
void *table_put(struct table *t, struct slice key, void *value);        /* the former value or NULL */
void *table_remove(struct table *t, struct slice key);                  /* the former value or NULL */

/* Walks: start with *cursor = 0; false at the end. Removing while walking is not allowed. */
bool table_next(const struct table *t, size_t *cursor, struct slice *ret_key, void **ret_value);

#endif
