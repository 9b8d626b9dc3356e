/* script.h - a simulator script: how models behave and what goes wrong when. docs/simulator.md is its
 * language. A script does not change once read and is shared by reference count. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "sim/act.h"
#include "sim/profile.h"

struct script_header {
    struct slice name, pattern; /* lower-case name */
};

struct script_rule {
    struct slice name;              /* for the statistics; SLICE_NULL: none */
    struct slice model, path;   /* patterns; SLICE_NULL: any, here and below */
    struct slice user, system;  /* a text that the question, that the system's texts contain */
    struct script_header headers[4];
    unsigned n_headers;
    int stream, json;             /* 1, 0; -1: either */
    uint64_t min_tokens;          /* of the input */
    int64_t hour_from_s, hour_to_s; /* of the day, UTC; over midnight when the first is the larger; equal: any */
    unsigned weekdays;              /* bits, Monday is 1; 0: any */
    uint64_t nth_from, nth_to;    /* of the requests that match the above; 1-based */
    uint64_t every;               /* each N-th of them; 0: not said */
    double probability;           /* 1: not said */
    int64_t from_us, to_us;       /* since the script was loaded */
    bool stop;                    /* later rules are not looked at */
    const struct yaml_node *todo; /* checked `do:` */
};

/* What the vendor's status page says from one time to another. */
struct script_incident {
    struct slice name, impact;
    int64_t from_us, to_us;
};

struct script;

/* NULL on a mistake; *error then reads "NAME:LINE:COLUMN: what was expected". */
struct script *script_new(struct slice text, const char *name, struct error *error) MUST_CHECK;
struct script *script_hold(struct script *s); /* NULL is a script without rules, here and below */
void script_free(struct script *s);

unsigned script_rules(const struct script *s);
const struct script_rule *script_rule(const struct script *s, unsigned i);
unsigned script_incidents(const struct script *s);
const struct script_incident *script_incident(const struct script *s, unsigned i);
unsigned script_profiles(const struct script *s);
/* The first profile whose pattern matches; the defaults without one. */
void script_profile(const struct script *s, struct slice model, struct profile *ret);
/* A key that requests must bring is among `keys:`, or none is asked for. */
bool script_takes_key(const struct script *s, struct slice key);

/* One request against a rule's `match:` (but for nth). */
struct script_request {
    struct slice path, model, question;
    bool stream;
    void *ctx;
    struct slice (*header)(void *ctx, const char *name);
    struct slice system;
    uint64_t input_tokens;
    bool json;       /* JSON is wanted */
    int64_t wall_us; /* now */
};
bool script_matches(const struct script_rule *rule, const struct script_request *r);

#endif
