/* limits.h - every maximum in the program, each with its reason.
 *
 * Nothing that a peer controls grows without one of these. Sizes are bytes unless the name says
 * otherwise. What an operator may change has a setting of the same meaning (docs/reference/settings.md)
 * and the number here is its default or its ceiling, as stated. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* the exchange */
#define LIMIT_BODY_DEFAULT (32u << 20)     /* request body; images as data URLs reach some 20 MB */
#define LIMIT_BODY_CEILING (512u << 20)    /* highest max_body that an operator may set */
#define LIMIT_HEADER_DEFAULT (64u << 10)   /* all request headers; large JWTs in proxies stay below 16 KiB */
#define LIMIT_REPLY_BODY (64u << 20)       /* whole upstream reply; 2,048 embeddings of 3,072 floats are ~50 MB */
#define LIMIT_ERROR_BODY (64u << 10)       /* upstream error text that is read; the rest is dropped */
#define LIMIT_SSE_EVENT (1u << 20)         /* one unfinished stream event; tool calls come in far smaller pieces */
#define LIMIT_UNSENT (256u << 10)          /* bytes a slow client may leave unsent before its upstream is paused */
#define LIMIT_HOLD_BACK (4u << 20)         /* stream bytes held before the first is relayed (hold_back) */
#define LIMIT_ATTEMPTS 16                  /* upstream tries of one exchange, over all targets */
#define LIMIT_TARGETS 16                   /* targets of one model; more is a configuration mistake */
#define LIMIT_TIER_RULES 64                 /* rules of one model with tiers; all are looked at per request */
#define LIMIT_PROGRAM_WORDS 32              /* a program of the operator's and its arguments, in the configuration */
#define LIMIT_EVENTS_PER_CHUNK 64          /* neutral events one upstream event may turn into */
#define LIMIT_LABEL 256                    /* one request label (user, session, feature, ...) */
#define LIMIT_ONCE_NAME 200                /* name of a request that is run once */
#define LIMIT_ONCE_ALONE 512               /* of a loop: such requests that go on without their client; a run has at most 256 */
#define LIMIT_ONCE_ALONE_BYTES (128u << 20) /* and what they hold: connections no longer bound them; 32 of 1 MB */
#define LIMIT_TAGS 32                      /* tags of one exchange */

/* JSON from outside */
#define LIMIT_JSON_DEPTH 128               /* nesting; real tool schemas stay below 30 */
#define LIMIT_JSON_NODES (4u << 20)        /* values in one document; 16 bytes each, so 64 MiB at most */
#define LIMIT_JSON_NUMBER 400              /* digits of one number that is still read; more is malformed */

/* memory */
#define LIMIT_ARENA_EXCHANGE (96u << 20)   /* all that one exchange may hold: body, tape, translated body */
#define LIMIT_CACHE_BYTES (64u << 20)      /* answers kept for `degraded: {serve: cache}`, all applications */
#define LIMIT_CACHE_ENTRY (256u << 10)     /* one cached answer */
#define LIMIT_CACHE_QUESTION (1u << 20)    /* request whose answer is cached; one of 1 MiB costs a loop 0.3 ms to digest */
#define LIMIT_CACHE_ALIKE 2048             /* wordings that one look-up in the semantic cache compares: 15 to 20 ns each */
#define LIMIT_CACHE_WORDING 1024           /* bytes of a question that may match in other words; one word turns few long texts */
#define LIMIT_SHADOW_BYTES (64u << 20)     /* exchanges that wait for their shadow; some hundreds of 100 KiB, and a sample loses nothing by the rest */
#define LIMIT_METRIC_SERIES 2000           /* label sets of one metric; more are summed under "other" */

/* records */
#define LIMIT_RECORD (16u << 10)           /* one encoded record; labels and attempts are bounded above */
#define LIMIT_PAYLOAD (1u << 20)           /* captured request or reply; longer is cut and marked */
#define LIMIT_SEGMENT_DEFAULT (4u << 20)   /* one flight recorder segment: two payloads and room; it is resident */
#define LIMIT_SEGMENTS_DEFAULT 64          /* undrained segments a lane; 256 MiB behind is a dead disk */
#define LIMIT_PAGE 1000                    /* records in one API page */

/* budgets and limits */
#define LIMIT_BUDGETS 256                  /* rows of `budgets`; all that an application has are looked at per request */
#define LIMIT_RATE_LIMITS 256              /* rows of `limits`, for the same reason */
#define LIMIT_APPROVALS 256                /* of request types; each is a row that admission may walk over */
#define LIMIT_ALERTS 16                    /* thresholds of one budget */
#define LIMIT_HOLDS 16                     /* budgets and limits of one exchange; more are a configuration mistake */
#define LIMIT_BUDGET_COUNTERS (256u << 10) /* counters of all values and windows; some 250 bytes each, 64 MiB */
#define LIMIT_RATE_COUNTERS (64u << 10)    /* counters of limits that are in use; idle ones are dropped */
#define LIMIT_COST_NANO 1000000000000000LL /* one exchange: a million USD; more is an absurd count, hence unknown */
#define LIMIT_COUNTED_TOKENS (1LL << 30)   /* one exchange; a larger count would close a rate limit for days */
#define LIMIT_FILL_JOURNAL (1u << 20)      /* exchanges settled while the ledger is read for a new budget */

