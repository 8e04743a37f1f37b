/*
 * Measures a program against another in alternating pairs, each run pinned to one core, and judges the median.
 *
 *   measure [-n PAIRS] [-c CORE] [-o FILE] [-l LINES] [-m BYTES] NAME BAR -- PROGRAM [ARG...] -- FLOOR [ARG...]
 *   measure -p PROMPT [-k KEYS -e TEXT] [-n RUNS] [-c CORE] [-m BYTES] NAME BAR-MS -- PROGRAM [ARG...]
 *
 * stdin is empty; stdout goes to FILE (/dev/null without). LINES is what each must have written, and BYTES is the most
 * memory that PROGRAM may have held. A bar of `inf` is none. With -p the program runs in a terminal: the time until PROMPT appears, what it
 * holds and how often it wakes up in two idle seconds after that. It is at rest when KEYS, and Tab after them, have brought
 * TEXT: then it has all that it asks for by itself.
 *
 * The status is 0 if all is within the bar, 1 if not, 3 if a run failed.
 */
#include "qmp.h"
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static int pairs = 21, core = -1;
static const char *output = "/dev/null", *prompt, *keys, *text;
static long lines = -1;
static double most_memory;

struct run {
    double ms;
    double memory;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void pin_and_exec(char **command)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    if (core >= 0 && sched_setaffinity(0, sizeof cores, &cores) < 0)
        die("pin to core %d", core);
    execvp(command[0], command);
    die("run %s", command[0]);
}

static void redirect(const char *path, int flags, int to)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, to) < 0)
        die("open %s", path);
}

static void check_lines(const char *name)
{
    static char chunk[1 << 16];
    long found = 0;
    int fd = open(output, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < n; i++)
            found += chunk[i] == '\n';
    close(fd);
    errno = 0;
    if (found != lines)
        die("%s has written %ld lines, not %ld", name, found, lines);
}

static struct run run(char **command)
{
    double start = now_ms();
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        redirect("/dev/null", O_RDONLY, STDIN_FILENO);
        redirect(output, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        pin_and_exec(command);
    }
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) < 0)
        die("wait for %s", command[0]);
    double ms = now_ms() - start;
    errno = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("%s has failed: wait status %#x", command[0], (unsigned)status);
    if (lines >= 0)
        check_lines(command[0]);
    return (struct run){.ms = ms, .memory = (double)usage.ru_maxrss * 1024};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts, too: the smallest is the first, the largest the last. */
static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static const char *verdict(bool within, bool *all)
{
    *all = *all && within;
    return within ? "pass" : "OVER";
}

static bool judge_memory(const char *name, double memory, bool *all)
{
    if (most_memory > 0)
        printf("%-10s %44.2f MB   bar %6.2f MB  %s\n", name, memory / 1e6, most_memory / 1e6,
               verdict(memory <= most_memory, all));
    return *all;
}

static bool compare(const char *name, double bar, char **program, char **floor)
{
    double *ratios = calloc((size_t)pairs * 3, sizeof *ratios), memory = 0;
    double *ours = ratios + pairs, *theirs = ours + pairs;
    run(floor), run(program);
    for (int i = 0; i < pairs; i++) {
        /* The order changes too: who comes second may find warmer caches. */
        struct run a, b;
        if (i % 2)
            a = run(program), b = run(floor);
        else
            b = run(floor), a = run(program);
        ours[i] = a.ms, theirs[i] = b.ms, ratios[i] = a.ms / b.ms;
        memory = a.memory > memory ? a.memory : memory;
    }
    bool all = true;
    double middle = median(ratios, pairs);
    printf("%-10s %9.2f ms %9.2f ms   %5.2f (%.2f..%.2f)", name, median(theirs, pairs), median(ours, pairs), middle,
           ratios[0], ratios[pairs - 1]);
    if (isinf(bar))
        printf("\n");
    else
        printf("   bar %6.2f     %s\n", bar, verdict(middle <= bar, &all));
    free(ratios);
    return judge_memory(name, memory, &all);
}

