#include "control/cli_review.h"

static void put_pair(struct json_writer *w, struct client_answer *a, uint32_t answers, struct slice label) {
    json_member_raw(w, "output", json_raw(&a->doc, json_item(&a->doc, answers, 1)));
    json_member_raw(w, "expected", json_raw(&a->doc, json_item(&a->doc, answers, 0)));
    json_member_text(w, "label", slice_is(label, "candidate") ? "A" : slice_is(label, "baseline") ? "B" : "tie");
}

void cli_review_lines(struct client_answer *a, struct buffer *out) {
    static const char *const kept[] = {"input", "context", "expected", "vars", "run", "case", "repeat", "record", "chance"};
    bool binary = slice_is(cli_value(a, 0, "scale"), "binary"), pairs = slice_is(cli_value(a, 0, "scale"), "pairwise");
    uint32_t at = JSON_NONE, item;
    while (json_each_item(&a->doc, cli_at(a, 0, "items"), &at, &item)) {
        struct slice label = cli_value(a, item, "label");
        uint32_t answers = cli_at(a, item, "answers");
        struct json_writer w;
        if (slice_is_null(label)) continue;
        json_start(&w, out);
        json_object(&w);
        for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
            uint32_t node = pairs && strcmp(kept[i], "expected") == 0 ? JSON_NONE : cli_at(a, item, kept[i]);
            if (node != JSON_NONE) json_member_raw(&w, kept[i], json_raw(&a->doc, node));
        }
        if (pairs) {
            put_pair(&w, a, answers, label);
        } else {
            json_member_raw(&w, "output", json_raw(&a->doc, json_item(&a->doc, answers, 0)));
            json_member_raw(&w, "label", !binary ? label : slice_is(label, "pass") ? SLICE("true") : SLICE("false"));
        }
        json_object_end(&w);
        buffer_byte(out, '\n');
    }
}
