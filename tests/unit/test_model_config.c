#include "base/clock.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/config_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ===== a world without files and environment ===== */

struct world {
    const char *const *env;   /* name, value, ..., NULL */
    const char *const *files; /* path, content, ..., NULL */
};

static const char *look_up(const char *const *pairs, const char *name) {
    for (unsigned i = 0; pairs != NULL && pairs[i] != NULL; i += 2)
        if (strcmp(pairs[i], name) == 0) return pairs[i + 1];
    return NULL;
}

static const char *world_env(void *ctx, const char *name) {
    return look_up(((struct world *)ctx)->env, name);
}

static enum fault world_file(void *ctx, const char *path, struct buffer *out, struct error *error) {
    const char *content = look_up(((struct world *)ctx)->files, path);
    if (content == NULL) return error_set(error, FAULT_IO, "cannot read %s: no such file", path);
    buffer_append(out, slice_of(content));
    return FAULT_NONE;
}

static const char *const usual_env[] = {
    "QUARTERDECK_TOKEN", "operator-token-0123456789", "OPENAI_API_KEY", "sk-openai", "ANTHROPIC_API_KEY", "sk-ant",
    "AZURE_KEY", "azure-secret", "HELPDESK_KEY", "qd-helpdesk-0123456789", "EMPTY", "", NULL};

struct outcome {
    struct arena arena;
    struct policy *policy;
    struct problems problems;
    char text[32768];
};

static void read_with(struct outcome *o, const char *yaml, const struct world *w, const struct config_registry_key *keys, unsigned n_keys) {
    struct config_source source = {(void *)(uintptr_t)w, world_env, world_file};
    arena_init(&o->arena, 4096, 1 << 20);
    o->policy = NULL;
    enum fault fault = config_read(slice_of(yaml), "quarterdeck.yaml", &source, &(struct config_registry){.keys = keys, .n_keys = n_keys}, &o->arena, &o->policy, &o->problems);
    struct buffer text;
    buffer_init(&text, sizeof o->text - 1);
    problems_write(&o->problems, &text);
    snprintf(o->text, sizeof o->text, "%s", buffer_text(&text));
    buffer_deinit(&text);
    if (fault == FAULT_NONE)
        assert_non_null(o->policy);
    else {
        assert_int_equal(fault, FAULT_CONFIG);
        assert_null(o->policy);
        assert_true(o->problems.count > 0);
    }
}

static void read_plain(struct outcome *o, const char *yaml) {
    static const struct world w = {usual_env, NULL};
    read_with(o, yaml, &w, NULL, 0);
}

static void done(struct outcome *o) {
    policy_drop(o->policy);
    arena_deinit(&o->arena);
}

/* Reads `yaml`, which has problems, and compares all of them. */
static void expect(const char *yaml, const char *problems) {
    struct outcome *o = mem_new(struct outcome);
    read_plain(o, yaml);
    assert_string_equal(o->text, problems);
    done(o);
    mem_free(o);
}

static void expect_good(const char *yaml) {
    expect(yaml, "");
}

static const struct api_key *key_of(const struct policy *p, const char *secret) {
    struct digest d;
    digest_sha256(slice_of(secret), &d);
    return table_get(&p->key_by_digest, slice_make((const char *)d.bytes, DIGEST_BYTES));
}

/* ===== what is read ===== */

static const char contract[] =
    "listen: 127.0.0.1:4000\n"
    "data_dir: ./qd-data\n"
    "workers: 2\n"
    "tokens:                                   # operators of the control plane\n"
    "  - {name: ops, role: admin, token: \"${QUARTERDECK_TOKEN}\"}\n"
    "providers:\n"
    "  openai:    {dialect: openai,    base_url: \"https://api.openai.com/v1\",    api_key: \"${OPENAI_API_KEY}\"}\n"
    "  anthropic: {dialect: anthropic, base_url: \"https://api.anthropic.com/v1/\", api_key: \"${ANTHROPIC_API_KEY}\"}\n"
    "  azure:     {dialect: azure,     base_url: \"https://x.openai.azure.com\", api_version: \"2024-10-21\", api_key: \"${AZURE_KEY}\"}\n"
    "  local:     {dialect: openai,    base_url: \"http://127.0.0.1:4010/v1\"}\n"
    "models:\n"
    "  support-chat:\n"
    "    targets:\n"
    "      - {provider: openai, model: gpt-4o-mini-2024-07-18}\n"
    "      - {provider: anthropic, model: claude-3-5-haiku-20241022}\n"
    "    timeouts: {connect: 2s, first_token: 15s, idle: 10s, total: 120s}\n"
    "    retry: {attempts: 2, backoff: 250ms, max_wait: 5s}\n"
    "    breaker: {window: 30s, min_requests: 10, failure_rate: 0.5, open_for: 15s}\n"
    "    degraded: {serve: cache, message: \"The assistant is unavailable for a moment. Nothing was lost; please try again.\"}\n"
    "applications:\n"
    "  helpdesk:\n"
    "    models: [support-chat]\n"
    "    keys:\n"
    "      - {name: web, key: \"${HELPDESK_KEY}\"}\n"
    "prices: {files: [./prices.json]}          # on top of the built-in table\n";

