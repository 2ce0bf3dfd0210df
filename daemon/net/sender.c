/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends datagrams to the collectors: per collector a lookup, a connected
 * socket, and a state. What faults mean over time is sender-state's. */
#include "sender.h"

#include "../base/log.h"
#include "sender-socket.h"
#include "sender-state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX (64 * 1024) /* bytes of datagrams that wait for the first lookup */
#define FULL_LOG_US (60 * G_USEC_PER_SEC)

typedef struct Lookup Lookup;

typedef struct {
    VsfSender *sender;
    VsfCollectorAddress *address;
    VsfSenderState state;
    Lookup *lookup;     /* in flight, or NULL */
    guint retry_id;     /* timeout source of the next lookup */
    GList *candidates;  /* GInetAddress, from the last lookup */
    GInetAddress *used; /* one of them or of an earlier lookup; NULL: none yet */
    guint n_untried;    /* candidates after @used that were not tried since the lookup */
    gint64 used_since_us, clean_us; /* @used was taken; it last showed no fault */
    int fd;                         /* -1 while there is none */
    gboolean was_ready;             /* a lookup ended: nothing waits any more */
    VsfLogRate full_log;
    GQueue waiting; /* GBytes */
    gsize waiting_bytes;
    guint64 datagrams, bytes, errors;
    char *last_error;
    gint64 last_sent_us;
} Collector;

struct VsfSender {
    GPtrArray *collectors; /* Collector */
    GInetAddress *source;
    guint dscp;
    GResolver *resolver;
    VsfSenderReadyFunc ready;
    gpointer ready_data;
    guint ready_id; /* timeout or idle source */
};

/* Outlives its collector if the sender is freed while the resolver works. */
struct Lookup {
    Collector *collector; /* NULL: nobody waits */
    GCancellable *cancel;
};

static void start_lookup(Collector *collector);

static void
set_last_error(Collector *collector, const char *message)
{
    g_free(collector->last_error);
    collector->last_error = g_strdup(message);
}

static gboolean
on_retry(gpointer user_data)
{
    Collector *collector = user_data;

    collector->retry_id = 0;
    if (collector->state.failing)
        start_lookup(collector);
    return G_SOURCE_REMOVE;
}

/* Something is wrong with the path to the collector. Logged when it begins; a
 * new lookup is planned as long as it lasts. */
static void
note_fault(Collector *collector, const char *message)
{
    gboolean begins = vsf_sender_state_fault(&collector->state, g_get_monotonic_time());
    guint wait_s = 0;

    set_last_error(collector, message);
    if (collector->retry_id == 0 && collector->lookup == NULL) {
        wait_s = vsf_sender_state_next_lookup_s(&collector->state);
        collector->retry_id = g_timeout_add_seconds(wait_s, on_retry, collector);
    }
    if (begins)
        g_warning("collector %s: %s; going on, and looking it up again in %u s",
                  collector->address->text, message, wait_s);
}

static void
note_clean(Collector *collector, gint64 now_us)
{
    collector->clean_us = now_us;
    if (collector->state.failing) {
        if (!vsf_sender_state_clean(&collector->state, now_us))
            return;
        g_clear_handle_id(&collector->retry_id, g_source_remove);
        g_message("collector %s: works again", collector->address->text);
    }
    g_clear_pointer(&collector->last_error, g_free);
}

/* An address that took datagrams for a while is not left for another of the
 * same name at its first fault: the other may swallow everything unseen. */
static gboolean
is_proven(const Collector *collector)
{
    return collector->fd >= 0 && collector->clean_us > 0 &&
           collector->clean_us - collector->used_since_us >= VSF_SENDER_RECOVERED_US;
}

static void
close_socket(Collector *collector)
{
    if (collector->fd >= 0)
        close(collector->fd);
    collector->fd = -1;
}

static int
compare_addresses(gconstpointer a, gconstpointer b)
{
    return g_inet_address_equal((GInetAddress *)a, (GInetAddress *)b) ? 0 : 1;
}

static int
open_candidate(Collector *collector, GInetAddress *candidate, GError **error)
{
    VsfSender *sender = collector->sender;

    return vsf_sender_socket_open(candidate, collector->address->port, collector->address->device,
                                  sender->source, sender->dscp, error);
}

static void
use_socket(Collector *collector, GInetAddress *address, int fd)
{
    gboolean moved = collector->used == NULL || !g_inet_address_equal(collector->used, address);

    if (moved && !g_hostname_is_ip_address(collector->address->host)) {
        g_autofree char *text = g_inet_address_to_string(address);

        g_message("collector %s: sending to %s", collector->address->text, text);
    }
    close_socket(collector);
    collector->fd = fd;
    g_set_object(&collector->used, address);
    collector->used_since_us = g_get_monotonic_time();
    collector->clean_us = 0;
}

/* The candidate after @used, or the first. */
static GList *
next_candidate(const Collector *collector)
{
    GList *at = collector->candidates;

    if (collector->used == NULL)
        return at;
    while (at != NULL && !g_inet_address_equal(at->data, collector->used))
        at = at->next;
    return at != NULL && at->next != NULL ? at->next : collector->candidates;
}

