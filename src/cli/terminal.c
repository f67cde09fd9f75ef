/* cli/terminal.c -- see cli/run.h: words, progress, colours, signals. The one place that looks at the environment.
 *
 * Signals and the terminal belong to the process, so this file keeps the program's only global state.
 */
#include "cli/run.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static atomic_bool interrupted; /* any thread may be the one that gets the signal */

static struct {
    cli_volume volume;
    bool progress, colour_out, colour_err, utf8, stdout_closed, stdout_seen; /* seen: by a person, on a terminal */
    size_t width;
    pthread_mutex_t lock; /* library threads may report too */
    double began, drawn;  /* of the bar on show: seconds */
    size_t first;         /* what was done when it began: a training that goes on begins in the middle */
    char what[80];        /* its words; "" when there is no bar */
} terminal = { .volume = CLI_WORDS, .width = 100, .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_signal(int number) {
    (void)number;
    atomic_store(&interrupted, true);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

static bool locale_is_utf8(void) {
    const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < 3; i++) {
        if (!is_set(names[i])) continue;
        const char *value = getenv(names[i]);
        return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") || strstr(value, "utf-8");
    }
    return false;
}

static size_t columns_of(int fd) {
    struct winsize size;
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
    return size.ws_col < 60 ? 60 : size.ws_col > 160 ? 160 : size.ws_col;
}

void cli_terminal_open(cli_volume volume, bool progress) {
    const char *term = getenv("TERM");
    const bool plain = is_set("NO_COLOR") || (term && strcmp(term, "dumb") == 0);
    terminal.volume = volume;
    terminal.progress = progress && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    terminal.stdout_seen = isatty(STDOUT_FILENO);
    terminal.colour_out = !plain && isatty(STDOUT_FILENO);
    terminal.colour_err = !plain && isatty(STDERR_FILENO);
    terminal.utf8 = locale_is_utf8();
    terminal.width = columns_of(STDOUT_FILENO);
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }; /* the second one kills */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action = (struct sigaction) { .sa_handler = SIG_IGN }; /* a write to a closed pipe says EPIPE instead, */
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL); /* and one beyond the allowed size of a file EFBIG */
}

bool cli_interrupted(void) { return atomic_load(&interrupted); }
size_t cli_terminal_width(void) { return terminal.width; }
bool cli_terminal_utf8(void) { return terminal.utf8; }
const char *cli_bold(bool on) { return !terminal.colour_out ? "" : on ? "\033[1m" : "\033[0m"; }

/* ---- progress: one line that is drawn over, ten times a second at most ------------------------------------------------ */

static void erase_bar(void) {
    if (terminal.what[0]) fputs("\r\033[K", stderr);
    terminal.what[0] = '\0';
}

static void draw_bar(const char *what, size_t done, size_t total) {
    const double t = now();
    if (strncmp(terminal.what, what, sizeof terminal.what - 1) != 0) {
        erase_bar();
        snprintf(terminal.what, sizeof terminal.what, "%s", what);
        terminal.began = t;
        terminal.first = done;
        terminal.drawn = 0;
    }
    if (t - terminal.drawn < 0.1 || t - terminal.began < 0.3) return; /* quick work needs no bar */
    terminal.drawn = t;
    if (total == 0) {
        fprintf(stderr, "\r%s  %zu\033[K", what, done);
    } else {
        char bar[31];
        const double share = done < total ? (double)done / (double)total : 1;
        for (size_t i = 0; i < 30; i++) bar[i] = (double)i < 30 * share ? '#' : '.';
        bar[30] = '\0';
        fprintf(stderr, "\r%s  [%s] %3.0f %%", what, bar, 100 * share);
        if (done > terminal.first && done < total)
            fprintf(stderr, "  %.0f s left",
                    (t - terminal.began) * (double)(total - done) / (double)(done - terminal.first));
        fputs("\033[K", stderr);
    }
    fflush(stderr);
}

