/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns and manners: when an agent is asked, what its answer means for the next
 * time. What is made of the answers is in guests-tell.c, the balloon's period in
 * guests-balloon.c. */
#include "guests-private.h"

#define SPREAD_MS 3000                    /* agents that are there at once are not asked at once */
#define REFUSED_US (300 * G_USEC_PER_SEC) /* until permission is tried for again */
#define ABSENT_US (15 * G_USEC_PER_SEC)   /* the same of a service that is not there */
/* Between two failures of one agent that are told. */
#define LOG_US (3600 * (gint64)G_USEC_PER_SEC)
#define SLOT_US (250 * G_TIME_SPAN_MILLISECOND)

static void
guest_free(gpointer data)
{
    Guest *guest = data;

    vsf_qga_info_free(guest->info);
    vsf_guest_facts_free(guest->facts);
    g_free(guest->version);
    g_free(guest->trouble);
    g_free(guest);
}

/* --- asking ------------------------------------------------------------ */

static gboolean
may_ask(const VsfGuests *guests, const Guest *guest)
{
    return vsf_guests_is_on(guests, guest) && guest->plan == VSF_AGENT_PLAN_ASK &&
           guests->connected && !guests->paused && guest->domain->state == VSF_STATE_RUNNING &&
           !guest->asking && !guest->balloon_asking;
}

static void
set_trouble(Guest *guest, const char *trouble)
{
    if (trouble == guest->trouble)
        return;
    g_free(guest->trouble);
    guest->trouble = g_strdup(trouble);
}

/* There is no agent service, or libvirt lets us read only: true of every VM, and said once. */
static void
note_refused(VsfGuests *guests, const char *why, gint64 patience_us)
{
    if (guests->refused == NULL)
        vsf_log_event(
            G_LOG_LEVEL_WARNING, VSF_EVENT_AGENTS_REFUSED, NULL,
            "guest agents: %s; guests are not asked, nor balloons set (virt-sflow doctor says what "
            "to do, or set [guest] agent = off); everything else goes on",
            why);
    g_free(guests->refused);
    guests->refused = g_strdup(why);
    guests->refused_patience_us = patience_us;
    guests->refused_us = g_get_monotonic_time();
}

/* Its access control may leave out a single VM. */
static void
note_denied(Guest *guest, const char *why)
{
    if (guest->denied_us == 0)
        VSF_GUEST_LOG(MESSAGE, AGENT_DENIED, guest, "%s: guest agent: %s; it is not asked",
                      guest->domain->name, why);
    guest->denied_us = g_get_monotonic_time();
}

static void
take_facts(VsfGuests *guests, Guest *guest, VsfGuestFacts *newer)
{
    g_autofree char *old_name = NULL;

    if (guest->facts == NULL)
        guest->facts = vsf_guest_facts_new();
    old_name = g_strdup(guest->facts->host_name);
    vsf_guest_facts_merge(guest->facts, newer);
    if (g_strcmp0(old_name, guest->facts->host_name) != 0)
        guests->callbacks->named(guest->domain, guests->user_data);
}

static VsfAgentTurn
take_answer(VsfGuests *guests, Guest *guest, VsfAgentAnswer *answer)
{
    guest->requests += answer->n_requests;
    guest->open_handle = answer->open_handle;
    set_trouble(guest, answer->trouble);
    if (answer->info != NULL) {
        g_free(guest->version);
        guest->version = g_strdup(answer->info->version);
        vsf_qga_info_free(guest->info);
        guest->info = g_steal_pointer(&answer->info);
    }
    /* A frozen agent lists nearly everything as disabled, and would never be asked again if
     * that were kept; and one that was restarted with a stricter list speaks like a frozen one. */
    if (answer->frozen)
        g_clear_pointer(&guest->info, vsf_qga_info_free);
    /* Also of a conversation that failed: what came before that, and why the rest is unknown. */
    take_facts(guests, guest, answer->facts);
    if (!answer->answered)
        return VSF_AGENT_TURN_FAILED;
    vsf_agent_manners_took(&guest->manners, answer->took_us, g_get_monotonic_time());
    return answer->frozen ? VSF_AGENT_TURN_FROZEN : VSF_AGENT_TURN_ANSWERED;
}

