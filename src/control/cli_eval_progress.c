#include "control/cli_eval_run.h"

#include "base/clock.h"

#include <stdio.h>

static void put_left(const struct eval_progress *p, char *out, size_t size) {
    int64_t took = clock_us() - p->started_us, left = p->planned - p->earlier - p->done;
    out[0] = 0;
    if (p->done == 0 || left == 0 || took < 1000000) return;
    long long seconds = (long long)((double)took / (double)p->done * (double)left / 1e6) + 1;
    if (seconds < 120) snprintf(out, size, "  %lld s left", seconds);
    else if (seconds < 7200) snprintf(out, size, "  %lld min left", (seconds + 30) / 60);
    else snprintf(out, size, "  %lld h left", (seconds + 1800) / 3600);
}

static void print_line(const struct eval_progress *p) {
    char left[40];
    put_left(p, left, sizeof left);
    fprintf(stderr, "%s  %lld/%lld done  %lld failing  %lld errors  %.4f USD%s", p->run, (long long)(p->earlier + p->done), (long long)p->planned,
            (long long)p->failed, (long long)p->errors, (double)p->cost_nano / 1e9, left);
}

void eval_progress_show(struct eval_progress *p) {
    unsigned tenth = p->planned > 0 ? (unsigned)(10 * (p->earlier + p->done) / p->planned) : 0;
    if (p->terminal) {
        fputc('\r', stderr);
        print_line(p);
        fputs(" \x1b[K", stderr);
        fflush(stderr);
    } else if (tenth > p->tenth) {
        print_line(p);
        fputc('\n', stderr);
    }
    p->tenth = tenth;
    p->shown = true;
}

void eval_progress_end(struct eval_progress *p) {
    if (p->terminal && p->shown) fputs("\r\x1b[K", stderr);
    p->shown = false;
}
