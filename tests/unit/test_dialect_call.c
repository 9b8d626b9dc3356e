/* Requests across the wires: what is the same, what is mapped, what is refused. docs/translation.md in tests.
 */
#include "test_dialect_support.h"

static struct provider provider = {
    .name = "p", .dialect = DIALECT_OPENAI, .base_url = "https://llm.example/v1", .stream_usage = true};
static struct target target = {.provider = &provider, .model = "target-model", .max_output = -1};

static enum fault translate(struct kit *k, enum dialect_id from, const char *body) {
    enum dialect_id to = from == DIALECT_ANTHROPIC ? DIALECT_OPENAI : DIALECT_ANTHROPIC;
    enum fault f = kit_head(k, from, ENDPOINT_CHAT, body);
    if (f == FAULT_NONE) f = dialect_of(from)->read_body(&k->arena, &k->call, &k->error);
    if (f == FAULT_NONE) f = dialect_of(to)->write_call(&k->call, &target, &k->out, &k->error);
    return f;
}

static void translates(enum dialect_id from, const char *body, const char *want) {
    struct kit k;
    kit_start(&k);
    if (translate(&k, from, body) != FAULT_NONE) fail_msg("%s: %s", body, k.error.text);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

static void refuses(enum dialect_id from, const char *body, enum fault fault, const char *field) {
    struct kit k;
    kit_start(&k);
    enum fault f = translate(&k, from, body);
    if (f != fault || strncmp(k.error.text, field, strlen(field)) != 0 || k.error.text[strlen(field)] != ':')
        fail_msg("%s: wanted %s about %s, found %s: %s", body, fault_name(fault), field, fault_name(f),
                 f == FAULT_NONE ? "" : k.error.text);
    kit_end(&k);
}

/* A chat with these members beside model and messages. */
static void openai_refuses(const char *members, const char *field) {
    char body[1024];
    snprintf(body, sizeof body, "{\"model\":\"m\",%s,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
             members);
    refuses(DIALECT_OPENAI, body, FAULT_UNTRANSLATABLE, field);
}

static void openai_gives(const char *members, const char *want) {
    char body[1024], whole[2048];
    snprintf(body, sizeof body, "{\"model\":\"m\",%s\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
             members);
    snprintf(whole, sizeof whole,
             "{\"model\":\"target-model\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":[{"
             "\"type\":\"text\",\"text\":\"hi\"}]}]%s}",
             want);
    translates(DIALECT_OPENAI, body, whole);
}

static void anthropic_refuses(const char *members, const char *field) {
    char body[1024];
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"max_tokens\":9,%s,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
             members);
    refuses(DIALECT_ANTHROPIC, body, FAULT_UNTRANSLATABLE, field);
}

static void anthropic_gives(const char *members, const char *want) {
    char body[1024], whole[2048];
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"max_tokens\":9,%s\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
             members);
    snprintf(whole, sizeof whole,
             "{\"model\":\"target-model\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_"
             "tokens\":9%s}",
             want);
    translates(DIALECT_ANTHROPIC, body, whole);
}

/* ---- OpenAI to Anthropic ---- */

static void test_openai_conversation(void **state) {
    (void)state;
    translates(
        DIALECT_OPENAI,
        "{\"model\":\"m\",\"max_completion_tokens\":50,\"messages\":["
        "{\"role\":\"system\",\"content\":\"Be kind.\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is it?\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,iVBOR\\/"
        "w0=\",\"detail\":\"low\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/cat.jpg\"}}]},"
        "{\"role\":\"assistant\",\"content\":\"Let me "
        "look.\",\"refusal\":null,\"annotations\":[],\"tool_calls\":["
        "{\"id\":\"call.1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"n\\\":"
        " 1.0, \\\"s\\\":\\\"\\\\u00e9\\\"}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"index\":1,\"function\":{\"name\":\"think\",\"arguments\":"
        "\"\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call.1\",\"name\":\"look\",\"content\":\"a cat\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_2\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{"
        "\"type\":\"text\",\"text\":\"two\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/dog.jpg\"}}]},"
        "{\"role\":\"developer\",\"content\":\"And brief.\"},"
        "{\"role\":\"user\",\"content\":\"Thanks\"},"
        "{\"role\":\"assistant\",\"content\":\"\"},"
        "{\"role\":\"user\",\"content\":\"Go on\"}]}",
        "{\"model\":\"target-model\",\"max_tokens\":50,\"system\":\"Be kind.\\n\\nAnd brief.\",\"messages\":["
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is it?\"},"
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBOR/"
        "w0=\"}},"
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x.example/cat.jpg\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Let me look.\"},"
        "{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"look\",\"input\":{\"n\": 1.0, "
        "\"s\":\"\\u00e9\"}},"
        "{\"type\":\"tool_use\",\"id\":\"call_2\",\"name\":\"think\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"call_1\",\"content\":"
        "\"a cat\"},"
        "{\"type\":\"tool_result\",\"tool_use_id\":\"call_2\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"one\\ntwo\"},"
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x.example/dog.jpg\"}}]},"
        "{\"type\":\"text\",\"text\":\"Thanks\"},{\"type\":\"text\",\"text\":\"Go on\"}]}]}");
}

static void test_openai_refusal_in_the_history(void **state) {
    (void)state;
    translates(DIALECT_OPENAI,
               "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
               "\"content\":null,\"refusal\":\"no\",\"reasoning_content\":\"hm\"},"
               "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"never\"}]}]}",
               "{\"model\":\"target-model\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":"
               "[{\"type\":\"text\",\"text\":\"x\"}]},"
               "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"no\"},{\"type\":\"text\","
               "\"text\":\"never\"}]}]}");
}

static void test_openai_settings(void **state) {
    (void)state;
    openai_gives("", "");
    openai_gives("\"temperature\":0.70,\"top_p\":1,\"top_k\":5,",
                 ",\"temperature\":0.70,\"top_p\":1,\"top_k\":5");
    openai_gives(
        "\"stop\":\"END\",\"user\":\"u1\",\"stream\":true,\"stream_options\":{\"include_obfuscation\":true},",
        ",\"stop_sequences\":[\"END\"],\"metadata\":{\"user_id\":\"u1\"},\"stream\":true");
    openai_gives("\"stop\":[\"a\",\"b\"],\"temperature\":null,\"seed\":null,\"stop\":[\"a\",\"b\"],",
                 ",\"stop_sequences\":[\"a\",\"b\"]");
    openai_gives("\"n\":1,\"frequency_penalty\":0,\"presence_penalty\":0.0,\"logprobs\":false,\"top_"
                 "logprobs\":0,\"logit_bias\":{},\"functions\":[],"
                 "\"modalities\":[\"text\"],\"response_format\":{\"type\":\"text\"},\"reasoning_effort\":"
                 "\"none\",\"verbosity\":\"medium\",\"audio\":null,",
                 "");
    openai_gives("\"store\":true,\"metadata\":{\"a\":\"b\"},\"service_tier\":\"flex\",\"prompt_cache_key\":"
                 "\"k\",\"prompt_cache_retention\":\"24h\",\"safety_identifier\":\"s\",",
                 "");
    openai_gives("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"r\",\"strict\":"
                 "true,\"schema\":{\"type\":\"object\", \"n\":1.0}}},",
                 ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\", "
                 "\"n\":1.0}}}");
}

static void test_openai_tools(void **state) {
    (void)state;
    const char *tools = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"
                        "\"does\",\"parameters\":{\"type\":\"object\" },\"strict\":true}},"
                        "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"strict\":false}}],";
    const char *same = ",\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"input_schema\":{\"type\":"
                       "\"object\" },\"strict\":true},"
                       "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]";
    static const char *const rows[][2] = {
        {"", ""},
        {"\"tool_choice\":\"auto\",", ",\"tool_choice\":{\"type\":\"auto\"}"},
        {"\"tool_choice\":\"none\",", ",\"tool_choice\":{\"type\":\"none\"}"},
        {"\"tool_choice\":\"required\",", ",\"tool_choice\":{\"type\":\"any\"}"},
        {"\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},",
         ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"},
        {"\"parallel_tool_calls\":true,", ""},
        {"\"parallel_tool_calls\":false,",
         ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"},
        {"\"parallel_tool_calls\":false,\"tool_choice\":\"required\",",
         ",\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}"},
        {"\"parallel_tool_calls\":false,\"tool_choice\":\"none\",", ",\"tool_choice\":{\"type\":\"none\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char members[512], want[512];
        snprintf(members, sizeof members, "%s%s", tools, rows[i][0]);
        snprintf(want, sizeof want, "%s%s", same, rows[i][1]);
        openai_gives(members, want);
    }
}

static void test_openai_max_tokens_default(void **state) {
    (void)state;
    target.max_output = 8192;
    translates(DIALECT_OPENAI, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
               "{\"model\":\"target-model\",\"max_tokens\":8192,\"messages\":[{\"role\":\"user\",\"content\":"
               "[{\"type\":\"text\",\"text\":\"a\"}]}]}");
    target.max_output = -1;
}

static void test_openai_refused_settings(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"\"logprobs\":true", "logprobs"},
        {"\"top_logprobs\":3", "top_logprobs"},
        {"\"logit_bias\":{\"5\":1}", "logit_bias"},
        {"\"n\":2", "n"},
        {"\"seed\":7", "seed"},
        {"\"frequency_penalty\":0.5", "frequency_penalty"},
        {"\"presence_penalty\":-1", "presence_penalty"},
        {"\"temperature\":1.01", "temperature"},
        {"\"audio\":{\"voice\":\"x\"}", "audio"},
        {"\"modalities\":[\"text\",\"audio\"]", "modalities"},
        {"\"modalities\":[\"audio\"]", "modalities"},
        {"\"prediction\":{\"type\":\"content\"}", "prediction"},
        {"\"web_search_options\":{}", "web_search_options"},
        {"\"functions\":[{\"name\":\"f\"}]", "functions"},
        {"\"function_call\":\"auto\"", "function_call"},
        {"\"reasoning_effort\":\"high\"", "reasoning_effort"},
        {"\"verbosity\":\"low\"", "verbosity"},
        {"\"response_format\":{\"type\":\"json_object\"}", "response_format"},
        {"\"response_format\":{\"type\":\"grammar\"}", "response_format.type"},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"description\":"
         "\"d\",\"schema\":{}}}",
         "response_format.json_schema.description"},
        {"\"tool_choice\":{\"type\":\"allowed_tools\"}", "tool_choice.type"},
        {"\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"x\"}}]", "tools[0].type"},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"x\",\"extra\":1}}]",
         "tools[0].function.extra"},
        {"\"some_new_field\":1", "some_new_field"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) openai_refuses(rows[i][0], rows[i][1]);
}

static void test_openai_refused_messages(void **state) {
    (void)state;
    static const struct {
        const char *message, *field;
        enum fault fault;
    } rows[] = {
        {"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"input_audio\","
         "\"input_audio\":{}}]}",
         "messages[1].content[1].type", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{}}]}", "messages[1].content[0].type",
         FAULT_UNTRANSLATABLE},
        {"{\"role\":\"function\",\"name\":\"f\",\"content\":\"x\"}", "messages[1].role",
         FAULT_UNTRANSLATABLE},
        {"{\"role\":\"user\",\"name\":\"Ann\",\"content\":\"x\"}", "messages[1].name", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}", "messages[1].audio", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\"}}", "messages[1].function_call",
         FAULT_UNTRANSLATABLE},
        {"{\"role\":\"system\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]}",
         "messages[1].content", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://"
         "x\"}}]}",
         "messages[1].content", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\",\"custom\":{}}]}",
         "messages[1].tool_calls[0].type", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
         "\"{oops\"}}]}",
         "messages[1].tool_calls[0].function.arguments", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
         "\"[1]\"}}]}",
         "messages[1].tool_calls[0].function.arguments", FAULT_UNTRANSLATABLE},
        {"{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}",
         "messages[1].tool_calls[0].id", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"ftp://x\"}}]}",
         "messages[1].content[0].image_url.url", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
         "png,raw\"}}]}",
         "messages[1].content[0].image_url.url", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"https://x\"}]}",
         "messages[1].content[0].image_url", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":7}", "messages[1].content", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":[\"x\"]}", "messages[1].content[0]", FAULT_BAD_REQUEST},
        {"{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}", "messages[1].content[0].type",
         FAULT_BAD_REQUEST},
        {"{\"role\":\"tool\",\"content\":\"x\"}", "messages[1].tool_call_id", FAULT_BAD_REQUEST},
        {"{\"content\":\"x\"}", "messages[1].role", FAULT_BAD_REQUEST},
        {"5", "messages[1]", FAULT_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},%s]}",
                 rows[i].message);
        refuses(DIALECT_OPENAI, body, rows[i].fault, rows[i].field);
    }
    refuses(DIALECT_OPENAI, "{\"model\":\"m\"}", FAULT_BAD_REQUEST, "messages");
    refuses(DIALECT_OPENAI, "{\"model\":\"m\",\"messages\":[],\"temperature\":\"hot\"}", FAULT_BAD_REQUEST,
            "temperature");
    refuses(DIALECT_OPENAI, "{\"model\":\"m\",\"messages\":[],\"stop\":[\"a\",1]}", FAULT_BAD_REQUEST,
            "stop[1]");
    refuses(DIALECT_OPENAI, "{\"model\":\"m\",\"messages\":[],\"tools\":{}}", FAULT_BAD_REQUEST, "tools");
}

