/* change_reading.h - what the readers of the change policy share. Private to change_policy.c and change_plan.c. */
#ifndef MODEL_CHANGE_READING_H
#define MODEL_CHANGE_READING_H

#include "model/change_policy.h"

/* JSON_NONE leaves *ret; `what` is the path to print. */
void change_read_word(const struct reader *r, uint32_t node, const char *what, const char *const *words, int *ret); /* index of one of them */
void change_read_duration(const struct reader *r, uint32_t node, const char *what, int64_t least_us, int64_t *ret);
void change_read_share(const struct reader *r, uint32_t node, const char *what, double least, double *ret); /* "10%" or 0.1: 0..1 */
void change_read_usd(const struct reader *r, uint32_t node, const char *what, int64_t *ret_nano);

/* `rollouts.canary` and `rollouts.shadow` over what *p says. A guardrail without an alpha of its own gets NAN, until plan_settle. */
void plan_read_canary(const struct reader *r, uint32_t node, struct rollout_plan *p);
void plan_read_shadow(const struct reader *r, uint32_t node, struct rollout_plan *p);
void plan_read_ab(const struct reader *r, uint32_t node, struct ab_plan *p);
/* Shares analysis.alpha among the guardrails that have none. */
void plan_settle(struct rollout_plan *p);

#endif
