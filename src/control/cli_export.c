/* `quarterdeck export records`: everything that matches, page by page, for other tools. */
#include "control/cli_verbs.h"

#include "base/clock.h"

#include <errno.h>

#define USAGE "quarterdeck export records [options]"
#define HEAD_BYTES (16 << 10)

/* CSV columns are paths into the record. */
static const char *const columns[] = {
    "id", "time", "application", "key", "user", "session", "feature", "team", "request_type", "tags", "dialect", "endpoint", "model",
    "target.provider", "target.model", "upstream_model", "system_fingerprint", "prompt.name", "prompt.version", "stream", "status",
    "http_status", "error", "error_text", "attempts", "cache", "usage.input", "usage.cache_read", "usage.cache_write", "usage.output",
    "usage.reasoning", "usage_estimated", "cost_nanousd", "cost_usd", "ttft_ms", "duration_ms", "overhead_us", "finish_reason",
    "request_bytes", "response_bytes", "system_prompt_hash", "dropped_events", "back_to_primary", "saved_usd",
    "history_tokens_saved", "output_cap", "cache_similarity", "difficulty", "tier", "tier_applied", "batch",
    "rollout", "arm", "rollout_step", "knowledge", "input_hash",
};
#define COLUMNS (sizeof columns / sizeof *columns)

struct export {
    struct record_options filters;
    struct client_options client;
    const char *format, *file;
    char now[CLOCK_TEXT];
    bool csv;
    FILE *out;
    uint64_t count;
};

/* RFC 4180: quoted when it must be, quotes doubled. */
static void write_cell(FILE *out, struct slice text) {
    bool quote = false;
    for (size_t i = 0; i < text.len; i++) quote |= strchr(",\"\r\n", text.at[i]) != NULL && text.at[i] != 0;
    if (quote) fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"') fputc('"', out);
        fputc(text.at[i], out);
    }
    if (quote) fputc('"', out);
}

static void write_header(FILE *out) {
    for (unsigned i = 0; i < COLUMNS; i++) {
        struct buffer name;
        buffer_init(&name, 64);
        for (const char *c = columns[i]; *c; c++) buffer_byte(&name, *c == '.' ? '_' : *c);
        if (i > 0) fputc(',', out);
        write_cell(out, buffer_slice(&name));
        buffer_deinit(&name);
    }
    fputs("\r\n", out);
}

static void write_records(struct export *e, struct client_answer *a) {
    uint32_t record, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "records"), &at, &record)) {
        e->count++;
        if (!e->csv) {
            fprintf(e->out, SLICE_FMT "\n", SLICE_ARG(json_raw(&a->doc, record)));
            continue;
        }
        for (unsigned i = 0; i < COLUMNS; i++) {
            if (i > 0) fputc(',', e->out);
            write_cell(e->out, cli_value(a, record, columns[i]));
        }
        fputs("\r\n", e->out);
    }
}

static int write_pages(struct export *e, struct client *client) {
    struct buffer path, cursor;
    int code = -1;
    buffer_init(&path, 64 << 10);
    buffer_init(&cursor, HEAD_BYTES);
    do {
        struct client_answer a;
        buffer_clear(&path);
        buffer_append(&path, SLICE("/api/v1/records"));
        cli_add_filters(&path, &e->filters);
        client_add_query(&path, "limit", "1000");
        client_add_query(&path, "order", "oldest");
        if (cursor.len > 0) client_add_query(&path, "cursor", buffer_text(&cursor));
        client_answer_init(&a);
        code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
        buffer_clear(&cursor);
        if (code < 0) {
            write_records(e, &a);
            buffer_append(&cursor, cli_value(&a, 0, "next_cursor"));
        }
        client_answer_deinit(&a);
    } while (code < 0 && cursor.len > 0 && !ferror(e->out));
    buffer_deinit(&cursor);
    buffer_deinit(&path);
    return code;
}

static int export(struct export *e) {
    int code = 0;
    struct client *client = client_open(&e->client, &code);
    if (!client) return code;
    clock_format(clock_wall_us(), e->now);
    if (!e->filters.to) e->filters.to = e->now; /* what comes meanwhile would never end */
    e->out = e->file ? fopen(e->file, "we") : stdout;
    if (!e->out) {
        fprintf(stderr, "quarterdeck: %s: cannot be written: %s\n", e->file, strerror(errno));
        client_close(client);
        return 3;
    }
    if (e->csv) write_header(e->out);
    code = write_pages(e, client);
    client_close(client);
    bool failed = ferror(e->out) != 0;
    if (e->file && fclose(e->out) != 0) failed = true;
    if (code >= 0) return code;
    if (failed) fprintf(stderr, "quarterdeck: the output could not be written\n");
    else if (e->file || e->count == 0) fprintf(stderr, "%llu records\n", (unsigned long long)e->count);
    return failed ? 3 : 0;
}

int cli_export(int argc, char **argv) {
    struct export e = {.format = "jsonl"};
    const struct option_spec specs[] = {
        {.name = "format", .type = OPTION_TEXT, .value = &e.format, .metavar = "jsonl|csv", .help = "one JSON object a line, or a table"},
        {.name = "out", .letter = 'o', .type = OPTION_TEXT, .value = &e.file, .metavar = "FILE", .help = "instead of standard output"},
        RECORD_OPTIONS(e.filters),
        CLIENT_OPTIONS(e.client),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    e.csv = strcmp(e.format, "csv") == 0 && !e.client.json;
    if (strcmp(argv[0], "records") != 0 || (!e.csv && strcmp(e.format, "jsonl") != 0 && strcmp(e.format, "csv") != 0)) {
        fprintf(stderr, "quarterdeck export: expected `records` with --format jsonl or csv, found `%.40s` with `%.40s`\n", argv[0], e.format);
        return 2;
    }
    return export(&e);
}
