/* The stream of events: who wants to hear of what. The stream itself: control/consoles.h. */
#include "control/api_parameters.h"

#include "control/consoles.h"

#define OR_STATUS(symbol, name) "|" name
#define OR_TOPIC(symbol, name) "|" name
const struct api_parameter api_parameters_events[] = {
    {.name = "topics", .place = API_QUERY, .type = API_CHOICES, .choices = &(CONSOLE_TOPIC_TABLE(OR_TOPIC))[1],
     .fallback = "all but records", .help = "what to be told of"},
    TEXT_QUERY("application", "exchanges: only of this application"),
    TEXT_QUERY("model", "exchanges: only those that asked for this model"),
    TEXT_QUERY("request_type", "exchanges: only of this request type"),
    {.name = "status", .place = API_QUERY, .type = API_CHOICE, .choices = &(RECORD_STATUS_TABLE(OR_STATUS))[1], .help = "exchanges: only those that ended like this"},
    END};

static unsigned topics_of(struct slice names) {
    struct slice one;
    unsigned topics = 0;
    while (names.len > 0) {
        slice_cut(names, ',', &one, &names);
        for (unsigned i = 0; i < CONSOLE_TOPICS; i++)
            if (slice_is(slice_trim(one), console_topic_name(i))) topics |= 1u << i;
    }
    return topics;
}

void api_events(struct api_call *c) {
    struct slice names = api_text(c, "topics"), status = api_text(c, "status"), application = api_text(c, "application");
    enum record_status only = RECORD_OK;
    if (c->s->consoles == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "events come from a running server");
        return;
    }
    if (!slice_is_null(application) && !api_knows_application(c, application)) return;
    if (slice_is(c->q->method, "HEAD")) return; /* it has no end, and nothing of it is wanted */
    struct console_wish *wish = arena_new(c->arena, struct console_wish);
    if (wish == NULL) return; /* full: answered as such */
    *wish = (struct console_wish){.topics = slice_is_null(names) ? (1u << CONSOLE_TOPICS) - 1 - CONSOLE_RECORDS : topics_of(names),
                                  .who = arena_slice(c->arena, slice_of(c->actor)), /* a token's name is the policy's, which may go before the stream is opened */
                                  .filter = {.application = application, .model = api_text(c, "model"), .request_type = api_text(c, "request_type"), .status = -1}};
    if (!slice_is_null(status) && record_status_from_name(status, &only)) wish->filter.status = (int)only;
    c->ret->stream = wish;
}
