#include "model/charge.h"

#define FEMTO_PER_NANO 1000000

static const struct {
    const char *name;
    enum charge_meter parent;
    size_t counter; /* in struct usage */
} meters[CHARGE_METERS] = {
#define METER(symbol, name, parent, counter) {name, CHARGE_##parent, offsetof(struct usage, counter)},
    CHARGE_TABLE(METER)
#undef METER
        {"requests", CHARGE_REQUESTS, 0},
};

const char *charge_meter_name(enum charge_meter m) {
    return (unsigned)m < CHARGE_METERS ? meters[m].name : "unknown";
}

static int meter_of(const char *name) {
    for (int m = 0; m < CHARGE_METERS; m++)
        if (strcmp(meters[m].name, name) == 0) return m;
    return -1;
}

/* The line with the largest rest that has not been rounded up yet. */
static unsigned largest(const int *rests, unsigned n) {
    unsigned at = 0;
    for (unsigned i = 1; i < n; i++)
        if (rests[i] > rests[at]) at = i;
    return at;
}

void charge_of_quote(const struct price_quote *q, struct charge *ret) {
    int rests[PRICE_LINES], of_line[PRICE_LINES];
    int64_t missing = q->cost_nano;
    *ret = (struct charge){0};
    if (!money_is_known(q->cost_nano)) return;
    for (unsigned i = 0; i < q->n_lines; i++) {
        __int128 femto = (__int128)q->lines[i].tokens * q->lines[i].rate;
        of_line[i] = meter_of(q->lines[i].meter);
        if (of_line[i] < 0) { /* a meter that this table does not know: no split is better than a wrong one */
            *ret = (struct charge){0};
            return;
        }
        rests[i] = (int)(femto % FEMTO_PER_NANO);
        ret->nano[of_line[i]] = (int64_t)(femto / FEMTO_PER_NANO); /* below the cost, which fits */
        ret->meters |= 1u << of_line[i];
        missing -= ret->nano[of_line[i]];
    }
    for (; missing > 0 && q->n_lines > 0; missing--) { /* at most one for each line */
        unsigned i = largest(rests, q->n_lines);
        ret->nano[of_line[i]]++;
        rests[i] = -1;
    }
}

void charge_quantities(const struct charge *c, const struct usage *usage, int64_t ret[CHARGE_METERS]) {
    unsigned charged = c->meters != 0 ? c->meters : 1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT;
    static const enum charge_meter parts_first[] = {
        CHARGE_CACHE_WRITE_1H, CHARGE_CACHE_WRITE, CHARGE_CACHE_READ,   CHARGE_INPUT_AUDIO,
        CHARGE_INPUT,          CHARGE_REASONING,   CHARGE_OUTPUT_AUDIO, CHARGE_OUTPUT};
    memset(ret, 0, CHARGE_METERS * sizeof *ret);
    for (unsigned m = 0; m < CHARGE_REQUESTS; m++) {
        int64_t n;
        memcpy(&n, (const char *)usage + meters[m].counter, sizeof n);
        ret[m] = n > 0 ? n : 0;
    }
    for (unsigned i = 0; i < sizeof parts_first / sizeof *parts_first; i++) {
        enum charge_meter m = parts_first[i];
        if (!(charged >> m & 1)) {
            ret[m] = 0; /* stays in its whole */
            continue;
        }
        for (enum charge_meter whole = m; meters[whole].parent != whole;) {
            whole = meters[whole].parent;
            ret[whole] = ret[whole] > ret[m] ? ret[whole] - ret[m] : 0;
        }
    }
    ret[CHARGE_REQUESTS] = charged >> CHARGE_REQUESTS & 1;
}
