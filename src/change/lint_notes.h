/* lint_notes.h - what the parts of lint.h share. Private to change/. */
#ifndef CHANGE_LINT_NOTES_H
#define CHANGE_LINT_NOTES_H

#include "change/lint.h"

#define LINT_MOST 64 /* notes of one prompt; more are of the same kind */

struct lint_notes {
    struct arena *arena;
    struct lint_note at[LINT_MOST];
    unsigned n;
};
void lint_add(struct lint_notes *l, enum lint_rule rule, bool error, unsigned message, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Each looks at one text of message `message`. */
void lint_secrets(struct lint_notes *l, struct slice text, unsigned message);
void lint_personal(struct lint_notes *l, struct slice text, unsigned message);
/* At all instructions of the prompt at once. */
void lint_instructions(struct lint_notes *l, const struct prompt *p);

#endif
