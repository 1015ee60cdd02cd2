//! What a host is to somebody who looks for a registry: one table of addresses and one list of names, for
//! both who may name one.
//!
//! An operator who writes a reference may mean a machine beside them. What a registry names (a
//! redirect, a token service) leads outside, or back to where the registry itself is.
//! Source: the IANA special-purpose address registries (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// The internet.
    Public,
    /// The networks that an organisation, a carrier, a laboratory or a book has for itself.
    Private,
    /// This machine.
    Loopback,
    /// Nowhere that a registry is: clouds answer there with a machine's credentials, or nobody does.
    Never,
}

use Zone::{Loopback, Never, Private, Public};

/// Names under which clouds hand out the credentials of the machine that asks, wherever they lead.
const METADATA_NAMES: [&str; 5] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.com",
    "metadata.azure.internal",
    "instance-data.ec2.internal",
];

/// The name that every machine has for itself.
pub const LOCALHOST: &str = "localhost";

/// The address of the same service. Written out for names that only spell it (`169.254.169.254.nip.io`).
const METADATA_ADDRESS: &str = "169.254.169.254";

/// First address, length of the prefix, and what lies behind it. The first row that matches counts.
const IPV4: [([u8; 4], u32, Zone); 21] = [
    ([0, 0, 0, 0], 8, Never),          // "this network"; Linux reads it as this machine
    ([100, 100, 100, 200], 32, Never), // Alibaba's metadata service
    ([168, 63, 129, 16], 32, Never),   // Azure's
    ([192, 0, 0, 192], 32, Never),     // Oracle's
    ([169, 254, 0, 0], 16, Never),     // link-local: everybody else's
    ([224, 0, 0, 0], 4, Never),        // multicast
    ([240, 0, 0, 0], 4, Never),        // reserved, and the broadcast address
    ([127, 0, 0, 0], 8, Loopback),
    ([10, 0, 0, 0], 8, Private),
    ([172, 16, 0, 0], 12, Private),
    ([192, 168, 0, 0], 16, Private),
    ([100, 64, 0, 0], 10, Private),   // shared address space: inside a carrier or a cloud
    ([198, 18, 0, 0], 15, Private),   // benchmarks
    ([192, 0, 0, 0], 24, Private),    // protocol assignments
    ([192, 0, 2, 0], 24, Private),    // documentation
    ([198, 51, 100, 0], 24, Private), // documentation
    ([203, 0, 113, 0], 24, Private),  // documentation
    ([192, 88, 99, 0], 24, Private),  // relays of 6to4, withdrawn
    ([192, 31, 196, 0], 24, Private), // AS112
    ([192, 52, 193, 0], 24, Private), // AMT
    ([192, 175, 48, 0], 24, Private), // AS112
];

/// See [`IPV4`].
const IPV6: [([u16; 8], u32, Zone); 20] = [
    ([0; 8], 128, Never), // unspecified; Linux reads it as this machine
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Loopback),
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, Never), // Amazon's metadata service, and its credentials of pods
    ([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, Never), // Oracle's metadata service
    ([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, Never), // Scaleway's
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, Never), // Google's
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Never),     // link-local
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Never),      // multicast
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Private),    // unique local
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Private),   // site-local, withdrawn
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Private), // translation inside a network
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 32, Private),    // discard, dummies
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Private),   // benchmarks
    ([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, Private),   // AMT
    ([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, Private), // AS112
    ([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, Private), // identifiers of hosts, withdrawn
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Private), // documentation
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, Private), // AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Private),   // documentation
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Private),   // segments of routes
];

/// The metadata service that a text mentions, anywhere in it. For what a person wrote: the reference host
/// looks for it in the same way, so that no suffix or prefix hides it.
pub fn mentioned_metadata_service(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    [METADATA_ADDRESS].into_iter().chain(METADATA_NAMES).find(|name| text.contains(name))
}

