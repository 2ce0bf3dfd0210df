/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/find-vm.h"
#include "../../daemon/cli/lists-text.h"
#include "quoted.h"

#include <gio/gio.h>
#include <string.h>

static const char full[] =
    "{'vms':[{'name':'web01','domain':'instance-00000001',"
    "'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','index':200001,'state':'running',"
    "'reason_text':'unpaused','pid':77,"
    "'since_s':10,'stuck_s':null,'taps':[7],"
    "'counters':{'vcpus':2,'cpu_ms':1500,'memory_max':1073741824,'disk_capacity':10737418240,"
    "'disk_read_bytes':1024,'disk_written_bytes':2048,'net_in_bytes':4096,'net_in_packets':4,"
    "'net_out_bytes':8192,'net_out_packets':8},"
    "'memory':{'bytes':536870912,'source':'balloon','age_s':3,'why':'ok'},"
    "'disk':{'bytes':null,'source':'agent','age_s':300,'why':'no-reply'},"
    "'agent':{'state':'failing','trouble':'no reply in 2 s'},"
    "'os':{'name':'linux','release':'6.1','host_name':'web'},"
    "'nova':{'name':'web 1','flavor':{'name':'m1.small'},'image':null,"
    "'project':{'id':'7b1c','name':'shop'},'user':{'id':'3a0d','name':'ann'}},"
    "'interfaces':[{'kind':'tap','mac':'52:54:00:00:00:01','device':'vnet0','ifindex':7},"
    "{'kind':'vhost-user','mac':'52:54:00:00:00:02','device':null,'ifindex':null}],"
    "'filesystems':[{'mount_point':'/','type':'ext4','total':2147483648,'used':1073741824}]},"
    "{'name':'db','domain':'db','uuid':'2b4e28ba-2fa1-11d2-883f-0016d3cca427','index':200002,"
    "'state':'paused','stuck_s':31,'taps':[]}],"
    "'taps':[{'ifindex':9,'name':'vnet1','vm':null,'state':'waits','sampling':0},"
    "{'ifindex':7,'name':'vnet0','vm':'web01','state':'sampling','sampling':512,"
    "'flow_samples':99,'drops':0}],"
    "'collectors':[{'collector':'c1.example:6343','address':'192.0.2.1:6343','state':'failing',"
    "'datagrams':12,'last_error':'Connection refused','last_sent_s':1,'lookup_error':null}]}";

/* Ids and names there are others' input. */
static void
test_ports_of_a_switch(void)
{
    g_autoptr(JsonNode) root = node_of(
        "{'vms':[],'taps':[{'ifindex':7,'name':'vnet0','switch':{'bridge':'br-int','port':'vnet0',"
        "'ofport':3,'vlan':5,'trunks':null,'iface_id':'p-1\\u001b[2J'}},"
        "{'ifindex':8,'name':'vnet1','switch':{'bridge':'br-int','port':'bond0','ofport':null,"
        "'vlan':null,'trunks':'1-3','iface_id':null}},{'ifindex':9,'name':'vnet2','switch':null}]"
        "}");
    g_autofree char *taps = vsf_taps_text(json_node_get_object(root));

    g_assert_nonnull(strstr(taps, "\n  port vnet0 of br-int, number 3, VLAN 5\n"
                                  "  iface-id p-1\\x1b[2J\nvnet1"));
    g_assert_nonnull(strstr(taps, "\n  port bond0 of br-int, tagged 1-3\nvnet2"));
    g_assert_cmpstr(strrchr(taps, 'v'), ==, strstr(taps, "vnet2"));
}

static void
test_tables_show_what_the_daemon_tells(void)
{
    g_autoptr(JsonNode) root = node_of(full);
    JsonObject *status = json_node_get_object(root);
    g_autofree char *vms = vsf_vms_text(status), *taps = vsf_taps_text(status),
                    *collectors = vsf_collectors_text(status);

    g_assert_cmpstr(
        vms, ==,
        "VM               STATE       INDEX VCPU   MEMORY       OF FREE DISK AGENT\n"
        "db               paused     200002    -        -        -         - -\n"
        "  QEMU has not answered for 31 s\n"
        "web01            running    200001    2  512 MiB  1.0 GiB         - failing\n");
    g_assert_cmpstr(taps, ==,
                    "TAP             IFINDEX VM                    1 IN   SAMPLES  DROPS STATE\n"
                    "vnet0                 7 web01                  512        99      0 sampling\n"
                    "vnet1                 9 -                        0         -      - waits\n");
    g_assert_cmpstr(
        collectors, ==,
        "COLLECTOR                  ADDRESS                STATE      DATAGRAMS    SENT\n"
        "c1.example:6343            192.0.2.1:6343         failing           12     1 s\n"
        "  last error: Connection refused\n");
}