/* ---- Anthropic to OpenAI ---- */

static void test_anthropic_conversation(void **state) {
    (void)state;
    translates(
        DIALECT_ANTHROPIC,
        "{\"model\":\"m\",\"max_tokens\":50,\"system\":[{\"type\":\"text\",\"text\":\"Be "
        "kind.\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"And brief.\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is "
        "it?\",\"citations\":null},"
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBOR/"
        "w0=\"}},"
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x.example/cat.jpg\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}"
        ",{\"type\":\"redacted_thinking\",\"data\":\"x\"},"
        "{\"type\":\"text\",\"text\":\"Let me "
        "look.\"},{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"look\",\"input\":{\"n\": 1.0}},"
        "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"think\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":"
        "\"a cat\"},"
        "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_2\",\"is_error\":true,\"content\":[{\"type\":"
        "\"text\",\"text\":\"broke\"},"
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x.example/"
        "dog.jpg\"}}]},{\"type\":\"text\",\"text\":\"Thanks\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"only\",\"signature\":"
        "\"s\"}]},"
        "{\"role\":\"assistant\",\"content\":\"Sure\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_3\"}]}]}",
        "{\"model\":\"target-model\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\\n\\nAnd "
        "brief.\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is it?\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBOR/w0=\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/cat.jpg\"}}]},"
        "{\"role\":\"assistant\",\"content\":\"Let me look.\",\"tool_calls\":["
        "{\"id\":\"toolu_1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{"
        "\\\"n\\\": 1.0}\"}},"
        "{\"id\":\"toolu_2\",\"type\":\"function\",\"function\":{\"name\":\"think\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"toolu_1\",\"content\":\"a cat\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"toolu_2\",\"content\":\"Error: broke\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/"
        "dog.jpg\"}},{\"type\":\"text\",\"text\":\"Thanks\"}]},"
        "{\"role\":\"assistant\",\"content\":\"Sure\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"toolu_3\",\"content\":\"\"}],\"max_tokens\":50}");
}

