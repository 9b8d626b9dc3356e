/* The outbox (alerts.h). */
#include "store/alerts.h"

#include "base/buffer.h"
#include "store/alerts_store.h"

#include <stdio.h>

#define NOTICE "number, id, receiver, group_key, status, body, made_us, due_us, tries, taken_us, given_up_us, last_error, left_out"
#define WAITS "taken_us = 0 AND given_up_us = 0"

void notice_id(const struct notice *n, char out[NOTICE_ID]) {
    struct digest digest;
    char at[48];
    struct buffer all;
    buffer_init(&all, SIZE_MAX);
    snprintf(at, sizeof at, "\n%lld %lld\n", (long long)n->made_us, (long long)n->number);
    buffer_append(&all, n->receiver);
    buffer_append(&all, slice_of(at));
    buffer_append(&all, n->group);
    buffer_byte(&all, '\n');
    buffer_append(&all, n->status);
    buffer_byte(&all, '\n');
    buffer_append(&all, n->body);
    digest_sha256(buffer_slice(&all), &digest);
    digest_hex(digest.bytes, (NOTICE_ID - 1) / 2, out);
    buffer_deinit(&all);
}

/* ---- adding ---- */

static enum fault insert(struct registry *r, const struct notice *n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO notice(id, receiver, group_key, status, body, made_us, due_us, left_out)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, n->id);
    statement_bind_text(s, 2, n->receiver);
    statement_bind_text(s, 3, n->group);
    statement_bind_text(s, 4, n->status);
    statement_bind_text(s, 5, n->body);
    statement_bind_i64(s, 6, n->made_us);
    statement_bind_i64(s, 7, n->due_us);
    statement_bind_i64(s, 8, n->left_out);
    return statement_run(s, error);
}

/* Into the last one that waits for this receiver; *ret false: none does. */
static enum fault join(struct registry *r, const struct notice *n, bool *ret, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE notice SET left_out = left_out + 1 + ?2 WHERE number = (SELECT max(number) FROM notice WHERE receiver = ?1"
                                    " AND " WAITS ")",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, n->receiver);
    statement_bind_i64(s, 2, n->left_out);
    fault = statement_run(s, error);
    *ret = fault == FAULT_NONE && database_changes(r->db) > 0;
    return fault;
}

enum fault notices_add(struct registry *r, const struct notice *notices, size_t n, int64_t *waiting, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (n > 0 && *waiting < 0) fault = database_number(r->db, "SELECT count(*) FROM notice WHERE " WAITS, waiting, error);
    for (size_t i = 0; fault == FAULT_NONE && i < n; i++) {
        bool joined = false;
        if (*waiting >= LIMIT_NOTICES) fault = join(r, &notices[i], &joined, error);
        if (fault == FAULT_NONE && !joined) { /* a receiver for which nothing waits always hears one */
            fault = insert(r, &notices[i], error);
            ++*waiting;
        }
    }
    return fault;
}

/* ---- the thread that delivers ---- */

static enum fault read_notice(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct notice *)into = (struct notice){.number = statement_i64(s, 0),
                                             .id = statement_copy(s, 1, arena),
                                             .receiver = statement_copy(s, 2, arena),
                                             .group = statement_copy(s, 3, arena),
                                             .status = statement_copy(s, 4, arena),
                                             .body = statement_copy(s, 5, arena),
                                             .made_us = statement_i64(s, 6),
                                             .due_us = statement_i64(s, 7),
                                             .tries = statement_i64(s, 8),
                                             .taken_us = statement_i64(s, 9),
                                             .given_up_us = statement_i64(s, 10),
                                             .last_error = statement_copy(s, 11, arena),
                                             .left_out = statement_i64(s, 12)};
    return FAULT_NONE;
}

