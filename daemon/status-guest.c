/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the status says of a VM's inside: sources and ages of its numbers, its agent, its
 * filesystems. */
#include "status.h"

static void
add_truth(JsonBuilder *builder, const char *name, const VsfTruth *truth)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    vsf_status_number_member(builder, "bytes", truth->value);
    vsf_status_text_member(builder, "source", vsf_source_name(truth->source));
    json_builder_set_member_name(builder, "age_s");
    if (truth->age_s < 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_int_value(builder, truth->age_s);
    vsf_status_text_member(builder, "why", vsf_why_name(truth->why));
    json_builder_end_object(builder);
}

/* What the newest conversation knew of each part, or why not. */
static void
add_parts(JsonBuilder *builder, const VsfGuestFacts *facts)
{
    static const struct {
        VsfQgaPart part;
        const char *name;
    } parts[] = {
        {VSF_QGA_PART_FILESYSTEMS, "filesystems"},
        {VSF_QGA_PART_MEMORY, "memory"},
        {VSF_QGA_PART_LOAD, "load"},
        {VSF_QGA_PART_CPU_STATS, "cpu_stats"},
        {VSF_QGA_PART_OS, "os"},
        {VSF_QGA_PART_HOST_NAME, "host_name"},
    };

    json_builder_set_member_name(builder, "parts");
    json_builder_begin_object(builder);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        vsf_status_text_member(builder, parts[i].name,
                               vsf_qga_state_name(facts != NULL ? facts->state[parts[i].part]
                                                                : VSF_QGA_STATE_NOT_ASKED));
    json_builder_end_object(builder);
}

static void
add_agent(JsonBuilder *builder, const VsfGuestStatus *guest, const VsfGuestFacts *facts)
{
    json_builder_set_member_name(builder, "agent");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "plan", vsf_agent_plan_name(guest->plan));
    vsf_status_text_member(builder, "state", guest->state);
    vsf_status_text_member(builder, "trouble", guest->trouble);
    vsf_status_text_member(builder, "version", guest->version);
    vsf_status_age_member(builder, "answered_s", guest->answered_us);
    json_builder_set_member_name(builder, "latency_ms");
    if (guest->answered_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(builder, (double)guest->latency_us / 1000.0);
    vsf_status_int_member(builder, "failures", guest->failures);
    json_builder_set_member_name(builder, "retry_s");
    if (guest->retry_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(
            builder, (double)MAX(guest->retry_us - g_get_monotonic_time(), 0) / G_USEC_PER_SEC);
    vsf_status_int_member(builder, "requests", (gint64)guest->requests);
    add_parts(builder, facts);
    json_builder_end_object(builder);
}

static void
add_os(JsonBuilder *builder, const VsfGuestFacts *facts)
{
    static const char *const names[] = {NULL,      "other", "linux",     "windows", "darwin",
                                        "hpux",    "aix",   "dragonfly", "freebsd", "netbsd",
                                        "openbsd", "osf",   "solaris"};

    json_builder_set_member_name(builder, "os");
    if (facts == NULL || (facts->os_name == 0 && facts->host_name == NULL)) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "name",
                           facts->os_name < G_N_ELEMENTS(names) ? names[facts->os_name] : NULL);
    vsf_status_text_member(builder, "release",
                           facts->os_release[0] != '\0' ? facts->os_release : NULL);
    vsf_status_text_member(builder, "host_name", facts->host_name);
    json_builder_end_object(builder);
}

static void
add_filesystems(JsonBuilder *builder, const VsfGuestFacts *facts)
{
    json_builder_set_member_name(builder, "filesystems");
    json_builder_begin_array(builder);
    for (guint i = 0; facts != NULL && i < facts->filesystems->len; i++) {
        const VsfGuestFilesystem *filesystem = facts->filesystems->pdata[i];

        json_builder_begin_object(builder);
        vsf_status_text_member(builder, "key", filesystem->key);
        vsf_status_text_member(builder, "mount_point", filesystem->mount_point);
        vsf_status_text_member(builder, "type", filesystem->type);
        vsf_status_text_member(builder, "device", filesystem->device);
        vsf_status_number_member(builder, "total", filesystem->total);
        vsf_status_number_member(builder, "used", filesystem->used);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    vsf_status_int_member(builder, "filesystems_rest", facts != NULL ? facts->n_rest : 0);
}

void
vsf_status_guest_members(JsonBuilder *builder, const VsfGuests *guests, const VsfDomain *domain)
{
    const VsfGuestFacts *facts = vsf_guests_facts(guests, domain);
    VsfGuestStatus guest;

    if (!vsf_guests_status(guests, domain, &guest))
        return;
    add_truth(builder, "memory", &guest.memory);
    add_truth(builder, "disk", &guest.available);
    add_agent(builder, &guest, facts);
    add_os(builder, facts);
    add_filesystems(builder, facts);
    json_builder_set_member_name(builder, "balloon_period_set");
    json_builder_add_boolean_value(builder, guest.balloon_set);
}
