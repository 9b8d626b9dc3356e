/* Secrets by the shapes that their makers gave them; personal data by shapes and checksums. A shape counts only with letters that look drawn at
 * random, so that neither {{api_key}} nor sk-your-key-here is one. */
#include "change/lint_notes.h"

#include <math.h>

/* ---- secrets ---- */

struct shape {
    const char *prefix;
    unsigned least, most;        /* signs behind the prefix */
    const char *signs;           /* beside letters and digits */
    const char *what;
};

static const struct shape shapes[] = {
    {"AKIA", 16, 16, "", "an AWS access key"},
    {"ASIA", 16, 16, "", "an AWS session key"},
    {"ghp_", 36, 36, "", "a GitHub token"},
    {"gho_", 36, 36, "", "a GitHub token"},
    {"ghs_", 36, 36, "", "a GitHub token"},
    {"github_pat_", 40, 120, "_", "a GitHub token"},
    {"glpat-", 20, 64, "-_", "a GitLab token"},
    {"sk-ant-", 24, 200, "-_", "an Anthropic key"},
    {"sk-proj-", 24, 250, "-_", "an OpenAI key"},
    {"sk_live_", 16, 128, "", "a Stripe key"},
    {"rk_live_", 16, 128, "", "a Stripe key"},
    {"sk-", 24, 200, "-_", "a secret key of the kind that OpenAI has"},
    {"xoxb-", 20, 200, "-", "a Slack token"},
    {"xoxp-", 20, 200, "-", "a Slack token"},
    {"xapp-", 20, 200, "-", "a Slack token"},
    {"AIza", 35, 35, "-_", "a Google key"},
    {"ya29.", 20, 300, "-_", "a Google token"},
    {"hf_", 30, 60, "", "a Hugging Face token"},
    {"npm_", 36, 36, "", "an npm token"},
    {"SG.", 60, 70, "-_.", "a SendGrid key"},
    {"qd-", 24, 128, "-_", "a key of this gateway"},
    {"eyJ", 40, 4000, "-_.", "a signed token (JWT)"},
};

static bool is_alnum(char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); }
static bool is_sign(char c, const char *more) { return is_alnum(c) || (c != 0 && strchr(more, c) != NULL); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Shannon's entropy of its letters, in bits. "your-key-here-your-key-here" has 3.1 and no digit; 20 drawn ones have 4 and more. */
static double entropy(struct slice s) {
    unsigned count[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < s.len; i++) count[(unsigned char)s.at[i]]++;
    for (int i = 0; i < 256; i++)
        if (count[i] > 0) sum -= (double)count[i] / (double)s.len * log2((double)count[i] / (double)s.len);
    return sum;
}

static bool looks_drawn(struct slice s) {
    unsigned digits = 0, letters = 0;
    for (size_t i = 0; i < s.len; i++) {
        digits += is_digit(s.at[i]);
        letters += is_alnum(s.at[i]) && !is_digit(s.at[i]);
    }
    return digits > 0 && letters > 0 && entropy(s) >= (s.len < 24 ? 3.0 : 3.2);
}

static struct slice run_at(struct slice text, size_t from, const char *more) {
    size_t end = from;
    while (end < text.len && is_sign(text.at[end], more)) end++;
    return slice_make(text.at + from, end - from);
}

static void look_for_shapes(struct lint_notes *l, struct slice text, unsigned message) {
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && is_alnum(text.at[i - 1])) continue;
        struct slice here = slice_make(text.at + i, text.len - i);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const struct shape *shape = &shapes[s];
            if (!slice_starts(here, slice_of(shape->prefix))) continue;
            struct slice run = run_at(text, i + strlen(shape->prefix), shape->signs);
            if (run.len < shape->least || run.len > shape->most || !looks_drawn(run)) continue;
            if (slice_is(slice_of(shape->prefix), "eyJ") && memchr(run.at, '.', run.len) == NULL) continue;
            lint_add(l, LINT_SECRET, true, message, "%s (%s...): keep secrets out of prompts, they are kept for ever and shown to all who read versions", shape->what,
                     shape->prefix);
            i += strlen(shape->prefix) + run.len - 1;
            break;
        }
    }
}

/* password: x8Fq..., api_key = "..." with a value that looks drawn. */
static void look_for_named(struct lint_notes *l, struct slice text, unsigned message) {
    static const char *const names[] = {"password", "passwd", "secret", "api_key", "apikey", "api-key", "access_token", "auth_token", "private_key", "client_secret"};
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && is_alnum(text.at[i - 1])) continue;
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            size_t len = strlen(names[n]), at = i + len;
            if (at >= text.len || !slice_eq_nocase(slice_make(text.at + i, len), slice_of(names[n]))) continue;
            while (at < text.len && strchr(" \t\"'\\", text.at[at]) != NULL) at++;
            if (at >= text.len || (text.at[at] != ':' && text.at[at] != '=')) continue;
            for (at++; at < text.len && strchr(" \t\"'\\`", text.at[at]) != NULL; at++) continue;
            struct slice run = run_at(text, at, "-_./+=!$%&");
            if (run.len >= 16 && run.len <= 200 && looks_drawn(run))
                lint_add(l, LINT_SECRET, true, message, "the value of `%s`: keep secrets out of prompts, they are kept for ever and shown to all who read versions", names[n]);
        }
    }
}

