#include "store/reviews.h"

#include "store/evaluations_store.h"

#define REVIEW_COLUMNS                                                                                        \
    "number, name, rubric, source, reviewers, adjudicator, scale, per_item, due_us, created_us, closed_us, by," \
    " (SELECT coalesce(max(i.at), -1) + 1 FROM review_item i WHERE i.review = number),"                       \
    " (SELECT count(*) FROM review_label l WHERE l.review = number),"                                         \
    " (SELECT count(label) FROM review_label l WHERE l.review = number)"

static struct slice text_of(struct statement *s, int column, struct arena *arena) {
    return arena ? statement_copy(s, column, arena) : statement_bytes(s, column);
}

static void read_review(struct statement *s, struct arena *arena, struct review_row *ret) {
    *ret = (struct review_row){.number = statement_i64(s, 0), .name = text_of(s, 1, arena), .rubric = text_of(s, 2, arena),
                           .source = text_of(s, 3, arena), .reviewers = text_of(s, 4, arena), .adjudicator = text_of(s, 5, arena),
                           .scale = statement_i64(s, 6), .per_item = statement_i64(s, 7), .due_us = statement_i64(s, 8),
                           .created_us = statement_i64(s, 9), .closed_us = statement_i64(s, 10), .by = text_of(s, 11, arena),
                           .items = statement_i64(s, 12), .labels = statement_i64(s, 13), .given = statement_i64(s, 14)};
}

static void read_item(struct statement *s, struct arena *arena, struct review_item *ret) {
    *ret = (struct review_item){.at = statement_i64(s, 0), .body = text_of(s, 1, arena), .adjudicated = !statement_is_null(s, 2),
                                .label = statement_i64(s, 2), .comment = text_of(s, 3, arena), .by = text_of(s, 4, arena),
                                .at_us = statement_i64(s, 5)};
}

/* ---- making one ---- */

static enum fault insert_review(struct evaluations *e, struct review_row *r, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO review(name, rubric, source, reviewers, adjudicator, scale, per_item, due_us, created_us, by)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", &s, error);
    if (fault != FAULT_NONE) return fault;
    const struct slice texts[] = {r->name, r->rubric, r->source, r->reviewers, r->adjudicator};
    const int64_t numbers[] = {r->scale, r->per_item, r->due_us, r->created_us};
    for (int i = 0; i < 5; i++) statement_bind_text(s, i + 1, texts[i]);
    for (int i = 0; i < 4; i++) statement_bind_i64(s, i + 6, numbers[i]);
    statement_bind_text(s, 10, r->by);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(e->db, "SELECT last_insert_rowid()", &r->number, error) : fault;
}

static enum fault insert_item(struct evaluations *e, int64_t review, int64_t at, struct slice body, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "INSERT INTO review_item(review, at, body) VALUES(?1, ?2, ?3)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, review);
    statement_bind_i64(s, 2, at);
    statement_bind_text(s, 3, body);
    return statement_run(s, error);
}

static enum fault insert_label(struct evaluations *e, int64_t review, const struct review_label *l, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "INSERT INTO review_label(review, item, reviewer, position, flipped) VALUES(?1, ?2, ?3, ?4, ?5)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, review);
    statement_bind_i64(s, 2, l->item);
    statement_bind_text(s, 3, l->reviewer);
    statement_bind_i64(s, 4, l->position);
    statement_bind_i64(s, 5, l->flipped);
    return statement_run(s, error);
}

