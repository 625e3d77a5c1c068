//! A long list as the server wrote it last: what stands there byte for byte as it stood needn't be read again.
//!
//! Before every deletion all shards are asked for anew, and of a thousand one has changed since the deletion before. An object's
//! metadata, its uid and version among them, are the same where they are written the same.

use std::ops::Range;
use std::sync::Arc;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::{Deserialize as _, IgnoredAny};

use super::again::{Head, Version};
use super::pages;
use super::skim::{Skim, Text, skim};
use crate::cluster::failure::Failure;
use crate::model::objects::Objects;

/// What Kubernetes writes before the items of a list, and within how many bytes from its beginning.
const ITEMS: &[u8] = b"\"items\":[";
const TOP: usize = 4096;

/// So many bytes are compared at a time.
const BLOCK: usize = 256;

/// Up to so many items that are new the list of before is patched.
const FEW: usize = 32;

/// How far ahead of its place an object is looked for that is known: so many may go at once.
const NEAR: usize = 64;

/// A list as it was told last, and the objects that it was about. A copy of it is the same one.
pub struct Told<K>(Arc<Kept<K>>);

struct Kept<K> {
    /// The items, with a comma between each two.
    text: Vec<u8>,
    /// Where each of them ends in it.
    ends: Vec<usize>,
    objects: Objects<K>,
}

impl<K> Kept<K> {
    /// Where an item begins.
    fn begin(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| self.ends[before] + 1)
    }

    /// The text of some items next to each other.
    fn text_of(&self, items: &Range<usize>) -> &[u8] {
        match items.end.checked_sub(1) {
            Some(last) if !items.is_empty() => &self.text[self.begin(items.start)..self.ends[last]],
            _ => &[],
        }
    }

    /// How many items from a place on stand at the beginning of a text, and how long they are there.
    fn same(&self, from: usize, text: &[u8]) -> (usize, usize) {
        let begin = self.begin(from);
        let equal = equal(self.text.get(begin..).unwrap_or_default(), text);
        let mut count = self.ends[from..].partition_point(|end| end - begin <= equal);
        // The last of them may go on in the one text and not in the other.
        let length = |count: usize| self.ends[from + count - 1] - begin;
        let ends_there = |count: usize| matches!(text.get(length(count)), Some(b',' | b']'));
        while count > 0 && !ends_there(count) {
            count -= 1;
        }
        (count, if count > 0 { length(count) } else { 0 })
    }
}

/// How many bytes two texts begin with alike.
fn equal(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let alike = BLOCK * blocks.take_while(|(one, other)| one == other).count();
    let rest = one[alike..].iter().zip(&other[alike..]);
    alike + rest.take_while(|(one, other)| one == other).count()
}

impl<K> Clone for Told<K> {
    fn clone(&self) -> Self {
        Told(self.0.clone())
    }
}

impl<K> Default for Told<K> {
    fn default() -> Self {
        Told(Arc::new(Kept {
            text: Vec::new(),
            ends: Vec::new(),
            objects: Objects::default(),
        }))
    }
}

/// A piece of a list that is being read.
enum Piece<K> {
    /// Items that stand there as they stood.
    Same(Range<usize>),
    /// Another one, with its text.
    Other(Arc<K>, Vec<u8>),
}

/// A list that is being read, page by page.
pub(super) struct Reading<K> {
    pieces: Vec<Piece<K>>,
    /// How many items of the list of before are dealt with.
    passed: usize,
    /// Whether it has an item that nobody knows, or isn't written as expected.
    is_unknown: bool,
}

impl<K> Default for Reading<K> {
    fn default() -> Self {
        Reading {
            pieces: Vec::new(),
            passed: 0,
            is_unknown: false,
        }
    }
}

impl<K: Metadata<Ty = ObjectMeta>> Told<K> {
    /// The objects that it is about.
    pub(super) fn objects(&self) -> &Objects<K> {
        &self.0.objects
    }

