/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose fault it is that an agent gave no reply; and libvirt's own errors of domains
 * that have none, by its test driver. */
#include "../../daemon/virt/agent-libvirt.h"
#include "../../daemon/virt/agent-outcome.h"
#include "../../daemon/virt/init.h"
#include "../../daemon/virt/link.h"

#include <errno.h>
#include <gio/gio.h>
#include <libvirt/virterror.h>
#include <string.h>

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* of test:///default's domain */
#define REQUEST "{\"execute\":\"guest-get-load\"}"
#define UNABLE "internal error: unable to execute QEMU agent command 'guest-get-load': "

typedef enum { NOT_ASKED, AGENT, SILENT } Whose;

static void
test_whose_fault_it_is(void)
{
    static const struct {
        int domain, code, errno_code;
        const char *text;
        gboolean is_alive;
        Whose whose;
        int want;
    } cases[] = {
        {VIR_FROM_QEMU, VIR_ERR_AGENT_UNRESPONSIVE, 0, "Guest agent is not responding", TRUE,
         SILENT, VIR_ERR_AGENT_UNRESPONSIVE},
        {VIR_FROM_QEMU, VIR_ERR_OPERATION_TIMEOUT, 0, "cannot acquire state change lock", TRUE,
         SILENT, VIR_ERR_OPERATION_TIMEOUT},
        {VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, 0,
         UNABLE "The command guest-get-load has not been found", TRUE, AGENT,
         VSF_QGA_ERROR_NOT_FOUND},
        {VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, 0,
         UNABLE "Command guest-get-load has been disabled: the agent is in frozen state", TRUE,
         AGENT, VSF_QGA_ERROR_FROZEN},
        /* In another language, and with a code that this libvirt does not have yet. */
        {VIR_FROM_QEMU, 111, 0, "Gastagent: 'guest-get-load' scheiterte: failed to do so", TRUE,
         AGENT, VSF_QGA_ERROR_FAILED},
        {VIR_FROM_RPC, VIR_ERR_RPC, 0, "string is too long", TRUE, AGENT, VSF_QGA_ERROR_MALFORMED},
        {VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, 0, "domain is not running", TRUE, NOT_ASKED,
         G_IO_ERROR_NOT_CONNECTED},
        {VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN, 0, "no domain", TRUE, NOT_ASKED,
         G_IO_ERROR_NOT_CONNECTED},
        {VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED, 0, "not configured", TRUE, NOT_ASKED,
         G_IO_ERROR_NOT_SUPPORTED},
        {VIR_FROM_ACCESS, VIR_ERR_ACCESS_DENIED, 0, "access denied", TRUE, NOT_ASKED,
         G_IO_ERROR_PERMISSION_DENIED},
        {VIR_FROM_DOMAIN, VIR_ERR_OPERATION_DENIED, 0, "read only access", TRUE, NOT_ASKED,
         G_IO_ERROR_READ_ONLY},
        {VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR, EACCES, "socket", TRUE, NOT_ASKED,
         G_IO_ERROR_PERMISSION_DENIED},
        {VIR_FROM_RPC, VIR_ERR_RPC, 0, "end of file", FALSE, NOT_ASKED, G_IO_ERROR_NOT_CONNECTED},
        {VIR_FROM_QEMU, VIR_ERR_AGENT_UNRESPONSIVE, 0, "late", FALSE, NOT_ASKED,
         G_IO_ERROR_NOT_CONNECTED},
    };
    const GQuark domains[] = {
        [NOT_ASKED] = G_IO_ERROR, [AGENT] = VSF_QGA_ERROR, [SILENT] = VSF_VIRT_ERROR};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        virError last = {.domain = cases[i].domain,
                         .code = cases[i].code,
                         .int1 = cases[i].errno_code,
                         .message = (char *)cases[i].text};
        g_autoptr(GError) error = vsf_agent_error_of_command(&last, cases[i].is_alive, REQUEST);

        g_test_message("case %u: %s", i, error->message);
        g_assert_error(error, domains[cases[i].whose], cases[i].want);
    }
}

