#include "base/decimal.h"

struct parts {
    struct slice whole, fraction;
    int64_t exponent;
    bool negative;
};

static struct slice take_digits(struct slice *s) {
    size_t n = 0;
    while (n < s->len && s->at[n] >= '0' && s->at[n] <= '9') n++;
    struct slice digits = slice_make(s->at, n);
    s->at += n;
    s->len -= n;
    return digits;
}

static bool take(struct slice *s, char a, char b) {
    if (s->len == 0 || (s->at[0] != a && s->at[0] != b)) return false;
    s->at++;
    s->len--;
    return true;
}

static bool split(struct slice s, struct parts *p) {
    p->negative = take(&s, '-', '-');
    p->whole = take_digits(&s);
    if (p->whole.len == 0) return false;
    if (take(&s, '.', '.')) {
        p->fraction = take_digits(&s);
        if (p->fraction.len == 0) return false;
    }
    if (take(&s, 'e', 'E')) {
        bool below = take(&s, '-', '-');
        if (!below) take(&s, '+', '+');
        struct slice digits = take_digits(&s);
        if (digits.len == 0) return false;
        /* past 10^15 the size no longer matters: no text is that long */
        for (size_t i = 0; i < digits.len; i++)
            if (p->exponent < 1000000000000000) p->exponent = p->exponent * 10 + (digits.at[i] - '0');
        if (below) p->exponent = -p->exponent;
    }
    return s.len == 0;
}

/* Counts downwards from zero, because INT64_MIN has no positive twin. */
static bool append(int64_t *n, int digit) {
    return !__builtin_mul_overflow(*n, 10, n) && !__builtin_sub_overflow(*n, digit, n);
}

bool decimal_parse(struct slice text, int scale, int64_t *ret) {
    struct parts p = {0};
    int64_t n = 0;
    if (!split(text, &p)) return false;
    int64_t power = p.exponent + scale + (int64_t)p.whole.len; /* of ten, one above the next digit's */
    for (size_t i = 0; i < p.whole.len + p.fraction.len; i++) {
        int digit = (i < p.whole.len ? p.whole.at[i] : p.fraction.at[i - p.whole.len]) - '0';
        if (--power < 0) {
            if (digit != 0) return false;
        } else if (!append(&n, digit)) {
            return false;
        }
    }
    for (; n != 0 && power > 0; power--)
        if (!append(&n, 0)) return false;
    if (!p.negative && __builtin_sub_overflow(0, n, &n)) return false;
    *ret = n;
    return true;
}
