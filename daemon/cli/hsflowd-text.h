/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text that vsf_hsflowd_import() gives. Pure. */
#pragma once

#include "../hsflowd/hsflowd-file.h"

#define VSF_HSFLOWD_NOT_KNOWN "it is not known to virt-sflow, so nothing is made of it"

typedef struct {
    guint64 value;
    guint line; /* 0: not in the file */
} VsfHsflowdNumber;

/* An interface that the file samples at its own rate. */
typedef struct {
    char *header; /* "[interface vnet0]" */
    guint64 sampling;
} VsfHsflowdInterface;

/* A rate for ports of one speed. */
typedef struct {
    guint64 bits_per_second;
    char *key; /* "sampling.10G" */
    guint64 sampling;
} VsfHsflowdSpeed;

/* What was understood of the file. */
typedef struct {
    const char *file; /* its name; not owned */
    gboolean unclosed;
    VsfHsflowdNumber polling, sampling, header_bytes, datagram_bytes, sub_agent_id;
    GPtrArray *collectors;                  /* char *, as they are written in a virt-sflow.conf */
    char *agent_address;                    /* or NULL */
    guint agent_rank;                       /* how much it counts before others; 0: there is none */
    const VsfHsflowdSetting *agent_setting; /* where it is from; not owned */
    gboolean dns_sd;
    char *dns_domain; /* or NULL: the machine's search domain */
    gboolean samples_packets, watches_vms;
    GPtrArray *interfaces; /* VsfHsflowdInterface */
    GPtrArray *speeds;     /* VsfHsflowdSpeed, none twice */
    GPtrArray *ports;      /* char *, names of interfaces that are no taps, none twice */
    gboolean all_ports;
    GString *notes; /* comments: what has no equivalent */
} VsfHsflowdSettings;

void vsf_hsflowd_interface_free(gpointer interface);
void vsf_hsflowd_speed_free(gpointer speed);
void vsf_hsflowd_settings_clear(VsfHsflowdSettings *settings);

/* Adds a comment that @setting, or @shown instead of it, has no equivalent, and why. */
void vsf_hsflowd_note(VsfHsflowdSettings *settings, const VsfHsflowdSetting *setting,
                      const char *shown, const char *why);

/* @text cut to a bearable length and without what a terminal or a file's reader obeys.
 * The caller frees. */
char *vsf_hsflowd_quote(const char *text);

/* Whether that block makes Host sFlow sample packets. */
gboolean vsf_hsflowd_is_sampler(const char *name);

/* The caller frees. */
char *vsf_hsflowd_text(const VsfHsflowdSettings *settings);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfHsflowdSettings, vsf_hsflowd_settings_clear)
