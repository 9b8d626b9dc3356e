/* /v1/files and /v1/batches: one request, answered on the desk's thread. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "io/multipart.h"

#include <stdarg.h>
#include <stdio.h>

#define WINDOW_US (24 * 3600 * 1000000LL)
#define PARTS 8
#define METADATA_KEY 64
#define METADATA_VALUE 512
#define LIST_LIMIT 100
#define FILES_LIMIT 10000
#define BACKLOG 1024 /* requests that may wait */

static void answer_json(struct batch_job *j, int status) {
    j->status = status;
    j->answer_type = "application/json";
}

static void refuse(struct batch_job *j, enum fault fault, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void refuse(struct batch_job *j, enum fault fault, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_clear(&j->answer);
    dialect_of(DIALECT_OPENAI)->write_error(fault, text[0] ? text : fault_text(fault), NULL, &j->answer);
    answer_json(j, fault_status(fault));
}

static bool went(struct batch_job *j, enum fault fault, const struct error *error) {
    if (fault != FAULT_NONE) refuse(j, fault, "%s", error->text);
    return fault == FAULT_NONE;
}

/* ---- lists ---- */

struct listing {
    struct batch_job *j;
    struct json_writer w;
    int64_t left;
    struct slice first, last;
    bool more;
};

static bool list_begin(struct batch_job *j, int64_t most, struct listing *l) {
    struct slice limit = http_request_query(j->request, "limit", &j->arena);
    *l = (struct listing){.j = j, .left = most < 20 ? most : most == LIST_LIMIT ? 20 : most};
    if (!slice_is_null(limit) && (!slice_to_i64(limit, &l->left) || l->left < 1 || l->left > most)) {
        refuse(j, FAULT_BAD_REQUEST, "limit: expected 1..%lld", (long long)most);
        return false;
    }
    json_start(&l->w, &j->answer);
    json_object(&l->w);
    json_member_text(&l->w, "object", "list");
    json_key(&l->w, "data");
    json_array(&l->w);
    return true;
}

static bool list_takes(struct listing *l, struct slice id) {
    l->more = l->left-- == 0;
    if (l->more) return false;
    if (slice_is_null(l->first)) l->first = id;
    l->last = id;
    return true;
}

static void list_end(struct listing *l) {
    json_array_end(&l->w);
    json_member_string(&l->w, "first_id", l->first);
    json_member_string(&l->w, "last_id", l->last);
    json_member_bool(&l->w, "has_more", l->more);
    json_object_end(&l->w);
    answer_json(l->j, 200);
}

/* ---- files ---- */

static bool list_file(void *ctx, const struct batch_file *f) {
    struct listing *l = ctx;
    if (!list_takes(l, f->id)) return false;
    batch_file_write(f, &l->w);
    return true;
}

static void files_list_all(struct batch_job *j) {
    struct listing l;
    struct error error = {.fault = FAULT_NONE};
    struct batch_file from = {.number = INT64_MAX};
    struct slice after = http_request_query(j->request, "after", &j->arena);
    struct slice purpose = http_request_query(j->request, "purpose", &j->arena);
    if (after.len > 0 && !went(j, batches_file_find(j->desk->store, j->application, after, &j->arena, &from, &error), &error)) return;
    if (!list_begin(j, FILES_LIMIT, &l)) return;
    enum fault fault = batches_file_list(j->desk->store, j->application, purpose.len > 0 ? purpose : SLICE_NULL, from.number, &j->arena,
                                         list_file, &l, &error);
    if (went(j, fault, &error)) list_end(&l);
}

static bool has_room(struct batch_job *j, struct slice content, const struct policy *p) {
    struct error error = {.fault = FAULT_NONE};
    int64_t bytes = 0, files = 0;
    if (!went(j, batches_file_totals(j->desk->store, j->application, &bytes, &files, &error), &error)) return false;
    if (bytes + (int64_t)content.len > p->server.batch.max_bytes)
        refuse(j, FAULT_NO_SPACE, "all files together have %lld bytes, and batch.max_bytes is %lld: delete some", (long long)bytes,
               (long long)p->server.batch.max_bytes);
    else if (files >= LIMIT_FILES)
        refuse(j, FAULT_NO_SPACE, "the application has %lld files: delete some", (long long)files);
    else
        return true;
    return false;
}

static enum fault write_content(struct batch_job *j, struct batch_file *f, struct slice content, struct error *error) {
    struct batches *store = j->desk->store;
    const char *name = arena_text(&j->arena, f->id);
    struct blob_writer *w = blob_create(batches_blobs(store), name, error);
    if (w == NULL) return error->fault;
    enum fault fault = blob_write(w, content, error);
    if (fault != FAULT_NONE) {
        blob_abandon(w);
        return fault;
    }
    f->bytes = blob_size(w);
    fault = blob_finish(w, &f->checksum, error);
    if (fault == FAULT_NONE) fault = batches_file_add(store, f, error);
    if (fault != FAULT_NONE) blob_remove(batches_blobs(store), name);
    return fault;
}

static void file_create(struct batch_job *j) {
    struct multipart_part parts[PARTS];
    struct slice purpose = SLICE_NULL, content = SLICE_NULL, filename = SLICE_NULL;
    struct error error = {.fault = FAULT_NONE};
    unsigned n = 0;
    if (!went(j, multipart_read(j->content_type, j->body, parts, PARTS, &n, &error), &error)) return;
    for (unsigned i = 0; i < n; i++) {
        if (slice_is(parts[i].name, "purpose")) purpose = parts[i].content;
        if (!slice_is(parts[i].name, "file")) continue;
        content = parts[i].content;
        filename = parts[i].filename;
    }
    if (!slice_is(purpose, "batch")) {
        refuse(j, FAULT_BAD_REQUEST, "purpose: expected batch");
        return;
    }
    if (slice_is_null(content)) {
        refuse(j, FAULT_BAD_REQUEST, "file: expected a part with the file's content");
        return;
    }
    struct policy *p = j->desk->s.policy(j->desk->s.ctx);
    bool room = has_room(j, content, p);
    struct batch_file f = {.id = batch_new_id("file-", &j->arena), .application = j->application, .purpose = SLICE("batch"),
                           .created_us = clock_wall_us()};
    f.filename = slice_make(filename.at, filename.len > LIMIT_LABEL || !slice_is_utf8(filename) ? 0 : filename.len);
    f.expires_us = f.created_us + p->server.batch.retention;
    policy_drop(p);
    if (!room || !went(j, write_content(j, &f, content, &error), &error)) return;
    struct json_writer w;
    json_start(&w, &j->answer);
    batch_file_write(&f, &w);
    answer_json(j, 200);
}

static void file_show(struct batch_job *j, struct slice id) {
    struct batch_file f;
    struct error error = {.fault = FAULT_NONE};
    struct json_writer w;
    if (!went(j, batches_file_find(j->desk->store, j->application, id, &j->arena, &f, &error), &error)) return;
    json_start(&w, &j->answer);
    batch_file_write(&f, &w);
    answer_json(j, 200);
}

static void file_content(struct batch_job *j, struct slice id) {
    struct batch_file f;
    struct error error = {.fault = FAULT_NONE};
    if (!went(j, batches_file_find(j->desk->store, j->application, id, &j->arena, &f, &error), &error)) return;
    if (f.bytes > LIMIT_BATCH_FILE) {
        refuse(j, FAULT_TOO_LARGE, "the file has %lld bytes, and up to %u can be fetched at once", (long long)f.bytes, LIMIT_BATCH_FILE);
        return;
    }
    enum fault fault = blob_load(batches_blobs(j->desk->store), arena_text(&j->arena, f.id), f.bytes, f.checksum, &j->answer, &error);
    if (!went(j, fault, &error)) return;
    j->status = 200;
    j->answer_type = "application/octet-stream";
}

static void file_delete(struct batch_job *j, struct slice id) {
    struct batch_file f;
    struct error error = {.fault = FAULT_NONE};
    struct json_writer w;
    int64_t uses = 0;
    if (!went(j, batches_file_find(j->desk->store, j->application, id, &j->arena, &f, &error), &error)) return;
    if (!went(j, batches_uses(j->desk->store, f.id, &uses, &error), &error)) return;
    if (uses > 0) {
        refuse(j, FAULT_CONFLICT, "a batch that is not finished needs this file");
        return;
    }
    if (!went(j, batches_file_remove(j->desk->store, f.id, &error), &error)) return;
    json_start(&w, &j->answer);
    json_object(&w);
    json_member_string(&w, "id", f.id);
    json_member_text(&w, "object", "file");
    json_member_bool(&w, "deleted", true);
    json_object_end(&w);
    answer_json(j, 200);
}

/* ---- batches ---- */

/* What the database has, with the counts of one that is under way. */
static void put_batch(struct batch_job *j, const struct batch *row, struct json_writer *w) {
    const struct batch_active *a = batch_find_active(j->desk, row->id);
    batch_write(a != NULL ? &a->row : row, false, w);
}

static void answer_batch(struct batch_job *j, const struct batch *row) {
    struct json_writer w;
    json_start(&w, &j->answer);
    put_batch(j, row, &w);
    answer_json(j, 200);
}

static bool list_batch(void *ctx, const struct batch *row) {
    struct listing *l = ctx;
    if (!list_takes(l, row->id)) return false;
    put_batch(l->j, row, &l->w);
    return true;
}

static void batches_list_all(struct batch_job *j) {
    struct listing l;
    struct error error = {.fault = FAULT_NONE};
    struct batch from = {.number = INT64_MAX};
    struct slice after = http_request_query(j->request, "after", &j->arena);
    if (after.len > 0 && !went(j, batches_find(j->desk->store, j->application, after, &j->arena, &from, &error), &error)) return;
    if (!list_begin(j, LIST_LIMIT, &l)) return;
    if (went(j, batches_list(j->desk->store, j->application, false, from.number, &j->arena, list_batch, &l, &error), &error)) list_end(&l);
}

/* NULL: it is fine. */
static const char *check_metadata(const struct json_doc *d, uint32_t metadata, struct arena *arena) {
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(d, metadata) == JSON_ABSENT || json_type(d, metadata) == JSON_NULL) return NULL;
    if (json_type(d, metadata) != JSON_OBJECT) return "metadata: expected an object";
    if (json_size(d, metadata) > LIMIT_BATCH_METADATA) return "metadata: expected at most 16 pairs";
    while (json_each_member(d, metadata, &cursor, &key, &value)) {
        struct slice k = json_string(d, key, arena), v = json_string(d, value, arena);
        if (slice_is_null(v)) return "metadata: expected texts as values";
        if (k.len > 4 * METADATA_KEY || v.len > 4 * METADATA_VALUE) return "metadata: expected keys of at most 64 and values of at most 512 characters";
    }
    return NULL;
}

