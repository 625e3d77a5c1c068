//! What was seen of each key from each entry, and what that makes of the key. As large as keys times entries, however many requests.

use std::collections::{BTreeMap, BTreeSet};

use super::column::Column;
use super::identity::Reader;
use crate::model::route::answer::{Failed, Seen};
use crate::model::route::entry::Entry;
use crate::model::route::failure::Failure;
use crate::model::route::identity::Told;
use crate::model::route::outcome::{EntryOutcome, Identities, KeyRow, KeyVerdict};
use crate::model::set::Ordinal;

/// What was seen so far.
#[derive(Clone, Debug)]
pub struct Matrix {
    reader: Reader,
    identities: Identities,
    keys: Vec<String>,
    columns: Vec<Column>,
    cells: Vec<Cell>,
}

/// One key at one entry.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Whom the first answer named, and another one that a later answer did.
    named: Option<Ordinal>,
    other: Option<Ordinal>,
    wrong_owner: bool,
    mismatch: bool,
    /// Whether a request failed that says something of the shard.
    failed: bool,
}

impl Matrix {
    /// Nothing seen yet.
    pub fn new(reader: Reader, identities: Identities, keys: Vec<String>, entries: Vec<Entry>) -> Matrix {
        Matrix {
            cells: vec![Cell::default(); keys.len() * entries.len()],
            columns: entries.into_iter().map(Column::new).collect(),
            reader,
            identities,
            keys,
        }
    }

    /// Takes in what came of one request; `key` and `entry` by their places. Others are passed over.
    pub fn take(&mut self, key: usize, entry: usize, seen: &Seen) {
        let at = key * self.columns.len() + entry;
        let (Some(column), Some(cell)) = (self.columns.get_mut(entry), self.cells.get_mut(at)) else {
            return;
        };
        column.take(seen);
        match self.reader.told(&seen.result) {
            Ok(told) => {
                column.answered += 1;
                for failed in cell.name(told, column.entry.ordinal(), self.identities) {
                    column.fail(failed);
                }
            }
            Err(failed) => {
                cell.failed |= failed.class != Failure::ApiTunnel;
                column.fail(failed);
            }
        }
    }

    /// Counts a request that is left out, since nothing comes from that entry.
    pub fn leave_out(&mut self, entry: usize) {
        if let Some(column) = self.columns.get_mut(entry) {
            column.left_out += 1;
        }
    }

    /// Whether any entry names owners: where shards answer for themselves, only one that isn't a shard does.
    pub fn knows_owners(&self) -> bool {
        self.columns.iter().any(|column| self.names_owners(column))
    }

    /// Each key with what became of it, and its owner where it is stable.
    pub fn verdicts(&self) -> impl Iterator<Item = (&str, KeyVerdict, Option<Ordinal>)> {
        self.keys.iter().enumerate().map(|(at, key)| {
            let (verdict, owner) = self.verdict(at);
            (key.as_str(), verdict, owner)
        })
    }

    /// The owners of the stable keys.
    pub fn owners(&self) -> BTreeMap<String, Ordinal> {
        self.verdicts()
            .filter_map(|(key, _, owner)| Some((key.to_owned(), owner?)))
            .collect()
    }

    /// Which entries name owners, in words.
    pub fn source(&self) -> String {
        let names: Vec<&str> = self
            .columns
            .iter()
            .filter(|column| self.names_owners(column))
            .map(|column| column.entry.name.as_str())
            .collect();
        match names.len() == self.columns.len() {
            true => "every entry".to_owned(),
            false => names.join(", "),
        }
    }

    /// The first keys that aren't stable, at most so many, and how many more there are.
    pub fn rows(&self, most: usize) -> (Vec<KeyRow>, usize) {
        let mut rows = Vec::new();
        let mut more = 0;
        for (at, key) in self.keys.iter().enumerate() {
            let (verdict, _) = self.verdict(at);
            if verdict == KeyVerdict::Stable || verdict == KeyVerdict::Unknown {
                continue;
            }
            if rows.len() == most {
                more += 1;
                continue;
            }
            rows.push(KeyRow {
                key: key.clone(),
                verdict,
                entries: self.entries_at_fault(at, verdict),
                owners: self
                    .groups(at)
                    .into_iter()
                    .map(|(owner, entries)| (owner, entries.len()))
                    .collect(),
            });
        }
        (rows, more)
    }

    /// What was seen at each entry: failures by request, and keys over which it differs by key.
    pub fn entries(&self) -> Vec<EntryOutcome> {
        let mut columns = self.columns.clone();
        for (at, key) in self.keys.iter().enumerate() {
            let (verdict, _) = self.verdict(at);
            let (class, words) = match verdict {
                KeyVerdict::Flapping => (Failure::Flapping, "was given to several shards by turns"),
                KeyVerdict::Disagreement => (Failure::Disagreement, "was given to another shard than elsewhere"),
                _ => continue,
            };
            let at_fault = self.entries_at_fault(at, verdict);
            for column in columns
                .iter_mut()
                .filter(|column| at_fault.contains(&column.entry.name))
            {
                column.fail(Failed::new(class, format!("the key {key} {words}")));
            }
        }
        let outcome = |(at, column): (usize, &Column)| {
            let mut owners: BTreeMap<Ordinal, usize> = BTreeMap::new();
            for cell in self.cells.iter().skip(at).step_by(self.columns.len()) {
                for named in cell.named.iter().chain(&cell.other) {
                    *owners.entry(*named).or_default() += 1;
                }
            }
            column.outcome(owners)
        };
        columns.iter().enumerate().map(outcome).collect()
    }

