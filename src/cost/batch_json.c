#include "cost/batch_private.h"

static void put_time(struct json_writer *w, const char *key, int64_t wall_us) {
    json_key(w, key);
    if (wall_us > 0) json_put_i64(w, wall_us / 1000000);
    else json_put_null(w);
}

void batch_file_write(const struct batch_file *f, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "id", f->id);
    json_member_text(w, "object", "file");
    json_member_i64(w, "bytes", f->bytes);
    put_time(w, "created_at", f->created_us);
    put_time(w, "expires_at", f->expires_us);
    json_member_string(w, "filename", f->filename);
    json_member_string(w, "purpose", f->purpose);
    json_member_text(w, "status", "processed");
    json_object_end(w);
}

static void put_errors(const struct batch *row, struct json_writer *w) {
    json_key(w, "errors");
    if (slice_is_null(row->errors)) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_text(w, "object", "list");
    json_member_raw(w, "data", row->errors);
    json_object_end(w);
}

static void put_counts(const struct batch *row, struct json_writer *w) {
    json_key(w, "request_counts");
    json_object(w);
    json_member_i64(w, "total", row->total);
    json_member_i64(w, "completed", row->completed);
    json_member_i64(w, "failed", row->failed);
    json_object_end(w);
}

void batch_write(const struct batch *row, bool for_operator, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "id", row->id);
    json_member_text(w, "object", "batch");
    json_member_string(w, "endpoint", row->endpoint);
    put_errors(row, w);
    json_member_string(w, "input_file_id", row->input_file);
    json_member_text(w, "completion_window", "24h");
    json_member_text(w, "status", batch_status_name((enum batch_status)row->status));
    json_member_string(w, "output_file_id", row->output_file);
    json_member_string(w, "error_file_id", row->error_file);
    put_time(w, "created_at", row->created_us);
    put_time(w, "in_progress_at", row->in_progress_us);
    put_time(w, "expires_at", row->expires_us);
    put_time(w, "finalizing_at", row->finalizing_us);
    put_time(w, "completed_at", row->status == BATCH_COMPLETED ? row->ended_us : 0);
    put_time(w, "failed_at", row->status == BATCH_FAILED ? row->ended_us : 0);
    put_time(w, "expired_at", row->status == BATCH_EXPIRED ? row->ended_us : 0);
    put_time(w, "cancelling_at", row->cancelling_us);
    put_time(w, "cancelled_at", row->status == BATCH_CANCELLED ? row->ended_us : 0);
    put_counts(row, w);
    json_key(w, "metadata");
    if (slice_is_null(row->metadata)) json_put_null(w);
    else json_put_raw(w, row->metadata);
    if (for_operator) {
        json_member_string(w, "application", row->application);
        json_member_string(w, "key", row->key);
        json_member_string(w, "provider", row->provider);
    }
    json_object_end(w);
}
