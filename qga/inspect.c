/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conversation: what is asked, in which order, and when it ends. Knows
 * neither libvirt nor a clock of its own. */
#include "reply.h"
#include "request.h"

#include <string.h>

typedef struct {
    const VsfQgaPlan *plan;
    VsfQgaReport *report;
    const VsfQgaInfo *info;
    gint64 deadline_us;
    gboolean over; /* no further request, but to close a file */
} Talk;

static VsfQgaState
state_of(const GError *error)
{
    if (error->domain != VSF_QGA_ERROR)
        return VSF_QGA_STATE_NO_REPLY;
    switch ((VsfQgaError)error->code) {
    case VSF_QGA_ERROR_NOT_FOUND:
        return VSF_QGA_STATE_NOT_FOUND;
    /* Only what guest-info listed as enabled is asked for, and an agent's own
     * rules do not change while it runs: agents before 6.0 speak so when frozen. */
    case VSF_QGA_ERROR_DISABLED:
    case VSF_QGA_ERROR_FROZEN:
        return VSF_QGA_STATE_FROZEN;
    case VSF_QGA_ERROR_FAILED:
        return VSF_QGA_STATE_FAILED;
    case VSF_QGA_ERROR_NO_TIME:
        return VSF_QGA_STATE_NO_TIME;
    case VSF_QGA_ERROR_MALFORMED:
        break;
    }
    return VSF_QGA_STATE_MALFORMED;
}

/* What @error means for the rest of the conversation. */
static VsfQgaState
heed(Talk *talk, const GError *error)
{
    VsfQgaState state = state_of(error);

    if (state == VSF_QGA_STATE_FROZEN)
        talk->report->frozen = TRUE;
    if (state == VSF_QGA_STATE_NO_REPLY || state == VSF_QGA_STATE_NO_TIME) {
        talk->over = TRUE;
        if (talk->report->error == NULL) {
            talk->report->error = g_error_copy(error);
            talk->report->ended = state;
        }
    }
    return state;
}

/* One request: the reply, or NULL with @error set. @always: also past the budget. */
static char *
ask(Talk *talk, VsfQgaCommand command, gint64 handle, gboolean always, GError **error)
{
    const VsfQgaPlan *plan = talk->plan;
    g_autofree char *request = vsf_qga_request(command, handle);
    gint64 before_us = plan->now_us(plan->user_data);
    gint64 left_s = (talk->deadline_us - before_us) / G_USEC_PER_SEC;
    g_autoptr(GError) failure = NULL;
    char *reply;

    if (left_s < 1 && !always) {
        g_set_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_NO_TIME,
                    "the conversation took more than its %d s", plan->budget_s);
        return NULL;
    }
    talk->report->n_requests++;
    reply = plan->send(request, (int)CLAMP(left_s, 1, plan->timeout_s), &failure, plan->user_data);
    talk->report->slowest_us = MAX(talk->report->slowest_us,
                                   plan->now_us(plan->user_data) - before_us);
    if (reply == NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return reply;
}

/* Closes the report's open handle. If the agent did not get to it, the handle
 * stays in the report. */
