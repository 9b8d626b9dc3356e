/* policy.h - an immutable snapshot of everything that decides about an exchange.
 *
 * Built from the configuration file and the registry, then never changed: a new one replaces it by
 * pointer swap, and exchanges under way keep the one they began with. Reference-counted; all its memory
 * is one arena. Arrays are in the order of the file. Texts are NUL-terminated, NULL when not given. Times are
 * microseconds. */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include "base/digest.h"
#include "base/fault.h"
#include "base/table.h"
#include "model/alert_policy.h"
#include "model/allowance.h"
#include "model/change_policy.h"
#include "model/price.h"
#include "model/role.h"

#include <stdatomic.h>

enum dialect_id { DIALECT_OPENAI, DIALECT_ANTHROPIC, DIALECT_AZURE, DIALECT_COUNT };
const char *dialect_name(enum dialect_id id);
bool dialect_from_name(struct slice name, enum dialect_id *ret);

enum sync_mode { SYNC_OS, SYNC_INTERVAL, SYNC_EACH };
enum capture_mode { CAPTURE_NONE, CAPTURE_METADATA, CAPTURE_FULL };
enum degraded_mode { DEGRADED_OFF, DEGRADED_CACHE, DEGRADED_MESSAGE };

struct server_settings {
    const char *listen_host;
    uint16_t listen_port;
    const char *external_url;       /* where people find this server, without a slash at its end; NULL: as it listens */
    const char *admin_host;         /* NULL: the control plane is on the same address */
    uint16_t admin_port;
    const char *tls_cert, *tls_key; /* file contents, PEM */
    const char *data_dir;
    unsigned workers;
    int64_t max_body, max_header;
    int64_t head_timeout, body_timeout, idle_timeout;
    unsigned max_connections;
    struct {
        enum sync_mode sync;
        int64_t interval;           /* SYNC_INTERVAL */
        bool refuse_when_full;      /* recorder.on_full: refuse */
        int64_t segment_bytes;
        unsigned max_segments;
    } recorder;
    struct {
        int64_t retention;          /* records; 0 keeps for ever */
    } ledger;
    struct {
        int64_t max_bytes;          /* exact cache, all applications */
    } cache;
    struct {
        const struct zone *zone;    /* whose days the watchers of cost take */
        int64_t every_us;           /* between ticks of the watch */
        double plan_over;           /* 0.2: spending is over plan from 20 % above on */
    } watch;
    struct {
        unsigned concurrent;        /* lines of the local queue under way at once; 0: the queue rests */
        int64_t max_bytes;          /* all files of all applications */
        int64_t retention;          /* of files and finished batches */
        int64_t poll;               /* how often a provider is asked for a batch, at least */
    } batch;
    struct {                        /* what the server evaluates by itself: triggered runs, scoring of traffic */
        unsigned concurrent;        /* requests under way at once, of a run or of a rule's judges */
        bool programs;              /* checks of suites may start programs */
        int64_t max_cost_nano;      /* of one triggered run; -1: no cap but the key's budgets */
        int64_t keep;               /* results of runs and scored records; 0 keeps for ever */
    } evaluation;
    const char *log_level;          /* debug, info, warn, error */
    bool log_json;
};

struct operator_token {
    const char *name;
    enum user_role role;
    struct digest digest;
};

struct provider {
    const char *name;
    enum dialect_id dialect;
    const char *base_url;           /* without a trailing slash */
    const char *api_key;            /* NULL: none is sent */
    const char *api_version;        /* azure; anthropic-version otherwise */
    const char *prices_as;          /* provider name in the price table or "none"; see policy_prices_as */
    const char *proxy, *ca_file;
    const char *const *headers;     /* extra fixed headers "name: value", NULL-terminated, or NULL */
    bool stream_usage;              /* stream_options.include_usage may be injected (default true) */
    bool http2;
    bool batch;                     /* it has OpenAI's /files and /batches, and batches go there */
    int64_t batch_discount_ppm;     /* off the ordinary rates where the price table has no batch rates; -1: not known */
    const char *status_page;        /* URL of the vendor's status page: Statuspage v2 JSON or RSS; NULL */
    struct {                        /* wire_probe.h */
        bool off;
        int64_t every;              /* of the model listing; 30 s */
        const char *completion;     /* model of which one token is asked for too; NULL: none */
        int64_t max_cost_nano;      /* of these a day */
    } probe;
};

struct target {
    const struct provider *provider;
    const char *model;
    unsigned index;                 /* unique in the policy, 0..n_targets-1 */
    const char *health_key;         /* "provider/model": breaker state outlives a reload under it */
    uint32_t weight;                /* 0 with all others 0: by order */
    int64_t context_window;         /* tokens; -1 unknown */
    const struct price_model *price; /* NULL: unknown */
    int64_t max_output;             /* tokens; default for a required max_tokens (Anthropic); -1: 4096 */
};

