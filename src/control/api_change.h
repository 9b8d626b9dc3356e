/* api_change.h - what the routes that change versions and rollouts share: who does it to what, and how it is answered. Private to control/. */
#ifndef CONTROL_API_CHANGE_H
#define CONTROL_API_CHANGE_H

#include "change/acts.h"
#include "control/api.h"

/* "prompt" or "knowledge", by the path. */
struct slice api_change_kind(const struct api_call *c);
/* From the path ({name}, {version} where the route has it), the members `reason`, `as` and `if_revision` of the body, and the token. False after
 * having answered: there is no registry, or the caller is somebody else than `as`. */
bool api_change_act(struct api_call *c, struct act *ret);
/* Who calls, as a person: the token's name; without tokens `as`, else "local". Whoever has a token is its name and nobody else, an admin too:
 * otherwise one could review the own change. False after having answered. */
bool api_change_person(struct api_call *c, struct slice as, struct actor *ret);
/* Where `deploy`: in force on every loop first. Then the answer (schema Changed), or the error. True: it was done. */
bool api_change_answer(struct api_call *c, const struct act *a, enum fault fault, const struct act_outcome *o, bool deploy, const struct error *error);
/* The member `progress`: runs of its gate that are under way. False after an error. */
bool api_change_progress(struct api_call *c, const struct change_version *v, int64_t production);

#endif
