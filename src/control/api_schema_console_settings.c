/* Shapes of answers about the configuration file and its settings. */
#include "control/api.h"

#define FILE_FIELDS(S)                                                                                                       \
    {S, "file", "string", "the configuration file, as the server was given it"}, {S, "hash", "string", "SHA-256 of the file: sent along with a change, it is refused (409) when the file is another one by then"}, \
        {S, "in_force", "boolean", "the policy in force is this file; false: it was edited and not read again"},              \
        {S, "writable", "boolean", "this server can change it"}, {S, "why_not", "string?", "why it cannot, and what to do"}

const struct api_field api_fields_console_settings[] = {
    FILE_FIELDS("Settings"),
    {"Settings", "settings", "[Setting]", "every setting there is, in the order of the reference"},
    {"Setting", "section", "string", "its section; general: it is in none"},
    {"Setting", "path", "string", "such as server.max_body; * is a name, [] an item"},
    {"Setting", "type", "string", "such as duration 1ms..1h"},
    {"Setting", "default", "string?", "null: none"},
    {"Setting", "required", "boolean", "it has to be given"},
    {"Setting", "help", "string", "what it does"},
    {"Setting", "reloadable", "boolean", "in force after a reload; false: after a restart"},
    {"Setting", "secret", "boolean", "its value is never told"},
    {"Setting", "from", "file|default|nothing|each", "where the value is from; each: there is one for each name, see /configuration"},
    {"Setting", "line", "integer?", "of the file"},
    {"Setting", "value", "json", "as it stands in the file, ${NAME} as such; a secret is (kept)"},
    FILE_FIELDS("Configuration"),
    {"Configuration", "sections", "[ConfigurationSection]", "what the file says, in its order"},
    {"ConfigurationSection", "name", "string", "general: settings that are in no section"},
    {"ConfigurationSection", "kind", "settings|map|list", "settings of its own, or entries with names"},
    {"ConfigurationSection", "line", "integer", "of the file"},
    {"ConfigurationSection", "entries", "[ConfigurationEntry]", "in the order of the file"},
    {"ConfigurationEntry", "name", "string", "by which it is changed; #3 is the third of a list whose items have no names"},
    {"ConfigurationEntry", "line", "integer", "of the file"},
    {"ConfigurationEntry", "alias", "boolean", "it stands for a value that is written elsewhere, and cannot be edited here"},
    {"ConfigurationEntry", "value", "json", "secrets are (kept); sent back so, they stay"},
    {"ConfigurationEntry", "yaml", "string", "the same as it is written"},
    {"ConfigurationChange", "changed", "boolean", "something differs"},
    {"ConfigurationChange", "made", "boolean", "false: it was only tried, or nothing differs"},
    {"ConfigurationChange", "needs_restart", "boolean", "it comes into force with a restart, not with the reload"},
    {"ConfigurationChange", "diff", "[string]", "lines: - before, + after, two lines around them; secrets are left out"},
    {"ConfigurationChange", "problems", "[string]", "what would be wrong, with line and nearest name; with any, nothing is made"},
    {"ConfigurationChange", "revision", "integer?", "of the policy in force since; null: none was made"},
    {"ConfigurationChange", "hash", "string", "SHA-256 of the file as it is now"},
    {NULL, NULL, NULL, NULL},
};