struct tiering;

struct model_route {
    const char *name;
    struct target *targets;         /* with tiers: those of all tiers, the cheapest tier's first */
    unsigned n_targets;
    bool weighted;                  /* with tiers: each tier says it of its own */
    struct tiering *tiering;        /* model/tiers.h; NULL: it has no tiers */
    struct { int64_t connect, first_token, idle, total, after_finish; } timeouts;
    struct { unsigned attempts; int64_t backoff, max_wait; } retry; /* attempts per target, the first included */
    struct { int64_t window; unsigned min_requests; double failure_rate; int64_t open_for; } breaker;
    enum degraded_mode degraded;
    const char *degraded_message;
    int64_t hold_back_bytes;        /* stream output held before the first byte is relayed; 0: none */
    int64_t hold_back_time;         /* and no longer than this */
};

struct application {
    const char *name;
    const struct model_route **models; /* allowed */
    unsigned n_models;
    bool all_models;                /* models: ["*"] or not given */
    struct { enum capture_mode capture; int64_t retention; } payloads;
    unsigned index;
    bool block_unknown_price;
    struct request_policy requests;
    struct request_policy *request_types; /* what they do not set is as in `requests` */
    unsigned n_request_types;
    /* With payloads.capture: none, what budgets and limits need all the same, and records keep as pseudonyms. */
    bool needs_user;
    const char **needed_tags;
    unsigned n_needed_tags;
    int32_t cache_verified_ppm;     /* least similarity that a calibration verified; 0: none has */
};

struct api_key {
    const char *name;
    const struct application *application;
    struct digest digest;           /* SHA-256 of the key */
    bool from_registry;
};

struct left_out {
    const char *kind, *name, *why;
};

struct policy {
    atomic_uint references;
    uint64_t revision;              /* set by whoever installs it */
    struct arena arena;
    struct server_settings server;
    struct operator_token *tokens;
    unsigned n_tokens;
    struct provider *providers;
    unsigned n_providers;
    struct model_route *models;
    unsigned n_models;
    struct application *applications;
    unsigned n_applications;
    unsigned n_targets;             /* over all models */
    struct table model_by_name;       /* name -> struct model_route */
    struct table application_by_name; /* name -> struct application */
    struct table key_by_digest;       /* 32 bytes -> struct api_key */
    struct table token_by_digest;     /* 32 bytes -> struct operator_token */
    struct price_list *prices;
    struct budget *budgets;
    unsigned n_budgets;
    struct rate_limit *limits;
    unsigned n_limits;
    const char *file;               /* of the configuration, */
    struct digest file_digest;      /* the SHA-256 of what stood in it, */
    struct slice file_shown;        /* and that without its secrets; null: too large to be shown */
    struct left_out *left_out;      /* what the registry holds and is not in force */
    unsigned n_left_out;
    uint8_t pseudonym_key[DIGEST_KEY];
    struct change_policy change;
    struct alert_policy alerts;
};

struct policy *policy_new(void);                  /* one reference; empty; for config.c and tests */
struct policy *policy_hold(struct policy *p);
void policy_drop(struct policy *p);               /* accepts NULL */
bool policy_allows(const struct application *a, const struct model_route *m);
/* The target that "PROVIDER/MODEL" names, of the first model that has it and that `a` may use (NULL: any), and that model. Not of models
 * with tiers, whose targets a question's difficulty chooses. NULL: there is none. */
const struct target *policy_pinned(const struct policy *p, const struct application *a, struct slice name, const struct model_route **ret_route);
/* Does "PROVIDER/MODEL", or a provider's name, name it? */
bool target_is(const struct target *t, struct slice name);
/* The model that gets a failed-over model's traffic: what `to` names, unless that is a provider or target of the model itself. NULL: the
 * model's own targets do. */
const struct model_route *policy_fails_over_to(const struct policy *p, const struct intervention_spec *s);
/* What holds for this request type (null or unknown: the application's own). */
const struct request_policy *policy_requests(const struct application *a, struct slice request_type);
/* Before it is shared: a calibration verified that answers may be given to questions at least so alike. Each cache.semantic
 * of the application whose threshold is not below that comes into force; without this call all are off. */
void policy_verify_cache(struct policy *p, struct slice application, int32_t verified_ppm);
/* Declared semantic caches, of applications and their request types, that are off for want of a verified threshold. */
unsigned policy_caches_off(const struct policy *p);
/* The provider whose prices apply: prices_as ("none": nobody's), else its own name where the table has it, else
 * its dialect's ("openai" for an OpenAI-compatible server with a name of its own). */
const char *policy_prices_as(const struct provider *p, const struct price_list *list);

#endif
