/* http_server_private.h - what the files of the HTTP server share; nobody else includes it.
 *
 *   http_server.c    the listener, the runs of libmicrohttpd, deadlines
 *   http_receive.c   connections, heads and bodies, refusals
 *   http_respond.c   answers and streams
 *   http_linger.c    closed connections whose client is still sending
 *
 * libmicrohttpd ("the daemon") parses and answers; it is run by hand from the loop (server_run), once a
 * turn. While an owner holds a request its connection is suspended: then the daemon does not look at the
 * socket at all, and our own edge-triggered watch on it tells of hang-ups.
 *
 * A request is in one stage at a time and goes through them in order. It ends when both the daemon is
 * done with it (detached) and, if the owner got it (STAGE_HELD), the owner concluded. */
#ifndef IO_HTTP_SERVER_PRIVATE_H
#define IO_HTTP_SERVER_PRIVATE_H

#include "base/list.h"
#include "io/http_server.h"

#include <microhttpd.h>
#include <netinet/in.h>

enum stage {
    STAGE_HEAD, /* the request line is here */
    STAGE_BODY, /* the head is here */
    STAGE_HELD, /* the owner has it, from on_request on */
};

struct request {
    struct http_request pub; /* first, so that the two convert */
    struct http_server *server;
    struct http_connection *conn; /* NULL once detached */
    struct list link;             /* of server: dirty, finished or spare */
    enum stage stage;
    bool seen;      /* the owner was told of it: it is owed on_finished */
    bool in_owner;  /* on_head or on_request is running: the daemon's own flow sends the answer */
    bool has_body, chunked, http11, is_head_method;
    bool over;      /* the body passed max_body: the rest is dropped and 413 answered at its end */
    bool concluded; /* by the owner or, for a refusal, by us */
    bool gone;      /* on_gone was delivered */
    bool dropped;   /* close the connection without a (further) answer */
    bool detached;  /* the daemon is done with it */
    bool sent;
    bool suspended;
    bool queued;    /* the daemon has the response */
    bool streaming, ended;
    bool direct;    /* stream frames go to the socket without the daemon, chunk framing is in `out` */
    bool corked, high;
    struct MHD_Response *response; /* made, not yet queued */
    unsigned status;
    int64_t progress_us; /* last time that bytes of the body came, or of the answer left */
    const char *uri_at;  /* where the daemon keeps the raw URI; compared, not read */
    struct buffer uri, body, out, kept;
    size_t out_at; /* of out: already sent */
    struct http_header *headers;
    unsigned n_headers, headers_capacity;
};

struct http_connection {
    struct list link;
    struct list hung_link; /* of server, until the daemon was told */
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct request *request; /* NULL between requests */
    struct loop_watch watch; /* hang-ups; LOOP_WRITE too while a direct stream is blocked */
    int64_t since_us;        /* idle: since when; head: request line; body: head complete; sending: progress */
    uint64_t acked;          /* while sending: bytes the client acknowledged when last looked at */
    unsigned replies;
    bool hung, shut;
    bool linger; /* the client may still be sending when we close: read that, or it never sees our answer */
    char peer[INET6_ADDRSTRLEN];
};

struct http_server {
    struct loop *loop;
    struct http_handler handler;
    struct http_server_options o; /* its texts are not kept */
    bool tls;
    struct MHD_Daemon *daemon;
    int listen_fd; /* -1 once quiesced */
    uint16_t port;
    struct loop_watch epoll_watch;
    struct loop_timer again; /* the daemon has something left to do */
    struct loop_timer janitor;
    struct list connections, hung, lingering, dirty, finished, spare;
    unsigned n_connections, n_lingering, n_spare;
    unsigned open; /* requests that exist */
    uint64_t activity, activity_seen;
    unsigned fruitless;    /* flushes in a row that came to nothing */
    int64_t unsettled_us;  /* since when the daemon always had something left to do; 0: it has not */
    unsigned busy; /* depth of calls that use connections: freeing waits for the end of the turn */
    bool run_wanted, in_run, flush_queued, quiesced, free_wanted;
    struct buffer scratch;
};

/* http_server.c */
void server_want_flush(struct http_server *s);
void server_want_run(struct http_server *s);

/* http_linger.c */
void linger_start(struct http_server *s, int fd); /* keeps a duplicate of fd */
void linger_expire(struct http_server *s, int64_t before_us);

/* http_receive.c */
enum MHD_Result receive_handler(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context);
void *receive_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
void receive_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);
void receive_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code);
void connection_gone(struct http_connection *c);
void connection_shut(struct http_connection *c);
void connection_refuse(struct http_connection *c, enum fault fault); /* past the daemon, then closes */
void request_finish(struct request *r);
void request_free(struct request *r);

/* http_respond.c */
void respond_refuse(struct request *r, enum fault fault, bool close);
enum MHD_Result respond_queue(struct request *r);
void respond_resume(struct request *r);
void respond_drop(struct request *r);
void respond_flush(struct request *r);
void respond_ready(struct request *r); /* the socket of a blocked direct stream takes bytes again */
void respond_cork(struct request *r, bool on);
size_t respond_unsent(const struct request *r);

#endif
