/* wire_probe.c - see wire_probe.h. What is asked and what an answer means is incident/probe.h's; here are the thread, the calls, and what was seen last. */
#include "wire_probe.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/virtual_time.h"
#include "incident/probe.h"
#include "io/http_call.h"

#include <pthread.h>
#include <stdio.h>

#define TICK_US 500000LL
#define SOON_US 2000000ULL       /* first probes are spread over so long */
#define CONNECT_US 3000000LL
#define ANSWER_US 5000000LL
#define COMPLETION_US 20000000LL
#define PAGE_EVERY_US 60000000LL
#define PAGE_FAILING_US 20000000LL /* while a provider cannot be reached */
#define PAGE_US 10000000LL
#define LISTING_MOST (4u << 20)
#define DAY_US 86400000000LL
enum { WHY_MOST = 256, NAME_MOST = LIMIT_LABEL + 1, ETAG_MOST = 200 };

struct probe_memory {            /* what is lent; it outlives a reload */
    char name[NAME_MOST];
    struct provider_seen seen;   /* `why` of probes points into whys; page texts into page_arena */
    char whys[PROVIDER_PROBES][WHY_MOST];
    unsigned next_why;
    struct arena page_arena;
    char page_error[WHY_MOST], etag[ETAG_MOST];
    char *page_of;               /* the address that the page and its etag are of */
    int64_t page_asked_us, page_due_us;         /* over a reload too: whoever changes a key often asks no vendor often */
    int64_t day, spent_nano;     /* of completions */
    bool unpriced_told;
};
struct probe_host {
    struct probe_wire *w;
    const struct provider *provider; /* of the policy that is held */
    struct probe_memory *memory;
    struct http_route *listing, *completion, *page;
    struct http_call listing_call, completion_call, page_call;
    struct slice body;           /* of the completion; in w->arena */
    int64_t due_us, began_us;
};
struct probe_wire {
    struct probe_sources s;
    pthread_t thread;
    bool running;
    struct loop *loop;
    struct loop_timer tick;
    struct http_client *client;
    struct metric_shard *shard;
    struct policy *policy;       /* held */
    struct arena arena;          /* of its routes */
    struct probe_host *hosts;
    unsigned n_hosts;
    pthread_mutex_t lock;        /* memories */
    struct probe_memory **memories;
    unsigned n_memories;
};

static uint64_t chance(void) {
    uint64_t r;
    digest_random(&r, sizeof r);
    return r;
}
static void count(struct probe_wire *w, const char *provider, const char *outcome) {
    const char *labels[METRIC_LABELS] = {provider, outcome};
    metric_add(metric_cell(w->shard, METRIC_PROBES, labels), 1);
}

/* ---- what was seen ---- */

static void remember(struct probe_host *h, const struct provider_probe *p) {
    struct probe_memory *m = h->memory;
    struct provider_seen *s = &m->seen;
    pthread_mutex_lock(&h->w->lock);
    char *why = m->whys[m->next_why++ % PROVIDER_PROBES]; /* the oldest one's, which goes now */
    (void)snprintf(why, WHY_MOST, SLICE_FMT, SLICE_ARG(p->why));
    memmove(s->probes + 1, s->probes, sizeof s->probes - sizeof *s->probes);
    s->probes[0] = *p;
    s->probes[0].why = slice_of(why);
    if (s->n_probes < PROVIDER_PROBES) s->n_probes++;
    pthread_mutex_unlock(&h->w->lock);
    count(h->w, h->provider->name, p->ok ? "ok" : fault_name(p->fault));
}

static void judge(struct probe_host *h, struct http_call *call, bool completion) {
    struct arena arena;
    struct provider_probe p = {.at_us = clock_wall_us(), .took_us = loop_now_us(h->w->loop) - h->began_us};
    struct probe_reply r = {.status = call->status, .result = call->result, .detail = call->detail, .body = buffer_slice(&call->reply), .cut = call->reply.overflow};
    if (r.cut && r.status == 0) r.status = 200; /* it answered, and goes on and on */
    arena_init(&arena, 1024, 16 << 10);
    probe_judge(&r, completion, &arena, &p);
    remember(h, &p);
    arena_deinit(&arena);
}

/* ---- completions ---- */

