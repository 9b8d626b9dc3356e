#include "model/quantity.h"

#include <stdio.h>

struct unit {
    const char *name;
    int64_t size;
};

/* Largest first, as the writers want them. */
static const struct unit times[] = {
    {"d", 86400000000}, {"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1},
};
static const struct unit sizes[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1000000000}, {"MB", 1000000}, {"KB", 1000}, {"B", 1},
};
enum { N_TIMES = sizeof times / sizeof times[0], N_SIZES = sizeof sizes / sizeof sizes[0], N_BINARY = 3 };

static size_t count_digits(struct slice s) {
    size_t n = 0;
    while (n < s.len && s.at[n] >= '0' && s.at[n] <= '9') n++;
    return n;
}

static struct slice after(struct slice s, size_t n) {
    return slice_make(s.at + n, s.len - n);
}

/* `whole` and the digits behind the point, in `unit`; false when it is no whole number of the smallest unit. */
static bool scale(uint64_t whole, struct slice fraction, int64_t unit, int64_t *ret) {
    int64_t sum;
    __int128 part = 0, power = 1;
    while (fraction.len > 0 && fraction.at[fraction.len - 1] == '0') fraction.len--;
    if (fraction.len > 18 || whole > INT64_MAX || __builtin_mul_overflow((int64_t)whole, unit, &sum)) return false;
    for (size_t i = 0; i < fraction.len; i++, power *= 10) part = part * 10 + (fraction.at[i] - '0');
    part *= unit;
    if (part % power != 0 || __builtin_add_overflow(sum, (int64_t)(part / power), &sum)) return false;
    *ret = sum;
    return true;
}

static bool read_number(struct slice *s, uint64_t *whole, struct slice *fraction) {
    size_t n = count_digits(*s);
    *fraction = slice_make(s->at, 0);
    if (n == 0 || !slice_to_u64(slice_make(s->at, n), whole)) return false;
    *s = after(*s, n);
    if (s->len == 0 || s->at[0] != '.') return true;
    *s = after(*s, 1);
    n = count_digits(*s);
    *fraction = slice_make(s->at, n);
    *s = after(*s, n);
    return n > 0;
}

bool duration_parse(struct slice text, int64_t *ret_us) {
    struct slice s = slice_trim(text), fraction;
    int64_t sum = 0, part;
    uint64_t whole;
    if (slice_is(s, "0")) {
        *ret_us = 0;
        return true;
    }
    if (s.len == 0) return false;
    while (s.len > 0) {
        if (!read_number(&s, &whole, &fraction)) return false;
        size_t n = 0;
        while (n < s.len && s.at[n] >= 'a' && s.at[n] <= 'z') n++;
        unsigned i = 0;
        while (i < N_TIMES && !slice_is(slice_make(s.at, n), times[i].name)) i++;
        if (i == N_TIMES || !scale(whole, fraction, times[i].size, &part) || __builtin_add_overflow(sum, part, &sum)) return false;
        s = after(s, n);
    }
    *ret_us = sum;
    return true;
}

bool bytes_parse(struct slice text, int64_t *ret) {
    struct slice s = slice_trim(text);
    size_t n = count_digits(s);
    uint64_t whole;
    int64_t size = 1;
    if (n == 0 || !slice_to_u64(slice_make(s.at, n), &whole) || whole > INT64_MAX) return false;
    struct slice name = slice_trim(after(s, n));
    if (name.len > 0) {
        unsigned i = 0;
        while (i < N_SIZES && !slice_eq_nocase(name, slice_of(sizes[i].name))) i++;
        if (i == N_SIZES) return false;
        size = sizes[i].size;
    }
    int64_t n_bytes;
    if (__builtin_mul_overflow((int64_t)whole, size, &n_bytes)) return false;
    *ret = n_bytes;
    return true;
}

static void format(int64_t n, const struct unit *units, unsigned n_units, const struct unit *smallest, char *out) {
    const struct unit *u = smallest;
    for (unsigned i = n_units; i-- > 0;)
        if (n % units[i].size == 0) u = &units[i];
    if (n == 0) u = smallest;
    snprintf(out, QUANTITY_TEXT, "%lld%s", (long long)(n / u->size), u->name);
}

void duration_format(int64_t us, char out[QUANTITY_TEXT]) {
    static const struct unit second = {"s", 1000000}, micro = {"us", 1};
    format(us, times, N_TIMES, us == 0 ? &second : &micro, out);
}

void bytes_format(int64_t bytes, char out[QUANTITY_TEXT]) {
    format(bytes, sizes, N_BINARY, &sizes[N_SIZES - 1], out);
}
