/* Answers that many consoles ask for at once (shared_answers.h): to whom they may be given, and what tells them apart.
 *
 * Only who says so (cache-control: max-age=1, as consoles do) is given what another was told up to a second ago: a program that reads its
 * budget after it spent sees what it spent. Only what is listed here is shared: what these routes answer depends on the query and on the server, and no secret, no payload and no word on
 * who asks is in it. That the role is in the key all the same is a second lock. */
#include "control/api.h"

#include "control/shared_answers.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdio.h>

#define ROOT "/api/v1/"

static const char *const shared[] = {
    "overview", "series", "timeline", "hours", "latency", "totals", "status", "models", "providers",
    "records", "alerts", "alerts/{number}", "alert-rules", "silences", "thresholds", "findings", "actions", "actions/{number}", "oncall",
    "receivers", "notices", "prompts", "prompts/{name}/versions", "rollouts", "rollouts/{name}", "rollouts/{name}/history",
    "model-changes", "evals", "eval-schedule", "scoring-states", "scoring/{name}/report", "suites", "judges",
    "budgets", "limits", "cost/report", "cost/explain", "cost/anomalies", "cost/review", "audit",
};

static bool is_shared(const struct api_route *r) {
    if (strcmp(r->method, "GET") != 0 || r->access != API_VIEWER || strncmp(r->path, ROOT, sizeof ROOT - 1) != 0) return false;
    for (unsigned i = 0; i < sizeof shared / sizeof *shared; i++)
        if (strcmp(r->path + sizeof ROOT - 1, shared[i]) == 0) return true;
    return false;
}

/* What the client has already is not sent again. */
static void say_known(const struct api_request *q, struct api_response *ret) {
    enum { NOT_MODIFIED = 304 };
    if (ret->etag[0] == '\0' || !api_is_known(q->if_none_match, ret->etag)) return;
    ret->status = NOT_MODIFIED;
    ret->content_type = "text/plain"; /* of nothing */
    buffer_clear(&ret->body);
}

void control_share(const struct api_request *q, const struct api_response *from, struct api_response *ret) {
    ret->status = from->status;
    ret->content_type = from->content_type;
    snprintf(ret->etag, sizeof ret->etag, "%s", from->etag);
    buffer_clear(&ret->body);
    buffer_append(&ret->body, buffer_slice(&from->body));
    say_known(q, ret);
}

enum api_share api_share(struct api_call *c, struct shared_entry **ret_entry) {
    if (c->s->shared == NULL || !c->q->may_be_shared || c->rights < API_VIEWER || !is_shared(c->route)) return API_COMPUTE;
    struct slice key = arena_printf(c->arena, "%d " SLICE_FMT "?" SLICE_FMT, (int)c->rights, SLICE_ARG(c->q->path), SLICE_ARG(c->q->query));
    if (slice_is_null(key)) return API_COMPUTE;
    switch (shared_answers_ask(c->s->shared, c->change, key, clock_us(), c->q->waiter, c->ret, ret_entry)) {
    case SHARED_GIVEN: say_known(c->q, c->ret); return API_ANSWERED;
    case SHARED_WAITS: return API_LEFT;
    case SHARED_COMPUTE:
    case SHARED_ALONE: break;
    }
    return API_COMPUTE;
}

void api_shared(struct api_call *c, struct shared_entry *e) {
    enum { OK = 200, TAG = 16 };
    uint8_t digest[TAG];
    char hex[2 * TAG + 1];
    if (e == NULL) return;
    if (c->ret->status == OK) {
        digest_fast128(buffer_slice(&c->ret->body), digest);
        digest_hex(digest, TAG, hex);
        snprintf(c->ret->etag, sizeof c->ret->etag, "\"%s\"", hex);
    }
    shared_answers_done(c->s->shared, e, c->ret, clock_us());
    say_known(c->q, c->ret);
}
