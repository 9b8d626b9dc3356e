/* api_route.h - what the handlers of routing by difficulty share. Private to control/. */
#ifndef CONTROL_API_ROUTE_H
#define CONTROL_API_ROUTE_H

#include "control/api.h"
#include "model/tiers.h"
#include "store/registry_tiering.h"

/* The model of the path, with tiers, and a registry; NULL: it was refused. */
const struct model_route *api_route_model(struct api_call *c);
void api_route_put_tiers(struct json_writer *w, const struct tiering *t);
/* Audits what the registry has taken and puts it in force. False: it was answered that this failed. */
bool api_route_apply(struct api_call *c, const char *action, struct slice model, struct slice detail, struct buffer *problems,
                     bool *ret_in_force) MUST_CHECK;

#endif