static void
test_ports_have_a_table_of_their_own(void)
{
    g_autoptr(JsonNode) root = node_of(
        "{'taps':[{'ifindex':3,'name':'eth1','role':'port','vm':null,'speed':null,"
        "'direction':'in','sampling':512,'flow_samples':0,'drops':0,'state':'opening'},"
        "{'ifindex':7,'name':'vnet0','role':'vm','vm':'web01','speed':null,'state':'sampling',"
        "'direction':'once','sampling':512,'flow_samples':99,'drops':0},"
        "{'ifindex':2,'name':'eth0','role':'port','vm':null,'speed':2500000000,"
        "'direction':'both','sampling':2500,'flow_samples':12,'drops':1,'state':'sampling'}]}");
    JsonObject *status = json_node_get_object(root);
    g_autofree char *taps = vsf_taps_text(status);

    g_assert_cmpstr(taps, ==,
                    "TAP             IFINDEX VM                    1 IN   SAMPLES  DROPS STATE\n"
                    "vnet0                 7 web01                  512        99      0 sampling\n"
                    "\n"
                    "PORT            IFINDEX   SPEED DIRECTION    1 IN   SAMPLES  DROPS STATE\n"
                    "eth0                  2    2.5G both         2500        12      1 sampling\n"
                    "eth1                  3       - in            512         0      0 opening\n");
}

static void
test_a_vm_is_shown_with_its_interfaces_and_filesystems(void)
{
    g_autoptr(JsonNode) root = node_of(full);
    JsonObject *status = json_node_get_object(root);
    g_autofree char *text = vsf_vm_text(status, vsf_find_vm(status, "web01", NULL));

    g_assert_cmpstr(text, ==,
                    "VM          web01, domain instance-00000001\n"
                    "uuid        1b4e28ba-2fa1-11d2-883f-0016d3cca427\n"
                    "nova        web 1, flavor m1.small, image -\n"
                    "            project shop (7b1c), user ann\n"
                    "source      3:200001\n"
                    "state       running (unpaused), seen for 10 s, QEMU's pid 77\n"
                    "guest       web, linux 6.1\n"
                    "agent       failing\n"
                    "            no reply in 2 s\n"
                    "cpu         2 vCPUs, 1500 ms used\n"
                    "memory      512 MiB of 1.0 GiB, by balloon, 3 s ago\n"
                    "disk        unknown: no-reply\n"
                    "            1.0 KiB read, 2.0 KiB written\n"
                    "net         4.0 KiB in 4 packets, 8.0 KiB out 8 packets\n"
                    "\n"
                    "NIC               KIND       DEVICE          IFINDEX\n"
                    "52:54:00:00:00:01 tap        vnet0                 7\n"
                    "52:54:00:00:00:02 vhost-user -                     -\n"
                    "\n"
                    "TAP             IFINDEX VM                    1 IN   SAMPLES  DROPS STATE\n"
                    "vnet0                 7 web01                  512        99      0 sampling\n"
                    "\n"
                    "FILESYSTEM                     TYPE         USED       OF\n"
                    "/                              ext4      1.0 GiB  2.0 GiB\n");
}

static void
test_a_vm_is_found_by_what_names_it(void)
{
    static const struct {
        const char *what, *found; /* NULL: none */
    } cases[] = {
        {"web01", "web01"},
        {"instance-00000001", "web01"},
        {"200002", "db"},
        {"2b4e28ba", "db"},
        {"2B4E28BA-2fa1-11d2-883f-0016d3cca427", "db"},
        {"2b4e", NULL},
        {"web0", NULL},
        {"-", NULL},
        {"", NULL},
        {"7", NULL},
        {"2b4e28bb", NULL},
    };
    g_autoptr(JsonNode) root = node_of(full);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        JsonObject *vm = vsf_find_vm(json_node_get_object(root), cases[i].what, &error);

        g_assert_cmpstr(vm != NULL ? json_object_get_string_member(vm, "name") : NULL, ==,
                        cases[i].found);
        g_assert_true((vm == NULL) == (error != NULL));
    }
}

