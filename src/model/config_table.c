/* Every setting: what the reader accepts, what it assumes, and what the reference documentation says. */
#include "model/config_table.h"

#define SCOPE_STRUCT_ROOT struct raw_root
#define SCOPE_STRUCT_TOKEN struct raw_token
#define SCOPE_STRUCT_PROVIDER struct raw_provider
#define SCOPE_STRUCT_MODEL struct raw_model
#define SCOPE_STRUCT_TARGET struct raw_target
#define SCOPE_STRUCT_RULE struct raw_rule
#define SCOPE_STRUCT_APPLICATION struct raw_application
#define SCOPE_STRUCT_KEY struct raw_key
#define SCOPE_STRUCT_REQUEST_TYPE struct request_policy
#define SCOPE_STRUCT_BUDGET struct raw_budget
#define SCOPE_STRUCT_LIMIT struct raw_limit

#define SCOPE_PATH_ROOT ""
#define SCOPE_PATH_TOKEN "tokens[]."
#define SCOPE_PATH_PROVIDER "providers.*."
#define SCOPE_PATH_MODEL "models.*."
#define SCOPE_PATH_TARGET "models.*.targets[]."
#define SCOPE_PATH_RULE "models.*.rules[]."
#define SCOPE_PATH_APPLICATION "applications.*."
#define SCOPE_PATH_KEY "applications.*.keys[]."
#define SCOPE_PATH_REQUEST_TYPE "applications.*.request_types.*."
#define SCOPE_PATH_BUDGET "budgets[]."
#define SCOPE_PATH_LIMIT "limits[]."

#define NOW true      /* in force after a reload */
#define RESTART false /* in force after a restart */
#define REQUIRED NULL
#define NOTHING ""

/* What a budget and a limit are told apart by. */
#define SCOPE_SETTINGS(SETTING, scope_)                                                                       \
    SETTING(scope_, "scope.application", TEXT, "", scope.application, NOTHING, NOW,                           \
            "Only this application; * is each on its own. As with all of `scope`: what a request does not name is not any of *.") \
    SETTING(scope_, "scope.team", TEXT, "", scope.team, NOTHING, NOW, "Only this x-quarterdeck-team, or *.")  \
    SETTING(scope_, "scope.user", TEXT, "", scope.user, NOTHING, NOW, "Only this x-quarterdeck-user, or *.")  \
    SETTING(scope_, "scope.feature", TEXT, "", scope.feature, NOTHING, NOW, "Only this x-quarterdeck-feature, or *.") \
    SETTING(scope_, "scope.key", TEXT, "", scope.key, NOTHING, NOW, "Only the key of this name, or *.")       \
    SETTING(scope_, "scope.model", TEXT, "", scope.model, NOTHING, NOW, "Only this of `models`, or *.")       \
    SETTING(scope_, "scope.request_type", TEXT, "", scope.request_type, NOTHING, NOW,                         \
            "Only this x-quarterdeck-request-type, or *.")                                                    \
    SETTING(scope_, "scope.tag", TEXT, "", scope.tag, NOTHING, NOW, "Only requests with this tag, as k=v, or k=*.")

/* Which earlier messages are sent on. */
#define HISTORY_SETTINGS(SETTING, scope_, field, system, first)                                               \
    SETTING(scope_, "history.keep_last", INTEGER, " 1..1000000", field.keep_last, NOTHING, NOW,               \
            "Turns of the conversation that are sent on, the latest; a turn is a user's message and what follows it.") \
    SETTING(scope_, "history.max_tokens", INTEGER, " 1..1000000000", field.max_tokens, NOTHING, NOW,          \
            "Most tokens of messages that are sent on; the oldest turns go first.")                           \
    SETTING(scope_, "history.keep_system", BOOLEAN, "", field.keep_system, system, NOW,                       \
            "System messages stay whatever is cut.")                                                          \
    SETTING(scope_, "history.keep_first", BOOLEAN, "", field.keep_first, first, NOW, "The first turn stays whatever is cut.")

