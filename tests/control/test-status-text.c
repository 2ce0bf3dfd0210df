/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/status-text.h"
#include "../../daemon/cli/table.h"
#include "quoted.h"

#include <string.h>

static char *
text_of(const char *json)
{
    g_autoptr(JsonNode) root = node_of(json);

    return vsf_status_text(json_node_get_object(root));
}

static void
test_full_document_is_shown(void)
{
    g_autofree char *text = text_of(
        "{'version':'0.1.0','pid':42,'uptime_s':93784,'agent_address':'192.0.2.10',"
        "'agent_address_reason':'source address of the route to the first collector (eno1)',"
        "'sub_agent_id':200000,"
        "'libvirt':{'uri':'qemu:///system','connected':true,'description':'libvirt 9.0.0',"
        "'since_s':60.5,'stuck_calls':2},"
        "'collectors':[{'collector':'c1.example:6343','address':'192.0.2.1:6343','datagrams':12,"
        "'bytes':900,'errors':3,'state':'failing','since_s':95,"
        "'last_error':'Connection refused','lookup_error':'as asked','last_sent_s':1},"
        "{'collector':'198.51.100.1','address':null,'datagrams':0,'bytes':0,'errors':0,"
        "'last_error':null,'last_sent_s':null}],"
        "'vms':[{'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'web01','domain':'web01',"
        "'id':1,'index':200001,'state':'running','reason':1,'since_s':10,'last_poll_s':3,"
        "'stuck_s':null,'taps':[7],'nics':1,'disks':2,'counter_samples':5,"
        "'memory':{'bytes':536870912,'source':'balloon','age_s':3.5,'why':'ok'},"
        "'disk':{'bytes':1288490189,'source':'agent','age_s':30,'why':'ok'},"
        "'agent':{'plan':'ask','state':'answers','trouble':null}},"
        "{'uuid':'2b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'db','index':200002,"
        "'state':'paused','last_poll_s':400,'stuck_s':31,'taps':[],'disks':1,"
        "'memory':{'bytes':null,'source':'host','age_s':null,'why':'no-statistics'}}],"
        "'agents':{'mode':'auto','running':1,'stuck':0,'trouble':'libvirt is read-only'},"
        "'taps':[{'ifindex':7,'name':'vnet0','vm':'web01','mac':'52:54:00:00:00:01',"
        "'state':'sampling','sampling':512,'flow_samples':99,'left_out':0,'drops':0,'pool':1,"
        "'backend':'pcap','backend_reason':'eBPF cannot serve it: a qdisc of others'}],"
        "'capture':{'backend':'ebpf','backend_wanted':'auto','backend_reason':'it can',"
        "'attachment':'tcx','unit':'segments','ebpf_samplers':1,'ebpf_samplers_max':40,"
        "'samplers':2,'samplers_max':160,'without_room':8},"
        "'exporter':{'datagrams':12,'samples':20,'flow_samples':9,'counter_samples':11,"
        "'truncated':0},"
        "'paused':{'sampling':{'by_uid':0,'since_s':12.5,'left_s':588},'agents':null},"
        "'cpu':{'percent':11.5,'limit':10,'factor':4,'max_samples_per_second':625},"
        "'config':{'files':['/etc/virt-sflow/virt-sflow.conf'],'polling':20,'sampling':512,"
        "'direction':'once'},'hook':{'received':2,'malformed':1,'refused':0}}");
    static const char want[] =
        "virt-sflowd 0.1.0, pid 42, up 26 h\n"
        "agent       192.0.2.10, sub-agent 200000\n"
        "            chosen as source address of the route to the first collector (eno1)\n"
        "libvirt     qemu:///system, connected for 60 s\n"
        "            libvirt 9.0.0\n"
        "            2 calls to it do not return\n"
        "settings    polling 20 s, sampling 1 in 512, direction once\n"
        "            from /etc/virt-sflow/virt-sflow.conf\n"
        "capture     ebpf (tcx) on 1 interfaces of at most 40, packets are counted in segments\n"
        "            it can\n"
        "sent        12 datagrams, 9 flow samples, 11 counter samples, 0 cut\n"
        "no room     8 interfaces are not sampled, STATE says why\n"
        "hook        2 received, 1 malformed, 0 refused\n"
        "cpu         11.5 % of a core, the limit is 10 %\n"
        "            so at most 625 samples a second\n"
        "paused      sampling for 12 s, by uid 0, ends in 9 min\n"
        "agents      auto, 1 conversations, 0 past their deadline\n"
        "            libvirt is read-only\n"
        "\n"
        "COLLECTOR                    ADDRESS                   DATAGRAMS ERRORS    SENT\n"
        "c1.example:6343              192.0.2.1:6343                   12      3     1 s\n"
        "  failing for 95 s: Connection refused\n"
        "  its name does not resolve: as asked\n"
        "198.51.100.1                 -                                 0      0       -\n"
        "\n"
        "VM                           STATE      UUID        INDEX  POLLED TAPS DISKS\n"
        "db                           paused     2b4e28ba   200002   6 min    0     1\n"
        "  QEMU has not answered for 31 s\n"
        "web01                        running    1b4e28ba   200001     3 s    1     2\n"
        "\n"
        "VM                             MEMORY SOURCE   DISK FREE SOURCE   AGENT\n"
        "db                                  - host             - -        -\n"
        "web01                         512 MiB balloon    1.2 GiB agent    answers\n"
        "\n"
        "TAP             IFINDEX VM                      1 IN   SAMPLES  DROPS STATE\n"
        "vnet0                 7 web01                    512        99      0 sampling\n"
        "  by libpcap, counted in frames: eBPF cannot serve it: a qdisc of others\n";

    g_assert_cmpstr(text, ==, want);
}

