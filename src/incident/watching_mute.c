/* Who is muted, and by what. */
#include "incident/cause.h"
#include "incident/watching_private.h"

/* Sources of one inhibition that differ in nothing that counts are one; a storm has few kinds of causes. */
enum { SOURCES = 256 };

struct alert_identity watching_identity(const struct alert *a) {
    return (struct alert_identity){.rule = a->row.rule, .severity = (enum alert_severity)a->row.severity, .labels = a->labels, .n_labels = a->n_labels};
}

static bool fires(const struct alert *a) { return ALERT_ACTIVE >> a->row.state & 1; }
static bool matters(const struct alert *a) { return fires(a) || !slice_is_null(a->row.owed); }

/* ---- silences ---- */

struct quiet { int64_t number; struct silence_matcher *matchers; unsigned n; };

static unsigned read_silences(struct tick *t, struct quiet **ret) {
    unsigned n = 0;
    struct error error;
    struct quiet *all = arena_new_array(t->arena, struct quiet, t->s->n_silences + 1);
    for (unsigned i = 0; all != NULL && i < t->s->n_silences; i++) {
        const struct silence *s = &t->s->silences[i];
        if (s->from_us > t->s->now_us || s->to_us <= t->s->now_us || s->ended_us != 0) continue;
        all[n].number = s->number;
        if (silence_matchers_read(s->matchers, t->arena, &all[n].matchers, &all[n].n, &error) == FAULT_NONE) n++;
    }
    *ret = all;
    return n;
}

static void silence_one(struct alert *a, const struct quiet *all, unsigned n) {
    int64_t by = 0;
    struct alert_identity id = watching_identity(a);
    for (unsigned i = 0; by == 0 && i < n; i++)
        if (silence_matches(all[i].matchers, all[i].n, &id)) by = all[i].number;
    if (by == a->row.silence) return;
    a->row.silence = by;
    watching_dirty(a);
}

/* ---- inhibitions ---- */

struct sources { const struct alert *at[SOURCES]; unsigned n; };

static bool alike(const struct alert_inhibition *i, const struct alert *a, const struct alert *b) {
    if (!slice_eq(a->row.rule, b->row.rule)) return false;
    for (unsigned k = 0; k < SIGNAL_BYS; k++) {
        if (!(i->equal >> k & 1)) continue;
        struct slice name = slice_of(signal_by_name((enum signal_by)k)), of_a = SLICE_NULL, of_b = SLICE_NULL;
        for (unsigned l = 0; l < a->n_labels; l++)
            if (slice_eq(a->labels[l].name, name)) of_a = a->labels[l].value;
        for (unsigned l = 0; l < b->n_labels; l++)
            if (slice_eq(b->labels[l].name, name)) of_b = b->labels[l].value;
        if (!slice_eq(of_a, of_b)) return false;
    }
    return true;
}

static void find_sources(const struct tick *t, const struct alert_inhibition *i, struct sources *ret) {
    struct alert_inhibition only = {.source = i->source, .target = SLICE("*")};
    struct alert_identity anything = {.rule = SLICE("")};
    ret->n = 0;
    for (unsigned k = 0; k < t->w->n && ret->n < SOURCES; k++) {
        const struct alert *a = t->w->all[k];
        unsigned same = 0;
        if (!fires(a) || a->n_labels == 0) continue;
        struct alert_identity id = watching_identity(a);
        if (!inhibits(&only, &id, &anything)) continue;
        for (unsigned j = 0; j < ret->n && same < 2; j++) same += alike(i, a, ret->at[j]);
        if (same < 2) ret->at[ret->n++] = a; /* two, so that neither mutes itself alone */
    }
}

static struct slice inhibited_by(const struct alert *a, const struct alert_inhibition *i, const struct sources *s) {
    struct alert_identity id = watching_identity(a);
    for (unsigned k = 0; k < s->n; k++) {
        struct alert_identity source = watching_identity(s->at[k]);
        if (s->at[k] != a && inhibits(i, &source, &id)) return s->at[k]->row.rule;
    }
    return SLICE_NULL;
}

/* ---- causes ---- */

struct causes { struct { const struct alert *at; enum alert_about about; } is[SOURCES]; unsigned n; };

static enum alert_about about(const struct alert *a) {
    struct alert_identity id = watching_identity(a);
    return a->rule != NULL ? cause_about(a->rule, &id) : ABOUT_ELSE;
}

/* Providers first: where there are more than can be held, the causes of the most stay. */
static void find_causes(const struct tick *t, struct causes *ret) {
    ret->n = 0;
    for (int wanted = ABOUT_PROVIDER; wanted < ABOUT_MONEY; wanted++)
        for (unsigned k = 0; k < t->w->n && ret->n < SOURCES; k++) {
            const struct alert *a = t->w->all[k];
            if (!fires(a) || (int)about(a) != wanted) continue;
            ret->is[ret->n].at = a;
            ret->is[ret->n++].about = (enum alert_about)wanted;
        }
}

static struct slice explained_by(const struct tick *t, const struct alert *a, const struct causes *c) {
    enum alert_about of = about(a);
    struct alert_identity id = watching_identity(a);
    for (unsigned k = 0; k < c->n && c->is[k].about < of && of != ABOUT_ELSE; k++) {
        struct alert_identity cause = watching_identity(c->is[k].at);
        if (cause_explains(t->s->names, c->is[k].about, &cause, of, &id)) return c->is[k].at->row.rule;
    }
    return SLICE_NULL;
}

void watching_mute(struct tick *t) {
    struct quiet *silences;
    unsigned n = read_silences(t, &silences), n_inhibitions = t->s->policy->n_inhibitions;
    struct sources *sources = arena_new_array(t->arena, struct sources, n_inhibitions + 1);
    for (unsigned i = 0; sources != NULL && i < n_inhibitions; i++) find_sources(t, &t->s->policy->inhibitions[i], &sources[i]);
    struct causes *causes = t->s->policy->causes ? arena_new(t->arena, struct causes) : NULL;
    if (causes != NULL) find_causes(t, causes);
    for (unsigned k = 0; k < t->w->n; k++) {
        struct alert *a = t->w->all[k];
        struct slice by = SLICE_NULL;
        if (!matters(a)) continue;
        silence_one(a, silences, n);
        for (unsigned i = 0; sources != NULL && slice_is_null(by) && i < n_inhibitions; i++)
            by = inhibited_by(a, &t->s->policy->inhibitions[i], &sources[i]);
        if (slice_is_null(by) && causes != NULL) by = explained_by(t, a, causes);
        if (slice_is_null(by) == slice_is_null(a->row.muted_by) && slice_eq(by, a->row.muted_by)) continue;
        a->row.muted_by = arena_slice(t->arena, by);
        watching_dirty(a);
    }
    for (unsigned i = 0; i < n; i++) silence_matchers_free(silences[i].matchers, silences[i].n);
}
