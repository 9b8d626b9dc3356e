/* template.h - {{name}} in a text, replaced by the case's variable of that name. Nothing else of Nunjucks: a filter, an
 * expression or a tag is refused when the text is declared, so that none stays in an answer's way unnoticed. */
#ifndef QUALITY_TEMPLATE_H
#define QUALITY_TEMPLATE_H

#include "quality/check.h"

/* True when the text is sound; *ret_any: it holds variables. Else FAULT_CONFIG and words. */
bool template_check(struct slice text, bool *ret_any, struct error *error) MUST_CHECK;

/* SLICE_NULL when the case has no such variable (*ret_missing is its name) or the arena is full (*ret_missing is null). */
struct slice template_fill(struct slice text, const struct check_case *k, struct arena *arena, struct slice *ret_missing);

#endif
