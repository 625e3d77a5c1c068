//! Lists, whole or in pages: every page shows what the first one's version showed.

use std::collections::BTreeMap;

use super::{Object, Selection, Store, What};
use crate::sim::json::{name, namespace};
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
        let after = |object: &&Object| {
            from.as_ref()
                .is_none_or(|(space, called)| (space.as_str(), called.as_str()) < (namespace(object), name(object)))
        };
        let wanted = |object: &&Object| after(object) && selection.selects(object);
        let mut items: Vec<Object> = if revision == self.revision {
            self.all(kind, within).filter(wanted).cloned().collect()
        } else {
            self.at(kind, within, revision)?
                .iter()
                .filter(wanted)
                .cloned()
                .collect()
        };
        let left = if limit == 0 {
            0
        } else {
            items.len().saturating_sub(limit)
        };
        items.truncate(items.len() - left);
        let next = match items.last() {
            Some(last) if left > 0 => token(revision, &place(last)),
            _ => String::new(),
        };
        Ok(Page {
            items,
            revision,
            next,
            remaining: (left > 0 && selection.is_everything()).then_some(left),
        })
    }

    /// The objects as they were at a version.
    fn at(&self, kind: Kind, within: Option<&str>, revision: u64) -> Result<Vec<Object>, Refused> {
        let later = self.since(kind, revision).map_err(|_| {
            Refused::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                 without the continue parameter, or use the continue token in this response to retrieve the remainder of \
                 the results. Continuing with the provided token results in an inconsistent list - objects that were \
                 created, modified, or deleted between the time the first chunk was returned and now may show up in the \
                 list.",
            )
        })?;
        let mut objects: BTreeMap<(String, String), Object> = self
            .all(kind, within)
            .map(|object| (place(object), object.clone()))
            .collect();
        let concerned = |object: &Object| within.is_none_or(|within| namespace(object) == within);
        for change in later.rev().filter(|change| concerned(&change.object)) {
            match (change.what, &change.before) {
                (What::Added, _) | (_, None) => objects.remove(&place(&change.object)),
                (What::Modified | What::Deleted, Some(before)) => objects.insert(place(before), before.clone()),
            };
        }
        Ok(objects.into_values().collect())
    }
}

fn place(object: &Object) -> (String, String) {
    (namespace(object).to_owned(), name(object).to_owned())
}

fn token(revision: u64, (namespace, name): &(String, String)) -> String {
    format!("{revision}/{namespace}/{name}")
}

fn read_token(token: &str) -> Result<(u64, (String, String)), Refused> {
    let mut parts = token.splitn(3, '/');
    let mut part = || parts.next();
    (|| {
        let revision = part()?.parse().ok()?;
        Some((revision, (part()?.to_owned(), part()?.to_owned())))
    })()
    .ok_or_else(|| Refused::bad_request("continue key is not valid: illegal base64 data"))
}
