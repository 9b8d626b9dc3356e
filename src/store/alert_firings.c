#include "store/alert_firings.h"

#include "store/alerts_store.h"

static enum fault read_firing(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct firing *)into = (struct firing){.alert = statement_i64(s, 0),
                                             .from_us = statement_i64(s, 1),
                                             .to_us = statement_i64(s, 2),
                                             .useful = statement_copy(s, 3, arena)};
    return FAULT_NONE;
}

enum fault firings_list(struct registry *r, struct slice rule, int64_t from_us, unsigned limit, struct arena *arena, struct firing **ret,
                        unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT t.alert, t.at_us, ifnull((SELECT min(u.at_us) FROM alert_transition u WHERE u.alert = t.alert"
                                    " AND u.number > t.number AND u.to_state IN ('resolved', 'inactive')), 0), t.useful FROM alert_transition t"
                                    " WHERE t.rule = ?1 AND t.to_state = 'firing' AND t.at_us >= ?2 ORDER BY t.at_us DESC, t.number DESC LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, from_us);
    statement_bind_i64(s, 3, limit);
    return rows_read(s, arena, sizeof **ret, read_firing, (void **)ret, ret_n, error);
}
