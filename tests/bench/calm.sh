#!/bin/sh
# calm.sh CONTENDER MBITS DELAY-MS LOSS SECONDS - run in the lab's guest (lab run --time-travel):
# one inner TCP flow (cubic) from sunset to sunrise, and 50 pings a second beside it, over a link of MBITS each way
# whose queue holds one bandwidth-delay product and drops what comes when it is full. DELAY-MS is the round trip;
# LOSS (a percentage) of the packets is lost at random each way.
#
# CONTENDER: bare, culvert (as it comes), culvert-cubic, culvert-udp, openvpn, openvpn-bbr; all but culvert run on the
# guest's default congestion control, cubic, and -bbr says that the gateways' is set to BBR.
# Prints one line: calm CONTENDER MBITS DELAY-MS LOSS goodput-Mbit/s ping-p50 p99 max pings-lost idle-p50
set -u
. "$LAB_DIR/topology.sh"
contender=$1 mbits=$2 delay=$3 loss=$4 seconds=$5
build=${CULVERT_BUILD:?the build folder}
tmp=$(mktemp -d)
source=192.0.1.1 target=192.0.2.1 west=192.1.1.45 east=192.1.2.23

die() { echo "calm.sh: $*" >&2; cat "$tmp"/*.log >&2; exit 1; }

# Before any stream is opened, or BBR would remember a round trip that is not this link's. The queue stands in nic, in
# front of each link; delay and loss lie behind the other gateway. 1500 octets count as such, without Ethernet's 14.
link() {
	queue=$(awk -v m="$mbits" -v d="$delay" 'BEGIN { n = int(m * d * 1000 / 8 / 1500); print n < 10 ? 10 : n }')
	for h in west east; do
		no_offload $h || return
		tc -n ${LAB_PREFIX}nic qdisc add dev to-$h root netem limit "$queue" rate "${mbits}mbit" -14 || return
		tc -n ${LAB_PREFIX}$h qdisc add dev eth1 root netem limit 100000 delay "$((delay / 2))ms" \
			$([ "$loss" = 0 ] || echo loss "$loss%") || return
	done
}

culvert() {
	for h in east west; do
		cat > "$tmp/$h.conf" <<-CONF
		config setup
		    listen-tcp=yes
		    $2
		conn calm
		    left=$west
		    right=$east
		    leftsubnet=192.0.1.0/24
		    rightsubnet=192.0.2.0/24
		    leftid=@west
		    rightid=@east
		    authby=secret
		    enable-tcp=$1
		    auto=add
		CONF
		echo '@west @east : PSK "a key for a benchmark of no worth elsewhere"' > "$tmp/$h.secrets"
		chmod 600 "$tmp/$h.secrets"
		mkdir "$tmp/$h.run"
		spawn $h "$build/src/daemon/culvertd" --config "$tmp/$h.conf" --secrets "$tmp/$h.secrets" \
			--run-dir "$tmp/$h.run" > "$tmp/$h.log" 2>&1
		wait_for 10 test -S "$tmp/$h.run/culvertd.ctl" || return
	done
	ns west "$build/src/cli/culvert" --run-dir "$tmp/west.run" up calm > "$tmp/up.log" 2>&1
}

openvpn() {
	for h in west east; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$tmp/$h.key" \
			-out "$tmp/$h.crt" -days 2 -subj "/CN=$h" 2> "$tmp/openssl.log" || return
	done
	print() { openssl x509 -in "$tmp/$1.crt" -noout -fingerprint -sha256 | cut -d= -f2; }
	set -- --dev tun --data-ciphers AES-256-GCM --disable-dco --port 1194
	spawn east openvpn "$@" --proto tcp-server --tls-server --dh none --ifconfig 10.78.0.2 10.78.0.1 \
		--cert "$tmp/east.crt" --key "$tmp/east.key" --peer-fingerprint "$(print west)" \
		--route 192.0.1.0 255.255.255.0 > "$tmp/east.log" 2>&1
	spawn west openvpn "$@" --proto tcp-client --tls-client --remote $east --nobind \
		--ifconfig 10.78.0.1 10.78.0.2 --cert "$tmp/west.crt" --key "$tmp/west.key" \
		--peer-fingerprint "$(print east)" --route 192.0.2.0 255.255.255.0 > "$tmp/west.log" 2>&1
}

net_up west east && link || die "no network"
case $contender in
bare) clear_on ;;
culvert) culvert yes "" ;;
culvert-cubic) culvert yes tcp-congestion=cubic ;;
culvert-udp) culvert no "" ;;
openvpn) openvpn ;;
openvpn-bbr)
	for h in west east; do ns $h sysctl -qw net.ipv4.tcp_congestion_control=bbr; done
	openvpn ;;
*) die "no contender $contender" ;;
esac || die "$contender does not start"
wait_for 20 ns sunset ping -n -q -c 1 -W 1 $target > "$tmp/first.log" 2>&1 || die "nothing passes"

spawn sunrise iperf3 -s -1 > "$tmp/server.log" 2>&1
ns sunset ping -n -i 0.02 -c 100 $target > "$tmp/idle" 2>&1
spawn sunset iperf3 -c $target -t "$seconds" -O 2 -f k > "$tmp/flow" 2>&1
flow=$spawned
sleep 2
ns sunset ping -n -i 0.02 -c "$((seconds * 50))" -W 5 $target > "$tmp/busy" 2>&1
wait "$flow" || { cat "$tmp/flow" >&2; die "iperf3 failed"; }

# FILE PERCENTILE
percentile() {
	sed -n 's/.* time=\([0-9.]*\) ms/\1/p' "$1" | sort -n |
		awk -v p="$2" '{ t[NR] = $1 } END { i = int(NR * p / 100 + 0.999); print NR ? t[i < 1 ? 1 : i] : "-" }'
}
goodput=$(awk '/receiver/ { for (i = 2; i <= NF; i++) if ($i == "Kbits/sec") printf "%.2f", $(i - 1) / 1000 }' "$tmp/flow")
lost=$((seconds * 50 - $(grep -c ' time=' "$tmp/busy")))
echo "calm $contender $mbits $delay $loss $goodput $(percentile "$tmp/busy" 50) $(percentile "$tmp/busy" 99)" \
	"$(percentile "$tmp/busy" 100) $lost $(percentile "$tmp/idle" 50)"
