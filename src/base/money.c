#include "base/money.h"
#include "base/decimal.h"

#include <stdio.h>

int64_t money_add(int64_t a, int64_t b) {
    int64_t sum;
    if (!money_is_known(a) || !money_is_known(b) || __builtin_add_overflow(a, b, &sum)) return MONEY_UNKNOWN;
    return sum;
}

bool money_parse(struct slice text, int scale, int64_t *ret) {
    int64_t n;
    if (!decimal_parse(text, scale, &n) || n == MONEY_UNKNOWN) return false;
    *ret = n;
    return true;
}

void money_format(int64_t nano, char out[MONEY_TEXT]) {
    if (!money_is_known(nano)) {
        snprintf(out, MONEY_TEXT, "null");
        return;
    }
    uint64_t size = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    int n = snprintf(out, MONEY_TEXT, "%s%llu.%09llu", nano < 0 ? "-" : "",
                     (unsigned long long)(size / MONEY_USD), (unsigned long long)(size % MONEY_USD));
    while (out[n - 1] == '0') n--;
    if (out[n - 1] == '.') n--;
    out[n] = 0;
}

void money_words(int64_t nano, char out[MONEY_TEXT]) {
    double usd = (double)nano / MONEY_USD, size = usd < 0 ? -usd : usd;
    int decimals = 0;
    if (nano == MONEY_UNKNOWN) {
        snprintf(out, MONEY_TEXT, "unknown");
        return;
    }
    while (decimals < 9 && size != 0 && size < 999.95) size *= 10, decimals++;
    int n = snprintf(out, MONEY_TEXT, "%.*f", decimals, usd);
    while (decimals > 0 && out[n - 1] == '0') out[--n] = 0, decimals--;
    if (n > 0 && out[n - 1] == '.') out[n - 1] = 0;
}
