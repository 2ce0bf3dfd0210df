/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: one table of keys, walked by a short loop. */
#pragma once

#include "model/index-table.h"
#include "model/sample-pool.h"
#include "model/speed.h"
#include "model/vm-name.h"
#include "net/capture-choice.h"
#include "net/sender.h"

#define VSF_CONFIG_ERROR (vsf_config_error_quark())
GQuark vsf_config_error_quark(void);
typedef enum {
    VSF_CONFIG_ERROR_INVALID, /* what a file or an option says is not allowed */
    VSF_CONFIG_ERROR_READ,    /* a file cannot be read */
} VsfConfigError;

#define VSF_CONFIG_FILE "/etc/virt-sflow/virt-sflow.conf"
#define VSF_CONFIG_DIR "/etc/virt-sflow/conf.d"

typedef enum { VSF_TIMESTAMPS_ON, VSF_TIMESTAMPS_OFF } VsfTimestamps;
typedef enum { VSF_VIRT_MEMORY_GUEST, VSF_VIRT_MEMORY_BALLOON } VsfVirtMemory;
typedef enum { VSF_NET_DIRECTION_GUEST, VSF_NET_DIRECTION_HOST } VsfNetDirection;
typedef enum { VSF_GUEST_AGENT_AUTO, VSF_GUEST_AGENT_OFF } VsfGuestAgent;
typedef enum { VSF_DNS_SD_OFF, VSF_DNS_SD_ON } VsfDnsSdMode;
typedef enum { VSF_DETAIL_RTMETRIC, VSF_DETAIL_NONE } VsfDetail;
typedef enum { VSF_HOST_ON, VSF_HOST_OFF } VsfHostSamples;
typedef enum { VSF_HOST_INTERFACES_AUTO, VSF_HOST_INTERFACES_OFF } VsfHostInterfaces;

typedef enum { VSF_OVS_OFF, VSF_OVS_OBSERVE, VSF_OVS_CONFIGURE } VsfOvsMode;

/* [vm PATTERN] or [interface PATTERN]: what is so for these alone. */
typedef enum { VSF_RULE_VM, VSF_RULE_INTERFACE } VsfRuleKind;
typedef enum {
    VSF_RULE_SAMPLING,
    VSF_RULE_POLLING,
    VSF_RULE_DIRECTION,
    VSF_RULE_AGENT, /* of VMs */
} VsfRuleKey;

typedef struct {
    VsfRuleKind kind;
    char *pattern; /* of the domain's name, or of the interface's: * and ? */
    guint set;     /* 1 << VsfRuleKey: what the section says; the rest is as for all */
    guint sampling, polling_s;
    VsfDirection direction;
    VsfGuestAgent agent;
} VsfConfigRule;

typedef struct {
    /* [sflow] */
    GPtrArray *collectors; /* VsfCollectorAddress */
    guint polling_s;       /* 20; 0 = off; at most 300 */
    guint sampling;        /* 512; 0 = off */
    GArray *speeds;        /* VsfSpeedRate, of physical ports; see speed.h */
    guint header_bytes;    /* 128 */
    guint datagram_bytes;  /* 1400 */
    char *agent_address;   /* "auto" */
    guint sub_agent_id;    /* 200000 */
    VsfVmNameMode vm_name;
    VsfIndexKind vm_index;
    VsfVirtMemory virt_memory;
    VsfNetDirection virt_net_direction;
    char *source_address; /* or NULL */
    guint dscp;
    VsfTimestamps timestamps; /* of packet samples */
    VsfDnsSdMode dns_sd;
    char *dns_sd_domain;     /* or NULL: the search domains of resolv.conf */
    guint dns_min_sampling;  /* 64; bounds of what DNS may ask for */
    guint dns_min_polling_s; /* 5 */
    /* [libvirt] */
    char *uri;
    char *agent_socket; /* "auto", "none" or a path */
    /* [capture] */
    GStrv interfaces;
    GStrv ports; /* patterns of physical ones that are sampled; empty: none */
    VsfDirection direction;
    VsfCaptureWanted backend;
    guint max_samples_per_second;      /* 5000, of one tap; 0 = any number */
    guint max_host_samples_per_second; /* 20000, of all */
    /* [guest] */
    VsfGuestAgent agent;
    guint canary;                 /* percent of VMs whose agent may be asked */
    guint filesystems_interval_s; /* 60; at least 10 */
    guint os_interval_s;          /* 600 */
    guint agent_timeout_s;        /* 2, of one request */
    GStrv agent_exclude;          /* patterns of names, never NULL */
    guint balloon_period_s;       /* set on VMs that have none; 0 = none is set */
    VsfDetail detail;
    /* [daemon] */
    guint cpu_limit; /* 10, percent of a core; 0 = none */
    /* [host] */
    VsfHostSamples host;
    VsfHostInterfaces host_interfaces;
    /* [ovs] */
    VsfOvsMode ovs_mode;
    char *ovs_socket;
    GStrv ovs_bridges; /* patterns of names, never NULL; none: all */

    GPtrArray *rules; /* VsfConfigRule, in the order in which the files have them */

    GPtrArray *warnings; /* char *, one line each, for the caller to log */
    GPtrArray *files;    /* char *, the files read, in order */
    GHashTable *places;  /* "[group] key" -> "FILE:LINE" that set it; owned texts */
} VsfConfig;