static bool on_progress(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    if (terminal.progress) {
        pthread_mutex_lock(&terminal.lock);
        if (total && done >= total)
            erase_bar();
        else
            draw_bar(what, done, total);
        pthread_mutex_unlock(&terminal.lock);
    }
    return !interrupted;
}

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static void on_log(void *user, hg_log_level level, const char *message) {
    (void)user;
    const cli_volume needs = level == HG_LOG_WARN ? CLI_WARNINGS : level == HG_LOG_INFO ? CLI_WORDS : CLI_ALL;
    if (terminal.volume < needs) return;
    pthread_mutex_lock(&terminal.lock);
    erase_bar();
    if (level == HG_LOG_WARN)
        fprintf(stderr, "hagane: %swarning%s: %s\n", terminal.colour_err ? "\033[33m" : "",
                terminal.colour_err ? "\033[0m" : "", message);
    else
        fprintf(stderr, "hagane: %s\n", message);
    pthread_mutex_unlock(&terminal.lock);
}

hg_hooks cli_terminal_hooks(void) { return (hg_hooks) { .log = on_log, .progress = on_progress }; }

/* Deep in the library the message of HG_ENOMEM says for what there was none, and often that alone. */
static bool lacks_memory(const hg_err *err) {
    return err->code == HG_ENOMEM && err->msg[0] && !strstr(err->msg, "memory");
}

void cli_terminal_error(const hg_err *err) {
    const char *red = terminal.colour_err ? "\033[31m" : "", *off = terminal.colour_err ? "\033[0m" : "";
    erase_bar();
    fprintf(stderr, "%shagane:%s %s%s\n", red, off, lacks_memory(err) ? "not enough memory: " : "",
            err->msg[0] ? err->msg : hg_status_name(err->code));
    if (err->hint[0]) fprintf(stderr, "  hint: %s\n", err->hint);
}

/* ---- standard output -------------------------------------------------------------------------------------------------- */

hg_status cli_stdout_write(const char *s, size_t n, hg_err *err) {
    pthread_mutex_lock(&terminal.lock);
    erase_bar();
    pthread_mutex_unlock(&terminal.lock);
    while (n && !terminal.stdout_closed) {
        const ssize_t done = write(STDOUT_FILENO, s, n);
        if (done >= 0) {
            s += done;
            n -= (size_t)done;
        } else if (errno == EPIPE) {
            terminal.stdout_closed = true;
        } else if (errno == EINTR && interrupted) {
            return hg_fail(err, HG_ECANCEL, "interrupted while writing to standard output");
        } else if (errno != EINTR) {
            return hg_fail(err, HG_EIO, "standard output cannot be written: %s", strerror(errno));
        }
    }
    return HG_OK;
}

/* In place: '?' for control characters but line ends, tabs and our own bold. A cell with "\\033[2J" must not clear the
 * screen (messages on standard error are cleaned where they are made). */
static void make_printable(hg_text *t) {
    static const char *const OURS[] = { "\033[1m", "\033[0m" };
    size_t len = 0;
    for (size_t i = 0; i < t->len; i++) {
        const unsigned char c = (unsigned char)t->s[i], next = (unsigned char)t->s[i + 1]; /* NUL behind the last */
        const bool high = c == 0xC2 && next >= 0x80 && next < 0xA0;                        /* U+0080 to U+009F */
        bool keep = (c >= 0x20 && c != 0x7F && !high) || c == '\n' || c == '\t';
        for (size_t k = 0; k < 2; k++)
            keep = keep || (terminal.colour_out && t->len - i >= 4 && memcmp(t->s + i, OURS[k], 4) == 0);
        t->s[len++] = keep ? t->s[i] : '?';
        i += high;
    }
    t->len = len;
}

hg_status cli_stdout_text(hg_text *t, hg_err *err) {
    if (terminal.stdout_seen && !t->failed) make_printable(t);
    const hg_status st =
        t->failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : cli_stdout_write(t->s, t->len, err);
    hg_text_free(t);
    return st;
}
