/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt-sflowd: signals, loop, exit code. */
#include "app-vitals.h"
#include "app.h"
#include "base/descriptors.h"
#include "base/event.h"
#include "base/log.h"
#include "base/notify.h"
#include "net/capture-choice.h"
#include "options.h"
#include "signals.h"
#include "virt/init.h"

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
#define END_LOOK_MS 10
#define LARGE_BYTES (128 * 1024)

typedef struct {
    GMainLoop *loop;
    int status;
    VsfApp *app;         /* NULL: not made yet */
    VsfService *service; /* the same */
    VsfReload *reload;   /* the same */
    VsfSignals *signals; /* held until the last, so that it counts as no leak */
} Run;

static void
log_warnings(const VsfConfig *config)
{
    for (guint i = 0; i < config->warnings->len; i++)
        g_warning("%s", (const char *)config->warnings->pdata[i]);
}

static gboolean
stop(gpointer user_data)
{
    const Run *run = user_data;

    if (run->app != NULL && !vsf_app_may_end(run->app))
        g_timeout_add(END_LOOK_MS, stop, user_data);
    else
        g_main_loop_quit(run->loop);
    return G_SOURCE_REMOVE;
}

/* --- the configuration is read again --------------------------------------- */

static gboolean
hangup(gpointer user_data)
{
    Run *run = user_data;

    if (run->reload != NULL)
        vsf_reload_request(run->reload);
    return G_SOURCE_REMOVE;
}

static VsfConfig *
read_again(gconstpointer options, GError **error)
{
    return vsf_options_load(options, TRUE, error);
}

static gboolean
put_in_force(VsfConfig *config, GError **error, gpointer user_data)
{
    log_warnings(config);
    return vsf_app_set_config(((Run *)user_data)->app, config, error);
}

static void
reload_began(gpointer user_data)
{
    vsf_service_reloading(((Run *)user_data)->service);
}

static void
reload_ended(gpointer user_data)
{
    vsf_service_reloaded(((Run *)user_data)->service);
}

/* --- the run ---------------------------------------------------------------- */

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
run_daemon(const VsfOptions *options, VsfConfig *config, VsfSignals *signals)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Run run = {.loop = loop, .status = EXIT_SUCCESS, .signals = signals};
    VsfReloadCallbacks callbacks = {read_again, options, put_in_force, reload_began, reload_ended};

    /* A log or a peer that closed its end is an error code, not the end. */
    signal(SIGPIPE, SIG_IGN);
    vsf_descriptors_raise();
    vsf_virt_init();
    vsf_signals_attach(signals, END_PATIENCE_MS, stop, hangup, &run);
    run.app = vsf_app_new(config, options->runtime_dir, options->state_dir, app_failed, &run,
                          &error);
    if (run.app == NULL) {
        g_critical("%s", error->message);
        return EXIT_FAILURE;
    }
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_DAEMON_STARTED, NULL,
                  "virt-sflowd " VSF_VERSION " started");
    run.service = start_service(run.app);
    run.reload = vsf_reload_new(&callbacks, &run);
    vsf_app_show_reload(run.app, vsf_reload_state(run.reload));
    g_main_loop_run(loop);
    vsf_signals_end_by_force(END_PATIENCE_MS, run.status);
    vsf_service_free(run.service);
    vsf_app_free(run.app);
    vsf_reload_free(run.reload);
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_DAEMON_STOPPED, NULL, "virt-sflowd stopped");
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
    vsf_log_init("virt-sflowd", options.debug);
    config = vsf_options_load(&options, FALSE, &error);
    if (config == NULL) {
        fprintf(stderr, "virt-sflowd: %s\n", error->message);
        return EXIT_USAGE;
    }
    log_warnings(config);
    if (options.check_config)
        return printf("virt-sflowd: the configuration is valid\n") < 0;
    /* Threads may hang in libvirt for good: leave without waiting for them. */
    _exit(run_daemon(&options, g_steal_pointer(&config), signals));
}
