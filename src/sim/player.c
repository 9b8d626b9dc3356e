/* player.c - see player.h. */
#include "sim/player.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "io/http_call.h"
#include "model/record.h"

#include <stdio.h>

enum { REPLY_MOST = 4 << 20, ROUTES = 16, KEPT = 128, ARENA_FIRST = 8 << 10, ARENA_MOST = 16 << 20 };

#define CONNECT_US 10000000LL
#define TIMEOUT_US 600000000LL /* of one call; the gateway's own limits are shorter */
#define ID_HEADER "x-quarterdeck-id"

struct kept {
    struct slice name;
    char value[256];
};

struct player {
    struct player_options o;
    struct http_client *client;
    struct route {
        char path[128];
        struct http_route *route;
    } routes[ROUTES]; /* of requests and scores: POST */
    struct world_request next;
    struct arena next_arena;
    bool has_next, live, stopped;
    struct loop_timer arrival, act;
    unsigned next_act;
    struct list sent, acted; /* struct sending, struct acting */
    struct kept kept[KEPT];
    unsigned n_kept;
    struct player_counts counts;
};

/* One request, then what its user says of the answer. */
struct sending {
    struct list link;
    struct player *player;
    struct http_call call;
    struct loop_timer later;
    struct arena arena;
    struct world_request request;
    char record[RECORD_ID_TEXT];
    bool scoring;
};

/* One act. */
struct acting {
    struct list link;
    struct player *player;
    const struct world_act *act;
    struct http_call call;
    struct http_route *route, *labels; /* the second of an act with `label` */
    bool labelling;                    /* the call is to the second */
    struct loop_timer again;
    struct buffer path, body;
    char authorization[256];
    int64_t since_us;
};

static int64_t since_start(const struct player *p) { return clock_wall_us() - p->o.start_us; }

static void moved(struct player *p) {
    if (p->o.moved != NULL) p->o.moved(p->o.ctx);
}

static void count(atomic_ulong *n) { atomic_fetch_add_explicit(n, 1, memory_order_relaxed); }

/* ---- routes ---- */

static struct http_route *make_route(struct player *p, const char *method, const char *path) {
    static const char *const none[] = {NULL};
    struct buffer url;
    struct error error;
    buffer_init(&url, 64 << 10);
    buffer_printf(&url, "%s%s", p->o.url, path);
    const struct http_route_options o = {.url = buffer_text(&url), .method = method, .headers = none, .connect_timeout_us = CONNECT_US};
    struct http_route *r = http_route_new(p->client, &o, &error);
    buffer_deinit(&url);
    return r;
}

static struct http_route *route_to(struct player *p, const char *path) {
    for (unsigned i = 0; i < ROUTES; i++) {
        struct route *r = &p->routes[i];
        if (r->route != NULL && strcmp(r->path, path) == 0) return r->route;
        if (r->route != NULL) continue;
        snprintf(r->path, sizeof r->path, "%s", path);
        r->route = make_route(p, "POST", path);
        return r->route;
    }
    return NULL; /* the call fails, and is counted */
}

/* ---- requests ---- */

static void sending_free(struct sending *s) {
    http_call_deinit(&s->call);
    loop_timer_stop(s->player->o.loop, &s->later);
    list_remove(&s->link);
    arena_deinit(&s->arena);
    mem_free(s);
}

static void score_now(struct loop_timer *t) {
    struct sending *s = list_item(t, struct sending, later);
    struct player *p = s->player;
    const struct world_score *score = &s->request.score;
    const char *token = p->o.token(p->o.ctx, score->by);
    double value = world_score_value(score, buffer_slice(&s->call.reply));
    struct slice body = arena_printf(&s->arena, "{\"record\":\"%s\",\"name\":\"" SLICE_FMT "\",\"source\":\"feedback\",\"value\":%g}", s->record,
                                     SLICE_ARG(score->name), value);
    struct slice who = arena_printf(&s->arena, "authorization: Bearer %s", token != NULL ? token : "");
    const char *headers[] = {arena_text(&s->arena, who), "content-type: application/json", NULL};
    s->scoring = true;
    http_call_start(&s->call, route_to(p, "/api/v1/scores"), headers, body, TIMEOUT_US);
}