/* files and batches */
#define LIMIT_BATCH_LINES 50000            /* lines of one batch; OpenAI's own */
#define LIMIT_BATCH_ERRORS 100             /* mistakes of an input file that are told; nobody reads more */
#define LIMIT_BATCH_METADATA 16            /* pairs, of 64 and 512 characters; OpenAI's own */
#define LIMIT_BATCH_ACTIVE 1000            /* batches under way, all applications; each costs some KiB */
#define LIMIT_BATCH_CONCURRENT 256         /* highest batch.concurrent */
#define LIMIT_BATCH_FILE (512u << 20)      /* one file that is read at once; results beyond it cannot be fetched over HTTP */
#define LIMIT_BATCHES 10000                /* batches of one application, finished ones included: nobody can delete them */
#define LIMIT_FILES 10000                  /* files of one application; a list of them stays quick */

/* evaluation */
#define LIMIT_SUITE_FILE (64u << 20)       /* a suite with its files read in; 10,000 cases take 5 MiB */
#define LIMIT_SUITE_CASES 100000           /* of one suite */
#define LIMIT_SUITE_REPEAT 1000            /* runs of one case */
#define LIMIT_SUITE_CHECKS 256             /* of one case, the suite's included */
#define LIMIT_SUITE_JUDGES 100             /* declared by one suite; each is compared with the others */
#define LIMIT_CASE_VARS 1000               /* of one case: a row of a wide table; each is compared with the others */
#define LIMIT_CASE_FILES 8                 /* files of cases that name files of cases: one that names itself ends here */
#define LIMIT_CASE_TEXT (4u << 20)         /* one case: its texts */
#define LIMIT_JUDGE_TEXT (64u << 10)       /* of each text that a judge is shown; 16,000 tokens; the rest is cut, and said so */
#define LIMIT_JUDGE_CONTEXT (512u << 10)   /* of a context; above it claims are not judged: they may rest on what was cut */
#define LIMIT_JUDGE_REASON 600             /* characters of a judge's reason that are kept */
#define LIMIT_JUDGE_LABELS 20000            /* of one sitting; as many verdicts are paid for */
#define LIMIT_PROGRAM_SAYS (1u << 20)      /* what a check's program may say about one answer: a verdict and a reason */
#define LIMIT_PROGRAM_TOLD (96u << 20)     /* what it is told: a case and an answer of 4 MiB each, every byte escaped */
#define LIMIT_PROGRAM_MEMORY (2u << 30)    /* of each of its processes; node starts with 0.1 GiB */
#define LIMIT_EVAL_CONCURRENT 256          /* exchanges of one run at once */

/* change */
#define LIMIT_MANIFEST_DOCUMENTS 200000    /* of one knowledge base; with addresses as sources they take 50 MiB */
#define LIMIT_MANIFEST_MEMORY (512u << 20) /* to read two of them and tell them apart; released before the answer is sent */

/* consoles: event streams, and what many of them ask at once */
#define LIMIT_CONSOLES 512                 /* streams at a time; 200 people with two pages each, and some 4 KiB a stream */
#define LIMIT_CONSOLES_OF_ONE 256          /* of one user or token: whoever may only look does not keep everybody else out */
#define LIMIT_CONSOLE_UNSENT (64u << 10)   /* bytes a slow console may leave unsent; from there on it is sent nothing, and loses exchanges */
#define LIMIT_CONSOLE_SHOWN 20             /* exchanges a console is shown in a second; nobody reads more, and a page draws that at ease */
#define LIMIT_CONSOLE_BATCH (256u << 10)   /* exchanges of one loop in a quarter of a second: 1,300 of 200 bytes; the rest is counted */
#define LIMIT_CONSOLE_BEHIND 8             /* such batches that a loop has not looked at; a loop that is two seconds behind looks at no more */
#define LIMIT_SHARED_US 1000000LL          /* how long an answer is given again: consoles refetch at most once a second, and people see no difference */
#define LIMIT_SHARED_ANSWERS 128           /* answers that are kept for that second: pages of some consoles, some queries each */
#define LIMIT_SHARED_ANSWER (1u << 20)     /* bytes of one; 500 points of 60 series take 1.2 MiB, and no page shows these */
#define LIMIT_SHARED_BYTES (16u << 20)     /* of all of them */

/* configuration */
#define LIMIT_CONFIG_FILE (8u << 20)       /* quarterdeck.yaml; price files included one by one */
#define LIMIT_YAML_COPIES 200000           /* values that aliases and merge keys of one YAML text may copy */
#define LIMIT_PROBLEMS 100                 /* problems that `quarterdeck check` prints before it stops */
#define LIMIT_WORKERS 256                  /* loop threads */
#define LIMIT_ZONE_NAME 64                 /* name of a time zone; the longest known has 32 bytes */
#define LIMIT_ZONE_FILE (64u << 10)        /* one TZif file; the largest has 4 KiB */
#define LIMIT_ZONE_LIST (1u << 20)         /* tzdata.zi, read only to suggest a name; 110 KiB */
#define LIMIT_ERROR_TEXT 512               /* one error message; longer is cut at a character boundary */

#endif