static void
test_names_that_several_have_are_refused(void)
{
    g_autoptr(JsonNode) root = node_of("{'vms':[{'name':'a','domain':'x','index':1},"
                                       "{'name':'a','domain':'a','index':2},{'name':'1'}]}");
    g_autoptr(JsonNode) none = node_of("{}");
    g_autoptr(GError) several = NULL, absent = NULL, hostile = NULL;

    g_assert_null(vsf_find_vm(json_node_get_object(root), "a", &several));
    g_assert_error(several, G_IO_ERROR, G_IO_ERROR_EXISTS);
    /* Named like the index of another one. */
    g_assert_cmpstr(
        json_object_get_string_member(vsf_find_vm(json_node_get_object(root), "1", NULL), "name"),
        ==, "1");
    g_assert_null(vsf_find_vm(json_node_get_object(none), "a", &absent));
    g_assert_nonnull(strstr(absent->message, "tells of no VMs yet"));
    g_assert_null(vsf_find_vm(json_node_get_object(none), "\033[2J", &hostile));
    g_assert_null(strchr(hostile->message, '\033'));
}

static void
test_names_are_words_for_a_shell(void)
{
    g_autoptr(JsonNode) root = node_of("{'vms':[{'name':'b.1_x-y'},{'name':'a b'},{'name':'$(x)'},"
                                       "{'name':'-rf'},{'name':'a'},{}]}");
    g_autofree char *names = vsf_vm_names(json_node_get_object(root));

    g_assert_cmpstr(names, ==, "a\nb.1_x-y\n");
}

static void
test_other_daemons_and_hostile_names_do_no_harm(void)
{
    static const char *const documents[] = {
        "{}", "{'vms':null,'taps':{},'collectors':'x'}", "{'vms':[],'taps':[],'collectors':[]}",
        "{'vms':[{'name':{'a':1},'memory':[],'counters':7,'interfaces':[1],'taps':['x',null]}]}",
        "{'vms':[{'name':'\\u001b]0;owned\\u0007','state':'\\u009b2J','agent':{'state':'a\\nb'},"
        "'uuid':'\\u001b','nova':{'name':'\\u001b[2J','project':[1]},'os':{'host_name':'\\u001b["
        "31m','release':'\\u202e'},"
        "'filesystems':[{'mount_point':'/\\u001b[2J'}],'interfaces':[{'device':'\\u001b'}]}],"
        "'taps':[{'name':'\\u001b','vm':'\\u001b'}],"
        "'collectors':[{'collector':'\\u001b','last_error':'\\u001b[31m'}]}"};

    for (guint i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autoptr(JsonNode) root = node_of(documents[i]);
        JsonObject *status = json_node_get_object(root);
        g_autoptr(JsonNode) vms = vsf_list_json(status, "vms", "name");
        g_autoptr(GString) all = g_string_new(NULL);
        g_autofree char *a = vsf_vms_text(status), *b = vsf_taps_text(status),
                        *c = vsf_collectors_text(status);
        JsonArray *array = json_node_get_array(vms);

        g_string_append_printf(all, "%s%s%s", a, b, c);
        for (guint j = 0; j < json_array_get_length(array); j++) {
            g_autofree char *d = vsf_vm_text(status, json_array_get_object_element(array, j));

            g_string_append(all, d);
        }
        g_assert_null(strpbrk(all->str, "\033\007"));
        g_assert_null(strstr(all->str, "\302\233"));
        g_assert_null(strstr(all->str, "\342\200\256"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/lists/ports-have-a-table-of-their-own",
                    test_ports_have_a_table_of_their_own);
    g_test_add_func("/cli/lists/ports-of-a-switch-are-below-their-interfaces",
                    test_ports_of_a_switch);
    g_test_add_func("/cli/lists/tables-show-what-the-daemon-tells",
                    test_tables_show_what_the_daemon_tells);
    g_test_add_func("/cli/lists/a-vm-is-shown-with-its-interfaces-and-filesystems",
                    test_a_vm_is_shown_with_its_interfaces_and_filesystems);
    g_test_add_func("/cli/lists/a-vm-is-found-by-what-names-it",
                    test_a_vm_is_found_by_what_names_it);
    g_test_add_func("/cli/lists/names-that-several-have-are-refused",
                    test_names_that_several_have_are_refused);
    g_test_add_func("/cli/lists/names-are-words-for-a-shell", test_names_are_words_for_a_shell);
    g_test_add_func("/cli/lists/other-daemons-and-hostile-names-do-no-harm",
                    test_other_daemons_and_hostile_names_do_no_harm);
    return g_test_run();
}
