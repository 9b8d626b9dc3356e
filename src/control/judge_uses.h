/* judge_uses.h - the judges that a suite has, by what its checks ask of them: each use is a judge of its own (quality/judge.h). */
#ifndef CONTROL_JUDGE_USES_H
#define CONTROL_JUDGE_USES_H

#include "model/declared.h"
#include "model/problems.h"
#include "quality/judge.h"

#define JUDGE_USES 256 /* different ones that are kept */

struct judge_use {
    struct judge judge;
    struct check check;
    struct digest identity;
    struct slice suite;
};
struct judge_uses {
    struct judge_use items[JUDGE_USES];
    unsigned n;
};

/* Adds those of the suite at the document's root, or of its judge `only` (SLICE_NULL: all); one that is there already is not added again.
 * Checks of cases that stand in files beside the suite are not seen. FAULT_CONFIG: a judge's declaration is wrong. */
enum fault judge_uses_add(struct judge_uses *uses, const struct declared *d, const char *file, struct slice suite, struct slice only,
                          struct arena *arena, struct problems *problems) MUST_CHECK;

/* Those of one judge, which may be registered and not declared in the suite. */
void judge_uses_of(struct judge_uses *uses, const struct judge *j, const struct declared *d, struct slice suite, struct arena *arena);

#endif
