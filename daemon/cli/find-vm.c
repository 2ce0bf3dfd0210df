/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find-vm.h"

#include "member.h"
#include "table.h"

#include <gio/gio.h>
#include <string.h>

#define UUID_LEAST 8 /* characters */

static gboolean
is_uuid(const char *uuid, const char *what)
{
    return strlen(what) >= UUID_LEAST && g_ascii_strncasecmp(uuid, what, strlen(what)) == 0;
}

/* The VMs whose @member @what is. */
static GPtrArray *
matching(GPtrArray *vms, const char *member, const char *what)
{
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < vms->len; i++) {
        g_autofree char *value = vsf_member_text(vms->pdata[i], member);

        if (strcmp(member, "uuid") == 0 ? is_uuid(value, what)
                                        : strcmp(value, "-") != 0 && strcmp(value, what) == 0)
            g_ptr_array_add(found, vms->pdata[i]);
    }
    return found;
}

static void
set_error(GError **error, int code, const char *what, const char *said)
{
    g_autoptr(GString) message = g_string_new("no VM is meant by ");

    vsf_table_cell(message, what, 0, FALSE);
    g_set_error(error, G_IO_ERROR, code, "%s: %s", message->str, said);
}

JsonObject *
vsf_find_vm(JsonObject *status, const char *what, GError **error)
{
    static const char *const members[] = {"name", "domain", "uuid", "index"};
    g_autoptr(GPtrArray) vms = vsf_table_rows(vsf_member_array(status, "vms"), NULL);

    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autoptr(GPtrArray) found = matching(vms, members[i], what);

        if (found->len == 1)
            return found->pdata[0];
        if (found->len > 1) {
            set_error(error, G_IO_ERROR_EXISTS, what, "several are; give a UUID");
            return NULL;
        }
    }
    set_error(error, G_IO_ERROR_NOT_FOUND, what,
              vsf_member(status, "vms") != NULL
                  ? "none that runs here has that name, UUID or index; see virt-sflow vms"
                  : "the daemon tells of no VMs yet; try again in a few seconds");
    return NULL;
}

char *
vsf_vm_names(JsonObject *status)
{
    g_autoptr(GPtrArray) vms = vsf_table_rows(vsf_member_array(status, "vms"), "name");
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < vms->len; i++) {
        g_autofree char *name = vsf_member_text(vms->pdata[i], "name");

        if (name[0] != '-' &&
            strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name))
            g_string_append_printf(names, "%s\n", name);
    }
    return g_string_free(names, FALSE);
}
