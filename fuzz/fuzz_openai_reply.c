#include "fuzz_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reply(DIALECT_OPENAI, DIALECT_ANTHROPIC, data, size);
    return 0;
}
