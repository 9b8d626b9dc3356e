/* fields.h - looking up and checking the members of JSON objects, for the files of this folder.
 *
 * Names stand in static tables. One walk over an object finds all of them, and tells which came twice;
 * as with json_get the last one wins. JSON null counts as absent. Messages name the field by its path. */
#ifndef DIALECT_FIELDS_H
#define DIALECT_FIELDS_H

#include "base/json.h"

struct field {
    const char *name;
    unsigned char len;
};
#define FIELD(text)                                                                                          \
    { text, sizeof(text) - 1 }
#define FIELDS_MAX 64

/* ret_nodes[i]: the value of fields[i] in `object`, JSON_NONE when absent. Returns the bits of those given
 * twice. */
uint64_t fields_find(const struct json_doc *d, uint32_t object, const struct field *fields, unsigned n,
                     uint32_t *ret_nodes);

/* What becomes of a member when a request crosses to another wire. */
enum field_fate {
    FIELD_USED, /* the reader looks at it */
    FIELD_HINT, /* steers caching or bookkeeping, not the answer: dropped */
    FIELD_ONLY, /* dropped with the value in the rule, which says what its absence says; refused with another
                 */
};
struct field_rule {
    const char *name;
    enum field_fate fate;
    const char *only; /* number, true, false, text; "" is an empty text, array or object */
};

/* FAULT_UNTRANSLATABLE naming the first member that no rule lets pass. Not an object: FAULT_BAD_REQUEST. */
enum fault fields_check(const struct json_doc *d, uint32_t object, const struct field_rule *rules, unsigned n,
                        struct arena *arena, struct error *error) MUST_CHECK;
#define FIELDS_CHECK(d, object, rules, arena, error)                                                         \
    fields_check((d), (object), (rules), sizeof(rules) / sizeof((rules)[0]), (arena), (error))

bool fields_is_null(const struct json_doc *d, uint32_t node); /* absent or null */
const char *fields_type_name(enum json_type t);               /* "string", "number", ... */

/* The two refusals: of a wrong type ("stream: expected a boolean, found string"), and of what cannot be said
 * at the target. */
enum fault fields_expected(const struct json_doc *d, uint32_t node, const char *expected, struct arena *arena,
                           struct error *error);
enum fault fields_unsupported(const struct json_doc *d, uint32_t node, struct arena *arena,
                              struct error *error);

enum fault fields_missing(const struct json_doc *d, uint32_t object, const char *key, struct arena *arena,
                          struct error *error); /* "tools[0].name: missing" */

/* Typed values. Absent and null leave *ret as it was. */
enum fault fields_string(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret,
                         struct error *error) MUST_CHECK;
enum fault fields_required(const struct json_doc *d, uint32_t object, const char *key, struct arena *arena,
                           struct slice *ret,
                           struct error *error) MUST_CHECK; /* a string that must be there */
enum fault fields_number(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret_raw,
                         struct error *error) MUST_CHECK;
enum fault fields_bool(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret_raw,
                       struct error *error) MUST_CHECK;

#endif
