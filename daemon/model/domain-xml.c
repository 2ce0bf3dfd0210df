/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a domain's XML in one pass. It keeps the stack of open elements, resolves
 * namespaces and collects text; what the elements mean stands in xml-elements.c.
 * Skipped elements cost no memory of ours at any depth. */
#include "domain-xml.h"

#include "xml-elements.h"

#include <string.h>

G_DEFINE_QUARK(vsf - domain - xml - error - quark, vsf_domain_xml_error)

/* Bounds of this file alone: text of one element, namespaces in scope. */
#define MAX_TEXT 16384
#define MAX_NAMESPACES 64

typedef struct {
    guint depth; /* of the element that declares it */
    char *prefix;
    VsfXmlSpace space;
} Namespace;

typedef struct {
    VsfXmlDomain domain;
    VsfXmlNode stack[VSF_DOMAIN_XML_MAX_DEPTH + 1];
    guint depth; /* open elements; those beyond the stack are only counted */
    GString *text;
    GArray *namespaces;
} Parser;

static void
namespace_clear(gpointer data)
{
    g_free(((Namespace *)data)->prefix);
}

static VsfXmlSpace
space_of(const char *uri)
{
    if (strcmp(uri, VSF_MONITOR_NAMESPACE) == 0)
        return VSF_SPACE_MONITOR;
    /* Its version follows. */
    if (g_str_has_prefix(uri, "http://openstack.org/xmlns/libvirt/nova/"))
        return VSF_SPACE_NOVA;
    return VSF_SPACE_NONE;
}

static void
note_namespaces(Parser *parser, const char **names, const char **values)
{
    for (guint i = 0; names[i] != NULL; i++) {
        gboolean named = g_str_has_prefix(names[i], "xmlns:");
        Namespace namespace = {.depth = parser->depth};

        if (!named && strcmp(names[i], "xmlns") != 0)
            continue;
        if (parser->namespaces->len >= MAX_NAMESPACES)
            return;
        namespace.prefix = g_strdup(named ? names[i] + strlen("xmlns:") : "");
        namespace.space = space_of(values[i]);
        g_array_append_val(parser->namespaces, namespace);
    }
}

/* The namespace of an element: the innermost declaration of its prefix says.
 * In one that we know, *@name loses the prefix. */
static VsfXmlSpace
resolve(const Parser *parser, const char **name)
{
    const char *colon = strchr(*name, ':');
    gsize length = colon != NULL ? (gsize)(colon - *name) : 0;

    for (guint i = parser->namespaces->len; i > 0; i--) {
        const Namespace *namespace = &g_array_index(parser->namespaces, Namespace, i - 1);

        if (strlen(namespace->prefix) != length || strncmp(namespace->prefix, *name, length) != 0)
            continue;
        if (namespace->space != VSF_SPACE_NONE && colon != NULL)
            *name = colon + 1;
        return namespace->space;
    }
    return VSF_SPACE_NONE;
}

static void
start_element(GMarkupParseContext *context G_GNUC_UNUSED, const char *name, const char **names,
              const char **values, gpointer user_data, GError **error G_GNUC_UNUSED)
{
    Parser *parser = user_data;
    guint depth = ++parser->depth;
    const VsfXmlRule *rule;
    VsfXmlSpace space;
    VsfXmlNode parent;

    if (depth > VSF_DOMAIN_XML_MAX_DEPTH)
        return;
    parent = parser->stack[depth - 1];
    parser->stack[depth] = VSF_XML_SKIP;
    /* Only the first root is the document's. */
    if (parent == VSF_XML_SKIP || (parent == VSF_XML_ROOT && parser->domain.found_domain))
        return;
    note_namespaces(parser, names, values);
    space = resolve(parser, &name);
    rule = vsf_xml_rule(parent, space, name);
    if (rule == NULL)
        return;
    parser->stack[depth] = rule->node;
    if (rule->wants_text)
        g_string_truncate(parser->text, 0);
    if (rule->open != NULL)
        rule->open(&parser->domain, names, values);
}

static void
end_element(GMarkupParseContext *context G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
            gpointer user_data, GError **error G_GNUC_UNUSED)
{
    Parser *parser = user_data;
    guint depth = parser->depth--;

    if (depth > VSF_DOMAIN_XML_MAX_DEPTH)
        return;
    vsf_xml_close(&parser->domain, parser->stack[depth], parser->text->str);
    while (parser->namespaces->len > 0 &&
           g_array_index(parser->namespaces, Namespace, parser->namespaces->len - 1).depth >= depth)
        g_array_set_size(parser->namespaces, parser->namespaces->len - 1);
}