/* Whether an earlier answer is given to the same question. */
#define CACHE_SETTINGS(SETTING, scope_, field, per_user_)                                                     \
    SETTING(scope_, "cache.exact.ttl", DURATION, " 0s..366d", field.ttl, NOTHING, NOW,                        \
            "How long an answer is given again to the same question, whatever its temperature; without it, or at 0, never.") \
    SETTING(scope_, "cache.exact.per_user", BOOLEAN, "", field.per_user, per_user_, NOW,                      \
            "Users do not share answers; else what a request says of its user does not make it another question.") \
    SETTING(scope_, "cache.semantic.ttl", DURATION, " 0s..366d", field.semantic.ttl, NOTHING, NOW,            \
            "How long an answer is given again to the same question in other words. In force only with a threshold that " \
            "`quarterdeck cost cache-calibrate` has verified for the application.")                           \
    SETTING(scope_, "cache.semantic.threshold", NUMBER, " 0..1", field.semantic.threshold, NOTHING, NOW,    \
            "Least similarity of the two wordings; without it, or at 0, the verified one. Below that one the cache is off.") \
    SETTING(scope_, "cache.semantic.per_user", BOOLEAN, "", field.semantic.per_user, per_user_, NOW,          \
            "Users do not share answers to questions in other words.")

