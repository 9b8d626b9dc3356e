/* http_reply.c - see http_reply.h. Lines may end in LF alone; folded header lines are joined (RFC
 * 9112 2.2, 5.2). */
#include "io/http_reply.h"

enum state {
    IN_HEAD,
    IN_BODY, /* `left` bytes */
    UNTIL_CLOSE,
    CHUNK_SIZE, /* hexadecimal digits; `line` counts them */
    CHUNK_MORE, /* the rest of the size's line: extensions */
    CHUNK_DATA,
    CHUNK_END, /* the line break behind a chunk; `line`: its CR was seen */
    TRAILERS,  /* `line` counts the bytes of a line */
    COMPLETE,
    BROKEN,
};

enum {
    KEEP_HEAD = 1024, /* bytes of head buffer that an idle reader keeps */
    SIZE_DIGITS = 15, /* of a chunk: below 2^60 */
    STATUS_AT = 9,    /* "HTTP/1.1 200" */
};

void http_reply_init(struct http_reply *r) {
    *r = (struct http_reply){0};
    buffer_init(&r->head, HTTP_REPLY_HEAD_MAX);
}

void http_reply_reset(struct http_reply *r, bool head_request) {
    struct buffer head = r->head;
    buffer_clear(&head);
    buffer_shrink(&head, KEEP_HEAD);
    *r = (struct http_reply){.head = head, .reads_only = head_request};
}

void http_reply_deinit(struct http_reply *r) {
    buffer_deinit(&r->head);
}

bool http_reply_has_head(const struct http_reply *r) {
    return r->state != IN_HEAD && r->status >= 200;
}

bool http_reply_ended(const struct http_reply *r) {
    return r->state == UNTIL_CLOSE || r->state == COMPLETE;
}

static enum http_reply_step broken(struct http_reply *r, const char *why) {
    r->state = BROKEN;
    r->why = why;
    r->keep_alive = false;
    return HTTP_REPLY_BAD;
}

/* the head */

/* Takes the next line, without its break. */
static bool next_line(struct slice *rest, struct slice *ret_line) {
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    if (end == NULL) return false;
    size_t len = (size_t)(end - rest->at);
    *ret_line = slice_make(rest->at, len > 0 && end[-1] == '\r' ? len - 1 : len);
    *rest = slice_make(end + 1, rest->len - len - 1);
    return true;
}

static bool next_header(struct slice *rest, struct slice *ret_name, struct slice *ret_value) {
    struct slice line;
    while (next_line(rest, &line) && line.len > 0)
        if (slice_cut(line, ':', ret_name, ret_value)) {
            *ret_value = slice_trim(*ret_value);
            return true;
        }
    return false;
}

static struct slice headers_of(const struct http_reply *r) {
    struct slice rest = buffer_slice(&r->head), status;
    (void)next_line(&rest, &status);
    return rest;
}

struct slice http_reply_header(const struct http_reply *r, const char *name) {
    struct slice rest = headers_of(r), found, value, wanted = slice_of(name);
    while (next_header(&rest, &found, &value))
        if (slice_eq_nocase(found, wanted)) return value;
    return SLICE_NULL;
}

/* A line that begins with white space goes on with the header before it. */
static void unfold(struct buffer *head) {
    for (size_t i = 1; i < head->len; i++) {
        if (head->at[i - 1] != '\n' || (head->at[i] != ' ' && head->at[i] != '\t')) continue;
        head->at[i - 1] = ' ';
        if (i >= 2 && head->at[i - 2] == '\r') head->at[i - 2] = ' ';
    }
}

static bool read_status(struct http_reply *r) {
    struct slice head = buffer_slice(&r->head);
    uint64_t status;
    bool good = head.len > STATUS_AT + 3 && slice_starts(head, SLICE("HTTP/1.")) &&
                head.at[STATUS_AT - 1] == ' ' && slice_to_u64(slice_make(head.at + STATUS_AT, 3), &status) &&
                status >= 100 && strchr(" \r\n", head.at[STATUS_AT + 3]) != NULL;
    if (!good) return false;
    r->status = (int)status;
    r->keep_alive = head.at[7] != '0';
    return true;
}

/* What the headers say of the body's length, after RFC 9112 6.3. */
struct framing {
    bool chunked, other_coding, has_length, bad_length, close;
    uint64_t length;
};

static void read_length(struct framing *f, struct slice value) {
    struct slice first;
    uint64_t n;
    while (value.len > 0) { /* "5, 5" is what a proxy makes of two equal headers */
        (void)slice_cut(value, ',', &first, &value);
        if (!slice_to_u64(slice_trim(first), &n) || n > INT64_MAX || (f->has_length && f->length != n))
            f->bad_length = true;
        else f->length = n;
        f->has_length = true;
    }
}

static void read_headers(struct http_reply *r, struct framing *f) {
    struct slice rest = headers_of(r), name, value;
    while (next_header(&rest, &name, &value)) {
        if (slice_eq_nocase(name, SLICE("content-length"))) {
            read_length(f, value);
        } else if (slice_eq_nocase(name, SLICE("transfer-encoding"))) {
            if (slice_eq_nocase(value, SLICE("chunked"))) f->chunked = true;
            else if (!slice_eq_nocase(value, SLICE("identity"))) f->other_coding = true;
        } else if (slice_eq_nocase(name, SLICE("connection"))) {
            if (slice_contains_nocase(value, SLICE("close"))) f->close = true;
            else if (slice_contains_nocase(value, SLICE("keep-alive"))) r->keep_alive = true;
        }
    }
}