static bool read_creation(struct batch_job *j, struct batch *row) {
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    struct batch_file f;
    if (!went(j, json_read(j->body, &j->arena, UINT16_MAX, &d, &error), &error)) return false;
    row->endpoint = json_string(&d, json_get(&d, 0, "endpoint"), &j->arena);
    row->input_file = json_string(&d, json_get(&d, 0, "input_file_id"), &j->arena);
    uint32_t metadata = json_get(&d, 0, "metadata");
    const char *wrong = check_metadata(&d, metadata, &j->arena);
    if (batch_endpoint(row->endpoint, NULL) < 0) wrong = "endpoint: expected /v1/chat/completions, /v1/embeddings or /v1/responses";
    if (!json_is(&d, json_get(&d, 0, "completion_window"), "24h")) wrong = "completion_window: expected 24h";
    if (row->input_file.len == 0) wrong = "input_file_id: expected a file's id";
    if (wrong != NULL) {
        refuse(j, FAULT_BAD_REQUEST, "%s", wrong);
        return false;
    }
    if (json_type(&d, metadata) == JSON_OBJECT) row->metadata = json_raw(&d, metadata);
    if (!went(j, batches_file_find(j->desk->store, j->application, row->input_file, &j->arena, &f, &error), &error)) return false;
    if (slice_is(f.purpose, "batch")) return true;
    refuse(j, FAULT_BAD_REQUEST, "input_file_id: expected a file of purpose batch");
    return false;
}

