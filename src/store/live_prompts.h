/* live_prompts.h - system prompts that were seen in traffic and came with no version: texts by their hash, in groups of one template
 * (change/fingerprint.h), and how often each answered. In the registry's database. Texts are kept only of applications that
 * capture payloads in full; of others hash, length and counts. */
#ifndef STORE_LIVE_PROMPTS_H
#define STORE_LIVE_PROMPTS_H

#include "store/registry.h"

struct live_text {
    uint8_t hash[16];            /* record.system_prompt_hash */
    struct slice application;
    int64_t group;
    struct slice text;           /* SLICE_NULL: not kept */
    int64_t first_us, last_us, answers;
};
struct live_group {
    int64_t number;              /* 0: to be made */
    struct slice application, request_type;
    struct slice template_json;  /* fingerprint_write */
    int64_t before;              /* the group that it seems to be a change of; 0: none */
    struct slice prompt;         /* registered as "name@V"; SLICE_NULL: not */
    int64_t first_us, last_us, answers, texts;
};
enum fault live_groups(struct registry *r, struct slice application, struct arena *arena, struct live_group **ret, unsigned *ret_n,
                       struct error *error) MUST_CHECK;
/* `hash`: 8 or more hexadecimal digits of a text's. FAULT_NOT_FOUND. */
enum fault live_text_find(struct registry *r, struct slice hash, struct arena *arena, struct live_text *ret, struct error *error) MUST_CHECK;
enum fault live_group_find(struct registry *r, int64_t number, struct arena *arena, struct live_group *ret, struct error *error) MUST_CHECK;
/* Of a group, most answers first. */
enum fault live_texts(struct registry *r, int64_t group, unsigned limit, struct arena *arena, struct live_text **ret, unsigned *ret_n,
                      struct error *error) MUST_CHECK;
/* One look's changes with the place in the ledger (follow.h), together. Bounded: of a group the least used texts go first, of an
 * application the unregistered groups that were not seen for longest, with their texts. */
#define LIVE_TEXTS 64    /* of a group */
#define LIVE_GROUPS 1000 /* of an application */
struct live_look {
    struct live_group *groups;   unsigned n_groups; /* whole rows; a made one gets its number, texts point at it by index below */
    struct live_text *texts;     unsigned n_texts;  /* answers: those of this look, added to what is there. group < 0: groups[-1 - group] */
    struct slice position;
};
enum fault live_keep(struct registry *r, struct live_look *l, struct error *error) MUST_CHECK;
/* Texts, and templates that nobody registered, which were last seen before are kept no longer; hashes and counts stay. */
enum fault live_forget_texts(struct registry *r, struct slice application, int64_t before_us, struct error *error) MUST_CHECK;
enum fault live_position(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK;

/* ---- versions of providers' models ---- */
struct model_change {
    int64_t number;
    struct slice model, provider, target;
    struct slice before, after;  /* upstream_model and system_fingerprint: "gpt-5.1-2026-03-01 fp_44" */
    int64_t seen_us, answers;
    struct slice state;          /* "open", "accepted", "held" */
    struct slice was;            /* the state in which it was read */
    struct slice held_to;        /* model that answers meanwhile; SLICE_NULL */
    struct slice runs;           /* JSON: what the bound suites said of it */
    struct slice decided_by, why;
    int64_t decided_us;
};
enum fault model_changes(struct registry *r, struct slice state, struct arena *arena, struct model_change **ret, unsigned *ret_n,
                         struct error *error) MUST_CHECK; /* newest first; state SLICE_NULL: any */
/* Opened (number 0: it is filled in; one that is open or held for the same `after` stays, and is that) or changed, with its audit entry (NULL:
 * none). FAULT_CONFLICT: it is not in the state `was` (SLICE_NULL: whatever) any more, and who decided. */
enum fault model_change_put(struct registry *r, struct model_change *c, const struct audit_entry *audit, struct error *error) MUST_CHECK;

#endif
