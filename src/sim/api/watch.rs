//! A watch: what it has told, and what it has to tell yet.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::metadata_of;
use super::route::At;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::{Object, Selection, Store, What};

/// How often a watch that has nothing to tell says up to which version that is so.
pub const BOOKMARKS: Duration = Duration::from_secs(60);

/// How long a watch lasts that doesn't say for how long. A server takes 30 to 60 minutes at random; here it is always the same.
const LONGEST: Duration = Duration::from_secs(1800);

/// A watch.
#[derive(Clone, Debug)]
pub struct Watch {
    kind: Kind,
    within: Option<String>,
    selection: Selection,
    told: u64,
    first: Vec<String>,
    bookmarks: bool,
    /// Whether only metadata are told.
    short: bool,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Watch {
    /// Begins a watch at the version that the query names; without one it begins with what is there.
    ///
    /// # Errors
    /// 400 for selectors that aren't understood.
    pub(super) fn begin(store: &Store, at: &At, accept: &str) -> Result<Watch, Refused> {
        if !at.parameter("sendInitialEvents").is_empty() {
            return Err(Refused::not_modelled("a watch with sendInitialEvents"));
        }
        let selection = Selection::parse(at.kind, at.parameter("labelSelector"), at.parameter("fieldSelector"))?;
        let version = at.parameter("resourceVersion");
        let mut watch = Watch {
            kind: at.kind,
            within: at.namespace.clone(),
            selection,
            told: store.revision(),
            first: Vec::new(),
            bookmarks: ["true", "1"].contains(&at.parameter("allowWatchBookmarks")),
            short: accept.contains("as=PartialObjectMetadata;"),
            lasts: at
                .parameter("timeoutSeconds")
                .parse()
                .ok()
                .filter(|seconds| *seconds > 0)
                .map_or(LONGEST, Duration::from_secs),
        };
        if ["", "0"].contains(&version) {
            let there = store.all(at.kind, at.namespace.as_deref());
            let selected = there.filter(|object| watch.selection.selects(object));
            watch.first = selected.map(|object| watch.event("ADDED", object)).collect();
        } else {
            watch.told = version.parse().map_err(|_| {
                let words = "strconv.ParseUint: parsing";
                let message =
                    format!("resourceVersion: Invalid value: {version:?}: {words} {version:?}: invalid syntax");
                Refused::new(500, "", message)
            })?;
        }
        Ok(watch)
    }

    /// What has happened since the last call, a line each.
    ///
    /// # Errors
    /// The last line of a watch whose version is no longer kept.
    pub fn news(&mut self, store: &Store) -> Result<Vec<String>, String> {
        let mut news = std::mem::take(&mut self.first);
        let changes = store
            .since(self.kind, self.told)
            .map_err(|refused| json!({"type": "ERROR", "object": refused.status()}).to_string())?;
        for change in changes {
            let elsewhere = |object: &Object| {
                let within = self.within.as_deref();
                within.is_some_and(|within| *object.glance().namespace != *within)
            };
            if elsewhere(&change.object) {
                continue;
            }
            let before = change
                .before
                .as_ref()
                .is_some_and(|before| self.selection.selects(before));
            let after = change.what != What::Deleted && self.selection.selects(&change.object);
            let kind = match (before, after) {
                (false, false) => continue,
                (false, true) => "ADDED",
                (true, true) => "MODIFIED",
                (true, false) => "DELETED",
            };
            let object = match (&change.before, kind) {
                // What isn't selected any more is told as it was when it was, with the version of the change.
                (Some(before), "DELETED") if change.what != What::Deleted => {
                    let mut last = Value::clone(before);
                    last["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                    last.into()
                }
                _ => change.object.clone(),
            };
            news.push(self.event(kind, &object));
        }
        self.told = self.told.max(store.revision());
        Ok(news)
    }

    fn event(&self, kind: &str, object: &Object) -> String {
        if self.short {
            return format!(r#"{{"type":"{kind}","object":{}}}"#, metadata_of(object));
        }
        format!(r#"{{"type":"{kind}","object":{object}}}"#)
    }

    /// The line that says up to which version all is told; none where nobody asked for it.
    pub fn bookmark(&self) -> Option<String> {
        self.bookmarks.then(|| {
            let object = json!({"kind": self.kind.served().name, "apiVersion": self.kind.api_version(),
                "metadata": {"resourceVersion": self.told.to_string(), "creationTimestamp": null}});
            json!({"type": "BOOKMARK", "object": object}).to_string()
        })
    }
}