static void test_anthropic_settings(void **state) {
    (void)state;
    anthropic_gives("", "");
    anthropic_gives("\"temperature\":1.0,\"top_p\":0.9,\"stop_sequences\":[\"a\",\"b\"],\"metadata\":{\"user_"
                    "id\":\"u1\"},",
                    ",\"temperature\":1.0,\"top_p\":0.9,\"stop\":[\"a\",\"b\"],\"user\":\"u1\"");
    anthropic_gives("\"thinking\":{\"type\":\"disabled\"},\"service_tier\":\"auto\",\"cache_control\":{"
                    "\"type\":\"ephemeral\"},\"mcp_servers\":[],\"output_config\":{\"effort\":\"high\"},",
                    "");
    anthropic_gives("\"stream\":true,", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    provider.stream_usage = false;
    anthropic_gives("\"stream\":true,", ",\"stream\":true");
    provider.stream_usage = true;
    const char *format = ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
                         "\"response\",\"schema\":{\"type\":\"object\", \"n\":1.0},\"strict\":true}}";
    anthropic_gives("\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\","
                    " \"n\":1.0}}},",
                    format);
    anthropic_gives(
        "\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\", \"n\":1.0}},", format);
}

static void test_anthropic_max_tokens_by_server(void **state) {
    (void)state;
    const char *body = "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[]}";
    provider.base_url = "https://api.openai.com/v1";
    translates(DIALECT_ANTHROPIC, body,
               "{\"model\":\"target-model\",\"messages\":[],\"max_completion_tokens\":9}");
    provider.base_url = "https://x.openai.azure.com", provider.dialect = DIALECT_AZURE;
    translates(DIALECT_ANTHROPIC, body,
               "{\"model\":\"target-model\",\"messages\":[],\"max_completion_tokens\":9}");
    provider.base_url = "https://llm.example/v1", provider.dialect = DIALECT_OPENAI;
}

static void test_anthropic_tools(void **state) {
    (void)state;
    const char *tools = "\"tools\":[{\"type\":\"custom\",\"name\":\"f\",\"description\":\"does\",\"input_"
                        "schema\":{\"type\":\"object\" },\"strict\":true,\"cache_control\":{}},"
                        "{\"name\":\"g\",\"input_schema\":{}}],";
    const char *same = ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"
                       "\"does\",\"parameters\":{\"type\":\"object\" },\"strict\":true}},"
                       "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"parameters\":{}}}]";
    static const char *const rows[][2] = {
        {"", ""},
        {"\"tool_choice\":{\"type\":\"auto\"},", ",\"tool_choice\":\"auto\""},
        {"\"tool_choice\":{\"type\":\"none\"},", ",\"tool_choice\":\"none\""},
        {"\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},",
         ",\"parallel_tool_calls\":false,\"tool_choice\":\"required\""},
        {"\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":false},",
         ",\"tool_choice\":\"required\""},
        {"\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"},",
         ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char members[512], want[512];
        snprintf(members, sizeof members, "%s%s", tools, rows[i][0]);
        snprintf(want, sizeof want, "%s%s", same, rows[i][1]);
        anthropic_gives(members, want);
    }
}

