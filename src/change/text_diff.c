/* Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 4b: the linear-space one, over words or over lines.
 *
 * Invariant of `halve`: what stands before [a0, a1) and [b0, b1) is decided. The search for a middle snake ends after
 * TEXT_DIFF_MOST / 2 edits from either side, and then the box is told as replaced whole; so it takes at most
 * O(length * TEXT_DIFF_MOST) steps and memory in proportion to the length. */
#include "change/text_diff.h"

#include "base/digest.h"
#include "quality/text.h"

#define HALF (TEXT_DIFF_MOST / 2)
#define CONTEXT 2 /* lines around a change, for people */

struct token {
    struct slice text;
    uint64_t hash;
    bool changed, space;
};

struct tokens {
    struct token *at;
    uint32_t n;
};

/* ---- parting ---- */

/* A word, a run of white space within a line, a line's end, or one sign. */
static struct slice next_token(struct slice *rest, bool *ret_space) {
    const char *from = rest->at;
    struct slice ahead = *rest;
    uint32_t c = text_next(&ahead);
    bool word = text_is_word(c) && !text_is_ideograph(c);
    *ret_space = text_is_space(c);
    *rest = ahead;
    while (c != '\n' && rest->len > 0 && (word || *ret_space)) {
        c = text_next(&ahead);
        if (c == '\n' || (word ? !text_is_word(c) || text_is_ideograph(c) : !text_is_space(c))) break;
        *rest = ahead;
    }
    return slice_make(from, (size_t)(rest->at - from));
}

static struct slice next_line(struct slice *rest, bool *ret_space) {
    const char *end = memchr(rest->at, '\n', rest->len);
    size_t n = end != NULL ? (size_t)(end - rest->at) + 1 : rest->len;
    struct slice line = slice_make(rest->at, n);
    *rest = slice_make(rest->at + n, rest->len - n);
    *ret_space = slice_trim(line).len == 0;
    return line;
}

static bool part(struct slice text, struct slice (*next)(struct slice *rest, bool *space), struct arena *arena, struct tokens *ret) {
    uint32_t n = 0;
    bool space;
    for (struct slice rest = text; rest.len > 0; n++) (void)next(&rest, &space);
    ret->at = arena_new_array(arena, struct token, (size_t)n + 1);
    if (ret->at == NULL) return false;
    for (ret->n = 0; text.len > 0; ret->n++) {
        struct token *t = &ret->at[ret->n];
        t->text = next(&text, &t->space);
        t->hash = digest_fast(t->text, 0);
    }
    return true;
}

/* ---- comparing ---- */

struct diff {
    struct token *a, *b;
    int32_t *forth, *back; /* furthest x by diagonal, -HALF-1 .. HALF+1 */
};

struct snake {
    uint32_t x, y, u, v; /* from (x, y) to (u, v), within the box */
};

static bool same(const struct diff *d, uint32_t a, uint32_t b) {
    return d->a[a].hash == d->b[b].hash && slice_eq(d->a[a].text, d->b[b].text);
}

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

/* One step of `edits` edits along all diagonals, from the front or (`end`) the back. */
static bool advance(const struct diff *d, const uint32_t box[4], int32_t edits, bool end, struct snake *ret) {
    int32_t n = (int32_t)(box[1] - box[0]), m = (int32_t)(box[3] - box[2]), w = n - m, odd = (n + m) & 1;
    int32_t *c = end ? d->back : d->forth, *other = end ? d->forth : d->back, reach = end ? edits : edits - 1;
    for (int32_t k = -(edits - 2 * most(0, edits - m)); k <= edits - 2 * most(0, edits - n); k += 2) {
        int32_t x = k == -edits || (k != edits && c[k - 1] < c[k + 1]) ? c[k + 1] : c[k - 1] + 1, y = x - k, s = x, t = y;
        while (x < n && y < m && (end ? same(d, box[1] - 1 - (uint32_t)x, box[3] - 1 - (uint32_t)y) : same(d, box[0] + (uint32_t)x, box[2] + (uint32_t)y)))
            x++, y++;
        c[k] = x;
        int32_t z = w - k;
        if (odd == (int)end || z < -reach || z > reach || x + other[z] < n) continue;
        *ret = end ? (struct snake){(uint32_t)(n - x), (uint32_t)(m - y), (uint32_t)(n - s), (uint32_t)(m - t)}
                   : (struct snake){(uint32_t)s, (uint32_t)t, (uint32_t)x, (uint32_t)y};
        return true;
    }
    return false;
}

