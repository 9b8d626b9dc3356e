/* versions.h - from the text of a file (prompt or knowledge base) to a version of it in the registry.
 *
 * Three steps, so that a dry run can stop behind the second: read (pure, all problems at once), draft (what it would be: compared with what is
 * there, classified, linted, counted, priced), make (one changes_commit). The same content is the same version and changes nothing.
 * Texts are the arena's. */
#ifndef CHANGE_VERSIONS_H
#define CHANGE_VERSIONS_H

#include "change/classify.h"
#include "change/lint.h"
#include "cost/calibration.h"
#include "model/policy.h"
#include "store/changes.h"

struct version_file {
    struct slice kind, name, human, owner; /* kind: "prompt" or "knowledge" */
    struct slice *suites;
    unsigned n_suites;
    struct slice body;           /* canonical */
    struct digest digest;        /* of body */
    struct prompt prompt;        /* of a prompt */
    struct manifest manifest;    /* of a knowledge base */
};
/* FAULT_CONFIG: problems were told. Beyond what prompt.h asks: a prompt has a name and a user's turn can be filled in, that is each {{name}}
 * is declared. */
enum fault version_read(struct slice kind, struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                        struct version_file *ret, struct problems *problems) MUST_CHECK;
/* The file as one JSON object, version, owner and suites included: what version_read takes on the other side. */
void version_write_file(const struct version_file *f, struct buffer *out);

/* Tokens of the messages and tools as they stand (placeholders as they are written), for the first target of its model, and what these cost as
 * input at that target's price: `cost_per_call_usd`. Not in it: values of variables, and the answer. */
struct version_price {
    int64_t tokens;              /* -1: not known */
    bool exact;                  /* the model's encoding is public, and there is text alone */
    struct slice encoding, provider, model; /* of the target; SLICE_NULL: the model is not in the configuration */
    int64_t cost_nano;           /* MONEY_UNKNOWN */
};
/* `policy`, `learned` may be NULL. */
void version_price(const struct prompt *p, const struct policy *policy, const struct token_calibration *learned, int64_t at_us,
                   struct arena *arena, struct version_price *ret);

struct version_work {
    struct registry *registry;
    const struct policy *policy;         /* NULL: prices are not known */
    const struct token_calibration *learned;
    struct slice author, why, ticket, commit; /* SLICE_NULL: not said */
    const char *actor;
    bool allow_secrets;
    int64_t at_us;
    struct arena *arena;
};
struct version_draft {
    const struct version_file *file;
    bool first, same;            /* nothing of this name is there; this content is there: `version` is that one */
    bool bound;                  /* same, but with other suites or another owner, which it is given */
    struct change_version version;
    struct change_version parent; /* version 0: none */
    struct classification class;
    struct lint_note *notes;
    unsigned n_notes;
    bool refused;                /* a note is an error */
    struct version_price price;
};
enum fault version_draft(const struct version_work *k, const struct version_file *f, struct version_draft *ret, struct error *error) MUST_CHECK;
/* *ret_new false: it was there; what it is bound to may have changed. FAULT_BAD_REQUEST: refused by lint; FAULT_CONFLICT: another was faster. */
enum fault version_make(const struct version_work *k, struct version_draft *d, bool *ret_new, struct error *error) MUST_CHECK;

/* A kept version's body, read back. FAULT_CORRUPT. */
enum fault version_prompt(const struct change_version *v, struct arena *arena, struct prompt *ret, struct error *error) MUST_CHECK;
enum fault version_manifest(const struct change_version *v, struct arena *arena, struct manifest *ret, struct error *error) MUST_CHECK;

#endif