/// Whether the host is a metadata service by its name, or a name below it. For what a registry names: a
/// host of somebody else may well hold the letters of one.
pub fn is_metadata_service(host: &str) -> bool {
    METADATA_NAMES.iter().any(|name| is_or_is_below(host, name))
}

/// Whether the host is this machine by itself, without a resolver: `localhost` as it is written, or an
/// address of the loopback network. Only there is plain HTTP read by nobody else.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == LOCALHOST || host.parse().is_ok_and(|address| zone(address) == Loopback)
}

/// Whether who was reached at the address `local` is named by `host` so that nobody else can be meant: this machine by
/// itself, or that address. No resolver is asked.
pub fn names_itself(host: &str, local: IpAddr) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    is_this_machine(host) || address.is_ok_and(|address| address.to_canonical() == local.to_canonical())
}

/// Whether the name leads to this machine whatever a resolver makes of it (RFC 6761, 6.3).
pub fn is_local_name(host: &str) -> bool {
    is_or_is_below(host, LOCALHOST)
}

/// A dot at the end of a name changes nothing, and neither do capitals.
fn is_or_is_below(host: &str, name: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(name).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// Where the address leads. An IPv6 address that carries an IPv4 address leads where that one does,
/// when there is such a way for it at all.
pub fn zone(address: IpAddr) -> Zone {
    match address.to_canonical() {
        IpAddr::V4(v4) => zone_of_v4(v4),
        IpAddr::V6(v6) => zone_of_v6(v6),
    }
}

fn zone_of_v4(address: Ipv4Addr) -> Zone {
    let matches = |(first, length, _): &&([u8; 4], u32, Zone)| {
        (address.to_bits() ^ Ipv4Addr::from(*first).to_bits()).leading_zeros() >= *length
    };
    IPV4.iter().find(matches).map_or(Public, |(_, _, zone)| *zone)
}

fn zone_of_v6(address: Ipv6Addr) -> Zone {
    let matches = |(first, length, _): &&([u16; 8], u32, Zone)| {
        (address.to_bits() ^ Ipv6Addr::from(*first).to_bits()).leading_zeros() >= *length
    };
    if let Some((_, _, zone)) = IPV6.iter().find(matches) {
        return *zone;
    }
    // The transitions are for public addresses only (RFC 6052, 3.1; RFC 3056, 2): what carries
    // another one is a way around this table.
    if carried(address).into_iter().flatten().any(|v4| zone_of_v4(v4) != Public) { Never } else { Public }
}

/// The IPv4 addresses inside an IPv6 address that is made of some.
fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let parts = address.segments();
    let at = |index: usize| {
        let [a, b] = parts[index].to_be_bytes();
        let [c, d] = parts[index + 1].to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Compatible, translated (RFC 2765) and NAT64.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => [at(6), None],
        // 6to4.
        [0x2002, ..] => [at(1), None],
        // Teredo: the server's, and the client's with all bits turned.
        [0x2001, 0, ..] => [at(2), at(6).map(|v4| Ipv4Addr::from_bits(!v4.to_bits()))],
        // ISATAP.
        [.., 0 | 0x200, 0x5efe, _, _] => [at(6), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone_of(text: &str) -> Zone {
        zone(text.parse().expect(text))
    }

    #[test]
    fn every_block_ends_where_it_ends() {
        for (below, first, last, above, expected) in [
            ("255.255.255.255", "0.0.0.0", "0.255.255.255", "1.0.0.0", Never),
            ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", Private),
            ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0", Private),
            ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0", Loopback),
            ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0", Never),
            ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", Private),
            ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0", Private),
            ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0", Private),
            ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0", Private),
            ("223.255.255.255", "224.0.0.0", "239.255.255.255", "1.1.1.1", Never),
            ("223.255.255.255", "240.0.0.0", "255.255.255.255", "1.1.1.1", Never),
            ("fbff:ffff::", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::", Private),
            ("fe7f::", "fe80::", "febf:ffff::", "2600::", Never),
            ("2600::", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2600::", Never),
            ("2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::", Private),
            ("2001:1:ffff::", "2001:2::", "2001:2:0:ffff::", "2001:2:1::", Private),
            ("2001:1:ffff::", "2001:3::", "2001:3:ffff::", "2001:4::", Private),
            ("2001:4:111:ffff::", "2001:4:112::", "2001:4:112:ffff::", "2001:4:113::", Private),
            ("2001:f:ffff::", "2001:10::", "2001:1f:ffff::", "2001:20::", Private),
            ("2620:4f:7fff:ffff::", "2620:4f:8000::", "2620:4f:8000:ffff::", "2620:4f:8001::", Private),
            ("5eff:ffff::", "5f00::", "5f00:ffff:ffff::", "5f01::", Private),
            ("fd00:ec1:ffff::", "fd00:ec2::", "fd00:ec2:ffff:ffff::", "fd00:ec3::", Never),
        ] {
            assert_eq!((zone_of(first), zone_of(last)), (expected, expected), "{first} to {last}");
            assert_ne!(zone_of(above), expected, "{above}");
            assert!(below == "255.255.255.255" || zone_of(below) != expected, "{below}");
        }
    }

    #[test]
    fn metadata_services_and_nowhere_are_never_a_registry() {
        for text in [
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd00:c1::a9fe:a9fe",
            "fd00:42::42",
            "fd20:ce::254",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "fe80::1",
        ] {
            assert_eq!(zone_of(text), Never, "{text}");
        }
    }

    #[test]
    fn names_are_metadata_services_or_this_machine_by_themselves_and_below() {
        for host in ["metadata.goog", "METADATA.google.internal.", "x.instance-data.ec2.internal"] {
            assert!(is_metadata_service(host), "{host}");
        }
        for host in ["metadata.google", "xmetadata.goog", "metadata.google-analytics.com", "metadata.goog.example"] {
            assert!(!is_metadata_service(host), "{host}");
        }
        for text in ["metadata.goog.example/x", "169.254.169.254.nip.io/x", "x/Metadata.Azure.com"] {
            assert!(mentioned_metadata_service(text).is_some(), "{text}");
        }
        assert_eq!(mentioned_metadata_service("ghcr.io/o/metadata"), None);
        for (host, is_here, is_local) in [
            ("localhost", true, true),
            ("localhost.", false, true),
            ("x.LocalHost", false, true),
            ("xlocalhost", false, false),
            ("localhost.example", false, false),
            ("127.0.0.1", true, false),
            ("[::1]", true, false),
            ("[::ffff:127.0.0.1]", true, false),
            ("0.0.0.0", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_this_machine(host), is_local_name(host)), (is_here, is_local), "{host}");
        }
    }

    #[test]
    fn an_address_inside_another_is_judged_too() {
        for (text, expected) in [
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.0.0.1", Private),
            ("::ffff:169.254.169.254", Never),
            ("::127.0.0.1", Never),
            ("::ffff:0:127.0.0.1", Never),
            ("64:ff9b::127.0.0.1", Never),
            ("64:ff9b::169.254.169.254", Never),
            ("64:ff9b::10.0.0.1", Never),
            ("64:ff9b:1::10.0.0.1", Private),
            ("2002:7f00:1::1", Never),
            ("2002:a9fe:a9fe::", Never),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", Never), // Teredo; the client is 127.0.0.1
            ("2001:0:7f00:1:8000:63bf:f7f7:f7f7", Never),    // Teredo; the server is
            ("fe80::5efe:10.0.0.1", Never),
            ("2600::5efe:10.0.0.1", Never),
            ("2600::200:5efe:7f00:1", Never),
            ("64:ff9b::8.8.8.8", Public),
            ("2002:808:808::1", Public),
            ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", Public),
            ("2606:4700::1111", Public),
            ("8.8.8.8", Public),
        ] {
            assert_eq!(zone_of(text), expected, "{text}");
        }
    }
}
