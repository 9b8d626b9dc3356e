/* classify.h - how much a new version changes, computed and explained. Pure.
 *
 * minor: white space, punctuation and formatting. moderate: an instruction added, changed or taken away, a parameter within its band,
 * examples. major: messages or roles, model or provider, tools, output format, variables, a parameter beyond its band, documents of a
 * knowledge base beyond a tenth of them. The first version of a subject is major: everything is new. */
#ifndef CHANGE_CLASSIFY_H
#define CHANGE_CLASSIFY_H

#include "change/manifest.h"
#include "model/change_policy.h"
#include "model/prompt.h"

/* Bands of parameters within which a change is moderate, in absolute terms: one table, with the docs. */
struct parameter_band { const char *name; double within; };
extern const struct parameter_band parameter_bands[]; /* ends with a NULL name */

struct classification {
    enum change_class class;
    struct slice *reasons;       /* "parameter temperature: 0.2 -> 0.9, more than 0.3 apart (major)"; worst first */
    unsigned n_reasons;
};
/* `before` NULL: the first. */
enum fault classify_prompt(const struct prompt *before, const struct prompt *after, struct arena *arena, struct classification *ret) MUST_CHECK;
enum fault classify_manifest(const struct manifest *before, const struct manifest *after, struct arena *arena, struct classification *ret) MUST_CHECK;

#endif
