/* Is it us or them: outages, slow first tokens, probes alone, our own network; what is normal; and how often it is wrong. */
#include "incident/watch_provider.h"
#include "base/clock.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define START (1795300000000000LL / (600 * SECOND) * (600 * SECOND))

struct desk {
    struct watch_provider *w;
    struct policy *p;
    struct arena arena;
    struct random random;
    struct provider_seen seen[2];
    struct provider_health *rows;
    unsigned n_rows;
    struct finding *findings;
    unsigned n_findings;
    int64_t now_us;
};

static struct provider providers[2] = {{.name = "openai", .base_url = "https://api.openai.com/v1", .status_page = "https://status.openai.com/api/v2/summary.json"},
                                       {.name = "anthropic", .base_url = "https://api.anthropic.com"}};
static struct target targets[2] = {{.provider = &providers[0], .model = "gpt-4o"}, {.provider = &providers[1], .model = "claude"}};
static struct model_route route = {.name = "support-chat", .targets = targets, .n_targets = 2};

static void desk_init(struct desk *d) {
    *d = (struct desk){.now_us = START, .random = {42}};
    d->w = watch_provider_new();
    d->p = policy_new();
    d->p->providers = providers;
    d->p->n_providers = 2;
    d->p->models = &route;
    d->p->n_models = 1;
    d->p->alerts.wanted_alarms = 1;
    d->seen[0].provider = SLICE("openai");
    d->seen[1].provider = SLICE("anthropic");
    arena_init(&d->arena, 1 << 20, 64 << 20);
}
static void desk_deinit(struct desk *d) {
    watch_provider_free(d->w);
    policy_drop(d->p);
    arena_deinit(&d->arena);
}

