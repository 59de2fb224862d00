#!/bin/sh
# libreswan.sh CASE ROLE [ARG...] - culvert against Debian's libreswan 4.10, in the lab's guest.
# ROLE: what culvert does, "initiates" or "responds". The cases are the functions below.
. "${0%/*}/peer.sh"
case_name=$1
shift 2

# libreswan, when it was told to bring a connection up, begins again whenever it ends, and after --down at the first
# packet for it: forget makes it leave the connection alone.
forget() { $libreswan exec "$theirs" ipsec auto --delete "${1:-net}"; }

# down_by_us: taken down by culvert, and libreswan believes it
down_by_us() {
	culvert "$ours" down "${1:-net}"
	wait_for 20 grep -q 'and NOT sending notification' "$($libreswan log "$theirs")" || fail "libreswan did not take the Delete"
	forget "${1:-net}"
	gone "${1:-net}"
}

both() { configure west -- "$@"; configure east -- "$@"; }

# transport udp|tcp: bulk both ways, then down from culvert's end
case_bulk() {
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	start
	no_offload west
	no_offload east
	up
	pings
	is transport "$1"
	bulk 50
	pings 1
	down_by_us
}

case_down_by_libreswan() {
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	start
	up
	pings
	$libreswan exec "$theirs" ipsec auto --down net
	wait_for 20 is_down || fail "culvert did not take the Delete"
	forget
	gone
	[ -z "$(ns "$theirs" ip xfrm state)" ] || fail "libreswan kept SAs"
}

case_down_by_culvert() {
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	start
	up
	pings
	down_by_us
	wait_for 20 sh -c "! ip netns exec $theirs ip xfrm state | grep -q spi" || fail "libreswan kept SAs"
}

case_default_sends_no_tcp() {
	both retransmit-timeout=4s
	start
	block_udp
	capture "$ours" "$conf/wire.pcap"
	! up || [ "$ours" = east ] || fail "up succeeded"
	no_ping
	capture_stop "$ours"
	[ "$(seen tcp)" = 0 ] || fail "TCP was tried"
}

case_tcp_only_sends_no_udp() {
	both enable-tcp=yes
	start
	block_udp
	capture "$ours" "$conf/wire.pcap"
	up
	pings
	is transport tcp
	capture_stop "$ours"
	[ "$(seen udp)" = 0 ] || fail "UDP was sent"
	[ "$(seen "tcp port 4500")" -gt 10 ] || fail "nothing was seen on TCP 4500"
}

case_fallback() {
	both enable-tcp=fallback retransmit-timeout=10s
	start
	block_udp
	capture "$ours" "$conf/wire.pcap"
	up
	wait_for 90 ns sunset ping -q -n -c 1 -W 1 192.0.2.1 || fail "no tunnel"
	pings
	is transport tcp
	capture_stop "$ours"
	[ "$ours" = east ] || [ "$(seen "udp port 500")" -ge 2 ] || fail "UDP was not tried twice"
}

case_fallback_refused() {
	both enable-tcp=fallback retransmit-timeout=10s
	start
	reject_udp
	up
	pings
	is transport tcp
}

# listen-tcp listen-udp (yes, no or unset): the responder listens so, the initiator tries both
case_listen() {
	east_setup=
	[ "$1" = unset ] || east_setup="listen-tcp=$1"
	[ "$2" = unset ] || east_setup="$east_setup listen-udp=$2"
	[ "$1" = yes ] && tcp=works || tcp=fails
	[ "$2" = no ] && udp=fails || udp=works
	configure west listen-tcp=no -- enable-tcp=yes retransmit-timeout=4s
	# shellcheck disable=SC2086 # words
	configure east listen-tcp= $east_setup -- enable-tcp=fallback
	# Without UDP libreswan finds out which end it is by the port only.
	[ "$theirs$udp" != eastfails ] || configure east listen-tcp= $east_setup -- enable-tcp=yes rightikeport=4500
	sed -n '/^conn net/,$p' "$conf/west/ipsec.conf" | sed 's/conn net/\nconn udp/; s/enable-tcp=yes/enable-tcp=no/' >> "$conf/west/ipsec.conf"
	start
	for way in "net $tcp" "udp $udp"; do
		if [ "${way#* }" = works ]; then
			up "${way% *}"
			pings 1
			if [ "$ours" = west ]; then culvert west down "${way% *}"; else $libreswan exec west ipsec auto --delete "${way% *}"; fi
			gone
		else
			! up "${way% *}" > "$conf/said" 2>&1 || [ "$ours" = east ] || fail "up ${way% *} succeeded"
			cat "$conf/said"
			no_ping
			[ "$ours" = east ] || [ "${way% *}" = udp ] || grep -qi refused "$conf/said" || fail "not said to be refused"
		fi
	done
}