static void
test_libpcap_in_force_says_why(void)
{
    g_autofree char *text = text_of(
        "{'capture':{'backend':'pcap','backend_wanted':'ebpf','attachment':null,'unit':'frames',"
        "'backend_reason':'eBPF cannot be used: no bpf(2)'}}");

    g_assert_nonnull(strstr(text, "\ncapture     pcap, packets are counted in frames\n"
                                  "            eBPF cannot be used: no bpf(2)\n"));
}

static void
test_another_agent_is_told(void)
{
    g_autofree char *text = text_of(
        "{'beside':{'agent':'hsflowd','pid':7,'trouble':null,'sources':[{'what':'host'},"
        "{'what':'vm'},{'what':'interface'},{'what':'interface'},{'what':'of tomorrow'}]}}");
    g_autofree char *unread = text_of(
        "{'beside':{'agent':'hsflowd','pid':7,'trouble':'f:3: no','sources':[]}}");

    g_assert_nonnull(strstr(text, "\nbeside      Host sFlow, pid 7\n"
                                  "            both export the host (2:1), 1 VM, 2 interfaces\n"));
    g_assert_nonnull(strstr(unread, "\nbeside      Host sFlow, pid 7\n"
                                    "            what it exports is not known: f:3: no\n"));
}

static void
test_open_vswitch_is_told(void)
{
    g_autofree char *watched = text_of("{'ovs':{'state':'watched','since_s':70,'error':null,"
                                       "'version':'3.1.0','bridges':2,'ports':14}}");
    g_autofree char *away = text_of("{'ovs':{'state':'away','since_s':7,'error':'/x: closed',"
                                    "'version':null,'bridges':0,'ports':0}}");
    g_autofree char *absent = text_of("{'ovs':{'state':'absent','error':null,'bridges':0}}");

    g_assert_nonnull(strstr(
        watched, "\nswitch      Open vSwitch 3.1.0, watched for 70 s, 2 bridges, 14 ports\n"));
    g_assert_nonnull(strstr(away, "\nswitch      Open vSwitch away for 7 s, 0 bridges, 0 ports\n"
                                  "            /x: closed\n"));
    g_assert_null(strstr(absent, "Open vSwitch"));
}

static void
test_empty_document_is_shown_with_dashes(void)
{
    g_autofree char *text = text_of("{}");

    g_assert_true(g_str_has_prefix(text, "virt-sflowd -, pid -, up -\n"));
    g_assert_nonnull(strstr(text, "No collector is configured: nothing is sent."));
    g_assert_nonnull(strstr(text, "\n\nNo VM is running.\n\nNo interface is sampled.\n"));
    g_assert_null(strstr(text, "agents"));
}

