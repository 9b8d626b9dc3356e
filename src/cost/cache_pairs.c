#include "cost/cache_pairs.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/table.h"
#include "base/csv.h"
#include "model/literals.h"

enum { LITERALS_MOST = 16 * LIMIT_CACHE_WORDING }; /* one word of a letter costs nine bytes */

/* ---- questions ---- */

void cache_question_of(struct slice text, struct buffer *room, struct cache_question *ret) {
    ret->can_match = text.len <= LIMIT_CACHE_WORDING && embedding_of(text, &ret->at);
    if (!ret->can_match) return;
    buffer_clear(room);
    literals_of(text, room);
    digest_fast128(buffer_slice(room), ret->literals);
}

int32_t cache_question_similarity(const struct cache_question *a, const struct cache_question *b) {
    if (!a->can_match || !b->can_match || memcmp(a->literals, b->literals, sizeof a->literals) != 0)
        return -1;
    return embedding_similarity(&a->at, &b->at);
}

/* ---- files ---- */

struct reading {
    struct arena *arena;
    struct cache_pairs *to;
    struct cache_question *questions;
    size_t room;
    struct table numbers; /* question -> its number + 1 */
    struct buffer scratch;
};

static enum fault number_of(struct reading *r, struct slice text, uint32_t *ret, struct error *error) {
    uintptr_t known = (uintptr_t)table_get(&r->numbers, text);
    if (known > 0) {
        *ret = (uint32_t)(known - 1);
        return FAULT_NONE;
    }
    uint32_t number = r->to->n_questions;
    if (number == r->room) {
        size_t larger = r->room > 0 ? 2 * r->room : 256;
        struct cache_question *q =
            arena_resize(r->arena, r->questions, r->room * sizeof *q, larger * sizeof *q);
        if (!q) return error_set(error, FAULT_TOO_LARGE, "no room for more than %u questions", number);
        r->questions = q;
        r->room = larger;
    }
    cache_question_of(text, &r->scratch, &r->questions[number]);
    table_put(&r->numbers, text, (void *)(uintptr_t)(number + 1));
    r->to->n_questions++;
    *ret = number;
    return FAULT_NONE;
}

static bool read_same(struct slice text, bool *ret) {
    bool yes =
        slice_is(text, "1") || slice_eq_nocase(text, SLICE("true")) || slice_eq_nocase(text, SLICE("yes"));
    bool no =
        slice_is(text, "0") || slice_eq_nocase(text, SLICE("false")) || slice_eq_nocase(text, SLICE("no"));
    *ret = yes;
    return yes || no;
}

static enum fault add(struct reading *r, size_t line, struct slice a, struct slice b, struct slice same,
                      struct error *error) {
    struct cache_pair p = {0};
    a = slice_trim(a), b = slice_trim(b);
    if (a.len == 0 || b.len == 0)
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: a question is missing", line);
    if (!slice_is_utf8(a) || !slice_is_utf8(b))
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: a question is no UTF-8", line);
    if (!read_same(slice_trim(same), &p.right))
        return error_set(error, FAULT_BAD_REQUEST,
                         "line %zu: same: expected 1 or 0, true or false, yes or no", line);
    if (slice_eq(a, b)) {
        r->to->same++;
        return FAULT_NONE;
    }
    if (r->to->n == CACHE_PAIRS_MOST)
        return error_set(error, FAULT_TOO_LARGE, "line %zu: expected at most %d pairs", line,
                         CACHE_PAIRS_MOST);
    enum fault fault = number_of(r, a, &p.a, error);
    if (fault == FAULT_NONE) fault = number_of(r, b, &p.b, error);
    if (fault != FAULT_NONE) return fault;
    p.similarity = cache_question_similarity(&r->questions[p.a], &r->questions[p.b]);
    r->to->apart += p.similarity < 0;
    r->to->pairs[r->to->n++] = p;
    return FAULT_NONE;
}

static enum fault columns_of(const struct csv_row *row, unsigned columns[3], struct error *error) {
    static const char *const names[3] = {"question_a", "question_b", "same"};
    for (unsigned i = 0; i < 3; i++) {
        for (columns[i] = 0; columns[i] < row->n && !slice_is(row->fields[columns[i]], names[i]);)
            columns[i]++;
        if (columns[i] == row->n)
            return error_set(error, FAULT_BAD_REQUEST,
                             "line 1: expected the columns question_a, question_b and same; `%s` is missing",
                             names[i]);
    }
    return FAULT_NONE;
}

static enum fault read_csv(struct reading *r, struct slice text, struct error *error) {
    struct csv csv;
    struct csv_row row;
    unsigned at[3] = {0};
    bool end = false;
    csv_init(&csv, text, r->arena);
    enum fault fault = csv_next(&csv, &row, &end, error);
    if (fault == FAULT_NONE && end) return error_set(error, FAULT_BAD_REQUEST, "there are no pairs");
    if (fault == FAULT_NONE) fault = columns_of(&row, at, error);
    while (fault == FAULT_NONE && (fault = csv_next(&csv, &row, &end, error)) == FAULT_NONE && !end) {
        if (at[0] >= row.n || at[1] >= row.n || at[2] >= row.n)
            return error_set(error, FAULT_BAD_REQUEST, "line %zu: expected as many fields as line 1 has",
                             csv.line);
        fault = add(r, csv.line, row.fields[at[0]], row.fields[at[1]], row.fields[at[2]], error);
    }
    return fault;
}

static enum fault read_json_line(struct reading *r, size_t line, struct slice text, struct error *error) {
    struct json_doc d;
    struct error inner;
    if (json_read(text, r->arena, 1, &d, &inner) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT)
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: expected a JSON object", line);
    uint32_t same = json_get(&d, 0, "same");
    struct slice word = json_type(&d, same) == JSON_STRING ? json_string(&d, same, r->arena)
                        : same == JSON_NONE                ? SLICE_NULL
                                                           : json_raw(&d, same);
    return add(r, line, json_string(&d, json_get(&d, 0, "question_a"), r->arena),
               json_string(&d, json_get(&d, 0, "question_b"), r->arena), word, error);
}

static enum fault read_lines(struct reading *r, struct slice text, struct error *error) {
    struct slice line;
    enum fault fault = FAULT_NONE;
    for (size_t number = 1; fault == FAULT_NONE && text.len > 0; number++) {
        slice_cut(text, '\n', &line, &text);
        line = slice_trim(line);
        if (line.len > 0) fault = read_json_line(r, number, line, error);
    }
    return fault;
}

enum fault cache_pairs_read(struct slice text, struct arena *arena, struct cache_pairs *ret,
                            struct error *error) {
    struct cache_pairs pairs = {0};
    struct reading r = {.arena = arena, .to = &pairs};
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) lines += text.at[i] == '\n' || text.at[i] == '\r';
    pairs.pairs =
        arena_new_array(arena, struct cache_pair, lines < CACHE_PAIRS_MOST ? lines : CACHE_PAIRS_MOST);
    if (!pairs.pairs) return error_set(error, FAULT_TOO_LARGE, "no room for %zu pairs", lines);
    table_init(&r.numbers);
    buffer_init(&r.scratch, LITERALS_MOST);
    bool json = slice_starts(slice_trim(text), SLICE("{"));
    enum fault fault = json ? read_lines(&r, text, error) : read_csv(&r, text, error);
    table_deinit(&r.numbers);
    buffer_deinit(&r.scratch);
    if (fault == FAULT_NONE) *ret = pairs;
    return fault;
}