static enum http_reply_step head_complete(struct http_reply *r) {
    struct framing f = {0};
    if (!read_status(r)) return broken(r, "not an HTTP/1 status line");
    if (r->status < 200 && r->status != 101) {
        buffer_clear(&r->head);
        r->status = 0;
        return HTTP_REPLY_MORE;
    }
    unfold(&r->head);
    read_headers(r, &f);
    if (f.other_coding || r->status == 101) return broken(r, "a transfer coding that was not asked for");
    if (f.bad_length && !f.chunked) return broken(r, "content-length is not one number");
    if (f.close || (f.chunked && f.has_length))
        r->keep_alive = false; /* somebody between here and there may believe the other */
    if (r->reads_only || r->status == 204 || r->status == 304) r->state = COMPLETE;
    else if (f.chunked) r->state = CHUNK_SIZE;
    else if (!f.has_length) r->state = UNTIL_CLOSE;
    else r->state = f.length > 0 ? IN_BODY : COMPLETE;
    if (r->state == UNTIL_CLOSE) r->keep_alive = false;
    r->left = f.length;
    r->line = 0;
    return HTTP_REPLY_HEAD;
}

static bool may_begin_head(const struct buffer *head) {
    size_t n = head->len < 5 ? head->len : 5;
    return memcmp(head->at, "HTTP/", n) == 0;
}

/* Copies up to the empty line. `line` counts the bytes of the line that is being read, its CR left out. */
static enum http_reply_step feed_head(struct http_reply *r, struct slice *in) {
    size_t used = 0;
    bool complete = false;
    while (used < in->len && !complete) {
        char c = in->at[used++];
        if (c == '\n') {
            complete = r->line == 0 && (r->head.len > 0 || used > 2);
            r->line = 0;
        } else if (c != '\r') {
            r->line++;
        }
    }
    bool fits = buffer_append(&r->head, slice_make(in->at, used));
    *in = slice_make(in->at + used, in->len - used);
    if (!fits) return broken(r, "a head of more than 256 KiB");
    if (!may_begin_head(&r->head)) return broken(r, "not HTTP");
    return complete ? head_complete(r) : HTTP_REPLY_MORE;
}

/* the body */

static enum http_reply_step feed_bytes(struct http_reply *r, struct slice *in, struct slice *ret_piece,
                                       enum state then) {
    size_t n = in->len < r->left ? in->len : (size_t)r->left;
    *ret_piece = slice_make(in->at, n);
    *in = slice_make(in->at + n, in->len - n);
    r->left -= n;
    if (r->left == 0) r->state = then;
    return HTTP_REPLY_BODY;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static enum http_reply_step size_complete(struct http_reply *r) {
    r->state = r->left > 0 ? CHUNK_DATA : TRAILERS;
    r->line = 0;
    return HTTP_REPLY_MORE;
}

static enum http_reply_step feed_size(struct http_reply *r, char c) {
    int digit = hex_digit(c);
    if (digit >= 0) {
        r->left = (r->line == 0 ? 0 : r->left * 16) + (uint64_t)digit;
        return ++r->line <= SIZE_DIGITS ? HTTP_REPLY_MORE
                                        : broken(r, "chunked-encoding: a size of too many digits");
    }
    if (r->line == 0 || strchr("\r\n; \t", c) == NULL)
        return broken(r, "chunked-encoding: no size where one was expected");
    if (c == '\n') return size_complete(r);
    r->state = CHUNK_MORE;
    r->line = 0;
    return HTTP_REPLY_MORE;
}

static enum http_reply_step feed_chunk_end(struct http_reply *r, char c) {
    if (c == '\r' && r->line == 0) {
        r->line = 1;
        return HTTP_REPLY_MORE;
    }
    if (c != '\n') return broken(r, "chunked-encoding: a chunk longer than its size");
    r->state = CHUNK_SIZE;
    r->line = 0;
    return HTTP_REPLY_MORE;
}

static enum http_reply_step feed_trailer(struct http_reply *r, char c) {
    if (++r->left > HTTP_REPLY_HEAD_MAX) return broken(r, "trailers of more than 256 KiB");
    if (c == '\r') return HTTP_REPLY_MORE;
    if (c != '\n') {
        r->line++;
    } else if (r->line == 0) {
        r->state = COMPLETE;
    } else {
        r->line = 0;
    }
    return HTTP_REPLY_MORE;
}

static enum http_reply_step feed_framing(struct http_reply *r, char c) {
    switch (r->state) {
    case CHUNK_SIZE: return feed_size(r, c);
    case CHUNK_MORE:
        if (++r->line > KEEP_HEAD) return broken(r, "chunked-encoding: an extension of more than 1 KiB");
        return c == '\n' ? size_complete(r) : HTTP_REPLY_MORE;
    case CHUNK_END: return feed_chunk_end(r, c);
    default: return feed_trailer(r, c);
    }
}

enum http_reply_step http_reply_feed(struct http_reply *r, struct slice *in, struct slice *ret_piece) {
    while (r->state == COMPLETE || in->len > 0) {
        enum http_reply_step step = HTTP_REPLY_MORE;
        switch ((enum state)r->state) {
        case IN_HEAD: step = feed_head(r, in); break;
        case IN_BODY: return feed_bytes(r, in, ret_piece, COMPLETE);
        case CHUNK_DATA: return feed_bytes(r, in, ret_piece, CHUNK_END);
        case UNTIL_CLOSE:
            *ret_piece = *in;
            *in = slice_make(in->at + in->len, 0);
            return HTTP_REPLY_BODY;
        case COMPLETE: return HTTP_REPLY_END;
        case BROKEN: return HTTP_REPLY_BAD;
        default:
            step = feed_framing(r, in->at[0]);
            *in = slice_make(in->at + 1, in->len - 1);
            break;
        }
        if (step != HTTP_REPLY_MORE) return step;
    }
    return HTTP_REPLY_MORE;
}
