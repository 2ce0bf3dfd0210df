/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virt-sflow command as people run it: exit statuses, messages, and the
 * status over a real socket. */
#include "../../daemon/control/control.h"
#include "run.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

static void
test_help_and_version_succeed(void)
{
    g_auto(Run) help = run_command("--help", NULL), version = run_command("--version", NULL);
    g_auto(Run) status_help = run_command("status", "--help", NULL);
    g_auto(Run) agents_help = run_command("agents", "--help", NULL);
    g_auto(Run) pause_help = run_command("pause", "--help", NULL);
    g_auto(Run) resume_help = run_command("resume", "--help", NULL);

    g_assert_cmpint(help.status, ==, 0);
    g_assert_nonnull(strstr(help.out, "receive"));
    g_assert_cmpstr(help.err, ==, "");
    g_assert_cmpint(version.status, ==, 0);
    g_assert_cmpstr(version.out, ==, "virt-sflow " VSF_VERSION "\n");
    g_assert_cmpint(status_help.status, ==, 0);
    g_assert_nonnull(strstr(status_help.out, "virt-sflow status [OPTION"));
    g_assert_nonnull(strstr(status_help.out, "--runtime-dir=DIR"));
    g_assert_nonnull(strstr(help.out, "agents"));
    g_assert_cmpint(agents_help.status, ==, 0);
    g_assert_nonnull(strstr(agents_help.out, "virt-sflow agents [OPTION"));
    g_assert_nonnull(strstr(agents_help.out, "--plan"));
    g_assert_nonnull(strstr(agents_help.out, "--json"));
    g_assert_nonnull(strstr(agents_help.out, "--runtime-dir=DIR"));
    g_assert_nonnull(strstr(help.out, "pause"));
    g_assert_nonnull(strstr(help.out, "resume"));
    g_assert_cmpint(pause_help.status + resume_help.status, ==, 0);
    g_assert_nonnull(strstr(pause_help.out, "sampling|agents|all"));
    g_assert_nonnull(strstr(pause_help.out, "--for=TIME"));
    g_assert_nonnull(strstr(resume_help.out, "[sampling|agents|all]"));
}

static void
test_wrong_usage_is_status_2(void)
{
    g_auto(Run) none = run_command(NULL, NULL), unknown = run_command("stats", NULL);
    g_auto(Run) option = run_command("--verbose", NULL);
    g_auto(Run) sub = run_command("status", "--yaml", NULL);
    g_auto(Run) extra = run_command("status", "now", NULL);
    g_auto(Run) agents_option = run_command("agents", "--plans", NULL);
    g_auto(Run) agents_extra = run_command("agents", "web01", NULL);

    g_assert_cmpint(none.status, ==, 2);
    g_assert_cmpstr(none.out, ==, "");
    g_assert_nonnull(strstr(none.err, "Usage: virt-sflow"));
    g_assert_cmpint(unknown.status, ==, 2);
    g_assert_nonnull(strstr(unknown.err, "unknown command 'stats'"));
    g_assert_cmpint(option.status, ==, 2);
    g_assert_nonnull(strstr(option.err, "unknown option '--verbose'"));
    g_assert_cmpint(sub.status, ==, 2);
    g_assert_nonnull(strstr(sub.err, "--yaml"));
    g_assert_cmpint(extra.status, ==, 2);
    g_assert_nonnull(strstr(extra.err, "unexpected argument now"));
    g_assert_cmpint(agents_option.status, ==, 2);
    g_assert_nonnull(strstr(agents_option.err, "--plans"));
    g_assert_cmpint(agents_extra.status, ==, 2);
    g_assert_nonnull(strstr(agents_extra.err, "unexpected argument web01"));
}

