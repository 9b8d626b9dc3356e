#include "sim/script.h"
#include "base/date.h"
#include "base/mem.h"

#include <math.h>
#include <stdatomic.h>

struct script {
    atomic_uint holders;
    struct arena arena;
    struct script_rule rules[SIM_RULES];
    unsigned n_rules;
    struct profile profiles[SIM_PROFILES];
    unsigned n_profiles;
    struct script_incident incidents[SIM_INCIDENTS];
    unsigned n_incidents;
    const struct yaml_node *keys; /* list; NULL: any or none */
};

struct reading {
    struct script *script;
    const struct yaml_node *at; /* to blame */
    struct error *error;
};

static enum fault expected(struct reading *r, const struct yaml_node *n, const char *what) {
    r->at = n;
    if (n->type == YAML_SCALAR)
        return error_set(r->error, FAULT_CONFIG, "expected %s, found \"" SLICE_FMT "\"", what,
                         SLICE_ARG(n->text));
    return error_set(r->error, FAULT_CONFIG, "expected %s, found a %s", what,
                     n->type == YAML_MAP ? "map" : "list");
}

static enum fault unknown(struct reading *r, const struct yaml_node *n, const char *const *names,
                          unsigned n_names) {
    const char *near = act_nearest(n->key, names, n_names);
    r->at = n;
    return error_set(r->error, FAULT_CONFIG, "unknown key \"" SLICE_FMT "\"%s%s%s", SLICE_ARG(n->key),
                     near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The number of a key in a list of names, or n_names. */
static unsigned key_of(const struct yaml_node *n, const char *const *names, unsigned n_names) {
    unsigned i = 0;
    while (i < n_names && !slice_is(n->key, names[i])) i++;
    return i;
}

/* ---- values ---- */

static enum fault read_text(struct reading *r, const struct yaml_node *n, struct slice *ret) {
    if (n->type != YAML_SCALAR) return expected(r, n, "text");
    *ret = n->text;
    return FAULT_NONE;
}

static enum fault read_duration(struct reading *r, const struct yaml_node *n, int64_t *ret) {
    if (n->type != YAML_SCALAR || !act_duration(n->text, ret))
        return expected(r, n, "a duration such as 350ms or 2s");
    return FAULT_NONE;
}

static enum fault read_number(struct reading *r, const struct yaml_node *n, double most, double *ret) {
    double x;
    if (n->type != YAML_SCALAR || !slice_to_double(n->text, &x) || !(x >= 0) || x > most)
        return expected(r, n, most == 1 ? "a number from 0 to 1" : "a number of at least 0");
    *ret = x;
    return FAULT_NONE;
}

/* "3", "2..5", "4.." */
static enum fault read_nth(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    struct slice head, tail;
    bool good = n->type == YAML_SCALAR;
    if (good && slice_cut(n->text, '.', &head, &tail)) {
        good = slice_to_u64(head, &rule->nth_from) && tail.len > 0 && tail.at[0] == '.';
        tail = good ? slice_make(tail.at + 1, tail.len - 1) : tail;
        rule->nth_to = UINT64_MAX;
        good = good && (tail.len == 0 || slice_to_u64(tail, &rule->nth_to));
    } else {
        good = good && slice_to_u64(n->text, &rule->nth_from);
        rule->nth_to = rule->nth_from;
    }
    if (!good || rule->nth_from == 0 || rule->nth_to < rule->nth_from)
        return expected(r, n, "a number from 1, or a range such as 2..5 or 4..");
    return FAULT_NONE;
}

static enum fault read_flag(struct reading *r, const struct yaml_node *n, bool *ret) {
    bool yes = n->type == YAML_SCALAR && slice_is(n->text, "true");
    if (!yes && !(n->type == YAML_SCALAR && slice_is(n->text, "false")))
        return expected(r, n, "true or false");
    *ret = yes;
    return FAULT_NONE;
}

/* "09:00" in seconds of the day. */
static bool hour_of(struct slice text, int64_t *ret_s) {
    struct slice hour, minute;
    uint64_t h, m;
    if (!slice_cut(text, ':', &hour, &minute) || minute.len != 2) return false;
    if (!slice_to_u64(hour, &h) || !slice_to_u64(minute, &m) || h > 24 || m > 59 || (h == 24 && m > 0)) return false;
    *ret_s = (int64_t)(h * 3600 + m * 60);
    return true;
}

static enum fault read_hours(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    struct slice from, to;
    if (n->type == YAML_SCALAR && slice_cut(n->text, '-', &from, &to) && hour_of(from, &rule->hour_from_s) &&
        hour_of(to, &rule->hour_to_s))
        return FAULT_NONE;
    return expected(r, n, "hours such as 09:00-11:00, or over midnight 22:00-06:00");
}

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* "sat", or "mon-fri" */
static enum fault read_weekdays(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    struct slice first, last;
    unsigned from = 7, to = 7;
    if (n->type != YAML_SCALAR || !slice_cut(n->text, '-', &first, &last)) first = last = n->text;
    for (unsigned i = 0; n->type == YAML_SCALAR && i < 7; i++) {
        if (slice_is(first, days[i])) from = i;
        if (slice_is(last, days[i])) to = i;
    }
    if (from > to || to == 7) return expected(r, n, "a day such as sat, or days such as mon-fri");
    for (unsigned i = from; i <= to; i++) rule->weekdays |= 1u << i;
    return FAULT_NONE;
}

/* ---- rules ---- */

static enum fault read_header_match(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    struct slice name = slice_make(n->key.at + 7, n->key.len - 7);
    if (rule->n_headers == sizeof rule->headers / sizeof rule->headers[0])
        return expected(r, n, "at most 4 headers");
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] >= 'A' && name.at[i] <= 'Z') return expected(r, n, "a lower-case header name");
    struct script_header *h = &rule->headers[rule->n_headers++];
    h->name = name;
    return read_text(r, n, &h->pattern);
}