# The responder is reached at 443 only. libreswan listens on 4500 alone: for it nic translates.
case_port_443() {
	both enable-tcp=yes tcp-remoteport=443
	[ "$ours" = west ] || configure east listen-tcp=443 -- enable-tcp=yes
	start
	[ "$ours" = east ] || ns east nft -f - <<-NFT
		table ip port {
			chain in {
				type nat hook prerouting priority -100;
				tcp dport 443 redirect to :4500
			}
		}
	NFT
	for rule in "tcp dport 443 return" "tcp sport 443 return" "meta l4proto { tcp, udp } drop"; do
		ns nic nft add rule inet lab loss "$rule"
	done
	up
	pings
	is transport tcp
}

case_cookie() { # udp|tcp
	configure "$ours" "$([ "$ours" = east ] && echo ddos-mode=busy || echo uniqueids=yes)" -- "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	configure "$theirs" "$([ "$theirs" = east ] && echo ddos-mode=busy || echo uniqueids=yes)" -- "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	start
	up
	pings
	is transport "$1"
}

case_invalid_ke() { # udp|tcp: the initiator's first group is not the responder's
	tcp=enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)
	configure west -- "$tcp" "ike=aes_gcm256-sha2_512;dh14,aes_gcm256-sha2_512;dh19"
	configure east -- "$tcp" "ike=aes_gcm256-sha2_512;dh19"
	start
	up
	pings
	is transport "$1"
}

case_wrong_key() { # udp|tcp
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)" retransmit-timeout=4s
	echo '@west @east : PSK "another key, equally long: 0123456789 0123456789"' > "$conf/$theirs/ipsec.secrets"
	start
	! up > "$conf/said" 2>&1 || [ "$ours" = east ] || fail "up succeeded"
	cat "$conf/said"
	[ "$ours" = east ] || grep -qi authentication "$conf/said" || fail "the reason was not said"
	[ "$ours" = west ] || grep -qi authentication "$conf/east/culvertd.log" || fail "the reason is not in the log"
	no_ping
	forget
	wait_for 20 sh -c "[ -z \"\$(ip netns exec $ours ss -Htn state established)\" ]" || fail "a stream is left"
}

case_no_common_proposal() {
	configure west -- "ike=aes_gcm256-sha2_512;dh19" retransmit-timeout=4s
	configure east -- "ike=aes_cbc128-sha2_256;dh14" retransmit-timeout=4s
	start
	! up > "$conf/said" 2>&1 || [ "$ours" = east ] || fail "up succeeded"
	cat "$conf/said"
	[ "$ours" = east ] || grep -qi proposal "$conf/said" || fail "the reason was not said"
	[ "$ours" = west ] || grep -q "it offers ike=aes256gcm16-sha2_512-dh19" "$conf/east/culvertd.log" || fail "what was offered is not in the log"
	no_ping
}

# The initiator sits behind a NAT, and may be anybody.
case_nat() { # udp|tcp
	tcp=enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)
	configure west -- "$tcp"
	configure east -- "$tcp" left=%any
	start
	nat_on west 20000-29999
	up
	pings
	is transport "$1"
	no_offload west
	no_offload east
	bulk 5
}

