#include "control/consoles.h"

#include "control/api.h"
#include "control/console.h"
#include "control/shared_answers.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "io/sse.h"

#include <pthread.h>
#include <stdatomic.h>

#define TICK_US (1000000LL / CONSOLE_TICKS)
#define TELL_US 1000000LL    /* least between two `changed` */
#define BEAT_US 15000000LL   /* a comment, when nothing else was sent: proxies close what is silent for a minute or less */
#define CHECK_US 30000000LL  /* may it read still? */
#define SURE 3               /* nobody could say for so many of these: no */
#define EVENTS (256u << 10)  /* of one console in one tick: 20 exchanges of at most 8 KiB, escaped */

struct console {
    struct list link;
    uint64_t number, holder;
    struct http_request *request;
    struct arena arena; /* of all that follows */
    struct api_request who;
    struct console_wish wish;
    struct console_meter meter;
    unsigned pending; /* topics that changed and that it was not told of */
    int64_t told_us, wrote_us, asked_us, sure_us;
};

struct console_loop {
    struct consoles *all;
    struct loop *loop;
    struct loop_timer tick;
    bool ticking, closed;
    struct list open;
    uint64_t next_number;
    unsigned n_tails;               /* consoles here that follow exchanges; written here, read by all */
    struct console_batch *filling;  /* what this loop settles */
    struct console_batch **inbox;   /* what any loop settled, until the next tick */
    unsigned n_inbox;
    struct console_exchange *looked; /* these, unpacked */
    unsigned n_looked, room;
    struct buffer out;
    atomic_uint changed, tails, behind; /* behind: batches on their way to here */
    _Atomic uint64_t skipped;           /* exchanges that were not brought here, as it was behind */
};

struct consoles {
    unsigned n;
    struct console_loop *loops;
    struct shared_answers *answers;
    void (*check)(void *ctx, struct loop *l, const struct api_request *who, uint64_t number);
    void *check_ctx;
    atomic_uint open, tails; /* of all loops */
    pthread_mutex_t lock;
    uint64_t holders[LIMIT_CONSOLES]; /* whose each open one is; 0: nobody is counted */
    unsigned n_holders;
};

/* ---- topics ---- */

const char *console_topic_name(unsigned index) {
    static const char *const names[] = {
#define TOPIC(symbol, name) name,
        CONSOLE_TOPIC_TABLE(TOPIC)
#undef TOPIC
    };
    return names[index];
}

unsigned console_topics_of(struct slice path) {
    static const struct {
        const char *begins;
        unsigned topics;
    } table[] = {
        {"alert", CONSOLE_ALERTS}, {"silences", CONSOLE_ALERTS}, {"thresholds", CONSOLE_ALERTS}, {"oncall", CONSOLE_ALERTS},
        {"receivers", CONSOLE_ALERTS}, {"findings", CONSOLE_FINDINGS}, {"prompts", CONSOLE_ROLLOUTS}, {"knowledge", CONSOLE_ROLLOUTS},
        {"rollouts", CONSOLE_ROLLOUTS}, {"live-prompts", CONSOLE_ROLLOUTS}, {"model-changes", CONSOLE_ROLLOUTS | CONSOLE_FINDINGS},
        {"actions", CONSOLE_ACTIONS | CONSOLE_ALERTS}, {"evals", CONSOLE_EVALUATIONS}, {"suites", CONSOLE_EVALUATIONS},
        {"judges", CONSOLE_EVALUATIONS}, {"scor", CONSOLE_EVALUATIONS}, {"reviews", CONSOLE_REVIEWS | CONSOLE_EVALUATIONS},
        {"records", CONSOLE_EVALUATIONS}, {"users", CONSOLE_CONFIGURATION | CONSOLE_PEOPLE}, {"session", CONSOLE_PEOPLE},
        {"setup", CONSOLE_CONFIGURATION | CONSOLE_PEOPLE}, {"reload", CONSOLE_CONFIGURATION | CONSOLE_PEOPLE},
        {"configuration", CONSOLE_CONFIGURATION | CONSOLE_PEOPLE},
    };
    struct slice root = SLICE("/api/v1/");
    if (!slice_starts(path, root)) return CONSOLE_CONFIGURATION;
    struct slice rest = slice_make(path.at + root.len, path.len - root.len);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_starts(rest, slice_of(table[i].begins))) return table[i].topics | CONSOLE_AUDIT;
    return CONSOLE_CONFIGURATION | CONSOLE_AUDIT;
}

