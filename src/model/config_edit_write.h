/* config_edit_write.h - a tree as YAML, as short as it reads back the same. Private to config_edit. */
#ifndef MODEL_CONFIG_EDIT_WRITE_H
#define MODEL_CONFIG_EDIT_WRITE_H

#include "base/buffer.h"
#include "base/yaml.h"

bool config_written_null(const struct yaml_node *node); /* NULL, empty and plain, ~ or null */
bool config_is_typed(const struct yaml_node *node);     /* a plain scalar that is a number as JSON writes them, true or false */

/* From where the first line is already indented by `indent` spaces; no line break behind it. `flow`: on one line, in brackets. */
void config_write(const struct yaml_node *value, int indent, bool flow, struct buffer *out);

#endif
