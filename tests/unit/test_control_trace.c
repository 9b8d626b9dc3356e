/* Cost on a real trace, as a user asks: records in a ledger, questions over the API.
 *
 * The trace is Azure's LLM inference trace 2023 (conversation; tests/data/azure_trace.csv): 19,366 requests
 * in 58 minutes, priced as gpt-4o-mini by the built-in table. It is used as it is, and stretched over weeks:
 * each hour of each day draws blocks of 20 requests in a row from random places of the trace, three by day
 * and one by night, at week-ends two and one, and puts each at a random moment of the hour with the trace's
 * own gaps. Chance gives each request one of two request types and three features, and 10 to 90 % of its
 * input comes from the provider's cache. */
#include "test_control_rig.h"

#include "cost/anomaly.h"
#include "model/charge.h"
#include "stats/random.h"

#include <math.h>

#define HOUR (3600 * SECOND)
#define BLOCK 20
#define TRACE 19366
#define FIRST_DAY 20402 /* Monday, 2025-11-10 */
#define FIRST (FIRST_DAY * RIG_DAY)

static struct { int64_t gap_us, input, output; } trace[TRACE];

static int load(void **state) {
    (void)state;
    char line[128];
    size_t n = 0;
    FILE *file = fopen("tests/data/azure_trace.csv", "r");
    long ms, input, output;
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (n < TRACE && sscanf(line, "%ld,%ld,%ld", &ms, &input, &output) == 3) {
            trace[n].gap_us = ms * 1000;
            trace[n].input = input;
            trace[n++].output = output;
        }
    (void)fclose(file);
    assert_int_equal(n, TRACE);
    return 0;
}

/* ---- what is done to the traffic from a moment on ---- */

struct change {
    const char *name, *factor, *meter;
    double input, chat_output, cached, price; /* factors; chat_output: of the feature "chat" alone */
};
static const struct change none = {"nothing", "", "", 1, 1, 1, 1};
static const struct change changes[] = {
    {"input +30 %", "input_tokens", "context", 1.3, 1, 1, 1},
    {"chat's outputs +50 %", "output_tokens", "answers", 1, 1.5, 1, 1},
    {"cache off", "cached_share", "cache", 1, 1, 0, 1},
    {"price +20 %", "price", "price", 1, 1, 1, 1.2},
    {"input +60 %", "input_tokens", "context", 1.6, 1, 1, 1},
    {"chat's outputs +100 %", "output_tokens", "answers", 1, 2, 1, 1},
    {"price -30 %", "price", "price", 1, 1, 1, 0.7},
};
#define CHANGES (sizeof changes / sizeof *changes)

struct world {
    struct desk *d;
    const struct price_model *price;
    struct random chance;
    const struct change *change;
    int64_t since_us, number, appended;
    int64_t nano, added_nano; /* of all records; of those since the change, what it added */
    int64_t requests, moved;  /* records; those since the change */
    char application[24];
    struct anomaly_cell
        *cells;    /* NULL: into the ledger; else by day, request type and feature, and nowhere else */
    double *hours; /* NULL; else by hour, nano-dollars */
};
enum { CELLS_A_DAY = 6 };

/* Whole nano-dollars by meter, as gpt-4o-mini is charged. */
static void charge(const struct world *w, struct record *r, double factor) {
    struct price_quote quote;
    price_quote(w->price, &r->usage, r->time_us, false, &quote);
    charge_of_quote(&quote, &r->charge);
    r->cost_nano = 0;
    for (int m = 0; m < CHARGE_METERS; m++) {
        r->charge.nano[m] = llround((double)r->charge.nano[m] * factor);
        r->cost_nano += r->charge.nano[m];
    }
    assert_true(r->cost_nano > 0);
}

static void use_tokens(struct record *r, size_t i, double cached, const struct change *c, bool chat) {
    r->usage.input = llround((double)trace[i].input * c->input);
    r->usage.cache_read = (int64_t)((double)r->usage.input * cached * c->cached);
    r->usage.output = llround((double)trace[i].output * (chat ? c->chat_output : 1));
}

