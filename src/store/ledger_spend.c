/* Reading what was spent: hours from the writer's sums, ends of the window from records, file by file. */
#include "store/ledger_spend.h"
#include "base/digest.h"
#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/rollup.h"
#include "store/spend_fold.h"
#include "store/varint.h"

enum {
    KEY_TEXT = 16 << 10,
    SPEND_SCHEMA = 2, /* the version of day files that brought the sums */
    HOURS = SPEND_FOLDS, /* no fold: all dimensions by the hour */
    LABELS_FIRST = 16 << 10,
    LABELS_MAX = 64 << 20,
    HASH_BYTES = 16
};
#define TO_OPEN (INT64_MAX - INT64_MAX % SPEND_HOUR_US - SPEND_HOUR_US)

struct found {
    struct spend_group group; /* names point into `text` */
    char *text;
};

/* A row of spend_dimension as this query sees it. */
struct label {
    bool known, wanted;
    unsigned folded;
    struct slice texts[SPEND_DIMENSIONS];
    struct found *found; /* of the bucket that was read last */
};

struct spend_scan {
    const struct spend_query *query;
    int64_t from_us, to_us;
    int64_t unit_us; /* 0: time does not group */
    unsigned asked;  /* dimensions that group or filter: bits */
    struct table groups;
    struct spend_source source;
    struct buffer key, prompt;
    bool too_many;
};

/* One day file under way. */
struct spend_file {
    struct spend_scan *scan;
    struct database *db;
    int64_t day;
    struct arena arena;
    struct label *labels;
    int64_t n_labels;
    bool in_records; /* the sums do not answer this query */
    bool folded;     /* there are sums by longer times and fewer dimensions */
    int64_t bucket;  /* start of the bucket whose groups the labels hold */
    int64_t row;     /* id of the row that is read */
};

/* ---- groups ---- */

static void put_key(struct buffer *key, unsigned by, int64_t start, const struct slice *texts) {
    buffer_clear(key);
    buffer_append(key, slice_make((const char *)&start, sizeof start));
    for (int i = 0; i < SPEND_DIMENSIONS; i++) {
        if (!(by >> i & 1)) continue;
        varint_put(key, slice_is_null(texts[i]) ? 0 : texts[i].len + 1);
        buffer_append(key, texts[i]);
    }
}

/* A system prompt's 16 bytes as people see them. */
static void put_name(struct found *f, int i, struct slice text) {
    f->group.names[i] = text;
    if (i != SPEND_BY_SYSTEM_PROMPT || text.len != HASH_BYTES) return;
    char *hex = mem_alloc(2 * HASH_BYTES + 1);
    digest_hex((const uint8_t *)text.at, HASH_BYTES, hex);
    f->group.names[i] = slice_make(hex, 2 * HASH_BYTES);
}

static struct found *new_found(unsigned by, struct slice key) {
    struct found *f = mem_new(struct found);
    f->text = mem_copy(key.at, key.len);
    memcpy(&f->group.start_us, f->text, sizeof f->group.start_us);
    struct slice rest = {f->text + sizeof f->group.start_us, key.len - sizeof f->group.start_us};
    for (int i = 0; i < SPEND_DIMENSIONS; i++) {
        uint64_t len = 0;
        if (!(by >> i & 1) || !varint_take(&rest, &len) || len == 0) continue;
        put_name(f, i, slice_make(rest.at, (size_t)len - 1));
        rest.at += len - 1, rest.len -= (size_t)len - 1;
    }
    return f;
}

static void free_found(struct found *f) {
    struct slice hash = f->group.names[SPEND_BY_SYSTEM_PROMPT];
    if (hash.len == 2 * HASH_BYTES)
        mem_free((char *)hash.at); /* put_name made it; others point into `text` */
    mem_free(f->text);
    mem_free(f);
}

static int64_t bucket_of(const struct spend_scan *s, int64_t time_us) {
    return s->unit_us > 0 && time_us > 0 ? time_us - time_us % s->unit_us : 0;
}

/* NULL: there are too many. */
static struct found *group_of(struct spend_scan *s, int64_t start, const struct slice *texts) {
    put_key(&s->key, s->query->by, start, texts);
    struct found *f = table_get(&s->groups, buffer_slice(&s->key));
    if (f != NULL) return f;
    s->too_many = s->groups.count >= LIMIT_SPEND_GROUPS;
    if (s->too_many) return NULL;
    f = new_found(s->query->by, buffer_slice(&s->key));
    table_put(&s->groups, buffer_slice(&s->key), f);
    return f;
}

/* ---- from records ---- */

