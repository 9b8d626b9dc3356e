#include "gateway/exchange.h"

static void write_openai(struct json_writer *w, const char *name) {
    json_object(w);
    json_member_text(w, "id", name);
    json_member_text(w, "object", "model");
    json_member_i64(w, "created", 0);
    json_member_text(w, "owned_by", "quarterdeck");
    json_object_end(w);
}

static void write_anthropic(struct json_writer *w, const char *name) {
    json_object(w);
    json_member_text(w, "type", "model");
    json_member_text(w, "id", name);
    json_member_text(w, "display_name", name);
    json_member_text(w, "created_at", "1970-01-01T00:00:00Z");
    json_object_end(w);
}

void models_answer(struct exchange *x, struct slice name) {
    const struct policy *p = x->binding->policy;
    bool anthropic = x->client->wire == WIRE_ANTHROPIC;
    struct json_writer w;
    buffer_clear(&x->frames);
    json_start(&w, &x->frames);
    if (name.len == 0) {
        json_object(&w);
        if (!anthropic) json_member_text(&w, "object", "list");
        json_key(&w, "data");
        json_array(&w);
    }
    bool found = false;
    for (unsigned i = 0; i < p->n_models; i++) {
        const struct model_route *m = &p->models[i];
        if (!policy_allows(x->key->application, m) || (name.len > 0 && !slice_is(name, m->name))) continue;
        found = true;
        if (anthropic)
            write_anthropic(&w, m->name);
        else
            write_openai(&w, m->name);
    }
    if (name.len > 0 && !found) {
        buffer_clear(&x->frames);
        x->client->write_error(FAULT_NO_SUCH_MODEL, "no such model, or not yours", NULL, &x->frames);
    } else if (name.len == 0) {
        json_array_end(&w);
        if (anthropic) json_member_bool(&w, "has_more", false);
        json_object_end(&w);
    }
    struct http_header type = {SLICE("content-type"), SLICE("application/json")};
    x->state = EXCHANGE_DONE; /* nothing was asked of a model: no record */
    x->concluded = true;
    http_respond(x->request, name.len > 0 && !found ? 404 : 200, &type, 1, buffer_slice(&x->frames));
}
