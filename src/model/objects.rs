//! A list of objects that nobody changes any more: a copy of it is another look at the same objects.
//!
//! An operation looks at everything again at each change, and of thousands of objects one has changed.

use std::cmp::Ordering;
use std::fmt;
use std::iter::{FlatMap, Map};
use std::ops::Index;
use std::slice::Iter as Shared;
use std::sync::{Arc, OnceLock};

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// How many objects a part has at first, and how many it has at most when it is cut in two.
const PART: usize = 64;
const LARGEST: usize = 2 * PART;

/// Objects, shared with whoever else looks at them.
pub struct Objects<T>(Arc<Kept<T>>);

/// Objects that stand next to each other. A list that differs from another by one object shares all parts but one with it.
type Part<T> = Arc<[Arc<T>]>;

struct Kept<T> {
    parts: Box<[Part<T>]>,
    /// The place of the first object of each part.
    firsts: Box<[usize]>,
    count: usize,
    /// Their places in the order of their names, once somebody has asked for one by its name.
    by_name: OnceLock<Box<[usize]>>,
}

/// An object before and after; nothing where there was or is none.
pub type News<'a, T> = (Option<&'a T>, Option<&'a T>);

/// The objects of a list, one after the other.
pub type Iter<'a, T> = Map<Flat<'a, T>, fn(&'a Arc<T>) -> &'a T>;

/// The same, to be shared on.
type Flat<'a, T> = FlatMap<Shared<'a, Part<T>>, Shared<'a, Arc<T>>, fn(&'a Part<T>) -> Shared<'a, Arc<T>>>;

impl<T> Objects<T> {
    /// The objects, in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.flat().map(AsRef::as_ref)
    }

    /// The objects, to be shared on.
    pub fn shared(&self) -> impl Iterator<Item = &Arc<T>> + Clone {
        self.flat()
    }

    fn flat(&self) -> Flat<'_, T> {
        fn of<T>(part: &Part<T>) -> Shared<'_, Arc<T>> {
            part.iter()
        }
        self.0.parts.iter().flat_map(of)
    }

    /// The object at a place, to be shared on.
    pub fn at(&self, place: usize) -> Option<&Arc<T>> {
        let (part, within) = self.part_of(place)?;
        self.0.parts.get(part)?.get(within)
    }

    /// The part that a place is in, and where in it.
    fn part_of(&self, place: usize) -> Option<(usize, usize)> {
        let firsts = &self.0.firsts;
        // As a rule the parts are as large as they were made.
        let likely = (place / PART).min(firsts.len().checked_sub(1)?);
        let is_there = firsts[likely] <= place && firsts.get(likely + 1).is_none_or(|next| place < *next);
        let part = if is_there {
            likely
        } else {
            firsts.partition_point(|first| *first <= place).checked_sub(1)?
        };
        Some((part, place - firsts[part]))
    }

    fn of(parts: Vec<Part<T>>) -> Self {
        let mut count = 0;
        let firsts = parts.iter().map(|part| {
            count += part.len();
            count - part.len()
        });
        let firsts = firsts.collect();
        Objects(Arc::new(Kept {
            parts: parts.into(),
            firsts,
            count,
            by_name: OnceLock::new(),
        }))
    }

    /// These objects and, after them, others.
    #[must_use]
    pub fn followed_by(&self, others: &Self) -> Self {
        Self::of(self.0.parts.iter().chain(&others.0.parts).cloned().collect())
    }

    /// The list with another object at a place.
    #[must_use]
    pub fn with(&self, place: usize, object: Arc<T>) -> Self {
        self.with_part(place, |part, within| part[within] = object)
    }

    /// The list with one more object, before the one at a place.
    #[must_use]
    pub fn with_one_more(&self, place: usize, object: Arc<T>) -> Self {
        if place == self.len() {
            // After the last of the last part, where there is one.
            return match self.len().checked_sub(1) {
                Some(last) => self.with_part(last, |part, _| part.push(object)),
                None => std::iter::once(object).collect(),
            };
        }
        self.with_part(place, |part, within| part.insert(within, object))
    }

    /// The list without the object at a place.
    #[must_use]
    pub fn without(&self, place: usize) -> Self {
        self.with_part(place, |part, within| drop(part.remove(within)))
    }

    fn with_part(&self, place: usize, change: impl FnOnce(&mut Vec<Arc<T>>, usize)) -> Self {
        let mut parts = self.0.parts.to_vec();
        if let Some((at, within)) = self.part_of(place).filter(|_| place < self.len()) {
            let mut part = parts[at].to_vec();
            change(&mut part, within);
            let size = if part.len() > LARGEST { PART } else { LARGEST };
            parts.splice(at..=at, part.chunks(size).map(Part::from));
        }
        Self::of(parts)
    }

    /// Puts them in another list, changed; whoever has the one before goes on with that.
    pub fn change(&mut self, with: impl FnOnce(&mut Vec<Arc<T>>)) {
        let mut objects = self.shared().cloned().collect();
        with(&mut objects);
        *self = objects.into_iter().collect();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// The first of them.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }
}

