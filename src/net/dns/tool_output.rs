//! What dig, nslookup and getent write about one name, as an [`Answer`].
//!
//! The tools differ in what they can tell: dig has everything, nslookup no time to live, an old busybox and getent only the
//! addresses. What a tool doesn't say isn't made up.

use std::fmt;
use std::net::IpAddr;

use super::{Ask, Family, answer};
use crate::model::dns::Answer;

/// A tool inside the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Dig,
    /// BIND's.
    Nslookup,
    /// Busybox 1.28 and later, which sends its own questions.
    BusyboxNslookup,
    /// Earlier ones, which only ask the C library.
    OldBusyboxNslookup,
    Getent,
}

impl Tool {
    /// By the name that the script gives it.
    pub(super) fn named(name: &str) -> Option<Self> {
        [
            Self::Dig,
            Self::Nslookup,
            Self::BusyboxNslookup,
            Self::OldBusyboxNslookup,
            Self::Getent,
        ]
        .into_iter()
        .find(|tool| tool.script_name() == name)
    }

    fn script_name(self) -> &'static str {
        match self {
            Self::Dig => "dig",
            Self::Nslookup => "nslookup",
            Self::BusyboxNslookup => "busybox-nslookup",
            Self::OldBusyboxNslookup => "old-busybox-nslookup",
            Self::Getent => "getent",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BusyboxNslookup => "nslookup (busybox)",
            Self::OldBusyboxNslookup => "nslookup (an old busybox)",
            Self::Dig | Self::Nslookup | Self::Getent => self.script_name(),
        })
    }
}

/// Reads everything that `tool` wrote about one name, standard error included.
pub(super) fn read(tool: Tool, output: &str, ask: &Ask) -> Answer {
    match tool {
        Tool::Dig => dig(output, ask),
        Tool::Nslookup | Tool::BusyboxNslookup => nslookup(tool, output, ask),
        Tool::OldBusyboxNslookup | Tool::Getent => addresses_only(tool, output, ask),
    }
}

/// `dig +noall +comments +answer`: the header has the response code, the answer lines are `name ttl IN type data`.
fn dig(output: &str, ask: &Ask) -> Answer {
    // The last header: a truncated answer is followed by the one over TCP.
    let status = output
        .lines()
        .filter_map(|line| line.split_once("status: "))
        .filter_map(|(_, rest)| rest.split(',').next())
        .next_back();
    let Some(status) = status else {
        return no_answer(Tool::Dig, output, ask);
    };
    if status != "NOERROR" {
        return from_code(status);
    }
    let mut ttl = u32::MAX;
    let mut found = Vec::new();
    for line in output.lines().filter(|line| !line.starts_with(';')) {
        let mut fields = line.split_whitespace();
        let (Some(_name), Some(life), Some(_class), Some(kind), Some(data)) = (
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ) else {
            continue;
        };
        let address = address(data, ask.family);
        if kind == "CNAME" || address.is_some() {
            ttl = ttl.min(life.parse().unwrap_or(u32::MAX));
        }
        found.extend(address);
    }
    addresses(found, Some(ttl)).unwrap_or(Answer::NoData)
}

/// BIND's and the newer busybox's: the server and a blank line, then pairs of `Name:` and `Address:`, or `** server can't find`.
fn nslookup(tool: Tool, output: &str, ask: &Ask) -> Answer {
    for line in output.lines() {
        if line.starts_with("** server can't find")
            && let Some((_, code)) = line.rsplit_once(": ")
        {
            return from_code(code.trim());
        }
    }
    if let Some(answer) = addresses(after_the_server(output, ask.family), None) {
        return answer;
    }
    // Busybox says nothing at all about a name without such a record.
    let asked = output.lines().any(|line| line.starts_with("Server:"));
    let failed = ["timed out", "no servers could be reached", "refused"]
        .iter()
        .any(|sign| output.contains(sign));
    if asked && !failed {
        return Answer::NoData;
    }
    no_answer(tool, output, ask)
}

/// Tools that write addresses, or nothing that says why not.
fn addresses_only(tool: Tool, output: &str, ask: &Ask) -> Answer {
    let found = match tool {
        Tool::OldBusyboxNslookup => after_the_server(output, ask.family),
        _ => output
            .lines()
            .filter_map(|line| address(line.split_whitespace().next()?, ask.family))
            .collect(),
    };
    addresses(found, None).unwrap_or_else(|| Answer::Unreachable {
        why: format!("{tool} found no address (it can't tell why)"),
    })
}

/// The addresses of an nslookup, without the server's own: `Address: IP`, or `Address 1: IP name` in an old busybox.
fn after_the_server(output: &str, family: Family) -> Vec<IpAddr> {
    output
        .lines()
        .skip_while(|line| !line.starts_with("Server:"))
        .skip_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("Address"))
        .filter_map(|line| address(line.split_once(": ")?.1.split_whitespace().next()?, family))
        .collect()
}

/// Why there is neither an answer nor a response code.
fn no_answer(tool: Tool, output: &str, ask: &Ask) -> Answer {
    let saying = |sign: &str| output.lines().find(|line| line.to_lowercase().contains(sign));
    if let Some(line) = saying("refused").or_else(|| saying("unreachable")) {
        return Answer::Unreachable {
            why: format!("{tool} said: {}", quoted(line)),
        };
    }
    if saying("timed out").is_some() {
        return answer::timed_out(ask.timeout);
    }
    match output.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => Answer::Unreachable {
            why: format!("{tool} said: {}", quoted(line)),
        },
        None => Answer::Unreachable {
            why: format!("{tool} said nothing"),
        },
    }
}

/// A container's line as part of a sentence: short and without control characters.
fn quoted(line: &str) -> String {
    line.trim_matches(|c: char| c == ';' || c.is_whitespace())
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

fn from_code(code: &str) -> Answer {
    match code {
        "NXDOMAIN" => Answer::NxDomain,
        other => Answer::ServerError { code: quoted(other) },
    }
}

fn address(text: &str, family: Family) -> Option<IpAddr> {
    match (text.parse().ok()?, family) {
        (address @ IpAddr::V4(_), Family::V4) => Some(address),
        // getent makes up mapped addresses where there are only IPv4 ones.
        (IpAddr::V6(address), Family::V6) if address.to_ipv4_mapped().is_none() => Some(IpAddr::V6(address)),
        _ => None,
    }
}

fn addresses(mut addresses: Vec<IpAddr>, ttl: Option<u32>) -> Option<Answer> {
    addresses.sort_unstable();
    addresses.dedup();
    (!addresses.is_empty()).then_some(Answer::Addresses { addresses, ttl })
}

#[cfg(test)]
mod tests;
