/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that explain. */
#pragma once

#include "explain.h"

typedef struct {
    JsonObject *status, *vm;
    const char *target; /* what virsh takes for the domain: its name if a shell and virsh take
                           that as it is, else its UUID */
} VsfExplain;

/* What each says of its field; @finding is ok so far. */
void vsf_explain_state(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_cpu(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_net(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_packets(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_memory(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_disk(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_agent(const VsfExplain *explain, VsfFinding *finding);
void vsf_explain_filesystems(const VsfExplain *explain, VsfFinding *finding);

/* Why the VM's agent does not tell @part ("memory", "filesystems"; NULL: any), with fixes. FALSE:
 * as far as is known it does; then nothing is said. */
gboolean vsf_explain_no_agent(const VsfExplain *explain, VsfFinding *finding, const char *part);

/* What the field leaves in; NULL: nothing. */
const VsfRecord *vsf_explain_record(const char *field);
/* A sentence about that, and about collectors that do not know it. The caller frees. */
char *vsf_explain_record_text(const VsfRecord *record);

/* @trouble: why no guest agent may be asked, in the daemon's words. */
void vsf_explain_refused(VsfFinding *finding, const char *trouble);

/* Appends to the finding's sentences. */
void vsf_explain_and(VsfFinding *finding, const char *more);

/* The daemon is older than this command and does not tell what this needs. */
void vsf_explain_not_told(VsfFinding *finding);

/* TRUE if the member of the VM is this word. */
gboolean vsf_explain_is(JsonObject *object, const char *member, const char *word);

/* A number, or 0 where there is none. */
double vsf_explain_number(JsonObject *object, const char *member);

/* How a changed configuration comes into force, for vsf_finding_fix(). */
#define VSF_EXPLAIN_RELOAD "systemctl reload-or-restart virt-sflowd"
