/* The audit log: each entry's chain is SHA-256 over the chain before and the entry, so that whoever changes
 * the past has to change everything after it, and the last chain, which is worth writing down elsewhere. */
#include "base/buffer.h"
#include "store/registry_store.h"

enum { ENTRY_MAX = 4 << 20, LENGTH_BYTES = 8, TEXTS = 5 };

static void put_number(struct buffer *b, uint64_t n) {
    char bytes[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) bytes[i] = (char)(n >> (8 * (LENGTH_BYTES - 1 - i)));
    buffer_append(b, slice_make(bytes, sizeof bytes));
}

/* Numbers are 8 bytes, big endian; a text is its length + 1 and its bytes, null is 0. */
static bool chain_of(const struct digest *before, const struct audit_entry *e, struct digest *ret) {
    const struct slice texts[TEXTS] = {e->actor, e->action, e->subject, e->reason, e->detail};
    struct buffer b;
    buffer_init(&b, ENTRY_MAX);
    buffer_append(&b, slice_make((const char *)before->bytes, sizeof before->bytes));
    put_number(&b, e->number);
    put_number(&b, (uint64_t)e->at_us);
    for (int i = 0; i < TEXTS; i++) {
        put_number(&b, slice_is_null(texts[i]) ? 0 : texts[i].len + 1);
        buffer_append(&b, texts[i]);
    }
    bool whole = !b.overflow;
    if (whole) digest_sha256(buffer_slice(&b), ret);
    buffer_deinit(&b);
    return whole;
}

static const char select_last[] = "SELECT number, chain FROM audit ORDER BY number DESC LIMIT 1";
#define COLUMNS "number, at_us, actor, action, subject, reason, detail, chain"
/* An action, or a group of them: "prompt" of "prompt.submit"; a subject, or its versions (by the index audit_subject). */
#define WHERE                                                                                                         \
    " FROM audit WHERE number < ?1 AND at_us >= ?3 AND at_us < ?4 AND (?5 IS NULL OR actor = ?5)"                     \
    " AND (?6 IS NULL OR action = ?6 OR substr(action, 1, length(?6) + 1) = ?6 || '.')"
static const char select_page[] = "SELECT " COLUMNS WHERE " ORDER BY number DESC LIMIT ?2";
static const char select_subject[] =
    "SELECT " COLUMNS WHERE " AND (subject = ?7 OR (subject > ?7 || '@' AND subject < ?7 || 'A')) ORDER BY number DESC LIMIT ?2";
static const char select_all[] = "SELECT " COLUMNS " FROM audit WHERE number > ?1 ORDER BY number";
static const char insert[] = "INSERT INTO audit(number, at_us, actor, action, subject, reason, detail, chain)"
                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

static bool read_chain(struct statement *s, int column, struct digest *ret) {
    struct slice bytes = statement_bytes(s, column);
    if (bytes.len != sizeof ret->bytes) return false;
    memcpy(ret->bytes, bytes.at, bytes.len);
    return true;
}

static enum fault last_entry(struct registry *r, uint64_t *ret_number, struct digest *ret_chain,
                             struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, select_last, &s, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        *ret_number = (uint64_t)statement_i64(s, 0);
        if (!read_chain(s, 1, ret_chain))
            fault = error_set(error, FAULT_CORRUPT, "registry.db: the audit log's last chain is damaged");
    }
    statement_reset(s);
    return fault;
}

static enum fault insert_entry(struct registry *r, const struct audit_entry *e, struct error *error) {
    struct statement *s;
    const struct slice texts[TEXTS] = {e->actor, e->action, e->subject, e->reason, e->detail};
    enum fault fault = statement_of(r->db, insert, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, (int64_t)e->number);
    statement_bind_i64(s, 2, e->at_us);
    for (int i = 0; i < TEXTS; i++) statement_bind_text(s, i + 3, texts[i]);
    statement_bind_blob(s, 8, slice_make((const char *)e->chain.bytes, sizeof e->chain.bytes));
    return statement_run(s, error);
}

enum fault audit_append(struct registry *r, const struct audit_entry *e, struct error *error) {
    struct audit_entry entry = *e;
    struct digest before = {{0}};
    uint64_t last = 0;
    const struct slice texts[TEXTS] = {e->actor, e->action, e->subject, e->reason, e->detail};
    for (int i = 0; i < TEXTS; i++) /* what is exported has to have the hash of what is kept */
        if (!slice_is_utf8(texts[i])) return error_set(error, FAULT_BAD_REQUEST, "the texts of an audit entry are UTF-8, and one is not");
    enum fault fault = last_entry(r, &last, &before, error);
    entry.number = last + 1;
    if (fault == FAULT_NONE && !chain_of(&before, &entry, &entry.chain))
        fault = error_set(error, FAULT_TOO_LARGE, "an audit entry may have %d bytes", ENTRY_MAX);
    return fault == FAULT_NONE ? insert_entry(r, &entry, error) : fault;
}

