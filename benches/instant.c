/*
 * A QMP server that answers at once, so that only the client's own time is left to measure.
 *
 *   instant SOCKET status           query-status is answered as QEMU answers it
 *   instant SOCKET string BYTES     ... with one string of so many bytes
 *   instant SOCKET objects BYTES    ... with a list of small objects, so many bytes in all
 *   instant SOCKET events COUNT     ... after so many events
 *
 * One client after the other, until it is killed.
 */
#include "qmp.h"
#include <signal.h>

static const char GREETING[] = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "
                               "\"package\": \"instant\"}, \"capabilities\": [\"oob\"]}}\r\n";

/* What goes out before the id of a reply to query-status. */
static char *answer;
static size_t answer_length;

/* Answers collected, to go out together when everything read has been looked at. */
static char out[1 << 18];
static size_t out_length;

static void flush(int fd)
{
    /* When the client has gone, the next read says so. */
    (void)!write_all(fd, out, out_length);
    out_length = 0;
}

static void reply(int fd, const char *head, size_t head_length, const char *id, int id_length)
{
    if (out_length + head_length + 64 > sizeof out)
        flush(fd);
    if (head_length + 64 > sizeof out) {
        (void)!write_all(fd, head, head_length);
    } else {
        memcpy(out + out_length, head, head_length);
        out_length += head_length;
    }
    out_length += (size_t)snprintf(out + out_length, 64, ", \"id\": %.*s}\r\n", id_length, id);
}

static void serve_one(int fd, const char *request, size_t length)
{
    const char *id = memmem(request, length, "\"id\":", 5);
    id = id ? id + 5 : "0}";
    int id_length = (int)strspn(id, "0123456789");
    if (memmem(request, length, "\"query-status\"", 14)) {
        reply(fd, answer, answer_length, id, id_length);
    } else if (memmem(request, length, "\"qmp_capabilities\"", 18)) {
        static const char DONE[] = "{\"return\": {}";
        reply(fd, DONE, sizeof DONE - 1, id, id_length);
    } else {
        static const char UNKNOWN[] = "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no such command\"}";
        reply(fd, UNKNOWN, sizeof UNKNOWN - 1, id, id_length);
    }
}

static void serve(int fd)
{
    /* Commands have no braces in strings here, so counting them finds their ends. */
    static char in[1 << 16];
    size_t filled = 0;
    if (!write_all(fd, GREETING, sizeof GREETING - 1))
        return;
    for (;;) {
        ssize_t n = read(fd, in + filled, sizeof in - filled);
        if (n <= 0)
            return;
        filled += (size_t)n;
        size_t start = 0;
        int depth = 0;
        for (size_t at = 0; at < filled; at++) {
            if (in[at] == '{') {
                depth++;
            } else if (in[at] == '}' && --depth == 0) {
                serve_one(fd, in + start, at + 1 - start);
                start = at + 1;
            }
        }
        flush(fd);
        filled -= start;
        memmove(in, in + start, filled);
        errno = 0;
        if (filled == sizeof in)
            die("a command is longer than %zu bytes", sizeof in);
    }
}

static void prepare(const char *mode, unsigned long size)
{
    const size_t room = strcmp(mode, "events") == 0 ? size * 128 + 128 : size + 256;
    char *at = answer = malloc(room);
    if (!answer)
        die("memory for %zu bytes", room);
    if (strcmp(mode, "string") == 0) {
        at = stpcpy(at, "{\"return\": \"");
        memset(at, 'x', size);
        at = stpcpy(at + size, "\"");
    } else if (strcmp(mode, "objects") == 0) {
        at = stpcpy(at, "{\"return\": [");
        for (unsigned long n = 0; at < answer + size - 64; n++)
            at += sprintf(at, "%s{\"number\": %lu, \"name\": \"node%lu\"}", n ? ", " : "", n, n);
        at = stpcpy(at, "]");
    } else {
        for (unsigned long n = 0; strcmp(mode, "events") == 0 && n < size; n++)
            at += sprintf(at, "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": %lu}, "
                              "\"event\": \"BENCH\", \"data\": {\"n\": %lu}}\r\n", n % 1000000, n);
        at = stpcpy(at, "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}");
    }
    answer_length = (size_t)(at - answer);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        errno = 0;
        die("usage: instant SOCKET status | string BYTES | objects BYTES | events COUNT");
    }
    signal(SIGPIPE, SIG_IGN);
    prepare(argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 0);
    struct sockaddr_un address;
    int listener = unix_socket(argv[1], &address);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0)
        die("listen on %s", argv[1]);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            die("accept");
        serve(fd);
        close(fd);
    }
}
