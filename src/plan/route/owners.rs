//! The file of owners: written before maintenance, held against the owners after it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::route::outcome::{Comparison, Moved};
use crate::model::set::Ordinal;

const API_VERSION: &str = "shardctl.dev/v1";
const KIND: &str = "RouteOwners";

/// Whose each key was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owners {
    api_version: String,
    kind: String,
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: String,
    /// What was asked, and by which rules answers were read, in words: runs that ask otherwise can't be compared.
    pub asked: Vec<String>,
    /// The first shard.
    pub first: Ordinal,
    /// How many shards there were.
    pub shards: Ordinal,
    /// Each stable key's shard.
    pub owners: BTreeMap<String, Ordinal>,
}

impl Owners {
    /// The keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.owners.keys().cloned().collect()
    }

    /// The owners of a run.
    pub fn new(
        namespace: &str,
        statefulset: &str,
        asked: Vec<String>,
        shards: &Range<Ordinal>,
        owners: BTreeMap<String, Ordinal>,
    ) -> Owners {
        Owners {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            namespace: namespace.to_owned(),
            statefulset: statefulset.to_owned(),
            asked,
            first: shards.start,
            shards: shards.end - shards.start,
            owners,
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// What serde_json says.
    pub fn text(&self) -> Result<String, String> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Says why it is none of these files, or of another version.
    pub fn read(text: &str) -> Result<Owners, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            api_version: String,
            kind: String,
        }
        let head: Head = serde_json::from_str(text).map_err(|error| format!("no file of owners: {error}"))?;
        if head.kind != KIND {
            return Err(format!("no file of owners: its kind is `{}`, not {KIND}", head.kind));
        }
        if head.api_version != API_VERSION {
            return Err(format!(
                "it is of version `{}`, and this shardctl reads {API_VERSION}",
                head.api_version
            ));
        }
        let owners: Owners =
            serde_json::from_str(text).map_err(|error| format!("a damaged file of owners: {error}"))?;
        let shards = owners.range();
        match owners.owners.iter().find(|(_, owner)| !shards.contains(owner)) {
            Some((key, owner)) => Err(format!(
                "a damaged file of owners: the key `{key}` is shard {owner}'s, which there wasn't"
            )),
            None => Ok(owners),
        }
    }

    /// These owners, of before, beside those of now.
    ///
    /// # Errors
    /// They are another set's, or something else was asked.
    pub fn compare(&self, now: &Owners) -> Result<Comparison, String> {
        let of = |owners: &Owners| format!("{}/{}", owners.namespace, owners.statefulset);
        if of(self) != of(now) {
            return Err(format!("it was saved of {}, and this is {}", of(self), of(now)));
        }
        if self.asked != now.asked {
            let then: Vec<&str> = missing(&self.asked, &now.asked);
            let here: Vec<&str> = missing(&now.asked, &self.asked);
            return Err(format!(
                "something else was asked then ({}) than now ({})",
                then.join("; "),
                here.join("; ")
            ));
        }
        let (before, after) = (self.range(), now.range());
        let mut found = Comparison {
            added: after.clone().filter(|shard| !before.contains(shard)).collect(),
            removed: before.clone().filter(|shard| !after.contains(shard)).collect(),
            ..Comparison::default()
        };
        for (key, from) in &self.owners {
            let Some(to) = now.owners.get(key) else {
                found.missing += 1;
                continue;
            };
            found.compared += 1;
            if from == to {
                continue;
            }
            match !before.contains(to) || !after.contains(from) {
                true => found.moved_as_expected += 1,
                false => found.moved.push(Moved {
                    key: key.clone(),
                    from: *from,
                    to: *to,
                }),
            }
        }
        Ok(found)
    }

    fn range(&self) -> Range<Ordinal> {
        self.first..self.first.saturating_add(self.shards)
    }
}

fn missing<'a>(of: &'a [String], other: &[String]) -> Vec<&'a str> {
    of.iter()
        .filter(|line| !other.contains(line))
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(shards: Ordinal, owners: &[(&str, Ordinal)]) -> Owners {
        let owners = owners.iter().map(|(key, owner)| ((*key).to_owned(), *owner)).collect();
        Owners::new("shop", "db", vec!["GET /?key={key}".to_owned()], &(0..shards), owners)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let written = owners(3, &[("a", 0), ("b\u{1b}", 2)]);
        let text = written.text().unwrap();
        assert!(!text.contains('\u{1b}'));
        assert_eq!(Owners::read(&text), Ok(written));
    }

    #[test]
    fn nothing_moved_with_the_same_owners() {
        let before = owners(3, &[("a", 0), ("b", 2), ("c", 1)]);
        let found = before.compare(&owners(3, &[("a", 0), ("b", 2)])).unwrap();
        assert_eq!((found.compared, found.missing, found.moved_as_expected), (2, 1, 0));
        assert!(found.moved.is_empty());
    }

    #[test]
    fn a_new_shard_may_take_keys_and_lasting_ones_may_not_swap_them() {
        let before = owners(3, &[("a", 0), ("b", 1), ("c", 2)]);
        let found = before.compare(&owners(4, &[("a", 3), ("b", 2), ("c", 2)])).unwrap();
        assert_eq!((found.added.as_slice(), found.moved_as_expected), ([3].as_slice(), 1));
        let moved = Moved {
            key: "b".to_owned(),
            from: 1,
            to: 2,
        };
        assert_eq!(found.moved, [moved]);
        let back = owners(4, &[("a", 3), ("b", 1)]).compare(&owners(3, &[("a", 0), ("b", 1)]));
        let back = back.unwrap();
        assert_eq!((back.removed.as_slice(), back.moved_as_expected), ([3].as_slice(), 1));
    }

    #[test]
    fn another_set_or_another_question_is_refused() {
        let before = owners(3, &[("a", 0)]);
        let other = Owners {
            statefulset: "web".to_owned(),
            ..before.clone()
        };
        assert_eq!(
            before.compare(&other).unwrap_err(),
            "it was saved of shop/db, and this is shop/web"
        );
        let asked = Owners {
            asked: vec!["GET /of/{key}".to_owned()],
            ..before.clone()
        };
        let why = before.compare(&asked).unwrap_err();
        assert!(
            why.contains("GET /?key={key}") && why.contains("GET /of/{key}"),
            "{why}"
        );
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_in_words() {
        let text = owners(3, &[("a", 0)]).text().unwrap();
        let read = |from: &str, to: &str| Owners::read(&text.replace(from, to)).unwrap_err();
        assert!(read("RouteOwners", "Snapshot").contains("its kind is `Snapshot`"));
        assert!(read("shardctl.dev/v1", "shardctl.dev/v2").contains("version `shardctl.dev/v2`"));
        assert!(read("\"a\": 0", "\"a\": 9").contains("shard 9"));
        assert!(Owners::read("{").unwrap_err().starts_with("no file of owners"));
    }
}