/* SETTING(scope, name, kind, bounds or the rest of the type, field, default, when, meaning) */
#define SETTING_TABLE(SETTING)                                                                                \
    SETTING(ROOT, "listen", ADDRESS, "", listen, "127.0.0.1:4000", RESTART,                                   \
            "Where applications connect, host:port. Port 0 takes a free one.")                                \
    SETTING(ROOT, "admin_listen", ADDRESS, "", admin_listen, NOTHING, RESTART,                                \
            "Another address for the control plane, console and metrics. Without it they share `listen`.")    \
    SETTING(ROOT, "external_url", TEXT, "", server.external_url, NOTHING, NOW,                                \
            "Where people find this server, as http(s)://HOST[:PORT][/PATH]: links in notices begin so. Without it, as it listens.") \
    SETTING(ROOT, "data_dir", TEXT, "", server.data_dir, "./qd-data", RESTART,                                \
            "Folder of the registry, the ledger and the flight recorder.")                                    \
    SETTING(ROOT, "workers", INTEGER, " 0..256", server.workers, "0", RESTART, "Loop threads; 0 is one a core.") \
    SETTING(ROOT, "server.max_body", BYTES, " 1KiB..512MiB", server.max_body, "32MiB", RESTART,               \
            "Largest request body.")                                                                          \
    SETTING(ROOT, "server.max_header", BYTES, " 1KiB..1MiB", server.max_header, "64KiB", RESTART,             \
            "All headers of a request together.")                                                             \
    SETTING(ROOT, "server.head_timeout", DURATION, " 10ms..1h", server.head_timeout, "10s", RESTART,          \
            "From a connection's first byte of a request to the end of its headers.")                         \
    SETTING(ROOT, "server.body_timeout", DURATION, " 10ms..1h", server.body_timeout, "60s", RESTART,          \
            "From the end of the headers to the end of the body.")                                            \
    SETTING(ROOT, "server.idle_timeout", DURATION, " 10ms..24h", server.idle_timeout, "75s", RESTART,         \
            "How long a client connection may wait without a request.")                                       \
    SETTING(ROOT, "server.max_connections", INTEGER, " 1..1000000", server.max_connections, "10000", RESTART, \
            "Client connections over all workers; more are refused.")                                         \
    SETTING(ROOT, "server.tls.cert", PEM, "", server.tls_cert, NOTHING, RESTART,                              \
            "Certificate chain for `listen`, as PEM or file:PATH. Needs `key`.")                              \
    SETTING(ROOT, "server.tls.key", PEM, "", server.tls_key, NOTHING, RESTART, "Private key, as PEM or file:PATH.") \
    SETTING(ROOT, "recorder.sync", ONE, " of os | interval | each", server.recorder.sync, "interval", RESTART, \
            "When records reach the disk. What a power failure may cost: os, what the system had not written; " \
            "interval, one interval; each, nothing.")                                                         \
    SETTING(ROOT, "recorder.interval", DURATION, " 10ms..1m", server.recorder.interval, "1s", RESTART,        \
            "For sync: interval.")                                                                            \
    SETTING(ROOT, "recorder.on_full", ONE, " of serve | refuse", server.recorder.refuse_when_full, "serve", RESTART, \
            "When records cannot be kept: serve and count the loss, or refuse requests.")                     \
    SETTING(ROOT, "recorder.segment", BYTES, " 64KiB..1GiB", server.recorder.segment_bytes, "4MiB", RESTART,  \
            "Size of one flight recorder file.")                                                              \
    SETTING(ROOT, "recorder.max_segments", INTEGER, " 2..4096", server.recorder.max_segments, "64", RESTART,  \
            "Files a worker may fill before the ledger has taken them in.")                                   \
    SETTING(ROOT, "ledger.retention", DURATION, " 0s..36500d", server.ledger.retention, "90d", RESTART,       \
            "How long records are kept; 0 is for ever.")                                                      \
    SETTING(ROOT, "cache.max_bytes", BYTES, " 16MiB..64GiB", server.cache.max_bytes, "64MiB", NOW,            \
            "Memory for the answers that `cache.exact` and `cache.semantic` keep, all applications together; the wordings of the latter " \
            "take up to a quarter more. One that holds most makes room first.") \
    SETTING(ROOT, "watch.timezone", TEXT, "", watch_timezone, "UTC", NOW,                                     \
            "Whose days the watch over the cost of a request takes, such as Europe/London.")                  \
    SETTING(ROOT, "watch.plan_over", NUMBER, " 0..10", server.watch.plan_over, "0.2", NOW,                 \
            "A budget is over plan from this share above what it expects to have spent by now.")              \
    SETTING(ROOT, "watch.every", DURATION, " 1s..5m", server.watch.every_us, "5s", NOW,                       \
            "How often rules are held against their signals. Watchers look each in their own time.")          \
    SETTING(ROOT, "watch.alarms_per_month", NUMBER, " 0.01..1000", wanted_alarms, "1", NOW,                   \
            "False alarms a month that all watchers together may raise where nobody said otherwise.")         \
    SETTING(ROOT, "batch.concurrent", INTEGER, " 0..256", server.batch.concurrent, "4", NOW,                  \
            "Lines of batches that this server sends by itself, under way at once; 0 lets them wait.")        \
    SETTING(ROOT, "batch.max_bytes", BYTES, " 1MiB..64000GiB", server.batch.max_bytes, "4GiB", NOW,               \
            "All files of /v1/files together, results of batches included.")                                  \
    SETTING(ROOT, "batch.retention", DURATION, " 1h..3650d", server.batch.retention, "30d", NOW,              \
            "How long files and finished batches are kept.")                                                  \
    SETTING(ROOT, "batch.poll", DURATION, " 100ms..1h", server.batch.poll, "30s", NOW,                        \
            "How often a provider is asked for a batch that it has.")                                         \
    SETTING(ROOT, "evaluation.programs", ONE, " of refuse | allow", server.evaluation.programs, "refuse", NOW, \
            "Whether suites that the server runs by itself may start programs (exec, javascript, python), with the server's rights.") \
    SETTING(ROOT, "evaluation.concurrent", INTEGER, " 1..256", server.evaluation.concurrent, "4", NOW,        \
            "Requests that a triggered run, and the judges of production traffic, have under way at once.")   \
    SETTING(ROOT, "evaluation.max_cost_usd", USD, " 0..1000000", server.evaluation.max_cost_nano, NOTHING, NOW, \
            "Cap on what one triggered run may cost, judges included. Not given: its key's budgets alone bound it.") \
    SETTING(ROOT, "evaluation.keep", DURATION, " 0s..36500d", server.evaluation.keep, "400d", NOW,            \
            "How long results of runs and scored records are kept; 0 is for ever. Runs, their summaries and definitions stay.") \
    SETTING(ROOT, "log.level", ONE, " of debug | info | warn | error", server.log_level, "info", RESTART,     \
            "The least severe events that are written.")                                                      \
    SETTING(ROOT, "log.json", BOOLEAN, "", server.log_json, "false", RESTART, "One JSON object a line instead of text.") \
    SETTING(ROOT, "prices.files", LIST, " of paths", price_files, NOTHING, NOW,                               \
            "Price tables on top of the built-in one, later ones win.")                                       \
    SETTING(ROOT, "tokens", LIST, " of operators", tokens, NOTHING, NOW, "Operators of the control plane.")   \
    SETTING(TOKEN, "name", NAME, "", name, REQUIRED, NOW, "Who it is; in the audit log.")                     \
    SETTING(TOKEN, "role", ONE, " of viewer | operator | approver | admin | editor", role, REQUIRED, NOW, \
            "What they may do; editor is another name of approver.")                                        \
    SETTING(TOKEN, "token", SECRET, "", token, REQUIRED, NOW, "Bearer token, at least 16 characters.")        \
    SETTING(ROOT, "providers", MAP, " of providers", providers, NOTHING, NOW, "Upstream accounts by name.")   \
    SETTING(PROVIDER, "dialect", ONE, " of openai | anthropic | azure", provider.dialect, REQUIRED, NOW,      \
            "The wire protocol that it speaks.")                                                              \
    SETTING(PROVIDER, "base_url", URL, "", provider.base_url, REQUIRED, NOW, "Address up to and including the version, such as " \
            "https://api.openai.com/v1; for azure the resource's.")                                           \
    SETTING(PROVIDER, "api_key", SECRET, "", provider.api_key, NOTHING, NOW, "Credential; without it none is sent.") \
    SETTING(PROVIDER, "api_version", TEXT, "", provider.api_version, NOTHING, NOW,                            \
            "azure: required. anthropic: the anthropic-version header, 2023-06-01 unless given.")             \
    SETTING(PROVIDER, "prices_as", TEXT, "", provider.prices_as, NOTHING, NOW, "Provider of the price table whose prices apply, or none. " \
            "Without it: the one of this name, else the dialect's.")                                          \
    SETTING(PROVIDER, "proxy", SECRET, "", provider.proxy, NOTHING, NOW, "HTTP or SOCKS proxy as a URL.")     \
    SETTING(PROVIDER, "ca_file", TEXT, "", provider.ca_file, NOTHING, NOW, "Certificates to trust instead of the system's.") \
    SETTING(PROVIDER, "headers", MAP, " of texts", headers, NOTHING, NOW, "Fixed headers sent with every request; values may be secrets.") \
    SETTING(PROVIDER, "stream_usage", BOOLEAN, "", provider.stream_usage, "true", NOW,                        \
            "Ask for token counts in streams where the client did not.")                                      \
    SETTING(PROVIDER, "http2", BOOLEAN, "", provider.http2, "true", NOW, "Use HTTP/2 where the server offers it.") \
    SETTING(PROVIDER, "batch", BOOLEAN, "", provider.batch, "false", NOW,                                     \
            "It has OpenAI's files and batches: batches for its models are passed on to it, at its batch prices.") \
    SETTING(PROVIDER, "batch_discount", NUMBER, " 0..1", batch_discount, NOTHING, NOW,                        \
            "Share that it takes off its ordinary rates for batches, such as 0.5, in whole millionths: for models without " \
            "`batch_prices` in the price table. Not given: what their batches cost is unknown.")              \
    SETTING(PROVIDER, "status_page", URL, "", provider.status_page, NOTHING, NOW,                             \
            "The vendor's status page: Statuspage v2 JSON (https://status.example.com/api/v2/summary.json) or RSS; read every minute.") \
    SETTING(PROVIDER, "probe.off", BOOLEAN, "", provider.probe.off, "false", NOW, "Do not ask it whether it is there.") \
    SETTING(PROVIDER, "probe.every", DURATION, " 1s..1h", provider.probe.every, "30s", NOW,                   \
            "How often its model listing is asked for, which costs nothing.")                                 \
    SETTING(PROVIDER, "probe.completion", NAME, "", provider.probe.completion, NOTHING, NOW,                  \
            "A model of which one output token is asked for too, each time.")                                 \
    SETTING(PROVIDER, "probe.max_cost_usd", USD, " 0..1000", provider.probe.max_cost_nano, "0.05", NOW,       \
            "What these may cost in a day.")                                                                  \
    SETTING(ROOT, "models", MAP, " of models", models, NOTHING, NOW, "Names that applications ask for.")      \
    SETTING(MODEL, "targets", LIST, " of targets", targets, NOTHING, NOW,                                     \
            "Who answers, in order of preference; at most 16. Required, unless there are `tiers`.")           \
    SETTING(MODEL, "tiers", LIST, " of models", tiers, NOTHING, NOW,                                          \
            "Instead of `targets`: other models, from the cheapest to the most capable, whose targets it chooses among by " \
            "difficulty. All else (timeouts, retries, breaker) is as this model says. Only recorded until it is turned on: see " \
            "docs/cost.md.")                                                                                  \
    SETTING(MODEL, "tier_fallback", ONE, " of up | any", fall_back_any, "up", NOW,                            \
            "Where a request goes that its tier cannot answer: to more capable tiers, or after those to cheaper ones too.") \
    SETTING(MODEL, "rules", LIST, " of rules", rules, NOTHING, NOW, "With `tiers`: the first rule that matches names the tier.") \
    SETTING(MODEL, "downgrade_test.every", DURATION, " 1m..366d", downgrade.every_us, NOTHING, NOW,           \
            "With `tiers`: how often the server itself asks the cheapest tier what the most capable one answered, and has both " \
            "scored; without it, never. `judge` or `exec`, `application` and `key` are required with it.")    \
    SETTING(MODEL, "downgrade_test.sample", INTEGER, " 10..1000", downgrade.sample, "50", NOW, "Exchanges of one test.") \
    SETTING(MODEL, "downgrade_test.judge", NAME, "", downgrade.judge, NOTHING, NOW,                           \
            "The model that compares both answers, in both orders.")                                          \
    SETTING(MODEL, "downgrade_test.exec", LIST, " of texts", downgrade_exec, NOTHING, NOW,                    \
            "Or the program that scores each answer, and its arguments; it has 60 s for one.")                \
    SETTING(MODEL, "downgrade_test.application", NAME, "", downgrade.application, NOTHING, NOW,               \
            "Who asks and pays: it must be allowed the cheapest tier and the judge.")                         \
    SETTING(MODEL, "downgrade_test.key", NAME, "", downgrade.key, NOTHING, NOW,                               \
            "The name of its key, of the file or the registry.")                                              \
    SETTING(MODEL, "downgrade_test.most_loss", NUMBER, " 0..1", downgrade.most_loss, "0.05", NOW, "Of the mean score.") \
    SETTING(MODEL, "downgrade_test.max_cost_usd", USD, " 0..1000000", downgrade.max_cost_nano, "1", NOW,      \
            "No pair is begun that may go beyond it, by the dearest so far; nor after one whose cost is unknown.") \
    SETTING(RULE, "tier", NAME, "", tier, REQUIRED, NOW, "One of the model's `tiers`.")                       \
    SETTING(RULE, "when.min_input_chars", INTEGER, " 0..1000000000", rule.min_input_chars, NOTHING, NOW,      \
            "All texts of the request together have at least so many bytes.")                                 \
    SETTING(RULE, "when.max_input_chars", INTEGER, " 0..1000000000", rule.max_input_chars, NOTHING, NOW, "And at most so many.") \
    SETTING(RULE, "when.min_turns", INTEGER, " 0..1000000", rule.min_turns, NOTHING, NOW, "At least so many messages of the user's.") \
    SETTING(RULE, "when.has_code", ONE, " of false | true", rule.has_code, NOTHING, NOW,                      \
            "There is code in the last message of the user's: a fence, or brackets, semicolons and the like in every 16th place.") \
    SETTING(RULE, "when.has_images", ONE, " of false | true", rule.has_images, NOTHING, NOW, "There are images.") \
    SETTING(RULE, "when.has_tools", ONE, " of false | true", rule.has_tools, NOTHING, NOW, "Tools are offered.") \
    SETTING(RULE, "when.request_type", NAME, "", rule.request_type, NOTHING, NOW, "Its x-quarterdeck-request-type is this.") \
    SETTING(RULE, "when.feature", NAME, "", rule.feature, NOTHING, NOW, "Its x-quarterdeck-feature is this.") \
    SETTING(TARGET, "provider", NAME, "", provider, REQUIRED, NOW, "One of `providers`.")                     \
    SETTING(TARGET, "model", TEXT, "", target.model, REQUIRED, NOW, "The provider's name of the model; for azure the deployment's.") \
    SETTING(TARGET, "weight", INTEGER, " 0..1000000", target.weight, "0", NOW, "Share of the traffic among the model's targets. " \
            "When any has one, those with 0 are only fallen back to.")                                        \
    SETTING(TARGET, "context_window", INTEGER, " 1..1000000000", target.context_window, NOTHING, NOW,         \
            "Tokens; from the price table unless given.")                                                     \
    SETTING(TARGET, "max_output", INTEGER, " 1..1000000000", target.max_output, NOTHING, NOW,                 \
            "Tokens to ask for where the dialect requires a number and the client gave none; 4096 unless given.") \
    SETTING(MODEL, "timeouts.connect", DURATION, " 1ms..10m", route.timeouts.connect, "5s", NOW, "To a connection, TLS included.") \
    SETTING(MODEL, "timeouts.first_token", DURATION, " 1ms..24h", route.timeouts.first_token, "60s", NOW,     \
            "From the request's end to a stream's first output. A whole answer gets a share of total.")        \
    SETTING(MODEL, "timeouts.idle", DURATION, " 1ms..24h", route.timeouts.idle, "30s", NOW, "Between two pieces of a stream.") \
    SETTING(MODEL, "timeouts.after_finish", DURATION, " 1ms..10m", route.timeouts.after_finish, "3s", NOW,     \
            "From a stream's finish reason to its last event, which some providers forget.")                 \
    SETTING(MODEL, "timeouts.total", DURATION, " 1ms..24h", route.timeouts.total, "600s", NOW, "The whole exchange, all attempts together.") \
    SETTING(MODEL, "retry.attempts", INTEGER, " 1..10", route.retry.attempts, "2", NOW, "Tries of one target, the first included.") \
    SETTING(MODEL, "retry.backoff", DURATION, " 0s..1m", route.retry.backoff, "250ms", NOW, "Pause before the second try; doubles after it.") \
    SETTING(MODEL, "retry.max_wait", DURATION, " 0s..10m", route.retry.max_wait, "5s", NOW, "Longest pause, also when the provider asks for a longer one.") \
    SETTING(MODEL, "breaker.window", DURATION, " 1ms..1h", route.breaker.window, "30s", NOW, "Time over which failures are counted.") \
    SETTING(MODEL, "breaker.min_requests", INTEGER, " 1..1000000", route.breaker.min_requests, "10", NOW, "Fewer in the window never open it.") \
    SETTING(MODEL, "breaker.failure_rate", NUMBER, " 0..1", route.breaker.failure_rate, "0.5", NOW, "Share of failures that opens it.") \
    SETTING(MODEL, "breaker.open_for", DURATION, " 1ms..1h", route.breaker.open_for, "15s", NOW, "How long a target rests before one request tries it.") \
    SETTING(MODEL, "degraded.serve", ONE, " of off | cache | message", route.degraded, "off", NOW,            \
            "When no target can answer: an error, an earlier answer to the same request (else the message), or the message.") \
    SETTING(MODEL, "degraded.message", TEXT, "", route.degraded_message,                                      \
            "The assistant is unavailable for a moment. Please try again.", NOW, "What users read then.")     \
    SETTING(MODEL, "hold_back.bytes", BYTES, " 0B..4MiB", route.hold_back_bytes, "0B", NOW, "Output of a stream held back before the " \
            "first byte is relayed, so that an early failure can still go to another target; 0 is none.")     \
    SETTING(MODEL, "hold_back.time", DURATION, " 0s..1m", route.hold_back_time, "2s", NOW, "And held no longer than this.") \
    SETTING(ROOT, "applications", MAP, " of applications", applications, NOTHING, NOW, "LLM applications by name.") \
    SETTING(APPLICATION, "models", LIST, " of names", models, "*", NOW, "Models that its keys may use; * is all.") \
    SETTING(APPLICATION, "payloads.capture", ONE, " of none | metadata | full", application.payloads.capture, "metadata", NOW, \
            "What is kept besides counts: none, no user, session, tags or prompt hash either (pseudonyms where a budget or limit needs " \
            "user or tag); metadata, those; full, messages and outputs too.") \
    SETTING(APPLICATION, "payloads.retention", DURATION, " 0s..36500d", application.payloads.retention, "30d", NOW, \
            "How long messages and outputs are kept; 0 is for ever.")                                         \
    SETTING(APPLICATION, "keys", LIST, " of keys", keys, NOTHING, NOW, "Its API keys; more can be made in the registry.") \
    SETTING(KEY, "name", NAME, "", name, REQUIRED, NOW, "What records call it.")                              \
    SETTING(KEY, "key", SECRET, "", key, REQUIRED, NOW, "The key itself, at least 16 characters. Only its hash is kept.") \
    SETTING(APPLICATION, "approve_above_usd", USD, " 0..1000000", application.requests.approve_above_nano, NOTHING, NOW, \
            "A request that may cost more is refused (402) unless x-quarterdeck-approve-cost covers it.")     \
    SETTING(APPLICATION, "unknown_price", ONE, " of allow | block", application.block_unknown_price, "allow", NOW, \
            "What becomes of a request whose price is not known: no budget can bound it.")                    \
    SETTING(APPLICATION, "max_output_tokens", INTEGER, " 1..1000000000", application.requests.max_output_tokens, NOTHING, NOW, \
            "Most output tokens that a request may ask for; more, or none given, is lowered to this.")        \
    HISTORY_SETTINGS(SETTING, APPLICATION, application.requests.history, "true", "false")                     \
    CACHE_SETTINGS(SETTING, APPLICATION, application.requests.cache, "false")                                 \
    SETTING(APPLICATION, "request_types", MAP, " of request types", request_types, NOTHING, NOW,              \
            "Other values for requests of this x-quarterdeck-request-type; what is not given is the application's.") \
    SETTING(REQUEST_TYPE, "approve_above_usd", USD, " 0..1000000", approve_above_nano, NOTHING, NOW,          \
            "As the application's: a higher one approves this type of request up to it.")                     \
    SETTING(REQUEST_TYPE, "latency.p50", DURATION, " 1us..24h", latency.p50, NOTHING, NOW, "Latency budget: half of the exchanges of this type are to be faster.") \
    SETTING(REQUEST_TYPE, "latency.p90", DURATION, " 1us..24h", latency.p90, NOTHING, NOW, "The same for 90 of 100.") \
    SETTING(REQUEST_TYPE, "latency.p95", DURATION, " 1us..24h", latency.p95, NOTHING, NOW, "The same for 95 of 100.") \
    SETTING(REQUEST_TYPE, "latency.p99", DURATION, " 1us..24h", latency.p99, NOTHING, NOW, "The same for 99 of 100.") \
    SETTING(REQUEST_TYPE, "latency.ttft_p95", DURATION, " 1us..24h", latency.ttft_p95, NOTHING, NOW, "95 of 100 streams are to begin by then.") \
    SETTING(REQUEST_TYPE, "latency.per_token_p95", DURATION, " 1us..24h", latency.per_token_p95, NOTHING, NOW, "95 of 100 are to take less for each output token.") \
    SETTING(REQUEST_TYPE, "max_output_tokens", INTEGER, " 1..1000000000", max_output_tokens, NOTHING, NOW,    \
            "As the application's.")                                                                          \
    HISTORY_SETTINGS(SETTING, REQUEST_TYPE, history, NOTHING, NOTHING)                                        \
    CACHE_SETTINGS(SETTING, REQUEST_TYPE, cache, NOTHING)                                                     \
    SETTING(ROOT, "budgets", LIST, " of budgets", budgets, NOTHING, NOW,                                      \
            "What may be spent. All that match a request apply to it.")                                       \
    SETTING(BUDGET, "name", NAME, "", budget.name, REQUIRED, NOW, "What refusals, alerts and reports call it.") \
    SCOPE_SETTINGS(SETTING, BUDGET)                                                                           \
    SETTING(BUDGET, "limit_usd", USD, " 0..1000000000", budget.limit_nano, REQUIRED, NOW, "What may be spent in one window.") \
    SETTING(BUDGET, "window", ONE, " of day | week | month | once", budget.window, REQUIRED, NOW,             \
            "Calendar day, week from Monday, month; or once, between `from` and `to`.")                       \
    SETTING(BUDGET, "timezone", TEXT, "", timezone, "UTC", NOW, "Whose calendar, such as Europe/London.")     \
    SETTING(BUDGET, "from", TEXT, "", from, NOTHING, NOW,                                                     \
            "once: its start, a date (midnight in `timezone`) or an RFC 3339 time.")                          \
    SETTING(BUDGET, "to", TEXT, "", to, NOTHING, NOW, "once: its end, which is not in it any more.")          \
    SETTING(BUDGET, "mode", ONE, " of hard | soft | degrade", budget.mode, "hard", NOW,                       \
            "When a request's worst case does not fit: refuse it; only alert; or send it to the cheapest allowed target.") \
    SETTING(BUDGET, "alert_at", LIST, " of numbers 0..100", alert_at, "0.8, 1", NOW,                          \
            "Shares of the limit at which an alert is raised, once a window each.")                           \
    SETTING(BUDGET, "on_error", ONE, " of allow | block", on_error, NOTHING, NOW,                             \
            "When the budget cannot be checked, because too many values are counted: block for hard, else allow, unless given.") \
    SETTING(ROOT, "limits", LIST, " of limits", limits, NOTHING, NOW,                                         \
            "How fast and how much at once. All that match a request apply to it.")                           \
    SETTING(LIMIT, "name", NAME, "", limit.name, NOTHING, NOW, "What refusals call it; the scope's text unless given.") \
    SCOPE_SETTINGS(SETTING, LIMIT)                                                                            \
    SETTING(LIMIT, "requests_per_minute", INTEGER, " 1..1000000000", limit.requests_per_minute, NOTHING, NOW, \
            "Requests; refilled all the time, not once a minute.")                                            \
    SETTING(LIMIT, "tokens_per_minute", INTEGER, " 1..1000000000", limit.tokens_per_minute, NOTHING, NOW,     \
            "Input and output tokens: taken by estimate, corrected when the answer has been counted.")        \
    SETTING(LIMIT, "concurrent", INTEGER, " 1..1000000", limit.concurrent, NOTHING, NOW, "Requests under way at once.") \
    SETTING(LIMIT, "burst", DURATION, " 1s..1h", limit.burst_us, "1m", NOW,                                   \
            "How much of the rates may be used at once: one minute's worth unless given.")                    \
    SETTING(LIMIT, "on_error", ONE, " of allow | block", limit.block_on_error, "allow", NOW,                  \
            "When the limit cannot be checked, because too many values are counted.")                        \
    SETTING(ROOT, "change_policy", MAP, " of classes", change_policy, NOTHING, NOW,                           \
            "What a change has to pass, by its class (docs/change.md); what is not said is as in data/change/defaults.yaml.") \
    SETTING(ROOT, "rollouts", MAP, " of plans", rollouts, NOTHING, NOW, "How a change is tried on traffic: `canary`, `shadow`, `ab`.") \
    SETTING(ROOT, "alerts", LIST, " of rules", alerts, NOTHING, NOW, "When somebody is told (docs/watch.md).")  \
    SETTING(ROOT, "grants", LIST, " of grants", grants, NOTHING, NOW, "What alerts may do without a person.")   \
    SETTING(ROOT, "receivers", MAP, " of receivers", receivers, NOTHING, NOW, "Where alerts are told.")         \
    SETTING(ROOT, "oncall", MAP, " of people, schedules, escalations", oncall, NOTHING, NOW, "Whose turn it is.") \
    SETTING(ROOT, "inhibit", LIST, " of inhibitions", inhibit, NOTHING, NOW,                                  \
            "Which alerts are muted by which; without it the order of causes: provider, errors, latency, money.") \
    SETTING(ROOT, "grouping", MAP, "", grouping, NOTHING, NOW, "What is told together.")

