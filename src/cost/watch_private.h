/* watch_private.h - what the watchers of cost share: one look being built. Private to cost/watch*.c. */
#ifndef COST_WATCH_PRIVATE_H
#define COST_WATCH_PRIVATE_H

#include "base/json.h"
#include "cost/watch.h"

struct watch_look {
    const struct watch *w;
    int64_t now_us;
    struct policy *policy; /* held */
    struct arena arena;
    struct buffer text; /* of the one text that is being written */
    struct json_writer json;
    struct finding *seen;
    struct slice *unsure;
    size_t n_seen, n_unsure, cap_seen, cap_unsure;
};

void watch_look_begin(struct watch_look *l, const struct watch *w, int64_t now_us);
void watch_look_end(struct watch_look *l);
void watch_saw(struct watch_look *l, const struct finding *f);
void watch_is_unsure(struct watch_look *l, struct slice key);
/* Into the registry; what has opened is told. */
enum fault watch_look_put(struct watch_look *l, uint64_t kinds, struct slice application,
                          struct error *error) MUST_CHECK;

/* A text is begun, written onto l->text (or l->json), and taken into the arena. */
struct buffer *watch_text(struct watch_look *l);
struct json_writer *watch_json(struct watch_look *l);
struct slice watch_take(struct watch_look *l);

/* The budgets of the look's own policy; others, of a reload that comes between, are left out and *ret_others
 * is true. */
void watch_each_budget(struct watch_look *l, void (*each)(void *arg, const struct budget_view *v), void *arg,
                       bool *ret_others);

void watch_put_usd(struct json_writer *w, const char *key, int64_t nano);
void watch_put_time(struct json_writer *w, const char *key, int64_t wall_us);
void watch_print_usd(struct buffer *out, int64_t nano);     /* for people: money_words */
void watch_print_when(struct buffer *out, int64_t wall_us); /* for people: clock_words */
void watch_print_time(struct buffer *out, int64_t wall_us); /* for commands: RFC 3339 to the second, or finer where it is */
void watch_print_option(struct buffer *out, const char *option,
                        struct slice value); /* " --team 'it''s'", quoted for the shell */
void watch_print_scope(struct buffer *out,
                       const struct budget_view *v); /* "application=helpdesk, user=anna" */
void watch_print_filters(struct buffer *out, const struct budget_view *v); /* as options of `cost report` */
struct slice watch_budget_key(struct watch_look *l, enum finding_kind kind, const struct budget_view *v,
                              double share, bool many);
struct slice watch_application(const struct budget_view *v);
void watch_put_budget(struct json_writer *w, const struct budget_view *v); /* members */

#endif