static enum fault next_due(struct registry *r, int64_t now_us, struct slice receiver, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault =
        statement_of(r->db, "SELECT min(due_us) FROM notice WHERE " WAITS " AND due_us > ?1 AND (?2 IS NULL OR receiver = ?2)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, now_us);
    statement_bind_text(s, 2, receiver);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) *ret = row ? statement_i64(s, 0) : 0;
    statement_reset(s);
    return fault;
}

enum fault notices_due(struct registry *r, int64_t now_us, struct slice receiver, unsigned limit, struct arena *arena, struct notice **ret,
                       unsigned *ret_n, int64_t *ret_next_us, struct error *error) {
    struct statement *s;
    int64_t next = 0;
    enum fault fault = next_due(r, now_us, receiver, &next, error);
    if (fault == FAULT_NONE)
        fault = statement_of(r->db,
                             "SELECT " NOTICE " FROM notice INDEXED BY notice_waiting WHERE " WAITS " AND due_us <= ?1 AND (?2 IS NULL OR receiver = ?2)"
                             " AND NOT EXISTS(SELECT 1 FROM notice AS o WHERE o.receiver = notice.receiver AND o.group_key IS notice.group_key"
                             " AND o.number < notice.number AND o.taken_us = 0 AND o.given_up_us = 0) ORDER BY number LIMIT ?3",
                             &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, now_us);
    statement_bind_text(s, 2, receiver);
    statement_bind_i64(s, 3, limit);
    fault = rows_read(s, arena, sizeof **ret, read_notice, (void **)ret, ret_n, error);
    if (fault == FAULT_NONE) *ret_next_us = next;
    return fault;
}

enum fault notice_taken(struct registry *r, int64_t number, int64_t now_us, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "UPDATE notice SET tries = tries + 1, taken_us = ?2, last_error = NULL WHERE number = ?1 AND " WAITS, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, now_us);
    return statement_run(s, error);
}

enum fault notice_failed(struct registry *r, int64_t number, struct slice why, int64_t again_us, bool give_up, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE notice SET tries = tries + 1, last_error = ?2, due_us = iif(?4, due_us, ?3), given_up_us = iif(?4, ?3, 0)"
                                    " WHERE number = ?1 AND " WAITS,
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, why);
    statement_bind_i64(s, 3, again_us);
    statement_bind_i64(s, 4, give_up);
    return statement_run(s, error);
}

enum fault notices_list(struct registry *r, struct slice receiver, unsigned limit, struct arena *arena, struct notice **ret, unsigned *ret_n,
                        struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "SELECT " NOTICE " FROM notice WHERE ?1 IS NULL OR receiver = ?1 ORDER BY number DESC LIMIT ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, receiver);
    statement_bind_i64(s, 2, limit);
    return rows_read(s, arena, sizeof **ret, read_notice, (void **)ret, ret_n, error);
}

enum fault notices_waiting(struct registry *r, struct slice receiver, int64_t *ret_n, int64_t *ret_oldest_us, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault =
        statement_of(r->db, "SELECT count(*), ifnull(min(made_us), 0) FROM notice WHERE " WAITS " AND (?1 IS NULL OR receiver = ?1)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, receiver);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        *ret_n = statement_i64(s, 0);
        *ret_oldest_us = statement_i64(s, 1);
    }
    statement_reset(s);
    return fault;
}

static enum fault read_queue(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct notice_queue *)into =
        (struct notice_queue){.receiver = statement_copy(s, 0, arena), .waiting = statement_i64(s, 1), .oldest_us = statement_i64(s, 2), .newest_us = statement_i64(s, 3)};
    return FAULT_NONE;
}

enum fault notices_queues(struct registry *r, struct arena *arena, struct notice_queue **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "SELECT receiver, count(*), min(made_us), max(made_us) FROM notice WHERE " WAITS " GROUP BY receiver ORDER BY receiver", &s, error);
    return fault == FAULT_NONE ? rows_read(s, arena, sizeof **ret, read_queue, (void **)ret, ret_n, error) : fault;
}
