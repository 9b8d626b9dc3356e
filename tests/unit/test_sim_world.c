/* The world of a demo: moments, arrivals by hour and day, bodies that are JSON whatever rows hold, acts in order, mistakes by line. */
#include "base/json.h"
#include "base/yaml.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE 60000000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define THURSDAY (1700092800LL * 1000000) /* 2023-11-16T00:00:00Z */

struct files {
    const char *traffic, *acts, *extra;
};

static bool file(void *ctx, const char *name, struct slice *ret) {
    const struct files *f = ctx;
    const char *text = strcmp(name, "traffic.yaml") == 0 ? f->traffic : strcmp(name, "acts.yaml") == 0 ? f->acts : strcmp(name, "extra") == 0 ? f->extra : NULL;
    if (text != NULL) *ret = slice_of(text);
    return text != NULL;
}

struct rig {
    struct files files;
    struct arena arena, lent;
    struct world_options options;
    struct world *world;
    struct error error;
};

static enum fault make(struct rig *r, const char *traffic, const char *acts, const char *extra) {
    *r = (struct rig){.files = {traffic, acts, extra}};
    arena_init(&r->arena, 64 << 10, 64 << 20);
    arena_init(&r->lent, 64 << 10, 64 << 20);
    r->options = (struct world_options){.file = file, .ctx = &r->files, .arena = &r->arena, .seed = 1, .start_us = THURSDAY, .days = 28};
    return world_new(&r->options, &r->world, &r->error);
}

static void deinit(struct rig *r) {
    arena_deinit(&r->arena);
    arena_deinit(&r->lent);
}

static bool next(struct rig *r, bool endless, struct world_request *ret) {
    arena_reset(&r->lent);
    return world_request_next(r->world, endless, &r->lent, ret);
}

static const char *header(const struct world_request *q, const char *name) {
    size_t len = strlen(name);
    for (unsigned i = 0; q->headers[i] != NULL; i++)
        if (strncmp(q->headers[i], name, len) == 0 && q->headers[i][len] == ':') return q->headers[i] + len + 2;
    return NULL;
}