static void test_anthropic_refused_settings(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"\"top_k\":5", "top_k"},
        {"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}", "thinking"},
        {"\"thinking\":{\"type\":\"adaptive\"}", "thinking.type"},
        {"\"container\":\"c\"", "container"},
        {"\"mcp_servers\":[{\"type\":\"url\"}]", "mcp_servers"},
        {"\"context_management\":{}", "context_management"},
        {"\"output_config\":{\"effort\":\"low\"}", "output_config.effort"},
        {"\"output_config\":{\"format\":{\"type\":\"grammar\"}}", "output_config.format.type"},
        {"\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":5}]",
         "tools[0].type"},
        {"\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"defer_loading\":true}]", "tools[0].defer_loading"},
        {"\"tool_choice\":{\"type\":\"new\"}", "tool_choice.type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) anthropic_refuses(rows[i][0], rows[i][1]);
}

static void test_anthropic_refused_messages(void **state) {
    (void)state;
    static const struct {
        const char *role, *block, *field;
        enum fault fault;
    } rows[] = {
        {"user", "{\"type\":\"document\",\"source\":{}}", "messages[0].content[1].type",
         FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"search_result\"}", "messages[0].content[1].type", FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"container_upload\"}", "messages[0].content[1].type", FAULT_UNTRANSLATABLE},
        {"assistant", "{\"type\":\"server_tool_use\"}", "messages[0].content[1].type", FAULT_UNTRANSLATABLE},
        {"assistant", "{\"type\":\"image\"}", "messages[0].content[1].type", FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"tool_use\"}", "messages[0].content[1].type", FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"text\",\"text\":\"x\",\"citations\":[{}]}", "messages[0].content[1].citations",
         FAULT_UNTRANSLATABLE},
        {"user",
         "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
         "png,x\",\"data\":\"AA==\"}}",
         "messages[0].content[1].source.media_type", FAULT_BAD_REQUEST},
        {"user", "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}",
         "messages[0].content[1].source.type", FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":[{\"type\":\"document\"}]}",
         "messages[0].content[1].content[0].type", FAULT_UNTRANSLATABLE},
        {"user", "{\"type\":\"tool_result\"}", "messages[0].content[1].tool_use_id", FAULT_BAD_REQUEST},
        {"assistant", "{\"type\":\"tool_use\",\"name\":\"f\"}", "messages[0].content[1].id",
         FAULT_BAD_REQUEST},
        {"assistant", "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":\"x\"}",
         "messages[0].content[1].input", FAULT_BAD_REQUEST},
        {"user", "{\"text\":\"x\"}", "messages[0].content[1].type", FAULT_BAD_REQUEST},
        {"user", "\"x\"", "messages[0].content[1]", FAULT_BAD_REQUEST},
        {"system", "{\"type\":\"text\",\"text\":\"x\"}", "messages[0].role", FAULT_UNTRANSLATABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"%s\",\"content\":[{\"type\":"
                 "\"text\",\"text\":\"hi\"},%s]}]}",
                 rows[i].role, rows[i].block);
        refuses(DIALECT_ANTHROPIC, body, rows[i].fault, rows[i].field);
    }
    refuses(DIALECT_ANTHROPIC, "{\"model\":\"m\",\"system\":[{\"type\":\"image\"}],\"messages\":[]}",
            FAULT_UNTRANSLATABLE, "system[0].type");
    refuses(DIALECT_ANTHROPIC, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}", FAULT_BAD_REQUEST,
            "messages[0].content");
    refuses(DIALECT_ANTHROPIC, "{\"model\":\"m\"}", FAULT_BAD_REQUEST, "messages");
}

