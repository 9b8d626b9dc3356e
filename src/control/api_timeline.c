/* What happened, as one list. */
#include "control/api.h"
#include "control/timeline.h"

#define WEEK_US (7 * 86400000000LL)
enum { EVENTS = 200 };

static void put_event(struct json_writer *w, const struct timeline_event *e) {
    json_object(w);
    api_put_time(w, "at", e->at_us);
    api_put_time(w, "until", e->until_us);
    json_member_text(w, "kind", timeline_kind_name(e->kind));
    json_member_string(w, "title", e->title);
    json_member_string(w, "subject", e->subject);
    json_member_string(w, "actor", e->actor);
    json_member_text(w, "severity", timeline_severity_name(e->severity));
    json_member_string(w, "state", e->state);
    json_member_string(w, "href", e->href);
    json_member_string(w, "record", SLICE_NULL);
    json_object_end(w);
}

void api_timeline(struct api_call *c) {
    struct timeline t = {.registry = c->s->registry, .evaluations = c->s->evaluations, .ledger = c->s->ledger, .application = api_text(c, "application"),
                         .limit = (unsigned)api_number(c, "limit", EVENTS), .arena = c->arena};
    struct error error;
    for (unsigned k = 0; k < TIMELINE_KIND_COUNT; k++)
        if (api_has_choice(c, "kinds", timeline_kind_name((enum timeline_kind)k), true)) t.kinds |= 1u << k;
    if (!api_need_registry(c) || !api_window(c, WEEK_US, &t.from_us, &t.to_us)) return;
    if (!slice_is_null(t.application) && !api_knows_application(c, t.application)) return;
    if (api_check(c, timeline_read(&t, &error), &error)) {
        json_object(&c->json);
        api_put_time(&c->json, "from", t.from_us);
        api_put_time(&c->json, "to", t.to_us);
        json_key(&c->json, "events");
        json_array(&c->json);
        for (unsigned i = 0; i < t.n; i++) put_event(&c->json, &t.events[i]);
        json_array_end(&c->json);
        json_member_bool(&c->json, "more", t.more);
        json_object_end(&c->json);
    }
    timeline_deinit(&t);
}