static void
take_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
          gpointer user_data, GError **error G_GNUC_UNUSED)
{
    Parser *parser = user_data;
    gsize room = MAX_TEXT - parser->text->len;

    if (parser->depth > VSF_DOMAIN_XML_MAX_DEPTH || parser->stack[parser->depth] <= VSF_XML_DOMAIN)
        return;
    if (length > room) {
        const char *end = text + room;

        /* Cut between characters: everything after takes valid UTF-8. */
        if (!g_utf8_validate_len(text, room, &end))
            room = (gsize)(end - text);
        length = room;
    }
    g_string_append_len(parser->text, text, (gssize)length);
}

static void
parser_clear(Parser *parser)
{
    g_string_free(parser->text, TRUE);
    g_array_unref(parser->namespaces);
    g_free(parser->domain.unit);
    g_free(parser->domain.uuid);
    vsf_domain_def_free(parser->domain.def);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parser, parser_clear)

/* GMarkup quotes the text it stumbles over, at any length. */
static void
set_syntax_error(GError **error, const char *message)
{
    g_autofree char *shortened = g_utf8_make_valid(message, (gssize)strnlen(message, 160));

    for (char *at = shortened; *at != '\0'; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    g_set_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_SYNTAX, "domain XML: %s",
                shortened);
}

static gboolean
read_markup(Parser *parser, const char *xml, gsize length, GError **error)
{
    static const GMarkupParser callbacks = {
        .start_element = start_element,
        .end_element = end_element,
        .text = take_text,
    };
    g_autoptr(GMarkupParseContext) context = NULL;
    g_autoptr(GError) markup_error = NULL;

    if (length > VSF_DOMAIN_XML_MAX_BYTES) {
        set_syntax_error(error, "larger than 4 MiB");
        return FALSE;
    }
    /* GMarkup lets a NUL through, where a name would end, and goes on after bad
     * UTF-8 in a CDATA section with its error already set. */
    if (!g_utf8_validate_len(xml, length, NULL)) {
        set_syntax_error(error, "not UTF-8 text");
        return FALSE;
    }
    context = g_markup_parse_context_new(&callbacks, G_MARKUP_TREAT_CDATA_AS_TEXT, parser, NULL);
    if (g_markup_parse_context_parse(context, xml, (gssize)length, &markup_error) &&
        g_markup_parse_context_end_parse(context, &markup_error))
        return TRUE;
    set_syntax_error(error, markup_error->message);
    return FALSE;
}

static gboolean
check_content(Parser *parser, GError **error)
{
    VsfDomainDef *def = parser->domain.def;
    const char *fault = NULL;

    if (!parser->domain.found_domain)
        fault = "no <domain>";
    else if (def->name == NULL)
        fault = "no name";
    else if (parser->domain.uuid == NULL ||
             !vsf_uuid_parse(g_strstrip(parser->domain.uuid), def->uuid_bytes))
        fault = "no valid UUID";
    if (fault == NULL)
        return TRUE;
    g_set_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_CONTENT, "domain XML: %s", fault);
    return FALSE;
}

/* Elsewhere anybody's data may be on a disk of such a name. The metadata may stand after it. */
static void
settle_config_drives(VsfDomainDef *def)
{
    for (guint i = 0; i < def->disks->len; i++) {
        VsfDisk *disk = def->disks->pdata[i];

        disk->config_drive = disk->config_drive && def->nova != NULL;
    }
}

VsfDomainDef *
vsf_domain_xml_parse(const char *xml, gssize length, GError **error)
{
    g_auto(Parser) parser = {.stack = {VSF_XML_ROOT}};

    parser.domain.def = vsf_domain_def_new();
    parser.text = g_string_new(NULL);
    parser.namespaces = g_array_new(FALSE, FALSE, sizeof(Namespace));
    g_array_set_clear_func(parser.namespaces, namespace_clear);
    if (!read_markup(&parser, xml, length < 0 ? strlen(xml) : (gsize)length, error) ||
        !check_content(&parser, error))
        return NULL;
    settle_config_drives(parser.domain.def);
    vsf_uuid_format(parser.domain.def->uuid_bytes, parser.domain.def->uuid);
    /* As libvirt has it: no <currentMemory> is all of it. */
    if (parser.domain.def->memory == 0)
        parser.domain.def->memory = parser.domain.def->max_memory;
    return g_steal_pointer(&parser.domain.def);
}
