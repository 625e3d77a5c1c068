//! A list of objects that nobody changes any more: a copy of it is another look at the same objects.
//!
//! An operation looks at everything again at each change, and of thousands of objects one has changed.

use std::fmt;
use std::iter::Map;
use std::ops::Index;
use std::slice::Iter as Shared;
use std::sync::{Arc, OnceLock};

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Objects, shared with whoever else looks at them.
pub struct Objects<T>(Arc<Kept<T>>);

struct Kept<T> {
    items: Box<[Arc<T>]>,
    /// Their places in the order of their names, once somebody has asked for one by its name.
    by_name: OnceLock<Box<[usize]>>,
}

/// An object before and after; nothing where there was or is none.
pub type News<'a, T> = (Option<&'a T>, Option<&'a T>);

/// The objects of a list, one after the other.
pub type Iter<'a, T> = Map<Shared<'a, Arc<T>>, fn(&'a Arc<T>) -> &'a T>;

impl<T> Objects<T> {
    /// The objects, in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.items.iter().map(AsRef::as_ref)
    }

    /// The objects, to be shared on.
    pub fn shared(&self) -> impl Iterator<Item = &Arc<T>> + Clone {
        self.0.items.iter()
    }

    /// The object at a place, to be shared on.
    pub fn at(&self, place: usize) -> Option<&Arc<T>> {
        self.0.items.get(place)
    }

    /// Puts them in another list, changed; whoever has the one before goes on with that.
    pub fn change(&mut self, with: impl FnOnce(&mut Vec<Arc<T>>)) {
        let mut objects = self.0.items.to_vec();
        with(&mut objects);
        *self = objects.into_iter().collect();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// The first of them.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }
}

impl<T> Objects<T> {
    /// A list of these objects: this one where they are the very same ones in the same order, so that whoever has looked through it
    /// knows that nothing is new.
    #[must_use]
    pub fn renewed(&self, objects: Vec<Arc<T>>) -> Self {
        let same =
            self.len() == objects.len() && self.shared().zip(&objects).all(|(one, other)| Arc::ptr_eq(one, other));
        if same {
            self.clone()
        } else {
            objects.into_iter().collect()
        }
    }

    /// What is another object in this list than in the one before it, or isn't in both: as a rule a few came, went or changed. What has
    /// moved both went and came. Nothing where that isn't so, and all has to be looked at.
    pub fn news_since<'a>(&'a self, before: &'a Self) -> Option<Vec<News<'a, T>>> {
        let (mut old, mut new) = (&*before.0.items, &*self.0.items);
        let mut news = Vec::new();
        loop {
            let same = old.iter().zip(new).take_while(|(one, other)| Arc::ptr_eq(one, other));
            let same = same.count();
            (old, new) = (&old[same..], &new[same..]);
            if old.is_empty() && new.is_empty() {
                return Some(news);
            }
            let (gone, come) = next_same(old, new)?;
            for place in 0..gone.max(come) {
                let there = |items: &'a [Arc<T>], until: usize| items[..until].get(place).map(|one| &**one);
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

/// How far the next object that is in both lists is looked for.
const NEAR: usize = 16;

/// How many objects of each list come before the next that is in both, or before their ends; nothing where those are far.
fn next_same<T>(old: &[Arc<T>], new: &[Arc<T>]) -> Option<(usize, usize)> {
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
        self.place_named(name).map(|place| &*self.0.items[place])
    }

    /// Where that object is in the list.
    pub fn place_named(&self, name: &str) -> Option<usize> {
        let items = &self.0.items;
        let name_at = |place: &usize| items[*place].metadata().name.as_deref().unwrap_or_default();
        let places = self.0.by_name.get_or_init(|| {
            let mut places: Box<[usize]> = (0..items.len()).collect();
            places.sort_by_key(name_at);
            places
        });
        let after = places.partition_point(|place| name_at(place) <= name);
        let place = places.get(after.checked_sub(1)?)?;
        (name_at(place) == name).then_some(*place)
    }
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
        self.0.items.fmt(to)
    }
}

impl<T: PartialEq> PartialEq for Objects<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.items == other.0.items
    }
}

impl<T> Index<usize> for Objects<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0.items[at]
    }
}

impl<T> FromIterator<Arc<T>> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(objects: I) -> Self {
        Objects(Arc::new(Kept {
            items: objects.into_iter().collect(),
            by_name: OnceLock::new(),
        }))
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
        let again: Vec<Arc<_>> = pods.shared().cloned().collect();
        assert!(
            pods.renewed(again.clone()).is_the_same_as(&pods)
                && !pods.renewed(again[1..].to_vec()).is_the_same_as(&pods)
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