static gboolean
close_file(Talk *talk, GError **error)
{
    gint64 *handle = &talk->report->open_handle;
    g_autoptr(GError) refusal = NULL;
    g_autofree char *reply = ask(talk, VSF_QGA_COMMAND_FILE_CLOSE, *handle, TRUE, &refusal);

    if (reply != NULL && vsf_qga_parse_closed(reply, strlen(reply), &refusal)) {
        *handle = VSF_QGA_NO_HANDLE;
        return TRUE;
    }
    /* "handle '1000' has not been found", in a reply or in libvirt's words */
    if (g_error_matches(refusal, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED))
        *handle = VSF_QGA_NO_HANDLE;
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

static VsfQgaMemory *
read_memory(Talk *talk, GError **error)
{
    gint64 *handle = &talk->report->open_handle;
    g_autofree char *opened = ask(talk, VSF_QGA_COMMAND_FILE_OPEN, 0, FALSE, error);
    g_autofree char *text = NULL;
    g_autoptr(GError) not_closed = NULL;
    VsfQgaMemory *memory = NULL;

    if (opened == NULL || !vsf_qga_parse_handle(opened, strlen(opened), handle, error))
        return NULL;
    text = ask(talk, VSF_QGA_COMMAND_FILE_READ, *handle, FALSE, error);
    if (text != NULL)
        memory = vsf_qga_parse_memory(text, strlen(text), error);
    if (!close_file(talk, &not_closed))
        heed(talk, not_closed);
    return memory;
}

static const VsfQgaCommand command_of[VSF_QGA_N_PARTS] = {
    [VSF_QGA_PART_FILESYSTEMS] = VSF_QGA_COMMAND_FSINFO,
    [VSF_QGA_PART_MEMORY] = VSF_QGA_COMMAND_FILE_OPEN,
    [VSF_QGA_PART_OS] = VSF_QGA_COMMAND_OSINFO,
    [VSF_QGA_PART_HOST_NAME] = VSF_QGA_COMMAND_HOST_NAME,
    [VSF_QGA_PART_LOAD] = VSF_QGA_COMMAND_LOAD,
    [VSF_QGA_PART_CPU_STATS] = VSF_QGA_COMMAND_CPUSTATS,
    [VSF_QGA_PART_DISK_STATS] = VSF_QGA_COMMAND_DISKSTATS,
    [VSF_QGA_PART_INTERFACES] = VSF_QGA_COMMAND_INTERFACES,
};

static gboolean
store(VsfQgaReport *report, VsfQgaPart part, const char *reply, GError **error)
{
    gsize length = strlen(reply);

    switch (part) {
    case VSF_QGA_PART_FILESYSTEMS:
        return (report->filesystems = vsf_qga_parse_filesystems(reply, length, error)) != NULL;
    case VSF_QGA_PART_OS:
        return (report->os = vsf_qga_parse_os(reply, length, error)) != NULL;
    case VSF_QGA_PART_HOST_NAME:
        return (report->host_name = vsf_qga_parse_host_name(reply, length, error)) != NULL;
    case VSF_QGA_PART_LOAD:
        return (report->load = vsf_qga_parse_load(reply, length, error)) != NULL;
    case VSF_QGA_PART_CPU_STATS:
        return (report->cpu_stats = vsf_qga_parse_cpu_stats(reply, length, error)) != NULL;
    case VSF_QGA_PART_DISK_STATS:
        return (report->disk_stats = vsf_qga_parse_disk_stats(reply, length, error)) != NULL;
    case VSF_QGA_PART_INTERFACES:
        return (report->interfaces = vsf_qga_parse_interfaces(reply, length, error)) != NULL;
    case VSF_QGA_PART_MEMORY:
    case VSF_QGA_N_PARTS:
        break;
    }
    g_assert_not_reached();
}

static gboolean
ask_part(Talk *talk, VsfQgaPart part, GError **error)
{
    g_autofree char *reply = NULL;

    if (part == VSF_QGA_PART_MEMORY)
        return (talk->report->memory = read_memory(talk, error)) != NULL;
    reply = ask(talk, command_of[part], 0, FALSE, error);
    return reply != NULL && store(talk->report, part, reply, error);
}

/* KNOWN if the part may be asked for. */
static VsfQgaState
state_by_info(const VsfQgaInfo *info, VsfQgaPart part)
{
    guint32 needs = 1u << command_of[part];

    if (part == VSF_QGA_PART_MEMORY)
        needs |= 1u << VSF_QGA_COMMAND_FILE_READ | 1u << VSF_QGA_COMMAND_FILE_CLOSE;
    if ((info->listed & needs) != needs)
        return VSF_QGA_STATE_NOT_FOUND;
    return (info->enabled & needs) == needs ? VSF_QGA_STATE_KNOWN : VSF_QGA_STATE_DISABLED;
}

static void
settle_part(Talk *talk, VsfQgaPart part)
{
    VsfQgaReport *report = talk->report;
    g_autoptr(GError) error = NULL;

    if (report->frozen) {
        report->state[part] = VSF_QGA_STATE_FROZEN;
        return;
    }
    report->state[part] = state_by_info(talk->info, part);
    if (report->state[part] != VSF_QGA_STATE_KNOWN || ask_part(talk, part, &error))
        return;
    report->state[part] = heed(talk, error);
    report->reason[part] = g_strdup(error->message);
}

static gboolean
learn_info(Talk *talk)
{
    VsfQgaReport *report = talk->report;
    g_autofree char *reply = NULL;

    talk->info = talk->plan->info;
    if (talk->info != NULL && !talk->info->frozen)
        return TRUE;
    reply = ask(talk, VSF_QGA_COMMAND_INFO, 0, FALSE, &report->error);
    if (reply != NULL)
        report->info = vsf_qga_parse_info(reply, strlen(reply), &report->error);
    talk->info = report->info;
    if (talk->info == NULL)
        report->ended = state_of(report->error);
    return talk->info != NULL;
}

VsfQgaReport *
vsf_qga_inspect(const VsfQgaPlan *plan)
{
    VsfQgaReport *report = g_new0(VsfQgaReport, 1);
    Talk talk = {.plan = plan, .report = report};
    g_autoptr(GError) not_closed = NULL;

    g_assert(plan->timeout_s >= 1 && plan->budget_s >= 1);
    talk.deadline_us = plan->now_us(plan->user_data) + (gint64)plan->budget_s * G_USEC_PER_SEC;
    report->open_handle = plan->open_handle;
    if (!learn_info(&talk))
        return report;
    report->frozen = talk.info->frozen;
    if (report->open_handle != VSF_QGA_NO_HANDLE &&
        vsf_qga_info_may(talk.info, VSF_QGA_COMMAND_FILE_CLOSE) && !close_file(&talk, &not_closed))
        heed(&talk, not_closed);
    for (guint part = 0; part < VSF_QGA_N_PARTS && !talk.over; part++) {
        if ((plan->wants & VSF_QGA_WANT(part)) != 0)
            settle_part(&talk, part);
    }
    return report;
}
