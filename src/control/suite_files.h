/* suite_files.h - files that a suite names, from the disk: relative to the file in which the name stands. For command-line verbs. */
#ifndef CONTROL_SUITE_FILES_H
#define CONTROL_SUITE_FILES_H

#include "model/reader.h"

/* A whole file, at most LIMIT_SUITE_FILE, in the arena. FAULT_NOT_FOUND, FAULT_TOO_LARGE, FAULT_IO; `error` names the file. */
enum fault suite_files_load(const char *path, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK;

/* What is read lies beside `path`, a file's; `path` must outlive the source. */
struct file_source suite_files_beside(const char *path);

/* The file of the prompt that a suite has by name: NAME.yaml, NAME.md, prompts/NAME.yaml, prompts/NAME.md beside the suite, the first
 * that is there. FAULT_NOT_FOUND: none is; `error` says where it was looked for. A registry of prompts would be asked behind this. */
enum fault suite_files_prompt(const char *suite_path, struct slice name, struct arena *arena, const char **ret_path, struct error *error) MUST_CHECK;

#endif