static void
test_rows_are_sorted(void)
{
    g_autofree char *text = text_of("{'vms':[{'name':'c'},{'name':'a'},{'name':'b'}],"
                                    "'taps':[{'ifindex':12},{'ifindex':9},{'ifindex':100}],"
                                    "'collectors':[{'collector':'z'},{'collector':'y'}]}");

    g_assert_cmpint(strstr(text, "\na ") - text, <, strstr(text, "\nb ") - text);
    g_assert_cmpint(strstr(text, "\nb ") - text, <, strstr(text, "\nc ") - text);
    g_assert_cmpint(strstr(text, " 9 ") - text, <, strstr(text, " 12 ") - text);
    g_assert_cmpint(strstr(text, " 12 ") - text, <, strstr(text, " 100 ") - text);
    g_assert_cmpint(strstr(text, "\nz ") - text, <, strstr(text, "\ny ") - text);
}

static void
test_zero_means_off(void)
{
    g_autofree char *text = text_of("{'config':{'polling':0,'sampling':0,'direction':'in'}}");

    g_assert_nonnull(strstr(text, "polling off, sampling off, direction in\n"));
}

static void
test_what_is_not_in_force_is_said(void)
{
    g_autofree char *failed = text_of(
        "{'config':{'polling':20,'sampling':512,'direction':'once','restart_needed':"
        "['[libvirt] uri'],'reload':{'state':'failed','ended_s':75,'reading_s':null,"
        "'error':'f.conf:7: [sflow] samplin: unknown key'}}}");
    g_autofree char *reading = text_of(
        "{'config':{'reload':{'state':'reading','reading_s':12,'error':null}}}");
    g_autofree char *fine = text_of(
        "{'config':{'restart_needed':[],'reload':{'state':'ok','ended_s':5,'error':null}}}");

    g_assert_nonnull(strstr(failed, "reload      failed 75 s ago, what was before is in force: "
                                    "f.conf:7: [sflow] samplin: unknown key\n"));
    g_assert_nonnull(
        strstr(failed, "            [libvirt] uri changed: restart the daemon for it\n"));
    g_assert_nonnull(strstr(reading, "reload      reading the files for 12 s\n"));
    g_assert_null(strstr(fine, "reload"));
}

static void
test_members_of_wrong_types_do_no_harm(void)
{
    static const char *const documents[] = {
        "{'collectors':{},'vms':7,'taps':'x','libvirt':[],'config':null,'hook':[1]}",
        "{'collectors':[1,null,[],'x'],'vms':[{}],'taps':[{'name':{},'vm':[]}]}",
        "{'config':{'reload':7,'restart_needed':'x'}}",
        "{'config':{'reload':{'error':[],'ended_s':{}},'restart_needed':[{},7,null]}}",
        "{'uptime_s':'x','pid':{},'version':1.5,'config':{'files':[{},[],1,null]}}",
        "{'vms':[{'uuid':7,'taps':7,'last_poll_s':-5,'name':true,'state':'','index':'x'}]}",
        "{'vms':[{'uuid':'','stuck_s':'x','taps':{}}],'collectors':[{'last_error':{}}]}",
        "{'vms':[{'memory':7,'disk':[],'agent':'x'}],'agents':[]}",
        "{'vms':[{'memory':{'bytes':'x','source':7},'agent':{'state':{}}}],'agents':{'mode':[]}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autofree char *text = text_of(documents[i]);

        g_assert_true(g_str_has_prefix(text, "virt-sflowd "));
    }
}

static void
test_nothing_reaches_the_terminal_unescaped(void)
{
    static const char evil[] = "a\\u001b[2Jb\\nc\\u009b31md\\u202ee\\u200bf";
    g_autofree char *json = g_strdup_printf(
        "{'version':'%s','agent_address':'%s','agent_address_reason':'%s','libvirt':{'uri':'%s',"
        "'description':'%s'},'config':{'files':['%s'],'direction':'%s','restart_needed':['%s'],"
        "'reload':{'error':'%s','reading_s':'%s'}},"
        "'collectors':[{'collector':'%s','last_error':'%s','lookup_error':'%s'}],"
        "'agents':{'mode':'%s','trouble':'%s'},"
        "'vms':[{'name':'%s','uuid':'%s','state':'%s','memory':{'source':'%s'},"
        "'disk':{'source':'%s'},'agent':{'state':'%s'}}],'taps':[{'name':'%s','vm':'%s','state':'%"
        "s'"
        "}]}",
        evil, evil, evil, evil, evil, evil, evil, evil, evil, evil, evil, evil, evil, evil, evil,
        evil, evil, evil, evil, evil, evil, evil, evil, evil);
    g_autofree char *text = text_of(json);

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
    g_assert_nonnull(strstr(text, "a\\x1b[2Jb\\x0ac\\x9b31md\\x202ee\\x200bf"));
}