static void test_contract(void **state) {
    (void)state;
    static const char *const files[] = {"./prices.json", "{\"models\": [{\"provider\": \"openai\", \"id\": \"gpt-4o-mini-2024-07-18\", \"prices\": {\"input_mtok\": 1, \"output_mtok\": 2}}]}", NULL};
    static const struct world w = {usual_env, files};
    struct outcome *o = mem_new(struct outcome);
    read_with(o, contract, &w, NULL, 0);
    assert_string_equal(o->text, "");
    const struct policy *p = o->policy;
    assert_string_equal(p->server.listen_host, "127.0.0.1");
    assert_int_equal(p->server.listen_port, 4000);
    assert_null(p->server.admin_host);
    assert_int_equal(p->server.workers, 2);
    assert_int_equal(p->n_tokens, 1);
    assert_string_equal(p->tokens[0].name, "ops");
    assert_int_equal(p->tokens[0].role, USER_ADMIN);
    struct digest d;
    digest_sha256(SLICE("operator-token-0123456789"), &d);
    assert_ptr_equal(table_get(&p->token_by_digest, slice_make((const char *)d.bytes, DIGEST_BYTES)), &p->tokens[0]);

    assert_int_equal(p->n_providers, 4);
    assert_string_equal(p->providers[0].api_key, "sk-openai");
    assert_string_equal(p->providers[1].base_url, "https://api.anthropic.com/v1"); /* no slash at the end */
    assert_int_equal(p->providers[2].dialect, DIALECT_AZURE);
    assert_string_equal(p->providers[2].api_version, "2024-10-21");
    assert_null(p->providers[3].api_key);
    assert_true(p->providers[3].stream_usage);

    const struct model_route *m = table_get(&p->model_by_name, SLICE("support-chat"));
    assert_ptr_equal(m, &p->models[0]);
    assert_int_equal(m->n_targets, 2);
    assert_int_equal(p->n_targets, 2);
    assert_false(m->weighted);
    assert_ptr_equal(m->targets[1].provider, &p->providers[1]);
    assert_string_equal(m->targets[1].health_key, "anthropic/claude-3-5-haiku-20241022");
    assert_int_equal(m->targets[1].index, 1);
    assert_int_equal(m->timeouts.connect, 2000000);
    assert_int_equal(m->timeouts.total, 120000000);
    assert_int_equal(m->retry.attempts, 2);
    assert_int_equal(m->retry.backoff, 250000);
    assert_true(m->breaker.failure_rate == 0.5);
    assert_int_equal(m->degraded, DEGRADED_CACHE);
    assert_string_equal(m->degraded_message, "The assistant is unavailable for a moment. Nothing was lost; please try again.");

    const struct usage u = {.input = 1000000, .cache_read = -1, .cache_write = -1, .cache_write_1h = -1, .input_audio = -1,
                            .output = 1000000, .reasoning = -1, .output_audio = -1};
    assert_int_equal(price_cost(m->targets[0].price, &u, 0), 3 * MONEY_USD);          /* the file's */
    assert_int_equal(price_cost(m->targets[1].price, &u, 0), 48 * MONEY_USD / 10);    /* the built-in one's */
    assert_int_equal(m->targets[1].context_window, 200000);

    const struct application *a = table_get(&p->application_by_name, SLICE("helpdesk"));
    assert_false(a->all_models);
    assert_true(policy_allows(a, m));
    const struct api_key *k = key_of(p, "qd-helpdesk-0123456789");
    assert_non_null(k);
    assert_ptr_equal(k->application, a);
    assert_string_equal(k->name, "web");
    assert_false(k->from_registry);
    done(o);
    mem_free(o);
}

