#include "sim/shelf.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/multipart.h"
#include "sim/answer.h"
#include "sim/wire.h"

#include <pthread.h>
#include <stdio.h>

enum { ID = 40, PARTS = 8, USUAL_POLLS = 2 };

struct kept_file {
    struct list link;
    char id[ID];
    char name[128];
    struct buffer text;
};

struct kept_batch {
    struct list link;
    char id[ID], input[ID], output[ID], errors[ID];
    struct buffer metadata, endpoint, answered, failed, first; /* first: the first line's answer alone */
    int64_t polls, total, completed, created;
    uint64_t asked;
    bool cancelled;
};

struct shelf {
    pthread_mutex_t lock;
    unsigned holders;
    struct book *book;
    uint64_t seed, serial;
    struct list files, batches; /* newest first */
    unsigned n_files, n_batches;
};

struct shelf *shelf_new(struct book *b, uint64_t seed) {
    struct shelf *s = mem_new(struct shelf);
    pthread_mutex_init(&s->lock, NULL);
    s->holders = 1;
    s->book = b;
    s->seed = seed;
    list_init(&s->files);
    list_init(&s->batches);
    return s;
}

struct shelf *shelf_hold(struct shelf *s) {
    pthread_mutex_lock(&s->lock);
    s->holders++;
    pthread_mutex_unlock(&s->lock);
    return s;
}

static void file_free(struct shelf *s, struct kept_file *f) {
    list_remove(&f->link);
    s->n_files--;
    buffer_deinit(&f->text);
    mem_free(f);
}

static void batch_free(struct shelf *s, struct kept_batch *b) {
    list_remove(&b->link);
    s->n_batches--;
    buffer_deinit(&b->metadata);
    buffer_deinit(&b->endpoint);
    buffer_deinit(&b->answered);
    buffer_deinit(&b->failed);
    buffer_deinit(&b->first);
    mem_free(b);
}

void shelf_free(struct shelf *s) {
    if (s == NULL) return;
    pthread_mutex_lock(&s->lock);
    bool last = --s->holders == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last) return;
    while (!list_empty(&s->files)) file_free(s, list_item(s->files.next, struct kept_file, link));
    while (!list_empty(&s->batches)) batch_free(s, list_item(s->batches.next, struct kept_batch, link));
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/* ---- what is kept ---- */

static struct kept_file *file_add(struct shelf *s, struct slice name, struct slice text) {
    struct kept_file *f = mem_new(struct kept_file);
    (void)snprintf(f->id, sizeof f->id, "file-sim%06llu", (unsigned long long)++s->serial);
    (void)snprintf(f->name, sizeof f->name, SLICE_FMT, SLICE_ARG(name));
    buffer_init(&f->text, SIM_BODY);
    (void)buffer_append(&f->text, text);
    list_unshift(&s->files, &f->link);
    if (++s->n_files > SIM_SHELF) file_free(s, list_item(s->files.prev, struct kept_file, link));
    return f;
}

static struct kept_file *file_find(struct shelf *s, struct slice id) {
    for (struct list *node = s->files.next; node != &s->files; node = node->next)
        if (slice_is(id, list_item(node, struct kept_file, link)->id)) return list_item(node, struct kept_file, link);
    return NULL;
}

static struct kept_batch *batch_find(struct shelf *s, struct slice id) {
    for (struct list *node = s->batches.next; node != &s->batches; node = node->next)
        if (slice_is(id, list_item(node, struct kept_batch, link)->id)) return list_item(node, struct kept_batch, link);
    return NULL;
}

/* ---- answers ---- */

static void respond(struct http_request *r, int status, struct buffer *out) {
    struct http_header h = {SLICE("content-type"), SLICE("application/json")};
    http_respond_take(r, status, &h, 1, out);
}

static void refuse(struct http_request *r, int status, const char *message) {
    struct wire_error e = {.status = status, .words.message = slice_of(message), .request_id = SLICE("req_shelf")};
    struct buffer out;
    buffer_init(&out, 4096);
    wire_chat.write_error(&e, &out);
    respond(r, status, &out);
    buffer_deinit(&out);
}