static bool find_middle(const struct diff *d, const uint32_t box[4], struct snake *ret) {
    int32_t size = (int32_t)(box[1] - box[0] + box[3] - box[2]);
    d->forth[1] = d->back[1] = 0;
    for (int32_t edits = 0; edits <= (size + 1) / 2 && edits <= HALF; edits++)
        if (advance(d, box, edits, false, ret) || advance(d, box, edits, true, ret)) return true;
    return false;
}

static void halve(const struct diff *d, uint32_t a0, uint32_t a1, uint32_t b0, uint32_t b1) {
    struct snake s;
    while (a0 < a1 && b0 < b1 && same(d, a0, b0)) a0++, b0++;
    while (a0 < a1 && b0 < b1 && same(d, a1 - 1, b1 - 1)) a1--, b1--;
    const uint32_t box[4] = {a0, a1, b0, b1};
    if (a0 < a1 && b0 < b1 && find_middle(d, box, &s)) {
        halve(d, a0, a0 + s.x, b0, b0 + s.y);
        halve(d, a0 + s.u, a1, b0 + s.v, b1);
        return;
    }
    while (a0 < a1) d->a[a0++].changed = true;
    while (b0 < b1) d->b[b0++].changed = true;
}

static bool compare(const struct tokens *a, const struct tokens *b, struct arena *arena) {
    enum { ROOM = 2 * HALF + 8 };
    int32_t *room = arena_new_array(arena, int32_t, 2 * ROOM);
    if (room == NULL) return false;
    struct diff d = {.a = a->at, .b = b->at, .forth = room + ROOM / 2, .back = room + ROOM + ROOM / 2};
    halve(&d, 0, a->n, 0, b->n);
    return true;
}

/* ---- pieces ---- */

/* White space between two changes belongs to them: "be very brief" for "be quite short" is one change. */
static void join(struct tokens *a, struct tokens *b) {
    bool before = false; /* the last that was no white space was changed */
    for (uint32_t i = 0, j = 0; i < a->n || j < b->n;) {
        if (i < a->n && a->at[i].changed) before = true, i++;
        else if (j < b->n && b->at[j].changed) before = true, j++;
        else {
            uint32_t k = 0;
            while (i + k < a->n && j + k < b->n && !a->at[i + k].changed && !b->at[j + k].changed && a->at[i + k].space && !slice_is(a->at[i + k].text, "\n")) k++;
            bool after = (i + k < a->n && a->at[i + k].changed) || (j + k < b->n && b->at[j + k].changed);
            for (uint32_t l = 0; before && after && l < k; l++) a->at[i + l].changed = b->at[j + l].changed = true;
            if (k == 0) k = 1, before = false;
            i += k, j += k;
        }
    }
}

static uint32_t run_of(const struct tokens *t, uint32_t from, bool changed) {
    while (from < t->n && t->at[from].changed == changed) from++;
    return from;
}

static struct slice joined(const struct tokens *t, uint32_t from, uint32_t to) {
    const struct token *last = &t->at[to - 1];
    return slice_make(t->at[from].text.at, (size_t)(last->text.at + last->text.len - t->at[from].text.at));
}

