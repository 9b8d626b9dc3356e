/* `quarterdeck record list|show`. */
#include "control/cli_route.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"
#include "control/cli_report.h"

#include <stdlib.h>
#include <unistd.h>

#define LIST_USAGE "quarterdeck record list [options]"
#define SHOW_USAGE "quarterdeck record show ID [options]"
#define LIST_DEFAULT 20
#define FOLLOW_US 1000000
/* A record is sorted by its begin and comes when it ends: how long an exchange may take to be seen by --follow. */
#define FOLLOW_BACK_US (15 * 60 * 1000000LL)

static const char *const columns[] = {"TIME (UTC)", "ID", "APPLICATION", "MODEL", "PROVIDER", "STATUS", ">IN (tok)",
                                      ">OUT (tok)", ">COST (USD)", ">FIRST (ms)", ">TOTAL (ms)", "ERROR"};
#define COLUMNS (sizeof columns / sizeof *columns)

static void put_row(struct sheet *s, struct client_answer *a, uint32_t record) {
    cli_put_time(s, a, record, "time");
    cli_put(s, a, record, "id");
    cli_put(s, a, record, "application");
    cli_put(s, a, record, "model");
    cli_put(s, a, record, "target.provider");
    cli_put(s, a, record, "status");
    sheet_paint(s, cli_status_color(cli_value(a, record, "status")));
    cli_put(s, a, record, "usage.input");
    cli_put(s, a, record, "usage.output");
    cli_put(s, a, record, "cost_usd");
    cli_put(s, a, record, "ttft_ms");
    cli_put(s, a, record, "duration_ms");
    cli_put(s, a, record, "error");
}

/* ---- list ---- */

static void write_page(struct client_answer *a) {
    struct sheet sheet;
    uint32_t record, at = JSON_NONE, records = cli_at(a, 0, "records");
    sheet_init(&sheet, columns, COLUMNS);
    while (json_each_item(&a->doc, records, &at, &record)) put_row(&sheet, a, record);
    if (sheet_rows(&sheet) == 0)
        fprintf(stderr, "no records match; widen the filters, or send a request with an application's key first\n");
    else
        sheet_write(&sheet, stdout, true);
    struct slice cursor = cli_value(a, 0, "next_cursor");
    if (!slice_is_null(cursor)) fprintf(stderr, "there are more: --cursor " SLICE_FMT "\n", SLICE_ARG(cursor));
    sheet_deinit(&sheet);
}

/* ---- follow ---- */

struct follow {
    struct client *client;
    const struct record_options *filters;
    bool json, first;
    int64_t limit;
    int64_t since_us;        /* --follow's begin, less what may still come */
    struct table seen, former; /* ids, in two generations, so that they do not grow for ever */
    int64_t turned_us;
    struct sheet sheet;
};

static bool is_new(struct follow *f, struct slice id) {
    static char mark;
    if (table_get(&f->former, id)) return false;
    return table_put(&f->seen, id, &mark) == NULL;
}

static void turn_generations(struct follow *f, int64_t now) {
    if (now - f->turned_us < 2 * FOLLOW_BACK_US) return;
    table_deinit(&f->former);
    f->former = f->seen;
    table_init(&f->seen);
    f->turned_us = now;
}

static void write_new(struct follow *f, struct client_answer *a) {
    uint32_t records = cli_at(a, 0, "records"), record, at = JSON_NONE, n = json_size(&a->doc, records), fresh = 0;
    uint32_t *nodes = mem_new_array(uint32_t, n + 1);
    while (json_each_item(&a->doc, records, &at, &record))
        if (is_new(f, cli_value(a, record, "id"))) nodes[fresh++] = record;
    if (!f->first && fresh == LIMIT_PAGE) fprintf(stderr, "more than %d records since the last look: some are left out\n", LIMIT_PAGE);
    if (f->first && fresh > (uint32_t)f->limit) fresh = (uint32_t)f->limit;
    while (fresh-- > 0) { /* newest come first; a tail ends with them */
        struct slice raw = json_raw(&a->doc, nodes[fresh]);
        if (f->json) printf(SLICE_FMT "\n", SLICE_ARG(raw));
        else put_row(&f->sheet, a, nodes[fresh]);
    }
    if (!f->json && (f->first || sheet_rows(&f->sheet) > 0)) sheet_write(&f->sheet, stdout, f->first);
    fflush(stdout);
    mem_free(nodes);
}

