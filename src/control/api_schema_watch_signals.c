/* Shapes of answers about signals. */
#include "control/api.h"

const struct api_field api_fields_watch_signals[] = {
    {"AlertMetrics", "metrics", "[AlertMetric]", "in the order of the table"},
    {"AlertMetric", "name", "string", "as `when.metric` of a rule names it"},
    {"AlertMetric", "unit", "string", "s, USD, tokens, B; share and 0..1: between 0 and 1; 1: a count"},
    {"AlertMetric", "source", "records|attempts|scores|spending|self", "where its numbers come from"},
    {"AlertMetric", "shape", "share|quantile|mean|sum|reading", "what its value is of the numbers in a window; a reading is what was read last"},
    {"AlertMetric", "more_is_worse", "boolean", "false: a rule asks for `below`"},
    {"AlertMetric", "of", "string?", "which metric of scores is meant unless a rule has `of`; null: it is of no score"},
    {"AlertMetric", "by", "[string]", "what its series can be told apart by: `by` and `where` of a rule"},
    {"AlertMetric", "meaning", "string", "in words"},
    {NULL, NULL, NULL, NULL},
};
