#include "cost/invoice.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/csv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define DAY_US 86400000000LL
#define COUNT_MAX                                                                                            \
    1000000000000LL /* of one row: a million times what a busy key uses in a day, and sums stay whole */

enum field { DAY, MODEL, REQUESTS, INPUT, UNCACHED, CACHE_READ, CACHE_WRITE, OUTPUT, COST, CURRENCY };

/* Of several names with one meaning the first that the file has is read; cache writes are summed. */
static const struct column {
    enum invoice_kind kind;
    enum field field;
    const char *name;
} columns[] = {
    {INVOICE_OPENAI, DAY, "start_time"},
    {INVOICE_OPENAI, DAY, "start_time_iso"},
    {INVOICE_OPENAI, DAY, "date"},
    {INVOICE_OPENAI, DAY, "usage_date"},
    {INVOICE_OPENAI, DAY, "aggregation_timestamp"},
    {INVOICE_OPENAI, DAY, "timestamp"},
    {INVOICE_OPENAI, MODEL, "model"},
    {INVOICE_OPENAI, MODEL, "snapshot_id"},
    {INVOICE_OPENAI, REQUESTS, "num_model_requests"},
    {INVOICE_OPENAI, REQUESTS, "n_requests"},
    {INVOICE_OPENAI, INPUT, "input_tokens"},
    {INVOICE_OPENAI, INPUT, "n_context_tokens_total"},
    {INVOICE_OPENAI, CACHE_READ, "input_cached_tokens"},
    {INVOICE_OPENAI, CACHE_READ, "n_cached_context_tokens_total"},
    {INVOICE_OPENAI, OUTPUT, "output_tokens"},
    {INVOICE_OPENAI, OUTPUT, "n_generated_tokens_total"},
    {INVOICE_OPENAI, COST, "amount_value"},
    {INVOICE_OPENAI, COST, "amount"},
    {INVOICE_OPENAI, COST, "cost_usd"},
    {INVOICE_OPENAI, CURRENCY, "amount_currency"},
    {INVOICE_OPENAI, CURRENCY, "currency"},
    {INVOICE_ANTHROPIC, DAY, "usage_date_utc"},
    {INVOICE_ANTHROPIC, MODEL, "model_version"},
    {INVOICE_ANTHROPIC, MODEL, "model"},
    {INVOICE_ANTHROPIC, UNCACHED, "usage_input_tokens_no_cache"},
    {INVOICE_ANTHROPIC, CACHE_READ, "usage_input_tokens_cache_read"},
    {INVOICE_ANTHROPIC, CACHE_WRITE, "usage_input_tokens_cache_write"},
    {INVOICE_ANTHROPIC, CACHE_WRITE, "usage_input_tokens_cache_write_5m"},
    {INVOICE_ANTHROPIC, CACHE_WRITE, "usage_input_tokens_cache_write_1h"},
    {INVOICE_ANTHROPIC, OUTPUT, "usage_output_tokens"},
    {INVOICE_ANTHROPIC, COST, "cost_usd"},
    {INVOICE_ANTHROPIC, CURRENCY, "currency"},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, NOWHERE = CSV_COLUMNS };

struct reading {
    struct invoice invoice;
    struct arena *arena;
    struct csv csv;
    struct csv_row row;
    unsigned at[N_COLUMNS]; /* place in the row of each known column, or NOWHERE */
    struct table places;    /* day and family -> place + 1 in rows */
    size_t capacity;
};

/* ---- families ---- */

static bool ends_in_date(struct slice s, size_t *ret_cut) {
    static const char *const shapes[] = {"-dddd-dd-dd", "-dddddddd", "@dddddddd", "-dddd", "-latest"};
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = strlen(shapes[i]), j = 0;
        if (s.len <= n) continue;
        const char *tail = s.at + s.len - n;
        bool literal = i == 4;
        while (j < n &&
               (!literal && shapes[i][j] == 'd' ? isdigit((unsigned char)tail[j]) : tail[j] == shapes[i][j]))
            j++;
        if (j < n) continue;
        *ret_cut = n;
        return true;
    }
    return false;
}

struct slice invoice_family(struct slice model, struct arena *arena) {
    size_t cut;
    for (size_t i = model.len; i > 0; i--)
        if (model.at[i - 1] == '/') {
            model = slice_make(model.at + i, model.len - i);
            break;
        }
    char *text = arena_text(arena, slice_trim(model));
    if (!text) return SLICE_NULL;
    for (char *c = text; *c; c++) *c = (char)tolower((unsigned char)*c);
    struct slice family = slice_of(text);
    if (ends_in_date(family, &cut)) family.len -= cut;
    return family;
}

/* ---- the head ---- */

static void find_columns(struct reading *r) {
    for (unsigned c = 0; c < N_COLUMNS; c++) {
        r->at[c] = NOWHERE;
        for (unsigned i = 0; i < r->row.n && r->at[c] == NOWHERE; i++)
            if (slice_eq_nocase(r->row.fields[i], slice_of(columns[c].name))) r->at[c] = i;
    }
}

