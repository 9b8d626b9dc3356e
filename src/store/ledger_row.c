#include "store/ledger_row.h"
#include "base/mem.h"
#include "store/varint.h"

enum { ROW_PLAIN = 0, ROW_NAMED = 1, TOKEN = 1, TOKEN_MAX = 1 + VARINT_MAX, NAME_MIN = 3 };

/* ---- place ---- */

static int64_t id_ms(const struct record_id *id) {
    int64_t ms = 0;
    for (int i = 0; i < ID_TIME_BYTES; i++) ms = ms << 8 | id->bytes[i];
    return ms;
}

int64_t place_day(const struct record_id *id) {
    return id_ms(id) / DAY_MS;
}

int64_t place_of(const struct record_id *id) {
    const uint8_t *random = id->bytes + ID_TIME_BYTES;
    int64_t first = (int64_t)random[0] << 16 | random[1] << 8 | random[2];
    return (id_ms(id) % DAY_MS) << PLACE_BITS | first >> (24 - PLACE_BITS);
}

int64_t place_at(int64_t day, int64_t wall_us) {
    int64_t us = wall_us - day * DAY_US;
    if (us < 0) us = 0;
    if (us > DAY_US) us = DAY_US;
    return (us / 1000) << PLACE_BITS;
}

/* ---- the fields whose texts recur ---- */

static const size_t recurring[] = {
#define FIELD(name) offsetof(struct record, name),
    FIELD(application) FIELD(key) FIELD(feature) FIELD(team) FIELD(request_type) FIELD(tags) FIELD(dialect)
        FIELD(model) FIELD(provider) FIELD(target_model) FIELD(upstream_model) FIELD(system_fingerprint)
            FIELD(finish_reason) FIELD(prompt_name) FIELD(prompt_version) FIELD(error_text) FIELD(cache)
#undef FIELD
};
enum {
    N_RECURRING = sizeof recurring / sizeof *recurring,
    FIELD_PROVIDER = N_RECURRING,
    FIELD_MODEL,
    N_FIELDS
};

static struct slice *field(struct record *r, size_t i) {
    return (struct slice *)((char *)r + recurring[i]);
}

/* ---- the writer's side ---- */

struct names_row {
    unsigned len;
    char token[TOKEN_MAX];
};

static struct names_row *names_remember(struct names *n, struct slice text, int64_t id) {
    struct names_row *row = mem_new(struct names_row);
    row->token[0] = TOKEN;
    row->len = 1 + varint_write((uint64_t)id, row->token + 1);
    if ((n->n_rows & (n->n_rows - 1)) == 0)
        n->rows = mem_resize(n->rows, (n->n_rows > 0 ? 2 * n->n_rows : 1) * sizeof(struct names_row *));
    n->rows[n->n_rows++] = row;
    if (id >= n->next) n->next = id + 1;
    table_put(&n->by_text, text, row);
    return row;
}

enum fault names_load(struct names *n, struct database *db, struct error *error) {
    *n = (struct names){.next = 1, .by_field = mem_new_array(unsigned, N_FIELDS)};
    table_init(&n->by_text);
    struct statement *s = NULL;
    bool row = false;
    enum fault fault = statement_of(db, "SELECT id, text FROM name ORDER BY id", &s, error);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        names_remember(n, statement_bytes(s, 1), statement_i64(s, 0));
    statement_reset(s);
    return fault;
}

void names_deinit(struct names *n) {
    for (size_t i = 0; i < n->n_rows; i++) mem_free(n->rows[i]);
    mem_free(n->rows);
    mem_free(n->by_field);
    table_deinit(&n->by_text);
    *n = (struct names){0};
}

/* Replaces *text by its token; leaves it when it is too short or its field brings too many. */
static enum fault intern(struct names *n, struct database *db, unsigned of, struct slice *text,
                         struct error *error) {
    if (text->len < NAME_MIN) return FAULT_NONE;
    struct names_row *row = table_get(&n->by_text, *text);
    if (row == NULL) {
        struct statement *s;
        if (n->by_field[of] >= LIMIT_NAMES_PER_FIELD) return FAULT_NONE;
        enum fault fault = statement_of(db, "INSERT INTO name(id, text) VALUES(?1, ?2)", &s, error);
        if (fault != FAULT_NONE) return fault;
        statement_bind_i64(s, 1, n->next);
        statement_bind_blob(s, 2, *text);
        fault = statement_run(s, error);
        if (fault != FAULT_NONE) return fault;
        n->by_field[of]++;
        row = names_remember(n, *text, n->next);
    }
    *text = slice_make(row->token, row->len);
    return FAULT_NONE;
}

