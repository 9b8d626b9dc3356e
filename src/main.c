/* main.c - argv to a verb, nothing else. */
#include "control/cli.h"
#include "wire.h"

int main(int argc, char **argv) { return cli_main(argc, argv, wire_verbs); }
