#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Commands from the serial console, one a line: "ID BASE64". The answer is one
# line too: "@@ID STATUS BASE64" with all output. Base64 keeps both sides in
# step whatever is printed; the ID finds the answer after a lost one.
stty raw -echo
echo "@@ready"
while read -r id text; do
    [ -n "$text" ] || continue
    echo "$text" | base64 -d >"/tmp/command.$id" || continue
    sh "/tmp/command.$id" </dev/null >"/tmp/output.$id" 2>&1
    status=$?
    printf '\n@@%s %s %s\n' "$id" "$status" "$(base64 "/tmp/output.$id" | tr -d '\n')"
    rm -f "/tmp/command.$id" "/tmp/output.$id"
done
