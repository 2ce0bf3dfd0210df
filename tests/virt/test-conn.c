/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection against libvirt's own test driver, which lives in this
 * process, and against a libvirtd that never answers. */
#include "../../daemon/virt/conn.h"
#include "../../daemon/virt/init.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#define URI "test:///default"
#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* of the driver's domain "test" */
#define NO_UUID "00000000-0000-4000-8000-000000000001"

typedef struct {
    VsfConn *conn;
    virConnectPtr admin; /* the same test host, read-write */
    GString *told;       /* every callback in order, one word each */
    guint n_connected, n_away, n_listed, n_fetched, n_gone, n_lifecycle;
    guint n_domains;   /* in the last list */
    gboolean has_test; /* TEST_UUID was in it */
    guint n_unreadable;
    char *unreadable;
    char *why;
    gint64 asked_us;
    char fetched[VSF_UUID_TEXT];
    VsfDomainDef *def; /* of the last fetch */
    int state;
    int event, detail, id;
} Fixture;

static void
on_connected(gboolean connected, const char *why, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_true(connected == (why == NULL));
    g_assert_cmpint(connected, ==, vsf_conn_is_connected(fixture->conn));
    g_string_append(fixture->told, connected ? "up " : "away ");
    g_free(fixture->why);
    fixture->why = g_strdup(why);
    if (connected)
        fixture->n_connected++;
    else
        fixture->n_away++;
}

static void
on_listed(GPtrArray *all, const char *const *unreadable, gint64 asked_us, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_string_append(fixture->told, "list ");
    fixture->n_listed++;
    fixture->n_domains = all->len;
    fixture->has_test = FALSE;
    for (guint i = 0; i < all->len; i++) {
        const VsfDomainFacts *facts = g_ptr_array_index(all, i);

        g_assert_nonnull(facts->def);
        if (strcmp(facts->def->uuid, TEST_UUID) == 0)
            fixture->has_test = TRUE;
    }
    fixture->n_unreadable = g_strv_length((char **)unreadable);
    g_free(fixture->unreadable);
    fixture->unreadable = g_strdup(unreadable[0]);
    fixture->asked_us = asked_us;
}

static void
on_fetched(const char *uuid, VsfDomainFacts *facts, gint64 asked_us, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_cmpint(asked_us, >, 0);
    fixture->n_fetched++;
    if (facts->def == NULL)
        fixture->n_gone++;
    g_strlcpy(fixture->fetched, uuid, sizeof(fixture->fetched));
    vsf_domain_def_free(fixture->def);
    fixture->def = g_steal_pointer(&facts->def);
    fixture->state = facts->state;
}

static void
on_lifecycle(const char *uuid, int id, int event, int detail, gpointer user_data)
{
    Fixture *fixture = user_data;

    if (strcmp(uuid, TEST_UUID) != 0)
        return; /* news of what the case before left: the process has one hypervisor */
    fixture->n_lifecycle++;
    fixture->id = id;
    fixture->event = event;
    fixture->detail = detail;
}

static void
on_changed(const char *uuid G_GNUC_UNUSED, const char *what G_GNUC_UNUSED,
           gpointer user_data G_GNUC_UNUSED)
{
}

static void
on_agent(const char *uuid G_GNUC_UNUSED, int state G_GNUC_UNUSED, int reason G_GNUC_UNUSED,
         gpointer user_data G_GNUC_UNUSED)
{
}

static const VsfConnCallbacks callbacks = {
    .connected = on_connected,
    .listed = on_listed,
    .fetched = on_fetched,
    .lifecycle = on_lifecycle,
    .changed = on_changed,
    .agent = on_agent,
};