static void ask(struct desk *d, const struct target *t, enum fault error, double ttft_s, int64_t input) {
    struct record r;
    record_init(&r);
    r.time_us = d->now_us;
    r.duration_us = 0;
    r.usage.input = input;
    r.stream = true;
    r.ttft_us = error == FAULT_NONE ? (int64_t)(ttft_s * 1e6) : -1;
    r.n_attempts = 1;
    r.attempts[0] = (struct record_attempt){.provider = slice_of(t->provider->name), .model = slice_of(t->model), .error = error,
                                            .http_status = error == FAULT_NONE ? 200 : error == FAULT_UP_CONNECT ? 0 : fault_status(error)};
    watch_provider_record(d->w, &r);
}
static void probe(struct desk *d, unsigned i, enum fault fault) {
    struct provider_seen *s = &d->seen[i];
    memmove(s->probes + 1, s->probes, sizeof s->probes - sizeof *s->probes);
    s->probes[0] = (struct provider_probe){d->now_us, fault == FAULT_NONE, fault, 1000, fault == FAULT_NONE ? SLICE("200") : slice_of(fault_name(fault))};
    if (s->n_probes < PROVIDER_PROBES) s->n_probes++;
}
static void look(struct desk *d) {
    struct error error;
    arena_reset(&d->arena);
    assert_int_equal(watch_provider_look(d->w, d->p, NULL, d->seen, 2, d->now_us, &d->arena, &d->rows, &d->n_rows, &error), FAULT_NONE);
    assert_int_equal(watch_provider_findings(d->rows, d->n_rows, d->seen, 2, &d->arena, &d->findings, &d->n_findings, &error), FAULT_NONE);
}
static const struct provider_health *row(const struct desk *d, const char *provider, const char *model) {
    for (unsigned i = 0; i < d->n_rows; i++)
        if (slice_is(d->rows[i].provider, provider) && (model == NULL ? slice_is_null(d->rows[i].upstream_model) : slice_is(d->rows[i].upstream_model, model)))
            return &d->rows[i];
    fail_msg("no row of %s", provider);
    return NULL;
}
static void says(const struct provider_health *h, const char *words) {
    if (!slice_contains(h->words, slice_of(words))) fail_msg("`%s` is not in: " SLICE_FMT, words, SLICE_ARG(h->words));
}
static double lognormal(struct random *r, double median, double sigma) {
    double u = random_unit(r), v = random_unit(r);
    return median * exp(sigma * sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

/* Healthy traffic of both, a request a second of each, one of 250 failing, probes each half a minute. */
static void healthy(struct desk *d, int seconds) {
    for (int i = 0; i < seconds; i++, d->now_us += SECOND) {
        for (unsigned k = 0; k < 2; k++)
            ask(d, &targets[k], random_below(&d->random, 250) == 0 ? FAULT_UP_SERVER : FAULT_NONE, lognormal(&d->random, 0.4, 0.3), 500);
        if (i % 30 == 0) probe(d, 0, FAULT_NONE), probe(d, 1, FAULT_NONE);
        if (i % 5 == 0) look(d);
    }
}

static void outage(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    healthy(&d, 1800);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_WELL);
    assert_int_equal(d.n_findings, 0);
    int64_t begun = d.now_us;
    while (d.n_findings == 0 && d.now_us < begun + 60 * SECOND) { /* a request each two seconds: there are few */
        ask(&d, &targets[0], FAULT_UP_OVERLOADED, 0, 500);
        d.now_us += 2 * SECOND;
        look(&d);
    }
    const struct provider_health *h = row(&d, "openai", NULL);
    assert_int_equal(h->verdict, PROVIDER_THEM);
    assert_true(d.now_us - begun <= 60 * SECOND);
    says(h, "openai: THEM: ");
    says(h, " requests failed (503) in the last 60 s, baseline 0.");
    assert_int_equal(row(&d, "anthropic", NULL)->verdict, PROVIDER_WELL);
    assert_int_equal(d.n_findings, 1); /* not the model too */
    assert_true(slice_is(d.findings[0].key, "[\"provider_failing\",\"openai\"]"));
    assert_true(slice_is(d.findings[0].command, "quarterdeck provider show openai"));
    /* traffic went elsewhere: silence is no good news, three good probes are */
    d.now_us += 3 * MINUTE;
    look(&d);
    assert_int_equal(d.n_findings, 1);
    says(row(&d, "openai", NULL), "openai: THEM: at worst "); /* what failed is told until it is over */
    says(row(&d, "openai", NULL), " requests failed (503) in 60 s, at ");
    says(row(&d, "openai", NULL), "; now no requests in the last 60 s");
    for (int i = 0; i < 3; i++, d.now_us += 5 * SECOND) probe(&d, 0, FAULT_NONE);
    look(&d);
    assert_int_equal(d.n_findings, 0);
    desk_deinit(&d);
}

/* Without a baseline it takes some more, and the line says what is held normal. */
static void no_baseline(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    for (int i = 1; i <= 20; i++) {
        ask(&d, &targets[0], FAULT_UP_SERVER, 0, -1);
        d.now_us += SECOND;
        look(&d);
        if (i == 3) assert_int_equal(d.n_findings, 0);
        if (d.n_findings > 0) {
            assert_true(i <= 8);
            break;
        }
    }
    assert_int_equal(d.n_findings, 1);
    says(row(&d, "openai", NULL), "no baseline yet (5.0 % is held normal)");
    desk_deinit(&d);
}

/* No traffic at all: probes alone, that hang for five seconds each. */
static void probes_alone(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    for (int i = 0; i < 1500; i++, d.now_us += 30 * SECOND) {
        probe(&d, 0, FAULT_NONE);
        probe(&d, 1, FAULT_NONE);
        look(&d);
    }
    int64_t begun = d.now_us - 30 * SECOND;
    for (d.now_us += 5 * SECOND; d.n_findings == 0 && d.now_us < begun + 2 * MINUTE; d.now_us += 10 * SECOND) {
        probe(&d, 0, FAULT_UP_TIMEOUT);
        look(&d);
    }
    assert_int_equal(d.n_findings, 1);
    assert_true(d.now_us - 10 * SECOND - begun <= 60 * SECOND);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_THEM);
    says(row(&d, "openai", NULL), "no requests in the last 60 s; 1 of 1 other hosts answer");
    says(row(&d, "openai", NULL), "probes failed (provider_timeout)");
    desk_deinit(&d);
}

