/* one_core.h - all threads of the process on one processor for a while.
 *
 * For work that threads hand to each other in turn: on one processor a hand-over is a switch, on two it is an interrupt of the other
 * one, which costs several times as much where the machine is a virtual one. */
#ifndef BASE_ONE_CORE_H
#define BASE_ONE_CORE_H

/* The calling thread, and those that are begun from here on, stay on the processor where it is now. No effect where the system
 * declines. Not twice without one_core_leave between. */
void one_core_take(void);

/* Every thread of the process may run where the caller of one_core_take might before. Accepts that nothing was taken. */
void one_core_leave(void);

#endif
