/* http_transfer.c - routes and transfers. See http_client_private.h.
 *
 * A transfer object keeps its easy handle, with all options of its route set, for the route's next
 * request; a request sets the body and, if it has some, its own headers. Those are list nodes in front
 * of the route's list, which libcurl only reads. */
#include "io/http_client_private.h"

#include "base/mem.h"

enum {
    SPARE = 512,                  /* handles that a route keeps */
    RECEIVE_BUFFER = 8 * 1024,    /* of each running transfer: 2,000 streams hold 16 MiB */
    HEAD_BYTES = 256 * 1024,      /* a reply's head; libcurl bounds only its lines */
    KEEPALIVE_IDLE_S = 45,        /* a stream may be silent for long: middleboxes must not forget it */
    KEEPALIVE_EVERY_S = 15,
    BIG_BODY = 1024 * 1024 - 1,   /* past it libcurl asks for a 100-continue, which costs a round trip */
};

/* callbacks of libcurl */

static size_t on_header(char *line, size_t size, size_t n, void *arg) {
    struct http_transfer *t = arg;
    size *= n;
    if (t->cancelled) return 0;
    if (t->head_done) return size; /* a trailer */
    t->head_bytes += size;
    if (t->head_bytes > HEAD_BYTES) {
        t->too_long = true;
        return 0;
    }
    struct slice s = slice_make(line, size);
    if (slice_starts(s, SLICE("HTTP/"))) {
        const char *space = memchr(line, ' ', size);
        size_t left = space == NULL ? 0 : (size_t)(line + size - space - 1);
        uint64_t status = 0;
        t->status = left >= 3 && slice_to_u64(slice_make(space + 1, 3), &status) ? (int)status : 0;
    } else if (size <= 2 && t->status >= 200) { /* the empty line, and not of a 1xx head */
        t->head_done = true;
        t->events.on_head(t->ctx, t, t->status);
        if (t->cancelled) return 0;
    }
    return size;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    struct http_transfer *t = arg;
    size *= n;
    if (t->cancelled) return 0;
    t->received += (int64_t)size;
    enum http_flow flow = t->events.on_body(t->ctx, t, slice_make(bytes, size));
    if (t->cancelled) return 0;
    if (flow == HTTP_PAUSE) (void)curl_easy_pause(t->easy, CURLPAUSE_RECV);
    return size;
}

/* routes */

static bool has_line_break(const char *text) { return strpbrk(text, "\r\n") != NULL; }

static bool add_text(struct curl_slist **list, const char *text) {
    struct curl_slist *longer = has_line_break(text) ? NULL : curl_slist_append(*list, text);
    if (longer == NULL) return false;
    *list = longer;
    return true;
}

/* `blank` is a header without a value: libcurl then leaves out its own. */
static bool add_blank(struct curl_slist **list, const char *const *headers, const char *blank) {
    size_t len = strlen(blank);
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++)
        if (slice_eq_nocase(slice_make(headers[i], strnlen(headers[i], len)), slice_make(blank, len))) return true;
    return add_text(list, blank);
}

static bool add_route_headers(struct http_route *r, const char *const *headers) {
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++)
        if (!add_text(&r->headers, headers[i])) return false;
    bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    return (reads || add_blank(&r->headers, headers, "Content-Type:")) && add_blank(&r->headers, headers, "Accept:");
}

static bool url_part(CURLU *url, CURLUPart part, unsigned flags, struct buffer *out) {
    char *text = NULL;
    bool given = curl_url_get(url, part, &text, flags) == CURLUE_OK;
    if (given) (void)buffer_append(out, slice_of(text));
    curl_free(text);
    return given;
}

/* A plain origin is spoken to directly: its name and what each request begins with. Not through a proxy, nor with a
 * user in the URL, which libcurl knows to send. */
