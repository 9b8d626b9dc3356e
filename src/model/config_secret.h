/* config_secret.h - which values of a configuration file are never shown, and its text without them.
 *
 * A value is secret where its setting says so (secret, PEM), in headers of providers and addresses of receivers, where an address has a
 * user's part or a query with a key, and below an unknown key that is called like one. A reference - ${NAME} without a default, file:PATH - is none. */
#ifndef MODEL_CONFIG_SECRET_H
#define MODEL_CONFIG_SECRET_H

#include "base/buffer.h"
#include "base/yaml.h"

#define CONFIG_KEPT "(kept)"       /* what is shown; sent back, what was there stays */
#define CONFIG_CHANGED "(changed, not shown)"

bool config_is_secret(const struct slice *steps, unsigned n, const struct yaml_node *scalar); /* "[]" is the step to an item */

/* The text of `root` with (kept) in place of each secret, wherever it stands, comments too; where `before` (NULL: none) has another one or
 * none at that place, (changed, not shown). Comments that speak of secrets are left out. Bytes `from` to `to` onto `out`. */
struct config_mask {
    struct slice text;
    unsigned char *hidden; /* of each byte */
};
bool config_mask(struct slice text, const struct yaml_node *root, const struct yaml_node *before, struct arena *arena, struct config_mask *ret); /* false: no room */
void config_masked(const struct config_mask *m, size_t from, size_t to, struct buffer *out);

/* Puts what `before` has where `value` says (kept); false: there, it has nothing to keep. Both stand at the same path. Items of lists are
 * the same by their `name`, else by their number. */
bool config_keep(struct yaml_node *value, const struct yaml_node *before, struct slice *steps, unsigned n);

#endif
