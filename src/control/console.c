#include "control/console.h"

#include "base/digest.h"
#include "control/api.h"

#include <stdio.h>

struct embedded_file {
    const char *name, *at;
    size_t size;
};
extern const struct embedded_file embedded_files[]; /* scripts/gen_embed */

#define FOLDER "console/"
#define ASSETS "/assets/"
#define NOT_MODIFIED 304

bool console_owns(struct slice path) {
    static const char *const pages[] = {"exchanges", "prompts", "rollouts", "evaluation", "cost",     "latency", "providers", "alerts",
                                        "oncall",    "audit",   "settings", "sign-in",    "set-up",   "assets"};
    struct slice first, rest;
    if (!slice_starts(path, SLICE("/"))) return false;
    slice_cut(slice_make(path.at + 1, path.len - 1), '/', &first, &rest);
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++)
        if (slice_is(first, pages[i])) return true;
    return path.len == 1;
}

unsigned console_headers(bool has_cache_control, struct http_header out[CONSOLE_HEADERS]) {
    static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
                                 "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    unsigned n = 0;
    out[n++] = (struct http_header){SLICE("content-security-policy"), slice_of(policy)};
    out[n++] = (struct http_header){SLICE("x-content-type-options"), SLICE("nosniff")};
    out[n++] = (struct http_header){SLICE("referrer-policy"), SLICE("no-referrer")};
    out[n++] = (struct http_header){SLICE("cross-origin-opener-policy"), SLICE("same-origin")};
    out[n++] = (struct http_header){SLICE("cross-origin-resource-policy"), SLICE("same-origin")};
    out[n++] = (struct http_header){SLICE("x-frame-options"), SLICE("DENY")};
    if (!has_cache_control) out[n++] = (struct http_header){SLICE("cache-control"), SLICE("no-store")};
    return n;
}

/* ---- the files ---- */

/* SLICE_NULL: it was not built in. */
static struct slice file(const char *name) {
    for (const struct embedded_file *f = embedded_files; f->name; f++) {
        struct slice path = slice_of(f->name), ending = slice_of(name);
        if (slice_ends(path, ending) && slice_ends(slice_make(path.at, path.len - ending.len), SLICE(FOLDER))) return slice_make(f->at, f->size);
    }
    return SLICE_NULL;
}

/* The page names its script and style sheet, and what it does not name is not there. */
static const char *asset_of(struct slice path) {
    struct slice page = file("index.html");
    bool script = slice_ends(path, SLICE(".js"));
    char quoted[128];
    if (path.len + 2 > sizeof quoted || (!script && !slice_ends(path, SLICE(".css")))) return NULL;
    quoted[0] = quoted[path.len + 1] = '"';
    memcpy(quoted + 1, path.at, path.len);
    if (!slice_contains(page, slice_make(quoted, path.len + 2))) return NULL;
    return script ? "app.js" : "app.css";
}

/* "gzip", alone or in a list, unless its weight is 0 (RFC 9110, 12.5.3). */
static bool takes_gzip(struct slice header) {
    struct slice one, name, weight;
    while (header.len > 0) {
        slice_cut(header, ',', &one, &header);
        slice_cut(one, ';', &name, &weight);
        if (!slice_eq_nocase(slice_trim(name), SLICE("gzip"))) continue;
        double q = 1;
        weight = slice_trim(weight);
        if (slice_starts(weight, SLICE("q="))) (void)slice_to_double(slice_make(weight.at + 2, weight.len - 2), &q);
        return q > 0;
    }
    return false;
}

/* ---- the answer ---- */

static void fail(struct api_response *ret, int status, const char *code, const char *message) {
    ret->status = status;
    ret->content_type = "application/json";
    api_write_error(&ret->body, code, message, SLICE_NULL);
}

static void put(const struct api_request *q, struct arena *arena, struct api_response *ret, const char *name, const char *cache) {
    char zipped[24];
    snprintf(zipped, sizeof zipped, "%s.gz", name);
    struct slice whole = file(name), small = takes_gzip(q->accept_encoding) ? file(zipped) : SLICE_NULL;
    bool zip = !slice_is_null(small);
    const char *tag = arena_text(arena, arena_printf(arena, "\"%016llx\"", (unsigned long long)digest_fast(whole, 0)));
    const char *const headers[] = {"cache-control", cache, "vary", "accept-encoding", "etag", tag, zip ? "content-encoding" : NULL, "gzip"};
    for (unsigned i = 0; i < sizeof headers / sizeof *headers && headers[i & ~1u]; i++) ret->extra_header[i] = headers[i];
    if (ret->status == 200 && tag && api_is_known(q->if_none_match, tag)) ret->status = NOT_MODIFIED;
    else buffer_append(&ret->body, zip ? small : whole);
}

void console_answer(const struct api_request *q, struct arena *arena, struct api_response *ret) {
    *ret = (struct api_response){.status = console_owns(q->path) ? 200 : 404};
    buffer_init(&ret->body, LIMIT_REPLY_BODY);
    bool asset = slice_starts(q->path, SLICE(ASSETS)) || slice_is(q->path, "/assets");
    const char *name = asset ? asset_of(q->path) : "index.html";
    if (!slice_is(q->method, "GET") && !slice_is(q->method, "HEAD")) {
        fail(ret, 405, "method_not_allowed", "expected GET");
        ret->extra_header[0] = "allow", ret->extra_header[1] = "GET, HEAD";
    } else if (!name) {
        fail(ret, 404, "not_found", "no such file: the console is newer or older than this page, load it again");
    } else if (slice_is_null(file(name))) {
        fail(ret, 404, "not_found", "this program was built without the console; the command line is there: quarterdeck help");
    } else {
        ret->content_type = !asset ? "text/html; charset=utf-8" : slice_is(slice_of(name), "app.js") ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8";
        put(q, arena, ret, name, asset ? "public, max-age=31536000, immutable" : "no-cache");
    }
}
