/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom the daemon's client of the agent service asks. */
#include "../../daemon/base/listen.h"
#include "../../daemon/virt/agent-client.h"
#include "house.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
expect_no_link(const char *place, int code, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(house_open(place, &error));
    g_assert_error(error, G_IO_ERROR, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_a_service_that_is_not_there_is_told_so(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autofree char *other = g_strdup_printf("other:///system %s", house->path);

    expect_no_link(URI " /nowhere/agent.sock", G_IO_ERROR_CONNECTION_REFUSED,
                   "no agent service at /nowhere/agent.sock: ");
    expect_no_link(URI " ", G_IO_ERROR_READ_ONLY, "agent-socket is none");
    expect_no_link(other, G_IO_ERROR_READ_ONLY, "asks " URI ", not other:///system");
}

#define USER 4711 /* no name is needed */

/* The socket's directory is that user's, who listens there in the service's place. */
static void
test_another_users_service_is_not_asked(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-agent-XXXXXX", NULL),
                    *path = g_build_filename(folder, "agent.sock", NULL),
                    *place = vsf_agent_client_place(URI, path);
    g_autoptr(GError) error = NULL;
    VsfListener listener;

    if (geteuid() != 0) {
        g_test_skip("needs root");
    } else {
        g_assert_cmpint(chown(folder, USER, USER), ==, 0);
        g_assert_cmpint(seteuid(USER), ==, 0);
        g_assert_true(vsf_listener_open(&listener, path, &error));
        g_assert_cmpint(seteuid(0), ==, 0);
        expect_no_link(place, G_IO_ERROR_READ_ONLY, "user 4711 listens there");
        vsf_listener_close(&listener, path);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* As the daemon does that is not root's. */
static void
test_roots_service_is_asked_by_another_user(void)
{
    const guint user = USER;
    g_autoptr(House) house = house_new(&user, 1);
    g_autoptr(GError) error = NULL;
    gpointer link;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    g_assert_cmpint(chown(house->folder, USER, USER), ==, 0);
    g_assert_cmpint(chmod(house->path, 0666), ==, 0);
    g_assert_cmpint(seteuid(USER), ==, 0);
    link = house_open(house->place, &error);
    g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_no_error(error);
    vsf_agent_service.calls.close(link);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func("/agent/client/" name, test)
    ADD("a-service-that-is-not-there-is-told-so", test_a_service_that_is_not_there_is_told_so);
    ADD("another-users-service-is-not-asked", test_another_users_service_is_not_asked);
    ADD("roots-service-is-asked-by-another-user", test_roots_service_is_asked_by_another_user);
#undef ADD
    return g_test_run();
}
