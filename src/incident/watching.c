#include "incident/watching_private.h"

#include "base/json.h"
#include "base/mem.h"

#include <math.h>

#define REFRESH_US 60000000LL    /* what a firing alert says of its numbers is written again so often, where it changed */
enum { FIRST_ROOM = 64, TEXT_MOST = 64 << 10, LOAD_FIRST = 64 << 10, LOAD_MOST = 256 << 20 };

int64_t alert_clock(int64_t clock_us, int64_t elapsed_us, int64_t wall_us) {
    if (elapsed_us < 0) elapsed_us = 0;
    int64_t plain_us = clock_us + elapsed_us;
    if (wall_us > plain_us) return wall_us - plain_us < elapsed_us ? wall_us : plain_us + elapsed_us;
    return plain_us - wall_us < elapsed_us / 2 ? wall_us : plain_us - elapsed_us / 2;
}

/* ---- alerts in memory ---- */

static struct slice key_of(struct buffer *b, struct slice rule, struct slice series) {
    buffer_clear(b);
    buffer_append(b, rule);
    buffer_byte(b, '\0');
    buffer_append(b, series);
    return buffer_slice(b);
}

struct alert *watching_find(struct watching *w, struct slice rule, struct slice series) {
    return table_get(&w->by_key, key_of(&w->text, rule, series));
}

static void count_rule(struct watching *w, struct slice rule, intptr_t by) {
    intptr_t n = (intptr_t)table_get(&w->per_rule, rule) + by;
    if (n > 0) table_put(&w->per_rule, rule, (void *)n);
    else table_remove(&w->per_rule, rule);
}

static void add(struct watching *w, struct alert *a) {
    if (w->n == w->room) {
        w->room = w->room == 0 ? FIRST_ROOM : 2 * w->room;
        w->all = mem_resize(w->all, w->room * sizeof *w->all);
    }
    w->all[w->n++] = a;
    table_put(&w->by_key, key_of(&w->text, a->row.rule, a->row.series), a);
    count_rule(w, a->row.rule, 1);
}

static void alert_free(struct alert *a) {
    mem_free(a->block);
    mem_free(a);
}

static void forget_all(struct watching *w) {
    for (unsigned i = 0; i < w->n; i++) alert_free(w->all[i]);
    w->n = 0;
    table_deinit(&w->by_key);
    table_deinit(&w->per_rule);
    table_init(&w->by_key);
    table_init(&w->per_rule);
    w->loaded = false;
}

/* All texts of a row, in the order in which they are packed. */
enum { ROW_TEXTS = 13 };
static void texts_of(struct alert_row *r, struct slice *ret[ROW_TEXTS]) {
    struct slice *all[ROW_TEXTS] = {&r->rule,    &r->series,          &r->fingerprint,      &r->application, &r->evidence,   &r->summary, &r->labels,
                                    &r->acknowledged_by, &r->acknowledged_why, &r->muted_by, &r->owed, &r->escalation, &r->useful};
    memcpy(ret, all, sizeof all);
}

