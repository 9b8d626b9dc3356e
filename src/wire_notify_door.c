/* One receiver. See wire_notify_parts.h. */
#include "wire_notify_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>

#define GIVE_UP_US (86400 * 1000000LL)
#define TIMEOUT_US 10000000LL
#define ACTIONS_TOLD 8u
enum { TRIES_AT_LEAST = 3, SAID_MOST = 200, RAW_MOST = 4096, ARENA_MOST = 32 << 20, REPLY_MOST = 16 << 10 };

/* ---- words ---- */

/* `text` without `secret`: replies and libraries repeat what they were sent. */
static void redact(char *text, struct slice secret) {
    static const char stars[] = "***";
    if (secret.len < 4) return; /* any text would hold it */
    for (char *at = text; (at = memmem(at, strlen(at), secret.at, secret.len)) != NULL; at += sizeof stars - 1) {
        size_t rest = strlen(at + secret.len);
        memmove(at + sizeof stars - 1, at + secret.len, rest + 1);
        memcpy(at, stars, sizeof stars - 1);
    }
}

/* The path of a URL is a secret as well: Slack's is nothing else. */
static struct slice secret_path(struct slice url) {
    for (size_t i = 0; i + 3 < url.len; i++)
        if (memcmp(url.at + i, "://", 3) == 0) {
            const char *path = memchr(url.at + i + 3, '/', url.len - i - 3);
            return path != NULL ? slice_make(path, (size_t)(url.at + url.len - path)) : SLICE_NULL;
        }
    return SLICE_NULL;
}

static void redact_all(const struct notify_door *d, char *text) {
    redact(text, d->receiver.secret);
    redact(text, secret_path(d->receiver.url));
}

/* Redacted before it is cut and cleaned: half a secret, or one without its umlauts, would not be known again. */
static void say_why(struct notify_door *d, const char *text, struct slice reply) {
    char raw[RAW_MOST + 1] = {0};
    size_t n = 0;
    for (; n < reply.len && n < RAW_MOST; n++) raw[n] = (char)(reply.at[n] == 0 ? ' ' : reply.at[n]);
    raw[n] = 0;
    redact_all(d, raw);
    n = strlen(raw) < SAID_MOST ? strlen(raw) : SAID_MOST;
    raw[n] = 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)raw[i] < 0x20 || (unsigned char)raw[i] > 0x7E) raw[i] = ' ';
    (void)snprintf(d->why, sizeof d->why, "%s%s%.*s", text, n > 0 ? ": " : "", (int)n, raw);
    redact_all(d, d->why);
}

static void log_about(const struct notify_door *d, enum log_level level, const char *message) {
    char id[64];
    (void)snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(d->notice.id));
    log_event(level, message, "receiver", d->name, "notice", id, "why", d->why, NULL);
}

/* ---- the end of a notice ---- */

static void clear(struct notify_door *d) {
    http_route_free(d->route);
    d->route = NULL;
    d->busy = false;
    d->requests = NULL;
    d->notice = (struct notice){.number = 0};
    arena_reset(&d->arena);
    notify_look_soon(d->w);
}

bool notify_door_mark(struct notify_door *d) {
    struct error error = {.fault = FAULT_NONE};
    if (d->unmarked == 0) return true;
    if (notice_taken(d->w->registry, d->unmarked, notify_now_us(d->w, 0), &error) != FAULT_NONE) {
        if (strcmp(error.text, d->w->said) != 0) log_event(LOG_ERROR, "a notice was taken, and that cannot be kept: it is tried again", "receiver", d->name, "error", error.text, NULL);
        (void)snprintf(d->w->said, sizeof d->w->said, "%s", error.text);
        return false;
    }
    d->unmarked = 0;
    return true;
}

static void taken(struct notify_door *d) {
    if (d->failures > 0) log_event(LOG_INFO, "a receiver takes notices again", "receiver", d->name, NULL);
    d->failures = 0;
    d->rest_until_us = 0;
    if (d->telling != URGENT_REFRESH) notify_count(d, "taken");
    if (d->telling == URGENT_NOTHING) {
        d->unmarked = d->notice.number;
        (void)notify_door_mark(d);
    } else if (d->telling != URGENT_REFRESH) {
        d->told_silent = d->telling == URGENT_SILENT;
        if (d->urgent == d->telling) d->urgent = URGENT_NOTHING;
    }
    clear(d);
}

static bool is_late(const struct notify_door *d, int64_t now_us) {
    int64_t give_up_us = d->receiver.give_up_us > 0 ? d->receiver.give_up_us : GIVE_UP_US;
    return d->notice.tries + 1 >= TRIES_AT_LEAST && now_us - d->notice.made_us >= give_up_us;
}

