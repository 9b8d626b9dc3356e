/* See oncall.h.
 *
 * Who has a time is whoever is first of: overrides, the one made last first; rotations, as they are listed. A source covers spans of time; the
 * turn that stands is the winner's span without what those before it cover. So its bounds are found without walking: the nearest end and
 * the nearest beginning of each source before the winner. */
#include "incident/oncall.h"

#include "base/date.h"

#define SECOND_US 1000000LL
#define MINUTE_S 60LL
#define DAY_S 86400LL
enum { TURNS_CALLED = 16 };
enum { DAYS_AROUND = 16 }; /* a window recurs within a week; one that a clock change swallows, within two */

struct span {
    int64_t from, to; /* microseconds; INT64_MIN and INT64_MAX: without end */
};
static const struct span always = {INT64_MIN, INT64_MAX};

static int64_t instant(const struct zone *z, int64_t local_s) { return zone_to_utc(z, local_s) * SECOND_US; }

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t local_of(const struct zone *z, int64_t at_us) {
    int64_t s = floor_div(at_us, SECOND_US);
    return s + zone_offset(z, s);
}

/* ---- turns of a rotation ---- */

static int64_t turn_begin(const struct zone *z, const struct oncall_rotation *r, int64_t k) { return instant(z, r->starts_s + k * r->turn_s); }

/* The turn under way; false: the first has not begun. */
static bool turn_at(const struct zone *z, const struct oncall_rotation *r, int64_t at, int64_t *ret_k, struct span *ret) {
    int64_t k = floor_div(local_of(z, at) - r->starts_s, r->turn_s);
    while (turn_begin(z, r, k) > at) k--;
    while (turn_begin(z, r, k + 1) <= at) k++;
    if (k < 0) return false;
    *ret_k = k;
    *ret = (struct span){turn_begin(z, r, k), turn_begin(z, r, k + 1)};
    return true;
}

/* ---- hours and weekdays ---- */

static bool is_unrestricted(const struct oncall_rotation *r) { return r->weekdays == 0 && r->from_minute == 0 && r->to_minute == 1440; }

/* What begins on the local day; false: nothing does. */
static bool window_of(const struct zone *z, const struct oncall_rotation *r, int64_t day, struct span *ret) {
    int monday_first = (date_weekday(day) + 6) % 7;
    if (r->weekdays != 0 && !(r->weekdays >> monday_first & 1)) return false;
    int64_t end_day = r->from_minute >= r->to_minute ? day + 1 : day;
    *ret = (struct span){instant(z, day * DAY_S + r->from_minute * MINUTE_S), instant(z, end_day * DAY_S + r->to_minute * MINUTE_S)};
    return ret->from < ret->to;
}

/* Windows that touch are one. False: `at` is in none. */
static bool window_at(const struct zone *z, const struct oncall_rotation *r, int64_t at, struct span *ret) {
    int64_t today = floor_div(local_of(z, at), DAY_S), day;
    struct span w = always, beside;
    if (is_unrestricted(r)) {
        *ret = always;
        return true;
    }
    for (day = today - 2; day <= today + 1; day++)
        if (window_of(z, r, day, &w) && w.from <= at && at < w.to) break;
    if (day > today + 1) return false;
    for (int64_t d = day - 1; window_of(z, r, d, &beside) && beside.to >= w.from; d--) w.from = beside.from;
    for (int64_t d = day + 1; window_of(z, r, d, &beside) && beside.from <= w.to; d++) w.to = beside.to;
    *ret = w;
    return true;
}

/* ---- sources ---- */

static bool covers(const struct zone *z, const struct oncall_rotation *r, int64_t at, int64_t *ret_k, struct span *ret) {
    struct span turn, window;
    if (r->n_people == 0 || r->turn_s <= 0 || !turn_at(z, r, at, ret_k, &turn) || !window_at(z, r, at, &window)) return false;
    *ret = (struct span){turn.from > window.from ? turn.from : window.from, turn.to < window.to ? turn.to : window.to};
    return true;
}

/* Of a rotation that does not cover `at`: when it last did, and when it will. */
static struct span gap_of(const struct zone *z, const struct oncall_rotation *r, int64_t at) {
    int64_t begins = turn_begin(z, r, 0), k;
    struct span gap = always, w;
    if (r->n_people == 0 || r->turn_s <= 0) return gap;
    if (at < begins && covers(z, r, begins, &k, &w)) return (struct span){INT64_MIN, begins};
    int64_t from = at < begins ? begins : at, today = floor_div(local_of(z, from), DAY_S);
    for (int64_t d = today - 1; d <= today + DAYS_AROUND && gap.to == INT64_MAX; d++)
        if (window_of(z, r, d, &w) && w.from > from) gap.to = w.from;
    for (int64_t d = today + 1; d >= today - DAYS_AROUND && gap.from == INT64_MIN && at >= begins; d--)
        if (window_of(z, r, d, &w) && w.to <= at && w.to > begins) gap.from = w.to;
    return gap;
}

