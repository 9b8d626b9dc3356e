/* http_fetch.c - one blocking request, with libcurl's easy interface. */
#include "io/http_client_private.h"

#include "base/mem.h"
#include "base/virtual_time.h"

#include <stdio.h>

struct fetch {
    struct buffer *body;
    const atomic_bool *stop;
    char detail[CURL_ERROR_SIZE];
};

/* libcurl asks about once a second. */
static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now) {
    const struct fetch *f = arg;
    (void)down, (void)down_now, (void)up, (void)up_now;
    return atomic_load(f->stop);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    struct fetch *f = arg;
    return buffer_append(f->body, slice_make(bytes, size * n)) ? size * n : 0;
}

static enum fault fault_of(CURLcode code, bool overflow) {
    if (overflow) return FAULT_UP_TOO_LARGE;
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return FAULT_SHUTTING_DOWN;
    case CURLE_OPERATION_TIMEDOUT:
        return FAULT_UP_TIMEOUT;
    case CURLE_PARTIAL_FILE:
        return FAULT_UP_TRUNCATED;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return FAULT_UP_RESET;
    case CURLE_WEIRD_SERVER_REPLY:
        return FAULT_UP_MALFORMED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return FAULT_BAD_REQUEST;
    default:
        return FAULT_UP_CONNECT;
    }
}

static void set_request(CURL *e, const char *method, struct slice body) {
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (strcmp(method, "HEAD") == 0) curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    if (reads) return;
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, body.len > 0 ? body.at : "");
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
}

static struct curl_slist *header_list(const char *const *headers) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; list != NULL && headers != NULL && headers[i] != NULL; i++) {
        struct curl_slist *longer = strpbrk(headers[i], "\r\n") != NULL ? NULL : curl_slist_append(list, headers[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* Of the last answer; what is longer than the room is cut. */
static void take_header(CURL *e, const struct http_fetch_watch *w) {
    struct curl_header *h;
    w->value[0] = 0;
    if (curl_easy_header(e, w->header, 0, CURLH_HEADER, -1, &h) == CURLHE_OK) (void)snprintf(w->value, w->size, "%s", h->value);
}

enum fault http_fetch(const char *method, const char *url, const char *const *headers, struct slice body,
                      int64_t timeout_us, int *ret_status, struct buffer *ret_body, struct error *error) {
    return http_fetch_watched(method, url, headers, body, timeout_us, NULL, ret_status, ret_body, error);
}

enum fault http_fetch_watched(const char *method, const char *url, const char *const *headers, struct slice body,
                              int64_t timeout_us, const struct http_fetch_watch *w, int *ret_status,
                              struct buffer *ret_body, struct error *error) {
    struct fetch f = {.body = ret_body, .stop = w != NULL ? w->stop : NULL};
    enum fault fault = FAULT_NONE;
    size_t before = ret_body->len;
    bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; /* counted and thread-safe */
    CURL *e = started ? curl_easy_init() : NULL;
    struct curl_slist *list = header_list(headers);
    if (e == NULL || list == NULL) {
        fault = error_set(error, FAULT_BAD_REQUEST, "cannot prepare a request to %s", url);
        goto done;
    }
    set_request(e, method, body);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f.detail);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &f);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)((timeout_us + 999) / 1000));
    if (f.stop != NULL) {
        curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(e, CURLOPT_XFERINFODATA, &f);
    }
    bool took_part = virtual_time_leave(); /* who answers may need time to pass */
    CURLcode code = curl_easy_perform(e);
    if (took_part) virtual_time_enter();
    if (code == CURLE_OK) {
        long status = 0;
        (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
        *ret_status = (int)status;
        if (w != NULL && w->header != NULL) take_header(e, w);
    } else {
        fault = error_set(error, fault_of(code, ret_body->overflow), "%s %s: %s", method, url,
                          f.detail[0] != '\0' ? f.detail : curl_easy_strerror(code));
        ret_body->len = before; /* outputs are untouched on failure */
    }
done:
    curl_slist_free_all(list);
    curl_easy_cleanup(e);
    if (started) curl_global_cleanup();
    return fault;
}
