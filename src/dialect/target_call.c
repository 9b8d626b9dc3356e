#include "dialect/target_call.h"

enum fault target_refuse(struct slice value, const char *field, struct error *error) {
    if (slice_is_null(value)) return FAULT_NONE;
    return error_set(error, FAULT_UNTRANSLATABLE, "%s: has no counterpart at the target", field);
}

enum fault target_refuse_unless(struct slice number, double idle, const char *field, struct error *error) {
    double n;
    if (slice_to_double(number, &n) && n - idle == 0) return FAULT_NONE;
    return target_refuse(number, field, error);
}

int64_t target_added_limit(const struct call *call, const struct target *target) {
    if (call->max_tokens >= 0 || call->output_cap < 0) return -1;
    bool less = target->max_output > 0 && target->max_output < call->output_cap;
    return less ? target->max_output : call->output_cap;
}

void target_put_raw(struct json_writer *w, const char *key, struct slice json) {
    if (!slice_is_null(json)) json_member_raw(w, key, json);
}

void target_put_text(struct json_writer *w, const char *key, struct slice text) {
    if (!slice_is_null(text)) json_member_string(w, key, text);
}

void target_put_texts(struct json_writer *w, const char *key, const struct slice *texts, unsigned n) {
    if (n == 0) return;
    json_key(w, key);
    json_array(w);
    for (unsigned i = 0; i < n; i++) json_put_string(w, texts[i]);
    json_array_end(w);
}
