/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of DNS, good and hostile, and what is understood of them. */
#include "../../daemon/net/dns-sd-parse.h"
#include "dns-help.h"

#include <string.h>

static VsfDnsOutcome
read_message(VsfDnsRecords *records, const GByteArray *message, int type, GError **error)
{
    return vsf_dns_records_read(records, message->data, message->len, DNS_NAME, type, error);
}

/* The settings as text, of one SRV record and these strings, and what was left out. */
static void
assert_txt(const char *strings, const char *text, const char *notes)
{
    g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_TXT);
    g_autoptr(GByteArray) srv = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(VsfDnsSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *got = NULL, *left_out = NULL, *wanted = NULL;

    dns_srv(srv, 60, 0, 6343, "a.test");
    dns_txt(message, 60, strings);
    g_assert_cmpint(read_message(records, srv, DNS_SRV, &error), ==, VSF_DNS_FOUND);
    g_assert_cmpint(read_message(records, message, DNS_TXT, &error), ==, VSF_DNS_FOUND);
    g_assert_cmpint(vsf_dns_records_settings(records, &settings, &error), ==, VSF_DNS_FOUND);
    got = vsf_dns_settings_to_text(settings);
    wanted = g_strconcat("collector=a.test/6343/\n", text, NULL);
    g_assert_cmpstr(got, ==, wanted);
    left_out = vsf_dns_records_notes(records);
    g_assert_cmpstr(left_out, ==, notes);
}