/* The first column of this meaning that the file has, from `from` on; N_COLUMNS: none. */
static unsigned column_of(const struct reading *r, enum field f, unsigned from) {
    for (unsigned c = from; c < N_COLUMNS; c++)
        if (columns[c].kind == r->invoice.kind && columns[c].field == f && r->at[c] != NOWHERE) return c;
    return N_COLUMNS;
}

static const char *first_name(enum invoice_kind kind, enum field f) {
    for (unsigned c = 0; c < N_COLUMNS; c++)
        if (columns[c].kind == kind && columns[c].field == f) return columns[c].name;
    return "";
}

static enum fault read_head(struct reading *r, struct error *error) {
    bool end;
    enum fault f = csv_next(&r->csv, &r->row, &end, error);
    if (f) return f;
    if (end) return error_set(error, FAULT_BAD_REQUEST, "the file is empty; expected a head of column names");
    find_columns(r);
    r->invoice.kind = INVOICE_ANTHROPIC;
    if (column_of(r, UNCACHED, 0) == N_COLUMNS) r->invoice.kind = INVOICE_OPENAI;
    enum invoice_kind kind = r->invoice.kind;
    const enum field needed[] = {DAY, MODEL, kind == INVOICE_OPENAI ? INPUT : UNCACHED, OUTPUT};
    unsigned missing = 0, first = 0;
    for (unsigned i = 4; i-- > 0;)
        if (column_of(r, needed[i], 0) == N_COLUMNS) missing++, first = needed[i];
    if (missing == 0) return FAULT_NONE;
    if (kind == INVOICE_OPENAI && missing >= 3)
        return error_set(
            error, FAULT_BAD_REQUEST,
            "not a usage export that is known: expected the columns start_time, model, input_tokens, "
            "output_tokens (OpenAI) or usage_date_utc, model_version, usage_input_tokens_no_cache, "
            "usage_output_tokens (Anthropic); the first column is \"" SLICE_FMT "\"",
            SLICE_ARG(r->row.fields[0]));
    return error_set(error, FAULT_BAD_REQUEST, "the column %s of an %s usage export is missing",
                     first_name(kind, (enum field)first), kind == INVOICE_OPENAI ? "OpenAI" : "Anthropic");
}

/* ---- rows ---- */

static struct slice value_at(const struct reading *r, unsigned column) {
    return r->at[column] < r->row.n ? r->row.fields[r->at[column]] : SLICE_NULL;
}

static enum fault bad_value(const struct reading *r, unsigned column, const char *expected,
                            struct error *error) {
    return error_set(error, FAULT_BAD_REQUEST, "line %zu, column %s: expected %s, found \"" SLICE_FMT "\"",
                     r->csv.line, columns[column].name, expected, SLICE_ARG(value_at(r, column)));
}

/* "12,345" as a spreadsheet shows it is 12345. */
static struct slice without_commas(struct slice s, char room[64]) {
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < 63; i++)
        if (s.at[i] != ',') room[n++] = s.at[i];
    return slice_make(room, n);
}

/* Adds every column of this meaning (cache writes), or the first. An empty field is 0. */
static enum fault read_count(const struct reading *r, enum field f, int64_t *ret, struct error *error) {
    unsigned c = column_of(r, f, 0);
    int64_t sum = c == N_COLUMNS ? INVOICE_UNKNOWN : 0;
    for (; c < N_COLUMNS; c = f == CACHE_WRITE ? column_of(r, f, c + 1) : N_COLUMNS) {
        char room[64];
        int64_t n = 0;
        struct slice text = without_commas(value_at(r, c), room);
        if (text.len > 0 && (!money_parse(text, 0, &n) || n < 0 || n > COUNT_MAX))
            return bad_value(r, c, "a number of tokens or requests", error);
        sum += n;
    }
    *ret = sum;
    return FAULT_NONE;
}

static enum fault read_day(const struct reading *r, int64_t *ret, struct error *error) {
    unsigned c = column_of(r, DAY, 0);
    struct slice text = value_at(r, c);
    uint64_t seconds;
    int64_t us;
    if (slice_to_u64(text, &seconds) && seconds < 100000000000u) { /* unix time, up to the year 5138 */
        *ret = (int64_t)(seconds / 86400);
        return FAULT_NONE;
    }
    bool good = text.len >= 10 && isdigit((unsigned char)text.at[0]) &&
                (clock_parse(text, &us) || clock_parse(slice_make(text.at, 10), &us));
    if (!good || us < 0) return bad_value(r, c, "a date or unix time", error);
    *ret = us / DAY_US;
    return FAULT_NONE;
}