/* `refused`: for good. after_us: as the receiver asked; -1. */
static void failed(struct notify_door *d, bool refused, int64_t after_us) {
    int64_t now_us = notify_now_us(d->w, 0), backoff_us = notice_backoff(d->notice.tries + 1);
    struct error error = {.fault = FAULT_NONE};
    if (!refused && !d->test) {
        int64_t rest_us = notice_backoff(++d->failures);
        d->rest_until_us = clock_us() + (rest_us > after_us ? rest_us : after_us);
        if (d->failures == 1) log_about(d, LOG_WARN, "a receiver did not take a notice; it is tried again");
    }
    bool give_up = refused || d->test || (d->telling == URGENT_NOTHING && is_late(d, now_us));
    if (d->telling != URGENT_REFRESH) notify_count(d, give_up ? "given_up" : "failed");
    else if (!refused) d->refresh_us = 0, d->refreshed = 0; /* from the beginning, after its rest */
    if (give_up && d->telling != URGENT_NOTHING && d->telling != URGENT_REFRESH) d->urgent = URGENT_NOTHING;
    if (give_up) log_about(d, d->test ? LOG_WARN : LOG_ERROR, "a notice was given up");
    if (d->telling == URGENT_NOTHING &&
        notice_failed(d->w->registry, d->notice.number, slice_of(d->why), give_up ? now_us : now_us + (backoff_us > after_us ? backoff_us : after_us), give_up, &error) != FAULT_NONE) {
        d->rest_until_us = clock_us() + notice_backoff(++d->failures);
        log_event(LOG_ERROR, "the state of a notice cannot be kept", "receiver", d->name, "error", error.text, NULL);
    }
    clear(d);
}

/* ---- requests, one after the other ---- */

static void send_next(struct notify_door *d);

/* What stands in one event may be wrong, and the next one be good. */
static void answered(struct notify_door *d, const char *detail, struct slice reply) {
    int64_t after_us = -1;
    char text[64];
    enum notice_answer answer = notice_answer(d->receiver.kind, d->status, slice_of(d->retry_after[0] != 0 ? d->retry_after : NULL), clock_wall_us(), &after_us);
    if (answer != NOTICE_TAKEN) {
        bool moved = d->receiver.kind != RECEIVER_EMAIL && d->status >= 300 && d->status < 400;
        (void)snprintf(text, sizeof text, moved ? "it answered %d, and redirects are not followed" : "it answered %d", d->status);
        say_why(d, d->status != 0 ? text : detail, d->status != 0 ? reply : SLICE_NULL);
    }
    if (answer == NOTICE_AGAIN) {
        failed(d, false, after_us);
        return;
    }
    d->refused += answer == NOTICE_REFUSED;
    if (++d->next < d->n_requests) send_next(d);
    else if (d->refused > 0) failed(d, true, -1);
    else taken(d);
}

static void on_head(struct http_call *h) {
    struct notify_door *d = (struct notify_door *)((char *)h - offsetof(struct notify_door, call));
    struct slice after = http_transfer_header(h->transfer, "retry-after");
    d->status = h->status;
    (void)snprintf(d->retry_after, sizeof d->retry_after, SLICE_FMT, SLICE_ARG(after));
}

/* The head decides: a body that never ends, or is too long, changes nothing of it. */
static void on_done(struct http_call *h) {
    struct notify_door *d = (struct notify_door *)((char *)h - offsetof(struct notify_door, call));
    answered(d, h->detail, buffer_slice(&h->reply));
}

static void *mail_main(void *arg);

static void send_mail(struct notify_door *d) {
    struct notify_mail *m = &d->mail;
    const struct alert_receiver *r = &d->receiver;
    struct slice from, rest, name = r->from.len > 0 ? r->from : SLICE("quarterdeck@localhost");
    if (slice_cut(name, '<', &from, &rest)) (void)slice_cut(rest, '>', &name, &rest); /* Name <address> */
    m->mail = (struct mail){.url = d->requests[0].url.at, .from = arena_text(&d->arena, slice_trim(name)), .to = d->requests[0].headers, .message = d->requests[0].body,
                            .user = r->user.len > 0 ? arena_text(&d->arena, r->user) : NULL, .password = r->secret.len > 0 ? arena_text(&d->arena, r->secret) : NULL,
                            .ca_file = r->ca_file.len > 0 ? arena_text(&d->arena, r->ca_file) : NULL};
    m->running = m->mail.from != NULL && pthread_create(&m->thread, NULL, mail_main, d) == 0;
    if (m->running) return;
    say_why(d, "the thread that sends a message could not be started", SLICE_NULL);
    failed(d, false, -1);
}