/* ---- events ---- */

static void event(struct console_loop *l, const char *name, struct buffer *json) {
    sse_write(&l->out, slice_of(name), buffer_slice(json));
    buffer_deinit(json);
}

static void open_event(struct json_writer *w, struct buffer *json) {
    buffer_init(json, EVENTS);
    json_start(w, json);
    json_object(w);
}

static void put_topics(struct json_writer *w, unsigned topics) {
    json_key(w, "topics");
    json_array(w);
    for (unsigned i = 0; i < CONSOLE_TOPICS; i++)
        if (topics & 1u << i) json_put_text(w, console_topic_name(i));
    json_array_end(w);
}

static void say_hello(struct console_loop *l, const struct console *c) {
    struct json_writer w;
    struct buffer json;
    open_event(&w, &json);
    put_topics(&w, c->wish.topics);
    json_member_bool(&w, "sampled", (c->wish.topics & CONSOLE_RECORDS) != 0);
    json_member_i64(&w, "shown_per_s", LIMIT_CONSOLE_SHOWN);
    json_object_end(&w);
    event(l, "hello", &json);
}

static void say_changed(struct console_loop *l, const struct console *c) {
    struct json_writer w;
    struct buffer json;
    open_event(&w, &json);
    put_topics(&w, c->pending);
    api_put_time(&w, "at", clock_wall_us());
    json_object_end(&w);
    event(l, "changed", &json);
}

static void say_sampled(struct console_loop *l, const struct console_meter *m, int64_t now) {
    struct json_writer w;
    struct buffer json;
    open_event(&w, &json);
    json_member_i64(&w, "seen", (int64_t)m->seen);
    json_member_i64(&w, "shown", (int64_t)m->shown);
    json_member_i64(&w, "skipped", (int64_t)m->skipped);
    json_member_double(&w, "over_s", (double)(now - m->since_us) / 1e6);
    json_object_end(&w);
    event(l, "sampled", &json);
}

static void say_exchange(struct console_loop *l, const struct console_exchange *x) {
    struct json_writer w;
    struct buffer json;
    buffer_init(&json, EVENTS);
    json_start(&w, &json);
    console_exchange_write(x, &w);
    event(l, "exchange", &json);
}

/* ---- the end of one ---- */

static uint64_t holder_of(struct slice who) { return slice_is_null(who) ? 0 : digest_fast(who, 0) | 1; }

/* NULL: there is room, and it is taken. */
static const char *take_place(struct consoles *all, uint64_t holder) {
    unsigned n = 0;
    pthread_mutex_lock(&all->lock);
    for (unsigned i = 0; holder != 0 && i < all->n_holders; i++) n += all->holders[i] == holder;
    bool full = all->n_holders == LIMIT_CONSOLES, enough = n >= LIMIT_CONSOLES_OF_ONE;
    if (!full && !enough) all->holders[all->n_holders++] = holder;
    pthread_mutex_unlock(&all->lock);
    if (full) return "too many consoles are open; close some, or ask again later";
    return enough ? "you have too many consoles open yourself; close some" : NULL;
}

static void leave_place(struct consoles *all, uint64_t holder) {
    pthread_mutex_lock(&all->lock);
    for (unsigned i = 0; i < all->n_holders; i++)
        if (all->holders[i] == holder) {
            all->holders[i] = all->holders[--all->n_holders];
            break;
        }
    pthread_mutex_unlock(&all->lock);
}

static void forget(struct console_loop *l, struct console *c) {
    if (c->wish.topics & CONSOLE_RECORDS) {
        l->n_tails--;
        atomic_fetch_sub(&l->tails, 1);
        atomic_fetch_sub(&l->all->tails, 1);
    }
    atomic_fetch_sub(&l->all->open, 1);
    leave_place(l->all, c->holder);
    list_remove(&c->link);
    arena_deinit(&c->arena);
    mem_free(c);
}

static void end(struct console_loop *l, struct console *c, const char *reason) {
    struct json_writer w;
    struct buffer json;
    buffer_clear(&l->out);
    open_event(&w, &json);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    event(l, "end", &json);
    http_stream_write(c->request, buffer_slice(&l->out));
    http_stream_end(c->request);
    forget(l, c);
}

