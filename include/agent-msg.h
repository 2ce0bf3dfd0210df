/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virt-sflowd and virt-sflow-agent say to each other.
 *
 * The agent service alone may write to libvirt. Over its socket (a stream, AF_UNIX) it takes lines
 * and nothing else, each of which names a domain and one entry of a fixed list:
 *
 *     ask UUID TIMEOUT_S COMMAND            guest-info, guest-get-fsinfo, ...: those of qga.h,
 *                                           without any argument that could be chosen
 *     ask UUID TIMEOUT_S COMMAND HANDLE     guest-file-read and guest-file-close, of a file that
 *                                           this service opened in that guest
 *     balloon UUID PERIOD_S                 virDomainSetMemoryStatsPeriod
 *
 * One blank between two words, UUIDs in lower case with their dashes, numbers without a sign or
 * zeros in front, a line feed at the end: what means the same is the same bytes. What libvirt and
 * guests get is made anew from the entry (vsf_qga_request()); guest-file-open is always
 * /proc/meminfo for reading.
 *
 * Each connection begins with an answer (HELLO, or FORBIDDEN and its end), and each line has one.
 * An answer is a word and a count on a line, and then so many bytes:
 *
 *     reply 24\n{"return":{"host-name":"}
 *
 * The bytes of REPLY are the agent's, unread. Whoever sends a second line before the answer to the
 * first came, or a line that is too long, loses the connection.
 *
 * Pure; any thread. */
#pragma once

#include "qga.h"

/* In HELLO, behind the program's name. Another one cannot be talked to. */
#define VSF_AGENT_MSG_PROTOCOL 1

#define VSF_AGENT_MSG_UUID_TEXT 37 /* as VSF_UUID_TEXT of the daemon */
#define VSF_AGENT_MSG_LINE_MAX 128 /* of a request, line feed included */
#define VSF_AGENT_MSG_HEAD_MAX 32  /* the same of an answer's first line */
#define VSF_AGENT_MSG_TIMEOUT_MAX_S 60
#define VSF_AGENT_MSG_PERIOD_MAX_S 3600
/* Of an answer that is no REPLY, which has VSF_QGA_REPLY_BYTES_MAX. */
#define VSF_AGENT_MSG_TEXT_MAX 1024

typedef enum {
    VSF_AGENT_REQUEST_ASK,
    VSF_AGENT_REQUEST_BALLOON,
} VsfAgentRequestKind;

typedef struct {
    VsfAgentRequestKind kind;
    char uuid[VSF_AGENT_MSG_UUID_TEXT];
    int timeout_s; /* ASK: 1 to VSF_AGENT_MSG_TIMEOUT_MAX_S */
    int period_s;  /* BALLOON: 1 to VSF_AGENT_MSG_PERIOD_MAX_S */
    VsfQgaCommand command;
    gint64 handle; /* of FILE_READ and FILE_CLOSE, > 0, else VSF_QGA_NO_HANDLE */
} VsfAgentRequest;

/* @line is @length bytes without the line feed. FALSE with @error (G_IO_ERROR_INVALID_ARGUMENT)
 * set if it is no entry of the list; the text may be shown. */
gboolean vsf_agent_request_parse(const char *line, gsize length, VsfAgentRequest *request,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The line with its line feed; the caller owns it. */
char *vsf_agent_request_line(const VsfAgentRequest *request);

/* The entry that @json, a text of vsf_qga_request(), is made from. FALSE: it is none of them, to
 * the byte. */
gboolean vsf_agent_request_of_json(const char *json, VsfAgentRequest *request);

/* What an answer is; the words are in agent-msg.c. All but the first three are errors. */
typedef enum {
    VSF_AGENT_ANSWER_HELLO, /* "virt-sflow-agent 1 VERSION URI" */
    VSF_AGENT_ANSWER_REPLY, /* the guest's agent: its whole reply */
    VSF_AGENT_ANSWER_DONE,  /* the balloon's period is set */
    /* It was not asked, and that is not its fault (G_IO_ERROR). */
    VSF_AGENT_ANSWER_FORBIDDEN,     /* libvirt or the service lets us ask nobody */
    VSF_AGENT_ANSWER_DENIED,        /* not this domain */
    VSF_AGENT_ANSWER_NOT_CONNECTED, /* libvirt is away, or the domain does not run */
    VSF_AGENT_ANSWER_NOT_SUPPORTED, /* no channel for the agent */
    VSF_AGENT_ANSWER_BUSY,          /* every thread hangs, or a call for this domain does */
    VSF_AGENT_ANSWER_NOT_LISTED,    /* no entry of the list */
    /* Its own words (VSF_QGA_ERROR). */
    VSF_AGENT_ANSWER_MALFORMED,
    VSF_AGENT_ANSWER_NOT_FOUND,
    VSF_AGENT_ANSWER_DISABLED,
    VSF_AGENT_ANSWER_FROZEN,
    VSF_AGENT_ANSWER_FAILED,
    /* It does not answer (any other domain). */
    VSF_AGENT_ANSWER_SILENT,
    VSF_AGENT_N_ANSWERS,
} VsfAgentAnswerKind;

typedef struct {
    VsfAgentAnswerKind kind;
    gsize length; /* of the bytes that follow; within the bound of @kind */
} VsfAgentHead;

/* @line is @length bytes without the line feed. FALSE: it is no head of an answer. */
gboolean vsf_agent_head_parse(const char *line, gsize length,
                              VsfAgentHead *head) G_GNUC_WARN_UNUSED_RESULT;

/* A whole answer; @text is cut if it is too long for its kind, unless that is REPLY: then it is
 * MALFORMED. The caller owns the result, *@size bytes. */
char *vsf_agent_answer_bytes(VsfAgentAnswerKind kind, const char *text, gsize *size);

/* The kind of answer that tells @error, and back: @kind is an error, and SILENT of domain
 * @silent, whose code is @code. @text: its words, NULL for none; need not be fit to show. */
VsfAgentAnswerKind vsf_agent_answer_of_error(const GError *error);
GError *vsf_agent_answer_error(VsfAgentAnswerKind kind, const char *text, GQuark silent, int code);

/* Of HELLO. FALSE: it is another program's, or of another protocol. *@uri: libvirt's, for which
 * the service asks; the caller owns it. */
gboolean vsf_agent_hello_parse(const char *text, char **uri) G_GNUC_WARN_UNUSED_RESULT;
char *vsf_agent_hello_text(const char *uri);

/* The handle in the reply {"return":N} to guest-file-open; VSF_QGA_NO_HANDLE: there is none. No
 * other JSON is read. */
gint64 vsf_agent_handle_of_reply(const char *reply);
