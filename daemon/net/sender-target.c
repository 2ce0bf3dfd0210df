/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What faults mean over time is sender-state's, when a name is looked up
 * sender-lookup's. */
#include "sender-target.h"

#include "../base/event.h"
#include "sender-lookup.h"
#include "sender-socket.h"
#include "sender-state.h"
#include "sender-waiting.h"

#include <errno.h>
#include <string.h>

#define REOPEN_US G_USEC_PER_SEC
/* Names are asked for also while all is well: UDP does not tell that a collector
 * moved. With a spread, since many hosts start at once. */
#define LOOKUP_S 45
#define LOOKUP_SPREAD_S 30

struct VsfTarget {
    const VsfTargetCommon *common;
    VsfCollectorAddress *address;
    VsfSenderState state;
    VsfLookup *lookup;                /* NULL: its address is literal */
    char *lookup_error;               /* why the name did not resolve last, or NULL */
    GList *candidates;                /* GInetAddress, from the last lookup that had any */
    GInetAddress *used;               /* one of them or of an earlier lookup; NULL: none yet */
    guint n_untried;                  /* candidates after @used not tried since the lookup */
    gint64 used_since_us, clean_us;   /* @used was taken; it last showed no fault */
    VsfSenderSocket socket;           /* closed while there is none */
    VsfSendError closed_kind;         /* why it is closed */
    gint64 reopened_us;               /* last try */
    gboolean obstructed;              /* it failed: @last_error says why no socket can be opened */
    gboolean was_ready;               /* a lookup ended: nothing waits any more */
    VsfSenderWaiting waiting;         /* for the first lookup */
    guint64 datagrams, bytes, errors; /* @errors: the sum of @errors_by */
    guint64 errors_by[VSF_N_SEND_ERRORS];
    char *last_error;
    gint64 last_sent_us;
    guint told_mtu;
};

static void
count_errors(VsfTarget *target, VsfSendError kind, guint n)
{
    target->errors += n;
    target->errors_by[kind] += n;
}

static gboolean
has_socket(const VsfTarget *target)
{
    return target->socket.fd >= 0;
}

/* Something is wrong with the path to the collector. Logged when it begins; a
 * name is looked up more often as long as it lasts. A full queue is no matter of
 * addresses. */
static void
note_fault(VsfTarget *target, VsfSendError kind, const char *message)
{
    gboolean begins = vsf_sender_state_fault(&target->state, g_get_monotonic_time());
    g_autofree char *next = NULL, *text = g_strdup(message); /* it may be the last one */

    g_free(target->last_error);
    target->last_error = g_steal_pointer(&text);
    if (target->lookup != NULL && kind != VSF_SEND_FULL && target->state.n_lookups == 0) {
        guint wait_s = vsf_sender_state_next_lookup_s(&target->state);

        vsf_lookup_plan(target->lookup, wait_s);
        next = g_strdup_printf(", and looking it up again in %u s", wait_s);
    }
    if (begins)
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_COLLECTOR_FAILING,
                      &(VsfLogAbout){.collector = target->address->text},
                      "collector %s: %s; going on%s; %s", target->address->text, target->last_error,
                      next != NULL ? next : " with every datagram", vsf_send_error_remedy(kind));
}

static void
note_recovery(VsfTarget *target)
{
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_COLLECTOR_WORKS,
                  &(VsfLogAbout){.collector = target->address->text},
                  "collector %s: works again, after %u faults in %u s", target->address->text,
                  target->state.n_faults, vsf_sender_state_outage_s(&target->state));
}

static void
note_clean(VsfTarget *target, gint64 now_us)
{
    target->clean_us = now_us;
    if (target->state.failing) {
        if (!vsf_sender_state_clean(&target->state, now_us))
            return;
        note_recovery(target);
    }
    target->obstructed = FALSE;
    g_clear_pointer(&target->last_error, g_free);
}

/* An address that took datagrams for a while is not left for another of the
 * same name at its first fault: the other may swallow everything unseen. */
static gboolean
is_proven(const VsfTarget *target)
{
    return has_socket(target) && target->clean_us > 0 &&
           target->clean_us - target->used_since_us >= VSF_SENDER_RECOVERED_US;
}