impl<T> Objects<T> {
    /// These objects: this very list where they are its own in the same order, so that whoever has looked through it knows that
    /// nothing is new.
    #[must_use]
    pub fn renewed(&self, objects: Self) -> Self {
        let same = self.len() == objects.len()
            && self
                .shared()
                .zip(objects.shared())
                .all(|(one, other)| Arc::ptr_eq(one, other));
        if same { self.clone() } else { objects }
    }

    /// What is another object in this list than in the one before it, or isn't in both: as a rule a few came, went or changed. What has
    /// moved both went and came. Nothing where that isn't so, and all has to be looked at.
    pub fn news_since<'a>(&'a self, before: &'a Self) -> Option<Vec<News<'a, T>>> {
        let (old, new) = unshared(&before.0.parts, &self.0.parts);
        let all = |parts: &'a [Part<T>]| -> Vec<&'a Arc<T>> { parts.iter().flat_map(|part| part.iter()).collect() };
        let (old, new) = (all(old), all(new));
        let (mut old, mut new) = (&*old, &*new);
        let mut news = Vec::new();
        loop {
            let same = old.iter().zip(new);
            let same = same.take_while(|(one, other)| Arc::ptr_eq(one, other)).count();
            (old, new) = (&old[same..], &new[same..]);
            if old.is_empty() && new.is_empty() {
                return Some(news);
            }
            let (gone, come) = next_same(old, new)?;
            for place in 0..gone.max(come) {
                let there = |items: &[&'a Arc<T>], until: usize| items[..until].get(place).map(|one| &***one);
                news.push((there(old, gone), there(new, come)));
            }
            (old, new) = (&old[gone..], &new[come..]);
        }
    }

    /// Whether this is the very same list, and not only one of equal objects.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What is between the parts that two lists begin with and those that they end with.
fn unshared<'a, T>(mut old: &'a [Part<T>], mut new: &'a [Part<T>]) -> (&'a [Part<T>], &'a [Part<T>]) {
    while let ([one, others @ ..], [other, more @ ..]) = (old, new)
        && Arc::ptr_eq(one, other)
    {
        (old, new) = (others, more);
    }
    while let ([others @ .., one], [more @ .., other]) = (old, new)
        && Arc::ptr_eq(one, other)
    {
        (old, new) = (others, more);
    }
    (old, new)
}

/// How far the next object that is in both lists is looked for.
const NEAR: usize = 16;

/// How many objects of each list come before the next that is in both, or before their ends; nothing where those are far.
fn next_same<T>(old: &[&Arc<T>], new: &[&Arc<T>]) -> Option<(usize, usize)> {
    let same = |gone: usize, come: usize| match (old.get(gone), new.get(come)) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => (gone, come) == (old.len(), new.len()),
        _ => false,
    };
    let mut splits = (1..=NEAR).flat_map(|both| (0..=both).map(move |gone| (gone, both - gone)));
    splits.find(|(gone, come)| same(*gone, *come))
}