static void
test_a_pause_of_what_is_not_known_is_status_2(void)
{
    static const struct {
        const char *words[4], *err;
    } cases[] = {
        {{"pause"}, "virt-sflow pause: what? sampling, agents or all\n"},
        {{"pause", "counters"}, "virt-sflow pause: sampling, agents or all, not counters\n"},
        {{"pause", "all", "now"}, "virt-sflow pause: unexpected argument now\n"},
        {{"pause", "all", "--for", "1d"},
         "virt-sflow pause: --for takes 90s, 10m or 1h, at most 168h, not 1d\n"},
        {{"pause", "all", "--until", "1"}, "virt-sflow pause: Unknown option --until\n"},
        {{"resume", "it"}, "virt-sflow resume: sampling, agents or all, not it\n"},
        {{"resume", "all", "now"}, "virt-sflow resume: unexpected argument now\n"},
        {{"resume", "--for=1h"}, "virt-sflow resume: Unknown option --for=1h\n"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const *words = cases[i].words;
        g_auto(Run) run = run_command(words[0], words[1], words[2], words[3], NULL);

        g_assert_cmpint(run.status, ==, 2);
        g_assert_cmpstr(run.out, ==, "");
        g_assert_true(g_str_has_prefix(run.err, cases[i].err));
    }
}

static void
test_absent_daemon_is_told_with_advice(void)
{
    static const char *const commands[] = {"status",     "vms",    "taps",
                                           "collectors", "agents", "resume"};

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_auto(Run) run = run_command(commands[i], "--runtime-dir", "/nonexistent", NULL);

        g_assert_cmpint(run.status, ==, 1);
        g_assert_cmpstr(run.out, ==, "");
        g_assert_nonnull(strstr(run.err, "cannot reach virt-sflowd at /nonexistent/control: "));
        g_assert_nonnull(strstr(run.err, "is it running? systemctl status virt-sflowd"));
    }
}

static const char *document;

static JsonNode *
answer(const VsfRequest *request, GError **error, gpointer user_data G_GNUC_UNUSED)
{
    g_assert_cmpstr(request->word, ==, "status");
    if (document == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_BUSY, "not \033[31mnow");
        return NULL;
    }
    return json_from_string(document, NULL);
}

static void
test_status_is_printed_as_json_and_as_text(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    VsfControl *control = vsf_control_new(path, answer, NULL, NULL);

    document = "{\"version\":\"9.9\",\"vms\":[{\"name\":\"web01\"}]}";
    {
        g_auto(Run) json = run_command("status", "--json", "--runtime-dir", folder, NULL);
        g_auto(Run) text = run_command("status", "--runtime-dir", folder, NULL);

        g_assert_cmpint(json.status, ==, 0);
        g_assert_cmpstr(json.out, ==, "{\"version\":\"9.9\",\"vms\":[{\"name\":\"web01\"}]}\n");
        g_assert_cmpint(text.status, ==, 0);
        g_assert_true(g_str_has_prefix(text.out, "virt-sflowd 9.9, "));
        g_assert_nonnull(strstr(text.out, "web01"));
    }
    document = NULL;
    {
        g_auto(Run) refused = run_command("status", "--json", "--runtime-dir", folder, NULL);

        g_assert_cmpint(refused.status, ==, 1);
        g_assert_cmpstr(refused.out, ==, "");
        g_assert_true(g_str_has_prefix(refused.err, "virt-sflow: virt-sflowd at /"));
        g_assert_nonnull(strstr(refused.err, "/control: not \\x1b[31mnow"));
    }
    vsf_control_free(control);
    g_rmdir(folder);
}

/* The last request but "status", in words. */
static char *asked;

static JsonNode *
answer_pause(const VsfRequest *request, GError **error, gpointer user_data G_GNUC_UNUSED)
{
    g_free(asked);
    asked = g_strdup_printf("%s %s %u", request->word, request->what, request->for_s);
    if (document == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "only root may");
        return NULL;
    }
    return json_from_string(document, NULL);
}

