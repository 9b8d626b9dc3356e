#include "test_io_client_rig.h"

#include "io/http_server.h"

#include <pthread.h>

/* Of a throw-away authority for localhost and 127.0.0.1; good for a hundred years. */
static const char tls_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBnDCCAUGgAwIBAgIUFJkItTjZBEi1fl7oDxkuMsM+5KUwCgYIKoZIzj0EAwIw\n"
    "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA1MTMxMFoYDzIxMjYxMDI4\n"
    "MDUxMzEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAAS8XyyoNaTJBuobr5HGTggACMj81Cvwfv88hi4cktlf1GKS9CMP06jI\n"
    "ApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBGo28wbTAdBgNVHQ4EFgQUh7h6b9NDmKig\n"
    "fmmC/1E2Ujy2k5YwHwYDVR0jBBgwFoAUh7h6b9NDmKigfmmC/1E2Ujy2k5YwDwYD\n"
    "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI\n"
    "zj0EAwIDSQAwRgIhANBrVKVwgb+FLHlIIxeYx+hF1Ho9BTK8pUBUxrgq08mhAiEA\n"
    "rEkw/LCX06/L9A+gLaW1FUXZEsySePA4Ck56vkxP85o=\n"
    "-----END CERTIFICATE-----\n";

static const char tls_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfA7W7zZh/DUb7dXS\n"
    "+AH/lglWjMTt7YGVYaZQa9kWn/yhRANCAAS8XyyoNaTJBuobr5HGTggACMj81Cvw\n"
    "fv88hi4cktlf1GKS9CMP06jIApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBG\n"
    "-----END PRIVATE KEY-----\n";

/* against our own server, over TLS, and blocking */

static void echo(void *ctx, struct http_request *q) {
    (void)ctx;
    if (slice_is(q->path, "/silent")) return;
    http_respond(q, slice_is(q->path, "/teapot") ? 418 : 200, NULL, 0, q->body.len > 0 ? q->body : SLICE("none"));
}

static void let_go(void *ctx, struct http_request *q) {
    (void)ctx;
    http_abandon(q);
}

static struct http_server *serve(struct loop *l, bool tls) {
    struct error error = {0};
    struct http_handler h = {.on_request = echo, .on_gone = let_go};
    struct http_server_options o = {.host = "127.0.0.1", .max_body = 10 << 20, .max_header = 8192, .head_timeout_us = 10000000,
                                    .body_timeout_us = 10000000, .idle_timeout_us = 10000000, .max_connections = 100};
    if (tls) o.tls_cert_pem = tls_cert, o.tls_key_pem = tls_key;
    struct http_server *s = http_server_new(l, &o, &h, &error);
    if (s == NULL) fail_msg("%s", error.text);
    return s;
}

static void speaks_tls(void **state) {
    struct rig *r = *state;
    struct error error = {0};
    struct http_server *s = serve(r->loop, true);
    char path[] = "/tmp/test_io_XXXXXX", url[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, tls_cert, sizeof tls_cert - 1), (ssize_t)sizeof tls_cert - 1);
    close(fd);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/x", http_server_port(s));
    struct buffer big;
    buffer_init(&big, 2 << 20);
    while (big.len < 1000000) assert_true(buffer_append(&big, SLICE("0123456789")));
    for (int trusted = 1; trusted >= 0; trusted--) {
        struct http_route_options o = {.url = url, .method = "POST", .connect_timeout_us = 5000000, .http2 = true,
                                       .ca_file = trusted ? path : NULL};
        struct http_route *route = http_route_new(r->client, &o, &error);
        assert_non_null(route);
        for (int i = 0; i < 3; i++) {
            struct call c;
            call_init(&c, r);
            c.t = http_transfer_start(route, NULL, i == 1 ? buffer_slice(&big) : SLICE("hi"), &events, &c);
            assert_non_null(c.t);
            RIG_WAIT(r->loop, c.done);
            assert_int_equal(c.result, trusted ? HTTP_OK : HTTP_CONNECT_FAILED);
            if (trusted) assert_true(slice_eq(buffer_slice(&c.body), i == 1 ? buffer_slice(&big) : SLICE("hi")));
            call_deinit(&c);
        }
        http_route_free(route);
    }
    unlink(path);
    buffer_deinit(&big);
    http_server_free(s);
}

static void *run_loop(void *arg) {
    loop_run(arg);
    return NULL;
}

static void fetches(void **state) {
    struct rig *r = *state;
    struct http_server *s = serve(r->loop, false);
    struct error error = {0};
    struct buffer body;
    char url[64];
    int status = -1;
    pthread_t thread;
    static const char *const headers[] = {"x-a: b", NULL};
    buffer_init(&body, 1000);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, r->loop), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/teapot", http_server_port(s));
    assert_int_equal(http_fetch("POST", url, headers, SLICE("body"), 5000000, &status, &body, &error), FAULT_NONE);
    assert_int_equal(status, 418);
    assert_string_equal(buffer_text(&body), "body");
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 5000000, &status, &body, &error), FAULT_NONE);
    assert_string_equal(buffer_text(&body), "bodynone"); /* appended */
    status = -1;
    struct buffer small;
    buffer_init(&small, 3);
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 5000000, &status, &small, &error), FAULT_UP_TOO_LARGE);
    assert_int_equal(small.len, 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", http_server_port(s));
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 30000, &status, &body, &error), FAULT_UP_TIMEOUT);
    assert_int_equal(http_fetch("GET", "gopher://x/", NULL, SLICE_NULL, 30000, &status, &body, &error), FAULT_BAD_REQUEST);
    loop_stop(r->loop);
    pthread_join(thread, NULL);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", r->port);
    close(r->listener);
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 1000000, &status, &body, &error), FAULT_UP_CONNECT);
    assert_int_equal(status, -1);
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    http_server_free(s);
    buffer_deinit(&small);
    buffer_deinit(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(speaks_tls),
        TEST(fetches),
    };
    return cmocka_run_group_tests_name("io/http_client against io/http_server", tests, NULL, NULL);
}
