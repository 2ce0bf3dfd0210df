/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include "base/order.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE "virt-sflowd: warning: something hangs that should have ended; leaving without it\n"

struct VsfSignals {
    GMutex lock;
    sigset_t set;
    guint patience_ms;
    GSourceFunc stop, hangup; /* NULL until attached */
    gpointer user_data;
    gboolean hangup_told; /* the loop has not taken it up yet */
};

typedef struct {
    guint patience_ms;
    int status;
} Force;

static gpointer
force_end(gpointer data)
{
    const Force *force = data;
    struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};

    vsf_order_take(data);
    g_usleep((gulong)force->patience_ms * 1000);
    /* Not by the log, which may be what hangs. */
    if (poll(&log, 1, 0) == 1 && (log.revents & POLLOUT) &&
        write(STDERR_FILENO, LINE, sizeof(LINE) - 1) < 0)
        _exit(force->status);
    _exit(force->status);
}

void
vsf_signals_end_by_force(guint patience_ms, int status)
{
    Force *force = g_new(Force, 1);

    *force = (Force){patience_ms, status};
    vsf_order_give(force);
    g_thread_unref(g_thread_new("end", force_end, force));
}

static gboolean
hang_up(gpointer data)
{
    VsfSignals *signals = data;
    GSourceFunc hangup;
    gpointer user_data;

    vsf_order_lock(&signals->lock);
    signals->hangup_told = FALSE;
    hangup = signals->hangup;
    user_data = signals->user_data;
    vsf_order_unlock(&signals->lock);
    hangup(user_data);
    return G_SOURCE_REMOVE;
}

/* Many that come before the loop takes one up are one. */
static void
take_hangup(VsfSignals *signals)
{
    if (signals->hangup == NULL || signals->hangup_told)
        return;
    signals->hangup_told = TRUE;
    g_idle_add(hang_up, signals);
}

/* FALSE: this was the last one that counts. */
static gboolean
take(VsfSignals *signals, int number)
{
    if (number == SIGHUP) {
        take_hangup(signals);
        return TRUE;
    }
    if (signals->stop == NULL)
        _exit(EXIT_SUCCESS); /* nothing was made yet */
    g_idle_add_full(G_PRIORITY_HIGH, signals->stop, signals->user_data, NULL);
    vsf_signals_end_by_force(signals->patience_ms, EXIT_SUCCESS);
    return FALSE;
}

static gpointer
wait_for_signals(gpointer data)
{
    VsfSignals *signals = data;
    gboolean more = TRUE;

    vsf_order_take(signals);
    while (more) {
        int number = 0;

        if (sigwait(&signals->set, &number) != 0)
            continue;
        vsf_order_lock(&signals->lock);
        more = take(signals, number);
        vsf_order_unlock(&signals->lock);
    }
    return NULL;
}

VsfSignals *
vsf_signals_start(void)
{
    VsfSignals *signals = g_new0(VsfSignals, 1);

    g_mutex_init(&signals->lock);
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    vsf_order_give(signals);
    g_thread_unref(g_thread_new("signals", wait_for_signals, signals));
    return signals;
}

void
vsf_signals_attach(VsfSignals *signals, guint patience_ms, GSourceFunc stop, GSourceFunc hangup,
                   gpointer user_data)
{
    vsf_order_lock(&signals->lock);
    signals->patience_ms = patience_ms;
    signals->stop = stop;
    signals->hangup = hangup;
    signals->user_data = user_data;
    vsf_order_unlock(&signals->lock);
}