/* Replaces the socket by one to @address; FALSE: it stays. */
static gboolean
open_socket(VsfTarget *target, GInetAddress *address, GError **error)
{
    const VsfTargetCommon *common = target->common;
    VsfSenderSocket opened = VSF_SENDER_SOCKET_CLOSED;
    int code = 0;

    if (!vsf_sender_socket_open(&opened, address, target->address->port, target->address->device,
                                common->source, common->dscp, &code, error)) {
        target->closed_kind = vsf_send_error_of(code);
        return FALSE;
    }
    vsf_sender_socket_close(&target->socket);
    target->socket = opened;
    target->obstructed = FALSE;
    return TRUE;
}

static void
use_address(VsfTarget *target, GInetAddress *address)
{
    gboolean moved = target->used == NULL || !g_inet_address_equal(target->used, address);

    target->used_since_us = g_get_monotonic_time();
    target->clean_us = 0;
    if (!moved)
        return;
    if (target->lookup != NULL) {
        g_autofree char *text = g_inet_address_to_string(address);

        g_message("collector %s: sending to %s", target->address->text, text);
    }
    g_set_object(&target->used, address);
    target->told_mtu = 0;
    target->common->moved(target, target->common->user_data);
}

/* The candidate after @used, or the first. */
static GList *
next_candidate(const VsfTarget *target)
{
    GList *at = target->candidates;

    if (target->used == NULL)
        return at;
    while (at != NULL && !g_inet_address_equal(at->data, target->used))
        at = at->next;
    return at != NULL && at->next != NULL ? at->next : target->candidates;
}

/* Takes the next candidate to which a socket can be opened, of those that were
 * not tried since the lookup. FALSE if there is none: the present socket, if
 * any, stays. */
static gboolean
use_next_candidate(VsfTarget *target, GError **error)
{
    GList *at = next_candidate(target);

    for (; target->n_untried > 0; at = at->next != NULL ? at->next : target->candidates) {
        target->n_untried--;
        if (error != NULL)
            g_clear_error(error);
        if (!open_socket(target, at->data, error))
            continue;
        use_address(target, at->data);
        return TRUE;
    }
    return FALSE;
}

static int
compare_addresses(gconstpointer a, gconstpointer b)
{
    return g_inet_address_equal((GInetAddress *)a, (GInetAddress *)b) ? 0 : 1;
}

/* Whether the name's last answer has the address that is used. */
static gboolean
is_confirmed(const VsfTarget *target)
{
    return has_socket(target) &&
           g_list_find_custom(target->candidates, target->used, compare_addresses) != NULL;
}

/* For when this host itself has no way to where it sends, which is no hearsay: a
 * device that was made anew, or a source address that came back, needs a new
 * socket, and a name may have an address of the family that is left. Tried at
 * most once a second. FALSE: nothing changed, and @error may say what is in the way. */
static gboolean
reopen(VsfTarget *target, gint64 now_us, GError **error)
{
    gboolean had_socket = has_socket(target);
    gboolean same_helps = had_socket &&
                          (target->address->device != NULL || target->common->source != NULL);
    guint n_others = g_list_length(target->candidates) - (is_confirmed(target) ? 1 : 0);

    if (target->candidates == NULL || (n_others == 0 && !same_helps) ||
        now_us - target->reopened_us < REOPEN_US)
        return FALSE;
    target->reopened_us = now_us;
    target->n_untried = n_others;
    target->obstructed = !(same_helps && open_socket(target, target->used, error)) &&
                         !use_next_candidate(target, error);
    return !target->obstructed;
}

static void
note_mtu(VsfTarget *target, guint mtu, gsize size)
{
    if (mtu == target->told_mtu)
        return;
    target->told_mtu = mtu;
    g_message(
        "collector %s: a router on the way takes packets of up to %u bytes: a datagram was "
        "lost, those that follow are split; a lower [sflow] datagram-bytes than %" G_GSIZE_FORMAT
        " avoids it",
        target->address->text, mtu, size);
}

/* Counts what ICMP messages say about earlier datagrams, each by itself. 0, or
 * the last of them that means a fault. */
static int
count_told(VsfTarget *target, gsize size)
{
    guint mtu = 0;
    int fault = 0, code;

    while ((code = vsf_sender_socket_told(&target->socket, &mtu)) != 0) {
        count_errors(target, vsf_send_error_of(code), 1);
        if (vsf_send_error_of(code) == VSF_SEND_TOO_BIG)
            note_mtu(target, mtu, size);
        else
            fault = code;
    }
    return fault;
}