/* What the ledger would sum. */
static void sum_up(struct world *w, const struct record *r, size_t place) {
    int64_t day = r->time_us / RIG_DAY - FIRST_DAY;
    struct anomaly_cell *a = &w->cells[day * CELLS_A_DAY + (int64_t)place];
    struct cost_cell *c = &a->cell;
    a->day = r->time_us / RIG_DAY;
    c->by[COST_BY_APPLICATION] = r->application, c->by[COST_BY_REQUEST_TYPE] = r->request_type;
    c->by[COST_BY_FEATURE] = r->feature, c->by[COST_BY_MODEL] = SLICE("main/gpt-4o-mini");
    double price =
        r->time_us >= w->since_us ? w->change->price : 1; /* of 0.15, 0.075 and 0.60 USD a million */
    c->rates = (struct cost_rates){llround(150e6 * price), llround(75e6 * price), COST_RATE_NONE,
                                   llround(600e6 * price)};
    c->requests++;
    c->input += r->usage.input, c->cache_read += r->usage.cache_read, c->output += r->usage.output;
    c->cost_nano += r->cost_nano;
}

static void keep(struct world *w, size_t i, int64_t at_us) {
    static const char *const features[] = {"chat", "search", "mail"};
    uint64_t what = random_next(&w->chance);
    double cached = 0.1 + 0.8 * random_unit(&w->chance);
    bool moved = at_us >= w->since_us, chat = what % 3 == 0;
    const struct change *c = moved ? w->change : &none;
    struct record r;
    if (w->cells == NULL) rig_record(&r, at_us, (uint64_t)w->number++);
    else record_init(&r); /* an id of its own costs a system call */
    r.time_us = at_us;
    r.application = slice_of(w->application);
    r.feature = slice_of(features[what % 3]);
    r.request_type = what / 3 % 2 ? SLICE("summary") : SLICE("answer");
    r.team = what % 3 == 1 ? SLICE("growth") : SLICE("care");
    r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
    use_tokens(&r, i, cached, &none, chat);
    charge(w, &r, 1);
    int64_t plain = r.cost_nano;
    use_tokens(&r, i, cached, c, chat);
    charge(w, &r, c->price);
    w->nano += r.cost_nano;
    w->added_nano += r.cost_nano - plain;
    w->requests++, w->moved += moved;
    if (w->hours != NULL) w->hours[(at_us - FIRST) / HOUR] += (double)r.cost_nano;
    if (w->cells != NULL) {
        sum_up(w, &r, what % 3 + 3 * (what / 3 % 2));
        return;
    }
    desk_keep(w->d, &r);
    if (++w->appended % 4096 == 0) desk_drain(w->d);
}

static void day_of_blocks(struct world *w, int64_t day) {
    bool weekend = (day - FIRST_DAY) % 7 >= 5;
    for (int h = 0; h < 24; h++) {
        int blocks = h >= 8 && h < 20 ? (weekend ? 2 : 3) : 1;
        while (blocks-- > 0) {
            size_t from = random_below(&w->chance, TRACE - BLOCK);
            int64_t at = day * RIG_DAY + h * HOUR + (int64_t)random_below(&w->chance, HOUR - 60 * SECOND);
            for (size_t i = from; i < from + BLOCK; i++) keep(w, i, at += i > from ? trace[i].gap_us : 0);
        }
    }
}

static struct world world_of(struct desk *d, uint64_t seed, const struct change *c, int64_t since_us) {
    struct world w = {d, d->policy->models[0].targets[0].price, {seed}, c, since_us};
    w.number = (int64_t)seed << 32;
    snprintf(w.application, sizeof w.application, "world-%u", (unsigned)seed);
    return w;
}

static void stretch(struct world *w, int days) {
    for (int day = 0; day < days; day++) day_of_blocks(w, FIRST_DAY + day);
    if (w->cells == NULL) desk_drain(w->d);
}

