#include "fuzz_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_call(DIALECT_ANTHROPIC, DIALECT_OPENAI, data, size);
    return 0;
}