/* Nothing outside can be reached: it is us, and every line says so. */
static void own_network(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    healthy(&d, 1800);
    for (int i = 0; i < 30; i++, d.now_us += SECOND) {
        ask(&d, &targets[0], FAULT_UP_CONNECT, 0, 500);
        ask(&d, &targets[1], FAULT_UP_CONNECT, 0, 500);
        if (i % 5 == 0) {
            probe(&d, 0, FAULT_UP_CONNECT);
            probe(&d, 1, FAULT_UP_CONNECT);
            d.seen[0].has_page = d.seen[0].page_failed = true;
            d.seen[0].page_us = d.now_us;
            d.seen[0].page_error = SLICE("no name");
            look(&d);
        }
    }
    look(&d);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_US);
    assert_int_equal(row(&d, "anthropic", NULL)->verdict, PROVIDER_US);
    says(row(&d, "openai", NULL), "none of 2 other hosts can be reached either: our own network");
    says(row(&d, "openai", NULL), "status page: not read (no name)");
    /* the vendor's page can be read: then it is them */
    d.seen[0].page_failed = false;
    d.seen[0].page.indicator = VENDOR_MAJOR;
    d.seen[0].page.words = SLICE("Partial System Outage");
    look(&d);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_THEM);
    says(row(&d, "openai", NULL), "status page: Partial System Outage");
    bool told = false;
    for (unsigned i = 0; i < d.n_findings; i++) told |= d.findings[i].kind == FINDING_VENDOR_INCIDENT;
    assert_true(told);
    desk_deinit(&d);
}

static void ours_by_cause(void **state) {
    (void)state;
    const struct { enum fault fault; enum provider_verdict verdict; const char *words; } cases[] = {
        {FAULT_UP_AUTH, PROVIDER_US, "credential refused"}, {FAULT_UP_QUOTA, PROVIDER_US, "rate limit or quota"},
        {FAULT_UP_RATE_LIMITED, PROVIDER_US, "rate limit or quota"}, {FAULT_UP_TRUNCATED, PROVIDER_THEM, "broken off"},
        {FAULT_UP_TIMEOUT, PROVIDER_THEM, "no answer in time"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct desk d;
        desk_init(&d);
        healthy(&d, 900);
        for (int k = 0; k < 30; k++, d.now_us += SECOND) ask(&d, &targets[0], cases[i].fault, 0, 500), ask(&d, &targets[1], FAULT_NONE, 0.4, 500);
        look(&d);
        assert_int_equal(row(&d, "openai", NULL)->verdict, cases[i].verdict);
        says(row(&d, "openai", NULL), cases[i].words);
        desk_deinit(&d);
    }
}

/* What the caller did wrong, and who left, says nothing of the provider; of retries the first counts. */
static void not_theirs(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    for (int i = 0; i < 100; i++) {
        ask(&d, &targets[0], FAULT_UP_BAD_REQUEST, 0, 500);
        ask(&d, &targets[0], FAULT_CANCELLED, 0, 500);
    }
    struct record r;
    record_init(&r);
    r.time_us = d.now_us;
    r.n_attempts = 4;
    for (unsigned i = 0; i < 4; i++) r.attempts[i] = (struct record_attempt){.provider = SLICE("openai"), .model = SLICE("gpt-4o"), .error = FAULT_UP_SERVER, .http_status = 500};
    watch_provider_record(d.w, &r);
    look(&d);
    const struct provider_health *h = row(&d, "openai", "gpt-4o");
    assert_true(h->errors.n == 101 && h->errors.hits == 1);
    assert_int_equal(h->verdict, PROVIDER_WELL);
    desk_deinit(&d);
}

/* First tokens three times as late: within two minutes. A wave of long documents that take as long is not that, once their like is known. */
static void slow(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    for (int i = 0; i < 1800; i++) ask(&d, &targets[0], FAULT_NONE, lognormal(&d.random, 1.6, 0.3), 40000), d.now_us += SECOND / 4;
    healthy(&d, 1800);
    for (int i = 0; i < 120; i++, d.now_us += SECOND) ask(&d, &targets[0], FAULT_NONE, lognormal(&d.random, 1.6, 0.3), 40000);
    look(&d);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_WELL);
    d.now_us += 3 * MINUTE;
    int64_t begun = d.now_us;
    for (; d.n_findings == 0 && d.now_us < begun + 5 * MINUTE; d.now_us += SECOND) {
        ask(&d, &targets[0], FAULT_NONE, lognormal(&d.random, 1.2, 0.3), 500);
        if (d.now_us / SECOND % 5 == 0) look(&d);
    }
    assert_true(d.now_us - begun <= 2 * MINUTE);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_SLOW);
    says(row(&d, "openai", NULL), "openai: SLOW: ");
    says(row(&d, "openai", NULL), "came later than 95 % of their like did (baseline P95 ");
    assert_int_equal(d.findings[0].kind, FINDING_PROVIDER_SLOW);
    desk_deinit(&d);
}