static void test_defaults(void **state) {
    (void)state;
    struct outcome *o = mem_new(struct outcome);
    read_plain(o, "providers: {p: {dialect: openai, base_url: http://h}}\nmodels: {m: {targets: [{provider: p, model: x}]}}\napplications: {a: }\n");
    assert_string_equal(o->text, "");
    const struct server_settings *s = &o->policy->server;
    assert_string_equal(s->listen_host, "127.0.0.1");
    assert_int_equal(s->listen_port, 4000);
    assert_string_equal(s->data_dir, "./qd-data");
    assert_int_equal(s->workers, 0);
    assert_int_equal(s->max_body, LIMIT_BODY_DEFAULT);
    assert_int_equal(s->max_header, LIMIT_HEADER_DEFAULT);
    assert_int_equal(s->head_timeout, 10000000);
    assert_int_equal(s->body_timeout, 60000000);
    assert_int_equal(s->idle_timeout, 75000000);
    assert_int_equal(s->max_connections, 10000);
    assert_int_equal(s->recorder.sync, SYNC_INTERVAL);
    assert_int_equal(s->recorder.interval, 1000000);
    assert_false(s->recorder.refuse_when_full);
    assert_int_equal(s->recorder.segment_bytes, LIMIT_SEGMENT_DEFAULT);
    assert_int_equal(s->recorder.max_segments, LIMIT_SEGMENTS_DEFAULT);
    assert_int_equal(s->ledger.retention, 90 * 86400000000);
    assert_string_equal(s->log_level, "info");
    assert_false(s->log_json);
    assert_null(s->tls_cert);
    const struct model_route *m = &o->policy->models[0];
    assert_int_equal(m->timeouts.connect, 5000000);
    assert_int_equal(m->timeouts.first_token, 60000000);
    assert_int_equal(m->timeouts.idle, 30000000);
    assert_int_equal(m->timeouts.total, 600000000);
    assert_int_equal(m->retry.attempts, 2);
    assert_int_equal(m->retry.backoff, 250000);
    assert_int_equal(m->retry.max_wait, 5000000);
    assert_int_equal(m->breaker.window, 30000000);
    assert_int_equal(m->breaker.min_requests, 10);
    assert_true(m->breaker.failure_rate == 0.5);
    assert_int_equal(m->breaker.open_for, 15000000);
    assert_int_equal(m->degraded, DEGRADED_OFF);
    assert_non_null(m->degraded_message);
    assert_int_equal(m->hold_back_bytes, 0);
    assert_int_equal(m->targets[0].context_window, -1);
    assert_int_equal(m->targets[0].max_output, -1);
    assert_null(m->targets[0].price);
    const struct application *a = &o->policy->applications[0];
    assert_true(a->all_models);
    assert_int_equal(a->payloads.capture, CAPTURE_METADATA);
    assert_int_equal(a->payloads.retention, 30 * 86400000000);
    done(o);
    mem_free(o);
}

