/* A message of e-mail (RFC 5322): headers in ASCII by RFC 2047, the text in quoted-printable (RFC 2045), so that no line of it is a dot, too
 * long, or ends in a blank. */
#include "incident/notice_parts.h"

#include "base/date.h"
#include "base/utf8.h"

enum { WORD = 39, QUOTED_LINE = 76, SUBJECT = 200 }; /* bytes of an encoded word before its base64: 52 characters, 64 with its frame */

/* ---- headers ---- */

static bool is_plain(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || (unsigned char)text.at[i] > 0x7E) return false;
    return !slice_contains(text, SLICE("=?"));
}

/* `text` is one line (notice_line). Encoded words hold whole characters. */
static void put_header(struct buffer *out, const char *name, struct slice text) {
    char word[4 * ((WORD + 2) / 3) + 1];
    (void)buffer_printf(out, "%s:", name);
    if (is_plain(text)) (void)buffer_printf(out, " " SLICE_FMT, SLICE_ARG(text));
    else
        for (bool first = true; text.len > 0; first = false) {
            size_t n = utf8_cut(text, WORD);
            size_t len = digest_base64(slice_make(text.at, n), word, sizeof word);
            (void)buffer_printf(out, "%s =?UTF-8?B?%.*s?=", first ? "" : "\r\n", (int)len, word);
            text = slice_make(text.at + n, text.len - n);
        }
    (void)buffer_append(out, SLICE("\r\n"));
}

static void put_date(struct buffer *out, int64_t us) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t s = us / 1000000, day = s / 86400, of_day = s % 86400;
    struct date d = date_of_days(day);
    (void)buffer_printf(out, "Date: %s, %02d %s %04lld %02d:%02d:%02d +0000\r\n", days[date_weekday(day)], d.day, months[d.month - 1], (long long)d.year,
                        (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}

/* What may stand in a message id: letters, digits, '-', '_', '.'. */
static struct slice atom(struct arena *arena, struct slice text) {
    struct slice copy = arena_slice(arena, text);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; i < copy.len; i++) {
        char c = at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!good) at[i] = '-';
    }
    return copy;
}

/* The address inside "Quarterdeck <ops@example.org>". */
static struct slice address_of(struct slice from) {
    struct slice name, rest, inside;
    if (!slice_cut(from, '<', &name, &rest)) return slice_trim(from);
    (void)slice_cut(rest, '>', &inside, &rest);
    return slice_trim(inside);
}

static void put_ids(const struct notice_making *m, struct slice from, struct buffer *out) {
    struct slice user, domain = SLICE_NULL, id = atom(m->arena, m->id);
    (void)slice_cut(address_of(from), '@', &user, &domain);
    domain = domain.len > 0 ? atom(m->arena, domain) : SLICE("quarterdeck");
    (void)buffer_printf(out, "Message-ID: <" SLICE_FMT "@" SLICE_FMT ">\r\n", SLICE_ARG(id), SLICE_ARG(domain));
    /* mailers show what is about one group as one thread */
    (void)buffer_printf(out, "References: <group-%016llx@" SLICE_FMT ">\r\n", (unsigned long long)digest_fast(m->n->group, 0), SLICE_ARG(domain));
    (void)buffer_printf(out, "X-Quarterdeck-Notice: " SLICE_FMT "\r\n", SLICE_ARG(id));
}

/* ---- text ---- */

static void put_lines(struct buffer *out, const char *head, struct slice text) {
    if (text.len > 0) (void)buffer_printf(out, "%s" SLICE_FMT "\n", head, SLICE_ARG(text));
}

static void put_alert(const struct notice_making *m, const struct noticed_alert *a, struct buffer *out) {
    struct notice_labels labels;
    struct slice line, rest = a->commands;
    notice_alert_labels(m, a, &labels);
    (void)buffer_printf(out, SLICE_FMT "\n", SLICE_ARG(notice_line(m->arena, notice_summary(a), 1000)));
    (void)buffer_printf(out, "  %s, %s since " SLICE_FMT "\n", alert_severity_name(a->severity), alert_state_name(a->state),
                        SLICE_ARG(notice_time(m, a->starts_us != 0 ? a->starts_us : m->made_us)));
    if (notice_is_over(a)) put_lines(out, "  over since ", notice_time(m, a->ends_us != 0 ? a->ends_us : m->made_us));
    put_lines(out, "  acknowledged by ", notice_line(m->arena, a->acknowledged_by, 300));
    put_lines(out, "  runbook: ", notice_line(m->arena, a->runbook, 300));
    for (bool more = a->commands.len > 0; more;) {
        more = slice_cut(rest, '\n', &line, &rest);
        put_lines(out, "  next: ", notice_line(m->arena, line, 1000));
    }
    for (unsigned i = 0; i < labels.n; i++)
        (void)buffer_printf(out, "  " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(labels.all[i].name), SLICE_ARG(notice_line(m->arena, labels.all[i].value, 300)));
    if (!m->brief) put_lines(out, "  evidence: ", a->evidence);
    put_lines(out, "  ", notice_alert_url(m, a));
    (void)buffer_byte(out, '\n');
}

static void put_text(const struct notice_making *m, struct buffer *out) {
    put_lines(out, "called: ", notice_line(m->arena, m->n->called, 300));
    put_lines(out, "why you are told: ", notice_line(m->arena, m->n->why, 300));
    (void)buffer_byte(out, '\n');
    for (unsigned i = 0; i < m->n->n; i++) put_alert(m, &m->n->alerts[i], out);
    if (m->n->left_out > 0) (void)buffer_printf(out, "and %lld more: quarterdeck alert list\n", (long long)m->n->left_out);
}

/* RFC 2045, 6.7. Dots at the head of a line are encoded, too: nothing depends on who doubles them. */
static void put_quoted(struct buffer *out, struct slice text) {
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '\n') {
            (void)buffer_append(out, SLICE("\r\n"));
            column = 0;
            continue;
        }
        bool last = i + 1 == text.len || text.at[i + 1] == '\n';
        bool quoted = c < 0x20 || c > 0x7E || c == '=' || (c == ' ' && last) || (column == 0 && (c == '.' || c == 'F'));
        if (column + (quoted ? 3 : 1) > QUOTED_LINE - 1) {
            (void)buffer_append(out, SLICE("=\r\n"));
            column = 0;
            quoted = quoted || c == '.' || c == 'F';
        }
        (void)(quoted ? buffer_printf(out, "=%02X", c) : buffer_byte(out, (char)c));
        column += quoted ? 3 : 1;
    }
    if (column > 0) (void)buffer_append(out, SLICE("\r\n"));
}

bool notice_mail_message(const struct notice_making *m, struct slice from, struct buffer *out) {
    struct buffer text;
    buffer_init(&text, LIMIT_NOTICE_BODY / 3);
    put_header(out, "From", notice_line(m->arena, from, SUBJECT));
    put_header(out, "To", notice_line(m->arena, m->r->to, 900));
    put_header(out, "Subject", notice_line(m->arena, notice_title(m), SUBJECT));
    put_date(out, m->made_us);
    put_ids(m, from, out);
    (void)buffer_append(out, SLICE("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
    put_text(m, &text);
    put_quoted(out, buffer_slice(&text));
    bool good = !text.overflow && !out->overflow;
    buffer_deinit(&text);
    return good;
}
