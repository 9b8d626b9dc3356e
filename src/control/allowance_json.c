#include "control/allowance_json.h"

#include "base/clock.h"
#include "model/quantity.h"

#define MOST_TEXT (64 << 10) /* one object; every label in it is bounded */

const char *allowance_mode_name(enum budget_mode m) {
    return m == BUDGET_HARD ? "hard" : m == BUDGET_SOFT ? "soft" : "degrade";
}

static const char *window_name(enum budget_window w) {
    static const char *const names[] = {"day", "week", "month", "once"};
    return names[w];
}

static void put_scope(struct json_writer *w, const struct scope *s) {
    json_key(w, "scope");
    json_object(w);
    for (unsigned i = 0; i < s->n_terms; i++) {
        const struct scope_term *t = &s->terms[i];
        const char *value = t->value != NULL ? t->value : "*";
        if (t->by != SCOPE_BY_TAG) {
            json_member_text(w, scope_dimension_name(t->by), value);
            continue;
        }
        struct buffer pair;
        buffer_init(&pair, MOST_TEXT);
        (void)buffer_printf(&pair, "%s=%s", t->tag, value);
        json_member_string(w, "tag", buffer_slice(&pair));
        buffer_deinit(&pair);
    }
    json_object_end(w);
}

static void put_time(struct json_writer *w, const char *key, int64_t us) {
    char text[CLOCK_TEXT];
    clock_format(us, text);
    json_member_text(w, key, text);
}

void allowance_put_budget(struct json_writer *w, const struct budget *b) {
    char limit[MONEY_TEXT];
    money_format(b->limit_nano, limit);
    json_object(w);
    json_member_text(w, "name", b->name);
    put_scope(w, &b->scope);
    json_member_raw(w, "limit_usd", slice_of(limit));
    json_member_text(w, "window", window_name(b->window));
    json_member_text(w, "timezone", zone_name(b->zone));
    if (b->window == BUDGET_ONCE) {
        put_time(w, "from", b->from_us);
        put_time(w, "to", b->to_us);
    }
    json_member_text(w, "mode", allowance_mode_name(b->mode));
    json_key(w, "alert_at");
    json_array(w);
    for (unsigned i = 0; i < b->n_alerts; i++) json_put_double(w, b->alert_at[i]);
    json_array_end(w);
    json_member_text(w, "on_error", b->block_on_error ? "block" : "allow");
    json_object_end(w);
}

void allowance_put_limit(struct json_writer *w, const struct rate_limit *l) {
    char burst[QUANTITY_TEXT];
    duration_format(l->burst_us, burst);
    json_object(w);
    json_member_text(w, "name", l->name);
    put_scope(w, &l->scope);
    if (l->requests_per_minute >= 0) json_member_i64(w, "requests_per_minute", l->requests_per_minute);
    if (l->tokens_per_minute >= 0) json_member_i64(w, "tokens_per_minute", l->tokens_per_minute);
    if (l->concurrent >= 0) json_member_i64(w, "concurrent", l->concurrent);
    json_member_text(w, "burst", burst);
    json_member_text(w, "on_error", l->block_on_error ? "block" : "allow");
    json_object_end(w);
}

struct slice allowance_budget_json(const struct budget *b, struct arena *arena) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, MOST_TEXT);
    json_start(&w, &text);
    allowance_put_budget(&w, b);
    struct slice copy = text.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&text));
    buffer_deinit(&text);
    return copy;
}

struct slice allowance_limit_json(const struct rate_limit *l, struct arena *arena) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, MOST_TEXT);
    json_start(&w, &text);
    allowance_put_limit(&w, l);
    struct slice copy = text.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&text));
    buffer_deinit(&text);
    return copy;
}