static void
test_pauses_are_asked_for_and_printed(void)
{
    static const char *const cases[][6] = {
        {"pause agents 0", "pause", "agents"},
        {"pause all 5400", "pause", "all", "--for", "90m"},
        {"pause sampling 90", "pause", "--for=90s", "sampling"},
        {"resume all 0", "resume"},
        {"resume sampling 0", "resume", "sampling"},
    };
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    VsfControl *control = vsf_control_new(path, answer_pause, NULL, NULL);

    for (guint i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        const char *const *words = cases[i / 2];
        g_autofree char *place = g_strconcat("--runtime-dir=", folder, NULL);
        g_auto(Run) run = {0};

        document = i % 2 == 0 ? "{\"paused\":{\"agents\":{\"by_uid\":0,\"since_s\":0.1,"
                                "\"left_s\":null}}}"
                              : "{\"paused\":{\"sampling\":null,\"agents\":null}}";
        run = run_command(words[1], place, words[2], words[3], words[4], NULL);
        g_assert_cmpstr(run.err, ==, "");
        g_assert_cmpint(run.status, ==, 0);
        g_assert_cmpstr(asked, ==, words[0]);
        g_assert_cmpstr(run.out, ==,
                        i % 2 == 0 ? "paused      agents for 0 s, by uid 0, until resumed\n"
                                   : "Nothing is paused.\n");
    }
    document = NULL;
    {
        g_auto(Run) refused = run_command("pause", "all", "--runtime-dir", folder, NULL);

        g_assert_cmpint(refused.status, ==, 1);
        g_assert_cmpstr(refused.out, ==, "");
        g_assert_nonnull(strstr(refused.err, "/control: only root may\n"));
    }
    g_clear_pointer(&asked, g_free);
    vsf_control_free(control);
    g_rmdir(folder);
}

static void
test_agents_are_printed_as_json_and_as_text(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    VsfControl *control = vsf_control_new(path, answer, NULL, NULL);

    document = "{\"agents\":{\"mode\":\"off\"},\"vms\":[{\"name\":\"web01\",\"uuid\":\"1b4e28ba\","
               "\"agent\":{\"plan\":\"ask\",\"state\":\"off\"}}]}";
    {
        g_auto(Run) text = run_command("agents", "--runtime-dir", folder, NULL);
        g_auto(Run) json = run_command("agents", "--json", "--runtime-dir", folder, NULL);
        g_auto(Run) plan = run_command("agents", "--plan", "--runtime-dir", folder, NULL);
        g_auto(Run) both = run_command("agents", "--plan", "--json", "--runtime-dir", folder, NULL);

        g_assert_cmpint(text.status + json.status + plan.status + both.status, ==, 0);
        g_assert_true(g_str_has_prefix(text.out, "agents      off, "));
        g_assert_nonnull(strstr(text.out, "\nweb01            off "));
        g_assert_cmpstr(json.out, ==,
                        "[{\"uuid\":\"1b4e28ba\",\"name\":\"web01\",\"domain\":null,\"agent\":"
                        "{\"plan\":\"ask\",\"state\":\"off\"},\"memory\":null,\"disk\":null}]\n");
        g_assert_true(g_str_has_prefix(plan.out, "VM  "));
        g_assert_nonnull(strstr(plan.out, "1b4e28ba yes ask"));
        g_assert_nonnull(strstr(plan.out, "Nobody is asked now"));
        g_assert_cmpstr(both.out, ==,
                        "[{\"uuid\":\"1b4e28ba\",\"name\":\"web01\",\"plan\":\"ask\"}]\n");
    }
    document = NULL;
    {
        g_auto(Run) refused = run_command("agents", "--json", "--runtime-dir", folder, NULL);

        g_assert_cmpint(refused.status, ==, 1);
        g_assert_cmpstr(refused.out, ==, "");
        g_assert_true(g_str_has_prefix(refused.err, "virt-sflow: virt-sflowd at /"));
        g_assert_nonnull(strstr(refused.err, "/control: not \\x1b[31mnow"));
    }
    vsf_control_free(control);
    g_rmdir(folder);
}

/* A service that answers whatever it is asked with @user_data. */
static gboolean
serve_bytes(GSocketService *service G_GNUC_UNUSED, GSocketConnection *connection,
            GObject *source G_GNUC_UNUSED, gpointer user_data)
{
    GString *bytes = user_data;
    char request[64];

    g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), request,
                        sizeof(request), NULL, NULL);
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), bytes->str,
                              bytes->len, NULL, NULL, NULL);
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    return TRUE;
}

/* A daemon in @folder that answers each request with @bytes. */
static GSocketService *
serve(const char *folder, GString *bytes)
{
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    GSocketService *service = g_socket_service_new();

    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(service), address,
                                                G_SOCKET_TYPE_STREAM, 0, NULL, NULL, NULL));
    g_signal_connect(service, "incoming", G_CALLBACK(serve_bytes), bytes);
    return service;
}

