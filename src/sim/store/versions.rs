//! Lists of metadata alone, as they were written last: whoever looks at a thousand objects before each deletion asks for the same
//! text again, and one object of it is another.

use std::borrow::Cow;

use super::page::{Page, place, read_token, token};
use super::{Object, Selection, Store, What};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// How many lists are kept, and up to how many changes one is patched.
const KEPT: usize = 8;
const FEW: usize = 64;

/// The lists that were asked for last.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions(Vec<Written>);

/// One list, whole.
#[derive(Clone, Debug)]
struct Written {
    kind: Kind,
    within: Option<String>,
    selection: Selection,
    /// The version that it shows.
    revision: u64,
    /// Where each object stands: its namespace and name.
    places: Vec<(Box<str>, Box<str>)>,
    /// The objects, each with a comma after it.
    text: String,
    /// Where each of them ends in it, behind the comma.
    ends: Vec<usize>,
}

/// A list of metadata, or one page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionsPage<'a> {
    /// The objects, with a comma between each two.
    pub items: Cow<'a, str>,
    /// The version that the whole list shows.
    pub revision: u64,
    /// What to ask for the next page with; empty on the last.
    pub next: String,
    /// How many objects the next pages hold; the server doesn't count where it selects.
    pub remaining: Option<usize>,
}

impl Store {
    /// As [`Store::list`], of the objects' metadata alone.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn list_versions(
        &mut self,
        kind: Kind,
        within: Option<&str>,
        selection: &Selection,
        limit: usize,
        next: &str,
    ) -> Result<VersionsPage<'_>, Refused> {
        let (revision, from) = if next.is_empty() {
            (self.revision, None)
        } else {
            let (revision, from) = read_token(next)?;
            if !self.since(kind, revision).is_ok_and(|mut later| later.next().is_none()) {
                // The pages go on showing what the first one showed.
                return Ok(VersionsPage::of(&self.list(kind, within, selection, limit, next)?));
            }
            (revision, Some(from))
        };
        let lists = &mut self.versions.0;
        let is_it =
            |list: &Written| list.kind == kind && list.within.as_deref() == within && list.selection == *selection;
        let mut list = match lists.iter().position(is_it) {
            Some(place) => lists.remove(place),
            None => Written::nothing(kind, within, selection),
        };
        list.follow(self);
        let lists = &mut self.versions.0;
        if lists.len() == KEPT {
            lists.remove(0);
        }
        lists.push(list);
        let from = from.as_ref().map(|(space, name)| (space.as_str(), name.as_str()));
        let page = lists.last().map(|list| list.page(revision, limit, from));
        Ok(page.unwrap_or_default())
    }
}

impl VersionsPage<'_> {
    fn of(page: &Page) -> VersionsPage<'static> {
        let items: Vec<String> = page.items.iter().map(short).collect();
        VersionsPage {
            items: items.join(",").into(),
            revision: page.revision,
            next: page.next.clone(),
            remaining: page.remaining,
        }
    }
}

/// An object with nothing but its metadata.
fn short(object: &Object) -> String {
    let metadata = object.metadata_text();
    format!(r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{metadata}}}"#)
}

