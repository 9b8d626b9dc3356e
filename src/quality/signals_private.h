/* signals_private.h - what the files of signals share. */
#ifndef QUALITY_SIGNALS_PRIVATE_H
#define QUALITY_SIGNALS_PRIVATE_H

#include "base/arena.h"
#include "base/table.h"
#include "quality/retry_storms.h"
#include "quality/signal_rings.h"

#define SIGNAL_DIMENSIONS (SIGNAL_BY_TEAM + 1) /* of exchanges; those behind are of readings alone */
#define LIMIT_SIGNAL_LABELS 500                /* names of one dimension that are told apart at a time */
#define SIGNAL_OTHER SLICE("(other)")

struct signal_label {
    struct slice text;
    unsigned uses;
};

/* Some of the newest exchanges that were hits of something, or of the worst of late. */
enum signal_example {
    EXAMPLE_LATEST,
    EXAMPLE_ERROR,
    EXAMPLE_LIMITED,   /* attempts; of exchanges: refused by us */
    EXAMPLE_TIMEOUT,
    EXAMPLE_TRUNCATED,
    EXAMPLE_DECLINED,
    EXAMPLE_SLOW,      /* among its like */
    EXAMPLE_AGAIN,
    EXAMPLE_GAVE_UP,
    EXAMPLE_LONGEST,   /* from here on the worst: whole, first output, per token, output tokens, cost; of scores the lowest */
    EXAMPLE_FIRST,
    EXAMPLE_TOKEN,
    EXAMPLE_OUTPUT,
    EXAMPLE_COST,
    SIGNAL_EXAMPLES
};
#define EXAMPLES_KEPT 4
struct signal_examples {
    struct record_id id[EXAMPLES_KEPT];
    int64_t at_us[EXAMPLES_KEPT]; /* 0: none */
    double worse[EXAMPLES_KEPT];
};

/* All that is summed together: one combination of all dimensions. */
struct signal_base {
    enum signal_family family;
    struct slice is[SIGNAL_BYS]; /* NUL-terminated labels; SLICE_NULL: the family has no such dimension */
    struct slice of;             /* of a score or a reading: what it is */
    struct slice key;
    double slow_s;               /* of exchanges: what is slow among their like; NAN: not known */
    double busy;                 /* how much was booked, of late */
    double reading;
    int64_t read_us;
    struct rings rings;
    struct signal_examples *examples[SIGNAL_EXAMPLES];
};

/* The series of one view: those of the base that look alike to it. */
struct signal_seen {
    struct signal_series series;
    struct slice of, key;
    struct signal_base **members;
    unsigned n, capacity, at;    /* at: which row of `values` */
    int64_t last_us;             /* newest of its members, whenever */
};
struct signal_looked {           /* one family through a view */
    struct table by_key;
    struct signal_seen **seen;
    unsigned n, capacity;
    enum signal wanted[SIGNALS]; /* which values have been asked for */
    unsigned n_wanted;
    struct signal_value *values; /* [series][wanted] */
    uint64_t generation;         /* at which they were summed */
};
struct signal_view {
    struct signals *signals;
    unsigned by;
    struct signal_series where;
    int64_t window_us;
    struct slice key;
    struct signal_looked looked[FAMILIES];
};

struct signals {
    struct table series;         /* key -> struct signal_base */
    struct table labels[SIGNAL_BYS];
    struct table views;
    struct table slow;           /* application, request type, context -> double */
    struct retry_storms *storms;
    struct signal_total *work;
    struct signal_sums late;
    struct buffer key, of;
    struct arena scratch;
    uint64_t generation;         /* counts changes */
    int64_t at_us, newest_us, swept_us;
    size_t most_bytes;           /* LIMIT_SIGNAL_BYTES */
    bool crowded;                /* near it: no new words of clients are told apart */
    struct signals_stats stats;
};

/* Where something of these dimensions is booked; the sums to add to, and then the end of it. `said`: SLICE_NULL where the family has none. */
struct signal_base *signals_base(struct signals *s, enum signal_family f, const struct slice said[SIGNAL_BYS], struct slice of);
struct signal_sums *signals_begin(struct signals *s, struct signal_base *b, int64_t at_us);
void signals_end(struct signals *s, struct signal_base *b, int64_t at_us, const struct signal_sums *sums);
#define SIGNAL_PROMPT_ROOM (2 * LIMIT_LABEL + 2)
struct slice signal_prompt(struct slice name, struct slice version, char room[SIGNAL_PROMPT_ROOM]); /* "name@version", as rollups have it; "" */
void signal_name_exchange(const struct record *r, char room[SIGNAL_PROMPT_ROOM], struct slice is[SIGNAL_BYS]);
void signal_name_attempt(const struct record *r, unsigned attempt, struct slice is[SIGNAL_BYS]); /* what differs from the exchange's */

/* A minute's rollup, as far as it goes: under the names that it has. */
struct rollup;
void signals_rollup(struct signals *s, const struct rollup *r);

void signal_example(struct signal_base *b, enum signal_example kind, const struct record_id *id, double worse, int64_t at_us);
void signal_examples_exchange(struct signal_base *b, const struct record *r, const struct signal_marks *m, int64_t at_us);
void signal_examples_attempt(struct signal_base *b, const struct record *r, unsigned attempt, int64_t at_us);
enum signal_example signal_example_of(enum signal which);

/* Beyond what may be taken, those of the least traffic become one with "(other)". False: nothing had to. */
bool signals_fold(struct signals *s);
struct slice signals_label(struct signals *s, unsigned by, struct slice text); /* as it is told apart */
void signals_drop(struct signals *s, struct signal_base *b);
size_t signal_base_bytes(const struct signal_base *b);
/* Dimensions whose names are the clients' words. */
#define CLIENTS_WORDS (SIGNAL_BY_BIT(REQUEST_TYPE) | SIGNAL_BY_BIT(PROMPT) | SIGNAL_BY_BIT(CONTEXT) | SIGNAL_BY_BIT(FEATURE) | SIGNAL_BY_BIT(TEAM))
/* What a score is of, where names without end are not told apart any more: signals' own kinds are. */
struct slice signals_of_bounded(enum signal_family f, struct slice of);

int64_t signals_now(const struct signals *s); /* until which all has come */
void signal_views_add(struct signals *s, struct signal_base *b); /* it appeared */
void signal_views_reset(struct signals *s);                      /* some disappeared: all are made anew */
void signal_view_free(struct signal_view *v);
/* The text by which scores and readings are found: "" for exchanges and attempts. `room` holds it. */
struct slice signal_of_key(enum signal which, struct slice of, struct buffer *room);
void signal_key_put(struct buffer *key, struct slice text);

#endif