static void batch_create(struct batch_job *j) {
    struct batch_desk *d = j->desk;
    struct error error = {.fault = FAULT_NONE};
    struct batch row = {.application = j->application, .key = j->key, .labels = j->labels, .status = BATCH_VALIDATING,
                        .worst_nano = MONEY_UNKNOWN, .approved_nano = j->approved_nano, .created_us = clock_wall_us()};
    int64_t kept = 0;
    if (d->n_active >= LIMIT_BATCH_ACTIVE) {
        refuse(j, FAULT_OVERLOADED, "%u batches are under way", d->n_active);
        return;
    }
    if (!read_creation(j, &row) || !went(j, batches_count(d->store, j->application, &kept, &error), &error)) return;
    if (kept >= LIMIT_BATCHES) {
        refuse(j, FAULT_NO_SPACE, "the application has %lld batches; they are kept for batch.retention", (long long)kept);
        return;
    }
    row.id = batch_new_id("batch_", &j->arena);
    row.key_digest = slice_make((const char *)j->key_digest.bytes, DIGEST_BYTES);
    row.expires_us = row.created_us + WINDOW_US;
    if (!went(j, batches_save(d->store, &row, &error), &error)) return;
    (void)batch_adopt(d, &row);
    answer_batch(j, &row);
    loop_timer_start(d->loop, &d->tick, 0); /* it is checked in a later turn */
}

