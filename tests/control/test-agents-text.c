/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/agents-text.h"
#include "../../daemon/cli/member.h"
#include "quoted.h"

#include <string.h>

#define WEB01                                                                          \
    "{'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'web01','domain':'web 01'," \
    "'memory':{'bytes':536870912,'source':'balloon','age_s':6.2,'why':'ok'},"          \
    "'disk':{'bytes':1288490189,'source':'agent','age_s':119,'why':'ok'},"             \
    "'agent':{'plan':'ask','state':'answers','trouble':null,'version':'10.2.2',"       \
    "'answered_s':12.5,'latency_ms':3.6,'failures':0,'retry_s':null,'requests':12}}"
#define DB                                                                                       \
    "{'uuid':'2b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'db','domain':'db',"                  \
    "'memory':{'bytes':null,'source':'agent','age_s':7500,'why':'no-reply'},"                    \
    "'disk':{'bytes':null,'source':null,'age_s':null,'why':'not-files'},"                        \
    "'agent':{'plan':'ask','state':'quarantined','trouble':'guest-get-fsinfo: no reply in 2 s'," \
    "'version':'107.0.1','answered_s':7300,'latency_ms':2000,'failures':3,'retry_s':3300,"       \
    "'requests':9}}"
/* As a daemon tells it that knows of no agents. */
#define OLD "{'uuid':'3b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'old','domain':'old'}"

static char *
text_of(const char *json, gboolean plan)
{
    g_autoptr(JsonNode) root = node_of(json);
    JsonObject *status = json_node_get_object(root);

    return plan ? vsf_agents_plan_text(status) : vsf_agents_text(status);
}

static char *
json_of(const char *json, gboolean plan)
{
    g_autoptr(JsonNode) root = node_of(json);
    g_autoptr(JsonNode) node = vsf_agents_json(json_node_get_object(root), plan);
    g_autofree char *text = json_to_string(node, FALSE);

    return g_strdelimit(g_steal_pointer(&text), "\"", '\'');
}

#define HEAD "VM               STATE        VERSION ANSWERED LATENCY MEMORY       DISK\n"