enum fault registry_audit(struct registry *r, const struct audit_entry *e, struct error *error) {
    enum fault fault = database_begin(r->db, error); /* other processes append too */
    if (fault != FAULT_NONE) return fault;
    fault = audit_append(r, e, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

/* Texts are borrowed when there is no arena. */
static bool read_entry(struct statement *s, struct arena *arena, struct audit_entry *ret) {
    struct slice *texts[TEXTS] = {&ret->actor, &ret->action, &ret->subject, &ret->reason, &ret->detail};
    ret->number = (uint64_t)statement_i64(s, 0);
    ret->at_us = statement_i64(s, 1);
    for (int i = 0; i < TEXTS; i++)
        *texts[i] = arena != NULL ? statement_copy(s, i + 2, arena) : statement_bytes(s, i + 2);
    return read_chain(s, 7, &ret->chain);
}

enum fault registry_audit_find(struct registry *r, const struct audit_filter *f, unsigned limit, struct arena *arena, struct audit_entry **ret,
                               unsigned *ret_n, struct error *error) {
    struct statement *s;
    bool row = false;
    unsigned n = 0;
    if (limit == 0 || limit > LIMIT_PAGE)
        return error_set(error, FAULT_BAD_REQUEST, "expected a limit of 1 to %d, found %u", LIMIT_PAGE,
                         limit);
    struct audit_entry *all = arena_new_array(arena, struct audit_entry, limit);
    enum fault fault = statement_of(r->db, slice_is_null(f->subject) ? select_page : select_subject, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, f->before == 0 || f->before > INT64_MAX ? INT64_MAX : (int64_t)f->before);
    statement_bind_i64(s, 2, limit);
    statement_bind_i64(s, 3, f->from_us != 0 ? f->from_us : INT64_MIN);
    statement_bind_i64(s, 4, f->to_us != 0 ? f->to_us : INT64_MAX);
    statement_bind_text(s, 5, f->actor);
    statement_bind_text(s, 6, f->action);
    if (!slice_is_null(f->subject)) statement_bind_text(s, 7, f->subject);
    while (all != NULL && n < limit && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        read_entry(s, arena, &all[n++]); /* a damaged chain is registry_audit_check's business */
    statement_reset(s);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %u entries", limit);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

enum fault registry_audit_list(struct registry *r, uint64_t before, unsigned limit, struct arena *arena,
                               struct audit_entry **ret, unsigned *ret_n, struct error *error) {
    return registry_audit_find(r, &(struct audit_filter){.before = before}, limit, arena, ret, ret_n, error);
}

enum fault registry_audit_each(struct registry *r, uint64_t after, bool (*each)(void *ctx, const struct audit_entry *e), void *ctx,
                               struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, select_all, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct audit_entry e = {0};
        read_entry(s, NULL, &e);
        if (!each(ctx, &e)) break;
    }
    statement_reset(s);
    return fault;
}

/* ---- is it whole ---- */

struct checking {
    const struct digest *kept;
    struct audit_check check;
};

/* Takes the entry of the row as the next of the chain. */
static void check_entry(struct checking *k, struct statement *s) {
    struct audit_entry e = {0};
    struct digest expected;
    bool readable = read_entry(s, NULL, &e);
    k->check.entries++;
    if (k->check.first_bad != 0) return;
    if (!readable || e.number != k->check.entries || !chain_of(&k->check.head, &e, &expected) || !digest_eq(&expected, &e.chain)) {
        k->check.first_bad = k->check.entries;
        return;
    }
    k->check.head = e.chain;
    if (k->kept != NULL && digest_eq(&e.chain, k->kept)) k->check.kept_at = e.number;
}

enum fault registry_audit_check(struct registry *r, const struct digest *kept, struct audit_check *ret, struct error *error) {
    struct statement *s;
    struct checking k = {.kept = kept};
    bool row = false;
    enum fault fault = statement_of(r->db, select_all, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, INT64_MIN);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) check_entry(&k, s);
    statement_reset(s);
    if (fault == FAULT_NONE) *ret = k.check;
    return fault;
}

enum fault registry_audit_verify(struct registry *r, uint64_t *ret_first_bad, struct error *error) {
    struct audit_check check = {0};
    enum fault fault = registry_audit_check(r, NULL, &check, error);
    if (fault == FAULT_NONE) *ret_first_bad = check.first_bad;
    return fault;
}
