#include "store/overrides.h"

#include "store/changes_store.h"

static enum fault read_one(struct statement *s, struct arena *arena, void *row, struct error *error) {
    (void)error;
    *(struct open_override *)row = (struct open_override){
        .kind = statement_copy(s, 0, arena),
        .name = statement_copy(s, 1, arena),
        .said = {.version = statement_i64(s, 2), .by = statement_copy(s, 3, arena), .verdict = SLICE("override"), .why = statement_copy(s, 4, arena), .at_us = statement_i64(s, 5)}};
    return FAULT_NONE;
}

enum fault overrides_open(struct registry *r, struct arena *arena, struct open_override **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT o.kind, o.name, o.version, o.by, o.why, o.at_us FROM change_approval o WHERE o.verdict = 'override' AND NOT EXISTS"
                                    " (SELECT 1 FROM change_approval n WHERE n.kind = o.kind AND n.name = o.name AND n.version = o.version"
                                    " AND n.number > o.number AND n.verdict IN ('override', 'review-override')) ORDER BY o.number",
                                    &s, error);
    return fault == FAULT_NONE ? rows_read(s, arena, sizeof **ret, read_one, (void **)ret, ret_n, error) : fault;
}
