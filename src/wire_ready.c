/* wire_ready.c - see wire_ready.h. */
#include "wire_ready.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/cli_client.h"
#include "control/setup.h"

#include <stdio.h>

/* The control thread has a connection of its own to the registry, and so have we. */
static bool new_secret(const char *data_dir, char secret[SETUP_SECRET]) {
    struct error error = {.fault = FAULT_NONE};
    bool needed = false;
    struct registry *r = registry_open(data_dir, &error);
    enum fault fault = r ? setup_offer(r, clock_wall_us(), &needed, secret, &error) : error.fault;
    registry_close(r);
    if (fault != FAULT_NONE) log_event(LOG_WARN, "no set-up link could be made", "error", error.text, NULL);
    return fault == FAULT_NONE && needed;
}

void wire_tell_ready(const struct server_settings *o, uint16_t port, uint16_t admin_port, bool offer) {
    struct server_settings now = *o;
    char secret[SETUP_SECRET];
    bool any = strcmp(o->listen_host, "") == 0;
    printf("quarterdeck ready on %s://%s:%u\n", o->tls_cert ? "https" : "http", any ? "0.0.0.0" : o->listen_host, port);
    if (admin_port != 0) printf("control plane on http://%s:%u\n", o->admin_host, admin_port);
    if (offer && new_secret(o->data_dir, secret)) {
        now.listen_port = port, now.admin_port = admin_port;
        char *url = o->external_url ? mem_text(o->external_url) : client_url_of(&now, true);
        printf("no user can sign in yet: make the first admin at %s/set-up#%s (once, within 24 hours)\n", url, secret);
        mem_free(url);
    }
    fflush(stdout);
}
