/* Versions of one prompt in a registry of their own. */
#ifndef TEST_STORE_CHANGES_RIG_H
#define TEST_STORE_CHANGES_RIG_H

#include "base/money.h"
#include "store/registry.h"
#include "store/rollouts.h"
#include "store/servable.h"
#include "test_store_rig.h"

#define PROMPT SLICE("prompt")
#define NAME SLICE("helpdesk-answer")
#define AT 1763740803000000LL /* 2025-11-21T16:00:03Z */

static inline struct registry *open_registry(const struct rig *rig) {
    struct error error = {0};
    struct registry *r = registry_open(rig->dir, &error);
    if (r == NULL) fail_msg("%s", error.text);
    return r;
}

static inline struct change_version version_of(const char *body, int64_t parent) {
    struct change_version v = {.body = slice_of(body), .state = VERSION_DRAFT, .parent = parent, .author = SLICE("anna"), .applied_by = SLICE("anna"),
                               .why = SLICE("shorter"), .created_us = AT, .tokens = -1, .cost_nano = MONEY_UNKNOWN};
    digest_sha256(v.body, &v.digest);
    return v;
}

static inline struct change change_by(const char *actor, const char *action) {
    return (struct change){.kind = PROMPT, .name = NAME, .audit = {.actor = slice_of(actor), .action = slice_of(action), .at_us = AT}};
}

static inline uint64_t commit(struct registry *r, struct change *c) {
    struct error error = {0};
    bool fresh;
    if (changes_commit(r, c, &fresh, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return c->revision;
}

/* What it says that is wrong. */
static inline const char *refused(struct registry *r, struct change *c, enum fault expected) {
    static struct error error;
    bool fresh;
    assert_int_equal(changes_commit(r, c, &fresh, &error), expected);
    return error.text;
}

static inline int64_t add(struct registry *r, const char *body, int64_t parent) {
    struct change_version v = version_of(body, parent);
    struct change c = change_by("anna", "prompt.apply");
    c.add = &v;
    commit(r, &c);
    return v.version;
}

static inline void move(struct registry *r, int64_t version, enum version_state from, enum version_state to) {
    struct change c = change_by("bob", "prompt.move");
    c.moves[c.n_moves++] = (struct change_move){version, from, to};
    if (to == VERSION_PRODUCTION) c.production = version;
    commit(r, &c);
}

static inline struct change_subject subject(struct registry *r, struct arena *arena) {
    struct change_subject s = {0};
    struct error error = {0};
    if (changes_subject(r, PROMPT, NAME, arena, &s, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return s;
}

static inline struct change_version version(struct registry *r, struct arena *arena, const char *which) {
    struct change_version v = {0};
    struct error error = {0};
    if (changes_version(r, PROMPT, NAME, slice_of(which), arena, &v, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return v;
}

static inline uint64_t first_bad(struct registry *r) {
    uint64_t bad = 12345;
    assert_int_equal(registry_audit_verify(r, &bad, NULL), FAULT_NONE);
    return bad;
}

#endif
