/* The thread that delivers: the silence of the watch is told once, and its end; what waits is delivered in order, whoever else hangs. */
#include "store/actions.h"
#include "store/alerts.h"
#include "test_store_rig.h"
#include "wire_notify.h"

#include "base/mem.h"
#include "incident/notice.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* A receiver that answers 200, one request a connection; one that does not answer only listens. */
struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct buffer got; /* whole requests, one behind the other */
    unsigned n;
};

struct world {
    struct rig *rig;
    struct registry *r;
    struct policy *policy;
    struct metric_set *metrics;
    struct peer good, hangs;
    struct alert_receiver receivers[2];
    struct alert_rule rule;
    struct oncall_person people[2];
    struct slice turns[1];
    struct oncall_rotation rotation;
    struct oncall_schedule schedule;
    struct escalation_step step;
    struct escalation escalation;
    char urls[2][64];
    _Atomic int64_t age_us;
    atomic_bool acting;
    atomic_uint asked; /* whether it acts */
    struct notify_wire *w;
};

static size_t body_missing(struct slice request) {
    for (size_t i = 0; i + 4 <= request.len; i++) {
        if (memcmp(request.at + i, "\r\n\r\n", 4) != 0) continue;
        const char *length = memmem(request.at, i, "ontent-", 7);
        while (length != NULL && strncasecmp(length, "ontent-length:", 14) != 0) length = memmem(length + 1, (size_t)(request.at + i - length - 1), "ontent-", 7);
        size_t body = length != NULL ? strtoul(length + 14, NULL, 10) : 0;
        return i + 4 + body > request.len ? i + 4 + body - request.len : 0;
    }
    return 1;
}

static void *peer_main(void *arg) {
    static const char reply[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    struct peer *p = arg;
    for (int fd; (fd = accept(p->listener, NULL, NULL)) >= 0; close(fd)) {
        struct buffer in;
        char bytes[4096];
        ssize_t n = 1;
        buffer_init(&in, 1 << 20);
        while (n > 0 && body_missing(buffer_slice(&in)) > 0)
            if ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) buffer_append(&in, slice_make(bytes, (size_t)n));
        pthread_mutex_lock(&p->lock);
        buffer_append(&p->got, buffer_slice(&in));
        buffer_byte(&p->got, '\n');
        p->n++;
        pthread_mutex_unlock(&p->lock);
        (void)!send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL);
        buffer_deinit(&in);
    }
    return NULL;
}

static void peer_start(struct peer *p, bool answers) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &size), 0);
    p->port = ntohs(a.sin_port);
    pthread_mutex_init(&p->lock, NULL);
    buffer_init(&p->got, 4 << 20);
    if (answers) assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
    else p->thread = 0;
}

static void peer_stop(struct peer *p) {
    shutdown(p->listener, SHUT_RDWR);
    if (p->thread) pthread_join(p->thread, NULL);
    close(p->listener);
    buffer_deinit(&p->got);
}