static void write_file(const struct kept_file *f, struct json_writer *w) {
    json_object(w);
    json_member_text(w, "id", f->id);
    json_member_text(w, "object", "file");
    json_member_i64(w, "bytes", (int64_t)f->text.len);
    json_member_i64(w, "created_at", clock_wall_us() / 1000000);
    json_member_text(w, "filename", f->name);
    json_member_text(w, "purpose", "batch");
    json_object_end(w);
}

static bool is_complete(const struct kept_batch *b) { return (int64_t)b->asked >= b->polls; }

static const char *status_of(const struct kept_batch *b) {
    if (b->cancelled) return b->output[0] != 0 || b->asked > 0 ? "cancelled" : "cancelling";
    return is_complete(b) ? "completed" : b->asked == 0 ? "validating" : "in_progress";
}

static void write_batch(const struct kept_batch *b, struct json_writer *w) {
    bool shown = is_complete(b) || b->cancelled;
    json_object(w);
    json_member_text(w, "id", b->id);
    json_member_text(w, "object", "batch");
    json_member_string(w, "endpoint", buffer_slice(&b->endpoint));
    json_member_raw(w, "errors", SLICE("null"));
    json_member_text(w, "input_file_id", b->input);
    json_member_text(w, "completion_window", "24h");
    json_member_text(w, "status", status_of(b));
    json_member_text(w, "output_file_id", shown && b->output[0] != 0 ? b->output : NULL);
    json_member_text(w, "error_file_id", shown && b->errors[0] != 0 ? b->errors : NULL);
    json_member_i64(w, "created_at", b->created);
    json_key(w, "request_counts");
    json_object(w);
    json_member_i64(w, "total", b->total);
    json_member_i64(w, "completed", shown ? b->completed : 0);
    json_member_i64(w, "failed", shown ? b->total - b->completed : 0);
    json_object_end(w);
    json_member_raw(w, "metadata", b->metadata.len > 0 ? buffer_slice(&b->metadata) : SLICE("null"));
    json_object_end(w);
}

static void respond_batch(struct http_request *r, const struct kept_batch *b) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    write_batch(b, &w);
    respond(r, 200, &out);
    buffer_deinit(&out);
}

/* ---- files ---- */

static void create_file(struct shelf *s, struct http_request *r) {
    struct multipart_part parts[PARTS];
    struct error error = {.fault = FAULT_NONE};
    struct slice text = SLICE_NULL, name = SLICE_NULL;
    unsigned n = 0;
    if (multipart_read(http_request_header(r, "content-type"), r->body, parts, PARTS, &n, &error) != FAULT_NONE) {
        refuse(r, 400, error.text);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!slice_is(parts[i].name, "file")) continue;
        text = parts[i].content;
        name = parts[i].filename;
    }
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4096);
    json_start(&w, &out);
    write_file(file_add(s, name, text), &w);
    respond(r, 200, &out);
    buffer_deinit(&out);
}

static void show_file(struct shelf *s, struct http_request *r, struct slice id, bool content) {
    const struct kept_file *f = file_find(s, id);
    struct buffer out;
    struct json_writer w;
    if (f == NULL) {
        refuse(r, 404, "No such File object");
        return;
    }
    buffer_init(&out, SIM_BODY);
    json_start(&w, &out);
    if (content) (void)buffer_append(&out, buffer_slice(&f->text));
    else write_file(f, &w);
    respond(r, 200, &out);
    buffer_deinit(&out);
}

/* ---- a batch's lines ---- */

struct making {
    struct shelf *shelf;
    struct kept_batch *batch;
    struct http_request *request;
    struct arena arena;
    struct buffer body;
    bool answer_is_lost;
};

static enum ask_api api_of(struct slice url) {
    if (slice_ends(url, SLICE("/embeddings"))) return ASK_EMBEDDINGS;
    return slice_ends(url, SLICE("/responses")) ? ASK_RESPONSES : ASK_CHAT;
}

static struct slice header_of(void *ctx, const char *name) { return http_request_header(ctx, name); }

