/* price_table.h - inside of a price list: shared by price.c (quotes), price_find.c (names) and
 * price_read.c (JSON). Private to the price module. */
#ifndef MODEL_PRICE_TABLE_H
#define MODEL_PRICE_TABLE_H

#include "base/json.h"
#include "model/price.h"

#define RATE_NONE (-1)

/* METER(symbol, name in quotes, key in tables, decimal digits of the key's unit that make 10^-15 USD,
 *       meter that it is a part of (itself: of none), counter in struct usage)
 * Parts come before what they are parts of. */
#define PRICE_METER_TABLE(METER)                                                                              \
    METER(CACHE_WRITE_1H, "cache_write_1h", "cache_write_1h_mtok", 9, CACHE_WRITE, cache_write_1h)            \
    METER(CACHE_WRITE, "cache_write", "cache_write_mtok", 9, INPUT, cache_write)                              \
    METER(CACHE_READ, "cache_read", "cache_read_mtok", 9, INPUT, cache_read)                                  \
    METER(INPUT_AUDIO, "input_audio", "input_audio_mtok", 9, INPUT, input_audio)                              \
    METER(INPUT, "input", "input_mtok", 9, INPUT, input)                                                      \
    METER(REASONING, "reasoning", "output_reasoning_mtok", 9, OUTPUT, reasoning)                              \
    METER(OUTPUT_AUDIO, "output_audio", "output_audio_mtok", 9, OUTPUT, output_audio)                         \
    METER(OUTPUT, "output", "output_mtok", 9, OUTPUT, output)

enum price_meter {
#define METER(symbol, name, key, digits, parent, counter) METER_##symbol,
    PRICE_METER_TABLE(METER)
#undef METER
        METER_TOKENS,               /* the ones above count tokens */
    METER_REQUESTS = METER_TOKENS, /* "requests_kcount": 1 a request */
    METER_COUNT
};

struct price_tier {
    int64_t start; /* the rate holds for requests with more input tokens than this */
    int64_t rate;
};

struct price_rate {
    int64_t base; /* 10^-15 USD each; RATE_NONE: not in the table */
    struct price_tier *tiers; /* ascending */
    unsigned n_tiers;
};

struct price_set {
    struct price_rate rates[METER_COUNT];
    bool empty; /* `{}`: nothing is charged */
};

enum period_type { PERIOD_ALWAYS, PERIOD_SINCE, PERIOD_DAILY };

struct price_period {
    enum period_type type;
    int64_t from, until; /* SINCE: from, wall time. DAILY: microseconds of the UTC day, until excluded */
    const char *since;   /* SINCE: the date as written */
    struct price_set set;
};

struct price_periods { /* the last one that holds applies; when none does, the first */
    struct price_period *at;
    unsigned n;
};

enum match_type { MATCH_EQUALS, MATCH_STARTS, MATCH_ENDS, MATCH_CONTAINS, MATCH_REGEX, MATCH_OR, MATCH_AND };

struct price_match {
    enum match_type type;
    struct slice text; /* lower case, but for a pattern; NUL-terminated */
    struct price_match *clauses;
    unsigned n_clauses;
};

struct price_model {
    const char *provider, *id;
    int64_t context_window;
    const struct price_match *match; /* NULL: by id alone */
    struct price_periods standard, batch; /* batch.n is 0 when the table has none */
};

struct price_name { /* alias -> provider, or provider -> one whose entries it shares */
    const char *from, *to;
};

struct price_layer { /* one table */
    const struct price_layer *older;
    struct price_model *models;
    unsigned n_models;
    struct price_name *aliases, *fallbacks;
    unsigned n_aliases, n_fallbacks;
};

struct price_list {
    const struct price_layer *newest;
};

/* The text of one table onto what is there already. `name` is for messages. */
enum fault price_layer_read(struct slice text, const char *name, const struct price_layer *older,
                            struct arena *arena, const struct price_layer **ret, struct error *error) MUST_CHECK;

/* The entry with this provider and id (any case), the newest one; NULL: none. */
const struct price_model *price_by_id(const struct price_layer *newest, struct slice provider, struct slice id);

bool price_pattern_is_valid(struct slice pattern);

#endif
