/* world.h - what a demo lives through: who asks what, and who does what, at which time. Pure: files in, requests and acts out.
 *
 * The folder's quarterdeck.yaml finds in its environment QUARTERDECK_DEMO_LISTEN ("127.0.0.1:4000"), QUARTERDECK_DEMO_DATA (its
 * data_dir), QUARTERDECK_DEMO_SIM ("http://127.0.0.1:40123", the simulator with simulator.yaml) and the tokens of people, below.
 *
 * Times are microseconds since midnight UTC of day 1. A *moment* is "DAY HH:MM": "9 11:40" is day 9 at 11:40 UTC, "9w 11:40" the same
 * on the first weekday (Monday to Friday) from day 9 on. In any other file of the demo {{9w 11:40}} is replaced by that moment as a
 * duration since the beginning ("12220m"), as a simulator's script wants it.
 *
 * traffic.yaml (all but `kinds` may be left out; unknown keys are errors that name the line):
 *     requests: 40000                    of 28 days; a shorter demo has its share
 *     live: 6                            requests a minute, once time is the real one; none: as on the last day
 *     gaps: arrivals.txt                 numbers, one a line: times between arrivals, scaled to a mean of 1; none: exponential
 *     hours: [24 numbers]                weight of each hour, UTC
 *     weekdays: [7 numbers]              weight of each day, Monday first
 *     growth: 1.3                        rate of the last day, against the first's
 *     surges: [{from: 9w 11:00, to: 9w 12:00, factor: 2}]
 *     kinds:
 *       - name: question                 what it is called in errors
 *         weight: 6                      share of the requests
 *         from: 3 00:00                  only from, and `to:`, this moment
 *         hours: [24 numbers]            multiplies its weight
 *         key: qd-demo-helpdesk          of the application, as in quarterdeck.yaml
 *         path: /v1/chat/completions     or any other that takes a POST
 *         model: support-chat            in the body; none with a prompt that names it
 *         prompt: answer-card            header x-quarterdeck-prompt: NAME, NAME@7, NAME@label
 *         variables: {question: "{text}"}      `prompt_variables` of the body
 *         system: "You answer ..."       a message; `system_file:` the same from a file
 *         user: "{text}"                 the question; none: no messages (a prompt brings them)
 *         rows: questions.csv            where {COLUMN} comes from: its first line names the columns; lines from # on are remarks
 *         only: {intent: [card_arrival]} rows with one of these values
 *         history: {first: 0, last: 6, from: 3 00:00, to: 24 00:00, answer: "Please look into {intent}."}
 *                                        earlier turns, questions of other rows, that lead from one number to another (a
 *                                        fraction is drawn)
 *         stream: 0.7                    share that streams
 *         extra: '"max_tokens": 200'     JSON members of the body, as they stand
 *         request_type: chat             and feature, team: labels
 *         tags: {channel: app}
 *         users: 300                     each is of one of so many, "PREFIXn", with sessions of some requests each
 *         user_prefix: customer-
 *         scores: {name: helpful, share: 0.1, after: 30s, good: 0.9, by: app, when: [{contains: "refund", good: 0.2}]}
 *                                        what users say of answers: value 1 with probability `good`, else 0; the first of
 *                                        `when` whose text (in any case) is in the answer replaces it. `after`: 1s to 1h;
 *                                        `by`: whose token gives it (source `feedback`)
 *
 * acts.yaml:
 *     people: [{name: ana, role: approver, password: "...", about: leads the helpdesk}]
 *                                        each has a token, which quarterdeck.yaml gives its role: ${QUARTERDECK_DEMO_TOKEN_ANA};
 *                                        those with a password become users who sign in, once the server is up
 *     acts:
 *       - at: 2w 10:15
 *         by: ben                        whose token
 *         say: a new version of answer-card     the progress line, from here on; without call: that alone
 *         call: POST /api/v1/...         {NAME}s in path and body that were kept before are filled in
 *         body: {any: yaml}              as JSON: plain numbers, true, false and null are such; or `text:` as it stands
 *         file: prompts/card-2.yaml      the body: the text of that file; or in body, {file: NAME} is its text as a JSON string
 *         expect: 201                    other statuses are said and counted as failures; none: any of 2xx
 *         keep: {version: data.version}  members of the answer, by path, under a name for later acts
 *         until: {text: '"state":"active"', every: 10m, within: 2d}   asked again until the answer holds the text
 *         label: {review: "{NAME}", every: 3m, good: 0.95, when: [{contains: "in the post", good: 0.1}]}
 *                                        in place of `call`: labels one answer after the other of what the review has for
 *                                        this person, until none is left; pass with probability `good`, else fail, as `scores`
 *         verb: eval judge show helpful  in place of `call`: `quarterdeck` with these words, at a shell with that person's
 *                                        token, time standing still; {NAME}s are filled in. Exit codes but 0 are failures
 *
 * Everything is borrowed from the arena and from the files, which outlive the world. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include "sim/dice.h"

#define WORLD_HEADERS 12

struct world;
struct world_taste; /* `good` and `when` */

struct world_options {
    bool (*file)(void *ctx, const char *name, struct slice *ret); /* false: there is none of that name */
    void *ctx;
    struct arena *arena;
    uint64_t seed;
    int64_t start_us; /* wall time of day 1, midnight */
    int64_t days;     /* how many there are */
};

struct world_score {
    bool given;
    struct slice name, by;
    const struct world_taste *taste;
    double luck;
    int64_t after_us;
};

/* Headers, path and body are the caller's until it clears the arena that it lent for them. */
struct world_request {
    int64_t at_us;
    struct slice kind;
    const char *path, *headers[WORLD_HEADERS + 1];
    struct slice body;
    struct world_score score;
};

struct world_act {
    int64_t at_us;
    struct slice by, say; /* SLICE_NULL: none */
    const char *method;   /* NULL: nothing is called */
    struct slice path, body;
    int expect;           /* 0: any of 2xx */
    const struct yaml_node *keep; /* a map; NULL: none */
    struct slice until;           /* SLICE_NULL: none */
    int64_t every_us, within_us;
    const struct world_taste *label; /* method and path ask for the reviewer's next item; NULL: no labels */
    struct slice verb;               /* SLICE_NULL: none */
};

/* FAULT_CONFIG: *error names file, line and what was expected. */
enum fault world_new(const struct world_options *o, struct world **ret, struct error *error) MUST_CHECK;

/* The next request, in order of time; false: the days are over. `endless`: on as on the last day. */
bool world_request_next(struct world *w, bool endless, struct arena *arena, struct world_request *ret);
/* What the user says of an answer: 0 or 1. */
double world_score_value(const struct world_score *s, struct slice answer);
/* Whether the person of an act with `label` passes an answer. */
bool world_passes(struct world *w, const struct world_act *act, struct slice answer);

/* Time is the real one, now_us since the beginning: what was missed is left out. */
void world_go_live(struct world *w, int64_t now_us);

struct world_person {
    struct slice name, role, password, about; /* the last two SLICE_NULL: none */
};
unsigned world_people(const struct world *w);
const struct world_person *world_person_at(const struct world *w, unsigned i);
unsigned world_acts(const struct world *w);
const struct world_act *world_act_at(const struct world *w, unsigned i); /* by time; those at the same time as in the file */
/* A file's text with its moments filled in. */
enum fault world_fill_in(const struct world_options *o, const char *name, struct buffer *out, struct error *error) MUST_CHECK;
bool world_moment(const struct world_options *o, struct slice text, int64_t *ret_us);

#endif
