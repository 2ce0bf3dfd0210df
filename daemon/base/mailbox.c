/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox.h"

#include "order.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LETTERS_MAX 64 /* at a time; the rest follows without a pause */

typedef struct {
    void (*take)(gpointer item);
    gpointer item;
} Letter;

/* One for all, as the main loop is. */
static GMutex lock;
static GQueue letters = G_QUEUE_INIT;
static int event_fd = -1;

static Letter *
next_letter(void)
{
    Letter *letter;

    vsf_order_lock(&lock);
    letter = g_queue_pop_head(&letters);
    vsf_order_unlock(&lock);
    return letter;
}

static gboolean
is_empty(void)
{
    gboolean empty;

    vsf_order_lock(&lock);
    empty = g_queue_is_empty(&letters);
    vsf_order_unlock(&lock);
    return empty;
}

static gboolean
letters_came(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    eventfd_t count;
    Letter *letter;

    eventfd_read(fd, &count);
    for (guint i = 0; i < LETTERS_MAX && (letter = next_letter()) != NULL; i++) {
        letter->take(letter->item);
        g_free(letter);
    }
    /* Who puts one where others lie wakes nobody. */
    if (!is_empty())
        eventfd_write(fd, 1);
    return G_SOURCE_CONTINUE;
}

void
vsf_mailbox_open(void)
{
    GSource *source;

    if (event_fd >= 0)
        return;
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0)
        g_error("no descriptor for the main loop: %s", g_strerror(errno));
    source = g_unix_fd_source_new(event_fd, G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(letters_came), NULL, NULL);
    /* Else GLib takes the descriptor out of the poll for as long as the callback runs, and wakes
     * the loop for that: one more turn of it each time. No callback runs the loop. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, NULL);
    g_source_unref(source);
}

void
vsf_mailbox_put(void (*take)(gpointer item), gpointer item)
{
    Letter *letter = g_new(Letter, 1);
    gboolean is_first;

    *letter = (Letter){take, item};
    vsf_order_lock(&lock);
    is_first = g_queue_is_empty(&letters);
    g_queue_push_tail(&letters, letter);
    vsf_order_unlock(&lock);
    /* Else one who came before does it. */
    if (is_first)
        eventfd_write(event_fd, 1);
}
