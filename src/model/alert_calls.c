/* `oncall`: people, schedules, escalations. */
#include "model/alert_reading.h"

#include "base/date.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define HOUR_S 3600LL
#define DAY_S (24 * HOUR_S)
enum { MOST_PEOPLE = 1000, MOST_SCHEDULES = 200, MOST_ROTATIONS = 20, MOST_TURNS = 200, MOST_STEPS = 20, MOST_REPEATS = 5 };

struct names {
    const char **people, **schedules;
};

/* The members of a map of named things; 0: none, or told. */
static unsigned count(const struct alert_reader *a, uint32_t map, const char *place, unsigned most) {
    const struct json_doc *d = &a->r->d->doc;
    if (map == JSON_NONE) return 0;
    if (json_type(d, map) != JSON_OBJECT || json_size(d, map) > most) {
        reader_problem(a->r, map, "%s: expected a map of at most %u, by name", place, most);
        return 0;
    }
    return json_size(d, map);
}

static unsigned count_items(const struct alert_reader *a, uint32_t list, const char *place, unsigned most) {
    const struct json_doc *d = &a->r->d->doc;
    unsigned n = json_type(d, list) == JSON_ARRAY ? json_size(d, list) : 0;
    if (n > 0 && n <= most) return n;
    reader_problem(a->r, list, "%s: expected a list of 1 to %u", place, most);
    return 0;
}

static bool take_name(const struct alert_reader *a, uint32_t key, const char *what, struct slice *ret, const char **names, unsigned n) {
    reader_name(a->r, key, what, ret);
    if (slice_is_null(*ret)) return false;
    names[n] = arena_text(a->r->arena, *ret);
    names[n + 1] = NULL;
    return true;
}

/* ---- people ---- */

static void read_people(struct alert_reader *a, uint32_t map, struct names *names) {
    static const char *const members[] = {"receiver", "email", NULL};
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, key, value, at[2];
    unsigned n = count(a, map, "oncall.people", MOST_PEOPLE);
    char self[ALERT_PLACE], here[ALERT_PLACE];
    a->p->people = arena_new_array(a->r->arena, struct oncall_person, n + 1);
    names->people = alert_names(a, n);
    if (a->p->people == NULL || names->people == NULL) return;
    while (n > 0 && json_each_member(d, map, &cursor, &key, &value)) {
        struct oncall_person *who = &a->p->people[a->p->n_people];
        *who = (struct oncall_person){.name = SLICE_NULL};
        if (!take_name(a, key, "oncall.people: a person's name", &who->name, names->people, a->p->n_people)) continue;
        a->p->n_people++;
        alert_place(self, "oncall.people." SLICE_FMT, SLICE_ARG(who->name));
        if (!reader_map(a->r, value, self, members, at)) continue;
        alert_place(here, "%s.receiver", self);
        if (at[0] == JSON_NONE) reader_problem(a->r, value, "%s: this is required: where this person is told", here);
        reader_text(a->r, at[0], here, &who->receiver);
        (void)alert_known(a, at[0], here, "receiver", who->receiver, (const char *const *)a->receivers);
        reader_text(a->r, at[1], alert_place(here, "%s.email", self), &who->email);
        if (who->email.len > 0 && memchr(who->email.at, '@', who->email.len) == NULL)
            reader_expected(a->r, at[1], here, "an address such as anna@example.org");
    }
}

/* ---- schedules ---- */

static bool take_number(struct slice *s, unsigned digits, int *ret) {
    uint64_t n;
    if (s->len < digits || !slice_to_u64(slice_make(s->at, digits), &n)) return false;
    *s = slice_make(s->at + digits, s->len - digits);
    *ret = (int)n;
    return true;
}
static bool take_byte(struct slice *s, const char *any) {
    if (s->len == 0 || strchr(any, s->at[0]) == NULL) return false;
    *s = slice_make(s->at + 1, s->len - 1);
    return true;
}

