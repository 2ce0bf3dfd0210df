/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sFlow decoder and its text view, over any bytes; and the packet parser,
 * with each of its link layers. */
#include "../../daemon/sflow/frame.h"
#include "../../daemon/sflow/text-sink.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = vsf_sflow_text(data, size, NULL);

    /* A terminal and a line-based reader rely on it. */
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at++)
        g_assert_true(*at == '\n' || (guchar)*at >= 0x20);

    for (int link = VSF_FRAME_ETHERNET; link <= VSF_FRAME_RAW_IP; link++) {
        VsfFrame frame = {0};

        vsf_frame_parse((VsfFrameLink)link, data, size, &frame);
        if (frame.udp_payload != NULL)
            g_assert_true(frame.udp_payload + frame.udp_payload_size <= data + size);
    }
    return 0;
}
