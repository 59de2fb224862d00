#!/bin/sh
# timers.sh CASE - two culverts in the lab's guest and its simulated time: the clock jumps to the next timer when all
# sleep, so what is read off it is what the protocol does, whatever the machine.
# Calls peer.sh as if culvert initiated: west is ours, east is culvert too.
set -- "$1" initiates
. "${0%/*}/peer.sh"
case_name=$1

both() { configure west -- "$@"; configure east -- "$@"; sed -i /ikev2=/d "$conf/east/ipsec.conf"; }
start_both() {
	net_up west east
	culvertd_on east
	culvertd_on west
	# As on a real network of some size, and so that a transfer takes time at all.
	shape west delay 5ms rate 100mbit || fail "no netem"
}
now() { date +%s.%N; }
# within SINCE SECONDS: fails when more simulated time has passed
within() {
	_took=$(awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }')
	echo "took $_took s"
	awk -v t="$_took" -v most="$2" 'BEGIN { exit !(t <= most) }' || fail "$_took s; $2 s is the most"
}
# sent_at EXPRESSION: when such packets left west, in seconds from the first, one a line
sent_at() { tcpdump -tt -n -r "$conf/wire.pcap" "$1" 2>/dev/null | awk 'NR == 1 { first = $1 } { printf "%.2f\n", $1 - first }'; }

# UDP is dropped: the tunnel over TCP stands within 3 s, after two sends over UDP.
case_fallback_dropped() {
	both enable-tcp=fallback
	start_both
	block_udp
	capture west "$conf/wire.pcap"
	begin=$(now)
	culvert west up net
	within "$begin" 3
	pings
	is transport tcp
	capture_stop west
	[ "$(seen "udp port 500 and src 192.1.1.45")" -ge 2 ] || fail "UDP was not tried twice"
}

# UDP is refused: within 1 s.
case_fallback_refused() {
	both enable-tcp=fallback
	start_both
	reject_udp
	begin=$(now)
	culvert west up net
	within "$begin" 1
	pings
	is transport tcp
}

# The interval doubles from retransmit-interval, and retransmit-timeout ends it (RFC 7296 section 2.1, 2.4).
case_retransmission() {
	both enable-tcp=no retransmit-interval=500 retransmit-timeout=10s
	start_both
	block_udp
	capture west "$conf/wire.pcap"
	begin=$(now)
	! culvert west up net || fail "up succeeded"
	within "$begin" 13
	capture_stop west
	sent_at "udp port 500 and src 192.1.1.45" | tee "$conf/times"
	awk '{ at[NR] = $1 } END {
		if (NR < 4) exit 1
		for (i = 3; i <= NR && i <= 5; i++) {
			ratio = (at[i] - at[i - 1]) / (at[i - 1] - at[i - 2])
			if (ratio < 1.5 || ratio > 2.6) exit 1
		}
	}' "$conf/times" || fail "the intervals do not double"
}

# Over TCP nothing is retransmitted: TCP does that.
case_no_retransmission_over_tcp() {
	both enable-tcp=yes retransmit-timeout=10s dpddelay=5s
	start_both
	culvert west up net
	pings
	before=$(culvert west status --json | grep -o '"retransmits": [0-9]*')
	block_tcp
	sleep 4
	unblock_tcp
	sleep 20
	pings
	[ "$before" = "$(culvert west status --json | grep -o '"retransmits": [0-9]*')" ] || fail "IKE messages were retransmitted over TCP"
}

# The other end falls silent: liveness notices, after dpddelay and retransmit-timeout.
case_liveness() { # the transport is in $TRANSPORT
	both "enable-tcp=$TRANSPORT" dpddelay=5s retransmit-timeout=10s
	start_both
	culvert west up net
	pings
	block_udp
	block_tcp
	block_esp
	begin=$(now)
	wait_for 60 is_down || fail "the silence was not noticed"
	within "$begin" 25
}

# An idle tunnel with liveness stays up: the checks are answered.
case_idle() {
	both "enable-tcp=$TRANSPORT" dpddelay=5s
	start_both
	culvert west up net
	pings
	sleep 600
	pings
	is transport "$([ "$TRANSPORT" = yes ] && echo tcp || echo udp)"
}

# Behind a NAT that forgets after 30 s, keepalives (RFC 3948) keep the way back open.
case_nat_keepalive() {
	both enable-tcp=no
	configure east -- left=%any enable-tcp=no
	sed -i /ikev2=/d "$conf/east/ipsec.conf"
	start_both
	nat_on west 20000-29999
	nat_timeout 30
	culvert west up net
	pings
	sleep 300
	ns sunrise ping -q -n -c 1 -W 5 192.0.1.1 || fail "no ping from the outside in after silence"
}

# A stream without a complete message is closed after 5 s; one that never says its prefix as well.
case_silent_stream() {
	both enable-tcp=yes
	start_both
	for sent in "" "IKETCP" "IKE"; do
		begin=$(now)
		ns west python3 -c '
import socket, sys
stream = socket.create_connection(("192.1.2.23", 4500))
stream.sendall(sys.argv[1].encode())
stream.settimeout(60)
try:
    stream.recv(1)
except ConnectionResetError:
    pass' "$sent"
		within "$begin" 7
		awk -v t="$_took" 'BEGIN { exit !(t >= 4.5) }' || fail "closed after $_took s: a slow peer would be too"
	done
}

# A SYN that nobody answers: up fails with a reason, in the time that retransmit-timeout allows.
case_syn_black_hole() {
	both enable-tcp=yes retransmit-timeout=10s
	start_both
	block_tcp
	begin=$(now)
	! culvert west up net > "$conf/said" 2>&1 || fail "up succeeded"
	cat "$conf/said"
	within "$begin" 20
}

"case_$case_name"
echo "$case_name: ok"