/* The sum of a field over the status files of a process or of its threads. */
static long status_field(const char *pattern, pid_t pid, const char *field)
{
    char path[64], line[256];
    long sum = 0;
    snprintf(path, sizeof path, pattern, (int)pid);
    glob_t found;
    if (glob(path, 0, NULL, &found) != 0)
        die("no %s", path);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "re");
        while (file && fgets(line, sizeof line, file))
            if (strncmp(line, field, strlen(field)) == 0)
                sum += strtol(line + strlen(field), NULL, 10);
        if (file)
            fclose(file);
    }
    globfree(&found);
    return sum;
}

static long wake_ups(pid_t pid)
{
    return status_field("/proc/%d/task/*/status", pid, "voluntary_ctxt_switches:");
}

static char shown[1 << 16];
static size_t filled;

/* Whether the terminal shows `wanted` within the time. */
static bool shows(int terminal, const char *wanted, int patience_ms)
{
    double end = now_ms() + patience_ms;
    while (!strstr(shown, wanted)) {
        int left = (int)(end - now_ms());
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        ssize_t n = poll(&ready, 1, left > 0 ? left : 0) > 0
                        ? read(terminal, shown + filled, sizeof shown - 1 - filled) : 0;
        if (n <= 0)
            return false;
        filled += (size_t)n;
    }
    return true;
}

static bool answers_tab(int terminal)
{
    bool seen = false;
    for (int tries = 0; !seen && tries < 100; tries++)
        seen = write(terminal, "\t", 1) == 1 && shows(terminal, text, 100);
    return seen;
}

/* The time to the prompt; with `wakes`, also what it does when idle. */
static struct run run_to_prompt(char **command, long *wakes)
{
    int terminal;
    double start = now_ms();
    pid_t pid = forkpty(&terminal, NULL, NULL, &(struct winsize){.ws_row = 24, .ws_col = 80});
    if (pid < 0)
        die("forkpty");
    if (pid == 0)
        pin_and_exec(command);
    bool right = shows(terminal, prompt, 10000);
    struct run result = {.ms = now_ms() - start};
    if (right && wakes) {
        if (keys)
            right = write(terminal, keys, strlen(keys)) > 0 && answers_tab(terminal);
        /* Half a second to come to rest. */
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
        long before = wake_ups(pid);
        nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
        *wakes = wake_ups(pid) - before;
        result.memory = (double)status_field("/proc/%d/status", pid, "VmRSS:") * 1024;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(terminal);
    errno = 0;
    if (!right)
        die("no `%s` came, but: %s", strstr(shown, prompt) ? text : prompt, shown);
    memset(shown, 0, filled);
    filled = 0;
    return result;
}

static bool to_prompt(const char *name, double bar, char **program)
{
    double *times = calloc((size_t)pairs, sizeof *times);
    run_to_prompt(program, NULL);
    for (int i = 0; i < pairs; i++)
        times[i] = run_to_prompt(program, NULL).ms;
    bool all = true;
    double middle = median(times, pairs);
    printf("%-10s %12s %9.2f ms         (%.2f..%.2f)   bar %6.2f ms  %s\n", name, "", middle, times[0],
           times[pairs - 1], bar, verdict(middle <= bar, &all));
    free(times);
    long wakes;
    struct run idle = run_to_prompt(program, &wakes);
    printf("%-10s %41ld wake-ups   bar %6d     %s\n", name, wakes, 0, verdict(wakes == 0, &all));
    return judge_memory(name, idle.memory, &all);
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "+n:c:o:l:m:p:k:e:")) != -1;) {
        switch (option) {
        case 'n': pairs = atoi(optarg); break;
        case 'c': core = atoi(optarg); break;
        case 'o': output = optarg; break;
        case 'l': lines = atol(optarg); break;
        case 'm': most_memory = atof(optarg); break;
        case 'p': prompt = optarg; break;
        case 'k': keys = optarg; break;
        case 'e': text = optarg; break;
        default: return 2;
        }
    }
    char **rest = argv + optind;
    errno = 0;
    if (argc - optind < 4 || !keys != !text || pairs < 1 || strcmp(rest[2], "--") != 0)
        die("usage: see the head of measure.c");
    char **program = rest + 3, **floor = program;
    while (*floor && strcmp(*floor, "--") != 0)
        floor++;
    if (prompt)
        return !to_prompt(rest[0], atof(rest[1]), program);
    if (!*floor)
        die("usage: see the head of measure.c");
    *floor++ = NULL;
    return !compare(rest[0], atof(rest[1]), program, floor);
}
