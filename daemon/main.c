/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt-sflowd: signals, loop, exit code. */
#include "app-vitals.h"
#include "app.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/notify.h"
#include "net/capture-choice.h"
#include "options.h"
#include "signals.h"
#include "virt/conn.h"

#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* _exit() leaves out what a build with the address sanitizer does at exit(). */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define check_leaks() __lsan_do_leak_check()
#else
#define check_leaks() ((void)0)
#endif

#define EXIT_USAGE 2
#define END_PATIENCE_MS 4000 /* for an orderly end */
#define LARGE_BYTES (128 * 1024)

typedef struct {
    GMainLoop *loop;
    int status;
} Run;

static VsfConfig *
load_config(const VsfOptions *options, GError **error)
{
    g_autoptr(VsfConfig) config = vsf_config_load(options->config_file, error);

    if (config == NULL)
        return NULL;
    if (options->collectors != NULL &&
        !vsf_config_set_collectors(config, (const char *const *)options->collectors, error))
        return NULL;
    if (options->uri != NULL && !vsf_config_set_uri(config, options->uri, error))
        return NULL;
    for (guint i = 0; i < config->warnings->len; i++)
        g_warning("%s", (const char *)config->warnings->pdata[i]);
    return g_steal_pointer(&config);
}

static gboolean
stop(gpointer user_data)
{
    g_main_loop_quit(((Run *)user_data)->loop);
    return G_SOURCE_REMOVE;
}

/* Whoever sends it expects no end of the service. */
static gboolean
hangup(gpointer user_data G_GNUC_UNUSED)
{
    g_warning("SIGHUP: changes of the configuration need a restart; everything goes on as it was");
    return G_SOURCE_REMOVE;
}

static void
app_failed(const GError *error, gpointer user_data)
{
    Run *run = user_data;

    g_critical("%s", error->message);
    run->status = EXIT_FAILURE;
    g_main_loop_quit(run->loop);
}

/* The service manager hears of us until the loop ends. */
static VsfService *
start_service(VsfApp *app)
{
    gint64 watchdog_us = vsf_notify_watchdog_us(g_getenv("WATCHDOG_USEC"), g_getenv("WATCHDOG_PID"),
                                                getpid());

    return vsf_service_new(g_getenv("NOTIFY_SOCKET"), watchdog_us, vsf_vitals_look, app);
}

static int
run_daemon(const VsfOptions *options, const VsfConfig *config, VsfSignals *signals)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Run run = {.loop = loop, .status = EXIT_SUCCESS};
    VsfService *service;
    VsfApp *app;

    /* A log or a peer that closed its end is an error code, not the end. */
    signal(SIGPIPE, SIG_IGN);
    vsf_descriptors_raise();
    vsf_virt_init();
    vsf_signals_attach(signals, END_PATIENCE_MS, stop, hangup, &run);
    app = vsf_app_new(config, options->runtime_dir, options->state_dir, app_failed, &run, &error);
    if (app == NULL) {
        g_critical("%s", error->message);
        return EXIT_FAILURE;
    }
    g_message("virt-sflowd " VSF_VERSION " started");
    service = start_service(app);
    g_main_loop_run(loop);
    vsf_signals_end_by_force(END_PATIENCE_MS, run.status);
    vsf_service_free(service);
    vsf_app_free(app);
    g_message("virt-sflowd stopped");
    check_leaks();
    return run.status;
}

int
main(int argc, char **argv)
{
    g_auto(VsfOptions) options = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfConfig) config = NULL;
    VsfSignals *signals = vsf_signals_start();

    setlocale(LC_ALL, "");
    /* Else glibc learns from the first large reply of a guest to keep such memory, in each
     * thread that ever reads one. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    if (!vsf_options_parse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "virt-sflowd: %s; see virt-sflowd --help\n", error->message);
        return EXIT_USAGE;
    }
    if (options.version)
        return printf("virt-sflowd " VSF_VERSION "\nbackends: %s\n", vsf_capture_choice_built()) <
               0;
    vsf_log_init(options.debug);
    config = load_config(&options, &error);
    if (config == NULL) {
        fprintf(stderr, "virt-sflowd: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (options.check_config)
        return printf("virt-sflowd: the configuration is valid\n") < 0;
    /* Threads may hang in libvirt for good: leave without waiting for them. */
    _exit(run_daemon(&options, config, signals));
}
