/* evaluations_store.h - the inside of evaluations.h. Private to store/. */
#ifndef STORE_EVALUATIONS_STORE_H
#define STORE_EVALUATIONS_STORE_H

#include "store/database.h"
#include "store/evaluations.h"

struct evaluations {
    struct database *db;
};

#endif