/* ---- a tick ---- */

static void look_at(struct console_loop *l, const struct console_batch *b) {
    struct console_exchange x;
    for (size_t at = 0; console_batch_next(b, &at, &x);) {
        if (l->n_looked == l->room) {
            l->room = l->room == 0 ? 256 : l->room * 2; /* the inbox is bounded, and so is this */
            l->looked = mem_resize(l->looked, l->room * sizeof *l->looked);
        }
        l->looked[l->n_looked++] = x;
    }
}

static void show(struct console_loop *l, struct console *c, uint64_t skipped, bool blocked) {
    uint64_t matching = 0, i = 0;
    for (unsigned k = 0; k < l->n_looked; k++) matching += console_filter_takes(&c->wish.filter, &l->looked[k]);
    c->meter.skipped += skipped;
    if (blocked) {
        c->meter.seen += matching;
        return;
    }
    unsigned showing = console_meter_tick(&c->meter, matching);
    for (unsigned k = 0; k < l->n_looked && showing > 0; k++)
        if (console_filter_takes(&c->wish.filter, &l->looked[k]) && console_meter_picks(i++, matching, showing)) say_exchange(l, &l->looked[k]);
}

/* What there is to say to one, into l->out. */
static void compose(struct console_loop *l, struct console *c, int64_t now, uint64_t skipped) {
    bool blocked = http_stream_unsent(c->request) > LIMIT_CONSOLE_UNSENT;
    struct console_meter told;
    if (c->wish.topics & CONSOLE_RECORDS) {
        show(l, c, skipped, blocked);
        if (console_meter_tell(&c->meter, now, blocked, &told)) say_sampled(l, &told, now);
    }
    if (blocked) return;
    if (c->pending != 0 && now - c->told_us >= TELL_US) {
        say_changed(l, c);
        c->pending = 0;
        c->told_us = now;
    }
    if (l->out.len == 0 && now - c->wrote_us >= BEAT_US) buffer_append(&l->out, SLICE(":\n\n"));
}

static void serve(struct console_loop *l, struct console *c, int64_t now, unsigned changed, uint64_t skipped) {
    c->pending |= changed & c->wish.topics & ~(unsigned)CONSOLE_RECORDS;
    if (changed & CONSOLE_PEOPLE) c->asked_us = now - CHECK_US;
    if (now - c->sure_us >= SURE * virtual_time_patience(CHECK_US)) {
        end(l, c, "nobody could say whether this may be read still");
        return;
    }
    buffer_clear(&l->out);
    compose(l, c, now, skipped);
    if (l->out.len > 0) {
        c->wrote_us = now;
        http_stream_write(c->request, buffer_slice(&l->out));
    }
    if (now - c->asked_us < CHECK_US || l->all->check == NULL) return;
    c->asked_us = now;
    l->all->check(l->all->check_ctx, l->loop, &c->who, c->number); /* last: it may be gone when this answers at once */
}

struct shipment {
    struct console_loop *to;
    struct console_batch *batch;
};

static void receive(struct console_loop *l, struct console_batch *b) { l->inbox[l->n_inbox++] = b; }

static void arrived(void *arg) {
    struct shipment *s = arg;
    receive(s->to, s->batch);
    mem_free(s);
}

/* To every loop that has a console which follows exchanges. One that is behind gets no more than it can hold. */
static void ship(struct console_loop *from) {
    struct consoles *c = from->all;
    struct console_batch *b = from->filling;
    from->filling = NULL;
    for (unsigned i = 0; b != NULL && i < c->n; i++) {
        struct console_loop *to = &c->loops[i];
        if (atomic_load(&to->tails) == 0) continue;
        if (atomic_fetch_add(&to->behind, 1) >= c->n * LIMIT_CONSOLE_BEHIND) {
            atomic_fetch_sub(&to->behind, 1);
            atomic_fetch_add(&to->skipped, console_batch_count(b) + console_batch_skipped(b));
        } else if (to == from) {
            receive(to, console_batch_hold(b));
        } else {
            struct shipment *s = mem_new(struct shipment);
            *s = (struct shipment){to, console_batch_hold(b)};
            if (loop_post(to->loop, arrived, s)) continue;
            console_batch_drop(b); /* that loop has ended */
            atomic_fetch_sub(&to->behind, 1);
            mem_free(s);
        }
    }
    console_batch_drop(b);
}