static void ask(struct desk *d, const char *format, ...) {
    char path[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    EXPECT_STATUS(200, desk_get(d, path));
}

static double number_at(struct desk *d, const char *path) {
    return strtod(desk_at(d, path), NULL);
}

static const char *moment(char out[CLOCK_TEXT], int64_t at_us) {
    clock_format(at_us, out);
    return out;
}

static void check_first(struct desk *d, const struct change *c, const char *what) {
    if (strcmp(desk_at(d, "contributions.0.factor"), c->factor) != 0)
        fail_msg("%s, %s: found %s first", c->name, what, buffer_text(&d->answer.body));
    assert_true((number_at(d, "contributions.0.usd") > 0) == (c->price >= 1));
    if (c->chat_output > 1) {
        EXPECT(d, "where.0.dimension", "feature");
        EXPECT(d, "where.0.value", "chat");
    }
}

static double contribution(struct desk *d, const char *factor) {
    char path[64];
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "contributions.%d.factor", i);
        if (strcmp(desk_at(d, path), factor) != 0) continue;
        snprintf(path, sizeof path, "contributions.%d.usd", i);
        return number_at(d, path);
    }
    fail_msg("no factor %s", factor);
    return 0;
}

/* ---- the trace as it is ---- */

static int64_t replay(struct world *w, int64_t at_us) {
    for (size_t i = 0; i < TRACE; i++) keep(w, i, at_us += trace[i].gap_us);
    desk_drain(w->d);
    return at_us;
}

/* Yesterday's hour, then the same hour with a change from a point in it on. */
static void the_hour_again(void **state) {
    struct desk *d = *state;
    const int64_t points[] = {15 * 60 * SECOND, 29 * 60 * SECOND + 17 * SECOND + 123456};
    struct world w = world_of(d, 7, &none, INT64_MAX);
    int64_t length = replay(&w, FIRST) - FIRST + 1;
    for (size_t i = 0; i < 8; i++) {
        const struct change *c = &changes[i / 2];
        int64_t begin = FIRST + (int64_t)(i + 1) * RIG_DAY, from = points[i % 2];
        char text[4][CLOCK_TEXT];
        w.chance.state = 7; /* the same draws: nothing moves but what is moved */
        w.change = c, w.since_us = begin + from;
        (void)replay(&w, begin);
        ask(d, "/api/v1/cost/explain?baseline_from=%s&baseline_to=%s&from=%s&to=%s",
            moment(text[0], FIRST + from), moment(text[1], FIRST + length), moment(text[2], begin + from),
            moment(text[3], begin + length));
        check_first(d, c, "an hour against yesterday's");
        assert_float_equal(contribution(d, c->factor), number_at(d, "after_usd") - number_at(d, "before_usd"),
                           0.001);
    }
}

/* The second half against the first. Input and output a request fall by 13 and 9 % from one to the other by
 * themselves, so what is asked is what the change added: its cause got all of it, and stands first where it
 * is the largest. */
static void halves(void **state) {
    struct desk *d = *state;
    static const char *const factors[] = {"volume",       "mix",           "input_tokens",
                                          "cached_share", "output_tokens", "price"};
    double before[6] = {0}, total = 0;
    const int64_t half = 1750 * SECOND + 860984;
    for (size_t i = 0; i <= 4; i++) {
        int64_t begin = FIRST + (int64_t)i * RIG_DAY;
        struct world w = world_of(d, 11, i > 0 ? &changes[i - 1] : &none, begin + half);
        w.number += (int64_t)i * TRACE;
        char from[CLOCK_TEXT], to[CLOCK_TEXT], start[CLOCK_TEXT];
        (void)replay(&w, begin);
        ask(d, "/api/v1/cost/explain?from=%s&to=%s&baseline_from=%s", moment(from, begin + half),
            moment(to, begin + 2 * half), moment(start, begin));
        for (int f = 0; f < 6; f++) {
            double usd = contribution(d, factors[f]);
            if (i == 0) before[f] = usd;
            else if (strcmp(factors[f], changes[i - 1].factor) != 0)
                assert_true(fabs(usd - before[f]) < 0.12 * fabs((double)w.added_nano / 1e9) + 0.02);
            else
                assert_float_equal(usd - before[f], (double)w.added_nano / 1e9,
                                   0.12 * fabs((double)w.added_nano / 1e9));
        }
        if (i == 0) total = number_at(d, "after_usd");
        else assert_float_equal(number_at(d, "after_usd") - total, (double)w.added_nano / 1e9, 0.001);
        if (i > 0 && changes[i - 1].chat_output <= 1) check_first(d, &changes[i - 1], "half against half");
    }
}

