/* See versions.h. */
#include "change/versions.h"

#include "cost/token_count.h"

#include <math.h>
#include <stdio.h>

/* ---- reading ---- */

static struct slice canonical(const struct version_file *f, struct arena *arena, bool manifest) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, arena->max);
    json_start(&w, &out);
    if (manifest) manifest_write(&f->manifest, &w);
    else prompt_write(&f->prompt, &w);
    struct slice body = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return body;
}

static void tell_undeclared(const struct prompt *p, struct slice name, const char *file, struct arena *arena, struct problems *problems) {
    const char **names = arena_new_array(arena, const char *, (size_t)p->n_variables + 1);
    char hint[READER_HINT] = "";
    for (unsigned i = 0; names != NULL && i < p->n_variables; i++) names[i] = arena_text(arena, p->variables[i].name);
    if (names != NULL && !arena_is_full(arena)) (void)reader_hint(name, names, hint);
    problems_add(problems, arena, file, 1, 0, "{{" SLICE_FMT "}} is in a message and not in `variables`%s%s", (int)(name.len < 80 ? name.len : 80), name.at, hint,
                 hint[0] ? "" : "; declare it: variables: {NAME: {required: true}}");
}

static bool declares(const struct prompt *p, struct slice name) {
    for (unsigned i = 0; i < p->n_variables; i++)
        if (slice_eq(p->variables[i].name, name)) return true;
    return false;
}

static void check_variables(const struct prompt *p, const char *file, struct arena *arena, struct problems *problems) {
    for (unsigned i = 0; i < p->n_messages; i++) {
        struct slice rest = p->messages[i].raw.at != NULL ? p->messages[i].raw : p->messages[i].content, text, name;
        while (p->messages[i].is_template && template_next(&rest, &text, &name))
            if (!declares(p, name)) tell_undeclared(p, name, file, arena, problems);
    }
}

static enum fault read_prompt(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct version_file *f, struct problems *problems) {
    unsigned before = problems->count;
    enum fault fault = prompt_read_file(text, file, files, arena, &f->prompt, problems);
    if (fault != FAULT_NONE) return fault;
    const struct prompt *p = &f->prompt;
    if (p->name.at == NULL) problems_add(problems, arena, file, 1, 0, "expected the key `prompt`, its name");
    check_variables(p, file, arena, problems);
    f->name = p->name, f->human = p->version, f->owner = p->owner, f->suites = p->suites, f->n_suites = p->n_suites, f->digest = p->digest;
    return problems->count > before || problems->more ? FAULT_CONFIG : FAULT_NONE;
}

static enum fault read_manifest(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct version_file *f, struct problems *problems) {
    enum fault fault = manifest_read_file(text, file, files, arena, &f->manifest, problems);
    const struct manifest *m = &f->manifest;
    if (fault == FAULT_NONE) f->name = m->name, f->human = m->version, f->owner = m->owner, f->suites = m->suites, f->n_suites = m->n_suites, f->digest = m->digest;
    return fault;
}

/* What would be taken for something else when it is asked for by NAME@V. */
static void check_human(const struct version_file *f, const char *file, struct arena *arena, struct problems *problems) {
    uint64_t number;
    bool hex = f->human.len >= 8, bad = f->human.len > LIMIT_LABEL || slice_contains(f->human, SLICE("@")) || slice_contains(f->human, SLICE("/"));
    for (size_t i = 0; hex && i < f->human.len; i++) hex = strchr("0123456789abcdefABCDEF", f->human.at[i]) != NULL;
    if (f->human.at == NULL) return;
    if (bad) problems_add(problems, arena, file, 1, 0, "version: expected at most %d bytes without `@` and `/`", LIMIT_LABEL);
    else if (slice_to_u64(f->human, &number) || hex || slice_is(f->human, "production"))
        problems_add(problems, arena, file, 1, 0, "version: `" SLICE_FMT "` could be taken for a number, a hash or a label; write it as v%.20s, for example", SLICE_ARG(f->human),
                     slice_to_u64(f->human, &number) ? arena_text(arena, f->human) : "1.2.3");
}

enum fault version_read(struct slice kind, struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                        struct version_file *ret, struct problems *problems) {
    struct version_file f = {.kind = kind};
    bool manifest = slice_is(kind, "knowledge");
    unsigned before = problems->count;
    enum fault fault = manifest ? read_manifest(text, file, files, arena, &f, problems) : read_prompt(text, file, files, arena, &f, problems);
    if (fault == FAULT_NONE) check_human(&f, file, arena, problems);
    if (fault == FAULT_NONE && (problems->count > before || problems->more)) fault = FAULT_CONFIG;
    if (fault != FAULT_NONE) return fault;
    f.body = canonical(&f, arena, manifest);
    if (f.body.at == NULL) return FAULT_TOO_LARGE;
    *ret = f;
    return FAULT_NONE;
}