static void
test_status_of_an_older_daemon_is_harmless(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autoptr(GString) bytes = g_string_new("{\"version\":\"1\302\23331m\"}\n");
    g_autoptr(GSocketService) service = serve(folder, bytes);
    g_auto(Run) run = run_command("status", "--json", "--runtime-dir", folder, NULL);

    g_assert_cmpstr(run.out, ==, "{\"version\":\"1\\u009b31m\"}\n");
    g_socket_service_stop(service);
    g_unlink(path);
    g_rmdir(folder);
}

static void
test_answer_that_is_no_document_is_told(void)
{
    static const char *const answers[] = {"hello\n", "[1]\n", "{\"a\":\xff}\n", "{\"a\":1"};
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GSocketService) service = serve(folder, bytes);

    for (guint i = 0; i <= G_N_ELEMENTS(answers); i++) {
        g_autofree char *deep = g_strnfill(100000, '[');

        g_string_assign(bytes, i < G_N_ELEMENTS(answers) ? answers[i] : deep);
        {
            g_auto(Run) run = run_command("status", "--runtime-dir", folder, NULL);

            g_assert_cmpint(run.status, ==, 1);
            g_assert_cmpstr(run.out, ==, "");
            g_assert_nonnull(strstr(run.err, "its answer is no status document"));
        }
    }
    g_socket_service_stop(service);
    g_unlink(path);
    g_rmdir(folder);
}

typedef struct {
    guint closed; /* connections that were ended without an answer */
} Crowd;

static gboolean
serve_crowd(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    Crowd *crowd = user_data;
    g_autoptr(GString) bytes = g_string_new("{\"version\": \"crowd\"}\n");

    if (crowd->closed == 3)
        return serve_bytes(service, connection, source, bytes);
    crowd->closed++;
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    return TRUE;
}

static void
test_crowded_daemon_is_asked_again(void)
{
    Crowd crowd = {0};
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);

    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(service), address,
                                                G_SOCKET_TYPE_STREAM, 0, NULL, NULL, NULL));
    g_signal_connect(service, "incoming", G_CALLBACK(serve_crowd), &crowd);
    {
        g_auto(Run) run = run_command("status", "--json", "--runtime-dir", folder, NULL);

        g_assert_cmpstr(run.err, ==, "");
        g_assert_cmpint(run.status, ==, 0);
        g_assert_nonnull(strstr(run.out, "crowd"));
    }
    g_assert_cmpuint(crowd.closed, ==, 3);
    g_socket_service_stop(service);
    g_unlink(path);
    g_rmdir(folder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (g_getenv("VIRT_SFLOW") == NULL) {
        g_print("1..0 # SKIP VIRT_SFLOW names no command\n");
        return 0;
    }
    g_test_add_func("/cli/command/help-and-version-succeed", test_help_and_version_succeed);
    g_test_add_func("/cli/command/wrong-usage-is-status-2", test_wrong_usage_is_status_2);
    g_test_add_func("/cli/command/absent-daemon-is-told-with-advice",
                    test_absent_daemon_is_told_with_advice);
    g_test_add_func("/cli/command/status-is-printed-as-json-and-as-text",
                    test_status_is_printed_as_json_and_as_text);
    g_test_add_func("/cli/command/a-pause-of-what-is-not-known-is-status-2",
                    test_a_pause_of_what_is_not_known_is_status_2);
    g_test_add_func("/cli/command/pauses-are-asked-for-and-printed",
                    test_pauses_are_asked_for_and_printed);
    g_test_add_func("/cli/command/agents-are-printed-as-json-and-as-text",
                    test_agents_are_printed_as_json_and_as_text);
    g_test_add_func("/cli/command/answer-that-is-no-document-is-told",
                    test_answer_that_is_no_document_is_told);
    g_test_add_func("/cli/command/status-of-an-older-daemon-is-harmless",
                    test_status_of_an_older_daemon_is_harmless);
    g_test_add_func("/cli/command/crowded-daemon-is-asked-again",
                    test_crowded_daemon_is_asked_again);
    return g_test_run();
}
