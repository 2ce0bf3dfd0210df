/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../include/agent-msg.h"

#include <gio/gio.h>
#include <string.h>

#define NAME "virt-sflow-agent"

/* --- requests ------------------------------------------------------------- */

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not allowed: %s", what);
    return FALSE;
}

static gboolean
is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (gsize i = 0; i < sizeof(form); i++) {
        gboolean fits = form[i] == 'x' ? g_ascii_isxdigit(text[i]) && !g_ascii_isupper(text[i])
                                       : text[i] == form[i];

        if (!fits)
            return FALSE;
    }
    return TRUE;
}

/* 1 to @max, as printf() would write it. */
static gboolean
is_number(const char *text, gint64 max, gint64 *number)
{
    gint64 value = 0;

    if (text[0] < '1' || text[0] > '9')
        return FALSE;
    for (; *text != '\0'; text++) {
        int digit = *text - '0';

        if (digit < 0 || digit > 9 || value > (max - digit) / 10)
            return FALSE;
        value = value * 10 + digit;
    }
    *number = value;
    return TRUE;
}

static gboolean
has_handle(VsfQgaCommand command)
{
    return command == VSF_QGA_COMMAND_FILE_READ || command == VSF_QGA_COMMAND_FILE_CLOSE;
}

static gboolean
parse_ask(GStrv words, guint n, VsfAgentRequest *request, GError **error)
{
    gint64 timeout_s, handle = VSF_QGA_NO_HANDLE;
    VsfQgaCommand command;

    if (n < 4 || !is_number(words[2], VSF_AGENT_MSG_TIMEOUT_MAX_S, &timeout_s))
        return refuse(error, "\"ask\" without a timeout and a command");
    command = vsf_qga_command_of_name(words[3]);
    if (command == VSF_QGA_N_COMMANDS)
        return refuse(error, "a command that is not on the list");
    if (n != (has_handle(command) ? 5 : 4) ||
        (has_handle(command) && !is_number(words[4], G_MAXINT64, &handle)))
        return refuse(error, "an argument that the command does not have here");
    request->kind = VSF_AGENT_REQUEST_ASK;
    request->timeout_s = (int)timeout_s;
    request->command = command;
    request->handle = handle;
    return TRUE;
}

static gboolean
parse_balloon(GStrv words, guint n, VsfAgentRequest *request, GError **error)
{
    gint64 period_s;

    if (n != 3 || !is_number(words[2], VSF_AGENT_MSG_PERIOD_MAX_S, &period_s))
        return refuse(error, "\"balloon\" without a period within bounds");
    request->kind = VSF_AGENT_REQUEST_BALLOON;
    request->period_s = (int)period_s;
    return TRUE;
}

gboolean
vsf_agent_request_parse(const char *line, gsize length, VsfAgentRequest *request, GError **error)
{
    VsfAgentRequest parsed = {.command = VSF_QGA_N_COMMANDS};
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;
    gboolean good;
    guint n;

    if (length >= VSF_AGENT_MSG_LINE_MAX || memchr(line, '\0', length) != NULL)
        return refuse(error, "a line that is too long or holds a zero byte");
    text = g_strndup(line, length);
    words = g_strsplit(text, " ", 6);
    n = g_strv_length(words);
    if (n < 2 || !is_uuid(words[1]))
        return refuse(error, "a line without a domain's UUID");
    g_strlcpy(parsed.uuid, words[1], sizeof(parsed.uuid));
    if (strcmp(words[0], "ask") == 0)
        good = parse_ask(words, n, &parsed, error);
    else if (strcmp(words[0], "balloon") == 0)
        good = parse_balloon(words, n, &parsed, error);
    else
        good = refuse(error, "a word that is neither \"ask\" nor \"balloon\"");
    if (good)
        *request = parsed;
    return good;
}

char *
vsf_agent_request_line(const VsfAgentRequest *request)
{
    if (request->kind == VSF_AGENT_REQUEST_BALLOON)
        return g_strdup_printf("balloon %s %d\n", request->uuid, request->period_s);
    if (has_handle(request->command))
        return g_strdup_printf("ask %s %d %s %" G_GINT64_FORMAT "\n", request->uuid,
                               request->timeout_s, vsf_qga_command_name(request->command),
                               request->handle);
    return g_strdup_printf("ask %s %d %s\n", request->uuid, request->timeout_s,
                           vsf_qga_command_name(request->command));
}

