# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of mmioctl for bash. It knows next to nothing: verbs, options, columns and names come from mmioctl itself,
# which asks the daemon, and keeps silent when there is none.

# _mmioctl_ask WHAT [OF]: the words that fit what is being typed.
_mmioctl_ask()
{
	local answer
	answer=$("${program[@]}" complete "$@" 2>/dev/null)
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$answer" -- "$current")
}

# The verb, its arguments so far, and whether a command of the user's own has begun.
_mmioctl_look_back()
{
	local i word takes=$'--socket\n--output\n--color\n-o'

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word = -- ]]; then
			command_at=$((i + 1))
			return
		elif [[ $word = --socket ]]; then
			program+=(--socket "${COMP_WORDS[i + 1]}")
			((i++))
		elif [[ $'\n'$takes$'\n' = *$'\n'"$word"$'\n'* ]]; then
			((i++))
		elif [[ $word != -* && -z $verb ]]; then
			verb=$word
			takes+=$'\n'$("${program[@]}" complete arguments "$verb" 2>/dev/null)
		elif [[ $word != -* && $verb = run ]]; then
			command_at=$i
			return
		elif [[ $word != -* ]]; then
			arguments+=("$word")
		fi
	done
}

# _mmioctl_list WHAT [OF]: likewise, the last of several with commas between them.
_mmioctl_list()
{
	local before='' list=$current

	if [[ $list = *,* ]]; then
		before=${list%,*},
		current=${list##*,}
	fi
	_mmioctl_ask "$@"
	COMPREPLY=("${COMPREPLY[@]/#/$before}")
	compopt -o nospace 2>/dev/null
}

_mmioctl_argument()
{
	case $verb:${#arguments[@]} in
	free:* | revoke:*)
		_mmioctl_ask leases "$current" ;;
	export:0)
		mapfile -t COMPREPLY < <(compgen -W 'prometheus cdi' -- "$current") ;;
	configure:0 | bind:* | unbind:*)
		mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/bus/pci/devices 2>/dev/null)" -- "$current") ;;
	regmap:0)
		mapfile -t COMPREPLY < <(compgen -W 'convert check header' -- "$current") ;;
	ungrant:*)
		_mmioctl_ask grants ;;
	irq:0 | operate:0 | reset:0 | power:0 | config:0)
		_mmioctl_ask devices ;;
	map:0)
		_mmioctl_ask regions
		_mmioctl_ask devices
		compopt -o nospace 2>/dev/null ;;
	show:0)
		_mmioctl_ask regions
		_mmioctl_ask leases "$current" ;;
	pools:*)
		_mmioctl_ask pools ;;
	alloc:0)
		_mmioctl_ask pools
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'pages kmalloc vmalloc dma' -- "$current") ;;
	run:0)
		mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
	load:1 | save:1 | batch:0 | regmap:*)
		compopt -o default 2>/dev/null ;;
	diff:1)
		_mmioctl_ask regions
		compopt -o default 2>/dev/null ;;
	regs:0 | set:0 | clear:0 | toggle:0)
		_mmioctl_ask regions
		compopt -o nospace 2>/dev/null ;;
	regs:*)
		_mmioctl_ask registers "${arguments[0]}" ;;
	set:* | clear:* | toggle:*)
		_mmioctl_ask fields "${arguments[0]}" ;;
	read:0 | write:0 | dump:0 | fill:0 | load:0 | save:0 | diff:0 | copy:[01] | wait:0 | test:0 | bench:0 | \
	explain:* | watch:* | record:* | plot:* | hold:*)
		_mmioctl_ask regions
		compopt -o nospace 2>/dev/null ;;
	esac
}

_mmioctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb='' command_at='' program=("${COMP_WORDS[0]}") arguments=()

	COMPREPLY=()
	_mmioctl_look_back
	if [[ -n $command_at ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
		return
	fi
	case $previous in
	-w)
		[[ $verb != run ]] || _mmioctl_ask regions ;;
	--socket | --raw | --svg)
		compopt -o default 2>/dev/null ;;
	-o | --file | --output)
		if [[ $verb = record ]]; then compopt -o default 2>/dev/null; else _mmioctl_list columns "$verb"; fi ;;
	--irq)
		_mmioctl_ask devices ;;
	--field)
		[[ ${#arguments[@]} = 0 ]] || _mmioctl_list registers "${arguments[0]}" ;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current") ;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$current") ;;
	--csr-order)
		mapfile -t COMPREPLY < <(compgen -W 'big little' -- "$current") ;;
	--device)
		_mmioctl_ask regions ;;
	--window)
		_mmioctl_ask regions
		compopt -o nospace 2>/dev/null ;;
	--map)
		if [[ $verb = pools ]]; then _mmioctl_ask pools; else compopt -o default 2>/dev/null; fi ;;
	*)
		if [[ $current = -* ]]; then
			_mmioctl_ask options "$verb"
		elif [[ -z $verb ]]; then
			_mmioctl_ask verbs
		else
			_mmioctl_argument
		fi ;;
	esac
}

complete -F _mmioctl mmioctl