static bool is(struct slice wanted, struct slice value) {
    return slice_is_null(wanted) || (!slice_is_null(value) && slice_eq(wanted, value));
}

/* A system prompt is asked for by its hex digits and kept as bytes. */
static bool is_hash(struct slice wanted, struct slice value) {
    char hex[2 * HASH_BYTES + 1];
    if (slice_is_null(wanted)) return true;
    if (value.len != HASH_BYTES) return false;
    digest_hex((const uint8_t *)value.at, HASH_BYTES, hex);
    return slice_is(wanted, hex);
}

static bool is_wanted(const struct spend_query *q, const struct slice *texts) {
    for (int i = 0; i < SPEND_DIMENSIONS; i++)
        if (i == SPEND_BY_SYSTEM_PROMPT ? !is_hash(q->only[i], texts[i])
            : i == SPEND_BY_PROMPT      ? !rollup_is_prompt(q->only[i], texts[i])
                                        : !is(q->only[i], texts[i]))
            return false;
    return true;
}

static bool add_record(void *ctx, const struct record *r) {
    struct spend_file *f = ctx;
    struct spend_scan *s = f->scan;
    struct slice texts[SPEND_DIMENSIONS];
    s->source.records++;
    spend_texts(r, &s->prompt, texts);
    texts[SPEND_BY_USER] = r->user;
    if (!is_wanted(s->query, texts)) return true;
    struct found *found = group_of(s, bucket_of(s, ledger_time(r)), texts);
    if (found == NULL) return false;
    spend_sums_add(&found->group.sums, r);
    return true;
}

static enum fault too_many(struct error *error) {
    return error_set(error, FAULT_TOO_LARGE,
                     "more than %d groups: ask for fewer dimensions or a shorter window", LIMIT_SPEND_GROUPS);
}

static enum fault read_records(struct spend_file *f, int64_t from, int64_t to, struct error *error) {
    const struct spend_query *q = f->scan->query;
    if (from >= to) return FAULT_NONE;
    struct record_filter filter = {.from_us = from,
                                   .to_us = to,
                                   .status = -1,
                                   .application = q->only[SPEND_BY_APPLICATION],
                                   .model = q->only[SPEND_BY_MODEL],
                                   .user = q->only[SPEND_BY_USER],
                                   .request_type = q->only[SPEND_BY_REQUEST_TYPE],
                                   .key = q->only[SPEND_BY_KEY],
                                   .provider = q->only[SPEND_BY_PROVIDER],
                                   .oldest_first = true};
    if (q->records != NULL) {
        filter.session = q->records->session;
        filter.tag = q->records->tag;
        filter.status = q->records->status;
        filter.arm = q->records->arm;
    }
    enum fault fault = ledger_scan_day(f->db, f->day, &filter, add_record, f, error);
    return fault == FAULT_NONE && f->scan->too_many ? too_many(error) : fault;
}

/* ---- from the sums ---- */

static void read_label(struct spend_file *f, struct statement *s, struct label *label) {
    label->known = true;
    label->folded = (unsigned)statement_i64(s, 1);
    for (int i = 0; i < SPEND_TEXTS; i++)
        if (f->scan->asked >> i & 1) label->texts[i] = statement_copy(s, i + 2, &f->arena);
    label->wanted = is_wanted(f->scan->query, label->texts);
    if (label->folded & f->scan->asked) f->in_records = true;
}

/* Read from the sums by few dimensions alone. */
static bool is_about_few(const struct spend_file *f) { return f->folded && (f->scan->asked & ~SPEND_FEW) == 0; }

#define SELECT_LABELS                                                                                          \
    "SELECT id, folded, application, request_type, model, provider, target_model, prompt, feature, team, key,"  \
    " system_prompt FROM spend_dimension"
static enum fault load_labels(struct spend_file *f, struct error *error) {
    struct statement *s;
    bool row = false;
    int64_t last = 0;
    enum fault fault = database_number(f->db, "SELECT max(id) FROM spend_dimension", &last, error);
    if (fault != FAULT_NONE) return fault;
    f->n_labels = last + 1;
    f->labels = arena_new_array(&f->arena, struct label, (size_t)f->n_labels);
    fault = statement_of(f->db, is_about_few(f) ? SELECT_LABELS " WHERE few = 1" : SELECT_LABELS, &s, error);
    if (fault != FAULT_NONE) return fault;
    while (f->labels != NULL && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        int64_t id = statement_i64(s, 0);
        if (id >= 0 && id <= last) read_label(f, s, &f->labels[id]);
    }
    statement_reset(s);
    if (fault == FAULT_NONE && arena_is_full(&f->arena))
        fault = error_set(error, FAULT_TOO_LARGE, "%s: too many dimensions", database_name(f->db));
    return fault;
}