static void batch_show(struct batch_job *j, struct slice id) {
    struct batch row;
    struct error error = {.fault = FAULT_NONE};
    if (went(j, batches_find(j->desk->store, j->application, id, &j->arena, &row, &error), &error)) answer_batch(j, &row);
}

static void batch_stop(struct batch_job *j, struct slice id) {
    struct batch row;
    struct error error = {.fault = FAULT_NONE};
    if (!went(j, batches_find(j->desk->store, j->application, id, &j->arena, &row, &error), &error)) return;
    struct batch_active *a = batch_find_active(j->desk, id);
    if (a == NULL) {
        refuse(j, FAULT_CONFLICT, "cannot cancel a batch with status '%s'", batch_status_name((enum batch_status)row.status));
        return;
    }
    batch_cancel(a);
    answer_batch(j, &a->row);
    loop_timer_start(j->desk->loop, &j->desk->tick, 0);
}

/* ---- which it is ---- */

static const struct {
    const char *method, *root, *action;
    bool names_one;
    void (*all)(struct batch_job *j);
    void (*one)(struct batch_job *j, struct slice id);
} doors[] = {
    {"GET", "/v1/files", "", false, files_list_all, NULL},
    {"POST", "/v1/files", "", false, file_create, NULL},
    {"GET", "/v1/files", "", true, NULL, file_show},
    {"DELETE", "/v1/files", "", true, NULL, file_delete},
    {"GET", "/v1/files", "content", true, NULL, file_content},
    {"GET", "/v1/batches", "", false, batches_list_all, NULL},
    {"POST", "/v1/batches", "", false, batch_create, NULL},
    {"GET", "/v1/batches", "", true, NULL, batch_show},
    {"POST", "/v1/batches", "cancel", true, NULL, batch_stop},
};

void batch_door_answer(struct batch_job *j) {
    struct slice rest = j->path, root, id, action;
    size_t len = strlen(slice_starts(rest, SLICE("/v1/files")) ? "/v1/files" : "/v1/batches");
    root = slice_make(rest.at, len);
    rest = slice_make(rest.at + len, rest.len - len);
    if (rest.len > 0) rest = slice_make(rest.at + 1, rest.len - 1);
    (void)slice_cut(rest, '/', &id, &action);
    bool path_fits = false;
    for (unsigned i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        if (!slice_is(root, doors[i].root) || doors[i].names_one != (id.len > 0) || !slice_is(action, doors[i].action)) continue;
        path_fits = true;
        if (!slice_is(j->method, doors[i].method)) continue;
        if (doors[i].one != NULL) doors[i].one(j, id);
        else doors[i].all(j);
        return;
    }
    if (path_fits) refuse(j, FAULT_BAD_METHOD, "%s", "");
    else refuse(j, FAULT_NOT_FOUND, "no such path; /v1/files and /v1/batches have what docs/cost.md says");
}

