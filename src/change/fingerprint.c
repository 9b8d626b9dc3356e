/* fingerprint.c - see fingerprint.h. */
#include "base/digest.h"
#include "change/fingerprint_parts.h"

#include <stdio.h>

struct place { /* of the template's words; empty where something was put in */
    uint32_t from, to;
    uint64_t values[FINGERPRINT_VALUES_LOOSE]; /* hashes; the template's own is not among them */
    unsigned n, longest;
    bool breaks, loose;
};
struct fingerprint {
    struct words w;
    bool template;
    struct place places[FINGERPRINT_PLACES];
    unsigned n_places;
};

static enum fault full(void) { return FAULT_TOO_LARGE; }

static enum fault make(struct slice text, bool template, struct arena *arena, struct fingerprint **ret) {
    struct fingerprint *f = arena_new(arena, struct fingerprint);
    struct slice copy = arena_slice(arena, slice_is_null(text) ? SLICE("") : text);
    if (f == NULL || slice_is_null(copy) || text.len >= UINT32_MAX || !words_read(copy, template, arena, &f->w)) return full();
    f->template = template;
    *ret = f;
    return FAULT_NONE;
}

enum fault fingerprint_of(struct slice text, struct arena *arena, struct fingerprint **ret) { return make(text, false, arena, ret); }
enum fault fingerprint_of_template(struct slice text, struct arena *arena, struct fingerprint **ret) { return make(text, true, arena, ret); }

/* ---- fitting ---- */

static struct slice text_of(const struct words *w, const struct word *x) { return (struct slice){w->text.at + x->at, x->to - x->at}; }

/* Of values that stand against each other and differ: both have several. True: that is news to `a`. */
static bool mark_varied(struct words *a, struct words *b, unsigned a_from, unsigned b_from, unsigned n) {
    bool news = false;
    for (unsigned i = 0; i < n; i++) {
        struct word *x = &a->at[a_from + i], *y = &b->at[b_from + i];
        if (x->kind != WORD_VALUE || x->varied) y->varied |= x->varied;
        else if (y->varied || !slice_eq(text_of(a, x), text_of(b, y))) x->varied = y->varied = news = true;
    }
    return news;
}

static bool same_run(const struct word *a, const uint64_t *b, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (a[i].hash != b[i]) return false;
    return true;
}

/* Where the run stands first in [from, to); `to` when nowhere. */
static unsigned find_run(const struct word *run, unsigned n, const uint64_t *hashes, unsigned from, unsigned to) {
    for (unsigned i = from; i + n <= to; i++)
        if (hashes[i] == run->hash && same_run(run, hashes + i, n)) return i;
    return to;
}

/* Most that do not fit are told apart by their first or last words. */
static bool ends_fit(const struct words *f, const struct words *w) {
    for (unsigned i = 0; i < f->n && f->at[i].kind != WORD_GAP; i++)
        if (i >= w->n || f->at[i].hash != w->at[i].hash) return false;
    for (unsigned i = 1; i <= f->n && f->at[f->n - i].kind != WORD_GAP; i++)
        if (i > w->n || f->at[f->n - i].hash != w->at[w->n - i].hash) return false;
    return true;
}

/* Runs between gaps stand in the text in their order, the first at its beginning, the last at its end: each as early as can be. ret_runs (may be
 * NULL): where each begins. */
static bool fits(const struct words *f, const struct words *w, struct arena *scratch, unsigned *ret_runs) {
    if (!ends_fit(f, w)) return false;
    uint64_t *hashes = arena_new_array(scratch, uint64_t, w->n + 1);
    unsigned at = 0, i = 0, runs = 0;
    const struct word *gap = NULL;
    if (hashes == NULL) return false;
    for (unsigned k = 0; k < w->n; k++) hashes[k] = w->at[k].hash;
    for (;;) {
        unsigned n = 0;
        while (i + n < f->n && f->at[i + n].kind != WORD_GAP) n++;
        bool last = i + n == f->n;
        unsigned to = at;
        if (last && n > w->n - at) return false;
        if (gap != NULL) to = last ? w->n - n : find_run(&f->at[i], n, hashes, at, w->n);
        if (to + n > w->n || !same_run(&f->at[i], hashes + to, n)) return false;
        if (gap != NULL && !gap_takes(gap, w, at, to)) return false;
        if (ret_runs != NULL) ret_runs[runs++] = to;
        at = to + n;
        if (last) return at == w->n;
        gap = &f->at[i + n];
        i += n + 1;
    }
}

