/* One message by SMTP: against a server that the test plays on a bare socket, in a thread of its own. */
#include "test_io_rig.h"

#include "io/mail.h"

#include <pthread.h>

struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    const char *greeting, *at_recipient, *at_end, *unknown; /* replies; NULL greeting: it says nothing */
    atomic_bool *stop;
    struct buffer heard;
};

static void say(int fd, const char *line) { (void)!send(fd, line, strlen(line), MSG_NOSIGNAL); }

static bool hear(struct peer *p, int fd, char *line, size_t size) {
    size_t n = 0;
    char c;
    while (recv(fd, &c, 1, 0) == 1) {
        if (n + 1 < size) line[n++] = c;
        if (c != '\n') continue;
        line[n] = 0;
        buffer_append(&p->heard, slice_of(line));
        return true;
    }
    return false;
}

static void *peer_main(void *arg) {
    struct peer *p = arg;
    char line[2048];
    bool data = false;
    int fd = accept(p->listener, NULL, NULL);
    if (p->greeting != NULL) say(fd, p->greeting);
    else if (p->stop != NULL) atomic_store(p->stop, true);
    while (hear(p, fd, line, sizeof line)) {
        if (data) {
            if (strcmp(line, ".\r\n") != 0) continue;
            data = false;
            say(fd, p->at_end);
        } else if (strncmp(line, "DATA", 4) == 0) {
            data = true;
            say(fd, "354 go on\r\n");
        } else if (strncmp(line, "RCPT", 4) == 0) {
            say(fd, p->unknown != NULL && strstr(line, p->unknown) != NULL ? "550 no such user\r\n" : p->at_recipient);
        } else if (strncmp(line, "QUIT", 4) == 0) {
            say(fd, "221 bye\r\n");
        } else {
            say(fd, "250 ok\r\n");
        }
    }
    close(fd);
    return NULL;
}

static void peer_start(struct peer *p) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->listener, 4), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &size), 0);
    p->port = ntohs(a.sin_port);
    buffer_init(&p->heard, 1 << 20);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

static enum fault send_it(struct peer *p, const char *message, const char *const *to, int64_t timeout_us, int *ret_reply, struct error *error) {
    char url[64];
    (void)snprintf(url, sizeof url, "smtp://127.0.0.1:%u", p->port);
    const struct mail m = {.url = url, .from = "qd@example.org", .to = to, .message = slice_of(message)};
    enum fault fault = mail_send(&m, timeout_us, p->stop, ret_reply, error);
    pthread_join(p->thread, NULL);
    close(p->listener);
    return fault;
}

static const char *const anna_and_ben[] = {"anna@example.org", "ben@example.org", NULL};

static void a_message_arrives_as_it_is(void **state) {
    struct peer p = {.greeting = "220 hi\r\n", .at_recipient = "250 ok\r\n", .at_end = "250 taken\r\n"};
    struct error error = {0};
    int reply = 0;
    (void)state;
    peer_start(&p);
    assert_int_equal(send_it(&p, "Subject: x\r\n\r\nfirst\r\n.\r\n..two\r\nlast\r\n", anna_and_ben, 20000000, &reply, &error), FAULT_NONE);
    assert_int_equal(reply, 250);
    struct slice heard = buffer_slice(&p.heard);
    assert_true(slice_contains(heard, SLICE("MAIL FROM:<qd@example.org>")));
    assert_true(slice_contains(heard, SLICE("RCPT TO:<anna@example.org>\r\nRCPT TO:<ben@example.org>\r\n")));
    assert_true(slice_contains(heard, SLICE("\r\nfirst\r\n..\r\n...two\r\nlast\r\n.\r\n"))); /* a dot ends nothing */
    buffer_deinit(&p.heard);
}

static void one_who_is_refused_keeps_no_other_from_it(void **state) {
    static const char *const unknown[] = {"anna@", "ben@"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct peer p = {.greeting = "220 hi\r\n", .at_recipient = "250 ok\r\n", .at_end = "250 taken\r\n", .unknown = unknown[i]};
        struct error error = {0};
        int reply = 0;
        peer_start(&p);
        assert_int_equal(send_it(&p, "Subject: x\r\n\r\nhear\r\n", anna_and_ben, 20000000, &reply, &error), FAULT_NONE);
        assert_true(slice_contains(buffer_slice(&p.heard), SLICE("\r\nhear\r\n")));
        assert_string_equal(error.text, "550 no such user"); /* and it is said */
        buffer_deinit(&p.heard);
    }
}

static void a_refusal_has_its_code(void **state) {
    static const struct { const char *greeting, *at_recipient, *at_end; int reply; } cases[] = {
        {"421 not now\r\n", "250 ok\r\n", "250 ok\r\n", 421}, {"220 hi\r\n", "550 no such user\r\n", "250 ok\r\n", 550}, {"220 hi\r\n", "250 ok\r\n", "452 full\r\n", 452}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer p = {.greeting = cases[i].greeting, .at_recipient = cases[i].at_recipient, .at_end = cases[i].at_end};
        struct error error = {0};
        int reply = 0;
        peer_start(&p);
        assert_int_not_equal(send_it(&p, "x\r\n", anna_and_ben, 20000000, &reply, &error), FAULT_NONE);
        if (reply != cases[i].reply) fail_msg("case %u: %d %s", i, reply, error.text);
        buffer_deinit(&p.heard);
    }
}

/* It says nothing; once it was connected to, the sender is told to stop. */
static void a_silent_server_is_left(void **state) {
    atomic_bool stop = false;
    struct peer p = {.greeting = NULL, .stop = &stop};
    struct error error = {0};
    int reply = 7;
    (void)state;
    peer_start(&p);
    assert_int_equal(send_it(&p, "x\r\n", anna_and_ben, 60000000, &reply, &error), FAULT_SHUTTING_DOWN);
    assert_int_equal(reply, 0);
    buffer_deinit(&p.heard);
}

static void addresses_are_no_commands(void **state) {
    static const char *const bad[] = {"", "a b@x", "a@x>\r\nRCPT TO:<eve@x", "a@x\r\nDATA", "<a@x>"};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error error = {0};
        int reply;
        const char *const to[] = {"anna@example.org", bad[i], NULL};
        const struct mail recipient = {.url = "smtp://127.0.0.1:1", .from = "qd@x", .to = to, .message = SLICE("x")};
        const struct mail sender = {.url = "smtp://127.0.0.1:1", .from = bad[i], .to = anna_and_ben, .message = SLICE("x")};
        assert_int_equal(mail_send(&recipient, 1000000, NULL, &reply, &error), FAULT_BAD_REQUEST);
        assert_int_equal(mail_send(&sender, 1000000, NULL, &reply, &error), FAULT_BAD_REQUEST);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_as_it_is),
        cmocka_unit_test(one_who_is_refused_keeps_no_other_from_it), cmocka_unit_test(a_refusal_has_its_code),
        cmocka_unit_test(a_silent_server_is_left),
        cmocka_unit_test(addresses_are_no_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