static void make_direct(struct http_route *r, const char *const *headers) {
    struct buffer host, port;
    buffer_init(&host, LIMIT_HEADER_DEFAULT);
    buffer_init(&port, LIMIT_ERROR_TEXT);
    if (r->https || r->proxy[0] != '\0' || url_part(r->url, CURLUPART_USER, 0, &host)) goto done;
    (void)buffer_printf(&r->prefix, "%s ", r->method);
    (void)url_part(r->url, CURLUPART_PATH, 0, &r->prefix);
    if (url_part(r->url, CURLUPART_QUERY, 0, &port)) (void)buffer_printf(&r->prefix, "?" SLICE_FMT, SLICE_ARG(buffer_slice(&port)));
    buffer_clear(&port);
    (void)url_part(r->url, CURLUPART_HOST, 0, &host);
    (void)url_part(r->url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
    (void)buffer_printf(&r->prefix, " HTTP/1.1\r\nHost: " SLICE_FMT, SLICE_ARG(buffer_slice(&host)));
    (void)buffer_printf(&host, ":" SLICE_FMT, SLICE_ARG(buffer_slice(&port)));
    if (strcmp(buffer_text(&port), "80") != 0) (void)buffer_printf(&r->prefix, ":" SLICE_FMT, SLICE_ARG(buffer_slice(&port)));
    (void)buffer_append(&r->prefix, SLICE("\r\n"));
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) (void)buffer_printf(&r->fixed, "%s\r\n", headers[i]);
    if (!r->prefix.overflow && !r->fixed.overflow && !host.overflow) r->origin = origin_hold(r->client, buffer_slice(&host));
done:
    buffer_deinit(&host);
    buffer_deinit(&port);
}

static enum fault parse_url(struct http_route *r, const char *url, struct error *error) {
    char *scheme = NULL;
    r->url = curl_url();
    bool good = r->url != NULL && curl_url_set(r->url, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(r->url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0);
    r->https = good && strcmp(scheme, "https") == 0;
    curl_free(scheme);
    if (good) return FAULT_NONE;
    return error_set(error, FAULT_CONFIG, "expected an http or https URL, found \"%s\"", url);
}

struct http_route *http_route_new(struct http_client *c, const struct http_route_options *o, struct error *error) {
    struct http_route *r = mem_new(struct http_route);
    r->client = c;
    list_init(&r->spare);
    list_push(&c->routes, &r->link);
    r->method = mem_text(o->method);
    buffer_init(&r->prefix, LIMIT_HEADER_DEFAULT);
    buffer_init(&r->fixed, LIMIT_HEADER_DEFAULT);
    r->proxy = mem_text(o->proxy == NULL ? "" : o->proxy);
    r->ca_file = o->ca_file == NULL ? NULL : mem_text(o->ca_file);
    r->connect_timeout_ms = (long)((o->connect_timeout_us + 999) / 1000);
    if (parse_url(r, o->url, error) != FAULT_NONE) goto fail;
    r->http2 = r->https && o->http2;
    r->reads_head = strcmp(r->method, "HEAD") == 0;
    if (!add_route_headers(r, o->headers)) {
        (void)error_set(error, FAULT_CONFIG, "expected headers without line breaks for %s", o->url);
        goto fail;
    }
    make_direct(r, o->headers);
    return r;
fail:
    http_route_free(r);
    return NULL;
}

static void transfer_free(struct http_transfer *t) {
    curl_easy_cleanup(t->easy);
    mem_free(t->extra);
    buffer_deinit(&t->extra_text);
    http_reply_deinit(&t->reply);
    buffer_deinit(&t->request);
    buffer_deinit(&t->held);
    mem_free(t);
}

void route_release(struct http_route *r) {
    if (!r->freed || r->open > 0) return;
    struct list *node;
    while ((node = list_shift(&r->spare)) != NULL) transfer_free(list_item(node, struct http_transfer, link));
    list_remove(&r->link);
    curl_slist_free_all(r->headers);
    curl_url_cleanup(r->url);
    origin_drop(r->origin);
    buffer_deinit(&r->prefix);
    buffer_deinit(&r->fixed);
    mem_free(r->method);
    mem_free(r->proxy);
    mem_free(r->ca_file);
    mem_free(r);
}

void http_route_free(struct http_route *r) {
    if (r == NULL) return;
    r->freed = true;
    route_release(r);
}

/* transfers */

static void set_method(CURL *e, const char *method) {
    if (strcmp(method, "GET") == 0) {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        if (strcmp(method, "POST") != 0) curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    }
}

void transfer_set_connection(struct http_transfer *t) {
    const struct http_route *r = t->route;
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_CURLU, r->url);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->detail);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, client_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r->client);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, client_close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, r->client);
    curl_easy_setopt(e, CURLOPT_SHARE, r->client->share);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, r->proxy);
    curl_easy_setopt(e, CURLOPT_NOPROXY, ""); /* else the environment is asked, for every request */
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
}

static void set_options(struct http_transfer *t) {
    const struct http_route *r = t->route;
    CURL *e = t->easy;
    transfer_set_connection(t);
    set_method(e, r->method);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)(r->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (r->http2) curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L); /* share a connection that is being made */
    if (r->ca_file != NULL) curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers);
}

