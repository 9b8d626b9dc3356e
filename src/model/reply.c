#include "model/reply.h"

const char *finish_name(enum finish f) {
    switch (f) {
    case FINISH_UNSET: return NULL;
    case FINISH_STOP: return "stop";
    case FINISH_STOP_SEQUENCE: return "stop_sequence";
    case FINISH_LENGTH: return "length";
    case FINISH_TOOL_CALLS: return "tool_calls";
    case FINISH_REFUSAL: return "refusal";
    case FINISH_PAUSE: return "pause";
    case FINISH_OTHER: return "other";
    }
    return "other";
}
