/* Batches of all applications, for operators. */
#include "control/api.h"

#include "cost/batch.h"

struct listing {
    struct api_call *c;
    int64_t left;
    struct error error;
    enum fault fault;
};

/* The counts of one under way stand in its lines. */
static enum fault put_batch(struct api_call *c, const struct batch *row, struct error *error) {
    struct batch now = *row;
    enum fault fault = FAULT_NONE;
    if (!batch_is_over(row->status)) {
        fault = batches_lines_count(c->s->batches, row->number, BATCH_LINE_ANSWERED, &now.completed, error);
        if (fault == FAULT_NONE) fault = batches_lines_count(c->s->batches, row->number, BATCH_LINE_FAILED, &now.failed, error);
    }
    if (fault == FAULT_NONE) batch_write(&now, true, &c->json);
    return fault;
}

static bool list_one(void *ctx, const struct batch *row) {
    struct listing *l = ctx;
    if (l->left-- == 0) return false;
    l->fault = put_batch(l->c, row, &l->error);
    return l->fault == FAULT_NONE;
}

static bool is_running(struct api_call *c) {
    if (c->s->batches == NULL) api_fail(c, FAULT_NOT_RUNNING, "batches are known to the running server: start it");
    return c->s->batches != NULL;
}

void api_batches_list(struct api_call *c) {
    struct listing l = {.c = c, .left = api_number(c, "limit", 100)};
    if (!is_running(c)) return;
    json_object(&c->json);
    json_key(&c->json, "batches");
    json_array(&c->json);
    enum fault fault = batches_list(c->s->batches, api_text(c, "application"), api_has_choice(c, "unfinished", "true", false), INT64_MAX,
                                    c->arena, list_one, &l, &l.error);
    if (!api_check(c, fault != FAULT_NONE ? fault : l.fault, &l.error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

static bool find(struct api_call *c, struct batch *ret) {
    struct error error = {.fault = FAULT_NONE};
    return is_running(c) && api_check(c, batches_find(c->s->batches, SLICE_NULL, api_text(c, "id"), c->arena, ret, &error), &error);
}

void api_batches_show(struct api_call *c) {
    struct batch row;
    struct error error = {.fault = FAULT_NONE};
    if (find(c, &row)) (void)api_check(c, put_batch(c, &row, &error), &error);
}

void api_batches_cancel(struct api_call *c) {
    struct batch row;
    struct error error = {.fault = FAULT_NONE};
    if (!find(c, &row)) return;
    if (batch_is_over(row.status)) {
        api_fail(c, FAULT_CONFLICT, "batch " SLICE_FMT " is %s already", SLICE_ARG(row.id), batch_status_name((enum batch_status)row.status));
        return;
    }
    if (!api_check(c, api_audit(c, "batch.cancel", row.id, SLICE_NULL, &error), &error)) return;
    c->s->cancel_batch(c->s->ctx, row.id);
    row.status = BATCH_CANCELLING;
    (void)api_check(c, put_batch(c, &row, &error), &error);
}