static bool is_of(const struct oncall_override *o, const struct oncall_schedule *s) {
    return !o->removed && o->from_us < o->to_us && slice_eq(o->schedule, s->name);
}

static bool made_later(const struct oncall_override *a, const struct oncall_override *b) {
    return a->made_us != b->made_us ? a->made_us > b->made_us : a->number > b->number;
}

/* What a source that goes first and does not cover `at` leaves of the turn. */
static void narrow(struct span *turn, int64_t ended, int64_t begins) {
    if (ended > turn->from) turn->from = ended;
    if (begins < turn->to) turn->to = begins;
}

static void narrow_by_override(struct span *turn, const struct oncall_override *o, int64_t at) {
    if (o->to_us <= at) narrow(turn, o->to_us, INT64_MAX);
    else narrow(turn, INT64_MIN, o->from_us);
}

static const struct oncall_override *override_at(const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t at,
                                                 struct span *ret) {
    const struct oncall_override *has = NULL;
    for (unsigned i = 0; i < n; i++) {
        const struct oncall_override *o = &overrides[i];
        if (is_of(o, s) && o->from_us <= at && at < o->to_us && (has == NULL || made_later(o, has))) has = o;
    }
    *ret = has != NULL ? (struct span){has->from_us, has->to_us} : always;
    for (unsigned i = 0; i < n; i++) {
        const struct oncall_override *o = &overrides[i];
        if (is_of(o, s) && (has == NULL || (o != has && made_later(o, has)))) narrow_by_override(ret, o, at);
    }
    return has;
}

/* ---- whose turn it is ---- */

void oncall_at(const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t at_us, struct oncall_turn *ret) {
    struct span turn, own = always;
    const struct oncall_override *o = override_at(s, overrides, n, at_us, &turn);
    *ret = (struct oncall_turn){.person = o != NULL ? o->person : SLICE_NULL, .override = o != NULL ? o->number : 0};
    for (unsigned i = 0; i < s->n_rotations && o == NULL; i++) {
        const struct oncall_rotation *r = &s->rotations[i];
        int64_t k;
        if (covers(s->zone, r, at_us, &k, &own)) {
            ret->person = r->people[k % r->n_people];
            narrow(&turn, own.from, own.to);
            break;
        }
        own = gap_of(s->zone, r, at_us);
        narrow(&turn, own.from, own.to);
    }
    ret->from_us = turn.from == INT64_MIN ? 0 : turn.from;
    ret->to_us = turn.to == INT64_MAX ? 0 : turn.to;
}

unsigned oncall_turns(const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t from_us, int64_t to_us,
                      unsigned limit, struct oncall_turn *ret) {
    unsigned count = 0;
    for (int64_t at = from_us; at < to_us && count < limit; count++) {
        oncall_at(s, overrides, n, at, &ret[count]);
        at = ret[count].to_us != 0 ? ret[count].to_us : to_us;
    }
    return count;
}

/* ---- who is called ---- */

struct calling {
    const struct alert_policy *p;
    const struct oncall_override *overrides;
    unsigned n_overrides;
    int64_t now_us;
    struct arena *arena;
};

static void call_person(const struct calling *c, struct slice where, struct slice name, struct escalation_call *call) {
    const struct oncall_person *who = person_find(c->p, name);
    call->person = name;
    call->receiver = who != NULL ? who->receiver : SLICE_NULL;
    call->why = arena_printf(c->arena, SLICE_FMT "%s" SLICE_FMT "%s%s", SLICE_ARG(where), where.len > 0 ? " (" : "", SLICE_ARG(name), where.len > 0 ? ")" : "",
                             who == NULL ? ", who is not in oncall.people" : "");
}

static void call_schedule(const struct calling *c, struct slice name, struct escalation_call *call) {
    const struct oncall_schedule *s = schedule_find(c->p, name);
    struct oncall_turn turn = {.person = SLICE_NULL};
    if (s != NULL) oncall_at(s, c->overrides, c->n_overrides, c->now_us, &turn);
    call->schedule = name;
    if (slice_is_null(turn.person)) call->why = arena_printf(c->arena, "nobody is on call in " SLICE_FMT, SLICE_ARG(name));
    else call_person(c, name, turn.person, call);
}