static void
test_no_error_of_libvirts_is_silence(void)
{
    g_autoptr(GError) error = vsf_agent_error_of_command(NULL, TRUE, REQUEST);

    g_assert_true(error->domain == VSF_VIRT_ERROR);
}

static void
test_texts_are_one_line_and_bounded(void)
{
    g_autofree char *wide = g_strnfill(100000, 'x');
    virError last = {.code = VIR_ERR_AGENT_UNRESPONSIVE, .message = wide};
    virError odd = {.code = VIR_ERR_AGENT_UNRESPONSIVE,
                    .message = (char *)"a\nb\x1b[2Jc\xe2\x80\xa8"
                                       "d\xe2\x80\xae"
                                       "e\xff"};
    g_autoptr(GError) error = vsf_agent_error_of_command(&last, TRUE, REQUEST);
    g_autofree char *text = vsf_virt_error_text(&odd);

    g_assert_cmpuint(strlen(error->message), <, 1000);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_true(g_unichar_isprint(g_utf8_get_char(at)));
}

static void
test_a_reply_has_a_bound(void)
{
    g_autofree char *wide = g_strnfill(VSF_QGA_REPLY_BYTES_MAX + 1, ' ');
    g_autofree char *reply = vsf_agent_reply("{}", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(reply, ==, "{}");
    g_assert_null(vsf_agent_reply(wide, &error));
    g_assert_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED);
}

/* The error is libvirt's own, also over the look at the connection behind it. */
static void
test_a_domain_that_is_not_there_is_not_silent(void)
{
    gpointer link = vsf_agent_libvirt_open("test:///default", NULL);
    g_autoptr(GError) absent = NULL;
    g_autoptr(GError) no_agent = NULL;
    g_autoptr(GError) period = NULL;

    g_assert_nonnull(link);
    g_assert_null(
        vsf_agent_libvirt_send(link, "11111111-1111-1111-1111-111111111111", REQUEST, 2, &absent));
    g_assert_error(absent, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    /* The driver has no agents. */
    g_assert_null(vsf_agent_libvirt_send(link, UUID, REQUEST, 2, &no_agent));
    g_assert_error(no_agent, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
    g_assert_false(vsf_agent_libvirt_set_balloon_period(
        link, "11111111-1111-1111-1111-111111111111", 5, &period));
    g_assert_error(period, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    vsf_link_close(link);
}

static void
test_what_cannot_be_opened_says_why(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_agent_libvirt_open("test:///no/such/file.xml", &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    g_assert_nonnull(strstr(error->message, "file.xml"));
}

/* What a socket or an agent of polkit's says when a connection is opened is true of all VMs. */
static void
test_a_connection_that_is_forbidden_is_for_everyone(void)
{
    static const int codes[] = {VIR_ERR_ACCESS_DENIED, VIR_ERR_AUTH_FAILED, VIR_ERR_SYSTEM_ERROR};

    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        char text[] = "no";
        virError last = {.code = codes[i], .message = text, .int1 = EACCES};
        g_autoptr(GError) error = vsf_agent_error_unreached(&last, "cannot connect");

        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
    }
}

#define ADD(name, func) g_test_add_func("/virt/agent-outcome/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vsf_virt_init();
    ADD("whose-fault-it-is", test_whose_fault_it_is);
    ADD("no-error-of-libvirts-is-silence", test_no_error_of_libvirts_is_silence);
    ADD("texts-are-one-line-and-bounded", test_texts_are_one_line_and_bounded);
    ADD("a-reply-has-a-bound", test_a_reply_has_a_bound);
    ADD("a-domain-that-is-not-there-is-not-silent", test_a_domain_that_is_not_there_is_not_silent);
    ADD("what-cannot-be-opened-says-why", test_what_cannot_be_opened_says_why);
    ADD("a-connection-that-is-forbidden-is-for-everyone",
        test_a_connection_that_is_forbidden_is_for_everyone);
    return g_test_run();
}
