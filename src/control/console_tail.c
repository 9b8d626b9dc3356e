#include "control/console_tail.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdatomic.h>

#define SECOND_US 1000000LL

enum { APPLICATION, MODEL, PROVIDER, REQUEST_TYPE, USER, PROMPT_NAME, PROMPT_VERSION, TEXTS };
#define ABSENT UINT16_MAX

struct packed {
    struct record_id id;
    int64_t time_us, cost_nano, duration_us, ttft_us;
    uint16_t length[TEXTS]; /* ABSENT: null */
    uint16_t error;
    uint8_t status;
};

struct console_batch {
    atomic_uint references;
    unsigned count;
    uint64_t skipped;
    struct buffer bytes;
};

struct console_batch *console_batch_new(void) {
    struct console_batch *b = mem_new(struct console_batch);
    atomic_init(&b->references, 1);
    buffer_init(&b->bytes, LIMIT_CONSOLE_BATCH);
    return b;
}

struct console_batch *console_batch_hold(struct console_batch *b) {
    atomic_fetch_add(&b->references, 1);
    return b;
}

void console_batch_drop(struct console_batch *b) {
    if (b == NULL || atomic_fetch_sub(&b->references, 1) != 1) return;
    buffer_deinit(&b->bytes);
    mem_free(b);
}

unsigned console_batch_count(const struct console_batch *b) { return b->count; }
uint64_t console_batch_skipped(const struct console_batch *b) { return b->skipped; }

void console_batch_add(struct console_batch *b, const struct record *r) {
    struct packed p = {.id = r->id, .time_us = r->time_us, .cost_nano = r->cost_nano, .duration_us = r->duration_us, .ttft_us = r->ttft_us,
                       .error = (uint16_t)r->error, .status = (uint8_t)r->status};
    struct slice texts[TEXTS] = {r->application, r->model, r->provider, r->request_type, r->user, r->prompt_name, r->prompt_version};
    size_t size = sizeof p;
    for (unsigned i = 0; i < TEXTS; i++) {
        if (texts[i].len > LIMIT_LABEL) texts[i].len = LIMIT_LABEL;
        p.length[i] = texts[i].at == NULL ? ABSENT : (uint16_t)texts[i].len;
        size += texts[i].len;
    }
    char *at = b->bytes.len + size > LIMIT_CONSOLE_BATCH ? NULL : buffer_reserve(&b->bytes, size);
    if (at == NULL) {
        b->skipped++;
        return;
    }
    memcpy(at, &p, sizeof p);
    at += sizeof p;
    for (unsigned i = 0; i < TEXTS; i++) {
        if (texts[i].len > 0) memcpy(at, texts[i].at, texts[i].len);
        at += texts[i].len;
    }
    b->bytes.len += size;
    b->count++;
}

static struct slice text_at(const char **at, uint16_t length) {
    if (length == ABSENT) return SLICE_NULL;
    struct slice text = slice_make(*at, length);
    *at += length;
    return text;
}

bool console_batch_next(const struct console_batch *b, size_t *at, struct console_exchange *ret) {
    struct packed p;
    if (*at >= b->bytes.len) return false;
    memcpy(&p, b->bytes.at + *at, sizeof p);
    const char *text = b->bytes.at + *at + sizeof p;
    struct slice texts[TEXTS];
    for (unsigned i = 0; i < TEXTS; i++) texts[i] = text_at(&text, p.length[i]);
    *ret = (struct console_exchange){.id = p.id, .time_us = p.time_us, .cost_nano = p.cost_nano, .duration_us = p.duration_us, .ttft_us = p.ttft_us,
                                     .status = (enum record_status)p.status, .error = (enum fault)p.error, .application = texts[APPLICATION],
                                     .model = texts[MODEL], .provider = texts[PROVIDER], .request_type = texts[REQUEST_TYPE], .user = texts[USER],
                                     .prompt = texts[PROMPT_NAME], .version = texts[PROMPT_VERSION]};
    *at = (size_t)(text - b->bytes.at);
    return true;
}

/* ---- what is shown of them ---- */

static bool takes(struct slice wanted, struct slice have) { return slice_is_null(wanted) || slice_eq(wanted, have); }

bool console_filter_takes(const struct console_filter *f, const struct console_exchange *x) {
    return takes(f->application, x->application) && takes(f->model, x->model) && takes(f->request_type, x->request_type) &&
           (f->status < 0 || f->status == (int)x->status);
}

static void put_ms(struct json_writer *w, const char *key, int64_t us) {
    if (us < 0) json_member_raw(w, key, SLICE("null"));
    else json_member_double(w, key, (double)us / 1000);
}

static void put_prompt(struct json_writer *w, struct slice name, struct slice version) {
    struct buffer text;
    buffer_init(&text, 2 * LIMIT_LABEL + 1);
    buffer_append(&text, name);
    if (version.len > 0) {
        buffer_byte(&text, '@');
        buffer_append(&text, version);
    }
    json_member_string(w, "prompt", slice_is_null(name) ? SLICE_NULL : buffer_slice(&text));
    buffer_deinit(&text);
}

void console_exchange_write(const struct console_exchange *x, struct json_writer *w) {
    char id[RECORD_ID_TEXT], time[CLOCK_TEXT], cost[MONEY_TEXT];
    record_id_format(&x->id, id);
    clock_format(x->time_us, time);
    money_format(x->cost_nano, cost);
    json_object(w);
    json_member_text(w, "id", id);
    json_member_text(w, "time", time);
    json_member_string(w, "application", x->application);
    json_member_string(w, "model", x->model);
    json_member_string(w, "provider", x->provider);
    json_member_string(w, "request_type", x->request_type);
    json_member_text(w, "status", record_status_name(x->status));
    json_member_raw(w, "cost_usd", slice_of(cost));
    put_ms(w, "duration_ms", x->duration_us);
    put_ms(w, "ttft_ms", x->ttft_us);
    json_member_string(w, "user", x->user);
    put_prompt(w, x->prompt, x->version);
    json_member_text(w, "error", x->error == FAULT_NONE ? NULL : fault_name(x->error));
    json_object_end(w);
}

/* ---- how many ---- */

void console_meter_start(struct console_meter *m, int64_t now_us) { *m = (struct console_meter){.since_us = now_us}; }

unsigned console_meter_tick(struct console_meter *m, uint64_t matching) {
    unsigned shown = 0;
    m->tick = (m->tick + 1) % CONSOLE_TICKS;
    m->lately[m->tick] = 0;
    for (unsigned i = 0; i < CONSOLE_TICKS; i++) shown += m->lately[i];
    unsigned may = LIMIT_CONSOLE_SHOWN - shown, share = LIMIT_CONSOLE_SHOWN / CONSOLE_TICKS;
    if (m->flooded && may > share) may = share; /* else the first quarter of each second had them all */
    unsigned showing = matching < may ? (unsigned)matching : may;
    m->lately[m->tick] = showing;
    m->seen += matching;
    m->shown += showing;
    return showing;
}

bool console_meter_picks(uint64_t i, uint64_t matching, unsigned showing) {
    return matching > 0 && (i + 1) * showing / matching > i * showing / matching;
}

bool console_meter_tell(struct console_meter *m, int64_t now_us, bool blocked, struct console_meter *ret) {
    bool some_left_out = m->seen > m->shown || m->skipped > 0;
    if (now_us - m->since_us < SECOND_US || (blocked && some_left_out)) return false;
    *ret = *m;
    m->flooded = m->seen > m->shown;
    m->seen = m->shown = m->skipped = 0;
    m->since_us = now_us;
    return some_left_out;
}
