/* api_versions.h - versions of prompts and knowledge bases in answers: one set of handlers, the path says of which kind. */
#ifndef CONTROL_API_VERSIONS_H
#define CONTROL_API_VERSIONS_H

#include "change/versions.h"
#include "control/api.h"

/* "prompt" or "knowledge". */
struct slice api_version_kind(const struct api_call *c);
/* That of the path's {name} and {version}; false: it was answered. */
bool api_version_find(struct api_call *c, struct change_version *ret);
/* The members of `prompt show --json`'s versions, into an open object, then what there is beside. */
void api_version_put(struct api_call *c, const struct change_version *v);
/* A member of a version's facts: raw JSON; SLICE_NULL: it has none. */
struct slice api_version_fact(struct api_call *c, const struct change_version *v, const char *name);

#endif
