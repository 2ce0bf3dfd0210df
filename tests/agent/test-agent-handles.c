/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files are the agent service's own. */
#include "../../daemon/agent/handles.h"

static void
test_a_handle_is_one_guests(void)
{
    g_autoptr(VsfAgentHandles) handles = vsf_agent_handles_new();

    g_assert_false(vsf_agent_handles_has(handles, "a", 1000));
    vsf_agent_handles_add(handles, "a", 1000);
    vsf_agent_handles_add(handles, "a", 1000);
    g_assert_true(vsf_agent_handles_has(handles, "a", 1000));
    g_assert_false(vsf_agent_handles_has(handles, "a", 1001));
    g_assert_false(vsf_agent_handles_has(handles, "b", 1000));
    vsf_agent_handles_remove(handles, "b", 1000);
    vsf_agent_handles_remove(handles, "a", 1000);
    g_assert_false(vsf_agent_handles_has(handles, "a", 1000));
    g_assert_cmpuint(vsf_agent_handles_guests(handles), ==, 0);
}

static void
test_the_oldest_of_a_guest_is_forgotten(void)
{
    g_autoptr(VsfAgentHandles) handles = vsf_agent_handles_new();

    for (gint64 handle = 1; handle <= VSF_AGENT_HANDLES_MAX + 1; handle++)
        vsf_agent_handles_add(handles, "a", handle);
    g_assert_false(vsf_agent_handles_has(handles, "a", 1));
    for (gint64 handle = 2; handle <= VSF_AGENT_HANDLES_MAX + 1; handle++)
        g_assert_true(vsf_agent_handles_has(handles, "a", handle));
}

static void
test_their_number_is_bounded(void)
{
    g_autoptr(VsfAgentHandles) handles = vsf_agent_handles_new();

    for (guint i = 0; i < 3 * VSF_AGENT_HANDLES_GUESTS_MAX; i++) {
        g_autofree char *uuid = g_strdup_printf("%u", i);

        vsf_agent_handles_add(handles, uuid, 1000);
        g_assert_true(vsf_agent_handles_has(handles, uuid, 1000));
        g_assert_cmpuint(vsf_agent_handles_guests(handles), <=, VSF_AGENT_HANDLES_GUESTS_MAX);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func("/agent/handles/" name, test)
    ADD("a-handle-is-one-guests", test_a_handle_is_one_guests);
    ADD("the-oldest-of-a-guest-is-forgotten", test_the_oldest_of_a_guest_is_forgotten);
    ADD("their-number-is-bounded", test_their_number_is_bounded);
    return g_test_run();
}
