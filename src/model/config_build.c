/* The tree to a policy: what belongs together, what must be unique, and what names refer to. */
#include "model/config_table.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>

enum { SHORTEST_KEY = 16 };

struct build {
    struct config_reader *r;
    struct policy *p;
    struct raw_root root;
    struct price_list *prices;
    struct table places; /* digest of a secret -> where it stands */
};

static void *array(struct build *b, size_t size, unsigned n) {
    return arena_alloc(&b->p->arena, size * (n > 0 ? n : 1));
}

#define new_array(b, type, n) ((type *)array((b), sizeof(type), (n)))

static const char *keep(struct build *b, struct slice s) {
    const char *text = arena_text(&b->p->arena, s);
    return text != NULL ? text : "";
}

/* "providers.openai." for what follows; complains of names that logs, labels and headers could not carry. */
static const char *open_named(struct build *b, const char *section, const struct yaml_node *node, bool slash) {
    const char *place = config_place(b->r, "%s." SLICE_FMT ".", section, SLICE_ARG(node->key));
    if (!config_name_is_valid(node->key))
        config_complain(b->r, node->key_line, node->key_column, "%s: expected a name of at most 128 printable bytes", section);
    else if (!slash && memchr(node->key.at, '/', node->key.len) != NULL)
        config_complain(b->r, node->key_line, node->key_column, "%s." SLICE_FMT ": expected a name without /", section, SLICE_ARG(node->key));
    return place;
}

/* ===== secrets ===== */

/* The digest of a key or token; the text is wiped. False after a problem. */
static bool digest_of(struct build *b, const char *place, const struct yaml_node *node, const char *secret, struct digest *ret) {
    size_t len = strlen(secret);
    digest_sha256(slice_of(secret), ret);
    explicit_bzero((void *)(uintptr_t)secret, len); /* our own copy, in the temporary arena */
    if (len < SHORTEST_KEY) {
        config_complain(b->r, node->line, node->column, "%s: expected at least %d characters, found %zu", place, SHORTEST_KEY, len);
        return false;
    }
    struct slice id = slice_make((const char *)ret->bytes, DIGEST_BYTES);
    const char *former = table_get(&b->places, id);
    if (former != NULL) {
        config_complain(b->r, node->line, node->column, "%s: the same secret as %s", place, former);
        return false;
    }
    table_put(&b->places, id, (void *)(uintptr_t)place);
    return true;
}

/* ===== server ===== */

static void split_address(struct build *b, const char *text, const char **ret_host, uint16_t *ret_port) {
    struct slice host;
    if (text != NULL && config_address(slice_of(text), &host, ret_port)) *ret_host = keep(b, host);
}

static void build_external_url(struct build *b, struct yaml_node *root) {
    struct slice url = b->p->server.external_url != NULL ? slice_of(b->p->server.external_url) : SLICE_NULL;
    struct yaml_node *node = yaml_get(root, "external_url");
    bool good = slice_starts(url, SLICE("https://")) || slice_starts(url, SLICE("http://"));
    for (size_t i = 0; i < url.len && good; i++) good = url.at[i] > ' ' && url.at[i] < 0x7F && url.at[i] != '?' && url.at[i] != '#' && url.at[i] != '"';
    if (node == NULL || slice_is_null(url)) return;
    if (!good) config_complain(b->r, node->line, node->column, "external_url: expected a URL such as https://quarterdeck.example.org");
    while (url.len > 0 && url.at[url.len - 1] == '/') url.len--;
    b->p->server.external_url = keep(b, url);
}

