# peer.sh - what the scripts of this folder share; sourced by them, in the lab's guest or on the host's kernel.
#
# culvert and the peer sit on west and east (topology.sh draws the net); west initiates. $ours and $theirs are
# their hosts. nic drops what goes between the inner nets unencrypted: a ping that passes has passed the tunnel.
# shellcheck shell=sh disable=SC2154
set -eu
. "$LAB_DIR/topology.sh"

case $2 in
initiates) ours=west theirs=east ;;
responds) ours=east theirs=west ;;
*) echo "culvert initiates or responds, not '$2'" >&2; exit 2 ;;
esac
conf=$(mktemp -d "${TMPDIR:-/tmp}/culvert-peer.XXXXXX")
mkdir -p "$conf/west" "$conf/east"
libreswan=$LAB_DIR/peers/libreswan strongswan=$LAB_DIR/peers/strongswan
peer=$libreswan

# Without these lines a failing test could not be understood.
report() {
	status=$?
	[ $status -eq 0 ] || {
		for log in "$conf"/*/culvertd.log; do
			[ ! -f "$log" ] || { echo "--- $log"; cat "$log"; }
		done
		log=$("$peer" log "$theirs")
		[ ! -f "$log" ] || { echo "--- $log"; tail -n 60 "$log"; }
	}
	# In the guest everything ends with it.
	[ "${LAB-}" = uml ] || {
		"$peer" stop "$theirs"
		net_down
		rm -rf "$conf"
	}
	exit $status
}
trap report EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { echo "FAILED: $*"; exit 1; }

# options KEY=VALUE...: a section's body; the last value of a key stands
options() {
	for option; do
		printf '%s\n' "$option"
	done | awk -F= '!($1 in value) { order[++n] = $1 } { value[$1] = substr($0, length($1) + 2) }
		END { for (i = 1; i <= n; i++) if (value[order[i]] != "") printf "\t%s=%s\n", order[i], value[order[i]] }'
}

# configure HOST [SETUP-KEY=VALUE...] -- [KEY=VALUE...]: ipsec.conf of one host, of this base and the changes;
# an empty value leaves a key out
configure() {
	_host=$1 _setup='' _conn=''
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		_setup="$_setup $1"
		shift
	done
	[ $# -eq 0 ] || shift
	_own=
	[ "$_host" = "$ours" ] || _own='ikev2=insist'
	{
		echo "config setup"
		# shellcheck disable=SC2086 # words
		options listen-tcp=yes $_setup
		echo
		echo "conn net"
		# shellcheck disable=SC2086 # words
		options authby=secret left=192.1.1.45 leftid=@west leftsubnet=192.0.1.0/24 \
			right=192.1.2.23 rightid=@east rightsubnet=192.0.2.0/24 auto=add $_own "$@"
	} > "$conf/$_host/ipsec.conf"
	[ -f "$conf/$_host/ipsec.secrets" ] ||
		echo '@west @east : PSK "a key for tests, of no worth elsewhere: 0123456789"' > "$conf/$_host/ipsec.secrets"
	chmod 600 "$conf/$_host/ipsec.secrets"
}

# culvertd_on HOST, culvert HOST WORD...: our daemon, and the command that talks to it
culvertd_on() {
	spawn "$1" "$CULVERT_BUILD/src/daemon/culvertd" --config "$conf/$1/ipsec.conf" --secrets "$conf/$1/ipsec.secrets" \
		--run-dir "$conf/$1" > "$conf/$1/culvertd.log" 2>&1
	wait_for 30 test -S "$conf/$1/culvertd.ctl" || fail "culvertd on $1 did not start"
}
culvert() {
	_on=$1
	shift
	ns "$_on" "$CULVERT_BUILD/src/cli/culvert" --run-dir "$conf/$_on" "$@"
}

# start [OPTION...]: a net, and both daemons on it; OPTION of the peer's start
start() {
	net_up west east
	$peer start "$@" "$theirs" "$conf/$theirs"
	culvertd_on "$ours"
}

# up [CONN]: west brings it up. libreswan's own exit status says nothing: a ping does.
up() {
	if [ "$ours" = west ]; then culvert west up "${1:-net}"; else timeout 100 $peer up west "${1:-net}" || :; fi
}

# pings [COUNT]: both ways, subnet to subnet
pings() {
	wait_for 20 ns sunset ping -q -n -c 1 -W 1 192.0.2.1 || fail "no ping through the tunnel"
	ns sunset ping -q -n -c "${1:-3}" -i 0.2 -W 5 192.0.2.1 || fail "ping from west's net to east's"
	ns sunrise ping -q -n -c "${1:-3}" -i 0.2 -W 5 192.0.1.1 || fail "ping from east's net to west's"
}
no_ping() { ! ns sunset ping -q -n -c 1 -W 1 192.0.2.1 >/dev/null || fail "a ping passed that should not"; }

# bulk MEGABYTES: each way, with a hash
bulk() {
	head -c "${1}000000" /dev/urandom > "$conf/sent"
	for _way in "sunset sunrise" "sunrise sunset"; do
		# shellcheck disable=SC2086 # words
		set -- $_way
		rm -f "$conf/got"
		spawn "$2" socat -u TCP-LISTEN:5000,reuseaddr "CREATE:$conf/got"
		_server=$spawned
		wait_for 10 sh -c "ip netns exec $LAB_PREFIX$2 ss -Hltn | grep -q :5000"
		ns "$1" timeout 200 socat -u "OPEN:$conf/sent" "TCP:$(addr "$2" 4):5000" || fail "transfer from $1 to $2"
		wait "$_server" || fail "transfer to $2"
		cmp "$conf/sent" "$conf/got" || fail "what arrived at $2 is not what $1 sent"
	done
}

# field HOST KEY [CONN]: of the one IKE SA of a connection, as culvert's status has it; of a list its length
field() {
	culvert "$1" status --json | python3 -c '
import json, sys
conn = next(c for c in json.load(sys.stdin)["connections"] if c["name"] == sys.argv[1])
sas = conn["ike_sas"]
if len(sas) != 1:
    sys.exit(f"{len(sas)} IKE SAs")
value = sas[0][sys.argv[2]]
print(len(value) if isinstance(value, list) else value)' "${3:-net}" "$2"
}
is() { [ "$(field "$ours" "$1")" = "$2" ] || fail "$1 is '$(field "$ours" "$1")', not '$2'"; }

# is_down [CONN]: culvert has no SA of the connection
is_down() {
	culvert "$ours" status --json | python3 -c '
import json, sys
conn = next(c for c in json.load(sys.stdin)["connections"] if c["name"] == sys.argv[1])
sys.exit(len(conn["ike_sas"]) > 0)' "${1:-net}"
}

# gone [CONN]: nothing of the tunnel is left at our end
gone() {
	wait_for 20 is_down "$@" || fail "the connection is still up"
	no_ping
}

# seen EXPRESSION: how many packets of this kind are in the capture $conf/wire.pcap
seen() { tcpdump -n -r "$conf/wire.pcap" "$1" 2>/dev/null | wc -l; }