void lint_secrets(struct lint_notes *l, struct slice text, unsigned message) {
    look_for_shapes(l, text, message);
    look_for_named(l, text, message);
    const char *begin = text.len > 11 ? memmem(text.at, text.len, "-----BEGIN ", 11) : NULL;
    struct slice head = begin != NULL ? slice_make(begin, (size_t)(text.at + text.len - begin)) : SLICE_NULL;
    if (head.len > 80) head.len = 80;
    if (slice_contains(head, SLICE("PRIVATE KEY-----"))) lint_add(l, LINT_SECRET, true, message, "a private key (-----BEGIN ... PRIVATE KEY-----)");
}

/* ---- personal data ---- */

static bool is_local(char c) { return is_alnum(c) || strchr("._%+-", c) != NULL; }

/* example.org and the like are nobody's (RFC 2606). */
static bool is_example(struct slice domain) {
    static const char *const names[] = {"example.org", "example.com", "example.net", ".example", ".test", ".invalid", "localhost"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_ends(domain, slice_of(names[i]))) return true;
    return false;
}

static void look_for_mail(struct lint_notes *l, struct slice text, unsigned message) {
    for (size_t i = 1; i + 3 < text.len; i++) {
        size_t from = i, end = i + 1;
        if (text.at[i] != '@') continue;
        while (from > 0 && text.at[from - 1] != 0 && is_local(text.at[from - 1])) from--;
        while (end < text.len && (is_alnum(text.at[end]) || text.at[end] == '-' || text.at[end] == '.')) end++;
        while (end > i + 1 && text.at[end - 1] == '.') end--;
        struct slice domain = slice_make(text.at + i + 1, end - i - 1), head, tail;
        if (from == i || !slice_cut(domain, '.', &head, &tail) || head.len == 0 || tail.len < 2 || is_example(domain)) continue;
        lint_add(l, LINT_PERSONAL_DATA, false, message, "a mail address of %.*s: is it to be said to a model's provider?", (int)(domain.len < 80 ? domain.len : 80), domain.at);
    }
}

static bool luhn(const char *digits, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

/* ISO 13616: the first four signs behind the rest, letters as 10 to 35, modulo 97 is 1. */
static bool is_iban(struct slice s) {
    unsigned rest = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[(i + 4) % s.len];
        unsigned n = is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
        rest = (rest * (n > 9 ? 100 : 10) + n) % 97;
    }
    return rest == 1;
}

/* Signs with single spaces or dashes between them. */
static size_t gather(struct slice text, size_t from, bool letters, char *out, size_t most, size_t *ret_end) {
    size_t n = 0, i = from;
    for (; i < text.len && n < most; i++) {
        char c = text.at[i];
        if (is_digit(c) || (letters && c >= 'A' && c <= 'Z')) out[n++] = c;
        else if (!((c == ' ' || c == '-') && n > 0 && i + 1 < text.len && (is_digit(text.at[i + 1]) || (letters && text.at[i + 1] >= 'A' && text.at[i + 1] <= 'Z')))) break;
        *ret_end = i + 1;
    }
    return n;
}

static void look_for_accounts(struct lint_notes *l, struct slice text, unsigned message) {
    char signs[40];
    for (size_t i = 0; i + 12 < text.len; i++) {
        size_t end = i;
        bool fresh = i == 0 || (!is_alnum(text.at[i - 1]) && text.at[i - 1] != '.');
        if (!fresh) continue;
        bool capital = text.at[i] >= 'A' && text.at[i] <= 'Z' && text.at[i + 1] >= 'A' && text.at[i + 1] <= 'Z' && is_digit(text.at[i + 2]) && is_digit(text.at[i + 3]);
        if (capital) {
            size_t n = gather(text, i, true, signs, 34, &end);
            for (size_t len = n; len >= 15; len--) /* a capital word may follow it */
                if (is_iban(slice_make(signs, len))) {
                    lint_add(l, LINT_PERSONAL_DATA, false, message, "an account number (IBAN %.2s..., its checksum is right)", signs);
                    i = end - 1;
                    break;
                }
        } else if (text.at[i] >= '3' && text.at[i] <= '6') {
            size_t n = gather(text, i, false, signs, 20, &end);
            if (n < 13 || n > 19 || !luhn(signs, n)) continue;
            lint_add(l, LINT_PERSONAL_DATA, false, message, "a card number (%.1s..., %zu digits, its checksum is right)", signs, n);
            i = end - 1;
        }
    }
}

/* +49 30 901820: international, for numbers without a country are everything else too. */
static void look_for_phones(struct lint_notes *l, struct slice text, unsigned message) {
    for (size_t i = 0; i + 8 < text.len; i++) {
        unsigned digits = 0;
        size_t end = i + 1;
        if (text.at[i] != '+' || (i > 0 && is_alnum(text.at[i - 1])) || !is_digit(text.at[i + 1])) continue;
        while (end < text.len && (is_digit(text.at[end]) || strchr(" -()/.", text.at[end]) != NULL) && digits <= 15) digits += is_digit(text.at[end++]);
        if (digits >= 8 && digits <= 15) lint_add(l, LINT_PERSONAL_DATA, false, message, "a phone number (+%.2s...)", text.at + i + 1);
        i = end - 1;
    }
}

void lint_personal(struct lint_notes *l, struct slice text, unsigned message) {
    look_for_mail(l, text, message);
    look_for_accounts(l, text, message);
    look_for_phones(l, text, message);
}
