/* suite.h - an evaluation set as people write it: cases, checks, what is required of their results.
 *
 *     suite: helpdesk-core
 *     prompt: helpdesk-answer          # or a file: "file:./p.yaml"; or inline: messages; or model: + messages:
 *     repeat: 5
 *     require:
 *       - {pass_rate: {at_least: 0.90}, confidence: 0.95}
 *       - {tag: safety, pass_rate: {at_least: 1.0}}
 *     checks: [{type: word-count, max: 120}]         # of every case, before its own
 *     judges: {support-judge: {model: large, scale: 1-5}}
 *     cases:                            # or "file:cases.jsonl", .csv, .yaml; items may be such files too
 *       - {id: reset-password, vars: {question: "How do I reset my password?"}, tags: [account],
 *          checks: [{type: icontains, value: "reset link"}]}
 *
 * All of it is in docs/evaluation.md. A suite is immutable once read, and is known by its digest: of its canonical form, files
 * read in, so that the same content in another order of keys is the same version, and a run names the exact one. Texts (prompt, input,
 * vars, expected, context) may be "file:./long.txt", relative to the file they stand in; not in .jsonl and .csv, which are data, nor
 * with `files: false`, as the canonical form has it where a text begins so. */
#ifndef QUALITY_SUITE_H
#define QUALITY_SUITE_H

#include "model/prompt.h"
#include "quality/check.h"
#include "quality/judge.h"
#include "stats/rate.h"

struct suite_case {
    struct slice id;           /* unique; "case-7" unless declared */
    struct check_case about;   /* vars, expected, context: what checks see. `input` as a text is a variable of that name too */
    struct slice input;        /* SLICE_NULL: none. Unless the prompt has {{input}}: appended, a text as a user's message */
    bool input_is_messages;    /* input is a JSON array of messages without its brackets */
    struct slice *tags;
    unsigned n_tags;
    double weight;             /* > 0 */
    double threshold;          /* NAN: passes when no check fails; else when the score is at least this */
    struct slice cluster;      /* cases of one family (a template, a document) are one cluster; SLICE_NULL: its own */
    struct check *checks;      /* its own; the suite's come first */
    unsigned n_checks;
    int line;
};

enum suite_measure { SUITE_PASS_RATE, SUITE_SCORE, SUITE_REFUSAL_RATE };

/* What must hold of all cases, or of those with a tag. REFUSAL_RATE counts unwanted refusals: an answer that declines (refusal.h) in
 * a case none of whose checks is is-refusal. */
struct suite_requirement {
    enum suite_measure measure;
    struct slice tag;          /* SLICE_NULL: all */
    struct slice metric;       /* SCORE: of checks with this `metric`; SLICE_NULL: the cases' scores */
    bool at_most;              /* else at least */
    double bound;              /* 0..1 */
    double confidence;         /* 0: the plain number is compared */
    int line;
};

enum suite_trigger_type { SUITE_ON_SCHEDULE, SUITE_ON_MODEL_CHANGE, SUITE_ON_PROMPT_CHANGE };
struct suite_trigger {
    enum suite_trigger_type type;
    struct slice schedule;     /* five fields of cron; of ON_SCHEDULE */
    struct slice zone;         /* SLICE_NULL: UTC */
};

struct suite {
    struct slice name, description; /* description: SLICE_NULL */
    struct slice prompt_name;  /* declared by name; SLICE_NULL: `prompt` was read with the suite */
    bool has_prompt;           /* perhaps one without messages: then each case has an `input` */
    struct prompt prompt;      /* when has_prompt */
    struct slice model;        /* in place of the prompt's; SLICE_NULL */
    struct slice request_type; /* label of its exchanges; SLICE_NULL */
    unsigned repeat;           /* 1..LIMIT_SUITE_REPEAT */
    enum rate_scope scope;     /* `scope: cases-like-these` (default) or `these-cases` */
    double max_errors;         /* share of runs that may end in an error (0.05); above it no verdict is given */
    struct suite_requirement *requirements; /* none declared: every case passes in the plain rate */
    unsigned n_requirements;
    struct check *checks;
    unsigned n_checks;
    struct judge *judges;
    unsigned n_judges;
    struct suite_case *cases;
    unsigned n_cases;
    struct suite_trigger *triggers;
    unsigned n_triggers;
    struct slice run_as_application, run_as_key; /* whose key triggered runs use; SLICE_NULL */
    struct slice canonical;    /* suite_write's */
    struct digest digest;
};

/* Reads YAML (or JSON, which is YAML's subset: the canonical form too). Every problem with file and line, patterns and schemas
 * included; FAULT_CONFIG when there is one. Everything lies in `arena`, which must outlive the suite; suite_deinit before it. */
enum fault suite_read(struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                      struct suite *ret, struct problems *problems) MUST_CHECK;
void suite_deinit(struct suite *s); /* accepts one that is all zero */

/* The canonical form: one JSON object that suite_read reads back to the same digest, without any file. */
void suite_write(const struct suite *s, struct json_writer *w);

/* Checks of a case in order: the suite's, then its own. */
static inline unsigned suite_check_count(const struct suite *s, const struct suite_case *c) { return s->n_checks + c->n_checks; }
static inline const struct check *suite_check_at(const struct suite *s, const struct suite_case *c, unsigned i) {
    return i < s->n_checks ? &s->checks[i] : &c->checks[i - s->n_checks];
}
/* One of its checks is is-refusal, not turned round: there a refusal is wanted. */
bool suite_case_may_refuse(const struct suite *s, const struct suite_case *c);
bool suite_case_has_tag(const struct suite_case *c, struct slice tag);
/* The judge of a check, which has a name once the suite is read (the only declared one, when the check names none). NULL: it is not
 * declared here; whoever runs the suite looks for it in the registry, lends it, or says that there is none. */
const struct judge *suite_judge(const struct suite *s, const struct check *c);
/* Names of judges that checks have and the suite does not; walk with *cursor from 0, false at the end. A name may come twice. */
bool suite_next_missing_judge(const struct suite *s, size_t *cursor, struct slice *ret);
/* The suite then has this judge as well; its digest stays (the judge is told by judge_identity). False: `arena`, the suite's, is full. */
bool suite_lend_judge(struct suite *s, const struct judge *j, struct arena *arena) MUST_CHECK;

/* The body of the exchange of a case. `prompt`: in place of the suite's own (NULL: its own); `model` likewise (SLICE_NULL). */
enum fault suite_write_request(const struct suite *s, const struct suite_case *c, const struct prompt *prompt, struct slice model,
                               struct arena *arena, struct buffer *out, struct error *error) MUST_CHECK;

#endif
