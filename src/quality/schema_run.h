/* schema_run.h - one value being held against a schema. Shared by schema_*.c only.
 *
 * Marks are the members of an object, or the items of an array, that a rule and those it applies at the same place
 * have looked at: what unevaluatedProperties and unevaluatedItems leave out. They are bits on a stack, named by where
 * they begin; a rule has its own and adds them to its caller's only when it holds. */
#ifndef QUALITY_SCHEMA_RUN_H
#define QUALITY_SCHEMA_RUN_H

#include "quality/schema_private.h"

#define MARKS_NONE SIZE_MAX

struct schema_run {
    const struct schema *s;
    const struct json_doc *d;
    struct arena *arena;
    uint64_t *marks;
    size_t n_marks, marks_room;
    unsigned quiet, depth; /* quiet: a failure is only an answer, and needs no words */
    uint64_t work;
    const char *gave_up;   /* why, or NULL */
    struct schema_problem problem;
};

bool schema_apply(struct schema_run *run, uint32_t rule, uint32_t node, size_t marks);

bool schema_apply_scalar(struct schema_run *run, const struct rule *r, uint32_t node); /* numbers and strings */
bool schema_apply_array(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks);
bool schema_apply_object(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks);

/* Both return false: the value is not valid (`expected` and what was found are put into words), or nobody can tell. */
bool schema_invalid(struct schema_run *run, uint32_t node, const char *keyword, const char *expected, ...)
    __attribute__((format(printf, 4, 5)));
bool schema_give_up(struct schema_run *run, const char *why);

bool schema_matches(struct schema_run *run, const struct pattern *p, struct slice text); /* false also after giving up */

size_t schema_marks_push(struct schema_run *run, uint32_t n); /* n bits, none set */
static inline void schema_mark(struct schema_run *run, size_t marks, uint32_t i) {
    if (marks != MARKS_NONE) run->marks[marks + i / 64] |= (uint64_t)1 << i % 64;
}
static inline bool schema_is_marked(const struct schema_run *run, size_t marks, uint32_t i) {
    return (run->marks[marks + i / 64] >> i % 64 & 1) != 0;
}

#endif
