/* What rules can watch. */
#include "control/api.h"

#include "model/signal.h"

void api_alert_metrics(struct api_call *c) {
    json_object(&c->json);
    json_key(&c->json, "metrics");
    json_array(&c->json);
    for (unsigned i = 0; i < SIGNALS; i++) signal_write_json((enum signal)i, &c->json);
    json_array_end(&c->json);
    json_object_end(&c->json);
}