/* Takes the next candidate to which a socket can be opened, of those that were
 * not tried since the lookup. FALSE if there is none: the present socket, if
 * any, stays. */
static gboolean
use_next_candidate(Collector *collector, GError **error)
{
    GList *at = next_candidate(collector);

    for (; collector->n_untried > 0; at = at->next != NULL ? at->next : collector->candidates) {
        int fd;

        collector->n_untried--;
        g_clear_error(error);
        fd = open_candidate(collector, at->data, error);
        if (fd < 0)
            continue;
        use_socket(collector, at->data, fd);
        return TRUE;
    }
    return FALSE;
}

/* The host cannot get rid of its packets; another lookup would not help. */
static void
note_full(Collector *collector, gint64 now_us)
{
    static const char message[] = "the queue of its socket or interface is full";
    guint held_back;

    collector->errors++;
    set_last_error(collector, message);
    if (vsf_log_rate_allow(&collector->full_log, now_us, FULL_LOG_US, &held_back))
        g_warning("collector %s: %s; this datagram is lost (and %u since the last such line)",
                  collector->address->text, message, held_back);
}

/* A refusal (and any other ICMP error) belongs to an earlier datagram: this one
 * was not sent, so it is tried once more. */
static void
send_one(Collector *collector, const guint8 *data, gsize size)
{
    gssize sent = send(collector->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    gint64 now_us = g_get_monotonic_time();
    int fault = 0;

    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) {
        fault = errno;
        collector->errors++;
        if (!is_proven(collector))
            use_next_candidate(collector, NULL);
        sent = send(collector->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (sent >= 0) {
        collector->datagrams++;
        collector->bytes += size;
        collector->last_sent_us = now_us;
    }
    if (fault != 0)
        note_fault(collector, g_strerror(fault));
    else if (sent < 0)
        note_full(collector, now_us);
    else
        note_clean(collector, now_us);
}

static void
drop_oldest_waiting(Collector *collector)
{
    g_autoptr(GBytes) oldest = g_queue_pop_head(&collector->waiting);

    collector->waiting_bytes -= g_bytes_get_size(oldest);
    collector->errors++;
}

static void
keep_waiting(Collector *collector, const guint8 *data, gsize size)
{
    if (size > WAITING_MAX) {
        collector->errors++;
        return;
    }
    while (collector->waiting_bytes + size > WAITING_MAX)
        drop_oldest_waiting(collector);
    g_queue_push_tail(&collector->waiting, g_bytes_new(data, size));
    collector->waiting_bytes += size;
}

/* Datagrams wait for the first lookup only: sent much later they would tell old
 * counters as new ones. */
static void
flush_waiting(Collector *collector)
{
    GBytes *bytes;

    collector->was_ready = TRUE;
    while (collector->fd >= 0 && (bytes = g_queue_pop_head(&collector->waiting)) != NULL) {
        send_one(collector, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        collector->waiting_bytes -= g_bytes_get_size(bytes);
        g_bytes_unref(bytes);
    }
    while (!g_queue_is_empty(&collector->waiting))
        drop_oldest_waiting(collector);
}

static gboolean
tell_ready(gpointer user_data)
{
    VsfSender *sender = user_data;
    VsfSenderReadyFunc ready = g_steal_pointer(&sender->ready);
    Collector *first = sender->collectors->len > 0 ? sender->collectors->pdata[0] : NULL;

    sender->ready_id = 0;
    /* The last thing here: @ready may free the sender. */
    if (ready != NULL)
        ready(first != NULL ? first->used : NULL, sender->ready_data);
    return G_SOURCE_REMOVE;
}

static void
tell_ready_soon(VsfSender *sender)
{
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    sender->ready_id = g_idle_add(tell_ready, sender);
}

/* A socket where there was none: whatever failed before is over. */
static void
note_first_socket(Collector *collector)
{
    if (collector->state.failing)
        g_message("collector %s: works again", collector->address->text);
    collector->state.failing = FALSE;
    g_clear_pointer(&collector->last_error, g_free);
}

/* The answer of a lookup, at least one; takes @candidates. */
static void
use_candidates(Collector *collector, GList *candidates)
{
    VsfSender *sender = collector->sender;
    gboolean had_socket = collector->fd >= 0;
    g_autoptr(GError) error = NULL;

    g_list_free_full(collector->candidates, g_object_unref);
    collector->candidates = candidates;
    collector->n_untried = g_list_length(candidates);
    if (is_proven(collector) && collector->state.n_lookups < 3 &&
        g_list_find_custom(candidates, collector->used, compare_addresses) != NULL)
        collector->n_untried = 0; /* it is still there: let it come back */
    else if (!use_next_candidate(collector, &error))
        note_fault(collector, error->message);
    else if (!had_socket)
        note_first_socket(collector);
    flush_waiting(collector);
    if (sender->ready != NULL && collector == sender->collectors->pdata[0] &&
        collector->used != NULL)
        tell_ready_soon(sender);
}

static void
lookup_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Lookup *lookup = user_data;
    Collector *collector = lookup->collector;
    g_autoptr(GError) error = NULL;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);

    g_object_unref(lookup->cancel);
    g_free(lookup);
    if (collector == NULL) {
        g_list_free_full(found, g_object_unref);
        return;
    }
    collector->lookup = NULL;
    if (found != NULL) {
        use_candidates(collector, found);
        return;
    }
    note_fault(collector, error != NULL ? error->message : "its name has no address");
    flush_waiting(collector);
}

static void
start_lookup(Collector *collector)
{
    VsfSender *sender = collector->sender;
    GInetAddress *literal = g_inet_address_new_from_string(collector->address->host);

    if (literal != NULL) {
        use_candidates(collector, g_list_append(NULL, literal));
        return;
    }
    collector->lookup = g_new0(Lookup, 1);
    collector->lookup->collector = collector;
    collector->lookup->cancel = g_cancellable_new();
    g_resolver_lookup_by_name_async(sender->resolver, collector->address->host,
                                    collector->lookup->cancel, lookup_done, collector->lookup);
}

static void
collector_free(Collector *collector)
{
    if (collector->lookup != NULL) {
        collector->lookup->collector = NULL;
        g_cancellable_cancel(collector->lookup->cancel);
    }
    g_clear_handle_id(&collector->retry_id, g_source_remove);
    close_socket(collector);
    g_list_free_full(collector->candidates, g_object_unref);
    g_clear_object(&collector->used);
    g_queue_clear_full(&collector->waiting, (GDestroyNotify)g_bytes_unref);
    vsf_collector_address_free(collector->address);
    g_free(collector->last_error);
    g_free(collector);
}

VsfSender *
vsf_sender_new(const GPtrArray *collectors, const char *source_address, guint dscp, GError **error)
{
    g_autoptr(GInetAddress)
        source = source_address != NULL ? g_inet_address_new_from_string(source_address) : NULL;
    VsfSender *sender;

    if (source_address != NULL && source == NULL) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "source-address %s: is no IP address", source_address);
        return NULL;
    }
    sender = g_new0(VsfSender, 1);
    sender->collectors = g_ptr_array_new_with_free_func((GDestroyNotify)collector_free);
    sender->source = g_steal_pointer(&source);
    sender->dscp = dscp;
    sender->resolver = g_resolver_get_default();
    for (guint i = 0; i < collectors->len; i++) {
        Collector *collector = g_new0(Collector, 1);

        collector->sender = sender;
        collector->fd = -1;
        collector->address = vsf_collector_address_copy(collectors->pdata[i]);
        g_queue_init(&collector->waiting);
        g_ptr_array_add(sender->collectors, collector);
        start_lookup(collector);
    }
    return sender;
}

