/* console_topic.h - what a console may be told of. */
#ifndef CONTROL_CONSOLE_TOPIC_H
#define CONTROL_CONSOLE_TOPIC_H

#include "base/slice.h"

#define CONSOLE_TOPIC_TABLE(TOPIC)                                                                              \
    TOPIC(RECORDS, "records") /* the exchanges themselves; never in `changed` */                                \
    TOPIC(ALERTS, "alerts")                                                                                     \
    TOPIC(FINDINGS, "findings")                                                                                 \
    TOPIC(ROLLOUTS, "rollouts") /* prompts, versions, reviews of them, gates, versions of models */             \
    TOPIC(ACTIONS, "actions")                                                                                   \
    TOPIC(AUDIT, "audit")                                                                                       \
    TOPIC(EVALUATIONS, "evaluations") /* suites, runs, scores, judges */                                        \
    TOPIC(REVIEWS, "reviews")                                                                                   \
    TOPIC(CONFIGURATION, "configuration")
enum console_topic_index {
#define TOPIC(symbol, name) CONSOLE_##symbol##_INDEX,
    CONSOLE_TOPIC_TABLE(TOPIC)
#undef TOPIC
        CONSOLE_TOPICS
};
enum console_topic {
#define TOPIC(symbol, name) CONSOLE_##symbol = 1 << CONSOLE_##symbol##_INDEX,
    CONSOLE_TOPIC_TABLE(TOPIC)
#undef TOPIC
        CONSOLE_PEOPLE = 1 << CONSOLE_TOPICS /* who may do what: each console is asked again */
};
const char *console_topic_name(unsigned index);
/* What a changing call of the API changed, by its path. */
unsigned console_topics_of(struct slice path);

#endif