static void moments(void **state) {
    struct rig r;
    (void)state;
    assert_int_equal(make(&r, "kinds: [{name: a, key: k}]", "acts: []", "from: \"{{2 10:30}}\" {x} {{nothing}} {{3w 00:00}}"), FAULT_NONE);
    static const struct {
        const char *text;
        int64_t us; /* -1: none */
    } cases[] = {{"1 00:00", 0}, {"9 11:40", 8 * DAY + 11 * HOUR + 40 * MINUTE}, {" 2 01:00 ", DAY + HOUR}, {"1w 08:00", 8 * HOUR},
                 {"3w 08:00", 4 * DAY + 8 * HOUR} /* Saturday: the Monday */, {"4w 08:00", 4 * DAY + 8 * HOUR}, {"5w 00:00", 4 * DAY},
                 {"0 00:00", -1}, {"1", -1}, {"1 25:00", -1}, {"1 10:60", -1}, {"w 10:00", -1}, {"1 10", -1}, {"", -1}, {"-1 10:00", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        assert_int_equal(world_moment(&r.options, slice_of(cases[i].text), &us), cases[i].us >= 0);
        assert_int_equal(us, cases[i].us);
    }
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_int_equal(world_fill_in(&r.options, "extra", &out, &r.error), FAULT_NONE);
    assert_string_equal(buffer_text(&out), "from: \"2070m\" {x} {{nothing}} 5760m");
    assert_int_equal(world_fill_in(&r.options, "none", &out, &r.error), FAULT_NOT_FOUND);
    buffer_deinit(&out);
    deinit(&r);
}

#define TRAFFIC                                                                                                                                      \
    "requests: 14000\ngrowth: 2\nweekdays: [1, 1, 1, 1, 1, 0.5, 0]\n"                                                                              \
    "hours: [0, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"                                                            \
    "surges: [{from: 5 12:00, to: 5 13:00, factor: 10}]\n"                                                                                          \
    "kinds:\n"                                                                                                                                       \
    "  - {name: late, weight: 1, key: k2, model: m, user: hi, from: 15 00:00}\n"                                                                    \
    "  - {name: main, weight: 3, key: k1, model: \"m\\\"x\", system: be kind, user: \"{text} {who} {n}\", rows: extra, only: {intent: [card]},\n"    \
    "     history: {first: 0, last: 4, answer: \"of {intent}\"}, stream: 0.5, extra: '\"max_tokens\": 9', request_type: chat, feature: f,\n"         \
    "     team: t, tags: {a: b, c: d}, users: 7, user_prefix: u-, scores: {share: 0.25, by: app, good: 0, when: [{contains: YES, good: 1}]}}\n"
#define ROWS "# a remark, with \"quotes\ntext,intent\n\"say \"\"hi\"\",\n\\ \xe2\x82\xac\",card\nother,refund\n"

static void arrivals_follow_hours_and_days(void **state) {
    struct rig r;
    struct world_request q;
    unsigned n = 0, late = 0, week[4] = {0}, hour[24] = {0}, sunday = 0, surge = 0, before_surge = 0;
    int64_t last = 0;
    (void)state;
    assert_int_equal(make(&r, TRAFFIC, "acts: []", ROWS), FAULT_NONE);
    while (next(&r, false, &q)) {
        assert_true(q.at_us >= last && q.at_us < 28 * DAY);
        last = q.at_us;
        n++;
        int64_t day = q.at_us / DAY;
        if (slice_is(q.kind, "late")) {
            assert_true(day >= 14);
            late++;
        }
        week[day / 7]++;
        hour[q.at_us % DAY / HOUR]++;
        sunday += (day + 3) % 7 == 6; /* day 1 is a Thursday */
        surge += day == 4 && q.at_us % DAY / HOUR == 12;
        before_surge += day == 4 && q.at_us % DAY / HOUR == 11;
    }
    assert_in_range(n, 13500, 14500); /* 4 standard deviations of 14,000 are 473 */
    assert_in_range(late * 100 / n, 12, 18);
    assert_int_equal(hour[0], 0);
    assert_int_equal(sunday, 0);
    assert_true(hour[9] > 3 * hour[8] && hour[9] < 5 * hour[8]);
    assert_true(week[3] > week[0] * 14 / 10 && week[3] < week[0] * 21 / 10);
    assert_true(surge > 5 * before_surge);
    deinit(&r);
}

static void bodies_are_json_whatever_rows_hold(void **state) {
    struct rig r;
    struct world_request q;
    unsigned messages[2] = {0}, seen[2] = {0}, streams = 0, scored = 0, n = 0;
    (void)state;
    assert_int_equal(make(&r, TRAFFIC, "acts: []", ROWS), FAULT_NONE);
    for (; next(&r, false, &q); n++) {
        if (slice_is(q.kind, "late")) continue;
        struct json_doc d;
        int64_t limit;
        bool stream = false;
        assert_int_equal(json_read(q.body, &r.lent, UINT16_MAX, &d, &r.error), FAULT_NONE);
        assert_true(json_is(&d, json_get(&d, 0, "model"), "m\"x"));
        assert_true(json_get_i64(&d, json_get(&d, 0, "max_tokens"), &limit) && limit == 9);
        uint32_t list = json_get(&d, 0, "messages"), question = json_item(&d, list, json_size(&d, list) - 1);
        struct slice text = json_string(&d, json_get(&d, question, "content"), &r.lent);
        assert_true(slice_starts(text, slice_of("say \"hi\",\n\\ \xe2\x82\xac {who} ")));
        assert_true(json_is(&d, json_get(&d, json_item(&d, list, 0), "content"), "be kind"));
        bool second = q.at_us >= 14 * DAY;
        messages[second] += json_size(&d, list);
        seen[second]++;
        if (json_size(&d, list) > 2) assert_true(json_is(&d, json_get(&d, json_item(&d, list, 2), "content"), "of card"));
        (void)json_get_bool(&d, json_get(&d, 0, "stream"), &stream);
        assert_false(stream && q.score.given);
        streams += stream;
        scored += q.score.given;
        assert_string_equal(q.path, "/v1/chat/completions");
        assert_string_equal(header(&q, "authorization"), "Bearer k1");
        assert_string_equal(header(&q, "x-quarterdeck-tags"), "a=b,c=d");
        assert_string_equal(header(&q, "x-quarterdeck-team"), "t");
        assert_true(strncmp(header(&q, "x-quarterdeck-user"), "u-", 2) == 0 && header(&q, "x-quarterdeck-session") != NULL);
        assert_null(header(&q, "x-quarterdeck-prompt"));
        if (q.score.given) {
            assert_true(world_score_value(&q.score, SLICE("well, yes")) == 1);
            assert_true(world_score_value(&q.score, SLICE("no")) == 0);
        }
    }
    double first = (double)messages[0] / seen[0], last = (double)messages[1] / seen[1]; /* 2, and 2 for each earlier turn */
    assert_true(first > 3.5 && first < 4.5 && last > 7.4 && last < 8.6);
    unsigned main_kind = seen[0] + seen[1];
    assert_in_range(scored * 100 / main_kind, 22, 28);
    assert_in_range(streams * 100 / main_kind, 33, 42); /* half of those that nobody judges */
    deinit(&r);
}

static void the_same_seed_is_the_same_world(void **state) {
    struct rig a, b;
    struct world_request p, q;
    (void)state;
    assert_int_equal(make(&a, TRAFFIC, "acts: []", ROWS), FAULT_NONE);
    assert_int_equal(make(&b, TRAFFIC, "acts: []", ROWS), FAULT_NONE);
    for (int i = 0; i < 500; i++) {
        assert_true(next(&a, false, &p) && next(&b, false, &q));
        assert_true(p.at_us == q.at_us && slice_eq(p.body, q.body));
    }
    deinit(&a);
    deinit(&b);
}

static void goes_on_live(void **state) {
    struct rig r;
    struct world_request q;
    unsigned n = 0;
    (void)state;
    assert_int_equal(make(&r, "requests: 280\nlive: 60\nkinds: [{name: a, key: k, user: hi}]", "acts: []", ""), FAULT_NONE);
    while (next(&r, false, &q)) n++;
    assert_in_range(n, 210, 350);
    world_go_live(r.world, 28 * DAY + 5 * HOUR);
    for (n = 0; next(&r, true, &q) && q.at_us < 28 * DAY + 6 * HOUR; n++) assert_true(q.at_us >= 28 * DAY + 5 * HOUR);
    assert_in_range(n, 3350, 3850); /* 60 a minute */
    deinit(&r);
    assert_int_equal(make(&r, "kinds: [{name: a, key: k, to: 2 00:00}]", "acts: []", ""), FAULT_NONE);
    for (n = 0; next(&r, true, &q); n++) assert_true(q.at_us < DAY); /* an end, though it is asked on and on */
    assert_true(n > 0);
    deinit(&r);
}

static void acts_in_order(void **state) {
    struct rig r;
    (void)state;
    assert_int_equal(make(&r, "kinds: [{name: a, key: k}]",
                          "people: [{name: ana, role: admin}]\n"
                          "acts:\n"
                          "  - {at: 2 10:00, by: ana, call: POST /b, body: {n: 1, t: \"1\", l: [true, x], f: {file: extra}}, expect: 409}\n"
                          "  - {at: 1 10:00, say: first}\n"
                          "  - {at: 2 10:00, by: ana, call: \"GET /c?{id}\", keep: {id: data.id}, until: {text: done, every: 1h}}\n",
                          "a \"file\"\n"), FAULT_NONE);
    assert_int_equal(world_acts(r.world), 3);
    assert_int_equal(world_people(r.world), 1);
    assert_true(slice_is(world_act_at(r.world, 0)->say, "first"));
    assert_null(world_act_at(r.world, 0)->method);
    const struct world_act *b = world_act_at(r.world, 1), *c = world_act_at(r.world, 2);
    assert_true(slice_is(b->body, "{\"n\":1,\"t\":\"1\",\"l\":[true,\"x\"],\"f\":\"a \\\"file\\\"\\n\"}"));
    assert_int_equal(b->expect, 409);
    assert_string_equal(c->method, "GET");
    assert_true(slice_is(c->path, "/c?{id}") && slice_is(c->until, "done") && c->every_us == HOUR && c->within_us == DAY);
    deinit(&r);
}

static void people_label_as_they_are_said_to(void **state) {
    struct rig r;
    unsigned passed[2] = {0};
    (void)state;
    assert_int_equal(make(&r, "kinds: [{name: a, key: k}]",
                          "acts:\n"
                          "  - {at: 1 10:00, by: ana, label: {review: \"{r}\", every: 4m, good: 0.9, when: [{contains: LONG, good: 0.2}]}}\n"
                          "  - {at: 1 11:00, by: ana, verb: \"review show {r}\"}\n", ""), FAULT_NONE);
    const struct world_act *label = world_act_at(r.world, 0), *verb = world_act_at(r.world, 1);
    assert_string_equal(label->method, "GET");
    assert_true(slice_is(label->path, "/api/v1/reviews/{r}/next") && label->every_us == 4 * MINUTE);
    for (int i = 0; i < 2000; i++) passed[i % 2] += world_passes(r.world, label, i % 2 != 0 ? SLICE("a long answer") : SLICE("short"));
    assert_in_range(passed[0], 860, 940); /* 4 standard deviations are 38 and 51 */
    assert_in_range(passed[1], 145, 255);
    assert_true(verb->method == NULL && verb->label == NULL && slice_is(verb->verb, "review show {r}"));
    deinit(&r);
}

static void mistakes_name_their_line(void **state) {
    static const struct {
        const char *traffic, *acts, *words;
    } cases[] = {
        {"kinds:\n  - {name: a, key: k, wieght: 3}", "acts: []", "traffic.yaml:2: wieght: no such key here"},
        {"requests: many\nkinds: [{name: a, key: k}]", "acts: []", "traffic.yaml:1: requests: expected a number"},
        {"hours: [1, 2]\nkinds: [{name: a, key: k}]", "acts: []", "hours: expected 24 numbers"},
        {"kinds: [{name: a}]", "acts: []", "expected a kind with `name` and `key`"},
        {"kinds: []", "acts: []", "expected a list of 1 to 100 kinds"},
        {"requests: 1", "acts: []", "expected `kinds`"},
        {"kinds: [{name: a, key: k, rows: none.csv}]", "acts: []", "there is none of this name"},
        {"kinds: [{name: a, key: k, rows: extra, only: {color: red}}]", "acts: []", "a column of its rows"},
        {"kinds: [{name: a, key: k, rows: extra, only: {intent: red}}]", "acts: []", "values that some rows have"},
        {"kinds: [{name: a, key: k, stream: 2}]", "acts: []", "a share from 0 to 1"},
        {"kinds: [{name: a, key: k, scores: {share: 1}}]", "acts: []", "`by`"},
        {"weekdays: [0, 0, 0, 0, 0, 0, 0]\nkinds: [{name: a, key: k}]", "acts: []", "leave no traffic"},
        {"kinds: [{name: a, key: k}]", "acts:\n  - {at: 9:00, say: x}", "acts.yaml:2: at: expected a moment"},
        {"kinds: [{name: a, key: k}]", "acts: [{at: 1 09:00, call: FETCH /}]", "a call such as"},
        {"kinds: [{name: a, key: k}]", "acts: [{at: 1 09:00, call: GET /}]", "whose token it is"},
        {"kinds: [{name: a, key: k}]", "acts: [{at: 1 09:00, verb: status}]", "whose token it is"},
        {"kinds: [{name: a, key: k}]", "acts: [{at: 1 09:00, by: a, label: {good: 1}}]", "label: expected a `review`"},
        {"kinds: [{name: a, key: k}]", "acts: [{say: x}]", "an act with `at`"},
        {"kinds: [{name: a, key: k}]", NULL, "acts.yaml: there is no such file"},
        {"kinds: [", "acts: []", "traffic.yaml: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        assert_int_not_equal(make(&r, cases[i].traffic, cases[i].acts, ROWS), FAULT_NONE);
        if (strstr(r.error.text, cases[i].words) == NULL) fail_msg("%s instead of %s", r.error.text, cases[i].words);
        deinit(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(arrivals_follow_hours_and_days),
        cmocka_unit_test(bodies_are_json_whatever_rows_hold),
        cmocka_unit_test(the_same_seed_is_the_same_world),
        cmocka_unit_test(goes_on_live),
        cmocka_unit_test(acts_in_order),
        cmocka_unit_test(people_label_as_they_are_said_to),
        cmocka_unit_test(mistakes_name_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