static void test_other_endpoints_do_not_cross(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}"),
                     FAULT_NONE);
    assert_int_equal(dialect_of(DIALECT_OPENAI)->read_body(&k.arena, &k.call, &k.error),
                     FAULT_UNTRANSLATABLE);
    assert_int_equal(
        kit_head(&k, DIALECT_ANTHROPIC, ENDPOINT_COUNT_TOKENS, "{\"model\":\"m\",\"messages\":[]}"),
        FAULT_NONE);
    assert_int_equal(dialect_of(DIALECT_ANTHROPIC)->read_body(&k.arena, &k.call, &k.error),
                     FAULT_UNTRANSLATABLE);
    kit_end(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai_conversation),
        cmocka_unit_test(test_openai_refusal_in_the_history),
        cmocka_unit_test(test_openai_settings),
        cmocka_unit_test(test_openai_tools),
        cmocka_unit_test(test_openai_max_tokens_default),
        cmocka_unit_test(test_openai_refused_settings),
        cmocka_unit_test(test_openai_refused_messages),
        cmocka_unit_test(test_anthropic_conversation),
        cmocka_unit_test(test_anthropic_settings),
        cmocka_unit_test(test_anthropic_max_tokens_by_server),
        cmocka_unit_test(test_anthropic_tools),
        cmocka_unit_test(test_anthropic_refused_settings),
        cmocka_unit_test(test_anthropic_refused_messages),
        cmocka_unit_test(test_other_endpoints_do_not_cross),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