static void
test_lines_keep_to_80_columns(void)
{
    g_autofree char *filler = g_strnfill(300, 'n');
    g_autofree char *json = g_strdup_printf(
        "{'collectors':[{'collector':'%s','address':'%s','datagrams':1234567890,'errors':123456,"
        "'last_sent_s':6000}],'vms':[{'name':'%s','state':'%s','uuid':'%s','index':16777215,"
        "'last_poll_s':7199,'taps':[1],'disks':99,"
        "'memory':{'bytes':9223372036854775807,'source':'%s'},"
        "'disk':{'bytes':1098974756864,'source':'%s'},'agent':{'state':'%s'}}],"
        "'taps':[{'name':'%s','vm':'%s','ifindex':1234567,'sampling':100000,'flow_samples':"
        "999999999,"
        "'drops':123456,'state':'sampling'}]}",
        filler, filler, filler, filler, filler, filler, filler, filler, filler, filler);
    g_autofree char *text = text_of(json);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++)
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 80);
}

static void
test_cells_are_cut_and_padded_by_columns(void)
{
    static const struct {
        const char *text;
        guint width;
        gboolean to_the_right;
        const char *want;
    } cases[] = {
        {"abc", 5, FALSE, "abc  "},
        {"abc", 5, TRUE, "  abc"},
        {"abcde", 5, FALSE, "abcde"},
        {"abcdef", 5, FALSE, "abcd~"},
        {"abcdef", 0, FALSE, "abcdef"},
        {"", 3, FALSE, "   "},
        {"\xe6\xbc\xa2\xe5\xad\x97", 5, FALSE, "\xe6\xbc\xa2\xe5\xad\x97 "},
        {"\xe6\xbc\xa2\xe5\xad\x97x", 4, FALSE, "\xe6\xbc\xa2~ "},
        {"\x01\x01", 5, FALSE, "\\x01~"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) line = g_string_new(NULL);

        vsf_table_cell(line, cases[i].text, cases[i].width, cases[i].to_the_right);
        g_assert_cmpstr(line->str, ==, cases[i].want);
    }
}

static void
test_state_is_shown_when_it_cannot_be_kept(void)
{
    g_autofree char *fine = text_of("{'state':{'directory':'/state','trouble':null}}");
    g_autofree char *full = text_of("{'state':{'directory':'/state','trouble':'/state: full'}}");

    g_assert_null(strstr(fine, "state"));
    g_assert_nonnull(strstr(full, "cannot be kept: /state: full"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/cli/status-text/" path, func)
    CASE("full-document-is-shown", test_full_document_is_shown);
    CASE("empty-document-is-shown-with-dashes", test_empty_document_is_shown_with_dashes);
    CASE("state-is-shown-when-it-cannot-be-kept", test_state_is_shown_when_it_cannot_be_kept);
    CASE("rows-are-sorted", test_rows_are_sorted);
    CASE("zero-means-off", test_zero_means_off);
    CASE("what-is-not-in-force-is-said", test_what_is_not_in_force_is_said);
    CASE("members-of-wrong-types-do-no-harm", test_members_of_wrong_types_do_no_harm);
    CASE("nothing-reaches-the-terminal-unescaped", test_nothing_reaches_the_terminal_unescaped);
    CASE("lines-keep-to-80-columns", test_lines_keep_to_80_columns);
    CASE("cells-are-cut-and-padded-by-columns", test_cells_are_cut_and_padded_by_columns);
    CASE("another-agent-is-told", test_another_agent_is_told);
    CASE("libpcap-in-force-says-why", test_libpcap_in_force_says_why);
    g_test_add_func("/cli/status/open-vswitch-is-told", test_open_vswitch_is_told);
    return g_test_run();
}