/* An agent that fails and answers in turns would fill the log. */
static void
log_turn(Guest *guest, VsfAgentTurn turn, guint failures_before)
{
    const char *name = guest->domain->name;
    gint64 now_us = g_get_monotonic_time();

    guest->n_failures += turn == VSF_AGENT_TURN_FAILED;
    if (turn == VSF_AGENT_TURN_FAILED && failures_before == 0 &&
        (guest->logged_us == 0 || now_us - guest->logged_us >= LOG_US)) {
        guest->is_logged = TRUE;
        guest->logged_us = now_us;
        VSF_GUEST_LOG(MESSAGE, AGENT_FAILING, guest,
                      "%s: guest agent: %s; asked again in a minute, then ever more rarely", name,
                      guest->trouble != NULL ? guest->trouble : "no answer");
    } else if (turn == VSF_AGENT_TURN_FAILED) {
        g_debug("%s: guest agent: %s", name, guest->trouble != NULL ? guest->trouble : "no answer");
    } else if (turn == VSF_AGENT_TURN_ANSWERED && guest->is_logged) {
        guest->is_logged = FALSE;
        VSF_GUEST_LOG(MESSAGE, AGENT_ANSWERS, guest, "%s: guest agent: answers again", name);
    }
}

static void
end_turn(VsfGuests *guests, Guest *guest, VsfAgentTurn turn, gint64 slowest_us)
{
    VsfAgentTerms terms = vsf_guests_terms(guests);
    guint failures = guest->manners.failures;
    gint64 quarantined_until_us = guest->manners.quarantined_until_us;

    guest->asking = FALSE;
    if (vsf_agent_manners_ended(&guest->manners, &terms, guest->wants, turn, slowest_us,
                                g_get_monotonic_time()))
        VSF_GUEST_LOG(WARNING, AGENT_QUARANTINED, guest,
                      "%s: guest agent: it takes longer and longer to answer (%d ms now); in "
                      "quarantine for a while, its last numbers will go stale",
                      guest->domain->name, (int)(slowest_us / 1000));
    if (guest->manners.quarantined_until_us != quarantined_until_us)
        vsf_guests_remember(guests, guest);
    log_turn(guest, turn, failures);
}

void
vsf_guests_note_permission(VsfGuests *guests, Guest *guest, const GError *error)
{
    gboolean is_denied = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY)) {
        note_refused(guests, error->message, REFUSED_US);
    } else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
        note_refused(guests, error->message, ABSENT_US);
    } else if (guests->refused != NULL &&
               (error == NULL || is_denied ||
                g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))) {
        g_clear_pointer(&guests->refused, g_free);
        vsf_guests_arm_all(guests);
    }
    if (guest != NULL && guest->asking && is_denied)
        note_denied(guest, error->message);
    else if (guest != NULL && guest->asking && error == NULL)
        guest->denied_us = 0;
}

static void
answered(const char *uuid, gpointer data, const GError *error, gpointer user_data)
{
    VsfAgentAnswer *answer = data;
    VsfGuests *guests = user_data;
    Guest *guest = vsf_guests_find(guests, uuid);

    if (answer != NULL && answer->not_asked != NULL) {
        if (guest != NULL && guest->asking)
            guest->open_handle = answer->open_handle;
        error = answer->not_asked;
        answer = NULL;
    }
    vsf_guests_note_permission(guests, guest, answer != NULL ? NULL : error);
    /* Not asked by this run of the domain: an earlier run's answer. */
    if (guest != NULL && guest->asking) {
        if (answer != NULL) {
            VsfAgentTurn turn = take_answer(guests, guest, answer);

            end_turn(guests, guest, turn, answer->slowest_us);
        } else {
            g_debug("%s: guest agent: %s", uuid, error->message);
            set_trouble(guest, error->message);
            end_turn(guests, guest, VSF_AGENT_TURN_VOID, 0);
        }
        vsf_guests_arm(guests, guest);
    }
}

