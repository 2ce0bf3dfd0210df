/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/virt/link.h"

#include <sys/socket.h>
#include <unistd.h>

static void
test_a_uri_without_a_host_is_local(void)
{
    static const char *const local[] = {"qemu:///system", "qemu+unix:///system?socket=/run/s",
                                        "test:///default"};
    static const char *const other[] = {"qemu+tcp://192.0.2.1/system", "qemu+ssh://root@h/system",
                                        "test://host/default"};

    for (guint i = 0; i < G_N_ELEMENTS(local); i++)
        g_assert_true(vsf_link_is_local(local[i]));
    for (guint i = 0; i < G_N_ELEMENTS(other); i++)
        g_assert_false(vsf_link_is_local(other[i]));
}

static void
test_a_link_is_quiet_until_its_peer_ends(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    g_assert_true(vsf_link_is_quiet(ends[0]));
    close(ends[1]);
    g_assert_false(vsf_link_is_quiet(ends[0]));
    close(ends[0]);
}

/* What nobody asked for: whatever libvirtd means by it, the connection cannot go on. */
static void
test_a_link_to_which_something_is_said_is_not_quiet(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    g_assert_cmpint(write(ends[1], "?", 1), ==, 1);
    g_assert_false(vsf_link_is_quiet(ends[0]));
    close(ends[0]);
    close(ends[1]);
}

static virDomainPtr
run_domain(virConnectPtr connection, const char *name, const char *uuid)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='test'><name>%s</name><uuid>%s</uuid><memory>8192</memory>"
        "<os><type>hvm</type></os></domain>",
        name, uuid);
    virDomainPtr domain = virDomainCreateXML(connection, xml, 0);

    g_assert_nonnull(domain);
    return domain;
}

/* The handle of the second is there although libvirt knows it no more: it came with the first. */
static void
test_the_first_question_brings_the_handles_of_all_that_run(void)
{
    static const char *const first = "6d1f3f30-0000-4000-8000-000000000001";
    static const char *const second = "6d1f3f30-0000-4000-8000-000000000002";
    static const char *const later = "6d1f3f30-0000-4000-8000-000000000003";
    g_autoptr(GError) error = NULL;
    VsfLink *link = vsf_link_open("test:///default", FALSE, &error);
    virConnectPtr connection = vsf_link_connection(link);
    virDomainPtr domains[3];

    g_assert_no_error(error);
    domains[0] = run_domain(connection, "first", first);
    domains[1] = run_domain(connection, "second", second);
    g_assert_nonnull(vsf_link_domain(link, first, &error));
    g_assert_cmpint(virDomainDestroy(domains[1]), ==, 0);
    g_assert_nonnull(vsf_link_domain(link, second, &error));
    domains[2] = run_domain(connection, "later", later);
    g_assert_nonnull(vsf_link_domain(link, later, &error));
    g_assert_no_error(error);
    vsf_link_forget(link, second);
    g_assert_null(vsf_link_domain(link, second, &error));
    g_assert_nonnull(error);
    virDomainDestroy(domains[0]);
    virDomainDestroy(domains[2]);
    for (guint i = 0; i < G_N_ELEMENTS(domains); i++)
        virDomainFree(domains[i]);
    vsf_link_close(link);
}

/* As many as a batch needs at once, and far more; the link itself keeps no more. */
static void
test_a_handle_stays_while_others_are_asked_for(void)
{
    static const char *const first = "6d1f3f30-0000-4000-8000-000000000001";
    g_autoptr(GError) error = NULL;
    VsfLink *link = vsf_link_open("test:///default", FALSE, &error);
    virConnectPtr connection = vsf_link_connection(link);
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainPtr handle;

    g_assert_no_error(error);
    virDomainFree(run_domain(connection, "first", first));
    handle = vsf_link_domain(link, first, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < VSF_LINK_HANDLES; i++) {
        g_autofree char *name = g_strdup_printf("other%u", i);
        g_autofree char *other = g_strdup_printf("6d1f3f30-0000-4000-9000-%012u", i);

        virDomainFree(run_domain(connection, name, other));
        g_assert_nonnull(vsf_link_domain(link, other, &error));
    }
    g_assert_cmpint(virDomainGetUUIDString(handle, uuid), ==, 0);
    g_assert_cmpstr(uuid, ==, first);
    vsf_link_close(link);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virt/link/a-uri-without-a-host-is-local", test_a_uri_without_a_host_is_local);
    g_test_add_func("/virt/link/a-link-is-quiet-until-its-peer-ends",
                    test_a_link_is_quiet_until_its_peer_ends);
    g_test_add_func("/virt/link/a-link-to-which-something-is-said-is-not-quiet",
                    test_a_link_to_which_something_is_said_is_not_quiet);
    g_test_add_func("/virt/link/the-first-question-brings-the-handles-of-all-that-run",
                    test_the_first_question_brings_the_handles_of_all_that_run);
    g_test_add_func("/virt/link/a-handle-stays-while-others-are-asked-for",
                    test_a_handle_stays_while_others_are_asked_for);
    return g_test_run();
}