/* "09:00", "24:00": minutes of the day. */
static bool take_clock(struct slice *s, int *ret) {
    int hour, minute;
    if (!take_number(s, 2, &hour) || !take_byte(s, ":") || !take_number(s, 2, &minute)) return false;
    *ret = 60 * hour + minute;
    return hour <= 24 && minute < 60 && *ret <= 1440;
}

/* "2026-01-05T09:00" or "2026-01-05": local seconds. */
static bool read_start(struct slice text, int64_t *ret_s) {
    int year, month, day, minute = 0;
    if (!take_number(&text, 4, &year) || !take_byte(&text, "-") || !take_number(&text, 2, &month) || !take_byte(&text, "-") || !take_number(&text, 2, &day))
        return false;
    if (text.len > 0 && (!take_byte(&text, "T ") || !take_clock(&text, &minute) || text.len > 0 || minute == 1440)) return false;
    if (month < 1 || month > 12 || day < 1 || day > date_month_days(year, month)) return false;
    *ret_s = date_to_days((struct date){year, month, day}) * DAY_S + minute * 60LL;
    return true;
}

static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* [mon, tue] or mon-fri */
static void read_weekdays(const struct alert_reader *a, uint32_t node, const char *place, unsigned *ret) {
    struct slice *texts = NULL;
    unsigned n = 0, bits = 0;
    if (node == JSON_NONE) return;
    reader_texts(a->r, node, place, &texts, &n);
    for (unsigned i = 0; i < n; i++) {
        struct slice first, last;
        int from = -1, to = -1;
        if (!slice_cut(texts[i], '-', &first, &last)) first = last = texts[i];
        for (int d = 0; weekdays[d] != NULL; d++) {
            if (slice_is(first, weekdays[d])) from = d;
            if (slice_is(last, weekdays[d])) to = d;
        }
        if (from < 0 || to < 0) reader_expected(a->r, node, place, "days such as [sat, sun] or mon-fri");
        for (int d = from; from >= 0 && to >= 0; d = (d + 1) % 7) {
            bits |= 1u << d;
            if (d == to) break;
        }
    }
    *ret = bits == 0x7F ? 0 : bits;
}

static void read_hours(const struct alert_reader *a, uint32_t node, const char *place, struct oncall_rotation *r) {
    struct slice text = slice_trim(reader_scalar(a->r, node));
    int from, to;
    if (node == JSON_NONE) return;
    if (take_clock(&text, &from) && take_byte(&text, "-") && take_clock(&text, &to) && text.len == 0 && from < 1440 && (from != to || from == 0)) {
        r->from_minute = from;
        r->to_minute = to == 0 ? 1440 : to;
        if (from == to) r->to_minute = 1440;
        return;
    }
    reader_expected(a->r, node, place, "hours such as 09:00-17:00, or over midnight 18:00-08:00");
}

static void read_rotation(const struct alert_reader *a, uint32_t node, const char *self, const struct names *names, struct oncall_rotation *r) {
    static const char *const members[] = {"people", "starts", "turn", "weekdays", "hours", NULL};
    uint32_t at[5];
    int64_t turn_us = 7 * DAY_S * SECOND_US;
    char here[ALERT_PLACE];
    *r = (struct oncall_rotation){.to_minute = 1440};
    if (!reader_map(a->r, node, self, members, at)) return;
    if (at[0] == JSON_NONE || at[1] == JSON_NONE)
        reader_problem(a->r, node, "%s: `people` and `starts` are required, such as {people: [anna, ben], starts: 2026-01-05T09:00, turn: 7d}", self);
    alert_place(here, "%s.people", self);
    reader_texts(a->r, at[0], here, &r->people, &r->n_people);
    if (at[0] != JSON_NONE && (r->n_people == 0 || r->n_people > MOST_TURNS))
        reader_problem(a->r, at[0], "%s: expected 1 to %d people, found %u", here, MOST_TURNS, r->n_people);
    for (unsigned i = 0; i < r->n_people; i++) (void)alert_known(a, at[0], here, "person of oncall.people", r->people[i], names->people);
    if (at[1] != JSON_NONE && !read_start(slice_trim(reader_scalar(a->r, at[1])), &r->starts_s))
        reader_expected(a->r, at[1], alert_place(here, "%s.starts", self), "a local date and time such as 2026-01-05T09:00");
    alert_duration(a, at[2], alert_place(here, "%s.turn", self), HOUR_S * SECOND_US, 366 * DAY_S * SECOND_US, &turn_us);
    if (turn_us % (60 * SECOND_US) != 0) reader_expected(a->r, at[2], here, "whole minutes");
    r->turn_s = turn_us / SECOND_US;
    read_weekdays(a, at[3], alert_place(here, "%s.weekdays", self), &r->weekdays);
    read_hours(a, at[4], alert_place(here, "%s.hours", self), r);
}

