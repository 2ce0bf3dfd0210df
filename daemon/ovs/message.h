/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message of JSON-RPC 1.0 as OVSDB has it (RFC 7047, section 4), from text and to text.
 * Pure; any thread. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* Of one message, and of all that waits: a host of 10,000 ports is legal. */
#define VSF_OVS_BYTES_MAX (64 * 1024 * 1024)
/* Some 60 of a port in the first answer; json-glib takes some 100 bytes for each. */
#define VSF_OVS_VALUES_MAX 4000000
#define VSF_OVS_ROWS_MAX 65536 /* of one table, as members of one object */

typedef enum {
    VSF_OVS_REQUEST,      /* the server asks: "echo" */
    VSF_OVS_NOTIFICATION, /* "update", "locked" ... */
    VSF_OVS_REPLY,
} VsfOvsMessageKind;

typedef struct {
    VsfOvsMessageKind kind;
    JsonNode *root;     /* owns what follows */
    JsonNode *id;       /* NULL of a notification */
    const char *method; /* NULL of a reply */
    JsonArray *params;  /* the same */
    JsonNode *result;   /* NULL unless a reply has one */
    JsonNode *error;    /* NULL unless a reply has one */
} VsfOvsMessage;

/* NULL with @error (G_IO_ERROR_INVALID_DATA) if @text is no such message. */
VsfOvsMessage *vsf_ovs_message_parse(const char *text, gsize length,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_ovs_message_free(VsfOvsMessage *message); /* takes NULL */

/* Whether @message is the reply to the request with that id. */
gboolean vsf_ovs_message_answers(const VsfOvsMessage *message, const char *id);

/* What a reply's error says, at most 200 bytes; NULL: it is none. The caller's. */
char *vsf_ovs_message_trouble(const VsfOvsMessage *message);

/* The same of one result of a "transact" (RFC 7047, section 4.1.3): NULL if each of its operations
 * went well. */
char *vsf_ovs_transact_trouble(const VsfOvsMessage *message);

/* A request; @params is JSON text, an array. The caller's. */
char *vsf_ovs_request_text(const char *method, const char *params, const char *id);

/* The reply to a request "echo" (section 4.1.11): what it brought goes back. NULL: @message is no
 * such. */
char *vsf_ovs_echo_reply(const VsfOvsMessage *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsMessage, vsf_ovs_message_free)
