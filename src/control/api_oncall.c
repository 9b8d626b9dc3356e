/* Whose turn it is: schedules of the configuration, with the overrides that the registry holds. */
#include "control/api.h"

#include "base/clock.h"
#include "control/suggest.h"
#include "incident/oncall.h"

#define DAY_US 86400000000LL
#define SHOWN_US (14 * DAY_US)
#define LONGEST_US (366 * DAY_US)
enum { MOST_TURNS = 500 };

/* ---- what it takes ---- */

static bool need_policy(struct api_call *c) {
    if (c->policy != NULL) return true;
    api_fail(c, FAULT_NOT_RUNNING, "schedules are in the configuration: start the server, or name its file with -c");
    return false;
}

static const struct oncall_schedule *find_schedule(struct api_call *c, struct slice name) {
    const struct alert_policy *p = &c->policy->alerts;
    const struct oncall_schedule *s = schedule_find(p, name);
    struct suggestion near;
    char text[SUGGESTION_TEXT];
    if (s != NULL) return s;
    suggestion_start(&near, name);
    for (unsigned i = 0; i < p->n_schedules; i++) suggestion_offer(&near, arena_text(c->arena, p->schedules[i].name));
    api_fail(c, FAULT_NOT_FOUND, "no schedule `" SLICE_FMT "` is configured under `oncall.schedules`%s", SLICE_ARG(name), suggestion_text(&near, "", text));
    return NULL;
}

static bool find_person(struct api_call *c, struct slice name) {
    const struct alert_policy *p = &c->policy->alerts;
    struct suggestion near;
    char text[SUGGESTION_TEXT];
    if (person_find(p, name) != NULL) return true;
    suggestion_start(&near, name);
    for (unsigned i = 0; i < p->n_people; i++) suggestion_offer(&near, arena_text(c->arena, p->people[i].name));
    api_fail(c, FAULT_BAD_REQUEST, "no person `" SLICE_FMT "` is configured under `oncall.people`%s", SLICE_ARG(name), suggestion_text(&near, "", text));
    return false;
}

static bool read_overrides(struct api_call *c, int64_t from_us, int64_t to_us, struct oncall_override **ret, unsigned *ret_n) {
    struct error error;
    return api_check(c, oncall_overrides(c->s->registry, from_us, to_us, c->arena, ret, ret_n, &error), &error);
}

/* ---- answers ---- */

static void put_turn(struct api_call *c, const struct oncall_turn *t) {
    struct json_writer *w = &c->json;
    const struct oncall_person *who = slice_is_null(t->person) ? NULL : person_find(&c->policy->alerts, t->person);
    json_member_string(w, "person", t->person);
    json_member_string(w, "receiver", who != NULL ? who->receiver : SLICE_NULL);
    api_put_time(w, "from", t->from_us);
    api_put_time(w, "to", t->to_us);
    json_key(w, "override");
    if (t->override != 0) json_put_i64(w, t->override);
    else json_put_null(w);
}

static void put_override(struct json_writer *w, const struct oncall_override *o) {
    json_object(w);
    json_member_i64(w, "number", o->number);
    json_member_string(w, "schedule", o->schedule);
    json_member_string(w, "person", o->person);
    api_put_time(w, "from", o->from_us);
    api_put_time(w, "to", o->to_us);
    json_member_string(w, "by", o->by);
    json_member_string(w, "why", o->why);
    api_put_time(w, "made", o->made_us);
    json_object_end(w);
}

static void put_now(struct api_call *c, const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t at_us) {
    struct json_writer *w = &c->json;
    struct oncall_turn now, next;
    oncall_at(s, overrides, n, at_us, &now);
    json_object(w);
    json_member_string(w, "schedule", s->name);
    json_member_string(w, "timezone", s->zone_name);
    put_turn(c, &now);
    json_key(w, "next");
    if (now.to_us == 0) {
        json_put_null(w);
    } else {
        oncall_at(s, overrides, n, now.to_us, &next);
        json_object(w);
        put_turn(c, &next);
        json_object_end(w);
    }
    json_object_end(w);
}

