/* Signals: filling. What each record says is booked under one combination of all its dimensions. */
#include "quality/signals_private.h"

#include "base/mem.h"
#include "store/ledger.h"

#include <math.h>

enum { KEY_MAX = 16 << 10, SCRATCH_MAX = 4 << 20 /* a scored record's body */ };
#define FUTURE_US 60000000LL /* records may be a moment ahead of what was said to have come */
#define SWEEP_US 300000000LL /* well within what 10 s cells are kept */
#define FADES 0.99 /* a sweep: half in six hours */

struct signals *signals_new(void) {
    struct signals *s = mem_new(struct signals);
    s->most_bytes = LIMIT_SIGNAL_BYTES;
    table_init(&s->series);
    table_init(&s->views);
    table_init(&s->slow);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) table_init(&s->labels[i]);
    s->storms = retry_storms_new();
    s->work = signal_total_new();
    signal_sums_init(&s->late);
    buffer_init(&s->key, KEY_MAX);
    buffer_init(&s->of, KEY_MAX);
    arena_init(&s->scratch, 4 << 10, SCRATCH_MAX);
    return s;
}

static void free_base(struct signal_base *b) {
    rings_deinit(&b->rings);
    for (unsigned i = 0; i < SIGNAL_EXAMPLES; i++) mem_free(b->examples[i]);
    mem_free((char *)b->key.at);
    mem_free(b);
}

void signals_free(struct signals *s) {
    if (s == NULL) return;
    size_t cursor = 0;
    void *value;
    while (table_next(&s->views, &cursor, NULL, &value)) signal_view_free(value);
    for (cursor = 0; table_next(&s->series, &cursor, NULL, &value);) free_base(value);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        for (cursor = 0; table_next(&s->labels[i], &cursor, NULL, &value);) mem_free(value);
        table_deinit(&s->labels[i]);
    }
    for (cursor = 0; table_next(&s->slow, &cursor, NULL, &value);) mem_free(value);
    table_deinit(&s->slow);
    table_deinit(&s->views);
    table_deinit(&s->series);
    retry_storms_free(s->storms);
    signal_total_free(s->work);
    signal_sums_deinit(&s->late);
    buffer_deinit(&s->key);
    buffer_deinit(&s->of);
    arena_deinit(&s->scratch);
    mem_free(s);
}

int64_t signals_now(const struct signals *s) { return s->at_us > 0 ? s->at_us : s->newest_us; }

/* ---- which series ---- */

void signal_key_put(struct buffer *key, struct slice text) {
    uint32_t len = (uint32_t)text.len;
    buffer_append(key, slice_make((const char *)&len, sizeof len));
    buffer_append(key, text);
}

static struct slice key_of(struct signals *s, enum signal_family f, const struct slice is[SIGNAL_BYS], struct slice of) {
    buffer_clear(&s->key);
    buffer_byte(&s->key, (char)f);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) signal_key_put(&s->key, is[i]);
    signal_key_put(&s->key, of);
    return buffer_slice(&s->key);
}

/* A label that is told apart, or "(other)" once there are too many. */
struct slice signals_label(struct signals *s, unsigned by, struct slice text) {
    struct table *t = &s->labels[by];
    struct signal_label *l = table_get(t, text);
    if (l == NULL && t->count >= LIMIT_SIGNAL_LABELS) {
        text = SIGNAL_OTHER;
        l = table_get(t, text);
    }
    if (l == NULL) {
        l = mem_alloc(sizeof *l + text.len + 1);
        memcpy(l + 1, text.at, text.len);
        l->text = slice_make((const char *)(l + 1), text.len);
        table_put(t, l->text, l);
    }
    return l->text;
}

enum { LEFT_FOR_OTHERS = 400 };

struct slice signals_of_bounded(enum signal_family f, struct slice of) {
    return f != FAMILY_SCORES || slice_starts(of, SLICE("default:")) ? of : SIGNAL_OTHER;
}