static enum fault read_match(struct reading *r, const struct yaml_node *map, struct script_rule *rule) {
    static const char *const names[] = {"model", "path", "user_contains", "nth", "stream", "system_contains", "min_tokens", "json", "header.NAME"};
    enum { N = sizeof names / sizeof names[0] };
    if (map->type != YAML_MAP) return expected(r, map, "a map");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        enum fault f = FAULT_NONE;
        bool stream = false, json = false;
        switch (slice_starts(n->key, SLICE("header.")) ? N - 1 : key_of(n, names, N - 1)) {
        case 0: f = read_text(r, n, &rule->model); break;
        case 1: f = read_text(r, n, &rule->path); break;
        case 2: f = read_text(r, n, &rule->user); break;
        case 3: f = read_nth(r, n, rule); break;
        case 4:
            f = read_flag(r, n, &stream);
            if (f == FAULT_NONE) rule->stream = stream;
            break;
        case 5: f = read_text(r, n, &rule->system); break;
        case 6:
            if (n->type != YAML_SCALAR || !slice_to_u64(n->text, &rule->min_tokens)) f = expected(r, n, "a number of tokens");
            break;
        case 7:
            f = read_flag(r, n, &json);
            if (f == FAULT_NONE) rule->json = json;
            break;
        default:
            f = slice_starts(n->key, SLICE("header.")) ? read_header_match(r, n, rule)
                                                       : unknown(r, n, names, N);
            break;
        }
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

static enum fault read_todo(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    struct act scratch;
    act_init(&scratch);
    rule->todo = n;
    return act_read(n, &scratch, &r->at, r->error);
}

static enum fault read_rule_key(struct reading *r, const struct yaml_node *n, struct script_rule *rule) {
    static const char *const names[] = {"name",        "match", "from", "to", "every",
                                        "probability", "nth",   "stop", "do",
                                        "hours",       "weekdays"};
    enum { N = sizeof names / sizeof names[0] };
    switch (key_of(n, names, N)) {
    case 0: return read_text(r, n, &rule->name);
    case 1: return read_match(r, n, rule);
    case 2: return read_duration(r, n, &rule->from_us);
    case 3: return read_duration(r, n, &rule->to_us);
    case 4:
        if (n->type != YAML_SCALAR || !slice_to_u64(n->text, &rule->every) || rule->every == 0)
            return expected(r, n, "a whole number from 1");
        return FAULT_NONE;
    case 5: return read_number(r, n, 1, &rule->probability);
    case 6: return read_nth(r, n, rule);
    case 7: return read_flag(r, n, &rule->stop);
    case 8: return read_todo(r, n, rule);
    case 9: return read_hours(r, n, rule);
    case 10: return read_weekdays(r, n, rule);
    default: return unknown(r, n, names, N);
    }
}

static enum fault read_rules(struct reading *r, const struct yaml_node *list) {
    if (list->type != YAML_LIST) return expected(r, list, "a list of rules");
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (r->script->n_rules == SIM_RULES) return expected(r, n, "at most 256 rules");
        struct script_rule *rule = &r->script->rules[r->script->n_rules++];
        *rule = (struct script_rule){
            .stream = -1, .json = -1, .nth_from = 1, .nth_to = UINT64_MAX, .probability = 1, .to_us = INT64_MAX};
        if (n->type != YAML_MAP) return expected(r, n, "a rule: a map with match and do");
        for (const struct yaml_node *key = n->first; key != NULL; key = key->next) {
            enum fault f = read_rule_key(r, key, rule);
            if (f != FAULT_NONE) return f;
        }
        if (rule->todo == NULL) return expected(r, n, "a rule with `do`");
    }
    return FAULT_NONE;
}