static void
set_up(Fixture *fixture, gconstpointer uri)
{
    fixture->told = g_string_new(NULL);
    fixture->admin = virConnectOpen(URI);
    g_assert_nonnull(fixture->admin);
    if (uri != NULL)
        fixture->conn = vsf_conn_new(uri, &callbacks, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    vsf_conn_free(fixture->conn);
    virConnectClose(fixture->admin);
    vsf_domain_def_free(fixture->def);
    g_string_free(fixture->told, TRUE);
    g_free(fixture->unreadable);
    g_free(fixture->why);
}

static void
wait_for(const guint *counter, guint n)
{
    while (*counter < n)
        g_main_context_iteration(NULL, TRUE);
}

static virDomainPtr
look_up_test(Fixture *fixture)
{
    virDomainPtr domain = virDomainLookupByUUIDString(fixture->admin, TEST_UUID);

    g_assert_nonnull(domain);
    return domain;
}

static void
test_list_follows_the_connection(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    gint64 before_us = g_get_monotonic_time();

    g_assert_false(vsf_conn_is_connected(fixture->conn));
    wait_for(&fixture->n_listed, 1);
    g_assert_cmpstr(fixture->told->str, ==, "up list ");
    g_assert_true(vsf_conn_is_connected(fixture->conn));
    g_assert_true(fixture->has_test);
    g_assert_cmpuint(fixture->n_unreadable, ==, 0);
    g_assert_cmpint(fixture->asked_us, >=, before_us);
    g_assert_cmpint(fixture->asked_us, <=, g_get_monotonic_time());
    g_assert_true(g_str_has_prefix(vsf_conn_describe(fixture->conn), "libvirt "));
    g_assert_true(g_str_has_suffix(vsf_conn_describe(fixture->conn), ", TEST"));
}

static void
test_lifecycle_events_come(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    virDomainPtr domain = look_up_test(fixture);

    wait_for(&fixture->n_listed, 1);
    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    wait_for(&fixture->n_lifecycle, 1);
    g_assert_cmpint(fixture->event, ==, VIR_DOMAIN_EVENT_STOPPED);
    g_assert_cmpint(fixture->detail, ==, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    vsf_conn_list(fixture->conn);
    wait_for(&fixture->n_listed, 2);
    g_assert_false(fixture->has_test);

    g_assert_cmpint(virDomainCreate(domain), ==, 0);
    wait_for(&fixture->n_lifecycle, 2);
    g_assert_cmpint(fixture->event, ==, VIR_DOMAIN_EVENT_STARTED);
    g_assert_cmpint(fixture->id, >, 0);
    vsf_conn_list(fixture->conn);
    wait_for(&fixture->n_listed, 3);
    g_assert_true(fixture->has_test);
    virDomainFree(domain);
}

static void
fetch(Fixture *fixture, const char *uuid)
{
    guint n = fixture->n_fetched + 1;

    vsf_conn_fetch(fixture->conn, uuid);
    wait_for(&fixture->n_fetched, n);
    g_assert_cmpstr(fixture->fetched, ==, uuid);
}

static void
test_fetch_tells_running_from_not(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    virDomainPtr domain = look_up_test(fixture);

    wait_for(&fixture->n_listed, 1);
    fetch(fixture, TEST_UUID);
    g_assert_nonnull(fixture->def);
    g_assert_cmpstr(fixture->def->name, ==, "test");
    g_assert_cmpint(fixture->def->id, >, 0);
    g_assert_cmpint(fixture->state, ==, VIR_DOMAIN_RUNNING);

    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    fetch(fixture, TEST_UUID);
    g_assert_nonnull(fixture->def);
    g_assert_cmpint(fixture->state, ==, VIR_DOMAIN_PAUSED);

    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    fetch(fixture, TEST_UUID);
    g_assert_null(fixture->def);
    g_assert_cmpint(virDomainCreate(domain), ==, 0);

    fetch(fixture, NO_UUID);
    g_assert_null(fixture->def);
    virDomainFree(domain);
}

/* A domain whose description our parser refuses for its size. */
static virDomainPtr
create_unreadable(Fixture *fixture)
{
    g_autofree char *long_text = g_strnfill(5 * 1024 * 1024, 'x');
    g_autofree char *xml = g_strdup_printf("<domain type='test'><name>wild</name><uuid>" NO_UUID
                                           "</uuid>"
                                           "<description>%s</description><memory>1024</memory>"
                                           "<os><type>hvm</type></os></domain>",
                                           long_text);
    virDomainPtr domain = virDomainCreateXML(fixture->admin, xml, 0);

    g_assert_nonnull(domain);
    return domain;
}

typedef struct {
    guint listed, fetched;
} Warnings;

static void
note_warning(const char *log_domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED,
             const char *message, gpointer user_data)
{
    Warnings *warnings = user_data;

    g_assert_nonnull(strstr(message, NO_UUID ": "));
    if (strstr(message, "what is known of this domain is kept") != NULL)
        warnings->listed++;
    else if (strstr(message, "this change is not followed") != NULL)
        warnings->fetched++;
    else
        g_assert_not_reached();
}

static gboolean
note_end(gpointer ended)
{
    *(gboolean *)ended = TRUE;
    return G_SOURCE_REMOVE;
}

static void
run_for(guint ms)
{
    gboolean ended = FALSE;

    g_timeout_add(ms, note_end, &ended);
    while (!ended)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_an_unreadable_domain_is_named_once(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    virDomainPtr domain = create_unreadable(fixture);
    Warnings warnings = {0};
    guint handler;

    handler = g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, note_warning, &warnings);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    fixture->conn = vsf_conn_new(URI, &callbacks, fixture);
    wait_for(&fixture->n_listed, 1);
    g_assert_true(fixture->has_test);
    g_assert_cmpuint(fixture->n_unreadable, ==, 1);
    g_assert_cmpstr(fixture->unreadable, ==, NO_UUID);

    g_assert_cmpuint(warnings.listed, ==, 1);

    /* No answer to this one: it runs, and what it is cannot be told. */
    for (guint i = 0; i < 3; i++) {
        vsf_conn_fetch(fixture->conn, NO_UUID);
        fetch(fixture, TEST_UUID);
    }
    g_assert_cmpuint(fixture->n_fetched, ==, 3);
    wait_for(&warnings.fetched, 1);
    vsf_conn_list(fixture->conn);
    wait_for(&fixture->n_listed, 2);
    run_for(300);
    g_assert_cmpuint(fixture->n_fetched, ==, 3);
    g_assert_cmpuint(warnings.listed, ==, 1);
    g_assert_cmpuint(warnings.fetched, ==, 1);
    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    virDomainFree(domain);
    g_log_remove_handler(G_LOG_DOMAIN, handler);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
}

static void
test_no_callback_after_free(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    VsfConn *other;

    /* While it connects. */
    vsf_conn_free(g_steal_pointer(&fixture->conn));
    /* With questions out. */
    fixture->conn = vsf_conn_new(URI, &callbacks, fixture);
    wait_for(&fixture->n_connected, 1);
    for (guint i = 0; i < 20; i++)
        vsf_conn_fetch(fixture->conn, i % 2 ? TEST_UUID : NO_UUID);
    vsf_conn_free(g_steal_pointer(&fixture->conn));
    g_string_truncate(fixture->told, 0);
    fixture->n_listed = fixture->n_fetched = 0;

    /* What was under way has ended by the time a later one is through. */
    other = vsf_conn_new(URI, &callbacks, fixture);
    fixture->conn = other;
    wait_for(&fixture->n_listed, 1);
    fetch(fixture, TEST_UUID);
    g_assert_cmpstr(fixture->told->str, ==, "up list ");
    g_assert_cmpuint(fixture->n_fetched, ==, 1);
}

/* Three threads, so the later ones wait, and a waiting one serves them all. */
static void
test_waiting_questions_are_not_doubled(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    wait_for(&fixture->n_listed, 1);
    for (guint i = 0; i < 100; i++)
        vsf_conn_fetch(fixture->conn, TEST_UUID);
    vsf_conn_fetch(fixture->conn, NO_UUID);
    wait_for(&fixture->n_gone, 1);
    g_assert_cmpuint(fixture->n_fetched, >=, 1);
    g_assert_cmpuint(fixture->n_fetched, <, 100);
}

static void
test_fetch_before_the_connection_is_dropped(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    vsf_conn_fetch(fixture->conn, TEST_UUID);
    vsf_conn_list(fixture->conn);
    wait_for(&fixture->n_listed, 1);
    fetch(fixture, NO_UUID);
    g_assert_cmpuint(fixture->n_fetched, ==, 1);
    g_assert_cmpuint(fixture->n_listed, ==, 1);
}

/* No libvirt yet: told once, and found when it is there. */
static void
test_libvirt_may_come_later(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-conn-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "host.xml", NULL);
    g_autofree char *late = g_strdup_printf("test://%s", path);

    fixture->conn = vsf_conn_new(late, &callbacks, fixture);
    wait_for(&fixture->n_away, 1);
    g_assert_nonnull(fixture->why);
    g_assert_cmpstr(vsf_conn_describe(fixture->conn), ==, fixture->why);
    g_assert_true(g_file_set_contents(path,
                                      "<node><cpu><mhz>1</mhz><model>i686</model><active>1</active>"
                                      "<nodes>1</nodes><sockets>1</sockets><cores>1</cores>"
                                      "<threads>1</threads></cpu><memory>1024</memory></node>",
                                      -1, NULL));
    wait_for(&fixture->n_listed, 1);
    g_assert_cmpstr(fixture->told->str, ==, "away up list ");
    g_assert_cmpuint(fixture->n_domains, ==, 0);
    g_unlink(path);
    g_rmdir(folder);
}

static gboolean
count_tick(gpointer user_data)
{
    ++*(guint *)user_data;
    return G_SOURCE_CONTINUE;
}

static gboolean
hang_up(GSocket *listener, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    g_autoptr(GSocket) accepted = g_socket_accept(listener, NULL, NULL);

    g_assert_nonnull(accepted);
    ++*(guint *)user_data;
    return G_SOURCE_CONTINUE;
}

static char *
listen_at(const char *path, GSocket **listener)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);

    *listener = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                             NULL);
    g_assert_true(g_socket_bind(*listener, address, TRUE, NULL));
    g_assert_true(g_socket_listen(*listener, NULL));
    return g_strdup_printf("qemu+unix:///system?mode=legacy&socket=%s", path);
}