static void take_step(const struct calling *c, const struct escalation *e, int step, int round, struct escalation_call *call) {
    const struct escalation_step *s = &e->steps[step];
    *call = (struct escalation_call){.receiver = SLICE_NULL};
    if (s->kind == ESCALATE_SCHEDULE) {
        call_schedule(c, s->name, call);
    } else if (s->kind == ESCALATE_PERSON) {
        call_person(c, SLICE(""), s->name, call);
    } else {
        call->receiver = s->name;
        call->why = s->name;
    }
    struct slice what = call->why;
    call->why = round == 0 ? arena_printf(c->arena, "step %d of %u: " SLICE_FMT, step + 1, e->n_steps, SLICE_ARG(what))
                           : arena_printf(c->arena, "round %d, step %d of %u: " SLICE_FMT, round + 1, step + 1, e->n_steps, SLICE_ARG(what));
}

/* The step behind (step, round); false: that was the last. */
static bool step_behind(const struct escalation *e, int step, int round, int *ret_step, int *ret_round) {
    bool again = step + 1 >= (int)e->n_steps;
    if (e->n_steps == 0 || (again && round >= (int)e->repeat)) return false;
    *ret_step = again ? 0 : step + 1;
    *ret_round = again ? round + 1 : round;
    return true;
}

unsigned escalation_step(const struct alert_policy *p, const struct escalation *e, const struct oncall_override *overrides, unsigned n_overrides,
                         struct escalation_state *state, int64_t now_us, struct arena *arena, struct escalation_call *ret, unsigned limit) {
    const struct calling c = {p, overrides, n_overrides, now_us, arena};
    int step = state->step, round = state->round;
    unsigned n = 0;
    bool begun = step >= 0, reached = false;
    if (begun && (state->due_us == 0 || now_us < state->due_us)) return 0;
    if (!begun) round = 0;
    while (!reached && n < limit && step_behind(e, step, round, &step, &round)) {
        take_step(&c, e, step, round, &ret[n]);
        reached = !slice_is_null(ret[n++].receiver);
    }
    *state = (struct escalation_state){.step = step >= 0 ? step : 0, .round = round};
    int next_step, next_round;
    if (step >= 0 && step_behind(e, step, round, &next_step, &next_round)) state->due_us = reached ? now_us + e->steps[step].wait_us : now_us;
    return n;
}

/* ---- who was called ---- */

struct called {
    const struct alert_policy *p;
    struct escalation_call *all;
    unsigned n, limit;
};

/* Two that are told at one place are told once; a mailbox is a place for each address. */
static void add_called(struct called *c, struct slice receiver, struct slice person) {
    const struct oncall_person *who = slice_is_null(person) ? NULL : person_find(c->p, person);
    const struct alert_receiver *r = alert_receiver_find(c->p, who != NULL ? who->receiver : receiver);
    if (r == NULL || c->n == c->limit) return;
    struct escalation_call one = {.receiver = r->name, .person = who != NULL && r->kind == RECEIVER_EMAIL && who->email.len > 0 ? who->name : SLICE_NULL};
    for (unsigned i = 0; i < c->n; i++)
        if (slice_eq(c->all[i].receiver, one.receiver) && slice_eq(c->all[i].person, one.person)) return;
    c->all[c->n++] = one;
}

unsigned escalation_called(const struct alert_policy *p, const struct escalation *e, const struct oncall_override *overrides, unsigned n_overrides,
                           const struct escalation_state *at, int64_t from_us, int64_t to_us, struct escalation_call *ret, unsigned limit) {
    struct called c = {.p = p, .all = ret, .limit = limit};
    for (unsigned i = 0; i < e->n_steps && (at->round > 0 || (int)i <= at->step); i++) {
        const struct escalation_step *step = &e->steps[i];
        const struct oncall_schedule *s = step->kind == ESCALATE_SCHEDULE ? schedule_find(p, step->name) : NULL;
        struct oncall_turn turns[TURNS_CALLED];
        unsigned n = s != NULL ? oncall_turns(s, overrides, n_overrides, from_us, to_us + 1, TURNS_CALLED, turns) : 0;
        if (step->kind == ESCALATE_RECEIVER) add_called(&c, step->name, SLICE_NULL);
        if (step->kind == ESCALATE_PERSON) add_called(&c, SLICE_NULL, step->name);
        for (unsigned k = 0; k < n; k++)
            if (!slice_is_null(turns[k].person)) add_called(&c, SLICE_NULL, turns[k].person);
    }
    bool nobody = c.n == 0;
    for (unsigned i = 0; nobody && i < p->n_people; i++) add_called(&c, SLICE_NULL, p->people[i].name); /* nobody was to be reached: everybody was told */
    return c.n;
}
