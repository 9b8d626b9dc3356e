#include "gateway/exchange.h"

#include "model/pseudonym.h"

void pseudonymize(struct exchange *x) {
    const struct application *a = x->key->application;
    struct record *r = &x->record;
    if (a->payloads.capture != CAPTURE_NONE) return;
    pseudonym_hide(x->binding->policy, a, &x->arena, &r->user, &r->tags);
    x->pseudonymous = true;
}
