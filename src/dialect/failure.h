/* failure.h - what a provider's failure means: from a status and an error body, or from an error object
 * inside a 200. One set of rules for every dialect: compatible servers mix their words freely. */
#ifndef DIALECT_FAILURE_H
#define DIALECT_FAILURE_H

#include "dialect/dialect.h"

/* read_error of every dialect: the body may be empty, HTML, or cut. */
void failure_read(int status, struct header_source headers, struct slice body, int64_t now_wall_us,
                  struct arena *arena, struct upstream_error *ret);

/* Is there an error in the object `root` of a 200 ({"error": {...}}, {"error": "text"}, {"object": "error"})?
 * The node that holds it, else JSON_NONE. */
uint32_t failure_find(const struct json_doc *d, uint32_t root);
/* The same for an object whose members `error` and `object` are at hand. */
uint32_t failure_pick(const struct json_doc *d, uint32_t root, uint32_t error, uint32_t object);

/* Reads that node. `status` 0: only the object's own words count. retry_after_us and should_retry: not said.
 */
void failure_of_node(const struct json_doc *d, uint32_t node, int status, struct arena *arena,
                     struct upstream_error *ret);

/* FAULT_UP_MALFORMED, and *ret says the same. */
enum fault failure_malformed(struct upstream_error *ret);

#endif
