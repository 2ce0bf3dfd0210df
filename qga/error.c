/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent's refusals mean. Its classes say little: a command that is
 * blocked or frozen has the class of one that does not exist. The texts:
 *
 *     The command X has not been found
 *     Command X has been disabled                               since 6.0
 *     Command X has been disabled: the command is not allowed   since 6.0
 *     Command X has been disabled: the agent is in frozen state since 6.0
 *     The command X has been disabled for this instance         before 6.0
 */
#include "../include/qga.h"
#include "text.h"

#include <string.h>

G_DEFINE_QUARK(vsf - qga - error - quark, vsf_qga_error)

static VsfQgaError
meaning(const char *class_name, const char *text)
{
    if (strstr(text, "has been disabled") != NULL)
        return strstr(text, "frozen") != NULL ? VSF_QGA_ERROR_FROZEN : VSF_QGA_ERROR_DISABLED;
    if (g_strcmp0(class_name, "CommandDisabled") == 0)
        return VSF_QGA_ERROR_DISABLED;
    if (g_strcmp0(class_name, "CommandNotFound") == 0)
        return VSF_QGA_ERROR_NOT_FOUND;
    /* Not every "has not been found": a file handle can be that too. */
    if (class_name == NULL && strstr(text, "The command ") != NULL &&
        strstr(text, "has not been found") != NULL)
        return VSF_QGA_ERROR_NOT_FOUND;
    return VSF_QGA_ERROR_FAILED;
}

GError *
vsf_qga_error_new(const char *class_name, const char *text)
{
    g_autofree char *shown = vsf_qga_text(text != NULL ? text : "");

    return g_error_new(VSF_QGA_ERROR, meaning(class_name, shown), "the guest agent says: %s",
                       shown[0] != '\0' ? shown : "an error without a text");
}
