/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `virt-sflow` shows of an answer from the control socket, which may be
 * another program's: text for a terminal, whatever the document holds. */
#include "../../daemon/cli/agents-text.h"
#include "../../daemon/cli/control-client.h"
#include "../../daemon/cli/status-text.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check(const char *text)
{
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at++)
        g_assert_true(*at == '\n' || !g_ascii_iscntrl(*at));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *answer = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) root = vsf_control_client_parse(answer, size, &error);
    g_autoptr(JsonNode) agents = NULL, plan = NULL;
    g_autofree char *status = NULL, *agents_text = NULL, *plan_text = NULL;

    g_assert_true((root == NULL) == (error != NULL));
    if (root == NULL) {
        check(error->message);
        return 0;
    }
    status = vsf_status_text(json_node_get_object(root));
    agents_text = vsf_agents_text(json_node_get_object(root));
    plan_text = vsf_agents_plan_text(json_node_get_object(root));
    check(status);
    check(agents_text);
    check(plan_text);
    agents = vsf_agents_json(json_node_get_object(root), FALSE);
    plan = vsf_agents_json(json_node_get_object(root), TRUE);
    g_assert_true(JSON_NODE_HOLDS_ARRAY(agents) && JSON_NODE_HOLDS_ARRAY(plan));
    return 0;
}