/* This datagram is lost. */
static void
note_lost(VsfTarget *target, int code, const GError *obstacle)
{
    VsfSendError kind = vsf_send_error_of(code);

    count_errors(target, kind, 1);
    if (obstacle != NULL)
        note_fault(target, kind, obstacle->message);
    else if (target->obstructed && kind == VSF_SEND_UNREACHABLE)
        note_fault(target, kind, target->last_error);
    else if (kind == VSF_SEND_FULL)
        note_fault(target, kind, "the queue of its socket or interface is full");
    else if (code == EINVAL)
        note_fault(target, kind, "this host has no way to it (as with a blackhole route)");
    else
        note_fault(target, kind, g_strerror(code));
}

/* An ICMP message belongs to an earlier datagram, and this one was not sent for
 * it: so it is tried once more, also where a new socket or another address of
 * the name may help. A full queue is left alone. */
static void
send_one(VsfTarget *target, const guint8 *data, gsize size)
{
    g_autoptr(GError) obstacle = NULL;
    gint64 now_us = g_get_monotonic_time();
    int code = vsf_sender_socket_send(&target->socket, data, size), told = 0;

    if (code != 0 && vsf_send_error_of(code) != VSF_SEND_FULL) {
        told = count_told(target, size);
        if (told == 0 && vsf_send_error_of(code) == VSF_SEND_UNREACHABLE)
            reopen(target, now_us, &obstacle);
        else if (vsf_send_error_of(code) != VSF_SEND_TOO_BIG && !is_proven(target))
            use_next_candidate(target, NULL);
        code = vsf_sender_socket_send(&target->socket, data, size);
    }
    if (code == 0) {
        target->datagrams++;
        target->bytes += size;
        target->last_sent_us = now_us;
    }
    if (code != 0)
        note_lost(target, code, obstacle);
    else if (told != 0)
        note_fault(target, vsf_send_error_of(told), g_strerror(told));
    else
        note_clean(target, now_us);
}

static void
flush_waiting(VsfTarget *target)
{
    GBytes *bytes;

    target->was_ready = TRUE;
    while (has_socket(target) && (bytes = vsf_sender_waiting_pop(&target->waiting)) != NULL) {
        send_one(target, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        g_bytes_unref(bytes);
    }
    count_errors(target, target->closed_kind, vsf_sender_waiting_clear(&target->waiting));
}

/* A socket where there was none: whatever failed before is over. */
static void
note_first_socket(VsfTarget *target)
{
    if (vsf_sender_state_over(&target->state, g_get_monotonic_time()))
        note_recovery(target);
    g_clear_pointer(&target->last_error, g_free);
}

/* An address that works stays as long as the name has it, and one that worked
 * gets a while to come back. */
static gboolean
is_kept(const VsfTarget *target)
{
    return is_confirmed(target) &&
           (!target->state.failing || (is_proven(target) && target->state.n_lookups < 3));
}

/* The answer of a lookup, at least one; takes @candidates. */
static void
use_candidates(VsfTarget *target, GList *candidates)
{
    gboolean had_socket = has_socket(target);
    g_autoptr(GError) error = NULL;

    g_list_free_full(target->candidates, g_object_unref);
    target->candidates = candidates;
    target->n_untried = g_list_length(candidates);
    if (is_kept(target))
        target->n_untried = 0;
    else if (!use_next_candidate(target, &error))
        note_fault(target, target->closed_kind, error->message);
    else if (!had_socket)
        note_first_socket(target);
    flush_waiting(target);
}

/* The name does not resolve: without an address that is a fault, with one that
 * address stays. */
static void
note_no_answer(VsfTarget *target, const char *message)
{
    gboolean begins = target->lookup_error == NULL;
    g_autofree char *text = target->used != NULL ? g_inet_address_to_string(target->used) : NULL;

    g_free(target->lookup_error);
    target->lookup_error = g_strdup(message);
    if (target->used == NULL) {
        target->closed_kind = VSF_SEND_NO_ADDRESS;
        note_fault(target, VSF_SEND_NO_ADDRESS, message);
        flush_waiting(target);
    } else if (begins) {
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_COLLECTOR_UNRESOLVED,
                      &(VsfLogAbout){.collector = target->address->text},
                      "collector %s: its name does not resolve any more: %s; going on with %s; %s",
                      target->address->text, message, text,
                      vsf_send_error_remedy(VSF_SEND_NO_ADDRESS));
    }
}