static void read_labels(struct alert *a, struct arena *scratch, struct slice json) {
    struct json_doc d;
    struct error error;
    uint32_t cursor = JSON_NONE, key, value;
    a->n_labels = 0;
    if (json_read(json, scratch, 1, &d, &error) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return;
    a->labels = arena_new_array(scratch, struct alert_label, json_size(&d, 0));
    while (a->labels != NULL && json_each_member(&d, 0, &cursor, &key, &value))
        a->labels[a->n_labels++] = (struct alert_label){json_string(&d, key, scratch), json_string(&d, value, scratch)};
}

static char *pack(char *at, struct slice *s) {
    if (slice_is_null(*s)) return at;
    if (s->len > 0) memcpy(at, s->at, s->len);
    s->at = at;
    return at + s->len;
}

/* The row's texts, wherever they are, into a block of its own. */
static void settle(struct alert *a, const struct alert_row *row) {
    struct alert_row r = *row;
    struct slice *texts[ROW_TEXTS];
    struct arena scratch;
    struct alert labelled = {.n_labels = 0};
    texts_of(&r, texts);
    arena_init(&scratch, 1 << 10, TEXT_MOST);
    read_labels(&labelled, &scratch, r.labels);
    size_t size = labelled.n_labels * sizeof *labelled.labels + 1;
    for (unsigned i = 0; i < ROW_TEXTS; i++) size += texts[i]->len;
    for (unsigned i = 0; i < labelled.n_labels; i++) size += labelled.labels[i].name.len + labelled.labels[i].value.len;
    char *block = mem_alloc(size), *at = block + labelled.n_labels * sizeof *labelled.labels;
    struct alert_label *labels = (struct alert_label *)(void *)block;
    if (labelled.n_labels > 0) memcpy(labels, labelled.labels, labelled.n_labels * sizeof *labels);
    for (unsigned i = 0; i < ROW_TEXTS; i++) at = pack(at, texts[i]);
    for (unsigned i = 0; i < labelled.n_labels; i++) {
        at = pack(at, &labels[i].name);
        at = pack(at, &labels[i].value);
    }
    arena_deinit(&scratch);
    mem_free(a->block);
    a->block = block;
    a->row = r;
    a->row.added = false;
    a->labels = labels;
    a->n_labels = labelled.n_labels;
    a->dirty = false;
}

struct watching *watching_new(void) {
    struct watching *w = mem_new(struct watching);
    table_init(&w->by_key);
    table_init(&w->per_rule);
    buffer_init(&w->text, TEXT_MOST);
    atomic_init(&w->changed, false);
    return w;
}

void watching_free(struct watching *w) {
    if (w == NULL) return;
    forget_all(w);
    table_deinit(&w->by_key);
    table_deinit(&w->per_rule);
    buffer_deinit(&w->text);
    mem_free(w->all);
    mem_free(w->seen);
    mem_free(w->written);
    mem_free(w);
}

/* What this firing wanted was done or refused for good already, whatever else of it is read again. */
static void still_acted(struct watching *w, struct alert *a) {
    const struct alert *was = watching_find(w, a->row.rule, a->row.series);
    if (was == NULL || !was->acted || was->row.number != a->row.number || was->row.fired_us != a->row.fired_us) return;
    a->acted = true;
    if (!slice_is_null(a->row.useful) || !slice_is(was->row.useful, "acted")) return;
    a->row.useful = SLICE("acted");
    a->dirty = true;
}

enum fault watching_load(struct watching *w, struct registry *r, struct error *error) {
    struct arena arena;
    struct alert_row *rows = NULL;
    struct alerts_filter all = {.limit = LIMIT_ALERT_ROWS};
    unsigned n = 0;
    int64_t next = 0;
    atomic_store(&w->changed, false);
    w->loaded = false;
    arena_init(&arena, LOAD_FIRST, LOAD_MOST);
    enum fault fault = alerts_list(r, &all, &arena, &rows, &n, error);
    if (fault == FAULT_NONE) fault = alerts_next(r, &next, error);
    if (fault == FAULT_NONE) {
        struct alert **read = mem_new_array(struct alert *, n + 1);
        for (unsigned i = 0; i < n; i++) {
            read[i] = mem_new(struct alert);
            settle(read[i], &rows[i]);
            still_acted(w, read[i]);
        }
        forget_all(w);
        for (unsigned i = 0; i < n; i++) add(w, read[i]);
        mem_free(read);
        w->next_number = next;
        w->loaded = true;
    }
    arena_deinit(&arena);
    return fault;
}

void watching_changed(struct watching *w) { atomic_store(&w->changed, true); }
bool watching_is_stale(struct watching *w) { return atomic_load(&w->changed) || !w->loaded; }

/* ---- one tick ---- */

bool watching_room(struct tick *t, void **at, unsigned n, unsigned *room, size_t size) {
    if (n < *room) return true;
    unsigned more = *room == 0 ? FIRST_ROOM : 2 * *room;
    void *grown = *at == NULL ? arena_alloc(t->arena, more * size) : arena_resize(t->arena, *at, *room * size, more * size);
    if (grown == NULL) return false;
    *at = grown;
    *room = more;
    return true;
}

void watching_dirty(struct alert *a) { a->dirty = true; }

/* Is there a quiet row that the store will drop for a new one? */
static bool spare(struct tick *t) {
    if (!t->spare_known)
        for (unsigned i = 0; i < t->w->n; i++) {
            const struct alert_row *r = &t->w->all[i]->row;
            t->spare += (r->state == ALERT_INACTIVE || r->state == ALERT_RESOLVED) && slice_is_null(r->owed) && !t->w->all[i]->dirty;
        }
    t->spare_known = true;
    if (t->spare == 0) return false;
    t->spare--;
    return true;
}

struct alert *watching_add(struct tick *t, const struct alert_rule *rule, struct slice series) {
    struct watching *w = t->w;
    char fingerprint[17];
    if (w->n >= LIMIT_ALERT_ROWS && !spare(t)) {
        t->ret->left_out++;
        return NULL;
    }
    w->crowded |= w->n >= LIMIT_ALERT_ROWS;
    struct alert *a = mem_new(struct alert);
    alert_fingerprint(rule->name, series, fingerprint);
    a->row = (struct alert_row){.number = w->next_number++, .added = true, .rule = rule->name, .series = arena_slice(t->arena, series), .escalation_step = -1};
    a->row.fingerprint = arena_slice(t->arena, slice_of(fingerprint));
    a->row.severity = (int)rule->severity;
    a->rule = rule;
    add(w, a);
    return a;
}

static void state_to(struct tick *t, struct alert *a, enum alert_state from, struct slice why) {
    if (!watching_room(t, (void **)&t->transitions, t->n_transitions, &t->transition_room, sizeof *t->transitions)) return;
    t->transitions[t->n_transitions++] =
        (struct alert_transition){.alert = a->row.number, .at_us = t->now_us, .from = from, .to = a->row.state, .why = why, .evidence = a->row.evidence};
}

static void begins(struct alert *a) {
    struct alert_row *r = &a->row;
    r->times++;
    r->acknowledged_by = r->acknowledged_why = r->useful = r->escalation = SLICE_NULL;
    r->acknowledged_us = r->resolved_us = 0;
    r->escalation_step = -1;
    r->escalation_round = 0;
    r->escalation_due_us = 0;
    a->acted = false;
}

/* What receivers are to hear is a list of words, told in their order; of what is muted only how it stands. */
static void owe(struct tick *t, struct alert *a, enum alert_told told) {
    enum { WORDS = 60 };
    struct alert_row *r = &a->row;
    static const char *const words[] = {[TELL_FIRING] = "firing", [TELL_RESOLVED] = "resolved", [TELL_FLAPPING] = "flapping"};
    if (told == TELL_NOTHING || told == TELL_NODATA) return;
    bool muted = r->silence != 0 || !slice_is_null(r->muted_by), owed = !slice_is_null(r->owed);
    if (told == TELL_RESOLVED) {
        r->resolved_us = t->now_us;
        r->escalation_due_us = 0;
    }
    if (told == TELL_RESOLVED && muted && (owed || r->told_us < r->fired_us)) r->owed = SLICE_NULL; /* nobody heard that it fired */
    else if (owed && !muted && r->owed.len < WORDS) r->owed = arena_printf(t->arena, SLICE_FMT ",%s", SLICE_ARG(r->owed), words[told]);
    else r->owed = slice_of(words[told]);
    if (!owed) r->owed_us = t->now_us;
}

static struct alert_life life_of(const struct alert *a) {
    const struct alert_row *r = &a->row;
    return (struct alert_life){.state = r->state, .since_us = r->since_us, .beyond_us = r->beyond_us, .well_us = r->well_us, .fired_us = r->fired_us,
                               .changes = r->changes, .evaluations = r->evaluations, .before = r->before, .period_us = a->period_us};
}

static void live_on(struct alert *a, const struct alert_life *l) {
    struct alert_row *r = &a->row;
    r->state = l->state;
    r->since_us = l->since_us;
    r->beyond_us = l->beyond_us;
    r->well_us = l->well_us;
    r->fired_us = l->fired_us;
    r->changes = l->changes;
    r->evaluations = l->evaluations;
    r->before = l->before;
    a->period_us = l->period_us;
}

static void observe(struct tick *t, struct alert *a, const struct alert_rule *r, const struct observation *o) {
    a->row.value = o->value != NULL ? o->value->value : NAN;
    a->row.n = o->value != NULL ? o->value->n : NAN;
    a->row.threshold = o->threshold;
    a->row.evidence = watching_evidence(t, r, o);
    a->row.summary = watching_summary(t, r, o);
    a->refreshed_us = t->now_us;
}

/* Who looks at it an hour later sees how bad it is then. */
static void refresh(struct tick *t, struct alert *a, const struct alert_rule *r, const struct observation *o) {
    struct alert_life life = life_of(a);
    if (o == NULL || !alert_fires(&life) || t->now_us - a->refreshed_us < REFRESH_US) return;
    a->refreshed_us = t->now_us;
    if (slice_eq(watching_summary(t, r, o), a->row.summary)) return;
    observe(t, a, r, o);
    watching_dirty(a);
}

/* A version that its rule's rollback took back has no more answers: that is what the rollback was for, and not a lack of news. */
static bool taken_back(const struct alert *a, const struct alert_rule *r) {
    bool prompt = false, back = false;
    if (!slice_is(a->row.useful, "acted")) return false;
    for (unsigned i = 0; i < a->n_labels; i++) prompt |= slice_is(a->labels[i].name, signal_by_name(SIGNAL_BY_PROMPT));
    for (unsigned i = 0; i < r->n_actions; i++) back |= r->actions[i].kind == INTERVENTION_ROLL_BACK || r->actions[i].kind == INTERVENTION_ABORT;
    return prompt && back;
}

void watching_step(struct tick *t, struct alert *a, const struct alert_rule *r, enum alert_observed seen, const struct observation *o, struct slice why) {
    struct alert_life life = life_of(a);
    enum alert_state was = life.state;
    bool quiet = was == ALERT_INACTIVE || was == ALERT_RESOLVED;
    a->visited = t->w->tick;
    if (!quiet && seen == OBSERVED_NOTHING && taken_back(a, r)) {
        seen = OBSERVED_NOT;
        if (slice_is_null(why)) why = SLICE("nothing of this version any more, since it was taken back");
    }
    if (quiet && seen == OBSERVED_NOTHING && r->no_data == NO_DATA_STATE) return; /* nothing is known of what was well: no news */
    if (quiet && seen != OBSERVED_BEYOND && life.changes == 0) return;
    enum alert_told told = alert_step(r, &life, seen, t->now_us);
    live_on(a, &life);
    if (life.state == was) {
        refresh(t, a, r, o);
        return;
    }
    watching_dirty(a);
    a->row.severity = (int)r->severity;
    if (o != NULL) {
        observe(t, a, r, o);
        a->row.labels = watching_labels(t, r, o);
        read_labels(a, t->arena, a->row.labels);
        if (o->finding != NULL) a->row.application = arena_slice(t->arena, o->finding->application);
        else a->row.application = o->series->by & SIGNAL_BY_BIT(APPLICATION)  ? arena_slice(t->arena, o->series->is[SIGNAL_BY_APPLICATION])
                                  : r->when.where.by & SIGNAL_BY_BIT(APPLICATION) ? r->when.where.is[SIGNAL_BY_APPLICATION]
                                                                                : SLICE_NULL;
    }
    if (told == TELL_FIRING) begins(a);
    if (told == TELL_FLAPPING && a->row.escalation_due_us == 0 && a->row.acknowledged_us == 0) a->row.escalation = SLICE_NULL; /* what was over is called for again */
    state_to(t, a, was, why);
    owe(t, a, told);
}

/* What fires and was not seen: its finding is gone, its series is silent, or its rule is no more. */
static void step_unseen(struct tick *t, struct alert *a) {
    struct alert_life life = life_of(a);
    if (a->visited == t->w->tick || a->row.state == ALERT_INACTIVE || a->row.state == ALERT_RESOLVED) return;
    if (a->rule != NULL) {
        bool finding = a->rule->when.test == ALERT_FINDING;
        watching_step(t, a, a->rule, finding ? OBSERVED_NOT : OBSERVED_NOTHING, NULL, finding ? SLICE("the finding is not open any more") : SLICE_NULL);
        return;
    }
    bool fires = alert_fires(&life);
    enum alert_state was = a->row.state;
    a->row.state = fires ? ALERT_RESOLVED : ALERT_INACTIVE;
    a->row.before = ALERT_INACTIVE;
    a->row.since_us = t->now_us;
    a->row.beyond_us = a->row.well_us = 0;
    watching_dirty(a);
    state_to(t, a, was, SLICE("the rule is not in the configuration any more"));
    if (fires) owe(t, a, TELL_RESOLVED);
}

struct intervention_spec watching_action(struct arena *arena, const struct alert *a, unsigned i) {
    struct signal_series series = {.by = 0};
    struct alert labelled = {.n_labels = 0};
    struct intervention_spec spec = a->rule->actions[i];
    read_labels(&labelled, arena, a->row.labels);
    for (unsigned l = 0; l < labelled.n_labels; l++) {
        enum signal_by by;
        if (!signal_by_from(labelled.labels[l].name, &by)) continue;
        series.by |= 1u << by;
        series.is[by] = arena_slice(arena, labelled.labels[l].value);
    }
    intervention_fill(&spec, &series);
    return spec;
}

static void want_actions(struct tick *t, struct alert *a, unsigned *room) {
    const struct alert_rule *r = a->rule;
    if (r == NULL || a->acted || r->n_actions == 0 || a->row.state != ALERT_FIRING) return;
    for (unsigned i = 0; i < r->n_actions; i++) {
        if (!watching_room(t, (void **)&t->ret->actions, t->ret->n_actions, room, sizeof *t->ret->actions)) return;
        struct wanted_action *wanted = &t->ret->actions[t->ret->n_actions++];
        *wanted = (struct wanted_action){.rule = r, .alert = a->row.number, .firing = a->row.fired_us, .fired_us = t->s->now_us - (t->now_us - a->row.fired_us), .spec = watching_action(t->arena, a, i),
                                         .evidence = arena_slice(t->arena, a->row.evidence)};
    }
}

static void find_rules(struct tick *t) {
    struct table by_name;
    table_init(&by_name);
    for (unsigned i = 0; i < t->s->policy->n_rules; i++) table_put(&by_name, t->s->policy->rules[i].name, &t->s->policy->rules[i]);
    for (unsigned i = 0; i < t->w->n; i++) t->w->all[i]->rule = table_get(&by_name, t->w->all[i]->row.rule);
    table_deinit(&by_name);
}

/* Rows, transitions, notices: what is to be committed. */
static bool compose(struct tick *t) {
    struct watching *w = t->w;
    unsigned n = 0;
    struct table at;
    for (unsigned i = 0; i < w->n; i++) n += w->all[i]->dirty;
    struct alert_row *rows = arena_new_array(t->arena, struct alert_row, n + 1);
    if (n > w->written_room) w->written = mem_resize(w->written, (w->written_room = n) * sizeof *w->written);
    if (rows == NULL) return false;
    table_init(&at);
    w->n_written = 0;
    for (unsigned i = 0; i < w->n; i++) {
        struct alert *a = w->all[i];
        if (!a->dirty) continue;
        rows[w->n_written] = a->row;
        w->written[w->n_written++] = a;
        table_put(&at, slice_make((const char *)&a->row.number, sizeof a->row.number), (void *)(intptr_t)w->n_written);
    }
    for (unsigned i = 0; i < t->n_transitions; i++) {
        int64_t number = t->transitions[i].alert;
        t->transitions[i].alert = (intptr_t)table_get(&at, slice_make((const char *)&number, sizeof number)) - 1;
    }
    table_deinit(&at);
    t->ret->look = (struct alerts_look){.rows = rows, .n_rows = n, .transitions = t->transitions, .n_transitions = t->n_transitions,
                                        .notices = t->notices, .n_notices = t->n_notices, .now_us = t->s->now_us, .memory = SLICE_NULL};
    return true;
}

enum fault watching_tick(struct watching *w, const struct watching_sources *s, struct arena *arena, struct watching_result *ret,
                         struct error *error) {
    struct tick t = {.w = w, .s = s, .arena = arena, .ret = ret, .now_us = s->clock_us};
    unsigned room = 0;
    *ret = (struct watching_result){.rules = s->policy->n_rules};
    if (!w->loaded) return error_set(error, FAULT_CONFLICT, "what is kept of alerts was not read");
    w->tick++;
    find_rules(&t);
    if (s->complete) {
        watching_hold(&t);
        for (unsigned i = 0; i < w->n; i++) step_unseen(&t, w->all[i]);
    }
    watching_mute(&t);
    watching_tell(&t);
    for (unsigned i = 0; i < w->n; i++) {
        struct alert_life life = life_of(w->all[i]);
        want_actions(&t, w->all[i], &room);
        ret->firing += alert_fires(&life);
        ret->states[w->all[i]->row.state][w->all[i]->row.severity]++;
    }
    ret->seen = w->seen;
    if (!compose(&t) || arena_is_full(arena)) {
        w->loaded = false; /* what was thought of is forgotten */
        return error_set(error, FAULT_TOO_LARGE, "no room for a look of %u alerts", w->n);
    }
    return FAULT_NONE;
}

void watching_kept(struct watching *w, const struct watching_result *r, const int64_t *numbers) {
    for (unsigned i = 0; i < w->n_written; i++) {
        if (numbers[i] == 0) w->loaded = false; /* the store had no room: read again */
        settle(w->written[i], &r->look.rows[i]);
    }
    w->n_written = 0;
    if (w->crowded) w->loaded = false; /* the store dropped quiet ones: read again */
    w->crowded = false;
}

void watching_acted(struct watching *w, int64_t alert, bool useful) {
    for (unsigned i = 0; i < w->n; i++)
        if (w->all[i]->row.number == alert) {
            w->all[i]->acted = true;
            if (useful && slice_is_null(w->all[i]->row.useful)) {
                w->all[i]->row.useful = SLICE("acted");
                w->all[i]->dirty = true;
            }
        }
}