static bool may_complete(struct probe_host *h) {
    const struct provider *p = h->provider;
    struct probe_memory *m = h->memory;
    int64_t now = clock_wall_us(), day = now / DAY_US, cost;
    if (p->probe.completion == NULL || h->completion == NULL) return false;
    if (h->w->s.rests != NULL && h->w->s.rests(h->w->s.ctx, slice_of(p->name))) return false;
    if (day != m->day) {
        m->day = day;
        m->spent_nano = 0;
    }
    cost = probe_completion_cost(h->w->policy, p, now);
    if (!money_is_known(cost) && !m->unpriced_told)
        log_event(LOG_WARN, "a probe's completion is not asked for: its price is not known", "provider", p->name, "model", p->probe.completion, NULL);
    m->unpriced_told = !money_is_known(cost);
    if (!money_is_known(cost) || m->spent_nano + cost > p->probe.max_cost_nano) return false;
    m->spent_nano += cost;
    return true;
}

static void again_after(struct probe_host *h) {
    h->due_us = loop_now_us(h->w->loop) + probe_pause(h->provider, !h->memory->seen.probes[0].ok, chance());
}

/* It does not get through: whether others do tells us from them, and is to be known now. */
static void ask_others(struct probe_host *h) {
    enum fault fault = h->memory->seen.probes[0].fault;
    int64_t now = loop_now_us(h->w->loop);
    if (fault != FAULT_UP_CONNECT && fault != FAULT_UP_TIMEOUT) return;
    for (unsigned i = 0; i < h->w->n_hosts; i++) {
        struct probe_host *o = &h->w->hosts[i];
        int64_t probe = o->began_us + PROBE_FAILING_US, page = o->memory->page_asked_us + PAGE_FAILING_US;
        probe = probe > now ? probe : now;
        if (o != h && probe < o->due_us) o->due_us = probe;
        page = page > now ? page : now;
        if (page < o->memory->page_due_us) o->memory->page_due_us = page;
    }
}

static void completion_done(struct http_call *call) {
    struct probe_host *h = list_item(call, struct probe_host, completion_call);
    judge(h, call, true);
    again_after(h);
}

static void listing_done(struct http_call *call) {
    struct probe_host *h = list_item(call, struct probe_host, listing_call);
    judge(h, call, false);
    again_after(h);
    ask_others(h);
    if (!h->memory->seen.probes[0].ok || !may_complete(h)) return;
    h->began_us = loop_now_us(h->w->loop);
    http_call_start(&h->completion_call, h->completion, NULL, h->body, COMPLETION_US);
}

/* ---- status pages ---- */

static void keep_page(struct probe_host *h, const struct vendor_status *page, struct arena *arena, const char *error) {
    struct probe_memory *m = h->memory;
    pthread_mutex_lock(&h->w->lock);
    m->seen.has_page = true;
    m->seen.page_us = clock_wall_us();
    m->seen.page_failed = error != NULL;
    (void)snprintf(m->page_error, sizeof m->page_error, "%s", error != NULL ? error : "");
    m->seen.page_error = error != NULL ? slice_of(m->page_error) : SLICE_NULL;
    if (page != NULL) {
        arena_deinit(&m->page_arena);
        m->page_arena = *arena;
        m->seen.page = *page;
    }
    pthread_mutex_unlock(&h->w->lock);
    count(h->w, h->provider->name, error == NULL ? "page" : "page_failed");
}

static void page_head(struct http_call *call) {
    struct probe_host *h = list_item(call, struct probe_host, page_call);
    struct slice etag = http_transfer_header(call->transfer, "etag");
    h->memory->etag[0] = 0;
    for (size_t i = 0; i < etag.len; i++)
        if ((unsigned char)etag.at[i] < 0x20) return;
    if (call->status == 200 && etag.len < ETAG_MOST) (void)snprintf(h->memory->etag, ETAG_MOST, SLICE_FMT, SLICE_ARG(etag));
}

static void page_done(struct http_call *call) {
    struct probe_host *h = list_item(call, struct probe_host, page_call);
    struct arena arena;
    struct vendor_status page;
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = FAULT_NONE;
    if (call->status == 304) {
        keep_page(h, NULL, NULL, NULL);
        return;
    }
    if (call->status == 0) fault = error_set(&error, FAULT_IO, "%.200s", call->detail);
    else if (call->status != 200) fault = error_set(&error, FAULT_IO, "it answered %d", call->status);
    arena_init(&arena, 8 << 10, 4 * LIMIT_STATUS_PAGE);
    if (fault == FAULT_NONE) fault = vendor_status_read(buffer_slice(&call->reply), clock_wall_us(), &arena, &page, &error);
    if (fault == FAULT_NONE) {
        /* texts may be borrowed from the reply, which goes: they are taken over */
        page.words = arena_slice(&arena, page.words);
        for (unsigned i = 0; i < page.n_incidents; i++) page.incidents[i].url = arena_slice(&arena, page.incidents[i].url);
        keep_page(h, &page, &arena, NULL);
    } else {
        h->memory->etag[0] = 0;
        keep_page(h, NULL, NULL, error.text);
        arena_deinit(&arena);
    }
}

