/* wire_notify_parts.h - what the files of wire_notify share.
 *
 *   wire_notify.c        the thread: which receivers there are, what is due, whether the watch is silent
 *   wire_notify_door.c   one receiver: a notice on its way to it, and what came back
 *   wire_notify_refresh.c  what still fires, told again to those that forget
 *
 * A door has one notice under way at most (`number`, or `urgent`), and is touched on the thread's loop alone; a mail thread has the copies that
 * `mail` points to, and ends by posting to the loop. */
#ifndef WIRE_NOTIFY_PARTS_H
#define WIRE_NOTIFY_PARTS_H

#include "wire_notify.h"

#include "incident/action.h"
#include "incident/notice.h"
#include "io/http_call.h"
#include "io/mail.h"
#include "store/alerts.h"

#include <pthread.h>

enum notify_urgent { URGENT_NOTHING, URGENT_SILENT, URGENT_OVER, URGENT_REFRESH };

struct notify_mail {
    struct mail mail;
    const char *url;
    pthread_t thread;
    bool running;
    enum fault fault;
    int reply;
    struct error error;
};

struct notify_door {
    struct notify_wire *w;
    char *name;
    bool known;                    /* in the policy that was looked at last */
    bool said_gone;                /* that it is not, since it was */
    /* under way */
    bool busy, test;
    struct arena arena;
    struct alert_receiver receiver; /* copied: a reload changes nothing under way */
    struct notice notice;          /* number 0: told from memory */
    enum notify_urgent telling;
    struct notice_request *requests;
    unsigned n_requests, next, refused;
    struct http_route *route;
    struct http_call call;
    int status;                    /* of the head; 0: none came */
    char retry_after[64], why[LIMIT_ERROR_TEXT];
    struct notify_mail mail;
    /* between notices */
    int64_t rest_until_us;         /* monotonic; the receiver failed */
    int64_t failures;              /* in a row */
    int64_t unmarked;              /* was taken, and the store does not know yet; 0 */
    enum notify_urgent urgent;     /* what it is still to be told from memory */
    bool told_silent;
    int64_t refresh_us;            /* monotonic: when it hears again of what fires; 0: at the start */
    unsigned refreshed;            /* how many alerts were looked at for that */
    struct notify_door *following;
};

struct notify_wire {
    struct notify_sources s;
    struct registry *registry;
    struct metric_shard *shard;
    struct loop *loop;
    struct http_client *client;
    struct loop_timer timer;
    struct notify_door *doors;
    pthread_t thread;
    bool running, looking;
    atomic_bool stopping, asked;
    char *external_url;
    int64_t clock_us, clock_mono_us; /* wall, never going back; when that was */
    bool silent;
    int64_t silent_us;             /* since when, by the clock above */
    char said[LIMIT_ERROR_TEXT];   /* what of the store was complained of last */
};

/* Wall time that never goes back, and is not before anything that was made. */
int64_t notify_now_us(struct notify_wire *w, int64_t made_us);
/* Looks again in the next turn. */
void notify_look_soon(struct notify_wire *w);
void notify_count(struct notify_door *d, const char *outcome);

struct notify_door *notify_door_new(struct notify_wire *w, struct slice name);
void notify_door_free(struct notify_door *d);
/* Sends it; it is copied. The door must not be busy. */
void notify_door_send(struct notify_door *d, const struct alert_receiver *r, const struct notice *n, enum notify_urgent telling);
/* Sends what fires to a receiver that has to hear of it now and then, where it is time. The door must not be busy, and nothing wait for it. */
enum fault notify_refresh(struct notify_door *d, const struct alert_receiver *r, const struct policy *p, int64_t now_us, struct error *error);
/* The loop has ended: what is under way is cut off; a message that was sent meanwhile is marked. */
void notify_door_end(struct notify_door *d);
bool notify_door_mark(struct notify_door *d); /* tells the store of `unmarked`; false: it still does not know */

#endif
