/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the domain XML says of the guest's agent and balloon, and what its
 * metadata asks of us. */
#include "domain-xml-fixture.h"

static void
test_the_monitor_element_is_found_beside_others(void)
{
    g_autoptr(VsfDomainDef) def = parse_file("monitor.xml");

    g_assert_true(def->monitor.agent_off);
    g_assert_cmpuint(def->monitor.sampling, ==, 64);
    g_assert_cmpstr(def->nova->name, ==, "batch");
    g_assert_true(def->has_agent);
    g_assert_cmpint(def->agent, ==, VSF_AGENT_DISCONNECTED);
    g_assert_false(def->has_balloon);
}

#define VSF " xmlns:vsf='" VSF_MONITOR_NAMESPACE "'"

static void
test_the_monitor_element_by_namespace(void)
{
    static const struct {
        const char *inside;
        gboolean agent_off;
        guint32 sampling;
    } cases[] = {
        {"<vsf:monitor" VSF " agent='off' sampling='64'/>", TRUE, 64},
        {"<monitor xmlns='" VSF_MONITOR_NAMESPACE "' agent='off'/>", TRUE, VSF_MONITOR_UNSET},
        {"<x:monitor xmlns:x='" VSF_MONITOR_NAMESPACE "' sampling='0'/>", FALSE, 0},
        /* The first one counts, though it says nothing. */
        {"<vsf:monitor" VSF " sampling='8'/><vsf:monitor" VSF " agent='off'/>", FALSE, 8},
        {"<vsf:monitor" VSF "/><vsf:monitor" VSF " sampling='8'/>", FALSE, VSF_MONITOR_UNSET},
        {"<vsf:monitor agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<monitor agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<vsf:monitor xmlns:vsf='https://other/' agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<v:monitor xmlns:v='" VSF_MONITOR_NAMESPACE "0' agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<v:monitor xmlns:v='http://openstack.org/xmlns/libvirt/nova/1.1' agent='off'/>", FALSE,
         VSF_MONITOR_UNSET},
        {"<vsf:other" VSF " agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<vsf:monitor" VSF " vsf:agent='off'/>", FALSE, VSF_MONITOR_UNSET},
        {"<a" VSF "><vsf:monitor agent='off'/></a>", FALSE, VSF_MONITOR_UNSET}, /* too deep */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(HEAD "<metadata>%s</metadata></domain>",
                                               cases[i].inside);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpint(def->monitor.agent_off, ==, cases[i].agent_off);
        g_assert_cmpuint(def->monitor.sampling, ==, cases[i].sampling);
    }
}

static void
test_a_monitor_value_that_is_not_allowed_is_none(void)
{
    static const struct {
        const char *attributes;
        gboolean agent_off;
        guint32 sampling;
    } cases[] = {
        {"agent='on'", FALSE, VSF_MONITOR_UNSET},
        {"agent='OFF'", FALSE, VSF_MONITOR_UNSET},
        {"agent='' sampling=''", FALSE, VSF_MONITOR_UNSET},
        {"agent='off ' sampling='7'", FALSE, 7},
        {"agent='off' sampling='-1'", TRUE, VSF_MONITOR_UNSET},
        {"sampling='10000000'", FALSE, 10000000},
        {"sampling='10000001'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='4294967295'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='4294967360'", FALSE, VSF_MONITOR_UNSET}, /* 64 and 2^32 */
        {"sampling='99999999999999999999'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='0x40'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='+64'", FALSE, VSF_MONITOR_UNSET},
        {"sampling=' 64'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='64;'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='6 4'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='1e3'", FALSE, VSF_MONITOR_UNSET},
        {"sampling='\xd9\xa6\xd9\xa4'", FALSE, VSF_MONITOR_UNSET}, /* arabic digits */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            HEAD "<metadata><vsf:monitor" VSF " %s/></metadata></domain>", cases[i].attributes);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpint(def->monitor.agent_off, ==, cases[i].agent_off);
        g_assert_cmpuint(def->monitor.sampling, ==, cases[i].sampling);
    }
}

static void
test_the_agents_state_is_that_of_its_own_channel(void)
{
    static const struct {
        const char *target;
        gboolean has_agent;
        VsfAgentState agent;
    } cases[] = {
        {"type='virtio' name='org.qemu.guest_agent.0'", TRUE, VSF_AGENT_UNKNOWN},
        {"type='virtio' name='org.qemu.guest_agent.0' state='connected'", TRUE,
         VSF_AGENT_CONNECTED},
        {"type='virtio' name='org.qemu.guest_agent.0' state='disconnected'", TRUE,
         VSF_AGENT_DISCONNECTED},
        {"type='virtio' name='org.qemu.guest_agent.0' state='odd'", TRUE, VSF_AGENT_UNKNOWN},
        {"type='virtio' name='com.example.0' state='connected'", FALSE, VSF_AGENT_UNKNOWN},
        {"type='guestfwd' name='org.qemu.guest_agent.0' state='connected'", FALSE,
         VSF_AGENT_UNKNOWN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            HEAD "<devices><channel type='unix'><target %s/></channel></devices></domain>",
            cases[i].target);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpint(def->has_agent, ==, cases[i].has_agent);
        g_assert_cmpint(def->agent, ==, cases[i].agent);
    }
}

static void
test_a_balloon_of_model_none_is_none(void)
{
    static const struct {
        const char *device;
        gboolean has_balloon;
    } cases[] = {
        {"", FALSE},
        {"<memballoon model='none'/>", FALSE},
        {"<memballoon model='virtio'/>", TRUE},
        {"<memballoon model='virtio-non-transitional'><stats period='5'/></memballoon>", TRUE},
        {"<memballoon/>", TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(HEAD "<devices>%s</devices></domain>",
                                               cases[i].device);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpint(def->has_balloon, ==, cases[i].has_balloon);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/domain-xml/guest/the-monitor-element-is-found-beside-others",
                    test_the_monitor_element_is_found_beside_others);
    g_test_add_func("/model/domain-xml/guest/the-monitor-element-by-namespace",
                    test_the_monitor_element_by_namespace);
    g_test_add_func("/model/domain-xml/guest/a-monitor-value-that-is-not-allowed-is-none",
                    test_a_monitor_value_that_is_not_allowed_is_none);
    g_test_add_func("/model/domain-xml/guest/the-agents-state-is-that-of-its-own-channel",
                    test_the_agents_state_is_that_of_its_own_channel);
    g_test_add_func("/model/domain-xml/guest/a-balloon-of-model-none-is-none",
                    test_a_balloon_of_model_none_is_none);
    return g_test_run();
}
