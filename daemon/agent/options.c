/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

gboolean
vsf_agent_options_parse(VsfAgentOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"uri", 0, 0, G_OPTION_ARG_STRING, &options->uri, "libvirt's URI (default qemu:///system)",
         "URI"},
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket,
         "Listen here (default /run/virt-sflow/agent.sock), unless the service manager does",
         "PATH"},
        {"allow-user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->allow_users,
         "Who may ask beside root (default " VSF_AGENT_USER "); may be repeated", "NAME|UID"},
        {"listen-fd", 0, 0, G_OPTION_ARG_INT, &options->listen_fd,
         "Take this listening socket, which was inherited", "FD"},
        {"until-eof", 0, 0, G_OPTION_ARG_NONE, &options->until_eof,
         "End when standard input ends; Ctrl-C is then left to whoever holds it", NULL},
        {"debug", 0, 0, G_OPTION_ARG_NONE, &options->debug, "Log more", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    options->listen_fd = -1;
    g_option_context_set_summary(
        context, "Asks the guest agents of VMs through libvirt's read-write connection, for\n"
                 "virt-sflowd, which has none: by commands of a fixed list, which only read.\n"
                 "Runs in the foreground.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1 || options->listen_fd < -1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                    *argc > 1 ? "unexpected argument \"%s\"" : "--listen-fd is negative",
                    (*argv)[*argc > 1]);
        return FALSE;
    }
    /* Not before: GOption puts its own text in the place of one that is there. */
    if (options->uri == NULL)
        options->uri = g_strdup("qemu:///system");
    if (options->socket == NULL)
        options->socket = g_strdup("/run/virt-sflow/agent.sock");
    if (strchr(options->uri, ' ') == NULL && strchr(options->uri, '\n') == NULL)
        return TRUE;
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--uri holds a blank");
    return FALSE;
}

void
vsf_agent_options_clear(VsfAgentOptions *options)
{
    g_free(options->uri);
    g_free(options->socket);
    g_strfreev(options->allow_users);
}

/* A name, or a number, which nobody here need have: a container does not know the host's users. */
static gboolean
find_user(const char *name, guint *uid, guint *gid)
{
    const struct passwd *user = getpwnam(name);
    guint64 number;

    *gid = G_MAXUINT;
    if (user == NULL) {
        if (!g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT - 1, &number, NULL))
            return FALSE;
        *uid = (guint)number;
        user = getpwuid(*uid);
    } else {
        *uid = user->pw_uid;
    }
    if (user != NULL)
        *gid = user->pw_gid;
    return TRUE;
}

GArray *
vsf_agent_options_uids(const VsfAgentOptions *options, guint *gid, GError **error)
{
    const char *const fallback[] = {VSF_AGENT_USER, NULL};
    const char *const *names = options->allow_users != NULL
                                   ? (const char *const *)options->allow_users
                                   : fallback;
    g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(guint));
    guint root = 0;

    *gid = G_MAXUINT;
    g_array_append_val(uids, root);
    for (guint i = 0; names[i] != NULL; i++) {
        guint uid, its_gid;

        if (!find_user(names[i], &uid, &its_gid)) {
            if (options->allow_users == NULL)
                continue;
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "--allow-user %s: there is no such user", names[i]);
            return NULL;
        }
        g_array_append_val(uids, uid);
        if (*gid == G_MAXUINT && uid != 0)
            *gid = its_gid;
    }
    return g_steal_pointer(&uids);
}
