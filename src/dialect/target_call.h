/* target_call.h - what writing a request has in common between the dialects. */
#ifndef DIALECT_TARGET_CALL_H
#define DIALECT_TARGET_CALL_H

#include "base/json.h"
#include "model/call.h"
#include "model/policy.h"

/* FAULT_UNTRANSLATABLE for a field of the call that the target has no word for; unset ones pass. */
enum fault target_refuse(struct slice value, const char *field, struct error *error) MUST_CHECK;
/* The same for numbers that say nothing when they are `idle`. */
enum fault target_refuse_unless(struct slice number, double idle, const char *field,
                                struct error *error) MUST_CHECK;

/* The limit that a capped call without one gets: the cap, within what the target is known to give, which may be
 * less. -1: the call has its own, or is not capped. */
int64_t target_added_limit(const struct call *call, const struct target *target);

void target_put_raw(struct json_writer *w, const char *key, struct slice json);  /* SLICE_NULL: nothing */
void target_put_text(struct json_writer *w, const char *key, struct slice text); /* SLICE_NULL: nothing */
void target_put_texts(struct json_writer *w, const char *key, const struct slice *texts,
                      unsigned n); /* none: nothing */

#endif