static void
test_strings(void)
{
    static const struct {
        const char *strings, *text, *notes;
    } cases[] = {
        {"txtvers=1 sampling=1000 polling=30", "sampling=1000\npolling=30\n", NULL},
        {"", "", NULL}, /* one empty string */
        {"SAMPLING=7 HeaderBytes=100", "sampling=7\nheaderBytes=100\n", NULL},
        {"sampling.10G=2000 sampling.100M=10 sampling.2.5g=50",
         "sampling.100M=10\nsampling.2.5G=50\nsampling.10G=2000\n", NULL},
        {"sampling.1G=1 sampling.1000M=2", "sampling.1G=2\n", NULL},
        {"agent=eth0 agentIP=2001:DB8::1 agent.cidr=10.0.0.0/8",
         "agentIP=2001:db8::1\nagent=eth0\nagent.cidr=10.0.0.0/8\n", NULL},
        {"collector=192.0.2.9 collector=192.0.2.9/7000/eth1 collector=2001:db8::1/6343",
         "collector=192.0.2.9/6343/\ncollector=192.0.2.9/7000/eth1\n"
         "collector=2001:db8::1/6343/\n",
         NULL},
        {"collector=a.test", "", NULL}, /* is there already */
        {"sampling", "", "\"sampling\" has no ="},
        {"=1 sampling=2", "sampling=2\n", "\"=1\" has a key that is unknown"},
        {"foo=1", "", "\"foo=1\" has a key that is unknown"},
        {"dropLimit=5 sampling=2", "sampling=2\n", "\"dropLimit=5\" has a key that is unknown"},
        {"sampling=1 Sampling=2", "sampling=1\n", "\"Sampling=2\" comes twice, the first counts"},
        {"sampling=", "", "\"sampling=\" is no whole number"},
        {"sampling=-1", "", "\"sampling=-1\" is no whole number"},
        {"sampling=1e3", "", "\"sampling=1e3\" is no whole number"},
        {"sampling=99999999999999999999", "",
         "\"sampling=99999999999999999999\" is no whole number"},
        {"sampling.=5", "", "\"sampling.=5\" has no speed such as 1G in its name"},
        {"sampling.1X=5", "", "\"sampling.1X=5\" has no speed such as 1G in its name"},
        {"sampling.0G=5", "", "\"sampling.0G=5\" has no speed such as 1G in its name"},
        {"agentIP=host", "", "\"agentIP=host\" is no IP address"},
        {"agent=10.0.0.1", "", "\"agent=10.0.0.1\" is no interface name"},
        {"agent=", "", "\"agent=\" is no interface name"},
        {"agent.cidr=10.0.0.1/8", "",
         "\"agent.cidr=10.0.0.1/8\" is no CIDR (the part behind the prefix must be zero)"},
        {"collector=1.2.3.4/6343/eth0/blue", "",
         "\"collector=1.2.3.4/6343/eth0/blue\" is in another network namespace, where nothing is "
         "sent"},
        {"collector=1.2.3.4/0", "",
         "\"collector=1.2.3.4/0\" has no port from 1 to 65535 after the colon"},
        {"collector=", "", "\"collector=\" has no host"},
        {"collector=///", "", "\"collector=///\" is no collector"},
        {"collector=a%b/1", "", "\"collector=a%b/1\" is no collector"},
        {"a\033[2J=1", "", "\"a\\033[2J=1\" has a key that is unknown"},
        {"sampling=\377", "", "\"sampling=\\377\" is no text"},
        {"a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1", "",
         "\"a=1\" has a key that is unknown; \"b=1\" has a key that is unknown; "
         "\"c=1\" has a key that is unknown; \"d=1\" has a key that is unknown; "
         "\"e=1\" has a key that is unknown; \"f=1\" has a key that is unknown; "
         "\"g=1\" has a key that is unknown; \"h=1\" has a key that is unknown; and 2 more"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = g_strescape(cases[i].strings, NULL);

        g_test_message("%s", shown);
        assert_txt(cases[i].strings, cases[i].text, cases[i].notes);
    }
}

static void
test_targets(void)
{
    g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(VsfDnsSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL, *notes = NULL;

    dns_srv(message, 300, 20, 6343, "later.example.test");
    dns_srv(message, 200, 10, 7000, "b.example.test");
    dns_srv(message, 100, 10, 6343, "a.example.test");
    dns_srv(message, 400, 10, 6344, "A.example.test");
    dns_srv(message, 400, 30, 6343, "collector");
    dns_srv(message, 400, 30, 0, "port.test");
    dns_srv(message, 400, 30, 6343, "a b.test");
    dns_srv(message, 400, 30, 6343, ".");
    g_assert_cmpint(read_message(records, message, DNS_SRV, &error), ==, VSF_DNS_FOUND);
    g_assert_true(records->has_ttl);
    g_assert_cmpuint(records->ttl_s, ==, 100);
    g_assert_cmpint(vsf_dns_records_settings(records, &settings, &error), ==, VSF_DNS_FOUND);
    text = vsf_dns_settings_to_text(settings);
    g_assert_cmpstr(text, ==,
                    "collector=a.example.test/6343/\ncollector=a.example.test/6344/\n"
                    "collector=b.example.test/7000/\ncollector=later.example.test/6343/\n"
                    "collector=collector./6343/\n");
    notes = vsf_dns_records_notes(records);
    g_assert_cmpstr(notes, ==,
                    "\"a\\\\032b.test\" is no host name and no IP address; "
                    "\"port.test\" has no port from 1 to 65535 after the colon");
}

/* Name servers rotate their answers: that must not look like a change. */
static void
test_rotation(void)
{
    static const char *const hosts[] = {"a.test", "b.test", "c.test"};
    static const char *const strings[] = {"sampling=1 polling=2", "sampling=5", "polling=7"};
    g_autofree char *first = NULL;

    for (guint turn = 0; turn < 3; turn++) {
        g_autoptr(GByteArray) srv = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
        g_autoptr(GByteArray) txt = dns_message(1, 0x8180, DNS_NAME, DNS_TXT);
        g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
        g_autoptr(VsfDnsSettings) settings = NULL;
        g_autofree char *text = NULL;

        for (guint i = 0; i < 3; i++) {
            dns_srv(srv, 60, 0, 6343, hosts[(i + turn) % 3]);
            dns_txt(txt, 60, strings[(i + turn) % 3]);
        }
        g_assert_cmpint(read_message(records, srv, DNS_SRV, NULL), ==, VSF_DNS_FOUND);
        g_assert_cmpint(read_message(records, txt, DNS_TXT, NULL), ==, VSF_DNS_FOUND);
        g_assert_cmpint(vsf_dns_records_settings(records, &settings, NULL), ==, VSF_DNS_FOUND);
        text = vsf_dns_settings_to_text(settings);
        if (first == NULL)
            first = g_steal_pointer(&text);
        else
            g_assert_cmpstr(text, ==, first);
    }
}

static void
test_bounded(void)
{
    g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(VsfDnsSettings) settings = NULL;
    g_autofree char *notes = NULL;

    /* 64 KiB of targets. */
    for (guint i = 0; message->len < 65400; i++) {
        g_autofree char *host = g_strdup_printf("host%u.test", i);

        dns_srv(message, 60, 0, 6343, host);
    }
    g_assert_cmpint(read_message(records, message, DNS_SRV, NULL), ==, VSF_DNS_FOUND);
    g_assert_cmpint(vsf_dns_records_settings(records, &settings, NULL), ==, VSF_DNS_FOUND);
    g_assert_cmpuint(settings->collectors->len, ==, VSF_DNS_COLLECTORS_MAX);
    notes = vsf_dns_records_notes(records);
    g_assert_nonnull(strstr(notes, "is one collector too many"));
    g_assert_cmpuint(strlen(notes), <, 1024);
}

static VsfDnsOutcome
outcome_of(const GByteArray *message, char **why, gint64 *ttl_s)
{
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(GError) error = NULL;
    VsfDnsOutcome outcome = read_message(records, message, DNS_SRV, &error);

    *why = error != NULL ? g_strdup(error->message) : NULL;
    *ttl_s = records->has_ttl ? (gint64)records->ttl_s : -1;
    return outcome;
}

static void
assert_outcome(const GByteArray *message, VsfDnsOutcome wanted, const char *wanted_why,
               gint64 wanted_ttl_s)
{
    g_autofree char *why = NULL;
    gint64 ttl_s;

    g_assert_cmpint(outcome_of(message, &why, &ttl_s), ==, wanted);
    g_assert_cmpstr(why, ==, wanted_why);
    g_assert_cmpint(ttl_s, ==, wanted_ttl_s);
}

static void
test_absence(void)
{
    static const struct {
        guint16 flags;
        gboolean soa;
        guint32 ttl_s, minimum_s;
        const char *why;
        gint64 wanted_ttl_s;
    } cases[] = {
        {0x8180, FALSE, 0, 0, "no SRV record", -1},
        {0x8183, FALSE, 0, 0, "no such name", -1},
        {0x8180, TRUE, 60, 30, "no SRV record", 30},
        {0x8183, TRUE, 20, 30, "no such name", 20},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) message = dns_message(1, cases[i].flags, DNS_NAME, DNS_SRV);

        if (cases[i].soa)
            dns_soa(message, cases[i].ttl_s, cases[i].minimum_s);
        assert_outcome(message, VSF_DNS_NONE, cases[i].why, cases[i].wanted_ttl_s);
    }
}

/* A failure is not an absence: else a server that is ill would end what runs. */
static void
test_codes(void)
{
    for (guint16 code = 1; code < 16; code++) {
        g_autoptr(GByteArray) message = dns_message(1, 0x8180 | code, DNS_NAME, DNS_SRV);

        if (code != 3)
            assert_outcome(message, VSF_DNS_FAILED, "the server answers with an error", -1);
    }
}

static void
test_no_collector(void)
{
    static const struct {
        const char *host;
        VsfDnsOutcome outcome;
    } cases[] = {{".", VSF_DNS_NONE}, {"no host.test", VSF_DNS_FAILED}, {NULL, VSF_DNS_NONE}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
        g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
        g_autoptr(VsfDnsSettings) settings = NULL;
        g_autoptr(GError) error = NULL;

        if (cases[i].host != NULL)
            dns_srv(message, 60, 0, 6343, cases[i].host);
        read_message(records, message, DNS_SRV, NULL);
        g_assert_cmpint(vsf_dns_records_settings(records, &settings, &error), ==, cases[i].outcome);
        g_assert_nonnull(error);
        g_assert_null(settings);
    }
}

static void
test_chain(void)
{
    g_autoptr(GByteArray) chain = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(GByteArray) loop = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(GByteArray) self = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    g_autoptr(GByteArray) stray = dns_message(1, 0x8180, "other.test", DNS_SRV);
    const guint8 data[] = {0, 0, 0, 0, 0x18, 0xc7, 1, 'x', 0};

    dns_cname(chain, 50, DNS_NAME, "one.test");
    dns_cname(chain, 40, "one.test", "two.test");
    dns_record(chain, 0, "TWO.test", DNS_SRV, 60, data, sizeof(data));
    assert_outcome(chain, VSF_DNS_FOUND, NULL, 40);

    dns_cname(loop, 50, DNS_NAME, "one.test");
    dns_cname(loop, 50, "one.test", DNS_NAME);
    assert_outcome(loop, VSF_DNS_FAILED,
                   "its name is a loop of CNAME records, or a chain of too many", 50);
    dns_cname(self, 50, DNS_NAME, DNS_NAME);
    assert_outcome(self, VSF_DNS_FAILED,
                   "its name is a loop of CNAME records, or a chain of too many", 50);

    /* What answers for another name, nobody asked for. */
    dns_record(stray, 0, "other.test", DNS_SRV, 60, data, sizeof(data));
    assert_outcome(stray, VSF_DNS_NONE, "no SRV record", -1);
}

static void
test_ttl(void)
{
    static const struct {
        guint32 ttl_s;
        gint64 wanted_s;
    } cases[] = {{0, 0}, {1, 1}, {G_MAXINT32, G_MAXINT32}, {0x80000000, 0}, {0xffffffff, 0}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);

        dns_srv(message, cases[i].ttl_s, 0, 6343, "a.test");
        assert_outcome(message, VSF_DNS_FOUND, NULL, cases[i].wanted_s);
    }
}

