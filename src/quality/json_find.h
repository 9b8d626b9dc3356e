/* json_find.h - the JSON that stands in a text among prose or fences, one value after the other.
 *
 * An object wherever it stands; a list only when `lists` (or "see [1]" would be JSON). What is inside a value that was
 * found is not found again. Strict: what JSON.parse would refuse is no JSON, where promptfoo reads it as YAML. */
#ifndef QUALITY_JSON_FIND_H
#define QUALITY_JSON_FIND_H

#include "base/json.h"

enum json_found { JSON_FOUND, JSON_FOUND_END, JSON_FOUND_TOO_MUCH /* brackets that never close, again and again */ };

struct json_finder {
    struct slice text;
    size_t at;
    uint64_t work; /* bytes that may still be looked at */
    bool lists;
};

void json_finder_init(struct json_finder *f, struct slice text, bool lists);
enum json_found json_find(struct json_finder *f, struct arena *arena, struct json_doc *ret);

#endif