static void build_server(struct build *b, struct yaml_node *root) {
    struct server_settings *s = &b->p->server;
    *s = b->root.server;
    split_address(b, b->root.listen, &s->listen_host, &s->listen_port);
    split_address(b, b->root.admin_listen, &s->admin_host, &s->admin_port);
    build_external_url(b, root);
    struct yaml_node *tls = yaml_get(yaml_get(root, "server"), "tls");
    if (tls != NULL && !config_is_null(yaml_get(tls, "cert")) != !config_is_null(yaml_get(tls, "key")))
        config_complain(b->r, tls->line, tls->column, "server.tls: expected both `cert` and `key`, or neither");
    if (s->admin_host != NULL && s->admin_port != 0 && s->admin_port == s->listen_port && strcmp(s->admin_host, s->listen_host) == 0) {
        struct yaml_node *node = yaml_get(root, "admin_listen");
        config_complain(b->r, node->line, node->column, "admin_listen: expected another address than `listen`");
    }
}

static void build_tokens(struct build *b) {
    struct yaml_node *list = b->root.tokens;
    if (list == NULL) return;
    struct operator_token *tokens = new_array(b, struct operator_token, list->count);
    unsigned n = 0, index = 0;
    if (tokens == NULL) return;
    for (struct yaml_node *node = list->first; node != NULL; node = node->next, index++) {
        struct raw_token raw = {0};
        const char *place = config_place(b->r, "tokens[%u].", index);
        config_fill(b->r, SCOPE_TOKEN, place, node, &raw);
        if (raw.name == NULL || raw.token == NULL) continue;
        struct operator_token *t = &tokens[n];
        *t = (struct operator_token){.name = raw.name, .role = raw.role == USER_ROLES ? USER_APPROVER : raw.role}; /* the last choice is its other name */
        struct yaml_node *name = yaml_get(node, "name"), *secret = yaml_get(node, "token");
        for (unsigned i = 0; i < n; i++)
            if (strcmp(tokens[i].name, raw.name) == 0)
                config_complain(b->r, name->line, name->column, "%sname: `%s` is taken already", place, raw.name);
        if (!digest_of(b, config_place(b->r, "%stoken", place), secret, raw.token, &t->digest)) continue;
        table_put(&b->p->token_by_digest, slice_make((const char *)t->digest.bytes, DIGEST_BYTES), t);
        n++;
    }
    b->p->tokens = tokens;
    b->p->n_tokens = n;
}

/* ===== prices ===== */

struct overlay {
    struct buffer content;
    const char *name;
    struct yaml_node *node;
};

/* Its text, when it is a price table; a problem otherwise. */
static bool read_overlay(struct build *b, const char *place, struct yaml_node *node, struct overlay *o) {
    struct config_reader *r = b->r;
    struct error error = {0};
    struct arena trial;
    struct price_list *ignored;
    o->node = node;
    o->name = config_text(r, place, node, KIND_TEXT);
    if (o->name == NULL) return false;
    enum fault fault = r->source->file == NULL ? error_set(&error, FAULT_IO, "files cannot be read here")
                                               : r->source->file(r->source->ctx, o->name, &o->content, &error);
    if (fault == FAULT_NONE) {
        struct slice text = buffer_slice(&o->content);
        arena_init(&trial, 64u << 10, 2 * (size_t)LIMIT_CONFIG_FILE);
        fault = price_list_new(&trial, &text, &o->name, 1, &ignored, &error);
        arena_deinit(&trial);
    }
    if (fault != FAULT_NONE) config_complain(r, node->line, node->column, "%s: %s", place, error.text[0] ? error.text : fault_text(fault));
    return fault == FAULT_NONE;
}