#define TYPE_TEXT "text"
#define TYPE_NAME "name"
#define TYPE_SECRET "secret"
#define TYPE_PEM "PEM"
#define TYPE_BOOLEAN "boolean"
#define TYPE_INTEGER "integer"
#define TYPE_NUMBER "number"
#define TYPE_DURATION "duration"
#define TYPE_BYTES "bytes"
#define TYPE_ONE "one"
#define TYPE_ADDRESS "address"
#define TYPE_URL "URL"
#define TYPE_USD "USD"
#define TYPE_LIST "list"
#define TYPE_MAP "map"

static const struct config_setting settings[] = {
#define SETTING(scope, name, kind, rest, field, fallback, when, help)                                         \
    {SCOPE_PATH_##scope name, TYPE_##kind rest, fallback, help, when},
    SETTING_TABLE(SETTING)
#undef SETTING
};

static const struct config_row rows[] = {
#define SETTING(scope, name, kind, rest, field, fallback, when, help)                                         \
    {SCOPE_##scope, KIND_##kind, name, offsetof(SCOPE_STRUCT_##scope, field), sizeof((SCOPE_STRUCT_##scope *)0)->field},
    SETTING_TABLE(SETTING) /* NOLINT(bugprone-sizeof-expression): some fields are pointers */
#undef SETTING
};

const struct config_setting *config_settings(unsigned *ret_count) {
    *ret_count = sizeof settings / sizeof settings[0];
    return settings;
}

const struct config_row *config_rows(unsigned *ret_count) {
    *ret_count = sizeof rows / sizeof rows[0];
    return rows;
}
