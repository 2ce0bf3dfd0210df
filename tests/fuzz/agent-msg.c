/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of the agent service's socket, and the one reply of a guest that it looks into. What
 * is taken for a request is one of the list, to the byte: made anew it is the same line, and what
 * goes to the guest is one of the requests that qga/ can say. */
#include "../../include/agent-msg.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_request(const char *bytes, gsize size)
{
    VsfAgentRequest request, entry;
    g_autoptr(GError) error = NULL;
    g_autofree char *line = NULL, *json = NULL;

    if (!vsf_agent_request_parse(bytes, size, &request, &error)) {
        g_assert_true(error != NULL && g_utf8_validate(error->message, -1, NULL));
        return;
    }
    line = vsf_agent_request_line(&request);
    g_assert_cmpmem(line, strlen(line) - 1, bytes, size);
    if (request.kind == VSF_AGENT_REQUEST_BALLOON) {
        g_assert_true(request.period_s >= 1 && request.period_s <= VSF_AGENT_MSG_PERIOD_MAX_S);
        return;
    }
    g_assert_true(request.timeout_s >= 1 && request.timeout_s <= VSF_AGENT_MSG_TIMEOUT_MAX_S);
    json = vsf_qga_request(request.command, request.handle);
    g_assert_true(vsf_agent_request_of_json(json, &entry));
    g_assert_cmpint(entry.command, ==, request.command);
    g_assert_cmpint(entry.handle, ==, request.handle);
}

static void
check_head(const char *bytes, gsize size)
{
    VsfAgentHead head;

    if (vsf_agent_head_parse(bytes, size, &head)) {
        g_assert_cmpuint(head.length, <=, VSF_QGA_REPLY_BYTES_MAX);
        g_assert_cmpint(head.kind, <, VSF_AGENT_N_ANSWERS);
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* Copies of just that size, so that a read past the end is seen. */
    g_autofree char *exact = g_memdup2(data, size), *text = g_strndup((const char *)data, size);
    const char *bytes = exact != NULL ? exact : "";
    g_autofree char *uri = NULL, *answer = NULL;
    g_autoptr(GError) error = vsf_agent_answer_error(VSF_AGENT_ANSWER_SILENT, text, 1, 1);
    gsize answer_size;

    check_request(bytes, size);
    check_head(bytes, size);
    g_assert_cmpint(vsf_agent_handle_of_reply(text), >=, VSF_QGA_NO_HANDLE);
    g_assert_true(vsf_agent_hello_parse(text, &uri) == (uri != NULL));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    answer = vsf_agent_answer_bytes(VSF_AGENT_ANSWER_FAILED, text, &answer_size);
    g_assert_cmpuint(answer_size, <=, VSF_AGENT_MSG_HEAD_MAX + VSF_AGENT_MSG_TEXT_MAX);
    return 0;
}