    /// Reads a page of the same list as it is now; returns the token of the next. `known` finds the object at a version, as a rule
    /// not far behind the one that comes before it in the list.
    pub(super) fn read(
        &self,
        reading: &mut Reading<K>,
        page: &[u8],
        known: impl FnMut(&Version<'_>, Option<&Arc<K>>) -> Option<Arc<K>>,
    ) -> Result<Option<String>, Failure> {
        if let Some(items) = self.read_items(reading, page, known) {
            // They are the list's own where one bracket of each sort closes what stands before them. What is around them is read as
            // any list.
            let (top, end) = (&page[..items.start], &page[items.end..]);
            let is_list = |text: &[u8]| pages::whole(text, |_: IgnoredAny| {});
            if is_list(&[top, b"]}"].concat()).is_ok()
                && let Ok(more) = is_list(&[top, end].concat())
            {
                return Ok(more);
            }
        }
        reading.is_unknown = true;
        pages::skimmed(page, |_: IgnoredAny| {})
    }

    /// Goes through the items; returns where they are, or nothing where they aren't written as Kubernetes writes them.
    fn read_items(
        &self,
        reading: &mut Reading<K>,
        page: &[u8],
        mut known: impl FnMut(&Version<'_>, Option<&Arc<K>>) -> Option<Arc<K>>,
    ) -> Option<Range<usize>> {
        let top = &page[..page.len().min(TOP)];
        let begin = top.windows(ITEMS.len()).position(|there| there == ITEMS)? + ITEMS.len();
        let mut at = begin;
        if page.get(at) == Some(&b']') {
            return Some(begin..at);
        }
        loop {
            let rest = page.get(at..)?;
            let (count, length) = self.0.same(reading.passed, rest);
            if count > 0 {
                reading.stand(count);
                at += length;
            } else {
                let Text(item) = Text::deserialize(&mut Skim::new(rest)).ok()?;
                let Head { metadata } = skim(item).ok()?;
                let before = match reading.pieces.last() {
                    Some(Piece::Other(before, _)) => Some(before),
                    Some(Piece::Same(items)) => self.0.objects.at(items.end - 1),
                    None => None,
                };
                match known(&metadata, before) {
                    Some(object) => reading.pieces.push(Piece::Other(object, item.to_vec())),
                    None => reading.is_unknown = true,
                }
                reading.passed = self.behind(reading.passed, &metadata.name);
                at += item.len();
            }
            match page.get(at)? {
                b',' => at += 1,
                b']' => return Some(begin..at),
                _ => return None,
            }
        }
    }

    /// Where to go on in the list of before behind an item that isn't as it was: a server lists by the names.
    fn behind(&self, passed: usize, name: &str) -> usize {
        let is_before = |object: &&Arc<K>| object.metadata().name.as_deref().unwrap_or_default() <= name;
        let next = (passed..).map_while(|place| self.0.objects.at(place));
        passed + next.take_while(is_before).count()
    }

    /// The list that was read; nothing where not all of it is known.
    pub(super) fn renewed(&self, reading: Reading<K>) -> Option<Told<K>> {
        let before = &self.0;
        let is_all = |pieces: &[Piece<K>]| match pieces {
            [] => before.ends.is_empty(),
            [Piece::Same(items)] => *items == (0..before.ends.len()),
            _ => false,
        };
        if reading.is_unknown {
            return None;
        }
        if is_all(&reading.pieces) {
            return Some(self.clone());
        }
        let objects = reading.objects(&before.objects);
        let (mut text, mut ends) = (Vec::with_capacity(before.text.len()), Vec::with_capacity(objects.len()));
        for piece in reading.pieces {
            if !text.is_empty() {
                text.push(b',');
            }
            let here = text.len();
            match piece {
                Piece::Same(items) => {
                    let there = before.begin(items.start);
                    text.extend_from_slice(before.text_of(&items));
                    ends.extend(before.ends[items].iter().map(|end| here + (end - there)));
                }
                Piece::Other(_, item) => {
                    text.extend_from_slice(&item);
                    ends.push(text.len());
                }
            }
        }
        Some(Told(Arc::new(Kept { text, ends, objects })))
    }

    /// Whether these are, but for a few, objects that are known: where they were brought anew meanwhile, those are the ones to share.
    pub(super) fn is_shared_with(&self, known: &Objects<K>) -> bool {
        let Some(first) = self.0.objects.at(0) else { return true };
        let begin = known.shared().position(|known| Arc::ptr_eq(known, first)).unwrap_or(0);
        let all: Vec<&Arc<K>> = known.shared().collect();
        let (mut rest, mut strangers) = (&all[begin..], 0);
        for object in self.0.objects.shared() {
            match rest.iter().take(NEAR).position(|known| Arc::ptr_eq(known, object)) {
                Some(place) => rest = &rest[place + 1..],
                None => strangers += 1,
            }
        }
        strangers <= FEW
    }
}

impl<K> Reading<K> {
    /// So many more items of the list of before stand there as they stood.
    fn stand(&mut self, count: usize) {
        let items = self.passed..self.passed + count;
        self.passed = items.end;
        match self.pieces.last_mut() {
            Some(Piece::Same(before)) if before.end == items.start => before.end = items.end,
            _ => self.pieces.push(Piece::Same(items)),
        }
    }

    /// The objects of the list that is read, sharing with those of before what stands next to each other.
    fn objects(&self, before: &Objects<K>) -> Objects<K> {
        let kept: usize = self.pieces.iter().map(Piece::len).sum();
        if self.pieces.len() > FEW || before.len().abs_diff(kept) > FEW {
            let all = self.pieces.iter().flat_map(|piece| piece.objects(before));
            return all.collect();
        }
        let mut objects = before.clone();
        let (mut place, mut passed) = (0, 0);
        for piece in &self.pieces {
            match piece {
                Piece::Same(items) => {
                    for _ in passed..items.start {
                        objects = objects.without(place);
                    }
                    place += items.len();
                    passed = items.end;
                }
                Piece::Other(object, _) => {
                    objects = objects.with_one_more(place, object.clone());
                    place += 1;
                }
            }
        }
        while objects.len() > place {
            objects = objects.without(place);
        }
        objects
    }
}

impl<K> Piece<K> {
    fn len(&self) -> usize {
        match self {
            Piece::Same(items) => items.len(),
            Piece::Other(..) => 1,
        }
    }

    fn objects(&self, before: &Objects<K>) -> Vec<Arc<K>> {
        match self {
            Piece::Same(items) => items.clone().filter_map(|place| before.at(place)).cloned().collect(),
            Piece::Other(object, _) => vec![object.clone()],
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    /// A pod's name, uid and version.
    type Sort = (&'static str, &'static str, &'static str);

    fn metadata((name, uid, version): Sort) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": version, "labels": {"a": "]},{"}}})
    }

    /// The pages of a list.
    fn pages_of(items: &[Sort], size: usize) -> Vec<String> {
        let pages: Vec<&[Sort]> = items.chunks(size).collect();
        let mut written: Vec<String> = Vec::new();
        for (at, page) in pages.iter().enumerate() {
            let more = if at + 1 < pages.len() { "next" } else { "" };
            let items: Vec<String> = page.iter().map(|sort| metadata(*sort).to_string()).collect();
            let items = items.join(",");
            written.push(format!(
                "{{\"kind\":\"List\",\"metadata\":{{\"continue\":\"{more}\",\"resourceVersion\":\"9\"}},\"items\":[{items}]}}\n"
            ));
        }
        if written.is_empty() {
            written.push("{\"metadata\":{},\"items\":[]}".to_owned());
        }
        written
    }

    fn objects_of(items: &[Sort]) -> Objects<Pod> {
        items
            .iter()
            .map(|sort| serde_json::from_value::<Pod>(metadata(*sort)).unwrap())
            .collect()
    }

    /// Reads a list; tells how many heads had to be read, and what became of it.
    fn read(told: &Told<Pod>, known: &Objects<Pod>, pages: &[String]) -> (usize, Option<Told<Pod>>) {
        let (mut reading, mut heads) = (Reading::default(), 0);
        for (at, page) in pages.iter().enumerate() {
            let more = told.read(&mut reading, page.as_bytes(), |version, _| {
                heads += 1;
                let place = known.place_named(&version.name)?;
                known.at(place).filter(|object| version.is_of(&***object)).cloned()
            });
            assert_eq!(more, Ok((at + 1 < pages.len()).then(|| "next".to_owned())));
        }
        (heads, told.renewed(reading))
    }

    fn are_very(told: &Told<Pod>, known: &Objects<Pod>) -> bool {
        told.objects().len() == known.len()
            && told
                .objects()
                .shared()
                .zip(known.shared())
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }

    #[test]
    fn only_what_is_not_as_it_was_is_read_and_the_list_is_that_of_the_server() {
        let first: Vec<Sort> = vec![
            ("a", "1", "1"),
            ("b", "2", "1"),
            ("c", "3", "1"),
            ("d", "4", "1"),
            ("e", "5", "1"),
        ];
        let cases: [(&[Sort], usize); 9] = [
            (
                &[
                    ("a", "1", "1"),
                    ("b", "2", "1"),
                    ("c", "3", "1"),
                    ("d", "4", "1"),
                    ("e", "5", "1"),
                ],
                0,
            ),
            (
                &[
                    ("a", "1", "1"),
                    ("b", "2", "7"),
                    ("c", "3", "1"),
                    ("d", "4", "1"),
                    ("e", "5", "1"),
                ],
                1,
            ),
            (
                &[
                    ("a", "1", "1"),
                    ("b", "2", "1"),
                    ("c", "9", "1"),
                    ("d", "4", "1"),
                    ("e", "5", "1"),
                ],
                1,
            ),
            (&[("b", "2", "1"), ("c", "3", "1"), ("e", "5", "1")], 2),
            (
                &[
                    ("a", "1", "1"),
                    ("aa", "8", "1"),
                    ("b", "2", "1"),
                    ("c", "3", "1"),
                    ("d", "4", "1"),
                    ("e", "5", "1"),
                ],
                1,
            ),
            (&[("a", "1", "1"), ("b", "2", "1"), ("c", "3", "1"), ("d", "4", "1")], 0),
            (
                &[
                    ("a", "1", "1"),
                    ("b", "2", "1"),
                    ("c", "3", "1"),
                    ("d", "4", "1"),
                    ("e", "5", "1"),
                    ("f", "6", "1"),
                ],
                1,
            ),
            (&[("e", "5", "1"), ("d", "4", "1"), ("a", "1", "1")], 3),
            (&[], 0),
        ];
        for size in [2, 500] {
            let known = objects_of(&first);
            let (heads, told) = read(&Told::default(), &known, &pages_of(&first, size));
            let told = told.unwrap();
            assert!(heads == 5 && are_very(&told, &known));
            for (items, most) in &cases {
                // What is as it was is known as the same object.
                let now: Objects<Pod> = items
                    .iter()
                    .map(|sort| {
                        let same = first.iter().position(|before| before == sort);
                        let same = same.and_then(|place| known.at(place)).cloned();
                        same.unwrap_or_else(|| Arc::new(serde_json::from_value(metadata(*sort)).unwrap()))
                    })
                    .collect();
                let (heads, next) = read(&told, &now, &pages_of(items, size));
                let next = next.unwrap();
                assert!(heads <= *most && are_very(&next, &now), "{items:?}: {heads}");
                let (heads, again) = read(&next, &now, &pages_of(items, size));
                assert!(heads == 0 && are_very(&again.unwrap(), &now), "{items:?}");
            }
        }
    }

    #[test]
    fn what_nobody_knows_or_is_written_otherwise_is_no_list_that_is_known() {
        let items: [Sort; 2] = [("a", "1", "1"), ("b", "2", "1")];
        let known = objects_of(&items);
        assert!(
            read(&Told::default(), &objects_of(&items[..1]), &pages_of(&items, 9))
                .1
                .is_none()
        );
        let spaced = pages_of(&items, 9)[0].replace("\"items\":", "\"items\": ");
        assert!(read(&Told::default(), &known, &[spaced]).1.is_none());
        let nested = format!("{{\"x\":{},\"items\" : []}}", pages_of(&items, 9)[0]);
        assert!(read(&Told::default(), &known, &[nested]).1.is_none());
        for broken in ["", "{}", "{\"items\":[{]}", "{\"items\":[{}", "{\"items\":[{}]"] {
            let mut reading = Reading::default();
            let read = Told::<Pod>::default().read(&mut reading, broken.as_bytes(), |_, _| None);
            assert!(read.is_err() && reading.is_unknown, "{broken}");
        }
    }

    #[test]
    fn a_list_whose_objects_were_brought_anew_is_not_shared_with_them() {
        let names: Vec<String> = (0..2 * FEW).map(|at| format!("p{at:03}")).collect();
        let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
        let items: Vec<Sort> = names.iter().map(|name| (*name, *name, "1")).collect();
        let known = objects_of(&items);
        let (_, told) = read(&Told::default(), &known, &pages_of(&items, 9));
        let told = told.unwrap();
        assert!(told.is_shared_with(&known));
        assert!(told.is_shared_with(&objects_of(&items[..2]).followed_by(&known.without(5))));
        assert!(!told.is_shared_with(&objects_of(&items)));
    }
}