static struct spend_sums *sums_of(void *ctx, unsigned place) {
    struct spend_file *f = ctx;
    int64_t at = (f->row & ((1 << SPEND_ROW_BITS) - 1)) * CELLS_PER_ROW + place;
    struct label *label = at < f->n_labels ? &f->labels[at] : NULL;
    if (label == NULL || !label->known || !label->wanted || f->scan->too_many) return NULL;
    if (label->found == NULL) label->found = group_of(f->scan, f->bucket, label->texts);
    if (label->found == NULL) return NULL;
    f->scan->source.cells++;
    return &label->found->group.sums;
}

static enum fault read_rows(struct spend_file *f, struct statement *s, struct error *error) {
    enum fault fault;
    bool row = false;
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        f->row = statement_i64(s, 0);
        int64_t bucket = bucket_of(f->scan, spend_fold_hour(f->row) * SPEND_HOUR_US);
        if (bucket != f->bucket)
            for (int64_t i = 0; i < f->n_labels; i++) f->labels[i].found = NULL;
        f->bucket = bucket;
        if (!spend_row_decode(statement_bytes(s, 1), sums_of, f))
            return error_set(error, FAULT_CORRUPT, "%s: a sum of costs cannot be read", database_name(f->db));
        if (f->scan->too_many) return too_many(error);
    }
    return fault;
}