static void ask_page(struct probe_host *h) {
    char match[ETAG_MOST + 20];
    const char *headers[] = {NULL, NULL};
    if (h->memory->etag[0] != 0) {
        (void)snprintf(match, sizeof match, "if-none-match: %s", h->memory->etag);
        headers[0] = match;
    }
    h->memory->page_asked_us = loop_now_us(h->w->loop);
    h->memory->page_due_us = h->memory->page_asked_us + PAGE_EVERY_US - 3000000 + (int64_t)(chance() % 6000000);
    http_call_start(&h->page_call, h->page, headers, SLICE(""), PAGE_US);
}

/* ---- hosts, by the policy in force ---- */

static struct probe_memory *memory_of(struct probe_wire *w, const char *name) {
    for (unsigned i = 0; i < w->n_memories; i++)
        if (strcmp(w->memories[i]->name, name) == 0) return w->memories[i];
    struct probe_memory *m = mem_new(struct probe_memory);
    (void)snprintf(m->name, sizeof m->name, "%s", name);
    m->seen.provider = slice_of(m->name);
    arena_init(&m->page_arena, 1024, 4 * LIMIT_STATUS_PAGE);
    pthread_mutex_lock(&w->lock);
    w->memories = mem_resize(w->memories, (w->n_memories + 1) * sizeof *w->memories);
    w->memories[w->n_memories++] = m;
    pthread_mutex_unlock(&w->lock);
    return m;
}

static struct http_route *route_of(struct probe_wire *w, const struct provider *p, const struct probe_request *r) {
    struct error error = {.fault = FAULT_NONE};
    struct http_route *route = http_route_new(w->client, &(struct http_route_options){.url = r->url, .method = slice_is_null(r->body) ? "GET" : "POST",
                                              .headers = r->headers, .connect_timeout_us = CONNECT_US, .proxy = p->proxy, .ca_file = p->ca_file, .http2 = p->http2}, &error);
    if (route == NULL) log_event(LOG_ERROR, "a provider cannot be probed", "provider", p->name, "why", error.text, NULL);
    return route;
}

/* Nothing of the provider's goes along: no credential, no header. A proxy is the way out for it too. */
static struct http_route *page_route(struct probe_wire *w, const struct provider *p) {
    static const char *const headers[] = {"accept: application/json, application/rss+xml, application/atom+xml;q=0.9, */*;q=0.1", "user-agent: quarterdeck", NULL};
    struct error error = {.fault = FAULT_NONE};
    struct http_route *route = http_route_new(w->client, &(struct http_route_options){.url = p->status_page, .method = "GET", .headers = headers,
                                              .connect_timeout_us = CONNECT_US, .proxy = p->proxy, .ca_file = p->proxy != NULL ? p->ca_file : NULL, .http2 = true}, &error);
    if (route == NULL) log_event(LOG_ERROR, "a status page cannot be read", "provider", p->name, "why", error.text, NULL);
    return route;
}

/* Of another address nothing is known yet. */
static void follow_page(struct probe_memory *m, const char *url, int64_t due_us) {
    if (url != NULL && m->page_of != NULL && strcmp(url, m->page_of) == 0) return;
    mem_free(m->page_of);
    m->page_of = url != NULL ? mem_text(url) : NULL;
    m->etag[0] = 0;
    m->page_asked_us = 0;
    m->page_due_us = due_us;
    m->seen.has_page = false;
    m->seen.page = (struct vendor_status){.indicator = VENDOR_UNKNOWN};
}

static void host_init(struct probe_wire *w, struct probe_host *h, const struct provider *p) {
    struct probe_request request;
    *h = (struct probe_host){.w = w, .provider = p, .memory = memory_of(w, p->name)};
    h->due_us = loop_now_us(w->loop) + (int64_t)(chance() % SOON_US);
    http_call_init(&h->listing_call, w->loop, LISTING_MOST, NULL, listing_done);
    http_call_init(&h->completion_call, w->loop, LISTING_MOST, NULL, completion_done);
    http_call_init(&h->page_call, w->loop, LIMIT_STATUS_PAGE, page_head, page_done);
    if (!p->probe.off) {
        probe_listing(p, &w->arena, &request);
        h->listing = route_of(w, p, &request);
    }
    if (!p->probe.off && p->probe.completion != NULL) {
        probe_completion(p, &w->arena, &request);
        h->body = request.body;
        h->completion = route_of(w, p, &request);
    }
    if (p->status_page != NULL) h->page = page_route(w, p);
    pthread_mutex_lock(&w->lock);
    if (p->probe.off) h->memory->seen.n_probes = 0; /* what is not asked any more is not shown as if it were */
    follow_page(h->memory, p->status_page, h->due_us);
    pthread_mutex_unlock(&w->lock);
}

