/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "traffic.h"

#include "../net/tap-lab.h"
#include "report.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLEEP_US 500 /* a wait that is longer is slept, the others are spun */

typedef struct {
    guint n_taps, rate, frames;
} Request;

typedef struct {
    guint64 frames;
    gint64 took_us;
} Reply;

struct Traffic {
    pid_t pid;
    int fd;
    TrafficDone done;
    gpointer user_data;
};

void
traffic_mac(guint number, guint8 mac[6])
{
    const guint8 bytes[6] = {0x52, 0x54, 0, 0, (guint8)(number >> 8), (guint8)number};

    for (guint i = 0; i < 6; i++)
        mac[i] = bytes[i];
}

/* --- the child ------------------------------------------------------------- */

/* The frames that are due, and the time until the next is. */
static Reply
send_frames(const Request *request, const int *taps, guint8 *const *frames, guint frame_bytes)
{
    gint64 begin = g_get_monotonic_time(), elapsed = 0;
    guint64 sent = 0;

    while (sent < request->frames) {
        guint64 due;

        elapsed = g_get_monotonic_time() - begin;
        due = MIN((guint64)elapsed * request->rate / G_USEC_PER_SEC + 1, request->frames);
        for (; sent < due; sent++) {
            guint tap = (guint)(sent % request->n_taps);

            tap_lab_send(taps[tap], frames[tap], frame_bytes);
        }
        if (request->rate < G_USEC_PER_SEC / SLEEP_US)
            g_usleep(G_USEC_PER_SEC / request->rate / 2);
    }
    return (Reply){sent, g_get_monotonic_time() - begin};
}

static G_GNUC_NORETURN void
serve(int fd, const int *taps, guint n_taps, guint frame_bytes)
{
    static const guint8 to[6] = {0x52, 0x54, 0, 1, 0, 0};
    guint8 **frames = g_new(guint8 *, n_taps);
    Request request;

    for (guint i = 0; i < n_taps; i++) {
        guint8 from[6];

        traffic_mac(i, from);
        frames[i] = g_malloc(frame_bytes);
        tap_lab_frame(frames[i], frame_bytes, to, from, 0);
    }
    while (read(fd, &request, sizeof(request)) == sizeof(request)) {
        Reply reply = send_frames(&request, taps, frames, frame_bytes);

        if (write(fd, &reply, sizeof(reply)) != sizeof(reply))
            break;
    }
    _exit(0);
}

/* --- the parent ------------------------------------------------------------ */

Traffic *
traffic_new(const int *taps, guint n_taps, guint frame_bytes, int cpu)
{
    Traffic *traffic = g_new0(Traffic, 1);
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
    traffic->pid = fork();
    g_assert_cmpint(traffic->pid, >=, 0);
    if (traffic->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fds[0]);
        bench_pin(cpu);
        serve(fds[1], taps, n_taps, frame_bytes);
    }
    close(fds[1]);
    traffic->fd = fds[0];
    return traffic;
}

void
traffic_free(Traffic *traffic)
{
    close(traffic->fd);
    waitpid(traffic->pid, NULL, 0);
    g_free(traffic);
}

static gboolean
replied(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Traffic *traffic = user_data;
    TrafficSent sent;
    Reply reply;

    if (read(fd, &reply, sizeof(reply)) != sizeof(reply))
        g_error("the process that makes the traffic has ended");
    sent.frames = reply.frames;
    sent.per_s = (double)reply.frames * G_USEC_PER_SEC / (double)MAX(reply.took_us, 1);
    traffic->done(&sent, traffic->user_data);
    return G_SOURCE_REMOVE;
}

void
traffic_send(Traffic *traffic, guint n_taps, guint rate, guint frames, TrafficDone done,
             gpointer user_data)
{
    Request request = {n_taps, rate, frames};

    traffic->done = done;
    traffic->user_data = user_data;
    g_unix_fd_add(traffic->fd, G_IO_IN | G_IO_HUP, replied, traffic);
    if (write(traffic->fd, &request, sizeof(request)) != sizeof(request))
        g_error("the process that makes the traffic has ended");
}