enum fault reviews_add(struct evaluations *e, struct review_row *r, const struct slice *bodies, size_t n_items,
                      const struct review_label *labels, size_t n_labels, struct error *error) {
    enum fault fault = database_begin(e->db, error);
    if (fault == FAULT_NONE) fault = insert_review(e, r, error);
    for (size_t i = 0; fault == FAULT_NONE && i < n_items; i++) fault = insert_item(e, r->number, (int64_t)i, bodies[i], error);
    for (size_t i = 0; fault == FAULT_NONE && i < n_labels; i++) fault = insert_label(e, r->number, &labels[i], error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

/* ---- reading ---- */

static enum fault no_review(int64_t number, struct error *error) {
    return error_set(error, FAULT_NOT_FOUND, "there is no review-%lld", (long long)number);
}

enum fault reviews_find(struct evaluations *e, int64_t number, struct arena *arena, struct review_row *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT " REVIEW_COLUMNS " FROM review WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = statement_step(s, &row, error);
    if (row) read_review(s, arena, ret);
    statement_reset(s);
    return fault == FAULT_NONE && !row ? no_review(number, error) : fault;
}

enum fault reviews_list(struct evaluations *e, bool open, struct arena *arena, bool (*each)(void *ctx, const struct review_row *r), void *ctx,
                       struct error *error) {
    struct statement *s;
    bool row = true;
    enum fault fault = statement_of(e->db, "SELECT " REVIEW_COLUMNS " FROM review WHERE ?1 = 0 OR closed_us = 0 ORDER BY number DESC", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, open);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct review_row r;
        read_review(s, arena, &r);
        if (!each(ctx, &r)) break;
    }
    statement_reset(s);
    return fault;
}

#define ITEM_COLUMNS "at, body, label, comment, by, at_us"

enum fault reviews_item(struct evaluations *e, int64_t number, int64_t item, struct arena *arena, struct review_item *ret,
                            struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT " ITEM_COLUMNS " FROM review_item WHERE review = ?1 AND at = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, item);
    fault = statement_step(s, &row, error);
    if (row) read_item(s, arena, ret);
    statement_reset(s);
    if (fault == FAULT_NONE && !row)
        return error_set(error, FAULT_NOT_FOUND, "review-%lld has no item %lld", (long long)number, (long long)item);
    return fault;
}

enum fault reviews_items(struct evaluations *e, int64_t number, bool bodies, bool (*each)(void *ctx, const struct review_item *i), void *ctx,
                        struct error *error) {
    struct statement *s;
    bool row = true;
    enum fault fault = statement_of(e->db, "SELECT at, iif(?2, body, NULL), label, comment, by, at_us FROM review_item WHERE review = ?1 ORDER BY at", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, bodies);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct review_item i;
        read_item(s, NULL, &i);
        if (!each(ctx, &i)) break;
    }
    statement_reset(s);
    return fault;
}

#define LABEL_COLUMNS "item, reviewer, position, flipped, label, comment, by, at_us FROM review_label"

/* By one's own index, or by the key: one statement for both would read all of a review for each of its labels. */
enum fault reviews_labels(struct evaluations *e, int64_t number, struct slice reviewer, int64_t item, bool (*each)(void *ctx, const struct review_label *l),
                         void *ctx, struct error *error) {
    struct statement *s;
    bool row = true;
    const char *sql = !slice_is_null(reviewer) && item < 0
                          ? "SELECT " LABEL_COLUMNS " WHERE review = ?1 AND reviewer = ?2 AND item BETWEEN ?3 AND ?4 ORDER BY position"
                          : "SELECT " LABEL_COLUMNS " WHERE review = ?1 AND item BETWEEN ?3 AND ?4 AND (?2 IS NULL OR reviewer = ?2) ORDER BY item, reviewer";
    enum fault fault = statement_of(e->db, sql, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, reviewer);
    statement_bind_i64(s, 3, item < 0 ? 0 : item);
    statement_bind_i64(s, 4, item < 0 ? INT64_MAX : item);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct review_label l = {.item = statement_i64(s, 0), .reviewer = statement_bytes(s, 1), .position = statement_i64(s, 2),
                                 .flipped = statement_i64(s, 3) != 0, .given = !statement_is_null(s, 4), .label = statement_i64(s, 4),
                                 .comment = statement_bytes(s, 5), .by = statement_bytes(s, 6), .at_us = statement_i64(s, 7)};
        if (!each(ctx, &l)) break;
    }
    statement_reset(s);
    return fault;
}

/* ---- what people say ---- */