/* Records that say more than there is, at every length and with every byte turned over. */
static void
test_damaged(void)
{
    g_autoptr(GByteArray) message = dns_message(1, 0x8180, DNS_NAME, DNS_SRV);
    const guint8 short_srv[] = {0, 0, 0}, long_string[] = {200, 'a'}, by_one[] = {2, 'a'};

    dns_srv(message, 60, 0, 6343, "a.test");
    dns_txt(message, 60, "sampling=5");
    dns_record(message, 0, DNS_NAME, DNS_SRV, 60, short_srv, sizeof(short_srv));
    dns_record(message, 0, DNS_NAME, DNS_TXT, 60, long_string, sizeof(long_string));
    dns_record(message, 0, DNS_NAME, DNS_TXT, 60, by_one, sizeof(by_one));
    for (guint size = 0; size <= message->len; size++) {
        for (guint flip = 0; flip <= message->len; flip++) {
            g_autofree guint8 *copy = g_malloc(size + 1);
            g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
            g_autoptr(VsfDnsSettings) settings = NULL;

            if (flip < message->len && size < message->len)
                break; /* each alone */
            memcpy(copy, message->data, size);
            if (flip < size)
                copy[flip] ^= 0xff;
            vsf_dns_records_read(records, copy, size, DNS_NAME, DNS_SRV, NULL);
            vsf_dns_records_read(records, copy, size, DNS_NAME, DNS_TXT, NULL);
            vsf_dns_records_settings(records, &settings, NULL);
            if (flip < size || size < message->len)
                continue;
            g_assert_cmpuint(settings->collectors->len, ==, 1);
            g_assert_cmpint(settings->sampling, ==, 5);
            g_assert_cmpuint(records->n_notes, ==, 3);
        }
    }
}