static void build_prices(struct build *b) {
    struct yaml_node *list = b->root.price_files;
    unsigned n_nodes = list != NULL ? list->count : 0, n = 0, index = 0;
    struct overlay *overlays = mem_new_array(struct overlay, n_nodes + 1);
    struct slice *texts = mem_new_array(struct slice, n_nodes + 1);
    const char **names = mem_new_array(const char *, n_nodes + 1);
    for (struct yaml_node *node = list != NULL ? list->first : NULL; node != NULL; node = node->next, index++) {
        struct overlay *o = &overlays[index];
        buffer_init(&o->content, LIMIT_CONFIG_FILE);
        if (!read_overlay(b, config_place(b->r, "prices.files[%u]", index), node, o)) continue;
        texts[n] = buffer_slice(&o->content);
        names[n++] = o->name;
    }
    struct error error = {0};
    if (price_list_new(&b->p->arena, texts, names, n, &b->prices, &error) != FAULT_NONE)
        config_complain(b->r, 1, 1, "prices: %s", error.text);
    b->p->prices = b->prices;
    for (unsigned i = 0; i < index; i++) buffer_deinit(&overlays[i].content);
    mem_free(names);
    mem_free(texts);
    mem_free(overlays);
}

/* ===== providers ===== */

static bool is_token(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return s.len > 0;
}

