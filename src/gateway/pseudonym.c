#include "gateway/exchange.h"

#include "model/pseudonym.h"

static bool is_needed(const struct application *a, struct slice tag, const char **ret) {
    for (unsigned i = 0; i < a->n_needed_tags; i++)
        if (slice_is(tag, a->needed_tags[i])) {
            *ret = a->needed_tags[i];
            return true;
        }
    return false;
}

/* "k=v,k=v": only those that some budget or limit names, each value hidden. */
static struct slice hide_tags(struct exchange *x, const struct application *a) {
    const uint8_t *key = x->binding->policy->pseudonym_key;
    struct slice rest = x->record.tags, one, name, value, out = SLICE_NULL;
    char hidden[PSEUDONYM_TEXT];
    const char *tag;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        if (!slice_cut(one, '=', &name, &value) || value.len == 0 || !is_needed(a, name, &tag)) continue;
        pseudonym_of(key, tag, value, hidden);
        out = arena_printf(&x->arena, SLICE_FMT "%s%s=%s", SLICE_ARG(out.at ? out : SLICE("")), out.len > 0 ? "," : "", tag, hidden);
    }
    return out;
}

void pseudonymize(struct exchange *x) {
    const struct application *a = x->key->application;
    struct record *r = &x->record;
    char hidden[PSEUDONYM_TEXT];
    if (a->payloads.capture != CAPTURE_NONE) return;
    if (a->needs_user && r->user.len > 0) {
        pseudonym_of(x->binding->policy->pseudonym_key, NULL, r->user, hidden);
        r->user = slice_of(arena_text(&x->arena, slice_of(hidden)));
    } else {
        r->user = SLICE_NULL;
    }
    r->tags = hide_tags(x, a);
    x->pseudonymous = true;
}
