//! Lists, whole or in pages: every page shows what the first one's version showed.

use std::collections::BTreeMap;

use super::{Object, Selection, Store, What};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// A list, or one page of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// The objects, by namespace and name.
    pub items: Vec<Object>,
    /// The version that the whole list shows.
    pub revision: u64,
    /// What to ask for the next page with; empty on the last.
    pub next: String,
    /// How many objects the next pages hold; the server doesn't count where it selects.
    pub remaining: Option<usize>,
}

impl Store {
    /// Lists a kind in a namespace, or in all of them. `limit` 0 is no limit; `next` is a page before's.
    ///
    /// # Errors
    /// 410 where the version that the pages show is no longer kept; 400 for a token that isn't ours.
    pub fn list(
        &self,
        kind: Kind,
        within: Option<&str>,
        selection: &Selection,
        limit: usize,
        next: &str,
    ) -> Result<Page, Refused> {
        let (revision, from) = if next.is_empty() {
            (self.revision, None)
        } else {
            let (revision, from) = read_token(next)?;
            (revision, Some(from))
        };
        let then = if revision == self.revision {
            BTreeMap::new()
        } else {
            self.changed_since(kind, within, revision)?
        };
        let mut then = then.into_iter().peekable();
        let from = from.as_ref().map(|(space, called)| (space.as_str(), called.as_str()));
        let mut now = self.all_behind(kind, within, from).peekable();
        let is_after = |object: &Object| from.is_none_or(|from| from < place(object));
        let (mut items, mut left): (Vec<Object>, usize) = (Vec::new(), 0);
        let most = if limit == 0 { usize::MAX } else { limit };
        loop {
            // What has changed meanwhile is told as it was, at its place.
            let changed = match (then.peek(), now.peek()) {
                (None, None) => break,
                (Some((changed, _)), Some(object)) => (changed.0.as_str(), changed.1.as_str()) <= place(object),
                (then, _) => then.is_some(),
            };
            let object = if changed {
                let Some((changed, object)) = then.next() else { break };
                let _ = now.next_if(|object| place(object) == (changed.0.as_str(), changed.1.as_str()));
                object
            } else {
                now.next().cloned()
            };
            let Some(object) = object.filter(|object| is_after(object) && selection.selects(object)) else {
                continue;
            };
            if items.len() < most {
                items.push(object);
            } else if selection.is_everything() {
                left += 1;
            } else {
                // The server doesn't count where it selects.
                left = 1;
                break;
            }
        }
        let next = match items.last() {
            Some(last) if left > 0 => token(revision, place(last)),
            _ => String::new(),
        };
        Ok(Page {
            items,
            revision,
            next,
            remaining: (left > 0 && selection.is_everything()).then_some(left),
        })
    }

    /// What has changed since a version, by its place: as it was then, or that it wasn't there.
    fn changed_since(
        &self,
        kind: Kind,
        within: Option<&str>,
        revision: u64,
    ) -> Result<BTreeMap<(String, String), Option<Object>>, Refused> {
        let later = self.since(kind, revision).map_err(|_| {
            Refused::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                 without the continue parameter, or use the continue token in this response to retrieve the remainder of \
                 the results. Continuing with the provided token results in an inconsistent list - objects that were \
                 created, modified, or deleted between the time the first chunk was returned and now may show up in the \
                 list.",
            )
        })?;
        let concerned = |object: &Object| within.is_none_or(|within| *object.glance().namespace == *within);
        let mut changed = BTreeMap::new();
        for change in later.rev().filter(|change| concerned(&change.object)) {
            let (space, called) = place(&change.object);
            let before = change.before.clone().filter(|_| change.what != What::Added);
            changed.insert((space.to_owned(), called.to_owned()), before);
        }
        Ok(changed)
    }
}

pub(super) fn place(object: &Object) -> (&str, &str) {
    (&object.glance().namespace, &object.glance().name)
}

pub(super) fn token(revision: u64, (namespace, name): (&str, &str)) -> String {
    format!("{revision}/{namespace}/{name}")
}

pub(super) fn read_token(token: &str) -> Result<(u64, (String, String)), Refused> {
    let mut parts = token.splitn(3, '/');
    let mut part = || parts.next();
    (|| {
        let revision = part()?.parse().ok()?;
        Some((revision, (part()?.to_owned(), part()?.to_owned())))
    })()
    .ok_or_else(|| Refused::bad_request("continue key is not valid: illegal base64 data"))
}