static unsigned count(const struct words *w, enum word_kind kind) {
    unsigned n = 0;
    for (unsigned i = 0; i < w->n; i++) n += w->at[i].kind == kind;
    return n;
}

bool fingerprint_fits(const struct fingerprint *f, struct slice text, struct arena *scratch) {
    struct words w;
    return words_read(text, false, scratch, &w) && fits(&f->w, &w, scratch, NULL);
}

bool fingerprint_take(struct fingerprint *f, struct fingerprint *text, struct arena *scratch, bool *ret_news) {
    unsigned *runs = arena_new_array(scratch, unsigned, count(&f->w, WORD_GAP) + 1), run = 0;
    *ret_news = false;
    if (runs == NULL || !fits(&f->w, &text->w, scratch, runs)) return false;
    for (unsigned i = 0, from = 0; i <= f->w.n; i++) {
        if (i < f->w.n && f->w.at[i].kind != WORD_GAP) continue;
        *ret_news |= mark_varied(&f->w, &text->w, from, runs[run++], i - from);
        from = i + 1;
    }
    return true;
}

bool fingerprint_covers(const struct fingerprint *f, const struct fingerprint *other, struct arena *scratch) {
    return fits(&f->w, &other->w, scratch, NULL);
}

static double dice(const struct words *a, const struct words *b, const struct alignment *d) {
    unsigned n_a = a->n - count(a, WORD_GAP), n_b = b->n - count(b, WORD_GAP);
    for (unsigned i = 0; i < d->n; i++) { /* what is a gap's is no word of the text's own */
        const struct hunk *h = &d->hunks[i];
        if (h->a_to - h->a_from == 1 && a->at[h->a_from].kind == WORD_GAP && gap_takes(&a->at[h->a_from], b, h->b_from, h->b_to))
            for (unsigned k = h->b_from; k < h->b_to; k++) n_b -= b->at[k].kind != WORD_GAP;
    }
    return n_a + n_b > 0 ? 2.0 * d->common / (n_a + n_b) : 1;
}

double fingerprint_alike(const struct fingerprint *f, const struct fingerprint *other, struct arena *scratch, unsigned *ret_common) {
    struct alignment d;
    if (!words_align(&f->w, &other->w, scratch, &d)) return 0;
    if (ret_common != NULL) *ret_common = d.common;
    return dice(&f->w, &other->w, &d);
}

enum fault fingerprint_runs_of(const struct fingerprint *other, struct arena *arena, struct fingerprint_runs **ret) { return words_runs(&other->w, arena, ret); }
unsigned fingerprint_common_most(const struct fingerprint *f, const struct fingerprint_runs *other) { return words_common_most(&f->w, other); }

/* ---- learning ---- */

/* Of a difference that has gaps among other words: words before the first gap stand against as many, words behind the last likewise, what is
 * between against the gap. Up to three hunks; those that are equal are left out. */
static unsigned split(const struct words *a, const struct words *b, struct hunk h, struct hunk out[3]) {
    unsigned before = 0, behind = 0, n = 0, n_a = h.a_to - h.a_from, n_b = h.b_to - h.b_from;
    while (before < n_a && a->at[h.a_from + before].kind != WORD_GAP) before++;
    while (behind < n_a && a->at[h.a_to - 1 - behind].kind != WORD_GAP) behind++;
    if (before == n_a || before + behind == 0 || before + behind > n_b) {
        out[0] = h;
        return 1;
    }
    struct hunk parts[3] = {{h.a_from, h.a_from + before, h.b_from, h.b_from + before},
                            {h.a_from + before, h.a_to - behind, h.b_from + before, h.b_to - behind},
                            {h.a_to - behind, h.a_to, h.b_to - behind, h.b_to}};
    for (unsigned i = 0; i < 3; i++) {
        bool equal = parts[i].a_to - parts[i].a_from == parts[i].b_to - parts[i].b_from;
        for (unsigned k = 0; equal && k < parts[i].a_to - parts[i].a_from; k++)
            equal = a->at[parts[i].a_from + k].hash != 0 && a->at[parts[i].a_from + k].hash == b->at[parts[i].b_from + k].hash;
        if (!equal) out[n++] = parts[i];
    }
    return n;
}