static void
test_who_answers_is_shown_with_reasons(void)
{
    static const struct {
        const char *document, *shown;
    } cases[] = {
        {"{'agents':{'mode':'auto','running':2,'stuck':1,'trouble':null},'vms':[" WEB01 "," DB
         "," OLD "]}",
         "agents      auto, 2 conversations, 1 past their deadline\n\n" HEAD
         "db               quarantined  107.0.1      2 h 2000 ms agent/2h     -\n"
         "  memory: no-reply: its agent did not answer\n"
         "  disk: not-files: not every writable disk is a file\n"
         "  agent: guest-get-fsinfo: no reply in 2 s; asked again in 55 min\n"
         "old              -            -              -       - -            -\n"
         "web01            answers      10.2.2      12 s    4 ms balloon/6s   agent/119s\n"},
        {"{'agents':{'mode':'off','running':0,'stuck':0,'trouble':'the connection is read-only'},"
         "'vms':[]}",
         "agents      off, 0 conversations, 0 past their deadline\n"
         "            the connection is read-only\n\nNo VM is running.\n"},
        {"{'agents':{'mode':'auto','running':0,'stuck':0,'trouble':'no agent service at /s: No'},"
         "'vms':[]}",
         "agents      auto, 0 conversations, 0 past their deadline\n"
         "            no agent service at /s: No\n"
         "            run: systemctl enable --now virt-sflow-agent.socket\n\nNo VM is running.\n"},
        {"{}", "The daemon tells of no VMs yet.\n"},
        {"{'vms':[]}", "No VM is running.\n"},
        {"{'vms':[{'name':'a','memory':{'source':null,'age_s':5},'disk':{'age_s':5}}]}",
         HEAD "a                -            -              -       - -            -\n"},
        /* Words that a later daemon may have. */
        {"{'vms':[{'name':'a','memory':{'source':'moon','age_s':1,'why':'eclipse'},"
         "'agent':{'state':'sleeps','retry_s':5}}]}",
         HEAD "a                sleeps       -              -       - moon/1s      -\n"
              "  memory: eclipse\n  agent: asked again in 5 s\n"},
        {"{'vms':[{'name':'a','disk':{'source':'host','age_s':null,'why':'ok'},"
         "'agent':{'trouble':'gone'}}]}",
         HEAD "a                -            -              -       - -            host\n"
              "  agent: gone\n"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = text_of(cases[i].document, FALSE);

        g_assert_cmpstr(text, ==, cases[i].shown);
    }
}

static void
test_every_why_is_explained(void)
{
    static const char *const words[] = {
        "waiting", "no-statistics", "no-driver", "stale",    "agent-off",  "not-found", "disabled",
        "frozen",  "failed",        "malformed", "no-reply", "incomplete", "not-files",
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *json = g_strdup_printf("{'vms':[{'disk':{'why':'%s'}}]}", words[i]);
        g_autofree char *begin = g_strdup_printf("\n  disk: %s: ", words[i]);
        g_autofree char *text = text_of(json, FALSE);

        g_assert_nonnull(strstr(text, begin));
    }
}

static void
test_plan_tells_who_would_be_asked_and_why(void)
{
    static const struct {
        const char *plan, *row;
    } cases[] = {
        {"{'plan':'ask'}", "yes ask: it has an agent's channel"},
        {"{'plan':'no-channel'}", "no  no-channel: no channel of an agent in its XML"},
        {"{'plan':'metadata'}", "no  metadata: its own metadata forbid it"},
        {"{'plan':'excluded'}", "no  excluded: the configuration excludes its name"},
        {"{'plan':'canary'}", "no  canary: its UUID is not among the canaries"},
        {"{'plan':'eclipse'}", "no  eclipse"},
        {"{'plan':7}", "no  7"},
        {"{}", "-   -"},
        {"null", "-   -"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *json = g_strdup_printf(
            "{'vms':[{'name':'web01','uuid':'1b4e28ba-2fa1','agent':%s}]}", cases[i].plan);
        g_autofree char *want = g_strdup_printf(
            "VM                           UUID     ASK WHY\n"
            "web01                        1b4e28ba %s\n\nOnly commands that read: guest-info, ",
            cases[i].row);
        g_autofree char *text = text_of(json, TRUE);

        if (!g_str_has_prefix(text, want))
            g_error("expected \"%s...\", found \"%s\"", want, text);
    }
}

static void
test_plan_tells_what_is_asked_and_whether_now(void)
{
    static const char *const commands[] = {
        "guest-info",       "guest-get-fsinfo",    "/proc/meminfo", "guest-get-load",
        "guest-get-osinfo", "guest-get-host-name", "cpustats",      "guest-file-open",
    };
    static const struct {
        const char *document;
        gboolean nobody;
    } cases[] = {
        {"{'agents':{'mode':'off'},'vms':[" WEB01 "]}", TRUE},
        {"{'agents':{'mode':'auto'},'vms':[" WEB01 "]}", FALSE},
        {"{'vms':[" WEB01 "]}", FALSE},
        {"{}", FALSE},
        {"{'agents':{'mode':'off'},'config':{'rules':[7,null,[],{'vm':'a','agent':'off'}]}}", TRUE},
        {"{'agents':{'mode':'off'},'config':{'rules':[{'vm':'a','agent':'auto'}]}}", FALSE},
    };
    g_autofree char *exception = text_of(cases[G_N_ELEMENTS(cases) - 1].document, TRUE);

    g_assert_nonnull(strstr(exception, "Only who has agent = auto in its [vm] section is asked"));

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = text_of(cases[i].document, TRUE);

        g_assert_true((strstr(text, "Nobody is asked now") != NULL) == cases[i].nobody);
        for (guint j = 0; j < G_N_ELEMENTS(commands); j++)
            g_assert_nonnull(strstr(text, commands[j]));
    }
}

static void
test_json_has_every_member(void)
{
    g_autofree char *full = json_of("{'vms':[" WEB01 "," OLD "]}", FALSE);
    g_autofree char *plan = json_of("{'vms':[" WEB01 "," OLD "," DB "]}", TRUE);
    g_autofree char *none = json_of("{}", FALSE);

    g_assert_cmpstr(plan, ==,
                    "[{'uuid':'2b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'db','plan':'ask'},"
                    "{'uuid':'3b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'old','plan':null},"
                    "{'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'web01','plan':'ask'}]");
    g_assert_true(g_str_has_prefix(
        full, "[{'uuid':'3b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'old','domain':'old',"
              "'agent':null,'memory':null,'disk':null},"
              "{'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'web01','domain':'web 01',"
              "'agent':{'plan':'ask','state':'answers',"));
    g_assert_nonnull(strstr(full, "'memory':{'bytes':536870912,'source':'balloon',"));
    g_assert_nonnull(strstr(full, "'disk':{'bytes':1288490189,'source':'agent',"));
    g_assert_cmpstr(none, ==, "[]");
}

static void
test_members_of_wrong_types_do_no_harm(void)
{
    static const char *const documents[] = {
        "{'vms':7,'agents':[]}",
        "{'vms':[1,null,[],'x',{}],'agents':7}",
        "{'vms':[{'uuid':7,'name':[],'agent':7,'memory':'x','disk':null}]}",
        "{'vms':[{'agent':{'state':{},'version':[],'answered_s':'x','latency_ms':{},"
        "'trouble':7,'retry_s':[],'plan':{}},'memory':{'source':{},'age_s':[],'why':{}}}],"
        "'agents':{'mode':{},'running':'x','stuck':null,'trouble':[]}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(documents); i++) {
        for (int plan = 0; plan < 2; plan++) {
            g_autofree char *text = text_of(documents[i], plan);
            g_autofree char *json = json_of(documents[i], plan);

            g_assert_cmpstr(text, !=, "");
            g_assert_true(g_str_has_prefix(json, "["));
        }
    }
}

/* A document in which every text is @text. */
static char *
filled(const char *text)
{
    return g_strdup_printf("{'agents':{'mode':'%s','trouble':'%s'},'vms':[{'name':'%s','uuid':'%s',"
                           "'memory':{'source':'%s','age_s':47.5e3,'why':'%s'},"
                           "'disk':{'source':'%s','age_s':119,'why':'ok'},"
                           "'agent':{'state':'%s','version':'%s','plan':'%s','trouble':'%s','"
                           "answered_s':7199,'latency_ms':9999}}]}",
                           text, text, text, text, text, text, text, text, text, text, text);
}

static void
test_nothing_reaches_the_terminal_unescaped(void)
{
    g_autofree char *json = filled("a\\u001b[2Jb\\nc\\u009b31md\\u202ee\\u200bf");

    for (int plan = 0; plan < 2; plan++) {
        g_autofree char *text = text_of(json, plan);

        for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
            g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
        g_assert_nonnull(strstr(text, "a\\x1b[2Jb\\x0ac\\x9b31md\\x202ee\\x200bf"));
    }
}

static void
test_tables_keep_to_80_columns(void)
{
    g_autofree char *filler = g_strnfill(300, 'n');
    g_autofree char *json = filled(filler);

    for (int plan = 0; plan < 2; plan++) {
        g_autofree char *text = text_of(json, plan);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (guint i = 0; lines[i] != NULL; i++) {
            /* A reason is whole, whatever its length: the summary, "why" and its like. */
            gboolean reason = g_str_has_prefix(lines[i], "  ") ||
                              g_str_has_prefix(lines[i], "agents ") ||
                              (plan && g_str_has_prefix(lines[i], "nnn"));

            g_assert_true(reason || strlen(lines[i]) <= 80);
        }
    }
}

static void
test_bytes_have_at_most_8_characters(void)
{
    static const struct {
        const char *json, *shown;
    } cases[] = {
        {"0", "0 B"},
        {"512", "512 B"},
        {"1023", "1023 B"},
        {"1024", "1.0 KiB"},
        {"10188", "9.9 KiB"},
        {"10189", "10 KiB"},
        {"1048063", "1023 KiB"},
        {"1048064", "1.0 MiB"},
        {"536870912", "512 MiB"},
        {"9223372036854775807", "8.0 EiB"},
        {"1.5e20", "130 EiB"},
        {"-1", "-"},
        {"'512'", "-"},
        {"null", "-"},
        {"true", "-"},
        {"{}", "-"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *json = g_strdup_printf("{'size':%s}", cases[i].json);
        g_autoptr(JsonNode) root = node_of(json);
        g_autofree char *text = vsf_bytes_text(vsf_member(json_node_get_object(root), "size"));

        g_assert_cmpstr(text, ==, cases[i].shown);
        g_assert_cmpuint(strlen(text), <=, 8);
    }
}

static void
test_members_are_found_by_path(void)
{
    static const struct {
        const char *path, *found;
    } cases[] = {
        {"a", "1"},   {"b/c", "2"},     {"b/d/e", "3"}, {"b/x", "-"}, {"x/c", "-"},
        {"a/c", "-"}, {"b/d/e/f", "-"}, {"b/", "-"},    {"/a", "-"},  {"", "-"},
    };
    g_autoptr(JsonNode) root = node_of("{'a':1,'b':{'c':2,'d':{'e':3}}}");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vsf_member_text(json_node_get_object(root), cases[i].path);

        g_assert_cmpstr(text, ==, cases[i].found);
    }
    g_assert_null(vsf_member(NULL, "a"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/cli/agents-text/" path, func)
    CASE("who-answers-is-shown-with-reasons", test_who_answers_is_shown_with_reasons);
    CASE("every-why-is-explained", test_every_why_is_explained);
    CASE("plan-tells-who-would-be-asked-and-why", test_plan_tells_who_would_be_asked_and_why);
    CASE("plan-tells-what-is-asked-and-whether-now", test_plan_tells_what_is_asked_and_whether_now);
    CASE("json-has-every-member", test_json_has_every_member);
    CASE("members-of-wrong-types-do-no-harm", test_members_of_wrong_types_do_no_harm);
    CASE("nothing-reaches-the-terminal-unescaped", test_nothing_reaches_the_terminal_unescaped);
    CASE("tables-keep-to-80-columns", test_tables_keep_to_80_columns);
    CASE("bytes-have-at-most-8-characters", test_bytes_have_at_most_8_characters);
    CASE("members-are-found-by-path", test_members_are_found_by_path);
    return g_test_run();
}
