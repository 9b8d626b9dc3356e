/* http_reply.h - the framing of one HTTP/1.1 reply (RFC 9112), read from bytes as they come.
 *
 * Feed it what was received: it takes from the front of `in` and says what it found. Informational heads
 * (1xx) and trailers are passed over. Body pieces point into the input, nothing is copied but the head. A
 * reply whose length nobody said lasts until the connection ends: http_reply_ended then says whether that
 * was the end or a cut. After HTTP_REPLY_END, what is left in `in` does not belong to this reply. */
#ifndef IO_HTTP_REPLY_H
#define IO_HTTP_REPLY_H

#include "base/buffer.h"

enum http_reply_step {
    HTTP_REPLY_MORE, /* all of `in` was taken */
    HTTP_REPLY_HEAD, /* status and headers are here */
    HTTP_REPLY_BODY, /* *ret_piece is a piece of the body */
    HTTP_REPLY_END,  /* the message is complete */
    HTTP_REPLY_BAD,  /* not HTTP, a head over HTTP_REPLY_HEAD_MAX, or broken framing: see `why` */
};

#define HTTP_REPLY_HEAD_MAX (256u * 1024u) /* head or trailers; proxies stop at 8 to 64 KiB */

struct http_reply {
    struct buffer head; /* of the final reply, from on HTTP_REPLY_HEAD */
    const char *why;    /* after HTTP_REPLY_BAD: static text */
    uint64_t left;      /* of the body or the chunk */
    int status;
    unsigned state;  /* private */
    unsigned line;   /* private: bytes of the line being read, or digits of a chunk's size */
    bool reads_only; /* the request was HEAD: no body follows */
    bool keep_alive; /* once complete, the connection may carry another request */
};

void http_reply_init(struct http_reply *r);
void http_reply_reset(struct http_reply *r,
                      bool head_request); /* for the next reply; keeps a little memory */
void http_reply_deinit(struct http_reply *r);

enum http_reply_step http_reply_feed(struct http_reply *r, struct slice *in, struct slice *ret_piece);
bool http_reply_ended(
    const struct http_reply *r); /* the connection ended: true when the message is complete by that */
bool http_reply_has_head(const struct http_reply *r);

/* From HTTP_REPLY_HEAD on: the first header of that name, trimmed; SLICE_NULL: absent. */
struct slice http_reply_header(const struct http_reply *r, const char *name);

#endif