static bool touches(const struct place *p, const struct hunk *h) {
    return p->from == p->to || h->a_from == h->a_to ? h->a_from <= p->to && p->from <= h->a_to : h->a_from < p->to && p->from < h->a_to;
}

static void add_value(struct place *p, uint64_t value) {
    for (unsigned i = 0; i < p->n; i++)
        if (p->values[i] == value) return;
    if (p->n < FINGERPRINT_VALUES_LOOSE) p->values[p->n++] = value;
}

static void join(struct place *p, const struct place *other) {
    if (other->from < p->from) p->from = other->from;
    if (other->to > p->to) p->to = other->to;
    if (other->longest > p->longest) p->longest = other->longest;
    for (unsigned i = 0; i < other->n; i++) add_value(p, other->values[i]);
    p->breaks |= other->breaks;
    p->loose |= other->loose;
}

static unsigned place_needs(const struct place *p) { return p->loose ? FINGERPRINT_VALUES_LOOSE - 1 : FINGERPRINT_VALUES - 1; }

static void learn(struct fingerprint *f, const struct words *b, const struct hunk *h, bool loose) {
    struct place p = {.from = h->a_from, .to = h->a_to, .longest = h->b_to - h->b_from, .loose = loose};
    uint64_t value = 1;
    for (unsigned i = h->b_from; i < h->b_to; i++) {
        struct word *x = &b->at[i];
        value = digest_fast((struct slice){b->text.at + x->at, x->to - x->at}, value);
        p.breaks |= x->breaks;
    }
    add_value(&p, value);
    unsigned kept = 0;
    for (unsigned i = 0; i < f->n_places; i++) {
        if (touches(&f->places[i], h)) {
            struct place old = f->places[i];
            old.loose &= loose; /* once it was alike, few are enough */
            p.loose &= old.loose;
            join(&p, &old);
        } else f->places[kept++] = f->places[i];
    }
    if (kept == FINGERPRINT_PLACES) memmove(f->places, f->places + 1, --kept * sizeof *f->places);
    f->places[kept++] = p;
    f->n_places = kept;
}

/* The words of a place become one gap. */
static void make_gap(struct fingerprint *f, const struct place *p) {
    struct words *w = &f->w;
    bool empty = p->from == p->to;
    unsigned longest = p->longest > p->to - p->from ? p->longest : p->to - p->from;
    struct word gap = {.kind = WORD_GAP, .breaks = p->breaks};
    for (unsigned i = p->from; i < p->to; i++) {
        gap.breaks |= w->at[i].breaks;
        if (w->at[i].kind == WORD_GAP && w->at[i].longest > longest) longest = w->at[i].longest;
    }
    gap.longest = (uint16_t)(longest > UINT16_MAX ? UINT16_MAX : longest);
    gap.from = empty && p->from < w->n ? w->at[p->from].from : empty ? (uint32_t)w->text.len : w->at[p->from].from;
    gap.at = empty ? gap.from : w->at[p->from].at;
    gap.to = empty ? gap.from : w->at[p->to - 1].to;
    memmove(&w->at[p->from + 1], &w->at[p->to], (w->n - p->to) * sizeof *w->at);
    w->at[p->from] = gap;
    w->n = w->n + 1 - (p->to - p->from);
}

static void shift_places(struct fingerprint *f, uint32_t behind, int by) {
    for (unsigned i = 0; i < f->n_places; i++)
        if (f->places[i].from >= behind) {
            f->places[i].from = (uint32_t)((int)f->places[i].from + by);
            f->places[i].to = (uint32_t)((int)f->places[i].to + by);
        }
}

static void make_gaps(struct fingerprint *f) {
    for (unsigned i = 0; i < f->n_places;) {
        struct place p = f->places[i];
        if (p.n < place_needs(&p)) {
            i++;
            continue;
        }
        memmove(&f->places[i], &f->places[i + 1], (f->n_places - i - 1) * sizeof *f->places);
        f->n_places--;
        make_gap(f, &p);
        shift_places(f, p.to, 1 - (int)(p.to - p.from));
        i = 0;
    }
}

