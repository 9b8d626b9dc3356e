/* http_client_private.h - what the files of the HTTP client share; nobody else includes it.
 *
 *   http_client.c    libcurl on the loop: sockets, timer, the order of things in a turn
 *   http_transfer.c  routes and transfers
 *   http_fetch.c     one blocking request
 *
 * libcurl is called in two places only: when a socket or its timer fires, and at the end of a turn
 * (client_flush), which adds what was started, resumes, and lets it run. So callbacks never come from
 * inside the owner's own call, and what is cancelled inside a callback is removed when libcurl returned. */
#ifndef IO_HTTP_CLIENT_PRIVATE_H
#define IO_HTTP_CLIENT_PRIVATE_H

#include "base/list.h"
#include "io/http_client.h"

#include <curl/curl.h>

struct http_client {
    struct loop *loop;
    CURLM *multi;
    CURLSH *share; /* TLS sessions: a new connection resumes another's */
    struct loop_timer timer;
    struct client_socket **sockets; /* by descriptor */
    size_t sockets_capacity;
    struct list changed;                    /* sockets whose watch must follow */
    struct list starting, running, resuming, cancelled; /* transfers */
    struct list routes;
    unsigned inside; /* depth of calls into libcurl */
    unsigned busy;   /* depth of calls that use this client: freeing waits */
    bool flush_queued, kick, free_wanted, started;
};

struct http_route {
    struct list link;
    struct http_client *client;
    char *url, *method, *proxy, *ca_file;
    struct curl_slist *headers;
    long connect_timeout_ms;
    bool https, http2;
    struct list spare; /* transfers for reuse */
    unsigned n_spare, open;
    bool freed;
};

struct http_transfer {
    struct list link;
    struct http_route *route;
    CURL *easy;
    struct http_transfer_events events;
    void *ctx;
    int status;
    size_t head_bytes;
    int64_t received;
    bool added;     /* libcurl has it */
    bool head_done; /* on_head was called */
    bool cancelled, finishing, too_long;
    struct curl_slist *extra; /* nodes in front of the route's list; an array */
    unsigned extra_capacity;
    struct buffer extra_text;
    char detail[CURL_ERROR_SIZE];
};

/* http_client.c */
void client_want_flush(struct http_client *c);
void client_enter(struct http_client *c);
void client_leave(struct http_client *c);
curl_socket_t client_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
int client_close_socket(void *arg, curl_socket_t fd);

/* http_transfer.c */
void transfer_add(struct http_transfer *t);
void transfer_remove(struct http_transfer *t);
void transfer_finish(struct http_transfer *t, CURLcode code);
void transfer_resume_now(struct http_transfer *t);
void route_release(struct http_route *r);

#endif
