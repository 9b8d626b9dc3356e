/* See evaluations.h. */
#include "store/evaluations_store.h"

#include "base/mem.h"
#include "store/files.h"
#include "store/migrate.h"

struct evaluations *evaluations_open(const char *data_dir, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (files_make_dir(data_dir, error) != FAULT_NONE) return NULL;
    struct evaluations *e = mem_new(struct evaluations);
    char *path = files_path(data_dir, "evaluations.db");
    e->db = database_open(path, &(struct database_options){.sync_each = true}, &fault, error);
    if (fault == FAULT_NONE) fault = migrate(e->db, &schema_evaluations, error);
    mem_free(path);
    if (fault == FAULT_NONE) return e;
    evaluations_close(e);
    return NULL;
}

void evaluations_close(struct evaluations *e) {
    if (e == NULL) return;
    database_close(e->db);
    mem_free(e);
}