static void bound(struct signals *s, enum signal_family f, struct slice is[SIGNAL_BYS], struct slice *of) {
    bool crowded = s->crowded || s->series.count >= LIMIT_SIGNAL_SERIES - LEFT_FOR_OTHERS, full = s->series.count >= LIMIT_SIGNAL_SERIES - 1;
    if (crowded) *of = signals_of_bounded(f, *of);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        if (slice_is_null(is[i])) continue;
        if (full || (crowded && (CLIENTS_WORDS >> i & 1))) is[i] = SIGNAL_OTHER;
        is[i] = signals_label(s, i, is[i]);
        if (slice_eq(is[i], SIGNAL_OTHER)) s->stats.other++;
    }
}

static struct slice slow_key(struct buffer *key, const struct slice is[SIGNAL_BYS]) {
    buffer_clear(key);
    signal_key_put(key, is[SIGNAL_BY_APPLICATION]);
    signal_key_put(key, is[SIGNAL_BY_REQUEST_TYPE]);
    signal_key_put(key, is[SIGNAL_BY_CONTEXT]);
    return buffer_slice(key);
}

static double slow_of(struct signals *s, const struct slice is[SIGNAL_BYS]) {
    if (s->slow.count == 0) return NAN;
    const double *slow = table_get(&s->slow, slow_key(&s->of, is));
    return slow != NULL ? *slow : NAN;
}

static struct signal_base *add_base(struct signals *s, enum signal_family f, const struct slice is[SIGNAL_BYS], struct slice of, struct slice key) {
    struct signal_base *b = mem_new(struct signal_base);
    b->family = f;
    memcpy(b->is, is, sizeof b->is);
    b->key = slice_make(mem_copy(key.at, key.len), key.len);
    b->of = slice_make(b->key.at + b->key.len - of.len, of.len); /* the key ends with it */
    b->reading = NAN;
    b->slow_s = f == FAMILY_EXCHANGES ? slow_of(s, is) : NAN;
    rings_init(&b->rings);
    table_put(&s->series, b->key, b);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        struct signal_label *l = slice_is_null(is[i]) ? NULL : table_get(&s->labels[i], is[i]);
        if (l != NULL) l->uses++;
    }
    signal_views_add(s, b);
    return b;
}

struct signal_base *signals_base(struct signals *s, enum signal_family f, const struct slice said[SIGNAL_BYS], struct slice of) {
    struct slice is[SIGNAL_BYS];
    struct slice key = key_of(s, f, said, of);
    struct signal_base *b = table_get(&s->series, key);
    if (b != NULL) return b;
    memcpy(is, said, sizeof is);
    bound(s, f, is, &of);
    key = key_of(s, f, is, of);
    b = table_get(&s->series, key);
    return b != NULL ? b : add_base(s, f, is, of, key);
}

static struct slice said(struct slice label) { return slice_is_null(label) ? SLICE("") : label; }

struct slice signal_prompt(struct slice name, struct slice version, char room[SIGNAL_PROMPT_ROOM]) {
    if (slice_is_null(name) || slice_is_null(version) || name.len > LIMIT_LABEL || version.len > LIMIT_LABEL) return said(name);
    memcpy(room, name.at, name.len);
    room[name.len] = '@';
    memcpy(room + name.len + 1, version.at, version.len);
    return slice_make(room, name.len + 1 + version.len);
}

void signal_name_exchange(const struct record *r, char room[SIGNAL_PROMPT_ROOM], struct slice is[SIGNAL_BYS]) {
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is[i] = SLICE_NULL;
    is[SIGNAL_BY_APPLICATION] = said(r->application);
    is[SIGNAL_BY_REQUEST_TYPE] = said(r->request_type);
    is[SIGNAL_BY_MODEL] = r->error == FAULT_NO_SUCH_MODEL ? SLICE("") : said(r->model); /* anybody can ask for any name */
    is[SIGNAL_BY_PROVIDER] = said(r->provider);
    is[SIGNAL_BY_UPSTREAM_MODEL] = said(r->target_model);
    is[SIGNAL_BY_PROMPT] = signal_prompt(r->prompt_name, r->prompt_version, room);
    is[SIGNAL_BY_CONTEXT] = signal_context(r->usage.input);
    is[SIGNAL_BY_FEATURE] = said(r->feature);
    is[SIGNAL_BY_TEAM] = said(r->team);
}