/* @file NULL: VSF_CONFIG_FILE (may be absent) and then VSF_CONFIG_DIR/ *.conf in
 * name order, a later file's key replaces an earlier one's; a duplicate within one file is an
 * error. @file given: that file alone, it must exist. The error's message is
 * "FILE:LINE: [group] key: what is wrong and what is allowed". Reads files; touches nothing else.
 */
VsfConfig *vsf_config_load(const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* vsf_config_load(NULL) with other paths; @folder NULL: @file alone, and it must exist. */
VsfConfig *vsf_config_load_from(const char *file, const char *folder,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same over text in memory (pure, for tests and the fuzzer). @name stands for FILE. */
VsfConfig *vsf_config_parse(const char *name, const char *text, gsize length,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
VsfConfig *vsf_config_new(void); /* all defaults */
void vsf_config_free(VsfConfig *config);

/* Replaces the collectors by @texts (from the command line). */
gboolean vsf_config_set_collectors(VsfConfig *config, const char *const *texts,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Replaces [libvirt] uri (from the command line). */
gboolean vsf_config_set_uri(VsfConfig *config, const char *uri,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- what is so for one VM or interface ---------------------------------- *
 *
 * Of the sections of one kind the first that matches counts, alone: what it does not say is as
 * for all. An interface's section goes before its VM's. @vm is the domain's name, which only
 * who defines the VM can choose, unlike the exported one; NULL: not known (yet). What a VM's
 * own metadata want goes before all of this, and is the caller's matter. */

guint vsf_config_sampling(const VsfConfig *config, const char *vm, const char *interface);
guint vsf_config_tap_polling_s(const VsfConfig *config, const char *vm, const char *interface);
VsfDirection vsf_config_direction(const VsfConfig *config, const char *vm, const char *interface);
/* Of a physical port: its section's, else by its speed; see vsf_speed_sampling(). */
guint vsf_config_port_sampling(const VsfConfig *config, const char *interface,
                               guint64 bits_per_second);
guint vsf_config_vm_polling_s(const VsfConfig *config, const char *vm);
VsfGuestAgent vsf_config_agent(const VsfConfig *config, const char *vm);
/* A section of its own says so, not [guest]. */
gboolean vsf_config_agent_is_off_by_rule(const VsfConfig *config, const char *vm);

/* --- one configuration after another -------------------------------------- */

VsfConfig *vsf_config_copy(const VsfConfig *config);

/* What another source than the files (DNS-SD) wants instead, for all VMs: rules and metadata go
 * before it. Bounds are the source's matter: each value is one that the key allows. */
typedef struct {
    gboolean has_sampling, has_polling, has_header_bytes;
    guint sampling, polling_s, header_bytes;
    GArray *speeds;        /* VsfSpeedRate; those of other speeds stay; or NULL */
    char *agent_address;   /* or NULL */
    GPtrArray *collectors; /* VsfCollectorAddress, or NULL */
} VsfConfigOverlay;

VsfConfigOverlay *vsf_config_overlay_copy(const VsfConfigOverlay *overlay);
void vsf_config_overlay_free(VsfConfigOverlay *overlay);

/* A new configuration: @config with what @overlay has; @overlay NULL: a copy. */
VsfConfig *vsf_config_overlay(const VsfConfig *config, const VsfConfigOverlay *overlay);

/* Keys that are read at the start alone get the value that is @in_force. The names of those that
 * differed ("[libvirt] uri"), none if all is well; the caller frees. */
GStrv vsf_config_keep_fixed(VsfConfig *config, const VsfConfig *in_force);

/* The names of the keys whose values differ, "[vm web*]" of a section that does, and "order of
 * the [vm] and [interface] sections" if only that does. The caller frees. */
GStrv vsf_config_changes(const VsfConfig *before, const VsfConfig *after);

/* "FILE:LINE" that set the key, NULL: none did. */
const char *vsf_config_place(const VsfConfig *config, const char *group, const char *key);

/* The first 16 digits of the SHA-256 of every key with the value in force, however files and
 * command line came to it. Versions that know other keys have other hashes. The caller frees. */
char *vsf_config_hash(const VsfConfig *config);

/* The commented example: every key with its default and its meaning. */
char *vsf_config_example(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfConfig, vsf_config_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfConfigOverlay, vsf_config_overlay_free)
