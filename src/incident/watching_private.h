/* watching_private.h - what the files of the watch share. Private to incident/. */
#ifndef INCIDENT_WATCHING_PRIVATE_H
#define INCIDENT_WATCHING_PRIVATE_H

#include "base/arena.h"
#include "base/table.h"
#include "incident/watching.h"

#include <stdatomic.h>

struct alert {                   /* one row, and what is known of it in memory alone */
    struct alert_row row;        /* texts in `block`, or in the arena of the tick while `dirty` */
    char *block;
    int64_t period_us, refreshed_us;
    uint64_t visited;            /* tick */
    bool dirty, acted;
    const struct alert_rule *rule; /* of this tick; NULL: there is none any more */
    struct alert_label *labels;  /* of row.labels; in `block` */
    unsigned n_labels;
};

struct watching {
    struct alert **all;
    unsigned n, room;
    struct table by_key;         /* rule, 0, series -> struct alert */
    struct table per_rule;       /* rule -> count, as a pointer */
    int64_t next_number;
    uint64_t tick;
    atomic_bool changed;
    bool loaded, crowded;        /* crowded: more than rows may be, as the store drops quiet ones */
    struct rule_seen *seen;
    unsigned n_seen, seen_room;
    struct buffer text;
    struct alert **written;      /* of the look */
    unsigned n_written, written_room;
};

struct tick {
    struct watching *w;
    const struct watching_sources *s;
    struct arena *arena;
    struct watching_result *ret;
    struct alert_transition *transitions;
    unsigned n_transitions, transition_room;
    struct notice *notices;
    unsigned n_notices, notice_room;
    int64_t now_us;              /* the alert clock */
    unsigned spare;              /* quiet rows that may make room */
    bool spare_known;
};

/* An alert that is new is made; NULL: no room. */
struct alert *watching_find(struct watching *w, struct slice rule, struct slice series);
struct alert *watching_add(struct tick *t, const struct alert_rule *rule, struct slice series);
void watching_dirty(struct alert *a);
bool watching_room(struct tick *t, void **at, unsigned n, unsigned *room, size_t size); /* for one more; false: the arena is full */

/* watching_hold.c: rules against signals and findings. */
void watching_hold(struct tick *t);
/* watching_words.c */
struct observation {
    const struct signal_value *value; /* NULL: of a finding */
    double threshold, clear;
    int64_t threshold_number;
    struct signal_view *view;
    const struct signal_series *series;
    const struct finding *finding;
    const struct anomaly_look *anomaly;
};
struct slice watching_evidence(struct tick *t, const struct alert_rule *r, const struct observation *o);
struct slice watching_summary(struct tick *t, const struct alert_rule *r, const struct observation *o);
struct slice watching_labels(struct tick *t, const struct alert_rule *r, const struct observation *o);
/* The alert takes its next state; true where it fires. */
void watching_step(struct tick *t, struct alert *a, const struct alert_rule *r, enum alert_observed seen, const struct observation *o, struct slice why);
/* watching_mute.c: silences and inhibitions. */
void watching_mute(struct tick *t);
/* watching_tell.c: who is told what, now. */
void watching_tell(struct tick *t);
struct alert_identity watching_identity(const struct alert *a);
/* The i-th action of the alert's rule; what it leaves open comes from the labels of what fires. */
struct intervention_spec watching_action(struct arena *arena, const struct alert *a, unsigned i);

#endif