static struct fingerprint *copy_of(const struct fingerprint *f, struct arena *arena) {
    struct fingerprint *copy = arena_new(arena, struct fingerprint);
    if (copy == NULL) return NULL;
    *copy = *f;
    copy->w.text = arena_slice(arena, f->w.text);
    copy->w.at = arena_new_array(arena, struct word, f->w.n + FINGERPRINT_PLACES);
    if (copy->w.at == NULL || slice_is_null(copy->w.text)) return NULL;
    memcpy(copy->w.at, f->w.at, f->w.n * sizeof *f->w.at);
    return copy;
}

static void mark_all_varied(struct words *a, struct words *b, const struct alignment *d) {
    unsigned a_at = 0, b_at = 0;
    for (unsigned i = 0; i <= d->n; i++) {
        unsigned n = (i < d->n ? d->hunks[i].a_from : a->n) - a_at;
        (void)mark_varied(a, b, a_at, b_at, n);
        if (i == d->n) return;
        a_at = d->hunks[i].a_to;
        b_at = d->hunks[i].b_to;
    }
}

/* The text's own template has the gaps of `f` at the values that they took. */
static void take_gaps(struct fingerprint *own, const struct words *a, const struct hunk *values, unsigned n) {
    for (unsigned i = n; i-- > 0;) {
        const struct word *gap = &a->at[values[i].a_from];
        struct place p = {.from = values[i].b_from, .to = values[i].b_to, .longest = gap->longest, .breaks = gap->breaks};
        make_gap(own, &p);
        own->w.at[p.from].breaks = gap->breaks;
    }
}

/* A template is no place for what stood in its gaps: names, documents. In their stead stands what is read as a gap's or a value's word. */
static bool forget_values(struct words *w, struct arena *arena) {
    char *text = arena_alloc(arena, w->text.len + 4 * (size_t)w->n + 1);
    size_t n = 0, at = 0;
    if (text == NULL) return false;
    for (unsigned i = 0; i <= w->n; i++) {
        struct word *x = i < w->n ? &w->at[i] : NULL;
        size_t space = (x != NULL ? x->at : w->text.len) - at;
        uint32_t from = (uint32_t)n;
        if (space > 0) memcpy(text + n, w->text.at + at, space);
        n += space;
        if (x == NULL) break;
        struct slice word = x->kind == WORD_GAP ? SLICE("\x01") : x->varied ? SLICE("0000") : text_of(w, x);
        at = x->to;
        memcpy(text + n, word.at, word.len);
        x->from = from;
        x->at = (uint32_t)n;
        n += word.len;
        x->to = (uint32_t)n;
    }
    w->text = (struct slice){text, n};
    return true;
}

enum fault fingerprint_copy(const struct fingerprint *f, struct arena *arena, struct fingerprint **ret) {
    struct fingerprint *copy = copy_of(f, arena);
    if (copy == NULL) return full();
    *ret = copy;
    return FAULT_NONE;
}

enum fault fingerprint_meet(const struct fingerprint *f, struct slice text, struct arena *arena, struct arena *scratch, struct fingerprint **ret,
                            struct fingerprint **ret_other) {
    struct alignment d;
    struct fingerprint *own, *learned = copy_of(f, arena);
    unsigned n = 0;
    if (learned == NULL || make(text, false, arena, &own) != FAULT_NONE || !words_align(&f->w, &own->w, scratch, &d)) return full();
    struct hunk *values = arena_new_array(scratch, struct hunk, 3 * (size_t)d.n + 1);
    own->w.at = arena_resize(arena, own->w.at, own->w.n * sizeof *own->w.at, (own->w.n + 3 * (size_t)d.n + 1) * sizeof *own->w.at);
    if (values == NULL || own->w.at == NULL) return full();
    bool loose = dice(&f->w, &own->w, &d) < FINGERPRINT_ALIKE;
    mark_all_varied(&learned->w, &own->w, &d);
    for (unsigned i = 0; i < d.n; i++) {
        struct hunk parts[3];
        unsigned n_parts = split(&f->w, &own->w, d.hunks[i], parts);
        for (unsigned k = 0; k < n_parts; k++) {
            const struct word *gap = parts[k].a_to - parts[k].a_from == 1 ? &f->w.at[parts[k].a_from] : NULL;
            if (gap != NULL && gap->kind == WORD_GAP && gap_takes(gap, &own->w, parts[k].b_from, parts[k].b_to)) values[n++] = parts[k];
            else learn(learned, &own->w, &parts[k], loose);
        }
    }
    make_gaps(learned);
    bool of_it = fits(&learned->w, &own->w, scratch, NULL);
    if (arena_is_full(arena) || arena_is_full(scratch)) return full();
    take_gaps(own, &f->w, values, n);
    if (!forget_values(&learned->w, arena) || !forget_values(&own->w, arena)) return full();
    *ret = learned;
    *ret_other = of_it ? NULL : own;
    return FAULT_NONE;
}

