/* pseudonym.h - what stands for a user or a tag's value where an application keeps neither
 * (payloads.capture: none) and a budget or limit still has to tell them apart.
 *
 * "~" and 12 hex digits of a keyed hash (BLAKE2b) of dimension and value: the same for the same value as long as the
 * installation keeps its key, in all of its applications, so that a budget that spans them counts one user once. Who
 * has the key can test a guess; who has not, cannot. Two of 100,000 values share one with a probability below
 * 0.002 %. */
#ifndef MODEL_PSEUDONYM_H
#define MODEL_PSEUDONYM_H

#include "base/digest.h"
#include "model/policy.h"

#define PSEUDONYM_TEXT 14

/* `tag` is the tag's key; NULL: a user. */
void pseudonym_of(const uint8_t key[DIGEST_KEY], const char *tag, struct slice value, char out[PSEUDONYM_TEXT]);

/* What an application with payloads.capture: none keeps of a request's user and tags, in the arena: pseudonyms of those that
 * some budget or limit needs. */
void pseudonym_hide(const struct policy *p, const struct application *a, struct arena *arena, struct slice *user, struct slice *tags);

#endif
