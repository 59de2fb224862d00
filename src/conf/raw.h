/* A connection as it is written: typed values, before compiling. Private to conf/. */
#ifndef CULVERT_CONF_RAW_H
#define CULVERT_CONF_RAW_H

#include "conf/conf.h"
#include "conf/section.h"

enum conf_host_kind { CONF_HOST_UNSET, CONF_HOST_IP, CONF_HOST_ANY, CONF_HOST_DEFAULTROUTE };

struct conf_host {
	uint8_t kind; /* enum conf_host_kind */
	struct cv_ip ip;
};

struct conf_subnets {
	uint8_t count;
	struct wire_ts ts[IKE_SELECTORS_MAX];
	bool with_protocol[IKE_SELECTORS_MAX]; /* it was written with /PROTOCOL/PORT */
	bool too_many;			       /* has been said */
};

struct conf_protoport {
	bool given;
	uint8_t protocol;
	uint16_t port_first;
	uint16_t port_last;
};

struct conf_raw_id {
	bool given;
	struct ike_id id;
};

/* In `left` and `right` the two hosts stand apart from the other options of an end, as their names have no
 * prefix. */
struct conf_raw_end {
	struct conf_raw_id id;
	uint8_t auth; /* enum ike_authby, 0: as authby= says */
	uint16_t ikeport;
	struct conf_subnets subnet;  /* several selectors in one Child SA */
	struct conf_subnets subnets; /* several Child SAs */
	struct conf_protoport protoport;
	struct cv_ip source_ip;
	char updown[CONF_PATH_MAX];
};

enum conf_esn { CONF_ESN_EITHER, CONF_ESN_YES, CONF_ESN_NO };

struct conf_raw_conn {
	struct conf_host host[2]; /* by enum conf_side */
	struct conf_raw_end end[2];
	uint8_t authby; /* enum ike_authby, 0: not given */
	uint8_t autostart;
	uint8_t family;
	uint8_t enable_tcp;
	uint8_t encapsulation;
	uint8_t esn;
	bool narrowing, pfs, nat_keepalive;
	uint16_t tcp_remoteport;
	uint32_t dpddelay_ms, retransmit_interval_ms, retransmit_timeout_ms;
	uint32_t replay_window, mtu, metric;
	const struct conf_entry *ike;
	const struct conf_entry *esp;
};

#endif