impl<T: Metadata<Ty = ObjectMeta>> Objects<T> {
    /// The object of this name, of one namespace or of a kind that has none: the last in the list where there were several.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.place_named(name).map(|place| &self[place])
    }

    /// As [`Objects::named`], of a list as a server gives it, in the order of its names: without going through all of them first.
    pub fn listed(&self, name: &str) -> Option<&T> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match name_of(&self[middle]).cmp(name) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(&self[middle]),
                Ordering::Greater => to = middle,
            }
        }
        self.named(name)
    }

    /// Where that object is in the list.
    pub fn place_named(&self, name: &str) -> Option<usize> {
        let name_at = |place: &usize| name_of(&self[*place]);
        let places = self.0.by_name.get_or_init(|| {
            let names: Vec<&str> = self.iter().map(name_of).collect();
            let mut places: Box<[usize]> = (0..names.len()).collect();
            places.sort_by_key(|place| names[*place]);
            places
        });
        let after = places.partition_point(|place| name_at(place) <= name);
        let place = places.get(after.checked_sub(1)?)?;
        (name_at(place) == name).then_some(*place)
    }
}

fn name_of<T: Metadata<Ty = ObjectMeta>>(object: &T) -> &str {
    object.metadata().name.as_deref().unwrap_or_default()
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Vec::<Arc<T>>::new().into_iter().collect()
    }
}

impl<T> Clone for Objects<T> {
    fn clone(&self) -> Self {
        Objects(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Objects<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.iter()).finish()
    }
}

impl<T: PartialEq> PartialEq for Objects<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl<T> Index<usize> for Objects<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        let (part, within) = self.part_of(at).unwrap_or((0, at));
        &self.0.parts[part][within]
    }
}

impl<T> FromIterator<Arc<T>> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(objects: I) -> Self {
        let objects: Vec<Arc<T>> = objects.into_iter().collect();
        Self::of(objects.chunks(PART).map(Part::from).collect())
    }
}

impl<T> FromIterator<T> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        objects.into_iter().map(Arc::new).collect()
    }
}

impl<T> From<Vec<T>> for Objects<T> {
    fn from(objects: Vec<T>) -> Self {
        objects.into_iter().collect()
    }
}