static void drop_hosts(struct probe_wire *w) {
    for (unsigned i = 0; i < w->n_hosts; i++) {
        struct probe_host *h = &w->hosts[i];
        http_call_deinit(&h->listing_call);
        http_call_deinit(&h->completion_call);
        http_call_deinit(&h->page_call);
        http_route_free(h->listing);
        http_route_free(h->completion);
        http_route_free(h->page);
    }
    mem_free(w->hosts);
    w->hosts = NULL;
    w->n_hosts = 0;
    arena_reset(&w->arena);
    policy_drop(w->policy);
    w->policy = NULL;
}

static void memory_free(struct probe_memory *m) {
    arena_deinit(&m->page_arena);
    mem_free(m->page_of);
    mem_free(m);
}

/* Of a provider that is not in the configuration any more nothing is told. */
static void forget_others(struct probe_wire *w) {
    unsigned kept = 0;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < w->n_memories; i++) {
        bool used = false;
        for (unsigned k = 0; k < w->n_hosts; k++) used |= w->hosts[k].memory == w->memories[i];
        if (used) w->memories[kept++] = w->memories[i];
        else memory_free(w->memories[i]);
    }
    w->n_memories = kept;
    pthread_mutex_unlock(&w->lock);
}

static void follow_policy(struct probe_wire *w) {
    struct policy *p = w->s.policy(w->s.ctx);
    if (p == w->policy) {
        policy_drop(p);
        return;
    }
    drop_hosts(w);
    w->policy = p;
    w->hosts = mem_new_array(struct probe_host, p->n_providers + 1);
    for (unsigned i = 0; i < p->n_providers; i++) host_init(w, &w->hosts[w->n_hosts++], &p->providers[i]);
    forget_others(w);
}

static void on_tick(struct loop_timer *t) {
    struct probe_wire *w = list_item(t, struct probe_wire, tick);
    follow_policy(w);
    int64_t now = loop_now_us(w->loop);
    for (unsigned i = 0; i < w->n_hosts; i++) {
        struct probe_host *h = &w->hosts[i];
        if (h->listing != NULL && now >= h->due_us && !http_call_is_open(&h->listing_call) && !http_call_is_open(&h->completion_call)) {
            h->began_us = now;
            http_call_start(&h->listing_call, h->listing, NULL, SLICE(""), ANSWER_US);
        }
        if (h->page != NULL && now >= h->memory->page_due_us && !http_call_is_open(&h->page_call)) ask_page(h);
    }
    loop_timer_start(w->loop, t, virtual_time_lazily(TICK_US));
}

/* ---- the thread ---- */

static void *probe_main(void *arg) {
    struct probe_wire *w = arg;
    (void)pthread_setname_np(pthread_self(), "qd-probe");
    loop_timer_start(w->loop, &w->tick, 0);
    loop_run(w->loop);
    loop_timer_stop(w->loop, &w->tick);
    drop_hosts(w);
    return NULL;
}

struct probe_wire *probe_wire_new(const struct probe_sources *s, struct error *error) {
    struct probe_wire *w = mem_new(struct probe_wire);
    w->s = *s;
    w->tick.fired = on_tick;
    w->shard = metric_shard_new(s->metrics);
    pthread_mutex_init(&w->lock, NULL);
    arena_init(&w->arena, 4096, 64u << 20);
    w->loop = loop_new(error);
    if (w->loop != NULL) {
        w->client = http_client_new(w->loop, 2);
        return w;
    }
    probe_wire_free(w);
    return NULL;
}

enum fault probe_wire_start(struct probe_wire *w, struct error *error) {
    w->running = pthread_create(&w->thread, NULL, probe_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of probes");
}

void probe_wire_each(void *arg_w, void (*each)(void *arg, const struct provider_seen *s), void *arg) {
    struct probe_wire *w = arg_w;
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < w->n_memories; i++) each(arg, &w->memories[i]->seen);
    pthread_mutex_unlock(&w->lock);
}

void probe_wire_stop(struct probe_wire *w) {
    if (w == NULL || !w->running) return;
    loop_stop(w->loop);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void probe_wire_free(struct probe_wire *w) {
    if (w == NULL) return;
    probe_wire_stop(w);
    http_client_free(w->client);
    loop_free(w->loop);
    for (unsigned i = 0; i < w->n_memories; i++) memory_free(w->memories[i]);
    mem_free(w->memories);
    arena_deinit(&w->arena);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}
