/* prompted.h - a request that names a prompt, written as its client would have written it had it known what the prompt says: in the
 * client's own dialect, and together with its tape, so that it is read once.
 *
 * The prompt's messages stand before the client's own, of which there may be none; system text goes where the dialect has it. The
 * version's model, parameters and tools win over the client's (with tools goes what chooses among them); prompt_variables are taken out;
 * everything else stays as it was written. What the version says and this dialect cannot is FAULT_UNTRANSLATABLE. Pure. */
#ifndef DIALECT_PROMPTED_H
#define DIALECT_PROMPTED_H

#include "dialect/dialect.h"
#include "model/served.h"

enum { PROMPTED_VARIABLES, PROMPTED_MESSAGES, PROMPTED_SYSTEM, PROMPTED_USER, PROMPTED_FIELDS };

struct prompted {
    enum wire wire;
    enum endpoint endpoint;
    struct json_doc doc;                /* the body as it came */
    uint32_t at[PROMPTED_FIELDS];       /* its own messages (or input), system text (or instructions), ... */
    struct slice end_user;              /* as of struct call */
};

/* FAULT_BAD_REQUEST too where the endpoint takes no prompt. */
enum fault prompted_read(const struct dialect *client, enum endpoint e, struct slice body, struct arena *arena, struct prompted *ret,
                         struct error *error) MUST_CHECK;

/* The body into `out` (empty, and bounded by its maximum), its tape into *ret (nodes in the arena, text in `out`). Variables:
 * FAULT_NO_VARIABLE, FAULT_LONG_VARIABLE, FAULT_UNKNOWN_VARIABLE, FAULT_BAD_REQUEST for a value that is no text, number or truth value.
 * `name`: the prompt's, for words. */
enum fault prompted_write(const struct prompted *p, const struct served_version *v, struct slice name, struct arena *arena, struct buffer *out,
                          struct json_doc *ret, struct error *error) MUST_CHECK;

#endif