/* ---- models ---- */

static enum fault read_spread(struct reading *r, const struct yaml_node *map, bool is_time,
                              struct spread *s) {
    static const char *const names[] = {"median", "sigma"};
    if (map->type != YAML_MAP) return expected(r, map, "a map of median and sigma");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        enum fault f;
        int64_t us = 0;
        switch (key_of(n, names, 2)) {
        case 0:
            f = is_time ? read_duration(r, n, &us) : read_number(r, n, SIM_TOKENS, &s->median);
            if (f == FAULT_NONE && is_time) s->median = (double)us;
            break;
        case 1: f = read_number(r, n, 5, &s->sigma); break;
        default: f = unknown(r, n, names, 2); break;
        }
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

static enum fault read_profile_key(struct reading *r, const struct yaml_node *n, struct profile *p) {
    static const char *const names[] = {"version",   "fingerprint", "first_token",
                                        "per_token", "output",      "context"};
    enum { N = sizeof names / sizeof names[0] };
    switch (key_of(n, names, N)) {
    case 0: return read_text(r, n, &p->version);
    case 1: return read_text(r, n, &p->fingerprint);
    case 2: return read_spread(r, n, true, &p->first_token);
    case 3: return read_spread(r, n, true, &p->per_token);
    case 4: return read_spread(r, n, false, &p->output);
    case 5:
        if (n->type != YAML_SCALAR || !slice_to_i64(n->text, &p->context) || p->context < 0)
            return expected(r, n, "a number of tokens");
        return FAULT_NONE;
    default: return unknown(r, n, names, N);
    }
}

static enum fault read_profiles(struct reading *r, const struct yaml_node *map) {
    if (map->type != YAML_MAP) return expected(r, map, "a map of model names");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        if (r->script->n_profiles == SIM_PROFILES) return expected(r, n, "at most 256 models");
        struct profile *p = &r->script->profiles[r->script->n_profiles++];
        profile_init(p);
        p->pattern = n->key;
        if (n->type != YAML_MAP) return expected(r, n, "a map of version, first_token, ...");
        for (const struct yaml_node *key = n->first; key != NULL; key = key->next) {
            enum fault f = read_profile_key(r, key, p);
            if (f != FAULT_NONE) return f;
        }
    }
    return FAULT_NONE;
}

static enum fault read_keys(struct reading *r, const struct yaml_node *list) {
    if (list->type != YAML_LIST) return expected(r, list, "a list of keys");
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
        if (n->type != YAML_SCALAR) return expected(r, n, "a key");
    r->script->keys = list;
    return FAULT_NONE;
}

/* ---- the status page ---- */

static enum fault read_incident(struct reading *r, const struct yaml_node *map, struct script_incident *incident) {
    static const char *const names[] = {"name", "impact", "from", "to"};
    if (map->type != YAML_MAP) return expected(r, map, "a map of name, impact, from, to");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        enum fault f;
        switch (key_of(n, names, 4)) {
        case 0: f = read_text(r, n, &incident->name); break;
        case 1:
            f = read_text(r, n, &incident->impact);
            if (f == FAULT_NONE && !slice_is(n->text, "minor") && !slice_is(n->text, "major") && !slice_is(n->text, "critical"))
                f = expected(r, n, "minor, major or critical");
            break;
        case 2: f = read_duration(r, n, &incident->from_us); break;
        case 3: f = read_duration(r, n, &incident->to_us); break;
        default: f = unknown(r, n, names, 4); break;
        }
        if (f != FAULT_NONE) return f;
    }
    return slice_is_null(incident->name) ? expected(r, map, "a map with a name") : FAULT_NONE;
}