/* A text that looks like a token would be misread: such a record is kept plain. */
static bool has_token(struct record *r) {
    bool has = false;
    for (size_t i = 0; i < N_RECURRING; i++) has |= field(r, i)->len > 0 && field(r, i)->at[0] == TOKEN;
    for (unsigned i = 0; i < r->n_attempts; i++) {
        has |= r->attempts[i].provider.len > 0 && r->attempts[i].provider.at[0] == TOKEN;
        has |= r->attempts[i].model.len > 0 && r->attempts[i].model.at[0] == TOKEN;
    }
    return has;
}

static enum fault row_plain(struct slice bytes, struct buffer *out) {
    buffer_byte(out, ROW_PLAIN);
    buffer_append(out, bytes);
    return FAULT_NONE;
}

enum fault row_encode(struct names *n, struct database *db, const struct record *r, struct slice bytes,
                      struct buffer *out, struct error *error) {
    struct record named = *r;
    enum fault fault = FAULT_NONE;
    if (has_token(&named)) return row_plain(bytes, out);
    for (unsigned i = 0; i < N_RECURRING && fault == FAULT_NONE; i++)
        fault = intern(n, db, i, field(&named, i), error);
    for (unsigned i = 0; i < named.n_attempts && fault == FAULT_NONE; i++) {
        fault = intern(n, db, FIELD_PROVIDER, &named.attempts[i].provider, error);
        if (fault == FAULT_NONE) fault = intern(n, db, FIELD_MODEL, &named.attempts[i].model, error);
    }
    if (fault != FAULT_NONE) return fault;
    size_t before = out->len;
    buffer_byte(out, ROW_NAMED);
    if (record_encode(&named, out)) return FAULT_NONE;
    out->len = before; /* a token may be longer than a very short text, and the record was at its limit */
    return row_plain(bytes, out);
}

/* ---- the readers' side ---- */

enum fault name_list_load(struct name_list *n, struct database *db, struct arena *arena,
                          struct error *error) {
    struct statement *s = NULL;
    int64_t last = 0;
    bool row = false;
    *n = (struct name_list){.arena = arena};
    enum fault fault = database_number(db, "SELECT max(id) FROM name", &last, error);
    if (fault != FAULT_NONE) return fault;
    n->at = arena_new_array(arena, struct slice, (size_t)last + 1);
    if (n->at == NULL) return error_set(error, FAULT_TOO_LARGE, "%s: too many names", database_name(db));
    n->n = (size_t)last + 1;
    fault = statement_of(db, "SELECT id, text FROM name", &s, error);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        int64_t id = statement_i64(s, 0);
        if (id >= 0 && id <= last) n->at[id] = statement_copy(s, 1, arena);
    }
    statement_reset(s);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "%s: too many names", database_name(db));
    return fault;
}

static bool expand(const struct name_list *n, struct slice *text) {
    if (text->len == 0 || text->at[0] != TOKEN) return true;
    struct slice rest = slice_make(text->at + 1, text->len - 1);
    uint64_t id;
    if (!varint_take(&rest, &id) || rest.len > 0 || id >= n->n || slice_is_null(n->at[id])) return false;
    *text = n->at[id];
    return true;
}

bool row_decode(const struct name_list *n, struct slice row, struct arena *arena, struct record *ret) {
    struct record r;
    if (row.len == 0 || !record_decode(slice_make(row.at + 1, row.len - 1), arena, &r)) return false;
    if (row.at[0] == ROW_NAMED) {
        for (unsigned i = 0; i < N_RECURRING; i++)
            if (!expand(n, field(&r, i))) return false;
        for (unsigned i = 0; i < r.n_attempts; i++)
            if (!expand(n, &r.attempts[i].provider) || !expand(n, &r.attempts[i].model)) return false;
    }
    *ret = r;
    return true;
}

bool row_id(struct slice row, struct arena *scratch, struct record_id *ret) {
    struct record r;
    if (row.len == 0 || !record_decode(slice_make(row.at + 1, row.len - 1), scratch, &r)) return false;
    *ret = r.id;
    return true;
}