/* The status, with the reply in m->body. */
static int answer_line(struct making *m, enum ask_api api, struct slice body) {
    struct ask ask;
    struct ask_problem problem = {0};
    struct book_verdict v = {0};
    struct answer a = {0};
    struct wire_error e = {.status = 400, .request_id = SLICE("req_line")};
    if (!ask_read(api, body, SLICE_NULL, m->shelf->seed, &m->arena, &ask, &problem)) {
        e.words.message = slice_of(problem.text);
        wire_chat.write_error(&e, &m->body);
        return 400;
    }
    struct book_request q = {&ask, {m->request->path, ask.model, ask.question, false, m->request, header_of, ask.system}, SLICE_NULL};
    act_init(&v.act);
    book_begin(m->shelf->book, &q, &v);
    if (v.act.polls > m->batch->polls) m->batch->polls = v.act.polls;
    m->answer_is_lost |= v.act.reset == ACT_HEAD;
    answer_make(&ask, &v.act, &v.profile, m->shelf->seed, &m->arena, &a);
    e.status = v.act.status > 0 ? (int)v.act.status : 200;
    e.words = v.act.error;
    e.model = ask.model;
    bool refused = e.status != 200;
    if (refused) wire_of(api)->write_error(&e, &m->body);
    else if (api == ASK_EMBEDDINGS) refused = !wire_write_embeddings(&ask, &a, m->shelf->seed, &m->arena, &m->body);
    else wire_of(api)->write_answer(&ask, &v.act, &a, &m->body);
    book_end(m->shelf->book, &v, refused ? BOOK_REFUSED : BOOK_ANSWERED, a.input, refused ? 0 : a.output);
    book_release(&v);
    return e.status;
}

static void make_line(struct making *m, struct slice text) {
    struct kept_batch *b = m->batch;
    struct json_doc d;
    struct json_writer w;
    if (json_read(text, &m->arena, 1, &d, NULL) != FAULT_NONE) return;
    buffer_clear(&m->body);
    struct slice custom_id = json_string(&d, json_get(&d, 0, "custom_id"), &m->arena);
    int status = answer_line(m, api_of(json_string(&d, json_get(&d, 0, "url"), &m->arena)), json_raw(&d, json_get(&d, 0, "body")));
    struct buffer *out = status == 200 ? &b->answered : &b->failed;
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "id", arena_printf(&m->arena, "batch_req_sim%lld", (long long)b->total));
    json_member_string(&w, "custom_id", custom_id);
    json_key(&w, "response");
    json_object(&w);
    json_member_i64(&w, "status_code", status);
    json_member_string(&w, "request_id", arena_printf(&m->arena, "req_sim%lld", (long long)b->total));
    json_member_raw(&w, "body", buffer_slice(&m->body));
    json_object_end(&w);
    json_member_raw(&w, "error", SLICE("null"));
    json_object_end(&w);
    (void)buffer_byte(out, '\n');
    if (b->total++ == 0 && status == 200) (void)buffer_append(&b->first, buffer_slice(out));
    b->completed += status == 200;
}

static void make_lines(struct making *m, struct slice text) {
    struct slice one;
    arena_init(&m->arena, 64 << 10, SIM_ARENA);
    buffer_init(&m->body, SIM_ANSWER);
    while (text.len > 0) {
        (void)slice_cut(text, '\n', &one, &text);
        if (slice_trim(one).len > 0) make_line(m, one);
        arena_reset(&m->arena);
    }
    buffer_deinit(&m->body);
    arena_deinit(&m->arena);
}

/* ---- batches ---- */

static void keep_results(struct shelf *s, struct kept_batch *b) {
    struct slice answered = buffer_slice(b->cancelled ? &b->first : &b->answered), failed = buffer_slice(&b->failed);
    if (b->output[0] != 0 || b->errors[0] != 0) return;
    if (answered.len > 0) memcpy(b->output, file_add(s, SLICE("output.jsonl"), answered)->id, ID);
    if (failed.len > 0 && !b->cancelled) memcpy(b->errors, file_add(s, SLICE("errors.jsonl"), failed)->id, ID);
}

static struct kept_batch *batch_add(struct shelf *s, const struct kept_file *input) {
    struct kept_batch *b = mem_new(struct kept_batch);
    (void)snprintf(b->id, sizeof b->id, "batch_sim%06llu", (unsigned long long)++s->serial);
    memcpy(b->input, input->id, sizeof b->input);
    buffer_init(&b->metadata, 64 << 10);
    buffer_init(&b->endpoint, 256);
    buffer_init(&b->answered, SIM_BODY);
    buffer_init(&b->failed, SIM_BODY);
    buffer_init(&b->first, SIM_ANSWER);
    b->created = clock_wall_us() / 1000000;
    list_unshift(&s->batches, &b->link);
    if (++s->n_batches > SIM_SHELF) batch_free(s, list_item(s->batches.prev, struct kept_batch, link));
    return b;
}