static void test_everything(void **state) {
    (void)state;
    static const char *const files[] = {"cert.pem", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
                                        "key.pem", "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n",
                                        "/run/secret", "sk-from-file\n", "/run/key", "qd-key-from-file-01\r\n", NULL};
    static const struct world w = {usual_env, files};
    struct outcome *o = mem_new(struct outcome);
    read_with(o,
              "listen: '[::1]:0'\nadmin_listen: ':4001'\nworkers: 256\n"
              "server: {max_body: 1MiB, max_header: 16KiB, head_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, max_connections: 5,\n"
              "  tls: {cert: 'file:cert.pem', key: 'file:key.pem'}}\n"
              "recorder: {sync: each, interval: 100ms, on_full: refuse, segment: 64KiB, max_segments: 4}\n"
              "ledger: {retention: 0}\nlog: {level: debug, json: true}\n"
              "tokens: [{name: v, role: viewer, token: aaaaaaaaaaaaaaaa}, {name: e, role: editor, token: bbbbbbbbbbbbbbbb},\n"
              "  {name: o, role: operator, token: cccccccccccccccc}, {name: p, role: approver, token: dddddddddddddddd}]\n"
              "providers:\n"
              "  p: {dialect: openai, base_url: 'http://${HOST:-example.org}:80/v1//', api_key: 'file:/run/secret',\n"
              "      headers: {X-Team: core, X-Auth: 'Token ${AZURE_KEY}'}, stream_usage: false, http2: false,\n"
              "      proxy: 'http://user:pw@proxy:3128', ca_file: /etc/ca.pem, prices_as: none}\n"
              "  q: {dialect: anthropic, base_url: 'https://[::1]:8443', api_key: '${EMPTY:-}'}\n"
              "models:\n"
              "  org/model:\n"
              "    targets: [{provider: p, model: gpt-4o, weight: 3, context_window: 1000, max_output: 99}, {provider: q, model: '$${x}'}]\n"
              "    hold_back: {bytes: 8KiB, time: 2s}\n"
              "    degraded: {serve: message}\n"
              "applications:\n"
              "  a: {models: ['*'], payloads: {capture: full, retention: 7d}, keys: [{name: k, key: 'file:/run/key'}]}\n"
              "  b: {models: [org/model, org/model], payloads: {capture: none}}\n",
              &w, NULL, 0);
    assert_string_equal(o->text, "");
    const struct policy *p = o->policy;
    assert_string_equal(p->server.listen_host, "::1");
    assert_int_equal(p->server.listen_port, 0);
    assert_string_equal(p->server.admin_host, "0.0.0.0");
    assert_int_equal(p->server.admin_port, 4001);
    assert_int_equal(p->server.max_body, 1 << 20);
    assert_string_equal(p->server.tls_key, files[3]);
    assert_int_equal(p->server.recorder.sync, SYNC_EACH);
    assert_true(p->server.recorder.refuse_when_full);
    assert_int_equal(p->server.ledger.retention, 0);
    assert_string_equal(p->server.log_level, "debug");
    assert_true(p->server.log_json);
    assert_int_equal(p->tokens[1].role, USER_APPROVER); /* another name of it */
    assert_int_equal(p->tokens[2].role, USER_OPERATOR);
    assert_int_equal(p->tokens[3].role, USER_APPROVER);
    const struct provider *v = &p->providers[0];
    assert_string_equal(v->base_url, "http://example.org:80/v1");
    assert_string_equal(v->api_key, "sk-from-file");
    assert_string_equal(v->headers[0], "X-Team: core");
    assert_string_equal(v->headers[1], "X-Auth: Token azure-secret");
    assert_null(v->headers[2]);
    assert_false(v->stream_usage);
    assert_false(v->http2);
    assert_string_equal(v->proxy, "http://user:pw@proxy:3128");
    assert_string_equal(v->ca_file, "/etc/ca.pem");
    assert_null(p->providers[1].api_key); /* empty is none */
    const struct model_route *m = table_get(&p->model_by_name, SLICE("org/model"));
    assert_true(m->weighted);
    assert_int_equal(m->targets[0].weight, 3);
    assert_int_equal(m->targets[0].context_window, 1000);
    assert_int_equal(m->targets[0].max_output, 99);
    assert_null(m->targets[0].price); /* prices_as: none */
    assert_string_equal(m->targets[1].model, "${x}");
    assert_int_equal(m->hold_back_bytes, 8192);
    assert_int_equal(m->hold_back_time, 2000000);
    assert_int_equal(m->degraded, DEGRADED_MESSAGE);
    assert_true(p->applications[0].all_models);
    assert_int_equal(p->applications[0].payloads.capture, CAPTURE_FULL);
    assert_int_equal(p->applications[1].n_models, 1);
    assert_int_equal(p->applications[1].payloads.capture, CAPTURE_NONE);
    assert_int_equal(p->applications[1].index, 1);
    assert_non_null(key_of(p, "qd-key-from-file-01"));
    done(o);
    mem_free(o);
}

static void test_registry_keys(void **state) {
    (void)state;
    static const struct world w = {usual_env, NULL};
    struct config_registry_key keys[3] = {{.application = "a", .name = "ci"}, {.application = "gone", .name = "old"}, {.application = "b", .name = "twice"}};
    digest_sha256(SLICE("qd-registry-key-1"), &keys[0].digest);
    digest_sha256(SLICE("qd-registry-key-2"), &keys[1].digest);
    digest_sha256(SLICE("qd-in-the-file-too"), &keys[2].digest);
    struct outcome *o = mem_new(struct outcome);
    read_with(o, "applications: {a: {keys: [{name: web, key: qd-in-the-file-too}]}, b: {}}", &w, keys, 3);
    assert_string_equal(o->text, "");
    const struct api_key *k = key_of(o->policy, "qd-registry-key-1");
    assert_string_equal(k->name, "ci");
    assert_string_equal(k->application->name, "a");
    assert_true(k->from_registry);
    assert_null(key_of(o->policy, "qd-registry-key-2"));
    assert_string_equal(key_of(o->policy, "qd-in-the-file-too")->name, "web");
    done(o);
    mem_free(o);
}

