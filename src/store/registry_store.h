/* registry_store.h - the inside of the registry. Private to store/. */
#ifndef STORE_REGISTRY_STORE_H
#define STORE_REGISTRY_STORE_H

#include "store/database.h"
#include "store/registry.h"

struct registry {
    struct database *db;
};

#endif