static void request_head(struct http_call *h) {
    struct sending *s = list_item(h, struct sending, call);
    struct slice id = http_transfer_header(h->transfer, ID_HEADER);
    if (!s->scoring && id.len > 0 && id.len < sizeof s->record) {
        memcpy(s->record, id.at, id.len);
        s->record[id.len] = 0;
    }
}

static void request_done(struct http_call *h) {
    struct sending *s = list_item(h, struct sending, call);
    struct player *p = s->player;
    bool good = h->status >= 200 && h->status < 300;
    if (s->scoring) {
        if (good) count(&p->counts.scores);
        else if (p->o.failed != NULL) {
            char text[256];
            snprintf(text, sizeof text, "a score was answered %d: %.*s", h->status, 160, buffer_text(&h->reply));
            p->o.failed(p->o.ctx, text);
        }
        sending_free(s);
        return;
    }
    if (h->status > 0) count(&p->counts.answered);
    if (!good) count(&p->counts.failed);
    if (good && s->request.score.given && s->record[0] != 0 && !p->stopped) loop_timer_start(p->o.loop, &s->later, s->request.score.after_us);
    else sending_free(s);
    moved(p);
}

static void send_next(struct player *p) {
    struct sending *s = mem_new(struct sending);
    s->player = p;
    s->request = p->next;
    s->arena = p->next_arena;
    s->later.fired = score_now;
    p->has_next = false;
    http_call_init(&s->call, p->o.loop, REPLY_MOST, request_head, request_done);
    list_push(&p->sent, &s->link);
    count(&p->counts.requests);
    http_call_start(&s->call, route_to(p, s->request.path), s->request.headers, s->request.body, TIMEOUT_US);
}

static void draw(struct player *p) {
    arena_init(&p->next_arena, ARENA_FIRST, ARENA_MOST);
    p->has_next = world_request_next(p->o.world, true, &p->next_arena, &p->next);
    if (!p->has_next) arena_deinit(&p->next_arena);
}

static void drop_next(struct player *p) {
    if (p->has_next) arena_deinit(&p->next_arena);
    p->has_next = false;
}

static void arrive(struct loop_timer *t) {
    struct player *p = list_item(t, struct player, arrival);
    while (p->has_next && p->next.at_us <= since_start(p)) {
        send_next(p);
        draw(p);
    }
    if (p->has_next) loop_timer_start(p->o.loop, t, p->next.at_us - since_start(p));
    moved(p);
}

/* ---- acts ---- */

static void fill_kept(const struct player *p, struct slice text, struct buffer *out) {
    struct slice before, after;
    while (slice_cut(text, '{', &before, &after)) {
        const char *value = NULL;
        size_t len = 0;
        for (unsigned i = 0; i < p->n_kept && value == NULL; i++) {
            struct slice name = p->kept[i].name;
            if (!slice_starts(after, name) || after.len <= name.len || after.at[name.len] != '}') continue;
            value = p->kept[i].value;
            len = name.len + 1;
        }
        buffer_append(out, before);
        if (value == NULL) buffer_byte(out, '{');
        else buffer_append(out, slice_of(value));
        text = slice_make(after.at + len, after.len - len);
    }
    buffer_append(out, text);
}

static uint32_t node_at(const struct json_doc *d, struct slice path) {
    uint32_t node = 0;
    while (path.len > 0 && node != JSON_NONE) {
        struct slice head, rest;
        uint64_t index;
        if (!slice_cut(path, '.', &head, &rest)) head = path, rest = SLICE("");
        node = json_type(d, node) == JSON_ARRAY && slice_to_u64(head, &index) ? json_item(d, node, (uint32_t)index) : json_get_slice(d, node, head);
        path = rest;
    }
    return node;
}

static void keep(struct player *p, const struct world_act *act, struct slice reply) {
    struct arena arena;
    struct json_doc d;
    struct error error;
    arena_init(&arena, 64 << 10, ARENA_MOST);
    bool good = json_read(reply, &arena, UINT16_MAX, &d, &error) == FAULT_NONE;
    for (const struct yaml_node *n = act->keep != NULL ? act->keep->first : NULL; good && n != NULL; n = n->next) {
        uint32_t node = node_at(&d, n->text);
        struct slice value = json_type(&d, node) == JSON_STRING ? json_string(&d, node, &arena) : json_raw(&d, node);
        unsigned i = 0;
        while (i < p->n_kept && !slice_eq(p->kept[i].name, n->key)) i++;
        if (node == JSON_NONE || i == KEPT) continue; /* what needs it says so by its answer */
        if (i == p->n_kept) p->n_kept++;
        p->kept[i].name = n->key;
        snprintf(p->kept[i].value, sizeof p->kept[i].value, SLICE_FMT, SLICE_ARG(value));
    }
    arena_deinit(&arena);
}