void signal_name_attempt(const struct record *r, unsigned attempt, struct slice is[SIGNAL_BYS]) {
    is[SIGNAL_BY_PROVIDER] = said(r->attempts[attempt].provider);
    is[SIGNAL_BY_UPSTREAM_MODEL] = said(r->attempts[attempt].model);
}

/* ---- filling ---- */

struct signal_sums *signals_begin(struct signals *s, struct signal_base *b, int64_t at_us) {
    struct signal_sums *sums = rings_at(&b->rings, b->family, at_us, s->work);
    if (sums != NULL) return sums;
    signal_sums_clear(&s->late);
    return &s->late;
}

void signals_end(struct signals *s, struct signal_base *b, int64_t at_us, const struct signal_sums *sums) {
    b->busy++;
    if (at_us > s->newest_us) s->newest_us = at_us;
    if (sums == &s->late && !rings_late(&b->rings, b->family, at_us, sums, s->work)) s->stats.late++;
    s->generation++;
}

void signals_record(struct signals *s, const struct record *r) {
    char room[SIGNAL_PROMPT_ROOM];
    struct slice is[SIGNAL_BYS];
    struct retried retried = retry_storms_see(s->storms, r);
    struct signal_marks marks = {.asked = retried.known, .again = retried.again, .gave_up = retried.gave_up};
    int64_t at_us = r->time_us + (r->duration_us > 0 ? r->duration_us : 0);
    s->stats.records++;
    signal_name_exchange(r, room, is);
    struct signal_base *b = signals_base(s, FAMILY_EXCHANGES, is, SLICE(""));
    struct signal_sums *sums = signals_begin(s, b, at_us);
    marks.alike = !isnan(b->slow_s) && r->status != RECORD_REFUSED;
    marks.slow = marks.alike && (double)r->duration_us > b->slow_s * 1e6;
    signal_sums_exchange(sums, r, &marks, at_us);
    signal_examples_exchange(b, r, &marks, at_us);
    signals_end(s, b, at_us, sums);
    for (unsigned i = 0; i < r->n_attempts && i < LIMIT_ATTEMPTS; i++) {
        if (!signal_attempt_counts(r, i)) continue;
        signal_name_attempt(r, i, is);
        b = signals_base(s, FAMILY_ATTEMPTS, is, SLICE(""));
        sums = signals_begin(s, b, at_us);
        signal_sums_attempt(sums, r, i, at_us);
        signal_examples_attempt(b, r, i, at_us);
        signals_end(s, b, at_us, sums);
    }
}

void signals_rollup(struct signals *s, const struct rollup *r) {
    struct slice is[SIGNAL_BYS];
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is[i] = SLICE("");
    is[SIGNAL_BY_APPLICATION] = said(r->application);
    is[SIGNAL_BY_REQUEST_TYPE] = said(r->request_type);
    is[SIGNAL_BY_MODEL] = said(r->model);
    is[SIGNAL_BY_PROMPT] = said(r->prompt);
    is[SIGNAL_BY_FEATURE] = said(r->feature);
    is[SIGNAL_BY_TEAM] = said(r->team);
    struct signal_base *b = signals_base(s, FAMILY_EXCHANGES, is, SLICE(""));
    struct signal_sums *sums = signals_begin(s, b, r->start_us);
    signal_sums_rollup(sums, r);
    signals_end(s, b, r->start_us, sums);
}