static struct http_transfer *transfer_new(struct http_route *r) {
    struct list *node = list_shift(&r->spare);
    if (node != NULL) {
        r->n_spare--;
        return list_item(node, struct http_transfer, link);
    }
    CURL *easy = r->origin != NULL ? NULL : curl_easy_init();
    if (easy == NULL && r->origin == NULL) return NULL;
    struct http_transfer *t = mem_new(struct http_transfer);
    list_init(&t->link);
    buffer_init(&t->extra_text, LIMIT_HEADER_DEFAULT);
    buffer_init(&t->request, 3 * LIMIT_HEADER_DEFAULT);
    buffer_init(&t->held, HTTP_RECEIVE);
    http_reply_init(&t->reply);
    t->easy = easy;
    t->route = r;
    if (easy != NULL) set_options(t);
    else direct_reset(t);
    return t;
}

/* The transfer is over for its owner. Its route may be gone afterwards. */
static void recycle(struct http_transfer *t) {
    struct http_route *r = t->route;
    list_remove(&t->link);
    r->open--;
    if (r->freed || r->n_spare >= SPARE) {
        transfer_free(t);
        route_release(r);
        return;
    }
    t->status = 0;
    t->head_bytes = 0;
    t->received = 0;
    t->head_done = t->cancelled = t->finishing = t->too_long = false;
    if (r->origin != NULL) direct_reset(t);
    list_push(&r->spare, &t->link);
    r->n_spare++;
}

/* The nodes point into extra_text, which must not move under them: texts first, nodes second. */
static bool set_extra(struct http_transfer *t, const char *const *extra, bool big) {
    unsigned n = 0;
    buffer_clear(&t->extra_text);
    for (; extra != NULL && extra[n] != NULL; n++) {
        if (has_line_break(extra[n])) return false;
        (void)buffer_append(&t->extra_text, slice_make(extra[n], strlen(extra[n]) + 1));
    }
    if (big) {
        (void)buffer_append(&t->extra_text, slice_make("Expect:", sizeof "Expect:"));
        n++;
    }
    if (t->extra_text.overflow) return false;
    if (n > t->extra_capacity) {
        t->extra = mem_resize(t->extra, n * sizeof *t->extra);
        t->extra_capacity = n;
    }
    char *at = t->extra_text.at;
    for (unsigned i = 0; i < n; i++) {
        t->extra[i] = (struct curl_slist){at, i + 1 < n ? &t->extra[i + 1] : t->route->headers};
        at += strlen(at) + 1;
    }
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, n > 0 ? t->extra : t->route->headers);
    return true;
}

static bool may_have_body(const struct http_route *r) { return strcmp(r->method, "GET") != 0 && !r->reads_head; }

static bool set_request(struct http_transfer *t, const char *const *extra, struct slice body) {
    if (!set_extra(t, extra, body.len > BIG_BODY)) return false;
    if (!may_have_body(t->route)) return true;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, body.len > 0 ? body.at : "");
    return true;
}

static bool set_direct_request(struct http_transfer *t, const char *const *extra, struct slice body) {
    const struct http_route *r = t->route;
    (void)buffer_append(&t->request, buffer_slice(&r->prefix));
    for (; extra != NULL && *extra != NULL; extra++) {
        if (has_line_break(*extra)) return false;
        (void)buffer_append(&t->request, slice_of(*extra));
        (void)buffer_append(&t->request, SLICE("\r\n"));
    }
    (void)buffer_append(&t->request, buffer_slice(&r->fixed));
    if (may_have_body(r)) {
        (void)buffer_append(&t->request, SLICE("Content-Length: "));
        (void)buffer_u64(&t->request, body.len);
        (void)buffer_append(&t->request, SLICE("\r\n"));
        t->body = body;
    }
    (void)buffer_append(&t->request, SLICE("\r\n"));
    return !t->request.overflow;
}

struct http_transfer *http_transfer_start(struct http_route *r, const char *const *extra, struct slice body,
                                          const struct http_transfer_events *events, void *ctx) {
    struct http_transfer *t = transfer_new(r);
    if (t == NULL) return NULL;
    r->open++;
    if (!(r->origin != NULL ? set_direct_request(t, extra, body) : set_request(t, extra, body))) {
        recycle(t);
        return NULL;
    }
    t->events = *events;
    t->ctx = ctx;
    t->detail[0] = '\0';
    list_push(&r->client->starting, &t->link);
    client_want_flush(r->client);
    return t;
}