static void
test_every_attempt_fails_but_is_told_once(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-conn-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "sock", NULL);
    g_autoptr(GSocket) listener = NULL;
    g_autofree char *deaf = listen_at(path, &listener);
    g_autoptr(GSource) source = g_socket_create_source(listener, G_IO_IN, NULL);
    guint n_attempts = 0;

    g_source_set_callback(source, G_SOURCE_FUNC(hang_up), &n_attempts, NULL);
    g_source_attach(source, NULL);
    fixture->conn = vsf_conn_new(deaf, &callbacks, fixture);
    wait_for(&n_attempts, 3);
    g_assert_cmpstr(fixture->told->str, ==, "away ");
    g_assert_false(vsf_conn_is_connected(fixture->conn));
    g_source_destroy(source);
    g_unlink(path);
    g_rmdir(folder);
}

/* A libvirtd that is stopped: the kernel takes the connection, nobody reads. */
static void
test_a_hung_libvirt_does_not_hold_the_main_loop(Fixture *fixture, gconstpointer uri G_GNUC_UNUSED)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-conn-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "sock", NULL);
    g_autoptr(GSocket) listener = NULL;
    g_autofree char *hung = listen_at(path, &listener);
    GSocket *accepted;
    guint n_ticks = 0;
    guint ticker = g_timeout_add(1, count_tick, &n_ticks);

    fixture->conn = vsf_conn_new(hung, &callbacks, fixture);
    accepted = g_socket_accept(listener, NULL, NULL); /* now its thread waits for a reply */
    g_assert_nonnull(accepted);
    wait_for(&n_ticks, 20);
    g_assert_cmpstr(fixture->told->str, ==, "");
    vsf_conn_free(g_steal_pointer(&fixture->conn));
    wait_for(&n_ticks, 40);

    g_socket_close(accepted, NULL);
    g_object_unref(accepted);
    g_socket_close(listener, NULL);
    wait_for(&n_ticks, 60);
    g_assert_cmpstr(fixture->told->str, ==, "");
    g_source_remove(ticker);
    g_unlink(path);
    g_rmdir(folder);
}

