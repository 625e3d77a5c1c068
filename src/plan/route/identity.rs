//! Who an answer is from: headers, JSON pointers and regular expressions, made into the ordinals of a set.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;

use crate::model::route::answer::{Answer, Failed};
use crate::model::route::failure::Failure;
use crate::model::route::identity::{Identity, Rule, Told};
use crate::model::set::Ordinal;

/// The rules of a run, ready to be held against answers.
#[derive(Clone, Debug)]
pub struct Reader {
    served_by: Vec<Ready>,
    owner: Vec<Ready>,
    expect: Vec<u16>,
    set: String,
    ordinals: Range<Ordinal>,
}

#[derive(Clone, Debug)]
enum Ready {
    Header(String),
    Json(String),
    Regex(Regex),
}

/// The longest part of an identity that an error quotes, in characters.
const QUOTED: usize = 60;

impl Reader {
    /// The rules, for a set of that name with these shards. Without any rule, the body is searched for a pod's name.
    ///
    /// # Errors
    /// Says which rule can't be followed, and why.
    pub fn new(identity: &Identity, set: &str, ordinals: Range<Ordinal>) -> Result<Reader, String> {
        let ready = |rules: &[Rule]| rules.iter().map(Ready::of).collect::<Result<Vec<_>, _>>();
        let mut reader = Reader {
            served_by: ready(&identity.served_by)?,
            owner: ready(&identity.owner)?,
            expect: Vec::new(),
            set: set.to_owned(),
            ordinals,
        };
        if reader.served_by.is_empty() && reader.owner.is_empty() {
            reader.served_by.push(Ready::Regex(pod_name(set)?));
        }
        Ok(reader)
    }

    /// The same, for answers with one of these statuses; without any, of any from 200 to 299.
    #[must_use]
    pub fn expecting(mut self, expect: Vec<u16>) -> Reader {
        self.expect = expect;
        self
    }

    /// What came of one request: who and whose, or the class of what is wrong with it.
    ///
    /// # Errors
    /// The request failed, its answer's status isn't expected, or it names nobody that there is.
    pub fn told(&self, result: &Result<Answer, Failed>) -> Result<Told, Failed> {
        let answer = result.as_ref().map_err(Failed::clone)?;
        self.expected(answer.status)?;
        self.read(answer)
    }

    fn expected(&self, status: u16) -> Result<(), Failed> {
        let fine = match self.expect.is_empty() {
            true => (200..300).contains(&status),
            false => self.expect.contains(&status),
        };
        let class = match status {
            500.. => Failure::Http5xx,
            _ => Failure::Http4xx,
        };
        match fine {
            true => Ok(()),
            false => Err(Failed::new(class, format!("the answer's status was {status}"))),
        }
    }

