/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/config.h"

#include <string.h>

/* The hash of that text. */
static char *
hash_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfConfig) config = vsf_config_parse("f.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    return vsf_config_hash(config);
}

static void
assert_same(const char *text, const char *other, gboolean same)
{
    g_autofree char *one = hash_of(text), *two = hash_of(other);

    g_assert_cmpuint(strlen(one), ==, 16);
    g_assert_cmpuint(strspn(one, "0123456789abcdef"), ==, 16);
    if (same)
        g_assert_cmpstr(one, ==, two);
    else
        g_assert_cmpstr(one, !=, two);
}

static void
test_what_means_the_same_has_the_same_hash(void)
{
    assert_same("", "# nothing\n[sflow]\n", TRUE);
    assert_same("", "[sflow]\npolling = 20\nsampling=512\n", TRUE);
    assert_same("[sflow]\npolling=7\n[guest]\nagent=off\n",
                "[guest]\nagent = off\n[sflow]\npolling = 7\n", TRUE);
    assert_same("[sflow]\ncollectors=192.0.2.1, c.example\n",
                "[sflow]\ncollectors = 192.0.2.1:6343 C.example:6343\n", TRUE);
    assert_same("[vm a]\npolling=1\nsampling=2\n", "[vm  a ]\nsampling=2\npolling = 1\n", TRUE);
    assert_same("[capture]\ninterfaces=vnet*,tap*\n", "[capture]\ninterfaces = vnet*  tap*\n",
                TRUE);
}

static void
test_each_kind_of_key_changes_it(void)
{
    assert_same("", "[sflow]\npolling=21\n", FALSE);
    assert_same("", "[sflow]\nvm-name=nova\n", FALSE);
    assert_same("", "[libvirt]\nuri=test:///default\n", FALSE);
    assert_same("", "[sflow]\nsource-address=192.0.2.7\n", FALSE);
    assert_same("", "[capture]\ninterfaces=vnet*\n", FALSE);
    assert_same("", "[guest]\nexclude=db*\n", FALSE);
    assert_same("", "[sflow]\ncollectors=192.0.2.1\n", FALSE);
    assert_same("[sflow]\ncollectors=192.0.2.1\n", "[sflow]\ncollectors=192.0.2.1%eth0\n", FALSE);
    assert_same("", "[host]\nenabled=off\n", FALSE);
    assert_same("", "[vm a]\n", FALSE);
    assert_same("[vm a]\n", "[vm a]\nsampling=512\n", FALSE);
    assert_same("[vm a]\n[vm b]\n", "[vm b]\n[vm a]\n", FALSE);
    /* The first one chooses the agent address. */
    assert_same("[sflow]\ncollectors=192.0.2.1 192.0.2.2\n",
                "[sflow]\ncollectors=192.0.2.2 192.0.2.1\n", FALSE);
}

static void
test_the_command_line_counts(void)
{
    static const char *const collectors[] = {"192.0.2.1", NULL};
    g_autoptr(VsfConfig) config = vsf_config_new();
    g_autofree char *hash = NULL, *wanted = hash_of("[sflow]\ncollectors=192.0.2.1\n");

    g_assert_true(vsf_config_set_collectors(config, collectors, NULL));
    hash = vsf_config_hash(config);
    g_assert_cmpstr(hash, ==, wanted);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/hash/what-means-the-same-has-the-same-hash",
                    test_what_means_the_same_has_the_same_hash);
    g_test_add_func("/config/hash/each-kind-of-key-changes-it", test_each_kind_of_key_changes_it);
    g_test_add_func("/config/hash/the-command-line-counts", test_the_command_line_counts);
    return g_test_run();
}