void
vsf_sender_free(VsfSender *sender)
{
    if (sender == NULL)
        return;
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    g_clear_pointer(&sender->collectors, g_ptr_array_unref);
    g_clear_object(&sender->source);
    g_clear_object(&sender->resolver);
    g_free(sender);
}

void
vsf_sender_send(VsfSender *sender, const guint8 *data, gsize size)
{
    for (guint i = 0; i < sender->collectors->len; i++) {
        Collector *collector = sender->collectors->pdata[i];

        if (collector->fd >= 0)
            send_one(collector, data, size);
        else if (!collector->was_ready)
            keep_waiting(collector, data, size);
        else
            collector->errors++; /* why stands in last_error already */
    }
}

static char *
address_text(const Collector *collector)
{
    g_autofree char *host = NULL;

    if (collector->used == NULL)
        return NULL;
    host = g_inet_address_to_string(collector->used);
    return g_strdup_printf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
                           collector->address->port);
}

void
vsf_collector_status_free(VsfCollectorStatus *status)
{
    if (status == NULL)
        return;
    g_free(status->address);
    g_free(status->last_error);
    g_free(status);
}

GPtrArray *
vsf_sender_status(VsfSender *sender)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_status_free);

    for (guint i = 0; i < sender->collectors->len; i++) {
        const Collector *collector = sender->collectors->pdata[i];
        VsfCollectorStatus *status = g_new0(VsfCollectorStatus, 1);

        status->text = collector->address->text;
        status->address = address_text(collector);
        status->datagrams = collector->datagrams;
        status->bytes = collector->bytes;
        status->errors = collector->errors;
        status->last_error = g_strdup(collector->last_error);
        status->last_sent_us = collector->last_sent_us;
        g_ptr_array_add(list, status);
    }
    return list;
}

void
vsf_sender_when_first_resolved(VsfSender *sender, guint timeout_ms, VsfSenderReadyFunc done,
                               gpointer user_data)
{
    Collector *first = sender->collectors->len > 0 ? sender->collectors->pdata[0] : NULL;

    sender->ready = done;
    sender->ready_data = user_data;
    g_clear_handle_id(&sender->ready_id, g_source_remove);
    if (first == NULL || first->used != NULL)
        tell_ready_soon(sender);
    else
        sender->ready_id = g_timeout_add(timeout_ms, tell_ready, sender);
}
