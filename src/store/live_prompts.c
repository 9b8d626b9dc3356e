#include "store/live_prompts.h"

#include "store/changes_store.h"
#include "store/findings.h"

#define POSITION SLICE("live_prompts.position")
enum { HASH_BYTES = 16, LEAST_HEX = 8 };

/* ---- reading ---- */

#define GROUP "number, application, request_type, template, before, prompt, first_us, last_us, answers, texts"
#define TEXT "hash, application, group_number, text, first_us, last_us, answers"

static enum fault read_group(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct live_group *)into = (struct live_group){.number = statement_i64(s, 0),
                                                     .application = statement_copy(s, 1, arena),
                                                     .request_type = statement_copy(s, 2, arena),
                                                     .template_json = statement_copy(s, 3, arena),
                                                     .before = statement_i64(s, 4),
                                                     .prompt = statement_copy(s, 5, arena),
                                                     .first_us = statement_i64(s, 6),
                                                     .last_us = statement_i64(s, 7),
                                                     .answers = statement_i64(s, 8),
                                                     .texts = statement_i64(s, 9)};
    return FAULT_NONE;
}

static enum fault read_text(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct live_text *ret = into;
    struct slice hash = statement_bytes(s, 0);
    if (hash.len != HASH_BYTES) return error_set(error, FAULT_CORRUPT, "registry.db: a live prompt's hash is damaged");
    memcpy(ret->hash, hash.at, HASH_BYTES);
    ret->application = statement_copy(s, 1, arena);
    ret->group = statement_i64(s, 2);
    ret->text = statement_copy(s, 3, arena);
    ret->first_us = statement_i64(s, 4);
    ret->last_us = statement_i64(s, 5);
    ret->answers = statement_i64(s, 6);
    return FAULT_NONE;
}

enum fault live_groups(struct registry *r, struct slice application, struct arena *arena, struct live_group **ret, unsigned *ret_n,
                       struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        r->db, "SELECT " GROUP " FROM live_group WHERE ?1 IS NULL OR application = ?1 ORDER BY application, number", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    return rows_read(s, arena, sizeof **ret, read_group, (void **)ret, ret_n, error);
}

