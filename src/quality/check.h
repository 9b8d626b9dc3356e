/* check.h - one assertion on an answer: its declaration, what it looks at, its outcome.
 *
 * Pure: no clock, no I/O, no model. Types that need a model, a process or the answers of other runs are declared here too;
 * who decides them is check_by, and check_run says CHECK_ERROR of them. What is meant by each type stands in check_table.h, whose names and scores are
 * promptfoo's where it has them; where this deviates (bleu, rouge-n, contains-json, templates), the module says so.
 *
 *     {type: not-icontains, value: "as an AI", weight: 2}
 *     {type: is-json, value: {type: object, required: [name]}}
 *     {type: tool-call, name: refund, arguments: {order: 7}, mode: partial}
 *
 * On any type: `not-` before it, weight (1), threshold, metric (a name to sum the score under). A text may hold
 * {{name}}, which is the case's variable of that name; no other template syntax is known, and it is refused. A check
 * that compares with a text and declares none takes the case's `expected`.
 *
 * An outcome is pass, fail, or ERROR: the check could not tell (a pattern that gives up, no latency known, a
 * variable that the case does not have). An error is neither pass nor fail, and `not-` does not turn it. */
#ifndef QUALITY_CHECK_H
#define QUALITY_CHECK_H

#include "base/money.h"
#include "model/reply.h"
#include "model/template.h"
#include "quality/check_table.h"
#include "model/declared.h"

struct pattern;
struct schema;

/* ---- what is checked ---- */

struct check_tool_call {
    struct slice name, arguments; /* arguments: the JSON text as the model wrote it */
};

struct check_answer {
    struct slice text;      /* all text parts joined; SLICE_NULL: there was none */
    struct check_tool_call *calls;
    unsigned n_calls;
    enum finish finish;     /* FINISH_UNSET: unknown */
    struct slice finish_raw;
    bool refused;           /* the provider itself marked a refusal */
    int64_t latency_us;     /* -1: unknown */
    int64_t cost_nano;      /* MONEY_UNKNOWN: unknown */
    struct usage usage;
};

void check_answer_init(struct check_answer *a); /* nothing known */
/* Text, calls, finish, refusal and usage of a whole reply; latency and cost stay as they are. Borrows from it; joined
 * text lies in the arena. False: the arena is full. */
bool check_answer_of(const struct reply *r, struct arena *arena, struct check_answer *ret) MUST_CHECK;

struct check_case {
    const struct template_var *vars;
    unsigned n_vars;
    struct slice expected; /* SLICE_NULL: none */
    struct slice context;  /* for checks by judge; none here reads it */
};

/* ---- the declaration ---- */

struct check_text {
    struct slice text;
    struct slice folded; /* in lower case, of types that ignore case */
    bool is_template;
};

struct check {
    enum check_type type;
    bool negated;
    double weight;         /* >= 0 */
    double threshold;      /* the type's default when none is declared; NAN: none */
    struct slice metric;   /* SLICE_NULL: none */
    int line;              /* where it was declared */
    struct check_text *texts; /* what the answer is compared with; none: the case's `expected` */
    unsigned n_texts;
    struct json_doc json;  /* equals: a list or an object; tool-call: its arguments */
    uint32_t json_node;    /* JSON_NONE: none */
    struct pattern *pattern;
    struct schema *schema;
    int64_t min, max;      /* -1: none */
    int n;                 /* rouge-n */
    enum check_measure measure;
    bool partial;          /* tool-call: the declared arguments may be some of the call's */
    struct slice model, rubric, judge; /* SLICE_NULL: not declared. rubric may be a template */
    const char *const *run;            /* exec: the program and its arguments, NULL-terminated */
    int64_t timeout_us;                /* of a program: 10 s unless declared */
};

/* Reads and compiles the declaration at `node`, which must be a map. Texts borrow from `d` or the arena, which both
 * must outlive the check. FAULT_CONFIG: *error says what was expected and found, with the nearest valid name, and
 * *ret_line where. */
enum fault check_read(const struct declared *d, uint32_t node, struct arena *arena, struct check *ret, int *ret_line,
                      struct error *error) MUST_CHECK;
void check_deinit(struct check *c); /* accepts one that is all zero */

enum check_by check_by(const struct check *c); /* `similar` without a model is CHECK_BY_ANSWER */
struct slice check_name(const struct check *c, struct arena *arena); /* "not-contains" */

/* ---- the outcome ---- */

enum check_verdict { CHECK_PASS, CHECK_FAIL, CHECK_ERROR };

struct check_outcome {
    enum check_verdict verdict;
    double score;        /* 0..1; 0 on an error, where it means nothing */
    struct slice reason; /* what was expected and what was found; well-formed UTF-8, in the arena */
};

/* An outcome that was measured elsewhere, held against `threshold` and `not-`: pass when score >= threshold, with NAN when
 * `said` (what a judge or a program answered). `reason` is kept as it is. */
void check_conclude(const struct check *c, double score, bool said, struct slice reason, struct check_outcome *ret);

/* The arena holds the reason and what the check needs on its way; a full one is an error of the check. */
void check_run(const struct check *c, const struct check_answer *a, const struct check_case *k, struct arena *arena,
               struct check_outcome *ret);

#endif
