/* The shapes of answers about people's reviews. */
#include "control/api.h"

#define HEAD(S)                                                                                               \
    {S, "review", "string", "its name: review-3"}, {S, "name", "string?", "what people call it"},             \
        {S, "source", "string?", "what its items are from: run-12, items; null for whoever reviews or decides, until it is closed"},                                   \
        {S, "rubric", "string", "what reviewers are to look for"}, {S, "scale", "binary|1-5|pairwise", "what a label is"}, \
        {S, "items", "integer", "answers (or pairs of them) to look at"},                                     \
        {S, "per_item", "integer", "reviewers of each"}, {S, "labels_given", "integer", "labels so far"},     \
        {S, "labels_expected", "integer", "items x per_item"},                                                \
        {S, "adjudicator", "string?", "who decides where reviewers differ; null: any admin, or whoever may"}, \
        {S, "by", "string?", "who made it"}, {S, "created_at", "time", "when"}, {S, "due", "time?", "when it is to be done"}, \
        {S, "overdue", "boolean", "due, open, and labels are missing"}, {S, "closed_at", "time?", "null: open"}

#define REVIEW(S)                    \
    HEAD(S), \
    {S, "reviewers", "[ReviewReviewer]", "and how far they are"}, \
    {S, "waiting", "integer?", "items without all of their labels"}, \
    {S, "settled", "integer?", "items whose reviewers agree, or that were adjudicated"}, \
    {S, "disputed", "integer?", "items whose reviewers differ"}, \
    {S, "adjudicated", "integer?", "settled ones on which reviewers differed"}, \
    {S, "labels", "{integer}?", "settled items by label"}, \
    {S, "agreement", "ReviewAgreement?", "of reviewers, before adjudication. These six are null for whoever reviews or decides, until it is closed"}

