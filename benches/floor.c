/*
 * The floor: what a QMP client costs that does nothing but move bytes. qmpsh is measured against it.
 *
 *   floor SOCKET copy                   one query-status; everything up to the end of its reply goes to stdout
 *   floor SOCKET loop COUNT [FLIGHT]    COUNT times query-status, FLIGHT of them unanswered at once (default 1)
 */
#include "qmp.h"

/* 33 bytes, the same that qmpsh sends. */
static const char STATUS[] = "{\"execute\":\"query-status\",\"id\":1}";
static const size_t STATUS_LENGTH = sizeof STATUS - 1;
static const char CAPABILITIES[] = "{\"execute\":\"qmp_capabilities\",\"id\":0}";

static char buffer[1 << 16];

static size_t read_some(int fd)
{
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0)
        die("read");
    errno = 0;
    if (n == 0)
        die("the server has closed the connection");
    return (size_t)n;
}

static void send_bytes(int fd, const char *bytes, size_t length)
{
    if (!write_all(fd, bytes, length))
        die("write");
}

static size_t count_lines(const char *bytes, size_t length)
{
    size_t lines = 0;
    for (const char *end = bytes + length; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))); bytes++)
        lines++;
    return lines;
}

/* The server writes a message a line. */
static void read_line(int fd)
{
    while (buffer[read_some(fd) - 1] != '\n')
        ;
}

static int negotiate(const char *path)
{
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect %s", path);
    read_line(fd);
    send_bytes(fd, CAPABILITIES, sizeof CAPABILITIES - 1);
    read_line(fd);
    return fd;
}

static void loop(int fd, unsigned long count, unsigned long flight)
{
    char *commands = malloc(flight * STATUS_LENGTH);
    if (!commands)
        die("memory for %lu commands", flight);
    for (unsigned long i = 0; i < flight; i++)
        memcpy(commands + i * STATUS_LENGTH, STATUS, STATUS_LENGTH);

    unsigned long sent = flight < count ? flight : count, answered = 0;
    send_bytes(fd, commands, sent * STATUS_LENGTH);
    while (answered < count) {
        unsigned long replies = count_lines(buffer, read_some(fd));
        answered += replies;
        unsigned long more = replies < count - sent ? replies : count - sent;
        if (more > 0)
            send_bytes(fd, commands, more * STATUS_LENGTH);
        sent += more;
    }
    free(commands);
}

/* The end of the reply, as QEMU and `instant` write it. */
static const char END[] = "\"id\": 1}\r\n";

static void copy(int fd)
{
    const size_t length = sizeof END - 1;
    char tail[sizeof END - 1] = {0};
    send_bytes(fd, STATUS, STATUS_LENGTH);
    for (bool ended = false; !ended;) {
        size_t n = read_some(fd);
        send_bytes(STDOUT_FILENO, buffer, n);
        size_t fresh = n < length ? n : length;
        memmove(tail, tail + fresh, length - fresh);
        memcpy(tail + length - fresh, buffer + n - fresh, fresh);
        ended = memcmp(tail, END, length) == 0;
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[2] : "";
    if (strcmp(mode, "copy") == 0) {
        copy(negotiate(argv[1]));
    } else if (strcmp(mode, "loop") == 0 && argc > 3) {
        unsigned long flight = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
        loop(negotiate(argv[1]), strtoul(argv[3], NULL, 10), flight ? flight : 1);
    } else {
        errno = 0;
        die("usage: floor SOCKET loop COUNT [FLIGHT] | copy");
    }
    return 0;
}
