#include "control/judge_uses.h"

#include "control/judge_book.h"

static void add(struct judge_uses *uses, const struct judge *j, const struct check *c, struct slice suite) {
    struct digest id;
    judge_identity(j, c, &id);
    for (unsigned i = 0; i < uses->n; i++)
        if (digest_eq(&uses->items[i].identity, &id) && slice_eq(uses->items[i].suite, suite)) return;
    if (uses->n < JUDGE_USES) uses->items[uses->n++] = (struct judge_use){*j, *c, id, suite};
}

/* A check that names no judge means the only one. */
static void add_checks(struct judge_uses *uses, const struct judge *j, bool is_only, const struct declared *d, uint32_t list, struct slice suite,
                       struct arena *arena) {
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(&d->doc, list, &cursor, &item)) {
        struct check check;
        struct error error;
        uint32_t named = json_get(&d->doc, item, "judge");
        if (json_type(&d->doc, named) == JSON_STRING ? !slice_eq(json_string(&d->doc, named, arena), j->name) : !is_only) continue;
        if (judge_check_read(&d->doc, item, arena, &check, &error) == FAULT_NONE) add(uses, j, &check, suite);
    }
}

void judge_uses_of(struct judge_uses *uses, const struct judge *j, const struct declared *d, struct slice suite, struct arena *arena) {
    uint32_t at = JSON_NONE, item;
    bool is_only = json_size(&d->doc, json_get(&d->doc, 0, "judges")) == 1 && json_get_slice(&d->doc, json_get(&d->doc, 0, "judges"), j->name) != JSON_NONE;
    add_checks(uses, j, is_only, d, json_get(&d->doc, 0, "checks"), suite, arena);
    while (json_each_item(&d->doc, json_get(&d->doc, 0, "cases"), &at, &item))
        add_checks(uses, j, is_only, d, json_get(&d->doc, item, "checks"), suite, arena);
}

enum fault judge_uses_add(struct judge_uses *uses, const struct declared *d, const char *file, struct slice suite, struct slice only,
                          struct arena *arena, struct problems *problems) {
    uint32_t judges = json_get(&d->doc, 0, "judges"), cursor = JSON_NONE, key, value;
    while (json_each_member(&d->doc, judges, &cursor, &key, &value)) {
        struct slice name = json_string(&d->doc, key, arena);
        struct judge j;
        if (!slice_is_null(only) && !slice_eq(only, name)) continue;
        if (judge_read(d, value, name, file, arena, &j, problems) != FAULT_NONE) return FAULT_CONFIG;
        judge_uses_of(uses, &j, d, suite, arena);
    }
    return FAULT_NONE;
}