impl Written {
    fn nothing(kind: Kind, within: Option<&str>, selection: &Selection) -> Written {
        Written {
            kind,
            within: within.map(str::to_owned),
            selection: selection.clone(),
            revision: 0,
            places: Vec::new(),
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Brings it to what the store has now.
    fn follow(&mut self, store: &Store) {
        let changes = store.since(self.kind, self.revision).ok().filter(|_| self.revision > 0);
        let changes: Option<Vec<_>> = changes.map(|changes| changes.take(FEW + 1).collect());
        match changes.filter(|changes| changes.len() <= FEW) {
            Some(changes) => {
                for change in changes {
                    let (space, name) = place(&change.object);
                    if self.within.as_deref().is_some_and(|within| within != space) {
                        continue;
                    }
                    let is_there = change.what != What::Deleted && self.selection.selects(&change.object);
                    self.put((space, name), is_there.then_some(&change.object));
                }
            }
            None => {
                self.text.clear();
                self.ends.clear();
                self.places.clear();
                let all = store.all(self.kind, self.within.as_deref());
                for object in all.filter(|object| self.selection.selects(object)) {
                    let (space, name) = place(object);
                    self.places.push((space.into(), name.into()));
                    self.text.push_str(&short(object));
                    self.text.push(',');
                    self.ends.push(self.text.len());
                }
            }
        }
        self.revision = store.revision();
    }

    /// Writes what stands at a place now, if anything does.
    fn put(&mut self, (space, name): (&str, &str), object: Option<&Object>) {
        let text = object.map(|object| short(object) + ",");
        let there = self
            .places
            .binary_search_by(|(own, called)| (&**own, &**called).cmp(&(space, name)));
        let (Ok(at) | Err(at)) = there;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = there.map_or(begin, |at| self.ends[at]);
        let text = text.unwrap_or_default();
        self.text.replace_range(begin..end, &text);
        match (there, object) {
            (Ok(_), Some(_)) => {}
            (Ok(_), None) => {
                self.places.remove(at);
                self.ends.remove(at);
            }
            (Err(_), Some(_)) => {
                self.places.insert(at, (space.into(), name.into()));
                self.ends.insert(at, begin);
            }
            (Err(_), None) => return,
        }
        for place in &mut self.ends[at..] {
            *place = *place - (end - begin) + text.len();
        }
    }

    /// The objects behind a place, up to so many; all of them where there is no limit. Since the version nothing has changed.
    fn page(&self, revision: u64, limit: usize, from: Option<(&str, &str)>) -> VersionsPage<'_> {
        let first = from.map_or(0, |from| {
            self.places.partition_point(|(space, name)| (&**space, &**name) <= from)
        });
        let most = if limit == 0 { usize::MAX } else { limit };
        let behind = self.places.len().min(first.saturating_add(most));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = behind.checked_sub(1).map_or(0, |last| self.ends[last]);
        let left = self.places.len() - behind;
        let last = (left > 0).then(|| &self.places[behind - 1]);
        VersionsPage {
            items: self.text[begin..end.max(begin)].trim_end_matches(',').into(),
            revision,
            next: last.map_or_else(String::new, |(space, name)| token(revision, (space, name))),
            remaining: (left > 0 && self.selection.is_everything()).then_some(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::plane::by_us;
    use crate::sim::store::{Deletion, Key, Part};

    #[test]
    fn every_page_of_metadata_is_that_of_the_whole_list_whatever_has_changed() {
        let mut store = Store::default();
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let key = |at: usize| Key::new(Kind::Pods, ["shop", "other"][at % 2], &format!("p{}", at * 7919 % 40));
        let labelled = Selection::parse(Kind::Pods, "app=db", "").unwrap();
        for step in 0..400_usize {
            let key = key(step);
            let app = ["db", "web", "db"][step % 3];
            match store.get(&key).cloned() {
                None => {
                    let pod =
                        json!({"metadata": {"name": key.name, "namespace": key.namespace, "labels": {"app": app}}});
                    store.load(Kind::Pods, pod);
                }
                Some(_) if step % 5 == 0 => {
                    let at_once = Deletion {
                        grace: Some(0),
                        ..Deletion::default()
                    };
                    store.delete(&key, &at_once, &by_us(now)).unwrap();
                }
                Some(pod) => {
                    let mut pod = serde_json::Value::clone(&pod);
                    pod["metadata"]["labels"]["app"] = json!(app);
                    pod["metadata"]["annotations"] = json!({"step": "x".repeat(step % 9)});
                    store.update(&key, pod, Part::Whole, &by_us(now)).unwrap();
                }
            }
            if step % 4 == 3 {
                continue;
            }
            for (within, selection) in [
                (None, &Selection::default()),
                (Some("shop"), &labelled),
                (Some("none"), &labelled),
            ] {
                for limit in [0, 1, 7] {
                    let mut next = String::new();
                    loop {
                        let plain = store.list(Kind::Pods, within, selection, limit, &next).unwrap();
                        let short = store
                            .list_versions(Kind::Pods, within, selection, limit, &next)
                            .unwrap();
                        assert_eq!(short, VersionsPage::of(&plain));
                        next = plain.next;
                        if next.is_empty() {
                            break;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_page_that_comes_late_shows_what_the_first_one_showed() {
        let mut store = Store::default();
        let pod = |name: &str| json!({"metadata": {"name": name, "namespace": "shop"}});
        for name in ["a", "c"] {
            store.load(Kind::Pods, pod(name));
        }
        let everything = Selection::default();
        let first = store.list_versions(Kind::Pods, None, &everything, 1, "").unwrap();
        let (token, revision) = (first.next, first.revision);
        for (kind, name) in [(Kind::Leases, "lock"), (Kind::Pods, "b")] {
            store.load(kind, pod(name));
            let next = store.list_versions(Kind::Pods, None, &everything, 1, &token).unwrap();
            assert!(next.items.contains("\"c\"") && next.next.is_empty() && next.revision == revision);
        }
    }
}