case_ipv6() { # udp|tcp outer inner
	tcp=enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)
	set -- "$1" "$2" "$3" "$tcp"
	[ "$2" = 4 ] || set -- "$@" left=2001:db8:1:1::45 right=2001:db8:1:2::23
	[ "$3" = 4 ] || set -- "$@" leftsubnet=2001:db8:0:1::/64 rightsubnet=2001:db8:0:2::/64
	transport=$1 inner=$3
	shift 3
	both "$@"
	start
	up
	is transport "$transport"
	if [ "$inner" = 6 ]; then
		wait_for 20 ns sunset ping -q -n -c 1 -W 1 2001:db8:0:2::1 || fail "no ping through the tunnel"
		ns sunset ping -q -n -c 3 -i 0.2 2001:db8:0:2::1 && ns sunrise ping -q -n -c 3 -i 0.2 2001:db8:0:1::1 || fail "ping"
	else
		pings
	fi
}

# Two subnets behind each: one Child SA a pair, made by CREATE_CHILD_SA.
case_subnets() { # udp|tcp
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)" leftsubnet= rightsubnet= \
		leftsubnets=192.0.1.0/24,192.0.11.0/24 rightsubnets=192.0.2.0/24,192.0.12.0/24
	start
	ip -n "${LAB_PREFIX}west" addr add 192.0.11.1/24 dev lo
	ip -n "${LAB_PREFIX}east" addr add 192.0.12.1/24 dev lo
	up
	pings
	for pair in "192.0.11.1 192.0.12.1" "192.0.1.254 192.0.12.1" "192.0.11.1 192.0.2.1"; do
		wait_for 20 ns west ping -q -n -c 1 -W 1 -I "${pair% *}" "${pair#* }" || fail "no ping: $pair"
	done
	is children 4
}

case_protoport() {
	both leftprotoport=icmp rightprotoport=icmp
	start
	up
	pings
	! ns sunset timeout 3 socat -u OPEN:/dev/null TCP:192.0.2.1:5000,connect-timeout=2 2>/dev/null || fail "TCP passed"
}

case_null() { # udp|tcp
	both "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)" authby=null leftid=%null rightid=%null
	start
	up
	pings
}

# One transform after the other, over UDP.
case_transforms() {
	both
	start
	for esp in "$@"; do
		for host in west east; do
			configure $host -- "esp=$esp"
		done
		culvert "$ours" reload
		cp "$conf/$theirs/ipsec.conf" "$($libreswan dir "$theirs")/ipsec.conf"
		$libreswan exec "$theirs" ipsec auto --replace net
		up
		pings
		ns "$theirs" ip xfrm state | grep -E 'aead|enc|auth-trunc' | sort -u
		down_by_us
	done
}

case_ike_transforms() {
	both
	start
	for ike in "$@"; do
		for host in west east; do
			configure $host -- "ike=$ike"
		done
		culvert "$ours" reload
		cp "$conf/$theirs/ipsec.conf" "$($libreswan dir "$theirs")/ipsec.conf"
		$libreswan exec "$theirs" ipsec auto --replace net
		up
		pings 1
		down_by_us
	done
}

# libreswan goes silent: liveness checks find out, and the connection ends.
case_liveness() { # udp|tcp
	configure "$ours" -- "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)" dpddelay=5s retransmit-timeout=10s
	configure "$theirs" -- "enable-tcp=$([ "$1" = tcp ] && echo yes || echo no)"
	start
	up
	pings
	begin=$(date +%s)
	block_udp
	block_tcp
	block_esp
	wait_for 60 is_down ||
		fail "the silence was not noticed"
	took=$(($(date +%s) - begin))
	echo "noticed after $took s"
	[ $took -ge 10 ] && [ $took -le 40 ] || fail "$took s is not what dpddelay and retransmit-timeout say"
}

case_on_demand() {
	configure west -- enable-tcp=yes auto=ondemand
	configure east -- enable-tcp=yes
	start
	wait_for 20 ns sunset ping -q -n -c 1 -W 1 192.0.2.1 || fail "the first packets brought nothing up"
	pings
	is transport tcp
}

"case_$case_name" "$@"
echo "$case_name: ok"