static enum fault read_cost(const struct reading *r, int64_t *ret, struct error *error) {
    unsigned c = column_of(r, COST, 0), currency = column_of(r, CURRENCY, 0);
    char room[64];
    double usd;
    *ret = MONEY_UNKNOWN;
    if (c == N_COLUMNS) return FAULT_NONE;
    if (currency != N_COLUMNS) {
        struct slice name = value_at(r, currency);
        if (name.len > 0 && !slice_eq_nocase(name, SLICE("usd"))) return bad_value(r, currency, "usd", error);
    }
    struct slice text = without_commas(value_at(r, c), room);
    if (text.len == 0) return FAULT_NONE;
    if (money_parse(text, 9, ret)) return FAULT_NONE;
    if (!slice_to_double(text, &usd) || !(fabs(usd) < 9e9)) return bad_value(r, c, "an amount in USD", error);
    *ret = llround(usd * (double)MONEY_USD); /* digits beyond a nano-dollar */
    return FAULT_NONE;
}

static void add_count(int64_t *to, int64_t n) {
    if (n != INVOICE_UNKNOWN) *to = (*to == INVOICE_UNKNOWN ? 0 : *to) + n;
}

static void add_sums(struct invoice_sums *to, const struct invoice_sums *s) {
    add_count(&to->requests, s->requests);
    add_count(&to->input, s->input);
    add_count(&to->cache_read, s->cache_read);
    add_count(&to->cache_write, s->cache_write);
    add_count(&to->output, s->output);
    to->cost_nano = money_add(to->cost_nano, s->cost_nano);
}

static enum fault keep_row(struct reading *r, const struct invoice_row *row, struct error *error) {
    struct invoice *i = &r->invoice;
    struct slice family = invoice_family(row->model, r->arena);
    struct slice key = arena_printf(r->arena, "%lld " SLICE_FMT, (long long)row->day, SLICE_ARG(family));
    size_t place = slice_is_null(key) ? 0 : (size_t)table_get(&r->places, key);
    if (place > 0) {
        add_sums(&i->rows[place - 1].sums, &row->sums);
        return FAULT_NONE;
    }
    if (i->n == r->capacity) {
        size_t more = r->capacity ? 2 * r->capacity : 64, size = sizeof *i->rows;
        struct invoice_row *rows = arena_resize(r->arena, i->rows, r->capacity * size, more * size);
        if (rows) i->rows = rows, r->capacity = more;
    }
    if (arena_is_full(r->arena))
        return error_set(error, FAULT_TOO_LARGE, "line %zu: the file needs more memory than it may have",
                         r->csv.line);
    i->rows[i->n++] = *row;
    (void)table_put(&r->places, key, (void *)i->n);
    if (i->n == 1 || row->day < i->first_day) i->first_day = row->day;
    if (i->n == 1 || row->day > i->last_day) i->last_day = row->day;
    return FAULT_NONE;
}

static enum fault read_row(struct reading *r, struct error *error) {
    struct invoice_row row = {.model = value_at(r, column_of(r, MODEL, 0))};
    struct invoice_sums *s = &row.sums;
    bool openai = r->invoice.kind == INVOICE_OPENAI;
    enum fault f = read_day(r, &row.day, error);
    if (!f) f = read_count(r, REQUESTS, &s->requests, error);
    if (!f) f = read_count(r, openai ? INPUT : UNCACHED, &s->input, error);
    if (!f) f = read_count(r, CACHE_READ, &s->cache_read, error);
    if (!f) f = read_count(r, CACHE_WRITE, &s->cache_write, error);
    if (!f) f = read_count(r, OUTPUT, &s->output, error);
    if (!f) f = read_cost(r, &s->cost_nano, error);
    if (f) return f;
    if (row.model.len == 0)
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: no model; export the usage grouped by model",
                         r->csv.line);
    if (!openai) { /* Anthropic's input is what was not cached */
        if (s->cache_read > 0) s->input += s->cache_read;
        if (s->cache_write > 0) s->input += s->cache_write;
    }
    return keep_row(r, &row, error);
}

static int by_day_and_model(const void *left, const void *right) {
    const struct invoice_row *a = left, *b = right;
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    size_t shorter = a->model.len < b->model.len ? a->model.len : b->model.len;
    int order = memcmp(a->model.at, b->model.at, shorter);
    return order ? order : a->model.len < b->model.len ? -1 : a->model.len > b->model.len;
}

enum fault invoice_read(struct slice text, struct arena *arena, struct invoice *ret, struct error *error) {
    struct reading *r = mem_new(struct reading);
    bool end = false;
    r->arena = arena;
    table_init(&r->places);
    csv_init(&r->csv, text, arena);
    enum fault f = read_head(r, error);
    while (!f && !end) {
        f = csv_next(&r->csv, &r->row, &end, error);
        bool blank = r->row.n == 1 && r->row.fields[0].len == 0;
        if (!f && !end && !blank) f = read_row(r, error);
    }
    if (!f && r->invoice.n == 0) f = error_set(error, FAULT_BAD_REQUEST, "the export has a head but no rows");
    if (!f) {
        qsort(r->invoice.rows, r->invoice.n, sizeof *r->invoice.rows, by_day_and_model);
        *ret = r->invoice;
    }
    table_deinit(&r->places);
    mem_free(r);
    return f;
}
