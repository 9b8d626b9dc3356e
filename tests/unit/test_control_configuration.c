/* The configuration file over the API: told without its secrets, changed in place, and what stands against it. */
#include "test_control_rig.h"

#include "control/config_file.h"
#include "control/config_pending.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_FILE "/api/v1/configuration"

static const char *const yaml =
    "# shop; old key: sk-old-one\n"
    "listen: 127.0.0.1:4000\n"
    "server:\n"
    "  max_body: 1MiB   # small\n"
    "providers:\n"
    "  main:\n"
    "    dialect: openai\n"
    "    base_url: http://127.0.0.1:1/v1\n"
    "    api_key: sk-literal-secret\n"
    "    headers: {x-team: header-secret}\n"
    "  spare: {dialect: openai, base_url: \"http://127.0.0.1:2/v1\", proxy: \"http://u:pass-word@127.0.0.1:3\", api_key: \"file:key.txt\"}\n"
    "models:\n"
    "  chat: {targets: [{provider: main, model: gpt-4o-mini}]}\n"
    "applications:\n"
    "  shop: {keys: [{name: app, key: qd-0123456789abcdef}]}\n"
    "receivers: {ops: {webhook: {url: \"https://hooks/T000/path-secret\", secret: hook-secret}}}\n"
    "# the api_key sk-literal-secret goes in May\n";
static const char *const secrets[] = {"sk-old-one", "sk-literal-secret", "header-secret", "pass-word", "qd-0123456789abcdef", "path-secret", "hook-secret", "sk-new-secret"};

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static const char *read_file(struct desk *d, const char *path) {
    struct buffer text;
    struct error error;
    buffer_init(&text, 1 << 20);
    if (config_file_load(path, &text, &error) != FAULT_NONE) return NULL;
    const char *s = arena_text(&d->arena, buffer_slice(&text));
    buffer_deinit(&text);
    return s;
}

static const char *path_of(struct desk *d) { return d->policy->file; }

static int setup(void **state) {
    if (desk_setup(state) != 0) return -1;
    struct desk *d = *state;
    write_file(rig_path(d->rig, "key.txt"), "sk-of-the-file\n");
    const char *path = arena_text(&d->arena, slice_of(rig_path(d->rig, "q.yaml")));
    write_file(path, yaml);
    struct policy *p = NULL;
    struct problems problems = {0};
    struct error error = {.text = ""};
    if (config_file_read(path, NULL, &d->arena, &p, &problems, &error) != FAULT_NONE) fail_msg("%s %s", error.text, problems.count ? problems.items[0].text : "");
    p->revision = 1;
    policy_drop(d->policy);
    d->policy = p;
    return 0;
}

static void expect_no_secret(struct desk *d) {
    const char *text = buffer_text(&d->answer.body);
    for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strstr(text, secrets[i])) fail_msg("`%s` was told: %s", secrets[i], text);
}

static void told_without_secrets(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, AT_FILE));
    expect_no_secret(d);
    EXPECT(d, "in_force", "true");
    EXPECT(d, "writable", "true");
    EXPECT(d, "sections.0.name", "general");
    EXPECT(d, "sections.0.entries.0.value", "127.0.0.1:4000");
    EXPECT(d, "sections.1.kind", "settings");
    EXPECT(d, "sections.2.entries.0.name", "main");
    EXPECT(d, "sections.2.entries.0.value.api_key", "(kept)");
    EXPECT(d, "sections.2.entries.0.value.headers.x-team", "(kept)");
    EXPECT(d, "sections.2.entries.1.value.api_key", "file:key.txt");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/settings"));
    expect_no_secret(d);
    EXPECT(d, "settings.0.path", "listen");
    EXPECT(d, "settings.0.section", "general");
    EXPECT(d, "settings.0.from", "file");
    EXPECT(d, "settings.0.line", "2");
}

