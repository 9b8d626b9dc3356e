#include "gateway/exchange.h"

#include "base/fault.h"

#define PREFIX "x-quarterdeck-"

struct reading {
    struct exchange *x;
    struct slice bearer, api_key, tags, cache, approved, once;
    enum fault fault;
    struct error *error;
};

struct slice label_cut(struct slice s) {
    if (s.len <= LIMIT_LABEL) return s;
    s.len = LIMIT_LABEL;
    while (s.len > 0 && ((unsigned char)s.at[s.len] & 0xC0) == 0x80) s.len--; /* not inside a character */
    return s;
}

static void read_label(struct reading *r, struct slice name, struct slice value) {
    struct record *record = &r->x->record;
    struct {
        const char *name;
        struct slice *into;
    } labels[] = {{"user", &record->user},       {"session", &record->session},
                  {"feature", &record->feature}, {"team", &record->team},
                  {"request-type", &record->request_type}, {"tags", &r->tags},
                  {"prompt", &r->x->asked_prompt}, {"kb", &record->knowledge}, {"cache", &r->cache},
                  {"approve-cost", &r->approved},      {"once", &r->once}};
    for (unsigned i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (!slice_eq_nocase(name, slice_of(labels[i].name))) continue;
        value = slice_trim(value);
        if (!slice_is_utf8(value)) {
            r->fault = error_set(r->error, FAULT_BAD_REQUEST, "header " PREFIX "%s is not UTF-8", labels[i].name);
            return;
        }
        /* tags are cut one by one */
        *labels[i].into = labels[i].into == &r->tags ? value : label_cut(value);
        return;
    }
}

static bool each_header(void *arg, struct http_header h) {
    struct reading *r = arg;
    struct exchange *x = r->x;
    if (h.name.len > sizeof PREFIX - 1 && slice_eq_nocase(slice_make(h.name.at, sizeof PREFIX - 1), SLICE(PREFIX))) {
        read_label(r, slice_make(h.name.at + sizeof PREFIX - 1, h.name.len - (sizeof PREFIX - 1)), h.value);
    } else if (h.name.len == 13 && slice_eq_nocase(h.name, SLICE("authorization"))) {
        struct slice v = slice_trim(h.value);
        if (v.len > 7 && slice_eq_nocase(slice_make(v.at, 7), SLICE("bearer ")))
            r->bearer = slice_trim(slice_make(v.at + 7, v.len - 7));
    } else if (h.name.len == 9 && slice_eq_nocase(h.name, SLICE("x-api-key"))) {
        r->api_key = slice_trim(h.value);
    } else if ((h.name.len == 14 && slice_eq_nocase(h.name, SLICE("anthropic-beta"))) ||
               (h.name.len == 11 && slice_eq_nocase(h.name, SLICE("openai-beta")))) {
        if (x->n_passed_headers < sizeof x->passed_headers / sizeof x->passed_headers[0])
            x->passed_headers[x->n_passed_headers++] =
                arena_printf(&x->arena, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(h.name), SLICE_ARG(h.value));
    }
    return r->fault == FAULT_NONE;
}

/* "k=v,k=v": keys and values trimmed, kept in order. */
static enum fault read_tags(struct reading *r) {
    if (r->tags.len == 0) return FAULT_NONE;
    struct buffer out;
    buffer_init(&out, LIMIT_TAGS * (2 * LIMIT_LABEL + 2));
    struct slice rest = r->tags, one;
    unsigned n = 0;
    enum fault fault = FAULT_NONE;
    while (rest.len > 0 && fault == FAULT_NONE) {
        slice_cut(rest, ',', &one, &rest);
        struct slice key, value;
        one = slice_trim(one);
        if (one.len == 0) continue;
        if (!slice_cut(one, '=', &key, &value) || slice_trim(key).len == 0)
            fault = error_set(r->error, FAULT_BAD_REQUEST, "header x-quarterdeck-tags: expected k=v,k=v, found `" SLICE_FMT "`",
                              SLICE_ARG(label_cut(one)));
        else if (++n > LIMIT_TAGS)
            fault = error_set(r->error, FAULT_BAD_REQUEST, "header x-quarterdeck-tags: more than %d tags", LIMIT_TAGS);
        else {
            if (out.len > 0) buffer_byte(&out, ',');
            buffer_append(&out, label_cut(slice_trim(key)));
            buffer_byte(&out, '=');
            buffer_append(&out, label_cut(slice_trim(value)));
        }
    }
    if (fault == FAULT_NONE && out.len > 0) r->x->record.tags = arena_slice(&r->x->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return fault;
}

/* A name that is cut would be another's. */
static bool read_once(struct reading *r) {
    bool good = r->once.len > 0 && r->once.len <= LIMIT_ONCE_NAME;
    for (size_t i = 0; good && i < r->once.len; i++) good = r->once.at[i] >= 0x20 && r->once.at[i] < 0x7F;
    r->x->once = r->once;
    return good;
}

/* A named request goes on when its client is gone, and texts of its head are then no longer where they were. */
static void keep_labels(struct exchange *x) {
    struct record *r = &x->record;
    struct slice *all[] = {&r->user, &r->session, &r->feature, &r->team, &r->request_type, &r->knowledge, &x->once};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) *all[i] = arena_slice(&x->arena, *all[i]);
}

enum fault labels_read(struct exchange *x, struct slice *ret_credential, struct error *error) {
    struct reading r = {.x = x, .error = error};
    (void)http_request_each_header(x->request, each_header, &r);
    *ret_credential = r.bearer.len > 0 ? r.bearer : r.api_key;
    if (r.fault != FAULT_NONE) return r.fault;
    if (r.cache.len > 0) {
        if (!slice_is(r.cache, "no-store") && !slice_is(r.cache, "no-cache"))
            return error_set(error, FAULT_BAD_REQUEST,
                             "header x-quarterdeck-cache: expected no-store or no-cache, found `" SLICE_FMT "`",
                             SLICE_ARG(r.cache));
        x->no_store = slice_is(r.cache, "no-store");
        x->no_cache = !x->no_store;
    }
    if (r.approved.len > 0 && (!money_parse(r.approved, 9, &x->approved_nano) || x->approved_nano < 0))
        return error_set(error, FAULT_BAD_REQUEST, "header x-quarterdeck-approve-cost: expected USD such as 0.75, found `" SLICE_FMT "`",
                         SLICE_ARG(label_cut(r.approved)));
    if (!slice_is_null(r.once) && !read_once(&r))
        return error_set(error, FAULT_BAD_REQUEST, "header x-quarterdeck-once: expected 1 to %d printable ASCII characters", LIMIT_ONCE_NAME);
    if (!slice_is_null(r.once)) keep_labels(x);
    return read_tags(&r);
}
