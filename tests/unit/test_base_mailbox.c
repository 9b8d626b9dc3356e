#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool readable(struct mailbox *m) {
    struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void order_and_capacity(void **state) {
    struct mailbox *m = mailbox_new(3);
    int items[4];
    (void)state;
    assert_null(mailbox_take(m));
    for (int round = 0; round < 10; round++) { /* turns over the ring's end */
        for (int i = 0; i < 3; i++) assert_true(mailbox_post(m, &items[i]));
        assert_false(mailbox_post(m, &items[3]));
        assert_ptr_equal(mailbox_take(m), &items[0]);
        assert_true(mailbox_post(m, &items[3]));
        for (int i = 1; i < 4; i++) assert_ptr_equal(mailbox_take(m), &items[i]);
        assert_null(mailbox_take(m));
    }
    mailbox_free(m);
    mailbox_free(NULL);
    m = mailbox_new(0);
    assert_false(mailbox_post(m, items));
    assert_null(mailbox_take(m));
    mailbox_free(m);
}

static void descriptor(void **state) {
    struct mailbox *m = mailbox_new(8);
    int item;
    (void)state;
    assert_true(mailbox_post(m, &item)); /* before the descriptor was asked for */
    assert_true(mailbox_fd(m) >= 0);
    assert_int_equal(mailbox_fd(m), mailbox_fd(m));
    assert_true(readable(m));
    mailbox_ack(m);
    assert_non_null(mailbox_take(m));
    assert_false(readable(m));
    for (int round = 0; round < 3; round++) {
        assert_true(mailbox_post(m, &item) && mailbox_post(m, &item));
        assert_true(readable(m));
        mailbox_ack(m);
        assert_non_null(mailbox_take(m));
        assert_true(readable(m)); /* one is left: nobody may sleep on it */
        assert_non_null(mailbox_take(m));
        assert_false(readable(m));
        mailbox_ack(m); /* with nothing there it must not block */
    }
    assert_true(mailbox_post(m, &item)); /* still inside when freed */
    mailbox_free(m);
}

static void waiting(void **state) {
    struct mailbox *m = mailbox_new(8);
    int item;
    (void)state;
    assert_null(mailbox_wait(m, 0));
    int64_t before = clock_real_us();
    assert_null(mailbox_wait(m, 2000));
    assert_true(clock_real_us() - before >= 2000);
    assert_true(mailbox_post(m, &item));
    assert_ptr_equal(mailbox_wait(m, 0), &item);
    assert_true(mailbox_post(m, &item));
    assert_ptr_equal(mailbox_wait(m, -1), &item);
    assert_true(mailbox_post(m, &item));
    assert_ptr_equal(mailbox_wait(m, INT64_MAX), &item);
    clock_fake(5, 5); /* the test clock does not move a real wait */
    assert_null(mailbox_wait(m, 1000));
    mailbox_free(m);
}

/* ---- several senders, one taker ---- */

enum { SENDERS = 4, EACH = 20000 };

struct message {
    int sender, number;
};

struct sender {
    struct mailbox *m;
    struct message messages[EACH];
    int number;
};

static void *send_all(void *p) {
    struct sender *s = p;
    for (int i = 0; i < EACH; i++) {
        s->messages[i] = (struct message){s->number, i};
        while (!mailbox_post(s->m, &s->messages[i])) sched_yield();
    }
    return NULL;
}

static struct message *take_by_poll(struct mailbox *m) {
    struct message *got = mailbox_take(m);
    while (got == NULL) {
        struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
        poll(&p, 1, -1);
        mailbox_ack(m);
        got = mailbox_take(m);
    }
    return got;
}

static void many_threads(void **state) {
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct sender *senders = mem_new_array(struct sender, SENDERS);
        struct mailbox *m = mailbox_new(64);
        pthread_t ids[SENDERS];
        int next[SENDERS] = {0};
        for (int i = 0; i < SENDERS; i++) {
            senders[i].m = m;
            senders[i].number = i;
            pthread_create(&ids[i], NULL, send_all, &senders[i]);
        }
        for (int n = 0; n < SENDERS * EACH; n++) { /* nothing lost, doubled or out of order */
            struct message *got = how == 0 ? mailbox_wait(m, -1) : take_by_poll(m);
            assert_non_null(got);
            assert_int_equal(got->number, next[got->sender]++);
        }
        assert_null(mailbox_take(m));
        for (int i = 0; i < SENDERS; i++) pthread_join(ids[i], NULL);
        mailbox_free(m);
        mem_free(senders);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(order_and_capacity), cmocka_unit_test(descriptor),
                                       cmocka_unit_test(waiting), cmocka_unit_test(many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
