#include "cost/calibration.h"

#include "base/digest.h"

enum {
    FIRST = 8,   /* observations that are averaged as they are */
    WINDOW = 64, /* then the weight of a new one is one in this many */
};

struct state {
    float factor;
    uint32_t n;
};

static struct state unpack(uint64_t packed) {
    uint32_t bits = (uint32_t)packed;
    struct state s = {.n = (uint32_t)(packed >> 32)};
    memcpy(&s.factor, &bits, sizeof bits);
    return s;
}

static uint64_t pack(struct state s) {
    uint32_t bits;
    memcpy(&bits, &s.factor, sizeof bits);
    return (uint64_t)s.n << 32 | bits;
}

static uint64_t key_of(struct slice model) {
    uint64_t h = digest_fast(model, 0);
    return h ? h : 1;
}

void token_calibration_init(struct token_calibration *c) {
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        atomic_init(&c->models[i].model, 0);
        atomic_init(&c->models[i].state, 0);
    }
}

double token_calibration_factor(const struct token_calibration *c, struct slice model, uint32_t *ret_n) {
    uint64_t key = key_of(model), found;
    struct state s = {.factor = 1};
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        const struct token_calibrated *at = &c->models[(key + i) % TOKEN_CALIBRATION_MODELS];
        found = atomic_load_explicit(&at->model, memory_order_acquire);
        if (found == key) {
            struct state known = unpack(atomic_load_explicit(&at->state, memory_order_acquire));
            if (known.n) s = known;
        }
        if (found == key || found == 0) break;
    }
    if (ret_n) *ret_n = s.n;
    return (double)s.factor;
}

/* The model's row, taken when it has none; NULL: the table is full. */
static struct token_calibrated *row_of(struct token_calibration *c, uint64_t key) {
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        struct token_calibrated *at = &c->models[(key + i) % TOKEN_CALIBRATION_MODELS];
        uint64_t found = 0; /* a failed exchange leaves there who has it */
        if (atomic_compare_exchange_strong(&at->model, &found, key) || found == key) return at;
    }
    return NULL;
}

static struct state learn(struct state s, double ratio) {
    if (s.n >= FIRST) {
        double low = (double)s.factor * 0.5, high = (double)s.factor * 1.5;
        ratio = ratio < low ? low : ratio > high ? high : ratio;
    }
    if (s.n < UINT32_MAX) s.n++;
    double weight = 1.0 / (s.n < WINDOW ? s.n : WINDOW);
    s.factor = (float)((double)s.factor + weight * (ratio - (double)s.factor));
    return s;
}

bool token_calibration_update(struct token_calibration *c, struct slice model, int64_t ours,
                              int64_t provider) {
    if (ours < TOKEN_CALIBRATION_LEAST || provider <= 0) return false;
    double ratio = (double)provider / (double)ours;
    if (ratio < TOKEN_CALIBRATION_LOW || ratio > TOKEN_CALIBRATION_HIGH) return false;
    struct token_calibrated *row = row_of(c, key_of(model));
    if (!row) return false;
    uint64_t old = atomic_load(&row->state);
    while (!atomic_compare_exchange_weak(&row->state, &old, pack(learn(unpack(old), ratio)))) continue;
    return true;
}

bool token_calibration_row(const struct token_calibration *c, unsigned i, uint64_t *ret_model, double *ret_factor,
                           uint32_t *ret_n) {
    struct state s = unpack(atomic_load(&c->models[i].state));
    *ret_model = atomic_load(&c->models[i].model);
    *ret_factor = (double)s.factor;
    *ret_n = s.n;
    return *ret_model != 0 && s.n > 0;
}

bool token_calibration_restore(struct token_calibration *c, uint64_t model, double factor, uint32_t n) {
    if (model == 0 || n == 0 || !(factor >= TOKEN_CALIBRATION_LOW && factor <= TOKEN_CALIBRATION_HIGH)) return false;
    struct token_calibrated *row = row_of(c, model);
    if (row) atomic_store(&row->state, pack((struct state){(float)factor, n}));
    return row != NULL;
}