/* ---- from a lane and back ---- */

static void job_free(struct batch_job *j) {
    buffer_deinit(&j->answer);
    arena_deinit(&j->arena);
    mem_free(j);
}

static void deliver(void *arg) {
    struct batch_job *j = arg;
    struct batch_desk *d = j->desk;
    struct http_header type = {SLICE("content-type"), slice_of(j->answer_type)};
    http_respond_take(j->request, j->status, &type, 1, &j->answer);
    job_free(j);
    atomic_fetch_sub(&d->jobs, 1);
}

static void answer_here(void *arg) {
    struct batch_job *j = arg;
    batch_door_answer(j);
    if (!loop_post(j->loop, deliver, j)) deliver(j); /* the loop has ended: nobody else holds the request */
}

/* Headers that hold for each line, but for what is the batch's own. */
static bool keep_label(void *arg, struct http_header h) {
    static const char *const kept[] = {"user", "session", "feature", "team", "request-type", "tags", "cache", "approve-cost"};
    struct buffer *out = arg;
    struct slice prefix = SLICE("x-quarterdeck-");
    if (h.name.len <= prefix.len || !slice_eq_nocase(slice_make(h.name.at, prefix.len), prefix)) return true;
    struct slice name = slice_make(h.name.at + prefix.len, h.name.len - prefix.len);
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (slice_eq_nocase(name, slice_of(kept[i])))
            (void)buffer_printf(out, "x-quarterdeck-%s: " SLICE_FMT "\n", kept[i], SLICE_ARG(slice_trim(h.value)));
    return true;
}

static struct batch_job *job_new(struct batch_desk *d, struct loop *loop, struct http_request *r, const struct api_key *key) {
    struct batch_job *j = mem_new(struct batch_job);
    struct buffer labels;
    j->desk = d;
    j->loop = loop;
    j->request = r;
    j->method = r->method;
    j->path = r->path;
    j->query = r->query;
    j->body = r->body;
    arena_init(&j->arena, 8 << 10, LIMIT_ARENA_EXCHANGE);
    buffer_init(&j->answer, LIMIT_BATCH_FILE);
    buffer_init(&labels, LIMIT_HEADER_DEFAULT);
    j->content_type = arena_slice(&j->arena, http_request_header(r, "content-type"));
    (void)http_request_each_header(r, keep_label, &labels);
    j->labels = labels.len > 0 ? arena_slice(&j->arena, buffer_slice(&labels)) : SLICE_NULL;
    buffer_deinit(&labels);
    j->approved_nano = -1;
    (void)money_parse(slice_trim(http_request_header(r, "x-quarterdeck-approve-cost")), 9, &j->approved_nano);
    j->application = arena_slice(&j->arena, slice_of(key->application->name));
    j->key = arena_slice(&j->arena, slice_of(key->name));
    j->key_digest = key->digest;
    return j;
}

void batch_desk_take(struct batch_desk *d, struct loop *loop, struct http_request *r, const struct api_key *key) {
    unsigned waiting = atomic_fetch_add(&d->jobs, 1);
    if (waiting < BACKLOG && !atomic_load(&d->closed)) {
        struct batch_job *j = job_new(d, loop, r, key);
        if (loop_post(d->loop, answer_here, j)) return;
        job_free(j);
    }
    atomic_fetch_sub(&d->jobs, 1);
    struct http_header type = {SLICE("content-type"), SLICE("application/json")};
    http_respond(r, 503, &type, 1, SLICE("{\"error\":{\"message\":\"too many requests wait, or the server is stopping\",\"type\":\"server_error\",\"code\":\"overloaded\"}}"));
}
