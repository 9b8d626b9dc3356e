/* programs_host.c - one node or python3 that lives as long as the run. data/checks/host.js and host.py are the other end.
 *
 * A check whose time is up takes its host down with it, and the next one begins in a new one. A host that dies by itself may
 * have died of what an earlier check left behind: the one under way is asked once more, in a new one. */
#include "quality/programs_private.h"

#include "base/digest.h"
#include "base/mem.h"

#include <stdio.h>

enum { STARTS_WITHIN_US = 30 * 1000 * 1000, TRIES = 2 };

static void go_on(struct host *h);

static void fail_asked(struct host *h, struct slice why) {
    struct program_work *w = h->asked;
    h->asked = NULL;
    if (w != NULL) programs_fail(w, why);
}

static void fail_waiting(struct host *h, struct slice why) {
    while (!list_empty(&h->waiting)) programs_fail(list_item(h->waiting.next, struct program_work, link), why);
}

/* ---- what it says ---- */

static void take_reply(struct host *h, const struct json_doc *d) {
    struct program_work *w = h->asked;
    bool spoilt = false;
    struct error why = {.fault = FAULT_NONE};
    uint32_t said = json_get(d, 0, "said");
    child_limit(&h->child, 0);
    if (said == JSON_NONE) {
        struct slice words = json_string(d, json_get(d, 0, "error"), w->check->arena);
        fail_asked(h, words.len > 0 ? words : SLICE("the check gave no verdict"));
    } else if (program_read_verdict(w->check, d, said, &w->check->outcome, &why)) {
        w->check->outcome.reason = arena_slice(w->check->arena, w->check->outcome.reason);
        h->asked = NULL;
        programs_finish(w);
    } else {
        fail_asked(h, slice_of(why.text));
    }
    if (json_get_bool(d, json_get(d, 0, "spoilt"), &spoilt) && spoilt) child_kill(&h->child); /* the next one has a new one */
}

/* Code under way could write on our descriptor too: what is no answer to what was asked ends the host. */
static void take_line(struct host *h, struct slice line) {
    struct arena scratch;
    struct json_doc d;
    int64_t id = -1;
    bool ready = false;
    arena_init(&scratch, 4 << 10, 32 << 20);
    bool good = json_read(line, &scratch, UINT16_MAX, &d, NULL) == FAULT_NONE;
    if (good && !h->is_ready && json_get_bool(&d, json_get(&d, 0, "ready"), &ready) && ready) {
        h->is_ready = true;
        child_limit(&h->child, 0);
    } else if (good && h->asked != NULL && json_get_i64(&d, json_get(&d, 0, "id"), &id) && id == (int64_t)h->id) {
        take_reply(h, &d);
    } else {
        fail_asked(h, SLICE("the check wrote on the descriptor of its answer"));
        child_kill(&h->child);
    }
    arena_deinit(&scratch);
}

static void take_lines(struct host *h) {
    struct slice line, rest;
    while (!h->child.is_killed && slice_cut(buffer_slice(&h->child.said), '\n', &line, &rest)) {
        size_t n = line.len + 1;
        take_line(h, line);
        buffer_consume(&h->child.said, n);
    }
}

static void host_heard(struct child *c) {
    struct host *h = list_item(c, struct host, child);
    take_lines(h);
    go_on(h);
}

static void host_ended(struct child *c) {
    struct host *h = list_item(c, struct host, child);
    struct buffer words;
    take_lines(h);
    bool was_ready = h->is_ready;
    h->is_ready = false;
    buffer_init(&words, 4096);
    child_describe(c, h->argv[0], &words);
    if (h->asked != NULL && was_ready && c->end == CHILD_LATE) {
        buffer_printf(&words, " (timeout: %gs)", (double)h->asked->check->check->timeout_us / 1e6);
        fail_asked(h, buffer_slice(&words));
    } else if (h->asked != NULL && (h->asked->tries >= TRIES || c->end == CHILD_LOUD)) {
        fail_asked(h, buffer_slice(&words));
    } else if (h->asked != NULL) {
        list_unshift(&h->waiting, &h->asked->link);
        h->asked = NULL;
    } else if (!was_ready) { /* it did not even start: no use to try that for each */
        fail_waiting(h, buffer_slice(&words));
    }
    buffer_deinit(&words);
    go_on(h);
}

/* ---- what it is told ---- */

static bool start(struct host *h) {
    struct child_options o = {
        .argv = h->argv, .dir = h->owner->dir, .max_said = LIMIT_PROGRAM_SAYS, .max_memory = LIMIT_PROGRAM_MEMORY, .apart = true};
    struct error why = {.fault = FAULT_NONE};
    table_deinit(&h->known);
    table_init(&h->known);
    h->is_ready = false;
    if (child_start(&h->child, h->owner->loop, &o, &why) == FAULT_NONE) {
        child_limit(&h->child, STARTS_WITHIN_US);
        return true;
    }
    fail_waiting(h, slice_of(why.text));
    return false;
}

static void ask(struct host *h, struct program_work *w) {
    struct slice source = w->check->check->texts[0].text;
    struct json_writer json;
    struct buffer line;
    uint8_t digest[16];
    char code[2 * sizeof digest + 1];
    digest_fast128(source, digest);
    digest_hex(digest, sizeof digest, code);
    bool known = table_get(&h->known, slice_of(code)) != NULL;
    buffer_init(&line, LIMIT_PROGRAM_TOLD);
    json_start(&json, &line);
    json_object(&json);
    json_member_i64(&json, "id", (int64_t)++h->id);
    json_member_text(&json, "code", code);
    if (!known) json_member_string(&json, "source", source);
    json_key(&json, "about");
    program_write_about(w->check, &json);
    json_object_end(&json);
    for (size_t i = 0; i < line.len; i++) /* only between the values of a tool call's arguments: in a string it is escaped */
        if (line.at[i] == '\n') line.at[i] = ' ';
    buffer_byte(&line, '\n');
    h->asked = w;
    w->tries++;
    if (line.overflow) {
        fail_asked(h, SLICE("the case and its answer are too large for a program"));
    } else {
        if (!known) (void)table_put(&h->known, slice_of(code), h);
        child_limit(&h->child, w->check->check->timeout_us);
        child_tell(&h->child, buffer_slice(&line));
    }
    buffer_deinit(&line);
}

static void go_on(struct host *h) {
    while (h->asked == NULL && !list_empty(&h->waiting)) {
        if (!child_is_running(&h->child) && !start(h)) return;
        if (!h->is_ready || h->child.is_killed) return; /* heard or ended calls again */
        struct list *first = list_shift(&h->waiting);
        ask(h, list_item(first, struct program_work, link));
    }
}

void host_init(struct host *h, struct programs *owner, const char *const *argv) {
    *h = (struct host){.owner = owner, .argv = argv};
    h->child.heard = host_heard;
    h->child.ended = host_ended;
    list_init(&h->waiting);
    table_init(&h->known);
}

void host_add(struct host *h, struct program_work *w) {
    list_push(&h->waiting, &w->link);
    go_on(h);
}

void host_deinit(struct host *h) {
    struct list *first;
    child_deinit(&h->child);
    table_deinit(&h->known);
    if (h->asked != NULL) mem_free(h->asked);
    while ((first = list_shift(&h->waiting)) != NULL) mem_free(list_item(first, struct program_work, link));
}
