/* `quarterdeck alert metrics`: the table of signals. It is the program's own, so no server is asked. */
#include "control/cli_alert.h"

#include "base/json.h"
#include "control/cli_verbs.h"
#include "control/options.h"
#include "control/suggest.h"
#include "model/signal.h"

#define METRICS_USAGE "quarterdeck alert metrics [WORD] [--json]"
enum { JSON_MOST = 1 << 20 };

static void write_json(struct slice word) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, JSON_MOST);
    json_start(&w, &out);
    json_object(&w);
    json_key(&w, "metrics");
    json_array(&w);
    for (unsigned i = 0; i < SIGNALS; i++)
        if (slice_contains_nocase(slice_of(signal_info((enum signal)i).name), word)) signal_write_json((enum signal)i, &w);
    json_array_end(&w);
    json_object_end(&w);
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void put_row(struct sheet *s, enum signal which) {
    struct signal_info i = signal_info(which);
    struct buffer by;
    buffer_init(&by, JSON_MOST);
    sheet_put(s, slice_of(i.name));
    sheet_put(s, slice_of(i.unit));
    sheet_put(s, i.more_is_worse ? SLICE("above") : SLICE("below"));
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if (i.by >> b & 1) buffer_printf(&by, "%s%s", by.len > 0 ? "," : "", signal_by_name((enum signal_by)b));
    bool exchange = i.source == SIGNAL_OF_RECORDS || i.source == SIGNAL_OF_ATTEMPTS;
    sheet_put(s, exchange ? SLICE("[1]") : buffer_slice(&by));
    sheet_put(s, slice_of(i.meaning));
    buffer_deinit(&by);
}

static void write_sheet(struct slice word) {
    static const char *const headers[] = {"METRIC", "UNIT", "WORSE", "BY", "MEANING"};
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    for (unsigned i = 0; i < SIGNALS; i++)
        if (slice_contains_nocase(slice_of(signal_info((enum signal)i).name), word)) put_row(&s, (enum signal)i);
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    printf("[1]");
    for (unsigned b = 0; b <= SIGNAL_BY_TEAM; b++) printf("%s %s", b > 0 ? "," : "", signal_by_name((enum signal_by)b));
    printf("\nin a rule: when: {metric: latency.p99, by: [request_type], window: 5m, above: 2s}; then `quarterdeck check`\n");
}

static int none_has(struct slice word) {
    struct suggestion near;
    char text[SUGGESTION_TEXT];
    suggestion_start(&near, word);
    for (unsigned i = 0; i < SIGNALS; i++) suggestion_offer(&near, signal_info((enum signal)i).name);
    fprintf(stderr, "quarterdeck: no metric has `" SLICE_FMT "` in its name%s", SLICE_ARG(word), suggestion_text(&near, "", text));
    fputc('\n', stderr);
    return 1;
}

int cli_alert_metrics(int argc, char **argv) {
    bool json = false, any = false;
    const struct option_spec specs[] = {{"json", 0, false, OPTION_FLAG, &json, NULL, "as JSON, as GET /api/v1/alert-metrics gives it", NULL}};
    int n, code = options_parse(argc, argv, specs, 1, METRICS_USAGE, &n);
    if (code < 0) code = cli_expect(METRICS_USAGE, n, 0, 1);
    if (code >= 0) return code;
    struct slice word = n > 0 ? slice_of(argv[0]) : SLICE("");
    for (unsigned i = 0; i < SIGNALS && !any; i++) any = slice_contains_nocase(slice_of(signal_info((enum signal)i).name), word);
    if (!any && !json) return none_has(word);
    if (json) write_json(word);
    else write_sheet(word);
    return any ? 0 : 1;
}