static int look(struct follow *f, const char *limit) {
    struct client_answer a;
    struct buffer path;
    char from[CLOCK_TEXT];
    struct record_options filters = *f->filters;
    int64_t now = clock_wall_us();
    clock_format(now - FOLLOW_BACK_US > f->since_us ? now - FOLLOW_BACK_US : f->since_us, from);
    if (!f->first) filters.from = from;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/records"));
    cli_add_filters(&path, &filters);
    client_add_query(&path, "limit", limit);
    client_answer_init(&a);
    int code = client_call(f->client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) write_new(f, &a);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    turn_generations(f, now);
    f->first = false;
    return code;
}

static int follow(struct client *client, const struct record_options *filters, int64_t limit, bool json) {
    char most[16];
    struct follow f = {.client = client, .filters = filters, .json = json, .first = true, .limit = limit};
    table_init(&f.seen);
    table_init(&f.former);
    sheet_init(&f.sheet, columns, COLUMNS);
    f.turned_us = clock_wall_us();
    f.since_us = f.turned_us - FOLLOW_BACK_US;
    snprintf(most, sizeof most, "%d", LIMIT_PAGE);
    int code = look(&f, most);
    while (code < 0 && !ferror(stdout)) {
        clock_sleep_us(FOLLOW_US);
        code = look(&f, most);
    }
    table_deinit(&f.seen);
    table_deinit(&f.former);
    sheet_deinit(&f.sheet);
    return code < 0 ? 0 : code;
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    struct record_options filters = {0};
    const char *cursor = NULL, *order = NULL;
    bool tail = false;
    int64_t limit = LIST_DEFAULT;
    const struct option_spec specs[] = {
        RECORD_OPTIONS(filters),
        {.name = "limit", .letter = 'n', .type = OPTION_INTEGER, .value = &limit, .metavar = "N", .help = "at most so many"},
        {.name = "cursor", .type = OPTION_TEXT, .value = &cursor, .metavar = "TEXT", .help = "go on behind a former page"},
        {.name = "order", .type = OPTION_TEXT, .value = &order, .metavar = "newest|oldest", .help = "which come first"},
        {.name = "follow", .letter = 'f', .type = OPTION_FLAG, .value = &tail, .help = "go on printing new ones; JSON is one a line then"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    if (tail) {
        code = follow(client, &filters, limit, o.json);
        client_close(client);
        return code;
    }
    struct buffer path;
    char text[24];
    struct client_answer a;
    snprintf(text, sizeof text, "%lld", (long long)limit);
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/records"));
    cli_add_filters(&path, &filters);
    client_add_query(&path, "limit", text);
    client_add_query(&path, "cursor", cursor);
    client_add_query(&path, "order", order);
    client_answer_init(&a);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0 && o.json) cli_print_json(&a);
    else if (code < 0) write_page(&a);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code < 0 ? 0 : code;
}

/* ---- show ---- */

static void line(struct client_answer *a, const char *label, const char *path, const char *unit) {
    struct slice value = cli_value(a, 0, path);
    struct buffer clean;
    if (value.len == 0) return;
    buffer_init(&clean, LIMIT_RECORD * 4);
    sheet_clean(&clean, value);
    printf("%-14s " SLICE_FMT "%s\n", label, SLICE_ARG(buffer_slice(&clean)), unit);
    buffer_deinit(&clean);
}

static void show_facts(struct client_answer *a) {
    static const struct {
        const char *label, *path, *unit;
    } facts[] = {
        {"time", "time", ""},           {"application", "application", ""}, {"key", "key", ""},
        {"user", "user", ""},           {"session", "session", ""},         {"feature", "feature", ""},
        {"team", "team", ""},           {"request type", "request_type", ""}, {"model", "model", ""},
        {"provider", "target.provider", ""}, {"target", "target.model", ""}, {"upstream", "upstream_model", ""},
        {"prompt", "prompt.name", ""},  {"version", "prompt.version", ""},  {"http status", "http_status", ""},
        {"error", "error", ""},         {"because", "error_text", ""},      {"finish", "finish_reason", ""},
        {"cache", "cache", ""},         {"input", "usage.input", " tokens"}, {"  cache read", "usage.cache_read", " tokens"},
        {"  cache write", "usage.cache_write", " tokens"}, {"output", "usage.output", " tokens"},
        {"  reasoning", "usage.reasoning", " tokens"}, {"first output", "ttft_ms", " ms"}, {"total", "duration_ms", " ms"},
        {"similarity", "cache_similarity", ""}, {"tier", "tier", ""}, {"batch", "batch", ""},
        {"history cut", "history_tokens_saved", " tokens saved"}, {"output cap", "output_cap", " tokens"}, {"saved", "saved_usd", " USD"},
        {"our own time", "overhead_us", " us"}, {"request", "request_bytes", " bytes"}, {"response", "response_bytes", " bytes"},
    };
    struct slice status = cli_value(a, 0, "status"), cost = cli_value(a, 0, "cost_usd");
    printf("%-14s " SLICE_FMT "\n", "record", SLICE_ARG(cli_value(a, 0, "id")));
    printf("%-14s %s" SLICE_FMT "%s\n", "status", sheet_color_on(stdout, cli_status_color(status)), SLICE_ARG(status),
           sheet_color_off(stdout));
    for (unsigned i = 0; i < sizeof facts / sizeof *facts; i++) line(a, facts[i].label, facts[i].path, facts[i].unit);
    printf("%-14s " SLICE_FMT "%s\n", "cost", SLICE_ARG(slice_is_null(cost) ? SLICE("unknown") : cost), slice_is_null(cost) ? "" : " USD");
}

#define BAR 40

/* Tries follow one another; pauses between them are not recorded, so a bar begins where the one before ended. */
static void show_attempts(struct client_answer *a) {
    static const char *const headers[] = {">#", "TARGET", ">MS", "RESULT", ""};
    uint32_t attempts = cli_at(a, 0, "attempts"), attempt, at = JSON_NONE;
    int64_t ms = 0, sum = 0, before = 0, n = 0;
    struct sheet s;
    while (json_each_item(&a->doc, attempts, &at, &attempt)) {
        (void)json_get_i64(&a->doc, cli_at(a, attempt, "ms"), &ms);
        sum += ms;
    }
    if (json_size(&a->doc, attempts) == 0) {
        printf("\nno provider was asked\n");
        return;
    }
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    for (at = JSON_NONE; json_each_item(&a->doc, attempts, &at, &attempt);) {
        struct slice error = cli_value(a, attempt, "error"), status = cli_value(a, attempt, "http_status");
        char bar[BAR + 2];
        (void)json_get_i64(&a->doc, cli_at(a, attempt, "ms"), &ms);
        int64_t from = sum > 0 ? before * BAR / sum : 0, to = sum > 0 ? (before + ms) * BAR / sum : BAR;
        if (to > BAR) to = BAR;
        if (from >= BAR) from = BAR - 1;
        memset(bar, ' ', sizeof bar);
        memset(bar + from, '#', (size_t)(to > from ? to - from : 1));
        bar[BAR + 1] = 0;
        sheet_print_cell(&s, "%lld", (long long)++n);
        sheet_print_cell(&s, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(cli_value(a, attempt, "provider")), SLICE_ARG(cli_value(a, attempt, "model")));
        cli_put(&s, a, attempt, "ms");
        sheet_print_cell(&s, SLICE_FMT "%s" SLICE_FMT "%s", SLICE_ARG(slice_is_null(error) ? SLICE("ok") : error),
                         slice_is_null(status) ? "" : " (", SLICE_ARG(status), slice_is_null(status) ? "" : ")");
        sheet_paint(&s, slice_is_null(error) ? SHEET_GOOD : SHEET_BAD);
        sheet_put(&s, slice_of(bar));
        before += ms;
    }
    putchar('\n');
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    bool payload = false;
    const struct option_spec specs[] = {
        {.name = "payload", .type = OPTION_FLAG, .value = &payload, .help = "the captured request and reply instead"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    struct client_answer a;
    struct buffer path;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/records"));
    client_add_segment(&path, argv[0]);
    if (payload) buffer_append(&path, SLICE("/payload"));
    client_answer_init(&a);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0 && (o.json || payload)) {
        cli_print_json(&a);
    } else if (code < 0) {
        show_facts(&a);
        show_attempts(&a);
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code < 0 ? 0 : code;
}

const struct cli_verb cli_record_parts[] = {
    {"list", "record list [options]", "records, newest first; --follow goes on", list},
    {"show", "record show ID [options]", "one record with its attempts; --payload for what was captured", show},
    {"again", "record again ID --why TEXT [options]", "send a captured request once more, or to another model", cli_again},
    {"latency", "record latency [options]", "percentiles by application, request type, model", cli_latency},
    {"score", "record score ID --value V [options]", "how good its answer was; --file for many", cli_score},
    {"scores", "record scores ID [options]", "who said how good its answer was", cli_scores},
    {"totals", "record totals [options]", "counts, tokens and cost of a window", cli_totals},
    {NULL, NULL, NULL, NULL},
};

int cli_record(int argc, char **argv) { return cli_dispatch("record", cli_record_parts, argc, argv); }