void transfer_add(struct http_transfer *t) {
    if (t->route->origin != NULL) {
        direct_add(t);
        return;
    }
    list_push(&t->route->client->running, &t->link);
    transfer_give(t);
}

void transfer_give(struct http_transfer *t) {
    struct http_client *c = t->route->client;
    struct client_shard *s = client_pick_shard(c);
    CURLMcode code = CURLM_OUT_OF_MEMORY;
    if (s != NULL) {
        client_enter(c);
        code = curl_multi_add_handle(s->multi, t->easy);
        client_leave(c);
    }
    if (code != CURLM_OK) {
        transfer_finish(t, CURLE_FAILED_INIT);
        return;
    }
    t->shard = s;
    s->n_open++;
    client_kick(s);
}

void transfer_take_out(struct http_transfer *t) {
    struct client_shard *s = t->shard;
    if (s == NULL) return;
    t->shard = NULL;
    client_enter(s->client);
    (void)curl_multi_remove_handle(s->multi, t->easy);
    client_leave(s->client);
    if (--s->n_open == 0) s->idle_us = loop_now_us(s->client->loop);
}

/* Takes a cancelled transfer away from its connection, which closes, or from its HTTP/2 stream, which is reset. */
void transfer_remove(struct http_transfer *t) {
    if (t->route->origin != NULL) direct_remove(t);
    else transfer_take_out(t);
    recycle(t);
}

void http_transfer_cancel(struct http_transfer *t) {
    if (t->cancelled || t->finishing) return;
    struct http_client *c = t->route->client;
    t->cancelled = true;
    list_remove(&t->link);
    if (t->shard == NULL && t->connection == NULL) {
        if (t->waited) direct_wake(t->route->origin);
        recycle(t);
    } else if (c->inside > 0) {
        list_push(&c->cancelled, &t->link);
    } else {
        if (t->shard != NULL) client_kick(t->shard); /* a waiting transfer may have its connection now */
        transfer_remove(t);
    }
}

void http_transfer_resume(struct http_transfer *t) {
    if ((t->shard == NULL && t->connection == NULL) || t->cancelled || t->finishing) return;
    struct http_client *c = t->route->client;
    list_remove(&t->link);
    list_push(&c->resuming, &t->link);
    client_want_flush(c);
}

void transfer_resume_now(struct http_transfer *t) {
    struct http_client *c = t->route->client;
    struct client_shard *s = t->shard;
    list_push(&c->running, &t->link);
    if (t->route->origin != NULL) {
        direct_resume(t);
        return;
    }
    client_enter(c);
    (void)curl_easy_pause(t->easy, CURLPAUSE_CONT); /* gives what was held back */
    client_leave(c);
    client_kick(s);
}

struct slice http_transfer_header(struct http_transfer *t, const char *name) {
    if (t->route->origin != NULL) return http_reply_header(&t->reply, name);
    struct curl_header *h;
    if (curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK) return SLICE_NULL;
    return slice_of(h->value);
}

int64_t http_transfer_received(const struct http_transfer *t) { return t->received; }

/* results */

static bool nothing_sent(CURL *easy) {
    curl_off_t us = 0;
    return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us) != CURLE_OK || us == 0;
}

static enum http_result classify(const struct http_transfer *t, CURLcode code) {
    switch (code) {
    case CURLE_OK:
        return t->head_done ? HTTP_OK : HTTP_RESET; /* libcurl takes half a head for a whole reply */
    case CURLE_OPERATION_TIMEDOUT: /* only the connection has a time limit */
        return HTTP_CONNECT_TIMEOUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_BAD_CONTENT_ENCODING:
        return HTTP_BAD;
    default:
        break;
    }
    if (t->too_long || strstr(t->detail, "chunked-encoding") != NULL) return HTTP_BAD;
    if (nothing_sent(t->easy)) return HTTP_CONNECT_FAILED;
    return t->head_done ? HTTP_CUT : HTTP_RESET;
}

void transfer_end(struct http_transfer *t, enum http_result result, const char *detail) {
    struct http_client *c = t->route->client;
    list_remove(&t->link);
    t->finishing = true;
    c->busy++;
    if (!t->cancelled) t->events.on_done(t->ctx, t, result, detail);
    recycle(t);
    c->busy--;
}

void transfer_finish(struct http_transfer *t, CURLcode code) {
    if (t->route->origin != NULL) {
        direct_connected(t, code);
        return;
    }
    enum http_result result = classify(t, code);
    transfer_take_out(t);
    transfer_end(t, result, t->detail[0] != '\0' ? t->detail : curl_easy_strerror(code));
}
