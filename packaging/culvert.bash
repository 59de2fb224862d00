# bash completion for culvert

_culvert_connections() {
	culvert "$@" status --json 2>/dev/null | sed -n 's/^ \{6\}"name": "\(.*\)",\{0,1\}$/\1/p'
}

_culvert() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' where=() i
	local commands='up down add delete reload status trafficstatus check options version'
	case $before in
	--run-dir) COMPREPLY=($(compgen -d -- "$word")); return ;;
	--config) COMPREPLY=($(compgen -f -- "$word")); return ;;
	--timeout) return ;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--run-dir) where=(--run-dir "${COMP_WORDS[i + 1]}"); i=$((i + 1)) ;;
		--config | --timeout) i=$((i + 1)) ;;
		-*) ;;
		*) command=${command:-${COMP_WORDS[i]}} ;;
		esac
	done
	case $word in
	-*) COMPREPLY=($(compgen -W '--json --timeout --run-dir --config --help --version' -- "$word")); return ;;
	esac
	case $command in
	'') COMPREPLY=($(compgen -W "$commands" -- "$word")) ;;
	up | down | delete | status | trafficstatus)
		COMPREPLY=($(compgen -W "$(_culvert_connections "${where[@]}")" -- "$word")) ;;
	check) COMPREPLY=($(compgen -f -- "$word")) ;;
	esac
}
complete -F _culvert culvert
