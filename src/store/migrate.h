/* migrate.h - numbered schema steps, run forward when a database is opened for writing. Private to store/.
 *
 * Step n (from 1) is SQL that takes a database from version n-1 to n; the version is the file's user_version.
 * Steps that were released are never edited: a change is a new step. A file of a newer version is refused. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/database.h"

struct schema {
    const char *const *steps;
    unsigned n;
};
extern const struct schema schema_registry, schema_ledger, schema_payload, schema_batches, schema_evaluations;

/* All pending steps in one transaction. FAULT_CONFLICT: the file is of a newer version. */
enum fault migrate(struct database *db, const struct schema *schema, struct error *error) MUST_CHECK;
/* For readers, who may not change the file: FAULT_CONFLICT unless the version is this program's. */
enum fault migrate_check(struct database *db, const struct schema *schema, struct error *error) MUST_CHECK;

#endif
