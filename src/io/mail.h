/* mail.h - one message by SMTP, with libcurl. Blocking, for the thread that delivers notices; never on a loop thread. */
#ifndef IO_MAIL_H
#define IO_MAIL_H

#include "base/fault.h"
#include "base/slice.h"

#include <stdatomic.h>

struct mail {
    const char *url;             /* "smtp://HOST:PORT" (STARTTLS where offered), "smtps://HOST" */
    const char *user, *password; /* NULL: none */
    const char *ca_file;         /* NULL: the system's */
    const char *from;            /* address */
    const char *const *to;       /* addresses, NULL-terminated */
    struct slice message;        /* RFC 5322, lines end with CRLF */
};
/* *stop true, from any thread: given up within about a second, FAULT_SHUTTING_DOWN. *ret_reply: the server's last code, 0: none. It is sent
 * if one of the recipients is taken; error->text then says what was said of another one, and is untouched otherwise. */
enum fault mail_send(const struct mail *m, int64_t timeout_us, const atomic_bool *stop, int *ret_reply, struct error *error) MUST_CHECK;

#endif
