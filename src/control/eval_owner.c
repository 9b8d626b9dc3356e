#include "control/eval_owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define STAT_TEXT 1024
#define STAT_START 19 /* field 22 of proc_pid_stat(5), counted from the state, the one behind the name */

/* "name/4026531836": two containers may have the same name, and processes of their own. */
static void host_of_this(char *out, size_t size) {
    char host[256] = "", space[64] = "";
    if (gethostname(host, sizeof host - 1) != 0) host[0] = 0;
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    struct slice number = n > 0 ? slice_make(space, (size_t)n) : SLICE_NULL, head;
    slice_cut(number, '[', &head, &number);
    slice_cut(number, ']', &number, &head);
    for (char *at = host; *at; at++)
        if (*at <= ' ') *at = '-';
    snprintf(out, size, "%s/" SLICE_FMT, host, SLICE_ARG(number));
}

/* The start of a process; false: there is none. */
static bool start_of(long pid, uint64_t *ret) {
    char path[64], text[STAT_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0) close(fd);
    struct slice rest = n > 0 ? slice_make(text, (size_t)n) : SLICE_NULL, field;
    size_t at = rest.len;
    while (at > 0 && rest.at[at - 1] != ')') at--; /* the name may hold anything */
    if (at == 0 || at + 1 >= rest.len) return false;
    rest = slice_make(rest.at + at + 1, rest.len - at - 1);
    for (unsigned i = 0; i <= STAT_START; i++) slice_cut(rest, ' ', &field, &rest);
    return slice_to_u64(field, ret) && text[at + 1] != 'Z';
}

void eval_owner_self(char out[EVAL_OWNER_TEXT]) {
    char host[EVAL_OWNER_TEXT - 64];
    uint64_t start = 0;
    host_of_this(host, sizeof host);
    (void)start_of((long)getpid(), &start);
    snprintf(out, EVAL_OWNER_TEXT, "%s %ld %llu", host, (long)getpid(), (unsigned long long)start);
}

bool eval_owner_is_alive(struct slice owner, int64_t seen_us, int64_t now_us) {
    char own[EVAL_OWNER_TEXT - 64];
    struct slice host, pid, start;
    int64_t number;
    uint64_t wanted, found = 0;
    if (owner.len == 0) return false;
    slice_cut(owner, ' ', &host, &pid);
    slice_cut(pid, ' ', &pid, &start);
    host_of_this(own, sizeof own);
    if (!slice_is(host, own)) return now_us - seen_us < EVAL_OWNER_SILENCE_US;
    return slice_to_i64(pid, &number) && number > 0 && slice_to_u64(start, &wanted) && start_of((long)number, &found) && found == wanted;
}