/* Behind "handle":, or VSF_QGA_NO_HANDLE. */
static gint64
handle_in(const char *json)
{
    static const char key[] = "\"handle\":";
    const char *at = strstr(json, key);
    gint64 handle = VSF_QGA_NO_HANDLE;
    g_autofree char *digits = NULL;

    if (at == NULL)
        return VSF_QGA_NO_HANDLE;
    at += strlen(key);
    digits = g_strndup(at, strspn(at, "0123456789"));
    return is_number(digits, G_MAXINT64, &handle) ? handle : VSF_QGA_NO_HANDLE;
}

gboolean
vsf_agent_request_of_json(const char *json, VsfAgentRequest *request)
{
    gint64 handle = handle_in(json);

    for (VsfQgaCommand command = 0; command < VSF_QGA_N_COMMANDS; command++) {
        g_autofree char *made = vsf_qga_request(command, handle);

        if (strcmp(made, json) != 0 || (has_handle(command) && handle == VSF_QGA_NO_HANDLE))
            continue;
        request->kind = VSF_AGENT_REQUEST_ASK;
        request->command = command;
        request->handle = has_handle(command) ? handle : VSF_QGA_NO_HANDLE;
        return TRUE;
    }
    return FALSE;
}

/* --- answers -------------------------------------------------------------- */

typedef enum { NONE, IO, QGA, OTHER } Domain;

static const struct {
    const char *word;
    Domain domain;
    int code;
} kinds[] = {
    [VSF_AGENT_ANSWER_HELLO] = {"hello"},
    [VSF_AGENT_ANSWER_REPLY] = {"reply"},
    [VSF_AGENT_ANSWER_DONE] = {"done"},
    [VSF_AGENT_ANSWER_FORBIDDEN] = {"forbidden", IO, G_IO_ERROR_READ_ONLY},
    [VSF_AGENT_ANSWER_DENIED] = {"denied", IO, G_IO_ERROR_PERMISSION_DENIED},
    [VSF_AGENT_ANSWER_NOT_CONNECTED] = {"not-connected", IO, G_IO_ERROR_NOT_CONNECTED},
    [VSF_AGENT_ANSWER_NOT_SUPPORTED] = {"not-supported", IO, G_IO_ERROR_NOT_SUPPORTED},
    [VSF_AGENT_ANSWER_BUSY] = {"busy", IO, G_IO_ERROR_BUSY},
    [VSF_AGENT_ANSWER_NOT_LISTED] = {"not-listed", IO, G_IO_ERROR_INVALID_ARGUMENT},
    [VSF_AGENT_ANSWER_MALFORMED] = {"malformed", QGA, VSF_QGA_ERROR_MALFORMED},
    [VSF_AGENT_ANSWER_NOT_FOUND] = {"not-found", QGA, VSF_QGA_ERROR_NOT_FOUND},
    [VSF_AGENT_ANSWER_DISABLED] = {"disabled", QGA, VSF_QGA_ERROR_DISABLED},
    [VSF_AGENT_ANSWER_FROZEN] = {"frozen", QGA, VSF_QGA_ERROR_FROZEN},
    [VSF_AGENT_ANSWER_FAILED] = {"failed", QGA, VSF_QGA_ERROR_FAILED},
    [VSF_AGENT_ANSWER_SILENT] = {"silent", OTHER},
};

G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == VSF_AGENT_N_ANSWERS);

static gsize
length_max(VsfAgentAnswerKind kind)
{
    return kind == VSF_AGENT_ANSWER_REPLY ? VSF_QGA_REPLY_BYTES_MAX : VSF_AGENT_MSG_TEXT_MAX;
}

