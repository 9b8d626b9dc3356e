#include "dialect/dialect.h"
#include "base/clock.h"
#include "dialect/tables.h"

enum { RETRY_AFTER_MOST_S = 24 * 3600 };

const struct dialect *dialect_of(enum dialect_id id) {
    switch (id) {
    case DIALECT_ANTHROPIC: return &anthropic_dialect;
    case DIALECT_AZURE: return &azure_dialect;
    case DIALECT_OPENAI:
    case DIALECT_COUNT: break;
    }
    return &openai_dialect;
}

bool dialect_same_wire(const struct dialect *a, const struct dialect *b) {
    return a->wire == b->wire;
}

/* A header that counts in `unit_us`; false when it is absent, no number, or negative. */
static bool counted(struct slice value, double unit_us, int64_t *ret_us) {
    double n;
    if (!slice_to_double(slice_trim(value), &n) || n < 0) return false;
    double us = n * unit_us, most = RETRY_AFTER_MOST_S * 1e6;
    *ret_us = (int64_t)(us < most ? us : most);
    return true;
}

int64_t dialect_retry_after_us(struct header_source headers, int64_t now_wall_us) {
    int64_t us, at;
    if (headers.get == NULL) return -1;
    if (counted(headers.get(headers.ctx, "retry-after-ms"), 1e3, &us)) return us;
    if (counted(headers.get(headers.ctx, "x-ms-retry-after-ms"), 1e3, &us)) return us;
    struct slice value = headers.get(headers.ctx, "retry-after");
    if (counted(value, 1e6, &us)) return us;
    if (!clock_parse_http_date(slice_trim(value), &at) || at < now_wall_us)
        return -1; /* past: our clocks differ */
    us = at - now_wall_us;
    return us < RETRY_AFTER_MOST_S * INT64_C(1000000) ? us : RETRY_AFTER_MOST_S * INT64_C(1000000);
}
