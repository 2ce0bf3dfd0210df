/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream of JSON objects, cut into messages, and what a message is. */
#include "../../daemon/ovs/frames.h"
#include "../../daemon/ovs/message.h"

#include <string.h>

/* What was cut out of @text, with | between, when it came @chunk bytes at a time; or the error. */
static char *
cut(const char *text, gsize chunk, gsize bytes_max)
{
    g_autoptr(VsfOvsFrames) frames = vsf_ovs_frames_new(bytes_max);
    g_autoptr(GString) all = g_string_new(NULL);
    gsize length = strlen(text);

    for (gsize at = 0; at < length; at += chunk) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) message = NULL;

        if (!vsf_ovs_frames_add(frames, text + at, MIN(chunk, length - at), &error)) {
            g_string_append_printf(all, "<%s>", error->message);
            g_assert_false(vsf_ovs_frames_add(frames, "{}", 2, NULL));
            break;
        }
        while ((message = vsf_ovs_frames_take(frames)) != NULL) {
            g_string_append_len(all, g_bytes_get_data(message, NULL),
                                (gssize)g_bytes_get_size(message));
            g_string_append_c(all, '|');
            g_clear_pointer(&message, g_bytes_unref);
        }
    }
    if (vsf_ovs_frames_is_amid(frames))
        g_string_append(all, "...");
    return g_string_free(g_steal_pointer(&all), FALSE);
}

static void
test_cut(void)
{
    static const struct {
        const char *text, *messages;
    } cases[] = {
        {"", ""},
        {"{}{}", "{}|{}|"},
        {" \n{\"a\":[1,{}]}\r\n\t{}", "{\"a\":[1,{}]}|{}|"},
        {"{\"a\":\"}\"}{\"b\":\"\\\"}\"}{", "{\"a\":\"}\"}|{\"b\":\"\\\"}\"}|..."},
        {"{\"a\":\"\\\\\"}{}", "{\"a\":\"\\\\\"}|{}|"},
        {"{\"a\":\"{[", "..."},
        {"{}x", "{}|<what it says is no JSON-RPC>"},
        {"[]", "<what it says is no JSON-RPC>"},
        {"HTTP/1.1 400", "<what it says is no JSON-RPC>"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        for (gsize chunk = 1; chunk < 12; chunk++) {
            g_autofree char *messages = cut(cases[i].text, chunk, 1000);
            const char *wrong = strchr(cases[i].messages, '<');

            if (wrong == NULL)
                g_assert_cmpstr(messages, ==, cases[i].messages);
            else
                g_assert_true(g_str_has_suffix(messages, wrong));
        }
}

static void
test_bounds(void)
{
    g_autofree char *fits = cut("{\"a\":\"12\"}", 3, 10);
    g_autofree char *long_one = cut("{\"a\":\"123\"}", 3, 10);
    g_autofree char *nest = g_strnfill(65, '[');
    g_autofree char *deep_text = g_strconcat("{\"a\":", nest, NULL);
    g_autofree char *deep = cut(deep_text, 7, 1000);

    g_assert_cmpstr(fits, ==, "{\"a\":\"12\"}|");
    g_assert_true(g_str_has_prefix(long_one, "<what it says is too long>"));
    g_assert_true(g_str_has_prefix(deep, "<what it says is nested too deeply>"));
}

static void
test_messages_that_wait_count(void)
{
    g_autoptr(VsfOvsFrames) frames = vsf_ovs_frames_new(6);
    g_autoptr(GBytes) first = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(vsf_ovs_frames_add(frames, "{}{}{}", 6, NULL));
    g_assert_cmpuint(vsf_ovs_frames_waiting(frames), ==, 6);
    first = vsf_ovs_frames_take(frames);
    g_assert_cmpuint(vsf_ovs_frames_waiting(frames), ==, 4);
    g_assert_true(vsf_ovs_frames_add(frames, "{}", 2, NULL));
    g_assert_false(vsf_ovs_frames_add(frames, "{}", 2, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static VsfOvsMessage *
message_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfOvsMessage *message = vsf_ovs_message_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    return message;
}

static void
test_messages(void)
{
    g_autoptr(VsfOvsMessage)
        echo = message_of("{\"id\":[\"x\",1],\"method\":\"echo\",\"params\":[\"p\"]}");
    g_autoptr(VsfOvsMessage)
        update = message_of("{\"id\":null,\"method\":\"update\",\"params\":[null,{}]}");
    g_autoptr(VsfOvsMessage) reply = message_of("{\"id\":\"m\",\"result\":{},\"error\":null}");
    g_autofree char *answer = vsf_ovs_echo_reply(echo), *none = vsf_ovs_echo_reply(update);

    g_assert_cmpint(echo->kind, ==, VSF_OVS_REQUEST);
    g_assert_cmpstr(answer, ==, "{\"id\":[\"x\",1],\"result\":[\"p\"],\"error\":null}");
    g_assert_cmpint(update->kind, ==, VSF_OVS_NOTIFICATION);
    g_assert_null(none);
    g_assert_true(vsf_ovs_message_answers(reply, "m"));
    g_assert_false(vsf_ovs_message_answers(reply, "n"));
    g_assert_null(vsf_ovs_message_trouble(reply));
}

static void
test_what_is_no_message(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"a\":}", "a message is no JSON object"},
        {"{}", "a message is neither a request nor a reply"},
        {"{\"id\":null,\"result\":1}", "a message is neither a request nor a reply"},
        {"{\"id\":1,\"method\":2,\"params\":[]}", "a message has a \"method\" that is no string"},
        {"{\"id\":1,\"method\":\"echo\",\"params\":{}}", "a message has no array \"params\""},
        {"{\"id\":1,\"method\":\"echo\"}", "a message has no array \"params\""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VsfOvsMessage)
            message = vsf_ovs_message_parse(cases[i].text, strlen(cases[i].text), &error);

        g_assert_null(message);
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
        g_assert_cmpstr(error->message, ==, cases[i].error);
    }
}

static void
test_troubles(void)
{
    static const struct {
        const char *text, *trouble;
    } cases[] = {
        {"{\"id\":\"t\",\"result\":[{},{\"rows\":[]}],\"error\":null}", NULL},
        {"{\"id\":\"t\",\"result\":[{},{\"error\":\"timed out\",\"details\":\"a\\nb\"},null]}",
         "timed out: a b"},
        {"{\"id\":\"t\",\"result\":[{\"error\":\"aborted\"}]}", "aborted"},
        {"{\"id\":\"t\",\"result\":null,\"error\":\"no\"}", "no"},
        {"{\"id\":\"t\",\"result\":null,\"error\":{\"x\":1}}", "{\"x\":1}"},
        {"{\"id\":\"t\",\"result\":7}", "an answer that is no array"},
        {"{\"id\":\"t\"}", "an answer without a result"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfOvsMessage) message = message_of(cases[i].text);
        g_autofree char *trouble = vsf_ovs_transact_trouble(message);

        g_assert_cmpstr(trouble, ==, cases[i].trouble);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/frames/objects-are-cut-however-they-come", test_cut);
    g_test_add_func("/ovs/frames/length-and-depth-are-bounded", test_bounds);
    g_test_add_func("/ovs/frames/messages-that-wait-count", test_messages_that_wait_count);
    g_test_add_func("/ovs/message/requests-notifications-and-replies", test_messages);
    g_test_add_func("/ovs/message/what-is-none-is-told", test_what_is_no_message);
    g_test_add_func("/ovs/message/failed-operations-are-told", test_troubles);
    return g_test_run();
}