static void tried_then_made(void **state) {
    struct desk *d = *state;
    const char *body = "{\"value\":\"2MiB\",\"reason\":\"larger uploads\"}";
    assert_int_equal(chmod(path_of(d), 0640), 0);
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/server/max_body?dry_run=true", body));
    EXPECT(d, "changed", "true");
    EXPECT(d, "made", "false");
    EXPECT(d, "needs_restart", "true");
    expect_no_secret(d);
    assert_non_null(strstr(buffer_text(&d->answer.body), "-   max_body: 1MiB   # small"));
    assert_non_null(strstr(buffer_text(&d->answer.body), "+   max_body: 2MiB   # small"));
    assert_string_equal(read_file(d, path_of(d)), yaml);
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/server/max_body", body));
    EXPECT(d, "made", "true");
    assert_int_equal(d->reloads, 1);
    assert_non_null(strstr(read_file(d, path_of(d)), "  max_body: 2MiB   # small\n"));
    assert_string_equal(read_file(d, rig_path(d->rig, "q.yaml.before")), yaml);
    struct stat st;
    assert_int_equal(stat(path_of(d), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/server/max_body", body)); /* twice is once */
    EXPECT(d, "made", "false");
    assert_int_equal(d->reloads, 1);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.action", "configuration.set");
    EXPECT(d, "entries.0.subject", "server/max_body");
    EXPECT(d, "entries.0.reason", "larger uploads");
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/limits/burst", "{\"value\":\"{\\\"name\\\": \\\"burst\\\", \\\"requests_per_minute\\\": 9}\",\"reason\":\"x\"}"));
    EXPECT(d, "made", "true"); /* a section that was not there */
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"reason\":\"as it was by itself\"}"));
    EXPECT(d, "made", "true");
    assert_null(strstr(read_file(d, path_of(d)), "max_body"));
}

static void secrets_stay(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/providers/main", "{\"reason\":\"moved\",\"value\":\"{dialect: openai, base_url: 'http://127.0.0.1:3/v1', api_key: (kept), headers: {x-team: (kept)}}\"}"));
    EXPECT(d, "made", "true");
    expect_no_secret(d);
    const char *now = read_file(d, path_of(d));
    assert_non_null(strstr(now, "api_key: sk-literal-secret"));
    assert_non_null(strstr(now, "x-team: header-secret"));
    assert_non_null(strstr(now, "base_url: http://127.0.0.1:3/v1"));
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/providers/main", "{\"reason\":\"turned\",\"value\":\"{dialect: openai, base_url: 'http://127.0.0.1:3/v1', api_key: sk-new-secret, headers: {x-team: (kept)}}\"}"));
    EXPECT(d, "made", "true");
    expect_no_secret(d);
    assert_non_null(strstr(buffer_text(&d->answer.body), "(changed, not shown)"));
    assert_non_null(strstr(read_file(d, path_of(d)), "sk-new-secret"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    expect_no_secret(d);
    EXPECT_STATUS(400, desk_do(d, "PUT", AT_FILE "/providers/other", "{\"reason\":\"x\",\"value\":\"{dialect: openai, base_url: 'http://127.0.0.1:3/v1', api_key: (kept)}\"}"));
    EXPECT_MESSAGE(d, "no secret to be kept");
}

static void refused(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "PUT", AT_FILE "/models/chat?dry_run=true", "{\"reason\":\"x\",\"value\":\"{targets: [{provider: mian, model: m}]}\"}"));
    assert_non_null(strstr(desk_at(d, "problems.0"), "mian"));
    EXPECT_STATUS(400, desk_do(d, "PUT", AT_FILE "/models/chat", "{\"reason\":\"x\",\"value\":\"{targets: [{provider: mian, model: m}]}\"}"));
    EXPECT_STATUS(400, desk_do(d, "PUT", AT_FILE "/models/chat", "{\"value\":\"1\"}")); /* without a reason */
    EXPECT_STATUS(400, desk_do(d, "PUT", AT_FILE "/models/chat", "{\"reason\":\"x\",\"value\":\"{a: [\"}"));
    EXPECT_STATUS(409, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"reason\":\"x\",\"value\":\"2MiB\",\"hash\":\"00\"}"));
    EXPECT_STATUS(404, desk_do(d, "PUT", AT_FILE "/models/nobody", "{\"reason\":\"x\"}"));
    assert_string_equal(read_file(d, path_of(d)), yaml);
    assert_int_equal(chmod(path_of(d), 0444), 0);
    EXPECT_STATUS(409, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"reason\":\"x\",\"value\":\"2MiB\"}"));
    EXPECT_MESSAGE(d, "read-only");
    char real[500], link[500];
    snprintf(real, sizeof real, "%s", rig_path(d->rig, "real.yaml"));
    snprintf(link, sizeof link, "%s", path_of(d));
    assert_int_equal(rename(link, real), 0);
    assert_int_equal(symlink(real, link), 0);
    EXPECT_STATUS(409, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"reason\":\"x\",\"value\":\"2MiB\"}"));
    EXPECT_MESSAGE(d, "symbolic link");
    EXPECT_STATUS(200, desk_get(d, AT_FILE));
    EXPECT(d, "writable", "false");
    assert_int_equal(d->reloads, 0);
}

