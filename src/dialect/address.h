/* address.h - building an upstream address: URL and headers in an arena. */
#ifndef DIALECT_ADDRESS_H
#define DIALECT_ADDRESS_H

#include "dialect/dialect.h"

/* Starts empty, with content-type. A URL or header that the arena cannot hold is left out, which the provider
 * will refuse. */
void address_start(struct upstream_address *a, struct arena *arena);
void address_header(struct upstream_address *a, struct arena *arena, const char *name, const char *before,
                    const char *value);
void address_url(struct upstream_address *a, struct arena *arena, const char *base, const char *middle,
                 const char *path);

bool address_base_has_path(const char *base); /* more than scheme://host[:port] */
bool address_ends(const char *base, const char *suffix);
/* Percent-encoded for one path segment or query value. */
const char *address_escape(struct arena *arena, const char *text);

#endif
