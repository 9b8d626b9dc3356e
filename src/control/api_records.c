/* Records: a page of them, one, and its captured bodies. */
#include "control/api.h"

#define PAGE_DEFAULT 100

struct page {
    struct json_writer *w;
    unsigned n;
};

static bool put_record(void *ctx, const struct record *r) {
    struct page *page = ctx;
    record_write_json(r, page->w);
    page->n++;
    return !page->w->out->overflow;
}

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

static enum arm arm_of(const struct api_call *c) {
    struct slice name = api_text(c, "arm");
    enum arm a = ARMS;
    while (--a > ARM_NONE && !slice_is(name, arm_name(a))) continue;
    return a;
}

struct record_filter api_record_filter(const struct api_call *c) {
    enum record_status status = RECORD_STATUS_COUNT;
    struct slice name = api_text(c, "status");
    bool with_status = !slice_is_null(name) && record_status_from_name(name, &status);
    return (struct record_filter){.from_us = api_number(c, "from", 0),
                                  .to_us = api_number(c, "to", 0),
                                  .application = api_text(c, "application"),
                                  .model = api_text(c, "model"),
                                  .user = api_text(c, "user"),
                                  .session = api_text(c, "session"),
                                  .request_type = api_text(c, "request_type"),
                                  .key = api_text(c, "key"),
                                  .provider = api_text(c, "provider"),
                                  .tag = api_text(c, "tag"),
                                  .prompt = api_text(c, "prompt"),
                                  .arm = arm_of(c),
                                  .status = with_status ? (int)status : -1};
}

void api_records_list(struct api_call *c) {
    struct record_filter filter = api_record_filter(c);
    struct page page = {.w = &c->json};
    struct slice cursor = SLICE_NULL;
    struct error error;
    int64_t from, to;
    filter.cursor = api_text(c, "cursor");
    filter.limit = (unsigned)api_number(c, "limit", PAGE_DEFAULT);
    filter.oldest_first = api_has_choice(c, "order", "oldest", false);
    if (!need_ledger(c)) return;
    if (filter.from_us && filter.to_us && !api_window(c, 0, &from, &to)) return;
    json_object(&c->json);
    json_key(&c->json, "records");
    json_array(&c->json);
    if (!api_check(c, ledger_list(c->s->ledger, &filter, c->arena, put_record, &page, &cursor, &error), &error)) return;
    json_array_end(&c->json);
    json_member_string(&c->json, "next_cursor", cursor);
    json_object_end(&c->json);
}

static bool read_id(struct api_call *c, struct record_id *ret) {
    struct slice id = api_text(c, "id");
    if (record_id_parse(id, ret)) return need_ledger(c);
    api_fail(c, FAULT_BAD_REQUEST, "id: expected the 26 characters of a record's id, found '%.*s'",
             (int)(id.len < 40 ? id.len : 40), id.at);
    return false;
}

void api_records_show(struct api_call *c) {
    struct record_id id;
    struct record record;
    struct error error;
    if (!read_id(c, &id)) return;
    if (!api_check(c, ledger_find(c->s->ledger, &id, c->arena, &record, &error), &error)) return;
    record_write_json(&record, &c->json);
}

/* A body that is JSON stands as JSON, anything else (an event stream, a cut body) as text. */
static void put_body(struct api_call *c, const char *key, struct slice body, bool cut) {
    struct json_writer *w = &c->json;
    struct json_doc doc;
    json_key(w, key);
    if (slice_is_null(body)) {
        json_put_null(w);
        return;
    }
    bool is_json = !cut && json_read(body, c->arena, 0, &doc, NULL) == FAULT_NONE;
    json_object(w);
    json_member_bool(w, "cut", cut);
    if (is_json) json_member_raw(w, "json", slice_trim(body));
    else json_member_string(w, "text", body);
    json_object_end(w);
}

void api_records_payload(struct api_call *c) {
    struct record_id id;
    struct payload payload;
    struct error error;
    char text[RECORD_ID_TEXT];
    if (!read_id(c, &id)) return;
    if (!api_check(c, ledger_payload(c->s->ledger, &id, c->arena, &payload, &error), &error)) return;
    record_id_format(&id, text);
    json_object(&c->json);
    json_member_text(&c->json, "id", text);
    json_member_string(&c->json, "application", payload.application);
    put_body(c, "request", payload.request, payload.request_cut);
    put_body(c, "reply", payload.reply, payload.reply_cut);
    put_body(c, "asked", payload.asked, false);
    json_object_end(&c->json);
}