static void acting_free(struct acting *a) {
    http_call_deinit(&a->call);
    loop_timer_stop(a->player->o.loop, &a->again);
    http_route_free(a->route);
    http_route_free(a->labels);
    list_remove(&a->link);
    buffer_deinit(&a->path);
    buffer_deinit(&a->body);
    mem_free(a);
}

static void call_now(struct acting *a) {
    const char *headers[] = {a->authorization, "content-type: application/json", NULL};
    http_call_start(&a->call, a->route, headers, buffer_slice(&a->body), TIMEOUT_US);
}

static void ask_again(struct loop_timer *t) { call_now(list_item(t, struct acting, again)); }

static void act_failed(struct acting *a, const char *why) {
    struct player *p = a->player;
    char text[1024];
    count(&p->counts.acts_failed);
    snprintf(text, sizeof text, SLICE_FMT ": %s %.200s: %s %d: %.400s", SLICE_ARG(a->act->by), a->act->method, buffer_text(&a->path), why, a->call.status,
             a->call.status > 0 ? buffer_text(&a->call.reply) : a->call.detail);
    if (p->o.failed != NULL) p->o.failed(p->o.ctx, text);
}

/* Says what the person says of the item in the answer; false: there is none left. */
static bool label_item(struct acting *a) {
    struct player *p = a->player;
    const char *headers[] = {a->authorization, "content-type: application/json", NULL};
    struct arena arena;
    struct json_doc d;
    int64_t item;
    arena_init(&arena, 64 << 10, ARENA_MOST);
    bool any = json_read(buffer_slice(&a->call.reply), &arena, UINT16_MAX, &d, NULL) == FAULT_NONE && json_get_i64(&d, json_get(&d, 0, "item"), &item);
    if (any) {
        bool passes = world_passes(p->o.world, a->act, json_string(&d, json_item(&d, json_get(&d, 0, "answers"), 0), &arena));
        buffer_clear(&a->body);
        buffer_printf(&a->body, "{\"item\":%lld,\"label\":\"%s\"}", (long long)item, passes ? "pass" : "fail");
        count(&p->counts.acts);
        a->labelling = true;
        http_call_start(&a->call, a->labels, headers, buffer_slice(&a->body), TIMEOUT_US);
    }
    arena_deinit(&arena);
    return any;
}

/* True: the act goes on. */
static bool label_on(struct acting *a) {
    if (!a->labelling) return label_item(a);
    a->labelling = false;
    if (a->player->stopped) return false;
    loop_timer_start(a->player->o.loop, &a->again, a->act->every_us);
    return true;
}

static void act_done(struct http_call *h) {
    struct acting *a = list_item(h, struct acting, call);
    struct player *p = a->player;
    const struct world_act *act = a->act;
    bool expected = act->expect > 0 ? h->status == act->expect : h->status >= 200 && h->status < 300;
    if (expected && act->label != NULL && label_on(a)) return;
    if (expected && act->until.at != NULL && !slice_contains(buffer_slice(&h->reply), act->until)) {
        if (clock_us() - a->since_us < act->within_us && !p->stopped) {
            loop_timer_start(p->o.loop, &a->again, act->every_us);
            return;
        }
        act_failed(a, "what is waited for did not come;");
    } else if (!expected) {
        act_failed(a, "the answer was");
    } else {
        keep(p, act, buffer_slice(&h->reply));
    }
    acting_free(a);
    moved(p);
}

static void perform_verb(struct player *p, const struct world_act *act) {
    struct buffer words;
    struct error error;
    char text[1024];
    buffer_init(&words, 64 << 10);
    fill_kept(p, act->verb, &words);
    if (!p->o.verb(p->o.ctx, act->by, buffer_slice(&words), &error)) {
        count(&p->counts.acts_failed);
        snprintf(text, sizeof text, SLICE_FMT ": quarterdeck %.300s: %.400s", SLICE_ARG(act->by), buffer_text(&words), error.text);
        if (p->o.failed != NULL) p->o.failed(p->o.ctx, text);
    }
    buffer_deinit(&words);
}

