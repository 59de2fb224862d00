#include "wire/numbers.h"

#include <stddef.h>

/* For a person who reads the log of the side that received the notify. */
const char *wire_notify_explain(uint16_t type)
{
	switch (type) {
	case WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD:
		return "the peer does not know a part of our message that we marked as indispensable; "
		       "its software may be too old for an option that is switched on here";
	case WIRE_N_INVALID_IKE_SPI:
		return "the peer does not know this IKE SA; it was probably restarted, or deleted the SA on "
		       "its side; "
		       "bring the connection up again";
	case WIRE_N_INVALID_MAJOR_VERSION:
		return "the peer does not speak IKE version 2; check that IKEv2 is switched on there";
	case WIRE_N_INVALID_SYNTAX:
		return "the peer could not make sense of our message; this is a fault in one of the two "
		       "programs, or a "
		       "wrong key; compare the secrets, and look into the peer's log for what it did not "
		       "like";
	case WIRE_N_INVALID_MESSAGE_ID:
		return "the peer got a message whose number it did not expect; one side may have been "
		       "restored from a "
		       "snapshot; bring the connection down and up again";
	case WIRE_N_INVALID_SPI:
		return "the peer got an ESP packet for a tunnel that it does not know; it was probably "
		       "restarted; bring "
		       "the connection up again if traffic does not recover";
	case WIRE_N_NO_PROPOSAL_CHOSEN:
		return "the peer accepts none of the algorithms we offered; compare ike= and esp= with its "
		       "configuration, and check that it has a connection for our address at all";
	case WIRE_N_INVALID_KE_PAYLOAD:
		return "the peer wants another key exchange method than the one we tried first; allow the "
		       "one it names "
		       "in ike= or esp=";
	case WIRE_N_AUTHENTICATION_FAILED:
		return "the peer rejected who we say we are, or our proof of it; compare the secret, leftid= "
		       "and "
		       "rightid= on both sides; the peer's log says more, the protocol does not";
	case WIRE_N_SINGLE_PAIR_REQUIRED:
		return "the peer wants a tunnel of its own for every pair of addresses; give a single "
		       "address in "
		       "leftsubnet= and rightsubnet=";
	case WIRE_N_NO_ADDITIONAL_SAS:
		return "the peer allows no further tunnel within this connection; use a connection of its "
		       "own for each "
		       "pair of subnets, or raise the limit on the peer";
	case WIRE_N_INTERNAL_ADDRESS_FAILURE:
		return "the peer has no internal address to give us; check its address pool";
	case WIRE_N_FAILED_CP_REQUIRED:
		return "the peer insists that we ask it for an internal address; it is set up for "
		       "remote-access "
		       "clients, not for a tunnel between subnets";
	case WIRE_N_TS_UNACCEPTABLE:
		return "the peer does not allow traffic between these subnets; compare leftsubnet=, "
		       "rightsubnet= and "
		       "leftprotoport=, rightprotoport= with its configuration, where left and right are "
		       "swapped";
	case WIRE_N_INVALID_SELECTORS:
		return "the peer got a packet through the tunnel that does not belong in it; compare the "
		       "subnets on "
		       "both sides";
	case WIRE_N_UNACCEPTABLE_ADDRESSES:
		return "the peer does not accept the address we moved to; check its address restrictions";
	case WIRE_N_UNEXPECTED_NAT_DETECTED:
		return "the peer found that addresses are translated on the way and its policy forbids that; "
		       "check for "
		       "NAT between the two sides";
	case WIRE_N_USE_ASSIGNED_HOA:
		return "the peer demands that we use the Mobile IPv6 home address which it assigned; such "
		       "set-ups need "
		       "a Mobile IPv6 client";
	case WIRE_N_TEMPORARY_FAILURE:
		return "the peer is busy with another change of the same connection; it will be tried again";
	case WIRE_N_CHILD_SA_NOT_FOUND:
		return "the peer does not have the tunnel that was to be replaced; a new one is needed";
	case WIRE_N_STATE_NOT_FOUND:
		return "the peer forgot the key exchange that was under way; it has to be started anew";
	default: return NULL;
	}
}