static bool is_ours(struct slice name) {
    static const char *const ours[] = {"host", "content-length", "content-type", "transfer-encoding", "connection"};
    for (unsigned i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (slice_eq_nocase(name, slice_of(ours[i]))) return true;
    return false;
}

static bool is_one_line(const char *text) {
    for (; *text != 0; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F) return false;
    return true;
}

static const char *const *build_headers(struct build *b, const char *place, struct yaml_node *map) {
    const char **headers = new_array(b, const char *, map->count + 1);
    unsigned n = 0;
    for (struct yaml_node *node = map->first; node != NULL && headers != NULL; node = node->next) {
        const char *here = config_place(b->r, "%sheaders." SLICE_FMT, place, SLICE_ARG(node->key));
        if (!is_token(node->key)) {
            config_complain(b->r, node->key_line, node->key_column, "%s: expected the name of a header", here);
            continue;
        }
        if (is_ours(node->key)) {
            config_complain(b->r, node->key_line, node->key_column, "%s: this header is set by the connection itself", here);
            continue;
        }
        const char *value = config_text(b->r, here, node, KIND_SECRET);
        if (value != NULL && !is_one_line(value))
            config_complain(b->r, node->line, node->column, "%s: expected one line without control characters", here);
        else if (value != NULL)
            headers[n++] = keep(b, arena_printf(&b->r->temp, SLICE_FMT ": %s", SLICE_ARG(node->key), value));
    }
    return headers;
}

static void check_prices_as(struct build *b, const char *place, const struct yaml_node *node, const char *name) {
    static const char *const common[] = {"none", "openai", "anthropic", "azure", "google", "aws", "mistral", "groq", "together",
                                         "fireworks", "x-ai", "cohere", "perplexity", "deepseek"};
    if (name == NULL || b->prices == NULL || strcmp(name, "none") == 0 || price_has_provider(b->prices, slice_of(name))) return;
    const char *near = config_nearest(slice_of(name), common, sizeof common / sizeof common[0]);
    config_complain(b->r, node->line, node->column, "%sprices_as: the price table has no provider `%s`%s", place, name,
                    near != NULL ? config_place(b->r, "; did you mean `%s`?", near) : "");
}

static void finish_provider(struct build *b, const char *place, struct yaml_node *node, struct raw_provider *raw) {
    struct provider *v = &raw->provider;
    struct yaml_node *url = yaml_get(node, "base_url");
    if (raw->headers != NULL) v->headers = build_headers(b, place, raw->headers);
    if (v->base_url != NULL) {
        size_t len = strlen(v->base_url);
        while (len > 0 && v->base_url[len - 1] == '/') len--;
        v->base_url = keep(b, slice_make(v->base_url, len));
    }
    if (v->api_key != NULL && v->api_key[0] == 0) v->api_key = NULL; /* "${KEY:-}": none */
    if (v->api_key != NULL && !is_one_line(v->api_key))
        config_complain(b->r, node->line, node->column, "%sapi_key: expected one line without control characters", place);
    if (v->proxy != NULL && v->proxy[0] == 0) v->proxy = NULL;
    if (v->status_page != NULL && v->status_page[0] == 0) v->status_page = NULL;
    if (v->batch && v->dialect != DIALECT_OPENAI)
        config_complain(b->r, node->line, node->column, "%sbatch: batches are passed on to providers of dialect openai only", place);
    v->batch_discount_ppm = raw->batch_discount < 0 ? -1 : (int64_t)(raw->batch_discount * 1e6 + 0.5);
    if (v->batch_discount_ppm >= 0 && !v->batch)
        config_complain(b->r, node->line, node->column, "%sbatch_discount: this needs `batch: true`", place);
    if (v->dialect == DIALECT_AZURE && v->api_version == NULL && url != NULL)
        config_complain(b->r, node->line, node->column, "%sapi_version: this is required for azure, such as \"2024-10-21\"", place);
    check_prices_as(b, place, yaml_get(node, "prices_as"), v->prices_as);
}

static void build_providers(struct build *b) {
    struct yaml_node *map = b->root.providers;
    if (map == NULL) return;
    struct provider *providers = new_array(b, struct provider, map->count);
    unsigned n = 0;
    for (struct yaml_node *node = map->first; node != NULL && providers != NULL; node = node->next) {
        struct raw_provider raw = {.batch_discount = -1};
        const char *place = open_named(b, "providers", node, false);
        config_fill(b->r, SCOPE_PROVIDER, place, node, &raw);
        finish_provider(b, place, node, &raw);
        raw.provider.name = keep(b, node->key);
        providers[n++] = raw.provider;
    }
    b->p->providers = providers;
    b->p->n_providers = n;
}

/* ===== models ===== */

static void complain_of_name(struct build *b, const struct yaml_node *node, const char *place, const char *what, struct slice name,
                             const char *const *known, unsigned n) {
    const char *near = config_nearest(name, known, n);
    config_complain(b->r, node->line, node->column, "%s: no such %s `" SLICE_FMT "`%s", place, what, SLICE_ARG(name),
                    near != NULL ? config_place(b->r, "; did you mean `%s`?", near) : "");
}

static const struct provider *find_provider(struct build *b, const char *place, const struct yaml_node *node, const char *name) {
    const char **names = arena_new_array(&b->r->temp, const char *, b->p->n_providers + 1);
    for (unsigned i = 0; i < b->p->n_providers; i++) {
        if (strcmp(b->p->providers[i].name, name) == 0) return &b->p->providers[i];
        if (names != NULL) names[i] = b->p->providers[i].name;
    }
    if (names != NULL) complain_of_name(b, node, place, "provider", slice_of(name), names, b->p->n_providers);
    return NULL;
}

static void price_target(struct build *b, struct target *t) {
    const char *as = policy_prices_as(t->provider, b->prices);
    if (b->prices == NULL || strcmp(as, "none") == 0) return;
    t->price = price_find(b->prices, slice_of(as), slice_of(t->model));
    if (t->price != NULL && t->context_window < 0) t->context_window = price_context_window(t->price);
}

/* False after a problem. */
static bool build_target(struct build *b, const char *place, struct yaml_node *node, const struct model_route *m, struct target *ret) {
    struct raw_target raw = {.target = {.context_window = -1, .max_output = -1}};
    config_fill(b->r, SCOPE_TARGET, place, node, &raw);
    struct target *t = &raw.target;
    if (raw.provider == NULL || t->model == NULL) return false;
    t->provider = find_provider(b, config_place(b->r, "%sprovider", place), yaml_get(node, "provider"), raw.provider);
    if (t->provider == NULL) return false;
    if (!config_name_is_valid(slice_of(t->model))) {
        struct yaml_node *name = yaml_get(node, "model");
        config_complain(b->r, name->line, name->column, "%smodel: expected a name of at most 128 printable bytes", place);
        return false;
    }
    t->health_key = keep(b, arena_printf(&b->r->temp, "%s/%s", t->provider->name, t->model));
    for (unsigned i = 0; i < m->n_targets; i++)
        if (strcmp(m->targets[i].health_key, t->health_key) == 0) {
            config_complain(b->r, node->line, node->column, "%.*s: the same target as targets[%u]", (int)strlen(place) - 1, place, i);
            return false;
        }
    price_target(b, t);
    t->index = b->p->n_targets++;
    *ret = *t;
    return true;
}

static void build_targets(struct build *b, const char *place, struct yaml_node *list, struct model_route *m) {
    if (list == NULL) return;
    if (list->count == 0 || list->count > LIMIT_TARGETS) {
        config_complain(b->r, list->line, list->column, "%stargets: expected 1 to %d targets, found %u", place, LIMIT_TARGETS, list->count);
        return;
    }
    m->targets = new_array(b, struct target, list->count);
    unsigned index = 0;
    for (struct yaml_node *node = list->first; node != NULL && m->targets != NULL; node = node->next, index++)
        if (build_target(b, config_place(b->r, "%stargets[%u].", place, index), node, m, &m->targets[m->n_targets]))
            m->weighted = m->targets[m->n_targets++].weight > 0 || m->weighted;
}

static void build_models(struct build *b) {
    struct yaml_node *map = b->root.models;
    if (map == NULL) return;
    struct model_route *models = new_array(b, struct model_route, map->count);
    struct raw_model *raws = arena_new_array(&b->r->temp, struct raw_model, map->count + 1);
    unsigned n = 0;
    for (struct yaml_node *node = map->first; node != NULL && models != NULL && raws != NULL; node = node->next, n++) {
        struct raw_model *raw = &raws[n];
        const char *place = open_named(b, "models", node, true);
        config_fill(b->r, SCOPE_MODEL, place, node, raw);
        raw->route.name = keep(b, node->key);
        if (raw->tiers == NULL && config_is_null(yaml_get(node, "targets")))
            config_complain(b->r, node->line, node->column, "%stargets: this is required (list of targets), unless there are `tiers`", place);
        if (raw->tiers == NULL) build_targets(b, place, raw->targets, &raw->route);
        models[n] = raw->route;
        table_put(&b->p->model_by_name, node->key, &models[n]);
    }
    n = 0;
    for (struct yaml_node *node = map->first; node != NULL && models != NULL && raws != NULL; node = node->next, n++)
        config_tiers(b->r, config_place(b->r, "models." SLICE_FMT ".", SLICE_ARG(node->key)), node, &raws[n], &models[n]);
    b->p->models = models;
    b->p->n_models = n;
}

/* ===== applications ===== */

static void allow_models(struct build *b, const char *place, struct yaml_node *list, struct application *a) {
    const char **names = arena_new_array(&b->r->temp, const char *, b->p->n_models + 1);
    a->all_models = list == NULL;
    if (list == NULL || names == NULL) return;
    for (unsigned i = 0; i < b->p->n_models; i++) names[i] = b->p->models[i].name;
    a->models = new_array(b, const struct model_route *, list->count);
    unsigned index = 0;
    for (struct yaml_node *node = list->first; node != NULL && a->models != NULL; node = node->next, index++) {
        const char *here = config_place(b->r, "%smodels[%u]", place, index), *name = config_text(b->r, here, node, KIND_TEXT);
        if (name == NULL) continue;
        if (strcmp(name, "*") == 0) {
            a->all_models = true;
            continue;
        }
        struct model_route *m = table_get(&b->p->model_by_name, slice_of(name));
        if (m == NULL)
            complain_of_name(b, node, here, "model", slice_of(name), names, b->p->n_models);
        else if (!policy_allows(&(struct application){.models = a->models, .n_models = a->n_models}, m))
            a->models[a->n_models++] = m;
    }
}

static struct api_key *new_key(struct build *b, const char *name, const struct application *a, const struct digest *digest, bool registry) {
    struct api_key *key = arena_new(&b->p->arena, struct api_key);
    if (key == NULL) return NULL;
    *key = (struct api_key){.name = name, .application = a, .digest = *digest, .from_registry = registry};
    table_put(&b->p->key_by_digest, slice_make((const char *)key->digest.bytes, DIGEST_BYTES), key);
    return key;
}

static void build_keys(struct build *b, const char *place, struct yaml_node *list, const struct application *a) {
    const char **taken = list != NULL ? arena_new_array(&b->r->temp, const char *, list->count + 1) : NULL;
    unsigned index = 0, n = 0;
    for (struct yaml_node *node = taken != NULL ? list->first : NULL; node != NULL; node = node->next, index++) {
        struct raw_key raw = {0};
        struct digest digest;
        const char *here = config_place(b->r, "%skeys[%u].", place, index);
        config_fill(b->r, SCOPE_KEY, here, node, &raw);
        for (unsigned i = 0; i < n && raw.name != NULL; i++)
            if (strcmp(taken[i], raw.name) == 0) {
                struct yaml_node *name = yaml_get(node, "name");
                config_complain(b->r, name->line, name->column, "%sname: `%s` is taken already", here, raw.name);
                break;
            }
        if (raw.name != NULL) taken[n++] = raw.name;
        if (raw.key != NULL && digest_of(b, config_place(b->r, "%skey", here), yaml_get(node, "key"), raw.key, &digest) && raw.name != NULL)
            (void)new_key(b, raw.name, a, &digest, false);
    }
}

static void build_applications(struct build *b) {
    struct yaml_node *map = b->root.applications;
    if (map == NULL) return;
    struct application *applications = new_array(b, struct application, map->count);
    unsigned n = 0;
    for (struct yaml_node *node = map->first; node != NULL && applications != NULL; node = node->next) {
        struct raw_application raw = {0};
        config_requests_init(&raw.application.requests);
        struct application *a = &applications[n];
        const char *place = open_named(b, "applications", node, true);
        config_fill(b->r, SCOPE_APPLICATION, place, node, &raw);
        *a = raw.application;
        a->name = keep(b, node->key);
        a->index = n++;
        allow_models(b, place, raw.models, a);
        table_put(&b->p->application_by_name, node->key, a);
        build_keys(b, place, raw.keys, a);
        config_request_types(b->r, place, raw.request_types, a);
    }
    b->p->applications = applications;
    b->p->n_applications = n;
}

/* Keys of applications that are gone, and those that the file has too, stay out. */
static void merge_registry(struct build *b, const struct config_registry_key *keys, unsigned n_keys) {
    for (unsigned i = 0; i < n_keys; i++) {
        const struct application *a = table_get(&b->p->application_by_name, slice_of(keys[i].application));
        struct slice digest = slice_make((const char *)keys[i].digest.bytes, DIGEST_BYTES);
        if (a != NULL && table_get(&b->p->key_by_digest, digest) == NULL)
            (void)new_key(b, keep(b, slice_of(keys[i].name)), a, &keys[i].digest, true);
    }
}

void config_build(struct config_reader *r, struct yaml_node *root, const struct config_registry *registry) {
    struct build b = {.r = r, .p = r->policy};
    table_init(&b.places);
    b.root.server.evaluation.max_cost_nano = -1;
    config_fill(r, SCOPE_ROOT, "", root, &b.root);
    build_server(&b, root);
    config_watch(r, root, b.root.watch_timezone);
    build_tokens(&b);
    build_prices(&b);
    build_providers(&b);
    build_models(&b);
    build_applications(&b);
    merge_registry(&b, registry->keys, registry->n_keys);
    config_downgrades(r, b.root.models);
    config_budgets(r, b.root.budgets, registry->n_allowances);
    config_limits(r, b.root.limits, registry->n_allowances);
    config_merge_allowances(r, registry);
    config_pseudonyms(r);
    config_change(r, b.root.change_policy, b.root.rollouts);
    config_alerts(r, &b.root);
    table_deinit(&b.places);
}