enum fault live_group_find(struct registry *r, int64_t number, struct arena *arena, struct live_group *ret, struct error *error) {
    struct statement *s;
    struct live_group *rows = NULL;
    unsigned n = 0;
    enum fault fault = statement_of(r->db, "SELECT " GROUP " FROM live_group WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = rows_read(s, arena, sizeof *rows, read_group, (void **)&rows, &n, error);
    if (fault == FAULT_NONE && n == 0) return error_set(error, FAULT_NOT_FOUND, "no group %lld of prompts in live traffic", (long long)number);
    if (fault == FAULT_NONE) *ret = rows[0];
    return fault;
}

enum fault live_texts(struct registry *r, int64_t group, unsigned limit, struct arena *arena, struct live_text **ret, unsigned *ret_n,
                      struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        r->db, "SELECT " TEXT " FROM live_text WHERE group_number = ?1 ORDER BY answers DESC, last_us DESC, hash LIMIT ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, group);
    statement_bind_i64(s, 2, limit == 0 ? -1 : (int64_t)limit);
    return rows_read(s, arena, sizeof **ret, read_text, (void **)ret, ret_n, error);
}

/* The bytes that the digits begin with, and the last that begin so. */
static bool hash_range(struct slice hex, uint8_t from[HASH_BYTES], uint8_t to[HASH_BYTES]) {
    char digits[2 * HASH_BYTES];
    if (hex.len < LEAST_HEX || hex.len > sizeof digits) return false;
    memcpy(digits, hex.at, hex.len);
    memset(digits + hex.len, '0', sizeof digits - hex.len);
    if (!digest_from_hex(slice_make(digits, sizeof digits), from, HASH_BYTES)) return false;
    memset(digits + hex.len, 'f', sizeof digits - hex.len);
    return digest_from_hex(slice_make(digits, sizeof digits), to, HASH_BYTES);
}

enum fault live_text_find(struct registry *r, struct slice hash, struct arena *arena, struct live_text *ret, struct error *error) {
    struct statement *s;
    struct live_text *rows = NULL;
    uint8_t from[HASH_BYTES], to[HASH_BYTES];
    unsigned n = 0;
    if (!hash_range(hash, from, to))
        return error_set(error, FAULT_BAD_REQUEST, "expected %d to %d hexadecimal digits of a live prompt's hash, found \"" SLICE_FMT "\"", LEAST_HEX,
                         2 * HASH_BYTES, SLICE_ARG(hash));
    enum fault fault = statement_of(r->db, "SELECT " TEXT " FROM live_text WHERE hash BETWEEN ?1 AND ?2 ORDER BY hash, answers DESC LIMIT 2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, slice_make((const char *)from, sizeof from));
    statement_bind_blob(s, 2, slice_make((const char *)to, sizeof to));
    fault = rows_read(s, arena, sizeof *rows, read_text, (void **)&rows, &n, error);
    if (fault != FAULT_NONE) return fault;
    if (n == 0) return error_set(error, FAULT_NOT_FOUND, "no prompt in live traffic whose hash begins with " SLICE_FMT, SLICE_ARG(hash));
    if (n == 2 && memcmp(rows[0].hash, rows[1].hash, HASH_BYTES) != 0)
        return error_set(error, FAULT_BAD_REQUEST, "more than one prompt's hash begins with " SLICE_FMT ": give more digits", SLICE_ARG(hash));
    *ret = rows[0];
    return FAULT_NONE;
}

enum fault live_position(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) {
    int64_t at_us;
    return registry_kept(r, POSITION, arena, ret, &at_us, error);
}

/* ---- one look ---- */

static enum fault put_group(struct registry *r, const struct live_group *g, int64_t *ret_number, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO live_group(number, application, request_type, template, before, prompt, first_us, last_us, answers, texts)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(number) DO UPDATE SET request_type = ?3, template = ?4,"
                                    " before = ?5, prompt = ?6, first_us = ?7, last_us = ?8, answers = ?9, texts = ?10",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    if (g->number != 0) statement_bind_i64(s, 1, g->number);
    statement_bind_text(s, 2, g->application);
    statement_bind_text(s, 3, g->request_type);
    statement_bind_text(s, 4, g->template_json);
    statement_bind_i64(s, 5, g->before);
    statement_bind_text(s, 6, g->prompt);
    statement_bind_i64(s, 7, g->first_us);
    statement_bind_i64(s, 8, g->last_us);
    statement_bind_i64(s, 9, g->answers);
    statement_bind_i64(s, 10, g->texts);
    fault = statement_run(s, error);
    *ret_number = g->number;
    return fault == FAULT_NONE && g->number == 0 ? database_number(r->db, "SELECT last_insert_rowid()", ret_number, error) : fault;
}

static enum fault put_text(struct registry *r, const struct live_text *t, int64_t group, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO live_text(application, hash, group_number, text, first_us, last_us, answers)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(application, hash) DO UPDATE SET group_number = ?3,"
                                    " text = ifnull(text, ?4), first_us = min(first_us, ?5), last_us = max(last_us, ?6), answers = answers + ?7",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, t->application);
    statement_bind_blob(s, 2, slice_make((const char *)t->hash, HASH_BYTES));
    statement_bind_i64(s, 3, group);
    statement_bind_text(s, 4, t->text);
    statement_bind_i64(s, 5, t->first_us);
    statement_bind_i64(s, 6, t->last_us);
    statement_bind_i64(s, 7, t->answers);
    return statement_run(s, error);
}

/* A new text has few answers: the newest stays. */
static enum fault bound_texts(struct registry *r, int64_t group, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "DELETE FROM live_text WHERE group_number = ?1 AND rowid NOT IN (SELECT rowid FROM live_text WHERE group_number = ?1"
                                    " ORDER BY last_us = (SELECT max(last_us) FROM live_text WHERE group_number = ?1) DESC, answers DESC, last_us DESC, hash"
                                    " LIMIT ?2)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, group);
    statement_bind_i64(s, 2, LIVE_TEXTS);
    return statement_run(s, error);
}

static enum fault bound_groups(struct registry *r, struct slice application, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "DELETE FROM live_group WHERE application = ?1 AND prompt IS NULL AND number NOT IN (SELECT number FROM live_group"
                                    " WHERE application = ?1 AND prompt IS NULL ORDER BY last_us DESC, number DESC LIMIT ?2)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_i64(s, 2, LIVE_GROUPS);
    fault = statement_run(s, error);
    if (fault != FAULT_NONE || database_changes(r->db) == 0) return fault;
    fault = statement_of(r->db, "DELETE FROM live_text WHERE application = ?1 AND group_number NOT IN (SELECT number FROM live_group)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    return statement_run(s, error);
}

static enum fault keep(struct registry *r, const struct live_look *l, int64_t *numbers, struct error *error) {
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n_groups; i++) fault = put_group(r, &l->groups[i], &numbers[i], error);
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n_texts; i++) {
        int64_t group = l->texts[i].group;
        if (group < 0 && -1 - group >= (int64_t)l->n_groups)
            return error_set(error, FAULT_INTERNAL, "a live prompt is of group %lld of %u", (long long)(-1 - group), l->n_groups);
        if (group < 0) group = numbers[-1 - group];
        fault = put_text(r, &l->texts[i], group, error);
        if (fault == FAULT_NONE) fault = bound_texts(r, group, error);
    }
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n_groups; i++)
        if (l->groups[i].number == 0) fault = bound_groups(r, l->groups[i].application, error);
    return fault == FAULT_NONE ? registry_keep(r, POSITION, l->position, 0, error) : fault;
}

enum fault live_keep(struct registry *r, struct live_look *l, struct error *error) {
    struct arena arena;
    const size_t room = sizeof(int64_t) * (l->n_groups + 2);
    arena_init(&arena, room, 2 * room);
    int64_t *numbers = arena_new_array(&arena, int64_t, l->n_groups + 1);
    enum fault fault = database_begin(r->db, error);
    if (fault == FAULT_NONE) fault = keep(r, l, numbers, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n_groups; i++) l->groups[i].number = numbers[i];
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n_texts; i++)
        if (l->texts[i].group < 0) l->texts[i].group = numbers[-1 - l->texts[i].group];
    arena_deinit(&arena);
    return fault;
}

enum fault live_forget_texts(struct registry *r, struct slice application, int64_t before_us, struct error *error) {
    static const char *const steps[] = {
        "UPDATE live_text SET text = NULL WHERE application = ?1 AND last_us < ?2 AND text IS NOT NULL",
        "UPDATE live_group SET template = NULL WHERE application = ?1 AND last_us < ?2 AND prompt IS NULL AND template IS NOT NULL",
    };
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < sizeof steps / sizeof *steps; i++) {
        struct statement *s;
        fault = statement_of(r->db, steps[i], &s, error);
        if (fault != FAULT_NONE) return fault;
        statement_bind_text(s, 1, application);
        statement_bind_i64(s, 2, before_us);
        fault = statement_run(s, error);
    }
    return fault;
}