static enum fault open_only(struct evaluations *e, int64_t number, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT closed_us FROM review WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = statement_step(s, &row, error);
    bool closed = row && statement_i64(s, 0) != 0;
    statement_reset(s);
    if (fault == FAULT_NONE && !row) return no_review(number, error);
    return closed ? error_set(error, FAULT_CONFLICT, "review-%lld is closed", (long long)number) : fault;
}

static void bind_label(struct statement *s, int at, bool given, int64_t label) {
    if (given) statement_bind_i64(s, at, label); /* unbound is NULL */
}

/* One update of one row, of an open review. */
static enum fault run_update(struct evaluations *e, struct statement *s, const char *missing, struct error *error) {
    enum fault fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(e->db) == 0) fault = error_set(error, FAULT_NOT_FOUND, "%s", missing);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

static enum fault begin_open(struct evaluations *e, int64_t number, const char *sql, struct statement **ret, struct error *error) {
    enum fault fault = database_begin(e->db, error);
    if (fault == FAULT_NONE) fault = open_only(e, number, error);
    if (fault == FAULT_NONE) fault = statement_of(e->db, sql, ret, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

enum fault reviews_label(struct evaluations *e, int64_t number, const struct review_label *l, struct error *error) {
    struct statement *s;
    enum fault fault = begin_open(e, number,
                                  "UPDATE review_label SET label = ?4, comment = ?5, by = ?6, at_us = ?7"
                                  " WHERE review = ?1 AND item = ?2 AND reviewer = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, l->item);
    statement_bind_text(s, 3, l->reviewer);
    bind_label(s, 4, l->given, l->label);
    statement_bind_text(s, 5, l->comment);
    statement_bind_text(s, 6, l->by);
    statement_bind_i64(s, 7, l->at_us);
    return run_update(e, s, "this item was not given to this reviewer", error);
}

enum fault reviews_adjudicate(struct evaluations *e, int64_t number, const struct review_item *i, struct error *error) {
    struct statement *s;
    enum fault fault = begin_open(e, number, "UPDATE review_item SET label = ?3, comment = ?4, by = ?5, at_us = ?6 WHERE review = ?1 AND at = ?2",
                                  &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, i->at);
    bind_label(s, 3, i->adjudicated, i->label);
    statement_bind_text(s, 4, i->comment);
    statement_bind_text(s, 5, i->by);
    statement_bind_i64(s, 6, i->at_us);
    return run_update(e, s, "the review has no such item", error);
}

enum fault reviews_reassign(struct evaluations *e, int64_t number, struct slice from, struct slice to, struct slice reviewers, int64_t *ret_moved,
                            struct error *error) {
    struct statement *s;
    enum fault fault = begin_open(e, number,
                                  "UPDATE review_label SET reviewer = ?3, position = position + 1 + (SELECT coalesce(max(o.position), -1)"
                                  "  FROM review_label o WHERE o.review = ?1 AND o.reviewer = ?3)"
                                  " WHERE review = ?1 AND reviewer = ?2 AND label IS NULL"
                                  " AND item NOT IN (SELECT o.item FROM review_label o WHERE o.review = ?1 AND o.reviewer = ?3)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, from);
    statement_bind_text(s, 3, to);
    fault = statement_run(s, error);
    int64_t moved = fault == FAULT_NONE ? (int64_t)database_changes(e->db) : 0;
    if (fault == FAULT_NONE) fault = statement_of(e->db, "UPDATE review SET reviewers = ?2 WHERE number = ?1", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_i64(s, 1, number);
        statement_bind_text(s, 2, reviewers);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    if (fault == FAULT_NONE) *ret_moved = moved;
    return fault;
}

enum fault reviews_close(struct evaluations *e, int64_t number, int64_t at_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "UPDATE review SET closed_us = iif(closed_us = 0, ?2, closed_us) WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, at_us);
    fault = statement_run(s, error);
    return fault == FAULT_NONE && database_changes(e->db) == 0 ? no_review(number, error) : fault;
}