void api_oncall_now(struct api_call *c) {
    struct oncall_override *overrides = NULL;
    unsigned n = 0;
    int64_t at_us = api_number(c, "at", clock_wall_us());
    if (!need_policy(c) || !api_need_registry(c) || !read_overrides(c, at_us - LONGEST_US, at_us + LONGEST_US, &overrides, &n)) return;
    const struct alert_policy *p = &c->policy->alerts;
    const struct oncall_schedule *one = NULL;
    struct slice asked = api_text(c, "schedule");
    if (!slice_is_null(asked) && (one = find_schedule(c, asked)) == NULL) return;
    json_object(&c->json);
    api_put_time(&c->json, "at", at_us);
    json_key(&c->json, "schedules");
    json_array(&c->json);
    for (unsigned i = 0; i < p->n_schedules; i++)
        if (one == NULL || one == &p->schedules[i]) put_now(c, &p->schedules[i], overrides, n, at_us);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_oncall_show(struct api_call *c) {
    struct oncall_override *overrides = NULL;
    unsigned n = 0;
    int64_t from_us = api_number(c, "from", clock_wall_us()), to_us = api_number(c, "to", from_us + SHOWN_US);
    if (!need_policy(c) || !api_need_registry(c)) return;
    const struct oncall_schedule *s = find_schedule(c, api_text(c, "schedule"));
    if (s == NULL) return;
    if (to_us <= from_us || to_us - from_us > LONGEST_US) {
        api_fail(c, FAULT_BAD_REQUEST, "to: expected a time behind `from`, by at most 366 days");
        return;
    }
    /* bounds of the first and the last turn lie outside */
    if (!read_overrides(c, from_us - LONGEST_US, to_us + LONGEST_US, &overrides, &n)) return;
    struct oncall_turn *turns = arena_new_array(c->arena, struct oncall_turn, MOST_TURNS);
    unsigned n_turns = turns != NULL ? oncall_turns(s, overrides, n, from_us, to_us, MOST_TURNS, turns) : 0;
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_string(w, "schedule", s->name);
    json_member_string(w, "timezone", s->zone_name);
    json_key(w, "turns");
    json_array(w);
    for (unsigned i = 0; i < n_turns; i++) {
        json_object(w);
        put_turn(c, &turns[i]);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "overrides");
    json_array(w);
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(overrides[i].schedule, s->name) && overrides[i].to_us > from_us && overrides[i].from_us < to_us) put_override(w, &overrides[i]);
    json_array_end(w);
    json_object_end(w);
}

/* ---- overrides ---- */

void api_oncall_override(struct api_call *c) {
    int64_t now_us = clock_wall_us();
    struct error error;
    struct slice why = api_text(c, "reason");
    if (!need_policy(c) || !api_need_registry(c)) return;
    const struct oncall_schedule *s = find_schedule(c, api_text(c, "schedule"));
    if (s == NULL || !find_person(c, api_text(c, "person"))) return;
    struct oncall_override o = {.schedule = s->name, .person = api_text(c, "person"), .by = slice_of(c->actor), .why = why, .made_us = now_us,
                                .from_us = api_number(c, "from", now_us), .to_us = api_number(c, "to", 0)};
    if (o.to_us <= o.from_us || o.to_us <= now_us || o.to_us - o.from_us > LONGEST_US) {
        api_fail(c, FAULT_BAD_REQUEST, "to: expected a time to come, behind `from` by at most 366 days");
        return;
    }
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    clock_format(o.from_us, from);
    clock_format(o.to_us, to);
    struct buffer detail;
    struct json_writer w;
    buffer_init(&detail, 64 << 10);
    json_start(&w, &detail);
    json_object(&w);
    json_member_string(&w, "person", o.person);
    json_member_text(&w, "from", from);
    json_member_text(&w, "to", to);
    json_object_end(&w);
    const struct audit_entry entry = {.at_us = now_us, .actor = slice_of(c->actor), .action = SLICE("oncall.override"), .reason = why,
                                      .subject = arena_printf(c->arena, "oncall:" SLICE_FMT, SLICE_ARG(s->name)), .detail = arena_slice(c->arena, buffer_slice(&detail))};
    buffer_deinit(&detail);
    if (api_check(c, oncall_override_add(c->s->registry, &o, &entry, &error), &error)) put_override(&c->json, &o);
}

void api_oncall_remove(struct api_call *c) {
    struct error error;
    int64_t number = api_number(c, "number", 0);
    if (!api_need_registry(c)) return;
    const struct audit_entry entry = {.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = SLICE("oncall.remove"), .reason = api_text(c, "reason"),
                                      .subject = arena_printf(c->arena, "oncall-override:%lld", (long long)number), .detail = SLICE("{}")};
    if (!api_check(c, oncall_override_remove(c->s->registry, number, &entry, &error), &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "number", number);
    json_member_bool(&c->json, "removed", true);
    json_object_end(&c->json);
}
