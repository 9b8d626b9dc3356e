/* The shapes of answers about users and sessions. */
#include "control/api.h"

const struct api_field api_fields_console_auth[] = {
    {"Session", "signed_in", "boolean", "by a session, a token, or as this machine while there are neither users nor tokens"},
    {"Session", "user", "SessionUser?", "who; null: nobody"},
    {"Session", "csrf", "string?", "with a session: what x-quarterdeck-csrf has to say where something is changed"},
    {"Session", "expires", "time?", "of the session, unless it is used before; at the latest seven days after it began"},
    {"Session", "demo", "boolean", "nothing here is real"},
    {"Session", "sign_in_needed", "boolean", "nothing is answered until somebody signs in"},
    {"Session", "setup_needed", "boolean", "there are neither users nor tokens: the first admin is made by the link that the server printed"},
    {"Session", "users", "[string]", "who may sign in; only in a demo, else empty"},
    {"Session", "version", "string", "the program's"},
    {"Session", "applications", "[string]", "of the configuration; empty while nobody is signed in"},
    {"SessionUser", "name", "string", "as in the audit log"},
    {"SessionUser", "role", USER_ROLE_NAMES, "what they may"},
    {"Users", "users", "[User]", "by name"},
    {"User", "name", "string", "as in the audit log"},
    {"User", "role", USER_ROLE_NAMES, "what they may"},
    {"User", "enabled", "boolean", "may sign in"},
    {"User", "created_at", "time", "when"},
    {"User", "created_by", "string?", "by whom"},
    {"User", "password_at", "time", "since when the password is this one"},
    {"User", "signed_in_at", "time?", "last; null: never"},
    {"User", "sessions", "integer", "open now"},
    {"RemovedUser", "name", "string", "who is gone"},
    {NULL, NULL, NULL, NULL},
};
