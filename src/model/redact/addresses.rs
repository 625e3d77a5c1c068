//! Pseudonyms of IP addresses: out of the ranges for benchmarks and documentation, equal ones equal, different ones different.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 198.18.0.0/15, for benchmarks (RFC 2544).
const V4: u32 = 0xC612_0000;
const V4_HOSTS: u32 = 1 << 17;
/// 2001:db8::/32, for documentation (RFC 3849).
const V6: u128 = 0x2001_0db8 << 96;

/// The addresses of a recording and what stands for them.
#[derive(Debug, Default)]
pub struct Addresses(BTreeMap<IpAddr, IpAddr>);

impl Addresses {
    /// What stands for an address; before [`Addresses::settle`] it is only remembered. This machine's own stays.
    pub fn pseudonym(&mut self, address: IpAddr) -> IpAddr {
        if address.is_loopback() || address.is_unspecified() {
            return address;
        }
        *self.0.entry(address).or_insert(address)
    }

    /// Gives each address its place, by a number drawn from its text; the next free one where it is taken.
    pub fn settle(&mut self, draw: impl Fn(String) -> u128) {
        let mut drawn: Vec<(u128, IpAddr)> = self
            .0
            .keys()
            .map(|address| (draw(address.to_string()), *address))
            .collect();
        drawn.sort_unstable();
        let mut taken = BTreeMap::new();
        for (number, address) in drawn {
            let mut place = number;
            let mapped = loop {
                let candidate = at(address, place);
                if taken.insert(candidate, ()).is_none() || place.wrapping_sub(number) > u128::from(V4_HOSTS) {
                    break candidate;
                }
                place = place.wrapping_add(1);
            };
            self.0.insert(address, mapped);
        }
    }
}

fn at(like: IpAddr, place: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => {
            let host = u32::try_from(place % u128::from(V4_HOSTS)).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from(V4 | host))
        }
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(V6 | (place & (u128::MAX >> 32)))),
    }
}

/// An IPv4 address at the beginning of a name, and how long it is: `10.0.0.7`, or `ip-10-0-0-7` as EC2 names its machines.
pub fn quad(text: &str) -> Option<(usize, IpAddr)> {
    let (prefix, separator) = if text.starts_with("ip-") { (3, '-') } else { (0, '.') };
    let rest = text.get(prefix..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != separator)
        .unwrap_or(rest.len());
    let numbers = rest[..end].trim_end_matches(separator);
    let follows = rest[numbers.len()..].chars().next();
    if follows.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let address: Ipv4Addr = numbers.replace(separator, ".").parse().ok()?;
    Some((prefix + numbers.len(), IpAddr::V4(address)))
}
