/* http_client_private.h - what the files of the HTTP client share; nobody else includes it.
 *
 *   http_client.c    libcurl on the loop: sockets, timer, the order of things in a turn
 *   http_transfer.c  routes and transfers; by libcurl where there is TLS or a proxy
 *   http_direct.c    transfers to a plain origin: connections by libcurl, the exchange by http_reply.h
 *   http_fetch.c     one blocking request
 *
 * libcurl is called in two places only: when a socket or its timer fires, and at the end of a turn
 * (client_flush), which adds what was started, resumes, and lets it run. So callbacks never come from
 * inside the owner's own call, and what is cancelled inside a callback is removed when libcurl returned. */
#ifndef IO_HTTP_CLIENT_PRIVATE_H
#define IO_HTTP_CLIENT_PRIVATE_H

#include "base/list.h"
#include "io/http_client.h"
#include "io/http_reply.h"

#include <curl/curl.h>

enum { SHARDS = 64, SHARD_CONNECTIONS = 64 };

/* libcurl walks all connections of a multi handle for each request: with 2,000 of them that costs more
 * than the request. So there are several, and a request goes to the first that is not full: a light load
 * uses one and finds its connections warm. */
struct client_shard {
    struct http_client *client;
    CURLM *multi; /* NULL while unused */
    struct loop_timer timer;
    struct list kicked; /* of client, when it must be run */
    unsigned n_open;    /* transfers in it */
    int64_t idle_us;    /* since when it has none */
};

#define HTTP_RECEIVE (64 * 1024) /* more a call saves nothing */
struct http_client {
    struct loop *loop;
    CURLSH *share; /* TLS sessions and resolved names, for all shards */
    struct client_shard shards[SHARDS];
    unsigned n_shards;         /* that may be used */
    unsigned max_connections;  /* to one host, over all shards */
    struct client_socket **sockets; /* by descriptor */
    size_t sockets_capacity;
    struct list changed;                    /* sockets whose watch must follow */
    struct list starting, running, resuming, cancelled; /* transfers */
    struct list kicked; /* shards */
    struct list routes, origins;
    unsigned inside; /* depth of calls into libcurl */
    unsigned busy;   /* depth of calls that use this client: freeing waits */
    bool flush_queued, free_wanted, started;
    char *received; /* HTTP_RECEIVE bytes of the direct transfer that is being read; NULL until there was one */
};

/* One plain "host:port" and its connections. */
struct http_origin {
    struct list link;
    struct http_client *client;
    char *name;
    struct list idle;    /* connections, newest first */
    struct list waiting; /* transfers, oldest first */
    unsigned n_idle, n_open, n_routes;
};

struct http_route {
    struct list link;
    struct http_client *client;
    CURLU *url; /* parsed once; libcurl copies it for each request, which is cheaper than parsing */
    char *method, *proxy, *ca_file;
    struct curl_slist *headers;
    long connect_timeout_ms;
    bool https, http2, reads_head;
    struct http_origin *origin; /* NULL: libcurl carries the transfers */
    struct buffer prefix;       /* direct: request line and host */
    struct buffer fixed;        /* direct: the route's headers */
    struct list spare; /* transfers for reuse */
    unsigned n_spare, open;
    bool freed;
};

struct http_transfer {
    struct list link;
    struct http_route *route;
    struct client_shard *shard; /* that has it, or NULL */
    CURL *easy; /* direct: only while connecting */
    struct http_transfer_events events;
    void *ctx;
    int status;
    size_t head_bytes;
    int64_t received;
    bool head_done; /* on_head was called */
    bool cancelled, finishing, too_long;
    struct curl_slist *extra; /* nodes in front of the route's list; an array */
    unsigned extra_capacity;
    struct buffer extra_text;
    char detail[CURL_ERROR_SIZE];
    /* direct */
    struct http_connection *connection;
    struct http_reply reply;
    struct buffer request; /* its head */
    struct slice body;
    size_t sent;           /* of head and body together */
    int64_t attached_us;   /* when it got its connection */
    struct buffer held;    /* received, while paused */
    bool paused, answered, waited, connecting;
};

/* http_client.c */
void client_want_flush(struct http_client *c);
void client_enter(struct http_client *c);
void client_leave(struct http_client *c);
void client_kick(struct client_shard *s);
struct client_shard *client_pick_shard(struct http_client *c); /* NULL: libcurl gives no handle */
curl_socket_t client_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
int client_close_socket(void *arg, curl_socket_t fd);

/* http_transfer.c */
void transfer_add(struct http_transfer *t);
void transfer_remove(struct http_transfer *t);
void transfer_finish(struct http_transfer *t, CURLcode code);
void transfer_end(struct http_transfer *t, enum http_result result, const char *detail); /* tells, and recycles */
void transfer_set_connection(struct http_transfer *t); /* options of how to connect, on t->easy */
void transfer_give(struct http_transfer *t);           /* to libcurl; what fails is told by transfer_finish */
void transfer_take_out(struct http_transfer *t);
void transfer_resume_now(struct http_transfer *t);
void route_release(struct http_route *r);

/* http_direct.c */
struct http_origin *origin_hold(struct http_client *c, struct slice name);
void origin_drop(struct http_origin *o); /* accepts NULL */
void direct_add(struct http_transfer *t);
void direct_connected(struct http_transfer *t, CURLcode code);
void direct_resume(struct http_transfer *t);
void direct_remove(struct http_transfer *t); /* its connection closes */
void direct_wake(struct http_origin *o);     /* one that waits may go on */
void direct_reset(struct http_transfer *t);

#endif
