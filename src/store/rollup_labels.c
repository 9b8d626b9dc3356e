/* Which labels came together in a window: the dimensions of the day files, without their sums. */
#include "store/ledger_store.h"

static unsigned view_of(unsigned by) {
    for (unsigned v = 1; v < ROLLUP_VIEWS; v++)
        if ((by & ~rollup_views[v].by) == 0) return v;
    return 0;
}

static enum fault read_labels(struct database *db, unsigned by, bool (*each)(void *ctx, const struct rollup *r), void *ctx, bool *ret_more,
                              struct error *error) {
    struct statement *s;
    struct rollup names = {0};
    int64_t version = 0, whole = 0;
    bool row = false;
    struct slice *const texts[] = {&names.application, &names.request_type, &names.model, &names.prompt, &names.feature, &names.team, &names.provider};
    enum fault fault = database_number(db, "PRAGMA user_version", &version, error);
    if (fault == FAULT_NONE && version >= ROLLUP_VIEW_SCHEMA) fault = database_number(db, "SELECT whole FROM view_state", &whole, error);
    if (fault == FAULT_NONE)
        fault = version < ROLLUP_VIEW_SCHEMA
                    ? statement_of(db, "SELECT application, request_type, model, prompt, feature, team, NULL FROM dimension", &s, error)
                    : statement_of(db, "SELECT application, request_type, model, prompt, feature, team, provider FROM dimension WHERE view = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    if (version >= ROLLUP_VIEW_SCHEMA) statement_bind_i64(s, 1, whole ? view_of(by) : 0);
    while (*ret_more && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        for (int i = 0; i < ROLLUP_TEXTS; i++) *texts[i] = by & rollup_bits[i] ? statement_bytes(s, i) : SLICE_NULL;
        *ret_more = each(ctx, &names);
    }
    statement_reset(s);
    return fault;
}

enum fault ledger_labels(struct ledger *l, int64_t from_us, int64_t to_us, unsigned by, bool (*each)(void *ctx, const struct rollup *r), void *ctx,
                         struct error *error) {
    struct days days = {0};
    bool more = true;
    enum fault fault = ledger_days(l, LEDGER_RECORDS, &days, error);
    for (size_t i = 0; i < days.n && more && fault == FAULT_NONE; i++) {
        struct database *db = NULL;
        if ((days.at[i] + 1) * DAY_US <= from_us || days.at[i] * DAY_US >= to_us) continue;
        fault = ledger_open_day(l, LEDGER_RECORDS, days.at[i], &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = read_labels(db, by, each, ctx, &more, error);
        database_close(db);
    }
    days_deinit(&days);
    return fault;
}
