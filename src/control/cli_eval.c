/* `quarterdeck eval`. */
#include "control/cli_judge.h"

const struct cli_verb cli_eval_parts[] = {
    {"judge", "eval judge calibrate|list|show", "judges, and how far each says what people say", cli_eval_judge},
    {NULL, NULL, NULL, NULL},
};

int cli_eval(int argc, char **argv) { return cli_dispatch("eval", cli_eval_parts, argc, argv); }
