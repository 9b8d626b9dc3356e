#include "io/mail.h"

#include <curl/curl.h>

#include <stdio.h>
#include <string.h>

#define CONNECT_MS 10000L

struct sending {
    struct slice left;
    const atomic_bool *stop;
    char detail[CURL_ERROR_SIZE], refused[128];
};

/* The server's replies; what it says of a recipient whom it does not take. */
static size_t on_reply(char *line, size_t size, size_t n, void *arg) {
    struct sending *s = arg;
    n *= size;
    if (n > 3 && (line[0] == '4' || line[0] == '5') && line[1] == '5') (void)snprintf(s->refused, sizeof s->refused, "%.*s", (int)strcspn(line, "\r\n"), line);
    return n;
}


/* libcurl doubles dots at the head of lines, and ends the message. */
static size_t on_read(char *out, size_t size, size_t n, void *arg) {
    struct sending *s = arg;
    size_t most = size * n < s->left.len ? size * n : s->left.len;
    memcpy(out, s->left.at, most);
    s->left = slice_make(s->left.at + most, s->left.len - most);
    return most;
}

/* libcurl asks about once a second. */
static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now) {
    const struct sending *s = arg;
    (void)down, (void)down_now, (void)up, (void)up_now;
    return s->stop != NULL && atomic_load(s->stop);
}

/* An address goes into a command: nothing of it may end that. */
static bool is_address(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || *c == '<' || *c == '>') return false;
    return *text != 0;
}

static struct curl_slist *recipients(const char *const *to) {
    struct curl_slist *list = NULL;
    for (; *to != NULL; to++) {
        struct curl_slist *longer = is_address(*to) ? curl_slist_append(list, *to) : NULL;
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* A password goes over TLS alone, but to a server on this machine: one who sits between could take "STARTTLS" out of what is offered. */
static bool is_here(const char *url) {
    CURLU *u = curl_url();
    char *host = NULL;
    bool here = u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                (strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0);
    curl_free(host);
    curl_url_cleanup(u);
    return here;
}

static void set_options(CURL *e, const struct mail *m, struct sending *s, struct curl_slist *to, int64_t timeout_us) {
    bool secret = m->password != NULL && m->password[0] != 0;
    curl_easy_setopt(e, CURLOPT_URL, m->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->detail);
    curl_easy_setopt(e, CURLOPT_USE_SSL, (long)(secret && !is_here(m->url) ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    if (m->ca_file != NULL) curl_easy_setopt(e, CURLOPT_CAINFO, m->ca_file);
    if (m->user != NULL && m->user[0] != 0) curl_easy_setopt(e, CURLOPT_USERNAME, m->user);
    if (secret) curl_easy_setopt(e, CURLOPT_PASSWORD, m->password);
    curl_easy_setopt(e, CURLOPT_MAIL_FROM, m->from);
    curl_easy_setopt(e, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(e, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* the others are to be told */
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, s);
    curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->message.len);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)((timeout_us + 999) / 1000));
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, s);
}

static enum fault fault_of(CURLcode code) {
    switch (code) {
    case CURLE_OK: return FAULT_NONE;
    case CURLE_ABORTED_BY_CALLBACK: return FAULT_SHUTTING_DOWN;
    case CURLE_OPERATION_TIMEDOUT: return FAULT_UP_TIMEOUT;
    case CURLE_LOGIN_DENIED: return FAULT_UP_AUTH;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return FAULT_UP_RESET;
    case CURLE_WEIRD_SERVER_REPLY: return FAULT_UP_MALFORMED;
    default: return FAULT_UP_CONNECT;
    }
}

enum fault mail_send(const struct mail *m, int64_t timeout_us, const atomic_bool *stop, int *ret_reply, struct error *error) {
    struct sending s = {.left = m->message, .stop = stop};
    struct curl_slist *to = is_address(m->from) ? recipients(m->to) : NULL;
    bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; /* counted and thread-safe */
    CURL *e = started && to != NULL ? curl_easy_init() : NULL;
    enum fault fault = e == NULL ? error_set(error, FAULT_BAD_REQUEST, "expected addresses without blanks and brackets, of a sender and at least one recipient") : FAULT_NONE;
    long reply = 0;
    if (e != NULL) {
        set_options(e, m, &s, to, timeout_us);
        CURLcode code = curl_easy_perform(e);
        (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &reply);
        fault = fault_of(code);
        if (fault == FAULT_NONE && s.refused[0] != 0 && error != NULL) (void)snprintf(error->text, sizeof error->text, "%s", s.refused);
        if (fault != FAULT_NONE) error_set(error, fault, "%s", s.detail[0] != 0 ? s.detail : curl_easy_strerror(code));
    }
    *ret_reply = (int)reply;
    curl_easy_cleanup(e);
    curl_slist_free_all(to);
    if (started) curl_global_cleanup();
    return fault;
}
