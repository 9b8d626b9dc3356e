/* config_edit.h - one part of a configuration file replaced where it stands: all else, comments too, stays byte for byte.
 *
 * A part is named by the section (a key of the root) and the steps below it. Of what is new only what differs is written: a scalar in
 * place of a scalar, a member behind the last one, a line taken out. What was written is then read again and held against what was
 * meant; where the two differ (values that stand for others by an alias, forms that are not understood) nothing is given out: the file
 * has to be edited by hand. Pure. */
#ifndef MODEL_CONFIG_EDIT_H
#define MODEL_CONFIG_EDIT_H

#include "base/json.h"
#include "base/yaml.h"

#define CONFIG_EDIT_STEPS 8

/* Steps from the root: keys of maps; of a list the `name` of an item, or "#3" for the third. A list takes a new item at any name
 * that it has not. */
struct config_path {
    struct slice steps[CONFIG_EDIT_STEPS];
    unsigned n;
};

/* The node that a path names; NULL: there is none. */
struct yaml_node *config_find(struct yaml_node *root, const struct config_path *path);
/* The name of an item of a list by which a path finds it: its member `name` where no item before has it, else "#N" in `arena`. */
struct slice config_item_name(const struct yaml_node *list, const struct yaml_node *item, struct arena *arena);

/* A value of JSON as a tree; numbers, true, false and null are plain. NULL: the arena is full. */
struct yaml_node *config_from_json(const struct json_doc *d, uint32_t node, struct arena *arena);
/* The same the other way: plain numbers (as JSON writes them), true, false and null as such, all else as texts. `shown` (NULL: as it
 * is) says what stands for a scalar. */
struct config_shown {
    void *ctx;
    struct slice (*text)(void *ctx, const struct slice *steps, unsigned n, const struct yaml_node *scalar); /* SLICE_NULL: as it is */
};
void config_to_json(const struct yaml_node *node, const struct config_shown *shown, struct slice *steps, unsigned n, struct json_writer *w);

bool config_same(const struct yaml_node *a, const struct yaml_node *b); /* maps in any order; NULL is null */

/* `text` with `value` (NULL: without it) at `path`, onto `out`. FAULT_CONFIG: `text` is not YAML. FAULT_CONFLICT: it cannot be edited
 * there, and why. FAULT_NOT_FOUND: nothing is there to be removed. */
enum fault config_edit(struct slice text, const struct config_path *path, const struct yaml_node *value, struct arena *arena,
                       struct buffer *out, struct error *error) MUST_CHECK;

#endif