static const char *hash_of_file(struct desk *d, const char *path) {
    struct digest digest;
    char hex[2 * DIGEST_BYTES + 1];
    digest_sha256(slice_of(read_file(d, path)), &digest);
    digest_hex(digest.bytes, DIGEST_BYTES, hex);
    return arena_text(&d->arena, slice_of(hex));
}

static const char *told_of(struct desk *d, const char *member) {
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=configuration&limit=1"));
    return desk_at(d, arena_text(&d->arena, arena_printf(&d->arena, "entries.0.%s", member)));
}

/* The entry is there before the file is another one. */
static enum fault killed(void *ctx, uint64_t *ret_revision, struct buffer *problems) {
    (void)ctx, (void)ret_revision, (void)problems;
    _exit(9);
}

static void kill_at_reload(struct desk *d, const char *body) {
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        struct error error;
        d->s.registry = registry_open(d->rig->dir, &error);
        d->s.reload = killed;
        desk_do(d, "PUT", AT_FILE "/server/max_body", body);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 9);
}

static void no_change_without_entry(void **state) {
    struct desk *d = *state;
    struct error error = {.text = ""};
    registry_close(d->s.registry); /* no connection goes through a fork */
    d->s.registry = NULL;
    kill_at_reload(d, "{\"value\":\"2MiB\",\"reason\":\"larger\"}");
    d->s.registry = registry_open(d->rig->dir, &error);
    assert_non_null(strstr(read_file(d, path_of(d)), "max_body: 2MiB"));
    const char *hash = hash_of_file(d, path_of(d));
    assert_string_equal(told_of(d, "action"), "configuration.set");
    assert_string_equal(told_of(d, "reason"), "larger");
    assert_string_equal(told_of(d, "detail.sha256"), hash);
    assert_int_equal(config_pending_settle(d->s.registry, slice_of(hash), &error), FAULT_NONE); /* as it says: nothing to tell */
    assert_string_equal(told_of(d, "action"), "configuration.set");
    assert_int_equal(config_pending_begin(d->s.registry, SLICE("0123"), &error), FAULT_NONE);
    assert_int_equal(config_pending_settle(d->s.registry, slice_of(hash), &error), FAULT_NONE);
    assert_string_equal(told_of(d, "action"), "configuration.undone");
    assert_string_equal(told_of(d, "detail.wanted"), "0123");
    const char *number = told_of(d, "number");
    assert_int_equal(config_pending_settle(d->s.registry, slice_of(hash), &error), FAULT_NONE); /* told once */
    assert_string_equal(told_of(d, "number"), number);
}

static enum fault refuse(void *ctx, struct error *error) {
    struct desk *d = ctx;
    assert_string_equal(read_file(d, path_of(d)), yaml);
    return error_set(error, FAULT_NO_SPACE, "no room for the entry");
}

