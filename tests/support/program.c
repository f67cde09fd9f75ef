/* tests/support/program.c -- see program.h. Output goes to files, so that no pipe can fill up and hang. */
#include "program.h"
#include "test.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static program_result last;

void program_forget(void) {
    free(last.out);
    free(last.err);
    last = (program_result) { 0 };
}

bool test_file_exists(const char *path) { return access(path, F_OK) == 0; }

void test_write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

char *test_read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t n = 0, size = 1 << 16;
    char *text = malloc(size);
    for (size_t more; text && (more = fread(text + n, 1, size - n - 1, f)) > 0;) {
        n += more;
        if (size - n < 2) text = realloc(text, size *= 2);
    }
    fclose(f);
    assert_non_null(text);
    text[n] = '\0';
    return text;
}

static void redirect(int fd, const char *path, int flags) {
    const int file = open(path, flags, 0666);
    if (file < 0 || dup2(file, fd) < 0) _exit(127);
    close(file);
}

static program_result run(const char *file, const char *const *words, const char *input, const char *folder) {
    char in[512], out[512], err[512];
    test_scratch(in, sizeof in, "stdin");
    test_scratch(out, sizeof out, "stdout");
    test_scratch(err, sizeof err, "stderr");
    test_write_file(in, input ? input : "");
    program_forget();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        redirect(STDIN_FILENO, in, O_RDONLY);
        redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
        redirect(STDERR_FILENO, err, O_WRONLY | O_CREAT | O_TRUNC);
        if (folder && chdir(folder) != 0) _exit(127);
        char **argv; /* execv promises not to change the words, but its type does not say so */
        memcpy(&argv, &words, sizeof argv);
        execv(file, argv);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    last.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    last.out = test_read_file(out);
    last.err = test_read_file(err);
    assert_int_not_equal(last.code, 127);
    unlink(in);
    unlink(out);
    unlink(err);
    return last;
}

program_result program_run_words(const char *const *words, const char *input, const char *folder) {
    const char *argv[64] = { "hagane" };
    size_t n = 1;
    for (; words[n - 1]; n++) {
        assert_true(n < 63);
        argv[n] = words[n - 1];
    }
    return run(HG_PROGRAM, argv, input, folder);
}

program_result program_run(const char *word, ...) {
    const char *words[64] = { word };
    va_list args;
    va_start(args, word);
    for (size_t n = 1; words[n - 1]; n++) {
        assert_true(n < 63);
        words[n] = va_arg(args, const char *);
    }
    va_end(args);
    return program_run_words(words, NULL, NULL);
}

program_result program_shell(const char *command) {
    const char *const words[] = { "sh", "-c", command, NULL };
    setenv("HAGANE", HG_PROGRAM, 1);
    return run("/bin/sh", words, NULL, NULL);
}
