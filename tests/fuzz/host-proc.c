/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every parser of /proc over the same bytes: process names and arguments are
 * chosen by whoever started the process. */
#include "../../daemon/host/node.h"
#include "../../daemon/host/process.h"
#include "../../daemon/host/vcpu.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* A copy of just that size, so that a read past the end is seen. */
    g_autofree char *exact = g_memdup2(data, size);
    g_autofree char *text = g_strndup((const char *)data, size);
    const char *bytes = exact != NULL ? exact : "";
    g_autofree char *hostname = NULL;
    VsfProcess process;
    guint64 total = 0, available = 0;
    guint64 wait_ns = 0;
    guint8 uuid[16];

    if (vsf_process_parse(bytes, size, 100, 4096, &process))
        g_assert_true(g_ascii_isalpha(process.state));
    vsf_process_cmdline_is(bytes, size, "c7a5fdbd-edaf-9455-926a-d65c16db1809");
    if (vsf_node_parse_meminfo(bytes, size, &total, &available))
        g_assert_cmpuint(available, <=, total);
    vsf_node_parse_mhz(bytes, size);
    vsf_node_parse_uuid(text, uuid);
    vsf_vcpu_is_thread(text);
    vsf_vcpu_parse_wait(bytes, size, &wait_ns);
    hostname = vsf_node_sanitise_hostname(text);
    g_assert_cmpuint(strlen(hostname), <=, 63);
    return 0;
}
