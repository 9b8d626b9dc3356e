/* template.h - {{name}} in a text, replaced by the variable of that name. Nothing else of Nunjucks: a filter, an expression
 * or a tag is refused when the text is declared, so that none stays in an answer's way unnoticed. A value is put in as it
 * is: what looks like a template in it is not one. */
#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include "base/arena.h"
#include "base/fault.h"

struct template_var {
    struct slice name, value;
};

/* True when the text is sound; *ret_any: it holds variables. Else FAULT_CONFIG and words. */
bool template_check(struct slice text, bool *ret_any, struct error *error) MUST_CHECK;

/* Up to the next "{{": *ret_name is what stands in the braces, *rest moves behind them. False when there is none; then all is before. */
bool template_next(struct slice *rest, struct slice *ret_before, struct slice *ret_name);
/* Is there any "{{"? */
bool template_has(struct slice text);

/* Is {{name}} in it? */
bool template_uses(struct slice text, struct slice name);

/* SLICE_NULL when there is no such variable (*ret_missing is its name) or the arena is full (*ret_missing is null). */
struct slice template_fill(struct slice text, const struct template_var *vars, unsigned n_vars,
                           struct arena *arena, struct slice *ret_missing);

#endif