static void create_batch(struct shelf *s, struct http_request *r) {
    struct making m = {.shelf = s, .request = r};
    struct arena arena;
    struct json_doc d;
    const struct kept_file *input = NULL;
    arena_init(&arena, 4096, 1 << 20);
    if (json_read(r->body, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE)
        input = file_find(s, json_string(&d, json_get(&d, 0, "input_file_id"), &arena));
    if (input == NULL) {
        refuse(r, 400, "expected the id of a file as input_file_id");
    } else {
        m.batch = batch_add(s, input);
        (void)buffer_append(&m.batch->metadata, json_raw(&d, json_get(&d, 0, "metadata")));
        (void)buffer_append(&m.batch->endpoint, json_string(&d, json_get(&d, 0, "endpoint"), &arena));
        make_lines(&m, buffer_slice(&input->text));
        if (m.batch->polls == 0) m.batch->polls = USUAL_POLLS;
        if (m.answer_is_lost) http_abandon(r);
        else respond_batch(r, m.batch);
    }
    arena_deinit(&arena);
}

static void list_batches(struct shelf *s, struct http_request *r) {
    struct arena arena;
    struct buffer out;
    struct json_writer w;
    uint64_t left = 20;
    arena_init(&arena, 4096, 1 << 20);
    buffer_init(&out, 16 << 20);
    struct slice limit = http_request_query(r, "limit", &arena), after = http_request_query(r, "after", &arena);
    (void)slice_to_u64(limit, &left);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "object", "list");
    json_key(&w, "data");
    json_array(&w);
    const struct kept_batch *from = after.len > 0 ? batch_find(s, after) : NULL;
    struct list *node = from != NULL ? from->link.next : s->batches.next;
    for (; node != &s->batches && left > 0; node = node->next, left--) write_batch(list_item(node, struct kept_batch, link), &w);
    json_array_end(&w);
    json_member_bool(&w, "has_more", node != &s->batches);
    json_object_end(&w);
    respond(r, 200, &out);
    buffer_deinit(&out);
    arena_deinit(&arena);
}

static void show_batch(struct shelf *s, struct http_request *r, struct slice id, bool cancel) {
    struct kept_batch *b = batch_find(s, id);
    if (b == NULL) {
        refuse(r, 404, "No such Batch object");
    } else if (cancel && (is_complete(b) || b->cancelled)) {
        refuse(r, 409, "Cannot cancel a batch that is over");
    } else {
        if (cancel) b->cancelled = true;
        else b->asked++;
        if (!cancel && (is_complete(b) || b->cancelled)) keep_results(s, b);
        respond_batch(r, b);
    }
}

/* ---- which it is ---- */

static bool below(struct slice path, struct slice root, struct slice *ret_id, struct slice *ret_action) {
    struct slice rest;
    if (!slice_starts(path, root) || (path.len > root.len && path.at[root.len] != '/')) return false;
    rest = slice_make(path.at + root.len, path.len - root.len);
    if (rest.len > 0) rest = slice_make(rest.at + 1, rest.len - 1);
    (void)slice_cut(rest, '/', ret_id, ret_action);
    return true;
}

bool shelf_answer(struct shelf *s, struct http_request *r, struct slice path) {
    struct slice id, action;
    bool get = slice_is(r->method, "GET"), post = slice_is(r->method, "POST");
    bool files = below(path, SLICE("/files"), &id, &action);
    if (!files && !below(path, SLICE("/batches"), &id, &action)) return false;
    pthread_mutex_lock(&s->lock);
    if (files && post && id.len == 0) create_file(s, r);
    else if (files && get && id.len > 0) show_file(s, r, id, slice_is(action, "content"));
    else if (!files && post && id.len == 0) create_batch(s, r);
    else if (!files && get && id.len == 0) list_batches(s, r);
    else if (!files && get) show_batch(s, r, id, false);
    else if (!files && post && slice_is(action, "cancel")) show_batch(s, r, id, true);
    else refuse(r, 405, "no such method here");
    pthread_mutex_unlock(&s->lock);
    return true;
}
