# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# pktgen makes UDP alone. On their way into the router its packets become ICMP errors about
# what the server has sent: port unreachable, and of its datagram the IP header and 8 bytes
# (RFC 792, RFC 4443). Where they are forwarded nobody asks for their checksum.
# shellcheck disable=SC2154 # the topology's, of selftests/lib.sh

# An address as 32-bit words
hex() {
	local words
	if [ "$family" = 4 ]; then
		IFS=. read -ra words <<<"$1"
		printf '%02x%02x%02x%02x' "${words[@]}"
	else # as the topology's are, 2001:db8:2::2
		IFS=: read -ra words <<<"$1"
		printf '%04x%04x %04x0000 00000000 0000%04x' "0x${words[0]}" "0x${words[1]}" \
			"0x${words[2]}" "0x${words[4]}"
	fi
}

# into_errors PORT: about a datagram from the server's PORT to the client's
into_errors() {
	local edits=() protocol offset words word
	if [ "$family" = 4 ]; then
		edits=(munge offset 8 u32 set 0x00010000 retain 0x00ff0000)
		protocol=ip offset=20
		words="03030000 0 45000024 0 40110000 $(hex "$server") $(hex "$client")"
	else
		edits=(munge offset 4 u32 set 0x00003a00 retain 0x0000ff00)
		protocol=ipv6 offset=40
		words="01040000 0 60000000 00101140 $(hex "$server") $(hex "$client")"
	fi
	for word in $words "$(printf '%04x%04x' "$1" "$1")" 00100000; do
		edits+=(munge offset "$offset" u32 set "0x$word")
		offset=$((offset + 4))
	done
	tc -n "$r" qdisc replace dev lan clsact
	tc -n "$r" filter add dev lan ingress protocol $protocol matchall \
		action pedit "${edits[@]}" pipe action csum ip4h || fail "tc"
}
no_errors() { tc -n "$r" qdisc del dev lan clsact; }
