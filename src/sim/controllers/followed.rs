//! The pods that a selector picks, followed from look to look: only those that have changed are looked into.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sim::kind::Kind;
use crate::sim::store::{Key, Object, Store};

/// The picked pods of a namespace as a controller saw them last: by their names, with what it asks of each.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Followed<T> {
    /// What picks them.
    selector: Value,
    /// The store's version at the last look.
    revision: u64,
    picked: BTreeMap<Box<str>, T>,
}

/// A picked pod: what was asked of it before, and as it is now.
pub(super) type News<'a, T> = (Option<T>, Option<&'a Object>);

impl<T> Default for Followed<T> {
    fn default() -> Self {
        Followed {
            selector: Value::Null,
            revision: 0,
            picked: BTreeMap::new(),
        }
    }
}

impl<T> Followed<T> {
    /// Looks at the pods again: what has changed of those that are picked, or were. `asks` of a pod what is to be remembered of
    /// it; nothing where it isn't picked.
    pub(super) fn follow<'a>(
        &mut self,
        store: &'a Store,
        namespace: &str,
        selector: &Value,
        asks: impl Fn(&Object) -> Option<T>,
    ) -> Vec<News<'a, T>> {
        if self.selector != *selector {
            self.selector = selector.clone();
            self.revision = 0;
            self.picked.clear();
        }
        let names: BTreeSet<Box<str>> = match store.since(Kind::Pods, self.revision) {
            Ok(changes) => {
                let seen = changes.map(|change| change.object.glance());
                let here = seen.filter(|seen| *seen.namespace == *namespace);
                here.map(|seen| seen.name.clone()).collect()
            }
            // The log has forgotten something since then: any of them may have changed.
            Err(_) => {
                let there = store.all(Kind::Pods, Some(namespace));
                let there = there.map(|pod| pod.glance().name.clone());
                there.chain(self.picked.keys().cloned()).collect()
            }
        };
        self.revision = store.revision();
        let mut news = Vec::new();
        for name in names {
            let pod = store.get(&Key::new(Kind::Pods, namespace, &name));
            let picked = pod.and_then(|pod| Some((pod, asks(pod)?)));
            let before = self.picked.remove(&name);
            if before.is_some() || picked.is_some() {
                news.push((before, picked.as_ref().map(|(pod, _)| *pod)));
            }
            if let Some((_, asked)) = picked {
                self.picked.insert(name, asked);
            }
        }
        news
    }

    /// Those that were picked at the last look, by their names.
    pub(super) fn picked(&self) -> &BTreeMap<Box<str>, T> {
        &self.picked
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::controllers::testing::{at, plane, pod_of};
    use crate::sim::plane::{Plane, by_us};
    use crate::sim::store::{Deletion, Key};

    /// What a look tells: each pod's name, and its node before and now.
    fn look(followed: &mut Followed<[String; 2]>, plane: &Plane, app: &str) -> Vec<String> {
        let asked = |pod: &Object| [&pod.glance().name, &pod.glance().node].map(|text| text.to_string());
        let news = followed.follow(&plane.store, "shop", &json!(app), |pod| {
            (pod.glance().label("app") == Some(app)).then(|| asked(pod))
        });
        let told = news.iter().map(|(before, now)| {
            let now = now.map(asked);
            let name = &before.as_ref().or(now.as_ref()).unwrap()[0];
            let node = |asked: &Option<[String; 2]>| asked.as_ref().map_or("-".to_owned(), |asked| asked[1].clone());
            format!("{name} {} {}", node(before), node(&now))
        });
        told.collect()
    }

    #[test]
    fn what_came_changed_and_went_among_the_picked_is_news_and_nothing_else() {
        let mut plane = plane();
        for (set, name) in [("db", "db-0"), ("web", "db-1"), ("db", "db-2"), ("db", "db-3")] {
            plane.store.load(Kind::Pods, pod_of(set, set, name));
        }
        let mut followed = Followed::default();
        assert_eq!(
            look(&mut followed, &plane, "db"),
            ["db-0 - n1", "db-2 - n1", "db-3 - n1"]
        );
        assert!(look(&mut followed, &plane, "db").is_empty());
        let key = |name: &str| Key::new(Kind::Pods, "shop", name);
        let now = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        plane.store.delete(&key("db-0"), &now, &by_us(at(0))).unwrap();
        for name in ["db-1", "db-2"] {
            plane.change(&key(name), at(0), |pod| pod["spec"]["nodeName"] = json!("n2"));
        }
        plane.change(&key("db-3"), at(0), |pod| {
            pod["metadata"]["labels"]["app"] = json!("web");
        });
        plane.store.load(Kind::Pods, pod_of("db", "db", "db-4"));
        assert_eq!(
            look(&mut followed, &plane, "db"),
            ["db-0 n1 -", "db-2 n1 n2", "db-3 n1 -", "db-4 - n1"]
        );
        assert_eq!(followed.picked().len(), 2);
        assert_eq!(look(&mut followed, &plane, "web"), ["db-1 - n2", "db-3 - n1"]);
    }
    #[test]
    fn what_the_log_has_forgotten_is_found_by_looking_at_all() {
        let mut plane = plane();
        for name in ["db-0", "db-1"] {
            plane.store.load(Kind::Pods, pod_of("db", "db", name));
        }
        let mut followed = Followed::default();
        assert_eq!(look(&mut followed, &plane, "db"), ["db-0 - n1", "db-1 - n1"]);
        let now = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        let first = Key::new(Kind::Pods, "shop", "db-0");
        plane.store.delete(&first, &now, &by_us(at(0))).unwrap();
        plane.store.load(Kind::Pods, pod_of("db", "db", "db-2"));
        plane.store.compact(plane.store.revision());
        assert_eq!(
            look(&mut followed, &plane, "db"),
            ["db-0 n1 -", "db-1 n1 n1", "db-2 - n1"]
        );
        assert!(look(&mut followed, &plane, "db").is_empty());
    }
}
