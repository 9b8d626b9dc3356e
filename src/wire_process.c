#include "wire_process.h"

#include "control/private_server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool process_is_asked_to_stop(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

void process_block_signals(sigset_t *ret) {
    sigemptyset(ret);
    sigaddset(ret, SIGHUP);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool process_is_private(void) { return getenv(PRIVATE_SERVER_ENV) != NULL; }

struct policy *process_private(struct policy *p) {
    const char *text = getenv(PRIVATE_SERVER_ENV);
    int64_t parent;
    if (!text || !slice_to_i64(slice_of(text), &parent)) return p;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)parent) raise(SIGTERM); /* it is gone already */
    unsetenv(PRIVATE_SERVER_ENV);
    p->server.listen_host = "127.0.0.1";
    p->server.listen_port = 0;
    p->server.admin_host = NULL;
    p->server.tls_cert = p->server.tls_key = NULL;
    return p;
}

void process_allow_many_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

enum log_level process_log_level(const char *name) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name && strcmp(name, names[i]) == 0) return (enum log_level)i;
    return LOG_INFO;
}

bool process_needs_restart(const struct server_settings *a, const struct server_settings *b) {
    return strcmp(a->listen_host, b->listen_host) != 0 || a->listen_port != b->listen_port || a->workers != b->workers ||
           strcmp(a->data_dir, b->data_dir) != 0;
}

struct http_server_options process_listen_options(const struct server_settings *o) {
    return (struct http_server_options){.host = o->listen_host, .port = o->listen_port, .reuse_port = true,
                                        .max_body = (size_t)o->max_body, .max_header = (size_t)o->max_header,
                                        .head_timeout_us = o->head_timeout, .body_timeout_us = o->body_timeout,
                                        .idle_timeout_us = o->idle_timeout, .max_connections = o->max_connections,
                                        .tls_cert_pem = o->tls_cert, .tls_key_pem = o->tls_key};
}