static void
test_whose_answer(void)
{
    g_autoptr(GByteArray) query = dns_message(0x1234, 0x0100, DNS_NAME, DNS_SRV);
    static const struct {
        guint16 id, flags;
        const char *name;
        guint16 type;
        gboolean is, truncated;
    } cases[] = {
        {0x1234, 0x8180, DNS_NAME, DNS_SRV, TRUE, FALSE},
        {0x1234, 0x8183, "_SFLOW._udp.Example.test", DNS_SRV, TRUE, FALSE},
        {0x1234, 0x8380, DNS_NAME, DNS_SRV, TRUE, TRUE},
        {0x1235, 0x8180, DNS_NAME, DNS_SRV, FALSE, FALSE}, /* another number */
        {0x1234, 0x0100, DNS_NAME, DNS_SRV, FALSE, FALSE}, /* a question */
        {0x1234, 0x8180, DNS_NAME, DNS_TXT, FALSE, FALSE}, /* another type */
        {0x1234, 0x8180, "x.test", DNS_SRV, FALSE, FALSE}, /* another name */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray)
            answer = dns_message(cases[i].id, cases[i].flags, cases[i].name, cases[i].type);
        gboolean truncated = FALSE;
        int code = -1;

        g_assert_cmpint(vsf_dns_is_answer(answer->data, answer->len, query->data, query->len, &code,
                                          &truncated),
                        ==, cases[i].is);
        if (!cases[i].is)
            continue;
        g_assert_cmpint(truncated, ==, cases[i].truncated);
        g_assert_cmpint(code, ==, cases[i].flags & 0x0f);
        for (guint size = 0; size < answer->len; size++)
            g_assert_false(
                vsf_dns_is_answer(answer->data, size, query->data, query->len, &code, &truncated));
    }
}

