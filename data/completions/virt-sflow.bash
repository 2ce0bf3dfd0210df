# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of virt-sflow for bash. Commands, options and words are what the command's own --help
# says at that moment, so that this never tells of others.

_virt_sflow_options() { # COMMAND: its long options, with "=" where they take a value
    virt-sflow $1 --help 2>/dev/null |
        sed -nE 's/^  (-[a-zA-Z], )?(--[a-z-]+)(=?).*/\2\3/p'
}

_virt_sflow() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} place=() words=() word i n=0 options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        options=$(virt-sflow --help 2>/dev/null | sed -nE '/^Commands:/,/^$/s/^  ([a-z-]+) .*/\1/p')
        COMPREPLY=($(compgen -W "$options --help --version" -- "$current"))
        return
    fi
    options=$(_virt_sflow_options "$command")
    # bash breaks --option=value into three words.
    [ "$current" != = ] || { before=${COMP_WORDS[COMP_CWORD - 1]}= current=; }
    [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}=
    if [[ $before == --*= || " "$options" " == *"$before="* && $before == --* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
    fi
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
        [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
        return
    fi
    # Which of its words this is, and where the daemon is asked.
    for ((i = 2; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --runtime-dir)
                [ "${COMP_WORDS[i + 1]}" != = ] || ((i++))
                place=(--runtime-dir "${COMP_WORDS[++i]}") ;;
            --*)
                [ "${COMP_WORDS[i + 1]}" != = ] || ((i++))
                [[ $'\n'$options != *$'\n'"$word="* ]] || ((i++)) ;;
            -*) ;;
            *) ((++n)) ;;
        esac
    done
    case $command in
        vm | explain)
            if [ "$n" -eq 0 ]; then
                options=$(virt-sflow vms --names "${place[@]}" 2>/dev/null)
            elif [ "$command" = explain ] && [ "$n" -eq 1 ]; then
                options=$(virt-sflow explain --help 2>/dev/null | sed -n 's/^Fields: //p' | tr -d ,)
            else
                return
            fi ;;
        *)
            [ "$n" -eq 0 ] || return
            options=$(virt-sflow "$command" --help 2>/dev/null |
                sed -n 2p | grep -oE '[a-z]+(\|[a-z]+)+' | tr '|' ' ') ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$current"))
}

complete -F _virt_sflow virt-sflow
