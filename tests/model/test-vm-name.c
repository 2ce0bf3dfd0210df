/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/vm-name.h"

#include <string.h>

static void
expect(const char *domain, const char *nova, const char *title, const char *guest,
       VsfVmNameMode mode, const char *want)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autofree char *name = NULL;

    g_strlcpy(def->uuid, "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa", sizeof(def->uuid));
    def->name = g_strdup(domain);
    def->nova = nova != NULL ? vsf_nova_new() : NULL;
    if (nova != NULL)
        def->nova->name = g_strdup(nova);
    def->title = g_strdup(title);
    name = vsf_vm_name(def, mode, guest);
    g_assert_cmpstr(name, ==, want);
    g_assert_cmpuint(strlen(name), <=, VSF_VM_NAME_MAX);
}

static void
test_each_mode_has_its_source(void)
{
    expect("web01", NULL, "t", "g", VSF_VM_NAME_AUTO, "web01");
    expect("instance-1", "web", "t", "g", VSF_VM_NAME_AUTO, "web-9d3b1f0a");
    expect("instance-1", "web", "t", "g", VSF_VM_NAME_NOVA, "web-9d3b1f0a");
    expect("instance-1", "web", "t", "g", VSF_VM_NAME_DOMAIN, "instance-1");
    expect("instance-1", "web", "t", "g", VSF_VM_NAME_TITLE, "t");
    expect("instance-1", "web", "t", "g", VSF_VM_NAME_GUEST, "g");
}

static void
test_the_domain_name_stands_in(void)
{
    expect("d", NULL, NULL, NULL, VSF_VM_NAME_NOVA, "d");
    expect("d", NULL, NULL, NULL, VSF_VM_NAME_TITLE, "d");
    expect("d", "web", "t", NULL, VSF_VM_NAME_GUEST, "d");
    expect("d", "", "", "", VSF_VM_NAME_AUTO, "d");
    expect("d", "", "", "", VSF_VM_NAME_GUEST, "d");
}

static void
test_a_changed_name_ends_in_the_uuid(void)
{
    expect("Aa0._-", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "Aa0._-");
    expect("web 01", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "web-01-9d3b1f0a");
    expect("a/../b", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "a-..-b-9d3b1f0a");
    expect("m\xc3\xbcller", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "m-ller-9d3b1f0a");
    expect("x", "web <1> & 'co'", NULL, NULL, VSF_VM_NAME_AUTO, "web-1-co-9d3b1f0a");
    expect("a\nb", NULL, NULL, NULL, VSF_VM_NAME_DOMAIN, "a-b-9d3b1f0a");
}

static void
test_no_name_is_a_folder_or_an_option(void)
{
    expect("..", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "vm-9d3b1f0a");
    expect(".hidden", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "hidden-9d3b1f0a");
    expect("-rf", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "rf-9d3b1f0a");
    expect("", NULL, NULL, NULL, VSF_VM_NAME_AUTO, "vm-9d3b1f0a");
    expect(NULL, NULL, NULL, NULL, VSF_VM_NAME_AUTO, "vm-9d3b1f0a");
    expect("d", "\xe2\x82\xac\xe2\x82\xac", NULL, NULL, VSF_VM_NAME_AUTO, "vm-9d3b1f0a");
}

static void
test_a_long_name_is_cut_and_suffixed(void)
{
    g_autofree char *fits = g_strnfill(63, 'n');
    g_autofree char *longer = g_strnfill(64, 'n');
    g_autofree char *huge = g_strnfill(4096, 'n');
    g_autofree char *cut = g_strnfill(54, 'n');
    g_autofree char *want = g_strconcat(cut, "-9d3b1f0a", NULL);

    expect(fits, NULL, NULL, NULL, VSF_VM_NAME_AUTO, fits);
    expect(longer, NULL, NULL, NULL, VSF_VM_NAME_AUTO, want);
    expect(huge, NULL, NULL, NULL, VSF_VM_NAME_AUTO, want);
    expect("d", huge, NULL, NULL, VSF_VM_NAME_AUTO, want);
    expect("d", fits, NULL, NULL, VSF_VM_NAME_NOVA, want);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/vm-name/each-mode-has-its-source", test_each_mode_has_its_source);
    g_test_add_func("/model/vm-name/the-domain-name-stands-in", test_the_domain_name_stands_in);
    g_test_add_func("/model/vm-name/a-changed-name-ends-in-the-uuid",
                    test_a_changed_name_ends_in_the_uuid);
    g_test_add_func("/model/vm-name/no-name-is-a-folder-or-an-option",
                    test_no_name_is_a_folder_or_an_option);
    g_test_add_func("/model/vm-name/a-long-name-is-cut-and-suffixed",
                    test_a_long_name_is_cut_and_suffixed);
    return g_test_run();
}
