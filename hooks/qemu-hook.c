/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libvirt runs from hooks/qemu.d as `HOOK domain op sub-op extra`, with
 * the domain's XML on stdin: hands the daemon one datagram and ends.
 *
 * libvirt waits for it without a limit while it holds the domain's lock, and
 * an exit status other than 0 stops the VM from starting or, when libvirtd
 * restarts, kills it. So whatever happens it prints nothing, is gone within
 * DEADLINE_MS and exits with 0. Nobody misses a message that gets lost: the
 * daemon learns the same, a little later, from libvirt's events.
 *
 * No stdio, no malloc, no libvirt call (it would wait for the lock). */
#include "../include/hook-msg.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* 200 ms are promised; exec and exit are in them too. The message without the
 * XML must still get out when stdin used up its share. */
enum { DEADLINE_MS = 180, STDIN_MS = 120 };

/* Volatile, so that the marker stays in the program. */
static const char *volatile marker = VSF_HOOK_MARKER VSF_VERSION;

/* Too large for a stack that a resource limit may have made small. */
static char xml_buffer[VSF_HOOK_MESSAGE_SIZE_MAX];
static char message_buffer[VSF_HOOK_MESSAGE_SIZE_MAX];
static char signal_stack[16384];

static void
leave(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

/* Whatever would end or stop this process ends it well. */
static void
catch_signals(void)
{
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
    sigset_t none;

    sigaltstack(&stack, NULL);
    sigfillset(&action.sa_mask);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGCHLD && number != SIGCONT && number != SIGURG && number != SIGWINCH)
            sigaction(number, &action, NULL);
    /* The parent's mask is inherited; a blocked SIGALRM would be no deadline. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
start_deadline(void)
{
    struct itimerval timer = {.it_value = {.tv_usec = DEADLINE_MS * 1000}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

static long
now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* The XML's length; 0 if stdin is not there, has too much, or is too slow: half
 * an XML helps nobody. libvirt does not mind a stdin that is not read to its
 * end. */
static size_t
read_stdin(void)
{
    long until = now_ms() + STDIN_MS;
    size_t used = 0;

    while (used < sizeof(xml_buffer)) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        long left = until - now_ms();
        ssize_t got;
        int ready = left > 0 ? poll(&input, 1, (int)left) : 0;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return 0;
        got = read(STDIN_FILENO, xml_buffer + used, sizeof(xml_buffer) - used);
        if (got == 0)
            return used;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR && errno != EAGAIN)
            return 0;
    }
    return 0;
}

/* The variable is for tests: libvirt gives a hook a clean environment. */
static bool
find_socket(struct sockaddr_un *address)
{
    const char *path = secure_getenv("VIRT_SFLOW_HOOK_SOCKET");
    size_t length;

    if (path == NULL || path[0] == '\0')
        path = VSF_HOOK_SOCKET_PATH;
    length = strnlen(path, sizeof(address->sun_path));
    if (length == sizeof(address->sun_path))
        return false;
    memcpy(address->sun_path, path, length);
    return true;
}

static bool
send_message(int fd, const struct sockaddr_un *address, const VsfHookMessage *message)
{
    size_t size = vsf_hook_message_encode(message, message_buffer, sizeof(message_buffer));

    return size > 0 && sendto(fd, message_buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                              (const struct sockaddr *)address, sizeof(*address)) >= 0;
}

static void
tell_daemon(const VsfHookMessage *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    VsfHookMessage bare = {.op = message->op, .name = message->name};
    int fd;

    if (!find_socket(&address))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    /* Too large for the format, or for a kernel with small socket buffers: the
     * name alone is worth having. */
    if (!send_message(fd, &address, message) && message->xml != NULL)
        send_message(fd, &address, &bare);
}

int
main(int argc, char **argv)
{
    VsfHookMessage message = {0};

    catch_signals();
    start_deadline();
    /* Only these two are news: `start` comes with the taps there and the CPUs
     * not running yet, `stopped` before libvirt's event. `prepare` has no tap,
     * `started` comes with an event, and after `reconnect` the daemon lists all
     * domains anyway: leaving at once is best where a failure kills a VM. */
    if (argc >= 3 && marker[0] != '\0') {
        message.name = argv[1];
        message.op = argv[2];
        if (strcmp(message.op, "start") == 0) {
            /* Before the socket: with stdin closed that would be fd 0. */
            message.xml_length = read_stdin();
            message.xml = message.xml_length > 0 ? xml_buffer : NULL;
            tell_daemon(&message);
        } else if (strcmp(message.op, "stopped") == 0) {
            tell_daemon(&message);
        }
    }
    _exit(0);
}