/* ===== problems ===== */

static void test_unknown_keys(void **state) {
    (void)state;
    expect("lissten: 1:2\n", "quarterdeck.yaml:1:1: lissten: unknown key; did you mean `listen`?\n");
    expect("provider: {}\n", "quarterdeck.yaml:1:1: provider: unknown key; did you mean `providers`?\n");
    expect("incidents: {}\n",
           "quarterdeck.yaml:1:1: incidents: unknown key; expected one of `listen`, `admin_listen`, `external_url`, `data_dir`, `workers`, `server`, "
           "`recorder`, `ledger`, `cache`, `watch`, `batch`, `evaluation`, `log`, `prices`, `tokens`, `providers`, `models`, `applications`, "
           "`budgets`, `limits`, `change_policy`, `rollouts`, `alerts`, `grants`, `receivers`, `oncall`, `inhibit`, `grouping`\n");
    expect("server:\n  max_boddy: 1MiB\n  tls: {crt: x}\n",
           "quarterdeck.yaml:2:3: server.max_boddy: unknown key; did you mean `max_body`?\n"
           "quarterdeck.yaml:3:9: server.tls.crt: unknown key; did you mean `cert`?\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h'}}\n"
           "models:\n  m:\n    targets: [{provider: p, model: x, wieght: 1}]\n    retry: {atempts: 3}\n",
           "quarterdeck.yaml:4:39: models.m.targets[0].wieght: unknown key; did you mean `weight`?\n"
           "quarterdeck.yaml:5:13: models.m.retry.atempts: unknown key; did you mean `attempts`?\n");
    expect("server: 5\nlog: [a]\n", "quarterdeck.yaml:1:9: server: expected a map, found `5`\nquarterdeck.yaml:2:6: log: expected a map, found a list\n");
}

static void test_names_that_are_not_there(void **state) {
    (void)state;
    expect("providers: {openai: {dialect: openai, base_url: 'http://h'}}\n"
           "models: {support-chat: {targets: [{provider: opnai, model: x}]}, other: {targets: [{provider: zzz, model: x}]}}\n"
           "applications: {a: {models: [suport-chat]}}\n",
           "quarterdeck.yaml:2:46: models.support-chat.targets[0].provider: no such provider `opnai`; did you mean `openai`?\n"
           "quarterdeck.yaml:2:95: models.other.targets[0].provider: no such provider `zzz`\n"
           "quarterdeck.yaml:3:29: applications.a.models[0]: no such model `suport-chat`; did you mean `support-chat`?\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h', prices_as: opnai}}\n",
           "quarterdeck.yaml:1:67: providers.p.prices_as: the price table has no provider `opnai`; did you mean `openai`?\n");
}

static void test_values(void **state) {
    (void)state;
    expect("listen: '4000'\nadmin_listen: http://x:1\nworkers: 257\nlog: {level: loud, json: yes}\n",
           "quarterdeck.yaml:1:9: listen: expected an address as host:port, found `4000`\n"
           "quarterdeck.yaml:2:15: admin_listen: expected an address as host:port, found `http://x:1`\n"
           "quarterdeck.yaml:3:10: workers: expected a whole number, from 0 to 256, found `257`\n"
           "quarterdeck.yaml:4:14: log.level: expected one of debug | info | warn | error, found `loud`\n"
           "quarterdeck.yaml:4:26: log.json: expected true or false, found `yes`\n");
    expect("server: {max_body: 1GiB, head_timeout: 5, max_connections: 1.5}\nlisten: 'h:65536'\n",
           "quarterdeck.yaml:1:20: server.max_body: expected a size such as 64KiB or 32MiB, from 1KiB to 512MiB, found `1GiB`\n"
           "quarterdeck.yaml:1:40: server.head_timeout: expected a duration such as 250ms, 30s or 2m, from 10ms to 1h, found `5`\n"
           "quarterdeck.yaml:1:60: server.max_connections: expected a whole number, from 1 to 1000000, found `1.5`\n"
           "quarterdeck.yaml:2:9: listen: expected an address as host:port, found `h:65536`\n");
    expect("providers: {p: {dialect: gemini, base_url: 'ftp://h', api_key: [x]}}\n",
           "quarterdeck.yaml:1:26: providers.p.dialect: expected one of openai | anthropic | azure, found `gemini`\n"
           "quarterdeck.yaml:1:44: providers.p.base_url: expected a URL as http(s)://host[:port][/path], found `ftp://h`\n"
           "quarterdeck.yaml:1:64: providers.p.api_key: expected a single value, found a list\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h'}}\n"
           "models:\n  m:\n    targets: [{provider: p, model: x, weight: -1}]\n    breaker: {failure_rate: 1.5}\n    retry: {attempts: 11}\n",
           "quarterdeck.yaml:4:47: models.m.targets[0].weight: expected a whole number, from 0 to 1000000, found `-1`\n"
           "quarterdeck.yaml:5:29: models.m.breaker.failure_rate: expected a number from 0 to 1, found `1.5`\n"
           "quarterdeck.yaml:6:23: models.m.retry.attempts: expected a whole number, from 1 to 10, found `11`\n");
}