static void read_zone(const struct alert_reader *a, uint32_t node, const char *place, struct oncall_schedule *s) {
    struct error error = {.fault = FAULT_NONE};
    s->zone_name = SLICE("UTC");
    reader_text(a->r, node, place, &s->zone_name);
    const char *name = arena_text(a->r->arena, s->zone_name);
    if (name == NULL || zone_load(a->r->arena, name, &s->zone, &error) == FAULT_NONE) return;
    const char *near = zone_nearest(a->r->arena, name);
    reader_problem(a->r, node, "%s: %s: `%s`%s%s%s", place, error.text, name, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static void read_schedule(const struct alert_reader *a, uint32_t node, const char *self, const struct names *names, struct oncall_schedule *s) {
    static const char *const members[] = {"timezone", "rotations", NULL};
    const struct json_doc *d = &a->r->d->doc;
    uint32_t at[2], cursor = JSON_NONE, item;
    char here[ALERT_PLACE], place[ALERT_PLACE];
    if (!reader_map(a->r, node, self, members, at)) return;
    read_zone(a, at[0], alert_place(here, "%s.timezone", self), s);
    unsigned n = count_items(a, at[1] != JSON_NONE ? at[1] : node, alert_place(here, "%s.rotations", self), MOST_ROTATIONS);
    s->rotations = arena_new_array(a->r->arena, struct oncall_rotation, n + 1);
    while (n > 0 && s->rotations != NULL && json_each_item(d, at[1], &cursor, &item)) {
        read_rotation(a, item, alert_place(place, "%s[%u]", here, s->n_rotations), names, &s->rotations[s->n_rotations]);
        s->n_rotations++;
    }
}

static void read_schedules(struct alert_reader *a, uint32_t map, struct names *names) {
    uint32_t cursor = JSON_NONE, key, value;
    unsigned n = count(a, map, "oncall.schedules", MOST_SCHEDULES);
    char self[ALERT_PLACE];
    a->p->schedules = arena_new_array(a->r->arena, struct oncall_schedule, n + 1);
    names->schedules = alert_names(a, n);
    if (a->p->schedules == NULL || names->schedules == NULL) return;
    while (n > 0 && json_each_member(&a->r->d->doc, map, &cursor, &key, &value)) {
        struct oncall_schedule *s = &a->p->schedules[a->p->n_schedules];
        *s = (struct oncall_schedule){.name = SLICE_NULL};
        if (!take_name(a, key, "oncall.schedules: a schedule's name", &s->name, names->schedules, a->p->n_schedules)) continue;
        a->p->n_schedules++;
        read_schedule(a, value, alert_place(self, "oncall.schedules." SLICE_FMT, SLICE_ARG(s->name)), names, s);
    }
}

/* ---- escalations ---- */

static void read_step(const struct alert_reader *a, uint32_t node, const char *self, const struct names *names, struct escalation_step *s) {
    static const char *const members[] = {"receiver", "schedule", "person", "wait", NULL};
    const char *const *known[] = {(const char *const *)a->receivers, names->schedules, names->people};
    uint32_t at[4];
    char here[ALERT_PLACE];
    *s = (struct escalation_step){.wait_us = 5 * 60 * SECOND_US};
    if (!reader_map(a->r, node, self, members, at)) return;
    int given = (at[0] != JSON_NONE) + (at[1] != JSON_NONE) + (at[2] != JSON_NONE);
    if (given != 1) reader_problem(a->r, node, "%s: expected exactly one of `receiver`, `schedule` and `person`, such as {schedule: primary, wait: 10m}", self);
    for (unsigned i = 0; i < 3; i++) {
        if (at[i] == JSON_NONE) continue;
        s->kind = i == 0 ? ESCALATE_RECEIVER : i == 1 ? ESCALATE_SCHEDULE : ESCALATE_PERSON;
        alert_place(here, "%s.%s", self, members[i]);
        reader_text(a->r, at[i], here, &s->name);
        (void)alert_known(a, at[i], here, members[i], s->name, known[i]);
    }
    alert_duration(a, at[3], alert_place(here, "%s.wait", self), 10 * SECOND_US, DAY_S * SECOND_US, &s->wait_us);
}

static void read_escalation(const struct alert_reader *a, uint32_t node, const char *self, const struct names *names, struct escalation *e) {
    static const char *const members[] = {"steps", "repeat", NULL};
    uint32_t at[2], cursor = JSON_NONE, item;
    int64_t repeat = 0;
    char here[ALERT_PLACE], place[ALERT_PLACE];
    if (!reader_map(a->r, node, self, members, at)) return;
    unsigned n = count_items(a, at[0] != JSON_NONE ? at[0] : node, alert_place(here, "%s.steps", self), MOST_STEPS);
    e->steps = arena_new_array(a->r->arena, struct escalation_step, n + 1);
    while (n > 0 && e->steps != NULL && json_each_item(&a->r->d->doc, at[0], &cursor, &item)) {
        read_step(a, item, alert_place(place, "%s[%u]", here, e->n_steps), names, &e->steps[e->n_steps]);
        e->n_steps++;
    }
    reader_count(a->r, at[1], alert_place(here, "%s.repeat", self), 0, MOST_REPEATS, &repeat);
    e->repeat = (unsigned)repeat;
}

static void read_escalations(struct alert_reader *a, uint32_t map, const struct names *names) {
    uint32_t cursor = JSON_NONE, key, value;
    unsigned n = count(a, map, "oncall.escalations", MOST_SCHEDULES), called = a->p->n_receivers;
    char self[ALERT_PLACE];
    a->p->escalations = arena_new_array(a->r->arena, struct escalation, n + 1);
    a->called = alert_names(a, called + n);
    if (a->p->escalations == NULL || a->called == NULL || a->receivers == NULL) return;
    memcpy(a->called, a->receivers, (called + 1) * sizeof *a->called);
    while (n > 0 && json_each_member(&a->r->d->doc, map, &cursor, &key, &value)) {
        struct escalation *e = &a->p->escalations[a->p->n_escalations];
        *e = (struct escalation){.name = SLICE_NULL};
        if (!take_name(a, key, "oncall.escalations: an escalation's name", &e->name, a->called, called)) continue;
        called++;
        a->p->n_escalations++;
        if (alert_receiver_find(a->p, e->name) != NULL)
            reader_problem(a->r, key, "oncall.escalations: `" SLICE_FMT "` is the name of a receiver too: `notify` could not tell them apart", SLICE_ARG(e->name));
        read_escalation(a, value, alert_place(self, "oncall.escalations." SLICE_FMT, SLICE_ARG(e->name)), names, e);
    }
}

void alert_read_oncall(struct alert_reader *a, uint32_t map) {
    static const char *const members[] = {"people", "schedules", "escalations", NULL};
    uint32_t at[3] = {JSON_NONE, JSON_NONE, JSON_NONE};
    struct names names = {NULL, NULL};
    if (map != JSON_NONE && !reader_map(a->r, map, "oncall", members, at)) return;
    read_people(a, at[0], &names);
    read_schedules(a, at[1], &names);
    read_escalations(a, at[2], &names);
}