static enum fault read_incidents(struct reading *r, const struct yaml_node *list) {
    if (list->type != YAML_LIST) return expected(r, list, "a list of incidents");
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (r->script->n_incidents == SIM_INCIDENTS) return expected(r, n, "at most 32 incidents");
        struct script_incident *incident = &r->script->incidents[r->script->n_incidents++];
        *incident = (struct script_incident){.impact = SLICE("major"), .to_us = INT64_MAX};
        enum fault f = read_incident(r, n, incident);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

/* ---- the whole ---- */

static enum fault read_script(struct reading *r, const struct yaml_node *root) {
    static const char *const names[] = {"models", "rules", "keys", "status_page"};
    if (root == NULL) return FAULT_NONE;
    if (root->type != YAML_MAP) return expected(r, root, "a map of models, rules, keys, status_page");
    for (const struct yaml_node *n = root->first; n != NULL; n = n->next) {
        enum fault f;
        switch (key_of(n, names, 4)) {
        case 0: f = read_profiles(r, n); break;
        case 1: f = read_rules(r, n); break;
        case 2: f = read_keys(r, n); break;
        case 3: f = read_incidents(r, n); break;
        default: f = unknown(r, n, names, 4); break;
        }
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

struct script *script_new(struct slice text, const char *name, struct error *error) {
    struct script *s = mem_new(struct script);
    struct error inner = {0};
    struct reading r = {s, NULL, &inner};
    struct yaml_node *root = NULL;
    int yaml_line = 0;
    s->holders = 1;
    arena_init(&s->arena, 16384, SIM_SCRIPT_ARENA);
    enum fault f = text.len > SIM_SCRIPT ? error_set(&inner, FAULT_TOO_LARGE, "a script has at most 1 MiB")
                                         : yaml_read(text, &s->arena, &root, &yaml_line, &inner);
    if (f == FAULT_NONE) f = read_script(&r, root);
    if (f == FAULT_NONE) return s;
    if (r.at == NULL) { /* the YAML reader's words name the line */
        error_set(error, FAULT_CONFIG, "%s: %s", name, inner.text);
    } else {
        bool keyed = r.at->key_line > 0;
        error_set(error, FAULT_CONFIG, "%s:%d:%d: %s", name, keyed ? r.at->key_line : r.at->line,
                  keyed ? r.at->key_column : r.at->column, inner.text);
    }
    script_free(s);
    return NULL;
}

struct script *script_hold(struct script *s) {
    if (s != NULL) atomic_fetch_add(&s->holders, 1);
    return s;
}

void script_free(struct script *s) {
    if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1) return;
    arena_deinit(&s->arena);
    mem_free(s);
}

unsigned script_rules(const struct script *s) {
    return s == NULL ? 0 : s->n_rules;
}
const struct script_rule *script_rule(const struct script *s, unsigned i) {
    return &s->rules[i];
}
unsigned script_incidents(const struct script *s) {
    return s == NULL ? 0 : s->n_incidents;
}
const struct script_incident *script_incident(const struct script *s, unsigned i) {
    return &s->incidents[i];
}
unsigned script_profiles(const struct script *s) {
    return s == NULL ? 0 : s->n_profiles;
}

void script_profile(const struct script *s, struct slice model, struct profile *ret) {
    for (unsigned i = 0; i < script_profiles(s); i++) {
        if (!profile_matches(s->profiles[i].pattern, model)) continue;
        *ret = s->profiles[i];
        return;
    }
    profile_init(ret);
}

bool script_takes_key(const struct script *s, struct slice key) {
    if (s == NULL || s->keys == NULL) return true;
    for (const struct yaml_node *n = s->keys->first; n != NULL; n = n->next)
        if (slice_eq(n->text, key)) return true;
    return false;
}

/* The hours and days of a rule, by the wall clock. */
static bool in_its_hours(const struct script_rule *rule, int64_t wall_us) {
    enum { DAY = 86400 };
    int64_t wall_s = wall_us / 1000000, of_day = wall_s % DAY, from = rule->hour_from_s, to = rule->hour_to_s;
    unsigned monday_first = (unsigned)(date_weekday(wall_s / DAY) + 6) % 7;
    if (rule->weekdays != 0 && (rule->weekdays >> monday_first & 1) == 0) return false;
    if (from == to) return true;
    return from < to ? of_day >= from && of_day < to : of_day >= from || of_day < to;
}

bool script_matches(const struct script_rule *rule, const struct script_request *r) {
    if (!slice_is_null(rule->model) && !profile_matches(rule->model, r->model)) return false;
    if (!slice_is_null(rule->path) && !profile_matches(rule->path, r->path)) return false;
    if (!slice_is_null(rule->user) && !slice_contains_nocase(r->question, rule->user)) return false;
    if (!slice_is_null(rule->system) && !slice_contains_nocase(r->system, rule->system)) return false;
    if (!in_its_hours(rule, r->wall_us) || r->input_tokens < rule->min_tokens) return false;
    if (rule->json >= 0 && (rule->json == 1) != r->json) return false;
    if (rule->stream >= 0 && (rule->stream == 1) != r->stream) return false;
    for (unsigned i = 0; i < rule->n_headers; i++) {
        char name[64];
        if (rule->headers[i].name.len >= sizeof name) return false;
        memcpy(name, rule->headers[i].name.at, rule->headers[i].name.len);
        name[rule->headers[i].name.len] = '\0';
        struct slice value = r->header(r->ctx, name);
        if (slice_is_null(value) || !profile_matches(rule->headers[i].pattern, value)) return false;
    }
    return true;
}
