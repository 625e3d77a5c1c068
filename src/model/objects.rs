//! A list of objects that nobody changes any more: a copy of it is another look at the same objects.
//!
//! An operation looks at everything again at each change, and of thousands of objects one has changed.

use std::fmt;
use std::iter::Map;
use std::ops::Index;
use std::slice::Iter as Shared;
use std::sync::Arc;

/// Objects, shared with whoever else looks at them.
pub struct Objects<T>(Arc<[Arc<T>]>);

/// The objects of a list, one after the other.
pub type Iter<'a, T> = Map<Shared<'a, Arc<T>>, fn(&'a Arc<T>) -> &'a T>;

impl<T> Objects<T> {
    /// The objects, in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The objects, to be shared on.
    pub fn shared(&self) -> impl Iterator<Item = &Arc<T>> {
        self.0.iter()
    }

    /// Puts them in another list, changed; whoever has the one before goes on with that.
    pub fn change(&mut self, with: impl FnOnce(&mut Vec<Arc<T>>)) {
        let mut objects = self.0.to_vec();
        with(&mut objects);
        *self = objects.into_iter().collect();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of them.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Objects(Arc::new([]))
    }
}

impl<T> Clone for Objects<T> {
    fn clone(&self) -> Self {
        Objects(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Objects<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl<T: PartialEq> PartialEq for Objects<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Index<usize> for Objects<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0[at]
    }
}

impl<T> FromIterator<Arc<T>> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(objects: I) -> Self {
        Objects(objects.into_iter().collect())
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
