/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event.h"

#define MINUTE_US (60 * (gint64)G_USEC_PER_SEC)

typedef struct {
    const char *id;
    guint per_minute;
} Kind;

/* The ids are random and for good: operators' filters name them. */
static const Kind kinds[VSF_N_EVENTS] = {
    [VSF_EVENT_DAEMON_STARTED] = {"af63be91e10b4d51943d0e18058afa7e", 60},
    [VSF_EVENT_DAEMON_STOPPED] = {"127a9aa74f59445b91c612a73c350fd5", 60},
    [VSF_EVENT_LIBVIRT_CONNECTED] = {"e0b0cef211ae4a3a90ea6b6a25e5916b", 60},
    [VSF_EVENT_LIBVIRT_LOST] = {"6d14cc409cd442a7a53514fd9e629493", 60},
    [VSF_EVENT_VM_STARTED] = {"eb7882f9c4784e99be7f3ed3b2bb90bc", 600},
    [VSF_EVENT_VM_ENDED] = {"94acd17b91ca4b34806c36aeb03c4495", 600},
    [VSF_EVENT_COLLECTOR_FAILING] = {"448df366e61c4f288e1dc22ff899d710", 60},
    [VSF_EVENT_COLLECTOR_WORKS] = {"b3f447f2863044cf992e1b97c53feb2e", 60},
    [VSF_EVENT_COLLECTOR_UNRESOLVED] = {"b52087b9f05a4a42842e97ec505c527a", 60},
    [VSF_EVENT_NO_COLLECTOR] = {"0831f70cc6cd439c94b86bc3bce7a37b", 60},
    [VSF_EVENT_AGENTS_REFUSED] = {"ee4446e8d23049978ae8835cc0834841", 60},
    [VSF_EVENT_AGENT_DENIED] = {"0210b5d0b5f74e678eceb4c6942dfb3b", 60},
    [VSF_EVENT_AGENT_FAILING] = {"20cf8a351859450d938ca4a4bfe82d56", 60},
    [VSF_EVENT_AGENT_ANSWERS] = {"7692eacae120402f9748e62dc9c0ff58", 60},
    [VSF_EVENT_AGENT_QUARANTINED] = {"65f3be26a98446789e995018184a99df", 60},
    [VSF_EVENT_BALLOON_SET] = {"e4d520436bc64dfcb3c14252c13e302c", 60},
    [VSF_EVENT_BALLOON_FAILED] = {"3ef4febe94514bebac1206d74d1a88fe", 60},
    [VSF_EVENT_SAMPLER_FAILED] = {"67ac6480955e4b538edf19e67348bc7a", 60},
    [VSF_EVENT_NO_ROOM] = {"add5bca3aa364ad686590666959d4557", 60},
    [VSF_EVENT_ROOM_AGAIN] = {"9d68c432c57542749c59a8bc0b8ff414", 60},
    [VSF_EVENT_FLOOD] = {"fef0c777635b4b3291285cc038143076", 60},
    [VSF_EVENT_CPU_LIMIT] = {"3e5df09e9f854acaa91b1a6310cf588d", 60},
    [VSF_EVENT_CPU_CALM] = {"254ebdf68fac429b8bbb7c65c86ff0ef", 60},
    [VSF_EVENT_STATE_TROUBLE] = {"4310a225dccf4650b76440d0c02c4ecb", 60},
    [VSF_EVENT_STATE_KEPT] = {"edd565c8630947b295c91138dbca0b33", 60},
    [VSF_EVENT_RELOAD_FAILED] = {"0fa1b6c87a124694a02b76e4f9a92edc", 60},
    [VSF_EVENT_RESTART_NEEDED] = {"bf2c56a90bcc4944bc186f471b50b18b", 60},
    [VSF_EVENT_DNS_FAILING] = {"ddbdcd8b4a4143a2a3dca1e97c5458c3", 60},
    [VSF_EVENT_DNS_NOTHING] = {"4f853c43aaa246f39988f47c2d405ac9", 60},
    [VSF_EVENT_DNS_ANSWERS] = {"3acd5bb0634a4b0f8c8d0539daad6326", 60},
    [VSF_EVENT_DNS_REFUSED] = {"acb666d617ac44e691265338658c5c2b", 60},
    [VSF_EVENT_OTHER_BACKEND] = {"aa0dad4b7ba34fde9f785127236e1636", 60},
};

typedef struct {
    VsfEvent event;
    const VsfLogAbout *about;
} Current;

static GMutex lock;
static VsfEventRate rates[VSF_N_EVENTS];
static __thread const Current *current;

const char *
vsf_event_id(VsfEvent event)
{
    return kinds[event].id;
}

gboolean
vsf_event_current(VsfEvent *event, VsfLogAbout *about)
{
    if (current == NULL)
        return FALSE;
    *event = current->event;
    *about = current->about != NULL ? *current->about : (VsfLogAbout){0};
    return TRUE;
}

gboolean
vsf_event_rate_allow(VsfEventRate *rate, gint64 now_us, guint per_minute, guint *held_back)
{
    if (rate->n == 0 || now_us - rate->since_us >= MINUTE_US) {
        rate->since_us = now_us;
        rate->n = 0;
    }
    if (rate->n >= per_minute) {
        rate->held_back++;
        return FALSE;
    }
    rate->n++;
    *held_back = rate->held_back;
    rate->held_back = 0;
    return TRUE;
}

void
vsf_log_event(GLogLevelFlags level, VsfEvent event, const VsfLogAbout *about, const char *format,
              ...)
{
    const Current this_one = {event, about};
    g_autofree char *text = NULL;
    guint held_back = 0;
    gboolean allowed;
    va_list args;

    g_mutex_lock(&lock);
    allowed = vsf_event_rate_allow(&rates[event], g_get_monotonic_time(), kinds[event].per_minute,
                                   &held_back);
    g_mutex_unlock(&lock);
    if (!allowed)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    current = &this_one;
    if (held_back > 0)
        g_log(G_LOG_DOMAIN, level, "%s (%u more of this kind were left out)", text, held_back);
    else
        g_log(G_LOG_DOMAIN, level, "%s", text);
    current = NULL;
}
