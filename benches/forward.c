/*
 * A program between QEMU and its client that passes bytes on and knows nothing of QMP: what the row `share` is compared with.
 *
 *   forward UPSTREAM SOCKET             serves clients at SOCKET, one after the other, until it is killed
 */
#include "qmp.h"
#include <poll.h>
#include <signal.h>

/* Passes on what there is. false if one of the two has closed its connection. */
static bool pass_on(int from, int to)
{
    static char buffer[1 << 16];
    ssize_t n = read(from, buffer, sizeof buffer);
    return n > 0 && write_all(to, buffer, (size_t)n);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        errno = 0;
        die("usage: forward UPSTREAM SOCKET");
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_un address;
    int listener = unix_socket(argv[2], &address);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0)
        die("listen on %s", argv[2]);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            die("accept");
        int upstream = unix_socket(argv[1], &address);
        if (connect(upstream, (struct sockaddr *)&address, sizeof address) < 0)
            die("connect to %s", argv[1]);
        struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = upstream, .events = POLLIN}};
        bool open = true;
        while (open && poll(ends, 2, -1) > 0) {
            if (ends[0].revents)
                open = pass_on(client, upstream);
            if (open && ends[1].revents)
                open = pass_on(upstream, client);
        }
        close(client);
        close(upstream);
    }
}