/* From 0.4 % to 4 %: no outage, yet found; and what is found is not learned as normal. */
static void rise(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    healthy(&d, 3600);
    int64_t begun = d.now_us;
    for (; d.n_findings == 0 && d.now_us < begun + 60 * MINUTE; d.now_us += SECOND) {
        for (unsigned k = 0; k < 4; k++) ask(&d, &targets[0], random_below(&d.random, 25) == 0 ? FAULT_UP_SERVER : FAULT_NONE, 0.4, 500);
        if (d.now_us / SECOND % 5 == 0) look(&d);
    }
    assert_int_equal(d.n_findings, 1);
    assert_true(d.now_us - begun < 45 * MINUTE);
    says(row(&d, "openai", NULL), "; risen to ");
    desk_deinit(&d);
}

static void kept(void **state) {
    (void)state;
    struct desk d;
    struct buffer b;
    struct json_writer w;
    struct error error;
    desk_init(&d);
    buffer_init(&b, 1 << 20);
    healthy(&d, 1800);
    for (int i = 0; i < 20; i++, d.now_us += SECOND) ask(&d, &targets[0], FAULT_UP_SERVER, 0, 500);
    look(&d);
    json_start(&w, &b);
    watch_provider_write(d.w, &w);
    watch_provider_free(d.w);
    d.w = watch_provider_new();
    assert_int_equal(watch_provider_read(d.w, buffer_slice(&b), &error), FAULT_NONE);
    d.now_us += SECOND;
    look(&d);
    assert_int_equal(d.n_findings, 1); /* still */
    assert_true(row(&d, "openai", NULL)->normal_errors < 0.01 && row(&d, "openai", NULL)->normal_ttft_p95 > 0.4);
    assert_int_equal(watch_provider_read(d.w, SLICE("[{\"provider\":1}]"), &error), FAULT_CORRUPT);
    assert_int_equal(watch_provider_read(d.w, SLICE("[{"), &error), FAULT_BAD_JSON);
    buffer_deinit(&b);
    desk_deinit(&d);
}

/* A request each ten seconds, no probes: an outage is found within a minute or so, and its end by ten good ones, though there never are ten in a minute. */
static void little_traffic(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    for (int i = 0; i < 720; i++, d.now_us += 10 * SECOND) ask(&d, &targets[0], FAULT_NONE, 0.4, 500), look(&d);
    int64_t begun = d.now_us;
    for (; d.n_findings == 0 && d.now_us < begun + 5 * MINUTE; d.now_us += 10 * SECOND) ask(&d, &targets[0], FAULT_UP_SERVER, 0, 500), look(&d);
    assert_true(d.n_findings == 1 && d.now_us - begun <= MINUTE);
    for (int i = 0; i < 12; i++, d.now_us += 10 * SECOND) ask(&d, &targets[0], FAULT_UP_SERVER, 0, 500);
    begun = d.now_us;
    for (; d.n_findings != 0 && d.now_us < begun + 10 * MINUTE; d.now_us += 10 * SECOND) ask(&d, &targets[0], FAULT_NONE, 0.4, 500), look(&d);
    assert_int_equal(d.n_findings, 0);
    assert_true(d.now_us - begun >= 90 * SECOND && d.now_us - begun <= 110 * SECOND);
    desk_deinit(&d);
}