/* Declared, 0 is known; not declared, or empty, it is not. */
static void test_batch_discount(void **state) {
    (void)state;
    static const struct {
        const char *given;
        int64_t ppm;
    } cases[] = {{"", -1}, {", batch_discount: 0.5", 500000}, {", batch_discount: 0", 0}, {", batch_discount: 0.3333333", 333333},
                 {", batch_discount: 1", 1000000}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o;
        char yaml[256];
        snprintf(yaml, sizeof yaml, "providers: {p: {dialect: openai, base_url: 'http://h', batch: true%s}}\n"
                                    "models: {m: {targets: [{provider: p, model: x}]}}\n", cases[i].given);
        read_with(&o, yaml, &(struct world){0}, NULL, 0);
        assert_string_equal(o.text, "");
        assert_int_equal(o.policy->providers[0].batch_discount_ppm, cases[i].ppm);
        policy_drop(o.policy);
        arena_deinit(&o.arena);
    }
    expect("providers: {p: {dialect: openai, base_url: 'http://h', batch: true, batch_discount: 50}}\n",
           "quarterdeck.yaml:1:85: providers.p.batch_discount: expected a number from 0 to 1, found `50`\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h', batch_discount: 0.5}}\n",
           "quarterdeck.yaml:1:16: providers.p.batch_discount: this needs `batch: true`\n");
}

static void test_urls(void **state) {
    (void)state;
    static const char *const good[] = {"http://h", "https://api.openai.com/v1", "http://127.0.0.1:4010/v1", "http://[::1]:80/x", "https://h:65535"};
    static const char *const bad[] = {"h", "http://", "http://h:0", "http://h:99999", "http://u:p@h", "http://h/?q", "http://h/#f", "http://a b", "http://[::1", "https://:80"};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(config_url(slice_of(good[i])));
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(config_url(slice_of(bad[i])));
}

static void test_required(void **state) {
    (void)state;
    expect("providers:\n  p: {base_url: 'https://h'}\n  z: {dialect: azure, base_url: 'https://h'}\nmodels: {m: {}, n: {targets: []}}\n"
           "tokens: [{name: x}]\napplications: {a: {keys: [{name: k}]}}\n",
           "quarterdeck.yaml:2:6: providers.p.dialect: this is required (one of openai | anthropic | azure)\n"
           "quarterdeck.yaml:3:6: providers.z.api_version: this is required for azure, such as \"2024-10-21\"\n"
           "quarterdeck.yaml:4:13: models.m.targets: this is required (list of targets), unless there are `tiers`\n"
           "quarterdeck.yaml:4:30: models.n.targets: expected 1 to 16 targets, found 0\n"
           "quarterdeck.yaml:5:10: tokens[0].role: this is required (one of viewer | operator | approver | admin | editor)\n"
           "quarterdeck.yaml:5:10: tokens[0].token: this is required (secret)\n"
           "quarterdeck.yaml:6:27: applications.a.keys[0].key: this is required (secret)\n");
    expect("", "quarterdeck.yaml:1:1: the file is empty; expected settings such as `listen` and `providers`\n");
    expect("- a\n", "quarterdeck.yaml:1:1: expected a map of settings, found a list\n");
}