static void
ask(VsfGuests *guests, Guest *guest, gint64 now_us)
{
    VsfAgentTerms terms = vsf_guests_terms(guests);

    guest->wants = vsf_agent_manners_wants(&guest->manners, &terms, now_us);
    guest->asking = vsf_agents_ask(guests->agents, guest->domain->def->uuid, guest->wants,
                                   guest->info, guest->open_handle, answered, guests);
    /* One VM finds out whether all may be asked. */
    guests->refused_us = now_us;
    if (guest->asking)
        vsf_agent_manners_asked(&guest->manners, now_us);
    else
        end_turn(guests, guest, VSF_AGENT_TURN_VOID, 0);
}

/* --- turns ------------------------------------------------------------- */

/* The next time at which @guest wants something; -1: never as things are. */
static gint64
due_us(const VsfGuests *guests, const Guest *guest)
{
    gint64 agent_us = may_ask(guests, guest) ? vsf_agent_manners_due_us(&guest->manners) : -1;
    gint64 balloon_us = vsf_guests_balloon_due_us(guests, guest);

    if (agent_us >= 0 && guests->refused != NULL)
        agent_us = MAX(agent_us, guests->refused_us + guests->refused_patience_us);
    if (agent_us >= 0 && guest->denied_us != 0)
        agent_us = MAX(agent_us, guest->denied_us + REFUSED_US);
    if (agent_us < 0 || balloon_us < 0)
        return MAX(agent_us, balloon_us);
    return MIN(agent_us, balloon_us);
}

static gboolean is_due(gpointer user_data);

static void
arm_at(VsfGuests *guests, gint64 due)
{
    /* Rounded up, so that turns which are close share a wake-up. */
    gint64 at_us = (due + SLOT_US - 1) / SLOT_US * SLOT_US;
    gint64 wait_us = MAX(at_us - g_get_monotonic_time(), 0);

    if (guests->timer != 0 && guests->armed_us <= at_us)
        return;
    g_clear_handle_id(&guests->timer, g_source_remove);
    guests->armed_us = at_us;
    guests->timer = g_timeout_add((guint)MIN(wait_us / 1000 + 1, G_MAXINT), is_due, guests);
}

void
vsf_guests_arm(VsfGuests *guests, const Guest *guest)
{
    gint64 due = due_us(guests, guest);

    if (due >= 0)
        arm_at(guests, due);
}

void
vsf_guests_arm_all(VsfGuests *guests)
{
    GHashTableIter iter;
    gpointer value;
    gint64 first_us = G_MAXINT64;

    g_hash_table_iter_init(&iter, guests->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        gint64 due = due_us(guests, value);

        if (due >= 0)
            first_us = MIN(first_us, due);
    }
    if (first_us != G_MAXINT64)
        arm_at(guests, first_us);
}

static gboolean
is_due(gpointer user_data)
{
    VsfGuests *guests = user_data;
    gint64 now_us = g_get_monotonic_time();
    GHashTableIter iter;
    gpointer value;

    guests->timer = 0;
    g_hash_table_iter_init(&iter, guests->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Guest *guest = value;
        gint64 due = due_us(guests, guest), balloon_due = vsf_guests_balloon_due_us(guests, guest);

        if (due < 0 || due > now_us)
            continue;
        if (balloon_due >= 0 && balloon_due <= now_us)
            vsf_guests_set_balloon(guests, guest, now_us);
        else
            ask(guests, guest, now_us);
    }
    vsf_guests_arm_all(guests);
    return G_SOURCE_REMOVE;
}

/* --- news -------------------------------------------------------------- */

/* What was learned on a connection of the agent, and is still asked on it, counts for nothing on
 * another. @failed: the question that is out ended it. */
static void
agent_went(Guest *guest, gboolean failed)
{
    guint failures = guest->manners.failures;

    failed = failed && guest->asking;
    guest->asking = FALSE;
    g_clear_pointer(&guest->info, vsf_qga_info_free);
    guest->open_handle = VSF_QGA_NO_HANDLE;
    vsf_agent_manners_disconnected(&guest->manners, failed, g_get_monotonic_time());
    if (failed) {
        set_trouble(guest, "the agent went away when it was asked");
        log_turn(guest, VSF_AGENT_TURN_FAILED, failures);
    }
}

