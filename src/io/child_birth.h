/* child_birth.h - a process made of child_options: its pipes, its limits, its fence. Of child.c only. */
#ifndef IO_CHILD_BIRTH_H
#define IO_CHILD_BIRTH_H

#include "io/child.h"

struct birth {
    pid_t pid;
    int in, out, err; /* our ends: what it reads, what it says, what it complains; they do not block */
    int over;         /* its pidfd */
};
/* FAULT_NOT_FOUND, FAULT_IO; then nothing is left open and no process is left. */
enum fault birth_give(const struct child_options *o, struct birth *ret, struct error *error) MUST_CHECK;

#endif