static void test_variables(void **state) {
    (void)state;
    expect("data_dir: ${NOT_SET}/x${ALSO_NOT}\nlisten: '${H:-127.0.0.1}:${P:-1}'\nadmin_listen: ${1X}\ntokens: [{name: '${open', role: admin, token: aaaaaaaaaaaaaaaa}]\n",
           "quarterdeck.yaml:1:11: data_dir: the environment variable NOT_SET is not set\n"
           "quarterdeck.yaml:1:11: data_dir: the environment variable ALSO_NOT is not set\n"
           "quarterdeck.yaml:3:15: admin_listen: expected ${NAME} or ${NAME:-default}, found `${1X}`\n"
           "quarterdeck.yaml:4:17: tokens[0].name: expected } behind ${\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h', api_key: 'file:nowhere'}}\nserver: {tls: {cert: x}}\n",
           "quarterdeck.yaml:1:65: providers.p.api_key: cannot read nowhere: no such file\n"
           "quarterdeck.yaml:2:15: server.tls: expected both `cert` and `key`, or neither\n"
           "quarterdeck.yaml:2:22: server.tls.cert: expected PEM, or file:PATH of it, found something else (not shown)\n");
}

static void test_secrets(void **state) {
    (void)state;
    expect("tokens: [{name: a, role: admin, token: hush-hush-hush-1}, {name: a, role: admin, token: hush-hush-hush-2}]\n"
           "applications:\n"
           "  a:\n    keys: [{name: k, key: hush}, {name: k, key: hush-hush-hush-3}]\n"
           "  b:\n    keys: [{name: k, key: hush-hush-hush-3}, {name: l, key: hush-hush-hush-1}]\n",
           "quarterdeck.yaml:1:66: tokens[1].name: `a` is taken already\n"
           "quarterdeck.yaml:4:27: applications.a.keys[0].key: expected at least 16 characters, found 4\n"
           "quarterdeck.yaml:4:41: applications.a.keys[1].name: `k` is taken already\n"
           "quarterdeck.yaml:6:27: applications.b.keys[0].key: the same secret as applications.a.keys[1].key\n"
           "quarterdeck.yaml:6:61: applications.b.keys[1].key: the same secret as tokens[0].token\n");
    /* what a variable holds is not shown either */
    struct outcome *o = mem_new(struct outcome);
    read_plain(o, "listen: '${AZURE_KEY}'\nproviders: {p: {dialect: '${AZURE_KEY}', base_url: '${AZURE_KEY}', headers: {x: \"a\\nb${AZURE_KEY}\"}}}\n");
    assert_int_equal(o->problems.count, 4);
    assert_null(strstr(o->text, "azure-secret"));
    done(o);
    mem_free(o);
}

static void test_names(void **state) {
    (void)state;
    expect("providers: {a/b: {dialect: openai, base_url: 'http://h'}, \"c\\td\": {dialect: openai, base_url: 'http://h'}}\n",
           "quarterdeck.yaml:1:13: providers.a/b: expected a name without /\n"
           "quarterdeck.yaml:1:59: providers: expected a name of at most 128 printable bytes\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h', headers: {'a b': x, Host: y}}}\n",
           "quarterdeck.yaml:1:66: providers.p.headers.a b: expected the name of a header\n"
           "quarterdeck.yaml:1:76: providers.p.headers.Host: this header is set by the connection itself\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h'}}\nmodels: {m: {targets: [{provider: p, model: x}, {provider: p, model: x}]}}\n",
           "quarterdeck.yaml:2:49: models.m.targets[1]: the same target as targets[0]\n");
    expect("providers: {p: {dialect: openai, base_url: 'http://h'}, p: {}}\n", "quarterdeck.yaml:1:57: duplicate key 'p'\n");
}

static void test_price_files(void **state) {
    (void)state;
    static const char *const files[] = {"bad.json", "{\"models\": [{\"provider\": \"p\", \"id\": \"x\", \"prices\": {\"input_mtok\": \"3\"}}]}", "worse.json", "{", NULL};
    static const struct world w = {usual_env, files};
    struct outcome *o = mem_new(struct outcome);
    read_with(o, "prices: {files: [bad.json, worse.json, none.json]}\n", &w, NULL, 0);
    assert_int_equal(o->problems.count, 3);
    assert_non_null(strstr(o->text, "quarterdeck.yaml:1:18: prices.files[0]: bad.json: models[0].prices.input_mtok: expected a number from 0 with at most 9 decimals, found `\"3\"`\n"));
    assert_non_null(strstr(o->text, "quarterdeck.yaml:1:28: prices.files[1]: worse.json: "));
    assert_non_null(strstr(o->text, "quarterdeck.yaml:1:40: prices.files[2]: cannot read none.json: no such file\n"));
    done(o);
    mem_free(o);
}