/* ---- stretched over weeks ---- */

/* The records, the report and the explanation are of one sum, to the nano-dollar. */
static void check_report(struct desk *d, const struct world *w, int days) {
    char from[CLOCK_TEXT], to[CLOCK_TEXT], nano[32];
    ask(d, "/api/v1/cost/report?by=team,feature&application=%s&from=%s&to=%s", w->application,
        moment(from, FIRST), moment(to, FIRST + days * RIG_DAY));
    snprintf(nano, sizeof nano, "%lld", (long long)w->nano);
    EXPECT(d, "total.cost_nanousd", nano);
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "rows.%d.cost_nanousd", i);
        sum += (int64_t)number_at(d, path);
    }
    assert_int_equal(sum, w->nano);
}

/* A week against the week before, cut at a whole minute and anywhere. */
static void week_against_week(void **state) {
    struct desk *d = *state;
    enum { ROUNDS = 2 };
    const int64_t cuts[] = {10 * HOUR + 17 * 60 * SECOND, 10 * HOUR + 17 * 60 * SECOND + 23456789};
    for (uint64_t seed = 0; seed < ROUNDS * CHANGES; seed++) {
        const struct change *c = &changes[seed % CHANGES];
        int64_t cut = FIRST + 7 * RIG_DAY + cuts[seed & 1];
        struct world w = world_of(d, 100 + seed, c, cut);
        char from[CLOCK_TEXT], to[CLOCK_TEXT];
        stretch(&w, 15);
        if (seed < 3) check_report(d, &w, 15);
        ask(d, "/api/v1/cost/explain?application=%s&from=%s&to=%s", w.application, moment(from, cut),
            moment(to, cut + 7 * RIG_DAY));
        check_first(d, c, w.application);
    }
}

static const char *at(char path[96], int type, const char *rest) {
    snprintf(path, 96, "types.%d.%s", type, rest);
    return path;
}

enum { DAYS = 49, SINCE = 28 };

/* Two types, each with the one finding, its meter, its day and its size; a clean one has none. */
static void check_anomalies(struct desk *d, const struct world *w, int days, int since) {
    char to[CLOCK_TEXT], path[96];
    double usd = 0;
    ask(d, "/api/v1/cost/anomalies?application=%s&from=2025-11-10&to=%s", w->application,
        moment(to, FIRST + days * RIG_DAY));
    for (int t = 0; t < 2; t++) {
        if (w->change == &none) {
            EXPECT(d, at(path, t, "verdict"), "none");
            continue;
        }
        EXPECT(d, at(path, t, "verdict"), "shifted");
        EXPECT(d, at(path, t, "shifts.1"), "absent");
        EXPECT(d, at(path, t, "shifts.0.meter"), w->change->meter);
        int64_t first;
        assert_true(clock_parse(slice_of(desk_at(d, at(path, t, "shifts.0.first_day"))), &first));
        assert_in_range(first / RIG_DAY, FIRST_DAY + since - 3, FIRST_DAY + since + 3);
        usd += number_at(d, at(path, t, "shifts.0.usd_month"));
    }
    double truth = (double)w->added_nano / 1e9 / (days - since) * 365.25 / 12;
    assert_float_equal(usd, truth, 0.2 * truth);
}

static void anomalies(void **state) {
    struct desk *d = *state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        const struct change *c = seed < 4 ? &changes[seed] : &none;
        struct world w = world_of(d, 200 + seed, c, FIRST + SINCE * RIG_DAY);
        stretch(&w, DAYS);
        check_anomalies(d, &w, DAYS, SINCE);
    }
}

/* ---- many worlds, without the ledger ---- */

