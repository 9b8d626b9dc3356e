/* prompted_form.h - what the files of prompted.h share: a prompt being written in some dialect. */
#ifndef DIALECT_PROMPTED_FORM_H
#define DIALECT_PROMPTED_FORM_H

#include "base/json_tape.h"
#include "dialect/fields.h"
#include "dialect/prompted.h"

struct prompted_value {
    struct slice json; /* escaped for the inside of a string; at NULL: not given */
    bool escaped;
};

struct form {
    const struct prompted *p;
    const struct served_version *v;
    struct slice name;
    struct prompted_value *values; /* by variable */
    struct json_tape tape;
    struct arena *arena;
    struct slice *taken;           /* members of the client's that the prompt has taken the place of */
    unsigned n_taken;
    struct error *error;
};
#define FORM_TAKEN 12 /* beside the version's parameters */

/* ---- prompted.c ---- */
void form_take(struct form *f, const char *name);             /* the client's member of this name is not copied */
void form_text(struct form *f, const struct served_text *t);  /* pieces, with values between: inside of a string */
enum fault form_cannot(struct form *f, const char *what, struct slice which); /* FAULT_UNTRANSLATABLE */
bool form_is_system(const struct served_message *m);
/* ---- prompted_other.c: Anthropic's messages, and OpenAI's responses ---- */
enum fault form_anthropic(struct form *f) MUST_CHECK;
enum fault form_responses(struct form *f) MUST_CHECK;

#endif