static void test_many_problems(void **state) {
    (void)state;
    struct buffer yaml;
    buffer_init(&yaml, 1 << 16);
    for (int i = 0; i < 150; i++) buffer_printf(&yaml, "zzzzzzzz%d: 1\n", i);
    struct outcome *o = mem_new(struct outcome);
    read_plain(o, buffer_text(&yaml));
    assert_int_equal(o->problems.count, LIMIT_PROBLEMS);
    assert_true(o->problems.more);
    done(o);
    mem_free(o);
    buffer_deinit(&yaml);
}

static void test_nearest(void **state) {
    (void)state;
    static const char *const names[] = {"connect", "first_token", "idle", "total"};
    assert_string_equal(config_nearest(SLICE("conect"), names, 4), "connect");
    assert_string_equal(config_nearest(SLICE("first"), names, 4), "first_token");
    assert_string_equal(config_nearest(SLICE("idel"), names, 4), "idle");
    assert_null(config_nearest(SLICE("x"), names, 4));
    assert_null(config_nearest(SLICE("maximum"), names, 4));
    assert_null(config_nearest(SLICE(""), names, 4));
}

/* ===== the table itself ===== */

static void test_table(void **state) {
    (void)state;
    unsigned n, n_rows;
    const struct config_setting *s = config_settings(&n);
    const struct config_row *rows = config_rows(&n_rows);
    struct arena arena;
    char expected[LIMIT_ERROR_TEXT];
    assert_int_equal(n, n_rows);
    arena_init(&arena, 4096, 1 << 20);
    for (unsigned i = 0; i < n; i++) {
        union {
            char bytes[1024];
            void *align;
        } raw;
        assert_true(strlen(s[i].help) > 10);
        assert_true(slice_ends(slice_of(s[i].path), slice_of(rows[i].name)));
        for (unsigned j = 0; j < i; j++) assert_string_not_equal(s[i].path, s[j].path);
        assert_true(rows[i].offset + rows[i].size <= sizeof raw);
        if (s[i].fallback == NULL || s[i].fallback[0] == 0 || rows[i].kind == KIND_LIST) continue;
        if (!config_store(&arena, &rows[i], s[i].type, slice_of(s[i].fallback), &raw, expected))
            fail_msg("%s: default %s is not %s", s[i].path, s[i].fallback, expected);
    }
    arena_deinit(&arena);
    /* the order of choices is that of the enums */
    enum dialect_id id;
    assert_true(dialect_from_name(SLICE("azure"), &id) && id == 2);
    assert_false(dialect_from_name(SLICE("x"), &id));
}

/* No text of bytes makes the reader fall over. */
static void test_mutations(void **state) {
    (void)state;
    static const char *const files[] = {"./prices.json", "{\"models\": []}", NULL};
    static const struct world w = {usual_env, files};
    struct outcome *o = mem_new(struct outcome);
    char yaml[sizeof contract];
    srand(7);
    for (int round = 0; round < 400; round++) {
        memcpy(yaml, contract, sizeof yaml);
        for (int i = rand() % 4; i >= 0; i--) yaml[(size_t)rand() % (sizeof yaml - 1)] = " :{}[]-,\"'$\n#&*|x0"[rand() % 18];
        if (round % 3 == 0) yaml[(size_t)rand() % sizeof yaml] = 0;
        read_with(o, yaml, &w, NULL, 0);
        done(o);
    }
    mem_free(o);
    expect_good("listen: 127.0.0.1:1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),      cmocka_unit_test(test_defaults),  cmocka_unit_test(test_everything),
        cmocka_unit_test(test_registry_keys), cmocka_unit_test(test_unknown_keys), cmocka_unit_test(test_names_that_are_not_there),
        cmocka_unit_test(test_values),        cmocka_unit_test(test_batch_discount), cmocka_unit_test(test_urls),      cmocka_unit_test(test_required),
        cmocka_unit_test(test_variables),     cmocka_unit_test(test_secrets),   cmocka_unit_test(test_names),
        cmocka_unit_test(test_price_files),   cmocka_unit_test(test_many_problems), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_table),         cmocka_unit_test(test_mutations),
    };
    if (!digest_start()) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