enum fault text_diff(struct slice before, struct slice after, struct arena *arena, struct text_piece **ret, unsigned *ret_n) {
    struct tokens a, b;
    unsigned n = 0;
    if (!part(before, next_token, arena, &a) || !part(after, next_token, arena, &b) || !compare(&a, &b, arena)) return FAULT_TOO_LARGE;
    join(&a, &b);
    struct text_piece *out = arena_new_array(arena, struct text_piece, (size_t)a.n + b.n + 1);
    if (out == NULL) return FAULT_TOO_LARGE;
    for (uint32_t i = 0, j = 0; i < a.n || j < b.n;) {
        uint32_t removed = run_of(&a, i, true), added = run_of(&b, j, true);
        if (removed > i) out[n++] = (struct text_piece){TEXT_REMOVED, joined(&a, i, removed)};
        if (added > j) out[n++] = (struct text_piece){TEXT_ADDED, joined(&b, j, added)};
        i = removed, j = added;
        uint32_t kept = run_of(&a, i, false), other = run_of(&b, j, false); /* as many tokens in both, up to the next change of either */
        uint32_t k = kept - i < other - j ? kept - i : other - j;
        if (k > 0) out[n++] = (struct text_piece){TEXT_SAME, joined(&b, j, j + k)};
        i += k, j += k;
    }
    *ret = out;
    *ret_n = n;
    return FAULT_NONE;
}

static uint64_t count_words(struct slice text) {
    uint64_t n = 0;
    while (text.len > 0) {
        bool space;
        struct slice t = next_token(&text, &space);
        n += !space && text_is_word(text_next(&t));
    }
    return n;
}

double text_same(const struct text_piece *p, unsigned n) {
    uint64_t words[3] = {0};
    for (unsigned i = 0; i < n; i++) words[p[i].kind] += count_words(p[i].text);
    uint64_t all = 2 * words[TEXT_SAME] + words[TEXT_REMOVED] + words[TEXT_ADDED];
    return all > 0 ? (double)(2 * words[TEXT_SAME]) / (double)all : 1;
}

void text_diff_write(const struct text_piece *p, unsigned n, struct json_writer *w) {
    static const char *const names[] = {"same", "remove", "add"};
    json_array(w);
    for (unsigned i = 0; i < n; i++) {
        json_object(w);
        json_member_text(w, "op", names[p[i].kind]);
        json_member_string(w, "text", p[i].text);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- lines ---- */

static void put_line(struct buffer *out, char mark, struct slice line) {
    if (line.len > 0 && line.at[line.len - 1] == '\n') line.len--;
    buffer_byte(out, mark);
    buffer_byte(out, ' ');
    buffer_append(out, line);
    buffer_byte(out, '\n');
}

/* Of `k` lines that both have: the first and the last CONTEXT, where a change stands on that side. */
static void put_same(struct buffer *out, const struct token *lines, uint32_t k, bool before, bool after) {
    uint32_t head = before ? CONTEXT : 0, tail = after ? CONTEXT : 0;
    for (uint32_t i = 0; i < k; i++) {
        if (i < head || i + tail >= k) put_line(out, ' ', lines[i].text);
        else if (i == head && before) buffer_append(out, SLICE("  ...\n"));
    }
}

void text_diff_lines(struct slice before, struct slice after, struct arena *arena, struct buffer *out) {
    struct tokens a, b;
    if (!part(before, next_line, arena, &a) || !part(after, next_line, arena, &b) || !compare(&a, &b, arena)) {
        buffer_append(out, SLICE("the texts are too large to be compared\n"));
        return;
    }
    for (uint32_t i = 0, j = 0; i < a.n || j < b.n;) {
        bool any = false;
        for (; i < a.n && a.at[i].changed; i++, any = true) put_line(out, '-', a.at[i].text);
        for (; j < b.n && b.at[j].changed; j++, any = true) put_line(out, '+', b.at[j].text);
        uint32_t kept = run_of(&a, i, false) - i, other = run_of(&b, j, false) - j, k = kept < other ? kept : other;
        put_same(out, &b.at[j], k, any, i + k < a.n || j + k < b.n);
        i += k, j += k;
    }
}