static void send_next(struct notify_door *d) {
    d->status = 0;
    d->retry_after[0] = 0;
    if (d->receiver.kind == RECEIVER_EMAIL) {
        send_mail(d);
        return;
    }
    const struct notice_request *q = &d->requests[d->next];
    http_call_start(&d->call, d->route, q->headers, q->body, d->receiver.timeout_us > 0 ? d->receiver.timeout_us : TIMEOUT_US);
}

/* ---- e-mail ---- */

static void mail_over(struct notify_door *d) {
    pthread_join(d->mail.thread, NULL);
    d->mail.running = false;
    /* a reply that was good says nothing of what came after it */
    d->status = d->mail.fault == FAULT_NONE ? 250 : d->mail.reply >= 400 ? d->mail.reply : 0;
}

static void on_mailed(void *arg) {
    struct notify_door *d = arg;
    mail_over(d);
    if (d->status == 250 && d->mail.error.text[0] != 0) {
        say_why(d, "it was taken for the others", slice_of(d->mail.error.text));
        log_about(d, LOG_WARN, "a recipient was refused");
    }
    answered(d, d->mail.error.text, slice_of(d->mail.error.text));
}

static void *mail_main(void *arg) {
    struct notify_door *d = arg;
    struct notify_mail *m = &d->mail;
    m->error.text[0] = 0;
    m->fault = mail_send(&m->mail, d->receiver.timeout_us > 0 ? d->receiver.timeout_us : TIMEOUT_US, &d->w->stopping, &m->reply, &m->error);
    (void)loop_post(d->w->loop, on_mailed, d); /* a loop that has stopped joins us */
    return NULL;
}

/* ---- the begin of a notice ---- */

static struct alert_receiver copy_of(const struct alert_receiver *r, struct arena *a) {
    struct alert_receiver c = *r;
    struct slice *const texts[] = {&c.name, &c.url, &c.secret, &c.user, &c.from, &c.to, &c.channel, &c.proxy, &c.ca_file};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!slice_is_null(*texts[i])) *texts[i] = slice_make(arena_text(a, *texts[i]), texts[i]->len);
    return c;
}

/* ---- what was done meanwhile ---- */

/* "quarterdeck action undo 7 # fail_over of support-chat is in force"; of what was not done, the command by which a person does it. */
static void add_action(struct buffer *commands, const struct action_row *row, struct arena *arena) {
    struct intervention_spec spec = {0};
    struct error error;
    if (intervention_spec_read(row->scope, arena, &spec, &error) != FAULT_NONE) return;
    spec.kind = (enum intervention_kind)row->kind;
    bool over = row->state == ACTION_UNDONE || row->state == ACTION_EXPIRED || row->state == ACTION_RETURNED;
    bool was_not = row->state == ACTION_NOT_GRANTED || row->state == ACTION_TOO_OFTEN || row->state == ACTION_WOULD;
    struct slice next = was_not ? intervention_command(&spec, arena) : over || row->undo.len == 0 ? arena_printf(arena, "quarterdeck action show %lld", (long long)row->number) : row->undo;
    struct slice about = intervention_about(&spec, arena);
    buffer_printf(commands, "%s" SLICE_FMT " # %s of " SLICE_FMT ": %s", commands->len > 0 ? "\n" : "", SLICE_ARG(next), intervention_name(spec.kind), SLICE_ARG(about),
                  action_state_name(row->state));
}

/* The notice's own commands, but for those that an action's line has already. */
static void add_rest(struct buffer *commands, struct slice rest) {
    size_t told = commands->len;
    struct slice line, tail;
    while (rest.len > 0) {
        if (!slice_cut(rest, '\n', &line, &tail)) line = rest, tail = SLICE_NULL;
        if (!slice_contains(slice_make(buffer_slice(commands).at, told), line)) buffer_printf(commands, "\n" SLICE_FMT, SLICE_ARG(line));
        rest = tail;
    }
}

/* Actions come after the notice was made, and what became of them is what people ask first: as it is when they are told. Without the store the notice goes
 * as it was made. */
