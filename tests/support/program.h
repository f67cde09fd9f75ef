/* tests/support/program.h -- runs the real `hagane` and keeps what it said */
#ifndef HG_TEST_PROGRAM_H
#define HG_TEST_PROGRAM_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int code;  /* exit status, or -signal */
    char *out; /* standard output, NUL-terminated */
    char *err; /* standard error */
} program_result;

enum { PROGRAM_FOREVER = 0 };

/* Words behind `hagane`, ended by NULL: program_run("suggest", path, "--json", NULL). Standard input is empty. The result
 * stays until the next run; program_keep copies one. */
program_result program_run(const char *word, ...) __attribute__((sentinel));
/* The same with `input` on standard input, run in `folder` (NULL: here); words as one array ended by NULL. */
program_result program_run_words(const char *const *words, const char *input, const char *folder);
/* The same through `sh -c`: $HAGANE is the program. For pipes, signals and redirections. */
program_result program_shell(const char *command);
void program_forget(void); /* frees what the last run left */

void test_write_file(const char *path, const char *text);
char *test_read_file(const char *path); /* the caller's; NULL when there is none */
bool test_file_exists(const char *path);
#endif
