/* GET /api/v1/providers: is it us or them, as of the watch's last look. */
#include "control/api.h"

void api_providers(struct api_call *c) {
    if (c->s->providers == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "no server is running: nobody looks at providers");
        return;
    }
    json_object(&c->json);
    json_key(&c->json, "providers");
    json_array(&c->json);
    struct slice only = api_text(c, "provider");
    unsigned n = c->s->providers(c->s->alert_ctx, only, &c->json);
    json_array_end(&c->json);
    json_object_end(&c->json);
    if (n == 0 && !slice_is_null(only)) api_fail(c, FAULT_NOT_FOUND, "no provider `" SLICE_FMT "` was looked at (quarterdeck provider list)", SLICE_ARG(only));
}