static void add_actions(struct notify_door *d, struct notice_alerts *alerts) {
    struct noticed_alert *all = arena_new_array(&d->arena, struct noticed_alert, alerts->n);
    for (unsigned i = 0; all != NULL && i < alerts->n; i++) {
        const struct actions_filter of = {.alert = alerts->alerts[i].alert, .firing = alerts->alerts[i].starts_us, .limit = ACTIONS_TOLD};
        struct action_row *rows = NULL;
        struct buffer commands;
        struct error error;
        unsigned n = 0;
        all[i] = alerts->alerts[i];
        if (of.alert == 0 || actions_list(d->w->registry, &of, &d->arena, &rows, &n, &error) != FAULT_NONE || n == 0) continue;
        buffer_init(&commands, 64 << 10);
        for (unsigned k = n; k > 0; k--) add_action(&commands, &rows[k - 1], &d->arena);
        add_rest(&commands, all[i].commands);
        struct slice text = arena_slice(&d->arena, buffer_slice(&commands));
        if (!commands.overflow && !slice_is_null(text)) all[i].commands = text;
        buffer_deinit(&commands);
    }
    if (all != NULL) alerts->alerts = all;
}

/* Who is called has the mailbox, not everybody of it. */
static void address_to(struct notify_door *d, struct slice person) {
    if (d->receiver.kind != RECEIVER_EMAIL || slice_is_null(person)) return;
    struct policy *p = d->w->s.policy(d->w->s.ctx);
    const struct oncall_person *who = person_find(&p->alerts, person);
    if (who != NULL && who->email.len > 0 && slice_eq(who->receiver, d->receiver.name)) d->receiver.to = arena_slice(&d->arena, who->email);
    policy_drop(p);
}

static enum fault prepare(struct notify_door *d, struct error *error) {
    struct notice_alerts alerts;
    const struct notice *n = &d->notice;
    const struct alert_receiver *r = &d->receiver;
    enum fault fault = notice_read(n->body, &d->arena, &alerts, error);
    if (fault != FAULT_NONE) return fault;
    address_to(d, alerts.called);
    alerts.left_out += n->left_out;
    add_actions(d, &alerts);
    fault = notice_requests(r, &alerts, n->id, slice_of(d->w->external_url), n->made_us, notify_now_us(d->w, 0), &d->arena, &d->requests, &d->n_requests, error);
    if (fault != FAULT_NONE || r->kind == RECEIVER_EMAIL) return fault;
    d->route = http_route_new(d->w->client,
                              &(struct http_route_options){.url = d->requests[0].url.at, .method = "POST", .headers = (const char *const[]){NULL},
                                                           .connect_timeout_us = TIMEOUT_US, .proxy = r->proxy.len > 0 ? r->proxy.at : NULL,
                                                           .ca_file = r->ca_file.len > 0 ? r->ca_file.at : NULL, .http2 = true},
                              error);
    return d->route != NULL ? FAULT_NONE : error_set(error, FAULT_CONFIG, "its URL is not one of http or https"); /* which is not repeated: it may be a secret */
}

void notify_door_send(struct notify_door *d, const struct alert_receiver *r, const struct notice *n, enum notify_urgent telling) {
    struct error error = {.fault = FAULT_NONE};
    d->busy = true;
    d->telling = telling;
    d->test = slice_is(n->status, "test");
    d->receiver = copy_of(r, &d->arena);
    d->notice = *n;
    d->notice.id = arena_slice(&d->arena, n->id);
    d->notice.body = arena_slice(&d->arena, n->body);
    d->notice.receiver = d->notice.group = d->notice.status = d->notice.last_error = SLICE_NULL;
    d->next = d->refused = 0;
    d->n_requests = 0;
    enum fault fault = prepare(d, &error);
    if (fault == FAULT_NONE) {
        send_next(d);
        return;
    }
    say_why(d, error.text, SLICE_NULL);
    failed(d, fault != FAULT_CONFIG, -1); /* a person may mend the configuration */
}

/* ---- birth and end ---- */

struct notify_door *notify_door_new(struct notify_wire *w, struct slice name) {
    struct notify_door *d = mem_new(struct notify_door);
    d->w = w;
    d->name = mem_alloc(name.len + 1);
    memcpy(d->name, name.at, name.len);
    arena_init(&d->arena, 64 << 10, ARENA_MOST);
    http_call_init(&d->call, w->loop, REPLY_MOST, on_head, on_done);
    return d;
}

void notify_door_end(struct notify_door *d) {
    http_call_deinit(&d->call);
    d->call = (struct http_call){.loop = NULL};
    if (!d->mail.running) return;
    mail_over(d);
    if (d->status != 250 || d->telling != URGENT_NOTHING) return;
    d->unmarked = d->notice.number;
    (void)notify_door_mark(d);
}

void notify_door_free(struct notify_door *d) {
    notify_door_end(d);
    http_route_free(d->route);
    arena_deinit(&d->arena);
    mem_free(d->name);
    mem_free(d);
}