void signals_slow(struct signals *s, struct slice application, struct slice request_type, struct slice context, double p95_s) {
    struct slice is[SIGNAL_BYS] = {{NULL, 0}};
    size_t cursor = 0;
    void *value;
    is[SIGNAL_BY_APPLICATION] = said(application);
    is[SIGNAL_BY_REQUEST_TYPE] = said(request_type);
    is[SIGNAL_BY_CONTEXT] = said(context);
    mem_free(table_put(&s->slow, slow_key(&s->of, is), mem_copy(&p95_s, sizeof p95_s)));
    while (table_next(&s->series, &cursor, NULL, &value)) {
        struct signal_base *b = value;
        if (b->family == FAMILY_EXCHANGES) b->slow_s = slow_of(s, b->is);
    }
}

static void forget_future(struct signals *s, int64_t now_us) {
    size_t cursor = 0;
    void *value;
    while (table_next(&s->series, &cursor, NULL, &value)) rings_forget_future(&((struct signal_base *)value)->rings, now_us);
    s->newest_us = now_us;
    s->swept_us = 0;
}

void signals_drop(struct signals *s, struct signal_base *b) {
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        struct signal_label *l = slice_is_null(b->is[i]) ? NULL : table_get(&s->labels[i], b->is[i]);
        if (l == NULL || --l->uses > 0) continue;
        table_remove(&s->labels[i], l->text);
        mem_free(l);
    }
    table_remove(&s->series, b->key);
    free_base(b);
}

static void sweep(struct signals *s, int64_t now_us) {
    struct signal_base **gone = mem_new_array(struct signal_base *, s->series.count + 1);
    size_t cursor = 0, n = 0;
    void *value;
    while (table_next(&s->series, &cursor, NULL, &value)) {
        struct signal_base *b = value;
        bool any = b->family == FAMILY_READINGS ? !isnan(b->reading) : rings_pass(&b->rings, b->family, now_us, s->work);
        b->busy *= FADES;
        if (!any) gone[n++] = b;
    }
    for (size_t i = 0; i < n; i++) signals_drop(s, gone[i]);
    if (signals_fold(s) || n > 0) signal_views_reset(s);
    mem_free(gone);
    s->swept_us = now_us;
}

void signals_at(struct signals *s, int64_t wall_us) {
    if (wall_us + FUTURE_US < s->newest_us || wall_us + FUTURE_US < s->at_us) forget_future(s, wall_us);
    s->at_us = wall_us;
    s->generation++;
    if (wall_us - s->swept_us >= SWEEP_US || wall_us < s->swept_us) sweep(s, wall_us);
}

void signals_read(struct signals *s, enum signal which, const struct signal_series *of, double value) {
    struct slice is[SIGNAL_BYS];
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is[i] = of != NULL && (of->by >> i & 1) ? said(of->is[i]) : SLICE_NULL;
    struct signal_base *b = signals_base(s, FAMILY_READINGS, is, slice_of(signal_info(which).name));
    b->reading = value;
    b->read_us = b->rings.last_us = signals_now(s);
    s->generation++;
}

size_t signal_base_bytes(const struct signal_base *b) {
    size_t n = sizeof *b - sizeof b->rings + 2 * b->key.len + rings_bytes(&b->rings);
    for (unsigned i = 0; i < SIGNAL_EXAMPLES; i++) n += b->examples[i] != NULL ? sizeof *b->examples[i] + 16 : 0;
    return n;
}

void signals_stats(const struct signals *s, struct signals_stats *ret) {
    size_t cursor = 0;
    void *value;
    *ret = s->stats;
    ret->series = (unsigned)s->series.count;
    ret->views = (unsigned)s->views.count;
    ret->bytes = sizeof *s + sizeof *s->work + STORMS_KEPT * 48;
    while (table_next(&s->series, &cursor, NULL, &value)) {
        const struct signal_base *b = value;
        ret->bytes += signal_base_bytes(b);
    }
}