static void
test_domains(void)
{
    static const char *const good[] = {"example.test", ".example.test", "x", "a_b.c-d.", "1.2"};
    static const char *const bad[] = {"",    ".",   "..",     "a..b",
                                      "a b", "a/b", "*.test", "\xc3\xa9.test"};
    g_autofree char *label = g_strnfill(64, 'a');
    g_autofree char *name = g_strnfill(300, 'a');

    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(vsf_dns_domain_check(good[i], NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(vsf_dns_domain_check(bad[i], NULL));
    g_assert_false(vsf_dns_domain_check(label, NULL));
    for (guint i = 50; i < 300; i += 50)
        name[i] = '.';
    g_assert_false(vsf_dns_domain_check(name, NULL));
}

static void
test_text_round_trip(void)
{
    static const char text[] = "collector=a.test/6343/\ncollector=fe80::1/7000/eth0\n"
                               "sampling=0\nsampling.1G=1000\nsampling.2.5G=2\npolling=30\n"
                               "headerBytes=256\nagentIP=192.0.2.1\nagent=eth0\n"
                               "agent.cidr=10.0.0.0/8\n";
    static const char *const bad[] = {"sampling", "foo=1\n", "sampling=x\n", "collector=\n"};
    g_autoptr(VsfDnsSettings) settings = vsf_dns_settings_parse(text, NULL);
    g_autoptr(VsfDnsSettings) copy = vsf_dns_settings_copy(settings);
    g_autoptr(VsfDnsSettings) nothing = vsf_dns_settings_new();
    g_autofree char *again = vsf_dns_settings_to_text(copy);

    g_assert_cmpstr(again, ==, text);
    g_assert_true(vsf_dns_settings_equal(settings, copy));
    g_assert_false(vsf_dns_settings_equal(settings, nothing));
    g_assert_false(vsf_dns_settings_equal(nothing, NULL));
    g_assert_true(vsf_dns_settings_equal(NULL, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_dns_settings_parse(bad[i], &error));
        g_assert_nonnull(error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/dns-sd-parse/strings-of-txt-records", test_strings);
    g_test_add_func("/net/dns-sd-parse/every-target-is-a-collector", test_targets);
    g_test_add_func("/net/dns-sd-parse/rotation-changes-nothing", test_rotation);
    g_test_add_func("/net/dns-sd-parse/64-kib-are-bounded", test_bounded);
    g_test_add_func("/net/dns-sd-parse/absence-has-the-ttl-of-the-soa", test_absence);
    g_test_add_func("/net/dns-sd-parse/other-codes-are-failures", test_codes);
    g_test_add_func("/net/dns-sd-parse/no-collector-is-none", test_no_collector);
    g_test_add_func("/net/dns-sd-parse/cnames-are-followed-but-not-in-circles", test_chain);
    g_test_add_func("/net/dns-sd-parse/ttl-with-the-top-bit-is-0", test_ttl);
    g_test_add_func("/net/dns-sd-parse/damaged-answers-are-survived", test_damaged);
    g_test_add_func("/net/dns-sd-parse/only-our-question's-answer-is-ours", test_whose_answer);
    g_test_add_func("/net/dns-sd-parse/domains", test_domains);
    g_test_add_func("/net/dns-sd-parse/text-round-trip", test_text_round_trip);
    return g_test_run();
}
