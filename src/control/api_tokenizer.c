/* How the tokens of a model are counted, and what was learned of it from the provider's own counts. */
#include "control/api.h"

#include "cost/learned.h"
#include "cost/token_count.h"
#include "store/findings.h"

#define LEARNED SLICE("cost.learned") /* as the server keeps it, every few minutes */

/* What was kept, into a fresh calibration. *ret_at_us is 0 when nothing was. */
static enum fault read_learned(struct api_call *c, struct token_calibration *ret, int64_t *ret_at_us, struct error *error) {
    struct slice bytes = SLICE_NULL;
    int64_t at_us = 0;
    token_calibration_init(ret);
    struct arena arena;
    arena_init(&arena, 64 << 10, 2 * LEARNED_MOST);
    enum fault fault = registry_kept(c->s->registry, LEARNED, &arena, &bytes, &at_us, error);
    if (fault == FAULT_NONE && !slice_is_null(bytes)) {
        struct expect *lengths = expect_new();
        fault = learned_decode(bytes, ret, lengths, error);
        expect_free(lengths);
        if (fault == FAULT_NONE) *ret_at_us = at_us;
    }
    arena_deinit(&arena);
    return fault;
}

void api_cost_tokenizer(struct api_call *c) {
    struct slice model = api_text(c, "model"), provider = SLICE_NULL;
    const struct model_route *route = c->policy ? table_get(&c->policy->model_by_name, model) : NULL;
    struct error error;
    int64_t at_us = 0;
    uint32_t n = 0;
    if (!api_need_registry(c)) return;
    if (route && route->n_targets > 0) {
        provider = slice_of(route->targets[0].provider->name);
        model = slice_of(route->targets[0].model);
    }
    struct token_calibration *learned = arena_new(c->arena, struct token_calibration);
    if (!learned) {
        api_fail(c, FAULT_TOO_LARGE, "no room for what was learned");
        return;
    }
    if (!api_check(c, read_learned(c, learned, &at_us, &error), &error)) return;
    enum token_encoding encoding = token_encoding_of(provider, model);
    double factor = token_calibration_factor(learned, model, &n);
    json_object(&c->json);
    json_member_string(&c->json, "model", api_text(c, "model"));
    json_member_string(&c->json, "provider", provider);
    json_member_string(&c->json, "upstream_model", model);
    json_member_text(&c->json, "encoding", token_encoding_name(encoding));
    json_key(&c->json, "factor");
    if (encoding == TOKEN_ESTIMATE && n > 0) json_put_double(&c->json, factor);
    else json_put_null(&c->json);
    json_member_i64(&c->json, "observations", encoding == TOKEN_ESTIMATE ? (int64_t)n : 0);
    api_put_time(&c->json, "learned_until", at_us);
    json_object_end(&c->json);
}