void player_perform(struct player *p, const struct world_act *act) {
    if (act->say.at != NULL) atomic_store(&p->counts.last, act);
    count(&p->counts.acts);
    if (act->verb.at != NULL) perform_verb(p, act);
    if (act->method == NULL) return;
    struct acting *a = mem_new(struct acting);
    const char *token = p->o.token(p->o.ctx, act->by);
    a->player = p;
    a->act = act;
    a->since_us = clock_us();
    a->again.fired = ask_again;
    snprintf(a->authorization, sizeof a->authorization, "authorization: Bearer %s", token != NULL ? token : "");
    buffer_init(&a->path, 64 << 10);
    buffer_init(&a->body, REPLY_MOST);
    fill_kept(p, act->path, &a->path);
    fill_kept(p, act->body.at != NULL ? act->body : SLICE(""), &a->body);
    http_call_init(&a->call, p->o.loop, REPLY_MOST, NULL, act_done);
    list_push(&p->acted, &a->link);
    a->route = make_route(p, act->method, buffer_text(&a->path));
    if (act->label != NULL) {
        struct buffer labels;
        buffer_init(&labels, 64 << 10);
        buffer_append(&labels, slice_make(a->path.at, a->path.len - strlen("next")));
        buffer_append(&labels, SLICE("labels"));
        a->labels = make_route(p, "POST", buffer_text(&labels));
        buffer_deinit(&labels);
    }
    call_now(a);
}

static void act_due(struct loop_timer *t) {
    struct player *p = list_item(t, struct player, act);
    unsigned n = world_acts(p->o.world);
    while (p->next_act < n && world_act_at(p->o.world, p->next_act)->at_us <= since_start(p)) player_perform(p, world_act_at(p->o.world, p->next_act++));
    if (p->next_act < n) loop_timer_start(p->o.loop, t, world_act_at(p->o.world, p->next_act)->at_us - since_start(p));
    moved(p);
}

/* ---- the whole ---- */

struct player *player_new(const struct player_options *o, struct error *error) {
    struct player *p = mem_new(struct player);
    p->o = *o;
    p->arrival.fired = arrive;
    p->act.fired = act_due;
    list_init(&p->sent);
    list_init(&p->acted);
    p->client = http_client_new(o->loop, 0);
    if (p->client != NULL) return p;
    mem_free(p);
    (void)error_set(error, FAULT_IO, "cannot make an HTTP client");
    return NULL;
}

void player_start(struct player *p) {
    draw(p);
    loop_timer_start(p->o.loop, &p->act, 0);
    loop_timer_start(p->o.loop, &p->arrival, 0);
}

void player_go_live(struct player *p) {
    if (p->live || p->stopped) return;
    p->live = true;
    drop_next(p);
    world_go_live(p->o.world, since_start(p));
    draw(p);
    loop_timer_start(p->o.loop, &p->arrival, 0);
    loop_timer_stop(p->o.loop, &p->act);
}

void player_stop(struct player *p) {
    p->stopped = true;
    drop_next(p);
    loop_timer_stop(p->o.loop, &p->arrival);
    loop_timer_stop(p->o.loop, &p->act);
}

bool player_is_idle(const struct player *p) {
    for (struct list *n = p->sent.next; n != &p->sent; n = n->next)
        if (http_call_is_open(&list_item(n, struct sending, link)->call)) return false;
    for (struct list *n = p->acted.next; n != &p->acted; n = n->next)
        if (http_call_is_open(&list_item(n, struct acting, link)->call)) return false;
    return true;
}

void player_free(struct player *p) {
    if (p == NULL) return;
    player_stop(p);
    while (!list_empty(&p->sent)) sending_free(list_item(p->sent.next, struct sending, link));
    while (!list_empty(&p->acted)) acting_free(list_item(p->acted.next, struct acting, link));
    http_client_free(p->client);
    mem_free(p);
}

const struct player_counts *player_counts(const struct player *p) { return &p->counts; }
