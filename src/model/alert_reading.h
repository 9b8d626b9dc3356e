/* alert_reading.h - what the readers of `alerts`, `grants`, `receivers` and `oncall` share. Private to model/alert_*.c. */
#ifndef MODEL_ALERT_READING_H
#define MODEL_ALERT_READING_H

#include "model/alert_policy.h"
#include "model/policy.h"

#define ALERT_PLACE 192
struct alert_reader {
    struct reader *r;
    struct alert_policy *p;
    const struct policy *names;  /* NULL: applications, models and so on are not looked up */
    /* For hints, NULL-terminated; NULL: not known. In the arena. */
    const char **applications, **models, **providers, **keys, **upstream_models, **budgets;
    const char **signals, **bys, **findings, **kinds;
    const char **receivers, **called; /* called: receivers and escalations */
    const char **rules;
};

/* The paths that problems name: "alerts[3].when", "above" -> "alerts[3].when.above". */
const char *alert_place(char out[ALERT_PLACE], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether `name` is one of `known` (NULL: nobody knows, so it is); if not, told as "no such WHAT `name`" with the nearest. */
bool alert_known(const struct alert_reader *a, uint32_t node, const char *place, const char *what, struct slice name, const char *const *known);
const char **alert_names(const struct alert_reader *a, unsigned n); /* room for n and a NULL, which is set */
/* Index of one of `words`; JSON_NONE leaves *ret. */
void alert_word(const struct alert_reader *a, uint32_t node, const char *place, const char *const *words, int *ret);
void alert_duration(const struct alert_reader *a, uint32_t node, const char *place, int64_t least_us, int64_t most_us, int64_t *ret);
/* A dimension, or a list of them, of those in `may`: bits of enum signal_by. `of`: whose they are, for the message. */
void alert_dimensions(const struct alert_reader *a, uint32_t node, const char *place, unsigned may, const char *of, unsigned *ret);
/* A value in the signal's unit: 2s, 500ms, 5%, 0.05, $1.50, 10GiB. False: told. */
bool alert_value(const struct alert_reader *a, uint32_t node, const char *place, const struct signal_info *of, double *ret);
/* What `node` must be to be in dimension `by`: applications, models and so on are looked up. */
void alert_series_member(const struct alert_reader *a, uint32_t node, const char *place, enum signal_by by, struct slice *ret);

/* ---- the sections ---- */
void alert_read_rules(struct alert_reader *a, uint32_t list);
/* alert_actions.c */
void alert_read_actions(const struct alert_reader *a, uint32_t list, const char *place, struct alert_rule *rule);
void alert_read_grants(struct alert_reader *a, uint32_t list);
/* alert_receivers.c */
void alert_read_receivers(struct alert_reader *a, uint32_t map);
/* alert_calls.c */
void alert_read_oncall(struct alert_reader *a, uint32_t map);

#endif