#ifndef SEEDS
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SEEDS 2 /* ten times slower, and not about statistics */
#else
#define SEEDS 8 /* of each kind */
#endif
#endif
static struct anomaly_report find(struct desk *d, uint64_t seed, const struct change *c) {
    struct world w = world_of(d, seed, c, FIRST + SINCE * RIG_DAY);
    struct anomaly_options o = ANOMALY_DEFAULTS;
    struct anomaly_report r = {0};
    struct error error = {0};
    arena_reset(&d->arena);
    w.cells = arena_new_array(&d->arena, struct anomaly_cell, DAYS * CELLS_A_DAY);
    stretch(&w, DAYS);
    if (anomaly_find(w.cells, (size_t)DAYS * CELLS_A_DAY, &o, &d->arena, &r, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
    assert_int_equal(r.n_types, 2);
    return r;
}

/* A false alarm a year is promised at most: in 49 days to 13 % of the worlds. */
static void clean_worlds(void **state) {
    unsigned alarmed = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct anomaly_report r = find(*state, 1000 + seed, &none);
        alarmed += r.types[0].n_shifts + r.types[1].n_shifts > 0;
    }
    print_message("%u of %d clean worlds of %d days had a finding\n", alarmed, SEEDS, DAYS);
    assert_true(alarmed <= SEEDS * DAYS / 365);
}

static void changed_worlds(void **state) {
    for (size_t i = 0; i < 4; i++) {
        unsigned found = 0, right = 0, same_day = 0, near = 0, late = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct anomaly_report r = find(*state, 2000 + seed, &changes[i]);
            for (int t = 0; t < 2; t++) {
                const struct anomaly_shift *s = r.types[t].shifts;
                if (r.types[t].n_shifts == 0) continue;
                int64_t off = llabs(s->first_day - FIRST_DAY - SINCE);
                found++;
                right += strcmp(anomaly_meter_name(s->meter), changes[i].meter) == 0;
                same_day += off == 0, near += off <= 3;
                late += s->alarm_day - FIRST_DAY - SINCE >= 7;
            }
        }
        print_message(
            "%s: of %d found %u, the meter right %u, the day %u, within 3 days %u, alarm after a week %u\n",
            changes[i].name, 2 * SEEDS, found, right, same_day, near, late);
        assert_int_equal(found, 2 * SEEDS);
        assert_int_equal(right, found);
        assert_true(near * 100 >= 95 * found);
    }
}

/* ---- what it will be ---- */

static struct budget_view month; /* the budget that the server would show */
static void budgets(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    (void)ctx;
    each(arg, &month);
}

/* Four weeks are over, a week and a half of the window is to come: bands that are to hold eight times in ten.
 */
static void forecast(void **state) {
    struct desk *d = *state;
    enum { WORLDS = 10, PAST = 28, ALL = 39 };
    const int64_t now = FIRST + PAST * RIG_DAY + 13 * 60 * SECOND;
    double off = 0;
    unsigned within = 0;
    struct budget b = d->policy->budgets[0];
    struct scope_term *term = &b.scope.terms[0];
    *term = (struct scope_term){.by = SCOPE_BY_APPLICATION};
    d->s.budgets = budgets;
    b.limit_nano = INT64_MAX / 2;
    for (uint64_t seed = 0; seed < WORLDS; seed++) {
        struct world w = world_of(d, 300 + seed, &none, INT64_MAX);
        double hours[ALL * 24 + 1] = {0}, truth = 0;
        w.hours = hours;
        stretch(&w, ALL);
        month = (struct budget_view){.budget = &b,
                                     .values = {slice_of(w.application)},
                                     .window = {FIRST + 9 * RIG_DAY, FIRST + ALL * RIG_DAY}};
        for (int h = 9 * 24; h < ALL * 24; h++) truth += hours[h];
        for (int h = 9 * 24; h < PAST * 24; h++) month.spent_nano += (int64_t)hours[h];
        clock_fake(1000 * SECOND, now);
        EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets"));
        double low = number_at(d, "budgets.0.forecast_low_usd"),
               high = number_at(d, "budgets.0.forecast_high_usd");
        double forecast = number_at(d, "budgets.0.forecast_usd");
        truth /= 1e9;
        within += low <= truth && truth <= high;
        off = fmax(off, fabs(forecast / truth - 1));
        assert_true(low < forecast && forecast < high);
    }
    print_message("%u of %d within the band; the farthest forecast was off by %.1f %%\n", within, WORLDS,
                  100 * off);
    assert_true(within >= 5); /* fewer: one time in 150 */
    assert_true(off < 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_hour_again, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(halves, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(week_against_week, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(anomalies, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(clean_worlds, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(changed_worlds, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(forecast, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