static void empty_inbox(struct console_loop *l) {
    for (unsigned i = 0; i < l->n_inbox; i++) console_batch_drop(l->inbox[i]);
    atomic_fetch_sub(&l->behind, l->n_inbox);
    l->n_inbox = l->n_looked = 0;
}

static void ticked(struct loop_timer *t) {
    struct console_loop *l = list_item(t, struct console_loop, tick);
    int64_t now = loop_now_us(l->loop);
    ship(l);
    uint64_t skipped = atomic_exchange(&l->skipped, 0);
    unsigned changed = atomic_exchange(&l->changed, 0);
    for (unsigned i = 0; i < l->n_inbox; i++) {
        skipped += console_batch_skipped(l->inbox[i]);
        if (l->n_tails > 0) look_at(l, l->inbox[i]);
    }
    for (struct list *at = l->open.next, *next; at != &l->open; at = next) {
        next = at->next;
        serve(l, list_item(at, struct console, link), now, changed, skipped);
    }
    empty_inbox(l);
    l->ticking = !list_empty(&l->open) || atomic_load(&l->all->tails) > 0;
    if (l->ticking) loop_timer_start(l->loop, &l->tick, virtual_time_lazily(TICK_US));
}

static void tick_on(struct console_loop *l) {
    if (l->ticking) return;
    l->ticking = true;
    loop_timer_start(l->loop, &l->tick, virtual_time_lazily(TICK_US));
}

/* ---- on the loop ---- */

static struct console_loop *find(struct consoles *c, const struct loop *l) {
    for (unsigned i = 0; i < c->n; i++)
        if (c->loops[i].loop == l) return &c->loops[i];
    return NULL;
}

static void turn_away(struct http_request *r, const char *why) {
    struct buffer body;
    struct http_header headers[2 + CONSOLE_HEADERS] = {{SLICE("content-type"), SLICE("application/json")}, {SLICE("retry-after"), SLICE("5")}};
    buffer_init(&body, LIMIT_ERROR_TEXT * 2);
    api_write_error(&body, fault_name(FAULT_OVERLOADED), why, SLICE_NULL);
    http_respond_take(r, fault_status(FAULT_OVERLOADED), headers, 2 + console_headers(false, headers + 2), &body);
}

static struct console *console_new(struct http_request *r, const struct console_wish *wish, const struct api_request *who, int64_t now) {
    struct console *c = mem_new(struct console);
    c->request = r;
    arena_init(&c->arena, 1 << 10, LIMIT_HEADER_DEFAULT * 2);
    api_request_copy(who, &c->arena, &c->who);
    c->wish = *wish;
    c->wish.who = SLICE_NULL;
    c->wish.filter.application = arena_slice(&c->arena, wish->filter.application);
    c->wish.filter.model = arena_slice(&c->arena, wish->filter.model);
    c->wish.filter.request_type = arena_slice(&c->arena, wish->filter.request_type);
    c->told_us = now - TELL_US;
    c->asked_us = c->sure_us = now;
    console_meter_start(&c->meter, now);
    return c;
}

void consoles_open(struct consoles *all, struct loop *loop, struct http_request *r, const struct console_wish *wish, const struct api_request *who) {
    struct console_loop *l = find(all, loop);
    if (http_request_is_gone(r)) {
        http_abandon(r);
        return;
    }
    uint64_t holder = holder_of(wish->who);
    const char *why_not = l == NULL || l->closed ? "this server is stopping" : take_place(all, holder);
    if (why_not != NULL) {
        turn_away(r, why_not);
        return;
    }
    atomic_fetch_add(&all->open, 1);
    int64_t now = loop_now_us(loop);
    struct console *c = console_new(r, wish, who, now);
    c->holder = holder;
    c->number = ++l->next_number;
    list_push(&l->open, &c->link);
    if (c->wish.topics & CONSOLE_RECORDS) {
        l->n_tails++;
        atomic_fetch_add(&l->tails, 1);
        atomic_fetch_add(&all->tails, 1);
    }
    struct http_header headers[2 + CONSOLE_HEADERS] = {{SLICE("content-type"), SLICE("text/event-stream")}, {SLICE("x-accel-buffering"), SLICE("no")}};
    http_stream_begin(r, 200, headers, 2 + console_headers(false, headers + 2));
    buffer_clear(&l->out);
    buffer_append(&l->out, SLICE("retry: 2000\n"));
    say_hello(l, c);
    c->wrote_us = now;
    http_stream_write(r, buffer_slice(&l->out));
    tick_on(l);
}

