/* cli_live.h - parts of `quarterdeck prompt` and `quarterdeck model` about what nobody registered. Private to control/. */
#ifndef CONTROL_CLI_LIVE_H
#define CONTROL_CLI_LIVE_H

#include "control/cli_verbs.h"

int cli_prompt_live(int argc, char **argv);
int cli_prompt_adopt(int argc, char **argv);
int cli_model_changes(int argc, char **argv);
int cli_model_accept(int argc, char **argv);
int cli_model_hold(int argc, char **argv);
int cli_model_release(int argc, char **argv);

#endif
