/* bounds.h - maxima of the simulator, each with its reason. Kept here and not in base/limits.h because no
 * part of the gateway depends on them. */
#ifndef SIM_BOUNDS_H
#define SIM_BOUNDS_H

#define SIM_BODY                                                                                             \
    (128u << 20) /* request body: above the gateway's default, so that the gateway's limit shows */
#define SIM_ARENA (256u << 20) /* one request: body tape and answer */
#define SIM_ANSWER (64u << 20) /* one encoded answer */
#define SIM_TOKENS 262144      /* tokens of one answer; no model writes more */
#define SIM_CHOICES 16         /* `n` */
#define SIM_STOPS 16           /* stop sequences; OpenAI takes 4 */
#define SIM_TOOLS 512          /* tools of one request */
#define SIM_ECHO 8             /* words of the question that answers come back to */
#define SIM_SCHEMA_DEPTH 24    /* nesting of a generated value; required recursion beyond it gives null */
#define SIM_ARRAY_ITEMS 1000   /* items of a generated array; minItems above it is not met */
#define SIM_DIMENSIONS 8192    /* of an embedding */
#define SIM_INPUTS 2048        /* texts of one embeddings request, as OpenAI's */
#define SIM_SCRIPT (1u << 20)  /* script text */
#define SIM_SCRIPT_ARENA (16u << 20) /* its tree */
#define SIM_RULES 256                /* rules of a script */
#define SIM_INCIDENTS 32             /* of a script's status page */
#define SIM_PROFILES 256             /* models of a script */
#define SIM_HEADERS 16               /* header lines that one action sets */
#define SIM_COUNTERS 100000          /* (rule, model, key) counters; more share one */
#define SIM_SHELF 1000               /* files and batches that are kept, each; the oldest go */
#define SIM_MODELS 1000              /* models told apart in the statistics; more share one line */

#endif
