//! What controllers ask of all pods of an owner or a node at every change, next to each other in memory: of a thousand pods one has
//! changed, and looking into each of the others costs more than all that is done with that one.

use std::collections::BTreeMap;

use super::Glance;

/// A text that the store knows by a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(u32);

impl Word {
    /// The empty text.
    pub const NONE: Word = Word(0);
}

/// The texts that have a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(BTreeMap<Box<str>, Word>);

impl Words {
    /// A text's number; none where nothing kept has that text.
    pub(super) fn of(&self, text: &str) -> Option<Word> {
        if text.is_empty() {
            return Some(Word::NONE);
        }
        self.0.get(text).copied()
    }

    pub(super) fn learn(&mut self, text: &str) -> Word {
        self.of(text).unwrap_or_else(|| {
            let word = Word(u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX));
            self.0.insert(text.into(), word);
            word
        })
    }
}

/// A pod in a few words. What it hasn't is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its name up to the last hyphen.
    pub stem: Word,
    /// The number behind that hyphen; none where something else stands there.
    pub ordinal: Option<i32>,
    /// The node that it is on.
    pub node: Word,
    /// Its revision.
    pub revision: Word,
    /// Whether its condition says that it is Ready.
    pub ready: bool,
    /// Whether it is Running.
    pub runs: bool,
    /// Whether it is Pending.
    pub pending: bool,
    /// Whether it has come to its end, well or not.
    pub ended: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
}

impl Marks {
    pub(super) fn of(seen: &Glance, words: &mut Words) -> Marks {
        let (stem, digits) = seen.name.rsplit_once('-').unwrap_or_default();
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let ordinal = digits.parse().ok().filter(|_| is_number);
        Marks {
            stem: if ordinal.is_some() {
                words.learn(stem)
            } else {
                Word::NONE
            },
            ordinal,
            node: words.learn(&seen.node),
            revision: words.learn(&seen.revision),
            ready: seen.ready,
            runs: seen.runs,
            pending: seen.pending,
            ended: seen.ended,
            leaving: seen.leaving,
        }
    }

    /// Whether it has a node.
    pub fn is_placed(&self) -> bool {
        self.node != Word::NONE
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_text_has_the_same_number_and_only_a_number_at_its_end_is_an_ordinal() {
        let mut words = Words::default();
        let mut marks = |name: &str| {
            let pod = json!({"metadata": {"name": name}, "spec": {"nodeName": "n1"}});
            Marks::of(&Glance::at(&pod), &mut words)
        };
        let (one, two, other) = (marks("db-1"), marks("db-12"), marks("db-x"));
        assert_eq!((one.ordinal, two.ordinal, other.ordinal), (Some(1), Some(12), None));
        assert_eq!((one.stem, one.node), (two.stem, two.node));
        assert_eq!((other.stem, other.revision), (Word::NONE, Word::NONE));
        assert!(one.is_placed());
        assert_eq!((words.of("n1"), words.of("nowhere")), (Some(one.node), None));
        assert_eq!(words.of(""), Some(Word::NONE));
    }
}
