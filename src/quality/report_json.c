/* The whole run as one object, and its results one a line. */
#include "quality/report_private.h"

struct lines {
    struct report_out *out;
    struct json_writer *w; /* NULL: each on a line of its own */
};

static bool put_result(void *to, const struct result *r) {
    struct lines *l = to;
    struct json_writer own, *w = l->w;
    if (w == NULL) json_start(w = &own, &l->out->text);
    result_write(r, w);
    if (l->w == NULL) buffer_byte(&l->out->text, '\n');
    report_flush(l->out);
    return l->out->fault == FAULT_NONE;
}

void report_jsonl(const struct report *r, struct report_out *o) {
    struct lines l = {o, NULL};
    report_each(r, o, put_result, &l);
}

/* A kept summary names its run and suite too. */
static bool in_head(const struct report *r, uint32_t key) {
    static const char *const names[] = {"run", "suite", "suite_version", "suite_digest", "prompt", "model", "started", "ended"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_is(r->summary, key, names[i])) return true;
    return false;
}

void report_json(const struct report *r, struct report_out *o) {
    struct json_writer w;
    struct lines l = {o, &w};
    uint32_t at = JSON_NONE, key, value;
    json_start(&w, &o->text);
    json_object(&w);
    report_head(r, &w);
    while (json_each_member(r->summary, 0, &at, &key, &value)) {
        if (in_head(r, key)) continue;
        json_key_slice(&w, json_string(r->summary, key, &o->arena));
        json_put_raw(&w, json_raw(r->summary, value));
    }
    json_key(&w, "results");
    json_array(&w);
    report_flush(o);
    report_each(r, o, put_result, &l);
    json_array_end(&w);
    json_object_end(&w);
    buffer_byte(&o->text, '\n');
}