/* A hundred requests a second: how long an outage that is over is still told. */
static void over_soon(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    healthy(&d, 900);
    for (int i = 0; i < 60; i++, d.now_us += SECOND)
        for (int k = 0; k < 100; k++) ask(&d, &targets[0], FAULT_UP_SERVER, 0, 500);
    look(&d);
    assert_int_equal(d.n_findings, 1);
    int64_t begun = d.now_us;
    for (; d.n_findings != 0 && d.now_us < begun + 5 * MINUTE; d.now_us += SECOND) {
        for (int k = 0; k < 100; k++) ask(&d, &targets[0], FAULT_NONE, 0.4, 500);
        look(&d);
    }
    if (d.now_us - begun > 75 * SECOND) fail_msg("%lld s: " SLICE_FMT, (long long)((d.now_us - begun) / SECOND), SLICE_ARG(d.n_rows ? d.rows[0].words : SLICE_NULL));
    desk_deinit(&d);
}

/* Two accounts at one host: that neither gets through says nothing of our network. */
static void one_host(void **state) {
    (void)state;
    static struct provider two[2] = {{.name = "openai", .base_url = "https://api.openai.com/v1"}, {.name = "anthropic", .base_url = "https://api.openai.com"}};
    struct desk d;
    desk_init(&d);
    d.p->providers = two;
    for (int i = 0; i < 30; i++, d.now_us += SECOND)
        for (unsigned k = 0; k < 2; k++) {
            ask(&d, &targets[k], FAULT_UP_CONNECT, 0, 500);
            if (i % 5 == 0) probe(&d, k, FAULT_UP_CONNECT);
        }
    look(&d);
    assert_int_equal(row(&d, "openai", NULL)->verdict, PROVIDER_UNSURE);
    says(row(&d, "openai", NULL), "no other host was asked");
    desk_deinit(&d);
}

/* What is read again after a restart is no second time normal. */
static void former(void **state) {
    (void)state;
    struct desk d;
    struct record r;
    desk_init(&d);
    record_init(&r);
    r.n_attempts = 1;
    r.attempts[0] = (struct record_attempt){.provider = SLICE("openai"), .model = SLICE("gpt-4o"), .http_status = 200};
    for (int i = 0; i < 900; i++) {
        r.time_us = d.now_us - i * SECOND;
        watch_provider_former(d.w, &r);
    }
    d.now_us += SECOND;
    look(&d);
    assert_true(row(&d, "openai", NULL)->errors.n >= 60 && row(&d, "openai", NULL)->errors.n <= 70);
    d.now_us += 20 * MINUTE;
    ask(&d, &targets[0], FAULT_NONE, 0.4, 500);
    look(&d);
    assert_true(isnan(row(&d, "openai", NULL)->normal_errors));
    desk_deinit(&d);
}

/* A day of what is normal, of two providers with a model each. What a day may bring is a quarter of the alarms wanted in a month, by 30.44. */
static void false_alarms(void **state) {
    (void)state;
    static const struct { double wanted; unsigned most; } cases[] = {{30, 2}, {3000, 25}}; /* 0.25 a day: three are one in 400; 24.6 a day */
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct desk d;
        unsigned alarms = 0, before = 0;
        desk_init(&d);
        d.p->alerts.wanted_alarms = cases[c].wanted;
        for (int i = 0; i < 86400; i += 5, d.now_us += 5 * SECOND) {
            for (unsigned k = 0; k < 2; k++)
                for (uint64_t n = random_below(&d.random, 8); n > 0; n--)
                    ask(&d, &targets[k], random_below(&d.random, 100) == 0 ? FAULT_UP_SERVER : FAULT_NONE, lognormal(&d.random, 0.4, 0.5), 500);
            if (i % 30 == 0)
                for (unsigned k = 0; k < 2; k++) probe(&d, k, random_below(&d.random, 200) == 0 ? FAULT_UP_TIMEOUT : FAULT_NONE);
            look(&d);
            if (d.n_findings > before) alarms += d.n_findings - before;
            before = d.n_findings;
        }
        if (alarms > cases[c].most) fail_msg("%u false alarms of %u", alarms, cases[c].most);
        desk_deinit(&d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outage), cmocka_unit_test(no_baseline), cmocka_unit_test(probes_alone), cmocka_unit_test(own_network),
                                       cmocka_unit_test(ours_by_cause), cmocka_unit_test(not_theirs), cmocka_unit_test(slow), cmocka_unit_test(rise),
                                       cmocka_unit_test(kept), cmocka_unit_test(little_traffic), cmocka_unit_test(over_soon),
                                       cmocka_unit_test(one_host), cmocka_unit_test(former), cmocka_unit_test(false_alarms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