static void no_entry_no_change(void **state) {
    struct desk *d = *state;
    struct error error;
    const struct config_file_ready ready = {refuse, d};
    assert_int_equal(config_file_replace(path_of(d), slice_of(yaml), SLICE("listen: 127.0.0.1:1\n"), &ready, &error), FAULT_NO_SPACE);
    assert_string_equal(read_file(d, path_of(d)), yaml);
    static const char *const left[] = {"q.yaml.before", "q.yaml.new", "q.yaml.before.new"};
    for (unsigned i = 0; i < sizeof left / sizeof *left; i++) assert_int_not_equal(access(rig_path(d->rig, left[i]), F_OK), 0);
    registry_close(d->s.registry);
    d->s.registry = NULL;
    assert_int_not_equal(desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"value\":\"2MiB\",\"reason\":\"x\"}"), 200);
    assert_string_equal(read_file(d, path_of(d)), yaml);
}

static void changed_meanwhile(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, AT_FILE));
    const char *seen = desk_at(d, "hash");
    const char *edited = arena_text(&d->arena, arena_printf(&d->arena, "%s# by hand\nreceivers2: x\n", yaml));
    write_file(path_of(d), edited);
    const char *body = arena_text(&d->arena, arena_printf(&d->arena, "{\"value\":\"2MiB\",\"reason\":\"x\",\"hash\":\"%s\"}", seen));
    EXPECT_STATUS(409, desk_do(d, "PUT", AT_FILE "/server/max_body", body));
    EXPECT_MESSAGE(d, "as said here");
    assert_non_null(strstr(buffer_text(&d->answer.body), "+ # by hand"));
    expect_no_secret(d);
    assert_string_equal(read_file(d, path_of(d)), edited);
    assert_int_equal(d->reloads, 0);
}

/* A folder of its own without room: nothing is changed, and nothing is said to be. */
static void full_disk(void **state) {
    struct desk *d = *state;
    const char *inside = arena_text(&d->arena, slice_of(rig_path(d->rig, "small"))), *file = arena_text(&d->arena, slice_of(rig_path(d->rig, "small/q.yaml")));
    struct policy *p = NULL;
    struct problems problems = {0};
    struct error error;
    char block[4096] = "";
    if (geteuid() != 0 || mkdir(inside, 0700) != 0 || mount("tmpfs", inside, "tmpfs", 0, "size=64k") != 0) skip();
    write_file(file, yaml);
    write_file(rig_path(d->rig, "small/key.txt"), "sk-of-the-file\n");
    assert_int_equal(config_file_read(file, NULL, &d->arena, &p, &problems, &error), FAULT_NONE);
    p->revision = 1;
    policy_drop(d->policy);
    d->policy = p;
    int fd = open(rig_path(d->rig, "small/fill"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof block) > 0) continue;
    close(fd);
    EXPECT_STATUS(500, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"value\":\"2MiB\",\"reason\":\"x\"}"));
    EXPECT_MESSAGE(d, "nothing was changed");
    assert_string_equal(read_file(d, file), yaml);
    assert_int_equal(d->reloads, 0);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.number", "absent");
    assert_int_equal(umount2(inside, MNT_DETACH), 0);
}

static void put_back(void **state) {
    struct desk *d = *state;
    d->reload_fault = FAULT_CONFIG; /* as when the registry does not go with it */
    EXPECT_STATUS(400, desk_do(d, "PUT", AT_FILE "/server/max_body", "{\"reason\":\"x\",\"value\":\"2MiB\"}"));
    EXPECT_MESSAGE(d, "is as it was");
    assert_string_equal(read_file(d, path_of(d)), yaml);
    assert_string_equal(told_of(d, "action"), "configuration.undone");
    assert_string_equal(told_of(d, "subject"), "server/max_body");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_without_secrets, setup, desk_teardown), cmocka_unit_test_setup_teardown(tried_then_made, setup, desk_teardown),
        cmocka_unit_test_setup_teardown(secrets_stay, setup, desk_teardown),         cmocka_unit_test_setup_teardown(refused, setup, desk_teardown),
        cmocka_unit_test_setup_teardown(put_back, setup, desk_teardown),             cmocka_unit_test_setup_teardown(no_change_without_entry, setup, desk_teardown),
        cmocka_unit_test_setup_teardown(no_entry_no_change, setup, desk_teardown),   cmocka_unit_test_setup_teardown(changed_meanwhile, setup, desk_teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