void version_write_file(const struct version_file *f, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    if (f->human.at != NULL) json_member_string(&w, "version", f->human);
    if (f->owner.at != NULL) json_member_string(&w, "owner", f->owner);
    json_key(&w, "suites");
    json_array(&w);
    for (unsigned i = 0; i < f->n_suites; i++) json_put_string(&w, f->suites[i]);
    json_array_end(&w);
    buffer_byte(out, ',');
    buffer_append(out, slice_make(f->body.at + 1, f->body.len - 1)); /* behind its brace */
}

enum fault version_prompt(const struct change_version *v, struct arena *arena, struct prompt *ret, struct error *error) {
    struct problems problems = {0};
    if (prompt_read_file(v->body, "registry.json", NULL, arena, ret, &problems) == FAULT_NONE) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: version %lld of " SLICE_FMT " cannot be read: %s", (long long)v->version, SLICE_ARG(v->name),
                     problems.count > 0 ? problems.items[0].text : "it does not fit into its memory");
}

enum fault version_manifest(const struct change_version *v, struct arena *arena, struct manifest *ret, struct error *error) {
    struct problems problems = {0};
    if (manifest_read_file(v->body, "registry.json", NULL, arena, ret, &problems) == FAULT_NONE) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: version %lld of " SLICE_FMT " cannot be read: %s", (long long)v->version, SLICE_ARG(v->name),
                     problems.count > 0 ? problems.items[0].text : "it does not fit into its memory");
}

/* ---- price ---- */

/* The target that answers first, as far as the configuration tells: of a model, or PROVIDER/MODEL. */
static const struct price_model *target_of(const struct policy *policy, struct slice model, struct version_price *ret) {
    const struct model_route *route = policy != NULL && model.len > 0 ? table_get(&policy->model_by_name, model) : NULL;
    struct slice provider, upstream;
    if (route != NULL && route->n_targets > 0) {
        ret->provider = slice_of(route->targets[0].provider->name);
        ret->model = slice_of(route->targets[0].model);
        return route->targets[0].price;
    }
    if (policy == NULL || !slice_cut(model, '/', &provider, &upstream)) return NULL;
    for (unsigned i = 0; i < policy->n_providers; i++) {
        const struct provider *p = &policy->providers[i];
        const char *as = slice_is(provider, p->name) ? policy_prices_as(p, policy->prices) : NULL;
        if (!slice_is(provider, p->name)) continue;
        ret->provider = provider;
        ret->model = upstream;
        return as != NULL && policy->prices != NULL ? price_find(policy->prices, slice_of(as), upstream) : NULL;
    }
    return NULL;
}

/* The messages and tools of a call, with placeholders as they are written. */
static struct slice call_of(const struct prompt *p, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, arena->max);
    json_start(&w, &out);
    json_object(&w);
    json_key(&w, "messages");
    json_array(&w);
    for (unsigned i = 0; i < p->n_messages; i++) {
        json_object(&w);
        json_member_string(&w, "role", p->messages[i].role);
        if (p->messages[i].raw.at != NULL) json_member_raw(&w, "content", p->messages[i].raw);
        else json_member_string(&w, "content", p->messages[i].content);
        json_object_end(&w);
    }
    json_array_end(&w);
    if (p->tools.at != NULL) json_member_raw(&w, "tools", p->tools);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

void version_price(const struct prompt *p, const struct policy *policy, const struct token_calibration *learned, int64_t at_us,
                   struct arena *arena, struct version_price *ret) {
    *ret = (struct version_price){.tokens = -1, .cost_nano = MONEY_UNKNOWN};
    const struct price_model *price = target_of(policy, p->model, ret);
    struct call call = {.endpoint = ENDPOINT_CHAT, .max_tokens = -1, .stream_options_node = JSON_NONE, .model_node = JSON_NONE};
    struct slice text = call_of(p, arena);
    if (text.at == NULL || json_read(text, arena, UINT16_MAX, &call.doc, NULL) != FAULT_NONE) return;
    call.messages_node = json_get(&call.doc, 0, "messages");
    struct token_counter *counter = arena_new(arena, struct token_counter);
    if (counter == NULL) return;
    token_counter_init(counter, BPE_LONGEST_LOOP, TOKEN_WHOLE_TOOL, learned);
    struct token_count n = token_count_call(counter, ret->provider, ret->model.at != NULL ? ret->model : p->model, &call);
    token_counter_deinit(counter);
    ret->tokens = n.tokens;
    ret->exact = n.exact;
    ret->encoding = slice_of(token_encoding_name(n.encoding));
    struct usage usage;
    usage_init(&usage);
    usage.input = n.tokens;
    usage.output = 0;
    if (price != NULL) ret->cost_nano = price_cost(price, &usage, at_us);
}
