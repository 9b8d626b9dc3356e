/* tables.h - the dialects' tables, one in each dialect's own file, for dialect_of. */
#ifndef DIALECT_TABLES_H
#define DIALECT_TABLES_H

#include "dialect/dialect.h"

extern const struct dialect openai_dialect, anthropic_dialect, azure_dialect;

#endif