/* Whole hours; of a fold (HOURS: none) whole times of it. */
static enum fault read_kind(struct spend_file *f, unsigned kind, int64_t from, int64_t to, struct error *error) {
    struct statement *s;
    if (from >= to) return FAULT_NONE;
    enum fault fault = statement_of(f->db,
                                    kind == HOURS ? "SELECT id, body FROM spend_hour WHERE id >= ?1 AND id < ?2 ORDER BY id"
                                                  : "SELECT id, body FROM spend_fold WHERE id >= ?1 AND id < ?2 ORDER BY id",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    enum spend_fold fold = kind == HOURS ? SPEND_FOLD_FEW : (enum spend_fold)kind; /* its ids have nothing above them */
    statement_bind_i64(s, 1, spend_fold_id(fold, from / SPEND_HOUR_US, 0));
    statement_bind_i64(s, 2, spend_fold_id(fold, to / SPEND_HOUR_US, 0));
    fault = read_rows(f, s, error);
    statement_reset(s);
    return fault;
}

/* The fewest rows that tell what is asked for: from `from` on of this kind, until *ret_end. */
static unsigned choose_kind(const struct spend_file *f, int64_t from, int64_t to, int64_t *ret_end) {
    *ret_end = to;
    if (!f->folded) return HOURS;
    if (is_about_few(f)) return SPEND_FOLD_FEW;
    if (f->scan->unit_us == SPEND_HOUR_US) return HOURS;
    for (unsigned kind = SPEND_FOLD_DAY; kind > SPEND_FOLD_FEW; kind--) {
        int64_t time = spend_fold_hours[kind] * SPEND_HOUR_US;
        if (from % time == 0 && to - from >= time) {
            *ret_end = from + time;
            return kind;
        }
    }
    int64_t quarter = spend_fold_hours[SPEND_FOLD_QUARTER] * SPEND_HOUR_US, end = from - from % quarter + quarter;
    if (end < to) *ret_end = end;
    return HOURS;
}

/* Whole hours. */
static enum fault read_hours(struct spend_file *f, int64_t from, int64_t to, struct error *error) {
    enum fault fault = FAULT_NONE;
    for (int64_t end; from < to && fault == FAULT_NONE; from = end) {
        unsigned kind = choose_kind(f, from, to, &end);
        fault = read_kind(f, kind, from, end, error);
    }
    return fault;
}

/* ---- a file ---- */

/* Whether the sums answer: they hold every record, and what is asked for was not folded in them. */
static enum fault choose_source(struct spend_file *f, struct error *error) {
    int64_t version = 0, whole = 0;
    const struct spend_query *q = f->scan->query;
    f->in_records = q->by & SPEND_BIT(USER) || !slice_is_null(q->only[SPEND_BY_USER]) || q->records != NULL;
    if (f->in_records) return FAULT_NONE;
    enum fault fault = database_number(f->db, "PRAGMA user_version", &version, error);
    if (fault == FAULT_NONE && version >= SPEND_SCHEMA)
        fault = database_number(f->db, "SELECT whole FROM spend_state", &whole, error);
    f->in_records = whole == 0;
    if (fault == FAULT_NONE) fault = spend_is_folded(f->db, &f->folded, error);
    return fault == FAULT_NONE && !f->in_records ? load_labels(f, error) : fault;
}

/* Where the file can have any: a day's and those beside it, in whole days. */
static void sums_span(const struct spend_file *f, int64_t from, int64_t to, int64_t *ret_from, int64_t *ret_to) {
    int64_t first = (f->day > 0 ? f->day - 1 : 0) * DAY_US, last = (f->day + 2) * DAY_US;
    *ret_from = from > first ? from : first;
    *ret_to = to < last ? to : last;
}

static enum fault read_file(struct spend_file *f, struct error *error) {
    struct spend_scan *s = f->scan;
    struct span span;
    enum fault fault = database_begin_read(f->db, error);
    if (fault == FAULT_NONE) fault = span_load(&span, f->db, error);
    if (fault == FAULT_NONE && span.records > 0 && span.to_us >= s->from_us && span.from_us < s->to_us) {
        fault = choose_source(f, error);
        int64_t first = (s->from_us + SPEND_HOUR_US - 1) / SPEND_HOUR_US * SPEND_HOUR_US;
        int64_t last = s->to_us - s->to_us % SPEND_HOUR_US, begin, end;
        bool whole = !f->in_records && first < last;
        f->bucket = -1;
        if (fault == FAULT_NONE) fault = read_records(f, s->from_us, whole ? first : s->to_us, error);
        sums_span(f, first, last, &begin, &end);
        if (fault == FAULT_NONE && whole) fault = read_hours(f, begin, end, error);
        if (fault == FAULT_NONE && whole) fault = read_records(f, last, s->to_us, error);
    }
    database_end_read(f->db);
    return fault;
}

static enum fault read_day(struct spend_scan *s, const struct ledger *l, int64_t day, struct error *error) {
    struct spend_file f = {.scan = s, .day = day};
    enum fault fault = ledger_open_day(l, LEDGER_RECORDS, day, &f.db, error);
    if (fault != FAULT_NONE || f.db == NULL) return fault;
    arena_init(&f.arena, LABELS_FIRST, LABELS_MAX);
    fault = read_file(&f, error);
    arena_deinit(&f.arena);
    database_close(f.db);
    return fault;
}

/* ---- all ---- */

static enum fault read_days(struct spend_scan *s, struct ledger *l, struct error *error) {
    struct days days = {0};
    enum fault fault = ledger_days(l, LEDGER_RECORDS, &days, error);
    for (size_t i = 0; i < days.n && fault == FAULT_NONE; i++) {
        int64_t day = days.at[i]; /* a record's time is within a day of its id's */
        if ((day + 2) * DAY_US <= s->from_us || (day - 1) * DAY_US >= s->to_us) continue;
        fault = read_day(s, l, day, error);
    }
    days_deinit(&days);
    return fault;
}

static void give_groups(struct spend_scan *s, bool (*each)(void *ctx, const struct spend_group *g),
                        void *ctx) {
    size_t cursor = 0;
    void *found;
    bool more = true;
    while (more && table_next(&s->groups, &cursor, NULL, &found))
        more = each(ctx, &((struct found *)found)->group);
}

enum fault ledger_spend(struct ledger *l, const struct spend_query *q,
                        bool (*each)(void *ctx, const struct spend_group *g), void *ctx,
                        struct spend_source *ret_source, struct error *error) {
    struct spend_scan s = {.query = q,
                           .from_us = q->from_us > 0 ? q->from_us : 0,
                           .to_us = q->to_us > 0 && q->to_us < TO_OPEN ? q->to_us : TO_OPEN,
                           .unit_us = q->by & SPEND_BIT(HOUR)  ? SPEND_HOUR_US
                                      : q->by & SPEND_BIT(DAY) ? DAY_US
                                                               : 0};
    size_t cursor = 0;
    void *found;
    s.asked = q->by & ~(SPEND_BIT(DAY) | SPEND_BIT(HOUR));
    for (int i = 0; i < SPEND_DIMENSIONS; i++)
        if (!slice_is_null(q->only[i])) s.asked |= 1u << i;
    table_init(&s.groups);
    buffer_init(&s.key, KEY_TEXT);
    buffer_init(&s.prompt, KEY_TEXT);
    enum fault fault = read_days(&s, l, error);
    if (fault == FAULT_NONE) give_groups(&s, each, ctx);
    if (fault == FAULT_NONE && ret_source != NULL) *ret_source = s.source;
    while (table_next(&s.groups, &cursor, NULL, &found)) free_found(found);
    table_deinit(&s.groups);
    buffer_deinit(&s.key);
    buffer_deinit(&s.prompt);
    return fault;
}
