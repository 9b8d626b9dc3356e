/* prompt - what a prompt adds to an exchange on the gateway's side: choosing version and arm, and putting the request together, against
 * reading a body that holds the same final messages.
 *
 *   prompt [SECONDS]    CPU microseconds; `whole` is what reading such a body costs, `prompt` choosing, putting together and reading what
 * the client sends in its place. A prompt of 2 KB with two variables among 100 prompts, a rollout under way; then the same behind a conversation of 40 KB */
#include "common.h"

#include "base/digest.h"
#include "base/mem.h"
#include "dialect/prompted.h"
#include "model/deployment.h"

enum { PROMPTS = 100, TURNS = 64, BATCH = 200 };

static struct served_version *version(int64_t number) {
    struct served_version *v = NULL;
    struct error error;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_append(&b, SLICE("{\"model\":\"bench\",\"parameters\":{\"max_tokens\":1024,\"temperature\":0.5,\"top_p\":0.9},\"messages\":[{\"role\":\"system\",\"content\":\""));
    for (int i = 0; i < 25; i++) buffer_printf(&b, "Rule %d: answer {{customer}} briefly, exactly and kindly, and name the page of the handbook.\\n", i);
    buffer_append(&b, SLICE("\"},{\"role\":\"user\",\"content\":\"{{question}}\"}],\"variables\":{\"customer\":{\"default\":\"the customer\"},\"question\":{\"required\":true,\"max_chars\":8000}}}"));
    if (served_version_new(number, SLICE_NULL, buffer_slice(&b), &v, &error) != FAULT_NONE) {
        fprintf(stderr, "%s\n", error.text);
        exit(3);
    }
    buffer_deinit(&b);
    return v;
}

static struct deployments *deployments(void) {
    struct deployments *d = deployments_new();
    struct served_version *a = version(1), *b = version(2);
    struct deployed_rollout *r = arena_new(&d->arena, struct deployed_rollout);
    *r = (struct deployed_rollout){.id = 1, .candidate = b, .weight_ppm = 50000, .salt = 77};
    for (int i = 0; i < PROMPTS; i++) {
        struct deployed *p = arena_new(&d->arena, struct deployed);
        *p = (struct deployed){.name = arena_printf(&d->arena, "prompt-%d", i), .production = a, .rollout = r};
        (void)table_put(&d->by_name, p->name, p);
    }
    return d;
}

/* The client's body: variables, and `turns` messages of a conversation of its own. */
static void client_body(struct buffer *b, int turns) {
    buffer_append(b, SLICE("{\"user\":\"user-4711\",\"prompt_variables\":{\"customer\":\"Anna Muster\",\"question\":\"Where is my parcel? It was sent on Monday,\\nand the page says \\\"on its way\\\".\"}"));
    if (turns > 0) buffer_append(b, SLICE(",\"messages\":["));
    for (int i = 0; i < turns; i++)
        buffer_printf(b, "%s{\"role\":\"%s\",\"content\":\"Message %d of a conversation. %0600d\"}", i ? "," : "", i % 2 ? "assistant" : "user", i, i);
    buffer_append(b, turns > 0 ? SLICE("]}") : SLICE("}"));
}

static void check(enum fault f, const struct error *e) {
    if (f == FAULT_NONE) return;
    fprintf(stderr, "%s\n", e->text);
    exit(3);
}

struct sample {
    struct arena arena;
    struct buffer out;
    struct call call;
    struct error error;
    const struct deployments *d;
};

static void with_prompt(struct sample *s, struct slice body, unsigned i) {
    const struct dialect *openai = dialect_of(DIALECT_OPENAI);
    struct deployment_choice c;
    struct prompted p;
    struct json_doc doc;
    char id[16] = {(char)i, (char)(i >> 8)};
    arena_reset(&s->arena);
    buffer_clear(&s->out);
    s->call = (struct call){.endpoint = ENDPOINT_CHAT};
    check(prompted_read(openai, ENDPOINT_CHAT, body, &s->arena, &p, &s->error), &s->error);
    struct deployment_unit who = {.application = SLICE("bench"), .user = p.end_user, .request = slice_make(id, sizeof id)};
    check(deployment_choose(s->d, SLICE("prompt-42"), &who, &c, &s->error), &s->error);
    check(prompted_write(&p, c.version, c.prompt->name, &s->arena, &s->out, &doc, &s->error), &s->error);
    check(openai->read_tape(&doc, &s->arena, &s->call, &s->error), &s->error);
}

static void whole(struct sample *s, struct slice body) {
    arena_reset(&s->arena);
    s->call = (struct call){.endpoint = ENDPOINT_CHAT};
    check(dialect_of(DIALECT_OPENAI)->read_head(body, &s->arena, &s->call, &s->error), &s->error);
}

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(const char *name, const struct deployments *d, int turns, double seconds) {
    struct sample s = {.d = d};
    struct buffer body;
    uint64_t rounds = 0, of_prompt = 0, of_whole = 0, of_choice = 0, begun = now_ns();
    arena_init(&s.arena, 1 << 20, 1 << 26);
    buffer_init(&s.out, 1 << 26);
    buffer_init(&body, 1 << 26);
    client_body(&body, turns);
    with_prompt(&s, buffer_slice(&body), 0);
    struct slice final = slice_make(mem_copy(s.out.at, s.out.len), s.out.len);
    while (now_ns() - begun < (uint64_t)(seconds * 1e9)) { /* in turns, so that both see the same machine */
        struct deployment_choice c;
        uint64_t a = cpu_ns(), b, e, f;
        for (unsigned i = 0; i < BATCH; i++) with_prompt(&s, buffer_slice(&body), i);
        b = cpu_ns();
        for (unsigned i = 0; i < BATCH; i++) whole(&s, final);
        e = cpu_ns();
        for (unsigned i = 0; i < BATCH; i++) {
            struct deployment_unit who = {.application = SLICE("bench"), .user = slice_make((const char *)&i, sizeof i)};
            check(deployment_choose(d, SLICE("prompt-42"), &who, &c, &s.error), &s.error);
        }
        f = cpu_ns();
        of_prompt += b - a;
        of_whole += e - b;
        of_choice += f - e;
        rounds += BATCH;
    }
    printf("{\"case\":\"%s\",\"client_bytes\":%zu,\"final_bytes\":%zu,\"rounds\":%llu,\"prompt_us\":%.2f,\"whole_us\":%.2f,\"added_us\":%.2f,\"choice_us\":%.3f}\n", name, body.len,
           final.len, (unsigned long long)rounds, (double)of_prompt / 1e3 / (double)rounds, (double)of_whole / 1e3 / (double)rounds,
           ((double)of_prompt - (double)of_whole) / 1e3 / (double)rounds, (double)of_choice / 1e3 / (double)rounds);
    mem_free((void *)(uintptr_t)final.at);
    arena_deinit(&s.arena);
    buffer_deinit(&s.out);
    buffer_deinit(&body);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    if (!digest_start()) return 3;
    struct deployments *d = deployments();
    measure("alone", d, 0, seconds);
    measure("behind a conversation", d, TURNS, seconds);
    return 0;
}