static guint
next_lookup_s(VsfTarget *target)
{
    if (target->state.failing)
        return vsf_sender_state_next_lookup_s(&target->state);
    return LOOKUP_S + (guint)g_random_int_range(0, LOOKUP_SPREAD_S);
}

static void
on_lookup(GList *addresses, const GError *error, gpointer user_data)
{
    VsfTarget *target = user_data;

    if (addresses == NULL) {
        note_no_answer(target, error->message);
    } else {
        if (target->lookup_error != NULL && target->used != NULL)
            g_message("collector %s: its name resolves again", target->address->text);
        g_clear_pointer(&target->lookup_error, g_free);
        use_candidates(target, addresses);
    }
    if (!vsf_lookup_is_planned(target->lookup)) /* by a fault that was just noted */
        vsf_lookup_plan(target->lookup, next_lookup_s(target));
}

VsfTarget *
vsf_target_new(const VsfCollectorAddress *address, const VsfTargetCommon *common)
{
    VsfTarget *target = g_new0(VsfTarget, 1);
    GInetAddress *literal = g_inet_address_new_from_string(address->host);

    target->common = common;
    target->socket = (VsfSenderSocket)VSF_SENDER_SOCKET_CLOSED;
    target->closed_kind = VSF_SEND_NO_ADDRESS;
    target->address = vsf_collector_address_copy(address);
    target->state.since_us = g_get_monotonic_time();
    if (literal != NULL) {
        use_candidates(target, g_list_append(NULL, literal));
    } else {
        target->lookup = vsf_lookup_new(common->resolver, address->host, on_lookup, target);
        vsf_lookup_start(target->lookup);
    }
    return target;
}

void
vsf_target_free(VsfTarget *target)
{
    if (target == NULL)
        return;
    g_clear_pointer(&target->lookup, vsf_lookup_free);
    vsf_sender_socket_close(&target->socket);
    g_list_free_full(target->candidates, g_object_unref);
    g_clear_object(&target->used);
    vsf_sender_waiting_clear(&target->waiting);
    vsf_collector_address_free(target->address);
    g_free(target->lookup_error);
    g_free(target->last_error);
    g_free(target);
}

const VsfCollectorAddress *
vsf_target_collector(const VsfTarget *target)
{
    return target->address;
}

void
vsf_target_reopen(VsfTarget *target)
{
    g_autoptr(GError) error = NULL;

    if (target->used == NULL || open_socket(target, target->used, &error))
        return;
    vsf_sender_socket_close(&target->socket);
    note_fault(target, target->closed_kind, error->message);
}

void
vsf_target_send(VsfTarget *target, const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;

    if (!target->was_ready) {
        count_errors(target, VSF_SEND_NO_ADDRESS,
                     vsf_sender_waiting_push(&target->waiting, data, size));
        return;
    }
    if (!has_socket(target) && reopen(target, g_get_monotonic_time(), &error))
        note_first_socket(target);
    if (has_socket(target)) {
        send_one(target, data, size);
        return;
    }
    count_errors(target, target->closed_kind, 1);
    note_fault(target, target->closed_kind, error != NULL ? error->message : target->last_error);
}

GInetAddress *
vsf_target_address(const VsfTarget *target)
{
    return target->used;
}

VsfCollectorStatus *
vsf_target_status(const VsfTarget *target)
{
    VsfCollectorStatus *status = g_new0(VsfCollectorStatus, 1);

    status->text = target->address->text;
    status->address = vsf_collector_used_text(target->used, target->address->port);
    status->state = target->state.failing ? "failing" : target->was_ready ? "sending" : "resolving";
    status->since_us = target->state.since_us;
    status->datagrams = target->datagrams;
    status->bytes = target->bytes;
    status->errors = target->errors;
    memcpy(status->errors_by, target->errors_by, sizeof(status->errors_by));
    status->last_error = g_strdup(target->last_error);
    status->lookup_error = g_strdup(target->lookup_error);
    status->last_sent_us = target->last_sent_us;
    return status;
}
