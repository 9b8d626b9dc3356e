#include "sim/book.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/table.h"

#include <pthread.h>
#include <stdio.h>

struct counter {
    uint64_t count;
    int64_t first_us;
};

struct book_model {
    uint64_t requests, active, outcomes[BOOK_OUTCOMES], input, output;
};

struct book {
    pthread_mutex_t lock;
    unsigned holders;
    uint64_t seed, serial;
    double speed;
    int64_t started_us, loaded_us;
    struct script *script;
    struct table counters; /* rule, model and key to struct counter */
    struct table models;   /* name to struct book_model */
    struct book_model others;
    struct counter shared;
    uint64_t rules_met[SIM_RULES];
};

struct book *book_new(uint64_t seed, double speed) {
    struct book *b = mem_new(struct book);
    pthread_mutex_init(&b->lock, NULL);
    b->holders = 1;
    b->seed = seed;
    b->speed = speed > 0 ? speed : 1;
    b->started_us = b->loaded_us = clock_us();
    table_init(&b->counters);
    table_init(&b->models);
    return b;
}

struct book *book_hold(struct book *b) {
    pthread_mutex_lock(&b->lock);
    b->holders++;
    pthread_mutex_unlock(&b->lock);
    return b;
}

static void free_values(struct table *t) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    while (table_next(t, &cursor, &key, &value)) mem_free(value);
    table_deinit(t);
}

