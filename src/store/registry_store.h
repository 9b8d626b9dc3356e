/* registry_store.h - the inside of the registry. Private to store/. */
#ifndef STORE_REGISTRY_STORE_H
#define STORE_REGISTRY_STORE_H

#include "store/database.h"
#include "store/registry.h"

struct registry {
    struct database *db;
};

/* registry_audit inside a transaction of the caller's. */
enum fault audit_append(struct registry *r, const struct audit_entry *e, struct error *error) MUST_CHECK;

#endif
