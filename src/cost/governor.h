/* governor.h - admits exchanges by budgets, limits, approvals and prices; keeps what each budget has spent.
 *
 * Any number of threads admit, settle and release; none of the three waits for a lock or for another thread.
 * The rest is for one slow thread at a time (they lock among themselves).
 *
 * The books. What a budget has spent in a window is the sum of the costs of the records that match it and
 * whose time lies in the window; nothing else is ever added. A reservation is released in the window it was
 * made in; the cost is booked in the window of the record's time, which is another one when the two times
 * differ. Reservations live in memory only: a crash returns them all. To have again what was spent: at start:
 * governor_install, drain the flight recorder into the ledger, governor_fill, serve. on reload:
 * governor_prepare; if it says so: have every loop pass through its event loop once, drain, governor_fill; then
 * governor_install. So a budget knows what was spent before it first admits anything; one that could not be filled
 * refuses where its on_error is `block`. What was admitted before a budget came holds nothing in it, and is booked in it
 * when it settles. A budget
 * that keeps its name, scope, window and zone keeps its counters over a reload; one that is new is filled
 * from the ledger, and what is settled meanwhile is counted once (that is what the ids in settlements are
 * for).
 *
 * What matches: all budgets and limits whose scope holds (policy.h). A request without a value for a "*" (no
 * user) is in none of that scope's budgets. Values are told apart by their first LIMIT_LABEL bytes.
 *
 * Judged in this order; the first to say no decides: unknown price, approval, limits, budgets. A refusal
 * leaves nothing taken. `hard`: spent + reserved + worst case never pass the limit; a refused request may for
 * an instant hold room in a narrower budget, so that beside it another may be refused that would have fitted,
 * never the reverse. `degrade`: admitted always, and VERDICT_DEGRADE when the worst case does not fit. A
 * request without a price, where the application allows it, reserves nothing, and is over when nothing is
 * left. When a new value has no room among LIMIT_BUDGET_COUNTERS (LIMIT_RATE_COUNTERS), or more than
 * LIMIT_HOLDS match, on_error decides.
 *
 * Clock. Windows come from the caller's wall clock. After a step back, spend goes to the earlier window and
 * that of the later one is kept for its return: a counter is dropped once its window and one more of its
 * length are over and have been so for a day of the monotonic clock. Rates go by the monotonic clock. */
#ifndef COST_GOVERNOR_H
#define COST_GOVERNOR_H

#include "cost/window.h"
#include "model/admission.h"

struct governor;

/* One budget and value of its scope. Borrowed, valid inside the call. */
struct budget_view {
    const struct budget *budget;
    struct slice values[SCOPE_DIMENSIONS]; /* of budget->scope.terms, "*" made out */
    struct window window;
    int64_t spent_nano, reserved_nano;
    uint64_t unpriced; /* exchanges whose cost is not known, and not in spent */
    uint64_t refused;  /* exchanges of this window, since the start of this process */
};
/* `share` of the limit was reached. Once for each window, value and threshold, on the thread that settled:
 * post it on, do not wait. `replayed`: found while filling; it may have been told by a former process. */
struct budget_alert {
    struct budget_view view;
    double share;
    bool replayed;
};
struct governor_events {
    void *ctx;
    void (*alert)(void *ctx, const struct budget_alert *a); /* may be NULL */
};

struct governor *
governor_new(const struct governor_events *events); /* admits everything until the first install */
void governor_free(struct governor *g);             /* nobody uses it any more */

/* Makes a policy's budgets and limits ready to come into force. True: some have to be filled first. */
bool governor_prepare(struct governor *g, struct policy *p);
/* Puts them in force, prepared or not. True: some are in force and have to be filled. */
bool governor_install(struct governor *g, struct policy *p);

/* Calls `take` once for every record with from <= time_us. */
struct record_source {
    void *ctx;
    enum fault (*each)(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg,
                       struct error *error);
};
/* Books what the current windows had before, in what is prepared, else in what is in force. After a failure, prepare
 * (or install) again before the next try.
 * FAULT_OVERLOADED: more than LIMIT_FILL_JOURNAL exchanges were settled since the install. */
enum fault governor_fill(struct governor *g, int64_t wall_us, const struct record_source *source,
                         struct error *error) MUST_CHECK;

/* For the gateway. */
void governor_admit(struct governor *g, const struct admission_request *q, struct verdict *ret_verdict,
                    struct reservation *ret);
void governor_settle(struct governor *g, struct reservation *r, const struct settlement *s);
void governor_release(struct governor *g, struct reservation *r);
struct admission_calls governor_calls(struct governor *g);

/* Drops counters that are over; about once a minute. */
void governor_sweep(struct governor *g, int64_t wall_us, int64_t mono_us);

/* The current window of every budget: those without "*" always, others for the values that were seen. */
void governor_each_budget(struct governor *g, int64_t wall_us,
                          void (*each)(void *ctx, const struct budget_view *v), void *ctx);

struct governor_stats {
    unsigned budget_counters, rate_counters;
    uint64_t unbooked; /* costs with no room for a counter: the books of some budget lack them */
};
void governor_stats(struct governor *g, struct governor_stats *ret);

#endif
