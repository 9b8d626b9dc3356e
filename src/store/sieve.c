#include "store/sieve.h"
#include "base/digest.h"
#include "base/mem.h"
#include "store/varint.h"

#include <stdlib.h>

enum {
    RUN_RECORDS = 1024, /* fewer: more marks to read per search; more: more rows to read per hit */
    SLOTS = 16384,      /* power of two */
    RUN_MARKS = SLOTS / 2,
    MARK_BITS =
        23, /* some 2,000 marks a run: 1 run in 4,000 is read for nothing, and differences take two bytes */
};
#define SIEVE_FREE UINT32_MAX
#define MARKS_EVERYTHING SLICE("\x80") /* a number that does not end */

uint32_t sieve_mark(enum sieve_field field, struct slice value) {
    return (uint32_t)digest_fast(value, (uint64_t)field + 1) & ((1u << MARK_BITS) - 1);
}

uint32_t sieve_status_mark(enum record_status status) {
    char c = (char)status;
    return sieve_mark(SIEVE_STATUS, slice_make(&c, 1));
}

void sieve_tags(struct slice tags, void (*each)(void *ctx, struct slice tag), void *ctx) {
    struct slice tag, key, value;
    for (bool more = tags.len > 0; more;) {
        more = slice_cut(tags, ',', &tag, &tags);
        each(ctx, tag);
        if (slice_cut(tag, '=', &key, &value)) each(ctx, key);
    }
}

/* ---- the writer's side ---- */

static void clear(struct sieve *s, int64_t id) {
    uint32_t *slots = s->slots != NULL ? s->slots : mem_new_array(uint32_t, SLOTS);
    memset(slots, 0xff, SLOTS * sizeof *slots);
    *s = (struct sieve){.id = id, .lo = INT64_MAX, .hi = -1, .slots = slots};
}

static void add_mark(struct sieve *s, uint32_t mark) {
    unsigned at = (mark * 0x9e3779b1u) >> 18;
    while (s->slots[at] != SIEVE_FREE && s->slots[at] != mark) at = (at + 1) % SLOTS;
    if (s->slots[at] == mark) return;
    if (s->count == SLOTS - 1) {
        s->everything = true;
        return;
    }
    s->slots[at] = mark;
    s->count++;
}

enum fault sieve_load(struct sieve *s, struct database *db, struct error *error) {
    struct statement *q = NULL;
    bool row = false;
    *s = (struct sieve){0};
    clear(s, 1);
    enum fault fault =
        statement_of(db, "SELECT id, lo, hi, n, marks FROM sieve ORDER BY id DESC LIMIT 1", &q, error);
    if (fault == FAULT_NONE) fault = statement_step(q, &row, error);
    if (fault == FAULT_NONE && row) {
        s->id = statement_i64(q, 0);
        s->lo = statement_i64(q, 1);
        s->hi = statement_i64(q, 2);
        s->n = (unsigned)statement_i64(q, 3);
        uint64_t step, mark = 0;
        struct slice marks = statement_bytes(q, 4);
        s->everything = slice_eq(marks, MARKS_EVERYTHING);
        while (varint_take(&marks, &step)) add_mark(s, (uint32_t)(mark += step) & ((1u << MARK_BITS) - 1));
    }
    statement_reset(q);
    return fault;
}

void sieve_deinit(struct sieve *s) {
    mem_free(s->slots);
    *s = (struct sieve){0};
}

static void add_tag(void *ctx, struct slice tag) {
    add_mark(ctx, sieve_mark(SIEVE_TAG, tag));
}

static void add_value(struct sieve *s, enum sieve_field field, struct slice value) {
    if (!slice_is_null(value)) add_mark(s, sieve_mark(field, value));
}

enum fault sieve_add(struct sieve *s, struct database *db, int64_t place, const struct record *r,
                     struct error *error) {
    if (s->n >= RUN_RECORDS || s->count >= RUN_MARKS || s->everything) {
        enum fault fault = sieve_save(s, db, error);
        if (fault != FAULT_NONE) return fault;
        clear(s, s->id + 1);
    }
    if (place < s->lo) s->lo = place;
    if (place > s->hi) s->hi = place;
    s->n++;
    s->changed = true;
    add_value(s, SIEVE_APPLICATION, r->application);
    add_value(s, SIEVE_MODEL, r->model);
    add_value(s, SIEVE_USER, r->user);
    add_value(s, SIEVE_SESSION, r->session);
    add_value(s, SIEVE_REQUEST_TYPE, r->request_type);
    add_value(s, SIEVE_KEY, r->key);
    add_value(s, SIEVE_PROVIDER, r->provider);
    add_mark(s, sieve_status_mark(r->status));
    sieve_tags(r->tags, add_tag, s);
    return FAULT_NONE;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

enum fault sieve_save(struct sieve *s, struct database *db, struct error *error) {
    struct statement *q;
    if (!s->changed) return FAULT_NONE;
    enum fault fault =
        statement_of(db, "REPLACE INTO sieve(id, lo, hi, n, marks) VALUES(?1, ?2, ?3, ?4, ?5)", &q, error);
    if (fault != FAULT_NONE) return fault;
    uint32_t *sorted = mem_new_array(uint32_t, SLOTS), last = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (s->slots[i] != SIEVE_FREE) sorted[n++] = s->slots[i];
    qsort(sorted, n, sizeof *sorted, by_value);
    struct buffer marks;
    buffer_init(&marks, SLOTS * VARINT_MAX);
    for (unsigned i = 0; i < n; i++) {
        varint_put(&marks, sorted[i] - last);
        last = sorted[i];
    }
    statement_bind_i64(q, 1, s->id);
    statement_bind_i64(q, 2, s->lo);
    statement_bind_i64(q, 3, s->hi);
    statement_bind_i64(q, 4, s->n);
    statement_bind_blob(q, 5, s->everything ? MARKS_EVERYTHING : buffer_slice(&marks));
    fault = statement_run(q, error);
    if (fault == FAULT_NONE) s->changed = false;
    buffer_deinit(&marks);
    mem_free(sorted);
    return fault;
}

/* ---- the readers' side ---- */

bool sieve_may_hold(struct slice marks, const uint32_t *wanted, unsigned n) {
    uint64_t step, mark = 0;
    unsigned found = 0;
    while (found < n && marks.len > 0) {
        if (!varint_take(&marks, &step)) return true;
        mark += step;
        for (unsigned i = 0; i < n; i++) found += wanted[i] == mark;
    }
    return found == n;
}