    /// Whether the identities that an entry gives are owners. A shard that answers for itself only says that it is there.
    fn names_owners(&self, column: &Column) -> bool {
        self.identities == Identities::Owner || self.reader.tells_owner() || column.entry.ordinal().is_none()
    }

    fn row(&self, key: usize) -> impl Iterator<Item = (&Column, &Cell)> {
        self.columns
            .iter()
            .zip(self.cells.iter().skip(key * self.columns.len()))
    }

    /// The entries by the owner that they name for a key; one that flaps is in several.
    fn groups(&self, key: usize) -> BTreeMap<Ordinal, Vec<&str>> {
        let mut groups: BTreeMap<Ordinal, Vec<&str>> = BTreeMap::new();
        for (column, cell) in self.row(key).filter(|(column, _)| self.names_owners(column)) {
            for owner in cell.named.iter().chain(&cell.other) {
                groups.entry(*owner).or_default().push(&column.entry.name);
            }
        }
        groups
    }

    fn verdict(&self, key: usize) -> (KeyVerdict, Option<Ordinal>) {
        let any = |what: fn(&Cell) -> bool| self.row(key).any(|(_, cell)| what(cell));
        let groups = self.groups(key);
        if any(|cell| cell.other.is_some()) {
            return (KeyVerdict::Flapping, None);
        }
        if groups.len() > 1 {
            return (KeyVerdict::Disagreement, None);
        }
        if any(|cell| cell.wrong_owner) {
            return (KeyVerdict::WrongOwner, None);
        }
        if any(|cell| cell.mismatch) {
            return (KeyVerdict::EntryMismatch, None);
        }
        let owner_failed = self
            .row(key)
            .any(|(column, cell)| cell.failed && self.names_owners(column));
        match groups.first_key_value() {
            Some((owner, _)) => (KeyVerdict::Stable, Some(*owner)),
            None if owner_failed => (KeyVerdict::Unserved, None),
            None => (KeyVerdict::Unknown, None),
        }
    }

    /// The entries that a verdict is about. Where none of several owners has most entries, every entry is.
    fn entries_at_fault(&self, key: usize, verdict: KeyVerdict) -> Vec<String> {
        let with = |what: fn(&Cell) -> bool| -> Vec<String> {
            self.row(key)
                .filter(|(_, cell)| what(cell))
                .map(|(column, _)| column.entry.name.clone())
                .collect()
        };
        match verdict {
            KeyVerdict::Flapping => with(|cell| cell.other.is_some()),
            KeyVerdict::WrongOwner => with(|cell| cell.wrong_owner),
            KeyVerdict::EntryMismatch => with(|cell| cell.mismatch),
            KeyVerdict::Disagreement => {
                let groups = self.groups(key);
                let all: BTreeSet<&str> = groups.values().flatten().copied().collect();
                let most = groups.values().find(|entries| entries.len() * 2 > all.len());
                let rest = all.iter().filter(|name| most.is_none_or(|most| !most.contains(name)));
                rest.map(|name| (*name).to_owned()).collect()
            }
            KeyVerdict::Stable | KeyVerdict::Unserved | KeyVerdict::Unknown => Vec::new(),
        }
    }
}

impl Cell {
    /// Takes in whom an answer names, and gives back what is wrong with that by itself.
    fn name(&mut self, told: Told, asked: Option<Ordinal>, identities: Identities) -> Vec<Failed> {
        let mut wrong = Vec::new();
        if let Some(owner) = told.owner {
            match self.named {
                None => self.named = Some(owner),
                Some(named) if named != owner && self.other.is_none() => self.other = Some(owner),
                Some(_) => {}
            }
        }
        if let (Some(server), Some(owner)) = (told.served_by, told.owner)
            && server != owner
        {
            self.wrong_owner = true;
            let words = format!("shard {server} answered a key of shard {owner}");
            wrong.push(Failed::new(Failure::WrongOwner, words));
        }
        let (Some(asked), Some(voice)) = (asked, told.served_by.or(told.owner)) else {
            return wrong;
        };
        let third = told.served_by.is_some() && voice != asked && told.owner != Some(voice);
        if third || identities == Identities::EachItself && voice != asked {
            self.mismatch = true;
            let words = format!("shard {asked} was asked, and shard {voice} answered");
            wrong.push(Failed::new(Failure::EntryMismatch, words));
        }
        wrong
    }
}

#[cfg(test)]
mod tests;