    /// The headers that the rules read, in lower case, each once.
    pub fn keep(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .served_by
            .iter()
            .chain(&self.owner)
            .filter_map(|rule| match rule {
                Ready::Header(name) => Some(name.clone()),
                Ready::Json(_) | Ready::Regex(_) => None,
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether answers tell whose key it is apart from who served it.
    pub fn tells_owner(&self) -> bool {
        !self.owner.is_empty()
    }

    /// What an answer tells. Where answers name only one shard, that is the owner.
    ///
    /// # Errors
    /// The answer names nobody, or somebody who is no shard of the set.
    pub fn read(&self, answer: &Answer) -> Result<Told, Failed> {
        let served_by = self.by(&self.served_by, answer)?;
        if self.owner.is_empty() {
            let owner = served_by.ok_or_else(|| nobody("the answer doesn't say who served it"))?;
            return Ok(Told {
                served_by: None,
                owner: Some(owner),
            });
        }
        match (self.by(&self.owner, answer)?, served_by) {
            (Some(owner), served_by) => Ok(Told {
                served_by,
                owner: Some(owner),
            }),
            (None, Some(server)) => Err(nobody(format!(
                "the answer says that {}-{server} served it, not whose key it is",
                self.set
            ))),
            (None, None) => Err(nobody("the answer says neither who served it nor whose key it is")),
        }
    }

    /// Whom the first rule that finds something names.
    fn by(&self, rules: &[Ready], answer: &Answer) -> Result<Option<Ordinal>, Failed> {
        match rules.iter().find_map(|rule| rule.find(answer)) {
            None => Ok(None),
            Some(found) => self.ordinal(&found).map(Some),
        }
    }

    /// The ordinal that a word means: `db-3`, `db-3.db.shop.svc`, `db-3:8080` or `3`.
    fn ordinal(&self, found: &str) -> Result<Ordinal, Failed> {
        let host = found.split(['.', ':']).next().unwrap_or(found);
        let number = host
            .strip_prefix(&self.set)
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or(found);
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse::<Ordinal>() {
            Ok(ordinal) if digits && self.ordinals.contains(&ordinal) => Ok(ordinal),
            _ => Err(Failed::new(
                Failure::UnknownIdentity,
                format!("the answer names `{}`, no shard of {}", shortened(found), self.set),
            )),
        }
    }
}

impl Ready {
    fn of(rule: &Rule) -> Result<Ready, String> {
        match rule {
            Rule::Header(name) if name.is_empty() => Err("a header without a name".to_owned()),
            Rule::Header(name) => Ok(Ready::Header(name.to_ascii_lowercase())),
            Rule::Json(pointer) if pointer.is_empty() || pointer.starts_with('/') => Ok(Ready::Json(pointer.clone())),
            Rule::Json(pointer) => Err(format!(
                "`{pointer}` is no JSON pointer: one begins with /, as in /shard/name"
            )),
            Rule::Regex(pattern) => Regex::new(pattern).map(Ready::Regex).map_err(|error| {
                format!(
                    "`{pattern}` is no regular expression: {}",
                    last_line(&error.to_string())
                )
            }),
        }
    }

    /// What the rule finds, without the space around it; nothing where that is empty.
    fn find(&self, answer: &Answer) -> Option<String> {
        let found = match self {
            Ready::Header(name) => answer.headers.iter().find(|(other, _)| other == name)?.1.clone(),
            Ready::Json(pointer) => {
                let body: Value = serde_json::from_slice(&answer.body).ok()?;
                match body.pointer(pointer)? {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return None,
                }
            }
            Ready::Regex(pattern) => {
                let body = String::from_utf8_lossy(&answer.body);
                let found = pattern.captures(&body)?;
                found.get(1).or_else(|| found.get(0))?.as_str().to_owned()
            }
        };
        let found = found.trim();
        (!found.is_empty()).then(|| found.to_owned())
    }
}

/// A pod's name of the set by itself: `db-3` isn't in `my-db-3`, nor in `db-3-x`.
fn pod_name(set: &str) -> Result<Regex, String> {
    let name = regex::escape(set);
    Regex::new(&format!(r"(?:^|[^A-Za-z0-9-]){name}-(\d+)(?:[^A-Za-z0-9-]|$)")).map_err(|error| error.to_string())
}

fn nobody(words: impl Into<String>) -> Failed {
    Failed::new(Failure::NoIdentity, words)
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What a regular expression's error says at its end; before it is a drawing.
fn last_line(text: &str) -> &str {
    let line = text.lines().last().unwrap_or(text);
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
        Answer {
            status: 200,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn reader(served_by: &[Rule], owner: &[Rule]) -> Reader {
        let identity = Identity {
            served_by: served_by.to_vec(),
            owner: owner.to_vec(),
        };
        Reader::new(&identity, "db", 0..11).unwrap()
    }

    fn owner(of: Result<Told, Failed>) -> Option<Ordinal> {
        let told = of.unwrap();
        assert_eq!(told.served_by, None);
        told.owner
    }

    #[test]
    fn without_rules_a_pods_name_in_the_body_tells() {
        let reader = reader(&[], &[]);
        assert_eq!(owner(reader.read(&answer(&[], "db-10"))), Some(10));
        assert_eq!(owner(reader.read(&answer(&[], "{\"pod\":\"db-3.db.shop\"}"))), Some(3));
        for other in ["my-db-3", "db-3-x", "dbx-3", ""] {
            let failed = reader.read(&answer(&[], other)).unwrap_err();
            assert_eq!(failed.class, Failure::NoIdentity, "{other}");
        }
        assert_eq!(
            reader.read(&answer(&[], "db-11")).unwrap_err().class,
            Failure::UnknownIdentity
        );
    }

    #[test]
    fn the_first_rule_that_finds_something_counts() {
        let rules = [
            Rule::Header("X-Shard".to_owned()),
            Rule::Json("/shard/id".to_owned()),
            Rule::Regex("shard=([0-9]+)".to_owned()),
        ];
        let reader = reader(&rules, &[]);
        assert_eq!(reader.keep(), ["x-shard"]);
        let json = "{\"shard\":{\"id\":4}}";
        assert_eq!(owner(reader.read(&answer(&[("x-shard", " db-2 ")], json))), Some(2));
        assert_eq!(owner(reader.read(&answer(&[("x-shard", " ")], json))), Some(4));
        assert_eq!(owner(reader.read(&answer(&[], "shard=7"))), Some(7));
        // A rule that finds a stranger isn't passed over for one that finds a shard.
        let failed = reader.read(&answer(&[("x-shard", "web-2")], json)).unwrap_err();
        assert_eq!(failed.class, Failure::UnknownIdentity);
        assert_eq!(failed.words, "the answer names `web-2`, no shard of db");
    }

    #[test]
    fn who_served_and_whose_key_it_is_are_kept_apart() {
        let reader = reader(
            &[Rule::Header("served-by".to_owned())],
            &[Rule::Header("Owner".to_owned())],
        );
        assert_eq!(reader.keep(), ["owner", "served-by"]);
        let both = reader.read(&answer(&[("served-by", "db-1"), ("owner", "db-2:8080")], ""));
        assert_eq!(
            both.unwrap(),
            Told {
                served_by: Some(1),
                owner: Some(2)
            }
        );
        assert_eq!(owner(reader.read(&answer(&[("owner", "2")], ""))), Some(2));
        let failed = reader.read(&answer(&[("served-by", "db-1")], "")).unwrap_err();
        assert_eq!(failed.class, Failure::NoIdentity);
        assert!(failed.words.contains("db-1"), "{}", failed.words);
    }

    #[test]
    fn a_rule_that_cant_be_followed_is_said_beforehand() {
        let refused = |rule: Rule| {
            let identity = Identity {
                served_by: vec![rule],
                owner: Vec::new(),
            };
            Reader::new(&identity, "db", 0..3).unwrap_err()
        };
        assert!(refused(Rule::Json("shard".to_owned())).contains("begins with /"));
        assert!(refused(Rule::Regex("db-(".to_owned())).contains("unclosed group"));
        assert!(refused(Rule::Header(String::new())).contains("without a name"));
    }

    #[test]
    fn a_long_identity_is_quoted_in_part() {
        let failed = reader(&[Rule::Header("x".to_owned())], &[]).read(&answer(&[("x", &"ü".repeat(500))], ""));
        assert!(failed.unwrap_err().words.chars().count() < 120);
    }
}
