//! What was learnt of each object of a list, for as long as it is that very object.
//!
//! Whoever goes through a list at each look goes through what it needs of each object instead, one next to the other in memory: of
//! thousands of objects one has changed, and the others needn't be looked at.

use std::fmt;
use std::sync::Arc;

use super::objects::Objects;

/// How far ahead of its place an object that is known is looked for: so many may go at once.
const NEAR: usize = 64;

/// Objects, and a fact about each at the same place.
pub struct Facts<T, F> {
    /// Kept, so that no other object comes to stand where one stood that a fact is about.
    objects: Objects<T>,
    facts: Arc<[F]>,
}

impl<T, F: Copy> Facts<T, F> {
    /// The facts about these objects, in their order. `learn` tells that of an object which wasn't in the list before.
    pub fn about(&mut self, objects: &Objects<T>, mut learn: impl FnMut(&T) -> F) -> Arc<[F]> {
        if !self.objects.is_the_same_as(objects) {
            self.facts = self.renewed(objects, &mut learn);
            self.objects = objects.clone();
        }
        self.facts.clone()
    }

    fn renewed(&self, objects: &Objects<T>, learn: &mut impl FnMut(&T) -> F) -> Arc<[F]> {
        let mut before = self.objects.shared().zip(&*self.facts);
        let facts = objects.shared().map(|found| {
            let mut near = before.clone().take(NEAR);
            let ahead = near.position(|(known, _)| Arc::ptr_eq(known, found));
            let known = ahead.and_then(|ahead| before.nth(ahead));
            known.map_or_else(|| learn(found), |(_, fact)| *fact)
        });
        facts.collect()
    }
}

impl<T, F> Default for Facts<T, F> {
    fn default() -> Self {
        Facts {
            objects: Objects::default(),
            facts: Arc::default(),
        }
    }
}

impl<T, F: fmt::Debug> fmt::Debug for Facts<T, F> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_learnt_once_and_one_in_its_place_is_learnt_anew() {
        let all: Vec<Arc<u8>> = (0..8).map(Arc::new).collect();
        let mut known = Facts::default();
        let mut look = |places: &[usize]| {
            let objects: Objects<u8> = places.iter().map(|place| all[*place].clone()).collect();
            let mut learnt = Vec::new();
            let facts = known.about(&objects, |found| {
                learnt.push(*found);
                *found
            });
            assert!(facts.iter().eq(objects.iter()));
            learnt
        };
        let nothing = Vec::<u8>::new();
        assert_eq!(look(&[0, 1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(look(&[0, 1, 2, 3]), nothing);
        assert_eq!(look(&[0, 4, 2, 3]), [4]);
        assert_eq!(look(&[0, 2, 3]), nothing);
        assert_eq!(look(&[5, 0, 2, 6, 7]), [5, 6, 7]);
        assert_eq!(look(&[]), nothing);
    }
}