gboolean
vsf_agent_head_parse(const char *line, gsize length, VsfAgentHead *head)
{
    g_autofree char *text = NULL;
    gint64 count = 0;
    char *number;

    if (length >= VSF_AGENT_MSG_HEAD_MAX || memchr(line, '\0', length) != NULL)
        return FALSE;
    text = g_strndup(line, length);
    number = strchr(text, ' ');
    if (number == NULL)
        return FALSE;
    *number++ = '\0';
    for (VsfAgentAnswerKind kind = 0; kind < VSF_AGENT_N_ANSWERS; kind++) {
        if (strcmp(kinds[kind].word, text) != 0)
            continue;
        if (strcmp(number, "0") != 0 && !is_number(number, (gint64)length_max(kind), &count))
            return FALSE;
        *head = (VsfAgentHead){kind, (gsize)count};
        return TRUE;
    }
    return FALSE;
}

char *
vsf_agent_answer_bytes(VsfAgentAnswerKind kind, const char *text, gsize *size)
{
    gsize length = strlen(text);
    GString *bytes = g_string_new(NULL);

    if (kind == VSF_AGENT_ANSWER_REPLY && length > length_max(kind)) {
        kind = VSF_AGENT_ANSWER_MALFORMED;
        text = "the guest agent's reply is too long";
        length = strlen(text);
    }
    length = MIN(length, length_max(kind));
    g_string_printf(bytes, "%s %" G_GSIZE_FORMAT "\n", kinds[kind].word, length);
    g_string_append_len(bytes, text, (gssize)length);
    *size = bytes->len;
    return g_string_free(bytes, FALSE);
}

static Domain
domain_of(const GError *error)
{
    if (error->domain == G_IO_ERROR)
        return IO;
    return error->domain == VSF_QGA_ERROR ? QGA : OTHER;
}

VsfAgentAnswerKind
vsf_agent_answer_of_error(const GError *error)
{
    Domain domain = domain_of(error);

    for (VsfAgentAnswerKind kind = 0; kind < VSF_AGENT_N_ANSWERS; kind++)
        if (kinds[kind].domain == domain && (domain == OTHER || kinds[kind].code == error->code))
            return kind;
    /* One of its domain that has no word: whose fault it is must be told. */
    return domain == IO ? VSF_AGENT_ANSWER_NOT_CONNECTED : VSF_AGENT_ANSWER_FAILED;
}

GError *
vsf_agent_answer_error(VsfAgentAnswerKind kind, const char *text, GQuark silent, int code)
{
    g_autofree char *shown = g_utf8_make_valid(text != NULL ? text : "", -1);

    g_assert(kinds[kind].domain != NONE);
    for (char *at = shown; *at != '\0'; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    if (shown[0] == '\0') {
        g_free(shown);
        shown = g_strdup_printf("%s, without a reason", kinds[kind].word);
    }
    if (kinds[kind].domain == OTHER)
        return g_error_new_literal(silent, code, shown);
    return g_error_new_literal(kinds[kind].domain == IO ? G_IO_ERROR : VSF_QGA_ERROR,
                               kinds[kind].code, shown);
}

/* --- HELLO, handles --------------------------------------------------------- */

char *
vsf_agent_hello_text(const char *uri)
{
    return g_strdup_printf(NAME " %d " VSF_VERSION " %s", VSF_AGENT_MSG_PROTOCOL, uri);
}

gboolean
vsf_agent_hello_parse(const char *text, char **uri)
{
    g_autofree char *protocol = g_strdup_printf("%d", VSF_AGENT_MSG_PROTOCOL);
    g_auto(GStrv) words = g_strsplit(text, " ", 4);

    if (g_strv_length(words) != 4 || strcmp(words[0], NAME) != 0 || strcmp(words[1], protocol) != 0)
        return FALSE;
    *uri = g_strdup(words[3]);
    return TRUE;
}

gint64
vsf_agent_handle_of_reply(const char *reply)
{
    static const char start[] = "{\"return\":";
    gint64 handle = VSF_QGA_NO_HANDLE;
    g_autofree char *digits = NULL;
    gsize length;

    if (!g_str_has_prefix(reply, start))
        return VSF_QGA_NO_HANDLE;
    reply += strlen(start);
    reply += strspn(reply, " ");
    length = strspn(reply, "0123456789");
    if (length > 20 || strcmp(reply + length + strspn(reply + length, " "), "}") != 0)
        return VSF_QGA_NO_HANDLE;
    digits = g_strndup(reply, length);
    return is_number(digits, G_MAXINT64, &handle) ? handle : VSF_QGA_NO_HANDLE;
}
