#!/bin/sh
# strongswan.sh CASE ROLE [ARG...] - culvert against Debian's strongSwan 5.9.8 with ESP in user space, on this
# machine's own kernel. ROLE: what culvert does, "initiates" or "responds". The cases are the functions below.
. "${0%/*}/peer.sh"
case_name=$1
shift 2
peer=$strongswan

# swanctl HOST [IKE-PROPOSALS [ESP-PROPOSALS]]: strongSwan's configuration, of what is ours and theirs; $family 4 or 6
swanctl() {
	[ "$1" = west ] && _far=east || _far=west
	cat > "$conf/$1/swanctl.conf" <<-CONF
		connections {
			net {
				version = 2
				local_addrs = $(addr "$1" "$outer")
				remote_addrs = $(addr $_far "$outer")
				${2:+proposals = $2}
				local {
					auth = psk
					id = $1
				}
				remote {
					auth = psk
					id = $_far
				}
				children {
					net {
						local_ts = $(addr "$1" "net$inner")
						remote_ts = $(addr $_far "net$inner")
						${3:+esp_proposals = $3}
					}
				}
			}
		}
		secrets {
			ike-net {
				id-west = west
				id-east = east
				secret = "a key for tests, of no worth elsewhere: 0123456789"
			}
		}
	CONF
}

# world [OUTER [INNER [IKE ESP OUR-IKE OUR-ESP]]]: configured and started
world() {
	outer=${1:-4} inner=${2:-4}
	swanctl "$theirs" "${3-}" "${4-}"
	configure "$ours" -- "left=$(addr west "$outer")" "right=$(addr east "$outer")" \
		"leftsubnet=$(addr west "net$inner")" "rightsubnet=$(addr east "net$inner")" "ike=${5-}" "esp=${6-}"
	start -u
}

case_bulk() {
	world
	up
	pings
	is transport udp
	bulk 50
	pings 1
	culvert "$ours" down net
	gone
}

case_down_by_strongswan() {
	world
	up
	pings
	$strongswan exec "$theirs" swanctl --terminate --ike net
	gone
}

case_down_by_culvert() {
	world
	up
	pings
	culvert "$ours" down net
	gone
	[ -z "$($strongswan exec "$theirs" swanctl --list-sas)" ] || fail "strongSwan kept SAs"
}

case_ipv6() {
	world "$1" "$2"
	up
	if [ "$2" = 4 ]; then pings; return; fi
	wait_for 20 ns sunset ping -q -n -c 1 -W 1 2001:db8:0:2::1 || fail "no ping through the tunnel"
	ns sunset ping -q -n -c 3 -i 0.2 2001:db8:0:2::1 && ns sunrise ping -q -n -c 3 -i 0.2 2001:db8:0:1::1 || fail "ping"
}

# THEIR-IKE THEIR-ESP OUR-IKE OUR-ESP
case_transforms() {
	world 4 4 "$@"
	up
	pings
	bulk 1
	$strongswan exec "$theirs" swanctl --list-sas
}

case_wrong_key() {
	outer=4 inner=4
	echo '@west @east : PSK "another key, equally long: 0123456789 0123456789"' > "$conf/$ours/ipsec.secrets"
	world
	! up > "$conf/said" 2>&1 || [ "$ours" = east ] || fail "up succeeded"
	cat "$conf/said"
	[ "$ours" = east ] || grep -qi authentication "$conf/said" || fail "the reason was not said"
	no_ping
}

"case_$case_name" "$@"
echo "$case_name: ok"