impl<'a, T> IntoIterator for &'a Objects<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_its_name_whatever_their_order() {
        let named = |name: Option<&str>| {
            let mut pod = k8s_openapi::api::core::v1::Pod::default();
            pod.metadata.name = name.map(str::to_owned);
            pod
        };
        let pods: Objects<_> = [Some("db-2"), Some("db-10"), None, Some("db-1")]
            .map(named)
            .into_iter()
            .collect();
        let found = |name: &str| pods.named(name).and_then(|pod| pod.metadata.name.as_deref());
        for name in ["db-1", "db-2", "db-10"] {
            assert_eq!(found(name), Some(name));
        }
        assert_eq!((found("db-0"), found("db-11"), found("zz")), (None, None, None));
        for (list, sorted) in [
            (&pods, false),
            (
                &["a", "b", "c"].map(|name| named(Some(name))).into_iter().collect(),
                true,
            ),
        ] {
            let names = list.iter().filter_map(|pod| pod.metadata.name.as_deref());
            assert!(
                names
                    .clone()
                    .all(|name| list.listed(name).and_then(|pod| pod.metadata.name.as_deref()) == Some(name))
            );
            assert_eq!(list.0.by_name.get().is_none(), sorted);
            assert!(list.listed("zz").is_none());
        }
        let again: Vec<Arc<_>> = pods.shared().cloned().collect();
        assert!(
            pods.renewed(again.iter().cloned().collect()).is_the_same_as(&pods)
                && !pods.renewed(again[1..].iter().cloned().collect()).is_the_same_as(&pods)
        );
        assert!(pods.is_the_same_as(&pods.clone()) && !pods.is_the_same_as(&pods.iter().cloned().collect()));
    }

    #[test]
    fn what_came_went_and_changed_is_news_as_long_as_it_is_little_at_a_place() {
        let all: Vec<Arc<u8>> = (0..6).map(Arc::new).collect();
        let list = |places: &[usize]| -> Objects<u8> { places.iter().map(|place| all[*place].clone()).collect() };
        let news = |before: &[usize], now: &[usize]| {
            let (before, now) = (list(before), list(now));
            let news = now.news_since(&before)?;
            Some(
                news.into_iter()
                    .map(|(one, other)| (one.copied(), other.copied()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(news(&[0, 1, 2], &[0, 1, 2]), Some(vec![]));
        assert_eq!(news(&[0, 1, 2], &[0, 2]), Some(vec![(Some(1), None)]));
        assert_eq!(news(&[0, 1], &[0, 1, 2]), Some(vec![(None, Some(2))]));
        assert_eq!(
            news(&[0, 1, 2, 3], &[0, 4, 2, 5]),
            Some(vec![(Some(1), Some(4)), (Some(3), Some(5))])
        );
        assert_eq!(
            news(&[0, 1, 2, 3], &[1, 2, 3, 4]),
            Some(vec![(Some(0), None), (None, Some(4))])
        );
        assert_eq!(
            news(&[0, 1, 2, 3], &[4, 5, 2, 3]),
            Some(vec![(Some(0), Some(4)), (Some(1), Some(5))])
        );
        assert_eq!(
            news(&[0, 1, 2, 3], &[4, 3]),
            Some(vec![(Some(0), Some(4)), (Some(1), None), (Some(2), None)])
        );
        let far: Vec<usize> = vec![0; NEAR / 2 + 1];
        let others: Vec<usize> = vec![1; NEAR / 2 + 1];
        assert_eq!(news(&far, &others), None);
    }

    #[test]
    fn a_list_that_is_patched_is_the_list_of_what_is_in_it() {
        let mut list: Objects<usize> = Objects::default();
        let mut plain: Vec<Arc<usize>> = Vec::new();
        // Any order of steps that meets every part at its ends and in its middle.
        for step in 0..2000_usize {
            let (place, object) = (step * 7919 % (plain.len() + 1), Arc::new(step));
            let before = list.clone();
            let news = match step % 5 {
                0..=2 => {
                    list = list.with_one_more(place, object.clone());
                    plain.insert(place, object.clone());
                    (None, Some(step))
                }
                3 if place < plain.len() => {
                    list = list.with(place, object.clone());
                    let was = std::mem::replace(&mut plain[place], object.clone());
                    (Some(*was), Some(step))
                }
                4 if place < plain.len() => {
                    list = list.without(place);
                    (Some(*plain.remove(place)), None)
                }
                _ => continue,
            };
            let told = list.news_since(&before).unwrap();
            let told: Vec<_> = told
                .into_iter()
                .map(|(one, other)| (one.copied(), other.copied()))
                .collect();
            assert_eq!(told, [news]);
            assert_eq!(list.len(), plain.len());
        }
        assert!(list.shared().zip(&plain).all(|(one, other)| Arc::ptr_eq(one, other)));
        assert!((0..=plain.len()).all(|place| list.at(place) == plain.get(place)));
        assert!((0..plain.len()).all(|place| list[place] == *plain[place]));
        assert!(list.iter().rev().eq(plain.iter().rev().map(|one| &**one)));
        let twice = list.followed_by(&list);
        assert!(twice.iter().eq(list.iter().chain(&list)) && twice.len() == 2 * list.len());
        while !list.is_empty() {
            list = list.without(list.len() / 2);
        }
        assert_eq!(list.with_one_more(0, Arc::new(7)), vec![7].into());
    }

    #[test]
    fn a_change_is_not_seen_by_whoever_looked_before() {
        let mut now: Objects<u8> = vec![1, 2, 3].into();
        let before = now.clone();
        now.change(|objects| {
            objects.remove(0);
            *Arc::make_mut(&mut objects[0]) = 9;
        });
        assert_eq!((now.iter().copied().collect::<Vec<u8>>(), now.len()), (vec![9, 3], 2));
        assert_eq!(before, [1, 2, 3].into_iter().collect());
        let same = now
            .shared()
            .zip(before.shared().skip(1))
            .map(|(one, other)| Arc::ptr_eq(one, other));
        assert_eq!(same.collect::<Vec<bool>>(), [false, true]);
        assert_eq!((now.first(), Objects::<u8>::default().is_empty()), (Some(&9), true));
    }
}
