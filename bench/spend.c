/* bench/spend - how fast cost reports are answered.
 *
 *   spend [-n RECORDS] [-d DAYS] [-k] [DIR]
 *
 * Fills a ledger with RECORDS synthetic records (1,000,000) over DAYS days (10) through the flight recorder
 * and the real drain, then times reports by two dimensions over all of it: whole hours, a window that begins
 * and ends within an hour, by user (from records), FOCUS, and reading the cells that `cost explain` takes for
 * two windows. -k keeps DIR. Each report is checked against the sum of what was generated. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "cost/cell_read.h"
#include "cost/explain.h"
#include "cost/focus.h"

#include "synthetic.h"

struct settings {
    unsigned records, days;
    bool keep;
    char dir[256];
};

static void time_report(struct ledger *l, const char *name, const char *by, int64_t from, int64_t to,
                        int64_t want) {
    struct cost_report_query q = {.from_us = from, .to_us = to};
    struct cost_report r;
    struct error error = {0};
    if (!cost_report_parse_by(slice_of(by), &q, &error)) stop(&error);
    int64_t before = clock_us();
    if (cost_report_run(l, &q, &r, &error) != FAULT_NONE) stop(&error);
    int64_t us = clock_us() - before;
    printf("%s by %s: %.1f ms, %zu rows from %llu sums and %llu records%s\n", name, by, (double)us / 1e3, r.n,
           (unsigned long long)r.source.cells, (unsigned long long)r.source.records,
           want >= 0 && r.total.cost_nano != want ? "; WRONG SUM" : "");
    cost_report_deinit(&r);
}

static void time_focus(struct ledger *l, int64_t to) {
    struct cost_report_query q = {.from_us = START, .to_us = to, .by = {SPEND_BY_TEAM}, .n_by = 1};
    struct error error = {0};
    struct buffer out;
    buffer_init(&out, LIMIT_REPLY_BODY);
    int64_t before = clock_us();
    if (cost_focus_write(l, &q, &out, &error) != FAULT_NONE) stop(&error);
    printf("focus by team: %.1f ms, %zu bytes\n", (double)(clock_us() - before) / 1e3, out.len);
    buffer_deinit(&out);
}

/* `off`: windows that begin and end within an hour. */
static void time_explain(struct ledger *l, int64_t middle, int64_t to, int64_t off) {
    struct cell_query windows[2] = {{.from_us = START + off, .to_us = middle + off},
                                    {.from_us = middle + off, .to_us = to - off}};
    struct cost_cell *cells[2];
    struct explain_result result;
    struct error error = {0};
    struct arena arena;
    size_t n[2];
    arena_init(&arena, 1 << 20, 1 << 28);
    int64_t before = clock_us();
    for (int i = 0; i < 2; i++)
        if (cell_read(l, &windows[i], &arena, &cells[i], &n[i], &error) != FAULT_NONE) stop(&error);
    int64_t read = clock_us();
    if (explain_cost(cells[0], n[0], cells[1], n[1], &result, &error) != FAULT_NONE) stop(&error);
    printf("explain, %s: %.1f ms reading %zu and %zu cells, %.1f ms explaining\n",
           off ? "ends within hours" : "whole hours", (double)(read - before) / 1e3, n[0], n[1],
           (double)(clock_us() - read) / 1e3);
    arena_deinit(&arena);
}

int main(int argc, char **argv) {
    struct settings o = {1000000, 10, false, ""};
    struct error error = {0};
    int c;
    while ((c = getopt(argc, argv, "n:d:k")) != -1) {
        if (c == 'n') o.records = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd') o.days = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'k') o.keep = true;
        else return 2;
    }
    if (!digest_start() || o.days == 0) return 3;
    if (optind < argc) snprintf(o.dir, sizeof o.dir, "%s", argv[optind]);
    else snprintf(o.dir, sizeof o.dir, "bench-spend-%ld", (long)getpid());
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = o.dir}, &error);
    if (l == NULL) stop(&error);
    int64_t sum = synthetic_fill(o.dir, l, o.records, START, o.days, synthetic), to = START + o.days * DAY_US, off = 1234567890;
    time_report(l, "whole hours", "team,feature", START, to, sum);
    time_report(l, "whole hours", "key,target_model", START, to, sum);
    time_report(l, "whole hours", "application,hour", START, to, sum);
    time_report(l, "ends within hours", "team,feature", START + off, to - off, -1);
    time_report(l, "from records", "user", START, START + DAY_US, -1);
    time_focus(l, to);
    time_explain(l, START + o.days / 2 * DAY_US, to, 0);
    time_explain(l, START + o.days / 2 * DAY_US, to, off);
    ledger_close(l);
    if (!o.keep) synthetic_sweep(o.dir);
    return 0;
}
