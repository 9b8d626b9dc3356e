#include "base/digest.h"
#include "base/money.h"
#include "io/http_server.h"
#include "sim/load_books.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A control plane of two pages of records, on a thread of its own: the module's calls block. */
struct plane {
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    char url[64];
    unsigned asked; /* for totals: before the run, after it */
    bool refuses;
};

static struct slice totals_of(struct plane *p) {
    static const char *const bodies[] = {
        "{\"count\":5,\"input\":100,\"output\":50,\"cost_nanousd\":1000,\"unpriced\":1}", /* before the run */
        "{\"count\":9,\"input\":400,\"output\":80,\"cost_nanousd\":7000,\"unpriced\":2}",
    };
    return slice_of(bodies[p->asked < 1 ? p->asked++ : 1]);
}

static struct slice records_of(struct http_request *r) {
    if (slice_contains(r->query, SLICE("cursor=a%2Fb")))
        return SLICE("{\"records\":[{\"usage\":{\"input\":5000},\"cost_nanousd\":300},{\"usage\":{\"input\":"
                     "100},\"cost_nanousd\":"
                     "null}],\"next_cursor\":null}");
    return SLICE("{\"records\":[{\"usage\":{\"input\":100},\"cost_nanousd\":20},{\"usage\":{\"input\":200},"
                 "\"cost_nanousd\":30}],"
                 "\"next_cursor\":\"a/b\"}");
}

static void on_request(void *ctx, struct http_request *r) {
    struct plane *p = ctx;
    struct http_header h = {SLICE("content-type"), SLICE("application/json")};
    bool good = !p->refuses && slice_is(http_request_header(r, "authorization"), "Bearer tok") &&
                slice_contains(r->query, SLICE("&model=support%20chat&request_type=load")) &&
                slice_starts(r->query, SLICE("from=2026-01-01T00:00:00.000000Z&to="));
    struct slice body = slice_is(r->path, "/api/v1/totals") ? totals_of(p) : records_of(r);
    http_respond(r, good ? 200 : 401, &h, 1, good ? body : SLICE("{\"error\":\"no\"}"));
}

static void on_gone(void *ctx, struct http_request *r) {
    (void)ctx;
    (void)r;
}

static void *serve(void *arg) {
    loop_run(((struct plane *)arg)->loop);
    return NULL;
}

static int open_plane(void **state) {
    struct plane *p = test_calloc(1, sizeof *p);
    struct error error;
    struct http_handler handler = {.ctx = p, .on_request = on_request, .on_gone = on_gone};
    struct http_server_options o = {.host = "127.0.0.1",
                                    .max_body = 1000,
                                    .max_header = 8192,
                                    .head_timeout_us = 10000000,
                                    .body_timeout_us = 10000000,
                                    .idle_timeout_us = 10000000,
                                    .max_connections = 10};
    p->loop = loop_new(&error);
    assert_non_null(p->loop);
    p->server = http_server_new(p->loop, &o, &handler, &error);
    assert_non_null(p->server);
    (void)snprintf(p->url, sizeof p->url, "http://127.0.0.1:%u/", http_server_port(p->server));
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
    *state = p;
    return 0;
}

static int close_plane(void **state) {
    struct plane *p = *state;
    loop_stop(p->loop);
    pthread_join(p->thread, NULL);
    http_server_free(p->server);
    loop_free(p->loop);
    test_free(p);
    return 0;
}

static struct load_books_query query_of(const struct plane *p) {
    return (struct load_books_query){p->url, "tok", "support chat", "load", 1767225600000000};
}

static void sums_less_what_was_before(void **state) {
    struct plane *p = *state;
    struct load_books_query q = query_of(p);
    struct load_books before, after;
    struct error error;
    assert_int_equal(load_books_sums(&q, &before, &error), FAULT_NONE);
    assert_int_equal(before.count, 5);
    assert_int_equal(load_books_settled(&q, &before, 4, &after, &error), FAULT_NONE);
    assert_int_equal(after.count, 4);
    assert_int_equal(after.input, 300);
    assert_int_equal(after.output, 30);
    assert_int_equal(after.cost_nano, 6000);
    assert_int_equal(after.unpriced, 1);
}

static void costs_by_context(void **state) {
    struct plane *p = *state;
    struct load_books_query q = query_of(p);
    struct load_result r = {.all.requests = 4};
    struct error error;
    r.by_context[0].requests = 3;
    r.by_context[3].requests = 1;
    assert_int_equal(load_books_costs(&q, &r, &error), FAULT_NONE);
    assert_int_equal(r.by_context[0].cost_nano, 50);
    assert_int_equal(r.by_context[0].unpriced, 1);
    assert_int_equal(r.by_context[3].cost_nano, 300);
    assert_int_equal(r.all.cost_nano, 350);
    assert_int_equal(r.all.unpriced, 1);
}

static void refused(void **state) {
    struct plane *p = *state;
    struct load_books_query q = query_of(p);
    struct load_books books = {.count = 77};
    struct load_result r = {.all.cost_nano = 77};
    struct error error;
    p->refuses = true;
    assert_int_not_equal(load_books_sums(&q, &books, &error), FAULT_NONE);
    assert_string_equal(error.text, "the gateway's books: status 401: {\"error\":\"no\"}");
    assert_int_not_equal(load_books_costs(&q, &r, &error), FAULT_NONE);
    assert_int_equal(books.count, 77);
    assert_int_equal(r.all.cost_nano, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sums_less_what_was_before, open_plane, close_plane),
        cmocka_unit_test_setup_teardown(costs_by_context, open_plane, close_plane),
        cmocka_unit_test_setup_teardown(refused, open_plane, close_plane),
    };
    return digest_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
