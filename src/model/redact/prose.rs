//! Sentences that Kubernetes wrote: their words stay, the names in them become the pseudonyms that they have everywhere else.
//!
//! What is a name is judged by where it stands as well: in quotes, after a slash, beside an @. In doubt it is one.

use std::net::IpAddr;

use super::names::Names;
use super::words::{is_camel, is_measure, is_of_sentences, is_public_domain};

/// What stands for a text that can't be told apart into names and words.
pub const REDACTED: &str = "redacted";

/// A sentence with its names replaced.
pub fn sentence(names: &mut Names, text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut before = Before::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some((length, address)) = address_v6(rest).filter(|_| !before.in_word) {
            out.push_str(&names.address(address).to_string());
            before.word("");
            length
        } else if is_of_word(first) {
            let run = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            let word = rest[..run].trim_end_matches(['.', '-', '_']);
            let length = word.len().max(first.len_utf8());
            let word = &rest[..length];
            let after = &rest[length..];
            if after.starts_with("://") {
                let end = after
                    .find(|c: char| c.is_whitespace() || "\"'`,;)>".contains(c))
                    .unwrap_or(after.len());
                out.push_str("https://redacted.invalid");
                before.word("");
                length + end
            } else {
                out.push_str(&replaced(names, word, &before, after));
                before.word(word);
                length
            }
        } else {
            before.punctuation(first, rest);
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// What stands before a word.
#[derive(Default)]
struct Before {
    /// The last character.
    last: Option<char>,
    /// The last word.
    word: String,
    /// The quotation mark that the quotation without blanks that we are in ends with.
    quote: Option<char>,
    in_word: bool,
}

impl Before {
    fn word(&mut self, word: &str) {
        self.last = word.chars().last().or(Some('x'));
        word.clone_into(&mut self.word);
        self.in_word = true;
    }

    fn punctuation(&mut self, mark: char, rest: &str) {
        self.in_word = false;
        if self.quote == Some(mark) {
            self.quote = None;
        } else if self.quote.is_none() && "\"`'“".contains(mark) && !self.last.is_some_and(char::is_alphanumeric) {
            let end = if mark == '“' { '”' } else { mark };
            let inside = rest[mark.len_utf8()..].split(end).next().unwrap_or_default();
            if !inside.contains(char::is_whitespace) {
                self.quote = Some(end);
            }
        }
        self.last = Some(mark);
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn replaced(names: &mut Names, word: &str, before: &Before, after: &str) -> String {
    if let Ok(address) = word.parse::<IpAddr>() {
        return names.address(address).to_string();
    }
    let user = before.word.eq_ignore_ascii_case("user") || after.starts_with('@') && before.word != "sha256";
    let known = is_of_sentences(word);
    let digest = before.last == Some(':') && before.word == "sha256";
    let of_public_key = before.last == Some('/') && before.word.contains('.') && is_public_domain(&before.word);
    if digest || of_public_key || names.is_public(word) || is_measure(word) || is_public_domain(word) {
        return word.to_owned();
    }
    if names.is_name(word) && !known {
        return names.pseudonym(word);
    }
    if user && !known {
        return names.pseudonym(word);
    }
    let compound = word.contains(['-', '_', '.']);
    let in_place_of_a_name = before.quote.is_some() || matches!(before.last, Some('/' | '@'));
    let drawn_by_lot = word.len() >= 8
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    let suspicious = compound || in_place_of_a_name || drawn_by_lot;
    let innocent = is_camel(word) && !drawn_by_lot || word.split(['-', '_', '.']).all(is_of_sentences_or_short);
    if suspicious && !innocent {
        names.pseudonym(word)
    } else {
        word.to_owned()
    }
}

fn is_of_sentences_or_short(part: &str) -> bool {
    is_of_sentences(part) || part.len() <= 1
}

/// An IPv6 address at the beginning of a text, and how long it is.
fn address_v6(text: &str) -> Option<(usize, IpAddr)> {
    let end = text
        .find(|c: char| !c.is_ascii_hexdigit() && c != ':')
        .unwrap_or(text.len());
    let mut run = text.get(..end)?;
    if run.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    if run.ends_with(':') && !run.ends_with("::") {
        run = run.trim_end_matches(':');
    }
    run.parse().ok().map(|address| (run.len(), address))
}