/* ---- kept ---- */

static void write_range(const struct words *w, unsigned from, unsigned to, struct json_writer *j) {
    json_member_i64(j, "from", from < w->n ? w->at[from].from : (int64_t)w->text.len);
    json_member_i64(j, "to", to > from ? w->at[to - 1].to : from < w->n ? w->at[from].from : (int64_t)w->text.len);
}

static void write_words(const struct words *w, struct json_writer *j) {
    json_key(j, "gaps");
    json_array(j);
    for (unsigned i = 0; i < w->n; i++) {
        if (w->at[i].kind != WORD_GAP) continue;
        json_object(j);
        write_range(w, i, i + 1, j);
        json_member_i64(j, "longest", w->at[i].longest);
        json_member_bool(j, "breaks", w->at[i].breaks);
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "varied");
    json_array(j);
    for (unsigned i = 0; i < w->n; i++)
        if (w->at[i].varied) json_put_i64(j, w->at[i].at);
    json_array_end(j);
}

void fingerprint_write(const struct fingerprint *f, struct json_writer *j) {
    char hex[17];
    json_object(j);
    json_member_string(j, "text", f->w.text);
    json_member_bool(j, "template", f->template);
    write_words(&f->w, j);
    json_key(j, "places");
    json_array(j);
    for (unsigned i = 0; i < f->n_places; i++) {
        const struct place *p = &f->places[i];
        json_object(j);
        write_range(&f->w, p->from, p->to, j);
        json_member_i64(j, "longest", p->longest);
        json_member_bool(j, "breaks", p->breaks);
        json_member_bool(j, "loose", p->loose);
        json_key(j, "values");
        json_array(j);
        for (unsigned k = 0; k < p->n; k++) {
            (void)snprintf(hex, sizeof hex, "%016llx", (unsigned long long)p->values[k]);
            json_put_text(j, hex);
        }
        json_array_end(j);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
}

/* Words of the bytes [from, to). */
static bool read_range(const struct json_doc *d, uint32_t node, const struct words *w, struct place *ret) {
    int64_t from, to, longest;
    if (!json_get_i64(d, json_get(d, node, "from"), &from) || !json_get_i64(d, json_get(d, node, "to"), &to) ||
        !json_get_i64(d, json_get(d, node, "longest"), &longest) || from < 0 || to < from || to > (int64_t)w->text.len || longest < 0 || longest > UINT16_MAX)
        return false;
    *ret = (struct place){.longest = (unsigned)longest};
    (void)json_get_bool(d, json_get(d, node, "breaks"), &ret->breaks);
    while (ret->from < w->n && (w->at[ret->from].from < from || (to > from && w->at[ret->from].to <= from))) ret->from++;
    ret->to = ret->from;
    while (ret->to < w->n && w->at[ret->to].to <= to && to > from) ret->to++;
    return true;
}

static bool read_gaps(const struct json_doc *d, uint32_t list, struct fingerprint *f) {
    for (uint32_t i = json_size(d, list); i-- > 0;) { /* from behind: what is before stays where it is */
        struct place p;
        if (!read_range(d, json_item(d, list, i), &f->w, &p)) return false;
        if (p.to - p.from == 1 && f->w.at[p.from].kind == WORD_GAP) continue; /* of a template */
        unsigned longest = p.longest;
        bool breaks = p.breaks;
        make_gap(f, &p);
        f->w.at[p.from].longest = (uint16_t)longest;
        f->w.at[p.from].breaks = breaks;
    }
    return true;
}

static bool read_places(const struct json_doc *d, uint32_t list, struct fingerprint *f) {
    uint32_t cursor = JSON_NONE, item, at, value;
    while (json_each_item(d, list, &cursor, &item)) {
        struct place p;
        if (f->n_places == FINGERPRINT_PLACES || !read_range(d, item, &f->w, &p)) return false;
        (void)json_get_bool(d, json_get(d, item, "loose"), &p.loose);
        for (at = JSON_NONE; json_each_item(d, json_get(d, item, "values"), &at, &value);) {
            struct slice hex = json_raw(d, value);
            uint8_t bytes[8];
            uint64_t v = 0;
            if (hex.len != 18 || !digest_from_hex((struct slice){hex.at + 1, 16}, bytes, sizeof bytes)) return false;
            for (unsigned i = 0; i < sizeof bytes; i++) v = v << 8 | bytes[i];
            add_value(&p, v);
        }
        f->places[f->n_places++] = p;
    }
    return true;
}

enum fault fingerprint_read(struct slice json, struct arena *arena, struct fingerprint **ret, struct error *error) {
    struct json_doc d;
    struct fingerprint *f = NULL;
    bool template = false;
    uint32_t cursor = JSON_NONE, item;
    enum fault fault = json_read(json, arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault;
    uint32_t gaps = json_get(&d, 0, "gaps");
    (void)json_get_bool(&d, json_get(&d, 0, "template"), &template);
    fault = make(json_string(&d, json_get(&d, 0, "text"), arena), template, arena, &f);
    if (fault == FAULT_NONE)
        f->w.at = arena_resize(arena, f->w.at, f->w.n * sizeof *f->w.at, (f->w.n + (size_t)json_size(&d, gaps) + 1) * sizeof *f->w.at);
    if (fault != FAULT_NONE || f->w.at == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for a template");
    for (unsigned at = 0; json_each_item(&d, json_get(&d, 0, "varied"), &cursor, &item);) {
        int64_t where = -1;
        (void)json_get_i64(&d, item, &where);
        while (at < f->w.n && f->w.at[at].at < where) at++;
        if (at < f->w.n && f->w.at[at].at == where) f->w.at[at].varied = true;
    }
    if (!read_gaps(&d, gaps, f) || !read_places(&d, json_get(&d, 0, "places"), f)) return error_set(error, FAULT_CORRUPT, "a template cannot be read");
    *ret = f;
    return FAULT_NONE;
}

/* ---- as a prompt's text ---- */

static bool is_gap(const struct word *x) { return x->kind == WORD_GAP || x->varied; }

/* What looks like a variable or a tag, and is none, is cut in two. */
static void put(struct buffer *out, struct slice s, bool gap) {
    for (size_t i = 0; i < s.len; i++) {
        bool open = out->len > 0 && out->at[out->len - 1] == '{';
        if (open && (gap ? i == 0 : s.at[i] == '{' || s.at[i] == '%' || s.at[i] == '#')) (void)buffer_byte(out, ' ');
        (void)buffer_byte(out, s.at[i]);
    }
}

struct slice fingerprint_template(const struct fingerprint *f, struct arena *arena) {
    struct buffer out;
    unsigned gaps = 0;
    size_t at = 0;
    char gap[32];
    buffer_init(&out, 4 * f->w.text.len + 64 * (size_t)f->w.n + 64);
    for (unsigned i = 0; i < f->w.n; i++) {
        const struct word *x = &f->w.at[i];
        put(&out, (struct slice){f->w.text.at + at, x->at - at}, false);
        if (is_gap(x)) (void)snprintf(gap, sizeof gap, "{{gap_%u}}", ++gaps);
        put(&out, is_gap(x) ? slice_of(gap) : text_of(&f->w, x), is_gap(x));
        at = x->to;
    }
    put(&out, (struct slice){f->w.text.at + at, f->w.text.len - at}, false);
    struct slice text = arena_slice(arena, out.len > 0 ? buffer_slice(&out) : SLICE(""));
    buffer_deinit(&out);
    return text;
}

unsigned fingerprint_gaps(const struct fingerprint *f) {
    unsigned n = 0;
    for (unsigned i = 0; i < f->w.n; i++) n += is_gap(&f->w.at[i]);
    return n;
}
unsigned fingerprint_words(const struct fingerprint *f) { return f->w.n - count(&f->w, WORD_GAP); }