#define ADD(path, uri, func) g_test_add(path, Fixture, uri, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vsf_virt_init();
    ADD("/virt/conn/list-follows-the-connection", URI, test_list_follows_the_connection);
    ADD("/virt/conn/lifecycle-events-come", URI, test_lifecycle_events_come);
    ADD("/virt/conn/fetch-tells-running-from-not", URI, test_fetch_tells_running_from_not);
    ADD("/virt/conn/an-unreadable-domain-is-named-once", NULL,
        test_an_unreadable_domain_is_named_once);
    ADD("/virt/conn/no-callback-after-free", URI, test_no_callback_after_free);
    ADD("/virt/conn/fetch-before-the-connection-is-dropped", URI,
        test_fetch_before_the_connection_is_dropped);
    ADD("/virt/conn/waiting-questions-are-not-doubled", URI,
        test_waiting_questions_are_not_doubled);
    ADD("/virt/conn/every-attempt-fails-but-is-told-once", NULL,
        test_every_attempt_fails_but_is_told_once);
    ADD("/virt/conn/libvirt-may-come-later", NULL, test_libvirt_may_come_later);
    ADD("/virt/conn/a-hung-libvirt-does-not-hold-the-main-loop", NULL,
        test_a_hung_libvirt_does_not_hold_the_main_loop);
    return g_test_run();
}