static void
agent_came(VsfGuests *guests, Guest *guest)
{
    gint64 quarantined_until_us = guest->manners.quarantined_until_us;

    agent_went(guest, FALSE);
    vsf_agent_manners_connected(&guest->manners, g_get_monotonic_time(),
                                g_random_int_range(0, SPREAD_MS) * 1000LL);
    if (guest->manners.quarantined_until_us != quarantined_until_us)
        vsf_guests_remember(guests, guest);
}

static void
look_at_xml(VsfGuests *guests, Guest *guest)
{
    const VsfDomain *domain = guest->domain;

    guest->plan = vsf_guests_plan(guests, domain);
    if (domain->def->agent == VSF_AGENT_CONNECTED && !guest->manners.connected)
        agent_came(guests, guest);
    else if (domain->def->agent == VSF_AGENT_DISCONNECTED && guest->manners.connected)
        agent_went(guest, FALSE);
    vsf_guests_arm(guests, guest);
}

void
vsf_guests_domain_added(VsfGuests *guests, VsfDomain *domain)
{
    Guest *guest = g_new0(Guest, 1);

    guest->domain = domain;
    guest->paused_before_us = vsf_guests_paused_us(guests, g_get_monotonic_time());
    guest->memory = guest->available = (VsfTruth){
        .value = VSF_UNKNOWN, .age_s = -1, .why = VSF_WHY_WAITING};
    g_hash_table_replace(guests->by_uuid, g_strdup(domain->def->uuid), guest);
    look_at_xml(guests, guest);
}

void
vsf_guests_domain_changed(VsfGuests *guests, VsfDomain *domain)
{
    Guest *guest = vsf_guests_find(guests, domain->def->uuid);

    if (guest != NULL)
        look_at_xml(guests, guest);
}

void
vsf_guests_domain_removed(VsfGuests *guests, VsfDomain *domain)
{
    const Guest *guest = vsf_guests_find(guests, domain->def->uuid);

    guests->failures_gone += guest != NULL ? guest->n_failures : 0;
    g_hash_table_remove(guests->by_uuid, domain->def->uuid);
}

void
vsf_guests_agent_event(VsfGuests *guests, const char *uuid, gboolean connected)
{
    Guest *guest = vsf_guests_find(guests, uuid);

    if (guest == NULL)
        return;
    /* The XML that was read before is older than that. */
    guest->domain->def->agent = connected ? VSF_AGENT_CONNECTED : VSF_AGENT_DISCONNECTED;
    if (connected)
        agent_came(guests, guest);
    else
        agent_went(guest, TRUE);
    vsf_guests_arm(guests, guest);
}

void
vsf_guests_connected(VsfGuests *guests, gboolean connected)
{
    GHashTableIter iter;
    gpointer value;

    guests->connected = connected;
    /* An agent that was restarted while libvirt was away was announced to nobody. */
    g_hash_table_iter_init(&iter, guests->by_uuid);
    while (connected && g_hash_table_iter_next(&iter, NULL, &value)) {
        Guest *guest = value;

        g_clear_pointer(&guest->info, vsf_qga_info_free);
        guest->open_handle = VSF_QGA_NO_HANDLE;
    }
    vsf_guests_arm_all(guests);
}

/* --- up and down ------------------------------------------------------- */

VsfGuests *
vsf_guests_new(const VsfConfig *config, VsfAgents *agents, VsfGuestStore *store,
               const VsfGuestsCallbacks *callbacks, gpointer user_data)
{
    VsfGuests *guests = g_new0(VsfGuests, 1);

    guests->config = config;
    guests->agents = agents;
    guests->store = store;
    guests->callbacks = callbacks;
    guests->user_data = user_data;
    guests->by_uuid = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, guest_free);
    return guests;
}

void
vsf_guests_free(VsfGuests *guests)
{
    if (guests == NULL)
        return;
    g_clear_handle_id(&guests->timer, g_source_remove);
    g_hash_table_unref(guests->by_uuid);
    g_free(guests->refused);
    g_free(guests);
}
