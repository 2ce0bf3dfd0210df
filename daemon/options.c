/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

gboolean
vsf_options_parse(VsfOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options->config_file,
         "Read this file alone instead of " VSF_CONFIG_FILE " and conf.d", "FILE"},
        {"uri", 0, 0, G_OPTION_ARG_STRING, &options->uri, "libvirt's URI (default qemu:///system)",
         "URI"},
        {"collector", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->collectors,
         "Send here instead of to the configured collectors; may be repeated", "HOST[:PORT]"},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->runtime_dir,
         "Sockets (default /run/virt-sflow)", "DIR"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
         "VM indexes (default /var/lib/virt-sflow)", "DIR"},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
         "Check the configuration and exit: 0 valid, 2 not", NULL},
        {"debug", 0, 0, G_OPTION_ARG_NONE, &options->debug, "Log more", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(
        context, "Watches libvirt for running VMs, samples the packets of their taps, polls their\n"
                 "counters, and sends both as sFlow v5. Runs in the foreground.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                    "unexpected argument \"%s\"", (*argv)[1]);
        return FALSE;
    }
    /* Not before: GOption puts its own text in the place of one that is there. */
    if (options->runtime_dir == NULL)
        options->runtime_dir = g_strdup("/run/virt-sflow");
    if (options->state_dir == NULL)
        options->state_dir = g_strdup("/var/lib/virt-sflow");
    return TRUE;
}

/* Else a pipe that was read to its end would be a file with nothing in it. */
static gboolean
can_be_read_again(const char *file, GError **error)
{
    if (file == NULL || !g_file_test(file, G_FILE_TEST_EXISTS) ||
        g_file_test(file, G_FILE_TEST_IS_REGULAR))
        return TRUE;
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ,
                "%s: is no regular file, so that it was read once and for all; give --config a "
                "regular file",
                file);
    return FALSE;
}

VsfConfig *
vsf_options_load(const VsfOptions *options, gboolean again, GError **error)
{
    g_autoptr(VsfConfig) config = NULL;

    if (again && !can_be_read_again(options->config_file, error))
        return NULL;
    config = vsf_config_load(options->config_file, error);
    if (config == NULL)
        return NULL;
    if (options->collectors != NULL &&
        !vsf_config_set_collectors(config, (const char *const *)options->collectors, error))
        return NULL;
    if (options->uri != NULL && !vsf_config_set_uri(config, options->uri, error))
        return NULL;
    return g_steal_pointer(&config);
}

void
vsf_options_clear(VsfOptions *options)
{
    g_free(options->config_file);
    g_free(options->uri);
    g_free(options->runtime_dir);
    g_free(options->state_dir);
    g_strfreev(options->collectors);
}
