/* All lines have their end: the output and error files, and the batch's own. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

struct finishing {
    struct batch_active *a;
    struct arena arena;
    struct batch_file files[2]; /* output, errors */
    struct blob_writer *writers[2];
    struct buffer line;
    enum fault fault;
    struct error *error;
};

/* What is said of a line that was never answered. */
static void write_unanswered(struct finishing *f, struct slice custom_id) {
    bool cancelled = f->a->row.ends_as == BATCH_CANCELLED;
    batch_write_result(custom_id, SLICE_NULL, 0, SLICE_NULL, cancelled ? "batch_cancelled" : "batch_expired",
                       cancelled ? "This request was not executed because the batch was cancelled."
                                 : "This request could not be executed before the completion window expired.",
                       &f->line);
}

static bool put_line(void *ctx, const struct batch_line *l) {
    struct finishing *f = ctx;
    unsigned which = l->state == BATCH_LINE_ANSWERED ? 0 : 1;
    buffer_clear(&f->line);
    if (l->state == BATCH_LINE_PENDING) {
        write_unanswered(f, l->custom_id);
        f->a->row.failed++;
    } else {
        buffer_append(&f->line, l->result);
    }
    buffer_byte(&f->line, '\n');
    struct batch_file *file = &f->files[which];
    if (f->writers[which] == NULL) {
        file->id = batch_new_id("file-", &f->arena);
        f->writers[which] = blob_create(batches_blobs(f->a->desk->store), arena_text(&f->arena, file->id), f->error);
        if (f->writers[which] == NULL) f->fault = f->error->fault;
    }
    if (f->fault == FAULT_NONE) f->fault = blob_write(f->writers[which], buffer_slice(&f->line), f->error);
    return f->fault == FAULT_NONE;
}

static enum fault close_files(struct finishing *f) {
    enum fault fault = f->fault;
    for (unsigned i = 0; i < 2; i++) {
        if (f->writers[i] == NULL) continue;
        f->files[i].bytes = blob_size(f->writers[i]);
        if (fault == FAULT_NONE) fault = blob_finish(f->writers[i], &f->files[i].checksum, f->error);
        else blob_abandon(f->writers[i]);
        f->writers[i] = NULL;
    }
    return fault;
}

static enum fault add_file(struct finishing *f, unsigned which, const char *suffix, int64_t now, struct slice *ret_id) {
    struct batch_active *a = f->a;
    struct batch_file *file = &f->files[which];
    if (file->id.len == 0) return FAULT_NONE;
    struct policy *p = a->desk->s.policy(a->desk->s.ctx);
    file->application = a->row.application;
    file->filename = arena_printf(&f->arena, SLICE_FMT "_%s.jsonl", SLICE_ARG(a->row.id), suffix);
    file->purpose = SLICE("batch_output");
    file->created_us = now;
    file->expires_us = now + p->server.batch.retention;
    policy_drop(p);
    *ret_id = arena_slice(&a->arena, file->id);
    return batches_file_add(a->desk->store, file, f->error);
}

/* Files, lines and batch change together. */
static enum fault store_end(struct finishing *f) {
    struct batch_active *a = f->a;
    struct batches *store = a->desk->store;
    int64_t now = clock_wall_us();
    enum fault fault = batches_begin(store, f->error);
    if (fault != FAULT_NONE) return fault;
    fault = add_file(f, 0, "output", now, &a->row.output_file);
    if (fault == FAULT_NONE) fault = add_file(f, 1, "error", now, &a->row.error_file);
    if (fault == FAULT_NONE) fault = batches_lines_drop(store, a->row.number, f->error);
    if (fault == FAULT_NONE) {
        a->row.status = a->row.ends_as;
        a->row.ended_us = now;
        fault = batches_save(store, &a->row, f->error);
    }
    if (fault == FAULT_NONE) fault = batches_commit(store, f->error);
    batches_rollback(store);
    return fault;
}

static void log_end(const struct batch_active *a) {
    char id[64], done[24], failed[24];
    (void)snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(a->row.id));
    (void)snprintf(done, sizeof done, "%lld", (long long)a->row.completed);
    (void)snprintf(failed, sizeof failed, "%lld", (long long)a->row.failed);
    log_event(LOG_INFO, "a batch ended", "batch", id, "status", batch_status_name((enum batch_status)a->row.status), "answered", done,
              "failed", failed, NULL);
}

void batch_finish(struct batch_active *a) {
    struct error error = {.fault = FAULT_NONE};
    struct finishing f = {.a = a, .error = &error};
    struct batch before = a->row;
    arena_init(&f.arena, 64 << 10, 256 << 20); /* the custom ids of all lines */
    buffer_init(&f.line, 2 * LIMIT_REPLY_BODY);
    enum fault fault = batches_lines(a->desk->store, a->row.number, 0, false, &f.arena, put_line, &f, &error);
    if (f.fault == FAULT_NONE) f.fault = fault;
    fault = close_files(&f);
    if (fault == FAULT_NONE) fault = store_end(&f);
    if (fault == FAULT_NONE) {
        log_end(a);
    } else { /* a full disk, say: the next tick tries again */
        a->row = before;
        for (unsigned i = 0; i < 2; i++)
            if (f.files[i].id.len > 0) blob_remove(batches_blobs(a->desk->store), arena_text(&f.arena, f.files[i].id));
        log_event(LOG_ERROR, "a batch could not be finished", "error", error.text, NULL);
    }
    buffer_deinit(&f.line);
    arena_deinit(&f.arena);
    if (fault == FAULT_NONE) batch_drop(a);
}
