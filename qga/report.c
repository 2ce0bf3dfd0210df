/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply.h"

void
vsf_qga_report_free(VsfQgaReport *report)
{
    if (report == NULL)
        return;
    vsf_qga_info_free(report->info);
    for (guint i = 0; i < VSF_QGA_N_PARTS; i++)
        g_free(report->reason[i]);
    vsf_qga_filesystems_free(report->filesystems);
    g_free(report->memory);
    vsf_qga_os_free(report->os);
    g_free(report->host_name);
    g_free(report->load);
    g_clear_pointer(&report->cpu_stats, g_array_unref);
    g_clear_pointer(&report->disk_stats, g_ptr_array_unref);
    g_clear_pointer(&report->interfaces, g_ptr_array_unref);
    g_clear_error(&report->error);
    g_free(report);
}

const char *
vsf_qga_state_name(VsfQgaState state)
{
    static const char *const names[] = {
        [VSF_QGA_STATE_NOT_ASKED] = "not asked", [VSF_QGA_STATE_KNOWN] = "known",
        [VSF_QGA_STATE_NOT_FOUND] = "not found", [VSF_QGA_STATE_DISABLED] = "disabled",
        [VSF_QGA_STATE_FROZEN] = "frozen",       [VSF_QGA_STATE_FAILED] = "failed",
        [VSF_QGA_STATE_MALFORMED] = "malformed", [VSF_QGA_STATE_NO_REPLY] = "no reply",
        [VSF_QGA_STATE_NO_TIME] = "no time",
    };

    g_assert(state < G_N_ELEMENTS(names));
    return names[state];
}
