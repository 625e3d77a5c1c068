//! Pseudonyms: part by part, so that what is built from names (`data-db-3`, `db-3.db-headless.shop.svc.cluster.local`) is
//! built in the same way from pseudonyms, and every join still joins.
//!
//! A part becomes a word that follows from it and from a key. The key is the uid of the namespace, which isn't in the
//! redacted file: two files of one namespace agree, and without the uid no guess at a name can be tried out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::addresses::{self, Addresses};
use super::words::{has_public_values, is_bare_key, is_measure, is_public_domain, is_public_part};
use crate::model::report::Phase;

/// The most digits that a number may have and stay in a name: an ordinal, a zone; longer ones are account numbers and ids.
const SHORT_NUMBER: usize = 4;

/// What is known of a recording's names. Filled by a first pass over everything, used by the second.
#[derive(Debug, Default)]
pub struct Names {
    key: String,
    found: BTreeSet<String>,
    public: BTreeSet<String>,
    addresses: Addresses,
}

impl Names {
    /// Nothing known yet; `key` makes the pseudonyms those of one namespace.
    pub fn keyed(key: String) -> Names {
        Names {
            key,
            ..Names::default()
        }
    }

    /// Fixes the pseudonyms of the addresses: between the two passes.
    pub fn settle(&mut self) {
        let key = &self.key;
        self.addresses.settle(|address| digest(key, "address", &address));
    }

    /// Whether this is one of the names that were found.
    pub fn is_name(&self, word: &str) -> bool {
        self.found.contains(word)
    }

    /// Whether this is a word that stays: a zone, a size.
    pub fn is_public(&self, word: &str) -> bool {
        self.public.contains(word)
    }

    /// The pseudonym of a name, which is remembered as one.
    pub fn name(&mut self, name: &str) -> String {
        if name.len() > 1 && !is_measure(name) {
            self.found.insert(name.to_owned());
        }
        self.pseudonym(name)
    }

    /// The pseudonym of a name.
    pub fn pseudonym(&mut self, name: &str) -> String {
        let mut out = String::with_capacity(name.len() * 2);
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            let (length, replaced) = if let Some(id) = uuid(rest) {
                (id.len(), self.uuid(id))
            } else if let Some((length, address)) = addresses::quad(rest).filter(|_| !ends_in_part(&out)) {
                let separator = if rest.as_bytes().get(..length).is_some_and(|quad| quad.contains(&b'-')) {
                    "-"
                } else {
                    "."
                };
                let mapped = self.address(address).to_string();
                let prefix = if separator == "-" { "ip-" } else { "" };
                (length, format!("{prefix}{}", mapped.replace('.', separator)))
            } else if first.is_alphanumeric() {
                let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                (length, self.part(&rest[..length]))
            } else {
                (first.len_utf8(), first.to_string())
            };
            out.push_str(&replaced);
            rest = &rest[length..];
        }
        out
    }

    fn part(&self, part: &str) -> String {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        if (number && part.len() <= SHORT_NUMBER) || is_public_part(part) {
            return part.to_owned();
        }
        let mut word = pronounceable(digest(&self.key, "part", part));
        // The phase is inferred from pools that call themselves so.
        let phases = [Phase::Stable, Phase::Explore];
        if let Some(phase) = phases.into_iter().find(|phase| phase.is_named_in(part)) {
            word.push('-');
            word.push_str(phase.word());
        }
        word
    }

    fn uuid(&self, id: &str) -> String {
        let bits = format!("{:032x}", digest(&self.key, "uid", id));
        [&bits[..8], &bits[8..12], &bits[12..16], &bits[16..20], &bits[20..32]].join("-")
    }

    /// The address that stands for this one.
    pub fn address(&mut self, address: IpAddr) -> IpAddr {
        self.addresses.pseudonym(address)
    }

    /// The key of a label, a taint, a resource or an annotation; of a driver, too. Public ones stay.
    pub fn key(&mut self, key: &str) -> String {
        match key.split_once('/') {
            Some(("node-role.kubernetes.io", role)) => format!("node-role.kubernetes.io/{}", self.name(role)),
            Some((domain, _)) if is_public_domain(domain) => key.to_owned(),
            None if is_public_domain(key) || is_bare_key(key) => key.to_owned(),
            _ => self.name(key),
        }
    }

    /// The value of a label or a taint with this key. By the last of the constants the name servers are found.
    pub fn label(&mut self, key: &str, value: &str) -> String {
        let number = value.len() <= 8 && value.bytes().all(|byte| byte.is_ascii_digit());
        if has_public_values(key) || number || matches!(value, "true" | "false" | "kube-dns") {
            self.public.insert(value.to_owned());
            return value.to_owned();
        }
        self.name(value)
    }

    /// An image: the repository becomes a pseudonym, tag and digest stay.
    pub fn image(&mut self, image: &str) -> String {
        let (before, digest) = match image.split_once('@') {
            Some((before, digest)) => (before, Some(digest)),
            None => (image, None),
        };
        let last = before.rfind('/').map_or(0, |slash| slash + 1);
        let colon = before[last..].find(':').map(|colon| last + colon);
        let (repository, tag) = before.split_at(colon.unwrap_or(before.len()));
        let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        if repository.is_empty() || repository == "sha256" {
            return image.to_owned();
        }
        format!("{}{tag}{digest}", self.name(repository))
    }
}

fn ends_in_part(out: &str) -> bool {
    out.ends_with(char::is_alphanumeric)
}

fn digest(key: &str, purpose: &str, text: &str) -> u128 {
    let mut hash = Sha256::new();
    for word in [key, purpose, text] {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// A word of ten letters that can be said aloud: one in ten billion.
fn pronounceable(mut bits: u128) -> String {
    const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let mut pick = |letters: &[u8]| {
        let length = letters.len() as u128;
        let letter = usize::try_from(bits % length).ok().and_then(|at| letters.get(at));
        bits /= length;
        letter.map_or('x', |letter| char::from(*letter))
    };
    let mut word = String::new();
    for _ in 0..5 {
        word.push(pick(CONSONANTS));
        word.push(pick(VOWELS));
    }
    word
}

/// A uuid at the beginning of a text.
fn uuid(text: &str) -> Option<&str> {
    let id = text.get(..36)?;
    let shaped = id.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = !text[36..].starts_with(char::is_alphanumeric);
    (shaped && ends).then_some(id)
}