const struct api_field api_fields_review[] = {
    {"Reviews", "reviews", "[ReviewHead]", "newest first"},
    HEAD("ReviewHead"),
    {"ReviewHead", "reviewers", "[string]", "their names"},
    {"ReviewHead", "drawn_from", "~integer", "of a new one: answers of which it has these"},
    {"ReviewHead", "left_out", "~integer", "of a new one: results without an answer, or without one to pair it with"},
    REVIEW("Review"),
    REVIEW("ReviewClosed"),
    {"ReviewClosed", "scores", "ReviewScores?", "null: none were asked for"},
    {"ReviewScores", "name", "string", "their name; their source is person"},
    {"ReviewScores", "given", "integer", "records that have one now"},
    {"ReviewScores", "without_record", "integer", "items with a label that stands and no record"},
    {"ReviewScores", "unknown_records", "integer", "of records that are no longer kept"},
    {"ReviewReassigned", "moved", "integer", "items that are the other's now"},
    {"ReviewReassigned", "left", "integer", "items without a label that the other had too"},
    {"Review", "people_would_say", "ReviewRate?", "of a run's answers, pass or fail: the pass rate that people would have found; null: another review"},
    {"ReviewRate", "pass_rate", "number?", "by PPI++: what the checks said of all, corrected by what people said of some"},
    {"ReviewRate", "interval", "[number]?", "of it"},
    {"ReviewRate", "confidence", "number", "of the interval"},
    {"ReviewRate", "labelled", "integer", "answers with a label that stands"},
    {"ReviewRate", "unlabelled", "integer", "answers without one"},
    {"ReviewRate", "lambda", "number?", "how far the checks are trusted: 0 labels alone, 1 as far as a label"},
    {"ReviewRate", "few_labels", "boolean", "fewer than 100: the interval may be a little too narrow"},
    {"ReviewRate", "why_not", "string?", "null: there is a rate"},
    {"ReviewReviewer", "name", "string", "the reviewer"},
    {"ReviewReviewer", "done", "integer", "labels given"},
    {"ReviewReviewer", "items", "integer", "items to label"},
    {"ReviewAgreement", "items", "integer", "with two labels or more"},
    {"ReviewAgreement", "agreed", "integer", "of them: all labels the same"},
    {"ReviewAgreement", "alpha", "number?", "Krippendorff's alpha, nominal for binary, ordinal otherwise; null: too few, or nothing could differ"},
    {"ReviewAgreement", "interval", "[number]?", "of alpha, by bootstrap of items; null: too few, or no disagreement"},
    {"ReviewAgreement", "confidence", "number", "of the interval"},
    {"ReviewNext", "scale", "binary|1-5|pairwise", "what a label is"},
    {"ReviewNext", "say", "string", "the labels there are"},
    {"ReviewNext", "rubric", "string", "what to look for"},
    {"ReviewNext", "done", "integer", "labels that this reviewer has given"},
    {"ReviewNext", "items", "integer", "labels that are expected"},
    {"ReviewNext", "due", "time?", "when it is to be done"},
    {"ReviewNext", "item", "integer?", "the item; null: all are done"},
    {"ReviewNext", "input", "~json", "what was asked"},
    {"ReviewNext", "context", "~json", "what the answer was to rest on"},
    {"ReviewNext", "expected", "~json", "a reference answer"},
    {"ReviewNext", "answers", "~[string]", "one, or two in an order drawn for this reviewer"},
    {"ReviewProgress", "done", "integer", "labels that this reviewer has given"},
    {"ReviewProgress", "items", "integer", "labels that are expected"},
    {"ReviewLabels", "scale", "binary|1-5|pairwise", "what a label is"},
    {"ReviewLabels", "rubric", "string", "what reviewers looked for"},
    {"ReviewLabels", "items", "[ReviewItem]", "in the order of the review"},
    {"ReviewItem", "item", "integer", "from 0"},
    {"ReviewItem", "state", "waiting|settled|disputed|adjudicated", "what is known"},
    {"ReviewItem", "label", "string?", "the one that stands; null: none yet"},
    {"ReviewItem", "adjudicated_by", "string?", "who decided"},
    {"ReviewItem", "comment", "string?", "the adjudicator's"},
    {"ReviewItem", "input", "~json", "what was asked: a text, or the messages"},
    {"ReviewItem", "vars", "~json", "the case's variables"},
    {"ReviewItem", "chance", "~number", "with which it was drawn: it stands for 1 / chance"},
    {"ReviewItem", "context", "~json", "what the answer was to rest on"},
    {"ReviewItem", "expected", "~json", "a reference answer"},
    {"ReviewItem", "answers", "[string]", "one; or baseline, candidate"},
    {"ReviewItem", "run", "~string", "the run it is from"},
    {"ReviewItem", "case", "~string", "its case"},
    {"ReviewItem", "repeat", "~integer", "which run of the case"},
    {"ReviewItem", "record", "~string", "the record of the exchange"},
    {"ReviewItem", "labels", "[ReviewLabel]", "given so far"},
    {"ReviewLabel", "reviewer", "~string", "whose; not among disputed ones"},
    {"ReviewLabel", "label", "string", "pass or fail; 1 to 5; baseline, tie or candidate (of disputed ones: first, tie, second as they are shown)"},
    {"ReviewLabel", "comment", "string?", "the reviewer's"},
    {"ReviewLabel", "turned", "~boolean", "of a disputed pair: this reviewer saw the two the other way round, which the comment may speak of"},
    {"ReviewLabel", "at", "~time", "when"},
    {"ReviewDisputes", "scale", "binary|1-5|pairwise", "what a label is"},
    {"ReviewDisputes", "rubric", "string", "what reviewers looked for"},
    {"ReviewDisputes", "disputed", "[ReviewDispute]", "items on which reviewers differ"},
    {"ReviewDispute", "item", "integer", "from 0"},
    {"ReviewDispute", "input", "json", "what was asked"},
    {"ReviewDispute", "context", "json", "what the answer was to rest on"},
    {"ReviewDispute", "expected", "json", "a reference answer"},
    {"ReviewDispute", "answers", "[string]", "one; or two in an order of their own"},
    {"ReviewDispute", "labels", "[ReviewLabel]", "without names"},
    {"ReviewDecision", "item", "integer", "the item"},
    {"ReviewDecision", "label", "string", "the label that stands"},
    {NULL, NULL, NULL, NULL},
};