static unsigned count(struct peer *p) {
    pthread_mutex_lock(&p->lock);
    unsigned n = p->n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

#define UNTIL(condition)                                                                       \
    do {                                                                                       \
        for (long turns_ = 0; !(condition); sched_yield())                                     \
            if (++turns_ > 200000000L) fail_msg("waited for " #condition);                     \
    } while (0)

static bool has(struct peer *p, const char *text) {
    pthread_mutex_lock(&p->lock);
    bool found = slice_contains(buffer_slice(&p->got), slice_of(text));
    pthread_mutex_unlock(&p->lock);
    return found;
}

static struct policy *policy_of(void *ctx) { return policy_hold(((struct world *)ctx)->policy); }
static int64_t age_of(void *ctx) { return atomic_load(&((struct world *)ctx)->age_us); }

static bool acts(void *ctx) {
    struct world *w = ctx;
    atomic_fetch_add(&w->asked, 1);
    return atomic_load(&w->acting);
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    struct error error = {0};
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    w->r = registry_open(w->rig->dir, &error);
    w->metrics = metric_set_new();
    peer_start(&w->good, true);
    peer_start(&w->hangs, false);
    (void)snprintf(w->urls[0], sizeof w->urls[0], "http://127.0.0.1:%u/a", w->hangs.port);
    (void)snprintf(w->urls[1], sizeof w->urls[1], "http://127.0.0.1:%u/b", w->good.port);
    w->receivers[0] = (struct alert_receiver){.name = SLICE("hangs"), .url = slice_of(w->urls[0]), .timeout_us = 60000000};
    w->receivers[1] = (struct alert_receiver){.name = SLICE("ops"), .url = slice_of(w->urls[1]), .secret = SLICE("s3cret")};
    w->rule = (struct alert_rule){.name = SLICE("slow"), .severity = ALERT_CRITICAL, .notify = {SLICE("ops")}, .n_notify = 1};
    w->policy = policy_new();
    w->policy->server.listen_host = "127.0.0.1";
    w->policy->server.listen_port = 4000;
    w->policy->alerts.receivers = w->receivers;
    w->policy->alerts.n_receivers = 2;
    w->policy->alerts.rules = &w->rule;
    w->policy->alerts.n_rules = 1;
    w->w = notify_wire_new(&(struct notify_sources){.ctx = w, .policy = policy_of, .watch_age_us = age_of, .watch_acts = acts, .metrics = w->metrics, .data_dir = w->rig->dir}, &error);
    if (w->w == NULL || w->r == NULL) fail_msg("%s", error.text);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    notify_wire_free(w->w);
    peer_stop(&w->good);
    peer_stop(&w->hangs);
    registry_close(w->r);
    policy_drop(w->policy);
    metric_set_free(w->metrics);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

/* Anna's turn, who is told by `ops`; ben, by `hangs`, is somebody else. */
static void set_oncall(struct world *w) {
    struct error error = {0};
    struct alert_policy *p = &w->policy->alerts;
    w->people[0] = (struct oncall_person){.name = SLICE("anna"), .receiver = SLICE("ops")};
    w->people[1] = (struct oncall_person){.name = SLICE("ben"), .receiver = SLICE("hangs")};
    w->turns[0] = SLICE("anna");
    w->rotation = (struct oncall_rotation){.people = w->turns, .n_people = 1, .turn_s = 86400, .to_minute = 1440};
    w->schedule = (struct oncall_schedule){.name = SLICE("primary"), .rotations = &w->rotation, .n_rotations = 1};
    assert_int_equal(zone_load(&w->policy->arena, "UTC", &w->schedule.zone, &error), FAULT_NONE);
    w->step = (struct escalation_step){.kind = ESCALATE_SCHEDULE, .name = SLICE("primary")};
    w->escalation = (struct escalation){.name = SLICE("page"), .steps = &w->step, .n_steps = 1};
    p->people = w->people, p->n_people = 2;
    p->schedules = &w->schedule, p->n_schedules = 1;
    p->escalations = &w->escalation, p->n_escalations = 1;
    w->rule.notify[0] = SLICE("page");
}

static void the_silence_of_the_watch_is_told_once(void **state) {
    struct world *w = *state;
    struct error error = {0};
    set_oncall(w);
    atomic_store(&w->age_us, WATCH_SILENT_US - 1);
    assert_int_equal(notify_wire_start(w->w, &error), FAULT_NONE);
    notify_wire_ask(w->w);
    atomic_store(&w->age_us, WATCH_SILENT_US);
    notify_wire_ask(w->w);
    UNTIL(count(&w->good) == 1);
    assert_true(has(&w->good, "\"alertname\":\"watch-silent\"") && has(&w->good, "\"status\":\"firing\"") && has(&w->good, "x-quarterdeck-signature: t="));
    for (int i = 1; i <= 200; i++) {
        atomic_store(&w->age_us, WATCH_SILENT_US + i * 1000000);
        notify_wire_ask(w->w);
        sched_yield();
    }
    atomic_store(&w->age_us, 3);
    notify_wire_ask(w->w);
    UNTIL(count(&w->good) >= 2);
    assert_true(has(&w->good, "\"status\":\"resolved\""));
    notify_wire_stop(w->w);
    assert_int_equal(count(&w->good), 2);
    assert_int_equal(count(&w->hangs), 0); /* whose turn it is not */
}

static void add(struct world *w, const char *receiver, const char *group, unsigned n) {
    struct buffer body;
    char id[64];
    struct error error = {0};
    const struct noticed_alert alert = {.alert = 1, .rule = SLICE("slow"), .fingerprint = SLICE("00"), .state = ALERT_FIRING, .starts_us = RIG_START};
    buffer_init(&body, 1 << 16);
    notice_write(&(struct notice_alerts){.alerts = &alert, .n = 1, .status = SLICE("firing"), .group = slice_of(group)}, &body);
    (void)snprintf(id, sizeof id, "%s-%s-%u.", receiver, group, n);
    struct notice notice = {.id = slice_of(id), .receiver = slice_of(receiver), .group = slice_of(group), .status = SLICE("firing"), .body = buffer_slice(&body), .made_us = RIG_START, .due_us = RIG_START};
    const struct alerts_look look = {.notices = &notice, .n_notices = 1, .now_us = RIG_START};
    assert_int_equal(alerts_commit(w->r, &look, NULL, &error), FAULT_NONE);
    buffer_deinit(&body);
}

static int64_t waiting(struct world *w, const char *receiver) {
    int64_t n = -1, oldest = 0;
    struct error error = {0};
    assert_int_equal(notices_waiting(w->r, slice_of(receiver), &n, &oldest, &error), FAULT_NONE);
    return n;
}

static void one_that_hangs_keeps_no_other_waiting(void **state) {
    struct world *w = *state;
    struct error error = {0};
    for (unsigned i = 0; i < 30; i++) {
        add(w, "hangs", "g", i);
        add(w, "ops", i % 2 ? "g" : "h", i);
        add(w, "gone", "g", i);
    }
    assert_int_equal(notify_wire_start(w->w, &error), FAULT_NONE);
    UNTIL(waiting(w, "ops") == 0 && waiting(w, "gone") == 0);
    assert_int_equal(waiting(w, "hangs"), 30);
    notify_wire_stop(w->w); /* at once, with one under way */
    assert_int_equal(count(&w->good), 30);
    struct slice got = buffer_slice(&w->good.got);
    for (unsigned i = 0; i < 30; i++) { /* in order, each once */
        char id[64];
        (void)snprintf(id, sizeof id, "x-quarterdeck-notice: ops-%s-%u.", i % 2 ? "g" : "h", i);
        const char *at = memmem(got.at, got.len, id, strlen(id));
        if (at == NULL) fail_msg("%s does not follow", id);
        got = slice_make(at + 1, (size_t)(got.at + got.len - at - 1));
        if (memmem(got.at, got.len, id, strlen(id)) != NULL) fail_msg("%s came twice", id);
    }
    assert_int_equal(waiting(w, "hangs"), 30); /* left for the next start */
}

static void what_the_watch_does_is_told_when_it_is_done(void **state) {
    struct world *w = *state;
    struct error error = {0};
    add(w, "ops", "g", 1);
    atomic_store(&w->acting, true);
    assert_int_equal(notify_wire_start(w->w, &error), FAULT_NONE);
    UNTIL(atomic_load(&w->asked) >= 3); /* it looks again by itself */
    assert_int_equal(count(&w->good), 0);
    atomic_store(&w->acting, false);
    UNTIL(count(&w->good) == 1);
}

/* By an alert clock that is ahead of the wall clock, which was stepped back. */
static void actions_of_its_firing_are_told_whatever_the_clock_says(void **state) {
    struct world *w = *state;
    struct error error = {0};
    int64_t other = 0;
    const struct audit_entry entry = {.at_us = RIG_START - 5000000, .actor = SLICE("quarterdeck"), .action = SLICE("action.fail_over")};
    for (int i = 0; i < 2; i++) { /* of this firing, and of one before */
        struct action_row row = {.kind = INTERVENTION_FAIL_OVER, .scope = i == 0 ? SLICE("{\"model\":\"front\"}") : SLICE("{\"model\":\"former\"}"), .state = ACTION_NOT_GRANTED,
                                 .at_us = RIG_START - 5000000, .alert = 1, .firing = i == 0 ? RIG_START : RIG_START - 1};
        assert_int_equal(action_begin(w->r, &row, &entry, &other, &error), FAULT_NONE);
    }
    add(w, "ops", "g", 1);
    assert_int_equal(notify_wire_start(w->w, &error), FAULT_NONE);
    UNTIL(count(&w->good) == 1);
    assert_true(has(&w->good, "quarterdeck action take fail_over --model front") && !has(&w->good, "former"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_silence_of_the_watch_is_told_once),
        TEST(one_that_hangs_keeps_no_other_waiting),
        TEST(what_the_watch_does_is_told_when_it_is_done),
        TEST(actions_of_its_firing_are_told_whatever_the_clock_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