void consoles_gone(struct consoles *all, struct loop *loop, struct http_request *r) {
    struct console_loop *l = find(all, loop);
    for (struct list *at = l != NULL ? l->open.next : NULL; l != NULL && at != &l->open; at = at->next) {
        struct console *c = list_item(at, struct console, link);
        if (c->request != r) continue;
        http_abandon(r);
        forget(l, c);
        return;
    }
}

void consoles_checked(struct consoles *all, struct loop *loop, uint64_t number, bool allowed) {
    struct console_loop *l = find(all, loop);
    for (struct list *at = l != NULL ? l->open.next : NULL; l != NULL && at != &l->open; at = at->next) {
        struct console *c = list_item(at, struct console, link);
        if (c->number != number) continue;
        c->sure_us = loop_now_us(loop);
        if (!allowed) end(l, c, "whoever opened this may not read it any more; sign in again");
        return;
    }
}

void consoles_settled(struct consoles *all, unsigned index, const struct record *r) {
    if (all == NULL || atomic_load_explicit(&all->tails, memory_order_relaxed) == 0 || index >= all->n) return;
    struct console_loop *l = &all->loops[index];
    if (l->closed) return;
    if (l->filling == NULL) l->filling = console_batch_new();
    console_batch_add(l->filling, r);
    tick_on(l);
}

/* ---- any thread ---- */

void consoles_changed(struct consoles *c, unsigned topics) {
    if (c == NULL) return;
    shared_answers_drop(c->answers); /* before anybody hears of it */
    for (unsigned i = 0; i < c->n && atomic_load(&c->open) > 0; i++) atomic_fetch_or(&c->loops[i].changed, topics);
}

unsigned consoles_count(const struct consoles *c) { return c == NULL ? 0 : atomic_load(&c->open); }

/* ---- birth and end ---- */

struct consoles *consoles_new(unsigned n, struct shared_answers *answers) {
    struct consoles *c = mem_new(struct consoles);
    c->n = n;
    c->answers = answers;
    pthread_mutex_init(&c->lock, NULL);
    c->loops = mem_new_array(struct console_loop, n);
    for (unsigned i = 0; i < n; i++) {
        struct console_loop *l = &c->loops[i];
        l->all = c;
        l->tick.fired = ticked;
        l->inbox = mem_new_array(struct console_batch *, (size_t)n * LIMIT_CONSOLE_BEHIND);
        list_init(&l->open);
        buffer_init(&l->out, EVENTS);
    }
    return c;
}

void consoles_add_loop(struct consoles *c, unsigned index, struct loop *l) { c->loops[index].loop = l; }

void consoles_check_with(struct consoles *c, void (*check)(void *ctx, struct loop *l, const struct api_request *who, uint64_t number), void *ctx) {
    c->check = check;
    c->check_ctx = ctx;
}

static void close_loop(void *arg) {
    struct console_loop *l = arg;
    l->closed = true;
    while (!list_empty(&l->open)) end(l, list_item(l->open.next, struct console, link), "this server is stopping");
    loop_timer_stop(l->loop, &l->tick);
    l->ticking = true; /* it does not begin again */
}

void consoles_close(struct consoles *c) {
    for (unsigned i = 0; c != NULL && i < c->n; i++)
        if (c->loops[i].loop != NULL) (void)!loop_post(c->loops[i].loop, close_loop, &c->loops[i]);
}

void consoles_free(struct consoles *c) {
    if (c == NULL) return;
    for (unsigned i = 0; i < c->n; i++) {
        struct console_loop *l = &c->loops[i];
        empty_inbox(l);
        console_batch_drop(l->filling);
        while (!list_empty(&l->open)) forget(l, list_item(l->open.next, struct console, link));
        buffer_deinit(&l->out);
        mem_free(l->inbox);
        mem_free(l->looked);
    }
    mem_free(c->loops);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}