void book_free(struct book *b) {
    if (b == NULL) return;
    pthread_mutex_lock(&b->lock);
    bool last = --b->holders == 0;
    pthread_mutex_unlock(&b->lock);
    if (!last) return;
    free_values(&b->counters);
    free_values(&b->models);
    script_free(b->script);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

static void restart(struct book *b) {
    free_values(&b->counters);
    table_init(&b->counters);
    b->shared = (struct counter){0};
    b->loaded_us = clock_us();
    memset(b->rules_met, 0, sizeof b->rules_met);
}

void book_load(struct book *b, struct script *s) {
    pthread_mutex_lock(&b->lock);
    script_free(b->script);
    b->script = s;
    restart(b);
    pthread_mutex_unlock(&b->lock);
}

/* Requests under way keep their model's cells, and stay in `active`. */
void book_reset(struct book *b) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    pthread_mutex_lock(&b->lock);
    restart(b);
    while (table_next(&b->models, &cursor, &key, &value)) {
        struct book_model *m = value;
        *m = (struct book_model){.active = m->active};
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- one request ---- */

static int64_t elapsed(struct book *b, int64_t since_us) {
    return (int64_t)((double)(clock_us() - since_us) * b->speed);
}

/* `rule` is its index, or SIM_RULES for the model's name. Names are hashed: a test may use any number. */
static struct counter *counter_of(struct book *b, unsigned rule, struct slice model, struct slice key) {
    struct {
        uint64_t rule, model, key;
    } id = {rule, digest_fast(model, 1), digest_fast(key, 2)};
    struct slice name = slice_make((const char *)&id, sizeof id);
    struct counter *c = table_get(&b->counters, name);
    if (c != NULL) return c;
    if (b->counters.count >= SIM_COUNTERS) return &b->shared;
    c = mem_new(struct counter);
    c->first_us = clock_us();
    table_put(&b->counters, name, c);
    return c;
}

static struct book_model *model_of(struct book *b, struct slice name) {
    struct book_model *m = table_get(&b->models, name);
    if (m != NULL) return m;
    if (b->models.count >= SIM_MODELS || name.len > 256) return &b->others;
    m = mem_new(struct book_model);
    table_put(&b->models, name, m);
    return m;
}

static bool rule_holds(struct book *b, unsigned i, const struct script_rule *rule,
                       const struct book_request *r) {
    int64_t now = elapsed(b, b->loaded_us);
    if (now < rule->from_us || now >= rule->to_us || !script_matches(rule, &r->match)) return false;
    uint64_t nth = ++counter_of(b, i, r->ask->model, r->key)->count;
    if (nth < rule->nth_from || nth > rule->nth_to) return false;
    if (rule->every > 0 && nth % rule->every != 0) return false;
    if (rule->probability >= 1) return true;
    struct dice d = dice_of(b->seed + i, nth);
    return dice_chance(&d, rule->probability);
}

static void apply_rules(struct book *b, const struct book_request *r, struct book_verdict *v) {
    for (unsigned i = 0; i < script_rules(b->script); i++) {
        const struct script_rule *rule = script_rule(b->script, i);
        const struct yaml_node *at;
        if (!rule_holds(b, i, rule, r)) continue;
        b->rules_met[i]++;
        enum fault checked = act_read(rule->todo, &v->act, &at, NULL); /* when the script was read */
        (void)checked;
        if (rule->stop) return;
    }
}

int64_t book_listing(struct book *b, const struct script_request *r, struct slice key) {
    struct ask none = {.model = SLICE("")};
    struct book_request request = {&none, *r, key};
    struct act act;
    act_init(&act);
    pthread_mutex_lock(&b->lock);
    for (unsigned i = 0; i < script_rules(b->script); i++) {
        const struct script_rule *rule = script_rule(b->script, i);
        const struct yaml_node *at;
        if (slice_is_null(rule->path) || !rule_holds(b, i, rule, &request)) continue;
        b->rules_met[i]++;
        enum fault checked = act_read(rule->todo, &act, &at, NULL); /* when the script was read */
        (void)checked;
    }
    pthread_mutex_unlock(&b->lock);
    return act.status;
}

static void write_incident(const struct script_incident *x, unsigned number, int64_t since_us, struct json_writer *w) {
    char id[24], since[CLOCK_TEXT];
    (void)snprintf(id, sizeof id, "incident-%u", number);
    clock_format(since_us, since);
    json_object(w);
    json_member_text(w, "id", id);
    json_member_string(w, "name", x->name);
    json_member_text(w, "status", "investigating");
    json_member_string(w, "impact", x->impact);
    json_member_text(w, "started_at", since);
    json_member_text(w, "updated_at", since);
    json_object_end(w);
}

void book_write_status(struct book *b, struct buffer *out) {
    struct json_writer w;
    struct slice indicator = SLICE("none");
    pthread_mutex_lock(&b->lock);
    int64_t now = elapsed(b, b->loaded_us);
    json_start(&w, out);
    json_object(&w);
    json_key(&w, "incidents");
    json_array(&w);
    for (unsigned i = 0; i < script_incidents(b->script); i++) {
        const struct script_incident *x = script_incident(b->script, i);
        if (now < x->from_us || now >= x->to_us) continue;
        write_incident(x, i + 1, clock_wall_us() - (int64_t)((double)(now - x->from_us) / b->speed), &w);
        indicator = x->impact;
    }
    json_array_end(&w);
    bool well = slice_is(indicator, "none");
    json_key(&w, "status");
    json_object(&w);
    json_member_string(&w, "indicator", indicator);
    json_member_text(&w, "description", well ? "All Systems Operational" : "Partial System Outage");
    json_object_end(&w);
    json_key(&w, "page");
    json_object(&w);
    json_member_text(&w, "name", "A provider that never was");
    json_object_end(&w);
    json_object_end(&w);
    pthread_mutex_unlock(&b->lock);
}

void book_begin(struct book *b, const struct book_request *r, struct book_verdict *ret) {
    *ret = (struct book_verdict){0};
    act_init(&ret->act);
    pthread_mutex_lock(&b->lock);
    ret->serial = ++b->serial;
    ret->script = script_hold(b->script);
    ret->model = model_of(b, r->ask->model);
    ret->model->requests++;
    ret->model->active++;
    ret->bad_key = !script_takes_key(b->script, r->key);
    script_profile(b->script, r->ask->model, &ret->profile);
    if (!ret->bad_key && named_is(r->ask->model)) {
        struct counter *c = counter_of(b, SIM_RULES, r->ask->model, r->key);
        c->count++;
        if (named_act(r->ask, c->count, elapsed(b, c->first_us), &ret->act, &ret->profile, &ret->bad_word))
            ret->bad_word = SLICE_NULL;
    }
    if (!ret->bad_key) apply_rules(b, r, ret);
    pthread_mutex_unlock(&b->lock);
}

void book_end(struct book *b, struct book_verdict *v, enum book_outcome outcome, uint64_t input,
              uint64_t output) {
    if (v->model == NULL) return;
    pthread_mutex_lock(&b->lock);
    v->model->active--;
    v->model->outcomes[outcome]++;
    v->model->input += input;
    v->model->output += output;
    pthread_mutex_unlock(&b->lock);
    v->model = NULL;
}

void book_release(struct book_verdict *v) {
    script_free(v->script);
    v->script = NULL;
}

/* ---- statistics ---- */

static void write_model(struct json_writer *w, const struct book_model *m) {
    json_object(w);
    json_member_i64(w, "requests", (int64_t)m->requests);
    json_member_i64(w, "active", (int64_t)m->active);
    json_member_i64(w, "answered", (int64_t)m->outcomes[BOOK_ANSWERED]);
    json_member_i64(w, "refused", (int64_t)m->outcomes[BOOK_REFUSED]);
    json_member_i64(w, "broken", (int64_t)m->outcomes[BOOK_BROKEN]);
    json_member_i64(w, "aborted_by_client", (int64_t)m->outcomes[BOOK_ABORTED]);
    json_member_i64(w, "input_tokens", (int64_t)m->input);
    json_member_i64(w, "output_tokens", (int64_t)m->output);
    json_object_end(w);
}

static void sum_up(struct book_model *sum, const struct book_model *m) {
    sum->requests += m->requests;
    sum->active += m->active;
    for (unsigned i = 0; i < BOOK_OUTCOMES; i++) sum->outcomes[i] += m->outcomes[i];
    sum->input += m->input;
    sum->output += m->output;
}

static void write_rules(struct book *b, struct json_writer *w) {
    json_key(w, "rules");
    json_array(w);
    for (unsigned i = 0; i < script_rules(b->script); i++) {
        const struct script_rule *rule = script_rule(b->script, i);
        json_object(w);
        json_member_string(w, "name", rule->name);
        json_member_i64(w, "met", (int64_t)b->rules_met[i]);
        json_object_end(w);
    }
    json_array_end(w);
}

void book_write_stats(struct book *b, struct buffer *out) {
    struct json_writer w;
    struct book_model sum = {0};
    struct slice name;
    void *value;
    json_start(&w, out);
    pthread_mutex_lock(&b->lock);
    json_object(&w);
    json_key(&w, "seed");
    json_put_u64(&w, b->seed);
    json_member_double(&w, "uptime_seconds", (double)(clock_us() - b->started_us) / 1e6);
    json_member_double(&w, "script_seconds", (double)elapsed(b, b->loaded_us) / 1e6);
    write_rules(b, &w);
    json_key(&w, "models");
    json_object(&w);
    for (size_t cursor = 0; table_next(&b->models, &cursor, &name, &value);) {
        sum_up(&sum, value);
        json_key_slice(&w, name);
        write_model(&w, value);
    }
    json_object_end(&w);
    sum_up(&sum, &b->others);
    json_key(&w, "total");
    write_model(&w, &sum);
    json_object_end(&w);
    pthread_mutex_unlock(&b->lock);
}
